"""From arguments to a request: what is sent, and what is refused before anything is."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from nexevo_async._messages import Safety
from nexevo_async._requests import build_request, free_request
from nexevo_async._routes import RouteTable
from nexevo_async.errors import ConfigurationError

ROUTES = RouteTable()


def build(name: str = "keys.create", options: dict[str, Any] | None = None, **parts: Any) -> Any:
    return build_request(ROUTES, name, (("X-Client", "1"),), options or {}, **parts)


def test_the_route_gives_method_path_safety_and_where_to_look() -> None:
    request = build("keys.create", json={"name": "ci"})
    assert (request.method, request.path, request.safety) == ("POST", "/v1/keys", Safety.UNSAFE)
    assert (request.look_at, request.auth, request.body) == ("keys.list", True, b'{"name":"ci"}')


def test_reads_carry_no_idempotency_key_and_everything_else_a_fresh_one() -> None:
    assert build("keys.list").idempotency_key is None
    first, second = build().idempotency_key, build().idempotency_key
    assert first != second
    assert build("billing.checkout", idempotency_key="topup-1").idempotency_key == "topup-1"


def test_ids_stay_in_their_place() -> None:
    assert build("keys.revoke", ids={"key_id": "a/b ?#é"}).path == "/v1/keys/a%2Fb%20%3F%23%C3%A9"
    for bad in ("", "..", ".", None):
        with pytest.raises(ConfigurationError, match="key_id"):
            build("keys.revoke", ids={"key_id": bad})


def test_extras_of_the_call_win() -> None:
    options = {
        "extra_headers": {"X-Call": "2"},
        "extra_query": {"limit": 5, "flag": True},
        "extra_body": {"name": "other", "new": None},
    }
    request = build("keys.create", options, json={"name": "ci", "kept": 1}, query={"limit": 1, "page": 2})
    assert request.headers == (("X-Client", "1"), ("X-Call", "2"))
    assert request.query == (("limit", "5"), ("page", "2"), ("flag", "true"))
    assert json.loads(request.body) == {"name": "other", "kept": 1, "new": None}


def test_query_values_are_written_as_the_wire_wants_them() -> None:
    request = build("keys.list", query={"a": None, "b": [1, None, "x"], "c": False, "d": Decimal("1.50")})
    assert request.query == (("b", "1"), ("b", "x"), ("c", "false"), ("d", "1.50"))


def test_amounts_are_sent_digit_for_digit() -> None:
    assert build(json={"amount": Decimal("0.10")}).body == b'{"amount":0.10}'


@pytest.mark.parametrize(
    "options",
    [
        {"extra_headers": {"X": "a\r\nY: b"}},
        {"extra_headers": {"X Y": "a"}},
        {"extra_headers": {"content-length": "3"}},
        {"extra_headers": {"Transfer-Encoding": "chunked"}},
        {"extra_headers": {"X": 1}},
        {"extra_headers": [("X", "1")]},
        {"extra_body": {"x": object()}},
        {"extra_body": {"x": Decimal("NaN")}},
        {"extra_body": "text"},
        {"extra_query": "text"},
    ],
)
def test_extras_that_cannot_be_sent_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        build("keys.create", options, json={})


@pytest.mark.parametrize(
    ("method", "safety", "keyed"),
    [
        ("GET", Safety.SAFE, False),
        ("get", Safety.SAFE, False),
        ("PUT", Safety.IDEMPOTENT, True),
        ("PATCH", Safety.IDEMPOTENT, True),
        ("DELETE", Safety.IDEMPOTENT, True),
        ("POST", Safety.UNSAFE, True),
    ],
)
def test_a_free_request_is_as_careful_as_its_method_demands(method: str, safety: Safety, keyed: bool) -> None:
    request = free_request(method, "/v1/x", (), json={"a": 1} if keyed else None)
    assert (request.method, request.safety, request.name) == (method.upper(), safety, "request")
    assert (request.idempotency_key is not None) is keyed


def test_the_extras_of_a_call_win_over_what_a_free_request_brings() -> None:
    request = free_request(
        "POST",
        "/v1/x",
        (("X-A", "client"),),
        json={"a": 1, "b": 1},
        query={"c": 1, "d": 1},
        extra_headers={"X-A": "call"},
        options={"extra_headers": {"X-A": "extra"}, "extra_query": {"d": 2}, "extra_body": {"b": 2}},
    )
    assert request.headers == (("X-A", "client"), ("X-A", "call"), ("X-A", "extra"))
    assert request.query == (("c", "1"), ("d", "2"))
    assert request.body == b'{"a":1,"b":2}'


def test_extra_fields_need_a_body_that_has_fields() -> None:
    assert free_request("POST", "/v1/x", (), options={"extra_body": {"a": 1}}).body == b'{"a":1}'
    with pytest.raises(ConfigurationError, match="with extra_body, json must be a mapping"):
        free_request("POST", "/v1/x", (), json=[1], options={"extra_body": {"a": 1}})


@pytest.mark.parametrize(
    "path",
    [
        "v1/x",
        "//evil.example/x",
        "/v1/../x",
        "/v1/./x",
        "/v1/x?y=1",
        "/v1/x#y",
        "/v1/a b",
        "/v1/é",
        "/v1/x\r\n",
        "https://evil.example/",
        "/\\evil.example",
        "",
        None,
        5,
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="path must begin with one slash"):
        free_request("GET", path, ())


@pytest.mark.parametrize("method", ["", "TRACE", "CONNECT", "GET /", None, 5])
def test_a_method_that_is_none_is_refused(method: Any) -> None:
    with pytest.raises(ConfigurationError, match="method must be one of"):
        free_request(method, "/v1/x", ())


@pytest.mark.parametrize("query", [{"a": "\ud800"}, {"\ud800": "a"}, {"a": ["b", "\ud800"]}])
def test_a_query_that_has_no_bytes_is_refused(query: dict[str, Any]) -> None:
    for build_it in (
        lambda: build("keys.list", {"extra_query": query}),
        lambda: free_request("GET", "/v1/x", (), query=query),
    ):
        with pytest.raises(ConfigurationError, match="a query parameter must be valid Unicode"):
            build_it()


def test_a_free_query_is_a_mapping() -> None:
    with pytest.raises(ConfigurationError, match="query must be a mapping"):
        free_request("GET", "/v1/x", (), query="a=b")  # type: ignore[arg-type]  # the point of the test
