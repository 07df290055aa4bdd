"""
Streams through the portal: the items of an async iterator cross together, all that is there at once.

Both sides share one deque. The loop appends as items arrive and opens a lock if the reader sleeps; the reader takes
what is there without asking anybody. So a trip is paid per burst, not per item, and nothing waits for a batch to fill.

Where much has arrived that is still bytes, it is lent to the reader, who makes items of it on its own thread: objects
that are made on one core and thrown away on another cost half as much again. The loop reads on when it has it back.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import copy_context
from threading import get_ident
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from nexevo_sync._crossing import OWN_THREAD, LoopThread, acquired_lock

T = TypeVar("T")
M = TypeVar("M")

_PACKAGE = __name__.partition(".")[0]
_OTHER_PROCESS = "this stream was opened before a fork and belongs to the parent process; open a new one here"


class Loan(Protocol[M]):
    """What a source can lend: `make_ready` puts a few more items into `ready`, and says whether others may follow."""

    ready: deque[M]

    def make_ready(self) -> bool: ...


class _Flow(Generic[T]):
    """
    The part of an iteration that both sides share: the loop fills the buffer, the reader empties it.

    It does not refer to the `BatchIterator`, so that a forgotten one can be collected.
    """

    def __init__(self, line: LoopThread, open_: Callable[[], AsyncIterable[T]], buffer: deque[T], ahead: int) -> None:
        self.line = line
        self.buffer = buffer
        #: At most this many items left: time to read on.
        self.low = ahead // 2
        #: Open whenever something may have changed since the reader last looked; only the loop opens it.
        self.signal = acquired_lock()
        #: One entry for each reader that sleeps.
        self.sleepers: deque[None] = deque()
        self.paused = False
        #: What the reader may take items from; only the reader gives it back.
        self.loan: Loan[T] | None = None
        self.begun = False
        self.ended = False
        self.error: BaseException | None = None
        self.task: asyncio.Task[None] | None = None
        self._open = open_
        self._adopted = False  # the source is open, so it must be closed even if nobody ever reads it
        self._left = False
        self._reading = False
        self._ahead = ahead
        self._context = copy_context()
        self._room = asyncio.Event()

    def adopt(self) -> None:
        """Take over a source that is open already: whoever ends the loop closes it; on the loop."""
        if self.line.closing:
            self.fail(self.line.closed_error())
            return
        self.line.errands.add(self)
        self._adopted = True

    def start(self) -> None:
        """Begin to read; on the loop."""
        if self.line.closing:
            self.fail(self.line.closed_error())
        elif self.task is None and not self.ended:
            self.line.errands.add(self)
            self.task = self.line.spawn(self._pump(), self._context)

    def cancel(self) -> None:
        """Stop reading and close the source; on the loop."""
        if self.ended:
            return
        if self._reading and self.task is not None:
            self.task.cancel()
            return
        # Before its first step a task must not be cancelled (see Crossing.cancel), and while it closes the source it
        # has nothing else left to do.
        self._left = True
        if self.task is None and self._adopted:
            self.task = self.line.spawn(self._pump(), self._context)
        elif self.task is None:
            self.fail(asyncio.CancelledError())

    def fail(self, error: BaseException) -> None:
        if not self.ended:
            self.error = error
            self._end()

    def ring(self) -> None:
        """Wake another reader; on the loop."""
        if self.signal.locked():
            self.signal.release()

    def read_on(self) -> None:
        """There is room again; on the loop."""
        self._room.set()

    async def _pump(self) -> None:
        try:
            await self._fill()
            if self._left and self.line.closing:
                self.error = self.line.closed_error()
        except asyncio.CancelledError as error:
            self.error = self.line.closed_error() if self.line.closing else error
        except BaseException as error:
            self.error = error
        if not self.ended:
            self._end()

    async def _fill(self) -> None:
        source = self._open()
        try:
            self._reading = not self._left
            next_batch = getattr(source, "next_batch", None)
            if self._left:
                pass  # it is only to be closed
            elif next_batch is None:
                async for item in source:
                    await self._give((item,))
            else:  # it knows what is there, which is cheaper than asking for one after the other
                lend = getattr(source, "_lend", None)
                while batch := await next_batch(self._ahead - len(self.buffer)):
                    await self._give(batch)
                    if lend is not None and (loan := lend()) is not None:
                        await self._await_return(loan)
        finally:
            self._reading = False
            aclose = getattr(source, "aclose", None)
            if aclose is not None:
                await aclose()

    async def _give(self, items: Iterable[T]) -> None:
        self.buffer.extend(items)
        if self.signal.locked():
            self.signal.release()
        if len(self.buffer) >= self._ahead:
            await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        # The order matters: the reader takes an item and then looks at `paused`; we set `paused` and then look at the
        # buffer. So one of the two notices, and the reader passes `low`, or 0, after it could see `paused`.
        self.paused = True
        while len(self.buffer) > self.low:  # again and again: what opens the room may have been sent long ago
            self._room.clear()
            await self._room.wait()
        self.paused = False

    async def _await_return(self, loan: Loan[T]) -> None:
        self.loan = loan
        if self.signal.locked():
            self.signal.release()
        while self.loan is not None:
            self._room.clear()
            await self._room.wait()

    def _end(self) -> None:
        self.line.errands.discard(self)
        self.loan = None
        self.ended = True
        if self.signal.locked():
            self.line.release(self.signal, failed=self.error is not None)


class BatchIterator(Iterator[T]):
    """
    A plain iterator over an async one, and a context manager that closes it.

    Whatever has arrived crosses at once, and the first item waits for no second. What arrived before an error is
    delivered before the error. Leaving early, an interrupt while waiting, and dropping the iterator close the async
    iterator too; dropping it open warns, naming the line that made it.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self, enter: Callable[[], LoopThread], open_: Callable[[], AsyncIterable[T]], ahead: int, *, opened: bool
    ) -> None:
        self._enter = enter  # also keeps the portal open while this is read
        self._open = open_
        self._ahead = ahead
        self._buffer: deque[T] = deque()
        self._flow: _Flow[T] | None = None
        self._finished = False
        self._opening = threading.Lock()
        self._borrowing = threading.Lock()
        self._borrower: int | None = None
        self._site = call_site()
        if opened:
            line = enter()
            self._flow = _Flow(line, open_, self._buffer, ahead)
            line.post(self._flow.adopt)

    def __iter__(self) -> Iterator[T]:
        # A generator costs a third of a method call per item. It holds nothing: another may go on where it was left.
        buffer = self._buffer
        while (error := self._wait()) is None:
            flow = self._flow
            while buffer:
                try:
                    item = buffer.popleft()
                except IndexError:  # another thread that reads the same stream was faster
                    break
                if flow is not None and flow.paused and len(buffer) in (flow.low, 0):
                    flow.line.post(flow.read_on)
                yield item
        if not isinstance(error, StopIteration):
            try:
                raise error
            finally:
                del error  # its traceback leads to this frame

    def __next__(self) -> T:
        """The next item; waits for it if none has arrived."""
        for item in self:
            return item
        raise StopIteration

    def next_batch(self, most: int) -> list[T]:
        """The next items, as many as are there but at most `most`; waits for the first only. Empty at the end."""
        batch: list[T] = []
        while len(batch) < most and (self._buffer or not batch):
            try:
                batch.append(next(self))
            except StopIteration:
                break
        return batch

    def rest(self) -> None:
        """
        Leave the source to others who want to read it: no further item comes from here.

        What is being read ahead is read to its end and dropped, errors included. The source is not closed before that.

        Raises:
            RuntimeError: It was opened by the parent of this process.
        """
        flow = self._flow
        if flow is not None and flow.line.pid != os.getpid():
            raise RuntimeError(_OTHER_PROCESS)
        if flow is not None and flow.begun:
            with suppress(Exception):
                deque(self, maxlen=0)
        self._finished = True

    def close(self) -> None:
        """Stop, and wait until the async iterator is closed. What has arrived and was not read is dropped."""
        flow = self._flow
        self._finished = True
        self._buffer.clear()
        if flow is None or flow.ended or flow.line.pid != os.getpid():
            return
        flow.line.post(flow.cancel)
        if flow.line.ident == get_ident():
            return
        while not flow.ended:
            flow.signal.acquire()
            if flow.ended:
                flow.signal.release()  # for whoever reads

    def _wait(self) -> BaseException | None:
        """Wait until an item is there, or return what to raise instead: the stream's error, or StopIteration."""
        if self._buffer:
            return None
        if self._finished:
            return StopIteration()
        try:
            flow = self._running_flow()
            while not self._buffer and not flow.ended:
                if flow.loan is not None:
                    self._borrow(flow)
                    continue
                if flow.paused:
                    flow.line.post(flow.read_on)
                flow.sleepers.append(None)
                try:
                    flow.signal.acquire()
                finally:
                    flow.sleepers.pop()
                if flow.ended:
                    flow.signal.release()  # for the next reader, if there is one
                elif flow.sleepers and (self._buffer or flow.loan is not None):
                    flow.line.post(flow.ring)  # there may be something for another reader too
        except BaseException:
            self.close()
            raise
        if self._buffer:
            return None
        flow.line.rest_if_leaving()
        if self._finished and isinstance(flow.error, asyncio.CancelledError):  # another thread has closed it
            return StopIteration()
        self._finished = True
        error, flow.error = flow.error, None
        return error if error is not None else StopIteration()

    def _borrow(self, flow: _Flow[T]) -> None:
        """Take the next items from what the source has lent, and give it back if those are the last."""
        if self._borrower == get_ident():
            raise RuntimeError("a signal handler or finalizer reads a stream that its own thread is just reading")
        with self._borrowing:
            loan = flow.loan
            if loan is None:  # another thread that reads the same stream was faster
                return
            self._borrower = get_ident()
            try:
                more = loan.make_ready()
            finally:
                self._borrower = None
            self._buffer.extend(loan.ready)
            loan.ready.clear()
            if self._finished:  # closed meanwhile
                self._buffer.clear()
            if not more:
                flow.loan = None
                flow.line.post(flow.read_on)

    def _running_flow(self) -> _Flow[T]:
        with self._opening:
            flow = self._flow
            if flow is None:
                flow = self._flow = _Flow(self._enter(), self._open, self._buffer, self._ahead)
            if flow.line.pid != os.getpid():
                raise RuntimeError(_OTHER_PROCESS)
            if not flow.ended and flow.line.ident == get_ident():
                raise RuntimeError(OWN_THREAD)
            if not flow.begun:
                flow.begun = True
                flow.line.post(flow.start)
        return flow

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def __del__(self, _warn: Callable[..., None] = warnings.warn_explicit) -> None:
        # As in Portal.__del__: never wait, never take a lock.
        flow = getattr(self, "_flow", None)
        if flow is None or flow.ended or flow.line.stopping or flow.line.pid != os.getpid():
            return
        flow.line.post(flow.cancel)
        if not self._finished:
            message = "a stream was dropped before its end; leave it with `with`, or call its close()"
            _warn(message, ResourceWarning, *self._site, source=self)


def call_site() -> tuple[str, int]:
    """File and line of the nearest caller outside this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
