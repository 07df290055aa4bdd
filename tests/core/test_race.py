"""Reads that wait too long, with a scripted call and endpoints that answer as told."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from nexevo_async._messages import AttemptFailed, FailureKind, Headers, Request, Response, Safety
from nexevo_async._race import LOOK_EVERY, Race, Stalls, patience_of
from nexevo_async._sansio.actions import Send, Shared
from nexevo_async._sansio.budget import Budget
from nexevo_async._sansio.call import Call
from nexevo_async._sansio.endpoint_pool import EndpointPool, Pick, Report, State
from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy
from nexevo_async.models.endpoints import Endpoint

A, B = "https://a.example.com", "https://b.example.com"


class World:
    """Two endpoints, one read under way at the first, and what each of them will answer."""

    def __init__(self, *, policy: HealthPolicy | None = None) -> None:
        now = time.monotonic()
        policy = policy or HealthPolicy()
        self.pool = EndpointPool([Endpoint(A, 2), Endpoint(B, 1)], policy=policy, rng=random.Random(1), now=now)
        budget = Budget(ratio=0.2, cap=20, now=now)
        self.shared = Shared(
            pool=self.pool, budget=budget, resends=budget, bucket=None, panic_wait=1.0, random=random.Random(1)
        )
        self.stalls = Stalls(self.pool, policy, alarm=lambda: None)
        self.answers: dict[str, Callable[[], Response]] = {}
        self.hanging: set[str] = set()
        self.cancelled: list[str] = []
        self.hedges = Budget(ratio=0.0, cap=10, now=now)

    async def ask(self, pick: Pick) -> Response:
        url = pick.endpoint.url
        try:
            if url in self.hanging:
                await asyncio.sleep(60)
            await asyncio.sleep(0)
            return self.answers[url]()
        except asyncio.CancelledError:
            self.cancelled.append(url)
            raise

    def begin(self) -> tuple[Call, Pick]:
        request = Request(name="models.list", method="GET", path="/v1/models", safety=Safety.SAFE)
        call = Call(request, self.shared, RetryPolicy(), now=time.monotonic(), total=30.0, attempt_limit=None)
        send = call.next_action(time.monotonic())
        assert isinstance(send, Send)
        return call, send.pick

    async def race(self, call: Call, pick: Pick, *, patience: float | None = 0.01) -> Response:
        policy = RetryPolicy(hedge=False) if patience is None else RetryPolicy(hedge_after=patience)
        return await Race(call, self.ask, self.stalls, policy=policy, hedges=self.hedges).run(pick)

    def open_reads(self) -> int:
        return len(self.pool.waiting(A)) + len(self.pool.waiting(B))


def ok(text: bytes) -> Callable[[], Response]:
    return lambda: Response(200, Headers.of({}), text, A)


def broken() -> Response:
    raise AttemptFailed(FailureKind.RESET)


async def test_a_quick_answer_is_taken_and_nobody_else_is_asked() -> None:
    world = World()
    world.answers = {A: ok(b"a")}
    call, pick = world.begin()
    assert (await world.race(call, pick)).body == b"a"
    assert call.base_url == A
    call.cancelled()
    assert world.open_reads() == 0


async def test_a_read_that_waits_is_asked_elsewhere_and_the_slow_one_is_cancelled() -> None:
    world = World()
    world.hanging, world.answers = {A}, {B: ok(b"b")}
    call, pick = world.begin()
    assert (await world.race(call, pick)).body == b"b"
    assert (call.base_url, world.cancelled) == (B, [A])
    call.cancelled()
    assert world.open_reads() == 0


async def test_a_read_has_waited_for_as_long_as_it_should_when_it_is_asked_elsewhere() -> None:
    """Also if that is longer than the time between two looks, and in the caller's context, whoever began to look."""
    caller: ContextVar[str] = ContextVar("caller", default="nobody")
    world = World()
    world.stalls.look_out()
    caller.set("me")
    asked: list[tuple[str, str, float]] = []
    began = time.monotonic()

    async def ask(pick: Pick) -> Response:
        asked.append((pick.endpoint.url, caller.get(), time.monotonic() - began))
        if pick.endpoint.url == A:
            await asyncio.sleep(60)
        return ok(b"b")()

    call, pick = world.begin()
    policy = RetryPolicy(hedge_after=2.5 * LOOK_EVERY)
    assert (await Race(call, ask, world.stalls, policy=policy, hedges=world.hedges).run(pick)).body == b"b"
    call.cancelled()
    assert [(url, who) for url, who, _ in asked] == [(A, "me"), (B, "me")]
    assert 2.5 * LOOK_EVERY <= asked[1][2] < 4 * LOOK_EVERY


