"""
The floor: a hand-written asyncio protocol that knows exactly what the server answers. No library can cost less.

It speaks the least HTTP that works here and is no client to use: no timeout, no redirects, no error handling.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlsplit

import orjson

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.http1 import find_header
from benchmarks.peers import CONNECTIONS

_HEAD = (
    "POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
    "Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: floor\r\n"
)


class _Connection(asyncio.Protocol):
    """One connection with at most one request on it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._data = b""
        self._length = -1
        self._waiter: asyncio.Future[bytes] | None = None
        self._streaming = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # asyncio hands a Transport to every stream protocol

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(exc or ConnectionResetError("closed by the server"))

    def data_received(self, data: bytes) -> None:
        self._data = self._data + data if self._data else data
        if self._streaming:
            self._deliver(self._data)
            return
        if self._length < 0:
            split = self._data.find(b"\r\n\r\n")
            if split < 0:
                return
            length = find_header(self._data[:split].lower(), b"content-length")
            self._length = split + 4 + int(length or b"0")
        if len(self._data) >= self._length:
            self._deliver(self._data[self._data.find(b"\r\n\r\n") + 4 :])

    def _deliver(self, value: bytes) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._data = b""
            self._length = -1
            self._waiter.set_result(value)

    def ask(self, data: bytes, *, streaming: bool = False) -> asyncio.Future[bytes]:
        """Send a request; the future gets the body, or the first bytes of a stream."""
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("closed by the server")
        self._streaming = streaming
        self._waiter = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return self._waiter

    def more(self) -> asyncio.Future[bytes]:
        """The next bytes of a stream."""
        self._waiter = asyncio.get_running_loop().create_future()
        if self._data:
            self._deliver(self._data)
        return self._waiter


class Floor:
    """A last-in-first-out pool of such connections."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._head = _HEAD.format(host=parts.netloc, key=API_KEY).encode()
        self._free: deque[_Connection] = deque()
        self._room = asyncio.Semaphore(CONNECTIONS)

    async def _connection(self) -> _Connection:
        if self._free:
            return self._free.pop()
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, self._host, self._port, ssl=self._tls)
        return connection

    async def call(self) -> str | None:
        body = orjson.dumps({"model": MODEL, "messages": MESSAGES})
        async with self._room:
            connection = await self._connection()
            data = await connection.ask(b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body))
            self._free.append(connection)
        text: str | None = orjson.loads(data)["choices"][0]["message"]["content"]
        return text

    async def stream(self, shape: Mapping[str, str]) -> int:
        body = orjson.dumps({"model": MODEL, "messages": MESSAGES, "stream": True})
        extra = "".join(f"{name}: {value}\r\n" for name, value in shape.items()).encode()
        request = b"%s%sContent-Length: %d\r\n\r\n%s" % (self._head, extra, len(body), body)
        async with self._room:
            connection = await self._connection()
            try:
                count = await _read_stream(connection, await connection.ask(request, streaming=True))
            except BaseException:
                if connection.transport is not None:
                    connection.transport.abort()
                raise
            self._free.append(connection)
        return count

    async def aclose(self) -> None:
        for connection in self._free:
            if connection.transport is not None:
                connection.transport.abort()


async def _read_stream(connection: _Connection, data: bytes) -> int:
    """Count chunks with text. Chunk-size lines are skipped, not parsed: this server never splits an event with one."""
    count = 0
    while True:
        *events, rest = data.split(b"\n\n")
        for event in events:
            at = event.find(b"data: {")
            if at < 0:
                continue
            chunk = orjson.loads(event[at + 6 :])
            if chunk["choices"][0]["delta"].get("content"):
                count += 1
        if rest.endswith(b"0\r\n\r\n"):
            return count
        data = rest + await connection.more()


async def connect(url: str) -> Floor:
    """A pool on the benchmark's server."""
    return Floor(url)
