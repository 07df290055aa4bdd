"""The order among endpoints: a pure function of what is known about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from nexevo_async._sansio.endpoint_health import EndpointHealth
from nexevo_async._sansio.endpoint_state import State
from nexevo_async.models.endpoints import EndpointStatus

__all__ = ["is_usable", "ranked", "status", "trials"]

_RANK = {
    State.HEALTHY: 0,
    State.UNKNOWN: 0,
    State.HELD: 1,
    State.PROBATION: 2,
    State.SUSPECT: 3,
    State.EJECTED: 4,
    State.DRAINING: 6,
}
_UNPROVEN = 5

#: Endpoints whose latencies differ by less than this are equals: this many seconds, or this share of the best.
_WINDOW = 0.015
_WINDOW_SHARE = 0.2


def is_usable(health: EndpointHealth) -> bool:
    """Whether it may be picked outside panic."""
    return health.proven and _RANK[health.state] < _RANK[State.EJECTED]


def ranked(healths: Iterable[EndpointHealth], *, now: float) -> list[EndpointHealth]:
    """
    All endpoints, best first.

    Rank of the state (healthy and unknown; held; probation; suspect; ejected; not yet proven; draining), then priority,
    then healthy before unknown, quick before degraded, and the lower latency if the difference is worth it. Ejected
    ones stand in order of expiry.
    """
    healths = list(healths)
    best: dict[int, float] = {}
    for health in healths:
        latency, priority = health.latency.value, health.endpoint.priority
        if latency is not None and latency < best.get(priority, float("inf")):
            best[priority] = latency

    def key(health: EndpointHealth) -> tuple[float, ...]:
        state, priority = health.state, health.endpoint.priority
        ejected = state is State.EJECTED
        return (
            _RANK[state] if health.proven or state is State.DRAINING else _UNPROVEN,
            health.until if ejected else 0.0,
            -priority,
            state is State.UNKNOWN,
            now < health.degraded_until,
            *_band(health.latency.value, best.get(priority)),
            health.tie,
        )

    return sorted(healths, key=key)


def _band(latency: float | None, best: float | None) -> tuple[float, float]:
    """Near the best, then unknown (neither best nor worst), then the rest by latency."""
    if latency is None or best is None:
        return (1.0, 0.0)
    if latency <= best + max(_WINDOW, _WINDOW_SHARE * best):
        return (0.0, 0.0)
    return (2.0, latency)


def trials(usable: list[EndpointHealth]) -> list[EndpointHealth]:
    """Those that would stand at the front (or beside it) if only they were trusted, best first."""
    first = usable[0].endpoint.priority if usable else 0
    return [
        health
        for health in usable[1:]
        if health.state in (State.PROBATION, State.SUSPECT, State.HELD) and health.endpoint.priority >= first
    ]


def status(health: EndpointHealth, *, now: float, clock: Callable[[float], datetime]) -> EndpointStatus:
    """What a reader may know about one endpoint; `clock` turns a moment into a date."""
    return EndpointStatus(
        url=health.endpoint.url,
        priority=health.endpoint.priority,
        state=health.state.value,
        latency=health.latency.value,
        last_checked=None if health.last_report is None else clock(health.last_report),
        last_error=health.last_error,
        source=health.endpoint.source,
        reason=health.reason,
        ejected_for=max(0.0, health.until - now) if health.state is State.EJECTED else None,
        degraded=now < health.degraded_until,
    )
