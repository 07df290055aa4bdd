"""
The loss of a base URL, seen from the user: nothing fails that need not, nothing is sent twice that must not be.

In both worlds (`worlds.py`), but for an event loop that is blocked, and for a thousand calls that wait at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import pytest

from nexevo_async import AsyncNexevo, HealthPolicy, RetryPolicy
from nexevo_async.errors import APIStatusError, NexevoError, StreamTruncatedError
from nexevo_async.sandbox import Sandbox
from tests.e2e.load import MESSAGES, arrivals, at_rate, chat, duplicates, read, states
from tests.e2e.worlds import AsyncWorld, World, one_world

CHAT, READ = "chat.completions.create", "models.get"
FAULTS: dict[str, dict[str, Any]] = {"refuse": {}, "status": {"status": 503}, "reset": {}, "hang": {}}


async def warmed(world: World, **options: Any) -> AsyncNexevo:
    """A client that knows how long reads and chats usually take."""
    client = world.client(**options)
    await at_rate(world, read(client), 100, seconds=0.2)
    await at_rate(world, chat(client), 100, seconds=0.2)
    world.box.clear_journal()
    return client


async def taken_out(box: Sandbox, base: int, client: AsyncNexevo) -> None:
    """Kill a base, and let the client find out."""
    box.kill(base)
    once = client.with_options(max_retries=0)
    while states(client)[box.base_urls[base]] != "ejected":
        with contextlib.suppress(NexevoError):
            await once.models.get("nexevo/fast")


@pytest.mark.parametrize("kind", ["refuse", one_world("status"), one_world("reset"), one_world("hang")])
async def test_no_read_fails_when_one_of_three_bases_does(world: World, kind: str) -> None:
    async with world.sandbox(bases=3) as box, await warmed(world) as client:
        box.fault(0, kind, **FAULTS[kind])
        outcome = await at_rate(world, read(client), 100, seconds=1.0)

        assert outcome.failures == []
        assert outcome.slowest(0.5) < 0.25
        assert states(client)[box.base_urls[0]] in ("ejected", "suspect")


@pytest.mark.parametrize("kind", [one_world("refuse"), one_world("status"), "reset"])
async def test_no_chat_fails_when_one_of_three_bases_does(world: World, kind: str) -> None:
    """A chat that was reset on its way may be sent once more, elsewhere: as many as were in flight at that moment."""
    async with world.sandbox(bases=3) as box, await warmed(world) as client:
        box.fault(0, kind, **FAULTS[kind])
        outcome = await at_rate(world, chat(client), 100, seconds=0.7)

        assert outcome.failures == []
        assert outcome.slowest(0.8) < 0.25
        refused_or_broken = [entry for entry in box.journal() if entry.fault and entry.route == CHAT]
        assert duplicates(box, CHAT) == len(refused_or_broken) <= 5


@pytest.mark.parametrize("health", [one_world("hangs too"), "says healthy"])
async def test_of_chats_only_those_sent_before_it_is_noticed_are_lost_to_a_base_that_hangs(
    world: World, health: str
) -> None:
    """They are never sent again. A health check that says `healthy` all the while changes nothing about it."""
    async with world.sandbox(bases=3) as box, await warmed(world) as client:
        box.fault(0, "hang", route=None if health == "hangs too" else CHAT)
        outcome = await at_rate(world, chat(client, timeout=1.5), 100, seconds=1.3)

        assert 1 <= len(outcome.failures) <= 90  # 0.5 s of silence, and one look; one or two that tested it later
        assert duplicates(box, CHAT) == 0
        assert outcome.slowest(0.8) < 0.25
        assert arrivals(box, CHAT)[-1] == 1


async def test_updates_leave_a_base_that_hangs_without_the_help_of_reads(world: World) -> None:
    """Those that wait there are not moved: they may be done yet."""
    async with world.sandbox(bases=2) as box, await warmed(world) as client:
        box.fault(0, "hang", route="auth.update_profile")
        outcome = await at_rate(world, lambda: client.auth.update_profile(full_name="x", timeout=3.0), 20, seconds=3.0)
        assert 1 <= len(outcome.failures) <= 50
        assert len(outcome.seconds) >= 10
        assert duplicates(box, "auth.update_profile") == 0


async def test_reads_leave_a_base_that_hangs_although_it_says_healthy(world: World) -> None:
    async with world.sandbox(bases=3) as box, await warmed(world) as client:
        box.fault(0, "hang", route=READ)
        outcome = await at_rate(world, read(client), 100, seconds=1.2)

        assert outcome.failures == []
        assert outcome.slowest(0.5) < 0.25
        assert max(outcome.seconds) < 3.0
        assert arrivals(box, READ).count(0) <= 80


@pytest.mark.parametrize("kind", [one_world("refuse"), "status", one_world("reset")])
async def test_an_outage_of_everything_costs_hardly_more_attempts_and_ends_with_the_first_repair(
    world: World, kind: str
) -> None:
    async with world.sandbox(bases=3) as box, await warmed(world) as client:
        faults = [box.fault(base, kind, **FAULTS[kind]) for base in range(3)]
        load = world.begin(lambda: at_rate(world, read(client), 200, seconds=1.5))
        await world.sleep(1.0)
        faults[2].clear()
        repaired = time.monotonic()
        outcome = await load

    attempts = [len(failure.attempts) for failure in outcome.failures]
    assert len(attempts) > 50
    assert sum(attempts) - len(attempts) <= 16 + 0.1 * len(attempts)  # 1.2 for each call, from 160 calls on
    assert min(began for began in outcome.began if began > repaired - 0.1) - repaired < 1.0


@pytest.mark.parametrize("ask", [read, chat])
async def test_a_thousand_calls_that_wait_for_a_repair_get_through_without_a_storm(ask: Any) -> None:
    """Every base was taken out on its own, is tried by as many calls as panic allows, and comes back to a crowd."""
    world = AsyncWorld()
    policy = HealthPolicy(local_fault_window=1e-6, eject_base=60.0, eject_cap=60.0, panic_wait=5.0)
    async with world.sandbox(bases=3) as box, await warmed(world, health=policy) as client:
        for base in range(3):
            await taken_out(box, base, client)
        assert list(states(client).values()) == ["ejected"] * 3
        for base in range(3):
            box.revive(base)
        held_up = box.fault(None, "slow", delay=0.5)
        box.clear_journal()
        load = asyncio.create_task(at_rate(world, ask(client), 5000, seconds=0.2))
        await asyncio.sleep(0.4)
        assert max(box.in_flight(base) for base in range(3)) <= policy.panic_inflight
        held_up.clear()
        outcome = await load

        assert (outcome.failures, len(outcome.seconds)) == ([], 1000)
        assert len(arrivals(box, CHAT) + arrivals(box, READ)) <= 1200


async def test_a_base_on_probation_meets_one_call_at_a_time_out_of_a_crowd(world: World) -> None:
    policy = HealthPolicy(eject_base=0.4, probe_period=None, reconnect_base=60.0)
    async with world.sandbox(bases=3) as box, await warmed(world, health=policy) as client:
        fault = box.fault(0, "status", status=503)
        await at_rate(world, read(client), 100, seconds=0.1)
        while states(client)[box.base_urls[0]] != "ejected":
            await client.models.get("nexevo/fast")
            await world.sleep(0.05)
        fault.clear()
        box.fault(0, "slow", delay=0.2)
        await world.until(lambda: states(client)[box.base_urls[0]] == "probation")
        box.clear_journal()

        most = 0
        load = world.begin(lambda: at_rate(world, read(client), world.many, seconds=0.5))
        while not load.done():
            if states(client)[box.base_urls[0]] == "probation":
                most = max(most, box.in_flight(0))
            await world.sleep(0.005)
        assert (await load).failures == []
        assert most == 1


@pytest.mark.parametrize("end", [one_world("cancel"), "404", one_world("429"), one_world("timeout")])
async def test_the_one_place_on_probation_is_given_back(world: World, end: str) -> None:
    """However its call ends, the next one may test the base."""
    policy = HealthPolicy(eject_base=0.2, probe_period=None)
    async with world.sandbox(bases=2) as box, await warmed(world, health=policy) as client:
        client = client.with_options(retry=RetryPolicy(hedge=False, max_attempts=1))
        await taken_out(box, 0, client)
        box.revive(0)
        await world.until(lambda: states(client)[box.base_urls[0]] == "probation")
        box.clear_journal()

        kind = {"cancel": "hang", "timeout": "hang", "404": "status", "429": "status"}[end]
        box.fault(0, kind, count=1, **({"status": int(end)} if kind == "status" else {}))
        once = client
        call = world.begin(lambda: once.billing.balance(timeout=0.3))
        if isinstance(call, asyncio.Task) and end == "cancel":
            await world.until(lambda: box.in_flight(0) == 1)
            call.cancel()
        with pytest.raises((NexevoError, asyncio.CancelledError)):
            await call
        assert arrivals(box, "billing.balance") == [0]

        await world.until(lambda: states(client)[box.base_urls[0]] == "probation")
        await client.models.get("nexevo/fast")
        assert arrivals(box, READ) == [0]


async def test_a_blocked_loop_is_not_held_against_anybody() -> None:
    """Two seconds during which nothing was read: every answer lies there unread, and no base is to blame."""
    world = AsyncWorld()
    with Sandbox(bases=3, rate_limit=None) as world.box:  # on a thread of its own: it answers meanwhile
        box = world.box
        async with await warmed(world) as client:
            box.fault(None, "slow", delay=0.02)

            async def block() -> None:
                for seconds in (0.2, 0.2, 2.0):
                    await asyncio.sleep(0.1)
                    time.sleep(seconds)  # noqa: ASYNC251 - the mistake that is to be survived

            blocking = asyncio.create_task(block())
            reads, chats = await asyncio.gather(
                at_rate(world, read(client), 50, seconds=2.6), at_rate(world, chat(client), 50, seconds=2.6)
            )
            await blocking

            assert (reads.failures, chats.failures) == ([], [])
            assert "ejected" not in states(client).values()


async def test_everything_unreachable_at_once_ejects_nobody(world: World) -> None:
    """Then it is our own network, and the moment it is back everything goes on as before."""
    async with world.sandbox(bases=3) as box, await warmed(world) as client:
        for base in range(3):
            box.kill(base)
        outcome = await at_rate(world, read(client), 50, seconds=0.6)
        assert len(outcome.failures) == 30
        assert "ejected" not in states(client).values()

        for base in range(3):
            box.revive(base)
        assert (await at_rate(world, read(client), 50, seconds=0.2)).failures == []


async def test_a_base_comes_back_as_a_spare_and_then_to_its_place(world: World) -> None:
    policy = HealthPolicy(eject_base=0.3, reconnect_base=0.1, failback_hold=0.5)
    async with world.sandbox(bases=3) as box, await warmed(world, health=policy) as client:
        box.kill(0)
        await at_rate(world, chat(client), 50, seconds=0.3)
        assert states(client)[box.base_urls[0]] == "ejected"

        box.revive(0)
        box.clear_journal()
        load = world.begin(lambda: at_rate(world, chat(client), 50, seconds=2.0))
        await world.until(lambda: states(client)[box.base_urls[0]] == "held", seconds=2)
        await world.until(lambda: states(client)[box.base_urls[0]] == "healthy", seconds=2)
        assert (await load).failures == []
        assert arrivals(box, CHAT)[-1] == 0


async def test_answers_about_the_call_itself_change_nothing_about_the_base(world: World) -> None:
    async with world.sandbox(bases=2) as box, await warmed(world) as client:
        for status in (400, 401, 402, 403, 404, 409, 413, 422):
            box.fault(0, "status", status=status, count=3)
            for _ in range(3):
                with pytest.raises(APIStatusError):
                    await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
        assert states(client)[box.base_urls[0]] == "healthy"
        assert set(arrivals(box, CHAT)) == {0}


@pytest.mark.parametrize("status", [one_world(401), one_world(403), one_world(404), 429])
async def test_a_health_check_that_is_turned_away_tells_nothing_however_long_the_answer(
    world: World, status: int
) -> None:
    """More clients behind one address mean a health route that is rate-limited, not bases that are down."""
    policy = HealthPolicy(probe_period=0.05, probe_jitter=0.0, probe_bucket=100)
    async with world.sandbox(bases=2) as box, await warmed(world, health=policy) as client:
        box.fault(
            None, "status", status=status, body={"error": {"message": "Not now. " * 50}}, route="endpoints.health"
        )
        box.clear_journal()
        await world.until(lambda: len(arrivals(box, "endpoints.health")) > 6)
        assert set(states(client).values()) <= {"healthy", "unknown"}
        assert states(client)[box.base_urls[0]] == "healthy"


@pytest.mark.parametrize("kind", ["stream_reset", "stream_cut"])
async def test_streams_that_end_too_early_send_the_next_ones_elsewhere(world: World, kind: str) -> None:
    """A stream that has begun is never sent again, but what happened to it is remembered."""
    async with world.sandbox(bases=3) as box, await warmed(world) as client:
        box.fault(0, kind)
        broken = 0
        for _ in range(20):
            async with client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as stream:
                try:
                    await stream.final()
                except StreamTruncatedError:
                    broken += 1
        assert 1 <= broken <= 5
        assert duplicates(box, CHAT) == 0
        assert states(client)[box.base_urls[0]] in ("suspect", "ejected")
