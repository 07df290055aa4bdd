"""Chunks put together, as real servers send them."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._codec import encode, structure
from nexevo_async._sansio.assemble import Assembler, as_chunk, assemble
from nexevo_async.models.chat import ChatCompletion, ChatCompletionChunk


def chunk(*choices: dict[str, Any], **fields: Any) -> ChatCompletionChunk:
    return structure({"choices": list(choices), **fields}, ChatCompletionChunk)


def delta(index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": index, "delta": fields, "finish_reason": finish}


def message_of(*deltas: dict[str, Any]) -> Any:
    return assemble(chunk(delta(**fields)) for fields in deltas).choices[0].message


def piece(index: int | None = 0, *, id: str | None = None, **function: str) -> dict[str, Any]:  # noqa: A002
    return {"tool_calls": [{"index": index, "id": id, "function": function}]}


def test_the_usual_stream_becomes_the_completion_it_stands_for() -> None:
    completion = assemble(
        [
            chunk(delta(role="assistant", content=""), id="c1", model="m", created=7, object="chat.completion.chunk"),
            chunk(delta(content="Hel"), id="c1", model="m"),
            chunk(delta(content="lo"), id="c1", model="m"),
            chunk(delta(finish="stop"), id="c1", model="m"),
            chunk(usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, id="c1"),
        ]
    )
    assert completion.to_dict() == {
        "id": "c1",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "nexevo": {},
    }


def test_what_was_assembled_survives_a_round_trip() -> None:
    made = assemble([chunk(delta(content="x", finish="stop"), usage={"cost": "0.10"}, nexevo={"generation_id": "g"})])
    again = structure(made.to_dict(), ChatCompletion)
    assert again == made
    assert again.usage is not None
    assert again.usage.cost == Decimal("0.10")


def test_role_and_content_may_share_a_chunk_and_the_role_may_be_null() -> None:
    assert message_of({"role": None, "content": "a"}, {"role": "assistant", "content": "b"}).content == "ab"
    assert message_of({"content": "a"}).role == "assistant"


def test_content_that_never_came_is_none_and_empty_content_is_empty() -> None:
    assert message_of({"role": "assistant"}).content is None
    assert message_of({"content": ""}).content == ""


def test_a_new_id_in_every_chunk_leaves_the_first() -> None:
    assert assemble([chunk(id="a"), chunk(id="b")]).id == "a"


def test_a_refusal_is_put_together() -> None:
    assert message_of({"refusal": "I "}, {"refusal": "won't"}).refusal == "I won't"


def test_usage_may_come_with_the_finish_or_on_every_chunk() -> None:
    usages = [{"completion_tokens": count} for count in (1, 2, 3)]
    completion = assemble(chunk(delta(content="x"), usage=usage) for usage in usages)
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 3


def test_choices_are_kept_apart_and_sorted() -> None:
    completion = assemble([chunk(delta(1, content="b")), chunk(delta(0, content="a"), delta(1, content="B"))])
    assert [choice.message.content for choice in completion.choices] == ["a", "bB"]


def test_no_chunks_at_all_are_an_empty_completion() -> None:
    assert assemble([]).choices == []


def test_tool_calls_are_put_together_by_index() -> None:
    message = message_of(
        piece(0, id="call_1", name="weather", arguments=""),
        piece(1, id="call_2", name="time"),
        piece(0, arguments='{"city":'),
        piece(1, arguments="{}"),
        piece(0, arguments=' "Rome"}'),
    )
    calls = [(call.id, call.type, call.function.name, call.function.arguments) for call in message.tool_calls]
    assert calls == [("call_1", "function", "weather", '{"city": "Rome"}'), ("call_2", "function", "time", "{}")]
    assert message.content is None


def test_tool_calls_without_an_index_follow_their_id_or_the_one_before() -> None:
    message = message_of(
        piece(None, id="a", name="f"),
        piece(None, arguments="1"),
        piece(None, id="b", name="g"),
        piece(None, id="a", arguments="2"),
        piece(None, id="b", arguments="3"),
    )
    assert [(call.id, call.function.arguments) for call in message.tool_calls] == [("a", "12"), ("b", "3")]


def test_whole_calls_that_are_all_numbered_0_stay_apart() -> None:
    message = message_of(piece(0, id="a", name="f", arguments="{}"), piece(0, id="b", name="g", arguments="[]"))
    assert [(call.function.name, call.function.arguments) for call in message.tool_calls] == [("f", "{}"), ("g", "[]")]


def test_a_name_that_is_repeated_in_every_piece_is_one_name() -> None:
    message = message_of(piece(0, id="a", name="f", arguments="{"), piece(0, id="a", name="f", arguments="}"))
    assert [(call.function.name, call.function.arguments) for call in message.tool_calls] == [("f", "{}")]


def test_a_tool_call_without_a_function_is_kept() -> None:
    message = message_of({"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"input": "x"}}]})
    assert message.tool_calls[0].type == "custom"
    assert message.tool_calls[0]["custom"] == {"input": "x"}


def test_logprobs_are_put_together() -> None:
    tokens = [{"token": text, "logprob": -0.5} for text in "ab"]
    completion = assemble(chunk({**delta(content=t["token"]), "logprobs": {"content": [t]}}) for t in tokens)
    logprobs = completion.choices[0].logprobs
    assert logprobs is not None
    assert [token.token for token in logprobs.content or ()] == ["a", "b"]
    assert logprobs.refusal is None


def test_fields_that_nobody_declared_grow_too() -> None:
    message = message_of(
        {"reasoning_content": "Let me ", "parts": [{"type": "a"}], "audio": {"id": "x", "data": "AA"}},
        {
            "reasoning_content": "think",
            "parts": [{"type": "b"}],
            "audio": {"id": "x", "data": "BB"},
            "role": "assistant",
        },
    )
    assert message["reasoning_content"] == "Let me think"
    assert message["parts"] == [{"type": "a"}, {"type": "b"}]
    assert message["audio"] == {"id": "x", "data": "AABB"}


def test_unknown_fields_of_chunk_and_choice_keep_their_last_value() -> None:
    completion = assemble(
        [
            chunk({**delta(), "stop_reason": None}, service_tier="default"),
            chunk({**delta(), "stop_reason": "eos"}, service_tier=None),
        ]
    )
    assert completion["service_tier"] == "default"
    assert completion.choices[0]["stop_reason"] == "eos"


def test_the_nexevo_block_is_collected_from_all_chunks() -> None:
    blocks = [{"generation_id": "g"}, {"model_used": "m", "tier": "fast", "generation_id": None}]
    info = assemble(chunk(nexevo=block) for block in blocks).nexevo
    assert (info.generation_id, info.model_used, info["tier"]) == ("g", "m", "fast")


def test_a_result_is_not_changed_by_later_chunks() -> None:
    assembler = Assembler()
    assembler.add(chunk({**delta(content="a", note=[1]), "logprobs": {"content": [{"token": "a", "logprob": 0}]}}))
    before = assembler.result()
    assembler.add(chunk({**delta(content="b", note=[2]), "logprobs": {"content": [{"token": "b", "logprob": 0}]}}))
    assert before.choices[0].message.content == "a"
    assert before.choices[0].message["note"] == [1]
    assert before.choices[0].logprobs is not None
    assert len(before.choices[0].logprobs.content or ()) == 1


def test_finished_means_a_reason_for_every_choice_seen() -> None:
    assembler = Assembler()
    assert not assembler.finished()
    assembler.add(chunk(delta(0, content="a")))
    assert not assembler.finished()
    assembler.add(chunk(delta(0, finish="stop"), delta(1, content="b")))
    assert not assembler.finished()
    assembler.add(chunk(delta(1, finish="length")))
    assert assembler.finished()


def test_finished_waits_for_as_many_choices_as_were_asked_for() -> None:
    assembler = Assembler()
    assembler.add(chunk(delta(0, finish="stop")))
    assert not assembler.finished(2)


def test_an_empty_finish_reason_finishes_nothing() -> None:
    assembler = Assembler()
    assembler.add(chunk(delta(0, finish="", content="a")))
    assert not assembler.finished()


def test_null_and_missing_choices_break_nothing() -> None:
    assert (
        assemble([structure({"choices": None}, ChatCompletionChunk), structure({}, ChatCompletionChunk)]).choices == []
    )


def test_a_plain_completion_becomes_one_chunk_with_the_same_content() -> None:
    calls = [{"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}} for name in "ab"]
    plain = {
        "id": "c",
        "choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": calls}, "finish_reason": "tool_calls"}],
        "usage": {"total_tokens": 3},
        "nexevo": {"generation_id": "g"},
    }
    assert assemble([structure(as_chunk(plain), ChatCompletionChunk)]) == structure(
        {**plain, "object": "chat.completion"}, ChatCompletion
    )


@given(st.text(), st.lists(st.integers(0, 100), max_size=10))
def test_any_cut_of_a_text_gives_the_text_again(text: str, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(ends)]
    completion = assemble(chunk(delta(content=part)) for part in pieces)
    assert completion.choices[0].message.content == text


@given(st.lists(st.tuples(st.integers(0, 3), st.text("{}:,1", max_size=4)), max_size=20))
def test_interleaved_calls_get_their_own_arguments(pieces: list[tuple[int, str]]) -> None:
    seen = dict.fromkeys(index for index, _ in pieces)
    completion = assemble(chunk(delta(**piece(index, arguments=text))) for index, text in pieces)
    message = completion.choices[0].message if completion.choices else None
    found = [call.function.arguments for call in (message and message.tool_calls) or ()]
    assert found == ["".join(text for at, text in pieces if at == index) for index in seen]


def test_messages_can_be_sent_on_as_they_are() -> None:
    assert encode({"messages": [message_of({"role": "assistant", "content": "hi"})]}) == (
        b'{"messages":[{"role":"assistant","content":"hi"}]}'
    )
