"""What every handler needs first: the state, and whose it may touch."""

from __future__ import annotations

from aiohttp import web

from nexevo_async.sandbox.routing import PRINCIPAL, STORE
from nexevo_async.sandbox.store import Store


def store_of(request: web.Request) -> Store:
    """The state of the box."""
    return request.app[STORE]


def caller(request: web.Request) -> tuple[Store, str]:
    """The state of the box, and the id of the user who asks."""
    return request.app[STORE], request[PRINCIPAL].user_id
