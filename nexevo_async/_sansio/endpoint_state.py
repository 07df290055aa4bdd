"""
The life of an endpoint as a table: states, what can happen, and what comes next.

`docs/explanation/failover.md` holds a picture of `TRANSITIONS`, drawn by `tools/draw_health.py`.
"""

from __future__ import annotations

import enum

import attrs

__all__ = ["NO_CONNECTION", "TRANSITIONS", "Cause", "EndpointChange", "Event", "Report", "State"]


class State(enum.StrEnum):
    """How much an endpoint is trusted."""

    UNKNOWN = "unknown"  # never tried, or trust expired; gets calls, after healthy ones of its priority
    HEALTHY = "healthy"
    SUSPECT = "suspect"  # some evidence against it; gets calls, last of all
    EJECTED = "ejected"  # no calls until its time is over, unless every endpoint is ejected
    PROBATION = "probation"  # one attempt at a time
    HELD = "held"  # works again, has not yet earned its rank: a spare
    DRAINING = "draining"  # left the list; running calls finish


class Report(enum.Enum):
    """What anybody learned about an endpoint, in passing (calls) or on purpose (probes)."""

    SUCCESS = "success"  # a usable answer, or one that is the caller's own business to read
    HARD = "hard"  # failed before the request left: DNS, refused, connect timeout, TLS, proxy, certificate
    SOFT = "soft"  # failed after it left: 502, 503, 529, 52x, 504, reset, silence, broken answer
    SERVER_ERROR = "server error"  # 500: counts only if two different shapes of request meet it
    OUTDONE = "outdone"  # another one answered what the upstream here could not, or nobody knows here: counts if usual
    WARN = "wrong answer"  # redirect, HTML, wrong envelope: as SOFT, and worth a warning
    STALL = "stall"  # reads hang
    SLOW = "slow"  # a chat gave no answer in time: weak evidence, it may be the model
    QUIET = "silent chats"  # several chats wait far longer than usual, and none is answered
    PROBE_GOOD = "good probe"
    PROBE_BAD = "bad probe"
    PROBE_UNKNOWN = "probe without opinion"  # 429, 401, 403, 404, redirect on the health route
    HEARD_GOOD = "good, as another process saw it"
    HEARD_BAD = "bad, as another process saw it"  # its network is not ours: weak evidence
    RECONNECTED = "reconnected"  # a bare connection worked
    RECONNECT_FAILED = "reconnect failed"
    ANSWERED = "answered"  # 4xx, 429: no opinion, but the way there works
    NONE = "none"  # cancelled, or vetoed because our own loop was late: no opinion at all


#: Reports that do not show that a connection is possible.
NO_CONNECTION = frozenset(
    {Report.HARD, Report.STALL, Report.PROBE_BAD, Report.PROBE_UNKNOWN, Report.RECONNECT_FAILED, Report.NONE}
)


class Event(enum.Enum):
    """What reports amount to once counted, and what time alone brings: the columns of the table."""

    SUCCESS = "success"
    SUCCESS_ON_HOLD = "success, hold not over"
    STRIKE = "failure, not enough of them"
    OUT = "hard failure, or enough soft ones"
    PROVEN = "enough successes"
    PROVEN_ALONE = "success, no other one fit"
    TIME_OVER = "time over"
    RECONNECTED = "reconnected"
    GOOD_PROBE = "good probe, half the time over"
    HOLD_OVER = "hold over"
    DISTRUST = "clock gap or fork"
    LOCAL_FAULT = "everything failed at once"
    ABSENT = "absent from two lists in a row"
    LISTED = "listed again"


class Cause(enum.Enum):
    """Why an endpoint was ejected; decides what brings it back."""

    CONNECT = "connect"
    SOFT = "soft"
    STALL = "stall"
    PROBE = "probe"
    OUTDONE = "outdone"


#: What changes a state. Everything that is not written here leaves the state as it is.
_CHANGES: dict[State, dict[Event, State]] = {
    State.UNKNOWN: {
        Event.SUCCESS: State.HEALTHY,
        Event.SUCCESS_ON_HOLD: State.HELD,
        Event.STRIKE: State.SUSPECT,
        Event.OUT: State.EJECTED,
        Event.LOCAL_FAULT: State.SUSPECT,
        Event.ABSENT: State.DRAINING,
    },
    State.HEALTHY: {
        Event.STRIKE: State.SUSPECT,
        Event.OUT: State.EJECTED,
        Event.DISTRUST: State.UNKNOWN,
        Event.LOCAL_FAULT: State.SUSPECT,
        Event.ABSENT: State.DRAINING,
    },
    State.SUSPECT: {
        Event.SUCCESS: State.HEALTHY,
        Event.SUCCESS_ON_HOLD: State.HELD,
        Event.OUT: State.EJECTED,
        Event.RECONNECTED: State.UNKNOWN,
        Event.DISTRUST: State.UNKNOWN,
        Event.ABSENT: State.DRAINING,
    },
    State.EJECTED: {
        Event.SUCCESS: State.PROBATION,  # of a call sent in panic
        Event.TIME_OVER: State.PROBATION,
        Event.RECONNECTED: State.PROBATION,
        Event.GOOD_PROBE: State.PROBATION,
        Event.LOCAL_FAULT: State.SUSPECT,  # the ejection was our own fault: taken back
        Event.ABSENT: State.DRAINING,
    },
    State.PROBATION: {
        Event.PROVEN: State.HELD,
        Event.PROVEN_ALONE: State.HEALTHY,
        Event.STRIKE: State.EJECTED,
        Event.OUT: State.EJECTED,
        Event.ABSENT: State.DRAINING,
    },
    State.HELD: {
        Event.SUCCESS: State.HEALTHY,
        Event.HOLD_OVER: State.HEALTHY,
        Event.STRIKE: State.SUSPECT,
        Event.OUT: State.EJECTED,
        Event.DISTRUST: State.UNKNOWN,
        Event.LOCAL_FAULT: State.SUSPECT,
        Event.ABSENT: State.DRAINING,
    },
    State.DRAINING: {
        Event.LISTED: State.UNKNOWN,
    },
}

#: The next state for every state and every event.
TRANSITIONS: dict[tuple[State, Event], State] = {
    (state, event): _CHANGES[state].get(event, state) for state in State for event in Event
}


@attrs.frozen
class EndpointChange:
    """
    One visible change of one endpoint, told once.

    Attributes:
        url: The endpoint.
        before: Its state until now; None when it joins.
        after: Its state from now on; None when it leaves.
        reason: Why, in words, without secrets.
        at: When, on the clock the pool is driven with (seconds).

    .. versionadded:: 0.1.0
    """

    url: str
    before: State | None
    after: State | None
    reason: str
    at: float
