"""One client, many event loops: each has its own connections, and none leaves a word of complaint behind."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from nexevo_async import AsyncNexevo
from nexevo_async._loops import PerLoop
from nexevo_async.errors import ConfigurationError
from nexevo_async.sandbox import Sandbox


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


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(rate_limit=None) as box:
        yield box


@pytest.fixture
def client(box: Sandbox) -> Iterator[AsyncNexevo]:
    """A client that nobody closes; whatever it leaves behind is collected here, where a complaint fails the test."""
    yield AsyncNexevo(box.api_key, base_url=box.base_url)
    gc.collect()


async def use(client: AsyncNexevo) -> list[str]:
    return [model.id for model in await client.models.list()]


def test_asyncio_run_works_twice_and_needs_no_closing(client: AsyncNexevo) -> None:
    assert asyncio.run(use(client)) == asyncio.run(use(client)) != []


def test_a_client_for_each_run_that_is_closed_properly(box: Sandbox) -> None:
    async def main() -> None:
        async with AsyncNexevo(box.api_key, base_url=box.base_url) as client:
            await asyncio.gather(*(use(client) for _ in range(20)))
        assert client.is_closed

    asyncio.run(main())
    asyncio.run(main())
    gc.collect()


def test_a_loop_for_each_test_as_test_runners_make_them(client: AsyncNexevo) -> None:
    for _ in range(3):
        with asyncio.Runner() as runner:
            assert runner.run(use(client))
            assert runner.run(use(client))


def test_two_loops_at_once_get_a_clear_error_and_the_first_one_goes_on(client: AsyncNexevo) -> None:
    async def both() -> None:
        first = await use(client)
        with pytest.raises(ConfigurationError, match="make one client for each loop"):
            await asyncio.to_thread(lambda: asyncio.run(use(client)))
        assert await use(client) == first

    asyncio.run(both())


def test_a_client_that_is_dropped_without_closing_closes_its_connections(box: Sandbox) -> None:
    async def main() -> None:
        await use(AsyncNexevo(box.api_key, base_url=box.base_url))
        gc.collect()
        async with asyncio.timeout(5):
            while box.connections():  # noqa: ASYNC110 - the sandbox lives in another thread
                await asyncio.sleep(0.01)

    asyncio.run(main())


SCRIPT = """
import asyncio, os
from nexevo_async import AsyncNexevo
from nexevo_async.sandbox import Sandbox

async def use(client):
    return [model.id for model in await client.models.list()]

def in_child(work):
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if work() else 1)
        except BaseException:
            os._exit(2)
    return pid

async def wait(pid):
    while (found := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        await asyncio.sleep(0.01)
    assert found[1] == 0, found

def anew():
    asyncio.events._set_running_loop(None)
    return asyncio.run(use(client))

async def forks_inside():
    before = await use(client)
    await wait(in_child(lambda: True))
    assert await use(client) == before, "a child that did nothing"
    await wait(in_child(anew))
    seen = len(box.journal())
    assert await use(client) == before, "a child that used the client"
    assert len(box.journal()) == seen + 1, "nothing was sent twice"

with Sandbox(rate_limit=None) as box:
    client = AsyncNexevo(box.api_key, base_url=box.base_url)
    asyncio.run(forks_inside())
    asyncio.run(wait(in_child(lambda: asyncio.run(use(client)))))
    assert asyncio.run(use(client)), "after a child of a program whose loop had ended"
print("done")
"""


def test_a_program_that_forks_works_and_ends_in_silence() -> None:
    """Every warning is an error there, and nothing is closed: neither parent nor child may complain."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.stderr, done.stdout, done.returncode) == ("", "done\n", 0)


CEREMONY = """
import asyncio
from nexevo_async import AsyncNexevo
from nexevo_async.sandbox import Sandbox

async def use():
    return await client.auth.me()

with Sandbox(rate_limit=None) as box:
    client = AsyncNexevo(box.api_key, base_url=box.base_url)
    for _ in range(3):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(use())
        loop.close()
print("done")
"""


def test_a_loop_that_was_closed_without_ceremony_does_not_spoil_the_next_one() -> None:
    """Old programs just close the loop. asyncio may complain about its task then; the client goes on."""
    done = subprocess.run([sys.executable, "-c", CEREMONY], capture_output=True, text=True, timeout=50, check=False)
    assert (done.stdout, done.returncode) == ("done\n", 0)
    assert "Unclosed" not in done.stderr
    assert "Exception ignored" not in done.stderr
