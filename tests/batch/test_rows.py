"""The iterator that the consumer holds: what happens when it lets go of it."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from nexevo_async import AsyncNexevo
from nexevo_async.batch import Batch

Jobs = Batch[AsyncNexevo]


class Endless:
    """An input without an end, and calls that end only by being cancelled, but for the first."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.closed = False

    def items(self) -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            self.closed = True

    async def call(self, client: AsyncNexevo, item: int) -> int:
        try:
            if item:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return item


async def steps(number: int) -> None:
    """Let everybody else go on, this many times."""
    for _ in range(number):
        await asyncio.sleep(0)


async def cleaned_up(before: set[asyncio.Task[Any]]) -> None:
    async with asyncio.timeout(5):
        while asyncio.all_tasks() != before:  # noqa: ASYNC110 - the set of tasks has no event
            await asyncio.sleep(0)


async def test_a_loop_that_is_left_without_async_with_cleans_up_and_says_where(batch: Jobs) -> None:
    before, endless = asyncio.all_tasks(), Endless()
    with pytest.warns(ResourceWarning, match="a batch job opened at .* was dropped before its end") as seen:  # noqa: PT031
        line = sys._getframe().f_lineno + 1
        async for row in batch.map(endless.items(), call=endless.call, concurrency=4):
            assert row.index == 0
            await steps(20)
            break
        gc.collect()
    assert [(warning.filename, warning.lineno) for warning in seen] == [(__file__, line)]
    await cleaned_up(before)
    assert (endless.cancelled, endless.closed) == (4, True)


async def test_rows_that_are_dropped_by_another_thread_clean_up_on_their_loop(batch: Jobs) -> None:
    before, endless = asyncio.all_tasks(), Endless()
    held = [batch.map(endless.items(), call=endless.call, concurrency=4)]
    await anext(held[0])
    await steps(20)

    def drop() -> None:
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            held.clear()

    worker = threading.Thread(target=drop)
    worker.start()
    worker.join()
    await cleaned_up(before)
    assert (endless.cancelled, endless.closed) == (4, True)


def test_rows_may_be_dropped_after_their_loop_has_gone(batch: Jobs) -> None:
    """The end of the loop has cancelled the calls."""
    endless = Endless()
    held = []

    async def begin() -> None:
        held.append(batch.map(endless.items(), call=endless.call, concurrency=4))
        await anext(held[0])
        await steps(20)

    asyncio.run(begin())
    assert endless.cancelled == 4
    with pytest.warns(ResourceWarning, match="a batch job opened at"):
        held.clear()


@pytest.mark.parametrize("read", [0, 3], ids=["never begun", "read to its end"])
async def test_nothing_is_said_about_rows_that_are_not_open(batch: Jobs, read: int) -> None:
    async def same(client: AsyncNexevo, item: int) -> int:
        return item

    rows = batch.map(range(3), call=same)
    for _ in range(read):
        await anext(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del rows
        gc.collect()


async def test_what_closing_raises_reaches_whoever_closes(batch: Jobs) -> None:
    async def items() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            raise OSError("the input's own")

    async def same(client: AsyncNexevo, item: int) -> int:
        return item

    with pytest.raises(OSError, match="the input's own"):
        async with batch.map(items(), call=same) as rows:
            await anext(rows)


async def test_the_repr_tells_how_far_it_is(batch: Jobs) -> None:
    endless = Endless()
    async with batch.map(endless.items(), call=endless.call) as rows:
        assert repr(rows) == "<BatchRows: 0 handed out, not open>"
        await anext(rows)
        assert repr(rows) == "<BatchRows: 1 handed out, open>"
    assert repr(rows) == "<BatchRows: 1 handed out, not open>"
