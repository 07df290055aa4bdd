"""A box with an upstream: another sandbox answers the chats; keys, money, faults and journal stay with the first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from nexevo_async.sandbox import Sandbox

HELLO = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]}


class Pair:
    """A box that forwards, and the box behind it."""

    def __init__(self, front: Sandbox, back: Sandbox, http: aiohttp.ClientSession) -> None:
        self.front, self.back, self._http = front, back, http
        self.headers: dict[str, str] = {}

    async def chat(self, body: dict[str, Any], *, expect: int = 200) -> Any:
        headers = {"Authorization": f"Bearer {self.front.api_key}"}
        async with self._http.post(f"{self.front.base_url}/v1/chat/completions", json=body, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == expect, text
            self.headers = dict(answer.headers)
            return text if answer.content_type == "text/event-stream" else orjson.loads(text)

    async def balance(self, box: Sandbox) -> Decimal:
        headers = {"Authorization": f"Bearer {box.api_key}"}
        async with self._http.get(f"{box.base_url}/v1/billing/balance", headers=headers) as answer:
            return Decimal((await answer.json())["balance_usd"])


@pytest.fixture(params=["", "/v1", "/v1/"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    async with Sandbox(rate_limit=None) as back:
        upstream = back.base_url + request.param
        async with (
            Sandbox(rate_limit=None, upstream=upstream, upstream_key=back.api_key) as front,
            aiohttp.ClientSession() as http,
        ):
            yield Pair(front, back, http)


async def test_a_whole_answer_comes_from_the_upstream_with_our_generation_id(pair: Pair) -> None:
    """Ours are id, headers and the bill; the words are the upstream's."""
    answer = await pair.chat(HELLO)
    assert answer["choices"][0]["message"]["content"].startswith('You said: "Hello!"')
    assert answer["nexevo"]["generation_id"] == pair.headers["X-Nexevo-Generation-Id"]
    assert (answer["nexevo"]["model_used"], answer["nexevo"]["tier"]) == ("gpt-4o", "passthrough")
    assert Decimal(100) - await pair.balance(pair.front) == Decimal(answer["nexevo"]["cost_usd"]) > 0
    assert pair.back.journal()[0].route == "chat.completions.create"


async def test_a_stream_is_passed_on_event_by_event(pair: Pair) -> None:
    events = (await pair.chat({**HELLO, "stream": True})).split("\n\n")[:-1]
    assert events[-1] == "data: [DONE]"
    chunks = [orjson.loads(event.removeprefix("data: ")) for event in events[:-1]]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == (await pair.chat(HELLO))["choices"][0]["message"]["content"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["nexevo"]["generation_id"]
    assert all(chunk["choices"] for chunk in chunks)
    assert await pair.balance(pair.front) == await pair.balance(pair.back)


async def test_the_usage_chunk_comes_only_to_those_who_asked(pair: Pair) -> None:
    body = {**HELLO, "stream": True, "stream_options": {"include_usage": True}}
    events = (await pair.chat(body)).split("\n\n")[:-1]
    assert orjson.loads(events[-2].removeprefix("data: "))["choices"] == []


async def test_our_own_fields_stay_here_and_the_others_go_along(pair: Pair) -> None:
    more = {"max_price": {"prompt": 0.001}, "provider": {"data_collection": "deny"}, "options": {}, "max_tokens": 2}
    answer = await pair.chat({**HELLO, **more, "metadata": {"conversation_id": "c"}})
    assert answer["choices"][0]["finish_reason"] == "length"


async def test_a_fallback_list_is_tried_against_the_upstream(pair: Pair) -> None:
    answer = await pair.chat({**HELLO, "model": "sandbox/down", "models": ["no-such-model", "gpt-4o-mini"]})
    assert pair.headers["X-Nexevo-Models-Tried"] == "sandbox/down,no-such-model,gpt-4o-mini"
    assert answer["nexevo"]["model_used"] == "gpt-4o-mini"


async def test_what_the_upstream_says_about_the_request_is_passed_on(pair: Pair) -> None:
    error = (await pair.chat({**HELLO, "model": "no-such-model"}, expect=404))["error"]
    assert error["code"] == "model_not_found"


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 500}, {"kind": "status", "status": 401}, {"kind": "reset"}]
)
async def test_a_failing_upstream_is_502_upstream_error(pair: Pair, fault: dict[str, Any]) -> None:
    pair.back.fault(0, **fault)
    assert (await pair.chat(HELLO, expect=502))["error"]["code"] == "upstream_error"
    assert await pair.balance(pair.front) == 100


async def test_an_upstream_that_answers_nonsense_is_502(pair: Pair) -> None:
    pair.back.fault(0, "html")
    assert (await pair.chat(HELLO, expect=502))["error"]["code"] == "upstream_error"


async def test_an_upstream_stream_that_breaks_ends_in_an_error_event(pair: Pair) -> None:
    """What was made is billed all the same."""
    pair.back.fault(0, "stream_reset", after=3)
    *_, last, rest = (await pair.chat({**HELLO, "stream": True})).split("\n\n")
    assert (orjson.loads(last.removeprefix("data: "))["error"]["code"], rest) == ("upstream_error", "")
    assert await pair.balance(pair.front) < 100


async def test_faults_of_the_front_spoil_what_came_from_behind(pair: Pair) -> None:
    pair.front.fault(0, "stream_cut", after=2)
    body = await pair.chat({**HELLO, "stream": True})
    assert (body.count("data:"), "[DONE]" in body) == (2, False)


async def test_an_upstream_that_is_not_there_is_502() -> None:
    async with Sandbox(rate_limit=None) as gone:
        pass
    async with Sandbox(rate_limit=None, upstream=gone.base_url) as front, aiohttp.ClientSession() as http:
        pair = Pair(front, front, http)
        assert "ClientConnectorError" in (await pair.chat(HELLO, expect=502))["error"]["message"]


@pytest.fixture
async def plain() -> AsyncIterator[Callable[[bytes], Awaitable[Pair]]]:
    """A pair whose upstream answers every request with the same bytes as an event stream."""
    stack: list[Any] = []

    async def start(body: bytes) -> Pair:
        async def answer(request: web.Request) -> web.Response:
            return web.Response(body=body, content_type="text/event-stream")

        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        server = TestServer(app)
        await server.start_server()
        front = Sandbox(rate_limit=None, upstream=str(server.make_url("/v1")))
        await front.__aenter__()
        http = aiohttp.ClientSession()
        stack.extend((http.close, server.close, lambda: front.__aexit__(None, None, None)))
        return Pair(front, front, http)

    yield start
    for close in stack:
        await close()


async def test_an_upstream_with_other_line_ends_and_without_usage_is_understood(
    plain: Callable[[bytes], Awaitable[Pair]],
) -> None:
    """CRLF, comments, and no usage: then our own count is billed, and an unknown model costs nothing."""
    body = (
        b': hi\r\n\r\ndata: {"choices":[{"index":0,"delta":{"content":"Hi there"}}]}\r\n\r\n'
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n'
    )
    pair = await plain(body)
    events = (await pair.chat({**HELLO, "model": "my-model", "stream": True})).split("\n\n")[:-1]
    assert [orjson.loads(event.removeprefix("data: "))["choices"][0]["delta"] for event in events[:-1]] == [
        {"content": "Hi there"},
        {},
    ]
    assert events[-1] == "data: [DONE]"
    assert await pair.balance(pair.front) == 100
