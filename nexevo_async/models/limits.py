"""The rate limit of a key, as answers tell it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class RateLimits:
    """
    What the service said about the rate limit of the key.

    Attributes:
        remaining: Requests left in the present window (`X-RateLimit-Remaining`), or None if not told.
        reset: Seconds, counted from the answer, until the window starts anew (`X-RateLimit-Reset`; the service
            documents a duration, not a moment), or None if not told.

    .. versionadded:: 0.1.0
    """

    remaining: int | None = None
    reset: float | None = None


def read_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """The limits in response headers, or None if there are none that can be read."""
    remaining = read_number(headers.get("x-ratelimit-remaining"))
    reset = read_number(headers.get("x-ratelimit-reset"))
    if remaining is None and reset is None:
        return None
    return RateLimits(remaining=None if remaining is None else int(remaining), reset=reset)


def read_number(text: str | None) -> float | None:
    """A number that is finite and not negative, or None: headers of gateways hold anything."""
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
