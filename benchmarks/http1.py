"""Just enough HTTP/1.1 for the benchmark's server: no I/O, safe with pipelining and with bodies cut anywhere."""

from __future__ import annotations

from dataclasses import dataclass

MAX_HEAD = 64 * 1024
MAX_BODY = 16 * 1024 * 1024
_HEAD_END = b"\r\n\r\n"


class BadRequest(Exception):
    """The bytes are not a request this server understands; the connection must be closed."""


@dataclass(slots=True)
class RawRequest:
    """
    One request as it came.

    Attributes:
        method: Upper case, as sent.
        path: Without the query.
        query: Text after the question mark, or empty.
        head: The whole head in lower case, for looking up headers.
        body: The body's bytes.
    """

    method: bytes
    path: bytes
    query: bytes
    head: bytes
    body: bytes = b""

    def header(self, name: bytes) -> bytes | None:
        """The value of a header (lower-case name), stripped and in lower case, or None."""
        return find_header(self.head, name)


def find_header(head: bytes, name: bytes) -> bytes | None:
    """A header's value in a lower-cased head, or None. One search through the bytes, no table of headers."""
    start = head.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start:end].strip() if end >= 0 else head[start:].strip()


class RequestParser:
    """Bytes in, whole requests out; what is left over waits for the next bytes."""

    __slots__ = ("_buffer", "_missing", "_pending")

    def __init__(self) -> None:
        self._buffer = b""
        self._pending: RawRequest | None = None
        self._missing = 0

    def feed(self, data: bytes) -> list[RawRequest]:
        """
        Take bytes and return every request they complete, in order.

        Raises:
            BadRequest: A malformed or oversized head, an oversized body, or a body without a Content-Length.
        """
        buffer = self._buffer + data if self._buffer else data
        done: list[RawRequest] = []
        while True:
            if self._pending is None:
                split = buffer.find(_HEAD_END)
                if split < 0:
                    if len(buffer) > MAX_HEAD:
                        raise BadRequest("head too large")
                    break
                self._pending, self._missing = _parse_head(buffer[:split])
                buffer = buffer[split + 4 :]
            if len(buffer) < self._missing:
                break
            request, self._pending = self._pending, None
            request.body, buffer = buffer[: self._missing], buffer[self._missing :]
            done.append(request)
        self._buffer = buffer
        return done


def _parse_head(raw: bytes) -> tuple[RawRequest, int]:
    line, _, _ = raw.partition(b"\r\n")
    parts = line.split(b" ")
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):
        raise BadRequest("malformed request line")
    path, _, query = parts[1].partition(b"?")
    request = RawRequest(parts[0], path, query, raw.lower())
    if request.header(b"transfer-encoding") is not None:
        raise BadRequest("chunked request bodies are not supported; send a Content-Length")
    length = request.header(b"content-length") or b"0"
    if not length.isdigit() or int(length) > MAX_BODY:
        raise BadRequest("bad Content-Length")
    return request, int(length)
