"""
The endpoints in the order we would use them, and everything that was learned about them.

The pool decides, it never waits: no clock, no lock, no I/O. Whoever sends an attempt takes a `Pick` and gives it back
with what was learned. It is driven from one thread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from nexevo_async._messages import Safety
from nexevo_async._sansio.endpoint_health import CARRYING, FIT, NEVER, EndpointHealth, Pick
from nexevo_async._sansio.endpoint_state import NO_CONNECTION, Cause, EndpointChange, Event, Report, State
from nexevo_async._sansio.endpoint_table import EndpointTable
from nexevo_async._sansio.judging import Evidence, judge
from nexevo_async._sansio.ranking import is_usable, trials

__all__ = ["EndpointChange", "EndpointPool", "Pick", "Report", "State"]

# Asked about in every call, and found faster under a name of this module than as a member of an enum.
_SUCCESS, _NONE, _DRAINING, _BILLABLE = Report.SUCCESS, Report.NONE, State.DRAINING, Safety.BILLABLE

#: What share of recent chats counts as usual, for the rule about silent ones.
_USUAL_SHARE = 0.95

#: In panic, the least hopeless first.
_HOPE = {state: hope for hope, state in enumerate((State.SUSPECT, State.PROBATION, State.EJECTED))}


class EndpointPool(EndpointTable):
    """
    Chooses endpoints and judges them. Never empty: when nothing is fit, the least hopeless endpoint is tried (panic).

    Args:
        endpoints: At least one; a URL that comes twice keeps its first place.
        policy: The numbers.
        rng: Source of jitter and of the order among equals.
        now: The moment, seconds on a monotonic clock.

    Raises:
        ValueError: There is no endpoint.
    """

    # -- choosing

    def elsewhere(self, tried: Collection[str], *, now: float) -> bool:
        """Whether the next pick of a call that has tried these URLs will be another one."""
        self._refresh(now)
        candidates = [h for h in self._ranked if h.state in CARRYING] if self._any_fit else self._live()
        return any(health.endpoint.url not in tried for health in candidates)

    def pick(
        self,
        *,
        now: float,
        safety: Safety,
        tried: Collection[str] = (),
        only: str | None = None,
        left: int = 99,
    ) -> Pick | None:
        """
        Choose an endpoint for one attempt.

        Args:
            now: The moment.
            safety: What happens if the request arrives twice; decides who may test an endpoint on probation.
            tried: URLs already tried in this call: chosen again only if nothing else is usable.
            only: The URL to use whatever its state, for a call that may not go elsewhere.
            left: Attempts that the call may still make: if there are no more than endpoints that it has not tried, each
                of those gets one, out or not. 0 if it waits at the last of `tried`, and wants another one or none.

        Returns:
            The pick, or None: those that are left to this call are out, and have as many calls in flight as panic
            allows, so wait until one of them is answered. (With `only`, also if that endpoint has left.)
        """
        if now >= self._valid_until:
            self._rank(now)
        self._last_call = now
        if only is not None:
            return self._pick_only(only, now, safety)
        if not self._any_fit:
            return self._panic(now, safety, tried)
        if tried:
            return self._search(now, safety, tried, left)
        if now >= self._trial_at:
            pick = self._try_trial(now, safety)
            if pick is not None:
                return pick
        return self._ranked[0].take(now=now, safety=safety, last=self._alone)

    def _search(self, now: float, safety: Safety, tried: Collection[str], left: int) -> Pick | None:
        """The best one not tried yet; else a last hope, None while others are busy trying it; else the best fit one."""
        for position, health in enumerate(self._ranked):
            testing = health.state is State.PROBATION
            if health.endpoint.url in tried or (testing and not health.may_test(safety)):
                continue
            others = self._ranked[position + 1 :]
            last = not any(h.state in CARRYING and h.endpoint.url not in tried for h in others)
            return self._take(health, now=now, safety=safety, last=last, probation=testing)
        out = self._last_hopes(now, safety, tried)
        out = out if len(tried) > 1 or left <= len(out) else []
        for health in out:
            if pick := self._take_panic(health, now, safety):
                return pick
        return None if out and left else self._ranked[0].take(now=now, safety=safety, last=True)

    def _last_hopes(self, now: float, safety: Safety, tried: Collection[str]) -> list[EndpointHealth]:
        """
        Endpoints that are out, or being tested, for a call that all others have just failed, as if in panic.

        They may be well again. Those that hung come last, and for what may not be repeated after half their pause.
        """
        repeatable = safety in (Safety.SAFE, Safety.IDEMPOTENT)
        out = [
            health
            for health in self._live()
            if health.state not in CARRYING
            and health.endpoint.url not in tried
            and (repeatable or health.cause is not Cause.STALL or now >= health.half_at)
        ]
        return sorted(out, key=lambda h: (h.cause is Cause.STALL, h.until))

    def _take(self, health: EndpointHealth, *, now: float, safety: Safety, last: bool, probation: bool = False) -> Pick:
        if probation:
            self._stale()
        return health.take(now=now, safety=safety, last=last, probation=probation)

    def _try_trial(self, now: float, safety: Safety) -> Pick | None:
        """Let one repeatable call test an endpoint that would be preferred if only we trusted it."""
        for health in trials(self._ranked):
            if now >= health.trial_at and health.may_test(safety):
                return self._take(health, now=now, safety=safety, last=False, probation=True)
        return None

    def _pick_only(self, url: str, now: float, safety: Safety) -> Pick | None:
        health = self._health.get(url)
        if health is None or not health.proven:
            return None
        if health.state is State.EJECTED or (health.state is State.PROBATION and not health.may_test(safety)):
            return self._take_panic(health, now, safety)
        return self._take(health, now=now, safety=safety, last=True, probation=health.state is State.PROBATION)

    def _panic(self, now: float, safety: Safety, tried: Collection[str]) -> Pick | None:
        # In order of expiry; a failure sends its endpoint to the back, so that whichever recovers first is found soon.
        live = self._live()
        live.sort(key=lambda h: (h.endpoint.url in tried, h.last_panic, _HOPE[h.state], h.until, -h.endpoint.priority))
        for health in live:
            if health.endpoint.url in tried and live[0].endpoint.url not in tried:
                return None  # others are finding out about those that it has not tried
            pick = self._take_panic(health, now, safety)
            if pick is not None:
                return pick
        return None

    def _take_panic(self, health: EndpointHealth, now: float, safety: Safety) -> Pick | None:
        # A suspect one still carries calls. The bound is for those that were taken out for a reason.
        if health.state is not State.SUSPECT and health.is_full(now):
            return None
        return health.take(now=now, safety=safety, last=True, panic=True)

    # -- reporting

    def report(
        self,
        pick: Pick,
        report: Report,
        *,
        now: float,
        detail: str = "",
        latency: float | None = None,
        shape: str = "",
        vetoed: bool = False,
    ) -> None:
        """
        Give a pick back with what was learned. A second report of the same pick does nothing.

        Args:
            pick: What `pick` or `begin_probe` gave.
            report: What was learned.
            now: The moment.
            detail: A failure in words; secrets are removed.
            latency: Seconds to the first byte of the answer; used for reads and probes only, as a chat measures the
                model.
            shape: What distinguishes requests for the rule about 500s, such as the model.
            vetoed: Our own event loop was late, so this timeout is no evidence.
        """
        if not pick.open:
            return
        health = pick.health
        health.give_back(pick)
        if pick.probation or health.state is _DRAINING:
            self._given_back(health, now)
        if vetoed or pick.epoch != health.epoch or report is _NONE:
            return
        if report is _SUCCESS and health.quiet:
            health.last_success = health.last_report = self._last_success = now
            health.rate.good(now)
        else:
            pick.strikes, pick.shapes = health.strikes, dict(health.server_errors)
            self._learn(pick, report, now=now, detail=detail, shape=shape)
        if report is _SUCCESS and pick.safety is _BILLABLE:
            health.last_chat = now
            self._chats.add(now - pick.at, now=now)
        elif latency is not None and pick.safety is Safety.SAFE and report in (Report.SUCCESS, Report.PROBE_GOOD):
            health.latency.add(latency)
            if not pick.probe:
                self._latencies.add(latency, now=now)

    def _learn(self, pick: Pick, report: Report, *, now: float, detail: str, shape: str) -> None:
        health = pick.health
        if report is Report.SUCCESS:
            self._last_success = now
        if pick.panic and report not in (Report.SUCCESS, Report.ANSWERED):
            health.last_panic = now
            self._stale()
        blind = self._local_fault and report is Report.PROBE_BAD  # the check got no further than the calls
        if blind or (report is Report.HARD and self._is_local_fault(health, now)):
            health.note(report, now=now, detail=detail)
            return
        if self._local_fault and report not in NO_CONNECTION:
            self._end_local_fault()
            if report in (Report.RECONNECTED, Report.ANSWERED, Report.PROBE_GOOD):
                health.move(Event.RECONNECTED, now)
        was_proven = health.proven
        alone, needed = not self._others(health, CARRYING), not self._others(health, FIT)
        judge(health, report, Evidence(now, detail, shape, alone, needed, pick.at))
        if health.proven is not was_proven or report is Report.RECONNECT_FAILED:
            self._stale()

    def broke_off(self, pick: Pick, *, now: float, detail: str, report: Report = Report.SOFT, shape: str = "") -> None:
        """An answer that had been accepted, and reported as a success, turned out to be none: a failure after all."""
        self._refresh(now)
        health = pick.health
        if pick.epoch == health.epoch:
            # The success that it seemed to be cleared nothing.
            health.strikes = max(health.strikes, pick.strikes)
            health.server_errors = {**(pick.shapes or {}), **health.server_errors}
            seen = Evidence(now, detail, shape, alone=not self._others(health, CARRYING), began=pick.at)
            judge(health, report, seen)

    def outdone(self, picks: Iterable[Pick], *, now: float) -> None:
        """Another endpoint has answered a call whose attempts at these met a broken upstream, or a 404 of strangers."""
        self._refresh(now)
        for pick in picks:
            health = pick.health
            if pick.epoch == health.epoch:
                detail = "another endpoint answered what this one could not"
                judge(health, Report.OUTDONE, Evidence(now, detail, alone=not self._others(health, CARRYING)))

    def release(self, pick: Pick) -> None:
        """Give a pick back without an opinion: cancelled, 4xx, 429."""
        self.report(pick, Report.NONE, now=pick.at)

    def _given_back(self, health: EndpointHealth, now: float) -> None:
        self._stale()
        if health.state is State.DRAINING and not health.open:
            self._leave(health, now)

    # -- everything failed at once

    def _is_local_fault(self, health: EndpointHealth, now: float) -> bool:
        """Whether this failed connection makes it every endpoint, with no success in between: then it is our side."""
        health.last_hard = now
        if self._local_fault:
            return True
        live = self._live()
        first = min(h.last_hard for h in live)
        if first < now - self._policy.local_fault_window or self._last_success >= first:
            return False
        self._local_fault = True
        since = max(now - self._policy.local_fault_window, self._last_success)
        for other in live:
            if other.state is not State.EJECTED or (other.cause is Cause.CONNECT and other.ejected_at >= since):
                other.move(Event.LOCAL_FAULT, now, reason="every endpoint failed at once: probably our own network")
                other.new_epoch()
                other.last_panic = other.last_hard
        self._stale()
        return True

    def _end_local_fault(self) -> None:
        self._local_fault = False
        for health in self._health.values():
            health.last_panic = NEVER
            health.wish_at = NEVER
        self._stale()

    # -- probing

    def begin_probe(self, url: str, *, now: float) -> Pick | None:
        """
        Take a pick for a health check or a bare connection; report it with one of the probe or reconnect reports.

        None if the endpoint has left, or is on probation and somebody is testing it already.
        """
        health = self._health.get(url)
        if health is None or health.state is State.DRAINING:
            return None
        testing = health.state is State.PROBATION
        if testing and health.trial is not None:
            return None
        pick = Pick(health.endpoint, health.epoch, now, Safety.SAFE, False, testing, False, True, health)
        if testing:
            health.trial = pick
            self._stale()
        return pick

    def hear(self, url: str, *, good: bool, at: float, now: float, flaps: int = 0) -> None:
        """
        Take over what another process of this machine has seen. Weak evidence: it never ejects an endpoint, and never
        proves one worthy of the key; whatever we have learned ourselves since then counts instead.

        Args:
            url: The endpoint; an unknown one is ignored.
            good: Whether it was well.
            at: When that was seen.
            now: The moment.
            flaps: How often it has gone down lately; its time as a spare is as long as if it had done so here.
        """
        health = self._health.get(url)
        if health is None or not health.proven or at <= (health.last_report or NEVER):
            return
        while len(health.flaps) < min(flaps, health.flaps.maxlen or 0):
            health.flaps.appendleft(min(at, now))
        report = Report.HEARD_GOOD if good else Report.HEARD_BAD
        detail = "" if good else "another process of this machine found it unwell"
        judge(health, report, Evidence(now, detail, needed=not self._others(health, FIT)))

    def take_probe_wishes(self, now: float) -> tuple[str, ...]:
        """URLs for which an extra health check would help (suspect, half-way ejected, untested, new); told once."""
        self._refresh(now)
        return tuple(url for url, health in self._health.items() if health.probe_due(now))

    def connect_checks(self, now: float) -> tuple[str, ...]:
        """URLs whose connection alone is worth trying, as calls came lately and connecting is what failed."""
        if now - self._last_call > self._policy.reconnect_recent:
            return ()
        self._refresh(now)
        return tuple(
            url
            for url, h in self._health.items()
            if (h.state is State.EJECTED and h.cause is Cause.CONNECT) or (self._local_fault and is_usable(h))
        )

    def stalled(self, now: float, *, vetoed: bool = False) -> tuple[str, ...]:
        """
        Eject endpoints whose reads or updates hang, and name them: their waiting reads (`waiting`) should move at once.

        Nothing happens for the last endpoint that carries calls, nor if `vetoed` (our own loop was late).
        """
        if vetoed:
            return ()
        self._refresh(now)
        found = []
        for health in self._ranked:
            if health.stalled(now) and self._others(health, CARRYING):
                judge(health, Report.STALL, Evidence(now, "calls hang without an answer"))
                found.append(health.endpoint.url)
        return tuple(found)

    def silenced(self, now: float, *, vetoed: bool = False) -> tuple[str, ...]:
        """
        Stop preferring endpoints whose chats wait far longer than usual while none is answered, and name them.

        A paid call in flight is never moved, and may be answered yet; but new ones should not follow it. A health check
        is wished for (`take_probe_wishes`): a bad one ejects; after a good one a single chat at a time tests the
        endpoint. Nothing happens if no other endpoint is fit, nor if `vetoed` (our own loop was late).
        """
        if vetoed:
            return ()
        self._refresh(now)
        policy = self._policy
        usual = self._chats.percentile(_USUAL_SHARE, now=now)
        limit = policy.silent_most if usual is None else max(policy.silent_after, policy.silent_factor * usual)
        limit = min(limit, policy.silent_most)
        found = []
        for health in self._ranked:
            if health.silent(now, limit=limit) and self._others(health, FIT):
                judge(health, Report.QUIET, Evidence(now, "chats wait without an answer"))
                found.append(health.endpoint.url)
        return tuple(found)

    @property
    def in_flight(self) -> bool:
        """Whether any call is under way."""
        return any(health.open for health in self._health.values())

    def next_wish(self, now: float) -> float:
        """Seconds until `take_probe_wishes` may have something to say; infinity if there is nothing planned."""
        return max(0.0, min(health.wish_at for health in self._health.values()) - now)

    def waiting(self, url: str) -> tuple[Pick, ...]:
        """Reads in flight to this endpoint, oldest first."""
        health = self._health.get(url)
        return () if health is None else tuple(pick for pick in health.open if pick.safety is Safety.SAFE)

    def connect_timeout(self, pick: Pick) -> float:
        """Seconds a connection may take for this attempt: little while there is another endpoint, more for the last."""
        return self._policy.connect_timeout_last if pick.last else self._policy.connect_timeout
