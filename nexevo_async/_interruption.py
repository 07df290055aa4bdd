"""A block of the running task that callbacks can end early, told apart from a cancellation by somebody else."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Interruption:
    """
    ``with interruption:`` runs a block that `interrupt` ends; what follows the block goes on.

    That is done as time limits do it: the task is cancelled, and uncancelled at the end of the block. If somebody else
    has cancelled it too, that goes on. Made in the task whose blocks it ends, one after the other if need be.

    Attributes:
        possible: Whether a block is running that has not been interrupted.
    """

    __slots__ = ("_before", "_interrupted", "_task", "possible")

    def __init__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be interrupted")
        self._task = task
        self._interrupted = False
        self.possible = False

    def __enter__(self) -> None:
        self._before = self._task.cancelling()
        self._interrupted, self.possible = False, True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self.possible = False
        return self._interrupted and self._task.uncancel() <= self._before and kind is asyncio.CancelledError

    def interrupt(self) -> None:
        """
        End the block, if one is running. For callbacks: a task cannot interrupt itself.

        If somebody else has just cancelled the task, the block ends anyway. A second request would only hide whose the
        first was: the message of the last one counts, and by that anyio knows its own.
        """
        if self.possible and self._task.cancelling() <= self._before:
            self._interrupted, self.possible = True, False
            self._task.cancel()
