"""
Reads that wait too long: a second question elsewhere (hedge), and leaving an endpoint that hangs (evacuation).

Only for reads, which may be asked twice for nothing. The first usable answer wins, the other attempt is cancelled and
its connection closed. Measured for the design: without it a hanging endpoint costs its waiting reads their whole time
limit (99th percentile 2,030 ms), with it 290 ms.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Coroutine
from typing import Any

from nexevo_async._interruption import Interruption
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

    Attributes:
        pool: The endpoints.
    """

    def __init__(self, pool: EndpointPool, policy: HealthPolicy, *, alarm: Callable[[], None]) -> None:
        self.pool = pool
        self._alarm = alarm
        self._stall_inflight = policy.stall_inflight
        self._veto_share = policy.loop_lag_veto
        self._shortest = min(policy.stall_after, policy.silent_after)
        self._overtaken: dict[str, int] = {}
        self._left: dict[str, float] = {}  # endpoints that hang, and since when we know
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, dict[_Question, Race]] = {}  # oldest first
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, question: _Question, race: Race) -> None:
        """A read begins to wait: tell it if its endpoint is found to hang, and if it still waits at the next look."""
        self.look_out()
        self._waiting.setdefault(question.pick.endpoint.url, {})[question] = race

    def look_out(self, loop: asyncio.AbstractEventLoop | None = None) -> asyncio.AbstractEventLoop:
        """A call begins to wait on the running loop, to be given if it is known: look at it from now on."""
        if loop is None:
            loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._waiting, self._left, self._timer = loop, {}, {}, None
        if self._timer is None:
            self._look_again(loop)
        return loop

    def forget(self, question: _Question) -> None:
        """The read has its answer, or nobody wants it any more."""
        url = question.pick.endpoint.url
        waiting = self._waiting.get(url)
        if waiting is not None:
            waiting.pop(question, None)
            if not waiting:
                del self._waiting[url]

    def overtaken(self, pick: Pick) -> None:
        """
        A second question, asked later and elsewhere, was answered first.

        That happens to a healthy endpoint now and then. To as many reads in a row as make a stall, while it answers
        nothing else, it means that the endpoint hangs, and there is no need to wait until they are old.
        """
        url, now = pick.endpoint.url, time.monotonic()
        if url in self.pool.succeeded_since(pick.at):
            self._overtaken.pop(url, None)
            return
        count = self._overtaken[url] = self._overtaken.get(url, 0) + 1
        if count >= self._stall_inflight and self.pool.elsewhere([url], now=now):
            del self._overtaken[url]
            self.pool.report(pick, Report.STALL, now=now, detail="reads hang without an answer")
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
        waiting = self._waiting.get(url, {})
        for question, race in [one for one in waiting.items() if not one[0].hangs][:most]:
            question.hangs = True
            race.look()

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(LOOK_EVERY, self._look, loop, time.monotonic())

    def _look(self, loop: asyncio.AbstractEventLoop, since: float) -> None:
        now = time.monotonic()
        late = now - since - LOOK_EVERY > self._veto_share * self._shortest
        stalled, silenced = self.pool.stalled(now, vetoed=late), self.pool.silenced(now, vetoed=late)
        for url in stalled:
            self._leave(url, now)
        for url in [url for url, since in self._left.items() if self.pool.succeeded_since(since)]:
            self._evacuate(url)
        if stalled or silenced:
            self._alarm()
        self._see_who_waits()
        self._timer = None
        if self._waiting or self.pool.in_flight:
            self._look_again(loop)

    def _see_who_waits(self) -> None:
        for waiting in self._waiting.values():
            for question, race in reversed(waiting.items()):
                if question.seen:
                    break  # so were those before it
                question.seen = True
                race.still_waits()


class _Question:
    """
    One of the attempts that race for a read.

    Attributes:
        pick: Where it was sent.
        hangs: Its endpoint was found to.
        lost: It is out of the race.
        seen: It was still waiting when `Stalls` looked.
    """

    __slots__ = ("hangs", "lost", "pick", "seen")

    def __init__(self, pick: Pick) -> None:
        self.pick = pick
        self.hangs = False
        self.lost = False
        self.seen = False


class _Rival(_Question):
    """
    The second attempt, which has a task of its own.

    Attributes:
        task: Makes the attempt.
    """

    __slots__ = ("task",)

    def __init__(self, pick: Pick, task: asyncio.Task[Response]) -> None:
        super().__init__(pick)
        self.task = task

    def failure(self) -> AttemptFailed | None:
        """Why it cannot win any more, if so."""
        if not self.task.done():
            return _hangs() if self.hangs else None
        error = None if self.task.cancelled() else self.task.exception()
        return error if isinstance(error, AttemptFailed) else None


