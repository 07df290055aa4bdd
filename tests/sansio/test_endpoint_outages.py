"""Panic, faults of our own, and whole outages as numbers. The clock is a number; nothing here sleeps."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from nexevo_async._messages import Safety
from nexevo_async._sansio.budget import Budget
from nexevo_async._sansio.endpoint_pool import Report, State
from nexevo_async._sansio.probing import ReconnectSchedule
from tests.sansio.driving import A, B, C, Driver

# -- panic


def all_out(driver: Driver) -> None:
    """A and B ejected for failing calls, C (the last) because it could not be reached."""
    driver.heal(A, B, C)
    driver.tell(A, Report.SOFT, Report.SOFT, Report.SOFT)
    driver.tell(B, Report.SOFT, Report.SOFT, Report.SOFT)
    driver.eject(C)
    assert driver.states() == "ejected ejected ejected"
    assert driver.pool.in_panic(driver.now)


def test_in_panic_every_endpoint_takes_four_calls_and_the_rest_wait() -> None:
    driver = Driver()
    all_out(driver)

    picks = [driver.pick(Safety.UNSAFE) for _ in range(12)]

    assert all(pick.panic and pick.last for pick in picks)
    assert sorted(pick.endpoint.url for pick in picks) == [A] * 4 + [B] * 4 + [C] * 4
    assert driver.pool.pick(now=driver.now, safety=Safety.SAFE) is None
    driver.pool.release(picks[5])
    assert driver.pick().endpoint.url == picks[5].endpoint.url


def test_in_panic_the_one_due_first_is_tried_first_and_a_failure_goes_to_the_back() -> None:
    driver = Driver()
    all_out(driver)
    due = [url.url for url in driver.pool.order(driver.now)]

    tried = []
    for _ in range(7):
        pick = driver.pick()
        tried.append(pick.endpoint.url)
        driver.now += 0.01
        driver.report(pick, Report.SOFT)

    assert tried == [*due, *due, due[0]]


def test_in_panic_a_call_tries_another_endpoint_first_if_it_may_try_a_second() -> None:
    driver = Driver()
    all_out(driver)
    first = driver.pick().endpoint.url

    assert driver.pick(tried=(first,)).endpoint.url != first


def test_in_panic_an_endpoint_that_can_be_reached_again_comes_first() -> None:
    driver = Driver()
    all_out(driver)
    for _ in range(7):
        driver.report(driver.pick(), Report.SOFT)
        driver.now += 0.01
    driver.report(driver.pick(only=C), Report.SOFT)
    driver.probe(C, Report.RECONNECTED)

    assert driver.pick().endpoint.url == C


def test_failures_in_panic_do_not_lengthen_the_pauses() -> None:
    driver = Driver()
    all_out(driver)
    before = [driver.status(url).ejected_for for url in (A, B, C)]
    for _ in range(30):
        driver.report(driver.pick(), Report.HARD)

    assert [driver.status(url).ejected_for for url in (A, B, C)] == before


@pytest.mark.parametrize("url", [A, B, C])
def test_one_success_ends_the_panic_for_everybody(url: str) -> None:
    driver = Driver()
    all_out(driver)

    driver.tell(url, Report.SUCCESS)

    assert driver.state(url) is State.HEALTHY
    assert not driver.pool.in_panic(driver.now)
    assert {driver.pick(Safety.UNSAFE).endpoint.url for _ in range(100)} == {url}


def test_a_single_endpoint_is_never_refused() -> None:
    driver = Driver({A: 0})
    for report in (Report.HARD, Report.SOFT, Report.SOFT, Report.SOFT, Report.STALL, Report.PROBE_BAD, Report.HARD):
        driver.tell(A, report)
        picks = [driver.pick(Safety.UNSAFE) for _ in range(100)]
        assert {pick.endpoint.url for pick in picks} == {A}


# -- our own fault


def refuse_all(driver: Driver, pause: float = 0.01) -> None:
    for url in (A, B, C):
        driver.now += pause
        driver.tell(url, Report.HARD)


def test_when_every_endpoint_becomes_unreachable_at_once_nothing_is_counted() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    for _ in range(20):
        refuse_all(driver)
    assert driver.pool.local_fault
    assert driver.states() == "suspect suspect suspect"
    assert "our own network" in driver.status(A).reason

    driver.tell(B, Report.SUCCESS)
    assert not driver.pool.local_fault
    driver.now += driver.eject(A)
    assert driver.now <= 1010.0  # as after a first ejection
    driver.tell(A, Report.SUCCESS, Report.SUCCESS)
    driver.now += 30.1
    assert driver.state(A) is State.HEALTHY  # and no flap is remembered


def test_health_checks_that_fail_during_the_fault_are_not_counted_either() -> None:
    """The network is down for an hour, and the regular checks go on."""
    driver = Driver()
    driver.heal(A, B, C)
    refuse_all(driver)
    for _ in range(12):
        driver.now += 300.0
        for url in (A, B, C):
            driver.probe(url, Report.PROBE_BAD)

    assert driver.states() == "suspect suspect suspect"
    driver.tell(B, Report.SUCCESS)
    driver.probe(A, Report.PROBE_BAD)
    assert driver.states() == "ejected healthy suspect"


def test_after_the_fault_the_others_are_asked_for_their_health_and_stragglers_do_not_count() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    stragglers = [driver.pick() for _ in range(5)]
    refuse_all(driver)
    driver.tell(B, Report.SUCCESS)

    for pick in stragglers:
        driver.report(pick, Report.HARD)

    assert driver.states() == "suspect healthy suspect"
    assert driver.pool.take_probe_wishes(driver.now) == (A, C)


def test_the_fault_must_hit_all_of_them_within_five_seconds() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    refuse_all(driver, pause=2.6)

    assert not driver.pool.local_fault
    assert driver.state(C) is State.EJECTED


def test_a_success_in_between_means_that_the_fault_is_not_ours() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    driver.tell(A, Report.HARD)
    driver.now += 0.1
    driver.tell(B, Report.SUCCESS, Report.HARD)
    driver.tell(C, Report.HARD)

    assert not driver.pool.local_fault
    assert driver.states() == "ejected ejected ejected"


def test_an_ejection_from_before_the_fault_stands() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    driver.tell(A, Report.SOFT, Report.SOFT, Report.SOFT)
    driver.now += 1.0
    refuse_all(driver)

    assert driver.states() == "ejected suspect suspect"


@pytest.mark.parametrize("sign", [Report.RECONNECTED, Report.PROBE_GOOD])
def test_a_connection_ends_the_fault_and_the_endpoint_is_fit_again(sign: Report) -> None:
    driver = Driver()
    driver.heal(A, B, C)
    refuse_all(driver)
    assert set(driver.pool.connect_checks(driver.now)) == {A, B, C}

    driver.probe(B, sign)

    assert not driver.pool.local_fault
    assert driver.pick(Safety.UNSAFE).endpoint.url == B


def test_a_4xx_answer_shows_that_the_network_is_back() -> None:
    driver = Driver({A: 0})
    driver.tell(A, Report.HARD)
    assert driver.pool.local_fault

    driver.tell(A, Report.ANSWERED)

    assert not driver.pool.local_fault
    assert not driver.pick().panic


def test_connections_are_tried_only_where_connecting_failed_and_calls_came_lately() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    driver.eject(A)
    driver.tell(B, Report.SOFT, Report.SOFT, Report.SOFT)
    assert driver.pool.connect_checks(driver.now) == (A,)
    driver.probe(A, Report.RECONNECT_FAILED)

    assert driver.pool.connect_checks(driver.now + 60.0) == (A,)
    assert driver.pool.connect_checks(driver.now + 60.1) == ()


# -- whole outages, as numbers


def live(
    driver: Driver, world: Callable[[str, float], Report], *, seconds: float, rate: int, safety: Safety
) -> tuple[str, int]:
    """Run calls, bare connections and edge probes; the first places, one letter per change, and the failed attempts."""
    watch = ReconnectSchedule(policy=driver.policy, rng=random.Random(5))
    firsts, failed, began = driver.order()[0], 0, driver.now
    for step in range(int(seconds * rate)):
        driver.now = began + step / rate
        lost = driver.call(world, safety)
        assert lost >= 0
        failed += lost
        if step % rate == 0:
            for url in watch.due(driver.pool.connect_checks(driver.now), driver.now):
                reached = world(url, driver.now) is not Report.HARD
                driver.probe(url, Report.RECONNECTED if reached else Report.RECONNECT_FAILED)
            for url in driver.pool.take_probe_wishes(driver.now):
                driver.probe(url, Report.PROBE_BAD if world(url, driver.now) is Report.HARD else Report.PROBE_GOOD)
        if driver.order()[0] != firsts[-1]:
            firsts += driver.order()[0]
    return firsts, failed


@pytest.mark.parametrize("safety", [Safety.SAFE, Safety.BILLABLE])
@pytest.mark.parametrize(("kind", "attempts"), [(Report.HARD, 1), (Report.SOFT, 3)])
def test_an_outage_of_five_seconds_costs_few_attempts_and_no_call(kind: Report, attempts: int, safety: Safety) -> None:
    """Refused: the first attempt only. Failing: the three strikes."""
    driver = Driver()
    began = driver.now

    def world(url: str, now: float) -> Report:
        return kind if url == A and 10.0 <= now - began < 15.0 else Report.SUCCESS

    assert live(driver, world, seconds=60.0, rate=50, safety=safety) == ("aba", attempts)
    changes = {change.after: change.at - began for change in driver.pool.take_changes() if change.url == A}
    assert 15.0 < changes[State.HELD] < 25.0  # a spare again within twice the outage
    assert changes[State.HEALTHY] == pytest.approx(changes[State.HELD] + 30.0, abs=0.1)


@pytest.mark.parametrize("kind", [Report.SOFT, Report.WARN, Report.SERVER_ERROR])
def test_the_answers_to_calls_under_way_when_an_outage_begins_do_not_call_it_off(kind: Report) -> None:
    """A hundred calls a second that take 70 ms, and failures that come at once: seven good answers follow the first."""
    driver = Driver()
    driver.heal(A, B)
    under_way = [driver.pick() for _ in range(7)]
    failed = 0
    for number, earlier in enumerate(under_way):
        driver.now += 0.01
        pick = driver.pick()
        failed += pick.endpoint.url == A
        driver.report(pick, kind if pick.endpoint.url == A else Report.SUCCESS, shape=str(number))
        driver.report(earlier, Report.SUCCESS)

    assert driver.state(A) is State.SUSPECT
    assert failed == (2 if kind is Report.SERVER_ERROR else 1)  # a 500 counts once a second kind of request meets one
    driver.tell(A, Report.SUCCESS)
    assert driver.state(A) is State.HEALTHY


def test_with_no_other_endpoint_fit_any_good_answer_clears_a_failure() -> None:
    driver = Driver({A: 10})
    driver.heal(A)
    earlier = driver.pick()
    driver.now += 0.01
    driver.tell(A, Report.SOFT)
    driver.report(earlier, Report.SUCCESS)

    assert driver.state(A) is State.HEALTHY


@pytest.mark.parametrize("kind", [Report.HARD, Report.SOFT])
def test_an_endpoint_that_toggles_every_ten_seconds_loses_the_first_place_once(kind: Report) -> None:
    driver = Driver()
    began = driver.now

    def world(url: str, now: float) -> Report:
        return kind if url == A and int((now - began) / 10.0) % 2 else Report.SUCCESS

    firsts, failed = live(driver, world, seconds=600.0, rate=10, safety=Safety.SAFE)

    assert firsts == "ab"
    assert failed <= 40  # of 3,000 attempts that would have failed without the pool


@pytest.mark.parametrize("back", [A, B, C])
@pytest.mark.parametrize(
    "kinds",
    [
        (Report.HARD,) * 3,
        (Report.SOFT,) * 3,
        (Report.HARD, Report.SOFT, Report.SOFT),
        (Report.HARD, Report.HARD, Report.SOFT),
    ],
)
def test_all_down_costs_little_and_whichever_returns_first_is_found_at_once(
    kinds: tuple[Report, ...], back: str
) -> None:
    """At most 1.2 attempts per call, and a success within a second of the repair, at 100 calls a second."""
    driver = Driver()
    driver.heal(A, B, C)
    budget = Budget(ratio=0.2, cap=20.0, per_second=1.0, now=driver.now)
    began, attempts, calls, found = driver.now, 0, 0, None
    for step in range(700):
        driver.now = began + step / 100
        repaired = step >= 500
        budget.earn()
        tried: tuple[str, ...] = ()
        while len(tried) < 3:
            pick = driver.pick(tried=tried)
            if tried and not budget.spend(driver.now, cost=2.0 if pick.panic else 1.0):
                driver.pool.release(pick)
                break
            up = repaired and pick.endpoint.url == back
            attempts += not repaired
            driver.report(pick, Report.SUCCESS if up else kinds[(A, B, C).index(pick.endpoint.url)])
            if up:
                found = found or step
                break
            tried = (*tried, pick.endpoint.url)
        calls += not repaired
    assert attempts / calls <= 1.2
    assert found is not None
    assert found < 510


def test_a_machine_that_sleeps_for_an_hour_wakes_with_its_bans_and_one_failover() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    pause = driver.eject(B)
    driver.pool.distrust(driver.now)  # the monotonic clock stood still meanwhile

    assert driver.status(B).ejected_for == pytest.approx(pause)
    assert driver.call(lambda url, _: Report.SOFT if url == A else Report.SUCCESS) == 1


def test_an_upstream_that_fails_at_one_endpoint_only_call_after_call_ejects_it() -> None:
    """A single call that does better elsewhere proves nothing: upstreams fail now and then."""
    driver = Driver()
    driver.heal(A, B)
    for number in range(3):
        assert driver.state(A) is State.HEALTHY, number
        blaming = driver.pick()
        assert blaming.endpoint.url == A
        driver.pool.release(blaming)
        driver.report(driver.pick(tried=(A,)), Report.SUCCESS)
        driver.pool.outdone([blaming], now=driver.now)

    assert driver.state(A) is State.EJECTED
    assert driver.status(A).reason == "outdone: another endpoint answered what this one could not"


def test_an_upstream_that_fails_now_and_then_changes_nothing() -> None:
    driver = Driver()
    driver.heal(A, B)
    for _ in range(20):
        blaming = driver.pick()
        driver.pool.release(blaming)
        driver.report(driver.pick(tried=(A,)), Report.SUCCESS)
        driver.pool.outdone([blaming], now=driver.now)
        driver.tell(A, Report.SUCCESS)

    assert driver.state(A) is State.HEALTHY
