"""Every kind of fault as a client meets it on the wire, and the rules of scope, with a clock that is a number."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from nexevo_async.sandbox import Fault, Sandbox
from nexevo_async.sandbox.faults import KINDS, FaultBoard

CHAT = "chat.completions.create"
HELLO = {"model": "nexevo/fast", "messages": [{"role": "user", "content": "Hello!"}]}
STREAM = {**HELLO, "stream": True}


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(bases=2, rate_limit=None) as box:
        yield box


@pytest.fixture
async def http(box: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {box.api_key}"}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=10)) as http:
        yield http


async def chat(box: Sandbox, http: aiohttp.ClientSession, body: Any = HELLO, base: int = 0) -> tuple[int, bytes]:
    async with http.post(f"{box.base_urls[base]}/v1/chat/completions", json=body) as answer:
        return answer.status, await answer.read()


async def key_count(box: Sandbox, http: aiohttp.ClientSession) -> int:
    async with http.get(f"{box.base_urls[1]}/v1/keys") as answer:
        return len((await answer.json())["keys"])


async def make_key(box: Sandbox, http: aiohttp.ClientSession) -> int:
    async with http.post(f"{box.base_url}/v1/keys", json={"name": "ci"}) as answer:
        await answer.read()
        return answer.status


async def raw(box: Sandbox, body: Any = HELLO, *, base: int = 0) -> bytes:
    """Everything that arrives until the end of the connection; a reset raises."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(box.base_urls[base].rpartition(":")[2]))
    data = orjson.dumps(body)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {box.api_key}\r\n"
    writer.write(f"{head}Connection: close\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
    try:
        return await reader.read()
    finally:
        writer.close()


def events(body: bytes) -> list[bytes]:
    return [event for event in body.split(b"\n\n") if event]


# On the wire ----------------------------------------------------------------------------------------------------------


async def test_refuse_closes_the_port_until_it_is_cleared(box: Sandbox, http: aiohttp.ClientSession) -> None:
    fault = box.fault(0, "refuse")
    with pytest.raises(aiohttp.ClientConnectorError):
        await chat(box, http)
    assert (await chat(box, http, base=1))[0] == 200
    fault.clear()
    assert (await chat(box, http))[0] == 200


async def test_refuse_for_a_time_ends_by_itself(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.fault(0, "refuse", seconds=0.05)
    assert not box.is_up(0)
    with pytest.raises(aiohttp.ClientConnectorError):
        await chat(box, http)
    await asyncio.sleep(0.08)
    assert (await chat(box, http))[0] == 200


async def test_refuse_for_all_takes_discovery_down_too(box: Sandbox) -> None:
    fault = box.fault(None, "refuse")
    assert [box.is_up(base) for base in (0, 1, "discovery")] == [False, False, False]  # type: ignore[arg-type]
    fault.clear()
    assert [box.is_up(base) for base in (0, 1, "discovery")] == [True, True, True]  # type: ignore[arg-type]


async def test_a_killed_base_stays_down_when_its_refusal_ends(box: Sandbox) -> None:
    box.kill(0)
    box.fault(0, "refuse").clear()
    assert not box.is_up(0)
    box.clear_faults()
    assert not box.is_up(0)
    box.revive(0)
    assert box.is_up(0)


@pytest.mark.parametrize("kind", ["refuse", "reset"])
async def test_a_refusal_of_some_requests_is_a_reset_and_nothing_is_done(
    box: Sandbox, http: aiohttp.ClientSession, kind: str
) -> None:
    """RST without a byte, so the client cannot know; the key was not made."""
    fault = box.fault(0, kind, route="keys.create", count=1)
    before = await key_count(box, http)
    with pytest.raises(aiohttp.ClientConnectionError, match="reset by peer"):
        await make_key(box, http)
    assert await key_count(box, http) == before
    assert (fault.hits, fault.active) == (1, False)
    assert await make_key(box, http) == 201


async def test_reset_is_an_rst_and_close_is_a_fin(box: Sandbox) -> None:
    box.fault(0, "reset", count=1)
    with pytest.raises(ConnectionResetError):
        await raw(box)
    box.fault(0, "close", count=1)
    assert await raw(box) == b""


@pytest.mark.parametrize("kind", ["reset", "close", "status"])
async def test_execute_carries_the_request_out_before_the_answer_is_lost(
    box: Sandbox, http: aiohttp.ClientSession, kind: str
) -> None:
    """This is how a test makes the case in which repeating would make a second thing."""
    box.fault(0, kind, route="keys.create", count=1, execute=True)
    before = await key_count(box, http)
    if kind == "status":
        assert await make_key(box, http) == 500
    else:
        with pytest.raises(aiohttp.ClientConnectionError):
            await make_key(box, http)
    assert await key_count(box, http) == before + 1


async def test_hang_never_answers_and_does_nothing(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.fault(0, "hang", route="keys.create")
    before = await key_count(box, http)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(make_key(box, http), 0.1)
    assert await key_count(box, http) == before
    entry = box.journal()[-2]
    assert (entry.route, entry.status, entry.fault) == ("keys.create", None, "hang")


async def test_headers_then_hang_sends_the_head_of_an_answer_that_was_made(
    box: Sandbox, http: aiohttp.ClientSession
) -> None:
    box.fault(0, "headers_then_hang", route="keys.create", count=1)
    before = await key_count(box, http)
    async with http.post(f"{box.base_url}/v1/keys", json={"name": "ci"}) as answer:
        assert answer.status == 201
        assert int(answer.headers["Content-Length"]) > 0
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answer.read(), 0.1)
    assert await key_count(box, http) == before + 1


async def test_reset_mid_breaks_the_body_off_after_the_key_was_made(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.fault(0, "reset_mid", route="keys.create", count=1)
    before = await key_count(box, http)
    async with http.post(f"{box.base_url}/v1/keys", json={"name": "ci"}) as answer:
        assert answer.status == 201
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    assert await key_count(box, http) == before + 1


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "invalid_request"), (401, "invalid_api_key"), (402, "insufficient_balance"), (429, "rate_limit_exceeded"),
     (500, "internal_error"), (502, "upstream_error"), (503, "service_unavailable"), (599, "internal_error")],
)  # fmt: skip
async def test_status_answers_an_error_body_that_fits(
    box: Sandbox, http: aiohttp.ClientSession, status: int, code: str
) -> None:
    box.fault(0, "status", status=status)
    answered, body = await chat(box, http)
    assert (answered, orjson.loads(body)["error"]["code"]) == (status, code)


