"""Pauses, decay, holds, flaps, stalls and silence of one endpoint, as numbers."""

from __future__ import annotations

import pytest

from nexevo_async._messages import Safety
from nexevo_async._sansio.endpoint_state import Report, State
from nexevo_async._sansio.policy import HealthPolicy
from tests.sansio.driving import A, B, C, Driver


def test_each_ejection_out_of_probation_lasts_twice_as_long_up_to_five_minutes() -> None:
    driver = Driver()
    driver.heal(A, B)
    for longest in (5, 10, 20, 40, 80, 160, 300, 300):
        pause = driver.eject(A)
        assert longest / 2 <= pause <= longest
        driver.now += pause
        assert driver.state(A) is State.PROBATION


def test_pauses_of_several_clients_differ_so_that_they_do_not_return_together() -> None:
    pauses = set()
    for seed in range(20):
        driver = Driver(seed=seed)
        driver.heal(A, B)
        pauses.add(driver.eject(A))

    assert len(pauses) == 20


@pytest.mark.parametrize(("minutes", "longest"), [(0, 20), (1, 20), (2, 10), (3, 5), (60, 5)])
def test_a_minute_in_service_takes_one_step_back(minutes: int, longest: float) -> None:
    driver = Driver()
    driver.heal(A, B)
    for _ in range(3):  # three steps up
        driver.now += driver.eject(A)
    driver.tell(A, Report.SUCCESS, Report.SUCCESS)
    driver.now += 60.0 * minutes + (0.1 if minutes else 0.0)
    expected = {0: 40}.get(minutes, longest)

    pause = driver.eject(A)

    assert expected / 2 <= pause <= expected


def test_one_outage_ejects_once_and_grows_the_pause_once_however_many_calls_it_hits() -> None:
    driver = Driver()
    driver.heal(A, B)
    picks = [driver.pick() for _ in range(100)]
    for pick in picks:
        driver.report(pick, Report.HARD)

    pause = driver.status(A).ejected_for
    assert pause is not None
    assert pause <= 5.0
    driver.now += pause
    assert driver.eject(A) <= 10.0


def test_a_recovered_endpoint_is_a_spare_for_thirty_seconds() -> None:
    driver = Driver()
    driver.bring(A, State.HELD)
    assert driver.pick(Safety.UNSAFE).endpoint.url == B
    driver.now += 29.9
    assert driver.order() == "bca"

    driver.now += 0.2
    assert driver.order() == "abc"
    assert driver.state(A) is State.HEALTHY


def held_for(driver: Driver, url: str) -> float:
    """Eject, bring back, and count the seconds until the endpoint is healthy again."""
    driver.now += driver.eject(url)
    driver.tell(url, Report.SUCCESS, Report.SUCCESS)
    began = driver.now
    while driver.state(url) is State.HELD:
        driver.now += 0.5
    return driver.now - began


def test_the_hold_doubles_with_each_flap_up_to_five_minutes_and_is_forgotten_in_ten() -> None:
    driver = Driver()
    driver.heal(A, B)

    assert [held_for(driver, A) for _ in range(5)] == [30.0, 60.0, 120.0, 240.0, 300.0]
    driver.now += 600.0
    assert held_for(driver, A) == 30.0


def test_a_failure_on_hold_starts_the_hold_anew_and_a_success_does_not_shorten_it() -> None:
    driver = Driver()
    driver.bring(A, State.HELD)
    driver.now += 20.0
    driver.tell(A, Report.SOFT, Report.SUCCESS)
    assert driver.state(A) is State.HELD

    driver.now += 29.0
    assert driver.state(A) is State.HELD
    driver.now += 1.1
    assert driver.state(A) is State.HEALTHY


def waiting_reads(driver: Driver, count: int) -> None:
    for _ in range(count):
        assert driver.pick().endpoint.url == A


def warm(driver: Driver, latency: float) -> None:
    driver.report(driver.pick(), Report.SUCCESS, latency=latency)
    driver.heal(B)


