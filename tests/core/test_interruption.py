"""Blocks that a callback ends early: what follows goes on, and cancellation by anybody else stays what it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest

from nexevo_async._interruption import Interruption


async def never() -> None:
    await asyncio.get_running_loop().create_future()


async def bare_yields() -> None:
    """Waits, but for no future: what cancels it last decides the message."""
    for _ in range(1000):
        await asyncio.sleep(0)


WAITS = pytest.mark.parametrize("wait", [never, bare_yields])


def current() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None
    return task


def soon(*calls: Callable[[], object]) -> None:
    """Have them called in one tick, in this order."""
    for call in calls:
        asyncio.get_running_loop().call_soon(call)


@WAITS
async def test_an_interrupted_block_ends_and_what_follows_goes_on(wait: Callable[[], Awaitable[None]]) -> None:
    block = Interruption()
    for _ in range(2):
        soon(block.interrupt, block.interrupt)
        with block:
            assert block.possible
            await wait()
        assert not block.possible
        assert current().cancelling() == 0
        await asyncio.sleep(0)


async def test_outside_a_block_there_is_nothing_to_interrupt() -> None:
    block = Interruption()
    soon(block.interrupt)
    await asyncio.sleep(0)
    with block:
        pass
    soon(block.interrupt)
    await asyncio.sleep(0)
    assert current().cancelling() == 0


def test_only_a_task_can_be_interrupted() -> None:
    with pytest.raises(RuntimeError):
        Interruption()


async def test_errors_and_results_of_the_block_pass() -> None:
    block = Interruption()
    with pytest.raises(ZeroDivisionError), block:
        raise ZeroDivisionError

    async def stubborn() -> str:
        try:
            await never()
        except asyncio.CancelledError:
            return "answer"
        raise AssertionError

    soon(block.interrupt)
    with block:
        assert await stubborn() == "answer"

    async def clumsy() -> None:
        try:
            await never()
        finally:
            raise ZeroDivisionError

    soon(block.interrupt)
    with pytest.raises(ZeroDivisionError), block:
        await clumsy()
    assert current().cancelling() == 0


@WAITS
@pytest.mark.parametrize("ours_first", [True, False])
async def test_somebody_who_cancels_in_the_same_tick_is_not_ignored(
    wait: Callable[[], Awaitable[None]], ours_first: bool
) -> None:
    blocks: list[Interruption] = []

    async def work() -> None:
        blocks.append(Interruption())
        with blocks[0]:
            await wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    calls = [blocks[0].interrupt, task.cancel]
    soon(*(calls if ours_first else reversed(calls)))
    await asyncio.wait([task])
    assert task.cancelled()
    assert task.cancelling() == 1


async def test_somebody_who_cancels_while_the_interrupted_block_cleans_up_is_not_ignored() -> None:
    blocks: list[Interruption] = []

    async def work() -> None:
        blocks.append(Interruption())
        with blocks[0]:
            try:
                await never()
            finally:
                await never()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    blocks[0].interrupt()
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@WAITS
@pytest.mark.parametrize("ours_first", [True, False])
async def test_time_limits_around_and_inside_keep_their_meaning(
    wait: Callable[[], Awaitable[None]], ours_first: bool
) -> None:
    """Both want the end in the same tick: the limit inside is the block's affair, the one around it is not ours."""
    block = Interruption()

    def passes(scope: asyncio.Timeout) -> None:
        calls = [block.interrupt, lambda: scope.reschedule(0.0)]
        soon(*(calls if ours_first else reversed(calls)))

    with block:
        try:
            async with asyncio.timeout(60) as inner:
                passes(inner)
                await wait()
        except TimeoutError:
            pass
    assert current().cancelling() == 0

    async def limited() -> None:
        async with asyncio.timeout(60) as outer:
            with block:
                passes(outer)
                await wait()
            await never()

    with pytest.raises(TimeoutError):
        await limited()
    assert current().cancelling() == 0


@WAITS
@pytest.mark.parametrize("ours_first", [True, False])
async def test_a_scope_of_anyio_around_it_is_left_as_it_wishes(
    wait: Callable[[], Awaitable[None]], ours_first: bool
) -> None:
    block = Interruption()
    with anyio.CancelScope() as scope:
        with block:
            calls = [block.interrupt, scope.cancel]
            soon(*(calls if ours_first else reversed(calls)))
            await wait()
        await never()
    assert scope.cancelled_caught
    assert current().cancelling() == 0
