"""
One trip from a thread into a private event loop and back, with as little ceremony as is safe.

`asyncio.run_coroutine_threadsafe` pays for two futures, a condition and chained callbacks per call, and leaves the
coroutine running when the waiting thread is interrupted. Here a trip is one entry in a deque, one wake-up of the loop
(only if it sleeps), and one lock that the waiting thread sleeps on; result and exception come back in a slot.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from _thread import LockType, allocate_lock
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from contextvars import Context, copy_context
from types import TracebackType
from typing import Any, Protocol

from nexevo_sync._inbox import Inbox, NewLoop

#: Seconds that closing gives to each of its steps: calls that clean up, the client's own closing, what is left over.
CLOSING_GRACE = 5.0

#: Seconds for the same steps when the interpreter exits: nobody likes a script that ends but does not stop.
EXIT_GRACE = 0.5

CLOSED = "this client is closed; make a new one, or keep it open for as long as threads use it"

OWN_THREAD = (
    "a blocking call was made from the client's own event loop thread, where it would wait for itself for ever; "
    "use AsyncNexevo there, or make the call from a synchronous hook, which runs on a thread of its own"
)

_serials = itertools.count()

#: Acquired locks nobody sleeps on. A pool instead of a lock per thread, because a signal handler or a finalizer may
#: start a second trip in a thread that is already waiting.
_spare_locks: deque[LockType] = deque()


def acquired_lock() -> LockType:
    """A lock to sleep on: acquired already, so that the next `acquire` waits for somebody's `release`."""
    try:
        return _spare_locks.pop()
    except IndexError:
        lock = allocate_lock()
        lock.acquire()
        return lock


def keep_lock(lock: LockType) -> None:
    """Put a lock back that is acquired and that nobody will release any more."""
    _spare_locks.append(lock)


class Errand(Protocol):
    """What is under way for another thread: `cancel` asks it to clean up and stop, `fail` gives up waiting for it."""

    task: asyncio.Task[None] | None

    def cancel(self) -> None: ...
    def fail(self, error: BaseException) -> None: ...


class LoopThread:
    """
    A private event loop on a daemon thread of its own, and the inbox that leads into it.

    It belongs to the process that made it: after a fork the child has the object but not the thread, and must make
    another one. It never refers to the portal that made it, so that a forgotten client can be collected.

    Attributes:
        loop: The event loop; only its own thread may touch it.
        post: Have something short run on the loop soon; from any thread, a finalizer or a signal handler.
        pid: The process it runs in.
        ident: Identifier of its thread; None before it started and after it ended.
        stopping: `stop` was called.
        closing: The loop begins no new errand any more.
        close_error: What the client's own closing raised, if it did.
        leaving: It ends because the interpreter exits.
    """

    def __init__(self, new_loop: NewLoop, *, name: str, closed_error: Callable[[str], BaseException]) -> None:
        self.pid = os.getpid()
        self.ident: int | None = None
        self.errands: set[Errand] = set()
        self.stopping = False
        self.closing = False
        self.leaving = False
        self.close_error: BaseException | None = None
        self._new_loop = new_loop
        self._closed_error = closed_error
        self._failure: BaseException | None = None
        self._grace = CLOSING_GRACE
        self._aclose: Callable[[], Awaitable[object]] | None = None
        self._inbox = Inbox()
        self.post = self._inbox.post
        self._stop = asyncio.Event()
        self.thread = threading.Thread(target=self._main, name=name, daemon=True)

    def stop(
        self,
        aclose: Callable[[], Awaitable[object]] | None = None,
        *,
        grace: float = CLOSING_GRACE,
        leaving: bool = False,
    ) -> None:
        """
        Begin to close, without waiting for it: cancel what is under way, run `aclose`, end the loop and the thread.

        Args:
            aclose: The client's own closing, run on the loop. None if there is nothing to close.
            grace: Seconds for each of the steps.
            leaving: The interpreter exits. Whoever still waits is a daemon thread and is left waiting: an exception
                would only make it print a traceback on the way out.
        """
        self.leaving = leaving  # before `stopping`: who sees that one must know whether to fail or to rest
        self.stopping = True

        def begin() -> None:
            if not self._stop.is_set():
                self._aclose, self._grace = aclose, grace
                self._stop.set()

        self.post(begin)

    def closed_error(self) -> BaseException:
        """A new error for somebody who waits for a loop that ends; or why there is no loop."""
        return self._failure or self._closed_error(CLOSED)

    def spawn(self, coroutine: Any, context: Context) -> asyncio.Task[None]:
        """Make the task of an errand; on the loop only. A private loop has no task factory to respect."""
        return asyncio.Task(coroutine, loop=self.loop, name="nexevo-sync call", context=context)

    def keep(self, coroutine: Any) -> None:
        """Run something that nobody waits for; on the loop only."""
        self.spawn(coroutine, copy_context())

    def release(self, lock: LockType, *, failed: bool) -> None:
        """Wake whoever sleeps on this lock, unless that would make a daemon thread fail while the interpreter exits."""
        if not (failed and self.leaving):
            lock.release()

    def rest_if_leaving(self) -> None:
        """While the interpreter exits, put a daemon thread to rest instead of letting it fail aloud."""
        if self.leaving and threading.current_thread().daemon:
            acquired_lock().acquire()

    # What follows runs on the thread itself.

    def _begin(self) -> None:
        """Make the loop: here, because no signal handler runs in this thread, and none can leave half of it behind."""
        self.ident = threading.get_ident()
        self.loop = self._inbox.open(self._new_loop)

    def _main(self) -> None:
        try:
            self._begin()
        except BaseException as error:  # no more files, usually
            self._failure = error
            self.stopping = True
            self._refuse_all()
            return
        serving = self.loop.create_task(self._serve(), name="nexevo-sync")
        while not serving.done():
            # A background task that raises SystemExit or KeyboardInterrupt stops the loop. The error stays in the
            # task, for whoever awaits it; everybody else's calls go on.
            with suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_until_complete(serving)
        self._refuse_all()
        self._inbox.close()

    async def _serve(self) -> None:
        """Run until asked to stop, then close in order: calls, client, whatever else is left."""
        await self._stop.wait()
        self.closing = True
        errands = tuple(self.errands)
        for errand in errands:
            errand.cancel()
        await self._settle({errand.task for errand in errands if errand.task is not None})
        client = self.loop.create_task(self._close_client())
        await self._settle({client})
        self.close_error = client.exception() if client.done() and not client.cancelled() else None
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await self._settle(rest)
        await self.loop.shutdown_asyncgens()

    async def _close_client(self) -> None:
        if self._aclose is not None:
            await self._aclose()

    async def _settle(self, tasks: set[Any]) -> None:
        if tasks:
            await asyncio.wait(tasks, timeout=self._grace)

    def _refuse_all(self) -> None:
        """Refuse what is queued, give up what did not stop."""
        self.closing = True
        self._inbox.end()
        for errand in tuple(self.errands):
            errand.fail(self.closed_error())
        self.ident = None


