"""The budget that keeps repeats a small share of calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._sansio.budget import Budget


def retries(*, now: float = 0.0) -> Budget:
    return Budget(ratio=0.2, per_second=1.0, cap=20.0, now=now)


def spent(budget: Budget, now: float) -> int:
    count = 0
    while budget.spend(now):
        count += 1
    return count


def test_it_starts_full() -> None:
    assert spent(retries(), 0.0) == 20


def test_it_earns_one_permission_per_second() -> None:
    budget = retries()
    spent(budget, 0.0)

    assert spent(budget, 3.5) == 3
    assert spent(budget, 4.0) == 1


def test_five_calls_earn_one_permission() -> None:
    budget = retries()
    spent(budget, 0.0)
    for _ in range(5):
        budget.earn()

    assert spent(budget, 0.0) == 1


def test_twenty_calls_earn_one_hedge_whatever_binary_fractions_say() -> None:
    budget = Budget(ratio=0.05, cap=10.0, now=0.0)
    spent(budget, 0.0)
    for _ in range(20):
        budget.earn()

    assert spent(budget, 1000.0) == 1


def test_a_full_budget_earns_nothing() -> None:
    budget = retries()
    for _ in range(1000):
        budget.earn()

    assert spent(budget, 1000.0) == 20


def test_what_costs_two_is_refused_with_one_in_hand_and_takes_nothing() -> None:
    budget = Budget(ratio=0.0, cap=3.0, now=0.0)

    assert budget.spend(0.0, cost=2.0)
    assert not budget.spend(0.0, cost=2.0)
    assert budget.in_hand(0.0) == 1.0


def test_a_clock_that_steps_back_takes_nothing_away() -> None:
    budget = retries(now=100.0)

    assert budget.in_hand(50.0) == 20.0
    assert repr(budget) == "<Budget 20.0 of 20>"


@given(st.lists(st.sampled_from(["call", "spend", "second"]), max_size=300))
def test_repeats_never_exceed_a_share_of_calls_and_seconds(history: list[str]) -> None:
    budget, now, done = retries(), 0.0, 0
    for event in history:
        if event == "call":
            budget.earn()
        elif event == "second":
            now += 1.0
        else:
            done += budget.spend(now)

    assert done <= 20 + 0.2 * history.count("call") + history.count("second") + 1e-6
