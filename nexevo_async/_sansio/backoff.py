"""How long to wait before a repeat: our own backoff with jitter, and the wishes of the service (pushback)."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from datetime import UTC

__all__ = ["equal_jitter", "full_jitter", "growing", "pushback"]

# RFC 9110 10.2.3: delay-seconds is a run of digits. Fractions are seen in the wild, so they are read too.
_SECONDS = re.compile(r"[0-9]{1,15}(\.[0-9]{0,9})?")


def growing(step: int, *, base: float, factor: float, cap: float) -> float:
    """`base` times `factor` to the power of `step` (counted from 0), at most `cap`; large steps do not overflow."""
    if base <= 0 or factor <= 1:
        return min(base, cap)
    if step >= math.log(max(cap / base, 1.0), factor):
        return cap
    return min(base * factor**step, cap)


def full_jitter(step: int, *, base: float, factor: float = 2.0, cap: float, rng: random.Random) -> float:
    """Seconds between 0 and the growing bound: spreads callers as far as possible."""
    return rng.uniform(0.0, growing(step, base=base, factor=factor, cap=cap))


def equal_jitter(step: int, *, base: float, factor: float = 2.0, cap: float, rng: random.Random) -> float:
    """Seconds between half of the growing bound and all of it: for throttling, where a tiny wait is a wasted repeat."""
    bound = growing(step, base=base, factor=factor, cap=cap)
    return bound / 2 + rng.uniform(0.0, bound / 2)


def pushback(headers: Mapping[str, str], *, wall: float) -> float | None:
    """
    Seconds the service asks us to wait, or None if it names no time that makes sense.

    ``Retry-After`` (seconds or an HTTP date) comes first, then ``X-RateLimit-Reset`` (seconds until the window resets).
    Negative numbers and other text count as not sent; a date in the past is 0. The number is not capped: the caller
    compares it with its own cap and its deadline, and raises with the number rather than sleep for an hour.

    Args:
        headers: Response headers; looked up by any spelling the mapping accepts.
        wall: Seconds since 1970, for reading dates.
    """
    wait = _seconds(headers.get("Retry-After"))
    if wait is None:
        wait = _until_date(headers.get("Retry-After"), wall)
    return _seconds(headers.get("X-RateLimit-Reset")) if wait is None else wait


def _seconds(text: str | None) -> float | None:
    if text is None or not _SECONDS.fullmatch(text.strip()):
        return None
    return float(text)


def _until_date(text: str | None, wall: float) -> float | None:
    # A number that made no sense as seconds must not be read as a date: the parser below accepts "1" and the like.
    if text is None or "," not in text:
        return None
    from email.utils import parsedate_to_datetime  # a rare path, and it pulls in the socket module

    try:
        date = parsedate_to_datetime(text)
        moment = (date.replace(tzinfo=UTC) if date.tzinfo is None else date).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, moment - wall)
