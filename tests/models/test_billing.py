"""Balance, plan, checkout: amounts and nothing but amounts are Decimals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from nexevo_async._codec import Undecodable, decode
from nexevo_async.models import Balance, BillingUsage, Checkout, CreditGrants, Plan, TotalUsage, UpgradeAdvice


def test_the_amounts_of_a_balance() -> None:
    """Decimal text under any name; ids, dates and words are none."""
    balance = decode(
        b'{"balance_usd": "-1.50", "granted": "3", "currency": "USD", "as_of": "2026-01-09", "v": "1.2.3", "n": 7}',
        Balance,
    )

    assert balance.amounts == {"balance_usd": Decimal("-1.50"), "granted": Decimal(3)}


def test_a_balance_that_came_as_a_number_is_exact() -> None:
    """Though text is documented."""
    balance = decode(b'{"balance_usd": 0.30000000000000004}', Balance)

    assert str(balance.balance_usd) == "0.30000000000000004"
    assert balance.amounts == {"balance_usd": Decimal("0.30000000000000004")}


def test_the_totals_are_read_from_the_text_of_json_floats() -> None:
    """No binary float comes in between; the meaningless total may be absent."""
    totals = decode(b'{"total_available": 0.1, "total_used": 1e-7, "object": "credit_summary"}', CreditGrants)

    assert (str(totals.total_available), totals.total_used) == ("0.1", Decimal("0.0000001"))
    assert totals.total_granted is None
    assert str(decode(b'{"total_usage": 12.340}', TotalUsage).total_usage) == "12.340"


def test_totals_are_required() -> None:
    """They are documented."""
    with pytest.raises(Undecodable) as caught:
        decode(b'{"total_used": 1}', CreditGrants)

    assert caught.value.problems == ("total_available: missing",)


@pytest.mark.parametrize("body", [b'{"hint": null}', b'{"hint": {}}', b"{}"])
def test_no_hint_is_falsy(body: bytes) -> None:
    """By both spellings."""
    advice = decode(body, UpgradeAdvice)

    assert not advice.hint
    assert not advice["hint"]


def test_a_plan_may_be_anything() -> None:
    """Its shape is not documented."""
    assert decode(b'{"plan": {"id": "pro"}}', Plan).plan == {"id": "pro"}


def test_usage_is_kept_as_it_came() -> None:
    """What stands inside is not documented."""
    usage = decode(b'{"by_tier": {"fast": "0.10"}, "daily": [["2026-01-09"]], "cost_usd": "0.10"}', BillingUsage)

    assert (usage.by_tier, usage.daily, usage.cost_usd) == (
        {"fast": "0.10"},
        [["2026-01-09"]],
        Decimal("0.10"),
    )


def test_the_address_of_a_checkout_is_not_in_the_repr() -> None:
    """Whoever holds it can see the session."""
    assert repr(decode(b'{"checkout_url": "https://pay.example/s3cret"}', Checkout)) == "Checkout()"
