"""
Many calls at once against the sandbox: none fails, and nothing is left behind whatever happens to them.

The first test runs in both worlds (`worlds.py`). Cancelling tasks and changing the event loop are asyncio's alone; what
takes their place with threads is Ctrl-C (`tests/sync/test_portal_processes.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random

import pytest

from nexevo_async import AsyncNexevo, Timeout
from nexevo_async.sandbox import Sandbox
from tests.e2e.load import MESSAGES
from tests.e2e.worlds import AsyncWorld, World


async def _settled(world: World) -> tuple[int, int]:
    """Requests in flight and connections at the sandbox, once it has noticed who left."""
    box = world.box
    with contextlib.suppress(TimeoutError):
        await world.until(lambda: box.in_flight(0) == box.connections(0) == 0)
    return box.in_flight(0), box.connections(0)


async def test_a_crowd_of_chats_at_once_all_succeed(world: World) -> None:
    """No time limit counts the time a call spends in our own queue."""
    async with world.sandbox(bases=1) as box:
        async with world.client() as client:

            async def chat(number: int) -> str:
                messages = [{"role": "user", "content": f"number {number}."}]
                answer = await client.chat.completions.create(model="nexevo/fast", messages=messages)
                return answer.choices[0].message.content or ""

            answers = await world.at_once(*(functools.partial(chat, number) for number in range(world.many)))
        assert [f"number {number}." in answer for number, answer in enumerate(answers)] == [True] * world.many
        arrived = [entry.idempotency_key for entry in box.journal() if entry.route == "chat.completions.create"]
        assert (len(arrived), len(set(arrived))) == (world.many, world.many)
        assert await _settled(world) == (0, 0)


@pytest.mark.parametrize("seed", [1, 2])
async def test_cancelling_a_thousand_calls_leaves_nothing_behind(seed: int) -> None:
    """Calls and streams cancelled at random moments give back connection, pool slot and task."""
    chance = random.Random(seed)
    world = AsyncWorld()
    async with world.sandbox(bases=1, token_delay=0.005):
        async with world.client(max_connections=50) as client:

            async def chat() -> None:
                await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)

            async def stream() -> None:
                async with client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as chunks:
                    async for _ in chunks:
                        pass

            tasks = [asyncio.create_task(chance.choice((chat, stream))()) for _ in range(1000)]
            chance.shuffle(tasks)
            for task in tasks:
                if chance.random() < 0.05:
                    await asyncio.sleep(chance.random() * 0.01)
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

            # Every slot is free again: as many calls as there are connections run at once without waiting for one.
            at_once = client.with_options(timeout=Timeout(total=30, pool=20))
            await asyncio.gather(
                *(at_once.chat.completions.create(model="nexevo/fast", messages=MESSAGES) for _ in range(100))
            )
        assert await _settled(world) == (0, 0)


async def test_a_client_serves_two_loops_one_after_the_other() -> None:
    """What is bound to a loop is made anew on the next one, and nothing is printed about the old one."""
    with Sandbox(rate_limit=None) as box:
        client = AsyncNexevo(box.api_key, base_url=box.base_url)

        async def ask() -> int:
            return len(await client.models.list())

        counts = [await asyncio.to_thread(lambda: asyncio.run(ask())) for _ in range(3)]
        assert counts[0] > 0
        assert counts == [counts[0]] * 3
        await client.aclose()
