"""
The host task: what runs beside the calls on one event loop, never around the caller's own code.

It holds its owner weakly: a client that is dropped without being closed takes its task with it. It never keeps a
process alive, and closing waits until it and all its jobs have ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import anyio

from nexevo_async._logging import logger

Job = Callable[[], Awaitable[None]]

#: Pause after a tick that failed (seconds).
_AFTER_FAILURE = 1.0


class Owner(Protocol):
    """Who decides what is to be done."""

    def tick(self, host: Host) -> float:
        """Start what is due; seconds until there may be more."""
        ...


class Host:
    """
    A task that ticks, and the jobs it has started.

    Args:
        owner: Asked at every tick; held weakly, and its end is the task's.
        loop: The running loop.
    """

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.closing = asyncio.Event()
        self._nudged = asyncio.Event()
        self._jobs: dict[str, asyncio.Future[None]] = {}
        self._waiting: list[tuple[str, Job, asyncio.Future[None]]] = []
        self._task = loop.create_task(self._run(weakref.ref(owner, self._owner_is_gone)), name="nexevo-background")
        self._task.add_done_callback(self._forget_jobs)

    @property
    def is_over(self) -> bool:
        """Whether the task has ended."""
        return self._task.done()

    def nudge(self) -> None:
        """Tick now: something has changed."""
        self._nudged.set()

    def once(self, name: str, job: Job) -> asyncio.Future[None]:
        """
        Have a job done beside the ticks, unless one of this name is under way; then that one will do.

        Returns:
            How it ended. Whoever does not want to know need not look.
        """
        done = self._jobs.get(name)
        if done is None:
            done = self._jobs[name] = self.loop.create_future()
            done.add_done_callback(_looked_at)
            self._waiting.append((name, job, done))
            self.nudge()
            if self.is_over:
                self._forget_jobs()
        return done

    def start(self, name: str, job: Job) -> asyncio.Future[None]:
        """The same for a job whose failure nobody waits for: it is logged."""
        return self.once(name, partial(_guarded, job))

    async def aclose(self) -> None:
        """End the task and its jobs. On their own loop this waits until they have ended; on another it cannot."""
        if self.loop.is_closed():
            return
        self.closing.set()
        if self.loop is asyncio.get_running_loop():
            self._task.cancel()
            await asyncio.wait([self._task])
        else:
            self.cancel()

    def cancel(self) -> None:
        """Have the task end when its loop comes to it. May be called from any thread."""
        self._owner_is_gone()

    def _owner_is_gone(self, _: object = None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the task with it
            self.loop.call_soon_threadsafe(self._task.cancel)

    async def _run(self, owner: weakref.ref[Owner]) -> None:
        # Not anyio's group: asyncio.run cancels all tasks when it ends, and a task of anyio's (4.16) that has not begun
        # by then leaves a coroutine that "was never awaited".
        async with asyncio.TaskGroup() as jobs:
            while (present := owner()) is not None:
                self._nudged.clear()
                delay = self._tick(present)
                del present
                self._start_waiting(jobs)
                with anyio.move_on_after(delay):
                    await self._nudged.wait()

    def _forget_jobs(self, _: object = None) -> None:
        """Nobody will do these any more: those that wait, and those whose task was cancelled before it began."""
        for done in self._jobs.values():
            done.cancel()
        self._jobs.clear()
        self._waiting.clear()

    def _tick(self, owner: Owner) -> float:
        """A tick that fails is logged, and the next one comes."""
        try:
            return owner.tick(self)
        except Exception:
            logger.exception("the background of the client had a failure; it goes on")
            return _AFTER_FAILURE

    def _start_waiting(self, jobs: asyncio.TaskGroup) -> None:
        waiting, self._waiting = self._waiting, []
        for name, job, done in waiting:
            jobs.create_task(self._do(name, job, done), name=name)

    async def _do(self, name: str, job: Job, done: asyncio.Future[None]) -> None:
        try:
            await job()
        except Exception as error:
            _settle(done, error)
        except BaseException:
            done.cancel()
            raise
        else:
            _settle(done, None)
        finally:
            self._jobs.pop(name, None)
        self.nudge()  # it may have changed something


async def _guarded(job: Job) -> None:
    try:
        await job()
    except Exception:
        logger.exception("the background of the client had a failure; it goes on")


def _settle(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _looked_at(done: asyncio.Future[None]) -> None:
    """Fetch the exception of a job that nobody waits for, so that it is not logged as never retrieved."""
    if not done.cancelled():
        done.exception()
