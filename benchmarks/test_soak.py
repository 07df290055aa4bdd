"""What the soak makes of its journal: right and wrong ones spelled out, no network."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.soak_journal import Outage, problems, repeats

CHAT, PAY, MAKE = "chat.completions.create", "billing.checkout", "keys.create"


def entry(second: float, base: int, route: str = CHAT, **more: Any) -> dict[str, Any]:
    """One arrival, so many seconds after 1970."""
    return {
        "time": f"1970-01-01T00:00:{second:09.6f}+00:00",
        "base": base,
        "route": route,
        "status": 200,
        "fault": "slow",
        "body_digest": "d",
        "idempotency_key": "k",
        "authorized": route != "endpoints.health",
        **more,
    }


RIGHT = {
    "once": [entry(1, 0)],
    "turned away, then answered": [entry(1, 0, status=503, fault="status"), entry(1.1, 1)],
    "reset, then answered elsewhere": [entry(1, 0, status=None, fault="reset"), entry(1.1, 1)],
    "reset, on a fresh connection too, then elsewhere": [
        entry(1, 0, status=None, fault="reset"),
        entry(1.1, 0, status=None, fault="reset"),
        entry(1.2, 1),
    ],
    "an edge that gave up": [entry(1, 0, status=504, fault="status"), entry(1.1, 1)],
    "cut off when its base refused": [entry(1, 2, status=None), entry(4, 1)],
    "a payment that stays": [entry(1, 0, PAY, status=None), entry(3, 0, PAY)],
    "a payment that was turned away for the rate": [entry(1, 0, PAY, status=429), entry(3, 1, PAY)],
    "a creation that was turned away": [entry(1, 0, MAKE, status=429), entry(2, 0, MAKE)],
    "a check without the key": [entry(1, 0, "endpoints.health")],
}


@pytest.mark.parametrize("journal", RIGHT.values(), ids=RIGHT)
def test_what_may_happen_is_no_problem(journal: list[dict[str, Any]]) -> None:
    assert problems(journal, [Outage(2, 3.0)]) == []


WRONG = {
    "answered twice": ([entry(1, 0), entry(1.1, 1)], "paid for twice"),
    "sent again while it hangs": ([entry(1, 0, status=None, fault="hang"), entry(1.6, 1)], "paid for twice"),
    "sent again after its answer had begun": ([entry(1, 0, fault="reset_mid"), entry(1.6, 1)], "paid for twice"),
    "sent again after a 500": ([entry(1, 0, status=500, fault="status"), entry(1.6, 1)], "paid for twice"),
    "sent again when it was old": ([entry(1, 0, status=None, fault="reset"), entry(8, 1)], "paid for twice"),
    "sent again and again": (
        [entry(1 + n / 10, n % 3, status=None, fault="reset") for n in range(4)],
        "paid for twice",
    ),
    "another base refused": ([entry(1, 0, status=None), entry(4, 1)], "paid for twice"),
    "a payment at two bases": ([entry(1, 0, PAY, status=None), entry(3, 1, PAY)], "wandered"),
    "a creation that may have been made": ([entry(1, 0, MAKE, status=None), entry(3, 0, MAKE)], "arrived twice"),
    "a key at the health route": ([entry(1, 0, "endpoints.health", authorized=True)], "carried the key"),
}


@pytest.mark.parametrize(("journal", "said"), WRONG.values(), ids=WRONG)
def test_what_must_not_happen_is_seen(journal: list[dict[str, Any]], said: str) -> None:
    found = problems(journal, [Outage(2, 3.0)])
    assert len(found) == 1
    assert said in found[0]


def test_a_journal_that_is_full_may_hide_something() -> None:
    assert problems([entry(1, 0, "models.get")] * 250_000, []) == ["the journal is full, and does not tell everything"]


def test_repeats_are_those_that_had_not_been_turned_away() -> None:
    lost = [entry(1, 0, status=None, fault="reset"), entry(1.1, 1)]
    assert repeats([*lost, *RIGHT["turned away, then answered"][:1], entry(5, 1)]) == 2
