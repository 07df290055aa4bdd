"""
One call: which endpoint next, how long to wait, whether to try again, and what to raise in the end.

Pure. The driver (`_transport.py`) asks `next_action`, does what it says, and reports back with `answered`, `broke` or
`cancelled`, until an answer is accepted or the action is Fail. Order of the decisions: deadline, rate limiter,
endpoint; after a failure: the failover table, attempts left, retry budget, time left.
"""

from __future__ import annotations

from typing import Final

from nexevo_async._messages import (
    FREE_REQUEST,
    Attempt,
    AttemptFailed,
    Delivery,
    FailureKind,
    Request,
    Response,
    Safety,
)
from nexevo_async._sansio import outcome
from nexevo_async._sansio.actions import Action, Fail, Send, Shared, Wait
from nexevo_async._sansio.backoff import equal_jitter, full_jitter, pushback
from nexevo_async._sansio.endpoint_pool import Pick
from nexevo_async._sansio.endpoint_state import Report
from nexevo_async._sansio.failover import BLIND, FREE, NOT_DONE, REPORTS, Move, happened_instead, is_blameless, move
from nexevo_async._sansio.outcome import Happened
from nexevo_async._sansio.policy import RetryPolicy
from nexevo_async._sansio.stories import connection_error, outcome_unknown, wait_refused
from nexevo_async.errors import NexevoError

# Asked about in every call, and found faster under a name of this module than as a member of an enum.
_ACCEPTED, _SUCCESS = Happened.ACCEPTED, Report.SUCCESS
_SAFE, _IDEMPOTENT, _BILLABLE = Safety.SAFE, Safety.IDEMPOTENT, Safety.BILLABLE

#: How often to ask again for an endpoint while every one is busy being tried in panic (seconds).
PANIC_PAUSE: Final = 0.02
#: Time between the looks of two such calls (seconds): a thousand that looked as they please would starve the loop.
PANIC_STEP: Final = 0.0005
#: What a second attempt costs of the budget while everything is down: then it helps least and loads most.
PANIC_COST: Final = 2.0


