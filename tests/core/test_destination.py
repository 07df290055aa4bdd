"""Requests without aiohttp's session in between: the same bytes, the same rules, and no way around who listens in."""

from __future__ import annotations

import asyncio
import functools
from typing import Any
from unittest.mock import create_autospec

import aiohttp
import attrs
import pytest
from yarl import URL

from nexevo_async._connection import Idle, is_available
from nexevo_async._destination import Destination
from nexevo_async._messages import AttemptFailed, FailureKind, Request
from tests.core.raw_server import OK, RawServer, Visit, answer_all, saying
from tests.core.sending import GET, a_sender, attempt, within

POST = attrs.evolve(GET, method="POST", body=b'{"a":1}', idempotency_key="k-1", headers=(("X-Team", "blue"),))


def headers_in(request: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        found.setdefault(name.lower(), []).append(value)
    return found


def through_the_session(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put a wrapper around what the session does, as instrumentation does; gives the methods that it sees."""
    seen: list[str] = []
    genuine = aiohttp.ClientSession._request

    @functools.wraps(genuine)
    async def wrapper(self: Any, method: str, *rest: Any, **named: Any) -> aiohttp.ClientResponse:
        seen.append(method)
        return await genuine(self, method, *rest, **named)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", wrapper)
    return seen


# -- both ways are one


@pytest.mark.parametrize(
    "request_",
    [
        GET,
        POST,
        attrs.evolve(POST, body=None),
        attrs.evolve(GET, stream=True),
        attrs.evolve(GET, query=(("a", "ä b"),)),
    ],
    ids=["read", "write", "write without a body", "stream", "query"],
)
async def test_both_ways_send_the_same(monkeypatch: pytest.MonkeyPatch, request_: Request) -> None:
    async with RawServer(answer_all) as server, a_sender() as sender:
        await attempt(sender, server.url, request_)
        seen = through_the_session(monkeypatch)
        await attempt(sender, server.url, request_)
        direct, usual = server.requests
    assert seen == [request_.method]
    assert direct.split(b"\r\n", 1)[0] == usual.split(b"\r\n", 1)[0]
    expected = headers_in(usual)
    if request_.body is None:  # aiohttp names a type even where there is nothing
        expected.pop("content-type", None)
    assert headers_in(direct) == expected
    assert direct.partition(b"\r\n\r\n")[2] == usual.partition(b"\r\n\r\n")[2]


async def test_both_ways_share_one_pool_of_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(answer_all) as server, a_sender() as sender:
        await attempt(sender, server.url)
        through_the_session(monkeypatch)
        await attempt(sender, server.url)
        assert server.connections == 1


# -- who listens in is not passed by


async def test_what_took_the_place_of_the_session_before_the_first_call_sees_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = through_the_session(monkeypatch)
    async with RawServer(answer_all) as server, a_sender() as sender:
        await attempt(sender, server.url)
    assert seen == ["GET"]


async def test_a_double_that_imitates_every_name_is_told_from_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    double = create_autospec(aiohttp.ClientSession._request, side_effect=aiohttp.ServerDisconnectedError())
    monkeypatch.setattr(aiohttp.ClientSession, "_request", double)
    async with a_sender() as sender:
        with pytest.raises(AttemptFailed):
            await attempt(sender, "http://127.0.0.1:1")
    double.assert_called_once()


async def test_a_double_of_the_public_method_sees_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def request(self: Any, *rest: Any, **named: Any) -> Any:
        seen.append(rest)
        raise aiohttp.ServerDisconnectedError

    monkeypatch.setattr(aiohttp.ClientSession, "request", request)
    async with a_sender() as sender:
        with pytest.raises(AttemptFailed):
            await attempt(sender, "http://127.0.0.1:1")
    assert [str(url) for _, url in seen] == ["http://127.0.0.1:1/v1/models"]


async def test_traces_that_an_agent_adds_to_every_session_see_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """As opentelemetry and sentry do it: they wrap the constructor."""
    seen: list[str] = []
    genuine = aiohttp.ClientSession.__init__

    async def begins(session: Any, context: Any, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append(params.method)

    def init(self: Any, *rest: Any, **named: Any) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(begins)
        genuine(self, *rest, trace_configs=[trace], **named)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", init)
    async with RawServer(answer_all) as server, a_sender() as sender:
        await attempt(sender, server.url)
    assert seen == ["GET"]


def test_an_aiohttp_with_other_insides_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(aiohttp.client_proto.ResponseHandler, "set_response_params")
    assert not is_available()
    monkeypatch.undo()
    assert is_available()


# -- the head


def a_destination(url: str = "https://api.example.com/base") -> Destination:
    loop = asyncio.get_running_loop()
    return Destination(aiohttp.ClientRequest("GET", URL(url), loop=loop), Idle())


async def test_a_head_is_what_the_standard_says() -> None:
    head = a_destination().message(attrs.evolve(POST, query=(("limit", "2"),)), "Bearer k").decode()
    lines = head.split("\r\n")
    assert lines[0] == "POST /base/v1/models?limit=2 HTTP/1.1"
    assert lines[-2:] == ["", '{"a":1}']
    found = headers_in(head.encode())
    assert found["host"] == ["api.example.com"]
    assert found["content-length"] == ["7"]
    assert found["idempotency-key"] == ["k-1"]
    assert found["x-team"] == ["blue"]
    assert found["authorization"] == ["Bearer k"]


async def test_heads_of_different_requests_are_not_mixed_up() -> None:
    destination = a_destination()
    for number in range(300):
        request = attrs.evolve(GET, headers=(("X-Number", str(number)),))
        assert headers_in(destination.message(request, f"Bearer {number % 3}")) == {
            **headers_in(destination.message(GET, f"Bearer {number % 3}")),
            "x-number": [str(number)],
        }
    assert "authorization" not in headers_in(destination.message(attrs.evolve(GET, auth=False), "Bearer 1"))
    assert headers_in(destination.message(POST, None))["content-length"] == ["7"]


async def test_what_a_body_needs_is_sent_for_every_method_that_may_have_one() -> None:
    destination = a_destination()
    assert headers_in(destination.message(attrs.evolve(POST, body=None), None))["content-length"] == ["0"]
    assert headers_in(destination.message(attrs.evolve(GET, method="DELETE"), None))["content-length"] == ["0"]
    assert "content-length" not in headers_in(destination.message(GET, None))


async def test_callers_choose_their_key_but_not_where_a_body_ends() -> None:
    theirs = (("idempotency-key", "mine"), ("content-length", "3"), ("Transfer-Encoding", "chunked"))
    found = headers_in(a_destination().message(attrs.evolve(POST, headers=theirs), None))
    assert found["idempotency-key"] == ["mine"]
    assert found["content-length"] == ["7"]
    assert "transfer-encoding" not in found


@pytest.mark.parametrize("text", ["a\r\nEvil: 1", "a\nb", "a\0"])
async def test_a_line_break_never_gets_into_a_head(text: str) -> None:
    for request in (attrs.evolve(GET, headers=(("X-A", text),)), attrs.evolve(POST, idempotency_key=text)):
        with pytest.raises(ValueError, match="line break"):
            a_destination().message(request, None)


# -- the answer


async def test_interim_answers_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with RawServer(saying(interim + OK)) as server, a_sender() as sender:
        response = await attempt(sender, server.url)
    assert (response.status, response.body) == (200, b"{}")


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (OK, 1),
        (OK.replace(b"Content-Type", b"Connection: close\r\nContent-Type"), 2),
        (OK.replace(b"HTTP/1.1", b"HTTP/1.0"), 2),
        (OK + b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot asked", 2),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 1),
    ],
    ids=["as usual", "told to close", "old version", "an answer nobody asked for", "nothing"],
)
async def test_a_connection_serves_again_only_if_it_can(answer: bytes, connections: int) -> None:
    async def behave(visit: Visit) -> None:
        while await visit.request():
            visit.send(answer)

    async with RawServer(behave) as server, a_sender() as sender:
        for _ in range(2):
            assert (await attempt(sender, server.url)).status in (200, 204)
            await asyncio.sleep(0.02)  # until what should not come has come
        assert server.connections == connections


async def test_a_large_body_arrives_whole_at_a_server_that_reads_slowly() -> None:
    body = b"x" * 3_000_000

    async def behave(visit: Visit) -> None:
        await asyncio.sleep(0.05)
        while await visit.request():
            visit.send(OK)

    async with RawServer(behave) as server, a_sender() as sender:
        assert (await attempt(sender, server.url, attrs.evolve(POST, body=body))).status == 200
        assert server.requests[0].endswith(b"\r\n\r\n" + body)


async def test_an_answer_that_comes_before_the_body_has_gone_is_heard() -> None:
    async def behave(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        visit.send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        await visit.hang()

    async with RawServer(behave) as server, a_sender() as sender:
        response = await attempt(sender, server.url, attrs.evolve(POST, body=b"x" * 8_000_000))
        assert response.status == 413
        await server.all_left()


async def test_who_is_cancelled_while_waiting_for_the_head_leaves_no_connection_behind() -> None:
    arrived = asyncio.Event()

    async def behave(visit: Visit) -> None:
        await visit.request()
        arrived.set()
        await visit.hang()

    async with RawServer(behave) as server, a_sender() as sender:
        waiting = asyncio.ensure_future(attempt(sender, server.url))
        await arrived.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await server.all_left()


async def test_closing_an_answer_wakes_whoever_reads_it() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"
    async with RawServer(saying(head, then="hang")) as server, a_sender() as sender:
        answer = await sender.open(server.url, GET, authorization=None, limits=within(5.0))
        assert await answer.read() == b"abc"
        waiting = asyncio.ensure_future(answer.read())
        await asyncio.sleep(0)
        answer.abort()
        with pytest.raises(AttemptFailed) as caught:
            await waiting
        assert caught.value.kind is FailureKind.BROKEN
        await server.all_left()
