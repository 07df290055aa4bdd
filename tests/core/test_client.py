"""Making, viewing and closing a client; and that users can mock it with the tools they know."""

from __future__ import annotations

import asyncio
import copy
import pickle
import ssl
import subprocess
import sys
from typing import Any

import aiohttp
import pytest
from aioresponses import CallbackResult, aioresponses

from nexevo_async import AsyncNexevo, Endpoint, RetryPolicy, Timeout
from nexevo_async.errors import ClientClosedError, ConfigurationError, RateLimitError
from nexevo_async.models.catalog import Model as CatalogModel
from tests.core.raw_server import RawServer, answer_all

SECRET = "SECRETSECRETSECRET"
KEY = f"sk-xc-{SECRET}"
BASE = "https://gateway.example"


def order(client: AsyncNexevo) -> list[str]:
    return [status.url for status in client.endpoints.snapshot()]


# -- making


def test_making_a_client_needs_no_loop_and_no_network_and_closing_is_not_required() -> None:
    client = AsyncNexevo(KEY)
    assert order(client) == ["https://api.nexevo.ai"]
    assert repr(client) == "<AsyncNexevo https://api.nexevo.ai>"


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXEVO_BASE_URLS", "https://a.example/v1, https://b.example")
    assert order(AsyncNexevo(KEY)) == ["https://a.example", "https://b.example"]
    assert order(AsyncNexevo(KEY, base_url=BASE)) == [BASE]


async def test_the_key_comes_from_the_environment_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXEVO_API_KEY", "sk-from-environment")
    async with RawServer(answer_all) as server:
        for argument, expected in ((None, b"Bearer sk-from-environment"), ("sk-argument", b"Bearer sk-argument")):
            async with AsyncNexevo(argument, base_url=server.url) as client:
                await client.request("GET", "/v1/x")
            assert expected in next(r for r in reversed(server.requests) if b"/v1/x" in r)


def test_closeai_is_a_preset() -> None:
    assert order(AsyncNexevo.closeai(KEY)) == ["https://api.openai-proxy.org"]
    assert order(AsyncNexevo.closeai(KEY, base_urls=[BASE])) == [BASE]
    assert isinstance(AsyncNexevo.closeai(KEY), AsyncNexevo)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"base_url": "gateway.example"}, "https://"),
        ({"base_url": BASE, "base_urls": [BASE]}, "not both"),
        ({"base_urls": []}, "at least one"),
        ({"timeout": 0}, "timeout.total"),
        ({"timeout": "5"}, "timeout.total"),
        ({"timeout": 10**400}, "timeout.total"),
        ({"base_urls": 5}, "takes a list"),
        ({"retry": 5}, "retry must be a RetryPolicy"),
        ({"retry": {}}, "retry must be a RetryPolicy"),
        ({"health": 5}, "health must be a HealthPolicy"),
        ({"route_overrides": 5}, "route_overrides must be a mapping"),
        ({"headers": {"Content-Length": "3"}}, "Content-Length is set by the client"),
        ({"rate_limit": 10**400}, "rate_limit"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"max_retries": True}, "max_retries"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"rate_limit": True}, "rate_limit"),
        ({"max_connections": 0}, "max_connections"),
        ({"max_connections": 1.5}, "max_connections"),
        ({"headers": {"X": "a\nb"}}, "headers"),
        ({"headers": [("X", "a")]}, "headers"),
        ({"route_overrides": {"keys.cerate": "POST /x"}}, "keys.cerate"),
        ({"route_overrides": {"keys.revoke": "DELETE /v1/keys"}}, "key_id"),
        ({"discovery_url": "nowhere"}, "https://"),
        ({"proxy": f"{SECRET}:3128"}, "proxy"),
        ({"proxy": 5}, "proxy"),
        ({"ssl": "yes"}, "ssl"),
        ({"session": "mine"}, "session"),
        ({"api_key": ""}, "API key"),
        ({"api_key": f"{SECRET}\n"}, "API key"),
        ({"api_key": 5}, "api_key"),
    ],
)
def test_an_argument_that_cannot_work_is_refused_by_name_and_never_quoted(
    arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        AsyncNexevo(**{"api_key": KEY, **arguments})
    assert SECRET not in str(caught.value)


def test_priorities_decide_the_order() -> None:
    client = AsyncNexevo(KEY, base_urls=[Endpoint("https://a.example", 1), Endpoint("https://b.example", 9)])
    assert order(client) == ["https://b.example", "https://a.example"]


def test_a_client_is_not_pickled_because_its_key_would_be() -> None:
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="holds a key"):
            way(AsyncNexevo(KEY))