async def test_status_takes_any_body_and_headers(box: Sandbox, http: aiohttp.ClientSession) -> None:
    url = f"{box.base_url}/v1/models"
    quota = {"error": {"message": "enough", "type": "x", "code": "tenant_monthly_quota_exceeded"}}
    box.fault(0, "status", status=429, body=quota, headers={"Retry-After": "7", "X-RateLimit-Reset": "9"}, count=1)
    async with http.get(url) as answer:
        assert (answer.status, answer.headers["Retry-After"], answer.headers["X-RateLimit-Reset"]) == (429, "7", "9")
        assert await answer.json() == quota
    box.fault(0, "status", status=429, count=1)
    async with http.get(url) as answer:
        assert {"Retry-After", "X-RateLimit-Reset", "X-RateLimit-Remaining"} & answer.headers.keys() == set()
    box.fault(0, "status", status=503, body="down for tea", count=1)
    async with http.get(url) as answer:
        assert (answer.content_type, await answer.text()) == ("text/plain", "down for tea")
    box.fault(0, "status", status=200, body=b"\xff\x00", headers={"Content-Type": "application/json"}, count=1)
    async with http.get(url) as answer:
        assert (answer.content_type, await answer.read()) == ("application/json", b"\xff\x00")


async def test_slow_answers_after_the_delay(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.fault(0, "slow", delay=0.1)
    began = time.monotonic()
    assert (await chat(box, http))[0] == 200
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_trickle_sends_the_whole_answer_byte_by_byte(
    box: Sandbox, http: aiohttp.ClientSession, body: dict[str, Any]
) -> None:
    box.fault(0, "trickle", delay=0, count=1)
    status, trickled = await chat(box, http, {**body, "max_tokens": 3})
    assert status == 200
    if body is STREAM:
        assert events(trickled)[-1] == b"data: [DONE]"
    else:
        assert orjson.loads(trickled)["choices"][0]["finish_reason"] == "length"


async def test_html_is_a_page_on_a_200(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.fault(0, "html")
    async with http.get(f"{box.base_url}/v1/models") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert (await answer.text()).startswith("<!DOCTYPE html>")
        assert "X-Trace-ID" not in answer.headers


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_cut_json_is_well_framed_but_no_json(
    box: Sandbox, http: aiohttp.ClientSession, body: dict[str, Any]
) -> None:
    box.fault(0, "cut_json", count=1)
    status, cut = await chat(box, http, body)
    assert status == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(events(cut)[-1].removeprefix(b"data: "))


async def test_unhealthy_says_something_else_on_the_health_check_only(
    box: Sandbox, http: aiohttp.ClientSession
) -> None:
    box.fault(0, "unhealthy", text="maintenance")
    async with http.get(f"{box.base_url}/api/v1/healthy") as answer:
        assert (answer.status, await answer.text()) == (200, "maintenance")
    assert (await chat(box, http))[0] == 200


async def test_redirect_points_to_the_discovery_host_or_where_it_is_told(
    box: Sandbox, http: aiohttp.ClientSession
) -> None:
    box.fault(0, "redirect", count=1)
    async with http.get(f"{box.base_url}/v1/models", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (307, f"{box.discovery_url}/api/v1/links")
    box.fault(0, "redirect", status=302, location="http://127.0.0.1:1/")
    async with http.get(f"{box.base_url}/v1/models", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "http://127.0.0.1:1/")


# Streams --------------------------------------------------------------------------------------------------------------


async def test_stream_cut_ends_cleanly_without_finish_reason_or_done(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.fault(0, "stream_cut", after=3, count=1)
    status, body = await chat(box, http, STREAM)
    assert status == 200
    chunks = [orjson.loads(event.removeprefix(b"data: ")) for event in events(body)]
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks] == ["", "You", " said"]
    assert {chunk["choices"][0]["finish_reason"] for chunk in chunks} == {None}


async def test_stream_cut_never_reaches_the_finish_reason(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.fault(0, "stream_cut", after=10_000)
    _, body = await chat(box, http, STREAM)
    assert b'"finish_reason":"' not in body
    assert b"[DONE]" not in body


@pytest.mark.parametrize("size", [0, 1, 7, 300, 1000])
async def test_stream_cut_ends_at_exactly_the_byte_asked_for(
    box: Sandbox, http: aiohttp.ClientSession, size: int
) -> None:
    box.fault(0, "stream_cut", after_bytes=size)
    assert len((await chat(box, http, STREAM))[1]) == size


async def test_stream_reset_sends_events_and_then_rst(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.fault(0, "stream_reset", after=3)
    seen: list[bytes] = []

    async def read() -> None:
        async with http.post(f"{box.base_url}/v1/chat/completions", json=STREAM) as answer:
            async for line in answer.content:
                seen.append(line)

    with pytest.raises(aiohttp.ClientPayloadError):
        await read()
    assert len(events(b"".join(seen))) == 3


async def test_stream_stall_falls_silent(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.fault(0, "stream_stall", after=2)
    async with http.post(f"{box.base_url}/v1/chat/completions", json=STREAM) as answer:
        await answer.content.readuntil(b"You")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answer.content.readuntil(b"said"), 0.1)


async def test_stream_stall_can_keep_talking_in_comments(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.fault(0, "stream_stall", after=1, comments=True, delay=0.001)
    async with http.post(f"{box.base_url}/v1/chat/completions", json=STREAM) as answer:
        seen = b""
        while seen.count(b": still here") < 3:
            seen += await answer.content.readany()
    assert b"You" not in seen


@pytest.mark.parametrize("done", [False, True])
async def test_stream_error_is_an_event_in_the_stream(box: Sandbox, http: aiohttp.ClientSession, done: bool) -> None:
    box.fault(0, "stream_error", after=1, code="rate_limit_exceeded", message="later", done=done)
    found = events((await chat(box, http, STREAM))[1])
    assert orjson.loads(found[1].removeprefix(b"data: ")) == {
        "error": {"message": "later", "type": "rate_limit_exceeded", "code": "rate_limit_exceeded"}
    }
    assert found[2:] == ([b"data: [DONE]"] if done else [])


async def test_stream_faults_leave_other_requests_alone(box: Sandbox, http: aiohttp.ClientSession) -> None:
    fault = box.fault(0, "stream_cut", count=1)
    assert orjson.loads((await chat(box, http))[1])["choices"][0]["finish_reason"] == "stop"
    assert fault.hits == 0
    await chat(box, http, STREAM)
    assert fault.hits == 1


async def test_a_cut_stream_is_billed_for_what_was_sent(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """Role chunk and two tokens left: six prompt tokens at 0.15 and two at 0.60 dollars a million."""
    box.fault(0, "stream_cut", after=3, count=1)
    await chat(box, http, STREAM)
    async with http.get(f"{box.base_url}/v1/billing/balance") as answer:
        assert (await answer.json())["balance_usd"] == "99.9999979"


async def test_whole_answers_and_streams_survive_everything_after_a_clear(
    box: Sandbox, http: aiohttp.ClientSession
) -> None:
    for kind in KINDS:
        box.fault(0, kind)
    box.clear_faults()
    assert box.faults() == []
    assert (await chat(box, http))[0] == 200
    assert events((await chat(box, http, STREAM))[1])[-1] == b"data: [DONE]"


async def test_discovery_can_be_hit_alone_and_with_all_others(box: Sandbox, http: aiohttp.ClientSession) -> None:
    async def links() -> int:
        async with http.get(f"{box.discovery_url}/api/v1/links") as answer:
            return answer.status

    box.fault("discovery", "status", status=503, count=1)
    box.fault(0, "status", status=500, count=1)
    box.fault(None, "status", status=502, route="endpoints.links", count=1)
    assert [await links(), await links(), await links()] == [503, 502, 200]


# Scope ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def board() -> FaultBoard:
    return FaultBoard(seed=7, on_change=lambda: None)


@pytest.fixture
def hit(board: FaultBoard) -> Callable[..., Fault | None]:
    def hit(base: Any = 0, route: str | None = CHAT, *, stream: bool = False, now: float = 0.0) -> Fault | None:
        return board.hit(base, route, streaming=lambda: stream, now=now)

    return hit


def test_count_ends_a_fault_after_so_many_hits(board: FaultBoard, hit: Callable[..., Fault | None]) -> None:
    fault = board.add(0, "hang", now=0, clear=board.end, count=2)
    assert [hit(), hit(), hit()] == [fault, fault, None]
    assert (fault.hits, fault.active) == (2, False)


def test_the_oldest_fault_that_fits_hits_first(board: FaultBoard, hit: Callable[..., Fault | None]) -> None:
    """So a script of events is written in the order in which they shall come."""
    first = board.add(0, "status", now=0, clear=board.end, status=502, count=1)
    second = board.add(0, "reset", now=0, clear=board.end)
    assert [hit(), hit(), hit()] == [first, second, second]


def test_route_and_base_narrow_a_fault(board: FaultBoard, hit: Callable[..., Fault | None]) -> None:
    fault = board.add(1, "hang", now=0, clear=board.end, route="keys.create")
    assert hit(1, "keys.create") is fault
    assert [hit(0, "keys.create"), hit(1, "keys.list"), hit(1, None), hit("discovery", "keys.create")] == [None] * 4


def test_seconds_end_a_fault_when_its_time_is_up(board: FaultBoard, hit: Callable[..., Fault | None]) -> None:
    fault = board.add(0, "hang", now=100, clear=board.end, seconds=5)
    assert hit(now=104.9) is fault
    assert hit(now=105) is None
    assert not fault.active


def test_probability_is_drawn_from_the_seed(board: FaultBoard, hit: Callable[..., Fault | None]) -> None:
    """The same seed hits the same requests; about as many as asked for."""
    board.add(0, "hang", now=0, clear=board.end, probability=0.3)
    drawn = [hit() is not None for _ in range(1000)]
    twin = FaultBoard(seed=7, on_change=lambda: None)
    twin.add(0, "hang", now=0, clear=twin.end, probability=0.3)
    assert drawn == [twin.hit(0, CHAT, streaming=lambda: False, now=0) is not None for _ in range(1000)]
    assert 250 < sum(drawn) < 350


def test_probability_zero_never_and_one_always(board: FaultBoard, hit: Callable[..., Fault | None]) -> None:
    board.add(0, "hang", now=0, clear=board.end, probability=0)
    always = board.add(0, "reset", now=0, clear=board.end, probability=1)
    assert [hit(), hit()] == [always, always]


def test_clearing_twice_is_as_good_as_once(board: FaultBoard, hit: Callable[..., Fault | None]) -> None:
    fault = board.add(0, "hang", now=0, clear=board.end)
    fault.clear()
    fault.clear()
    assert hit() is None


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        ({"kind": "explode"}, "unknown fault kind 'explode'; there are: refuse, hang"),
        ({"kind": "slow", "speed": 3}, "fault 'slow' does not know speed; it takes delay"),
        ({"kind": "refuse", "delay": 3}, "it takes no options"),
        ({"kind": "hang", "count": 0}, "count must be at least 1"),
        ({"kind": "hang", "probability": 1.5}, "probability must be between 0 and 1"),
        ({"kind": "hang", "seconds": 0}, "seconds must be more than 0"),
        ({"kind": "hang", "count": 1.5}, "count must be at least 1"),
        ({"kind": "hang", "seconds": "3"}, "seconds must be more than 0"),
        ({"kind": "status", "status": "503"}, "status must be a whole number from 200 to 999"),
        ({"kind": "status", "headers": {"X": "a\r\nY: b"}}, "headers must be a mapping"),
        ({"kind": "status", "headers": 5}, "headers must be a mapping"),
        ({"kind": "slow", "delay": -1}, "delay must be a number of 0 or more"),
        ({"kind": "stream_cut", "after_bytes": "x"}, "after_bytes must be a number of 0 or more"),
    ],
)
def test_scopes_and_options_that_cannot_be_are_refused(board: FaultBoard, scope: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        board.add(0, now=0, clear=board.end, **scope)


async def test_an_unknown_route_or_base_is_refused(box: Sandbox) -> None:
    with pytest.raises(ValueError, match=r"no route 'chat\.create'"):
        box.fault(0, "hang", route="chat.create")
    with pytest.raises(ValueError, match="no base 9"):
        box.fault(9, "hang")


def test_every_kind_is_explained_where_users_look() -> None:
    assert [kind for kind in KINDS if f"``{kind}``" not in (Sandbox.fault.__doc__ or "")] == []


async def test_a_client_that_leaves_as_its_answer_begins_is_no_error_of_the_sandbox(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave(_: Fault, request: Any, answer: Any) -> Any:
        request.transport.abort()
        await web.StreamResponse().prepare(request)  # raises: the connection is closing, which nobody was told yet
        return answer

    monkeypatch.setattr("nexevo_async.sandbox.gateway.spoil", leave)
    box.fault(0, "cut_json", route=CHAT)
    assert await raw(box) == b""
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