async def test_whoever_has_lost_is_told_again_when_the_caller_is_cancelled_again() -> None:
    world = World()
    ending: list[str] = []

    async def ask(pick: Pick) -> Response:
        try:
            await asyncio.sleep(60)
        finally:
            if pick.endpoint.url == B:
                ending.append(B)
                await asyncio.sleep(60)
        raise AssertionError

    call, pick = world.begin()
    race = Race(call, ask, world.stalls, policy=RetryPolicy(hedge_after=0.0), hedges=world.hedges)
    task = asyncio.create_task(race.run(pick))
    await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.sleep(0.02)
    assert (task.done(), ending) == (False, [B])
    task.cancel()
    await asyncio.sleep(0.02)
    assert task.cancelled()
    call.cancelled()
    assert world.open_reads() == 0


async def test_without_allowance_there_is_no_second_question() -> None:
    world = World()
    world.hanging, world.answers = {A}, {B: ok(b"b")}
    world.hedges = Budget(ratio=0.0, cap=0.0, now=time.monotonic())
    call, pick = world.begin()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world.race(call, pick), 0.1)
    call.cancelled()
    assert (world.cancelled, world.open_reads()) == ([A], 0)


async def test_when_both_fail_the_second_failure_is_the_one_that_counts() -> None:
    world = World()
    release = asyncio.Event()

    async def ask(pick: Pick) -> Response:
        if pick.endpoint.url == A:
            await release.wait()
        else:
            release.set()
        raise AttemptFailed(FailureKind.RESET)

    call, pick = world.begin()
    race = Race(call, ask, world.stalls, policy=RetryPolicy(hedge_after=0.01), hedges=world.hedges)
    with pytest.raises(AttemptFailed):
        await race.run(pick)
    call.broke(AttemptFailed(FailureKind.RESET), time.monotonic())
    assert sorted(attempt.base_url for attempt in call.attempts) == [A, B]
    assert world.open_reads() == 0


async def test_one_that_fails_leaves_the_race_to_the_other() -> None:
    world = World()
    world.hanging = {A}
    world.answers = {B: broken}
    call, pick = world.begin()
    task = asyncio.create_task(world.race(call, pick))
    await asyncio.sleep(0.05)
    assert not task.done()
    assert [attempt.base_url for attempt in call.attempts] == [B]
    task.cancel()
    await asyncio.wait([task])
    call.cancelled()
    assert world.open_reads() == 0


async def test_reads_overtaken_in_a_row_mean_that_the_endpoint_hangs() -> None:
    """The fifth ejects it, and everybody who waits there is told at once."""
    world = World()
    world.hanging, world.answers = {A}, {B: ok(b"b")}
    waiting, waiting_pick = world.begin()
    waiter = asyncio.create_task(world.race(waiting, waiting_pick, patience=None))
    for _ in range(5):
        call, pick = world.begin()
        assert pick.endpoint.url == A
        await world.race(call, pick)
        call.cancelled()
    with pytest.raises(AttemptFailed, match="no answer in time"):
        await waiter
    waiting.cancelled()
    fresh, pick = world.begin()
    assert pick.endpoint.url == B
    fresh.cancelled()
    assert world.open_reads() == 0


async def test_a_read_for_which_there_was_no_allowance_asks_again_after_as_long() -> None:
    world = World()
    world.hanging, world.answers = {A}, {B: ok(b"b")}
    world.hedges = Budget(ratio=0.0, cap=1.0, per_second=20.0, now=time.monotonic())
    world.hedges.spend(time.monotonic())
    call, pick = world.begin()
    assert (await asyncio.wait_for(world.race(call, pick, patience=0.02), 1.0)).body == b"b"
    call.cancelled()


async def test_reads_that_were_lost_while_their_endpoint_answers_others_do_not_mean_that_it_hangs() -> None:
    world = World()
    lost = [world.begin() for _ in range(10)]
    world.answers = {A: ok(b"a")}
    call, pick = world.begin()
    await world.race(call, pick)
    call.accepted(time.monotonic())
    for call, pick in lost:
        world.stalls.overtaken(pick)
        call.cancelled()
    assert world.pool.order(time.monotonic())[0].url == A