class Crossing:
    """One call on its way: what to run, and the slot its outcome comes back in; `done` before the lock opens."""

    __slots__ = (
        "_args",
        "_context",
        "_func",
        "_handled",
        "_kwargs",
        "_line",
        "_serial",
        "done",
        "error",
        "lock",
        "task",
        "value",
    )

    def __init__(
        self,
        line: LoopThread,
        func: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        context: Context,
        handled: BaseException | None,
    ) -> None:
        self._line = line
        self._func = func
        self._args = args
        self._kwargs = kwargs
        self._context = context
        self._handled = handled
        self._serial = next(_serials)
        self.lock = acquired_lock()
        self.task: asyncio.Task[None] | None = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.done = False

    def start(self) -> None:
        """Begin; on the loop."""
        if self._line.closing:
            self.fail(self._line.closed_error())
            return
        self._line.errands.add(self)
        self.task = self._line.spawn(self._run(), self._context)

    def cancel(self) -> None:
        """Cancel the coroutine; on the loop."""
        if self.done:
            return
        if self.task is None:  # interrupted before it was queued
            self.fail(asyncio.CancelledError())
        else:
            # Not at once: a task that is cancelled before its first step never enters `_run`, and nobody would
            # tell the waiting thread. Its first step is queued in the loop already, ahead of this.
            self._line.loop.call_soon(self.task.cancel)

    def fail(self, error: BaseException) -> None:
        """Hand this error to the waiting thread, whatever the coroutine does."""
        if not self.done:
            self.error = error
            self._finish()

    def wait_for_cleanup(self) -> None:
        """Cancel, and wait until the coroutine has cleaned up; whatever interrupts this wait gets out."""
        self._line.post(self.cancel)
        while not self.done:
            self.lock.acquire()

    async def _run(self) -> None:
        handled = self._handled
        try:
            if handled is None:
                self.value = await self._func(*self._args, **self._kwargs)
            else:
                # The caller stands in an `except` block: so shall the coroutine, for `sys.exc_info` and for the
                # context of what it raises. Raising adds a frame to the traceback, which is none of the caller's.
                seen = handled.__traceback__
                try:
                    raise handled
                except BaseException:
                    handled.__traceback__ = seen
                    self.value = await self._func(*self._args, **self._kwargs)
        except asyncio.CancelledError as error:
            self.error = self._line.closed_error() if self._line.closing else error
        except BaseException as error:
            # SystemExit and KeyboardInterrupt belong to the caller too; let through, they would stop the loop.
            forget_earlier_trips(error, self._serial)
            self.error = error
        if not self.done:
            self._finish()

    def _finish(self) -> None:
        self._line.errands.discard(self)
        self.done = True
        self._line.release(self.lock, failed=self.error is not None)


def forget_earlier_trips(error: BaseException, serial: int) -> None:
    """
    Cut from a traceback what an earlier trip of the same exception object left there.

    Python prepends to the traceback an exception already has, so one that is kept and raised again and again grows
    with each trip. A trip inside this one (a hook that calls the client) began later, has a higher serial, and stays.
    """
    step: TracebackType | None = error.__traceback__
    while step is not None and (entry := step.tb_next) is not None:
        run = entry.tb_next
        if run is not None and run.tb_frame.f_code is _RUN_CODE and run.tb_frame.f_locals["self"]._serial < serial:
            step.tb_next = None
            return
        step = entry


_RUN_CODE = Crossing._run.__code__
