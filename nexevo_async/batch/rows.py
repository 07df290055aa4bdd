"""The rows of a job, as its consumer meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from nexevo_async._call_site import Site, warn_unended
from nexevo_async.batch._job import Job
from nexevo_async.batch.row import BatchRow

__all__ = ["BatchRows"]

Item = TypeVar("Item")
Value = TypeVar("Value")


class BatchRows(AsyncIterator[BatchRow[Item, Value]], Generic[Item, Value]):
    """
    The rows of a job, one for each step; the job begins with the first one.

    ``async with`` it, if you may leave before its end: leaving cancels the calls in flight and waits until they have
    ended. So does cancelling a step. A job that is just dropped is cancelled too, and warns (`ResourceWarning`) with
    the line that made it.

    .. versionadded:: 0.1.0
    """

    def __init__(self, job: Job[Any, Item, Value], site: Site | None) -> None:
        """
        Made by `batch.map`.

        Args:
            job: The work behind it.
            site: Where in the caller's code it was made, for the warning.
        """
        self._job = job
        self._site = site
        self._ahead = job.concurrency  # how many rows a blocking reader may have waiting on its side

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> BatchRow[Item, Value]:
        row = await self._job.next_row()
        if row is None:
            raise StopAsyncIteration
        return row

    async def aclose(self) -> None:
        """
        End the job: cancel the calls in flight, wait until they have ended, and close an input that is a generator.

        Rows that nobody has read are dropped. May be called again.
        """
        await self._job.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        job: Job[Any, Any, Any] | None = getattr(self, "_job", None)
        if job is not None and job.is_open:
            job.abandon()
            warn_unended("a batch job", self._site, self)

    def __repr__(self) -> str:
        return f"<BatchRows: {self._job.given} handed out, {'open' if self._job.is_open else 'not open'}>"
