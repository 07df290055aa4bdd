"""The pool of connections: who serves next, who is let go, and what closing leaves behind."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from typing import Any

import aiohttp
import pytest
from yarl import URL

from nexevo_async import _connector
from nexevo_async.errors import ConfigurationError
from tests.core.raw_server import OK, RawServer, Visit, answer_all
from tests.core.sending import a_sender, attempt


class Counting:
    """A server that notes which connection brought which request, and answers when it is told to."""

    def __init__(self) -> None:
        self.visits: list[int] = []
        self.go = asyncio.Event()
        self.go.set()

    async def behave(self, visit: Visit) -> None:
        number = visit.server.connections
        while await visit.request():
            self.visits.append(number)
            await self.go.wait()
            visit.send(OK)

    async def seen(self, count: int) -> None:
        while len(self.visits) < count:  # noqa: ASYNC110 - a count
            await asyncio.sleep(0.002)


async def test_the_newest_idle_connection_serves_and_the_others_come_of_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connector, "IDLE_SECONDS", 0.2)
    counting = Counting()
    counting.go.clear()
    async with RawServer(counting.behave) as server, a_sender() as sender:
        together = [asyncio.create_task(attempt(sender, server.url)) for _ in range(3)]
        await counting.seen(3)
        counting.go.set()
        await asyncio.gather(*together)
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            await attempt(sender, server.url)
            await asyncio.sleep(0.01)
        assert len(set(counting.visits[3:])) == 1
        assert server.open == 1  # two were idle for too long
        assert server.connections == 3


async def test_without_any_load_every_connection_comes_of_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connector, "IDLE_SECONDS", 0.1)
    delays = iter([0.0, 0.05])

    async def behave(visit: Visit) -> None:
        await visit.request()
        await asyncio.sleep(next(delays))
        visit.send(OK)
        await visit.hang()

    async with RawServer(behave) as server, a_sender() as sender:
        await asyncio.gather(attempt(sender, server.url), attempt(sender, server.url))
        assert server.open == 2
        await server.all_left()


async def test_a_connection_that_was_idle_for_too_long_is_not_used_though_nobody_closed_it_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with RawServer(answer_all) as server, a_sender() as sender:
        await attempt(sender, server.url)
        monkeypatch.setattr(_connector, "IDLE_SECONDS", 0.0)  # its timer was set for five seconds
        await asyncio.sleep(0.01)
        await attempt(sender, server.url)
        assert (server.connections, len(server.requests)) == (2, 2)


async def test_who_waits_for_a_turn_to_connect_takes_what_has_become_free_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_connector, "CONNECTING", 1)
    genuine, connecting = _connector.Connector._create_connection, asyncio.Event()

    async def slow(*args: Any) -> Any:
        await connecting.wait()
        return await genuine(*args)

    counting = Counting()
    counting.go.clear()
    async with RawServer(counting.behave) as server, a_sender() as sender:
        first = asyncio.create_task(attempt(sender, server.url))
        await counting.seen(1)
        monkeypatch.setattr(_connector.Connector, "_create_connection", slow)
        others = [asyncio.create_task(attempt(sender, server.url)) for _ in range(2)]
        await asyncio.sleep(0.01)
        counting.go.set()
        await first
        connecting.set()
        await asyncio.gather(*others)
        assert server.connections == 2  # the third call took that of the first


async def test_a_connection_that_was_being_made_when_others_were_dropped_serves_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name may have led somewhere else when it began."""
    genuine, connecting = _connector.Connector._create_connection, asyncio.Event()

    async def slow(*args: Any) -> Any:
        await connecting.wait()
        return await genuine(*args)

    monkeypatch.setattr(_connector.Connector, "_create_connection", slow)
    async with RawServer(answer_all) as server, a_sender() as sender:
        first = asyncio.create_task(attempt(sender, server.url))
        await asyncio.sleep(0.01)
        sender.drop_idle(server.url)
        connecting.set()
        await first
        await attempt(sender, server.url)
        await attempt(sender, server.url)
        assert (server.connections, len(server.requests)) == (2, 3)


@pytest.mark.parametrize("moment", ["on_connection_create_end", "on_connection_reuseconn"])
async def test_a_trace_that_fails_is_no_fault_of_an_endpoint_and_leaves_no_connection(
    monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    genuine = aiohttp.ClientSession.__init__

    async def fails(*_: object) -> None:
        raise ValueError("a mistake in the trace")

    def init(self: Any, *rest: Any, **named: Any) -> None:
        trace = aiohttp.TraceConfig()
        getattr(trace, moment).append(fails)
        genuine(self, *rest, trace_configs=[trace], **named)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", init)
    async with RawServer(answer_all) as server, a_sender() as sender:
        if moment == "on_connection_reuseconn":
            await attempt(sender, server.url)
        requests = len(server.requests)
        with pytest.raises(ConfigurationError, match="a mistake in the trace"):
            await attempt(sender, server.url)
        await server.all_left()
        assert len(server.requests) == requests


async def test_closing_waits_until_every_connection_is_closed() -> None:
    counting = Counting()
    counting.go.clear()
    async with RawServer(counting.behave) as server, a_sender() as sender:
        waiting = [asyncio.create_task(attempt(sender, server.url)) for _ in range(2)]
        await counting.seen(2)
        session = sender._sessions.peek()
        assert session is not None
        assert session._connector is not None
        made = list(session._connector._made)
        assert len(made) == 2
        await sender.aclose()
        counting.go.set()
        assert [connection.transport for connection in made] == [None, None]
        await asyncio.gather(*waiting, return_exceptions=True)
        await server.all_left()


async def test_its_timer_does_not_keep_a_forgotten_connector_alive() -> None:
    connector = _connector.Connector()
    async with RawServer(answer_all) as server:
        request = aiohttp.ClientRequest("GET", URL(server.url), loop=asyncio.get_running_loop())
        connection = await connector.connect(request, [], aiohttp.ClientTimeout(total=None))
        connection.release()
        reference = weakref.ref(connector)
        del connector, connection, request
        gc.collect()
        assert reference() is None
        await server.all_left()
