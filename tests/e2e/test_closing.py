"""
A closed client is gone: no task, no thread, no socket, no question to anybody, whatever was under way.

In both worlds (`worlds.py`), but for event loops that follow each other and child processes, which are the portal's
matter there (`tests/sync`).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from nexevo_async import AsyncNexevo, HealthPolicy
from nexevo_async.errors import ClientClosedError, ConfigurationError, NexevoError
from nexevo_async.sandbox import Sandbox
from tests.e2e.load import at_rate, chat, read, states
from tests.e2e.worlds import AsyncWorld, World, one_world


def open_files() -> int | None:
    """How many files this process has open, where the system tells."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else None


class Gone:
    """Close the client inside, quickly, and find nothing of it afterwards."""

    def __init__(self, world: World, client: AsyncNexevo) -> None:
        self.world, self.client = world, client

    async def __aenter__(self) -> None:
        self.running, self.files = self.world.running(), open_files()

    async def __aexit__(self, *_: object) -> None:
        began = time.monotonic()
        await self.client.aclose()
        assert time.monotonic() - began < 0.5
        assert self.world.running() <= self.running
        box = self.world.box
        bases: list[Any] = [0, 1, 2, "discovery"]
        await self.world.until(lambda: not any(box.connections(base) for base in bases))
        arrived = len(box.journal())
        await self.world.sleep(0.3)  # several probe periods
        assert len(box.journal()) == arrived
        assert open_files() == self.files


BUSY = HealthPolicy(probe_period=0.05, probe_bucket=1000, reconnect_base=0.2, eject_base=0.1, links_error_base=0.1)


async def test_closing_while_health_checks_are_under_way(world: World) -> None:
    async with world.sandbox(bases=3) as box:
        client = world.client(health=BUSY)
        async with Gone(world, client):
            box.fault(None, "hang", route="endpoints.health")
            await client.models.get("nexevo/fast")
            await world.until(lambda: sum(box.in_flight(base) for base in range(3)) > 0)


async def test_closing_while_the_next_connection_to_a_dead_base_is_waited_for(world: World) -> None:
    async with world.sandbox(bases=3) as box:
        client = world.client(health=BUSY)
        async with Gone(world, client):
            box.kill(0)
            await client.models.get("nexevo/fast")
            await world.until(lambda: states(client)[box.base_urls[0]] == "ejected")
            await world.sleep(0.3)  # now it is trying, or about to


async def test_closing_while_discovery_is_under_way(world: World) -> None:
    """Whoever waits for its answer is told that the client is closed."""
    async with world.sandbox(bases=3) as box:
        client = world.client(discovery_url=box.discovery_url, health=BUSY)
        async with Gone(world, client):
            box.fault("discovery", "hang")
            await client.models.get("nexevo/fast")
            waiting = world.begin(client.endpoints.refresh)
            await world.until(lambda: box.in_flight("discovery") == 1)
            await client.aclose()
            with pytest.raises(ClientClosedError):
                await waiting


@pytest.mark.parametrize("after", [one_world(0.0), one_world(0.3), 0.55, one_world(0.7)])
async def test_closing_while_reads_leave_a_base_that_hangs(world: World, after: float) -> None:
    """Before, during and after the moment at which they move, every call ends, and knows why."""
    async with world.sandbox(bases=3) as box:
        client = world.client(health=BUSY)
        async with Gone(world, client):
            await at_rate(world, read(client), 100, seconds=0.1)
            box.fault(None, "hang", route="models.get")

            async def close() -> None:
                await world.sleep(after)
                await client.aclose()

            *ends, closed = await world.at_once(*[read(client)] * 50, close)
            assert closed is None
            assert {type(end) for end in ends} == {ClientClosedError}


