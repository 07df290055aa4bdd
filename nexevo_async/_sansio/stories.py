"""The sentences of errors that are about a whole call rather than about one answer. Data in, error out."""

from __future__ import annotations

from nexevo_async._messages import Attempt, AttemptFailed, Delivery, FailureKind, Request, Safety
from nexevo_async.errors import APIConnectionError, APITimeoutError, NexevoError, OutcomeUnknownError

_LIMITS = {
    "total": "the deadline of the whole call",
    "attempt": "the limit for one attempt",
    "connect": "the limit for connecting",
    "first_token": "the limit for the first token",
    "pool": "the limit for waiting for a free connection",
    "links_timeout": "the limit for one discovery",
}
#: Those whose length the error knows, and those that are no setting of `Timeout`.
_MEASURED = frozenset({"total", "links_timeout"})
_SETTINGS = {"links_timeout": "HealthPolicy.links_timeout"}


def connection_error(
    call: str, failure: AttemptFailed, attempts: tuple[Attempt, ...], *, seconds: float | None
) -> APIConnectionError:
    """The error for an attempt, or a call, that got no answer."""
    delivery = delivery_of(attempts)
    if failure.limit == "stall" or (failure.limit is None and failure.kind is not FailureKind.SILENT):
        detail = f": {failure.detail}" if failure.detail else ""
        return APIConnectionError(failure.kind.value + detail, delivery=delivery, call=call, attempts=attempts)
    limit = failure.limit or "total"
    seconds = seconds if limit in _MEASURED else None
    length = "" if seconds is None else f" of {seconds:g} s"
    return APITimeoutError(
        f"{failure.kind.value}; {_LIMITS[limit]}{length} passed ({_SETTINGS.get(limit, f'timeout.{limit}')})",
        limit=limit,
        seconds=seconds,
        delivery=delivery,
        call=call,
        attempts=attempts,
    )


def outcome_unknown(request: Request, cause: NexevoError, attempts: tuple[Attempt, ...]) -> OutcomeUnknownError:
    """The error for a call that makes something and whose answer was lost."""
    error = OutcomeUnknownError(
        f"it may have been done, and is not repeated because that could do it twice: {cause.message}",
        look_at=request.look_at,
        idempotency_key=request.idempotency_key,
        delivery=Delivery.MAYBE,
        call=request.name,
        attempts=attempts,
        trace_id=cause.trace_id,
    )
    error.__cause__ = cause
    return error


def probably_done(request: Request) -> str:
    """The end of the sentence about an answer that cannot be read, if the call makes something; else nothing."""
    if request.safety not in (Safety.KEYED, Safety.UNSAFE):
        return ""
    where = f"look at {request.look_at}" if request.look_at else "check the account"
    return (
        f"; the call was accepted and has probably been done. Before repeating it, {where} to see whether it happened"
    )


def wait_refused(call: str, pause: float, total: float | None) -> APITimeoutError:
    """The error for a call that the client's own rate limit would hold past its deadline."""
    return APITimeoutError(
        f"the client's rate_limit asks to wait {pause:.1f} s, which is past the deadline of {total:g} s",
        limit="total",
        seconds=total,
        delivery=Delivery.NEVER,
        call=call,
    )


def delivery_of(attempts: tuple[Attempt, ...]) -> Delivery:
    """MAYBE if any attempt may have been carried out; a rate limit (429) turns a request away before that."""
    maybe = any(attempt.delivered is Delivery.MAYBE and attempt.status != 429 for attempt in attempts)
    return Delivery.MAYBE if maybe else Delivery.NEVER
