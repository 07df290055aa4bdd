"""
Reads that wait too long: a second question elsewhere (hedge), and leaving an endpoint that hangs (evacuation).

Only for reads, which may be asked twice for nothing. The first usable answer wins, the other attempt is cancelled and
its connection closed. Measured for the design: without it a hanging endpoint costs its waiting reads their whole time
limit (99th percentile 2,030 ms), with it 290 ms.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import attrs

from nexevo_async._messages import AttemptFailed, FailureKind, Response
from nexevo_async._sansio.budget import Budget
from nexevo_async._sansio.call import Call
from nexevo_async._sansio.endpoint_pool import EndpointPool, Pick, Report
from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy

#: How often calls that wait are looked at (seconds).
LOOK_EVERY = 0.05
#: Latency of recent reads that a read may take before it is asked elsewhere too, besides `RetryPolicy.hedge_after`.
SLOW_SHARE = 0.95

Ask = Callable[[Pick], Coroutine[Any, Any, Response]]


class Stalls:
    """
    Notices endpoints that hang: tells the reads that wait there, and keeps new chats away. Looks only while calls wait.

    Args:
        pool: The endpoints.
        policy: The numbers.
        alarm: Called when one was found, so that the change is told and a health check is made now.
    """

    def __init__(self, pool: EndpointPool, policy: HealthPolicy, *, alarm: Callable[[], None]) -> None:
        self._pool = pool
        self._alarm = alarm
        self._stall_inflight = policy.stall_inflight
        self._veto_share = policy.loop_lag_veto
        self._shortest = min(policy.stall_after, policy.silent_after)
        self._overtaken: dict[str, int] = {}
        self._left: dict[str, float] = {}  # endpoints that hang, and since when we know
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, dict[asyncio.Future[None], None]] = {}  # oldest first
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, url: str) -> asyncio.Future[None]:
        """A future that is done as soon as this endpoint is found to hang."""
        loop = self.look_out()
        found = loop.create_future()
        self._waiting.setdefault(url, {})[found] = None
        return found

    def look_out(self, loop: asyncio.AbstractEventLoop | None = None) -> asyncio.AbstractEventLoop:
        """A call begins to wait on the running loop, to be given if it is known: look at it from now on."""
        if loop is None:
            loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._waiting, self._left, self._timer = loop, {}, {}, None
        if self._timer is None:
            self._look_again(loop)
        return loop

    def forget(self, url: str, future: asyncio.Future[None]) -> None:
        """The read has its answer, or nobody wants it any more."""
        waiting = self._waiting.get(url)
        if waiting is not None:
            waiting.pop(future, None)
            if not waiting:
                del self._waiting[url]

    def overtaken(self, pick: Pick) -> None:
        """
        A second question, asked later and elsewhere, was answered first.

        That happens to a healthy endpoint now and then. To as many reads in a row as make a stall, while it answers
        nothing else, it means that the endpoint hangs, and there is no need to wait until they are old.
        """
        url, now = pick.endpoint.url, time.monotonic()
        if url in self._pool.succeeded_since(pick.at):
            self._overtaken.pop(url, None)
            return
        count = self._overtaken[url] = self._overtaken.get(url, 0) + 1
        if count >= self._stall_inflight and self._pool.elsewhere([url], now=now):
            del self._overtaken[url]
            self._pool.report(pick, Report.STALL, now=now, detail="reads hang without an answer")
            self._evacuate(url)

    def _leave(self, url: str, now: float) -> None:
        """
        Move the reads that wait at an endpoint that hangs: a few, and the others once anything has been answered.

        If everything hangs, moving them all would only multiply the load on a service that is down.
        """
        self._left[url] = now
        self._evacuate(url, most=self._stall_inflight)

    def _evacuate(self, url: str, most: int | None = None) -> None:
        if most is None:
            self._left.pop(url, None)
        for future in [future for future in self._waiting.get(url, ()) if not future.done()][:most]:
            future.set_result(None)

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(LOOK_EVERY, self._look, loop, time.monotonic())

    def _look(self, loop: asyncio.AbstractEventLoop, since: float) -> None:
        now = time.monotonic()
        late = now - since - LOOK_EVERY > self._veto_share * self._shortest
        stalled, silenced = self._pool.stalled(now, vetoed=late), self._pool.silenced(now, vetoed=late)
        for url in stalled:
            self._leave(url, now)
        for url in [url for url, since in self._left.items() if self._pool.succeeded_since(since)]:
            self._evacuate(url)
        if stalled or silenced:
            self._alarm()
        self._timer = None
        if self._waiting or self._pool.in_flight:
            self._look_again(loop)


@attrs.define
class _Question:
    """One of the attempts that race for a read."""

    pick: Pick
    answer: asyncio.Task[Response]
    stall: asyncio.Future[None]


class Race:
    """The attempts of one read that are under way at the same time: one, or two."""

    def __init__(self, call: Call, ask: Ask, stalls: Stalls) -> None:
        self._call = call
        self._ask = ask
        self._stalls = stalls
        self._asked: list[_Question] = []

    async def run(self, first: Pick, *, patience: float | None, another: Callable[[], Pick | None]) -> Response:
        """
        The first usable answer.

        Args:
            first: The endpoint to ask.
            patience: Seconds before a second one is asked; None for never.
            another: Chooses the second one, if there is one and it is allowed; else it is asked again after as long.

        Raises:
            AttemptFailed: The last attempt that was left has failed too, or its endpoint hangs.
        """
        try:
            self._begin(first)
            while len(self._asked) == 1 and patience is not None and not await self._wait(patience):
                second = another()
                if second is not None:
                    self._begin(second)
            while True:
                await self._wait(None)
                for question in [q for q in self._asked if q.answer.done() or q.stall.done()]:
                    try:
                        return await self._outcome(question)
                    except AttemptFailed as failure:
                        if len(self._asked) == 1:
                            raise
                        survivor = next(other for other in self._asked if other is not question)
                        self._call.lost_race(question.pick, survivor.pick, failure, time.monotonic())
                        await self._drop(question)
        finally:
            for question in list(self._asked):
                await self._drop(question)

    def _begin(self, pick: Pick) -> None:
        url = pick.endpoint.url
        # A name tells a stray task from a leak; the task is awaited before `run` ends.
        task = asyncio.create_task(self._ask(pick), name=f"nexevo-read {url}")
        self._asked.append(_Question(pick, task, self._stalls.watch(url)))

    async def _wait(self, seconds: float | None) -> bool:
        """Whether something has happened within the time."""
        events: list[asyncio.Future[Any]] = [e for q in self._asked for e in (q.answer, q.stall)]
        done, _ = await asyncio.wait(events, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)

    async def _outcome(self, question: _Question) -> Response:
        if not question.answer.done():
            raise AttemptFailed(FailureKind.SILENT, "other reads there hang too", limit="stall")
        response = question.answer.result()
        for slower in [other for other in self._asked if other is not question]:
            if slower is self._asked[0]:
                self._stalls.overtaken(slower.pick)
            await self._drop(slower)
        self._call.won_race(question.pick)
        return response

    async def _drop(self, question: _Question) -> None:
        self._asked.remove(question)
        self._stalls.forget(question.pick.endpoint.url, question.stall)
        self._call.left_race(question.pick)  # before anything is awaited: nothing may come between
        task = question.answer
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # looked at, so that it is not logged as never retrieved


def patience_of(policy: RetryPolicy, pool: EndpointPool, now: float) -> float | None:
    """Seconds a read may wait before it is asked elsewhere too; None if that is switched off."""
    if not policy.hedge:
        return None
    return max(policy.hedge_after, pool.read_latency(SLOW_SHARE, now=now) or 0.0)


def second_pick(call: Call, first: Pick, budget: Budget, now: float) -> Pick | None:
    """
    Another endpoint for a read that waits, if there is a good one and the allowance is not used up.

    A read that was sent to test an endpoint on probation is free: its caller should not pay for our curiosity.
    """
    pick = call.hedge(now)
    if pick is not None and not first.probation and not budget.spend(now):
        call.left_race(pick)
        return None
    return pick
