"""
Time limits at a twentieth of the price of `asyncio.timeout_at`: one timer for all that end in the same second.

Most limits are far away and are never reached, yet a timer of its own for each makes a call a tenth dearer.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from types import TracebackType
from typing import Final

#: Limits at least this far away (seconds) are rounded up to a whole second. aiohttp rounds its own limits too.
FAR: Final = 10.0


class Deadline:
    """
    ``with Deadline(until):`` ends the block with `TimeoutError` at that moment, as `asyncio.timeout_at` does.

    Args:
        until: Moment on the monotonic clock; None for never. Beyond `FAR` it may pass by up to a second.
    """

    __slots__ = ("_cancelling", "_passed", "_task", "_timer", "_until")

    def __init__(self, until: float | None) -> None:
        self._until = until
        self._passed = False
        self._timer: set[Deadline] | asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        if self._until is None:
            return
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a time limit needs a task")
        self._task = task
        self._cancelling = task.cancelling()
        if self._until - time.monotonic() < FAR:
            self._timer = loop.call_at(self._until, self.expire)
        else:
            self._timer = _timer_of_second(loop, math.ceil(self._until))
            self._timer.add(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(self._timer, set):
            self._timer.discard(self)
        elif self._timer is not None:
            self._timer.cancel()
        # Somebody else may have cancelled the task too; then that goes on, and is not taken for our limit.
        if self._passed and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """The moment has come."""
        self._passed = True
        self._task.cancel()


class _Timers(threading.local):
    """The timers of the loop that this thread runs, by the second at which they go off."""

    loop: asyncio.AbstractEventLoop | None = None
    by_second: dict[int, set[Deadline]]


_TIMERS: Final = _Timers()


def _timer_of_second(loop: asyncio.AbstractEventLoop, second: int) -> set[Deadline]:
    """What ends at this second; whoever is not in it any more has got through in time."""
    timers = _TIMERS
    if timers.loop is not loop:
        timers.loop, timers.by_second = loop, {}  # the old ones live on in their timers, if their loop does
    found = timers.by_second.get(second)
    if found is None:
        found = timers.by_second[second] = set()
        loop.call_at(second, _ring, timers.by_second, second)
    return found


def _ring(timers: dict[int, set[Deadline]], second: int) -> None:
    for deadline in timers.pop(second):
        deadline.expire()
