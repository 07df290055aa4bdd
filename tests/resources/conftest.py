"""A transport that sends nothing: it notes what would have gone out and gives the answer it was told to give."""

from __future__ import annotations

import json as _json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs
import pytest

from nexevo_async._codec import decode, encode
from nexevo_async._routes import RouteTable
from nexevo_async.pagination import Page, decode_page


@attrs.frozen(kw_only=True)
class Sent:
    """One request as the wire would have seen it; amounts in the body are Decimals read from the JSON text."""

    route: str
    line: str
    query: Mapping[str, Any]
    body: Any
    idempotency_key: str | None
    shape: str
    options: Mapping[str, Any]


class ScriptedTransport:
    """Gives `answer` to every call, or the next of `answers` while there are any."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.answer: Any = {}
        self.answers: list[Any] = []

    async def fetch(self, route: str, into: type[Any], options: Mapping[str, Any], **request: Any) -> Any:
        """A call that gives a model."""
        return decode(self._exchange(route, options, **request), into)

    async def fetch_page(self, route: str, item: type[Any], options: Mapping[str, Any], **request: Any) -> Page[Any]:
        """A call that gives a list."""
        return decode_page(self._exchange(route, options, **request), item)

    @property
    def last(self) -> Sent:
        """The last request."""
        return self.sent[-1]

    def _exchange(
        self,
        route: str,
        options: Mapping[str, Any],
        *,
        ids: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        shape: str = "",
    ) -> bytes:
        routes = RouteTable()
        self.sent.append(
            Sent(
                route=route,
                line=f"{routes[route].method} {routes.path(route, ids)}",
                query=dict(query or {}),
                body=None if json is None else _json.loads(encode(json), parse_float=Decimal),
                idempotency_key=idempotency_key,
                shape=shape,
                options=options,
            )
        )
        return encode(self.answers.pop(0) if self.answers else self.answer)


@pytest.fixture
def transport() -> ScriptedTransport:
    """A fresh scripted transport."""
    return ScriptedTransport()
