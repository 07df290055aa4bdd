"""The work behind the rows: each row once, bounds, what ends a job, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import random
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from nexevo_async import AsyncNexevo, AuthenticationError, BadRequestError, ClientClosedError, QuotaExceededError
from nexevo_async._messages import Attempt
from nexevo_async.batch import Batch, BatchRow
from nexevo_async.models import Usage

QUOTA = QuotaExceededError("the quota is used up", status=429)
Jobs = Batch[AsyncNexevo]


async def indexes(rows: AsyncIterator[BatchRow[Any, Any]], into: list[int] | None = None) -> list[int]:
    """The indexes of all rows, in the order they come; `into` keeps those that came before an error."""
    found = [] if into is None else into
    async for row in rows:
        found.append(row.index)
    return found


async def steps(number: int) -> None:
    """Let everybody else go on, this many times."""
    for _ in range(number):
        await asyncio.sleep(0)


async def in_time(items: Iterable[int]) -> AsyncIterator[int]:
    """The same items, each a moment later."""
    for item in items:
        await asyncio.sleep(0)
        yield item


KINDS: dict[str, Callable[[Iterable[int]], Any]] = {"list": list, "generator": iter, "async": in_time}
each_kind = pytest.mark.parametrize("kind", KINDS)
either_order = pytest.mark.parametrize("ordered", [False, True], ids=["as finished", "in order"])


class Gate:
    """A function for a job whose calls end when they are told to."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[int]] = {}
        self.most = 0
        self.cancelled: list[int] = []

    async def __call__(self, client: AsyncNexevo, item: int) -> int:
        self.waiting[item] = future = asyncio.get_running_loop().create_future()
        self.most = max(self.most, len(self.waiting))
        try:
            return await future
        except asyncio.CancelledError:
            await steps(3)  # cleaning up takes its time
            self.cancelled.append(item)
            raise
        finally:
            del self.waiting[item]

    def open(self, item: int) -> None:
        self.waiting[item].set_result(item)

    def fail(self, item: int, error: BaseException) -> None:
        self.waiting[item].set_exception(error)


async def twice(client: AsyncNexevo, item: int) -> int:
    await steps(item * 7 % 5)
    return 2 * item


# Every row once


@each_kind
@either_order
@pytest.mark.parametrize("concurrency", [1, 2, 64])
async def test_each_item_gets_one_row(batch: Jobs, kind: str, ordered: bool, concurrency: int) -> None:
    rows = batch.map(KINDS[kind](range(300)), call=twice, concurrency=concurrency, ordered=ordered)
    found = [(row.index, row.item, row.value, row.error) async for row in rows]
    assert sorted(found) == [(number, number, 2 * number, None) for number in range(300)]
    if ordered:
        assert found == sorted(found)


async def test_rows_come_as_they_are_finished(batch: Jobs) -> None:
    gate = Gate()
    async with batch.map(range(3), call=gate, concurrency=3) as rows:
        first = asyncio.ensure_future(anext(rows))
        await steps(10)
        gate.open(2)
        assert (await first).index == 2
        gate.open(0)
        assert (await anext(rows)).index == 0


async def test_a_function_that_never_waits_is_no_harm(batch: Jobs) -> None:
    async def at_once(client: AsyncNexevo, item: int) -> int:
        return item

    assert [row.value async for row in batch.map(range(1000), call=at_once, ordered=True)] == [*range(1000)]


async def test_an_empty_input_gives_no_row(batch: Jobs) -> None:
    assert [row async for row in batch.map([], call=twice)] == []


async def test_errors_of_the_library_are_rows(batch: Jobs) -> None:
    async def odd_ones_fail(client: AsyncNexevo, item: int) -> int:
        if item % 2:
            raise BadRequestError("no", status=400)
        return item

    rows = [row async for row in batch.map(range(10), call=odd_ones_fail, ordered=True)]
    assert [row.error is not None for row in rows] == [False, True] * 5
    assert [row.value for row in rows] == [0, None, 2, None, 4, None, 6, None, 8, None]
    assert str(rows[1].error) == "no (HTTP 400)"


async def test_attempts_that_only_the_error_knows_of_are_counted(batch: Jobs) -> None:
    """The function may have used another client."""
    error = BadRequestError("no", status=400, attempts=(Attempt(base_url="http://127.0.0.1:1"),) * 3)

    async def elsewhere(client: AsyncNexevo, item: int) -> int:
        raise error

    assert [row.attempts async for row in batch.map([1], call=elsewhere)] == [3]


