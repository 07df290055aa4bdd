"""The host task: ticks, jobs beside them, and an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest

from nexevo_async._host import Host


class Owner:
    """Ticks as told, and counts."""

    def __init__(self, delay: float = 60.0) -> None:
        self.delay = delay
        self.ticks = 0
        self.ticked = asyncio.Event()
        self.failures = 0

    def tick(self, host: Host) -> float:
        self.ticks += 1
        self.ticked.set()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("a mistake of ours")
        return self.delay


def a_host(owner: Owner) -> Host:
    return Host(owner, asyncio.get_running_loop())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


def ours() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("nexevo")]


async def test_it_ticks_when_it_said_and_when_it_is_nudged() -> None:
    owner = Owner(delay=0.001)
    host = a_host(owner)
    await until(lambda: owner.ticks >= 3)
    owner.delay = 60.0
    await asyncio.sleep(0.01)
    before = owner.ticks
    host.nudge()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert owner.ticks == before + 1
    await host.aclose()
    assert host.is_over
    assert ours() == []


async def test_a_tick_that_fails_is_logged_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    owner = Owner()
    owner.failures = 1
    host = a_host(owner)
    await owner.ticked.wait()
    host.nudge()
    await until(lambda: owner.ticks >= 2)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    await host.aclose()


async def test_a_job_of_one_name_runs_once_at_a_time_and_everybody_gets_its_end() -> None:
    owner, runs, go = Owner(), [], asyncio.Event()
    host = a_host(owner)

    async def job() -> None:
        runs.append(1)
        await go.wait()

    ends = [host.once("nexevo-x", job) for _ in range(100)]
    await asyncio.sleep(0.01)
    go.set()
    await asyncio.gather(*ends)
    assert len(runs) == 1
    await host.once("nexevo-x", job)
    assert len(runs) == 2
    await host.aclose()


async def test_a_failure_goes_to_whoever_waits_and_otherwise_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    owner = Owner()
    host = a_host(owner)

    async def job() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await host.once("nexevo-x", job)
    host.once("nexevo-x", job)
    await asyncio.sleep(0.01)
    gc.collect()
    assert caplog.records == []
    await host.start("nexevo-x", job)
    assert [record.exc_info is not None for record in caplog.records] == [True]
    await host.aclose()


async def test_closing_ends_what_is_under_way_and_what_has_not_begun() -> None:
    owner, ended = Owner(), []
    host = a_host(owner)

    async def job() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    running = host.once("nexevo-x", job)
    await asyncio.sleep(0.01)
    waiting = host.once("nexevo-y", job)
    await host.aclose()
    assert (running.cancelled(), waiting.cancelled(), ended) == (True, True, [1])
    assert host.closing.is_set()
    assert ours() == []
    await host.aclose()
    assert host.once("nexevo-x", job).cancelled()  # nobody would ever do it


async def test_a_job_that_was_cancelled_before_it_began_is_over_too() -> None:
    owner = Owner()
    host = a_host(owner)
    await owner.ticked.wait()

    async def job() -> None:
        raise AssertionError("it has never begun")

    done = host.once("nexevo-x", job)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if task.get_name().startswith("nexevo"):
            task.cancel()
    await until(done.cancelled)
    assert host.is_over


async def test_it_ends_when_its_owner_is_dropped() -> None:
    owner = Owner()
    host = a_host(owner)
    await owner.ticked.wait()
    gone = weakref.ref(owner)
    del owner
    await until(lambda: host.is_over)
    assert gone() is None


def test_a_loop_that_is_gone_is_left_in_peace() -> None:
    loop = asyncio.new_event_loop()
    owner = Owner()
    hosts: list[Host] = []

    async def start() -> None:
        hosts.append(a_host(owner))
        await asyncio.sleep(0)

    loop.run_until_complete(start())
    hosts[0].cancel()
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    asyncio.run(hosts[0].aclose())
    hosts[0].cancel()


def test_closing_from_another_loop_asks_it_to_end() -> None:
    loop = asyncio.new_event_loop()
    owner = Owner()

    async def start() -> Host:
        host = a_host(owner)
        await asyncio.sleep(0)
        return host

    host = loop.run_until_complete(start())
    asyncio.run(host.aclose())
    loop.run_until_complete(asyncio.sleep(0.01))
    assert host.is_over
    loop.close()
