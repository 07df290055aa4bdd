"""
The two worlds in which the same scenario runs: that of coroutines, and that of threads that block.

A scenario is a coroutine function written for `AsyncNexevo`. In the blocking world its client is a `Nexevo` in the
clothes of an `AsyncNexevo`: what is awaited has blocked and is done, so the scenario runs from beginning to end without
an event loop.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Protocol

from nexevo_async import AsyncNexevo
from nexevo_async.sandbox import Sandbox
from nexevo_sync import Nexevo
from nexevo_sync._shapes import Twin, ViewTwin

Work = Callable[[], Coroutine[Any, Any, Any]]


class World(Protocol):
    """What a scenario has: a sandbox with two bases, clients for it, and time."""

    box: Sandbox

    def client(self, **arguments: Any) -> AsyncNexevo:
        """A client of both bases, with the box's key unless another is given."""
        ...

    async def at_once(self, *works: Work) -> list[Any]:
        """Run everything at once; each result, or the exception in its place."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class AsyncWorld:
    """Tasks on one event loop."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box

    def client(self, **arguments: Any) -> AsyncNexevo:
        return AsyncNexevo(**{"api_key": self.box.api_key, "base_urls": self.box.base_urls} | arguments)

    async def at_once(self, *works: Work) -> list[Any]:
        return await asyncio.gather(*(work() for work in works), return_exceptions=True)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class BlockingWorld:
    """Threads, and no event loop but the client's own."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box

    def client(self, **arguments: Any) -> Any:
        return Blocking(Nexevo(**{"api_key": self.box.api_key, "base_urls": self.box.base_urls} | arguments))

    async def at_once(self, *works: Work) -> list[Any]:
        outcomes: list[Any] = [None] * len(works)

        def run(number: int, work: Work) -> None:
            try:
                outcomes[number] = run_here(work())
            except BaseException as error:
                outcomes[number] = error

        threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - there is no loop here


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
