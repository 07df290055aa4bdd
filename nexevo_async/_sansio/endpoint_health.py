"""One endpoint's record: attempts in flight, counters, timers, and moves through the table of `endpoint_state`."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping

import attrs

from nexevo_async._messages import Safety
from nexevo_async._redaction import redact_text
from nexevo_async._sansio.backoff import equal_jitter, growing
from nexevo_async._sansio.endpoint_state import TRANSITIONS, Cause, Event, Report, State
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.windows import FailureRate, LatencyAverage
from nexevo_async.models.endpoints import Endpoint

__all__ = ["CARRYING", "FIT", "NEVER", "EndpointHealth", "Pick"]

NEVER = float("-inf")
NO_WISH = float("inf")

#: A first ejection is short: until it is over, a health check tells little that a call will not tell better (seconds).
_EARLIEST_CHECK = 5.0
#: How long an attempt made in panic keeps others away from its endpoint (seconds).
_PANIC_LEASE = 1.0
#: How long calls have the chance to test an endpoint before a health check does it (seconds): on probation, suspect.
#: Checks are few (two in five minutes), and those of the first moments of an outage are wasted.
_TRIAL_GRACE = 1.0
_SUSPECT_GRACE = 1.5
#: How long after a bad health check another one of a suspect endpoint may help (seconds).
_ASK_AGAIN = 8.0

#: A stall shows in calls that wait for the limit, with nothing answered for this share of it: what set out before the
#: trouble is answered for as long as a call usually takes, and the limit is some four times that.
_SILENCE = 0.75

#: States without evidence against the endpoint. While no endpoint is in one of them, there is panic.
FIT = frozenset({State.UNKNOWN, State.HEALTHY, State.HELD})

#: States that carry ordinary calls. Probation does not count: one attempt at a time carries nobody's traffic.
CARRYING = FIT | {State.SUSPECT}

_CALL_FAILURES = frozenset({Report.HARD, Report.SOFT, Report.WARN, Report.STALL, Report.SLOW, Report.QUIET})
_FAILURES = _CALL_FAILURES | {Report.SERVER_ERROR, Report.OUTDONE, Report.PROBE_BAD, Report.HEARD_BAD}
_SILENT = frozenset({Report.PROBE_UNKNOWN, Report.NONE, Report.RECONNECT_FAILED})


@attrs.define(slots=True, eq=False)
class Pick:
    """
    An endpoint chosen for one attempt. Give it back exactly once, with `EndpointPool.report` or `EndpointPool.release`.

    Attributes:
        endpoint: Where to send.
        epoch: The endpoint's epoch at the choice; a report of an older epoch changes nothing.
        at: When it was chosen (seconds, the pool's clock).
        safety: What happens if the request arrives twice.
        panic: No endpoint is fit, this one is tried all the same: one attempt per call, a second only from the budget.
        probation: This attempt tests the endpoint; nobody else may at the same time.
        last: No other usable endpoint was left for this call: be patient with it.
        probe: A health check or a bare connection, not a call.
        strikes: Failures in a row that the endpoint had when this attempt was reported.
        shapes: Kinds of request that had met a 500 there by then, each with its moment.
    """

    endpoint: Endpoint
    epoch: int
    at: float
    safety: Safety
    panic: bool
    probation: bool
    last: bool
    probe: bool
    health: EndpointHealth = attrs.field(repr=False)
    open: bool = attrs.field(default=True, repr=False)
    strikes: int = attrs.field(default=0, repr=False)
    shapes: Mapping[str, float] | None = attrs.field(default=None, repr=False)


class EndpointHealth:
    """
    What the pool knows about one endpoint, and what time and the table do with it.

    Every method takes the moment as `now`; nothing here looks at a clock.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        policy: HealthPolicy,
        rng: random.Random,
        changed: Callable[[EndpointHealth, State, str, float], None],
    ) -> None:
        self.endpoint = endpoint
        # Zero is no opinion: then the service's own priority may be taken over.
        self.configured_priority = endpoint.priority if endpoint.source == "configured" else 0
        self.policy = policy
        self.rng = rng
        self.changed = changed
        self.tie = rng.random()
        self.state = State.UNKNOWN
        self.reason = ""
        # A discovered host gets the key only after a health check without the key went well.
        self.proven = endpoint.source == "configured"
        self.absent = 0
        self.epoch = 0
        self.open: dict[Pick, None] = {}  # attempts in flight, oldest first
        self.trial: Pick | None = None
        self.trial_at = NEVER
        self.panics: dict[Pick, None] = {}  # attempts of this epoch made in panic, oldest first
        self.outdone = 0
        self.strikes = self.hard_strikes = self.successes = self.level = self.level_before = 0
        self.cause: Cause | None = None
        self.flaps: deque[float] = deque(maxlen=16)
        self.until = self.half_at = self.hold_until = self.degraded_until = NEVER
        self.ejected_at = self.calm_since = NEVER
        self.last_success = self.last_failure = self.last_hard = self.last_panic = NEVER
        self.last_chat = self.last_quiet = NEVER
        self.failed_from = NEVER  # when the latest of the attempts that failed in this epoch set out
        self.last_report: float | None = None
        self.last_error: str | None = None
        self.probe_ok = False
        self.wish_at = NEVER if not self.proven else NO_WISH  # when an extra health check would help
        self.quiet = False  # healthy without a blemish: a success has nothing to clear
        self.latency = LatencyAverage()
        self.rate = FailureRate(policy.soft_rate_window)
        self.server_errors: dict[str, float] = {}

    # -- attempts in flight

    def take(self, *, now: float, safety: Safety, last: bool, panic: bool = False, probation: bool = False) -> Pick:
        """Choose this endpoint for an attempt."""
        pick = Pick(self.endpoint, self.epoch, now, safety, panic, probation, last, False, self)
        self.open[pick] = None
        if panic:
            self.panics[pick] = None
        if probation:
            self.trial = pick
            if self.state is not State.PROBATION:
                self.trial_at = now + (
                    self.policy.hold_trial if self.state is State.HELD else self.policy.suspect_trial
                )
        return pick

    def give_back(self, pick: Pick) -> None:
        """An attempt is over, however it ended."""
        pick.open = False
        self.open.pop(pick, None)
        if self.trial is pick:
            self.trial = None
        if pick.panic:
            self.panics.pop(pick, None)

    def is_full(self, now: float) -> bool:
        """Whether as many attempts are under way as panic allows. A silent one holds its place for a moment only."""
        while self.panics and (oldest := next(iter(self.panics))).at <= now - _PANIC_LEASE:
            del self.panics[oldest]
        return len(self.panics) + (self.trial is not None) >= self.policy.panic_inflight

    def may_test(self, safety: Safety) -> bool:
        """Whether a call of this safety may be the one attempt that tests the endpoint."""
        if self.trial is not None:
            return False
        if safety is Safety.BILLABLE:  # a chat that hangs or breaks may be paid twice: only where that is unlikely
            connects = self.state is State.PROBATION and self.cause is Cause.CONNECT
            return self.state is State.HELD or connects or self.probe_ok
        return safety in (Safety.SAFE, Safety.IDEMPOTENT)

    def new_epoch(self) -> None:
        """What is in flight says nothing any more about this endpoint, and holds no slot; counting starts anew."""
        self.epoch += 1
        self.trial = None
        self.panics = {}
        self.strikes = self.hard_strikes = self.outdone = 0
        self.failed_from = NEVER
        self.rate.clear()
        self.server_errors.clear()

    # -- reports

    def note(self, report: Report, *, now: float, detail: str) -> None:
        """Remember a report for the reader of the status, without judging."""
        if report in _FAILURES:
            self.last_error = redact_text(detail)[:200] or report.value
        if report not in _SILENT:
            self.last_report = now
        if report in _CALL_FAILURES:
            self.last_failure = now

    def degrade(self, now: float) -> None:
        """Stand last among equals for a while."""
        fresh = now >= self.degraded_until
        self.degraded_until = now + self.policy.degraded_for
        if fresh:
            self.changed(self, self.state, "answers slowly", now)

    # -- time

    def advance(self, now: float) -> None:
        """Do what time alone does."""
        if self.state is State.EJECTED and now >= self.until:
            self.move(Event.TIME_OVER, now)
        elif self.state is State.HELD and now >= self.hold_until:
            self.move(Event.HOLD_OVER, now)
        if NEVER < self.degraded_until <= now:
            self.degraded_until = NEVER
            self.changed(self, self.state, "no longer slow", now)
        self.settle()

    def next_timer(self) -> float:
        """When `advance` has something to do next; infinity if nothing is due."""
        timers = [self.degraded_until] if self.degraded_until > NEVER else []
        if self.state is State.EJECTED:
            timers.append(self.until)
        elif self.state is State.HELD:
            timers.append(self.hold_until)
        return min(timers, default=float("inf"))

    def silent(self, now: float, *, limit: float) -> bool:
        """Whether several chats, or the one that tests the endpoint, have waited longer than `limit` seconds."""
        enough = self.policy.silent_inflight if self.state in FIT else 1
        if self.state is State.SUSPECT and (self.trial is None or self.trial.at > now - limit):
            return False  # new chats avoid it already
        return self._hanging(now, limit, self.last_chat, Safety.BILLABLE, enough)

    def stalled(self, now: float) -> bool:
        """Whether several reads or updates hang, or the one that tests the endpoint, and nothing succeeded lately."""
        latency = self.policy.stall_after if self.latency.value is None else self.latency.value
        limit = max(self.policy.stall_after, self.policy.stall_factor * latency)
        enough = 1 if self.state is State.PROBATION else self.policy.stall_inflight
        if self.state is State.EJECTED:
            return False
        if self._hanging(now, limit, self.last_success, Safety.SAFE, enough):
            return True
        # Nobody has measured how long updates take, and those that wait are not moved: there is no hurry.
        patience = limit * self.policy.stall_factor
        return self._hanging(now, patience, self.last_success, Safety.IDEMPOTENT, enough)

    def _hanging(self, now: float, limit: float, last_answer: float, safety: Safety, enough: int) -> bool:
        """
        Whether so many calls wait longer than `limit` seconds, and nothing was answered for most of that time.

        Those that were overtaken by an answer long ago do not count: they are lost, but the endpoint lives.
        """
        if last_answer > now - _SILENCE * limit:
            return False
        count = 0
        for pick in self.open:
            if pick.at > now - limit:
                break
            count += pick.safety is safety and pick.epoch == self.epoch and pick.at > last_answer - limit
            if count >= enough:
                return True
        return False

    def probe_due(self, now: float) -> bool:
        """Whether an extra health check would help now; True once per reason."""
        if now < self.wish_at:
            return False
        self.wish_at = NO_WISH
        if self.state is State.PROBATION:
            return self.trial is None and not self.successes
        return self.state in (State.SUSPECT, State.EJECTED) or not self.proven

    def ask_again(self, now: float) -> None:
        """A health check of a suspect endpoint was bad: calls that may not test it need another one to come back."""
        if self.state is State.SUSPECT:
            self.wish_at = now + _ASK_AGAIN

    # -- the table

    def move(self, event: Event, now: float, *, reason: str = "", cause: Cause | None = None) -> None:
        """Apply one event; tell the pool if the state changes."""
        before, after = self.state, TRANSITIONS[self.state, event]
        if before is after:
            return
        self.state = after
        self.reason = reason or event.value
        self._enter(before, event, now, cause)
        self.settle()
        self.changed(self, before, self.reason, now)

    def _enter(self, before: State, event: Event, now: float, cause: Cause | None) -> None:
        match self.state:
            case State.EJECTED:
                self._eject(before, now, cause or Cause.SOFT)
            case State.PROBATION:
                self.new_epoch()
                self.successes = 0
                self.trial_at = self.last_panic = NEVER
                # Reads test it as they come; where there are only chats, a health check has to speak first.
                self.wish_at = NO_WISH if self.cause is Cause.CONNECT or self.probe_ok else now + _TRIAL_GRACE
            case State.HELD | State.HEALTHY:
                self._recover(before, now)
            case State.SUSPECT:
                self._suspect(before, event, now)
            case State.UNKNOWN:
                self.new_epoch()
                self.latency = LatencyAverage()
                self.degraded_until = NEVER
            case State.DRAINING:
                pass

    def _eject(self, before: State, now: float, cause: Cause) -> None:
        policy = self.policy
        self.level_before = self.level
        if before is not State.PROBATION:
            self.level = max(0, self.level - int(min((now - self.calm_since) / policy.eject_decay, 1e6)))
            self.flaps.append(now)
        pause = equal_jitter(
            self.level, base=policy.eject_base, factor=policy.eject_factor, cap=policy.eject_cap, rng=self.rng
        )
        self.level += 1
        self.new_epoch()
        self.cause = cause
        self.ejected_at, self.until, self.half_at = now, now + pause, now + pause / 2
        self.wish_at = now + max(pause / 2, min(pause, _EARLIEST_CHECK))
        self.hold_until = self.degraded_until = self.last_panic = NEVER
        self.probe_ok = False

    def _recover(self, before: State, now: float) -> None:
        if before is State.PROBATION:
            self.new_epoch()
            self.calm_since = now
            self.hold_until = now + self._hold(now) if self.state is State.HELD else NEVER
        self.trial_at = now + self.policy.hold_trial

    def _hold(self, now: float) -> float:
        while self.flaps and self.flaps[0] < now - self.policy.flap_memory:
            self.flaps.popleft()
        return growing(
            max(0, len(self.flaps) - 1), base=self.policy.failback_hold, factor=2.0, cap=self.policy.failback_hold_cap
        )

    def _suspect(self, before: State, event: Event, now: float) -> None:
        self.trial_at = now + self.policy.suspect_trial
        self.probe_ok = False
        if event is Event.LOCAL_FAULT:
            if before is State.EJECTED:
                self.level = self.level_before
                if self.flaps and self.flaps[-1] == self.ejected_at:
                    self.flaps.pop()
            return
        self.wish_at = now + _SUSPECT_GRACE
        if before is State.HELD:
            self.hold_until = now + self._hold(now)  # a failure on hold starts it anew

    def settle(self) -> None:
        """Work out whether a success would have anything to clear."""
        counted = self.strikes or self.hard_strikes or self.outdone or self.server_errors
        self.quiet = self.state is State.HEALTHY and not counted
