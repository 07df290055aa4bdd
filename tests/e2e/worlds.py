"""
The two worlds in which the same test runs: that of coroutines, and that of threads that block.

A test that takes `world` is a coroutine function written for `AsyncNexevo`. In the blocking world its client is a
`Nexevo` in the clothes of an `AsyncNexevo`: what is awaited has blocked and is done, so the test runs from beginning to
end without an event loop. What it awaits must come from the world or its clients, nothing from asyncio.

The modules of this folder run with `AsyncWorld`, and again with `BlockingWorld` in `tests/sync/test_facade_faults.py`.
Tests that do not take `world` are about asyncio itself. What is marked `one_world`, a test or a parameter, runs with
coroutines only, because the facade would take as long again for the same path.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import pytest
from _pytest.mark import ParameterSet

from nexevo_async import AsyncNexevo
from nexevo_async.sandbox import Sandbox
from nexevo_async.sandbox.home import LoopThread
from nexevo_sync import Nexevo
from nexevo_sync._shapes import Twin, ViewTwin
from tests.core.raw_server import Behaviour, RawServer

Work = Callable[[], Awaitable[Any]]


def one_world(*values: Any) -> ParameterSet:
    """Parameters for the world of coroutines only."""
    return pytest.param(*values, marks=pytest.mark.one_world)


class Begun(Protocol):
    """Work under way; awaiting it gives its result, or raises what it raised."""

    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        ...

    def __await__(self) -> Generator[Any, None, Any]: ...


class World(Protocol):
    """What a test has: a sandbox, clients for it, work at the same time, and time itself."""

    box: Sandbox
    many: int  # how many calls at once are a crowd: threads are dearer than tasks

    def sandbox(self, bases: int = 2, **options: Any) -> AbstractAsyncContextManager[Sandbox]:
        """A sandbox, from now on this world's `box`; without a rate limit unless one is asked for."""
        ...

    def client(self, **arguments: Any) -> AsyncNexevo:
        """A client of all bases of the box, with its key; whatever is given comes first."""
        ...

    def server(self, behave: Behaviour) -> AbstractAsyncContextManager[RawServer]:
        """A server that does exactly this; it lives beside the test and answers whatever the test waits for."""
        ...

    def begin(self, work: Work) -> Begun:
        """Begin to run something beside the test, which must await it."""
        ...

    async def at_once(self, *works: Work) -> list[Any]:
        """Run everything at once; each result, or the exception in its place."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; not at all if the time is over."""
        ...

    async def until(self, true: Callable[[], bool], *, seconds: float = 5.0) -> None:
        """Wait for something to become true: most of it is on the other side of a socket."""
        ...

    def running(self) -> set[Any]:
        """All tasks, or all threads, to see whether something stays behind."""
        ...


def _arguments(box: Sandbox | None, given: dict[str, Any]) -> dict[str, Any]:
    known = {} if box is None else {"api_key": box.api_key, "base_urls": box.base_urls}
    if "base_url" in given:
        known.pop("base_urls", None)
    return known | given


