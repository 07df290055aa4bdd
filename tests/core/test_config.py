"""Settings: where they come from, which of them wins, and what is refused before anything is sent."""

from __future__ import annotations

import math
from typing import Any

import pytest

from nexevo_async.config import (
    DEFAULT_TIMEOUT,
    Timeout,
    checked_key,
    discovery_from,
    endpoints_from,
    key_from_environment,
    positive,
)
from nexevo_async.errors import ConfigurationError
from nexevo_async.models.endpoints import Endpoint

SECRET = "SECRETSECRETSECRET"


def listed(endpoints: tuple[Endpoint, ...]) -> list[tuple[str, int]]:
    return [(endpoint.url, endpoint.priority) for endpoint in endpoints]


# -- time


def test_the_default_limits_are_the_documented_ones() -> None:
    assert (
        Timeout(total=600.0, connect=None, pool=None, attempt=30.0, first_token=None, between_content=120.0)
        == DEFAULT_TIMEOUT
    )


def test_a_number_sets_the_deadline_and_leaves_the_rest() -> None:
    default = Timeout(total=5, connect=2, pool=1)
    assert Timeout.of(7, default) == Timeout(total=7, connect=2, pool=1)
    assert Timeout.of(0.5, default).total == 0.5
    assert Timeout.of(None, default) is default
    assert Timeout.of(Timeout(total=None), default) == Timeout(total=None)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, True, "5"])
@pytest.mark.parametrize("name", ["total", "connect", "pool", "attempt", "first_token", "between_content"])
def test_a_limit_that_is_no_time_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=rf"timeout\.{name} must be a number of seconds above 0, or None"):
        Timeout(**{name: value})


@pytest.mark.parametrize("value", [0, -1, "soon", False])
def test_a_deadline_that_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"timeout\.total"):
        Timeout.of(value, DEFAULT_TIMEOUT)


# -- base URLs


_DEEP: list[Any] = []
for _ in range(3000):
    _DEEP = [_DEEP]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param([{"role": "user", "content": "my secret"}], "got list", id="a prompt"),
        pytest.param("x" * 100_000, "got text", id="much text"),
        pytest.param(_DEEP, "got list", id="a deep list"),
        pytest.param(10**5000, "got a whole number of more than 40 digits", id="a huge number"),
        pytest.param("10", "got '10'", id="a number as text"),
    ],
)
def test_a_wrong_number_is_shown_and_anything_else_is_named_by_its_kind(value: Any, words: str) -> None:
    with pytest.raises(ConfigurationError) as limit:
        Timeout(total=value)
    with pytest.raises(ConfigurationError) as number:
        positive("rate_limit", value)
    assert str(limit.value) == f"timeout.total must be a number of seconds above 0, or None; {words}"
    assert str(number.value) == f"rate_limit must be a number above 0, or None; {words}"


def test_one_base_url_comes_without_an_opinion_about_its_rank() -> None:
    assert listed(endpoints_from("https://a.example/v1/", None, {})) == [("https://a.example", 0)]


def test_several_base_urls_in_falling_priority() -> None:
    urls = ["https://a.example", "https://b.example", "https://c.example/v1"]
    assert listed(endpoints_from(None, urls, {})) == [
        ("https://a.example", 3),
        ("https://b.example", 2),
        ("https://c.example", 1),
    ]


def test_endpoints_keep_their_own_priority() -> None:
    assert listed(endpoints_from(None, [Endpoint("https://a.example", 7), Endpoint("https://b.example", 9)], {})) == [
        ("https://a.example", 7),
        ("https://b.example", 9),
    ]


