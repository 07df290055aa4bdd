"""Chat, models and embeddings: what is said, how it is framed, what it costs, and what is refused."""

from __future__ import annotations

import asyncio
import base64
import math
import struct
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async.sandbox import Sandbox
from nexevo_async.sandbox.generate import example, pieces
from nexevo_async.sandbox.models_catalog import CATALOG, resolve

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time"}}


def asking(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "nexevo/fast", "messages": [{"role": "user", "content": text}], **more}


class Client:
    """Calls one box and gives what came back."""

    def __init__(self, box: Sandbox, http: aiohttp.ClientSession) -> None:
        self.box, self._http = box, http
        self.headers: dict[str, str] = {}

    async def post(self, path: str, body: Any, *, expect: int = 200, key: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {key or self.box.api_key}"}
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        async with self._http.post(f"{self.box.base_url}{path}", data=raw, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == expect, text
            self.headers = dict(answer.headers)
            return text if answer.content_type == "text/event-stream" else orjson.loads(text)

    async def get(self, path: str, *, expect: int = 200) -> Any:
        headers = {"Authorization": f"Bearer {self.box.api_key}"}
        async with self._http.get(f"{self.box.base_url}{path}", headers=headers) as answer:
            assert answer.status == expect
            return await answer.json()

    async def chat(self, body: dict[str, Any], **more: Any) -> Any:
        return await self.post("/v1/chat/completions", body, **more)

    async def said(self, body: dict[str, Any]) -> str:
        return str((await self.chat(body))["choices"][0]["message"]["content"])

    async def chunks(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """The chunks of a stream that must end with [DONE]."""
        *events, done, rest = (await self.chat({**body, "stream": True})).split("\n\n")
        assert (done, rest) == ("data: [DONE]", "")
        return [orjson.loads(event.removeprefix("data: ")) for event in events]

    async def refused(self, body: Any, status: int = 400) -> tuple[str, str | None]:
        error = (await self.post("/v1/chat/completions", body, expect=status))["error"]
        return error["code"], error.get("param")


@pytest.fixture
async def api() -> AsyncIterator[Client]:
    async with Sandbox(rate_limit=None) as box, aiohttp.ClientSession() as http:
        yield Client(box, http)


# Whole answers --------------------------------------------------------------------------------------------------------


async def test_a_whole_answer_in_the_openai_layout(api: Client) -> None:
    """Six prompt tokens at 0.15 and as many as were made at 0.60 dollars a million, in body and headers alike."""
    answer = await api.chat(asking("Hello!"))
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "gpt-4o-mini"
    (choice,) = answer["choices"]
    assert (choice["index"], choice["finish_reason"], choice["logprobs"]) == (0, "stop", None)
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"].startswith('You said: "Hello!".')
    made = answer["usage"]["completion_tokens"]
    assert answer["usage"] == {"prompt_tokens": 6, "completion_tokens": made, "total_tokens": 6 + made}
    assert answer["nexevo"] == {
        "generation_id": api.headers["X-Nexevo-Generation-Id"],
        "model_used": "gpt-4o-mini",
        "models_tried": ["gpt-4o-mini"],
        "tier": "fast",
        "cost_usd": f"{(Decimal('0.15') * 6 + Decimal('0.60') * made) / 1_000_000:f}",
    }
    assert (api.headers["X-Usage-Input-Tokens"], api.headers["X-Usage-Output-Tokens"]) == ("6", str(made))
    assert "X-Nexevo-Models-Tried" not in api.headers


async def test_the_same_question_gets_the_same_answer() -> None:
    """Text depends on seed, model and messages, and on nothing else."""

    async def said(box_seed: int, text: str, **more: Any) -> str:
        async with Sandbox(seed=box_seed) as box, aiohttp.ClientSession() as http:
            return await Client(box, http).said(asking(text, **more))

    assert await said(1, "Hello!") == await said(1, "Hello!")
    others = {await said(seed, "Hello!", seed=number) for seed in (1, 2) for number in (1, 2, 3, 4)}
    assert len(others) > 2


async def test_n_answers_differ_and_are_counted_together(api: Client) -> None:
    answer = await api.chat(asking("Hello!", n=3))
    texts = [choice["message"]["content"] for choice in answer["choices"]]
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert len(set(texts)) > 1
    assert answer["usage"]["completion_tokens"] == sum(len(pieces(text)) for text in texts)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_max_tokens_cuts_and_says_length(api: Client, field: str) -> None:
    (choice,) = (await api.chat(asking("Hello!", **{field: 3})))["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("You said:", "length")


async def test_stop_ends_the_answer_before_the_word(api: Client) -> None:
    (choice,) = (await api.chat(asking("Hello!", stop=["zebra", "Hello"])))["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ('You said: "', "stop")


async def test_content_parts_are_read(api: Client) -> None:
    parts = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    assert (await api.said(asking(parts))).startswith('You said: "Look".')  # type: ignore[arg-type]


async def test_a_long_question_is_echoed_in_part(api: Client) -> None:
    assert "…" in await api.said(asking("word " * 500))


async def test_the_echo_model_says_exactly_what_it_was_told(api: Client) -> None:
    text = "  Line one,\n\tline two: 你好 \N{WINKING FACE}  "
    assert await api.said(asking(text, model="sandbox/echo")) == text


async def test_logprobs_come_token_by_token(api: Client) -> None:
    (choice,) = (await api.chat(asking("Hello!", max_tokens=2, logprobs=True, top_logprobs=2)))["choices"]
    content = choice["logprobs"]["content"]
    assert [token["token"] for token in content] == ["You", " said"]
    assert [len(token["top_logprobs"]) for token in content] == [2, 2]
    assert all(token["logprob"] <= 0 for token in content)


async def test_the_bill_is_in_the_ledger_and_feedback_finds_the_generation(api: Client) -> None:
    answer = await api.chat(asking("Hello!"))
    spent = Decimal(100) - Decimal((await api.get("/v1/billing/balance"))["balance_usd"])
    assert spent == Decimal(answer["nexevo"]["cost_usd"])
    body = {"generation_id": answer["nexevo"]["generation_id"], "rating": 1}
    await api.post("/v1/feedback", body, expect=201)


# Tools and JSON -------------------------------------------------------------------------------------------------------


async def test_a_tool_is_called_when_the_user_names_it(api: Client) -> None:
    (choice,) = (await api.chat(asking("Call get_weather please", tools=[CLOCK, WEATHER])))["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    (call,) = choice["message"]["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "get_weather")
    assert call["id"].startswith("call_")
    assert orjson.loads(call["function"]["arguments"]) == {"city": "example", "days": 1}


@pytest.mark.parametrize(
    ("text", "more", "called"),
    [
        ("Hello!", {}, []),
        ("get_time and get_weather", {}, ["get_weather", "get_time"]),
        ("get_time and get_weather", {"parallel_tool_calls": False}, ["get_weather"]),
        ("get_time", {"tool_choice": "none"}, []),
        ("Hello!", {"tool_choice": "required"}, ["get_weather"]),
        ("Hello!", {"tool_choice": {"type": "function", "function": {"name": "get_time"}}}, ["get_time"]),
        ("forget_time", {}, []),
    ],
)
async def test_which_tools_are_called(api: Client, text: str, more: dict[str, Any], called: list[str]) -> None:
    message = (await api.chat(asking(text, tools=[WEATHER, CLOCK], **more)))["choices"][0]["message"]
    assert [call["function"]["name"] for call in message.get("tool_calls", [])] == called


async def test_after_a_tools_answer_there_is_text(api: Client) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "get_weather"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]
    text = await api.said({"model": "nexevo/fast", "messages": messages, "tools": [WEATHER]})
    assert text.startswith('The tool answered: "sunny".')


async def test_json_object_is_valid_json(api: Client) -> None:
    text = await api.said(asking('Say "hi"', response_format={"type": "json_object"}))
    assert orjson.loads(text) == {"answer": 'Say "hi"'}


async def test_json_schema_is_followed(api: Client) -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 9, "maxLength": 9},
            "mood": {"enum": ["sunny", "rainy"]},
            "size": {"type": "integer", "minimum": 10},
            "share": {"type": "number", "exclusiveMaximum": 1},
            "day": {"type": ["null", "string"], "format": "date"},
            "ok": {"type": "boolean"},
            "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": 2},
            "more": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"x": {"const": 5}}}]},
        },
        "$defs": {"step": {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}}]}},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "report", "strict": True, "schema": schema}}
    assert orjson.loads(await api.said(asking("go", response_format=wanted))) == {
        "name": "example..",
        "mood": "sunny",
        "size": 10,
        "share": 0.5,
        "day": "2025-01-01",
        "ok": True,
        "steps": [{"a": 1}, {"a": 1}],
        "more": {"x": 5},
    }


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    tree = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}
    found, depth = example(tree), 0
    while found is not None:
        found, depth = found["next"], depth + 1
    assert 1 < depth < 20
    assert example({"$ref": "#"}) == "example"


