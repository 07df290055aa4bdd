"""Everything that can happen to a read with two attempts, in every order and in the same tick: nothing may be lost."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import anyio
import attrs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nexevo_async._messages import AttemptFailed, FailureKind, Headers, Request, Response, Safety
from nexevo_async._race import Race, Stalls
from nexevo_async._sansio.actions import Send, Shared
from nexevo_async._sansio.budget import Budget
from nexevo_async._sansio.call import Call
from nexevo_async._sansio.endpoint_pool import EndpointPool, Pick
from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy
from nexevo_async.errors import ClientClosedError
from nexevo_async.models.endpoints import Endpoint

A, B, C = URLS = [f"https://{name}.example.com" for name in "abc"]
#: The attempt that the running task makes, as the real sender keeps it.
ASKED: ContextVar[str] = ContextVar("asked", default="nobody")
#: Longer than any story: an event at this tick does not happen.
NEVER = 80
#: Ticks after which whoever still waits is cancelled, so that every story ends.
END = 60

#: Ticks within which a read is over when there is nothing left to wait for but the ending of its two attempts.
SOON = 15

ticks = st.one_of(st.integers(1, 9), st.just(NEVER))


@attrs.frozen
class Attempt:
    """
    What an endpoint does with a read.

    Attributes:
        takes: Ticks until it has an answer.
        brings: What it has then.
        cleans: Ticks that it needs to end when cancelled.
        leaves: What it ends with when cancelled.
        future: Whether it waits for a future, as for a socket, or gets by with bare yields.
    """

    takes: int
    brings: str
    cleans: int = 0
    leaves: str = "cancelled"
    future: bool = True


@attrs.frozen
class Story:
    """What happens at which tick. `caller` says how it cancels, or what surrounds its call."""

    attempts: tuple[Attempt, Attempt]
    hedge: int = NEVER
    hang_a: int = NEVER
    hang_b: int = NEVER
    cancel: int = NEVER
    again: int = NEVER
    stray: int = NEVER
    caller: str = "plain"


attempts = st.builds(
    Attempt,
    takes=ticks,
    brings=st.sampled_from(["answer", "answer", "failure", "closed", "late"]),
    cleans=st.integers(0, 3),
    leaves=st.sampled_from(["cancelled", "cancelled", "cancelled", "answer", "failure"]),
    future=st.booleans(),
)
stories = st.builds(
    Story,
    attempts=st.tuples(attempts, attempts),
    hedge=ticks,
    hang_a=ticks,
    hang_b=ticks,
    cancel=ticks,
    again=ticks,
    stray=ticks,
    caller=st.sampled_from(["plain", "timeout", "anyio", "both"]),
)


class Allowance(Budget):
    """Lets a second question be asked from a certain tick on."""

    def __init__(self, world: World, since: int) -> None:
        super().__init__(ratio=0.0, cap=1.0, now=0.0)
        self._world = world
        self._since = since

    def spend(self, now: float, *, cost: float = 1.0) -> bool:
        return self._world.tick >= self._since


class World:
    """Three endpoints, one read under way, and a clock that counts ticks of the loop."""

    def __init__(self, story: Story) -> None:
        now = time.monotonic()
        policy = HealthPolicy(stall_inflight=1)
        endpoints = [Endpoint(url, 3 - number) for number, url in enumerate(URLS)]
        self.story = story
        self.tick = 0
        self.pool = EndpointPool(endpoints, policy=policy, rng=random.Random(1), now=now)
        budget = Budget(ratio=0.2, cap=20, now=now)
        shared = Shared(
            pool=self.pool, budget=budget, resends=budget, bucket=None, panic_wait=1.0, random=random.Random(1)
        )
        self.stalls = Stalls(self.pool, policy, alarm=lambda: None)
        request = Request(name="models.list", method="GET", path="/v1/models", safety=Safety.SAFE)
        self.call = Call(request, shared, RetryPolicy(), now=now, total=30.0, attempt_limit=None)
        self.asked: list[str] = []
        self.active = 0
        self.brought: set[str] = set()
        self.cancels = 0
        self.answered_at = NEVER  # by an attempt that nobody has interrupted
        self.disturbed = False  # an attempt that was cleaning up
        self.ended = dict.fromkeys(URLS, NEVER)
        self.strayed = False

    # -- the endpoints

    async def ask(self, pick: Pick) -> Response:
        url = pick.endpoint.url
        assert ASKED.get() == "nobody"
        attempt = self.story.attempts[len(self.asked)]
        self.asked.append(url)
        self.active += 1
        token = ASKED.set(url)
        try:
            return await self._attempt(attempt, url)
        finally:
            self.ended[url] = self.tick
            self.active -= 1
            assert ASKED.get() == url
            ASKED.reset(token)

    async def _attempt(self, attempt: Attempt, url: str) -> Response:
        try:
            if attempt.brings == "late":
                async with asyncio.timeout(60) as limit:
                    self._in(attempt.takes, lambda: passes(limit))
                    await asyncio.get_running_loop().create_future()
            elif attempt.future:
                done = asyncio.get_running_loop().create_future()
                self._in(attempt.takes, lambda: done.done() or done.set_result(None))
                await done
            else:
                await self._pass(attempt.takes)
            response = self._end(attempt.brings, url)
            self.answered_at = min(self.answered_at, self.tick)
            return response
        except TimeoutError:
            raise AttemptFailed(FailureKind.SILENT) from None
        except asyncio.CancelledError:
            self.disturbed = True
            await self._pass(attempt.cleans)
            self.disturbed = False
            if attempt.leaves == "cancelled":
                raise
            return self._end(attempt.leaves, url)

    def _end(self, how: str, url: str) -> Response:
        if how == "failure":
            raise AttemptFailed(FailureKind.RESET)
        if how == "closed":
            raise ClientClosedError
        self.brought.add(url)
        return Response(200, Headers.of({"Content-Type": "application/json"}), b"{}", url)

    async def _pass(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    def _in(self, count: int, what: Callable[[], object]) -> None:
        """Call it after so many ticks."""
        soon = asyncio.get_running_loop().call_soon
        soon(self._in, count - 1, what) if count > 0 else soon(what)

    # -- the events

    def hangs(self, number: int) -> None:
        """Somebody else's read at this endpoint was overtaken, which is one too many."""
        pick = self.pool.pick(now=time.monotonic(), safety=Safety.SAFE, only=URLS[number])
        if pick is not None:
            self.stalls.overtaken(pick)
            self.pool.release(pick)

    def stray(self) -> None:
        """Somebody cancels every task that the read has started."""
        for task in asyncio.all_tasks():
            self.strayed = task.cancel() or self.strayed if task.get_name().startswith("nexevo-read") else self.strayed

    async def drive(self, reader: asyncio.Task[Any], cancel: Callable[[], object]) -> None:
        """Let it happen, tick after tick."""
        story, events = self.story, []
        events += [(story.hang_a, lambda: self.hangs(0)), (story.hang_b, lambda: self.hangs(1))]
        events += [(story.cancel, cancel), (story.again, cancel), (story.stray, self.stray), (END, reader.cancel)]
        while not reader.done():
            for tick, event in events:
                if tick == self.tick:
                    event()
            await asyncio.sleep(0)
            self.tick += 1
            assert self.tick < 2 * END

    # -- the caller

    async def read(self) -> str:
        """As the transport does it; what came of the attempts."""
        send = self.call.next_action(time.monotonic())
        assert isinstance(send, Send)
        policy = RetryPolicy(hedge_after=0.0)
        try:
            race = Race(self.call, self.ask, self.stalls, policy=policy, hedges=Allowance(self, self.story.hedge))
            response = await race.run(send.pick)
        except AttemptFailed as failure:
            self._nothing_goes_on()
            self.call.broke(failure, time.monotonic())
            return "failure"
        except BaseException as error:
            self._nothing_goes_on()
            self.call.cancelled()
            if isinstance(error, ClientClosedError):
                return "closed"
            raise
        self._nothing_goes_on()
        assert self.call.base_url == response.url
        assert response.url in self.brought
        assert self.call.answered(response, time.monotonic(), wall=time.time())
        return "answer"

    def _nothing_goes_on(self) -> None:
        assert self.active == 0
        assert ASKED.get() == "nobody"
        assert [task for task in asyncio.all_tasks() if task.get_name().startswith("nexevo-read")] == []


