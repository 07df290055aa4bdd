"""The list of endpoints: discovery, changes, distrust, throttling, and what a reader sees."""

from __future__ import annotations

import random

import pytest

from nexevo_async._messages import Safety
from nexevo_async._sansio.endpoint_pool import EndpointPool
from nexevo_async._sansio.endpoint_state import Report, State
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async.models.endpoints import Endpoint
from tests.sansio.driving import A, B, C, D, Driver


def listed(*urls: str, priority: int = 5) -> list[Endpoint]:
    return [Endpoint(url, priority, source="discovered") for url in urls]


def test_a_pool_without_endpoints_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one endpoint"):
        EndpointPool([], policy=HealthPolicy(), rng=random.Random(1), now=0.0)


def test_a_url_that_comes_twice_counts_once() -> None:
    endpoints = [Endpoint("https://a.example/v1", 3), Endpoint("https://a.example", 9)]

    pool = EndpointPool(endpoints, policy=HealthPolicy(), rng=random.Random(1), now=0.0)

    assert pool.endpoints == (Endpoint(A, 3),)


def test_a_discovered_host_gets_no_call_before_a_health_check_succeeds() -> None:
    driver = Driver({A: 0})
    driver.pool.replace(listed(B, priority=100), now=driver.now)
    assert (len(driver.pool), driver.order()) == (1, "ab")
    assert driver.pool.take_probe_wishes(driver.now) == (B,)
    driver.tell(A, Report.HARD)
    assert {driver.pick(tried=(A,)).endpoint.url for _ in range(4)} == {A}
    assert driver.pool.pick(now=driver.now, safety=Safety.SAFE, only=B) is None

    driver.probe(B, Report.PROBE_BAD)
    driver.probe(B, Report.PROBE_UNKNOWN)
    assert driver.pick().endpoint.url == A

    driver.probe(B, Report.PROBE_GOOD)
    assert driver.pick().endpoint.url == B
    assert len(driver.pool) == 2


def test_a_discovered_host_leaves_after_two_lists_without_it() -> None:
    driver = Driver({A: 0})
    driver.pool.replace(listed(B, C), now=driver.now)
    driver.pool.replace(listed(B), now=driver.now)
    assert driver.order() in ("abc", "acb")

    driver.pool.replace(listed(B), now=driver.now)
    assert driver.order() == "ab"


def test_one_list_in_between_starts_the_count_anew() -> None:
    driver = Driver({A: 0})
    for urls in ((B, C), (B,), (B, C), (B,)):
        driver.pool.replace(listed(*urls), now=driver.now)

    assert sorted(driver.order()) == ["a", "b", "c"]


def test_an_empty_list_is_no_order_to_forget_everything() -> None:
    driver = Driver({A: 0})
    driver.pool.replace(listed(B), now=driver.now)
    for _ in range(5):
        driver.pool.replace([], now=driver.now)

    assert driver.order() == "ab"


def test_configured_endpoints_never_leave() -> None:
    driver = Driver({A: 2, B: 1})
    for _ in range(5):
        driver.pool.replace(listed(C), now=driver.now)

    assert driver.order() == "abc"


def test_a_draining_endpoint_finishes_its_calls_and_then_leaves() -> None:
    driver = Driver({A: 0})
    driver.pool.replace(listed(B, C, priority=9), now=driver.now)
    driver.probe(B, Report.PROBE_GOOD)
    calls = [driver.pick(only=B), driver.pick(only=B)]
    for _ in range(2):
        driver.pool.replace(listed(C), now=driver.now)
    assert driver.state(B) is State.DRAINING
    assert driver.pick().endpoint.url == A
    assert driver.pool.begin_probe(B, now=driver.now) is None

    driver.report(calls[0], Report.SUCCESS)
    assert "b" in driver.order()
    driver.pool.release(calls[1])
    assert driver.order() == "ac"
    assert driver.pool.pick(now=driver.now, safety=Safety.KEYED, only=B) is None
    assert driver.pool.waiting(B) == ()


def test_a_draining_endpoint_that_is_listed_again_stays() -> None:
    driver = Driver({A: 0})
    driver.pool.replace(listed(B, C, priority=9), now=driver.now)
    driver.probe(B, Report.PROBE_GOOD)
    call = driver.pick(only=B)
    for _ in range(2):
        driver.pool.replace(listed(C), now=driver.now)
    driver.pool.replace(listed(B, C, priority=9), now=driver.now)
    driver.report(call, Report.SUCCESS)

    assert driver.state(B) is State.UNKNOWN
    assert driver.pick().endpoint.url == B


def test_a_probe_that_outlives_its_endpoint_does_no_harm() -> None:
    driver = Driver({A: 0})
    driver.pool.replace(listed(B, C), now=driver.now)
    probe = driver.pool.begin_probe(B, now=driver.now)
    assert probe is not None
    for _ in range(2):
        driver.pool.replace(listed(C), now=driver.now)
    changes = len(driver.pool.take_changes())
    assert changes

    driver.report(probe, Report.PROBE_GOOD)

    assert "b" not in driver.order()
    assert driver.pool.take_changes() == []


def test_a_probe_of_an_endpoint_that_left_says_nothing_about_the_one_that_came_back() -> None:
    driver = Driver({A: 0})
    driver.pool.replace(listed(B, C), now=driver.now)
    probe = driver.pool.begin_probe(B, now=driver.now)
    assert probe is not None
    for urls in ((C,), (C,), (B, C)):
        driver.pool.replace(listed(*urls), now=driver.now)

    driver.report(probe, Report.PROBE_GOOD)

    assert "b" in driver.order()
    assert driver.pick().endpoint.url == A


