"""One client, many event loops: each has its own connections, and none leaves a word of complaint behind."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap

import pytest

from nexevo_async._loops import PerLoop


class Thing:
    """Something that belongs to a loop and says what happened to it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.fate = "open"

    async def aclose(self) -> None:
        assert asyncio.get_running_loop() is self.loop
        self.fate = "closed"

    def abandon(self) -> None:
        self.fate = "abandoned"


def test_a_loop_always_gets_the_same_and_another_loop_another() -> None:
    things: PerLoop[Thing] = PerLoop(Thing)

    async def main() -> list[Thing]:
        assert things.peek() is None
        found = [await things.get(), await things.get(), *await asyncio.gather(things.get(), things.get())]
        assert things.peek() is found[0]
        return found

    first, second = asyncio.run(main()), asyncio.run(main())
    assert len(set(map(id, first))) == len(set(map(id, second))) == 1
    assert first[0] is not second[0]


def test_what_belongs_to_a_loop_is_closed_with_it() -> None:
    things: PerLoop[Thing] = PerLoop(Thing)
    thing = asyncio.run(things.get())
    assert thing.fate == "closed"


def test_closing_concerns_the_running_loop_alone() -> None:
    things: PerLoop[Thing] = PerLoop(Thing)
    other = asyncio.new_event_loop()
    theirs = other.run_until_complete(things.get())

    async def main() -> Thing:
        ours = await things.get()
        await things.aclose()
        await things.aclose()
        assert things.peek() is None
        return ours

    assert asyncio.run(main()).fate == "closed"
    assert theirs.fate == "open"
    other.run_until_complete(other.shutdown_asyncgens())
    other.close()
    assert theirs.fate == "closed"


def test_what_belongs_to_a_loop_that_was_simply_closed_is_abandoned_when_the_next_one_comes() -> None:
    things: PerLoop[Thing] = PerLoop(Thing)
    loop = asyncio.new_event_loop()
    thing = loop.run_until_complete(things.get())
    loop.close()
    assert thing.fate == "open"
    asyncio.run(things.get())
    assert thing.fate == "abandoned"


def test_a_thing_whose_owner_is_dropped_is_closed() -> None:
    async def main() -> Thing:
        thing = await PerLoop(Thing).get()
        gc.collect()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return thing

    assert asyncio.run(main()).fate == "closed"


SERVER = """
import asyncio, gc, os, sys, threading, warnings
from nexevo_async import AsyncNexevo
from nexevo_async.sandbox import Sandbox

async def use(client):
    return [model.id for model in await client.models.list()]

def new_client(box):
    return AsyncNexevo(box.api_key, base_url=box.base_url)
"""


def run_script(body: str) -> str:
    """Run a program of a user's with every warning an error; what it prints, which must hold no complaint."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", SERVER + textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.strip()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            """
            with Sandbox(rate_limit=None) as box:
                client = new_client(box)
                first, second = asyncio.run(use(client)), asyncio.run(use(client))
                assert first == second and first
            """,
            id="asyncio.run twice, never closed",
        ),
        pytest.param(
            """
            async def main(box):
                async with new_client(box) as client:
                    await asyncio.gather(*(use(client) for _ in range(20)))
                assert client.is_closed
            with Sandbox(rate_limit=None) as box:
                asyncio.run(main(box))
                asyncio.run(main(box))
            """,
            id="closed properly",
        ),
        pytest.param(
            """
            with Sandbox(rate_limit=None) as box:
                client = new_client(box)
                for _ in range(3):
                    loop = asyncio.new_event_loop()
                    loop.run_until_complete(use(client))
                    loop.run_until_complete(loop.shutdown_asyncgens())
                    loop.close()
            """,
            id="a loop for each test",
        ),
        pytest.param(
            """
            async def main(box):
                client = new_client(box)
                await use(client)
                del client
                gc.collect()
                await asyncio.sleep(0.05)
            with Sandbox(rate_limit=None) as box:
                asyncio.run(main(box))
            """,
            id="dropped without closing",
        ),
        pytest.param(
            """
            with Sandbox(rate_limit=None) as box:
                client = new_client(box)
                async def both():
                    await use(client)
                    await asyncio.to_thread(lambda: asyncio.run(use(client)))
                    await use(client)
                asyncio.run(both())
            """,
            id="two loops at once",
        ),
        pytest.param(
            """
            with Sandbox(rate_limit=None) as box:
                client = new_client(box)
                async def main():
                    before = await use(client)
                    pid = os.fork()
                    if pid == 0:
                        os._exit(0)
                    assert os.waitpid(pid, 0)[1] == 0
                    assert await use(client) == before
                asyncio.run(main())
            """,
            id="a child that does nothing leaves the parent's connections alone",
        ),
        pytest.param(
            """
            with Sandbox(rate_limit=None) as box:
                client = new_client(box)
                asyncio.run(use(client))
                pid = os.fork()
                if pid == 0:
                    try:
                        ok = bool(asyncio.run(use(client)))
                    except BaseException:
                        ok = False
                    os._exit(0 if ok else 1)
                assert os.waitpid(pid, 0)[1] == 0
                assert asyncio.run(use(client))
            """,
            id="a child that uses the client",
        ),
        pytest.param(
            """
            with Sandbox(rate_limit=None) as box:
                client = new_client(box)
                async def main():
                    await use(client)
                    pid = os.fork()
                    if pid == 0:
                        asyncio.events._set_running_loop(None)
                        try:
                            ok = bool(asyncio.run(use(client)))
                        except BaseException:
                            ok = False
                        os._exit(0 if ok else 1)
                    while os.waitpid(pid, os.WNOHANG) == (0, 0):
                        await asyncio.sleep(0.01)
                    journal = box.journal()
                    assert await use(client)
                    assert len(box.journal()) == len(journal) + 1
                asyncio.run(main())
            """,
            id="a child forked from inside the loop",
        ),
    ],
)
def test_programs_of_users_work_and_end_in_silence(body: str) -> None:
    run_script(body)


def test_a_loop_that_was_closed_without_ceremony_does_not_spoil_the_next_one() -> None:
    """Old-style programs close the loop and nothing else; asyncio itself may complain then, but the client goes on."""
    script = """
    with Sandbox(rate_limit=None) as box:
        client = new_client(box)
        for _ in range(3):
            loop = asyncio.new_event_loop()
            assert loop.run_until_complete(use(client))
            loop.close()
    print("done")
    """
    done = subprocess.run(
        [sys.executable, "-c", SERVER + textwrap.dedent(script)], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.stdout.strip() == "done"
    assert "Unclosed" not in done.stderr
