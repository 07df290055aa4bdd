"""
The way into a private event loop: a queue that any thread appends to, and a bell for when the loop sleeps.

A trip into a loop is paid mostly in system calls, hand-overs of the interpreter lock and turns of the loop. So the loop
takes what is queued when it falls asleep and when it wakes, which is inside its selector: what a thread asks for
begins in the very turn that it woke, not a turn later, and a loop that is busy anyway is not rung for.
"""

from __future__ import annotations

import asyncio
import functools
import io
import os
import select
import selectors
import socket
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress

NewLoop = Callable[..., asyncio.AbstractEventLoop]

#: Linux has files that are nothing but a counter, made for this.
_HAS_EVENTFD = hasattr(os, "eventfd") and hasattr(select, "epoll")

#: Looked up once, because every turn of the loop comes by here.
_wait = selectors.DefaultSelector.select

_ONE = (1).to_bytes(8, sys.byteorder)


class Inbox:
    """Short things that a loop is to do. `post` may be called anywhere, all else belongs to the loop's thread."""

    def __init__(self) -> None:
        self._queue: deque[Callable[[], None]] = deque()
        #: Whether the loop will look at the queue without being rung for; so it will when it begins.
        self._awake = True
        self._ended = False

    def open(self, new_loop: NewLoop) -> asyncio.AbstractEventLoop:
        """Make the bell, and the loop that it wakes."""
        self._bell = bell = _EventBell() if _HAS_EVENTFD else _SocketBell()
        self._ring = bell.ring
        try:
            self._loop = loop = self._make_loop(new_loop)
        except BaseException:
            bell.close()
            raise
        return loop

    def _make_loop(self, new_loop: NewLoop) -> asyncio.AbstractEventLoop:
        if new_loop is not asyncio.SelectorEventLoop:
            loop = new_loop()
            # Not `call_soon_threadsafe`: uvloop's takes the interpreter lock once more for each wake-up.
            loop.add_reader(self._bell, self._answer)
            loop.call_soon(self._drain)
            return loop
        selector = _Selector(self)
        loop = new_loop(selector)
        if isinstance(self._bell, _EventBell):
            selector.wake_for(self._bell)
        else:
            loop.add_reader(self._bell, self._bell.silence)
        return loop

    def post(self, action: Callable[[], None]) -> None:
        """
        Have something short run on the loop soon, from any thread, a finalizer or a signal handler; never blocks.

        CPython runs signal handlers after a call has returned, at a function's start and on backward jumps, so no
        handler can raise between setting `_awake` and ringing (so no `suppress` there): an interrupted thread never
        leaves the loop believed awake but asleep.
        """
        self._queue.append(action)
        if not self._awake:
            try:
                self._awake = True
                self._ring()
            except (OSError, ValueError):  # the loop has just ended
                pass
        if self._ended:
            self.empty()

    def fall_asleep(self) -> bool:
        """Have whoever appends from here on ring; False if somebody has appended before."""
        self._awake = False
        if self._queue:
            self._awake = True
        return not self._awake

    def wake_up(self) -> None:
        """Have nobody ring, and run what is queued."""
        self._awake = True
        self.empty()

    def empty(self) -> None:
        """Run what is queued; after the end, threads do this for themselves, and each action refuses itself."""
        queue = self._queue
        while queue:
            try:
                action = queue.popleft()
            except IndexError:  # another thread was faster
                return
            action()

    def end(self) -> None:
        """The loop has run for the last time: let whoever posts run it there."""
        self._ended = True  # before the queue is read: whoever appends after this empties it
        self.empty()

    def close(self) -> None:
        """Close the loop and the bell."""
        self._loop.remove_reader(self._bell)
        self._loop.close()
        self._bell.close()

    # What follows is for loops that have no selector.

    def _answer(self) -> None:
        self._bell.silence()
        self._drain()

    def _drain(self) -> None:
        """Run what is queued, and fall asleep; behind a crowd look again first, after what it started has begun."""
        crowd = len(self._queue) > 1
        try:
            self.empty()
        finally:
            if crowd or not self.fall_asleep():
                self._loop.call_soon(self._drain)


class _Selector(selectors.DefaultSelector):
    """The selector of a private loop, which empties the inbox whenever it has waited or looked."""

    def __init__(self, inbox: Inbox) -> None:
        super().__init__()
        self._inbox = inbox

    def wake_for(self, bell: _EventBell) -> None:
        """
        Return from `select` once each time this one rings.

        Watched for edges (epoll(7), EPOLLET) it need not be read, which saves a system call in each trip.
        """
        self.register(bell, selectors.EVENT_READ, (None, None))  # asyncio's way to say: neither a reader nor a writer
        with select.epoll.fromfd(os.dup(self.fileno())) as the_same:
            the_same.modify(bell, select.EPOLLIN | select.EPOLLET)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if (timeout is None or timeout > 0) and not self._inbox.fall_asleep():
            timeout = 0
        ready = _wait(self, timeout)
        try:
            self._inbox.wake_up()
        except Exception as error:  # one action's, as it would be a callback's; the next turn runs the others
            context = {"message": "nexevo-sync could not begin what a thread asked for", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
        return ready


class _EventBell:
    """A counter in the kernel. A file object rather than its number, which after closing may be another file's."""

    def __init__(self) -> None:
        self._file = io.FileIO(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK), "r+")
        self.ring: Callable[[], object] = functools.partial(self._file.write, _ONE)
        self.fileno = self._file.fileno
        self.close = self._file.close

    def silence(self) -> None:
        self._file.read(8)


class _SocketBell:
    """Two ends of a connection: dearer, but there is such a thing on any system."""

    def __init__(self) -> None:
        self._bell, self._waker = socket.socketpair()
        self._bell.setblocking(False)
        self._waker.setblocking(False)
        self.ring: Callable[[], object] = functools.partial(self._waker.send, b"\0")
        self.fileno: Callable[[], int] = self._bell.fileno

    def silence(self) -> None:
        with suppress(BlockingIOError):  # nobody has rung
            self._bell.recv(64)

    def close(self) -> None:
        self._bell.close()
        self._waker.close()
