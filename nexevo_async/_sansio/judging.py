"""What a report amounts to: counting, and the rules for when it is enough. One function per report, in one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from nexevo_async._sansio.endpoint_health import FIT, EndpointHealth
from nexevo_async._sansio.endpoint_state import Cause, Event, Report, State

__all__ = ["Evidence", "judge"]


@attrs.define(slots=True)
class Evidence:
    """
    What comes with a report.

    Attributes:
        now: The moment (seconds).
        detail: The failure in words.
        shape: What distinguishes requests for the rule about 500s.
        alone: No other endpoint carries calls. Then only a connection failure ejects: pushing the last one away for
            being unwell helps nobody.
        needed: No other endpoint is fit. Then one success is enough to come back from an ejection.
        began: When the attempt set out; `now` unless told.
    """

    now: float
    detail: str = ""
    shape: str = ""
    alone: bool = False
    needed: bool = False
    began: float = attrs.Factory(lambda self: self.now, takes_self=True)


def judge(health: EndpointHealth, report: Report, evidence: Evidence) -> None:
    """Count a report of the current epoch, and move the endpoint if that is enough."""
    health.note(report, now=evidence.now, detail=evidence.detail)
    _RULES[report](health, evidence)
    health.settle()


def _succeeded(health: EndpointHealth, seen: Evidence) -> None:
    health.last_success = seen.now
    health.rate.good(seen.now)
    if seen.began < health.failed_from and not seen.needed:
        return  # "in a row" is the order of setting out: what was under way when an outage began does not clear it
    health.strikes = health.hard_strikes = health.outdone = 0
    health.server_errors.clear()
    if health.state is State.EJECTED:
        health.move(Event.SUCCESS, seen.now, reason="answered although it was ejected")
    _passed(health, seen)


def _passed(health: EndpointHealth, seen: Evidence) -> None:
    if health.state is not State.PROBATION:
        health.move(Event.SUCCESS_ON_HOLD if seen.now < health.hold_until else Event.SUCCESS, seen.now)
        return
    health.successes += 1
    if seen.needed:
        health.move(Event.PROVEN_ALONE, seen.now)
    elif health.successes >= health.policy.probation_successes:
        health.move(Event.PROVEN, seen.now)


def _failed_hard(health: EndpointHealth, seen: Evidence) -> None:
    health.last_hard = seen.now
    health.hard_strikes += 1
    health.failed_from = max(health.failed_from, seen.began)
    health.rate.bad(seen.now)
    _against(health, seen, Cause.CONNECT, out=health.hard_strikes >= health.policy.hard_strikes)


def _failed_soft(health: EndpointHealth, seen: Evidence) -> None:
    health.strikes += 1
    health.failed_from = max(health.failed_from, seen.began)
    health.rate.bad(seen.now)
    policy = health.policy
    often = health.rate.exceeds(policy.soft_rate, calls=policy.soft_rate_calls, now=seen.now)
    _against(health, seen, Cause.SOFT, out=(often or health.strikes >= policy.soft_strikes) and not seen.alone)


def _server_error(health: EndpointHealth, seen: Evidence) -> None:
    # One broken model is not a broken host: a 500 counts once a second shape of request has met it too.
    health.failed_from = max(health.failed_from, seen.began)
    oldest = seen.now - health.policy.soft_rate_window
    for shape in [shape for shape, at in health.server_errors.items() if at < oldest]:
        del health.server_errors[shape]
    health.server_errors[seen.shape] = seen.now
    if len(health.server_errors) >= 2 or health.state is State.PROBATION:
        health.last_failure = seen.now
        _failed_soft(health, seen)


def _outdone(health: EndpointHealth, seen: Evidence) -> None:
    # A broken upstream, or a 404, does not speak against the base URL, unless it works elsewhere, call after call.
    health.outdone += 1
    if health.outdone >= health.policy.soft_strikes or health.state is State.PROBATION:
        _against(health, seen, Cause.OUTDONE, out=not seen.alone)


def _stalled(health: EndpointHealth, seen: Evidence) -> None:
    _against(health, seen, Cause.STALL, out=not seen.alone)


def _slow(health: EndpointHealth, seen: Evidence) -> None:
    if health.state is State.PROBATION:
        _against(health, seen, Cause.SOFT, out=True)
    else:
        health.degrade(seen.now)


def _quiet(health: EndpointHealth, seen: Evidence) -> None:
    health.last_quiet = seen.now
    _against(health, seen, Cause.STALL, out=health.state in (State.PROBATION, State.SUSPECT))
    if health.state is State.SUSPECT:
        health.wish_at = seen.now


def _probed_good(health: EndpointHealth, seen: Evidence) -> None:
    health.probe_ok = health.proven = True
    match health.state:
        case State.EJECTED if health.cause is Cause.CONNECT or seen.now >= health.half_at:
            health.move(Event.GOOD_PROBE, seen.now)
        case State.PROBATION if health.cause in (Cause.CONNECT, Cause.PROBE):
            _passed(health, seen)  # for other causes a health check proves nothing: it may be good while calls fail
        case State.UNKNOWN:
            _passed(health, seen)
        case State.SUSPECT if seen.now - health.last_failure >= health.policy.probe_veto:
            health.strikes = health.hard_strikes = 0
            _passed(health, seen)
        case _:
            pass
    if _is_quiet(health):
        health.degrade(seen.now)


def _probed_bad(health: EndpointHealth, seen: Evidence) -> None:
    health.probe_ok = False
    quiet = _is_quiet(health)
    recently = not quiet and seen.now - health.last_success < health.policy.probe_veto
    if health.proven:
        _against(health, seen, Cause.STALL if quiet else Cause.PROBE, out=not recently and not seen.alone)
    health.ask_again(seen.now)


def _heard_good(health: EndpointHealth, seen: Evidence) -> None:
    match health.state:
        case State.UNKNOWN:
            _passed(health, seen)
        case State.EJECTED if seen.now >= health.half_at:
            health.probe_ok = True
            health.move(Event.GOOD_PROBE, seen.now)
        case State.PROBATION:
            health.probe_ok = True
        case State.SUSPECT if seen.now - health.last_failure >= health.policy.probe_veto:
            health.strikes = health.hard_strikes = 0
            _passed(health, seen)
        case _:
            pass


def _heard_bad(health: EndpointHealth, seen: Evidence) -> None:
    # Never the last fit one: somebody else's broken network must not bring panic over us.
    recently = seen.now - health.last_success < health.policy.probe_veto
    if health.state in FIT and not recently and not seen.needed:
        _against(health, seen, Cause.PROBE, out=False)


def _is_quiet(health: EndpointHealth) -> bool:
    """Whether its chats fell silent and nothing has been answered since."""
    return health.last_quiet > health.last_success


def _answered(health: EndpointHealth, seen: Evidence) -> None:
    if health.state is State.EJECTED and health.cause is Cause.CONNECT:
        health.move(Event.RECONNECTED, seen.now)


def _reconnect_failed(health: EndpointHealth, seen: Evidence) -> None:
    # Somebody watches the connection for us, so no call needs to be risked before it says yes (or stops watching).
    if health.state is State.EJECTED and health.cause is Cause.CONNECT:
        watch = health.policy.reconnect_cap * (1 + health.policy.reconnect_jitter)
        health.until = max(health.until, seen.now + watch)


def _nothing(health: EndpointHealth, seen: Evidence) -> None:
    pass


def _against(health: EndpointHealth, seen: Evidence, cause: Cause, *, out: bool) -> None:
    if health.state is not State.EJECTED:  # one outage, one ejection
        reason = f"{cause.value}: {health.last_error}"
        health.move(Event.OUT if out else Event.STRIKE, seen.now, cause=cause, reason=reason)


_RULES: Final[dict[Report, Callable[[EndpointHealth, Evidence], None]]] = {
    Report.SUCCESS: _succeeded,
    Report.HARD: _failed_hard,
    Report.SOFT: _failed_soft,
    Report.WARN: _failed_soft,
    Report.SERVER_ERROR: _server_error,
    Report.OUTDONE: _outdone,
    Report.STALL: _stalled,
    Report.SLOW: _slow,
    Report.QUIET: _quiet,
    Report.PROBE_GOOD: _probed_good,
    Report.PROBE_BAD: _probed_bad,
    Report.PROBE_UNKNOWN: _nothing,
    Report.HEARD_GOOD: _heard_good,
    Report.HEARD_BAD: _heard_bad,
    Report.RECONNECTED: _answered,
    Report.RECONNECT_FAILED: _reconnect_failed,
    Report.ANSWERED: _answered,
    Report.NONE: _nothing,
}