@pytest.mark.parametrize(("latency", "limit"), [(0.02, 0.5), (0.5, 2.0), (None, 2.0)])
def test_five_reads_waiting_for_too_long_stall_an_endpoint(latency: float | None, limit: float) -> None:
    driver = Driver()
    warm(driver, latency) if latency else driver.heal(A, B)
    waiting_reads(driver, 5)
    driver.now += limit - 0.01
    assert driver.pool.stalled(driver.now) == ()

    driver.now += 0.02
    assert driver.pool.stalled(driver.now) == (A,)
    assert driver.state(A) is State.EJECTED
    assert driver.status(A).reason == "stall: calls hang without an answer"
    assert driver.pool.stalled(driver.now) == ()


@pytest.mark.parametrize(("latency", "limit"), [(0.02, 2.0), (0.5, 8.0)])
def test_five_updates_stall_an_endpoint_too_after_four_times_as_long(latency: float, limit: float) -> None:
    driver = Driver()
    warm(driver, latency)
    for _ in range(5):
        assert driver.pick(Safety.IDEMPOTENT).endpoint.url == A
    driver.now += limit - 0.01
    assert driver.pool.stalled(driver.now) == ()

    driver.now += 0.02
    assert driver.pool.stalled(driver.now) == (A,)
    assert driver.pool.waiting(A) == ()  # they may be done there yet


def test_four_waiting_reads_or_five_chats_do_not_stall() -> None:
    driver = Driver()
    warm(driver, 0.02)
    waiting_reads(driver, 4)
    for _ in range(5):
        driver.pick(Safety.BILLABLE)
    driver.now += 60.0

    assert driver.pool.stalled(driver.now) == ()


def test_a_success_meanwhile_shows_that_the_endpoint_lives() -> None:
    """For three quarters of the limit: it may have been an answer to what set out before the trouble began."""
    driver = Driver()
    warm(driver, 0.02)
    earlier = driver.pick()
    driver.now += 0.01
    waiting_reads(driver, 5)
    driver.now += 0.3
    driver.report(earlier, Report.SUCCESS)
    driver.now += 0.37
    assert driver.pool.stalled(driver.now) == ()

    driver.now += 0.01
    assert driver.pool.stalled(driver.now) == (A,)


@pytest.mark.parametrize("safety", [Safety.SAFE, Safety.BILLABLE])
def test_an_endpoint_that_hangs_is_found_half_a_second_after_its_fifth_read_or_third_chat(safety: Safety) -> None:
    """However long the last good answers take: a hundred calls a second of 70 ms each."""
    driver = Driver()
    driver.heal(B)
    for _ in range(10):
        pick = driver.pick(safety)
        driver.now += 0.07
        driver.report(pick, Report.SUCCESS, latency=0.07)
    answered = []
    for _ in range(7):
        answered.append(driver.pick(safety))
        driver.now += 0.01
    began = driver.now
    found = driver.pool.stalled if safety is Safety.SAFE else driver.pool.silenced
    while not found(driver.now):
        driver.pick(safety)
        driver.now += 0.01
        if answered:
            driver.report(answered.pop(0), Report.SUCCESS, latency=0.07)

    assert driver.now - began == pytest.approx(0.54 if safety is Safety.SAFE else 0.52, abs=0.011)


def test_the_last_endpoint_never_stalls_and_neither_does_any_while_our_own_loop_was_late() -> None:
    driver = Driver({A: 20, B: 10})
    warm(driver, 0.02)
    waiting_reads(driver, 5)
    driver.now += 1.0
    assert driver.pool.stalled(driver.now, vetoed=True) == ()
    driver.eject(B)

    assert driver.pool.stalled(driver.now) == ()


def test_the_reads_waiting_at_a_stalled_endpoint_can_be_moved() -> None:
    driver = Driver()
    warm(driver, 0.02)
    waiting_reads(driver, 5)
    chat = driver.pick(Safety.BILLABLE)
    driver.now += 1.0
    assert driver.pool.stalled(driver.now) == (A,)

    picks = driver.pool.waiting(A)
    assert len(picks) == 5
    assert chat not in picks
    for pick in picks:
        driver.pool.release(pick)
        assert driver.pick(tried=(A,)).endpoint.url == B
    assert driver.pool.waiting(A) == ()


def chats(driver: Driver, count: int, *, took: float) -> None:
    """So many chats, one after the other, each answered after so many seconds."""
    for _ in range(count):
        pick = driver.pick(Safety.BILLABLE)
        driver.now += took
        driver.report(pick, Report.SUCCESS)