@given(st.text())
def test_pieces_joined_give_the_text_back(text: str) -> None:
    assert "".join(pieces(text)) == text


# Streams --------------------------------------------------------------------------------------------------------------


async def test_a_stream_tells_the_same_as_the_whole_answer(api: Client) -> None:
    whole = await api.chat(asking("Hello!"))
    chunks = await api.chunks(asking("Hello!"))
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert deltas[-1] == {}
    assert "".join(delta.get("content", "") for delta in deltas) == whole["choices"][0]["message"]["content"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert all("usage" not in chunk for chunk in chunks)
    assert chunks[-1]["nexevo"]["generation_id"] == api.headers["X-Nexevo-Generation-Id"]
    assert "X-Usage-Output-Tokens" not in api.headers


async def test_include_usage_adds_one_chunk_without_choices(api: Client) -> None:
    whole = await api.chat(asking("Hello!"))
    chunks = await api.chunks(asking("Hello!", stream_options={"include_usage": True}))
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], whole["usage"])
    assert {chunk["usage"] is None for chunk in chunks[:-1]} == {True}


async def test_streamed_tool_calls_are_put_together_by_index(api: Client) -> None:
    chunks = await api.chunks(asking("get_time and get_weather", tools=[WEATHER, CLOCK]))
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for delta in chunk["choices"][0]["delta"].get("tool_calls", []):
            name = delta["function"].get("name")
            calls.setdefault(delta["index"], [name] if name else []).append(delta["function"]["arguments"])
    assert {index: (parts[0], "".join(parts[1:])) for index, parts in calls.items()} == {
        0: ("get_weather", '{"city":"example","days":1}'),
        1: ("get_time", "{}"),
    }
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_several_streamed_answers_take_turns(api: Client) -> None:
    chunks = await api.chunks(asking("Hello!", n=2))
    assert [chunk["choices"][0]["index"] for chunk in chunks[:6]] == [0, 1, 0, 1, 0, 1]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks].count("stop") == 2


