"""What a route of the sandbox is, and the keys under which a handler finds what belongs to its request."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

import attrs
import orjson
from aiohttp import web

if TYPE_CHECKING:
    from nexevo_async.sandbox.principal import Principal
    from nexevo_async.sandbox.store import Store

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Auth = Literal["key", "main", "none"]


@attrs.frozen(kw_only=True)
class Settings:
    """
    What a box is told about its answers.

    Attributes:
        seed: Goes into every generated text; the same seed gives the same answers.
        token_delay: Seconds between the tokens of a stream.
    """

    seed: int = 0
    token_delay: float = 0.0


#: The settings of the box: ``request.app[SETTINGS]``.
SETTINGS: web.AppKey[Settings] = web.AppKey("nexevo.sandbox.settings")

#: The state shared by all gateways of a box: ``request.app[STORE]``.
STORE: web.AppKey[Store] = web.AppKey("nexevo.sandbox.store")

#: Who is asking: ``request[PRINCIPAL]``, set on every route whose auth is not "none".
PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("nexevo.sandbox.principal")


@attrs.frozen
class RouteSpec:
    """
    One line of the route table.

    Attributes:
        name: The client's resource and method, such as ``keys.create``; faults and the journal use it.
        method: HTTP method, upper case.
        path: aiohttp path template, such as ``/v1/keys/{key_id}``.
        auth: ``key`` (any valid key), ``main`` (no sub-account keys) or ``none`` (no key needed).
        handler: Coroutine that makes the answer; raises `ApiError` for everything it refuses.
    """

    name: str
    method: str
    path: str
    auth: Auth
    handler: Handler


def new_generation_id() -> str:
    """A new id for a generation: opaque, and unlike all others even when several boxes share a file."""
    return f"gen_{secrets.token_hex(10)}"


def json_answer(data: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """`data` as a JSON answer. Money goes in as decimal strings: this refuses a Decimal, so none leaks as a float."""
    return web.Response(body=orjson.dumps(data), status=status, headers=headers, content_type="application/json")
