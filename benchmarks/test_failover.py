"""What the failover benchmark makes of samples and a journal: expected values spelled out, no network."""

from __future__ import annotations

from benchmarks.failover import virtual
from benchmarks.failover.figures import Arrival, Run, Sample, percentile
from benchmarks.failover.goals import Goal, Line, Measured, as_table, lines, rows_of, shown
from benchmarks.table import as_markdown


def arrival(at: float, base: int, *, status: int | None = 200, fault: str | None = None, digest: str = "x") -> Arrival:
    return Arrival(at, base, "chat.completions.create", status, fault, digest, True)


def run(samples: list[Sample], journal: list[Arrival], *, kind: str = "reset") -> Run:
    """Broken from 10 to 15, loaded until 30."""
    return Run("chat", kind, 10.0, 15.0, 30.0, samples, journal)


def test_a_repeat_of_what_was_turned_away_is_no_duplicate() -> None:
    found = run(
        [],
        [
            arrival(10.0, 0, status=None, fault="reset", digest="a"),
            arrival(10.1, 1, digest="a"),
            arrival(10.2, 0, status=503, digest="b"),
            arrival(10.3, 1, digest="b"),
        ],
    )
    assert (found.duplicates, found.reached) == (1, 1)


def test_what_was_in_flight_at_the_instant_of_the_break_is_counted_and_bounds_the_duplicates() -> None:
    """Begun before it and not yet ended: not those that ended just in time, or began just after it."""
    samples = [Sample(9.5, 0.4, None), *(Sample(9.9, 0.2, None) for _ in range(2)), Sample(10.01, 0.2, None)]
    journal = [arrival(10.0, 0, digest=f"{n}") for n in (1, 2, 3)] + [arrival(10.1, 1, digest=f"{n}") for n in (1, 2)]
    found = run(samples, journal)
    assert (found.in_flight, found.duplicates) == (2, 2)
    measured = {"nexevo": Measured(runs={("chat", "reset"): found})}
    line = next(line for line in lines(measured, 100.0) if "arrived twice" in line.goal.text)
    assert (line.reached("nexevo"), line.to_json()["bound"]) == (True, {"nexevo": 2})

    found.journal.append(arrival(10.1, 1, digest="3"))
    line = next(line for line in lines(measured, 100.0) if "arrived twice" in line.goal.text)
    assert line.reached("nexevo") is False


def test_a_base_is_left_at_the_last_hit_before_half_a_second_without_one() -> None:
    found = run([], [arrival(9.9, 0), arrival(10.1, 0), arrival(10.4, 0), arrival(11.0, 0)])
    assert found.left_after == 10.4 - 10.0
    assert found.left_after_hits == 2


def test_a_base_that_gets_nothing_is_left_at_once() -> None:
    assert run([], [arrival(9.9, 0), arrival(20.0, 0)]).left_after == 0.0


def test_it_is_back_with_its_first_good_answer_and_first_again_with_most_of_a_second() -> None:
    journal = [arrival(15.5, 0, status=503), arrival(17.0, 0), *(arrival(20.0 + n / 20, 0) for n in range(100))]
    found = run([], sorted(journal, key=lambda one: one.at))
    assert found.returned_after == 2.0
    assert found.first_again_after is not None
    assert 4.5 <= found.first_again_after <= 5.0


def test_latencies_are_those_of_calls_begun_during_the_fault_that_succeeded() -> None:
    samples = [Sample(9.0, 0.1, None), Sample(11.0, 0.4, None), Sample(12.0, 9.0, "TimeoutError")]
    found = run(samples, [])
    assert (found.failed, found.errors) == (1, {"TimeoutError": 1})
    assert found.added(0.5) == 0.4 - 0.1


def test_the_first_answer_after_the_repair_counts_whenever_its_call_began() -> None:
    assert run([Sample(14.0, 1.25, None), Sample(16.0, 0.1, None)], []).success_after_repair == 0.25


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([], 0.5) is None


def test_a_goal_that_nobody_was_measured_against_is_left_out() -> None:
    assert lines({"nexevo": Measured()}, 100.0) == []


def test_the_table_says_which_goals_were_reached() -> None:
    goal, bounds = Goal("G0", "something", 0.05, lambda measured: None, "ms"), {"nexevo": 0.05, "other": 0.05}
    found = [Line(goal, {"nexevo": 0.04, "other": None}, bounds), Line(goal, {"nexevo": 0.06}, bounds)]
    rows = rows_of(found, ["nexevo", "other"])
    assert rows[1] == ["G0", "something", "50 ms", "40 ms", "-", "yes"]
    assert rows[2][-1] == "NO"
    assert as_table(rows).count("\n") == 3
    assert as_markdown(rows).splitlines()[1] == "| --- | --- | --- | --- | --- | --- |"
    assert shown(2600.0, "") == "2,600"


def test_what_is_measured_with_a_clock_that_is_a_number_keeps_its_goals() -> None:
    assert virtual.toggling() == (1, 0)
    assert virtual.clocks() == (0, 1)
    assert virtual.probes_in_an_hour(hour=1) <= 13