def silence(driver: Driver, *, waiting: int = 3) -> None:
    """Chats to A that nobody answers, for longer than is usual."""
    chats(driver, 10, took=0.05)
    for _ in range(waiting):
        assert driver.pick(Safety.BILLABLE).endpoint.url == A
    driver.now += 0.51


@pytest.mark.parametrize(("took", "limit"), [(0.02, 0.5), (0.5, 2.0), (20.0, 30.0), (None, 30.0)])
def test_three_chats_waiting_far_longer_than_usual_make_an_endpoint_suspect(took: float | None, limit: float) -> None:
    driver = Driver()
    driver.heal(A, B)
    if took is not None:
        chats(driver, 10 if took < 1 else 3, took=took)
    for _ in range(3):
        assert driver.pick(Safety.BILLABLE).endpoint.url == A
    driver.now += limit - 0.01
    assert driver.pool.silenced(driver.now) == ()

    driver.now += 0.02
    assert driver.pool.silenced(driver.now) == (A,)
    assert driver.state(A) is State.SUSPECT
    assert driver.status(A).reason == "stall: chats wait without an answer"
    assert driver.pick(Safety.BILLABLE).endpoint.url == B
    assert driver.pool.silenced(driver.now) == ()


def test_two_waiting_chats_or_three_reads_are_no_silence() -> None:
    driver = Driver()
    driver.heal(A, B)
    waiting_reads(driver, 3)
    silence(driver, waiting=2)

    assert driver.pool.silenced(driver.now) == ()


def test_an_answered_chat_breaks_the_silence_but_an_answered_read_does_not() -> None:
    driver = Driver()
    driver.heal(A, B)
    silence(driver, waiting=4)
    driver.tell(A, Report.SUCCESS)
    assert driver.pool.silenced(driver.now) == (A,)

    driver = Driver()
    driver.heal(A, B)
    silence(driver, waiting=3)
    driver.tell(A, Report.SUCCESS, safety=Safety.BILLABLE)
    assert driver.pool.silenced(driver.now) == ()


def test_the_last_fit_endpoint_is_never_called_silent_and_nor_is_any_while_our_own_loop_was_late() -> None:
    driver = Driver({A: 20, B: 10})
    driver.heal(A, B)
    silence(driver)
    assert driver.pool.silenced(driver.now, vetoed=True) == ()
    driver.eject(B)

    assert driver.pool.silenced(driver.now) == ()


def test_silence_asks_for_one_health_check_and_a_bad_one_ejects() -> None:
    driver = Driver()
    driver.heal(A, B)
    silence(driver)
    driver.pool.silenced(driver.now)

    assert driver.pool.take_probe_wishes(driver.now) == (A,)
    assert driver.pool.take_probe_wishes(driver.now) == ()
    driver.probe(A, Report.PROBE_BAD)
    assert driver.state(A) is State.EJECTED
    assert driver.status(A).reason.startswith("stall")


def test_after_a_good_health_check_one_chat_at_a_time_tests_a_silent_endpoint() -> None:
    driver = Driver()
    driver.heal(A, B)
    silence(driver)
    driver.pool.silenced(driver.now)
    driver.now += 1.0
    assert driver.pick(Safety.BILLABLE).endpoint.url == B

    driver.probe(A, Report.PROBE_GOOD)
    assert (driver.state(A), driver.status(A).degraded) == (State.SUSPECT, True)
    test = driver.pick(Safety.BILLABLE)
    assert test.endpoint.url == A
    driver.now += 10.0
    assert driver.pick(Safety.BILLABLE).endpoint.url == B

    driver.report(test, Report.SUCCESS)
    assert driver.state(A) is State.HEALTHY


def test_the_late_answer_of_a_silent_chat_shows_that_the_model_was_just_slow() -> None:
    driver = Driver()
    driver.heal(A, B)
    chats(driver, 10, took=0.05)
    slow = [driver.pick(Safety.BILLABLE) for _ in range(3)]
    driver.now += 0.6
    assert driver.pool.silenced(driver.now) == (A,)

    driver.now += 5.0
    driver.report(slow[0], Report.SUCCESS)

    assert driver.state(A) is State.HEALTHY


