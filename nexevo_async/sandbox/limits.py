"""The rate limit of a key: a fixed window of one minute, as the service announces it in its headers."""

from __future__ import annotations

import math

import attrs

#: Seconds of one window (contract, section 1: "60 requests a minute per key").
WINDOW = 60.0


@attrs.frozen
class Verdict:
    """
    What the limiter says about one request.

    Attributes:
        allowed: Whether it may pass.
        remaining: Requests left in this window.
        reset: Whole seconds until the window ends, at least 1.
    """

    allowed: bool
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """The documented headers; with `Retry-After` when the request may not pass."""
        headers = {"X-RateLimit-Remaining": str(self.remaining), "X-RateLimit-Reset": str(self.reset)}
        if not self.allowed:
            headers["Retry-After"] = str(self.reset)
        return headers


class RateLimiter:
    """
    Counts the requests of each key in windows that begin with the key's first request.

    Args:
        limit: Requests a key may make in one window.
        window: Length of a window in seconds.
    """

    def __init__(self, limit: int, *, window: float = WINDOW) -> None:
        if not isinstance(limit, int) or limit < 1:
            raise ValueError(f"rate_limit must be at least 1 request a minute, or None for no limit; got {limit}")
        self._limit = limit
        self._window = window
        self._used: dict[str, tuple[float, int]] = {}

    def take(self, key: str, now: float) -> Verdict:
        """Count one request of `key` at `now` (seconds of any steady clock); refused requests do not count."""
        began, used = self._used.get(key, (now, 0))
        if now - began >= self._window:
            began, used = now, 0
        allowed = used < self._limit
        used += allowed
        self._used[key] = (began, used)
        return Verdict(allowed, self._limit - used, max(1, math.ceil(began + self._window - now)))
