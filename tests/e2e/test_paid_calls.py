"""
What may cost money or make a second thing, when a base breaks at the worst moment: counted where it arrives.

In both worlds (`worlds.py`).
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from email.utils import formatdate
from typing import Any

import pytest

from nexevo_async import RetryPolicy
from nexevo_async.errors import (
    APIConnectionError,
    InternalServerError,
    NexevoError,
    OutcomeUnknownError,
    RateLimitError,
)
from tests.core.raw_server import Behaviour, Visit
from tests.e2e.load import MESSAGES, arrivals, chat, duplicates
from tests.e2e.worlds import World, one_world

CHAT = "chat.completions.create"
_ANSWER = (
    b'{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}'
)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_ANSWER)


async def answering(visit: Visit) -> None:
    """A good server."""
    while await visit.request():
        visit.send(_HEAD + _ANSWER)


def resetting(*, after: float = 0.0, sending: bytes = b"") -> Behaviour:
    """Take a request, wait, say this much of the answer, and reset."""

    async def behave(visit: Visit) -> None:
        if await visit.request():
            visit.send(sending)
            await asyncio.sleep(after)
            visit.reset()

    return behave


async def posted(
    world: World, first: Behaviour, *, retry: RetryPolicy | None = None
) -> tuple[list[int], NexevoError | None]:
    """One chat with three bases of which the first does this; what arrived at each, and the error."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(world.server(behave)) for behave in (first, answering, answering)]
        client = world.client(api_key="sk-test", base_urls=[server.url for server in servers], retry=retry)
        await stack.enter_async_context(client)
        error = None
        try:
            await client.chat.completions.create(model="m", messages=MESSAGES)
        except NexevoError as raised:
            error = raised
        keys = {line for server in servers for request in server.requests for line in _keys(request)}
        assert len(keys) == 1, "every attempt carries the same idempotency key"
        return [sum(r.startswith(b"POST") for r in server.requests) for server in servers], error


def _keys(request: bytes) -> list[bytes]:
    return [line for line in request.split(b"\r\n") if line.lower().startswith(b"idempotency-key:")]


async def test_a_chat_reset_early_is_sent_once_more_elsewhere(world: World) -> None:
    assert await posted(world, resetting(after=0.2)) == ([1, 1, 0], None)


async def test_a_chat_reset_late_is_not_sent_again(world: World) -> None:
    """Five seconds by default: the older an attempt, the more a duplicate costs."""
    arrived, error = await posted(world, resetting(after=0.2), retry=RetryPolicy(bounded_age=0.1))
    assert arrived == [1, 0, 0]
    assert isinstance(error, APIConnectionError)
    assert (error.delivery, len(error.attempts)) == ("maybe", 1)


async def test_a_chat_whose_repeat_is_forbidden_is_not_sent_again(world: World) -> None:
    arrived, error = await posted(world, resetting(), retry=RetryPolicy(repeat_billable=False))
    assert arrived == [1, 0, 0]
    assert isinstance(error, APIConnectionError)


@pytest.mark.parametrize(
    "sending",
    [_HEAD, _HEAD + _ANSWER[:1], _HEAD + _ANSWER[:-1]],
    ids=["head", "first byte", "all but one byte"],
)
async def test_a_chat_whose_answer_has_begun_is_not_sent_again(world: World, sending: bytes) -> None:
    arrived, error = await posted(world, resetting(after=0.05, sending=sending))
    assert arrived == [1, 0, 0]
    assert isinstance(error, APIConnectionError)


@pytest.mark.parametrize("status", [504, 520, 524])
async def test_a_chat_that_an_edge_gave_up_on_arrives_twice_at_most(world: World, status: int) -> None:
    """The edge says nothing about whether the origin has worked on it: bounded, like a reset."""
    async with world.sandbox(bases=3) as box, world.client() as client:
        box.fault(None, "status", status=status)
        with pytest.raises(InternalServerError):
            await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
        assert arrivals(box, CHAT) == [0, 1]
        assert duplicates(box, CHAT) == 1


@pytest.mark.parametrize("status", [502, 503, 529])
async def test_a_chat_that_a_base_turned_away_goes_from_base_to_base(world: World, status: int) -> None:
    async with world.sandbox(bases=3) as box, world.client() as client:
        for base in (0, 1):
            box.fault(base, "status", status=status)
        await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
        assert arrivals(box, CHAT) == [0, 1, 2]