class Race:
    """
    The attempts of one read that are under way at the same time: one, or two.

    The first runs in the caller's own task, since hardly any read needs another one. The second gets a task, started by
    a timer. When it has won, or the endpoint of the first is found to hang, the first is interrupted where it waits.
    """

    __slots__ = (
        "_ask",
        "_block",
        "_call",
        "_context",
        "_first",
        "_hedges",
        "_policy",
        "_rival",
        "_since",
        "_stalls",
        "_timer",
    )

    def __init__(self, call: Call, ask: Ask, stalls: Stalls, *, policy: RetryPolicy, hedges: Budget) -> None:
        self._call = call
        self._ask = ask
        self._stalls = stalls
        self._policy = policy
        self._hedges = hedges
        self._rival: _Rival | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, pick: Pick) -> Response:
        """
        The first usable answer.

        Args:
            pick: The endpoint to ask first.

        Raises:
            AttemptFailed: The last attempt that was left has failed too, or its endpoint hangs.
        """
        first = self._begin(pick)
        try:
            try:
                with self._block:
                    return await self._ask(pick)
                if first.hangs or self._rival is None:
                    raise _hangs()
            except AttemptFailed as failure:
                if self._rival is None or self._rival.lost:
                    raise
                first.lost = True
                self._call.lost_race(pick, self._rival.pick, failure, time.monotonic())
            return await self._answer_of(self._rival)
        finally:
            self._stalls.forget(first)
            if self._timer is not None:
                self._timer.cancel()
            if self._rival is not None:
                if not self._rival.lost:
                    self._drop(self._rival)
                await _end(self._rival.task)

    def _begin(self, pick: Pick) -> _Question:
        self._block = Interruption()
        self._context = contextvars.copy_context()  # of the caller, for the second: timers and looks have others
        self._since = time.monotonic()
        self._first = first = _Question(pick)
        self._stalls.watch(first, self)
        if self._policy.hedge_after < LOOK_EVERY:
            self.still_waits()
        return first

    def still_waits(self) -> None:
        """
        There was no answer yet when `Stalls` looked.

        Most reads are answered sooner: a timer, and how long one has to wait, would be their greatest expense.
        """
        if self._timer is None and self._rival is None:
            self._be_patient()

    def _be_patient(self) -> None:
        now = time.monotonic()
        patience = patience_of(self._policy, self._stalls.pool, now)
        if patience is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._since + patience - now, self._ask_another, context=self._context)

    def _ask_another(self) -> None:
        """The first has waited for long enough: ask a second endpoint, or try that again after as long."""
        if not self._block.possible:
            return
        self._since = now = time.monotonic()
        pick = second_pick(self._call, self._first.pick, self._hedges, now)
        if pick is None:
            self._be_patient()
            return
        # A name tells a stray task from a leak; the task is awaited before `run` ends.
        task = asyncio.create_task(self._ask(pick), name=f"nexevo-read {pick.endpoint.url}")
        self._rival = _Rival(pick, task)
        self._stalls.watch(self._rival, self)
        task.add_done_callback(self.look)

    def look(self, _: object = None) -> None:
        """Something has happened: the second is done, or an endpoint was found to hang."""
        first, rival = self._first, self._rival
        if not self._block.possible:
            return  # `run` goes on in any case, and finds out for itself
        if (first if rival is None or not first.lost else rival).hangs:
            self._block.interrupt()
        elif rival is not None and not first.lost and not rival.lost:
            failure = rival.failure()
            if failure is not None:
                self._call.lost_race(rival.pick, first.pick, failure, time.monotonic())
                self._drop(rival)
            elif rival.task.done():
                self._block.interrupt()

    async def _answer_of(self, rival: _Rival) -> Response:
        """The first has failed, or was too slow."""
        if not rival.task.done() and not rival.hangs:
            with self._block:
                await asyncio.wait([rival.task])
        if not rival.task.done():
            raise _hangs()
        response = rival.task.result()
        if not self._first.lost:
            self._stalls.overtaken(self._first.pick)
        self._call.won_race(rival.pick)
        return response

    def _drop(self, rival: _Rival) -> None:
        """It is over for the second. Nothing is awaited here, so nothing can come between."""
        rival.lost = True
        self._stalls.forget(rival)
        self._call.left_race(rival.pick)
        rival.task.cancel()


async def _end(task: asyncio.Task[Response]) -> None:
    """Wait until a cancelled task has ended, however often we are cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
            task.cancel()  # it may have to be told again too
    if not task.cancelled():
        task.exception()  # looked at, so that it is not logged as never retrieved
    if cancelled is not None:
        raise cancelled


def _hangs() -> AttemptFailed:
    return AttemptFailed(FailureKind.SILENT, "other reads there hang too", limit="stall")


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
