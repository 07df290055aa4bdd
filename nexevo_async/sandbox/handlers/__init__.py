"""The account calls of contract sections 4 and 5 over HTTP: each handler reads, asks the domain, and answers."""

from __future__ import annotations

from nexevo_async.sandbox.handlers import (
    auth,
    billing,
    conversations,
    feedback,
    keys,
    organizations,
    sub_accounts,
)
from nexevo_async.sandbox.routing import RouteSpec

__all__ = ["account_routes"]


def account_routes() -> list[RouteSpec]:
    """Every account call, one line each."""
    return [
        *conversations.ROUTES,
        *auth.ROUTES,
        *keys.ROUTES,
        *billing.ROUTES,
        *organizations.ROUTES,
        *feedback.ROUTES,
        *sub_accounts.ROUTES,
    ]
