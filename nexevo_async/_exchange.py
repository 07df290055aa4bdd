"""
One request and its answer on a connection from aiohttp's pool, without aiohttp's session in between.

For every request the session builds objects for whatever HTTP can do: redirects, cookies, proxies, uploads, traces.
That is half of what a call costs, and a call to a gateway uses none of it. Left here is what one needs: a head and a
body out, aiohttp's parser and reader in, the connection back to its pool. `_session` decides when this way is open.
"""

from __future__ import annotations

import types
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict, CIMultiDictProxy

from nexevo_async._messages import Request
from nexevo_async._version import user_agent

#: Heads that are kept for one endpoint: one for each kind of call, and more if callers add headers that change.
_MOST_HEADS: Final = 64
#: How long the body is, is not for callers to say.
_FRAMING: Final = (hdrs.CONTENT_LENGTH, hdrs.TRANSFER_ENCODING)
#: Nor does a credential that callers send with every call go along with those that are made without one.
_WITHOUT_KEY: Final = (*_FRAMING, hdrs.AUTHORIZATION)
_IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_BODY_EXPECTED: Final = frozenset({hdrs.METH_POST, hdrs.METH_PUT, hdrs.METH_PATCH, hdrs.METH_DELETE})
_UNFIT: Final = frozenset("\r\n\0")
#: The module in which aiohttp's own session is written.
_CLIENT: Final = vars(aiohttp.client)


def is_available() -> bool:
    """Whether aiohttp's lower layers are as this module knows them (3.12 and later); if not, the session will do."""
    return all(callable(getattr(ResponseHandler, name, None)) for name in ("set_response_params", "read"))


def session_is_untouched() -> bool:
    """
    Whether `ClientSession` sends as aiohttp made it.

    Test doubles and instrumentation (aioresponses, vcrpy, tracing agents) put something of their own in its place and
    expect to see every request. However well that imitates names, it is no plain function of aiohttp's module.
    """
    inner: Any = aiohttp.ClientSession._request
    outer: Any = aiohttp.ClientSession.request
    plain = type(inner) is types.FunctionType and type(outer) is types.FunctionType
    return plain and inner.__globals__ is _CLIENT and outer.__globals__ is _CLIENT


def headers_of(request: Request, authorization: str | None) -> CIMultiDict[str]:
    """Headers of a request but those that aiohttp sets by itself. The caller's own win, however they are spelled."""
    headers = _standing_headers(request, authorization)
    if request.idempotency_key is not None:
        headers.setdefault(_IDEMPOTENCY_KEY, request.idempotency_key)
    return headers


def _standing_headers(request: Request, authorization: str | None) -> CIMultiDict[str]:
    """Those that are the same for every request of this kind."""
    headers = CIMultiDict({hdrs.USER_AGENT: user_agent()})
    headers[hdrs.ACCEPT] = "text/event-stream" if request.stream else "application/json"
    if request.body is not None:
        headers[hdrs.CONTENT_TYPE] = "application/json"
    if authorization is not None and request.auth:
        headers[hdrs.AUTHORIZATION] = authorization
    for name, value in request.headers:
        headers[name] = value
    for name in _FRAMING if request.auth else _WITHOUT_KEY:
        headers.popall(name, None)
    return headers


def path_of(request: Request) -> str:
    """The path with its query, percent-encoded."""
    return f"{request.path}?{urlencode(request.query)}" if request.query else request.path


class Door:
    """
    What all requests to one endpoint have in common.

    Attributes:
        request: Tells the connector where and how to connect. It is never sent itself.
    """

    __slots__ = ("_heads", "_prefix", "request")

    def __init__(self, request: aiohttp.ClientRequest) -> None:
        self.request = request
        self._prefix = request.url.raw_path.rstrip("/")
        self._heads: dict[Any, tuple[str, bool]] = {}

    def head(self, request: Request, authorization: str | None) -> bytes:
        """
        The head of a request as it is sent.

        Raises:
            ValueError: A header holds a line break.
        """
        kind = (authorization, request.stream, request.body is None, request.auth, request.headers)
        standing, keyed = self._heads.get(kind) or self._new_head(kind, _standing_headers(request, authorization))
        key, body = request.idempotency_key, request.body
        if key is not None and not keyed:
            standing += _line(_IDEMPOTENCY_KEY, key)
        if body is not None or request.method in _BODY_EXPECTED:
            standing += f"Content-Length: {len(body or b'')}\r\n"
        return f"{request.method} {self._prefix}{path_of(request)} HTTP/1.1\r\n{standing}\r\n".encode()

    def _new_head(self, kind: tuple[Any, ...], headers: CIMultiDict[str]) -> tuple[str, bool]:
        if len(self._heads) >= _MOST_HEADS:
            self._heads.clear()
        for name in (hdrs.HOST, hdrs.ACCEPT_ENCODING):
            headers.setdefault(name, self.request.headers[name])
        found = "".join(_line(name, value) for name, value in headers.items()), _IDEMPOTENCY_KEY in headers
        self._heads[kind] = found
        return found


def _line(name: str, value: str) -> str:
    line = f"{name}: {value}"
    if not _UNFIT.isdisjoint(line):
        raise ValueError("a header holds a line break")
    return f"{line}\r\n"


class Exchange:
    """
    An answer whose head has arrived: as much of `aiohttp.ClientResponse` as the adapter uses.

    Attributes:
        status: HTTP status.
        headers: Response headers.
        content: Reader of the body.
    """

    __slots__ = ("_connection", "content", "headers", "status")

    def __init__(
        self, connection: Any, status: int, headers: CIMultiDictProxy[str], content: aiohttp.StreamReader
    ) -> None:
        self._connection = connection
        self.status = status
        self.headers = headers
        self.content = content

    def release(self) -> None:
        """Give the connection back; aiohttp closes it if it cannot serve again."""
        self._connection.release()

    def close(self) -> None:
        """Close the connection, and wake whoever still reads from it."""
        if not self.content.is_eof() and self.content.exception() is None:
            self.content.set_exception(aiohttp.ClientConnectionError("Connection closed"))
        self._connection.close()


async def exchange(connection: Any, head: bytes, body: bytes | None) -> Exchange:
    """
    Send a request on a connection of aiohttp's connector and wait for the head of its answer.

    Raises what aiohttp raises; then, and when cancelled, the connection is closed.
    """
    try:
        protocol = connection.protocol
        protocol.set_response_params(read_until_eof=True)
        transport = protocol.transport
        if transport is None or transport.is_closing():
            raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")
        # In one piece, which is one packet. The transport keeps what the network does not take at once; holding the
        # body back from it would save no memory, as it is there whole already.
        transport.write(head + body if body else head)
        message, content = await protocol.read()
        while 100 <= message.code < 200 and message.code != 101:  # RFC 9110, 15.2: interim, the answer follows
            message, content = await protocol.read()
    except BaseException:
        connection.close()
        raise
    return Exchange(connection, message.code, message.headers, content)