class Call:
    """One logical request with all its attempts and one deadline."""

    __slots__ = (
        "_accepted",
        "_attempt_limit",
        "_bucket_turn",
        "_deadline",
        "_last",
        "_maybe_done",
        "_not_before",
        "_once",
        "_outdone",
        "_panic_since",
        "_pick",
        "_pinned",
        "_policy",
        "_repeated",
        "_request",
        "_sent_at",
        "_shared",
        "_total",
        "_tried",
        "_verdict",
        "attempts",
        "name",
    )

    def __init__(
        self,
        request: Request,
        shared: Shared,
        policy: RetryPolicy,
        now: float,
        total: float | None,
        attempt_limit: float | None,
    ) -> None:
        self.name = request.name
        self._request = request
        self._shared = shared
        self._policy = policy
        self._total = total
        self._deadline = None if total is None else now + total
        safety = request.safety
        self._attempt_limit = attempt_limit if safety is _SAFE or safety is _IDEMPOTENT else None
        self._tried: tuple[str, ...] = ()
        self._once: tuple[Move, ...] = ()
        self._repeated: tuple[Happened, ...] = ()  # failures after which it was sent again
        self._pinned: str | None = None
        self._not_before: float | None = None
        self._bucket_turn: float | None = None
        self._panic_since: float | None = None
        self._pick: Pick | None = None
        self._accepted: Pick | None = None
        self._sent_at = now
        self._last: NexevoError | None = None
        self._maybe_done = False
        self._verdict: Fail | None = None
        self._outdone: tuple[Pick, ...] = ()  # attempts that speak against an endpoint if another one answers
        self.attempts: tuple[Attempt, ...] = ()
        shared.budget.earn()
        if safety is _BILLABLE:
            shared.resends.earn()
        if shared.bucket is not None and (turn := shared.bucket.reserve(now)) > now:
            self._bucket_turn = turn

    @property
    def deadline(self) -> float | None:
        """The moment at which the whole call ends, or None for never."""
        return self._deadline

    @property
    def base_url(self) -> str | None:
        """The endpoint of the attempt that is under way, or None."""
        return None if self._pick is None else self._pick.endpoint.url

    def next_action(self, now: float) -> Action:
        """What to do now."""
        if self._verdict is not None:
            return self._verdict
        if self._deadline is not None and now >= self._deadline:
            return self._give_up_on_time()
        if self._not_before is not None or self._bucket_turn is not None:
            for moment in (self._not_before, self._bucket_turn):
                if moment is not None and moment > now:
                    return self._wait_until(moment, now)
            self._not_before = self._bucket_turn = None
        pool, safety = self._shared.pool, self._request.safety
        left = self._policy.max_attempts - len(self.attempts)
        pick = pool.pick(now=now, safety=safety, tried=self._tried, only=self._pinned, left=left)
        if pick is None and self._has_waited(now) and self._pinned is None and not pool.in_panic(now):
            pick = pool.pick(now=now, safety=safety)  # nobody found anything out: what is fit, though it was tried
        if pick is None:
            return self._wait_in_panic(now)
        if pick.panic and self.attempts and not self._shared.budget.spend(now, cost=PANIC_COST):
            self._shared.pool.release(pick)
            return self._fail(self._last_error())
        self._pick = pick
        self._sent_at = now
        until, ends = self._deadline, "total"
        if self._attempt_limit is not None and (until is None or now + self._attempt_limit < until):
            until, ends = now + self._attempt_limit, "attempt"
        return Send(pick, until, ends)

    def accepted(self, now: float) -> None:
        """The head of a good answer has arrived and will be kept: the call is committed."""
        self._accept(self._taken(), now)

    def answered(self, response: Response, now: float, *, wall: float) -> bool:
        """An answer has arrived whole; True if it is accepted, and the call done."""
        pick = self._taken()
        happened = outcome.happened(response, self._request, discovered=pick.endpoint.source == "discovered")
        if happened is _ACCEPTED:
            self._accept(pick, now)
            return True
        error = outcome.error_of(response, wall=wall, call=self._request.name)
        problem = getattr(error, "code", None) or happened.value
        self._note(pick, now, status=response.status, problem=problem, trace_id=error.trace_id)
        upstream = outcome.names_an_upstream(response)
        self._outdone += (pick,) if upstream or happened is Happened.FOREIGN else ()
        said = f"HTTP {response.status}" + (f", {happened.value}" if response.status < 300 else "")
        self._report(pick, happened, now, detail=said, blameless=upstream)
        error.attempts = self.attempts
        self._last = error
        self._decide(happened, now, pick, asked=pushback(response.headers, wall=wall))
        return False

    def _accept(self, pick: Pick, now: float) -> None:
        self._accepted = pick
        self._shared.pool.report(pick, _SUCCESS, now=now, latency=now - self._sent_at)
        if self._outdone:
            self._shared.pool.outdone((p for p in self._outdone if p.endpoint != pick.endpoint), now=now)

    def unreadable(self, now: float) -> None:
        """
        The answer that was accepted is JSON, but not what it should be: too late for this call.

        It counts as a 500 does, since one field that the service has changed is not a broken host.
        """
        if self._accepted is not None and self.name != FREE_REQUEST:
            detail = "the answer could not be read"
            shape = self._request.shape or self.name
            self._shared.pool.broke_off(self._accepted, now=now, detail=detail, report=Report.SERVER_ERROR, shape=shape)

    def broke(self, failure: AttemptFailed, now: float) -> None:
        """The attempt ended without an answer."""
        pick = self._taken()
        happened, problem = self._happened(failure, now)
        self._note(pick, now, problem=problem, delivered=failure.kind.delivery)
        self._report(pick, happened, now, detail=problem, blameless=is_blameless(failure, happened))
        self._last = connection_error(self._request.name, failure, self.attempts, seconds=self._total)
        if failure.limit == "pool":
            # One count covers all endpoints: another one has no more free connections than this.
            self._fail(self._last_error())
            return
        self._decide(happened, now, pick, free=failure.limit == "stall")

    def hedge(self, now: float) -> Pick | None:
        """A second endpoint for the attempt that is under way, or None if there is no good one."""
        first = self._pick
        if first is None:
            return None
        tried = (*self._tried, first.endpoint.url)
        pool = self._shared.pool
        pick = pool.pick(now=now, safety=self._request.safety, tried=tried, left=0)
        # While everything is out, a second question would only double the load.
        if pick is not None and (pick.endpoint.url in tried or pool.in_panic(now)):
            pool.release(pick)
            return None
        return pick

    def won_race(self, pick: Pick) -> None:
        """The attempt at this pick is the one that counts; what it brought is told next."""
        if self._pick is not None and self._pick is not pick:
            self._shared.pool.release(self._pick)
        self._pick = pick

    def left_race(self, pick: Pick) -> None:
        """The attempt at this pick is over and told nothing, unless it is the one that counts."""
        if self._pick is not pick:
            self._shared.pool.release(pick)

    def lost_race(self, pick: Pick, survivor: Pick, failure: AttemptFailed, now: float) -> None:
        """One of two attempts failed while the other goes on, which is now the one that counts."""
        self._pick = pick
        self._tried += (pick.endpoint.url,)
        happened, problem = self._happened(failure, now)
        self._note(pick, now, problem=problem, delivered=failure.kind.delivery)
        self._report(self._taken(), happened, now, detail=problem, blameless=is_blameless(failure, happened))
        self._pick = survivor

    def cancelled(self) -> None:
        """The caller has gone; give back what was taken and hold nothing against anybody."""
        if self._pick is not None:
            self._shared.pool.release(self._taken())
        elif self._bucket_turn is not None and self._shared.bucket is not None:
            self._shared.bucket.give_back()

    def _happened(self, failure: AttemptFailed, now: float) -> tuple[Happened, str]:
        """The row of the failover table, and the words for it."""
        happened = happened_instead(failure.kind, age=now - self._sent_at)
        return happened, f"{failure.kind.value}: {failure.detail}" if failure.detail else failure.kind.value

    def _decide(
        self, happened: Happened, now: float, pick: Pick, *, asked: float | None = None, free: bool = False
    ) -> None:
        if happened is not Happened.RATE:  # the limit belongs to the key: another endpoint would not help
            self._tried += (pick.endpoint.url,)
        step = self._move(happened)
        if step is Move.SAME_ONCE and step in self._once and happened is Happened.STALE:
            happened = Happened.LOST  # the fresh connection broke too
            step = self._move(happened)
        self._maybe_done = self._maybe_done or happened not in NOT_DONE
        if step is Move.RAISE or step is Move.UNKNOWN or not self._allowed(step, happened, now, free=free):
            self._fail(self._last_error(), final=happened is Happened.FINAL)
            return
        self._once += (step,)
        self._repeated += (happened,)
        self._pinned = pick.endpoint.url if self._stays(step, happened) else None
        self._not_before = self._next_moment(step, happened, now, asked)

    def _stays(self, step: Move, happened: Happened) -> bool:
        """Whether the next attempt goes to the same endpoint: nothing says that they share their memory of keys."""
        known_there = self._maybe_done or happened is Happened.RATE or self._pinned is not None
        return step is Move.SAME_ONCE or (self._request.safety is Safety.KEYED and known_there)

    def _move(self, happened: Happened) -> Move:
        policy = self._policy
        return move(
            happened,
            self._request.safety,
            repeat_billable=policy.repeat_billable,
            repeat_server_error=policy.repeat_server_error,
        )

    def _allowed(self, step: Move, happened: Happened, now: float, *, free: bool) -> bool:
        """Whether attempts, allowances and budget let it happen. A stale connection costs no endpoint its turn."""
        keyed = self._request.safety is Safety.KEYED
        count = len(self.attempts) - (Happened.STALE in self._repeated and not keyed)
        most = self._policy.max_attempts
        if happened in (Happened.NEVER_LEFT, Happened.CERTIFICATE) and most > 1:
            most = max(most, len(self._shared.pool))  # one sweep over all endpoints is free
        if count >= most:
            return False
        if step in (Move.ELSEWHERE_ONCE, Move.SAME_ONCE, Move.BOUNDED) and step in self._once:
            return False
        if self._request.safety is Safety.BILLABLE and happened in BLIND and not BLIND.isdisjoint(self._repeated):
            return False
        if step is Move.BOUNDED:  # out of an allowance of its own
            return now - self._sent_at < self._policy.bounded_age and self._shared.resends.spend(now)
        return free or happened in FREE or self._shared.budget.spend(now)

    def _next_moment(self, step: Move, happened: Happened, now: float, asked: float | None) -> float | None:
        """When the next attempt may start; None for at once."""
        policy, before, rng = self._policy, len(self.attempts) - 1, self._shared.random
        if happened is Happened.STALE:
            return None
        if step is not Move.WAIT and self._pinned is None and self._shared.pool.elsewhere(self._tried, now=now):
            return None
        if happened in (Happened.RATE, Happened.GATEWAY):
            pause = asked
            if pause is None:
                pause = equal_jitter(before, base=policy.throttle_base, cap=policy.throttle_cap, rng=rng)
        else:
            pause = full_jitter(
                before, base=policy.backoff_base, factor=policy.backoff_factor, cap=policy.backoff_cap, rng=rng
            )
        return now + pause

    def _wait_until(self, moment: float, now: float) -> Action:
        """Wait, unless that would cross the deadline or is longer than anybody would want to wait unasked."""
        past_deadline = self._deadline is not None and moment >= self._deadline
        too_long = moment == self._not_before and moment - now > self._policy.retry_after_cap
        if not past_deadline and not too_long:
            return Wait(moment - now)
        if moment == self._bucket_turn and self._shared.bucket is not None:
            self._shared.bucket.give_back()
            self._bucket_turn = None
        if self._last is not None:
            return self._fail(self._last_error())
        return self._fail(wait_refused(self._request.name, moment - now, self._total))

    def _has_waited(self, now: float) -> bool:
        """Whether the moment is over that a call waits for what others find out."""
        return self._panic_since is not None and now >= self._panic_since + self._shared.panic_wait

    def _wait_in_panic(self, now: float) -> Action:
        """Every endpoint is down and being tried by others: wait a moment for what they find out."""
        if self._panic_since is None:
            self._panic_since = now
        end = self._panic_since + self._shared.panic_wait
        if now >= end or (self._deadline is not None and now + PANIC_PAUSE >= self._deadline):
            return self._fail(self._last_error())
        turn = min(end, max(now + PANIC_PAUSE, self._shared.panic_turn + PANIC_STEP))
        self._shared.panic_turn = turn
        return Wait(turn - now)

    def _give_up_on_time(self) -> Fail:
        failure = AttemptFailed(FailureKind.SILENT, limit="total")
        error = connection_error(self._request.name, failure, self.attempts, seconds=self._total)
        error.__cause__ = self._last
        return self._fail(error)

    def _last_error(self) -> NexevoError:
        return self._last or connection_error(
            self._request.name,
            AttemptFailed(FailureKind.CONNECT, "every endpoint is down"),
            self.attempts,
            seconds=None,
        )

    def _fail(self, error: NexevoError, *, final: bool = False) -> Fail:
        """The end; `final` if the service said no, so that it is known what became of the call."""
        error.attempts = self.attempts
        if self._maybe_done and not final and self._request.safety in (Safety.KEYED, Safety.UNSAFE):
            error = outcome_unknown(self._request, error, self.attempts)
        self._verdict = Fail(error)
        return self._verdict

    def _taken(self) -> Pick:
        pick, self._pick = self._pick, None
        assert pick is not None, "an attempt is reported once"  # noqa: S101 - a mistake of the driver, not of the user
        return pick

    def _note(
        self,
        pick: Pick,
        now: float,
        *,
        problem: str,
        status: int | None = None,
        trace_id: str | None = None,
        delivered: Delivery = Delivery.MAYBE,
    ) -> None:
        attempt = Attempt(
            base_url=pick.endpoint.url,
            status=status,
            problem=problem,
            delivered=delivered,
            seconds=now - self._sent_at,
            trace_id=trace_id,
        )
        self.attempts = (*self.attempts, attempt)

    def _report(self, pick: Pick, happened: Happened, now: float, *, detail: str, blameless: bool) -> None:
        report = REPORTS.get(happened)
        if happened is Happened.SILENT and self._request.safety not in (Safety.SAFE, Safety.IDEMPOTENT):
            report = None  # a slow model is not a dead host
        if report is None or blameless:
            self._shared.pool.release(pick)
        else:
            self._shared.pool.report(
                pick, report, now=now, detail=detail, shape=self._request.shape or self._request.name
            )
