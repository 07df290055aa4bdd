"""
The work behind the rows: workers that take items from the input, call, and leave rows for the consumer.

A worker is a task that goes on for as long as there is something to do and room for what comes of it; then it ends,
and the consumer's next step starts one again. So nothing ever sleeps for want of work, and a job that nobody reads
stands still. Nothing in here refers to the iterator that the consumer holds, which can therefore be dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from nexevo_async.batch._metered import MeteredTransport
from nexevo_async.batch._source import END, Source
from nexevo_async.batch._window import Window
from nexevo_async.batch.row import BatchRow
from nexevo_async.errors import AuthenticationError, ClientClosedError, NexevoError, QuotaExceededError

C = TypeVar("C")
Item = TypeVar("Item")
Value = TypeVar("Value")

#: What one item learns and all others would learn too, at a price of a call each.
FOR_ALL: Final = (AuthenticationError, ClientClosedError, QuotaExceededError)

#: Jobs that clean up, and may be held by nobody any more: a loop alone does not keep its tasks alive.
_leaving: set[asyncio.Task[None]] = set()


class Job(Generic[C, Item, Value]):
    """
    One run over one input, on the loop of its first step.

    Args:
        source: The input.
        call: What to do with an item.
        lend: Makes the client that a worker calls with, and the transport below it.
        concurrency: How many calls may be in flight.
        ordered: Whether rows go out in the order of the input.
    """

    def __init__(
        self,
        source: Source[Item],
        call: Callable[[C, Item], Awaitable[Value]],
        lend: Callable[[], tuple[C, MeteredTransport]],
        *,
        concurrency: int,
        ordered: bool,
    ) -> None:
        self.concurrency = concurrency
        self._source = source
        self._call = call
        self._lend = lend
        self._window: Window[BatchRow[Item, Value]] = Window(concurrency, ordered=ordered)
        self._workers: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()  # to read an input that takes its time
        self._in_line = 0
        self._reader: asyncio.Task[Any] | None = None
        self._stopping = False  # nothing more is begun
        self._error: BaseException | None = None
        self._consumer: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Task[None] | None = None
        self._is_over = False

    @property
    def is_open(self) -> bool:
        """Whether it has begun, and has anything left: to do, to hand out, or to raise."""
        if self._loop is None or self._is_over or self._closing is not None:
            return False
        return bool(not self._stopping or self._window.begun or self._error)

    @property
    def given(self) -> int:
        """How many rows have been handed out."""
        return self._window.given

    # The consumer's side

    async def next_row(self) -> BatchRow[Item, Value] | None:
        """
        The next row, or None after the last.

        Raises:
            BaseException: What ended the job, after the rows that were finished.
            CancelledError: The consumer was cancelled; the job is closed.
        """
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        while not self._is_over and self._closing is None:
            idle = self._stopping and not self._workers
            row = self._window.give(skipping=idle)
            if row is not None:
                self._grow()
                return row
            if idle:
                await self._finish()
                break
            self._grow()
            await self._wait()
        return None

    async def _finish(self) -> None:
        """Everything was handed out: close the input, and raise what ended the job early."""
        self._is_over = True
        error, self._error = self._error, None
        try:
            await self._source.close()
            if error is not None:
                raise error
        finally:
            del error  # its traceback leads to this frame

    async def _wait(self) -> None:
        if self._consumer is not None:
            raise RuntimeError("two tasks wait for rows of the same job; let one hand them on")
        assert self._loop is not None  # noqa: S101 - the consumer has set it
        self._consumer = self._loop.create_future()
        try:
            await self._consumer
        except asyncio.CancelledError:
            await self.aclose()
            raise
        finally:
            self._consumer = None

    def _wake(self) -> None:
        if self._consumer is not None and not self._consumer.done():
            self._consumer.set_result(None)

    async def aclose(self) -> None:
        """Cancel the calls in flight, wait until they have ended, and close the input."""
        if self._is_over:
            return
        # Shielded: closing that is cancelled half-way leaves calls running that nobody waits for.
        await asyncio.shield(self._begin_closing())

    def abandon(self) -> None:
        """The same for a job that was dropped: from any thread, and without waiting."""
        loop = self._loop
        assert loop is not None  # noqa: S101 - it is open
        with suppress(RuntimeError):  # the loop is closed, and has ended its tasks
            if asyncio._get_running_loop() is loop:  # unlike its public sister it does not raise
                self._begin_closing()
            else:
                loop.call_soon_threadsafe(self._begin_closing)

    def _begin_closing(self) -> asyncio.Task[None]:
        if self._closing is None:
            self._stopping = True
            for worker in self._workers:
                worker.cancel()
            self._closing = asyncio.create_task(self._close(), name="nexevo-batch closing")
            _leaving.add(self._closing)
            self._closing.add_done_callback(_leaving.discard)
        return self._closing

    async def _close(self) -> None:
        workers = tuple(self._workers)
        if workers:
            await asyncio.wait(workers)
        self._window.clear()
        await self._source.close()
        for worker in workers:
            if not worker.cancelled() and (error := worker.exception()) is not None:
                raise error  # cleaning up went wrong, in the function or in the input

    # The workers' side

    def _grow(self) -> None:
        """Start another worker if there may be something to do for it."""
        if self._stopping or self._in_line or len(self._workers) >= self.concurrency or not self._window.has_room:
            return
        # Not `create_task`: an eager task factory would run it here and now, one inside the other.
        worker = asyncio.Task(self._work(), loop=self._loop, name="nexevo-batch")
        self._workers.add(worker)
        worker.add_done_callback(self._ended)

    async def _work(self) -> None:
        client, meter = self._lend()
        while (taken := await self._take()) is not None:
            self._grow()
            index, item = taken
            row = await self._row(client, meter, index, item)
            if row is not None and self._window.put(index, row):
                self._wake()

    async def _take(self) -> tuple[int, Item] | None:
        """The next item and its position, or None if there is nothing to do or no room."""
        if not self._source.takes_time:
            return await self._read()
        self._in_line += 1
        try:
            await self._turn.acquire()
        finally:
            self._in_line -= 1
        try:
            return await self._read()
        finally:
            self._turn.release()

    async def _read(self) -> tuple[int, Item] | None:
        if self._stopping or not self._window.has_room:
            return None
        self._reader = asyncio.current_task()
        try:
            item = await self._source.read()
        except asyncio.CancelledError:
            if self._error is None:
                raise
            return None  # the job ends, and an input that takes its time is not waited for
        except Exception as error:
            if self._closing is not None:
                raise
            self._reader = None
            self._stop(error)
            return None
        finally:
            self._reader = None
        if item is END or self._stopping:
            self._stopping = True
            return None
        return self._window.take(), item

    async def _row(self, client: C, meter: MeteredTransport, index: int, item: Item) -> BatchRow[Item, Value] | None:
        """Call, and put what came of it into a row; None if it came to what ends the job."""
        meter.begin()
        try:
            value = await self._call(client, item)
        except FOR_ALL as error:
            self._stop(error)
            return None
        except NexevoError as error:
            attempts = max(meter.attempts, len(error.attempts))
            return BatchRow(index=index, item=item, error=error, attempts=attempts)
        return BatchRow(index=index, item=item, value=value, attempts=meter.attempts, cost=_cost_of(value))

    def _stop(self, error: BaseException) -> None:
        """Begin nothing more, and raise this in the end."""
        self._stopping = True
        if self._error is None:
            self._error = error
        if self._reader is not None:
            self._reader.cancel()

    def _ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        error = asyncio.CancelledError() if worker.cancelled() else worker.exception()
        if error is not None and self._closing is None:
            # Nobody can say what is right after a mistake in the caller's function: begun calls are not waited for.
            self._stop(error)
            for other in self._workers:
                other.cancel()
        if not self._workers:
            self._wake()


def _cost_of(value: Any) -> Decimal | None:
    """The price of a call, from an answer that tells it."""
    cost = getattr(getattr(value, "usage", None), "cost", None)
    return cost if isinstance(cost, Decimal) else None
