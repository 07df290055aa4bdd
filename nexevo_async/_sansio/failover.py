"""
Which failure may go elsewhere: one table, every kind of failure against every kind of request.

The authority is the failover table of the high-availability design (4.4). Five refinements are ours: an idempotent
request (repeating leaves the same state) is treated as a read; a keyed request may go elsewhere only while no
attempt of it can have arrived anywhere, because nothing says that endpoints share their memory of keys; and a host that
discovery named and that is somebody else's now (`FOREIGN`) fails no read and no chat: it cannot have done them. A
success that is neither JSON nor HTML (`UNREADABLE`) is as good as one that broke off: whoever sent it said yes. A paid
request whose reused connection was closed goes to another endpoint if there is one: it is sent again only once, and
where it went first the new connection may be closed too.
"""

from __future__ import annotations

import enum
from typing import Final

from nexevo_async._messages import AttemptFailed, FailureKind, Safety
from nexevo_async._sansio.endpoint_state import Report
from nexevo_async._sansio.outcome import Happened


class Move(enum.Enum):
    """What to do after a failed attempt, if attempts and time are left."""

    ELSEWHERE = "another endpoint at once"
    ELSEWHERE_ONCE = "another endpoint, one time in this call"
    SAME_ONCE = "the same endpoint on a fresh connection, one time in this call"
    SAME = "the same endpoint after a wait"
    BOUNDED = "another endpoint if it is young and the allowance for paid repeats is not used up"
    WAIT = "wait as the service asks, then again"
    RAISE = "raise"
    UNKNOWN = "raise that the outcome is unknown"


_F, _F1, _S1, _S, _B, _W, _R, _OU = (
    Move.ELSEWHERE,
    Move.ELSEWHERE_ONCE,
    Move.SAME_ONCE,
    Move.SAME,
    Move.BOUNDED,
    Move.WAIT,
    Move.RAISE,
    Move.UNKNOWN,
)

#: Row: what happened. Columns: safe and idempotent, billable, keyed, unsafe.
TABLE: dict[Happened, tuple[Move, Move, Move, Move]] = {
    Happened.NEVER_LEFT: (_F, _F, _F, _F),
    Happened.CERTIFICATE: (_F, _F, _F, _F),
    Happened.STALE: (_S1, _F1, _S1, _OU),
    Happened.LOST: (_F, _B, _S, _OU),
    Happened.SILENT: (_F, _R, _S, _OU),
    Happened.BROKEN: (_F, _R, _OU, _OU),
    Happened.GATEWAY: (_F, _F, _S, _OU),
    Happened.EDGE_UNREACHED: (_F, _F1, _S, _OU),
    Happened.EDGE_LATE: (_F, _B, _S, _OU),
    Happened.SERVER: (_F1, _R, _S1, _OU),
    Happened.RATE: (_W, _W, _W, _W),
    Happened.FINAL: (_R, _R, _R, _R),
    Happened.FOREIGN: (_F1, _F1, _R, _R),
    Happened.MISPLACED: (_F, _R, _R, _R),
    Happened.UNREADABLE: (_F, _R, _OU, _OU),
}

_COLUMN = {Safety.SAFE: 0, Safety.IDEMPOTENT: 0, Safety.BILLABLE: 1, Safety.KEYED: 2, Safety.UNSAFE: 3}

_FAILURES: dict[FailureKind, Happened] = {
    FailureKind.CERTIFICATE: Happened.CERTIFICATE,
    FailureKind.STALE: Happened.STALE,
    FailureKind.RESET: Happened.LOST,
    FailureKind.SILENT: Happened.SILENT,
    FailureKind.BROKEN: Happened.BROKEN,
    FailureKind.MALFORMED: Happened.BROKEN,
    FailureKind.TOO_LARGE: Happened.FINAL,
}


#: Failures whose repeat costs nothing of the budget: nothing was done, or the service itself asked to wait.
FREE = frozenset({Happened.NEVER_LEFT, Happened.CERTIFICATE, Happened.RATE, Happened.STALE})

#: Failures after which it is certain that nothing was done: it never left, or was turned away.
NOT_DONE = FREE - {Happened.STALE} | {Happened.FINAL, Happened.FOREIGN, Happened.MISPLACED}

#: Failures of which nobody knows whether the call was done. One that is paid for is repeated after one of them only.
BLIND = frozenset({Happened.STALE, Happened.LOST, Happened.EDGE_LATE, Happened.SERVER})

#: What each kind of failure says about the endpoint; those not listed say nothing.
REPORTS: dict[Happened, Report] = {
    Happened.NEVER_LEFT: Report.HARD,
    Happened.CERTIFICATE: Report.HARD,
    Happened.LOST: Report.SOFT,
    Happened.SILENT: Report.SOFT,
    Happened.BROKEN: Report.SOFT,
    Happened.GATEWAY: Report.SOFT,
    Happened.EDGE_UNREACHED: Report.SOFT,
    Happened.EDGE_LATE: Report.SOFT,
    Happened.SERVER: Report.SERVER_ERROR,
    Happened.MISPLACED: Report.WARN,
    Happened.UNREADABLE: Report.WARN,
    Happened.RATE: Report.ANSWERED,
    Happened.FINAL: Report.ANSWERED,
}

#: Failures after which it is certain that nothing was done.
_NOT_EXECUTED = frozenset({Happened.NEVER_LEFT, Happened.CERTIFICATE, Happened.RATE})


#: A reused connection that breaks later than this (seconds) was not simply closed in the moment we wrote to it.
_STALE_AGE: Final = 1.0


def happened_instead(kind: FailureKind, *, age: float = 0.0) -> Happened:
    """The row for an attempt that broke without an answer, `age` seconds after it began."""
    happened = _FAILURES.get(kind, Happened.NEVER_LEFT)
    if happened is Happened.STALE and age >= _STALE_AGE:
        return Happened.LOST  # it had time to do something
    return happened


def move(
    happened: Happened, safety: Safety, *, repeat_billable: bool = True, repeat_server_error: bool = False
) -> Move:
    """
    What the table says.

    A caller who forbids repeating paid calls gets them treated as calls that must not arrive twice, except that a
    refusal is raised as what it is.
    """
    if safety is Safety.BILLABLE:
        if not repeat_billable and happened not in _NOT_EXECUTED:
            return Move.RAISE
        if repeat_server_error and happened is Happened.SERVER:
            return Move.ELSEWHERE_ONCE
    return TABLE[happened][_COLUMN[safety]]


def is_blameless(failure: AttemptFailed, happened: Happened) -> bool:
    """Whether a failure says nothing about the endpoint: our own pool, our own late loop, the caller's own deadline."""
    if failure.late or failure.kind in (FailureKind.POOL, FailureKind.NO_KEY):
        return True
    return happened is Happened.SILENT and failure.limit in ("total", "stall")
