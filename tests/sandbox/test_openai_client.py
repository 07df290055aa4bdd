"""The official `openai` client pointed at the sandbox: it must not notice that this is not the real thing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from nexevo_async.sandbox import Sandbox

HELLO: Any = [{"role": "user", "content": "Hello!"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(rate_limit=None) as box:
        yield box


@pytest.fixture
async def client(box: Sandbox) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{box.base_url}/v1", api_key=box.api_key, max_retries=0) as client:
        yield client


async def test_chat(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="nexevo/fast", messages=HELLO, n=2, logprobs=True)
    assert len(answer.choices) == 2
    assert (answer.choices[0].message.content or "").startswith('You said: "Hello!"')
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].logprobs is not None
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_streamed_chat_with_usage(client: openai.AsyncOpenAI) -> None:
    text, usage, reasons = "", None, []
    stream = await client.chat.completions.create(
        model="nexevo/fast", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    async for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reasons.append(choice.finish_reason)
    assert text.startswith('You said: "Hello!"')
    assert reasons[-1] == "stop"
    assert usage is not None
    assert usage.completion_tokens > 0


async def test_the_stream_helper_puts_the_answer_together(client: openai.AsyncOpenAI) -> None:
    async with client.chat.completions.stream(model="nexevo/fast", messages=HELLO) as stream:
        deltas = [event.delta async for event in stream if event.type == "content.delta"]
        final = await stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content
    assert final.choices[0].finish_reason == "stop"


async def test_tools_whole_and_streamed(client: openai.AsyncOpenAI) -> None:
    asking: Any = [{"role": "user", "content": "Please use get_weather for Paris"}]
    answer = await client.chat.completions.create(model="nexevo/fast", messages=asking, tools=[WEATHER])
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"example"}')
    async with client.chat.completions.stream(model="nexevo/fast", messages=asking, tools=[WEATHER]) as stream:
        final = await stream.get_final_completion()
    (streamed,) = final.choices[0].message.tool_calls or []
    assert (streamed.function.name, streamed.function.arguments) == ("get_weather", '{"city":"example"}')
    assert final.choices[0].finish_reason == "tool_calls"


async def test_structured_output_is_parsed_into_a_model(client: openai.AsyncOpenAI) -> None:
    class Step(BaseModel):
        title: str
        minutes: int

    class Plan(BaseModel):
        steps: list[Step]
        note: str | None

    answer = await client.chat.completions.parse(model="nexevo/fast", messages=HELLO, response_format=Plan)
    plan = answer.choices[0].message.parsed
    assert plan is not None
    assert plan.steps == [Step(title="example", minutes=1)]


async def test_models(client: openai.AsyncOpenAI) -> None:
    names = [model.id async for model in client.models.list()]
    assert {"nexevo/fast", "gpt-4o-mini", "text-embedding-3-small"} <= set(names)
    assert (await client.models.retrieve("nexevo/fast")).id == "nexevo/fast"


async def test_embeddings(client: openai.AsyncOpenAI) -> None:
    """The client asks for base64 by itself and decodes it."""
    answer = await client.embeddings.create(model="text-embedding-3-small", input=["red", "blue"], dimensions=16)
    assert [len(item.embedding) for item in answer.data] == [16, 16]
    assert answer.data[0].embedding != answer.data[1].embedding


async def test_errors_become_the_clients_own_classes(box: Sandbox, client: openai.AsyncOpenAI) -> None:
    def chat(model: str = "nexevo/fast", **more: Any) -> Any:
        return client.chat.completions.create(model=model, messages=HELLO, **more)

    with pytest.raises(openai.NotFoundError) as not_found:
        await chat("no-such-model")
    assert (not_found.value.code, not_found.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as bad:
        await chat(temperature=9)
    assert bad.value.param == "temperature"
    with pytest.raises(openai.AuthenticationError) as stranger:
        await client.with_options(api_key="sk-wrong").models.list()
    assert stranger.value.code == "invalid_api_key"
    box.fault(0, "status", status=429, count=1)
    with pytest.raises(openai.RateLimitError):
        await chat()
    with pytest.raises(openai.InternalServerError):
        await chat("sandbox/down")
    box.fault(0, "stream_error", count=1)
    with pytest.raises(openai.APIError, match="failed in the middle"):
        [chunk async for chunk in await chat(stream=True)]
    box.fault(0, "reset", count=1)
    with pytest.raises(openai.APIConnectionError):
        await chat()


@pytest.fixture
def threaded() -> Iterator[Sandbox]:
    with Sandbox(rate_limit=None) as box:
        yield box


def test_the_blocking_client_against_a_box_on_a_thread(threaded: Sandbox) -> None:
    with openai.OpenAI(base_url=f"{threaded.base_url}/v1", api_key=threaded.api_key, max_retries=0) as client:
        answer = client.chat.completions.create(model="nexevo/fast", messages=HELLO)
        assert (answer.choices[0].message.content or "").startswith("You said")
        with client.chat.completions.create(model="nexevo/fast", messages=HELLO, stream=True) as stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        assert text == answer.choices[0].message.content
