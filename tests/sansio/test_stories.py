"""The sentences of errors about whole calls, read as a user reads them."""

from __future__ import annotations

import pytest

from nexevo_async._messages import Attempt, AttemptFailed, Delivery, FailureKind, Request, Safety
from nexevo_async._sansio.stories import connection_error, delivery_of, outcome_unknown, wait_refused
from nexevo_async.errors import APIConnectionError, APITimeoutError, InternalServerError, OutcomeUnknownError

A, B = "https://a.example", "https://b.example"


def attempt(url: str = A, kind: FailureKind = FailureKind.RESET) -> Attempt:
    return Attempt(base_url=url, problem=kind.value, delivered=kind.delivery)


def test_a_lost_connection_says_call_base_and_that_it_may_have_arrived() -> None:
    failure = AttemptFailed(FailureKind.RESET, "Connection reset by peer")
    error = connection_error("keys.list", failure, (attempt(),), seconds=600)
    assert type(error) is APIConnectionError
    assert str(error) == (
        "keys.list: connection lost before an answer: Connection reset by peer "
        "(at https://a.example, it may have been delivered)"
    )


def test_refused_everywhere_says_that_it_never_left_and_names_all_bases() -> None:
    attempts = (attempt(A, FailureKind.REFUSED), attempt(B, FailureKind.REFUSED))
    error = connection_error("keys.list", AttemptFailed(FailureKind.REFUSED), attempts, seconds=None)
    assert error.delivery == "never"
    assert str(error) == (
        "keys.list: connection refused (after 2 attempts at https://a.example, https://b.example, it never left). "
        "Nothing was done. Check the base URL and the network; client.endpoints.snapshot() tells what is known"
    )


@pytest.mark.parametrize(
    ("failure", "sentence", "limit", "seconds"),
    [
        (
            AttemptFailed(FailureKind.SILENT, limit="total"),
            "no answer in time; the deadline of the whole call of 30 s passed (timeout.total)",
            "total",
            30.0,
        ),
        (
            AttemptFailed(FailureKind.SILENT, limit="attempt"),
            "no answer in time; the limit for one attempt passed (timeout.attempt)",
            "attempt",
            None,
        ),
        (
            AttemptFailed(FailureKind.CONNECT_TIMEOUT, limit="connect"),
            "connect timeout; the limit for connecting passed (timeout.connect)",
            "connect",
            None,
        ),
        (
            AttemptFailed(FailureKind.POOL, limit="pool"),
            "no free connection; the limit for waiting for a free connection passed (timeout.pool)",
            "pool",
            None,
        ),
        (
            AttemptFailed(FailureKind.BROKEN, "the body did not arrive in time", limit="total"),
            "answer broke off; the deadline of the whole call of 30 s passed (timeout.total)",
            "total",
            30.0,
        ),
    ],
)
def test_a_limit_that_passed_is_named_as_the_setting_it_is(
    failure: AttemptFailed, sentence: str, limit: str, seconds: float | None
) -> None:
    error = connection_error("models.list", failure, (attempt(),), seconds=30.0)
    assert isinstance(error, APITimeoutError)
    assert isinstance(error, TimeoutError)
    assert (error.message, error.limit, error.seconds) == (sentence, limit, seconds)


def test_an_unknown_outcome_says_what_to_look_at_and_keeps_its_cause() -> None:
    request = Request(
        name="keys.create",
        method="POST",
        path="/v1/keys",
        safety=Safety.UNSAFE,
        look_at="keys.list",
        idempotency_key="k-1",
    )
    cause = InternalServerError("the gateway failed", status=502, trace_id="t-1")
    error = outcome_unknown(request, cause, (attempt(),))
    assert isinstance(error, OutcomeUnknownError)
    assert (error.look_at, error.idempotency_key, error.delivery, error.trace_id) == (
        "keys.list",
        "k-1",
        "maybe",
        "t-1",
    )
    assert error.__cause__ is cause
    assert str(error) == (
        "keys.create: it may have been done, and is not repeated because that could do it twice: the gateway failed "
        "(at https://a.example, trace id t-1, it may have been delivered). "
        "Before repeating it, look at keys.list to see whether it happened"
    )


def test_an_unknown_outcome_without_a_call_to_look_at_says_to_check_the_account() -> None:
    request = Request(name="organizations.create", method="POST", path="/v1/organizations", safety=Safety.UNSAFE)
    error = outcome_unknown(request, connection_error("x", AttemptFailed(FailureKind.RESET), (), seconds=None), ())
    assert str(error).endswith("Before repeating it, check the account to see whether it happened")


def test_a_refused_wait_gives_both_numbers_and_was_never_sent() -> None:
    error = wait_refused("keys.list", 12.34, 10.0)
    assert (error.delivery, error.limit, error.seconds) == ("never", "total", 10.0)
    assert "asks to wait 12.3 s, which is past the deadline of 10 s" in str(error)


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ((), Delivery.NEVER),
        ((attempt(A, FailureKind.REFUSED),), Delivery.NEVER),
        ((attempt(A, FailureKind.REFUSED), attempt(B, FailureKind.RESET)), Delivery.MAYBE),
        ((attempt(A, FailureKind.RESET), attempt(B, FailureKind.REFUSED)), Delivery.MAYBE),
        ((Attempt(base_url=A, status=429, problem="rate_limit_exceeded"),), Delivery.NEVER),
        ((Attempt(base_url=A, status=502, problem="upstream_error"),), Delivery.MAYBE),
    ],
)
def test_delivery_is_maybe_if_any_attempt_may_have_been_carried_out(
    attempts: tuple[Attempt, ...], expected: Delivery
) -> None:
    """A rate limit turned the request away before anything was done with it."""
    assert delivery_of(attempts) is expected
