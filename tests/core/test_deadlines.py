"""Time limits end a block when they should, leave foreign cancellation alone, and share their timers."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from nexevo_async._deadlines import FAR, Deadline


def far() -> float:
    return time.monotonic() + FAR + 1


def jump(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the running loop believe that it is so much later."""
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "time", lambda: time.monotonic() + seconds)


async def never() -> None:
    await asyncio.get_running_loop().create_future()


async def test_a_block_that_takes_too_long_ends_with_a_timeout() -> None:
    with pytest.raises(TimeoutError), Deadline(time.monotonic() + 0.01):
        await never()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_limit_that_has_passed_already_ends_the_block_at_its_first_wait() -> None:
    with pytest.raises(TimeoutError), Deadline(time.monotonic() - 1):
        await never()


async def test_a_far_limit_ends_the_block_too_at_most_a_second_late(monkeypatch: pytest.MonkeyPatch) -> None:
    for late, passes in ((FAR + 0.95, False), (FAR + 2.01, True)):
        try:
            with Deadline(far()):
                jump(monkeypatch, late)
                await asyncio.sleep(0.02)
                passed = False
        except TimeoutError:
            passed = True
        monkeypatch.undo()
        assert passed is passes


async def test_without_a_limit_there_is_none() -> None:
    with Deadline(None):
        await asyncio.sleep(0)


@pytest.mark.parametrize("until", [far, lambda: time.monotonic() + 1.0])
async def test_a_block_that_ends_in_time_hears_nothing_of_it(monkeypatch: pytest.MonkeyPatch, until: Any) -> None:
    with Deadline(until()):
        await asyncio.sleep(0)
    jump(monkeypatch, FAR + 5)
    await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)


async def test_many_far_limits_share_their_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    timers: list[float] = []
    call_at = loop.call_at

    def counted(when: float, *rest: Any, **named: Any) -> asyncio.TimerHandle:
        timers.append(when)
        return call_at(when, *rest, **named)

    monkeypatch.setattr(loop, "call_at", counted)
    for _ in range(500):
        with Deadline(far()):
            pass
    assert len(timers) <= 2


async def test_cancelling_from_outside_passes_untouched() -> None:
    async def work() -> None:
        with Deadline(far()):
            await never()

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelling_in_the_very_moment_of_the_limit_is_not_swallowed() -> None:
    deadline = Deadline(far())

    async def work() -> None:
        with deadline:
            await never()

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    deadline.expire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_of_two_limits_the_inner_one_ends_its_own_block_only() -> None:
    with Deadline(far()):
        with pytest.raises(TimeoutError), Deadline(time.monotonic() + 0.01):
            await never()
        await asyncio.sleep(0)


async def test_an_error_of_the_block_passes() -> None:
    with pytest.raises(ZeroDivisionError), Deadline(far()):
        raise ZeroDivisionError


def test_each_loop_has_timers_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def passes() -> bool:
        try:
            with Deadline(far()):
                jump(monkeypatch, FAR + 5)
                await asyncio.sleep(0.02)
        except TimeoutError:
            return True
        finally:
            monkeypatch.undo()
        return False

    assert [asyncio.run(passes()) for _ in range(3)] == [True, True, True]