def test_importing_needs_neither_aiohttp_nor_cattrs() -> None:
    script = (
        "import sys, nexevo_async; nexevo_async.AsyncNexevo('sk-1');"
        "print([name for name in ('aiohttp', 'cattrs', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[]\n"


# -- views


async def test_a_view_has_its_own_settings_on_the_same_connections_and_closing_it_does_nothing() -> None:
    async with RawServer(answer_all) as server, AsyncNexevo(KEY, base_url=server.url, headers={"X-A": "1"}) as client:
        async with client.with_options(api_key="sk-other", headers={"X-B": "2"}, timeout=1.0) as view:
            await view.request("GET", "/v1/x")
        assert not client.is_closed
        await client.request("GET", "/v1/x")
        first, second = (request for request in server.requests if b"/v1/x" in request)
        assert all(line in first for line in (b"Bearer sk-other", b"X-A: 1", b"X-B: 2"))
        assert b"X-B" not in second
        assert KEY.encode() in second
    assert view.is_closed
    with pytest.raises(ClientClosedError):
        await view.auth.me()


def test_a_view_refuses_what_the_client_refuses() -> None:
    client = AsyncNexevo(KEY)
    for changes in (
        {"timeout": -1},
        {"retry": 5},
        {"max_retries": -1},
        {"headers": {"X": "\n"}},
        {"hooks": 5},
        {"api_key": ""},
    ):
        with pytest.raises(ConfigurationError):
            client.with_options(**changes)


async def test_raw_answers_come_through_the_same_methods() -> None:
    async with RawServer(answer_all) as server, AsyncNexevo(KEY, base_url=server.url) as client:
        raw: Any = await client.with_raw_response.auth.me()
        assert (raw.status, raw.content, raw.headers["content-type"]) == (200, b"{}", "application/json")
        assert raw.parse() == {}
        assert raw.attempts == ()


# -- any path


async def test_any_path_can_be_asked_for() -> None:
    async with RawServer(answer_all) as server, AsyncNexevo(KEY, base_url=server.url) as client:
        assert await client.request("PUT", "/v2/new%2Fthing", json={"a": [1]}, query={"q": "x y"}) == {}
        assert await client.request("GET", "/v2/new", into=bytes) == b"{}"
        sent = next(request for request in server.requests if request.startswith(b"PUT"))
        assert sent.startswith(b"PUT /v2/new%2Fthing?q=x+y HTTP/1.1\r\n")
        assert sent.endswith(b'\r\n\r\n{"a":[1]}')


async def test_an_answer_is_read_as_a_class_and_nothing_else() -> None:
    async with AsyncNexevo(KEY, base_url=BASE) as client:
        for nonsense in (5, "Key", [CatalogModel]):
            with pytest.raises(ConfigurationError, match="into must be a class"):
                await client.request("GET", "/v1/x", into=nonsense)  # type: ignore[arg-type]  # the point of the test


async def test_a_route_can_be_replaced() -> None:
    overrides = {"auth.me": "POST /v9/whoami"}
    async with (
        RawServer(answer_all) as server,
        AsyncNexevo(KEY, base_url=server.url, route_overrides=overrides) as client,
    ):
        await client.auth.me()
        assert any(request.startswith(b"POST /v9/whoami HTTP/1.1") for request in server.requests)


# -- closing


async def test_closing_may_be_done_twice_and_at_once() -> None:
    client = AsyncNexevo(KEY, base_url="http://127.0.0.1:1")
    await asyncio.gather(client.aclose(), client.aclose())
    await client.aclose()
    assert client.is_closed
    assert repr(client) == "<AsyncNexevo http://127.0.0.1:1 closed>"


async def test_the_block_closes_even_when_it_raises() -> None:
    with pytest.raises(LookupError):
        async with AsyncNexevo(KEY, base_url="http://127.0.0.1:1") as client:
            raise LookupError
    assert client.is_closed


async def test_a_session_of_the_callers_own_survives() -> None:
    async with RawServer(answer_all) as server, aiohttp.ClientSession() as session:
        async with AsyncNexevo(KEY, base_url=server.url, session=session) as client:
            await client.request("GET", "/v1/x")
        assert not session.closed


def test_a_session_of_another_loop_is_said_to_be_one() -> None:
    async def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    async def use(session: aiohttp.ClientSession) -> None:
        async with AsyncNexevo(KEY, base_url="http://127.0.0.1:1", session=session, max_retries=0) as client:
            with pytest.raises(ConfigurationError, match="session belongs to another event loop"):
                await client.auth.me()

    loop = asyncio.new_event_loop()
    session = loop.run_until_complete(make())
    try:
        asyncio.run(use(session))
    finally:
        loop.run_until_complete(session.close())
        loop.close()


# -- mocked with aioresponses, as many users' suites are


async def test_users_can_mock_answers() -> None:
    with aioresponses() as mocked:
        mocked.get(f"{BASE}/api/v1/healthy", body="healthy", repeat=True)
        mocked.get(
            f"{BASE}/v1/models",
            payload={"object": "list", "data": [{"id": "nexevo/fast", "object": "model"}]},
            headers={"X-Trace-ID": "t-1"},
        )
        async with AsyncNexevo(KEY, base_url=BASE) as client:
            models = await client.models.list()
        assert [model.id for model in models] == ["nexevo/fast"]
        assert isinstance(models[0], CatalogModel)


async def test_users_can_look_at_what_was_sent() -> None:
    sent: list[dict[str, Any]] = []

    def answer(url: Any, **request: Any) -> CallbackResult:
        sent.append({"url": str(url), **request})
        return CallbackResult(status=201, payload={"conversation_id": "c-1"})

    with aioresponses() as mocked:
        mocked.get(f"{BASE}/api/v1/healthy", body="healthy", repeat=True)
        mocked.post(f"{BASE}/v1/conversations", callback=answer)
        async with AsyncNexevo(KEY, base_url=BASE) as client:
            made = await client.conversations.create(title="Hello")
    assert made["conversation_id"] == "c-1"
    assert sent[0]["data"] == b'{"title":"Hello"}'
    assert sent[0]["headers"]["Authorization"] == f"Bearer {KEY}"
    assert sent[0]["allow_redirects"] is False


async def test_users_can_mock_refusals_and_broken_connections() -> None:
    with aioresponses() as mocked:
        mocked.get(f"{BASE}/api/v1/healthy", body="healthy", repeat=True)
        mocked.get(f"{BASE}/v1/auth/me", status=429, payload={"error": {"message": "Slow down.", "code": "x"}})
        mocked.get(f"{BASE}/v1/auth/me", exception=aiohttp.ServerDisconnectedError())
        mocked.get(f"{BASE}/v1/auth/me", payload={"email": "a@example.com"})
        policy = RetryPolicy(throttle_base=0.0, backoff_base=0.0)
        async with AsyncNexevo(KEY, base_url=BASE, retry=policy) as client:
            with pytest.raises(RateLimitError, match=r"Slow down\."):
                await client.auth.me(max_retries=0)
            me = await client.auth.me()
        assert me.email == "a@example.com"


# -- defaults


def test_the_limits_of_a_call_can_be_given_as_a_number_or_in_full() -> None:
    client = AsyncNexevo(KEY, timeout=Timeout(total=None, connect=2.0))
    assert client.with_options(timeout=7) is not client


def test_certificates_are_checked_as_the_caller_says() -> None:
    context = ssl.create_default_context()
    for value in (True, False, context):
        AsyncNexevo(KEY, ssl=value)
