"""The failover table, every row and every column written out: a change of it has to change this file."""

from __future__ import annotations

import pytest

from nexevo_async._messages import Delivery, FailureKind, Safety
from nexevo_async._sansio.failover import TABLE, Move, happened_instead, move
from nexevo_async._sansio.outcome import Happened

COLUMNS = (Safety.SAFE, Safety.IDEMPOTENT, Safety.BILLABLE, Safety.KEYED, Safety.UNSAFE)

# What happened, then what to do for a read, an update, a paid call, a call with an idempotency key, a creating call.
EXPECTED = """
NEVER_LEFT      ELSEWHERE       ELSEWHERE       ELSEWHERE       ELSEWHERE  ELSEWHERE
CERTIFICATE     ELSEWHERE       ELSEWHERE       ELSEWHERE       ELSEWHERE  ELSEWHERE
STALE           SAME_ONCE       SAME_ONCE       ELSEWHERE_ONCE  SAME_ONCE  UNKNOWN
LOST            ELSEWHERE       ELSEWHERE       BOUNDED         SAME       UNKNOWN
SILENT          ELSEWHERE       ELSEWHERE       RAISE           SAME       UNKNOWN
BROKEN          ELSEWHERE       ELSEWHERE       RAISE           UNKNOWN    UNKNOWN
GATEWAY         ELSEWHERE       ELSEWHERE       ELSEWHERE       SAME       UNKNOWN
EDGE_UNREACHED  ELSEWHERE       ELSEWHERE       ELSEWHERE_ONCE  SAME       UNKNOWN
EDGE_LATE       ELSEWHERE       ELSEWHERE       BOUNDED         SAME       UNKNOWN
SERVER          ELSEWHERE_ONCE  ELSEWHERE_ONCE  RAISE           SAME_ONCE  UNKNOWN
RATE            WAIT            WAIT            WAIT            WAIT       WAIT
FINAL           RAISE           RAISE           RAISE           RAISE      RAISE
FOREIGN         ELSEWHERE_ONCE  ELSEWHERE_ONCE  ELSEWHERE_ONCE  RAISE      RAISE
MISPLACED       ELSEWHERE       ELSEWHERE       RAISE           RAISE      RAISE
UNREADABLE      ELSEWHERE       ELSEWHERE       RAISE           UNKNOWN    UNKNOWN
"""
ROWS = [line.split() for line in EXPECTED.strip().splitlines()]
CELLS = [(Happened[row[0]], safety, Move[word]) for row in ROWS for safety, word in zip(COLUMNS, row[1:], strict=True)]


@pytest.mark.parametrize(("happened", "safety", "expected"), CELLS, ids=lambda value: value.name)
def test_every_cell_says_what_the_design_says(happened: Happened, safety: Safety, expected: Move) -> None:
    assert move(happened, safety) is expected


def test_the_table_is_total() -> None:
    """Every failure has a row, and only success has none."""
    assert set(TABLE) == set(Happened) - {Happened.ACCEPTED} == {Happened[row[0]] for row in ROWS}


@pytest.mark.parametrize("happened", TABLE, ids=lambda value: value.name)
def test_a_caller_who_forbids_repeating_paid_calls_gets_no_repeat_of_one_that_may_have_arrived(
    happened: Happened,
) -> None:
    expected = {
        Happened.NEVER_LEFT: Move.ELSEWHERE,
        Happened.CERTIFICATE: Move.ELSEWHERE,
        Happened.RATE: Move.WAIT,
    }.get(happened, Move.RAISE)
    assert move(happened, Safety.BILLABLE, repeat_billable=False) is expected


@pytest.mark.parametrize("safety", [safety for safety in COLUMNS if safety is not Safety.BILLABLE])
@pytest.mark.parametrize("happened", TABLE, ids=lambda value: value.name)
def test_options_for_paid_calls_change_nothing_for_others(happened: Happened, safety: Safety) -> None:
    assert move(happened, safety, repeat_billable=False, repeat_server_error=True) is move(happened, safety)


def test_a_paid_call_is_repeated_after_a_500_if_asked_for() -> None:
    assert move(Happened.SERVER, Safety.BILLABLE, repeat_server_error=True) is Move.ELSEWHERE_ONCE
    assert move(Happened.SERVER, Safety.BILLABLE, repeat_billable=False, repeat_server_error=True) is Move.RAISE
    assert move(Happened.LOST, Safety.BILLABLE, repeat_server_error=True) is Move.BOUNDED


@pytest.mark.parametrize(
    ("kind", "happened", "delivery"),
    [
        (FailureKind.POOL, Happened.NEVER_LEFT, "never"),
        (FailureKind.NO_KEY, Happened.NEVER_LEFT, "never"),
        (FailureKind.DNS, Happened.NEVER_LEFT, "never"),
        (FailureKind.REFUSED, Happened.NEVER_LEFT, "never"),
        (FailureKind.CONNECT_TIMEOUT, Happened.NEVER_LEFT, "never"),
        (FailureKind.CONNECT, Happened.NEVER_LEFT, "never"),
        (FailureKind.TLS, Happened.NEVER_LEFT, "never"),
        (FailureKind.PROXY, Happened.NEVER_LEFT, "never"),
        (FailureKind.CERTIFICATE, Happened.CERTIFICATE, "never"),
        (FailureKind.STALE, Happened.STALE, "maybe"),
        (FailureKind.RESET, Happened.LOST, "maybe"),
        (FailureKind.SILENT, Happened.SILENT, "maybe"),
        (FailureKind.BROKEN, Happened.BROKEN, "maybe"),
        (FailureKind.MALFORMED, Happened.BROKEN, "maybe"),
        (FailureKind.TOO_LARGE, Happened.FINAL, "maybe"),
    ],
)
def test_every_way_to_break_has_a_row_and_says_whether_it_left(
    kind: FailureKind, happened: Happened, delivery: str
) -> None:
    assert (happened_instead(kind), kind.delivery) == (happened, delivery)


def test_only_failures_that_never_left_fall_into_the_rows_that_repeat_unsafe_calls() -> None:
    """The one mistake of this table that would do something twice."""
    for kind in FailureKind:
        if move(happened_instead(kind), Safety.UNSAFE) is Move.ELSEWHERE:
            assert kind.delivery is Delivery.NEVER
