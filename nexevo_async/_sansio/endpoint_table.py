"""The list of endpoints: who is on it, in which order, what has changed, and what a reader may see."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

import attrs

from nexevo_async._sansio.endpoint_health import CARRYING, FIT, NEVER, EndpointHealth
from nexevo_async._sansio.endpoint_state import Cause, EndpointChange, Event, State
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.ranking import is_usable, ranked, status, trials
from nexevo_async._sansio.windows import LatencyWindow
from nexevo_async.models.endpoints import Endpoint, EndpointStatus

__all__ = ["Ban", "EndpointTable"]

#: Between changes of state, latencies are compared again this often (seconds).
_RANK_PERIOD = 1.0


class Ban(NamedTuple):
    """An ejection: when it began, when it is over, and how often the endpoint has gone down lately."""

    at: float
    until: float
    flaps: int


class EndpointTable:
    """What `EndpointPool` chooses from. Split off for reading: one half keeps the list, the other decides."""

    def __init__(self, endpoints: Iterable[Endpoint], *, policy: HealthPolicy, rng: random.Random, now: float) -> None:
        self._policy = policy
        self._rng = rng
        self._health: dict[str, EndpointHealth] = {}
        self._changes: deque[EndpointChange] = deque(maxlen=1000)  # nobody may ever take them
        self._latencies = LatencyWindow()
        self._chats = LatencyWindow()
        self._throttled: dict[tuple[str, str], float] = {}
        self._last_success = NEVER
        self._last_call = NEVER
        self._local_fault = False
        self._ranked: list[EndpointHealth] = []  # those that may be picked outside panic, best first
        self._order: tuple[Endpoint, ...] = ()
        self._valid_until = NEVER
        self._trial_at = float("inf")
        self._any_fit = False
        self._alone = False
        self.version = 0
        for endpoint in endpoints:
            if endpoint.url not in self._health:
                self._join(endpoint, now)
        if not self._health:
            raise ValueError("the pool needs at least one endpoint: give a base URL")

    # -- throttling: an overlay for one credential, no opinion about health

    def throttle(self, url: str, credential: str, until: float) -> None:
        """Note that this endpoint wants no calls of this credential (an opaque name, never the key) before `until`."""
        self._throttled[url, credential] = max(until, self._throttled.get((url, credential), NEVER))

    def throttled_for(self, url: str, credential: str, *, now: float) -> float:
        """Seconds until this credential may call this endpoint; 0.0 if it may now."""
        left = self._throttled.get((url, credential), now) - now
        if left <= 0:
            self._throttled.pop((url, credential), None)
        return max(0.0, left)

    # -- the list

    def replace(self, discovered: Iterable[Endpoint], *, now: float) -> None:
        """
        Take over a good answer of discovery.

        New URLs join, unproven until a health check succeeds. A discovered URL absent from two answers in a row drains,
        then leaves; a configured one never does, and takes the listed priority only if it has none of its own. An empty
        answer is no order to forget everything: it changes nothing.
        """
        listed = {endpoint.url: attrs.evolve(endpoint, source="discovered") for endpoint in discovered}
        if not listed:
            return
        for url, endpoint in listed.items():
            if url in self._health:
                self._listed(self._health[url], endpoint.priority, now)
            else:
                self._join(endpoint, now)
        for url, health in list(self._health.items()):
            if url not in listed and health.endpoint.source == "discovered":
                health.absent += 1
                if health.absent >= 2:
                    self._drain(health, now)

    def retire(self, urls: Iterable[str], *, now: float) -> None:
        """Let discovered endpoints go whose list has grown too old to trust; configured ones stay."""
        for url in urls:
            health = self._health.get(url)
            if health is not None and health.endpoint.source == "discovered":
                health.absent = 2  # as if two lists in a row had left it out
                self._drain(health, now)

    def _drain(self, health: EndpointHealth, now: float) -> None:
        health.move(Event.ABSENT, now)
        if not health.open:
            self._leave(health, now)

    def _listed(self, health: EndpointHealth, priority: int, now: float) -> None:
        health.absent = 0
        health.move(Event.LISTED, now)
        if not health.proven:
            health.wish_at = now  # its proof may have failed, or was not made yet
        own = health.configured_priority
        if health.endpoint.priority != priority and not own:
            health.endpoint = attrs.evolve(health.endpoint, priority=priority)
            self._changed(health, health.state, f"priority is now {priority}", now)

    def _join(self, endpoint: Endpoint, now: float) -> None:
        health = EndpointHealth(endpoint, policy=self._policy, rng=self._rng, changed=self._changed)
        self._health[endpoint.url] = health
        self._changed(health, None, endpoint.source, now)

    def _leave(self, health: EndpointHealth, now: float) -> None:
        if self._health.get(health.endpoint.url) is health:  # not if the URL has come back as somebody new
            del self._health[health.endpoint.url]
            at = max(now, self._last_call)  # a released pick does not know better than its own beginning
            self._tell(EndpointChange(health.endpoint.url, health.state, None, health.reason, at))

    def distrust(self, now: float, *, forked: bool = False) -> None:
        """
        Forget what may no longer hold (the machine slept, the process forked): everything is unknown, bans are kept.

        Args:
            now: The moment.
            forked: This is a child process: the attempts in flight are its parent's.
        """
        self._local_fault = False
        self._latencies = LatencyWindow()
        self._chats = LatencyWindow()
        for health in self._health.values():
            health.move(Event.DISTRUST, now)
            health.new_epoch()
            health.last_panic = NEVER
            if forked:
                health.open.clear()
        self._stale()

    # -- looking

    def __len__(self) -> int:
        return len(self._live())

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Those that calls may be sent to, fit or not, in the order in which they joined."""
        return tuple(health.endpoint for health in self._live())

    @property
    def local_fault(self) -> bool:
        """Every endpoint failed to connect at once and none has answered since: the trouble is probably on our side."""
        return self._local_fault

    def read_latency(self, share: float, *, now: float) -> float | None:
        """Seconds within which `share` (0 to 1) of recent reads were answered, wherever; None if there were too few."""
        return self._latencies.percentile(share, now=now)

    def order(self, now: float) -> tuple[Endpoint, ...]:
        """Every endpoint, best first; ejected ones towards the end, in order of expiry."""
        self._refresh(now)
        return self._order

    def snapshot(self, now: float, *, clock: Callable[[float], datetime]) -> tuple[EndpointStatus, ...]:
        """What is known about each endpoint, in the order of `order`; `clock` turns a moment into an aware date."""
        return tuple(status(self._health[endpoint.url], now=now, clock=clock) for endpoint in self.order(now))

    @property
    def unproven(self) -> tuple[str, ...]:
        """URLs that get no call, and no key, before a health check without the key has succeeded."""
        return tuple(url for url, health in self._health.items() if not health.proven)

    def bans(self, now: float) -> dict[str, Ban]:
        """Every ejected URL."""
        self._refresh(now)
        ejected = {url: health for url, health in self._health.items() if health.state is State.EJECTED}
        return {url: Ban(health.ejected_at, health.until, len(health.flaps)) for url, health in ejected.items()}

    def in_panic(self, now: float) -> bool:
        """Whether no endpoint is fit to carry calls."""
        self._refresh(now)
        return not self._any_fit

    def discovery_wanted(self, now: float) -> bool:
        """Whether a fresh list could help: panic, an endpoint ejected for long, or a listed one that others outdo."""
        if self.in_panic(now):
            return True
        long_ago = now - self._policy.discover_after
        ejected = [health for health in self._health.values() if health.state is State.EJECTED]
        return any(
            h.ejected_at <= long_ago or (h.cause is Cause.OUTDONE and h.endpoint.source == "discovered")
            for h in ejected
        )

    def succeeded_since(self, moment: float) -> tuple[str, ...]:
        """URLs that real calls have proved good since this moment."""
        return tuple(url for url, health in self._health.items() if health.last_success >= moment)

    def take_changes(self) -> list[EndpointChange]:
        """What has changed since the last time, each told once (only the last thousand if nobody asks)."""
        changes = list(self._changes)
        self._changes.clear()
        return changes

    def _changed(self, health: EndpointHealth, before: State | None, reason: str, now: float) -> None:
        self._tell(EndpointChange(health.endpoint.url, before, health.state, reason, now))

    def _tell(self, change: EndpointChange) -> None:
        self._changes.append(change)
        self.version += 1
        self._stale()

    # -- the cached order

    def _live(self) -> list[EndpointHealth]:
        return [health for health in self._health.values() if health.proven and health.state is not State.DRAINING]

    def _others(self, health: EndpointHealth, states: frozenset[State]) -> bool:
        """Whether any other endpoint that calls may be sent to is in one of these states."""
        return any(h is not health and h.proven and h.state in states for h in self._health.values())

    def _stale(self) -> None:
        self._valid_until = NEVER

    def _refresh(self, now: float) -> None:
        if now >= self._valid_until:
            self._rank(now)

    def _rank(self, now: float) -> None:
        healths = self._health.values()
        for health in healths:
            health.advance(now)
        everyone = ranked(healths, now=now)
        usable = [health for health in everyone if is_usable(health)]
        self._order = tuple(health.endpoint for health in everyone)
        self._ranked = usable
        self._alone = sum(health.state in CARRYING for health in usable) <= 1
        self._any_fit = bool(usable) and usable[0].state in FIT
        self._trial_at = min((h.trial_at for h in trials(usable) if h.trial is None), default=float("inf"))
        self._valid_until = min((health.next_timer() for health in healths), default=float("inf"))
        self._valid_until = min(self._valid_until, now + _RANK_PERIOD)