async def test_closing_under_load_ends_every_call_with_an_answer_or_a_reason(world: World) -> None:
    async with world.sandbox(bases=3) as box:
        client = world.client(health=BUSY)
        async with Gone(world, client):
            box.fault(0, "slow", delay=0.1, probability=0.5)
            box.fault(0, "reset", probability=0.3)
            loads = [
                world.begin(lambda ask=ask: at_rate(world, ask(client), 200, seconds=0.5))  # type: ignore[misc]
                for ask in (read, chat)
            ]
            await world.sleep(0.25)
            await client.aclose()
            for load in loads:
                outcome = await load
                assert len(outcome.seconds) > 10
                assert any(isinstance(failure, ClientClosedError) for failure in outcome.failures)
                assert all(isinstance(failure, NexevoError) for failure in outcome.failures)


@pytest.mark.parametrize(("kind", "options"), [one_world("headers_then_hang", {}), ("trickle", {"delay": 0.05})])
async def test_closing_ends_calls_whose_body_is_still_coming(world: World, kind: str, options: dict[str, Any]) -> None:
    """One base, or several that race: all end at once and say why, reads and what is never repeated."""
    async with world.sandbox(bases=3) as box:
        box.fault(None, kind, **options)
        client = world.client(health=BUSY)
        async with Gone(world, client):

            async def make_key() -> None:
                await client.keys.create("ci")

            calls = [world.begin(read(client)), world.begin(make_key), world.begin(chat(client))]
            await world.until(lambda: sum(map(box.in_flight, range(3))) >= len(calls))
            await world.sleep(0.1)  # their heads are there
            await client.aclose()
            for call in calls:
                with pytest.raises(ClientClosedError):
                    await call


async def test_closing_ends_streams_and_leaves_what_had_arrived(world: World) -> None:
    """Those that are being read, and one that nobody has begun to read."""
    async with world.sandbox(bases=3) as box:
        client = world.client(health=BUSY)
        async with Gone(world, client):
            box.fault(None, "stream_stall", after=3)
            ask: dict[str, Any] = {"model": "nexevo/fast", "messages": [{"role": "user", "content": "x" * 50}]}
            streams = [await client.chat.completions.create(**ask, stream=True) for _ in range(5)]
            unread = await client.chat.completions.create(**ask, stream=True)
            readers = [world.begin(stream.final) for stream in streams]
            await world.until(lambda: all(stream.snapshot().choices for stream in streams))
            await world.sleep(0.1)
            await client.aclose()
            for stream, reader in zip(streams, readers, strict=True):
                with pytest.raises(ClientClosedError):
                    await reader
                assert stream.snapshot().choices[0].message.content
                with pytest.raises(ClientClosedError):  # as often as it is asked
                    await stream.final()
            with pytest.raises(ClientClosedError):
                await unread.final()


@pytest.mark.one_world
async def test_a_stream_of_a_closed_client_gives_out_what_had_arrived_before_it_says_so(world: World) -> None:
    async with world.sandbox(bases=1) as box:
        client = world.client()
        box.fault(None, "stream_stall", after=3)
        ask: dict[str, Any] = {"model": "nexevo/fast", "messages": [{"role": "user", "content": "Hello there"}]}
        one, other = [await client.chat.completions.create(**ask, stream=True) for _ in range(2)]
        await world.until(lambda: box.in_flight(0) == 2)
        await world.sleep(0.1)
        await client.aclose()
        partial = await other.final(allow_partial=True)
        assert partial.choices[0].message.content
        given = []

        async def read_out() -> None:
            async for text in one.text():
                given.append(text)

        with pytest.raises(ClientClosedError, match=r"^chat.completions.create: the client was closed"):
            await read_out()
        assert "".join(given) == partial.choices[0].message.content


async def test_closing_an_idle_client_takes_no_time(world: World) -> None:
    async with world.sandbox(bases=3):
        client = world.client()
        await client.models.get("nexevo/fast")
        began = time.monotonic()
        await client.aclose()
        assert time.monotonic() - began < 0.05


