"""What each report does in each state, and the counting in between."""

from __future__ import annotations

import pytest

from nexevo_async._messages import Safety
from nexevo_async._sansio.endpoint_state import Report, State
from tests.sansio.driving import A, B, C, Driver

U, H, S, E, P, K = (
    State.UNKNOWN,
    State.HEALTHY,
    State.SUSPECT,
    State.EJECTED,
    State.PROBATION,
    State.HELD,
)

#: Rows: reports. Columns: the state before. The other two endpoints are healthy. Where A was ejected, it was because it
#: could not be reached, and its time is almost over; where it had a success, that was just now.
EXPECTED: dict[Report, tuple[State, State, State, State, State, State]] = {
    #                       unknown healthy suspect ejected probation held
    Report.SUCCESS: (H, H, H, P, P, K),
    Report.HARD: (E, E, E, E, E, E),
    Report.SOFT: (S, S, S, E, E, S),
    Report.WARN: (S, S, S, E, E, S),
    Report.SERVER_ERROR: (U, H, S, E, E, K),
    Report.OUTDONE: (U, H, S, E, E, K),
    Report.STALL: (E, E, E, E, E, E),
    Report.SLOW: (U, H, S, E, E, K),
    Report.QUIET: (S, S, E, E, E, S),
    Report.PROBE_GOOD: (H, H, S, P, P, K),
    Report.PROBE_BAD: (E, S, S, E, E, S),
    Report.PROBE_UNKNOWN: (U, H, S, E, P, K),
    Report.HEARD_GOOD: (H, H, S, P, P, K),
    Report.HEARD_BAD: (S, H, S, E, P, K),
    Report.RECONNECTED: (U, H, S, P, P, K),
    Report.RECONNECT_FAILED: (U, H, S, E, P, K),
    Report.ANSWERED: (U, H, S, P, P, K),
    Report.NONE: (U, H, S, E, P, K),
}
PROBES = {
    Report.PROBE_GOOD,
    Report.PROBE_BAD,
    Report.PROBE_UNKNOWN,
    Report.HEARD_GOOD,
    Report.HEARD_BAD,
    Report.RECONNECTED,
    Report.RECONNECT_FAILED,
}


def test_the_expectations_are_total() -> None:
    assert set(EXPECTED) == set(Report)


@pytest.mark.parametrize("report", Report)
@pytest.mark.parametrize(("column", "before"), list(enumerate((U, H, S, E, P, K))))
def test_a_report_in_a_state_leads_to(report: Report, column: int, before: State) -> None:
    driver = Driver()
    driver.bring(A, before)

    driver.probe(A, report) if report in PROBES else driver.tell(A, report)

    assert driver.state(A) is EXPECTED[report][column]


def test_three_soft_failures_in_a_row_eject_and_two_do_not() -> None:
    driver = Driver()
    driver.heal(A, B)

    driver.tell(A, Report.SOFT, Report.WARN)
    assert driver.state(A) is State.SUSPECT
    driver.tell(A, Report.SOFT)
    assert driver.state(A) is State.EJECTED
    assert driver.status(A).reason == "soft: soft"


def test_a_success_in_between_starts_the_count_anew() -> None:
    driver = Driver()
    driver.heal(A, B)

    driver.tell(A, Report.SOFT, Report.SOFT, Report.SUCCESS, Report.SOFT, Report.SOFT)

    assert driver.state(A) is State.SUSPECT


def test_half_of_ten_calls_failing_eject_without_three_in_a_row() -> None:
    driver = Driver()
    driver.heal(A, B)  # one success of A
    for _ in range(4):
        driver.tell(A, Report.SOFT, Report.SUCCESS)
    assert driver.state(A) is State.HEALTHY  # 4 of 9

    driver.tell(A, Report.SOFT)

    assert driver.state(A) is State.EJECTED  # 5 of 10


def test_failures_before_an_ejection_do_not_count_after_it() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.tell(A, *[Report.SOFT, Report.SUCCESS] * 4, Report.SOFT)
    assert driver.state(A) is State.EJECTED
    driver.now += 5.0
    driver.tell(A, Report.SUCCESS, Report.SUCCESS, Report.SOFT)

    assert driver.state(A) is State.SUSPECT


def test_one_broken_model_does_not_eject_a_host_however_often_it_fails() -> None:
    driver = Driver()
    driver.heal(A, B)
    for _ in range(50):
        driver.report(driver.pick(Safety.BILLABLE), Report.SERVER_ERROR, shape="broken-model")
        driver.report(driver.pick(Safety.BILLABLE), Report.SUCCESS, shape="good-model")

    assert driver.state(A) is State.HEALTHY


def test_two_shapes_meeting_500_count_as_soft_failures() -> None:
    driver = Driver()
    driver.heal(A, B)
    for shape in ("one", "two", "one", "two"):
        pick = driver.pick(only=A)
        driver.report(pick, Report.SERVER_ERROR, shape=shape, detail="HTTP 500")

    assert driver.state(A) is State.EJECTED
    assert driver.status(A).last_error == "HTTP 500"


