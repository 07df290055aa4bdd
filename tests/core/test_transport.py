"""Whole calls over real sockets: what arrives how often, where, and what the caller gets in the end."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from nexevo_async import AsyncNexevo, Hooks, RetryPolicy, Timeout
from nexevo_async.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ClientClosedError,
    ConfigurationError,
    InternalServerError,
    NexevoError,
    NotAnAPIResponseError,
    OutcomeUnknownError,
    RateLimitError,
)
from tests.core.raw_server import OK, RawServer, Visit, answer_all, free_port, saying

KEY = "sk-xc-SECRETSECRETSECRET"
CHAT = {"model": "nexevo/balanced", "messages": [{"role": "user", "content": "Hello!"}]}
ANSWER = b'{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[]}'
EVENTS = (
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


def http(status: int, body: bytes = b"{}", kind: str = "application/json", **headers: str) -> bytes:
    """An answer as bytes."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def always(data: bytes) -> Any:
    """Answer every request with this."""

    async def behave(visit: Visit) -> None:
        while await visit.request():
            visit.send(data)

    return behave


stream_server = always(http(200, EVENTS, "text/event-stream"))


@asynccontextmanager
async def a_client(*servers: RawServer | str, **settings: Any) -> AsyncIterator[AsyncNexevo]:
    urls = [server if isinstance(server, str) else server.url for server in servers]
    settings.setdefault("timeout", 5.0)
    async with AsyncNexevo(KEY, base_urls=urls, **settings) as client:
        yield client


def asked(server: RawServer) -> list[bytes]:
    """Requests that are not health checks."""
    return [request for request in server.requests if b"/healthy" not in request]


# -- failover


async def test_a_read_goes_to_the_next_endpoint_when_one_refuses() -> None:
    async with RawServer(answer_all) as good, a_client(f"http://127.0.0.1:{free_port()}", good) as client:
        assert await client.request("GET", "/v1/x") == {}
        assert len(asked(good)) == 1


@pytest.mark.parametrize("safety", ["chat", "create"])
async def test_what_never_left_goes_elsewhere_whatever_the_call(safety: str) -> None:
    async with (
        RawServer(always(http(200, ANSWER))) as good,
        a_client(f"http://127.0.0.1:{free_port()}", good) as client,
    ):
        if safety == "chat":
            await client.chat.completions.create(**CHAT)
        else:
            await client.request("POST", "/v1/x", json={})
        assert len(asked(good)) == 1


async def test_a_creating_call_that_may_have_arrived_is_not_sent_again() -> None:
    async with RawServer(saying(b"")) as bad, RawServer(answer_all) as good, a_client(bad, good) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.keys.create(name="ci")
        assert (len(asked(bad)), len(asked(good))) == (1, 0)
        error = caught.value
        assert (error.call, error.look_at, error.base_url) == ("keys.create", "keys.list", bad.url)
        assert error.idempotency_key is not None
        assert error.idempotency_key.encode() in bad.requests[0]
        assert "Before repeating it, look at keys.list" in str(error)


async def test_every_attempt_carries_the_same_idempotency_key() -> None:
    async with RawServer(always(http(503))) as bad, RawServer(always(http(200, ANSWER))) as good:
        async with a_client(bad, good) as client:
            await client.chat.completions.create(**CHAT)
        keys = {
            line for request in (*asked(bad), *asked(good)) for line in request.split(b"\r\n") if b"Idempotency" in line
        }
        assert (len(asked(bad)), len(asked(good)), len(keys)) == (1, 1, 1)


@pytest.mark.parametrize(("age", "arrivals"), [(0.05, (1, 1)), (0.5, (1, 0))])
async def test_a_lost_chat_is_sent_again_only_while_it_is_young(age: float, arrivals: tuple[int, int]) -> None:
    async def behave(visit: Visit) -> None:
        await visit.request()
        await asyncio.sleep(age)
        visit.reset()

    policy = RetryPolicy(bounded_age=0.25)
    async with RawServer(behave) as bad, RawServer(always(http(200, ANSWER))) as good:
        async with a_client(bad, good, retry=policy) as client:
            with contextlib.suppress(APIConnectionError):
                await client.chat.completions.create(**CHAT)
        assert (len(asked(bad)), len(asked(good))) == arrivals