async def test_the_cost_is_read_from_a_value_that_tells_it(batch: Jobs) -> None:
    class Answer:
        def __init__(self, usage: object) -> None:
            self.usage = usage

    usages = [Usage(cost=Decimal("0.0025")), Usage(), None, {"cost": Decimal(1)}]

    async def answer(client: AsyncNexevo, usage: object) -> Answer:
        return Answer(usage)

    costs = [row.cost async for row in batch.map(usages, call=answer, ordered=True)]
    assert costs == [Decimal("0.0025"), None, None, None]


# Bounds


@each_kind
@either_order
async def test_a_slow_consumer_slows_the_reading(batch: Jobs, kind: str, ordered: bool) -> None:
    """What was begun and not handed out is bounded, whatever is finished."""
    read: list[int] = []

    def endless() -> Iterator[int]:
        for number in count():
            read.append(number)
            yield number

    bound = 4 * (4 if ordered else 2)
    items = in_time(endless()) if kind == "async" else endless()
    async with batch.map(items, call=twice, concurrency=4, ordered=ordered) as rows:
        for taken in range(1, 20):
            await anext(rows)
            await steps(100)
            assert len(read) == taken + bound


@each_kind
async def test_calls_in_flight_reach_their_limit_and_not_more(batch: Jobs, kind: str) -> None:
    gate = Gate()
    async with batch.map(KINDS[kind](range(50)), call=gate, concurrency=5) as rows:
        for number in range(40):
            row = asyncio.ensure_future(anext(rows))
            await steps(30)
            assert sorted(gate.waiting) == [*range(number, number + 5)]
            gate.open(number)
            await row
    assert gate.most == 5


async def test_nothing_is_read_before_the_first_row_is_asked_for(batch: Jobs) -> None:
    read: list[int] = []
    rows = batch.map((read.append(number) for number in range(5)), call=twice)  # type: ignore[func-returns-value]
    await steps(10)
    assert read == []
    await rows.aclose()


@each_kind
async def test_workers_are_as_many_as_are_needed_and_go_on(batch: Jobs, kind: str) -> None:
    workers = set()

    async def note(client: AsyncNexevo, item: int) -> AsyncNexevo:
        workers.add(asyncio.current_task())
        await steps(30)
        return client

    clients = [row.value async for row in batch.map(KINDS[kind](range(500)), call=note, concurrency=8)]
    assert len(workers) == len({*map(id, clients)}) == 8
    workers.clear()
    assert [row.index async for row in batch.map(KINDS[kind](range(1)), call=note, concurrency=8)] == [0]
    assert len(workers) == 1


async def test_memory_does_not_grow_with_the_input(batch: Jobs) -> None:
    class Thing:
        pass

    alive: weakref.WeakSet[Thing] = weakref.WeakSet()
    most = 0

    def things() -> Iterator[Thing]:
        for _ in range(2000):
            thing = Thing()
            alive.add(thing)
            yield thing

    async def fail_at_times(client: AsyncNexevo, item: Thing) -> Thing:
        await steps(len(alive) % 3)
        if len(alive) % 4 == 0:
            raise BadRequestError("no", status=400)
        return item

    async for _ in batch.map(things(), call=fail_at_times, concurrency=4):
        most = max(most, len(alive))
    assert 4 < most <= 2 * 4 + 2  # and the one that the consumer holds, and the one that the input does


# What ends a job


@each_kind
@either_order
@pytest.mark.parametrize("error", [QUOTA, AuthenticationError("no", status=401), ClientClosedError()])
async def test_what_concerns_every_item_ends_the_job_after_all_that_was_paid_for(
    batch: Jobs, kind: str, ordered: bool, error: Exception
) -> None:
    """No further item begins, calls in flight are finished; what has no row can be done by another job."""
    gate = Gate()
    done: list[int] = []
    rows = batch.map(KINDS[kind](range(100)), call=gate, concurrency=4, ordered=ordered)
    consuming = asyncio.ensure_future(indexes(rows, done))
    await steps(30)
    gate.open(1)
    await steps(30)
    gate.fail(2, error)
    await steps(30)
    assert sorted(gate.waiting) == [0, 3, 4]
    for item in (4, 3, 0):
        gate.open(item)
    with pytest.raises(type(error)) as caught:
        await consuming
    assert caught.value is error
    assert done == ([0, 1, 3, 4] if ordered else [1, 4, 3, 0])

    rest = [number for number in range(100) if number not in done]
    assert sorted([row.item async for row in batch.map(rest, call=twice)]) == rest


