"""Choosing and reporting: order of choice, late reports, probation slots, trials."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nexevo_async._messages import Safety
from nexevo_async._sansio.endpoint_pool import Pick, Report, State
from nexevo_async._sansio.policy import HealthPolicy
from tests.sansio.driving import A, B, C, Driver

# -- choosing


def test_the_best_endpoint_takes_every_call() -> None:
    driver = Driver()

    assert [driver.pick(safety).endpoint.url for safety in Safety] == [A] * 5


def test_an_endpoint_tried_in_this_call_is_last() -> None:
    driver = Driver()
    driver.heal(A, B, C)

    assert driver.pick(tried=(A,)).endpoint.url == B
    assert driver.pick(tried=(A, B)).endpoint.url == C
    assert driver.pick(tried=(A, B, C)).endpoint.url == A


def test_a_suspect_endpoint_is_chosen_before_one_that_was_tried() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    driver.tell(C, Report.SOFT)

    assert driver.pick(tried=(A, B)).endpoint.url == C


def test_a_tried_endpoint_that_is_fit_is_chosen_before_an_ejected_one() -> None:
    driver = Driver({A: 20, B: 10})
    driver.heal(A, B)
    driver.eject(B)

    pick = driver.pick(tried=(A,))

    assert (pick.endpoint.url, pick.panic) == (A, False)
    assert not driver.pool.elsewhere((A,), now=driver.now)


@pytest.mark.parametrize(
    ("safety", "cause", "chosen"),
    [
        (Safety.SAFE, Report.HARD, C),
        (Safety.IDEMPOTENT, Report.HARD, C),
        (Safety.SAFE, Report.STALL, C),
        (Safety.BILLABLE, Report.HARD, C),
        (Safety.BILLABLE, Report.STALL, A),
        (Safety.UNSAFE, Report.HARD, C),
    ],
)
def test_a_call_that_two_endpoints_have_failed_tries_an_ejected_third_one(
    safety: Safety, cause: Report, chosen: str
) -> None:
    driver = Driver()
    driver.heal(A, B, C)
    driver.tell(C, cause)
    assert driver.state(C) is State.EJECTED

    pick = driver.pick(safety, tried=(A, B))

    assert (pick.endpoint.url, pick.panic) == (chosen, chosen == C)


@pytest.mark.parametrize(("share", "chosen"), [(0.2, A), (0.6, C)])
def test_one_that_hung_is_tried_for_what_may_not_be_repeated_only_after_half_its_pause(
    share: float, chosen: str
) -> None:
    driver = Driver()
    driver.heal(A, B, C)
    driver.tell(C, Report.STALL)
    driver.now += share * driver.policy.eject_base

    assert driver.pick(Safety.BILLABLE, tried=(A, B)).endpoint.url == chosen


@pytest.mark.parametrize(("left", "chosen"), [(3, A), (2, B), (1, B)])
def test_a_call_with_no_more_attempts_than_endpoints_left_tries_each_of_them(left: int, chosen: str) -> None:
    driver = Driver()
    driver.heal(A, B, C)
    driver.eject(B)
    driver.eject(C)
    pick = driver.pool.pick(now=driver.now, safety=Safety.SAFE, tried=(A,), left=left)
    assert pick is not None
    assert pick.endpoint.url == chosen


def test_one_that_hung_is_the_very_last_hope() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    driver.tell(B, Report.STALL)
    driver.eject(C)
    assert driver.pick(tried=(A, A)).endpoint.url == C


def test_a_read_that_waits_is_asked_at_an_ejected_endpoint_if_there_is_no_other() -> None:
    driver = Driver({A: 20, B: 10})
    driver.heal(A, B)
    driver.eject(B)
    pool, now = driver.pool, driver.now

    second = pool.pick(now=now, safety=Safety.SAFE, tried=(A,), left=0)
    repeated = pool.pick(now=now, safety=Safety.SAFE, tried=(A,))

    assert second is not None
    assert repeated is not None
    assert (second.endpoint.url, repeated.endpoint.url) == (B, A)


def test_such_a_read_does_not_wait_for_whoever_tests_the_third_one() -> None:
    driver = Driver()
    driver.bring(C, State.PROBATION)
    assert driver.pick(only=C).probation

    pick = driver.pick(tried=(A, B))

    assert (pick.endpoint.url, pick.panic, pick.probation) == (C, True, False)


def test_no_more_reads_than_in_panic_try_an_ejected_endpoint_and_the_others_wait_for_them() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    driver.eject(C)
    picks = [driver.pool.pick(now=driver.now, safety=Safety.SAFE, tried=(A, B)) for _ in range(10)]
    assert [pick.endpoint.url if pick else None for pick in picks] == [C] * driver.policy.panic_inflight + [None] * 6


def test_in_panic_a_call_waits_for_an_endpoint_that_it_has_not_tried_instead_of_trying_the_same_again() -> None:
    driver = Driver({A: 20, B: 10})
    driver.heal(A, B)
    driver.eject(B)
    driver.eject(A)
    for _ in range(driver.policy.panic_inflight):
        assert driver.pick(tried=(A,)).endpoint.url == B
    assert driver.pool.pick(now=driver.now, safety=Safety.SAFE, tried=(A,)) is None
    assert driver.pick().endpoint.url == A


def test_elsewhere_says_whether_the_next_pick_will_be_another_one() -> None:
    driver = Driver({A: 20, B: 10})

    assert driver.pool.elsewhere((A,), now=driver.now)
    assert not driver.pool.elsewhere((A, B), now=driver.now)
    driver.tell(A, Report.HARD)
    driver.tell(B, Report.SOFT)
    assert driver.pool.elsewhere((B,), now=driver.now)  # panic: the ejected one is worth a try


def test_a_pick_knows_whether_it_is_the_last_usable_one_and_gets_more_time_to_connect() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    assert [driver.pick(tried=tried).last for tried in ((), (A,), (A, B), (A, B, C))] == [False, False, True, True]
    assert driver.pool.connect_timeout(driver.pick()) == 1.0

    driver.eject(B)
    driver.eject(C)
    assert driver.pool.connect_timeout(driver.pick()) == 5.0


@pytest.mark.parametrize("state", [State.UNKNOWN, State.SUSPECT, State.EJECTED, State.PROBATION, State.HELD])
def test_a_call_that_may_not_go_elsewhere_does_not(state: State) -> None:
    driver = Driver()
    driver.bring(A, state)

    pick = driver.pick(Safety.KEYED, only=A)

    assert pick.endpoint.url == A
    assert pick.panic is (state in (State.EJECTED, State.PROBATION))


def test_an_endpoint_that_has_left_cannot_be_insisted_on() -> None:
    driver = Driver()

    assert driver.pool.pick(now=driver.now, safety=Safety.KEYED, only="https://gone.example") is None


# -- late reports


@pytest.mark.parametrize("late", [Report.HARD, Report.SOFT, Report.SUCCESS, Report.PROBE_GOOD, Report.PROBE_BAD])
@pytest.mark.parametrize("state", [State.EJECTED, State.PROBATION, State.HELD])
def test_what_set_out_before_an_ejection_changes_nothing_after_it(late: Report, state: State) -> None:
    """The four pairings: a late failure or success, while the endpoint is out or back again."""
    driver = Driver()
    driver.heal(A, B, C)
    calls = [driver.pick() for _ in range(10)]
    driver.bring(A, state)
    before = driver.status(A)
    version = driver.pool.version

    for pick in calls:
        driver.report(pick, late, detail="late", latency=9.0)

    assert driver.status(A) == before
    assert driver.pool.version == version


def test_a_late_failure_of_a_panic_attempt_does_not_end_the_probation_that_followed() -> None:
    driver = Driver({A: 20, B: 10})
    driver.heal(A, B)
    driver.tell(B, Report.SOFT, Report.SOFT, Report.SOFT)
    pause = driver.eject(A)
    late = driver.pick(only=A)
    assert late.panic
    driver.now += pause
    assert driver.state(A) is State.PROBATION

    driver.report(late, Report.HARD)

    assert driver.state(A) is State.PROBATION


def test_a_pick_counts_once_however_often_it_is_reported() -> None:
    driver = Driver()
    driver.heal(A, B)
    pick = driver.pick()
    for _ in range(5):
        driver.report(pick, Report.SOFT)
        driver.pool.release(pick)

    assert driver.state(A) is State.SUSPECT


def test_a_vetoed_report_is_no_evidence() -> None:
    driver = Driver()
    driver.heal(A, B)
    for _ in range(10):
        driver.report(driver.pick(), Report.HARD, vetoed=True)

    assert driver.state(A) is State.HEALTHY


# -- probation


def test_one_attempt_at_a_time_tests_an_endpoint_however_many_are_waiting() -> None:
    driver = Driver()
    driver.bring(A, State.PROBATION)

    picks = [driver.pick() for _ in range(1000)]

    assert [pick.endpoint.url for pick in picks].count(A) == 1
    assert picks[0].probation


@pytest.mark.parametrize(
    ("safety", "allowed"),
    [
        (Safety.SAFE, True),
        (Safety.IDEMPOTENT, True),
        (Safety.BILLABLE, True),  # it could not be reached: then a failure costs nothing
        (Safety.KEYED, False),
        (Safety.UNSAFE, False),
    ],
)
def test_only_repeatable_calls_test_an_endpoint(safety: Safety, allowed: bool) -> None:
    driver = Driver()
    driver.bring(A, State.PROBATION)

    assert (driver.pick(safety).endpoint.url == A) is allowed


def test_chat_tests_an_endpoint_that_failed_calls_only_after_a_good_probe() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.tell(A, Report.SOFT, Report.SOFT, Report.SOFT)
    driver.now += 5.0
    assert driver.pick(Safety.BILLABLE).endpoint.url == B

    driver.probe(A, Report.PROBE_GOOD)
    assert driver.pick(Safety.BILLABLE).endpoint.url == A


@pytest.mark.parametrize(
    "give_back",
    [
        lambda driver, pick: driver.pool.release(pick),
        lambda driver, pick: driver.report(pick, Report.NONE),
        lambda driver, pick: driver.report(pick, Report.ANSWERED),
        lambda driver, pick: driver.report(pick, Report.SUCCESS),
        lambda driver, pick: driver.report(pick, Report.PROBE_UNKNOWN),
        lambda driver, pick: driver.report(pick, Report.SOFT, vetoed=True),
    ],
)
def test_the_slot_is_given_back_however_the_attempt_ends(give_back: Callable[[Driver, Pick], None]) -> None:
    driver = Driver()
    driver.bring(A, State.PROBATION)
    for _ in range(2):
        pick = driver.pick()
        assert (pick.endpoint.url, pick.probation) == (A, True)
        assert driver.pick().endpoint.url == B
        give_back(driver, pick)


def test_a_probe_takes_the_slot_too() -> None:
    driver = Driver()
    driver.bring(A, State.PROBATION)
    probe = driver.pool.begin_probe(A, now=driver.now)
    assert probe is not None
    assert driver.pick().endpoint.url == B
    assert driver.pool.begin_probe(A, now=driver.now) is None

    driver.report(probe, Report.PROBE_UNKNOWN)
    assert driver.pick().endpoint.url == A


def test_a_hung_attempt_of_an_earlier_probation_does_not_block_the_next() -> None:
    driver = Driver()
    driver.bring(A, State.PROBATION)
    hung = driver.pick()
    driver.pool.distrust(driver.now)
    assert driver.pick().endpoint.url == A
    driver.report(hung, Report.SOFT)
    assert driver.state(A) is State.PROBATION


def test_a_spare_on_probation_is_not_tested_with_calls_that_a_better_one_can_take() -> None:
    driver = Driver()
    driver.bring(C, State.PROBATION)

    assert {driver.pick().endpoint.url for _ in range(50)} == {A}
    assert driver.pick(tried=(A,)).endpoint.url == B
    assert driver.pick(tried=(A, B)).probation
    assert not driver.pick(tried=(A, B)).probation


# -- trials: how a suspect or held endpoint earns its way back


def test_a_suspect_endpoint_gets_one_repeatable_call_a_second() -> None:
    driver = Driver()
    driver.bring(A, State.SUSPECT)
    assert driver.pick().endpoint.url == B
    driver.now += 1.0
    assert driver.pick(Safety.UNSAFE).endpoint.url == B
    assert driver.pick(Safety.BILLABLE).endpoint.url == B
    trial = driver.pick()
    assert (trial.endpoint.url, trial.probation) == (A, True)
    driver.now += 5.0
    assert driver.pick().endpoint.url == B

    driver.report(trial, Report.SUCCESS)
    assert driver.pick().endpoint.url == A


def test_a_failed_trial_counts_and_the_next_waits_a_second() -> None:
    driver = Driver()
    driver.bring(A, State.SUSPECT)
    for state in (State.SUSPECT, State.EJECTED):
        driver.now += 1.0
        driver.report(driver.pick(), Report.SOFT)
        assert driver.state(A) is state
        assert driver.pick().endpoint.url == B


def test_a_held_endpoint_is_tried_every_five_seconds_and_ejected_if_that_fails() -> None:
    driver = Driver()
    driver.bring(A, State.HELD)
    assert driver.pick().endpoint.url == B
    driver.now += 5.0
    driver.report(driver.pick(Safety.BILLABLE), Report.SUCCESS)
    assert driver.state(A) is State.HELD
    assert driver.pick().endpoint.url == B

    driver.now += 5.0
    driver.report(driver.pick(), Report.HARD)
    assert driver.state(A) is State.EJECTED


def test_a_repeat_within_a_call_is_not_spent_on_a_trial() -> None:
    driver = Driver()
    driver.bring(A, State.SUSPECT)
    driver.now += 1.0

    assert driver.pick(tried=(B,)).endpoint.url == C


# -- the policy


def test_policies_are_taken_at_their_word() -> None:
    driver = Driver(policy=HealthPolicy(soft_strikes=1, eject_base=60.0, probation_successes=1, failback_hold=0.0))
    driver.heal(A, B)
    driver.tell(A, Report.SOFT)
    assert 30.0 <= (driver.status(A).ejected_for or 0.0) <= 60.0
    driver.now += 60.0
    driver.tell(A, Report.SUCCESS)

    assert driver.state(A) is State.HEALTHY


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ("aaaaaa", "h" * 6),  # one changed field of the service is not a broken host
        ("abab", "hsse"),
        ("a.b.", "hhhh"),  # an answer in between that can be read clears it
    ],
)
def test_answers_that_cannot_be_read_count_once_two_kinds_of_request_have_met_them(shapes: str, expected: str) -> None:
    driver = Driver()
    driver.heal(A, B)
    seen = ""
    for shape in shapes:
        pick = driver.pick(only=A)
        driver.report(pick, Report.SUCCESS)
        if shape != ".":
            driver.pool.broke_off(pick, now=driver.now, detail="unread", report=Report.SERVER_ERROR, shape=shape)
        seen += driver.state(A).value[0]
    assert seen == expected


def test_an_answer_that_breaks_off_after_it_was_accepted_is_a_failure_after_all() -> None:
    driver = Driver()
    driver.heal(A, B)
    seen = []
    for _ in range(3):
        pick = driver.pick(Safety.BILLABLE, only=A)
        driver.report(pick, Report.SUCCESS)
        driver.pool.broke_off(pick, now=driver.now, detail="answer broke off")
        seen.append(driver.state(A))
    assert seen == [State.SUSPECT, State.SUSPECT, State.EJECTED]

    driver.now += 5.0
    driver.pool.broke_off(pick, now=driver.now, detail="answer broke off")
    assert driver.state(A) is State.PROBATION  # it began before the ejection
