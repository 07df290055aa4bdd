"""Chunks read by the pattern of another one are what reading all of them gives, to the last field."""

from __future__ import annotations

import json
import pickle
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async import _codec
from nexevo_async._chunk_pattern import ChunkPattern
from nexevo_async._decoders import decoder_for
from nexevo_async.models.chat import ChatCompletionChunk

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1760000000, "model": "nexevo/balanced"}


def chunk(content: Any = "Hello", *, delta: Any = None, choice: Any = None, **more: Any) -> bytes:
    parts = {"content": content} if delta is None else delta
    return json.dumps(
        {**HEAD, "choices": [{"index": 0, "delta": parts, "finish_reason": None, **(choice or {})}], **more},
        ensure_ascii=False,
    ).encode("utf-8", "surrogatepass")


def pattern_of(event: bytes) -> ChunkPattern | None:
    data = orjson.loads(event)
    return ChunkPattern.of(event, data, decoder_for(ChatCompletionChunk)(data))


def in_full(event: bytes) -> ChatCompletionChunk:
    return _codec.decode(event, ChatCompletionChunk)


PATTERN = pattern_of(chunk(system_fingerprint="fp", some_day=1.5))
assert PATTERN is not None


def test_another_text_is_all_that_is_new() -> None:
    assert PATTERN is not None
    event = chunk(" World", system_fingerprint="fp", some_day=1.5)
    found = PATTERN.read(event)
    assert found is not None
    assert found.text == " World"
    assert found.model == "nexevo/balanced"
    assert found["choices"][0]["delta"]["content"] == " World"
    assert found.extra == {"some_day": 1.5}
    assert found.to_dict() == json.loads(event)
    assert found == in_full(event)
    assert list(found.choices[0].delta) == ["content"]
    assert "usage" not in found
    assert "finish_reason" in found.choices[0]
    again = pickle.loads(pickle.dumps(found))
    assert (again.to_dict(), again.text) == (json.loads(event), " World")


def test_copies_have_nothing_in_common_that_could_be_changed() -> None:
    assert PATTERN is not None
    first = PATTERN.read(chunk("a", system_fingerprint="fp", some_day=1.5))
    second = PATTERN.read(chunk("b", system_fingerprint="fp", some_day=1.5))
    assert first is not None
    assert second is not None
    first.choices.clear()
    first.to_dict()["choices"] = None
    assert second.text == "b"
    third = PATTERN.read(chunk("c", system_fingerprint="fp", some_day=1.5))
    assert third is not None
    assert third.text == "c"


TEXTS = st.one_of(
    st.text(),
    st.sampled_from(['"', "\\", '","role":"x', "\u2028", "\n", "é", "\U0001f600", '"content":"x"', "}]}", "null"]),
)


@given(first=TEXTS, second=TEXTS, escaped=st.booleans(), role=st.booleans())
def test_whatever_the_texts_are_the_chunk_is_that_of_reading_it_in_full(
    first: str, second: str, escaped: bool, role: bool
) -> None:
    def event(text: str) -> bytes:
        delta = {"role": "assistant", "content": text} if role else {"content": text}
        return json.dumps({**HEAD, "choices": [{"index": 0, "delta": delta}]}, ensure_ascii=escaped).encode()

    pattern = pattern_of(event(first))
    found = pattern and pattern.read(event(second))
    if '"content":' not in first and '"content":' not in second:
        assert found is not None
    if found is not None:
        assert found.to_dict() == json.loads(event(second))


@given(event=st.binary(max_size=40), cut=st.integers(0, 400), at=st.integers(0, 400))
def test_garbage_in_the_middle_is_never_read_as_anything_else(event: bytes, cut: int, at: int) -> None:
    """Cut a piece out of a good chunk, put rubbish in: either it is what full reading says, or it is left to that."""
    assert PATTERN is not None
    good = chunk("Hello", system_fingerprint="fp", some_day=1.5)
    damaged = good[:at] + event + good[at + cut % 30 :]
    found = PATTERN.read(damaged)
    if found is not None:
        assert found.to_dict() == orjson.loads(damaged)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(chunk("x").replace(b'"x"', b"null"), id="null"),
        pytest.param(chunk("x").replace(b'"x"', b"7"), id="a number"),
        pytest.param(chunk("x").replace(b'"x"', b'{"a": "b"}'), id="an object"),
        pytest.param(chunk("x").replace(b'"x"', b""), id="nothing"),
        pytest.param(chunk("x").replace(b'"x"', b'"'), id="half a text"),
        pytest.param(chunk("x").replace(b'"x"', b'"x", "role": "y"'), id="one field more"),
        pytest.param(chunk("x").replace(b'"x"', b'"\xff"'), id="no UTF-8"),
        pytest.param(chunk("x").replace(b'"x"', b'"\n"'), id="a bare line break"),
        pytest.param(chunk("x", model="other"), id="another model"),
        pytest.param(chunk("x", usage={"prompt_tokens": 1}), id="usage"),
        pytest.param(chunk("x", choice={"finish_reason": "stop"}), id="a finish reason"),
        pytest.param(chunk("x", error={"message": "no"}), id="an error"),
        pytest.param(b"", id="empty"),
        pytest.param(b"[DONE]", id="the end marker"),
    ],
)
def test_what_differs_in_more_than_its_text_is_left_to_full_reading(event: bytes) -> None:
    pattern = pattern_of(chunk())
    assert pattern is not None
    assert pattern.read(event) is None


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(chunk(None), id="no text"),
        pytest.param(chunk(delta={}), id="no content"),
        pytest.param(chunk(delta={"tool_calls": [{"index": 0}]}), id="tool calls"),
        pytest.param(chunk(choice={"logprobs": {"content": None}}), id="log probabilities"),
        pytest.param(chunk(usage={"prompt_tokens": 1}), id="usage"),
        pytest.param(chunk(some_day=["x"]), id="an unknown list"),
        pytest.param(chunk(delta={"reasoning": {"content": "x"}}), id="a content of something else"),
        pytest.param(b'{"content": "x", "choices": [{"delta": {}}]}', id="a content outside"),
        pytest.param(b'{"choices": [{"delta": {"content": "x", "content": "y"}}]}', id="two contents"),
        pytest.param(b'{"choices": [{"delta": {"content": "x"}}, {"delta": {"content": "y"}}]}', id="two choices"),
        pytest.param(b'{"choices": [{"delta": {"cont\\u0065nt": "x"}}]}', id="an escaped name"),
        pytest.param(b'{"choices": []}', id="no choice"),
    ],
)
def test_what_is_special_is_no_pattern(event: bytes) -> None:
    assert pattern_of(event) is None


@pytest.mark.parametrize("names", [("content", "reasoning"), ("reasoning", "content")])
def test_a_content_inside_a_text_is_not_taken_for_that_of_the_delta(names: tuple[str, str]) -> None:
    texts = {"content": "x", "reasoning": '"content": "y"'}
    event = chunk(delta={name: texts[name] for name in names})
    pattern = pattern_of(event)
    assert pattern is not None
    found = pattern.read(event.replace(b'"x"', b'"z"'))
    assert found is not None
    assert found.choices[0].delta.to_dict() == {"content": "z", "reasoning": '"content": "y"'}
