"""``chat.completions``: what is sent, what is refused before that, and what comes back."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
import pytest

from nexevo_async._codec import decode, encode
from nexevo_async._messages import Attempt, Headers
from nexevo_async.config import DEFAULT_TIMEOUT, Timeout
from nexevo_async.errors import APIResponseValidationError, ConfigurationError, StreamTruncatedError
from nexevo_async.models._common import attach_head
from nexevo_async.resources.chat import Chat, ChatCompletions
from nexevo_async.streaming import ChatStream

HELLO = [{"role": "user", "content": "Hello!"}]
ANSWER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}
CHUNK = b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\n'


class Answer:
    status = 200
    base_url = "https://a.example"
    on_break = None

    def __init__(self, *pieces: bytes) -> None:
        self.headers = Headers.of({"X-Nexevo-Generation-Id": "gen_1"})
        self.pieces = list(pieces)
        self.closed = False

    async def read(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    async def aclose(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


class Call:
    deadline = None
    attempts: tuple[Attempt, ...] = ()


class Transport:
    """Keeps what it is asked for, and answers with what it is told."""

    def __init__(
        self, answer: Mapping[str, Any] | None = None, *pieces: bytes, headers: Mapping[str, str] = {}
    ) -> None:
        self.answer = ANSWER if answer is None else answer
        self.headers = Headers.of(dict(headers))
        self.stream = Answer(*(pieces or (CHUNK, b"data: [DONE]\n\n")))
        self.asked: list[tuple[str, dict[str, Any], Mapping[str, Any]]] = []
        self.shape = ""

    @property
    def body(self) -> Any:
        """The JSON that went out last, as the service would read it."""
        return orjson.loads(encode(self.asked[-1][2]))

    async def fetch(self, route: str, into: type[Any], options: dict[str, Any], **request: Any) -> Any:
        self.asked.append((route, options, request["json"]))
        self.shape = request["shape"]
        answer = decode(encode(self.answer), into)
        attach_head(answer, self.headers)
        return answer

    async def open(self, route: str, options: dict[str, Any], **request: Any) -> tuple[Answer, Call, Timeout]:
        self.asked.append((route, options, request["json"]))
        self.shape = request["shape"]
        return self.stream, Call(), DEFAULT_TIMEOUT


def completions(transport: Transport) -> ChatCompletions:
    return Chat(transport).completions  # type: ignore[arg-type]  # as much of a transport as is needed


async def sent(**arguments: Any) -> Any:
    transport = Transport()
    await completions(transport).create(**{"messages": HELLO, "model": "m", **arguments})
    return transport.body


async def refused(**arguments: Any) -> str:
    transport = Transport()
    with pytest.raises(ConfigurationError) as caught:
        await completions(transport).create(**{"messages": HELLO, "model": "m", **arguments})
    assert transport.asked == []
    return str(caught.value)


async def test_a_plain_call_sends_what_was_given_and_nothing_else() -> None:
    transport = Transport()
    await completions(transport).create(model="nexevo/balanced", messages=HELLO)
    assert transport.asked == [
        ("chat.completions.create", {}, {"messages": HELLO, "model": "nexevo/balanced"}),
    ]
    assert transport.shape == "nexevo/balanced"


async def test_every_field_goes_out_under_its_own_name() -> None:
    fields: dict[str, Any] = {
        "temperature": 0,
        "max_tokens": 5,
        "top_p": 0.5,
        "stop": ["a", "b"],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "response_format": {"type": "json_object"},
        "seed": -1,
        "n": 2,
        "stream_options": {"include_usage": True},
        "user": "u",
        "presence_penalty": -2,
        "frequency_penalty": 2,
        "logit_bias": {"50256": -100},
        "logprobs": True,
        "top_logprobs": 0,
        "max_completion_tokens": 9,
        "reasoning_effort": "low",
        "models": ["a", "b"],
        "provider": {"data_collection": "deny"},
        "options": {"recall": "off", "verify": True},
        "metadata": {"conversation_id": "c"},
    }
    whole = {"messages": HELLO, "model": "m", **fields}
    assert await sent(**fields) == whole
    transport = Transport()
    async with completions(transport).stream(**whole):
        assert transport.body == {**whole, "stream": True}
    known = set(inspect.signature(ChatCompletions.create).parameters) - {"self", "call_options", "stream", "max_price"}
    assert known == {"messages", "model", *fields}


async def test_models_alone_are_enough() -> None:
    transport = Transport()
    await completions(transport).create(messages=HELLO, models=("a", "b"))
    assert transport.body == {"messages": HELLO, "models": ["a", "b"]}
    assert transport.shape == "a"


async def test_a_field_in_extra_body_counts() -> None:
    transport = Transport()
    await completions(transport).create(
        messages=HELLO, max_price={"total": 1}, extra_body={"model": "m", "max_tokens": 5}
    )
    assert transport.asked[0][1] == {"extra_body": {"model": "m", "max_tokens": 5}}


async def test_prices_go_out_as_exact_numbers() -> None:
    transport = Transport()
    prices = {"prompt": Decimal("0.10"), "completion": "1.000000000000000000001", "total": 2}
    await completions(transport).create(messages=HELLO, model="m", max_tokens=9, max_price=prices)
    assert b'"max_price":{"prompt":0.10,"completion":1.000000000000000000001,"total":2}' in encode(
        transport.asked[0][2]
    )


async def test_the_message_of_an_answer_can_be_sent_on() -> None:
    transport = Transport()
    chat = completions(transport)
    answer = await chat.create(messages=HELLO, model="m")
    await chat.create(messages=[*HELLO, answer.choices[0].message], model="m")
    assert transport.body["messages"][1] == {"role": "assistant", "content": "Hi"}


async def test_what_cannot_work_is_refused_before_anything_is_sent() -> None:
    assert "messages must not be empty" in await refused(messages=[])
    assert "stream must be True or False" in await refused(stream=1)


async def test_an_unknown_keyword_is_a_type_error_as_in_python() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'temprature'"):
        await completions(Transport()).create(messages=HELLO, model="m", temprature=1)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="unexpected keyword argument 'temprature'"):
        completions(Transport()).stream(messages=HELLO, model="m", temprature=1)  # type: ignore[call-arg]


async def test_the_answer_is_completed_from_its_headers() -> None:
    headers = {"X-Nexevo-Generation-Id": "gen_1", "X-Usage-Input-Tokens": "3", "X-Usage-Output-Tokens": "4"}
    answer = await completions(Transport(headers=headers)).create(messages=HELLO, model="m")
    assert answer.nexevo.generation_id == answer["nexevo"]["generation_id"] == "gen_1"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 7


async def test_an_answer_without_choices_cannot_be_read() -> None:
    with pytest.raises(APIResponseValidationError) as caught:
        await completions(Transport({"id": "x"}, headers={"X-Trace-ID": "t"})).create(messages=HELLO, model="m")
    assert (caught.value.problems, caught.value.trace_id) == (("choices: missing",), "t")


async def test_the_raw_view_is_left_alone() -> None:
    class Raw(Transport):
        async def fetch(self, route: str, into: type[Any], options: dict[str, Any], **request: Any) -> Any:
            return b"raw"

    assert await completions(Raw()).create(messages=HELLO, model="m") == b"raw"


async def test_stream_sends_when_it_is_entered_and_closes_when_it_is_left() -> None:
    transport = Transport()
    manager = completions(transport).stream(messages=HELLO, model="m", timeout=5)
    assert transport.asked == []
    async with manager as stream:
        assert stream.generation_id == "gen_1"
        assert [text async for text in stream.text()] == ["Hi"]
        final = await stream.final()
    assert final["nexevo"]["generation_id"] == "gen_1"
    assert transport.asked == [
        ("chat.completions.create", {"timeout": 5}, {"messages": HELLO, "model": "m", "stream": True})
    ]
    assert transport.stream.closed


async def test_stream_refuses_before_anything_is_awaited() -> None:
    chat = completions(Transport())
    with pytest.raises(ConfigurationError, match="messages must not be empty"):
        chat.stream(messages=[], model="m")
    with pytest.raises(ConfigurationError, match="max_event_bytes must be at least 1"):
        chat.stream(messages=HELLO, model="m", max_event_bytes=0)


async def test_create_with_stream_gives_the_same_stream() -> None:
    transport = Transport()
    async with await completions(transport).create(messages=HELLO, model="m", stream=True) as stream:
        assert isinstance(stream, ChatStream)
        assert [chunk.text async for chunk in stream] == ["Hi"]
    assert transport.body["stream"] is True


async def test_create_without_stream_sends_no_stream() -> None:
    assert "stream" not in await sent(stream=False)


@pytest.mark.parametrize("arguments", [{"n": 2}, {"extra_body": {"n": 2}}])
async def test_a_stream_waits_for_as_many_choices_as_were_asked_for(arguments: dict[str, Any]) -> None:
    transport = Transport(None, CHUNK)
    async with completions(transport).stream(messages=HELLO, model="m", **arguments) as stream:
        with pytest.raises(StreamTruncatedError):
            await stream.final()


async def test_a_dropped_stream_names_the_line_that_opened_it() -> None:
    frame = inspect.currentframe()
    assert frame is not None
    for opened in (
        await completions(Transport()).stream(messages=HELLO, model="m"),
        await completions(Transport()).create(messages=HELLO, model="m", stream=True),
    ):
        assert opened._site is not None
        assert opened._site[0] == __file__
        await opened.aclose()


async def test_a_large_event_is_refused_where_the_caller_says_so() -> None:
    async with completions(Transport()).stream(messages=HELLO, model="m", max_event_bytes=20) as stream:
        with pytest.raises(Exception, match="larger than 20 bytes"):
            await stream.final()