async def test_a_chat_whose_answer_has_begun_is_not_sent_again() -> None:
    async with RawServer(saying(http(200, ANSWER)[:-5])) as bad, RawServer(answer_all) as good:
        async with a_client(bad, good) as client:
            with pytest.raises(APIConnectionError) as caught:
                await client.chat.completions.create(**CHAT)
        assert caught.value.delivery == "maybe"
        assert (len(asked(bad)), len(asked(good))) == (1, 0)


async def test_a_stale_connection_is_replaced_without_a_word() -> None:
    async def behave(visit: Visit) -> None:
        if await visit.request():
            visit.send(http(200, ANSWER))
        if await visit.request():
            visit.reset()

    async with RawServer(behave) as server, a_client(server) as client:
        for _ in range(3):
            await client.chat.completions.create(**CHAT)
        assert server.connections == 3


async def test_no_retries_means_one_request() -> None:
    async with RawServer(always(http(503))) as bad, RawServer(answer_all) as good:
        async with a_client(bad, good, max_retries=0) as client:
            with pytest.raises(InternalServerError):
                await client.request("GET", "/v1/x")
        async with a_client(bad, good, max_retries=5) as client:
            with pytest.raises(InternalServerError):
                await client.auth.me(max_retries=0)
        assert (len(asked(bad)), len(asked(good))) == (2, 0)


async def test_a_rate_limit_is_waited_for_and_the_call_repeated() -> None:
    async def behave(visit: Visit) -> None:
        while await visit.request():
            first = len(asked(visit.server)) == 1
            visit.send(http(429, Retry_After="0.2") if first else OK)

    async with RawServer(behave) as server, a_client(server) as client:
        started = time.monotonic()
        await client.request("POST", "/v1/x", json={})
        assert 0.2 <= time.monotonic() - started < 1.0
        assert len(asked(server)) == 2


async def test_a_rate_limit_beyond_the_deadline_is_raised_at_once() -> None:
    async with RawServer(always(http(429, Retry_After="60"))) as server, a_client(server) as client:
        with pytest.raises(RateLimitError) as caught:
            await client.auth.me()
        assert caught.value.retry_after == 60.0


# -- time


async def test_the_deadline_covers_attempts_and_waits() -> None:
    async with RawServer(saying(b"", then="hang")) as server, a_client(server, timeout=0.3) as client:
        started = time.monotonic()
        with pytest.raises(APITimeoutError) as caught:
            await client.chat.completions.create(**CHAT)
        assert 0.3 <= time.monotonic() - started < 0.6
        assert (caught.value.limit, caught.value.seconds) == ("total", 0.3)


async def test_the_limit_for_one_attempt_lets_a_read_go_elsewhere() -> None:
    async with RawServer(saying(b"", then="hang")) as bad, RawServer(answer_all) as good:
        limits = Timeout(total=5.0, attempt=0.1)
        async with a_client(bad, good, timeout=limits, retry=RetryPolicy(hedge=False)) as client:
            assert await client.request("GET", "/v1/x") == {}


async def test_a_read_that_waits_is_asked_elsewhere_too() -> None:
    async with RawServer(saying(b"", then="hang")) as bad, RawServer(answer_all) as good:
        async with a_client(bad, good, retry=RetryPolicy(hedge_after=0.05)) as client:
            started = time.monotonic()
            assert await client.request("GET", "/v1/x") == {}
            assert time.monotonic() - started < 1.0
        await bad.all_left()


async def test_a_limit_of_the_call_wins_over_the_one_of_the_client() -> None:
    async with RawServer(saying(b"", then="hang")) as server, a_client(server, timeout=60.0) as client:
        with pytest.raises(APITimeoutError):
            await client.chat.completions.create(**CHAT, timeout=0.05)


# -- streams


async def text_of(client: AsyncNexevo) -> str:
    async with client.chat.completions.stream(**CHAT) as stream:
        return "".join([text async for text in stream.text()])


async def test_a_stream_goes_elsewhere_until_a_good_head_arrives() -> None:
    async with (
        RawServer(always(http(503))) as bad,
        RawServer(stream_server) as good,
        a_client(f"http://127.0.0.1:{free_port()}", bad, good) as client,
    ):
        assert await text_of(client) == "hi"


