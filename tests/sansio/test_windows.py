"""Averages that forget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._sansio.windows import FailureRate, LatencyAverage, LatencyWindow


def test_the_average_starts_with_the_first_sample_and_moves_a_fifth_of_the_way() -> None:
    average = LatencyAverage()
    assert average.value is None

    average.add(1.0)
    average.add(2.0)

    assert average.value == pytest.approx(1.2)


def test_the_percentile_is_the_sample_that_so_many_stay_within() -> None:
    window = LatencyWindow()
    for milliseconds in range(1, 101):
        window.add(milliseconds / 1000, now=0.0)

    assert window.percentile(0.95, now=0.0) == 0.095
    assert window.percentile(0.5, now=0.0) == 0.05
    assert window.percentile(0.0, now=0.0) == 0.001


def test_nine_samples_are_too_few() -> None:
    window = LatencyWindow()
    for _ in range(9):
        window.add(0.1, now=0.0)
    assert window.percentile(0.95, now=0.0) is None

    window.add(0.1, now=0.0)
    assert window.percentile(0.95, now=0.0) == 0.1


def test_a_full_window_slides_so_that_a_host_that_became_slow_looks_slow() -> None:
    window = LatencyWindow(size=20)
    for seconds in [0.01] * 20 + [2.0] * 20:
        window.add(seconds, now=0.0)

    assert window.percentile(0.5, now=0.0) == 2.0


def test_old_samples_do_not_count() -> None:
    window = LatencyWindow()
    for _ in range(20):
        window.add(2.0, now=0.0)
    assert window.percentile(0.95, now=60.0) == 2.0

    assert window.percentile(0.95, now=60.1) is None


def test_half_of_ten_calls_exceed_half_and_nine_are_too_few() -> None:
    rate = FailureRate(30.0)
    for moment in range(4):
        rate.good(float(moment))
    for moment in range(4, 9):
        rate.bad(float(moment))
    assert not rate.exceeds(0.5, calls=10, now=9.0)

    rate.good(9.0)
    assert rate.exceeds(0.5, calls=10, now=9.0)
    assert not rate.exceeds(0.51, calls=10, now=9.0)


def test_results_are_forgotten_after_the_window_and_on_demand() -> None:
    rate = FailureRate(30.0)
    for _ in range(20):
        rate.bad(100.0)
    assert rate.exceeds(0.5, calls=10, now=120.0)
    assert not rate.exceeds(0.5, calls=10, now=135.0)

    rate.bad(135.0)
    rate.clear()
    assert not rate.exceeds(0.5, calls=1, now=135.0)


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=60))
def test_the_count_lies_between_those_of_the_last_25_and_30_seconds(steps: list[tuple[float, bool]]) -> None:
    rate, now, seen = FailureRate(30.0), 0.0, []
    for pause, good in steps:
        now += pause
        (rate.good if good else rate.bad)(now)
        seen.append((now, good))
    for calls in (1, 3, 10):
        if rate.exceeds(1.0, calls=calls, now=now):
            assert len([moment for moment, _ in seen if moment >= now - 30.0]) >= calls
        elif all(not good for moment, good in seen if moment >= now - 30.0):
            assert len([moment for moment, _ in seen if moment >= now - 25.0]) < calls
