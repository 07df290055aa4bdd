"""What answers mean, in every form that gateways in the wild give them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._messages import Headers, Request, Response, Safety
from nexevo_async._sansio.outcome import (
    Happened,
    error_from_event,
    error_of,
    happened,
    names_an_upstream,
    problem_in,
)
from nexevo_async.errors import (
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InsufficientBalanceError,
    InternalServerError,
    NexevoError,
    NotAnAPIResponseError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    UnprocessableEntityError,
)


def answer(status: int, body: Any = b"", **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(
        status,
        Headers.of({name.replace("_", "-"): value for name, value in headers.items()}),
        raw,
        "https://a.example/x",
    )


def request(safety: Safety, name: str = "auth.me") -> Request:
    return Request(name=name, method="POST", path="/x", safety=safety)


WRITE = request(Safety.UNSAFE)


def problem(**fields: Any) -> dict[str, Any]:
    return {"error": fields}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Happened.ACCEPTED),
        (201, Happened.ACCEPTED),
        (204, Happened.ACCEPTED),
        (301, Happened.MISPLACED),
        (307, Happened.MISPLACED),
        (400, Happened.FINAL),
        (401, Happened.FINAL),
        (402, Happened.FINAL),
        (403, Happened.FINAL),
        (404, Happened.FINAL),
        (409, Happened.FINAL),
        (413, Happened.FINAL),
        (422, Happened.FINAL),
        (429, Happened.RATE),
        (500, Happened.SERVER),
        (501, Happened.SERVER),
        (502, Happened.GATEWAY),
        (503, Happened.GATEWAY),
        (504, Happened.EDGE_LATE),
        (520, Happened.EDGE_LATE),
        (521, Happened.EDGE_UNREACHED),
        (522, Happened.EDGE_UNREACHED),
        (523, Happened.EDGE_UNREACHED),
        (524, Happened.EDGE_LATE),
        (525, Happened.EDGE_UNREACHED),
        (526, Happened.EDGE_UNREACHED),
        (529, Happened.GATEWAY),
        (599, Happened.SERVER),
    ],
)
def test_every_status_falls_into_one_row_of_the_failover_table(status: int, expected: Happened) -> None:
    assert happened(answer(status), WRITE) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<html><body>For sale</body></html>", Happened.FOREIGN),
        (b"404 page not found", Happened.FOREIGN),
        (b"", Happened.FOREIGN),
        (b"null", Happened.FOREIGN),
        (b'{"error": {"message": "There is no such key.", "code": "not_found_error"}}', Happened.FINAL),
        (b'{"error": "not found"}', Happened.FINAL),
        (b'{"detail": "Not Found"}', Happened.FINAL),
    ],
)
def test_a_404_at_a_listed_host_is_foreign_unless_it_is_in_the_form_of_an_api(body: bytes, expected: Happened) -> None:
    response = answer(404, body)
    assert happened(response, WRITE, discovered=True) is expected
    assert happened(response, WRITE) is Happened.FINAL


@pytest.mark.parametrize(
    "body",
    [
        problem(message="m", type="tenant_monthly_quota_exceeded", code=None),
        problem(message="m", type="x", code="tenant_monthly_quota_exceeded"),
        problem(message="m", type="tenant_monthly_quota_exceeded", code="rate_limit_exceeded"),
        problem(message="m", type="insufficient_quota", code=429),
    ],
)
def test_a_monthly_quota_is_final_wherever_it_is_named(body: Any) -> None:
    """Waiting seconds does not help, so it must never be taken for a rate limit."""
    response = answer(429, body)
    assert happened(response, WRITE) is Happened.FINAL
    assert type(error_of(response)) is QuotaExceededError


@pytest.mark.parametrize(
    "response",
    [
        answer(200, b"<!DOCTYPE html><title>hi</title>"),
        answer(200, b"  \n<html></html>"),
        answer(200, b"{}", content_type="text/html; charset=utf-8"),
    ],
)
def test_a_web_page_with_status_200_says_that_the_base_url_is_probably_wrong(response: Response) -> None:
    error = error_of(response, call="models.list")
    assert happened(response, WRITE) is Happened.MISPLACED
    assert isinstance(error, NotAnAPIResponseError)
    assert (error.status, error.call) == (200, "models.list")
    assert "web page" in str(error)
    assert "The base URL is probably wrong" in str(error)


@pytest.mark.parametrize("safety", Safety)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": 1}', Happened.ACCEPTED),
        (b"\r\n [] \n", Happened.ACCEPTED),
        (b"\n" * 100 + b"{}" + b"\n" * 100, Happened.ACCEPTED),  # sent to keep a connection open while a model thinks
        (b"\xef\xbb\xbf{}", Happened.ACCEPTED),
        ('{"a": "ä"}'.encode("utf-16"), Happened.ACCEPTED),
        (b'{"a": 1', Happened.BROKEN),
        (b"\n" * 100 + b"[1, ", Happened.BROKEN),
        (b"{", Happened.BROKEN),
        (b"healthy", Happened.UNREADABLE),
        (b"\xff\xfe", Happened.UNREADABLE),
        (b'"x"', Happened.UNREADABLE),
        (b"null", Happened.UNREADABLE),
        (b" ", Happened.UNREADABLE),
    ],
)
def test_a_success_is_judged_by_how_its_body_begins_and_ends(safety: Safety, body: bytes, expected: Happened) -> None:
    assert happened(answer(200, body), request(safety)) is expected


@pytest.mark.parametrize("safety", Safety)
def test_nothing_is_an_answer_to_a_write_or_with_204(safety: Safety) -> None:
    promised = safety in (Safety.SAFE, Safety.BILLABLE)
    assert happened(answer(200, b""), request(safety)) is (Happened.UNREADABLE if promised else Happened.ACCEPTED)
    assert happened(answer(204, b""), request(safety)) is Happened.ACCEPTED


@pytest.mark.parametrize("body", [b"", b"healthy", b'"x"', b"3"])
def test_the_answer_of_a_path_that_is_not_in_the_table_may_be_anything(body: bytes) -> None:
    assert happened(answer(200, body), request(Safety.SAFE, "request")) is Happened.ACCEPTED


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b'{"a": 1', APIResponseValidationError, "JSON that breaks off or is damaged"),
        (b"healthy", NotAnAPIResponseError, "text that is not JSON"),
        (b"", NotAnAPIResponseError, "empty where JSON belongs"),
        (b'"x"', NotAnAPIResponseError, "a single JSON value where an object or a list belongs"),
    ],
)
def test_a_success_that_nobody_can_read_says_what_it_is(body: bytes, kind: type[Exception], words: str) -> None:
    error = error_of(answer(200, body, x_trace_id="t-1"), call="models.list")
    assert isinstance(error, APIResponseValidationError)
    assert (type(error), error.status, error.call, error.trace_id) == (kind, 200, "models.list", "t-1")
    assert words in str(error)


def test_a_redirect_says_why_it_is_not_followed() -> None:
    error = error_of(answer(307, b"", location="https://elsewhere.example/"))
    assert isinstance(error, APIStatusError)
    assert "redirects are not followed, because the API key would travel along" in str(error)


STATUS_CLASSES = [
    (400, BadRequestError),
    (401, AuthenticationError),
    (402, InsufficientBalanceError),
    (403, PermissionDeniedError),
    (404, NotFoundError),
    (409, ConflictError),
    (413, BadRequestError),
    (418, BadRequestError),
    (422, UnprocessableEntityError),
    (429, RateLimitError),
    (500, InternalServerError),
    (502, InternalServerError),
    (529, InternalServerError),
]

#: The same problem in every form that was seen, and the message and code that are read from it.
FORMS: list[tuple[Any, str, str | None]] = [
    ({"error": {"message": "No luck.", "type": "t", "code": "c"}}, "No luck.", "c"),
    ({"error": {"message": "No luck.", "type": None, "code": 1234}}, "No luck.", "1234"),
    ({"error": {"message": "No luck.", "code": None}}, "No luck.", None),
    ({"error": {"detail": "No luck."}}, "No luck.", None),
    ({"error": "No luck."}, "No luck.", None),
    ({"error": "No luck.", "code": "c"}, "No luck.", "c"),
    ({"error": "no_luck", "message": "No luck."}, "No luck.", None),
    ({"error": None, "message": "No luck."}, "No luck.", None),
    ({"error": {}, "detail": "No luck."}, "No luck.", None),
    ({"detail": "No luck."}, "No luck.", None),
    ({"detail": [{"loc": ["body", "model"], "msg": "No luck."}]}, "No luck.", None),
    ({"detail": [{"msg": "No"}, {"msg": "luck."}]}, "No; luck.", None),
    ({"detail": ["No luck."]}, "No luck.", None),
    ({"detail": {"message": "No luck.", "code": "c"}}, "No luck.", None),
    ({"message": "No luck.", "code": "c"}, "No luck.", "c"),
    ("No luck.", "No luck.", None),
    (["No luck."], "No luck.", None),
    (b"No luck.", "No luck.", None),
    (b"  No\r\n luck.\n", "No luck.", None),
]


@pytest.mark.parametrize(("status", "expected"), STATUS_CLASSES)
@pytest.mark.parametrize(("body", "message", "code"), FORMS)
def test_every_form_of_error_body_becomes_the_error_of_its_status(
    status: int, expected: type[APIStatusError], body: Any, message: str, code: str | None
) -> None:
    error = error_of(answer(status, body, X_Trace_ID="t-9"), call="keys.list")
    assert type(error) is expected
    assert isinstance(error, APIStatusError)
    assert (error.message, error.code, error.status, error.trace_id) == (message, code, status, "t-9")


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b"[]", b"0", b"<html><h1>Bad gateway</h1></html>", b"\xff\xfe"])
def test_a_body_that_explains_nothing_still_is_the_error_of_its_status(body: bytes) -> None:
    error = error_of(answer(502, body))
    assert type(error) is InternalServerError
    assert "\n" not in str(error)
    assert "<h1>" not in str(error)


def test_the_documented_402_keeps_type_and_code() -> None:
    error = error_of(answer(402, problem(message="Paid out.", type="insufficient_balance", code="account_suspended")))
    assert type(error) is InsufficientBalanceError
    assert (error.type, error.code) == ("insufficient_balance", "account_suspended")


def test_a_rate_limit_carries_what_the_headers_say() -> None:
    error = error_of(
        answer(429, problem(code="rate_limit_exceeded"), X_RateLimit_Remaining="0", X_RateLimit_Reset="17"), wall=0.0
    )
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 17.0
    assert error.limits is not None
    assert (error.limits.remaining, error.limits.reset) == (0, 17.0)
    assert "asks to wait 17 s" in str(error)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (answer(502, problem(message="m", type="upstream_error", code="upstream_error")), True),
        (answer(502, problem(message="m", type="upstream_timeout")), True),
        (answer(502, problem(message="m", type="server_error")), False),
        (answer(502, b"<html>upstream</html>"), False),
        (answer(502), False),
    ],
)
def test_a_502_that_names_an_upstream_is_told_apart(response: Response, expected: bool) -> None:
    assert names_an_upstream(response) is expected


@pytest.mark.parametrize(
    ("event", "expected", "status"),
    [
        (problem(message="m", code="rate_limit_exceeded"), RateLimitError, 429),
        (problem(message="m", type="tenant_monthly_quota_exceeded"), QuotaExceededError, 429),
        (problem(message="m", code="invalid_api_key"), AuthenticationError, 401),
        (problem(message="m", code="insufficient_balance"), InsufficientBalanceError, 402),
        (problem(message="m", type="overloaded_error"), InternalServerError, 500),
        (problem(message="m", code=404), NotFoundError, 404),
        (problem(message="m", code="503"), InternalServerError, 503),
        (problem(message="m", code="unheard_of"), InternalServerError, 500),
        (problem(message="m", code="²"), InternalServerError, 500),
        (problem(message="m", code="9" * 5000), InternalServerError, 500),
        ({"error": "boom"}, InternalServerError, 500),
        ("boom", InternalServerError, 500),
        (None, InternalServerError, 500),
    ],
)
def test_an_error_event_in_a_stream_gets_the_class_of_its_code(
    event: Any, expected: type[APIStatusError], status: int
) -> None:
    error = error_from_event(event, call="chat.completions.create")
    assert (type(error), error.status, error.call) == (expected, status, "chat.completions.create")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "msg", "code", "type", "param"]) | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(status=st.integers(300, 599), value=JSON_VALUES)
def test_no_json_body_is_ever_a_second_failure(status: int, value: Any) -> None:
    response = answer(status, value)
    error = error_of(response)
    assert isinstance(error, NexevoError)
    assert isinstance(happened(response, WRITE), Happened)
    assert "\n" not in str(error)
    assert len(str(error)) < 1000


@given(status=st.integers(200, 599), body=st.binary(max_size=60))
def test_no_bytes_are_ever_a_second_failure(status: int, body: bytes) -> None:
    assert isinstance(error_of(answer(status, body)), NexevoError)


@pytest.mark.parametrize("depth", [100, 900, 5000, 100_000])
def test_deeply_nested_json_is_no_second_failure(depth: int) -> None:
    for body in (b"[" * depth + b"]" * depth, b'{"error":' * depth + b"1" + b"}" * depth):
        assert type(error_of(answer(500, body))) is InternalServerError


def test_numbers_that_are_no_json_are_read_all_the_same() -> None:
    assert problem_in(b'{"error": {"message": "m", "code": NaN}}').message == "m"


@pytest.mark.parametrize("field", ["message", "code", "type"])
def test_a_key_that_the_service_echoes_is_hidden_in_the_sentence(field: str) -> None:
    key = "sk-xc-SECRETSECRETSECRET"
    fields = {"message": "m", "code": "c", field: f"bad key_{key}\nx"}
    error = error_of(answer(401, {"error": fields}))
    assert "SECRET" not in str(error) + repr(error)
    assert "\n" not in str(error)


def test_a_long_message_is_cut() -> None:
    error = error_of(answer(400, problem(message="x" * 10_000, code="y" * 10_000)))
    assert len(str(error)) < 700
