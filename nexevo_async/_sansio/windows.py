"""Averages that forget: recent latency, recent share of failures. Times are seconds, `now` is any clock that only
grows."""

from __future__ import annotations

import math
from collections import deque

__all__ = ["FailureRate", "LatencyAverage", "LatencyWindow"]


class LatencyAverage:
    """Exponentially weighted moving average of latencies: each new sample counts for a fifth."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float | None = None

    def add(self, seconds: float) -> None:
        """One more sample; the first one is the average."""
        value = self.value
        self.value = seconds if value is None else value + 0.2 * (seconds - value)


class LatencyWindow:
    """
    The last few latencies, for percentiles.

    The window slides: a full one drops its oldest sample, and samples older than a minute do not count. (A window that
    keeps the oldest ones sticks to a bad endpoint.)
    """

    __slots__ = ("_horizon", "_percentiles", "_samples")

    def __init__(self, *, size: int = 100, horizon: float = 60.0) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=size)
        self._horizon = horizon
        self._percentiles: dict[float, float] = {}

    def add(self, seconds: float, *, now: float) -> None:
        """One more sample."""
        self._samples.append((now, seconds))
        if self._percentiles:
            self._percentiles.clear()

    def percentile(self, share: float, *, now: float) -> float | None:
        """The latency that `share` (0 to 1) of recent samples stay within; None with fewer than ten of them."""
        samples = self._samples
        while samples and samples[0][0] < now - self._horizon:
            samples.popleft()
            self._percentiles.clear()
        if len(samples) < 10:
            return None
        if share not in self._percentiles:
            ordered = sorted(seconds for _, seconds in samples)
            self._percentiles[share] = ordered[max(0, math.ceil(share * len(ordered)) - 1)]
        return self._percentiles[share]


class FailureRate:
    """Good and bad results of the last `window` seconds, counted in six steps so that the cost does not grow with
    traffic."""

    __slots__ = ("_bad", "_ends", "_good", "_place", "_step", "_width")

    _STEPS = 6

    def __init__(self, window: float) -> None:
        self._width = window / self._STEPS
        self._step = -1
        self._place = 0  # of this step in the lists
        self._ends = 0.0  # when it is over
        self._good = [0] * self._STEPS
        self._bad = [0] * self._STEPS

    def _roll(self, now: float) -> None:
        step = int(now / self._width)
        for passed in range(max(self._step + 1, step - self._STEPS + 1), step + 1):
            self._good[passed % self._STEPS] = self._bad[passed % self._STEPS] = 0
        self._step = max(step, self._step)
        self._place = self._step % self._STEPS
        self._ends = (self._step + 1) * self._width

    def good(self, now: float) -> None:
        """One success."""
        if now >= self._ends:
            self._roll(now)
        self._good[self._place] += 1

    def bad(self, now: float) -> None:
        """One failure."""
        if now >= self._ends:
            self._roll(now)
        self._bad[self._place] += 1

    def exceeds(self, share: float, *, calls: int, now: float) -> bool:
        """Whether at least `share` of at least `calls` results were failures."""
        self._roll(now)
        bad = sum(self._bad)
        return bad + sum(self._good) >= calls and bad >= share * (bad + sum(self._good))

    def clear(self) -> None:
        """Forget everything, as after an ejection: the same failures must not eject twice."""
        self._good = [0] * self._STEPS
        self._bad = [0] * self._STEPS
