"""The loop a box lives on: the caller's, or one on a thread of the box's own. Work from elsewhere is handed over."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Home:
    """Runs plain functions on the box's loop, whichever thread asks."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def settle(self) -> None:
        """Take the running loop as the box's own."""
        self._loop = asyncio.get_running_loop()

    def leave(self) -> None:
        """The box is closed; from here on functions run where they are called."""
        self._loop = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The box's loop; RuntimeError when the box is not running."""
        if self._loop is None:
            raise RuntimeError("the sandbox is not running; use it inside `with` or `async with`")
        return self._loop

    def call(self, work: Callable[[], T]) -> T:
        """The result of `work`, done on the loop: at once when called there, else as soon as the loop gets to it."""
        loop = self._loop
        if loop is None or not loop.is_running() or _running_loop() is loop:
            return work()
        outcome: Future[T] = Future()

        def run() -> None:
            try:
                outcome.set_result(work())
            except BaseException as error:
                outcome.set_exception(error)

        loop.call_soon_threadsafe(run)
        return outcome.result()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class LoopThread:
    """
    A daemon thread with a loop, on which one thing is opened, kept open and closed.

    Args:
        opening: Called on the thread's loop before `start` returns; what it raises, `start` raises.
        closing: Called there before `stop` returns.
    """

    def __init__(self, opening: Callable[[], Awaitable[None]], closing: Callable[[], Awaitable[None]]) -> None:
        self._opening, self._closing = opening, closing
        self._opened: Future[None] = Future()
        self._leave: Callable[[], object] | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="nexevo sandbox", daemon=True)

    def start(self) -> None:
        """Start the thread and wait until everything is open."""
        self._thread.start()
        try:
            self._opened.result()
        except BaseException:
            self._thread.join()
            raise

    def stop(self) -> None:
        """Close everything and wait for the thread's end; what closing raises is raised here."""
        if self._leave is not None:
            self._leave()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:
            self._failure = error

    async def _live(self) -> None:
        leave, loop = asyncio.Event(), asyncio.get_running_loop()
        self._leave = functools.partial(loop.call_soon_threadsafe, leave.set)
        try:
            await self._opening()
        except BaseException as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        await leave.wait()
        await self._closing()
