"""
The portal of the sync facade: the door from any thread into a private event loop, and back.

This package is generated from `nexevo_async`, but for this module and what it stands on: `_crossing` (one trip),
`_inbox` (what wakes the loop) and `_batches` (streams).
What the portal promises:

* an interrupted wait (Ctrl-C, a signal handler's exception) cancels the coroutine, waits until it has cleaned up, and
  raises once; a second interrupt gets out at once;
* context variables and the exception being handled are visible to the coroutine; its errors arrive with the caller's
  line, two frames of ours and the coroutine in their traceback;
* after a fork, parent and child both go on: the child forgets the loop, its sockets and its tasks without touching
  them, and starts its own thread with its first call;
* an interpreter that exits is neither held up nor made to print anything.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import importlib
import inspect
import os
import sys
import threading
import warnings
import weakref
from asyncio import _get_running_loop
from collections.abc import AsyncIterable, Awaitable, Callable
from contextvars import copy_context
from threading import get_ident
from typing import Any, ParamSpec, TypeVar, cast

import anyio
import anyio.to_thread

from nexevo_sync._batches import BatchIterator, call_site
from nexevo_sync._crossing import CLOSED, EXIT_GRACE, OWN_THREAD, Crossing, LoopThread, keep_lock

P = ParamSpec("P")
T = TypeVar("T")

_BLOCKED_LOOP = (
    "a blocking nexevo client is used in a thread that runs an event loop, which stands still meanwhile; "
    "in asynchronous code use `AsyncNexevo` from nexevo_async and await its calls (this is said once per process)"
)

_portals: weakref.WeakSet[Portal] = weakref.WeakSet()
#: Loops of the parent process. Never to be collected: closing one would unregister the parent's sockets, because both
#: processes share one epoll object (epoll(7), question 6).
_left_behind: list[LoopThread] = []
_warned = False


class Portal:
    """
    Runs coroutines on a private event loop, and lets the calling thread wait for them.

    The loop runs on one daemon thread per process, started by the first call. Any number of threads may call at once.

    Args:
        aclose: The async client's own closing, run on the loop when the portal is closed, forgotten, or the
            interpreter exits. None if there is nothing to close.
        closed_error: Makes the error that calls get once the portal is closed, from its message.
        uvloop: Run the loop on uvloop. Default False, the standard library's loop.
        name: Name of the thread, as debuggers and `threading.enumerate` show it.

    Raises:
        ImportError: uvloop was asked for and is not installed.

    .. versionadded:: 0.1.0
    """

    _line: LoopThread | None = None

    def __init__(
        self,
        aclose: Callable[[], Awaitable[object]] | None = None,
        *,
        closed_error: Callable[[str], BaseException] = RuntimeError,
        uvloop: bool = False,
        name: str = "nexevo-sync",
    ) -> None:
        self._new_loop = _loop_factory(uvloop=uvloop)
        self._aclose = aclose
        self._closed_error = closed_error
        self._name = name
        self._closed = False
        self._site = call_site()
        self._starting = threading.Lock()
        _portals.add(self)

    def call(self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Run `func(*args, **kwargs)` on the loop, wait for it, and return or raise what it does.

        Raises:
            RuntimeError: Called from the loop's own thread, where waiting would never end.
            BaseException: Whatever the coroutine raises, SystemExit included; the closed error if the portal is
                closed before it is done; whatever interrupts the wait, after the coroutine has cleaned up.
        """
        line = self.enter()
        crossing = Crossing(line, func, args, kwargs, copy_context(), sys.exception())
        try:
            line.post(crossing.start)
            crossing.lock.acquire()
        except BaseException as interruption:
            # The lock is not kept: the loop may yet release it.
            crossing.wait_for_cleanup()
            _close_unclaimed(line, crossing.value)
            if crossing.error is not None and not isinstance(crossing.error, asyncio.CancelledError):
                interruption.__context__ = crossing.error
            raise
        keep_lock(crossing.lock)
        error = crossing.error
        if error is None:
            return cast("T", crossing.value)
        context = error.__context__
        try:
            raise error
        finally:
            # `raise` inside the caller's `except` block would replace the context that the coroutine gave it. And
            # the traceback leads to this frame, so it must not lead back.
            error.__context__ = context
            crossing.error = None
            del error, context, crossing

    def run(self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Run a plain function where the state that it reads belongs: on the loop, or here while there is no loop.

        No loop is started for it, and none is missed after the end.
        """
        line = self._line
        if line is None or line.stopping or line.pid != os.getpid() or line.ident == get_ident():
            return func(*args, **kwargs)

        async def there() -> T:
            return func(*args, **kwargs)

        return self.call(there)

    def iterate(
        self, open_: Callable[[], AsyncIterable[T]], *, ahead: int = 256, opened: bool = False
    ) -> BatchIterator[T]:
        """
        Iterate over an async iterator; its items cross together instead of one trip each.

        Args:
            open_: Gives the async iterator; called on the loop when the first item is asked for.
            opened: It is open already, and will be closed even if no item is ever asked for. Default False.
            ahead: How many items, at least 1, may wait on this side. When they do, the async iterator is not asked
                for more, so that a slow reader slows the server. Default 256; a trip is paid per half of it.

        Raises:
            ValueError: `ahead` is less than 1.
        """
        if ahead < 1:
            message = f"ahead must be at least 1, not {ahead}"
            raise ValueError(message)
        return BatchIterator(self.enter, open_, ahead, opened=opened)

    @staticmethod
    def off_loop(func: Callable[P, Awaitable[T] | T]) -> Callable[P, Awaitable[T]]:
        """
        Make a user's callback (a hook, a callable key) one that the loop can await without being blocked by it.

        A coroutine function is returned as it is. Anything else runs on a worker thread, with the context variables of
        the call, and may itself make blocking calls through the portal.
        """
        if inspect.iscoroutinefunction(func):
            return func

        @functools.wraps(func)
        async def on_worker_thread(*args: P.args, **kwargs: P.kwargs) -> T:
            # A limiter of its own: with a shared one, callbacks that make calls that need callbacks could use it up
            # and wait for each other. Their number is bounded by the number of calls.
            limiter = anyio.CapacityLimiter(1)
            result: Any = await anyio.to_thread.run_sync(functools.partial(func, *args, **kwargs), limiter=limiter)
            return cast("T", await result if inspect.isawaitable(result) else result)

        return on_worker_thread

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """
        Cancel what is under way, close the client, end the loop and its thread, and wait for that.

        Whoever waits in another thread gets the closed error, once its coroutine has cleaned up. Closing again does
        nothing. Each step (calls, client, the rest) may take 5 seconds and is then given up.

        Raises:
            RuntimeError: Called from the loop's own thread.
            BaseException: What `aclose` raised.
        """
        line = self._line
        if line is not None and line.ident == get_ident():
            raise RuntimeError(OWN_THREAD)
        with self._starting:
            self._closed = True
            line = self._line
        if line is None or line.pid != os.getpid():
            return
        line.stop(self._aclose)
        line.thread.join()
        self._line = None
        error, line.close_error = line.close_error, None
        if error is not None:
            raise error

    def enter(self) -> LoopThread:
        """The loop thread of this process, started if need be; refuses where waiting for it would be wrong."""
        line = self._line
        if line is None or line.stopping or line.pid != os.getpid():
            line = self._start()
        if line.ident == get_ident():
            raise RuntimeError(OWN_THREAD)
        if not _warned and _get_running_loop() is not None:
            _warn_of_blocked_loop()
        return line

    def _start(self) -> LoopThread:
        with self._starting:
            if self._closed:
                if self._line is not None:
                    self._line.rest_if_leaving()
                raise self._closed_error(CLOSED)
            line = self._line
            if line is None or line.stopping or line.pid != os.getpid():
                line = LoopThread(self._new_loop, name=self._name, closed_error=self._closed_error)
                try:
                    line.thread.start()
                    self._line = line
                except BaseException:
                    line.stop()  # interrupted: the thread may have begun, and ends again
                    raise
            return line

    def _forget(self) -> None:
        """In the child of a fork: leave the parent's loop alone, and take a lock that nobody holds."""
        self._starting = threading.Lock()
        if self._line is not None:
            _left_behind.append(self._line)
            self._line = None

    def _leave(self) -> LoopThread | None:
        """At exit: close without waiting and without telling anybody."""
        line = self._line
        if self._closed or line is None or line.pid != os.getpid():
            return None
        self._closed = True
        line.stop(self._aclose, grace=EXIT_GRACE, leaving=True)
        return line

    def __del__(self, _warn: Callable[..., None] = warnings.warn_explicit) -> None:
        # May run in any thread, the loop's own included, at any moment: it must not wait, nor take a lock.
        line = self._line
        if line is None or self._closed or line.pid != os.getpid():
            return
        line.stop(self._aclose)
        message = "a nexevo client was never closed; use `with`, or call its close()"
        _warn(message, ResourceWarning, *self._site, source=self)


def _loop_factory(*, uvloop: bool) -> Callable[[], asyncio.AbstractEventLoop]:
    if not uvloop:
        # By name, because the default on Windows cannot watch a socket for us.
        return asyncio.SelectorEventLoop
    try:
        module = importlib.import_module("uvloop")
    except ImportError:
        message = "uvloop was asked for and is not installed: pip install 'nexevo[speed]', or leave uvloop=True out"
        raise ImportError(message) from None
    return cast("Callable[[], asyncio.AbstractEventLoop]", module.new_event_loop)


def _close_unclaimed(line: LoopThread, value: object) -> None:
    """Close what a coroutine opened just before it would have been cancelled: nobody else can."""
    aclose = getattr(value, "aclose", None)
    if aclose is not None:
        line.post(lambda: None if line.closing else line.keep(aclose()))


def _warn_of_blocked_loop() -> None:
    global _warned
    _warned = True
    warnings.warn_explicit(_BLOCKED_LOOP, RuntimeWarning, *call_site())


def _forget_all() -> None:
    for portal in list(_portals):
        portal._forget()


def _leave_all() -> None:
    lines = [portal._leave() for portal in list(_portals)]
    for line in lines:
        if line is not None:
            line.thread.join(4 * EXIT_GRACE)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
atexit.register(_leave_all)
