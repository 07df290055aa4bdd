"""Discovery and health: which base URLs there are, and whether one of them is well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from nexevo_async.sandbox.routing import RouteSpec, json_answer

#: Distance between the priorities of neighbouring bases; leaves room to put something between them.
_STEP = 10


class Links:
    """What the discovery host says: a list of ``{api, desc, priority, status}`` that tests may replace."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def announce(self, urls: Sequence[str]) -> None:
        """List the bases, the first one with the highest priority (larger is preferred)."""
        self.entries = [
            {"api": url, "desc": f"sandbox base {number}", "priority": _STEP * (len(urls) - number), "status": "ok"}
            for number, url in enumerate(urls)
        ]

    def replace(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Say exactly this from now on; nothing is checked, so that nonsense can be tried too."""
        self.entries = [dict(entry) for entry in entries]

    async def handle(self, request: web.Request) -> web.Response:
        """``GET /api/v1/links``."""
        return json_answer(self.entries)

    def routes(self) -> list[RouteSpec]:
        """The one call of the discovery host."""
        return [RouteSpec("endpoints.links", "GET", "/api/v1/links", "key", self.handle)]


async def health(request: web.Request) -> web.Response:
    """``GET /api/v1/healthy``: plain text, no key."""
    return web.Response(text="healthy")


def routes() -> list[RouteSpec]:
    """The health check that every base answers."""
    return [RouteSpec("endpoints.health", "GET", "/api/v1/healthy", "none", health)]