def passes(limit: asyncio.Timeout) -> None:
    with suppress(RuntimeError):  # it has passed already, or its block is over
        limit.reschedule(0.0)


async def plain(world: World) -> str:
    task = asyncio.create_task(world.read())

    def cancel() -> None:
        world.cancels += task.cancel()

    await world.drive(task, cancel)
    assert task.cancelling() == world.cancels + (world.tick > END)
    return "cancelled" if task.cancelled() else task.result()


async def surrounded(world: World) -> str:
    """The caller has a time limit, or a scope of anyio, or both around its call; both end it without an error."""
    timeout, scope = asyncio.timeout(60), anyio.CancelScope()
    outcome = "cancelled"

    async def work() -> None:
        nonlocal outcome
        with suppress(TimeoutError):
            async with timeout:
                with scope:
                    outcome = await world.read()

    task = asyncio.create_task(work())

    def cancel() -> None:
        if world.story.caller in ("anyio", "both"):
            world.cancels += 1
            scope.cancel()
        if world.story.caller in ("timeout", "both") and not task.done():
            world.cancels += 1
            passes(timeout)

    await world.drive(task, cancel)
    ended_by_us = world.tick > END
    if not ended_by_us:
        if not world.strayed:
            task.result()  # nothing but its own limits has ended it, and those are no errors here
        assert task.cancelling() == 0
    return outcome


async def tell(story: Story) -> None:
    world = World(story)
    wrong: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))
    outcome = await (plain(world) if story.caller == "plain" else surrounded(world))
    assert wrong == []
    tried = [attempt.base_url for attempt in world.call.attempts]
    assert len(set(tried)) == len(tried)
    assert len(set(world.asked)) == len(world.asked)
    assert [world.pool.waiting(url) for url in URLS] == [(), (), ()]
    assert not world.pool.in_flight
    if not world.cancels and not world.strayed:
        # Who has an answer, or nobody left to wait for, does not wait any longer than the others need to end.
        if world.answered_at < NEVER:
            assert outcome == "answer" or "closed" in [attempt.brings for attempt in story.attempts]
            assert world.tick < world.answered_at + SOON
        hung = {A: story.hang_a, B: story.hang_b, C: NEVER}
        assert world.tick < max(min(hung[url], world.ended[url]) for url in world.asked) + SOON
        assert not world.disturbed
        assert outcome != "cancelled" or world.tick > END


@settings(max_examples=1000, deadline=None)
@given(stories)
@example(Story((Attempt(3, "answer"), Attempt(2, "answer")), hedge=1, cancel=4))
@example(Story((Attempt(NEVER, "answer", cleans=2), Attempt(2, "answer")), hedge=1, cancel=5))
@example(Story((Attempt(NEVER, "answer"), Attempt(NEVER, "answer")), hedge=0, hang_a=3, hang_b=3))
@example(Story((Attempt(NEVER, "answer"), Attempt(NEVER, "answer", cleans=3)), hedge=0, cancel=4, caller="anyio"))
def test_however_things_fall_together_there_is_one_outcome_and_nothing_is_left(story: Story) -> None:
    asyncio.run(tell(story))