async def test_chats_reset_in_a_storm_are_sent_again_within_the_allowance_only(world: World) -> None:
    """2 % of paid calls and ten in hand: a base that resets everything does not double the bill."""
    async with world.sandbox(bases=2) as box, world.client() as client:
        box.fault(None, "reset")
        answers = await world.at_once(*[chat(client)] * 100)
        assert all(isinstance(answer, APIConnectionError) for answer in answers)
        assert duplicates(box, CHAT) <= 12


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((kind, {"execute": execute}) for kind in ("reset", "close") for execute in (False, True)),
        one_world("hang", {}),
        ("hang", {"execute": True}),
        *(("status", {"status": status, "execute": True}) for status in (500, 502, 503, 504, 524, 529)),
        one_world("headers_then_hang", {}),
        ("reset_mid", {}),
    ],
)
async def test_what_makes_a_second_thing_arrives_once(world: World, kind: str, options: dict[str, Any]) -> None:
    """A key that may have been made is not made again: the error says so, and where to look."""
    async with world.sandbox(bases=3) as box, world.client() as client:
        box.fault(None, kind, route="keys.create", **options)
        with pytest.raises(OutcomeUnknownError, match=r"keys\.list"):
            await client.keys.create(name="ci", timeout=0.5)
        assert len(arrivals(box, "keys.create")) == 1


async def test_what_was_turned_away_for_the_rate_is_sent_again_and_made_once(world: World) -> None:
    async with world.sandbox(bases=3) as box, world.client() as client:
        box.fault(None, "status", status=429, count=1, headers={"Retry-After": "0"}, route="keys.create")
        await client.keys.create(name="ci")
        assert len(arrivals(box, "keys.create")) == 2
        assert [key.name for key in await client.keys.list()].count("ci") == 1


@pytest.mark.parametrize("execute", [False, True])
@pytest.mark.parametrize("kind", ["reset", "status"])
async def test_a_top_up_is_repeated_at_the_same_base_under_the_same_key_and_charged_once(
    world: World, kind: str, execute: bool
) -> None:
    options: dict[str, object] = {"status": 503, "headers": {"Retry-After": "0"}} if kind == "status" else {}
    async with world.sandbox(bases=3) as box, world.client() as client:
        before = (await client.billing.balance()).amounts["balance_usd"]
        box.fault(None, kind, route="billing.checkout", count=1, execute=execute, **options)
        await client.billing.checkout(amount_usd=10, idempotency_key="topup-2025-01-01-001")
        assert (await client.billing.balance()).amounts["balance_usd"] == before + 10
        once = [entry for entry in box.journal() if entry.route == "billing.checkout"]
        assert [entry.base for entry in once] == [0, 0]
        assert {entry.idempotency_key for entry in once} == {"topup-2025-01-01-001"}

        await client.billing.checkout(amount_usd=10, idempotency_key="topup-2025-01-01-001")
        assert (await client.billing.balance()).amounts["balance_usd"] == before + 10


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("0", 0.0, 0.3),
        one_world("-1", 0.0, 1.3),
        one_world("soon", 0.4, 1.3),
        one_world("", 0.4, 1.3),
        one_world("date", 0.5, 2.3),
        ("0.2", 0.2, 0.5),
    ],
)
async def test_the_wait_that_the_service_asks_for(world: World, asked: str, least: float, most: float) -> None:
    """What is no time to wait leaves it to our own pause of half a second to one second."""
    said = formatdate(time.time() + 2, usegmt=True) if asked == "date" else asked
    async with world.sandbox(bases=1) as box, world.client() as client:
        box.fault(0, "status", status=429, count=1, headers={"Retry-After": said})
        began = time.monotonic()
        await client.models.get("nexevo/fast")
        assert least <= time.monotonic() - began < most


async def test_a_wait_that_nobody_would_want_is_raised_with_its_number(world: World) -> None:
    async with world.sandbox(bases=1) as box, world.client() as client:
        box.fault(0, "status", status=429, headers={"Retry-After": "1000000"})
        began = time.monotonic()
        with pytest.raises(RateLimitError) as caught:
            await client.models.get("nexevo/fast")
        assert time.monotonic() - began < 1.0
        assert caught.value.retry_after == 1_000_000
        assert len(arrivals(box, "models.get")) == 1


def stale(visits: list[int]) -> Behaviour:
    """Answer one request for each connection, and reset it when the next one comes."""

    async def behave(visit: Visit) -> None:
        visits.append(visit.number)
        if await visit.request():
            visit.send(_HEAD + _ANSWER)
            if await visit.request():
                visit.reset()

    return behave


@pytest.mark.parametrize("call", ["read", "chat", "unsafe"])
async def test_a_connection_that_the_server_forgot_while_it_was_idle(world: World, call: str) -> None:
    """Reads go over a fresh connection to the same base, chats elsewhere; a creation says that it may have arrived."""
    visits: list[int] = []
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(world.server(stale(visits)))
        second = await stack.enter_async_context(world.server(answering))
        client = await stack.enter_async_context(world.client(api_key="sk-test", base_urls=[first.url, second.url]))
        await client.request("GET", "/v1/models")
        if call == "unsafe":
            with pytest.raises(OutcomeUnknownError):
                await client.request("POST", "/v1/anything", json={})
        elif call == "chat":
            await client.chat.completions.create(model="m", messages=MESSAGES)
        else:
            await client.request("GET", "/v1/models")
        arrived = {"read": (3, 0), "chat": (2, 1), "unsafe": (2, 0)}
        assert (len(first.requests), len(second.requests)) == arrived[call]
        assert client.endpoints.snapshot()[0].state == "healthy"
