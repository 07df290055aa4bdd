"""Chat passed on to another OpenAI-compatible server; keys, money, faults and the journal stay ours."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from nexevo_async.sandbox import reply
from nexevo_async.sandbox.chat import Generation, bill
from nexevo_async.sandbox.chat_request import ChatRequest, parse
from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.generate import count_tokens
from nexevo_async.sandbox.models_catalog import Model, Resolved, resolve
from nexevo_async.sandbox.routing import PRINCIPAL, STORE, RouteSpec, json_answer, new_generation_id
from nexevo_async.sandbox.selection import Selection
from nexevo_async.sandbox.spending import check_may_spend
from nexevo_async.sandbox.sse import DONE, SseAnswer, event

#: Fields that only a Nexevo gateway understands.
_OURS = frozenset({"model", "models", "max_price", "provider", "options", "metadata"})

#: Answers that are about the request itself and go back as they are; all others mean that the upstream failed.
_PASSED_ON = frozenset({400, 404, 413, 422})

_EVENT_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class Upstream:
    """
    A server that answers chats in the sandbox's stead.

    The fallback list is tried in order. The price ceiling and the data policy are not looked at, for nobody here knows
    the other server's prices: models of the catalog are billed at its price, all others at zero.

    Args:
        url: Base address, with or without ``/v1`` at the end.
        api_key: Credential for that server; None sends none.
    """

    def __init__(self, url: str, *, api_key: str | None = None) -> None:
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise ValueError("upstream must be an http:// or https:// address, such as http://127.0.0.1:8000/v1")
        self._url = url.rstrip("/").removesuffix("/v1") + "/v1/chat/completions"
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make ready; needs a running loop."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)
        self._session = aiohttp.ClientSession(timeout=timeout, headers=self._headers)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Pass one chat on, and bill what came back."""
        wanted = parse(await request.read())
        store, tried = request.app[STORE], []
        tokens = reply.prompt_tokens(wanted)
        for name in wanted.names:
            chosen = resolve(name) or Resolved(name, _unpriced(name), "passthrough")
            estimate = chosen.model.cost(tokens, (wanted.limit or 0) * wanted.n)
            check_may_spend(store, request[PRINCIPAL], model=chosen.asked, estimate=estimate)
            tried.append(name)
            answer = await self._ask(wanted, name)
            if answer.status < 400 or (answer.status in _PASSED_ON and name == wanted.names[-1]):
                break
            answer.release()
        else:
            raise ApiError(502, "upstream_error", f"The upstream server failed for {', '.join(tried)}.")
        if answer.status >= 400:
            return await _passed_on(answer)
        generation = Generation(
            id=new_generation_id(),
            wanted=wanted,
            selection=Selection(chosen, tuple(tried)),
            prompt_tokens=tokens,
            created=int(store.now().timestamp()),
        )
        if wanted.stream:
            return SseAnswer(_events(request, generation, answer), generation.headers(None))
        return await _whole(request, generation, answer)

    async def _ask(self, wanted: ChatRequest, name: str) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("open() has not been called")
        data = {key: value for key, value in wanted.data.items() if key not in _OURS}
        data["model"] = name
        if wanted.stream:
            data["stream_options"] = {**(data.get("stream_options") or {}), "include_usage": True}
        try:
            headers = {"Content-Type": "application/json"}
            return await self._session.post(self._url, data=orjson.dumps(data), headers=headers, allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = f"The upstream server cannot be reached: {type(error).__name__}."
            raise ApiError(502, "upstream_error", reason) from None

    def routes(self) -> list[RouteSpec]:
        """The chat call, answered from afar."""
        return [RouteSpec("chat.completions.create", "POST", "/v1/chat/completions", "key", self.chat)]


def _unpriced(name: str) -> Model:
    return Model(id=name, prompt_price=Decimal(0), completion_price=Decimal(0))


def _count(generation: Generation, usage: dict[str, Any] | None, text: str) -> int:
    """Completion tokens as the upstream counted them, else our own count; the prompt's count is taken over too."""
    if not usage:
        return count_tokens(text)
    generation.prompt_tokens = int(usage.get("prompt_tokens") or generation.prompt_tokens)
    return int(usage.get("completion_tokens") or 0)


async def _passed_on(answer: aiohttp.ClientResponse) -> web.Response:
    async with answer:
        body, kind = await answer.read(), answer.content_type
    return web.Response(body=body, status=answer.status, content_type=kind)


async def _whole(request: web.Request, generation: Generation, answer: aiohttp.ClientResponse) -> web.Response:
    try:
        async with answer:
            body = orjson.loads(await answer.read())
        said = "".join(str(choice["message"].get("content") or "") for choice in body["choices"])
    except (aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError, AttributeError):
        raise ApiError(502, "upstream_error", "The upstream server did not answer with a chat completion.") from None
    made = _count(generation, body.get("usage"), said)
    bill(request, generation, made)
    return json_answer({**body, "nexevo": generation.nexevo(made)}, headers=generation.headers(made))


async def _events(
    request: web.Request, generation: Generation, answer: aiohttp.ClientResponse
) -> AsyncGenerator[bytes, None]:
    """The upstream's events with our block on the finish chunk; billed when the stream ends in whatever way."""
    said, usage = "", None
    try:
        async with answer:
            async for data in _payloads(answer):
                if data == b"[DONE]":
                    yield DONE
                    break
                chunk = orjson.loads(data)
                usage = chunk.get("usage") or usage
                choices = chunk.get("choices") or []
                said += "".join(str((choice.get("delta") or {}).get("content") or "") for choice in choices)
                if any(choice.get("finish_reason") for choice in choices):
                    chunk["nexevo"] = generation.nexevo(_count(generation, usage, said))
                if choices or "error" in chunk or generation.wanted.include_usage:
                    yield event(chunk)
    except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError):
        yield event({"error": ApiError(502, "upstream_error", "The upstream's stream broke off.").body()["error"]})
    finally:
        bill(request, generation, _count(generation, usage, said))


async def _payloads(answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """The data of every event; an event cut off by the end of the stream is dropped, as the format asks."""
    buffer = b""
    async for piece in answer.content.iter_any():
        *events, buffer = _EVENT_END.split(buffer + piece)
        for text in events:
            lines = (line for line in text.splitlines() if line.startswith(b"data:"))
            if data := b"\n".join(line[5:].strip() for line in lines):
                yield data
