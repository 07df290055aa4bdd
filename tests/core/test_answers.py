"""From an accepted answer to the result, or to an error that says what is wrong with it and keeps what was paid for."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from nexevo_async._answers import RawResponse, read_answer, read_page_answer
from nexevo_async._headers import Headers
from nexevo_async._messages import Attempt, Request, Response, Safety
from nexevo_async.errors import (
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    NotAnAPIResponseError,
)
from nexevo_async.models.conversations import CreatedConversation
from nexevo_async.models.keys import Key
from nexevo_async.models.sub_accounts import SubAccount

KEY = "sk-xc-SECRETSECRETSECRET"
BASE = "https://a.example"
REQUEST = Request(name="conversations.get", method="GET", path="/v1/conversations/c%2F1", safety=Safety.SAFE)
PLATFORM = Request(name="sub_accounts.list", method="GET", path="/api/v1/account/sub-account/list", safety=Safety.SAFE)
BEFORE = (Attempt(base_url="https://b.example", problem="connection refused"),)


def answer(body: Any, request: Request = REQUEST, *, status: int = 200, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, Headers.of(named), raw, BASE + request.path)


def test_a_good_answer_becomes_a_model_that_knows_its_headers() -> None:
    response = answer({"conversation_id": "c/1", "new": 1}, X_Trace_ID="t-1", X_RateLimit_Remaining="59")
    found = read_answer(response, CreatedConversation, REQUEST, ())
    assert (found.conversation_id, found["new"], found.trace_id) == ("c/1", 1, "t-1")
    assert found.limits is not None
    assert found.limits.remaining == 59


def test_bytes_and_plain_json_come_as_they_are() -> None:
    assert read_answer(answer(b"\x00\xff"), bytes, REQUEST, ()) == b"\x00\xff"
    assert read_answer(answer([1, {"a": None}]), object, REQUEST, ()) == [1, {"a": None}]
    assert read_answer(answer(b"", status=204), object, REQUEST, ()) == {}


def test_a_missing_field_is_named_and_the_body_is_kept_but_not_shown() -> None:
    response = answer({"title": KEY, "extra": KEY}, X_Trace_ID="t-1")
    with pytest.raises(APIResponseValidationError) as caught:
        read_answer(response, CreatedConversation, REQUEST, BEFORE)
    error = caught.value
    assert error.problems == ("conversation_id: missing",)
    assert error.body == {"title": KEY, "extra": KEY}
    assert (error.status, error.trace_id, error.call) == (200, "t-1", "conversations.get")
    assert [attempt.base_url for attempt in error.attempts] == ["https://b.example", BASE]
    assert error.base_url == BASE
    assert "SECRET" not in str(error) + repr(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"<!DOCTYPE html><p>hi", NotAnAPIResponseError, "a web page (HTML), not JSON"),
        (b"hello", NotAnAPIResponseError, "text that is not JSON"),
        (b"\xff\xfe", NotAnAPIResponseError, "text that is not JSON"),
        (b'{"conversation_id": "c', APIResponseValidationError, "JSON that breaks off or is damaged"),
        (b"[1, 2", APIResponseValidationError, "JSON that breaks off or is damaged"),
        (b"null", APIResponseValidationError, "the answer cannot be read: $: not an object"),
        (b"[]", APIResponseValidationError, "the answer cannot be read: $: not an object"),
        (b"3", APIResponseValidationError, "the answer cannot be read: $: not an object"),
        (b"", NotAnAPIResponseError, "the answer is empty where JSON belongs"),
    ],
)
def test_what_is_no_answer_says_what_it_is(body: bytes, kind: type[APIResponseValidationError], words: str) -> None:
    with pytest.raises(APIResponseValidationError) as caught:
        read_answer(answer(body), CreatedConversation, REQUEST, ())
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert caught.value.base_url == BASE
    if kind is NotAnAPIResponseError:
        assert "The base URL is probably wrong" in str(caught.value)
        assert BASE in str(caught.value)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"conversation_id": {"a": 1}'])
@pytest.mark.parametrize(
    ("safety", "look_at", "end"),
    [
        (Safety.UNSAFE, "conversations.list", "look at conversations.list to see whether it happened"),
        (Safety.KEYED, None, "check the account to see whether it happened"),
    ],
)
def test_an_unreadable_answer_to_a_call_that_makes_something_says_that_it_was_probably_made(
    body: bytes, safety: Safety, look_at: str | None, end: str
) -> None:
    request = attrs.evolve(REQUEST, safety=safety, look_at=look_at)
    with pytest.raises(APIResponseValidationError) as caught:
        read_answer(answer(body), CreatedConversation, request, ())
    assert f"; the call was accepted and has probably been done. Before repeating it, {end}" in str(caught.value)


@pytest.mark.parametrize("safety", [Safety.SAFE, Safety.BILLABLE, Safety.IDEMPOTENT])
def test_an_unreadable_answer_to_other_calls_says_no_such_thing(safety: Safety) -> None:
    with pytest.raises(APIResponseValidationError) as caught:
        read_answer(answer(b"[]"), CreatedConversation, attrs.evolve(REQUEST, safety=safety), ())
    assert "done" not in str(caught.value)


def test_a_platform_call_that_says_no_in_a_200_is_an_error() -> None:
    body = {"success": False, "message": "That token is not yours.", "code": "invalid_api_key"}
    for read in (
        lambda response: read_answer(response, object, PLATFORM, ()),
        lambda response: read_answer(response, CreatedConversation, PLATFORM, ()),
        lambda response: read_page_answer(response, SubAccount, PLATFORM, ()),
    ):
        with pytest.raises(APIStatusError) as caught:
            read(answer(body, PLATFORM))
        assert "That token is not yours." in str(caught.value)
        assert (type(caught.value), caught.value.status) == (AuthenticationError, 200)
        assert caught.value.body == body
        assert caught.value.base_url == BASE


def test_a_platform_list_that_says_no_is_not_an_empty_list() -> None:
    with pytest.raises(APIStatusError):
        read_page_answer(answer({"success": False, "items": []}, PLATFORM), SubAccount, PLATFORM, ())


def test_success_is_an_ordinary_word_elsewhere() -> None:
    assert read_answer(answer({"success": False}), object, REQUEST, ()) == {"success": False}


@pytest.mark.parametrize("body", [[{"model": "m"}], {"nothing": 1}, "x"])
def test_a_list_that_is_none_says_so(body: Any) -> None:
    with pytest.raises(APIResponseValidationError):
        read_page_answer(answer(body), SubAccount, REQUEST, ())


def test_nothing_is_no_empty_list_and_no_empty_balance_but_an_answer_to_a_deletion() -> None:
    with pytest.raises(NotAnAPIResponseError, match="the answer is empty where JSON belongs"):
        read_page_answer(answer(b""), SubAccount, REQUEST, ())
    with pytest.raises(NotAnAPIResponseError):
        read_answer(answer(b""), object, REQUEST, ())
    deletion = attrs.evolve(REQUEST, method="DELETE", safety=Safety.IDEMPOTENT)
    assert read_answer(answer(b""), object, deletion, ()) == {}


def test_a_raw_answer_gives_status_headers_bytes_and_the_usual_result() -> None:
    response = answer({"conversation_id": "c"}, X_Trace_ID="t-1")
    raw: RawResponse[CreatedConversation] = RawResponse(
        response=response, attempts=BEFORE, parse_with=lambda: read_answer(response, CreatedConversation, REQUEST, ())
    )
    assert (raw.status, raw.headers["x-trace-id"], raw.content) == (200, "t-1", b'{"conversation_id": "c"}')
    assert raw.url == BASE + REQUEST.path
    assert raw.parse().conversation_id == "c"
    assert "conversation_id" not in repr(raw)


def test_an_error_in_a_200_is_an_error() -> None:
    """A gateway that answers so would otherwise make a caller believe that the cap is set."""
    response = Response(
        200, Headers.of({}), b'{"error": {"message": "no", "code": "invalid_request_error"}}', "https://a"
    )
    request = Request(name="keys.update_spend_cap", method="PATCH", path="/v1/keys/k", safety=Safety.IDEMPOTENT)
    with pytest.raises(BadRequestError, match="no"):
        read_answer(response, Key, request, ())