async def test_a_stream_opened_while_another_error_is_handled_is_a_good_stream() -> None:
    """Falling back in an `except` block is what people do."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        answer = http(200, EVENTS, "text/event-stream")
        visit.send(answer[:120])
        await asyncio.sleep(0.05)
        visit.send(answer[120:])

    async with RawServer(behave) as server, a_client(server) as client:
        try:
            raise KeyError("something else went wrong before")
        except KeyError:
            assert await text_of(client) == "hi"


@pytest.mark.parametrize("status", [404, 503])
async def test_a_stream_that_is_refused_with_a_body_that_never_comes_ends_in_time_and_frees_its_place(
    status: int,
) -> None:
    head = http(status, b"x" * 100)[:-100]
    async with RawServer(saying(head, then="hang")) as server:
        async with a_client(server, timeout=0.3, max_connections=1, max_retries=0) as client:
            for _ in range(3):
                async with asyncio.timeout(2):
                    with pytest.raises(NexevoError):
                        await text_of(client)
        await server.all_left()


@pytest.mark.parametrize(
    "answer", [http(503, b"x" * 100)[:-50], http(404), http(200, b"<html></html>", "text/html"), http(429)]
)
async def test_a_stream_that_is_refused_gives_its_place_back(answer: bytes) -> None:
    async with RawServer(saying(answer)) as server, a_client(server, max_connections=1, max_retries=0) as client:
        for _ in range(3):
            with pytest.raises(NexevoError) as caught:
                await text_of(client)
            assert not isinstance(caught.value, APITimeoutError)


async def test_a_hook_that_raises_when_a_stream_has_begun_closes_it() -> None:
    class Policy(Hooks):
        def after_attempt(self, call: str, attempt: Any) -> None:
            raise PermissionError("not today")

    begun = saying(http(200, EVENTS, "text/event-stream")[:-5], then="hang")
    async with RawServer(begun) as server, a_client(server, max_connections=1, hooks=Policy()) as client:
        for _ in range(2):
            with pytest.raises(PermissionError):
                await text_of(client)
        await server.all_left()


# -- wrong base URL


async def test_a_web_page_says_that_the_base_url_is_probably_wrong() -> None:
    page = http(200, b"<!doctype html><p>Welcome</p>", "text/html", X_Trace_ID="t-1")
    async with RawServer(always(page)) as server, a_client(server) as client:
        for call in (client.auth.me(), client.chat.completions.create(**CHAT), client.keys.create(name="ci")):
            with pytest.raises(NotAnAPIResponseError, match="The base URL is probably wrong") as caught:
                await call
            assert caught.value.base_url == server.url
            assert server.url in str(caught.value)
            assert caught.value.trace_id == "t-1"


async def test_a_redirect_is_not_followed_and_says_so() -> None:
    async with RawServer(answer_all) as target:
        redirect = http(308, b"", Location=f"{target.url}/v1/auth/me")
        async with RawServer(always(redirect)) as server, a_client(server) as client:
            with pytest.raises(APIStatusError, match="redirects are not followed"):
                await client.auth.me()
        assert target.connections == 0


# -- leaving


async def test_a_closed_client_refuses() -> None:
    client = AsyncNexevo(KEY, base_url="http://127.0.0.1:1")
    await client.aclose()
    with pytest.raises(ClientClosedError) as caught:
        await client.auth.me()
    assert caught.value.call == "auth.me"


async def test_closing_ends_calls_that_are_under_way() -> None:
    """Those that wait for an answer, for a free connection, and for the next attempt."""
    async with RawServer(saying(b"", then="hang")) as server, RawServer(always(http(429, Retry_After="60"))) as busy:
        client = AsyncNexevo(KEY, base_url=server.url, max_connections=2, timeout=None)
        other = AsyncNexevo(KEY, base_url=busy.url)
        calls = [asyncio.create_task(client.chat.completions.create(**CHAT)) for _ in range(4)]
        pausing = asyncio.create_task(other.auth.me())
        async with asyncio.timeout(5):
            while len(asked(server)) < 2 or not asked(busy):  # noqa: ASYNC110 - conditions are about sockets
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        async with asyncio.timeout(2):
            await asyncio.gather(client.aclose(), other.aclose())
            outcomes = await asyncio.gather(*calls, pausing, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {ClientClosedError}, outcomes
        await server.all_left()


async def test_cancelling_calls_at_random_moments_leaves_nothing_behind() -> None:
    rng = random.Random(7)

    async def behave(visit: Visit) -> None:
        while request := await visit.request():
            await asyncio.sleep(rng.uniform(0, 0.01))
            visit.send(http(200, EVENTS, "text/event-stream") if b"event-stream" in request else http(503))

    async with RawServer(behave) as server, RawServer(behave) as second:
        async with a_client(server, second, max_connections=5) as client:
            works = (client.auth.me, lambda: text_of(client), lambda: client.request("POST", "/v1/x", json={}))
            tasks = [asyncio.ensure_future(rng.choice(works)()) for _ in range(120)]
            for task in tasks:
                await asyncio.sleep(rng.uniform(0, 0.002))
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            foreign = [o for o in outcomes if not isinstance(o, asyncio.CancelledError | NexevoError | str)]
            assert foreign == []
            async with asyncio.timeout(5):
                assert set(await asyncio.gather(*(text_of(client) for _ in range(20)))) == {"hi"}
        await server.all_left()
        await second.all_left()


# -- the key


async def test_without_a_key_nothing_is_sent_that_needs_one() -> None:
    async with RawServer(answer_all) as server, AsyncNexevo(base_url=server.url) as client:
        with pytest.raises(ConfigurationError, match="NEXEVO_API_KEY"):
            await client.auth.me()
        assert asked(server) == []
        await client.request("GET", "/v1/x", headers={"Authorization": "Bearer mine"})
        assert b"Bearer mine" in asked(server)[0]


@pytest.mark.parametrize("kind", ["function", "coroutine"])
async def test_a_key_from_a_function_is_asked_for_before_every_attempt(kind: str) -> None:
    keys = iter(["sk-1", "sk-2", "sk-3"])

    async def later() -> str:
        await asyncio.sleep(0)
        return next(keys)

    async def behave(visit: Visit) -> None:
        while await visit.request():
            visit.send(http(503) if len(asked(visit.server)) == 1 else OK)

    source = (lambda: next(keys)) if kind == "function" else later
    policy = RetryPolicy(throttle_base=0.0)
    async with RawServer(behave) as server, AsyncNexevo(source, base_url=server.url, retry=policy) as client:
        await client.request("GET", "/v1/x")
        sent = [line for r in asked(server) for line in r.split(b"\r\n") if line.startswith(b"Authorization")]
        assert sent == [b"Authorization: Bearer sk-1", b"Authorization: Bearer sk-2"]


@pytest.mark.parametrize("bad", [None, "", "line\nbreak", 5])
async def test_a_function_that_gives_no_key_is_said_to(bad: Any) -> None:
    async with RawServer(answer_all) as server, AsyncNexevo(lambda: bad, base_url=server.url) as client:
        with pytest.raises(ConfigurationError, match="API key"):
            await client.auth.me()
        assert asked(server) == []


async def test_an_error_of_the_key_function_is_the_callers_own_and_gives_the_place_back() -> None:
    def vault() -> str:
        raise LookupError("the vault is closed")

    async with RawServer(answer_all) as server, AsyncNexevo(vault, base_url=server.url, max_connections=1) as client:
        for _ in range(3):
            with pytest.raises(LookupError):
                await client.auth.me()


async def test_a_key_function_that_never_answers_does_not_outlive_the_deadline() -> None:
    async def never() -> str:
        await asyncio.Event().wait()
        return ""

    async with AsyncNexevo(never, base_url="http://127.0.0.1:1", timeout=0.05) as client:
        async with asyncio.timeout(2):
            with pytest.raises(APITimeoutError) as caught:
                await client.auth.me()
        assert caught.value.delivery == "never"


# -- pool slots of endpoints


async def test_a_view_shares_what_was_learned_about_endpoints() -> None:
    async with RawServer(answer_all) as good, a_client(f"http://127.0.0.1:{free_port()}", good) as client:
        await client.request("GET", "/v1/x")
        assert client.with_options(timeout=1.0)._transport.core is client._transport.core
        assert repr(client.with_options()).startswith(f"<AsyncNexevo {good.url}, ")