def test_suspicion_that_no_call_clears_asks_for_a_health_check_once() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    driver.tell(B, Report.SOFT)
    pause = driver.eject(A)
    assert driver.pool.take_probe_wishes(driver.now) == ()
    driver.now += 1.5
    pause -= 1.5
    assert driver.pool.take_probe_wishes(driver.now) == (B,)
    assert driver.pool.take_probe_wishes(driver.now) == ()

    assert driver.pool.next_wish(driver.now) == pytest.approx(pause)
    driver.now += pause
    assert driver.pool.take_probe_wishes(driver.now) == ()  # reachability is found out by connecting


def test_two_hard_strikes_can_be_asked_for() -> None:
    driver = Driver(policy=HealthPolicy(hard_strikes=2))
    driver.heal(A, B)

    driver.tell(A, Report.HARD)
    assert driver.state(A) is State.SUSPECT
    driver.tell(A, Report.HARD)
    assert driver.state(A) is State.EJECTED


def test_an_ejection_for_failing_calls_asks_for_a_health_check_when_it_is_half_over_or_five_seconds_old() -> None:
    """A second check asks for a probation that no call tests: only chats come, which may not."""
    driver = Driver()
    driver.heal(A, B)
    driver.tell(A, Report.SOFT, Report.SOFT, Report.SOFT)
    pause = driver.status(A).ejected_for
    assert pause is not None
    driver.pool.take_probe_wishes(driver.now)
    assert driver.pool.next_wish(driver.now) == pytest.approx(pause)  # the first pause is shorter than 5 s
    driver.now += pause
    assert driver.state(A) is State.PROBATION

    assert driver.pool.take_probe_wishes(driver.now) == ()
    driver.now += 1.01
    assert driver.pool.take_probe_wishes(driver.now) == (A,)
    driver.probe(A, Report.PROBE_GOOD)
    assert driver.pick(Safety.BILLABLE).endpoint.url == A


def test_a_probation_that_a_read_is_testing_asks_for_no_health_check() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.tell(A, Report.SOFT, Report.SOFT, Report.SOFT)
    driver.now += 5.0
    assert driver.pick(Safety.SAFE).endpoint.url == A

    driver.now += 2.0
    assert driver.pool.take_probe_wishes(driver.now) == ()


def test_a_suspect_endpoint_whose_check_was_bad_is_checked_again_after_eight_seconds() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.tell(A, Report.SOFT)
    driver.now += 1.5
    assert driver.pool.take_probe_wishes(driver.now) == (A,)
    driver.probe(A, Report.PROBE_BAD)

    assert driver.pool.next_wish(driver.now) == 8.0
    driver.now += 8.0
    assert driver.pool.take_probe_wishes(driver.now) == (A,)


@pytest.mark.parametrize("safety", [Safety.SAFE, Safety.BILLABLE])
def test_a_test_of_a_probation_that_hangs_is_a_failure_and_makes_room_for_the_next_one(safety: Safety) -> None:
    driver = Driver()
    driver.heal(A, B)
    chats(driver, 10, took=0.05)
    warm(driver, 0.02)
    driver.now += driver.eject(A)
    driver.probe(A, Report.RECONNECTED)
    test = driver.pick(safety)
    assert (test.endpoint.url, test.probation) == (A, True)
    driver.now += 0.49
    found = driver.pool.stalled if safety is Safety.SAFE else driver.pool.silenced
    assert found(driver.now) == ()

    driver.now += 0.02
    assert found(driver.now) == (A,)
    assert driver.state(A) is State.EJECTED


def test_the_chat_that_tests_a_silent_endpoint_ejects_it_if_it_hangs_too() -> None:
    driver = Driver()
    driver.heal(A, B)
    silence(driver)
    driver.pool.silenced(driver.now)
    driver.probe(A, Report.PROBE_GOOD)
    driver.now += 1.0
    assert driver.pick(Safety.BILLABLE).endpoint.url == A
    driver.now += 0.49
    assert driver.pool.silenced(driver.now) == ()

    driver.now += 0.02
    assert driver.pool.silenced(driver.now) == (A,)
    assert driver.state(A) is State.EJECTED


def test_reads_that_were_lost_while_later_ones_are_answered_do_not_stall_an_endpoint() -> None:
    driver = Driver()
    warm(driver, 0.02)
    waiting_reads(driver, 10)
    for _ in range(20):
        driver.now += 0.1
        driver.tell(A, Report.SUCCESS)
    driver.now += 10.0

    assert driver.pool.stalled(driver.now) == ()
