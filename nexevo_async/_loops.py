"""
Things that belong to one event loop of one process, made when first needed there.

A client outlives loops: `asyncio.run` twice, a loop for each test, a child after fork. What is bound to a loop (the
HTTP session, the host task of the prober) is kept here and closed with its loop: an asynchronous generator that has
been started is closed by `loop.shutdown_asyncgens`, which `asyncio.run` and every test runner call before the loop
goes, and that is documented behaviour of asyncio.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import AsyncGenerator, Callable
from typing import Any, Generic, Protocol, TypeVar


class LoopBound(Protocol):
    """Something that lives on one loop."""

    async def aclose(self) -> None:
        """Let go of everything, on the loop it was made on."""

    def abandon(self) -> None:
        """Forget everything without touching the loop: it is gone, or it belongs to the parent process."""


class Forkable(Protocol):
    """Something that must not go on as it is in a child process."""

    def after_fork(self) -> None:
        """This is the child: forget what belongs to the parent."""


T = TypeVar("T", bound=LoopBound)

#: Kept alive for ever: collecting them would unregister the parent's sockets from the poller shared across fork.
_LEFT_TO_PARENT: list[Any] = []
_ALL: weakref.WeakSet[Forkable] = weakref.WeakSet()


def on_fork(thing: Forkable) -> None:
    """Have `after_fork` called in every child process, for as long as the thing lives."""
    _ALL.add(thing)


def leave_to_parent(thing: Any) -> None:
    """In a child process: never touch, and never collect, what belongs to a loop of the parent."""
    _LEFT_TO_PARENT.append(thing)


class PerLoop(Generic[T]):
    """One `T` for each running loop."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None, None]]] = {}
        on_fork(self)

    async def get(self) -> T:
        """The one of the running loop, made now if need be."""
        loop = asyncio.get_running_loop()
        found = self._made.get(loop)
        if found is not None:
            return found[0]
        self._forget_closed_loops()
        made = self._make()
        # Weakly, so that nothing here refers back to us: a client that is dropped without being closed goes at once,
        # and the guard, collected with it, closes what it guards.
        guard = _close_with_loop(weakref.ref(self), loop, made)
        self._made[loop] = (made, guard)
        await anext(guard)
        return made

    def peek(self) -> T | None:
        """The one of the running loop, or None if there is none yet."""
        found = self._made.get(asyncio.get_running_loop())
        return None if found is None else found[0]

    async def aclose(self) -> None:
        """Close the one of the running loop; those of other loops close with their loops."""
        found = self._made.get(asyncio.get_running_loop())
        if found is not None:
            await found[1].aclose()

    def _forget_closed_loops(self) -> None:
        for loop in [loop for loop in self._made if loop.is_closed()]:
            self._made.pop(loop)[0].abandon()

    def after_fork(self) -> None:
        """This is a child process: leave the parent's to the parent, untouched."""
        for made, guard in self._made.values():
            made.abandon()
            leave_to_parent((made, guard))
        self._made = {}


async def _close_with_loop(
    owner: weakref.ref[PerLoop[T]], loop: asyncio.AbstractEventLoop, made: T
) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        per_loop = owner()
        if per_loop is not None:
            per_loop._made.pop(loop, None)
        await made.aclose()


def _after_fork_in_child() -> None:
    for thing in list(_ALL):
        thing.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