def test_a_client_knows_on_its_second_loop_what_it_learned_on_the_first() -> None:
    with Sandbox(bases=2, rate_limit=None) as box:
        client = AsyncNexevo(box.api_key, base_urls=box.base_urls, health=HealthPolicy(eject_base=60, eject_cap=60))

        async def ask() -> dict[str, str]:
            await client.models.get("nexevo/fast")
            return states(client)

        box.kill(0)
        first, second = asyncio.run(ask()), asyncio.run(ask())
        assert list(first.values()) == list(second.values()) == ["healthy", "ejected"]
        asyncio.run(client.aclose())


def test_a_loop_that_ends_in_the_middle_of_a_test_of_a_base_gives_its_place_back() -> None:
    with Sandbox(bases=2, rate_limit=None) as box:
        client = AsyncNexevo(box.api_key, base_urls=box.base_urls, health=HealthPolicy(eject_base=0.2))
        first, world = box.base_urls[0], AsyncWorld()

        async def leave_in_the_middle() -> asyncio.Task[object]:
            box.kill(0)
            await client.models.get("nexevo/fast")
            box.revive(0)
            await world.until(lambda: states(client)[first] == "probation")
            box.fault(0, "hang")
            call = asyncio.create_task(client.billing.balance())
            await world.until(lambda: box.in_flight(0) == 1)
            return call

        async def test_again() -> str:
            box.clear_faults()
            box.clear_journal()
            await client.models.get("nexevo/fast")
            await client.models.get("nexevo/fast")
            return states(client)[first]

        assert asyncio.run(leave_in_the_middle()).cancelled()
        assert asyncio.run(test_again()) == "held"
        assert {entry.base for entry in box.journal() if entry.route == "models.get"} == {0}
        asyncio.run(client.aclose())


async def test_a_second_loop_at_the_same_time_is_refused_in_words() -> None:
    world = AsyncWorld()
    async with world.sandbox(bases=1), world.client() as client:
        await client.models.get("nexevo/fast")

        def elsewhere() -> None:
            asyncio.run(_get(client))

        with pytest.raises(ConfigurationError, match="one client for each loop"):
            await asyncio.to_thread(elsewhere)
        await client.models.get("nexevo/fast")


async def _get(client: AsyncNexevo) -> None:
    await client.models.get("nexevo/fast")


_FORKING = """
    import asyncio, json, os, sys
    from nexevo_async import AsyncNexevo, HealthPolicy

    client = AsyncNexevo(sys.argv[1], base_urls=sys.argv[2:], health=HealthPolicy(probe_period=0.05, probe_bucket=1000))

    async def ask(times):
        for _ in range(times):
            await client.models.get("nexevo/fast")
            await asyncio.sleep(0.02)
        return [task.get_name().split()[0] for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    async def child():
        running = await ask(5)
        await client.aclose()
        return running

    async def parent():
        await ask(5)
        pid = os.fork()
        if pid == 0:
            try:
                print(json.dumps(["child", asyncio.run(child())]), flush=True)
                os._exit(0)
            finally:
                os._exit(1)
        running = await ask(10)
        _, status = await asyncio.to_thread(os.waitpid, pid, 0)
        print(json.dumps(["parent", running, status]), flush=True)
        await client.aclose()

    asyncio.run(parent())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_process_has_connections_and_health_checks_of_its_own() -> None:
    """Forked in the midst of health checks: both go on, neither disturbs the other, and nothing is printed about it."""
    with Sandbox(bases=2, rate_limit=None) as box:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(_FORKING), box.api_key, *box.base_urls],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.stderr == ""
        child, parent = sorted(json.loads(line) for line in done.stdout.splitlines())
        assert (child[0], parent[0], parent[2]) == ("child", "parent", 0)
        assert "nexevo-background" in child[1]
        assert "nexevo-background" in parent[1]
        answered = [entry.status for entry in box.journal() if entry.route == "models.get" and entry.status is not None]
        assert set(answered) == {200}
        assert len(answered) >= 20
