"""
A loopback server fast enough that the client is what gets measured: one asyncio protocol, answers made in advance.

Run as its own process, so that its CPU time is nobody's. It prints one JSON line with its address when it is ready, and
ends when its standard input is closed, so it cannot outlive the benchmark that started it.

A stream is shaped by the request's headers (or query): ``X-Bench-Chunks`` (how many chunks, default 100),
``X-Bench-Burst`` (chunks per write, default all at once), ``X-Bench-Delay-Ms`` (pause between writes, default 0).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import ssl
import sys
from collections import deque
from urllib.parse import parse_qs

from benchmarks import answers
from benchmarks.http1 import BadRequest, RawRequest, RequestParser

BACKLOG = 4096
MAX_CHUNKS = 10_000_000
# So many calls are left that a client which paces itself by these headers does not slow down.
_GATEWAY_HEADERS = (
    b"X-Trace-ID: trace-0123456789abcdef\r\nX-RateLimit-Remaining: 5999999\r\nX-RateLimit-Reset: 42\r\n"
    b"X-Usage-Input-Tokens: 17\r\nX-Usage-Output-Tokens: 92\r\nX-Nexevo-Generation-Id: gen_0123456789abcdef\r\n"
    b"X-Nexevo-Model-Used: nexevo/balanced\r\nDate: Thu, 09 Oct 2025 08:00:00 GMT\r\nServer: benchmark\r\n"
)


def _whole(body: bytes, *, status: bytes = b"200 OK", kind: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n" % (status, kind, len(body))
    return head + _GATEWAY_HEADERS + b"\r\n" + body


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nCache-Control: no-cache\r\n"
    + _GATEWAY_HEADERS
    + b"\r\n"
)
_LAST_CHUNK = b"0\r\n\r\n"
_NOT_FOUND = _whole(answers.NOT_FOUND, status=b"404 Not Found")
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
STATIC = {
    (b"POST", b"/v1/chat/completions"): _whole(answers.CHAT),
    (b"POST", b"/v1/messages"): _whole(answers.ANTHROPIC),
    (b"POST", b"/v1/embeddings"): _whole(answers.EMBEDDINGS),
    (b"GET", b"/v1/models"): _whole(answers.MODELS),
    (b"GET", b"/api/v1/healthy"): _whole(b"healthy", kind=b"text/plain"),
    (b"GET", b"/api/v1/account/sub-account/list"): _whole(answers.SUB_ACCOUNTS),
}
_EVENTS = {
    b"/v1/chat/completions": (b"", answers.CHAT_EVENTS, answers.CHAT_END),
    b"/v1/messages": (answers.ANTHROPIC_START, answers.ANTHROPIC_EVENTS, answers.ANTHROPIC_END),
}


def _frame(data: bytes) -> bytes:
    """One piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


def wants_stream(body: bytes) -> bool:
    """Whether a JSON body sets ``stream`` to true, found without decoding it."""
    at = body.rfind(b'"stream"')
    return at >= 0 and body[at + 8 : at + 16].lstrip(b" :").startswith(b"true")


class Stream:
    """One answer in pieces; `pieces` left to send, then the end."""

    __slots__ = ("burst", "delay", "end", "events", "left")

    def __init__(self, request: RawRequest) -> None:
        _, self.events, self.end = _EVENTS[request.path]
        self.left = min(_number(request, "chunks", 100), MAX_CHUNKS)
        self.burst = max(1, _number(request, "burst", self.left))
        self.delay = _number(request, "delay-ms", 0) / 1000

    def next_piece(self) -> bytes:
        """The bytes of the next write; the last one carries the end of the stream and of the body."""
        count = min(self.burst, self.left)
        first, second = self.events if self.left % 2 == 0 else reversed(self.events)
        data = (first + second) * (count // 2) + first * (count % 2)
        self.left -= count
        # Each write is one chunk of the body, as a server that flushes per write would send it.
        if self.left:
            return _frame(data)
        return _frame(data + self.end) + _LAST_CHUNK


def _number(request: RawRequest, name: str, default: int) -> int:
    value = request.header(b"x-bench-" + name.encode())
    if value is None and request.query:
        value = parse_qs(request.query.decode()).get(name.replace("-", "_"), [""])[0].encode()
    return int(value) if value and value.isdigit() else default


class Connection(asyncio.Protocol):
    """One client connection: requests are answered strictly in order, however they were cut or pipelined."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser = RequestParser()
        self._waiting: deque[RawRequest] = deque()
        self._stream: Stream | None = None
        self._timer: asyncio.Handle | None = None
        self._paused = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # asyncio hands a Transport to every stream protocol

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._transport = self._stream = None
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        try:
            requests = self._parser.feed(data)
        except BadRequest:
            if self._transport is not None:
                self._transport.write(_BAD_REQUEST)
                self._transport.close()
            return
        self._waiting.extend(requests)
        self._answer_waiting()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._stream is not None and self._timer is None:
            self._write_piece()

    def _answer_waiting(self) -> None:
        while self._waiting and self._stream is None and self._transport is not None:
            self._answer(self._transport, self._waiting.popleft())

    def _answer(self, transport: asyncio.Transport, request: RawRequest) -> None:
        if request.method == b"POST" and request.path in _EVENTS and wants_stream(request.body):
            self._stream = Stream(request)
            transport.write(STREAM_HEAD + _frame(_EVENTS[request.path][0]))
            self._write_piece()
            return
        transport.write(STATIC.get((request.method, request.path), _NOT_FOUND))
        if request.header(b"connection") == b"close":
            transport.close()

    def _write_piece(self) -> None:
        """Write the next piece and plan the one after; a full send buffer waits for `resume_writing`."""
        self._timer = None
        stream = self._stream
        if stream is None or self._transport is None or self._paused:
            return
        self._transport.write(stream.next_piece())
        if stream.left:
            plan = self._write_piece
            self._timer = self._loop.call_later(stream.delay, plan) if stream.delay else self._loop.call_soon(plan)
        else:
            self._stream = None
            self._answer_waiting()


def raise_file_limit() -> None:
    """Allow as many open files as this user may have: 10,000 connections need more than the usual 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve(*, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
    """Serve on loopback until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(loop), "127.0.0.1", port, ssl=tls, backlog=BACKLOG)
    scheme = "https" if tls else "http"
    print(json.dumps({"url": f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)
    await ended.wait()
    server.close()


def main() -> None:
    """Entry point of the server process."""
    parser = argparse.ArgumentParser(description="The benchmark's loopback server.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--uvloop", action="store_true", help="run on uvloop, which raises the ceiling")
    parser.add_argument("--cert", help="PEM file with certificate and chain; turns TLS on together with --key")
    parser.add_argument("--key", help="PEM file with the private key")
    options = parser.parse_args()
    raise_file_limit()
    tls = None
    if options.cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.cert, options.key)
    factory = asyncio.new_event_loop
    if options.uvloop:
        import uvloop  # optional: only this switch needs it

        factory = uvloop.new_event_loop
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(port=options.port, tls=tls))


if __name__ == "__main__":
    main()
