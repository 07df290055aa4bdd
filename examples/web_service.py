"""
A web service that streams answers to its callers, with one client for the life of the application.

    python examples/web_service.py [PORT]
    curl "http://127.0.0.1:8080/?q=Hello!"
    curl "http://127.0.0.1:8080/health"

Needs NEXEVO_API_KEY, and NEXEVO_BASE_URL for a local gateway (`nexevo sandbox --token-delay 0.05`).
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

from aiohttp import web

from nexevo_async import AsyncNexevo, NexevoError, RateLimitError

NEXEVO = web.AppKey("nexevo", AsyncNexevo)


async def answer(request: web.Request) -> web.StreamResponse:
    """Stream the answer of a model. A caller who goes away takes the stream with them, and it costs no more."""
    messages = [{"role": "user", "content": request.query.get("q", "Hello!")}]
    response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
    try:
        async with request.app[NEXEVO].chat.completions.stream(
            model="nexevo/balanced", messages=messages, timeout=60
        ) as stream:
            await response.prepare(request)
            async for text in stream.text():
                await response.write(text.encode())
    except RateLimitError as error:
        raise web.HTTPServiceUnavailable(headers={"Retry-After": f"{error.retry_after or 1:.0f}"}) from error
    except NexevoError as error:
        request.app.logger.warning("no answer, or half of one: %s", error)  # holds neither keys nor prompts
        if not response.prepared:
            raise web.HTTPBadGateway(text="The model cannot be reached.") from error
        await response.write(b"\n[the answer broke off]")  # the status has been sent: say it in words
    return response


async def health(request: web.Request) -> web.Response:
    """What is known about the base URLs; asks nobody."""
    endpoints = request.app[NEXEVO].endpoints.snapshot()
    return web.json_response([{"url": endpoint.url, "state": endpoint.state} for endpoint in endpoints])


async def client(app: web.Application) -> AsyncIterator[None]:
    """Open the client with the application, and close it with it."""
    async with AsyncNexevo() as app[NEXEVO]:
        yield


def application() -> web.Application:
    app = web.Application()
    app.router.add_get("/", answer)
    app.router.add_get("/health", health)
    app.cleanup_ctx.append(client)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