def test_a_500_is_forgotten_after_half_a_minute() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.report(driver.pick(), Report.SERVER_ERROR, shape="one")
    driver.now += 30.1
    driver.report(driver.pick(), Report.SERVER_ERROR, shape="two")

    assert driver.state(A) is State.HEALTHY


def test_the_last_endpoint_that_carries_calls_is_suspect_but_not_ejected() -> None:
    driver = Driver({A: 20, B: 10})
    driver.heal(A, B)
    driver.tell(B, Report.SOFT, Report.SOFT, Report.SOFT)
    assert driver.state(B) is State.EJECTED

    driver.tell(A, *[Report.SOFT] * 10, Report.STALL)
    driver.probe(A, Report.PROBE_BAD)

    assert driver.state(A) is State.SUSPECT


def test_a_bad_probe_ejects_only_when_no_call_has_just_succeeded() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.now += 29.9
    driver.probe(A, Report.PROBE_BAD)
    assert driver.state(A) is State.SUSPECT

    driver.heal(A)
    driver.now += 30.0
    driver.probe(A, Report.PROBE_BAD, detail="answered 'sick'")

    assert driver.state(A) is State.EJECTED
    assert driver.status(A).reason == "probe: answered 'sick'"


def test_a_good_probe_clears_suspicion_only_when_no_call_has_just_failed() -> None:
    driver = Driver()
    driver.bring(A, State.SUSPECT)
    driver.now += 29.9
    driver.probe(A, Report.PROBE_GOOD)
    assert driver.state(A) is State.SUSPECT

    driver.now += 0.2
    driver.probe(A, Report.PROBE_GOOD)
    assert driver.state(A) is State.HEALTHY


def test_a_good_probe_ends_a_soft_ejection_only_after_half_the_time() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.tell(A, Report.SOFT, Report.SOFT, Report.SOFT)
    pause = driver.status(A).ejected_for
    assert pause is not None
    driver.now += pause / 2 - 0.01
    driver.probe(A, Report.PROBE_GOOD)
    assert driver.state(A) is State.EJECTED

    driver.now += 0.02
    driver.probe(A, Report.PROBE_GOOD)
    assert driver.state(A) is State.PROBATION


def test_good_probes_do_not_end_a_probation_that_failing_calls_brought_about() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.tell(A, Report.SOFT, Report.SOFT, Report.SOFT)
    driver.now += 5.0
    for _ in range(5):
        driver.probe(A, Report.PROBE_GOOD)
    assert driver.state(A) is State.PROBATION

    driver.tell(A, Report.SUCCESS, Report.SUCCESS)
    assert driver.state(A) is State.HELD


def test_two_good_probes_end_a_probation_of_an_endpoint_that_could_not_be_reached() -> None:
    driver = Driver()
    driver.bring(A, State.PROBATION)

    driver.probe(A, Report.PROBE_GOOD)
    driver.probe(A, Report.PROBE_GOOD)

    assert driver.state(A) is State.HELD


def test_one_success_is_enough_when_no_other_endpoint_is_fit() -> None:
    driver = Driver({A: 20, B: 10})
    driver.bring(A, State.PROBATION)
    driver.tell(B, Report.SOFT)

    driver.tell(A, Report.SUCCESS)

    assert driver.state(A) is State.HEALTHY


def test_a_watched_connection_keeps_calls_away_until_it_works() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.eject(A)
    driver.probe(A, Report.RECONNECT_FAILED)
    driver.now += 71.9
    assert driver.state(A) is State.EJECTED

    driver.probe(A, Report.RECONNECTED)
    assert driver.state(A) is State.PROBATION


def test_nobody_watching_any_more_lets_the_time_run_out() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.eject(A)
    driver.probe(A, Report.RECONNECT_FAILED)
    driver.now += 72.1

    assert driver.state(A) is State.PROBATION


def test_a_connection_says_nothing_about_an_endpoint_that_failed_calls() -> None:
    driver = Driver()
    driver.heal(A, B)
    driver.tell(A, Report.SOFT, Report.SOFT, Report.SOFT)

    driver.probe(A, Report.RECONNECTED)

    assert driver.state(A) is State.EJECTED


def test_a_slow_endpoint_stands_last_among_equals_for_a_minute() -> None:
    driver = Driver({A: 1, B: 1, C: 0})
    driver.heal(A, B, C)
    first = driver.pool.order(driver.now)[0].url

    driver.tell(first, Report.SLOW)
    assert driver.pool.order(driver.now)[1].url == first
    assert driver.status(first).degraded

    driver.now += 60.0
    assert driver.pool.order(driver.now)[0].url == first
    assert not driver.status(first).degraded


def test_secrets_in_a_failure_are_hidden_and_long_ones_cut() -> None:
    driver = Driver()
    driver.report(driver.pick(), Report.SOFT, detail="bad answer for Bearer sk-xc-abcdef123456 " + "x" * 500)

    shown = driver.status(A).last_error or ""

    assert "abcdef" not in shown
    assert shown.startswith("bad answer for")
    assert len(shown) == 200
