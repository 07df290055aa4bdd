"""Server-sent events on the way out: framing, and an answer made of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import orjson
from aiohttp import web

#: Framed events; a generator, so that whoever consumes it can also end it.
Events = AsyncGenerator[bytes, None]

#: The end marker of an OpenAI stream.
DONE = b"data: [DONE]\n\n"


def event(data: Any) -> bytes:
    """One event that carries `data` as JSON."""
    return b"data: " + orjson.dumps(data) + b"\n\n"


class SseAnswer(web.StreamResponse):
    """
    An answer whose body is a stream of framed events.

    The gateway sends it with `stream`, after a fault had its chance to replace `events`.

    Args:
        events: The framed events; the iterator is closed when the stream ends in any way.
        headers: Extra response headers.
    """

    def __init__(self, events: Events, headers: dict[str, str]) -> None:
        super().__init__(headers={**headers, "Content-Type": "text/event-stream; charset=utf-8"})
        self.headers["Cache-Control"] = "no-cache"
        self.events = events

    async def stream(self, request: web.Request, *, end: bool = True) -> None:
        """Send the head, then event by event; without `end` the body is left open. A client that leaves ends it."""
        with suppress(ConnectionResetError):
            async with aclosing(self.events) as events:
                await self.prepare(request)
                async for chunk in events:
                    await self.write(chunk)
            if end:
                await self.write_eof()
