"""
Where requests go: one base URL, and how the head of a request to it is written.

Heads of one kind differ in little; what is the same in all of them is written once.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict

from nexevo_async._connection import Idle
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


class Destination:
    """
    What all requests to one base URL have in common.

    Attributes:
        request: Tells the connector where and how to connect. It is never sent itself.
        idle: Connections that lead there and serve nobody at present.
        is_proxied: Whether a proxy stands between.
    """

    __slots__ = ("_heads", "_prefix", "idle", "is_proxied", "request")

    def __init__(self, request: aiohttp.ClientRequest, idle: Idle) -> None:
        self.request = request
        self.idle = idle
        self.is_proxied = request.proxy is not None
        self._prefix = request.url.raw_path.rstrip("/")
        self._heads: dict[Any, tuple[str, bool]] = {}

    def message(self, request: Request, authorization: str | None) -> bytes:
        """
        A request as it is sent.

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
        head = f"{request.method} {self._prefix}{path_of(request)} HTTP/1.1\r\n{standing}\r\n".encode()
        return head + body if body else head

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
    if "\n" in line or "\r" in line or "\0" in line:
        raise ValueError("a header holds a line break")
    return f"{line}\r\n"
