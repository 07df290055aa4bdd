"""The client's own rate limit: turns in a fair order, at a steady pace, with time as a number."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._sansio.rate_limit import TokenBucket


def test_the_first_call_starts_at_once_and_the_next_ones_keep_the_pace() -> None:
    bucket = TokenBucket(60, now=100.0)
    assert [bucket.reserve(100.0) for _ in range(4)] == [100.0, 101.0, 102.0, 103.0]


def test_a_limit_above_one_a_second_lets_one_second_worth_start_together_after_a_rest() -> None:
    bucket = TokenBucket(300, now=0.0)
    assert [bucket.reserve(10.0) for _ in range(6)] == pytest.approx([10.0] * 5 + [10.2])


def test_a_long_rest_earns_no_more_than_one_second_worth() -> None:
    bucket = TokenBucket(60, now=0.0)
    assert [bucket.reserve(10_000.0) for _ in range(3)] == [10_000.0, 10_001.0, 10_002.0]


def test_a_turn_that_was_not_used_goes_to_the_next_caller() -> None:
    bucket = TokenBucket(60, now=0.0)
    bucket.reserve(0.0)
    assert bucket.reserve(0.0) == 1.0
    bucket.give_back()
    assert bucket.reserve(0.0) == 1.0


def test_a_limit_below_one_a_minute_waits_for_minutes() -> None:
    bucket = TokenBucket(0.5, now=0.0)
    assert [bucket.reserve(0.0), bucket.reserve(0.0)] == [0.0, 120.0]


@given(
    per_minute=st.floats(0.5, 6000),
    pauses=st.lists(st.floats(0, 30), min_size=1, max_size=150),
)
def test_no_minute_sees_more_than_the_limit_and_the_small_burst(per_minute: float, pauses: list[float]) -> None:
    bucket = TokenBucket(per_minute, now=0.0)
    now, starts = 0.0, []
    for pause in pauses:
        now += pause
        starts.append(bucket.reserve(now))
        assert starts[-1] >= now
    most = per_minute + max(1.0, per_minute / 60)
    for start in starts:
        assert sum(start <= other < start + 60 - 1e-6 for other in starts) <= most + 1e-6


@given(pauses=st.lists(st.floats(0, 3), min_size=2, max_size=60))
def test_turns_come_in_the_order_of_asking(pauses: list[float]) -> None:
    bucket = TokenBucket(90, now=0.0)
    now, turns = 0.0, []
    for pause in pauses:
        now += pause
        turns.append(bucket.reserve(now))
    assert all(first <= second for first, second in pairwise(turns))