@either_order
async def test_a_mistake_in_the_function_ends_the_job_at_once(batch: Jobs, ordered: bool) -> None:
    """Calls in flight are cancelled and waited for, finished rows are handed out before it is raised."""
    gate, done = Gate(), []
    rows = batch.map(range(100), call=gate, concurrency=4, ordered=ordered)
    first = asyncio.ensure_future(anext(rows))
    await steps(30)
    gate.open(0)
    done.append((await first).index)
    await steps(30)
    gate.open(2)
    await steps(30)
    gate.fail(3, KeyError("typo"))
    with pytest.raises(KeyError, match="typo"):
        await indexes(rows, done)
    assert done == [0, 2]
    assert sorted(gate.cancelled) == [1, 4, 5]
    assert [row async for row in rows] == []


async def test_a_function_that_is_cancelled_from_within_ends_the_job(batch: Jobs) -> None:
    gate = Gate()
    rows = batch.map(range(3), call=gate)
    first = asyncio.ensure_future(anext(rows))
    await steps(10)
    gate.waiting[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert sorted(gate.cancelled) == [0, 1, 2]


@pytest.mark.parametrize("kind", ["generator", "async"])
async def test_an_input_that_raises_ends_the_job_after_what_was_begun(batch: Jobs, kind: str) -> None:
    def broken() -> Iterator[int]:
        yield from range(3)
        raise OSError("disk")

    done: list[int] = []
    with pytest.raises(OSError, match="disk"):
        await indexes(batch.map(KINDS[kind](broken()), call=twice), done)
    assert sorted(done) == [0, 1, 2]


async def test_a_job_that_ends_does_not_wait_for_its_input(batch: Jobs) -> None:
    """It may be a queue that nobody fills any more."""
    closed: list[bool] = []

    async def queue() -> AsyncIterator[int]:
        try:
            yield 0
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def quota(client: AsyncNexevo, item: int) -> int:
        await steps(10)
        if item == 0:
            raise QUOTA
        await steps(10)
        return item

    done: list[int] = []
    with pytest.raises(QuotaExceededError):
        await indexes(batch.map(queue(), call=quota), done)
    assert (done, closed) == ([1], [True])


@pytest.mark.parametrize("error", [QUOTA, KeyError("typo")])
async def test_a_job_that_ends_early_closes_its_input(batch: Jobs, error: Exception) -> None:
    guarded = Guarded()

    async def fail(client: AsyncNexevo, item: int) -> int:
        raise error

    with pytest.raises(type(error)):
        await indexes(batch.map(guarded.items(), call=fail))
    assert guarded.closed


async def test_an_input_that_takes_its_time_keeps_one_worker_waiting(batch: Jobs) -> None:
    async def slow() -> AsyncIterator[int]:
        yield 0
        await asyncio.Event().wait()

    before = tasks()
    async with batch.map(slow(), call=twice) as rows:
        await anext(rows)
        step = asyncio.ensure_future(anext(rows))
        await steps(30)
        assert len(tasks() - before - {step}) <= 2
        step.cancel()
        await asyncio.wait((step,))


async def test_an_item_that_is_read_too_late_is_not_begun(batch: Jobs) -> None:
    """An input need not care that nobody wants more of it."""
    begun = []

    async def stubborn() -> AsyncIterator[int]:
        yield 0
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        yield 1

    async def quota(client: AsyncNexevo, item: int) -> int:
        begun.append(item)
        await steps(10)
        raise QUOTA

    with pytest.raises(QuotaExceededError):
        await indexes(batch.map(stubborn(), call=quota))
    assert begun == [0]


# Leaving early


class Guarded:
    """An input that notes its closing, and a function that notes its beginnings and ends."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.begun = self.ended = 0
        self.closed = False

    def items(self) -> Iterator[int]:
        try:
            yield from count()
        finally:
            self.closed = True

    async def items_in_time(self) -> AsyncIterator[int]:
        try:
            for number in count():
                await steps(self.random.randrange(3))
                yield number
        finally:
            await steps(2)
            self.closed = True

    async def call(self, client: AsyncNexevo, item: int) -> int:
        self.begun += 1
        try:
            await steps(self.random.randrange(5))
            return item
        finally:
            try:
                await steps(self.random.randrange(3))
            finally:
                self.ended += 1


def tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks()


async def test_cancelling_at_any_moment_leaves_nothing_behind(batch: Jobs) -> None:
    before = tasks()
    for seed in range(1000):
        guarded = Guarded(seed)
        items: Any = guarded.items_in_time() if seed % 2 else guarded.items()
        got: list[int] = []

        async def consume(items: Any = items, guarded: Guarded = guarded, got: list[int] = got) -> None:
            ordered = guarded.random.random() < 0.5
            async with batch.map(items, call=guarded.call, concurrency=3, ordered=ordered) as rows:
                async for row in rows:
                    got.append(row.index)
                    await steps(guarded.random.randrange(3))

        consuming = asyncio.ensure_future(consume())
        await steps(1 + guarded.random.randrange(40))
        consuming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consuming
        assert tasks() == before, seed
        assert guarded.begun == guarded.ended, seed
        assert guarded.closed or not guarded.begun, seed
        assert len(got) == len(set(got)), seed


@pytest.mark.parametrize("how", ["break", "raise", "close", "cancel"])
async def test_leaving_waits_for_what_was_in_flight(batch: Jobs, how: str) -> None:
    before, gate, guarded = tasks(), Gate(), Guarded()

    async def leave() -> None:
        async with batch.map(guarded.items(), call=gate, concurrency=4) as rows:
            waiting = asyncio.get_running_loop().call_later(0, lambda: asyncio.ensure_future(first_opened()))
            async for _ in rows:
                if how == "break":
                    break
                if how == "raise":
                    raise OSError("the consumer's own")
                if how == "close":
                    await rows.aclose()
                    await rows.aclose()
            waiting.cancel()

    async def first_opened() -> None:
        await steps(20)
        gate.open(0)

    leaving = asyncio.ensure_future(leave())
    if how == "cancel":
        await steps(10)
        leaving.cancel()
    expected = {"raise": OSError, "cancel": asyncio.CancelledError}.get(how)
    if expected is None:
        await leaving
    else:
        with pytest.raises(expected):
            await leaving
    assert gate.waiting == {}
    assert guarded.closed
    assert len(gate.cancelled) >= 3
    await steps(30)
    assert tasks() == before


async def test_a_second_cancellation_does_not_stop_the_cleaning_up(batch: Jobs) -> None:
    gate = Gate()
    rows = batch.map(range(10), call=gate, concurrency=4)
    first = asyncio.ensure_future(anext(rows))
    await steps(10)
    first.cancel()
    await steps(1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await rows.aclose()
    assert sorted(gate.cancelled) == [0, 1, 2, 3]


async def test_a_step_that_waits_ends_when_the_job_is_closed(batch: Jobs) -> None:
    rows = batch.map(range(10), call=Gate())
    first = asyncio.ensure_future(anext(rows))
    await steps(10)
    await rows.aclose()
    with pytest.raises(StopAsyncIteration):
        await first


async def test_two_tasks_cannot_wait_for_rows_of_the_same_job(batch: Jobs) -> None:
    async with batch.map(range(10), call=Gate()) as rows:
        first = asyncio.ensure_future(anext(rows))
        await steps(10)
        with pytest.raises(RuntimeError, match="two tasks wait for rows of the same job"):
            await anext(rows)
        first.cancel()
        await asyncio.wait((first,))


async def test_a_timeout_around_a_job_is_a_timeout(batch: Jobs) -> None:
    gate = Gate()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(indexes(batch.map(range(10), call=gate)), 0.01)
    assert len(gate.cancelled) == 10


async def test_eager_tasks_are_no_harm(batch: Jobs) -> None:
    factory = getattr(asyncio, "eager_task_factory", None)
    if factory is None:
        pytest.skip("needs Python 3.12")
    asyncio.get_running_loop().set_task_factory(factory)
    rows = [row async for row in batch.map(range(5000), call=twice, concurrency=2000)]
    assert sorted(row.index for row in rows) == [*range(5000)]


def test_a_row_says_what_it_is() -> None:
    row: BatchRow[str, int] = BatchRow(index=0, item="a", value=1)
    assert repr(row) == "BatchRow(index=0, item='a', value=1, error=None, attempts=0, cost=None)"
