"""``POST /v1/chat/completions``: local text instead of a model, whole or streamed, counted and billed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import attrs
from aiohttp import web

from nexevo_async.sandbox import reply
from nexevo_async.sandbox.chat_request import ChatRequest, parse
from nexevo_async.sandbox.generate import pieces
from nexevo_async.sandbox.money import to_nano, usd_text
from nexevo_async.sandbox.reply import Choice
from nexevo_async.sandbox.routing import PRINCIPAL, SETTINGS, STORE, RouteSpec, json_answer, new_generation_id
from nexevo_async.sandbox.selection import Selection, select
from nexevo_async.sandbox.spending import check_may_spend, record_usage
from nexevo_async.sandbox.sse import DONE, SseAnswer, event


@attrs.define(kw_only=True)
class Generation:
    """
    One answer under way: everything that body, headers, chunks and the bill have in common.

    Attributes:
        id: Its generation id.
        wanted: The request.
        selection: The model that answers.
        prompt_tokens: Tokens read.
        created: Unix time, in whole seconds.
    """

    id: str
    wanted: ChatRequest
    selection: Selection
    prompt_tokens: int
    created: int

    def cost(self, completion_tokens: int) -> Decimal:
        """USD for the prompt and so many tokens of answer."""
        return self.selection.chosen.model.cost(self.prompt_tokens, completion_tokens)

    def nexevo(self, completion_tokens: int) -> dict[str, Any]:
        """The ``nexevo`` block of the answer."""
        return {
            "generation_id": self.id,
            "model_used": self.selection.chosen.model.id,
            "models_tried": list(self.selection.tried),
            "tier": self.selection.chosen.tier,
            "cost_usd": usd_text(to_nano(self.cost(completion_tokens))),
        }

    def usage(self, completion_tokens: int) -> dict[str, Any]:
        """The ``usage`` block of the answer."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": self.prompt_tokens + completion_tokens,
        }

    def headers(self, completion_tokens: int | None) -> dict[str, str]:
        """The chat's own response headers; None leaves the token counts out, as a stream must."""
        headers = {"X-Nexevo-Generation-Id": self.id}
        if self.wanted.fallback:
            headers["X-Nexevo-Model-Used"] = self.selection.chosen.model.id
            headers["X-Nexevo-Models-Tried"] = ",".join(self.selection.tried)
        if completion_tokens is not None:
            headers["X-Usage-Input-Tokens"] = str(self.prompt_tokens)
            headers["X-Usage-Output-Tokens"] = str(completion_tokens)
        return headers

    def frame(self, kind: str) -> dict[str, Any]:
        """What the whole answer and every chunk begin with."""
        return {
            "id": f"chatcmpl-{self.id.removeprefix('gen_')}",
            "object": kind,
            "created": self.created,
            "model": self.selection.chosen.model.id,
            "system_fingerprint": "fp_sandbox",
        }


async def create(request: web.Request) -> web.StreamResponse:
    """Answer a chat."""
    wanted = parse(await request.read())
    store, settings = request.app[STORE], request.app[SETTINGS]
    tokens = reply.prompt_tokens(wanted)
    selection = select(wanted, tokens)
    generation = Generation(
        id=new_generation_id(),
        wanted=wanted,
        selection=selection,
        prompt_tokens=tokens,
        created=int(store.now().timestamp()),
    )
    choices = reply.write(wanted, selection.chosen.model, settings.seed)
    total = sum(choice.token_count for choice in choices)
    check_may_spend(store, request[PRINCIPAL], model=selection.chosen.asked, estimate=generation.cost(total))
    if wanted.stream:
        return SseAnswer(_billed_events(request, generation, choices, settings.token_delay), generation.headers(None))
    bill(request, generation, total)
    body = {
        **generation.frame("chat.completion"),
        "choices": [_whole(number, choice, wanted.logprobs) for number, choice in enumerate(choices)],
        "usage": generation.usage(total),
        "nexevo": generation.nexevo(total),
    }
    return json_answer(body, headers=generation.headers(total))


def bill(request: web.Request, generation: Generation, completion_tokens: int) -> None:
    """Write the generation into the ledger."""
    record_usage(
        request.app[STORE],
        request[PRINCIPAL],
        generation_id=generation.id,
        model=generation.selection.chosen.model.id,
        priced_as=generation.selection.chosen.asked,
        tier=generation.selection.chosen.tier,
        prompt_tokens=generation.prompt_tokens,
        completion_tokens=completion_tokens,
        cost=generation.cost(completion_tokens),
        conversation_id=generation.wanted.conversation_id,
    )


def _whole(number: int, choice: Choice, alternatives: int | None) -> dict[str, Any]:
    logprobs = None if alternatives is None else reply.logprobs(choice.tokens, alternatives)
    return {
        "index": number,
        "message": choice.message(),
        "logprobs": logprobs,
        "finish_reason": choice.finish_reason,
    }


async def _billed_events(
    request: web.Request, generation: Generation, choices: list[Choice], token_delay: float
) -> AsyncGenerator[bytes, None]:
    """The stream's events; whoever leaves early pays for the tokens made until then."""
    made = 0
    try:
        for chunk, tokens in _chunks(generation, choices):
            if tokens:
                await asyncio.sleep(token_delay)  # zero still lets others run, and notices a client that left
            made += tokens
            yield event(chunk)
        yield DONE
    finally:
        bill(request, generation, made)


def _chunks(generation: Generation, choices: list[Choice]) -> Iterator[tuple[dict[str, Any], int]]:
    """Every chunk of a stream with the number of tokens in it; several answers take turns."""
    wanted = generation.wanted
    frame = generation.frame("chat.completion.chunk")
    if wanted.include_usage:
        frame["usage"] = None
    total = sum(choice.token_count for choice in choices)
    parts = [_parts(number, choice, wanted.logprobs) for number, choice in enumerate(choices)]
    for part, tokens in (found for turn in zip_longest(*parts) for found in turn if found):
        chunk = {**frame, "choices": [part]}
        if part["finish_reason"] is not None:
            chunk["nexevo"] = generation.nexevo(total)
        yield chunk, tokens
    if wanted.include_usage:
        yield {**frame, "choices": [], "usage": generation.usage(total), "nexevo": generation.nexevo(total)}, 0


def _parts(number: int, choice: Choice, alternatives: int | None) -> Iterator[tuple[dict[str, Any], int]]:
    """The ``choices`` entries of one answer: the role, the content or the calls, the end."""

    def part(delta: dict[str, Any], *, finish_reason: str | None = None, logprobs: Any = None) -> dict[str, Any]:
        return {"index": number, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}

    yield part({"role": "assistant", "content": None if choice.calls else "", "refusal": None}), 0
    for token in choice.tokens:
        logprobs = None if alternatives is None else reply.logprobs((token,), alternatives)
        yield part({"content": token}, logprobs=logprobs), 1
    for position, call in enumerate(choice.calls):
        opening = {"index": position, "id": call.id, "type": "function"}
        yield part({"tool_calls": [{**opening, "function": {"name": call.name, "arguments": ""}}]}), 1
        for piece in pieces(call.arguments):
            yield part({"tool_calls": [{"index": position, "function": {"arguments": piece}}]}), 1
    yield part({}, finish_reason=choice.finish_reason), 0


def routes() -> list[RouteSpec]:
    """The chat call."""
    return [RouteSpec("chat.completions.create", "POST", "/v1/chat/completions", "key", create)]
