"""The order among endpoints."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nexevo_async._messages import Safety
from nexevo_async._sansio.endpoint_state import Report, State
from nexevo_async.models.endpoints import Endpoint
from tests.sansio.driving import A, B, C, D, Driver


def sample(driver: Driver, url: str, latency: float) -> None:
    """Enough reads to make this the average latency."""
    for _ in range(60):
        driver.report(driver.pick(only=url), Report.SUCCESS, latency=latency)
    driver.now += 1.0  # latencies are compared once a second


def test_priority_is_strict_whatever_the_latency() -> None:
    driver = Driver()
    sample(driver, A, 3.0)
    sample(driver, B, 0.01)

    assert driver.order() == "abc"


def test_unknown_ones_stand_behind_healthy_ones_of_their_priority_only() -> None:
    driver = Driver({A: 1, B: 1, C: 0})
    driver.heal(B, C)

    assert driver.order() == "bac"


@pytest.mark.parametrize(
    ("state", "order"),
    [
        (State.UNKNOWN, "abcd"),
        (State.HEALTHY, "abcd"),
        (State.HELD, "bcda"),
        (State.PROBATION, "bcda"),
        (State.SUSPECT, "bcda"),
        (State.EJECTED, "bcda"),
    ],
)
def test_trust_comes_before_priority(state: State, order: str) -> None:
    driver = Driver({A: 40, B: 30, C: 20, D: 10})
    driver.bring(A, state)

    assert driver.order() == order


def test_held_stands_before_probation_before_suspect_before_ejected() -> None:
    driver = Driver({A: 10, B: 20, C: 30, D: 40})
    driver.heal(A, B, C, D)
    driver.eject(A)
    driver.eject(B)
    driver.now += 5.0
    driver.tell(A, Report.SUCCESS, Report.SUCCESS)
    driver.tell(C, Report.SOFT)
    driver.eject(D)

    assert driver.states() == "held probation suspect ejected"
    assert driver.order() == "abcd"


def test_ejected_ones_stand_in_order_of_expiry() -> None:
    driver = Driver()
    driver.heal(A, B, C)
    pauses = {url: driver.eject(url) for url in (B, A)}

    assert driver.order() == "c" + "".join(sorted("ab", key=lambda letter: pauses[f"https://{letter}.example"]))


@pytest.mark.parametrize(
    ("other", "first"),
    [
        (0.113, "tie"),  # within 15 ms of 0.1
        (0.119, "tie"),  # within 20 % of 0.1
        (0.125, "quick"),
    ],
)
def test_latency_decides_among_equals_only_if_the_difference_is_worth_it(other: float, first: str) -> None:
    firsts = set()
    for seed in range(20):
        driver = Driver({A: 0, B: 0}, seed=seed)
        sample(driver, A, other)
        sample(driver, B, 0.1)
        firsts.add(driver.order()[0])

    assert firsts == ({"a", "b"} if first == "tie" else {"b"})


def test_unknown_latency_is_neither_best_nor_worst() -> None:
    driver = Driver({A: 0, B: 0, C: 0})
    driver.heal(C)
    sample(driver, A, 1.0)
    sample(driver, B, 0.1)

    assert driver.order() == "bca"


def test_chat_does_not_count_as_latency() -> None:
    driver = Driver()
    driver.report(driver.pick(Safety.BILLABLE), Report.SUCCESS, latency=20.0)
    assert driver.status(A).latency is None

    driver.report(driver.pick(Safety.SAFE), Report.SUCCESS, latency=0.2)
    driver.probe(A, Report.PROBE_GOOD, latency=0.1)
    assert driver.status(A).latency == pytest.approx(0.18)


def test_equals_are_shuffled_per_client_and_stay_in_place() -> None:
    orders = set()
    for seed in range(30):
        driver = Driver({A: 0, B: 0, C: 0}, seed=seed)
        driver.heal(A, B, C)
        before = driver.order()
        driver.now += 100.0
        assert driver.order() == before
        orders.add(before)

    assert len(orders) == 6


def test_a_status_tells_what_is_known() -> None:
    driver = Driver()
    driver.report(driver.pick(), Report.SUCCESS, latency=0.25)
    driver.now += 10.0
    driver.report(driver.pick(), Report.HARD, detail="connection refused")

    status = driver.status(A)

    assert (status.url, status.priority, status.state, status.source) == (A, 30, "ejected", "configured")
    assert status.latency == 0.25
    assert status.last_checked == datetime.fromtimestamp(1010.0, UTC)
    assert (status.last_error, status.reason) == ("connection refused", "connect: connection refused")
    assert status.ejected_for is not None
    assert 2.5 <= status.ejected_for <= 5.0


def test_unproven_hosts_stand_behind_ejected_ones() -> None:
    driver = Driver({A: 0})
    driver.pool.replace([Endpoint(B, 100)], now=driver.now)
    driver.tell(A, Report.SOFT)

    assert driver.order() == "ab"
