"""
aiohttp's connector, which looks names up and makes connections, with a pool of our own.

Calls of `_session` take connections straight from here, and so does aiohttp's own session if they must go through it.
The newest idle connection serves first: the load keeps a few warm, and the others come of age.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import sys
import time
import weakref
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from typing import Any, Final

import aiohttp
from aiohttp import connector as lower

from nexevo_async._connection import Connection, Idle
from nexevo_async._progress import PROGRESS, Progress

#: Idle connections are closed after so long (seconds), before any common server closes them under us.
IDLE_SECONDS = 5.0
#: A connection older than this is not used again: one under steady load would never look the name up anew.
MOST_AGE = 300.0
#: Connections being made at once to one origin. Thousands would be late through their own number: a false outage.
CONNECTING = 100
#: Seconds of silence before the first keepalive probe, between probes, and how many may be lost.
KEEPALIVE: Final = (60, 60, 5)
#: Milliseconds that sent data may stay unacknowledged before the kernel gives the connection up (gRPC proposal A18).
USER_TIMEOUT_MS: Final = 20_000


class Connector(aiohttp.TCPConnector):
    """Makes connections, keeps idle ones, and tells how far an attempt has got."""

    _abandoned = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(limit=0, socket_factory=_socket, **settings)  # what is limited is counted by `Session`
        # aiohttp has no public name for what makes its protocols.
        self._factory: functools.partial[Any] = functools.partial(Connection, loop=self._loop)
        # For each origin: one that does not answer must not keep the others waiting.
        self._turns: defaultdict[Any, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(CONNECTING))
        self._idle: defaultdict[Any, Idle] = defaultdict(Idle)
        self._made: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._sweeper: asyncio.TimerHandle | None = None

    def idle(self, request: aiohttp.ClientRequest) -> Idle:
        """The idle connections that can serve requests like this one."""
        return self._idle[request.connection_key]

    def take(self, idle: Idle) -> Connection | None:
        """An idle connection that can serve, or None."""
        now = time.monotonic()
        while idle:
            connection = idle.pop()
            young = now <= connection.idle_since + IDLE_SECONDS and now <= connection.made + MOST_AGE
            if young and connection.is_fit():
                return connection
            connection.close()
        return None

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose answer has been read; or close it, if it cannot serve again."""
        home = connection.home
        if self._closed or connection.made <= home.dropped or not connection.is_fit():
            connection.close()
            return
        connection.rest()
        home.append(connection)
        if self._sweeper is None:
            self._sweep_later()

    async def make(
        self,
        request: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,
        progress: Progress,
        traces: Sequence[Any] = (),
    ) -> Connection:
        """
        A new connection for a request like this one; or an idle one, if one has become free meanwhile.

        Raises what aiohttp raises.
        """
        home = self.idle(request)
        async with self._turns[request.connection_key]:  # the limit for connecting starts once it is our turn
            found = self.take(home)
            if found is not None:
                return found
            progress.reused = False
            progress.connecting_since = began = time.monotonic()
            try:
                async with asyncio.timeout(timeout.connect):
                    for trace in traces:
                        await trace.send_connection_create_start()
                    made: Any = await self._create_connection(request, list(traces), timeout)
            except TimeoutError as late:
                raise aiohttp.ConnectionTimeoutError from late
        connection: Connection = made
        if self._closed:
            connection.close()
            raise aiohttp.ClientConnectionError("Connector is closed.")
        if not connection.is_connected():
            raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")
        connection.made, connection.home = began, home
        self._made.add(connection)
        return connection

    async def connect(self, req: aiohttp.ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout) -> Any:
        """What aiohttp's session calls."""
        progress = PROGRESS.get() or Progress()
        progress.known = True
        connection = self.take(self.idle(req))
        if connection is None:
            connection = await self.make(req, timeout, progress, traces)
        if req.proxy and progress.reused:
            self._update_proxy_auth_header_and_build_proxy_req(req)  # what `_create_connection` does for a new one
        try:
            for trace in traces:
                await (trace.send_connection_reuseconn() if progress.reused else trace.send_connection_create_end())
        except BaseException:
            connection.close()
            raise
        progress.connected = True
        return lower.Connection(self, req.connection_key, connection, self._loop)

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        if should_close:  # also one to a proxy whose tunnel failed, which was never in the pool
            protocol.close()
        else:
            self.give_back(protocol)

    def drop_idle(self, origin: tuple[str | None, int | None] | None = None) -> None:
        """Close idle connections, to one origin or to all; of one origin those in use too, once they are idle."""
        for key, idle in self._idle.items():
            if origin is None or (key.host, key.port) == origin:
                if origin is not None:
                    idle.dropped = time.monotonic()
                while idle:
                    idle.pop().close()

    def _sweep_later(self) -> None:
        reference: weakref.ref[Connector] = weakref.ref(self)
        self._sweeper = self._loop.call_later(IDLE_SECONDS, _sweep, reference)

    def sweep(self) -> None:
        """Close the connections that have been idle for too long."""
        self._sweeper = None
        latest = time.monotonic() - IDLE_SECONDS
        for idle in self._idle.values():
            while idle and idle[0].idle_since <= latest:
                idle.popleft().close()
        if any(self._idle.values()):
            self._sweep_later()

    def _close(self, *, abort_ssl: bool = False) -> list[Awaitable[object]]:
        if self._sweeper is not None:
            self._sweeper.cancel()
        # aiohttp closes those that it believes in use, and waits for them.
        self._acquired.update(connection for connection in self._made if connection.transport is not None)
        return super()._close(abort_ssl=abort_ssl)

    def abandon(self) -> None:
        """Never close anything any more, not even when collected."""
        self._abandoned = True

    def __del__(self, *args: Any, **kwargs: Any) -> None:
        if not self._abandoned and not self._closed:
            self._close()


def _sweep(reference: weakref.ref[Connector]) -> None:
    connector = reference()  # a client that nobody holds any more is not kept alive by its timer
    if connector is not None:
        connector.sweep()


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that notices silent death; options that a platform lacks are left out."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    names = ("TCP_KEEPIDLE" if sys.platform != "darwin" else "TCP_KEEPALIVE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    for name, value in (*zip(names, KEEPALIVE, strict=True), ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS)):
        option = getattr(socket, name, None)
        if option is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