def test_a_base_url_that_comes_twice_counts_once() -> None:
    assert listed(endpoints_from(None, ["https://a.example", "https://A.example/v1"], {})) == [("https://a.example", 2)]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ["https://api.nexevo.ai"]),
        ({"NEXEVO_BASE_URL": ""}, ["https://api.nexevo.ai"]),
        ({"NEXEVO_BASE_URL": " https://a.example/v1 "}, ["https://a.example"]),
        ({"NEXEVO_BASE_URLS": "https://a.example, https://b.example"}, ["https://a.example", "https://b.example"]),
        ({"NEXEVO_BASE_URLS": "https://a.example https://b.example"}, ["https://a.example", "https://b.example"]),
        ({"NEXEVO_BASE_URLS": "https://a.example", "NEXEVO_BASE_URL": "https://b.example"}, ["https://a.example"]),
    ],
)
def test_base_urls_from_the_environment(environment: dict[str, str], expected: list[str]) -> None:
    assert [endpoint.url for endpoint in endpoints_from(None, None, environment)] == expected


def test_arguments_win_over_the_environment() -> None:
    environment = {"NEXEVO_BASE_URLS": "https://b.example"}
    assert [endpoint.url for endpoint in endpoints_from("https://a.example", None, environment)] == [
        "https://a.example"
    ]


@pytest.mark.parametrize(
    ("base_url", "base_urls", "words"),
    [
        ("https://a.example", ["https://b.example"], "not both"),
        (None, [], "at least one"),
        (None, "https://a.example", "use base_url"),
        ("a.example", None, "https://"),
        ("ftp://a.example", None, "https://"),
        (f"https://user:{SECRET}@a.example", None, "api_key"),
        (f"https://a.example?key={SECRET}", None, "query"),
        (f"https://a.example#{SECRET}", None, "fragment"),
        ("https://", None, "host"),
        (f"https://a.example/{SECRET} x", None, "white space"),
        (f"sk-xc-{SECRET}", None, "https://"),
        (5, None, "text"),
    ],
)
def test_a_base_url_that_cannot_be_one_is_refused_without_quoting_it(base_url: Any, base_urls: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        endpoints_from(base_url, base_urls, {})
    assert SECRET not in str(caught.value)


def test_a_wrong_base_url_in_the_environment_is_refused_too() -> None:
    with pytest.raises(ConfigurationError):
        endpoints_from(None, None, {"NEXEVO_BASE_URL": "a.example"})


@pytest.mark.parametrize(
    ("argument", "environment", "expected"),
    [
        (None, {}, None),
        (None, {"NEXEVO_DISCOVERY_URL": " "}, None),
        (None, {"NEXEVO_DISCOVERY_URL": "https://d.example/"}, "https://d.example"),
        ("https://e.example", {"NEXEVO_DISCOVERY_URL": "https://d.example"}, "https://e.example"),
        ("", {"NEXEVO_DISCOVERY_URL": "https://d.example"}, None),
    ],
)
def test_the_discovery_host(argument: str | None, environment: dict[str, str], expected: str | None) -> None:
    assert discovery_from(argument, environment) == expected


# -- keys


@pytest.mark.parametrize(
    ("value", "expected"), [("sk-xc-1", "sk-xc-1"), ("  sk-xc-1\n", "sk-xc-1"), ("", None), ("  ", None), (None, None)]
)
def test_the_key_from_the_environment(value: str | None, expected: str | None) -> None:
    assert key_from_environment({} if value is None else {"NEXEVO_API_KEY": value}) == expected


def test_a_key_that_can_travel_is_taken() -> None:
    assert checked_key("sk-xc-1") == "sk-xc-1"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "  ",
        f"{SECRET}\n",
        f" {SECRET}",
        f"{SECRET} x",
        f"{SECRET}\r\nX-Evil: 1",
        f"{SECRET}é",
        f"{SECRET}\x00",
        None,
        5,
        b"x",
    ],
)
def test_a_key_that_cannot_travel_is_refused_and_never_quoted(key: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        checked_key(key)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, True, "5"])
def test_numbers_that_must_be_positive(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="rate_limit must be a number above 0, or None"):
        positive("rate_limit", value)
    assert positive("rate_limit", None) is None
    assert positive("rate_limit", 0.5) == 0.5