class AsyncWorld:
    """Tasks on one event loop, which is the sandbox's too."""

    box: Sandbox
    many = 1000

    @asynccontextmanager
    async def sandbox(self, bases: int = 2, **options: Any) -> AsyncIterator[Sandbox]:
        async with Sandbox(bases, **{"rate_limit": None} | options) as self.box:
            yield self.box

    def client(self, **arguments: Any) -> AsyncNexevo:
        return AsyncNexevo(**_arguments(getattr(self, "box", None), arguments))

    def server(self, behave: Behaviour) -> RawServer:
        return RawServer(behave)

    def begin(self, work: Work) -> asyncio.Task[Any]:
        async def run() -> Any:
            return await work()

        return asyncio.create_task(run())

    async def at_once(self, *works: Work) -> list[Any]:
        return await asyncio.gather(*(self.begin(work) for work in works), return_exceptions=True)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def until(self, true: Callable[[], bool], *, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - see the protocol
                await asyncio.sleep(0.01)

    def running(self) -> set[Any]:
        return asyncio.all_tasks()


class BlockingWorld:
    """Threads, and no event loop but the client's own; sandbox and servers have theirs on threads of their own."""

    box: Sandbox
    many = 100

    @asynccontextmanager
    async def sandbox(self, bases: int = 2, **options: Any) -> AsyncIterator[Sandbox]:
        with Sandbox(bases, **{"rate_limit": None} | options) as self.box:
            yield self.box

    def client(self, **arguments: Any) -> Any:
        return Blocking(Nexevo(**_arguments(getattr(self, "box", None), arguments)))

    @asynccontextmanager
    async def server(self, behave: Behaviour) -> AsyncIterator[RawServer]:
        server = RawServer(behave)

        async def opening() -> None:
            await server.__aenter__()

        async def closing() -> None:
            await server.__aexit__(None, None, None)

        thread = LoopThread(opening, closing)
        thread.start()
        try:
            yield server
        finally:
            thread.stop()

    def begin(self, work: Work) -> Begun:
        return _OnThread(work)

    async def at_once(self, *works: Work) -> list[Any]:
        begun = [_OnThread(work) for work in works]
        return [thread.outcome() for thread in begun]

    async def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))  # noqa: ASYNC251 - there is no loop here

    async def until(self, true: Callable[[], bool], *, seconds: float = 5.0) -> None:
        limit = time.monotonic() + seconds
        while not true():
            if time.monotonic() > limit:
                raise TimeoutError
            time.sleep(0.01)  # noqa: ASYNC251 - there is no loop here

    def running(self) -> set[Any]:
        return set(threading.enumerate())


class _OnThread:
    """Work on a thread of its own."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = run_here(self._work())
        except BaseException as error:
            self._error = error

    def done(self) -> bool:
        return not self._thread.is_alive()

    def outcome(self) -> Any:
        """Result or exception, once it has ended."""
        self._thread.join()
        return self._result if self._error is None else self._error

    def __await__(self) -> Generator[Any, None, Any]:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result
        yield


class Blocking:
    """An object of the blocking client that can be used like its twin of the async client."""

    def __init__(self, twin: Any) -> None:
        self._twin = twin

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._twin, "close" if name == "aclose" else name)
        if not callable(value):
            return dressed(value)
        if not inspect.iscoroutinefunction(getattr(type(self._twin._async), name)):
            return lambda *args, **kwargs: dressed(value(*args, **kwargs))

        async def call(*args: Any, **kwargs: Any) -> Any:
            return dressed(value(*args, **kwargs))

        return call

    def __await__(self) -> Generator[None, None, Any]:
        return dressed(self._twin.open()) if hasattr(self._twin, "open") else self
        yield

    def __aiter__(self) -> Blocking:
        return Blocking(iter(self._twin))

    async def __anext__(self) -> Any:
        for item in self._twin:
            return item
        raise StopAsyncIteration

    async def __aenter__(self) -> Any:
        return dressed(self._twin.__enter__())

    async def __aexit__(self, *error: Any) -> None:
        self._twin.__exit__(*error)

    def __len__(self) -> int:
        return len(self._twin)

    def __getitem__(self, key: Any) -> Any:
        return self._twin[key]


def dressed(value: Any) -> Any:
    """Objects of the blocking client in the clothes of the async one; everything else as it is."""
    return Blocking(value) if isinstance(value, Twin | ViewTwin) else value


def run_here(coroutine: Awaitable[Any]) -> Any:
    """Run a coroutine whose every await is done already."""
    try:
        coroutine.__await__().send(None)  # type: ignore[attr-defined]  # coroutines are generators underneath
    except StopIteration as done:
        return done.value
    raise AssertionError("the scenario waited for something that only an event loop can give")
