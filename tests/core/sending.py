"""One attempt at a time through the HTTP adapter."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nexevo_async._http import HTTPSender
from nexevo_async._limits import Limits
from nexevo_async._messages import Request, Safety
from nexevo_async.config import Connections

SECRET = "sk-xc-SECRETSECRETSECRET"
GET = Request(name="models.list", method="GET", path="/v1/models", safety=Safety.SAFE)


@asynccontextmanager
async def a_sender(**settings: Any) -> AsyncIterator[HTTPSender]:
    """A sender with these connections, closed at the end."""
    sender = HTTPSender(Connections(**settings))
    try:
        yield sender
    finally:
        await sender.aclose()


def within(seconds: float, **limits: Any) -> Limits:
    """Limits of an attempt that begins now."""
    return Limits(until=time.monotonic() + seconds, **limits)


async def attempt(sender: HTTPSender, url: str, request: Request = GET, *, limits: Limits | None = None) -> Any:
    """What one attempt gives."""
    return await sender.send(url, request, authorization=f"Bearer {SECRET}", limits=limits or within(5.0))