async def test_token_delay_paces_a_stream() -> None:
    async with Sandbox(token_delay=0.02) as box, aiohttp.ClientSession() as http:
        api, loop = Client(box, http), asyncio.get_running_loop()
        began = loop.time()
        await api.chunks(asking("Hello!", max_tokens=5))
        assert loop.time() - began >= 5 * 0.02


async def test_a_client_that_leaves_ends_the_generation_and_pays_for_what_was_made() -> None:
    async with Sandbox(token_delay=0.01) as box, aiohttp.ClientSession() as http:
        api = Client(box, http)
        headers = {"Authorization": f"Bearer {box.api_key}"}
        url = f"{box.base_url}/v1/chat/completions"
        async with http.post(url, json=asking("word " * 40, stream=True), headers=headers) as answer:
            await answer.content.readuntil(b"said")
            assert box.in_flight(0) == 1
            answer.close()
        while box.in_flight(0):  # noqa: ASYNC110 - seen from outside, so nobody can signal it
            await asyncio.sleep(0.005)
        spent = Decimal(100) - Decimal((await api.get("/v1/billing/balance"))["balance_usd"])
        whole = await api.chat(asking("word " * 40))
        assert Decimal(0) < spent < Decimal(whole["nexevo"]["cost_usd"])


# Which model ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "model", "tier"),
    [
        ("nexevo/fast", "gpt-4o-mini", "fast"),
        ("nexevo/balanced", "gpt-4.1", "balanced"),
        ("nexevo/balanced:cheap", "gpt-4o-mini", "fast"),
        ("nexevo/auto:quality", "claude-sonnet-4-5", "balanced"),
        ("gpt-4o", "gpt-4o", "passthrough"),
        ("gpt-4o:fast", "gpt-4o", "passthrough"),
        ("byok/gpt-4o", "byok/gpt-4o", "byok"),
    ],
)
async def test_names_and_what_answers_to_them(api: Client, name: str, model: str, tier: str) -> None:
    found = (await api.chat(asking("Hello!", model=name)))["nexevo"]
    assert (found["model_used"], found["tier"]) == (model, tier)


@pytest.mark.parametrize("name", ["nexevo/auto", "nexevo-auto"])
async def test_a_conversation_sticks_to_its_model(api: Client, name: str) -> None:
    body = [asking(text, model=name, metadata={"conversation_id": "conv_1"}) for text in "abcdefgh"]
    assert len({(await api.chat(each))["model"] for each in body}) == 1
    free = [asking(text, model=name) for text in "abcdefgh"]
    assert len({(await api.chat(each))["model"] for each in free}) > 1