async def test_of_the_reads_at_an_endpoint_that_hangs_a_few_move_and_the_others_once_one_is_answered() -> None:
    """If everything hangs, moving them all would only multiply the load."""
    alarms: list[float] = []
    policy = HealthPolicy(stall_after=0.1, stall_factor=1.0)
    world = World(policy=policy)
    world.stalls = Stalls(world.pool, policy, alarm=lambda: alarms.append(time.monotonic()))
    world.hanging = {A, B}
    reads = [world.begin() for _ in range(12)]
    waiting = [asyncio.create_task(world.race(call, pick, patience=None)) for call, pick in reads]
    await asyncio.sleep(0.1 + 3 * LOOK_EVERY)
    assert [task.done() for task in waiting] == [True] * 5 + [False] * 7
    assert len(alarms) == 1

    fresh, pick = world.begin()
    assert pick.endpoint.url == B
    fresh.accepted(time.monotonic())
    await asyncio.sleep(2 * LOOK_EVERY)
    assert [task.done() for task in waiting] == [True] * 12
    for (call, _), task in zip(reads, waiting, strict=True):
        assert isinstance(task.exception(), AttemptFailed)
        call.cancelled()
    assert world.open_reads() == 0


async def test_chats_that_fall_silent_raise_the_alarm() -> None:
    alarms: list[float] = []
    policy = HealthPolicy(silent_after=0.1, silent_factor=1.0, silent_most=0.1)
    pool = World(policy=policy).pool
    stalls = Stalls(pool, policy, alarm=lambda: alarms.append(time.monotonic()))
    picks = [pool.pick(now=time.monotonic(), safety=Safety.BILLABLE) for _ in range(3)]
    stalls.look_out()
    await asyncio.sleep(0.1 + 3 * LOOK_EVERY)
    assert len(alarms) == 1
    assert pool.order(time.monotonic())[0].url == B
    for pick in picks:
        assert pick is not None
        pool.release(pick)
    await asyncio.sleep(2 * LOOK_EVERY)


@pytest.mark.parametrize("safety", [Safety.SAFE, Safety.BILLABLE])
async def test_a_loop_that_was_blocked_makes_nobody_hang_or_fall_silent(safety: Safety) -> None:
    """The answers lie there unread; only when the loop has had time to read them does a look count again."""
    policy = HealthPolicy(stall_after=0.1, silent_after=0.1, silent_most=0.1)
    world = World(policy=policy)
    world.pool.hear(A, good=True, at=time.monotonic(), now=time.monotonic())
    picks = [world.pool.pick(now=time.monotonic(), safety=safety) for _ in range(5)]
    world.stalls.look_out()
    time.sleep(0.5)  # noqa: ASYNC251 - the mistake that is to be survived
    await asyncio.sleep(0.01)  # it has looked
    for pick in picks:
        assert pick is not None
        world.pool.report(pick, Report.SUCCESS, now=time.monotonic())
    assert [(change.url, change.after) for change in world.pool.take_changes()][2:] == [(A, State.HEALTHY)]
    await asyncio.sleep(2 * LOOK_EVERY)


async def test_looking_ends_soon_after_the_last_waiting_read() -> None:
    """No timer is left when nobody has waited for a few looks, neither of a quick read nor of one that took longer."""
    world = World()
    world.answers = {A: ok(b"a")}
    call, pick = world.begin()
    await world.race(call, pick, patience=60.0)
    call.cancelled()
    call, pick = world.begin()

    async def ask(pick: Pick) -> Response:
        await asyncio.sleep(2 * LOOK_EVERY)
        return ok(b"a")()

    await Race(call, ask, world.stalls, policy=RetryPolicy(hedge_after=60.0), hedges=world.hedges).run(pick)
    call.cancelled()
    await asyncio.sleep(5 * LOOK_EVERY)
    loop = asyncio.get_running_loop()
    assert [handle for handle in getattr(loop, "_scheduled", []) if not handle.cancelled()] == []


def test_patience_is_the_larger_of_the_setting_and_the_usual_latency() -> None:
    world = World()
    now = time.monotonic()
    assert patience_of(RetryPolicy(), world.pool, now) == 0.25
    assert patience_of(RetryPolicy(hedge_after=0.5), world.pool, now) == 0.5
    assert patience_of(RetryPolicy(hedge=False), world.pool, now) is None
