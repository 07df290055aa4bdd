"""Values that travel, and what their repr gives away."""

from __future__ import annotations

import copy
import pickle

import pytest

from nexevo_async._headers import Headers
from nexevo_async._messages import Attempt, AttemptFailed, Delivery, FailureKind, Request, Response, Safety

KEY = "sk-xc-SECRETSECRETSECRET"


@pytest.fixture
def headers() -> Headers:
    return Headers.of([("X-Trace-ID", "t-1"), ("Set-Cookie", f"a={KEY}"), ("set-cookie", "b=2"), ("X-New", KEY)])


def test_header_names_ignore_case(headers: Headers) -> None:
    assert headers["x-trace-id"] == headers["X-TRACE-ID"] == "t-1"
    assert "x-TRACE-id" in headers
    assert "x-nothing" not in headers
    assert headers.get("x-nothing") is None
    assert headers.get("x-nothing", "0") == "0"
    with pytest.raises(KeyError):
        _ = headers["x-nothing"]


def test_a_header_that_came_twice_gives_its_first_value_and_all_on_request(headers: Headers) -> None:
    assert headers["Set-Cookie"] == f"a={KEY}"
    assert headers.getall("SET-COOKIE") == [f"a={KEY}", "b=2"]
    assert headers.getall("x-nothing") == []


def test_length_and_iteration_agree(headers: Headers) -> None:
    assert len(headers) == len(list(headers)) == 3
    assert dict(headers) == {"X-Trace-ID": "t-1", "Set-Cookie": f"a={KEY}", "X-New": KEY}


def test_only_harmless_headers_show(headers: Headers) -> None:
    assert repr(headers) == "<Headers X-Trace-ID: t-1, Set-Cookie: [hidden], set-cookie: [hidden], X-New: [hidden]>"


def test_headers_travel(headers: Headers) -> None:
    for twin in (pickle.loads(pickle.dumps(headers)), copy.copy(headers), copy.deepcopy(headers)):
        assert twin == headers
        assert twin.getall("set-cookie") == headers.getall("set-cookie")


def test_a_request_shows_neither_body_nor_headers_nor_credentials() -> None:
    request = Request(
        name="auth.login",
        method="POST",
        path="/v1/auth/login",
        safety=Safety.UNSAFE,
        query=(("sk", KEY), ("page", "1")),
        body=b'{"password": "SECRETSECRETSECRET"}',
        headers=(("X-Api-Key", KEY),),
    )
    assert "SECRET" not in repr(request)
    assert "/v1/auth/login" in repr(request)


def test_a_response_shows_no_body() -> None:
    assert "SECRET" not in repr(Response(200, Headers.of({"X-New": KEY}), KEY.encode(), "https://a.example/x"))


def test_an_attempt_tells_where_what_and_how_long() -> None:
    attempt = Attempt(base_url="https://a.example", status=502, problem="upstream_error", seconds=1.5, trace_id="t")
    assert pickle.loads(pickle.dumps(attempt)) == attempt
    assert "upstream_error" in repr(attempt)


def test_every_kind_of_failure_either_never_left_or_may_have_arrived() -> None:
    never = {kind for kind in FailureKind if kind.delivery is Delivery.NEVER}
    assert never == {
        FailureKind.POOL,
        FailureKind.NO_KEY,
        FailureKind.DNS,
        FailureKind.REFUSED,
        FailureKind.CONNECT_TIMEOUT,
        FailureKind.CONNECT,
        FailureKind.CERTIFICATE,
        FailureKind.TLS,
        FailureKind.PROXY,
    }


def test_a_failed_attempt_carries_its_kind() -> None:
    failure = AttemptFailed(FailureKind.RESET, "Connection reset by peer", reused=True)
    assert (failure.kind, failure.detail, failure.reused, failure.limit) == (
        FailureKind.RESET,
        "Connection reset by peer",
        True,
        None,
    )