def test_the_listed_priority_is_taken_where_the_user_gave_none() -> None:
    driver = Driver({A: 7, B: 0})
    driver.pool.replace([Endpoint(A, 1), Endpoint(B, 50), Endpoint(C, 3)], now=driver.now)
    driver.pool.replace([Endpoint(A, 1), Endpoint(B, 60), Endpoint(C, 4)], now=driver.now)

    assert {endpoint.url: endpoint.priority for endpoint in driver.pool.order(driver.now)} == {A: 7, B: 60, C: 4}
    assert [driver.status(url).source for url in (A, B, C)] == ["configured", "configured", "discovered"]


def test_each_change_is_told_once_and_the_version_grows_with_it() -> None:
    driver = Driver({A: 2, B: 1})
    joined = driver.pool.take_changes()
    assert [(change.url, change.before, change.after) for change in joined] == [
        (A, None, State.UNKNOWN),
        (B, None, State.UNKNOWN),
    ]
    version = driver.pool.version

    driver.tell(A, Report.SUCCESS, Report.SUCCESS, Report.SUCCESS)
    driver.now += 3.0
    driver.tell(A, Report.HARD)

    assert [(c.before, c.after, c.reason, c.at) for c in driver.pool.take_changes()] == [
        (State.UNKNOWN, State.HEALTHY, "success", 1000.0),
        (State.HEALTHY, State.EJECTED, "connect: hard", 1003.0),
    ]
    assert driver.pool.version == version + 2
    assert driver.pool.take_changes() == []


def test_changes_that_nobody_takes_do_not_pile_up() -> None:
    driver = Driver()
    driver.heal(A, B)
    for _ in range(3000):
        driver.tell(A, Report.SOFT, Report.SUCCESS)

    assert len(driver.pool.take_changes()) == 1000


def test_after_a_clock_gap_everything_is_unknown_but_bans_and_levels_are_kept() -> None:
    driver = Driver({A: 40, B: 30, C: 20, D: 10})
    driver.heal(A, B, C, D)
    driver.tell(B, Report.SOFT)
    pause = driver.eject(C)
    driver.report(driver.pick(), Report.SUCCESS, latency=0.1)

    driver.pool.distrust(driver.now)

    assert driver.states() == "unknown unknown ejected unknown"
    assert driver.status(C).ejected_for == pytest.approx(pause)
    assert driver.status(A).latency is None


def test_what_was_in_flight_before_a_clock_gap_says_nothing_after_it() -> None:
    driver = Driver()
    driver.heal(A, B)
    failing, succeeding = driver.pick(), driver.pick()
    driver.pool.distrust(driver.now)

    driver.report(failing, Report.HARD)
    assert driver.state(A) is State.UNKNOWN
    driver.report(succeeding, Report.SUCCESS)
    assert driver.state(A) is State.UNKNOWN


def test_a_fork_forgets_the_attempts_of_its_parent() -> None:
    driver = Driver()
    driver.heal(A, B)
    picks = [driver.pick() for _ in range(5)]
    driver.pool.distrust(driver.now, forked=True)

    assert driver.pool.waiting(A) == ()
    driver.pool.release(picks[0])
    assert driver.pick().endpoint.url == A


def test_a_hold_survives_a_clock_gap() -> None:
    driver = Driver()
    driver.bring(A, State.HELD)
    driver.pool.distrust(driver.now)
    driver.tell(A, Report.SUCCESS)

    assert driver.state(A) is State.HELD


def test_throttling_is_per_endpoint_and_credential_and_no_opinion_about_health() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.pool.throttle(A, "key-1", driver.now + 12.0)
    driver.pool.throttle(A, "key-1", driver.now + 5.0)

    assert driver.pool.throttled_for(A, "key-1", now=driver.now) == 12.0
    assert driver.pool.throttled_for(A, "key-2", now=driver.now) == 0.0
    assert driver.pool.throttled_for(B, "key-1", now=driver.now) == 0.0
    assert driver.pool.throttled_for(A, "key-1", now=driver.now + 12.0) == 0.0
    assert driver.order() == "abc"


def test_discovery_is_wanted_in_panic_and_when_an_endpoint_is_out_for_a_minute() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    driver.eject(A)
    driver.probe(A, Report.RECONNECT_FAILED)
    driver.now += 59.9
    assert not driver.pool.discovery_wanted(driver.now)
    driver.now += 0.1
    assert driver.pool.discovery_wanted(driver.now)

    other = Driver({A: 0})
    assert not other.pool.discovery_wanted(other.now)
    other.tell(A, Report.SOFT)
    assert other.pool.discovery_wanted(other.now)


def test_recent_reads_give_the_percentile_for_hedges() -> None:
    driver = Driver()
    assert driver.pool.read_latency(0.95, now=driver.now) is None
    for milliseconds in range(1, 101):
        driver.report(driver.pick(), Report.SUCCESS, latency=milliseconds / 1000)

    assert driver.pool.read_latency(0.95, now=driver.now) == 0.095


def test_real_successes_are_known_by_moment() -> None:
    driver = Driver()
    driver.tell(A, Report.SUCCESS)
    driver.now += 10.0
    driver.tell(B, Report.SUCCESS)
    driver.probe(C, Report.PROBE_GOOD)

    assert driver.pool.succeeded_since(1000.0) == (A, B)
    assert driver.pool.succeeded_since(1005.0) == (B,)
