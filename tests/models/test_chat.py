"""Chat answers as they come from real servers."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from nexevo_async._codec import Undecodable, decode, encode, structure
from nexevo_async._messages import Headers
from nexevo_async.models.chat import ChatCompletion, ChatCompletionChunk, NexevoInfo
from nexevo_async.models.chat_headers import info_from_headers

ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "gpt-4.1",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                "reasoning_content": "hm",
            },
            "finish_reason": "tool_calls",
            "logprobs": {
                "content": [{"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": []}],
                "refusal": None,
            },
        }
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "completion_tokens_details": {"reasoning_tokens": 1},
        "cost": "0.000123",
    },
    "nexevo": {"generation_id": "gen_1", "tier": "fast"},
    "service_tier": "default",
}


def completion(**changes: Any) -> ChatCompletion:
    return decode(encode({**ANSWER, **changes}), ChatCompletion)


def chunk(data: dict[str, Any]) -> ChatCompletionChunk:
    return decode(encode(data), ChatCompletionChunk)


def test_attributes_and_keys_read_the_same_answer() -> None:
    answer = completion()
    assert answer.nexevo.generation_id == answer["nexevo"]["generation_id"] == "gen_1"
    assert answer.choices[0].finish_reason == answer["choices"][0]["finish_reason"] == "tool_calls"
    message = answer.choices[0].message
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.name == message["tool_calls"][0]["function"]["name"] == "f"


def test_an_answer_survives_a_round_trip_with_all_it_held() -> None:
    assert completion().to_dict() == ANSWER
    assert structure(completion().to_dict(), ChatCompletion) == completion()


def test_unknown_fields_are_kept_where_they_stood() -> None:
    answer = completion()
    assert answer["service_tier"] == "default"
    assert answer.nexevo.extra == {"tier": "fast"}
    assert answer.choices[0].message["reasoning_content"] == "hm"


def test_null_and_absent_are_told_apart() -> None:
    message = completion().choices[0].message
    assert ("refusal" in message, "audio" in message) == (True, False)
    assert message.content is None


def test_the_cost_is_exact_from_text_and_from_a_number() -> None:
    usage = completion().usage
    assert usage is not None
    assert usage.cost == Decimal("0.000123")
    exact = decode(b'{"choices":[],"usage":{"cost":0.1000000000000000055}}', ChatCompletion).usage
    assert exact is not None
    assert str(exact.cost) == "0.1000000000000000055"


def test_details_of_usage_are_typed() -> None:
    usage = completion().usage
    assert usage is not None
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == 1
    assert usage.prompt_tokens_details is None


def test_logprobs_are_numbers() -> None:
    logprobs = completion().choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert (logprobs.content[0].token, logprobs.content[0].logprob) == ("a", -1.0)


@pytest.mark.parametrize("choices", [[], None])
def test_empty_and_null_choices_are_an_empty_list(choices: object) -> None:
    assert completion(choices=choices).choices == []
    assert chunk({"choices": choices}).choices == []


def test_a_message_needs_nothing() -> None:
    choice = completion(choices=[{}]).choices[0]
    assert (choice.index, choice.message.role, choice.message.content, choice.finish_reason) == (
        0,
        "assistant",
        None,
        None,
    )


def test_an_unknown_finish_reason_and_role_stay_text() -> None:
    choice = completion(choices=[{"message": {"role": "oracle"}, "finish_reason": "bored"}]).choices[0]
    assert (choice.message.role, choice.finish_reason) == ("oracle", "bored")


def test_the_block_of_the_service_is_there_even_if_it_was_not_sent() -> None:
    answer = decode(b'{"choices":[]}', ChatCompletion)
    assert answer.nexevo == {}
    assert answer.nexevo.generation_id is None
    assert answer["nexevo"]["generation_id"] is None


def test_created_is_a_number_and_a_moment() -> None:
    answer = completion()
    assert (answer.created, answer.created_at) == (1_700_000_000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC))
    assert chunk({"created": 0}).created_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert chunk({}).created_at is None
    assert chunk({"created": 10**17}).created_at is None


def test_a_wrong_type_is_told_with_its_path_and_without_its_value() -> None:
    with pytest.raises(Undecodable) as caught:
        completion(choices=[{"message": {"content": ["sk-secret"]}}])
    assert caught.value.problems == ("choices[0].message.content: not text",)


def test_an_answer_can_be_pickled_and_copied() -> None:
    answer = completion()
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert copy.deepcopy(answer) == answer


def test_the_text_of_a_chunk_is_what_it_adds_to_the_first_choice() -> None:
    assert chunk({"choices": [{"index": 0, "delta": {"content": "a"}}]}).text == "a"
    assert chunk({"choices": [{"index": 1, "delta": {"content": "b"}}]}).text == ""
    both = [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}]
    assert chunk({"choices": both}).text == "a"
    for silent in ([], None, [{}], [{"delta": None}], [{"delta": {"content": None, "role": None}}]):
        assert chunk({"choices": silent}).text == ""


def test_a_tool_delta_without_arguments_or_index_is_fine() -> None:
    delta = chunk({"choices": [{"delta": {"tool_calls": [{"id": "a", "function": {"name": "f"}}]}}]}).choices[0].delta
    assert delta.tool_calls is not None
    call = delta.tool_calls[0]
    assert call.function is not None
    assert (call.index, call.function.name, call.function.arguments) == (None, "f", None)


def test_other_headers_of_the_service_are_collected_under_their_names() -> None:
    headers = {"X-Nexevo-Generation-Id": "g", "X-Nexevo-Cache": "hit", "x-nexevo-region": "eu", "Date": "today"}
    assert info_from_headers(Headers.of(headers)).other == {"X-Nexevo-Cache": "hit", "x-nexevo-region": "eu"}
    assert NexevoInfo().other == {}
