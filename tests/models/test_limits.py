"""The rate limit in headers."""

from __future__ import annotations

import pytest

from nexevo_async._messages import Headers
from nexevo_async.models import RateLimits
from nexevo_async.models.limits import read_limits, read_number


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        ({}, None),
        ({"X-RateLimit-Remaining": "59", "X-RateLimit-Reset": "12.5"}, RateLimits(remaining=59, reset=12.5)),
        ({"x-ratelimit-remaining": "0"}, RateLimits(remaining=0)),
        ({"X-RateLimit-Reset": "0"}, RateLimits(reset=0.0)),
        ({"X-RateLimit-Remaining": "many", "X-RateLimit-Reset": ""}, None),
    ],
)
def test_limits(headers: dict[str, str], limits: RateLimits | None) -> None:
    """What is there is read, what cannot be read is as if it were not there."""
    assert read_limits(Headers.of(headers)) == limits


@pytest.mark.parametrize("text", [None, "", "-1", "nan", "inf", "1e999", "12 s", "0x10"])
def test_what_is_no_number(text: str | None) -> None:
    """Negative and endless numbers count as none."""
    assert read_number(text) is None


@pytest.mark.parametrize(("text", "number"), [("0", 0.0), (" 7 ", 7.0), ("1.5", 1.5), ("1e2", 100.0)])
def test_numbers(text: str, number: float) -> None:
    """As Python reads them."""
    assert read_number(text) == number
