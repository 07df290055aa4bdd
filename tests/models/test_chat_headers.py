"""What headers add to a chat answer."""

from __future__ import annotations

import pickle

import pytest

from nexevo_async._codec import decode, structure
from nexevo_async._messages import Headers
from nexevo_async.models.chat import ChatCompletion
from nexevo_async.models.chat_headers import complete_from_headers, info_from_headers


def completed(body: bytes, **headers: str) -> ChatCompletion:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return complete_from_headers(decode(body, ChatCompletion), Headers.of(named))


@pytest.mark.parametrize("body", [b"{}", b'{"nexevo":null}', b'{"nexevo":{}}', b'{"nexevo":{"generation_id":null}}'])
def test_what_the_body_leaves_open_comes_from_the_headers(body: bytes) -> None:
    answer = completed(body, X_Nexevo_Generation_Id="g", X_Nexevo_Model_Used="m", X_Nexevo_Models_Tried="a, m")
    assert (answer.nexevo.generation_id, answer.nexevo.model_used, answer.nexevo.models_tried) == ("g", "m", ["a", "m"])
    assert answer["nexevo"]["generation_id"] == "g"
    assert answer.to_dict()["nexevo"] == {"generation_id": "g", "model_used": "m", "models_tried": ["a", "m"]}


def test_the_body_goes_first() -> None:
    answer = completed(b'{"nexevo":{"generation_id":"body","tier":"fast"}}', X_Nexevo_Generation_Id="head")
    assert answer.nexevo.generation_id == "body"
    assert answer.to_dict()["nexevo"] == {"generation_id": "body", "tier": "fast"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", ["a"]),
        ("a,b , c", ["a", "b", "c"]),
        (' ["a", "b"]', ["a", "b"]),
        ("[a,b", ["[a", "b"]),
        ("", []),
        (",,", []),
    ],
)
def test_models_tried_are_read_in_both_forms(text: str, expected: list[str]) -> None:
    assert info_from_headers(Headers.of({"X-Nexevo-Models-Tried": text})).models_tried == expected


@pytest.mark.parametrize("body", [b"{}", b'{"usage":null}', b'{"usage":{"prompt_tokens":null}}'])
def test_usage_comes_from_the_headers_if_the_body_has_none(body: bytes) -> None:
    answer = completed(body, X_Usage_Input_Tokens="3", X_Usage_Output_Tokens="4")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (3, 4, 7)
    assert answer.to_dict()["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def test_usage_of_the_body_goes_first_and_keeps_what_it_knows() -> None:
    answer = completed(b'{"usage":{"prompt_tokens":1,"new":2}}', X_Usage_Input_Tokens="9", X_Usage_Output_Tokens="4")
    assert answer.to_dict()["usage"] == {"prompt_tokens": 1, "new": 2, "completion_tokens": 4, "total_tokens": 5}


@pytest.mark.parametrize("text", ["", "-1", "1.5", "many", "١"])
def test_counts_that_are_none_are_left_alone(text: str) -> None:
    assert completed(b"{}", X_Usage_Input_Tokens=text).usage is None


def test_without_such_headers_nothing_is_made_up() -> None:
    answer = completed(b'{"id":"x"}', Date="today")
    assert answer.to_dict() == {"id": "x", "choices": [], "nexevo": {}}


def test_a_completed_answer_survives_round_trip_and_pickling() -> None:
    answer = completed(b'{"choices":[]}', X_Nexevo_Generation_Id="g", X_Usage_Input_Tokens="3", X_Nexevo_Cache="hit")
    assert structure(answer.to_dict(), ChatCompletion) == answer
    again = pickle.loads(pickle.dumps(answer))
    assert again == answer
    assert again.nexevo.other == {"X-Nexevo-Cache": "hit"}


def test_completing_twice_changes_nothing_more() -> None:
    headers = Headers.of({"X-Nexevo-Generation-Id": "g", "X-Usage-Input-Tokens": "3"})
    answer = complete_from_headers(decode(b"{}", ChatCompletion), headers)
    before = answer.to_dict()
    assert complete_from_headers(answer, headers).to_dict() == before
