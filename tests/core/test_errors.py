"""Errors: they travel (pickle, copy), they tell the story in one line, and they keep secrets to themselves."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

import nexevo_async
from nexevo_async import errors
from nexevo_async._headers import Headers
from nexevo_async._messages import Attempt, Delivery
from nexevo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    NexevoError,
    NotAnAPIResponseError,
    OutcomeUnknownError,
    QuotaExceededError,
    RateLimitError,
    StreamError,
    StreamTruncatedError,
)
from nexevo_async.models.limits import RateLimits

KEY = "sk-xc-SECRETSECRETSECRET"
EVERY = sorted(
    (cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, NexevoError)),
    key=lambda cls: cls.__name__,
)
ATTEMPTS = (
    Attempt(base_url="https://a.example", problem="connection refused", delivered=Delivery.NEVER, seconds=0.5),
    Attempt(base_url="https://b.example", status=502, problem="upstream_error", seconds=0.25, trace_id="t-2"),
)


def make(cls: type[NexevoError]) -> NexevoError:
    """An error of this class with everything set that it can carry."""
    story: dict[str, Any] = {"call": "keys.create", "attempts": ATTEMPTS, "trace_id": "t-2"}
    if issubclass(cls, APIConnectionError):
        story["delivery"] = Delivery.MAYBE
    if issubclass(cls, APITimeoutError):
        story |= {"limit": "connect", "seconds": 5.0}
    if issubclass(cls, OutcomeUnknownError):
        story |= {"look_at": "keys.list", "idempotency_key": "k-1"}
    if issubclass(cls, APIStatusError | APIResponseValidationError):
        story |= {"headers": Headers.of({"X-Trace-ID": "t-2", "Set-Cookie": KEY}), "body": {"echo": [KEY]}}
    if issubclass(cls, APIStatusError):
        story |= {"status": 418, "code": "c", "type": "t", "param": "p"}
    if issubclass(cls, APIResponseValidationError):
        story |= {"status": 201, "problems": ("items[3].balance: missing",)}
    if issubclass(cls, RateLimitError):
        story |= {"retry_after": 7.0, "limits": RateLimits(remaining=0, reset=7.0)}
    if issubclass(cls, StreamError):
        story |= {"code": "upstream_error"}
    return cls("it went wrong", **story)


def state(error: NexevoError) -> dict[str, Any]:
    """Everything a reader can ask an error for."""
    names = {name for name in dir(error) if not name.startswith("_") and not hasattr(TimeoutError, name)}
    return {name: getattr(error, name) for name in {*names, "args"}}


@pytest.mark.parametrize("cls", EVERY)
@pytest.mark.parametrize(
    "travel",
    [copy.copy, copy.deepcopy, *(lambda e, p=p: pickle.loads(pickle.dumps(e, protocol=p)) for p in (2, 4, 5))],
)
def test_every_error_travels_and_keeps_all_it_knows(cls: type[NexevoError], travel: Any) -> None:
    error = make(cls)
    twin = travel(error)
    assert type(twin) is cls
    assert state(twin) == state(error)
    assert (str(twin), repr(twin)) == (str(error), repr(error))


def test_an_error_can_be_reraised_from_its_pickled_self_and_caught_by_every_base() -> None:
    error = pickle.loads(pickle.dumps(make(APITimeoutError)))
    with pytest.raises(TimeoutError):
        raise error
    assert isinstance(error, APIConnectionError)
    assert error.maybe_delivered


def test_notes_travel_too() -> None:
    error = make(StreamTruncatedError)
    error.add_note("while summarising")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["while summarising"]


@pytest.mark.parametrize("cls", EVERY)
def test_the_sentence_is_one_line_and_says_call_bases_attempts_and_trace_id(cls: type[NexevoError]) -> None:
    text = str(make(cls))
    assert text.startswith("keys.create: it went wrong (")
    assert "after 2 attempts at https://a.example, https://b.example" in text
    assert "trace id t-2" in text
    assert "\n" not in text
    if issubclass(cls, APIConnectionError):
        assert "it may have been delivered" in text


@pytest.mark.parametrize("cls", EVERY)
def test_headers_and_bodies_do_not_show(cls: type[NexevoError]) -> None:
    error = make(cls)
    assert "SECRET" not in str(error) + repr(error)
    assert "SECRET" not in repr(getattr(error, "headers", None))


@pytest.mark.parametrize("cls", EVERY)
def test_every_error_is_public_and_says_what_it_is(cls: type[NexevoError]) -> None:
    assert getattr(nexevo_async, cls.__name__) is cls
    assert cls.__doc__
    assert ".. versionadded::" in cls.__doc__


@pytest.mark.parametrize(
    ("cls", "also"),
    [(ConfigurationError, ValueError), (ClientClosedError, RuntimeError), (APITimeoutError, TimeoutError)],
)
def test_errors_are_also_what_python_calls_them(cls: type[NexevoError], also: type[Exception]) -> None:
    assert issubclass(cls, also)


def test_the_tree_is_the_documented_one() -> None:
    tree = {cls.__name__: cls.__mro__[1].__name__ for cls in EVERY}
    assert tree == {
        "NexevoError": "Exception",
        "ConfigurationError": "NexevoError",
        "ClientClosedError": "NexevoError",
        "APIConnectionError": "NexevoError",
        "APITimeoutError": "APIConnectionError",
        "OutcomeUnknownError": "APIConnectionError",
        "APIStatusError": "NexevoError",
        "BadRequestError": "APIStatusError",
        "AuthenticationError": "APIStatusError",
        "InsufficientBalanceError": "APIStatusError",
        "PermissionDeniedError": "APIStatusError",
        "NotFoundError": "APIStatusError",
        "ConflictError": "APIStatusError",
        "UnprocessableEntityError": "APIStatusError",
        "RateLimitError": "APIStatusError",
        "QuotaExceededError": "APIStatusError",
        "InternalServerError": "APIStatusError",
        "APIResponseValidationError": "NexevoError",
        "NotAnAPIResponseError": "APIResponseValidationError",
        "StreamError": "NexevoError",
        "StreamTruncatedError": "StreamError",
    }


def test_without_a_story_the_sentence_is_the_message() -> None:
    assert str(NexevoError("it went wrong")) == "it went wrong"
    assert str(ClientClosedError()) == "the client is closed"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            AuthenticationError("Key revoked.", status=401, code="invalid_api_key", call="auth.me"),
            (
                "auth.me: Key revoked. (HTTP 401 invalid_api_key). "
                "Check the key: NEXEVO_API_KEY, or the api_key argument of the client"
            ),
        ),
        (
            QuotaExceededError("No more this month.", status=429, type="quota"),
            "No more this month. (HTTP 429 quota). Waiting does not help: the quota is monthly",
        ),
        (
            RateLimitError("Slow down.", status=429, retry_after=2.5),
            "Slow down. (HTTP 429, asks to wait 2.5 s)",
        ),
        (
            NotAnAPIResponseError("the answer is a web page (HTML), not JSON", attempts=ATTEMPTS[:1]),
            (
                "the answer is a web page (HTML), not JSON (at https://a.example). "
                "The base URL is probably wrong: give the address of the API, not of a web page"
            ),
        ),
        (
            APIConnectionError("connection refused", delivery=Delivery.NEVER, attempts=ATTEMPTS[:1]),
            (
                "connection refused (at https://a.example, it never left). Nothing was done. "
                "Check the base URL and the network; client.endpoints.snapshot() tells what is known"
            ),
        ),
    ],
)
def test_sentences_as_a_user_reads_them(error: NexevoError, text: str) -> None:
    assert str(error) == text


def test_the_base_url_is_the_one_of_the_last_attempt() -> None:
    assert make(NexevoError).base_url == "https://b.example"
    assert NexevoError("x").base_url is None


def test_a_status_is_found_under_the_name_of_other_clients_too() -> None:
    error = make(AuthenticationError)
    assert isinstance(error, APIStatusError)
    assert error.status_code == error.status == 418


def test_delivery_reads_as_text() -> None:
    assert APIConnectionError("x", delivery=Delivery.NEVER).delivery == "never"
    assert not APIConnectionError("x", delivery=Delivery.NEVER).maybe_delivered
    assert APIConnectionError("x").delivery == "maybe"
