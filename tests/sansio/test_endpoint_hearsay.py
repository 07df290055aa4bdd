"""What other processes of the machine say about endpoints: weak evidence, and never a reason to trust or to eject."""

from __future__ import annotations

import pytest

from nexevo_async._sansio.endpoint_state import Report, State
from nexevo_async.models.endpoints import Endpoint
from tests.sansio.driving import A, B, C, Driver


def hear(driver: Driver, url: str, *, good: bool, ago: float = 0.0, flaps: int = 0) -> None:
    driver.pool.hear(url, good=good, at=driver.now - ago, now=driver.now, flaps=flaps)


def test_an_unknown_endpoint_becomes_healthy_or_suspect() -> None:
    driver = Driver()
    hear(driver, A, good=True)
    hear(driver, B, good=False)
    hear(driver, "https://gone.example", good=True)

    assert driver.states() == "healthy suspect unknown"
    assert driver.status(B).last_error == "another process of this machine found it unwell"


def test_one_that_answers_real_calls_is_not_doubted() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.now += 29.0
    hear(driver, A, good=False)
    assert driver.state(A) is State.HEALTHY

    driver.now += 2.0
    hear(driver, A, good=False)
    assert driver.state(A) is State.SUSPECT


def test_what_is_older_than_our_own_experience_is_ignored() -> None:
    driver = Driver()
    driver.now += 100.0
    driver.probe(A, Report.PROBE_GOOD)
    hear(driver, A, good=False, ago=1.0)

    assert driver.state(A) is State.HEALTHY


def test_the_last_fit_one_is_never_doubted() -> None:
    driver = Driver()
    for url in (A, B, C):
        hear(driver, url, good=False)

    assert sorted(driver.states().split()) == ["suspect", "suspect", "unknown"]
    assert not driver.pool.in_panic(driver.now)


@pytest.mark.parametrize("good", [True, False])
def test_a_new_host_is_not_proven_by_what_others_say(good: bool) -> None:
    driver = Driver({A: 0})
    driver.pool.replace([Endpoint(B, 9, source="discovered")], now=driver.now)
    hear(driver, B, good=good)

    assert driver.pool.unproven == (B,)
    assert driver.state(B) is State.UNKNOWN
    assert driver.pick().endpoint.url == A


def test_an_ejected_one_comes_to_probation_at_half_its_time_as_after_a_check_of_our_own() -> None:
    driver = Driver()
    pause = driver.eject(A)
    driver.now += pause / 2 - 0.01
    hear(driver, A, good=True)
    assert driver.state(A) is State.EJECTED

    driver.now += 0.02
    hear(driver, A, good=True)
    assert driver.state(A) is State.PROBATION


def test_a_suspect_one_recovers_when_our_own_failure_is_long_ago() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.tell(A, Report.SOFT)
    driver.now += 1.0
    hear(driver, A, good=True)
    assert driver.state(A) is State.SUSPECT

    driver.now += 30.0
    hear(driver, A, good=True)
    assert driver.state(A) is State.HEALTHY


def test_one_that_flaps_elsewhere_is_held_for_longer_here() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.now += 60.0
    hear(driver, A, good=False, flaps=3)
    pause = driver.eject(A)  # the fourth time, if you will
    driver.now += pause
    driver.tell(A, Report.SUCCESS, Report.SUCCESS)
    assert driver.state(A) is State.HELD

    driver.now += 239.0
    assert driver.state(A) is State.HELD
    driver.now += 2.0
    assert driver.state(A) is State.HEALTHY


def test_our_own_ejections_are_there_to_be_told() -> None:
    driver = Driver()
    pause = driver.eject(A)

    assert driver.pool.bans(driver.now) == {A: (driver.now, driver.now + pause, 1)}
    assert driver.pool.bans(driver.now + pause) == {}


def test_discovered_endpoints_can_be_retired_and_configured_ones_cannot() -> None:
    driver = Driver({A: 0})
    driver.pool.replace([Endpoint(B, 9, source="discovered")], now=driver.now)
    driver.probe(B, Report.PROBE_GOOD)
    running = driver.pick()
    assert running.endpoint.url == B
    driver.pool.retire([A, B, "https://gone.example"], now=driver.now)

    assert driver.states() == "unknown draining"
    driver.report(running, Report.SUCCESS)
    assert driver.order() == "a"


def test_a_host_that_failed_its_proof_is_asked_again_when_it_is_listed_again() -> None:
    driver = Driver({A: 0})
    listed = [Endpoint(B, 9, source="discovered")]
    driver.pool.replace(listed, now=driver.now)
    assert driver.pool.take_probe_wishes(driver.now) == (B,)
    driver.probe(B, Report.PROBE_BAD)
    assert driver.pool.take_probe_wishes(driver.now) == ()

    driver.pool.replace(listed, now=driver.now)
    assert driver.pool.take_probe_wishes(driver.now) == (B,)
