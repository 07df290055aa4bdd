"""From a route, arguments and options to a `Request`: what can be wrong with it is said before it is sent."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

from nexevo_async import _codec, _validation
from nexevo_async._messages import FREE_REQUEST, Request, Safety
from nexevo_async._routes import METHODS, RouteTable
from nexevo_async.errors import ConfigurationError

Pairs = tuple[tuple[str, str], ...]

#: Safety of a call to a path that is not in the route table; a POST might make something.
_SAFETY: Final = {"GET": Safety.SAFE, "PUT": Safety.IDEMPOTENT, "PATCH": Safety.IDEMPOTENT, "DELETE": Safety.IDEMPOTENT}
#: One slash at the beginning (two would name another host), no query or fragment, nothing that needs encoding.
_PATH: Final = re.compile(r"/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@%/-]*", re.ASCII)


def build_request(
    routes: RouteTable,
    name: str,
    headers: Pairs,
    options: Mapping[str, Any],
    *,
    ids: Mapping[str, str] | None = None,
    query: Mapping[str, Any] | None = None,
    json: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    shape: str = "",
    stream: bool = False,
) -> Request:
    """
    The request of a route, with the headers of the client and the extras of the call.

    Raises:
        ConfigurationError: An id, a header or the body cannot be sent.
    """
    route = routes[name]
    if options:
        query = _joined(query, options, "extra_query")
        json = _joined(json, options, "extra_body")
        if extra_headers := options.get("extra_headers"):
            headers = (*headers, *_validation.headers("extra_headers", extra_headers).items())
    # By place: every call makes one, and by name that takes three times as long.
    return Request(
        name,
        route.method,
        routes.path(name, ids) if route.placeholders else route.template,
        route.safety,
        _pairs(query) if query else (),
        None if json is None else _encoded(json),
        headers,
        route.auth,
        None if route.safety is Safety.SAFE else idempotency_key or _fresh_key(),
        stream,
        route.look_at,
        shape,
    )


def free_request(
    method: str,
    path: str,
    headers: Pairs,
    *,
    json: Any = None,
    query: Mapping[str, Any] | None = None,
    extra_headers: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Request:
    """
    A request to any path below the base URL, for `AsyncNexevo.request`.

    Raises:
        ConfigurationError: Method, path, header or body cannot be sent.
    """
    verb = method.upper() if isinstance(method, str) else ""
    if verb not in METHODS:
        raise ConfigurationError(f"method must be one of {', '.join(METHODS)}")
    if (
        not isinstance(path, str)
        or not _PATH.fullmatch(path)
        or not _validation.DOT_SEGMENTS.isdisjoint(path.split("/"))
    ):
        raise ConfigurationError(
            "path must begin with one slash and be percent-encoded, without host, query, fragment or dot segments; "
            "query parameters go into query="
        )
    _mapping("query", query)
    headers = (*headers, *_validation.headers("headers", extra_headers or {}).items())
    if options:
        query = _joined(query, options, "extra_query")
        headers = (*headers, *_validation.headers("extra_headers", options.get("extra_headers") or {}).items())
        if options.get("extra_body") is not None:
            _mapping("with extra_body, json", json)
            json = _joined(json, options, "extra_body")
    safety = _SAFETY.get(verb, Safety.UNSAFE)
    return Request(
        name=FREE_REQUEST,
        method=verb,
        path=path,
        safety=safety,
        query=_pairs(query) if query else (),
        body=None if json is None else _encoded(json),
        headers=headers,
        idempotency_key=None if safety is Safety.SAFE else _fresh_key(),
        shape=f"{verb} {path}",
    )


def _joined(fields: Mapping[str, Any] | None, options: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Fields of a method with the extra ones of the call laid over them."""
    extra: Mapping[str, Any] | None = options.get(name)
    _mapping(name, extra)
    return {**(fields or {}), **extra} if extra else fields


def _fresh_key() -> str:
    """An idempotency key that nobody else has."""
    return os.urandom(16).hex()


def _mapping(name: str, value: object) -> None:
    if value is not None and not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a mapping of names to values, not {type(value).__name__}")


def _encoded(body: Any) -> bytes:
    """
    JSON bytes, or an error of ours.

    Raises:
        ConfigurationError: Something in it has no JSON form.
    """
    try:
        return _codec.encode(body)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"the body cannot be sent as JSON: {error}") from None


def _pairs(query: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Query parameters as text; lists repeat the name, None is left out, booleans are written as JSON does."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is None:
                continue
            text = str(item).lower() if isinstance(item, bool) else str(item)
            _validation.unicode("a query parameter", f"{name}{text}")
            pairs.append((name, text))
    return tuple(pairs)
