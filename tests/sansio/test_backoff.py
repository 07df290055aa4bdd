"""Waiting: our own backoff, and what the service wishes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from nexevo_async._sansio.backoff import equal_jitter, full_jitter, growing, pushback

NOON = 1445412480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(("step", "seconds"), [(0, 0.1), (1, 0.2), (2, 0.4), (6, 6.4), (7, 10.0), (10**9, 10.0)])
def test_the_bound_doubles_up_to_the_cap(step: int, seconds: float) -> None:
    assert growing(step, base=0.1, factor=2.0, cap=10.0) == pytest.approx(seconds)


def test_a_base_of_zero_never_waits_and_a_factor_of_one_never_grows() -> None:
    assert growing(5, base=0.0, factor=2.0, cap=10.0) == 0.0
    assert growing(5, base=3.0, factor=1.0, cap=10.0) == 3.0


@given(step=st.integers(0, 10_000), seed=st.integers())
def test_full_jitter_lies_between_nothing_and_the_bound(step: int, seed: int) -> None:
    wait = full_jitter(step, base=0.1, cap=10.0, rng=random.Random(seed))

    assert 0.0 <= wait <= growing(step, base=0.1, factor=2.0, cap=10.0)


@given(step=st.integers(0, 10_000), seed=st.integers())
def test_equal_jitter_lies_between_half_the_bound_and_the_bound(step: int, seed: int) -> None:
    bound = growing(step, base=1.0, factor=2.0, cap=20.0)

    assert bound / 2 <= equal_jitter(step, base=1.0, cap=20.0, rng=random.Random(seed)) <= bound


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 7 "}, 7.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "1000000"}, 1_000_000.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "1e3"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT"}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:27:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 -0000"}, 30.0),
        ({"Retry-After": "Wed, 99 Oct 2015 07:28:30 GMT"}, None),
        ({"Retry-After": "one, two, three"}, None),
        ({"X-RateLimit-Reset": "12"}, 12.0),
        ({"X-RateLimit-Reset": "-3"}, None),
        ({"X-RateLimit-Reset": "Wed, 21 Oct 2015 07:28:30 GMT"}, None),
        ({"Retry-After": "3", "X-RateLimit-Reset": "12"}, 3.0),
        ({"Retry-After": "-1", "X-RateLimit-Reset": "12"}, 12.0),
        ({"retry-after": "5"}, 5.0),
    ],
)
def test_the_service_names_a_time_or_it_does_not(headers: dict[str, str], seconds: float | None) -> None:
    assert pushback(CIMultiDict(headers), wall=NOON) == seconds


@given(st.text())
def test_no_header_value_breaks_the_reading(text: str) -> None:
    wait = pushback({"Retry-After": text, "X-RateLimit-Reset": text}, wall=NOON)

    assert wait is None or wait >= 0.0
