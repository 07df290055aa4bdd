"""Whom to ask for its health next, and when. `now` is a clock that only grows (seconds), `wall` the one on the wall."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable

import attrs

from nexevo_async._sansio.backoff import growing
from nexevo_async._sansio.budget import Budget
from nexevo_async._sansio.policy import HealthPolicy

__all__ = ["ProbeSchedule", "ReconnectSchedule"]

#: After a suspend, health checks are spread over this many seconds.
_SPREAD = 10.0
#: A pause between bare connections is at most this share of the outage so far, but need not be shorter than so many
#: seconds: jitter alone would now and then let a repaired endpoint wait for as long as it was away.
_OUTAGE_SHARE = 0.75
_BRIEF = 3.5
#: A longer wish for patience is a mistake (seconds).
_LONGEST_WAIT = 86_400.0


@attrs.define(slots=True)
class _Turn:
    """When one endpoint is due: on a grid that jitter does not shift, so that an hour holds no more than its share."""

    grid: float
    at: float
    bucket: Budget


class ProbeSchedule:
    """
    The timetable of health checks of one client.

    The checks of several endpoints are staggered over the period, from a random start per process, each with jitter.
    Every check takes a token of its endpoint's bucket, extra ones too: in no hour does an endpoint meet more than the
    bucket holds and an hour refills (13 with the defaults).

    Args:
        policy: The numbers (`probe_period`, `probe_jitter`, `probe_bucket`, `probe_refill`, `skip_proven`, `idle_stop`,
            `suspend_gap`).
        rng: Source of jitter.
        now: The moment.
        wall: Seconds since 1970.
    """

    def __init__(self, *, policy: HealthPolicy, rng: random.Random, now: float, wall: float) -> None:
        self._policy = policy
        self._rng = rng
        self._phase = rng.random()
        self._turns: dict[str, _Turn] = {}
        self._clocks = (now, wall)
        self._last_call = now

    def track(self, urls: Iterable[str], *, now: float) -> None:
        """Take these endpoints as the list: new ones get a place in the period, others than these are forgotten."""
        wanted = list(dict.fromkeys(urls))
        self._turns = {url: turn for url, turn in self._turns.items() if url in wanted}
        period = self._policy.probe_period
        if period is None:
            self._turns.clear()
            return
        refill = self._policy.probe_refill or period
        for place, url in enumerate(wanted):
            if url not in self._turns:
                start = now + (self._phase + place / len(wanted)) % 1.0 * period
                bucket = Budget(ratio=0.0, cap=self._policy.probe_bucket, per_second=1.0 / refill, now=now)
                self._turns[url] = _Turn(start, start, bucket)

    def called(self, now: float) -> bool:
        """A call begins; True if health checks were resting and wake up now."""
        stop, idle = self._policy.idle_stop, now - self._last_call
        if idle > 0:
            self._last_call = now
        return stop is not None and idle > stop

    def next_in(self, now: float) -> float:
        """Seconds until `due` has something to say; 0.0 if it has now, infinity if nothing is planned."""
        if self._resting(now) or not self._turns:
            return float("inf")
        return max(0.0, min(turn.at for turn in self._turns.values()) - now)

    def due(self, now: float, *, proven: Collection[str] = ()) -> tuple[str, ...]:
        """
        URLs to ask now, each told once; their next turns are planned.

        Args:
            now: The moment.
            proven: URLs that a real call has just proved good, left out if the policy says so.
        """
        if self._resting(now):
            return ()
        asked = []
        for url, turn in self._turns.items():
            if turn.at > now:
                continue
            if self._policy.skip_proven and url in proven:
                self._plan(turn, now)
            elif turn.bucket.spend(now):
                self._plan(turn, now)
                asked.append(url)
            else:
                turn.at = now + self._until_token(turn.bucket, now)
        return tuple(asked)

    def ask_extra(self, url: str, *, now: float) -> bool:
        """Whether an extra check may be made now, out of the endpoint's spare tokens; takes one."""
        turn = self._turns.get(url)
        return turn is not None and turn.bucket.spend(now)

    def heard(self, url: str, *, at: float, now: float, paid: bool = False) -> None:
        """
        Another process of this machine has asked at this moment: it counts like our own check.

        Args:
            url: The endpoint.
            at: When it was asked.
            now: The moment.
            paid: A token was taken for it already, because we were about to ask ourselves.
        """
        turn = self._turns.get(url)
        if turn is not None:
            if not paid:
                turn.bucket.spend(now)
            turn.grid = at
            self._plan(turn, now)

    def postpone(self, url: str, seconds: float, *, now: float) -> None:
        """The service asked for patience (429): not before so many seconds, a day at most."""
        turn = self._turns.get(url)
        if turn is not None:
            turn.at = max(turn.at, now + min(seconds, _LONGEST_WAIT))

    def scatter(self, now: float) -> None:
        """Start anew from a random moment for each endpoint: a forked process must not ask when its parent asks."""
        period = self._policy.probe_period or 0.0
        for turn in self._turns.values():
            turn.grid = turn.at = now + self._rng.uniform(0.0, period)

    def tick(self, now: float, wall: float, *, promised: float | None = None) -> bool:
        """
        Compare the clocks; True if the machine slept or a clock was set, so that nothing known holds any more.

        Then every endpoint is due again within ten seconds.

        Args:
            now: The moment.
            wall: Seconds since 1970.
            promised: The moment for which this tick was planned: being far too late is a sign too, as some systems let
                the monotonic clock run on while they sleep.
        """
        grown, grown_wall = now - self._clocks[0], wall - self._clocks[1]
        self._clocks = (now, wall)
        gap = self._policy.suspend_gap
        if abs(grown_wall - grown) <= gap and (promised is None or now - promised <= gap):
            return False
        for turn in self._turns.values():
            turn.grid = turn.at = now + self._rng.uniform(0.0, _SPREAD)
        return True

    def _resting(self, now: float) -> bool:
        stop = self._policy.idle_stop
        return stop is not None and now - self._last_call > stop

    def _plan(self, turn: _Turn, now: float) -> None:
        period = self._policy.probe_period or float("inf")
        jitter = self._policy.probe_jitter * period
        missed = max(0.0, (now - turn.grid) // period)
        turn.grid += (missed + 1) * period
        turn.at = max(now, turn.grid + self._rng.uniform(-jitter, jitter))

    def _until_token(self, bucket: Budget, now: float) -> float:
        refill = self._policy.probe_refill or self._policy.probe_period or 0.0
        return (1.0 - bucket.in_hand(now)) * refill


class ReconnectSchedule:
    """When to try a bare connection to endpoints that could not be reached: soon at first, then less and less often."""

    def __init__(self, *, policy: HealthPolicy, rng: random.Random) -> None:
        self._policy = policy
        self._rng = rng
        self._turns: dict[str, tuple[int, float, float]] = {}  # how many were made, the next one, since when

    def due(self, urls: Iterable[str], now: float) -> tuple[str, ...]:
        """Those of the URLs (`EndpointPool.connect_checks`) to connect to now; URLs left out are forgotten."""
        turns = {url: self._turns.get(url) or (0, now + self._pause(0, 0.0), now) for url in urls}
        ready = tuple(url for url, (_, at, _) in turns.items() if at <= now)
        for url in ready:
            made, _, since = turns[url]
            turns[url] = (made + 1, now + self._pause(made + 1, now - since), since)
        self._turns = turns
        return ready

    def next_in(self, now: float) -> float:
        """Seconds until the next one is due; 0.0 if it is due now, infinity if there is none."""
        return max(0.0, min((at for _, at, _ in self._turns.values()), default=float("inf")) - now)

    def _pause(self, step: int, outage: float) -> float:
        policy = self._policy
        pause = growing(step, base=policy.reconnect_base, factor=policy.reconnect_factor, cap=policy.reconnect_cap)
        pause *= 1.0 + self._rng.uniform(-policy.reconnect_jitter, policy.reconnect_jitter)
        return min(pause, max(_BRIEF, _OUTAGE_SHARE * outage))