async def test_an_unknown_model_is_404(api: Client) -> None:
    assert await api.refused(asking("x", model="no-such-model"), 404) == ("model_not_found", "model")
    assert await api.refused(asking("x", model="text-embedding-3-small"), 404) == ("model_not_found", "model")


async def test_a_fallback_list_is_tried_in_order(api: Client) -> None:
    body = asking("Hello!", models=["sandbox/down", "no-such-model", "gpt-4o", "gpt-4"])
    del body["model"]
    answer = await api.chat(body)
    assert (answer["model"], answer["nexevo"]["models_tried"]) == (
        "gpt-4o",
        ["sandbox/down", "no-such-model", "gpt-4o"],
    )
    assert api.headers["X-Nexevo-Model-Used"] == "gpt-4o"
    assert api.headers["X-Nexevo-Models-Tried"] == "sandbox/down,no-such-model,gpt-4o"


async def test_without_a_model_that_works_it_is_upstream_error(api: Client) -> None:
    assert await api.refused(asking("x", model="sandbox/down"), 502) == ("upstream_error", None)
    body = {**asking("x"), "models": ["no-such-model"], "model": "sandbox/down"}
    assert await api.refused(body, 502) == ("upstream_error", None)


async def test_a_price_ceiling_rules_models_out(api: Client) -> None:
    """What is ruled out is never tried; when nothing is left it is 400."""
    ceiling = {"prompt": "1", "completion": 2}
    answer = await api.chat(asking("x", models=["gpt-4o", "gpt-4o-mini"], model="gpt-4", max_price=ceiling))
    assert answer["nexevo"]["models_tried"] == ["gpt-4o-mini"]
    found = await api.refused(asking("x", model="gpt-4", max_price=ceiling))
    assert found == ("no_model_fits_max_price", "max_price")


async def test_a_ceiling_per_request_needs_max_tokens_and_counts_the_most_it_may_cost(api: Client) -> None:
    """A thousand tokens at 60 dollars a million are 6 cents and a bit for the prompt."""
    body = asking("Hello!", model="gpt-4", max_tokens=1000)
    assert (await api.refused(asking("x", max_price={"total": "1"})))[1] == "max_price"
    assert await api.refused({**body, "max_price": {"total": "0.06"}}) == ("no_model_fits_max_price", "max_price")
    await api.chat({**body, "max_price": {"total": "0.061"}})


async def test_providers_that_keep_prompts_can_be_ruled_out(api: Client) -> None:
    deny = {"data_collection": "deny"}
    assert (await api.refused(asking("x", model="deepseek-chat", provider=deny)))[0] == "no_model_fits_provider"
    answer = await api.chat(asking("x", models=["deepseek-chat", "qwen-plus"], model=None, provider=deny))
    assert answer["model"] == "qwen-plus"


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"models": []}, "models"),
        ({"models": ["gpt-4o", 5]}, "models"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello!"}, "messages"),
        ({"messages": ["Hello!"]}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": 17}, "n"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tools": [{"name": "x"}]}, "tools"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tools": [CLOCK], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"max_price": {"prompt": "cheap"}}, "max_price"),
        ({"max_price": {"prompt": -1}}, "max_price"),
        ({"max_price": {"tokens": 1}}, "max_price"),
        ({"provider": {"data_collection": "maybe"}}, "provider"),
        ({"metadata": {"conversation_id": 5}}, "metadata"),
        ({"options": []}, "options"),
        ({"reasoning_effort": "superhuman"}, "reasoning_effort"),
    ],
)
async def test_a_refusal_names_the_field(api: Client, change: dict[str, Any], field: str) -> None:
    assert await api.refused({**asking("Hello!"), **change}) == ("invalid_request", field)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff"])
async def test_a_body_that_is_no_json_object_is_refused(api: Client, body: bytes) -> None:
    assert await api.refused(body) == ("invalid_json", None)


async def test_unknown_fields_and_nulls_pass(api: Client) -> None:
    await api.chat(
        asking("Hello!", shiny=True, temperature=None, tools=None, stop=None, max_price=None, options={"a": 1})
    )


async def test_a_request_over_the_balance_is_402(api: Client) -> None:
    """Five dollars of prompt and answer at the dearest price, with one left, are refused before anything is made."""
    pricing = [{"model": "gpt-4", "pricing_factor": 1}]
    body = {"alias": "t", "balance": 1, "count": 1, "model_pricing": pricing}
    key = (await api.post("/api/v1/account/sub-account/token", body))["items"][0]["token"]
    refused = await api.chat(asking("word " * 160_000, model="gpt-4"), key=key, expect=402)
    assert (refused["error"]["code"], refused["error"]["type"]) == ("insufficient_balance", "insufficient_balance")


