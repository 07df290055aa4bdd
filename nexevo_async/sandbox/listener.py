"""One port of the box: opened, taken off the network and brought back at a moment's notice, closed without a trace."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from nexevo_async.sandbox.sabotage import reset_transport

HOST = "127.0.0.1"

#: Connections that may wait to be accepted; a thousand clients may come at the same moment.
_BACKLOG = 4096

#: Seconds that closing waits for connections which were just being made; a TLS handshake may never end.
_ARRIVAL_GRACE = 0.2


class Listener:
    """
    An aiohttp application on a loopback port.

    Args:
        app: What answers.
        port: The port; 0 takes a free one. It stays the same for life.
        tls: Server side of TLS; None for plain TCP.
    """

    def __init__(self, app: web.Application, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        # handler_cancellation: a client that leaves ends its generation, and a hang ends with its connection
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        self._tls = tls
        self._socket: socket.socket | None = None  # listens; None while off the network
        self._placeholder: socket.socket | None = None  # keeps the port ours meanwhile
        self._server: asyncio.Server | None = None
        self._closed = False
        self._starting: set[asyncio.Task[None]] = set()
        self._arriving: set[_Arrival] = set()
        self.port = port

    @property
    def url(self) -> str:
        """Address without a path."""
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port}"

    @property
    def is_up(self) -> bool:
        """Whether it takes connections."""
        return self._socket is not None

    @property
    def connections(self) -> int:
        """Open connections, idle ones included."""
        return len(self._runner.server.connections) if self._runner.server else 0

    async def open(self) -> None:
        """
        Take the port and start to answer.

        Raises:
            OSError: The port is taken.
        """
        await self._runner.setup()
        self._socket = _listening(self.port)
        self.port = self._socket.getsockname()[1]
        await self._serve(self._socket)

    def take_down(self) -> None:
        """Close the listening socket and reset every connection, at once; does nothing if already down."""
        if self._socket is None:
            return
        listening, server = self._socket, self._server
        self._socket = self._server = None
        with suppress(OSError):  # refuses at once, even on loops that close a socket a moment later
            listening.shutdown(socket.SHUT_RDWR)
        if server is None:
            listening.close()
        else:
            _retire(server, listening)
        self._reset_connections()
        with suppress(OSError):  # where a port cannot be held this way, it is merely likely to stay free
            self._placeholder = _bound(self.port)

    def bring_back(self) -> None:
        """Listen again on the same port, at once; does nothing if already up or closed. Needs the running loop."""
        if self._socket is not None or self._closed:
            return
        if self._placeholder is not None:
            self._placeholder.close()
            self._placeholder = None
        self._socket = _listening(self.port)  # connections may queue from here on
        task = asyncio.get_running_loop().create_task(self._serve(self._socket), name="nexevo sandbox listener")
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _serve(self, listening: socket.socket) -> None:
        if listening is not self._socket:  # taken down again before it began
            return
        loop = asyncio.get_running_loop()
        # not serving yet: this way there is no moment at which a running server is known to nobody
        server = await loop.create_server(
            lambda: _Arrival(self._arriving, lambda: self._handler(listening)),
            sock=listening,
            backlog=_BACKLOG,
            ssl=self._tls,
            start_serving=False,
        )
        if listening is not self._socket:
            server.close()
            return
        self._server = server
        await server.start_serving()

    def _handler(self, listening: socket.socket) -> asyncio.Protocol | None:
        """What serves a connection that came in through this socket; None if it has gone down since."""
        if self._socket is not listening or self._runner.server is None:
            return None
        return self._runner.server()

    def _reset_connections(self) -> None:
        for connection in self._runner.server.connections if self._runner.server else ():
            reset_transport(connection.transport)

    async def aclose(self) -> None:
        """Reset all connections, cancel all requests, give the port back."""
        self._closed = True
        self.take_down()
        if self._placeholder is not None:
            self._placeholder.close()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.sleep(0)  # the resets reach their protocols, which cancel their requests; arrivals get theirs
        if self._arriving:
            await asyncio.wait({arrival.over for arrival in self._arriving}, timeout=_ARRIVAL_GRACE)
        await self._runner.cleanup()


class _Arrival(asyncio.Protocol):
    """
    A connection that is being made, which takes several turns of the loop and, with TLS, of the network.

    Only when it is made is it known whether its base is still up: then it gets its handler, or is reset.
    """

    def __init__(self, arriving: set[_Arrival], handler: Callable[[], asyncio.Protocol | None]) -> None:
        self.over = asyncio.get_running_loop().create_future()
        self._arriving = arriving
        self._handler = handler
        arriving.add(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        handler = self._handler()
        if handler is None:
            reset_transport(transport)
            return
        self._leave()
        transport.set_protocol(handler)
        handler.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def _leave(self) -> None:
        self._arriving.discard(self)
        if not self.over.done():
            self.over.set_result(None)


def _retire(server: asyncio.Server, listening: socket.socket) -> None:
    """
    Accept nothing any more, and close the server as soon as what it has accepted is in good hands.

    Loops on selectors accept in one turn and make the transport in the next. A server that is closed in between lets
    that fail and drops the connection without closing it (python/cpython#109564).
    """

    def close() -> None:
        server.close()
        listening.close()

    loop = server.get_loop()
    if isinstance(loop, asyncio.SelectorEventLoop):
        loop.remove_reader(listening)
        loop.call_soon(close)
    else:
        close()


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((HOST, port))
    except OSError as error:
        sock.close()
        # The same class, so that a caller can still tell a port that is taken from one that is not allowed.
        raise type(error)(error.errno, f"port {port} cannot be opened: {error.strerror}") from None
    except BaseException:
        sock.close()
        raise
    return sock


def _listening(port: int) -> socket.socket:
    sock = _bound(port)
    try:
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock
