"""What users hand in and the async client calls: blocking functions run off the loop."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

import anyio
import anyio.to_thread

from nexevo_async.config import ApiKey
from nexevo_async.errors import ConfigurationError
from nexevo_async.hooks import Hooks
from nexevo_sync._portal import Portal

if TYPE_CHECKING:
    import aiohttp

Item = TypeVar("Item")
Value = TypeVar("Value")

#: Inputs of a job that can be read at once: a trip to a thread for each of their items would be for nothing.
_AT_HAND: Final[tuple[type, ...]] = (list, tuple, range, dict, set, frozenset, deque, str, bytes)
_END: Final[Any] = object()


def key_off_loop(api_key: ApiKey | None) -> ApiKey | None:
    """A key as it is; a function that gives one so that it may block, and may use a blocking client."""
    return Portal.off_loop(api_key) if callable(api_key) else api_key


class _HooksOffLoop(Hooks):
    """Hooks that may block. What they do not override is left out, because a trip to a thread is not free."""

    def __init__(self, hooks: Hooks) -> None:
        for name, ours in vars(Hooks).items():
            theirs = getattr(hooks, name)
            if not name.startswith("_") and getattr(theirs, "__func__", theirs) is not ours:
                setattr(self, name, Portal.off_loop(theirs))


@overload
def hooks_off_loop(hooks: Hooks | Sequence[Hooks]) -> Hooks | Sequence[Hooks]: ...
@overload
def hooks_off_loop(hooks: Hooks | Sequence[Hooks] | None) -> Hooks | Sequence[Hooks] | None: ...
def hooks_off_loop(hooks: Hooks | Sequence[Hooks] | None) -> Hooks | Sequence[Hooks] | None:
    """The same hooks, whose plain functions may block; coroutines run on the loop as ever."""
    if isinstance(hooks, Hooks):
        return _HooksOffLoop(hooks)
    if not isinstance(hooks, Sequence):
        return hooks  # None, or a mistake that the async client explains
    return [_HooksOffLoop(hook) if isinstance(hook, Hooks) else hook for hook in hooks]


def no_foreign_session(session: aiohttp.ClientSession | None) -> aiohttp.ClientSession | None:
    """
    Refuse a session of the caller's: it belongs to the loop it was made on, which is never ours.

    Raises:
        ConfigurationError: There is one.
    """
    if session is not None:
        raise ConfigurationError(
            "session belongs to the event loop it was made on, and a blocking client has a private one: "
            "leave session out, or use AsyncNexevo"
        )
    return session


def call_off_loop(portal: Portal, call: Callable[[Any, Item], Value]) -> Callable[[Any, Item], Awaitable[Value]]:
    """
    The function of a job, run on worker threads and given a blocking client.

    A thread cannot be cancelled. So if the job is, the calls that its function makes through that client are, which
    ends the function, and that is waited for.

    Raises:
        ConfigurationError: It is a coroutine function.
    """
    if inspect.iscoroutinefunction(call):
        raise ConfigurationError("call must be a plain function here: a coroutine function is for AsyncNexevo")
    if not callable(call):
        return call  # a mistake that the async client explains

    async def on_worker_thread(client: Any, item: Item) -> Value:
        from nexevo_sync.client import Nexevo  # here, because that module needs this one

        blocking = Nexevo._over(portal, client)
        # A limiter of its own: the job bounds the number of calls, and so of threads.
        limiter = anyio.CapacityLimiter(1)
        work = asyncio.ensure_future(anyio.to_thread.run_sync(call, blocking, item, limiter=limiter))
        work.add_done_callback(_look_at)
        try:
            await asyncio.wait((work,))  # which, cancelled, leaves it running
        except asyncio.CancelledError:
            client._transport.cut()
            await asyncio.wait((work,))
            raise
        return work.result()

    return on_worker_thread


def _look_at(work: asyncio.Future[Any]) -> None:
    """How it ended does not matter if the job was cancelled; unseen errors would be logged."""
    if not work.cancelled():
        work.exception()


def items_off_loop(items: Iterable[Item]) -> Iterable[Item] | AsyncIterator[Item]:
    """The input of a job, read on a worker thread if reading may block."""
    return _read_off_loop(_Reading(iter(items))) if _may_block(items) else items


def _may_block(items: object) -> bool:
    """Whether reading may take its time. What cannot be read is a mistake that the async client explains."""
    return isinstance(items, Iterable) and not isinstance(items, _AT_HAND)


async def _read_off_loop(reading: _Reading[Item]) -> AsyncIterator[Item]:
    limiter = anyio.CapacityLimiter(1)
    try:
        while (item := await anyio.to_thread.run_sync(reading.step, limiter=limiter)) is not _END:
            yield item
    finally:
        await anyio.to_thread.run_sync(reading.leave, limiter=limiter)


class _Reading(Generic[Item]):
    """An input that is read by threads. A read that blocks when the job ends is left alone, and closes it later."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._lock = threading.Lock()  # for `_reading` and `_left`
        self._reading = False
        self._left = False

    def step(self) -> Item:
        """The next item, or the mark of the end."""
        with self._lock:
            if self._left:  # the job ended before this thread began
                end: Item = _END
                return end
            self._reading = True
        try:
            return next(self._items, _END)
        finally:
            with self._lock:
                self._reading = False
                left = self._left
            if left:
                self._close()

    def leave(self) -> None:
        """No more is wanted."""
        with self._lock:
            self._left = True
            reading = self._reading
        if not reading:
            self._close()

    def _close(self) -> None:
        if isinstance(self._items, Generator):
            self._items.close()