async def test_a_sub_account_uses_its_models_and_nothing_else(api: Client) -> None:
    """Priced under the name it asks for; a factor of two doubles the price."""
    made = await api.post(
        "/api/v1/account/sub-account/token",
        {"alias": "t", "balance": 1, "count": 1, "model_pricing": [{"model": "nexevo/fast", "pricing_factor": 2}]},
    )
    key = made["items"][0]["token"]
    answer = await api.chat(asking("Hello!"), key=key)
    listed = await api.get("/api/v1/account/sub-account/list")
    left = Decimal(listed["items"][0]["balance"])
    assert abs(Decimal(1) - left - 2 * Decimal(answer["nexevo"]["cost_usd"])) < Decimal("0.00000001")
    refused = await api.chat(asking("Hello!", model="gpt-4o"), key=key, expect=403)
    assert refused["error"]["code"] == "model_not_allowed"
    assert (await api.post("/v1/keys", {"name": "x"}, key=key, expect=403))["error"]["type"] == "permission_error"


# Models and embeddings ------------------------------------------------------------------------------------------------


async def test_models_are_listed_with_their_aliases(api: Client) -> None:
    listed = await api.get("/v1/models")
    assert listed["object"] == "list"
    names = [model["id"] for model in listed["data"]]
    assert names[:4] == ["nexevo/fast", "nexevo/balanced", "nexevo/auto", "nexevo-auto"]
    assert names[4:] == list(CATALOG)
    assert all(model["object"] == "model" and isinstance(model["created"], int) for model in listed["data"])


@pytest.mark.parametrize("path", ["nexevo/fast", "nexevo%2Ffast", "gpt-4o", "sandbox%2Fecho"])
async def test_one_model_is_found_by_its_id(api: Client, path: str) -> None:
    assert (await api.get(f"/v1/models/{path}"))["id"] == path.replace("%2F", "/")


async def test_a_model_that_is_not_there_is_404(api: Client) -> None:
    assert (await api.get("/v1/models/nope", expect=404))["error"]["code"] == "model_not_found"


def test_a_suffix_alone_is_no_model() -> None:
    assert [resolve(name) for name in (":fast", "", "gpt-4o:quick", "nexevo/")] == [None] * 4


async def test_embeddings_are_unit_vectors_that_depend_on_the_text(api: Client) -> None:
    body = {"model": "text-embedding-3-small", "input": ["red", "red", "blue"]}
    answer = await api.post("/v1/embeddings", body)
    red, again, blue = (item["embedding"] for item in answer["data"])
    assert len(red) == 1536
    assert math.isclose(math.hypot(*red), 1, abs_tol=1e-5)
    assert red == again != blue
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert (api.headers["X-Usage-Input-Tokens"], api.headers["X-Usage-Output-Tokens"]) == ("3", "0")


async def test_embeddings_in_base64_hold_the_same_floats(api: Client) -> None:
    body = {"model": "text-embedding-3-large", "input": "red", "dimensions": 8}
    plain = (await api.post("/v1/embeddings", body))["data"][0]["embedding"]
    packed = (await api.post("/v1/embeddings", {**body, "encoding_format": "base64"}))["data"][0]["embedding"]
    assert list(struct.unpack("<8f", base64.b64decode(packed))) == plain


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2, 3]]])
async def test_token_numbers_can_be_embedded(api: Client, tokens: list[Any]) -> None:
    answer = await api.post("/v1/embeddings", {"model": "text-embedding-3-small", "input": tokens})
    assert (len(answer["data"]), answer["usage"]["prompt_tokens"]) == (1, 3)


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"model": None}, 400, "model"),
        ({"model": "gpt-4o"}, 404, "model"),
        ({"input": ""}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": ["x", ""]}, 400, "input"),
        ({"input": ["x", 5]}, 400, "input"),
        ({"encoding_format": "hex"}, 400, "encoding_format"),
        ({"dimensions": 0}, 400, "dimensions"),
        ({"dimensions": 1537}, 400, "dimensions"),
    ],
)
async def test_embedding_refusals_name_the_field(api: Client, change: dict[str, Any], status: int, field: str) -> None:
    body = {"model": "text-embedding-3-small", "input": "x", **change}
    assert (await api.post("/v1/embeddings", body, expect=status))["error"]["param"] == field
