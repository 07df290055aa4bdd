"""The doors from a thread into an event loop: each gives a function that runs a coroutine there and waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from anyio.from_thread import start_blocking_portal

from benchmarks.peers import ANYIO_PORTAL, OUR_PORTAL, THREADSAFE, Crossing
from nexevo_sync._portal import Portal


async def trivial() -> int:
    """The least a coroutine can do."""
    return 1


def _uvloop() -> asyncio.AbstractEventLoop:
    import uvloop  # optional: only these two need it

    return uvloop.new_event_loop()


@contextlib.contextmanager
def threadsafe(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[Crossing]:
    """`asyncio.run_coroutine_threadsafe(...).result()` on a loop thread."""
    loop = new_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield lambda: asyncio.run_coroutine_threadsafe(trivial(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextlib.contextmanager
def anyio_portal() -> Iterator[Crossing]:
    """anyio's blocking portal."""
    with start_blocking_portal() as portal:
        yield lambda: portal.call(trivial)


@contextlib.contextmanager
def own_portal(*, uvloop: bool) -> Iterator[Crossing]:
    """The portal of nexevo_sync."""
    portal = Portal(uvloop=uvloop)
    yield lambda: portal.call(trivial)
    portal.close()


CROSSINGS: dict[str, Callable[[], AbstractContextManager[Crossing]]] = {
    THREADSAFE: lambda: threadsafe(asyncio.new_event_loop),
    ANYIO_PORTAL: anyio_portal,
    OUR_PORTAL: lambda: own_portal(uvloop=False),
    f"{THREADSAFE}, uvloop": lambda: threadsafe(_uvloop),
    f"{OUR_PORTAL}, uvloop": lambda: own_portal(uvloop=True),
}
