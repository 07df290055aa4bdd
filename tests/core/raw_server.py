"""A server that does exactly what a test tells it, byte by byte, and counts what arrives."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Visit:
    """One connection of a visitor."""

    def __init__(self, server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.number = server.connections
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        """The next whole request; empty when the visitor has left."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        body = await self.reader.readexactly(length)
        self.server.requests.append(head + body)
        return head + body

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self.writer.write(data)

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def hang(self) -> None:
        """Nothing, until the visitor leaves."""
        while await self.reader.read(65536):
            pass


Behaviour = Callable[[Visit], Awaitable[None]]


class RawServer:
    """Listens on loopback; every connection is handed to `behave` and closed when that returns."""

    def __init__(self, behave: Behaviour, *, tls: ssl.SSLContext | None = None) -> None:
        self._behave = behave
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0

    async def __aenter__(self) -> RawServer:
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def all_left(self) -> None:
        """Wait until every visitor has closed its connection."""
        async with asyncio.timeout(5):
            while self.open:  # noqa: ASYNC110 - a count
                await asyncio.sleep(0.005)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        try:
            await self._behave(Visit(self, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


async def answer_all(visit: Visit) -> None:
    """A good server: an empty object for every request, on one connection."""
    while await visit.request():
        visit.send(OK)


def saying(data: bytes, *, then: str = "close") -> Behaviour:
    """Read one request, say this, then close, reset or hang."""

    async def behave(visit: Visit) -> None:
        if not await visit.request():
            return
        visit.send(data)
        await visit.writer.drain()
        if then == "reset":
            visit.reset()
        elif then == "hang":
            await visit.hang()

    return behave


def free_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
