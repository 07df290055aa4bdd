"""``client.billing``."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from nexevo_async._codec import Undecodable
from nexevo_async.errors import ConfigurationError
from nexevo_async.resources.billing import Billing, suggest_idempotency_key
from tests.resources.conftest import ScriptedTransport


async def test_balance(transport: ScriptedTransport) -> None:
    """Amounts are exact, whatever they are called."""
    transport.answer = {"balance_usd": "99.99887", "bonus": "0.10", "currency": "USD", "account": "acc_1"}

    balance = await Billing(transport).balance()

    assert transport.last.line == "GET /v1/billing/balance"
    assert balance.balance_usd == balance["balance_usd"] == Decimal("99.99887")
    assert balance.amounts == {"balance_usd": Decimal("99.99887"), "bonus": Decimal("0.10")}


@pytest.mark.parametrize(("arguments", "query"), [({}, {}), ({"days": 7}, {"days": 7})])
async def test_usage(transport: ScriptedTransport, arguments: dict[str, Any], query: dict[str, Any]) -> None:
    """By tier and by day, kept as they came."""
    transport.answer = {"days": 7, "by_tier": {"fast": {"cost_usd": "0.10"}, "byok": {}}, "daily": [{"date": "x"}]}

    usage = await Billing(transport).usage(**arguments)

    assert (transport.last.line, transport.last.query) == ("GET /v1/billing/usage", query)
    assert usage["by_tier"]["fast"]["cost_usd"] == "0.10"
    assert usage.daily == [{"date": "x"}]


@pytest.mark.parametrize("days", [0, -1, True, 1.5, "7"])
async def test_days_that_cannot_be(transport: ScriptedTransport, days: Any) -> None:
    """A whole number of at least 1."""
    with pytest.raises(ConfigurationError, match="days must be"):
        await Billing(transport).usage(days=days)


async def test_get_plan(transport: ScriptedTransport) -> None:
    """A name, or whatever stands in its place."""
    transport.answer = {"plan": "pro", "monthly_fee_usd": "5.00"}

    plan = await Billing(transport).get_plan()

    assert transport.last.line == "GET /v1/billing/plan"
    assert (plan.plan, plan.monthly_fee_usd) == ("pro", Decimal("5.00"))


async def test_upgrade_hint(transport: ScriptedTransport) -> None:
    """The documented sample; without advice the hint is falsy, be it null, empty or absent."""
    transport.answers = [{"hint": {"recommend_plan": "pro", "savings_pct": 12.5}}, {"hint": None}, {"hint": {}}, {}]
    billing = Billing(transport)

    hint = await billing.upgrade_hint()
    assert transport.last.line == "GET /v1/billing/upgrade-hint"
    assert hint["hint"]["recommend_plan"] == "pro"
    assert hint.hint is not None
    assert hint.hint.savings_pct == 12.5
    for _ in range(3):
        assert not (await billing.upgrade_hint())["hint"]


@pytest.mark.parametrize("amount", [Decimal("10.50"), "10.50"])
async def test_checkout(transport: ScriptedTransport, amount: Any) -> None:
    """A JSON number digit for digit; the key is in the body and known to the transport."""
    transport.answer = {"checkout_url": "https://pay.example/s3cret", "amount_usd": "10.50"}

    session = await Billing(transport).checkout(amount_usd=amount, idempotency_key="topup-2026-01-09-001")

    assert transport.last.line == "POST /v1/billing/checkout"
    assert transport.last.body == {"amount_usd": Decimal("10.50"), "idempotency_key": "topup-2026-01-09-001"}
    assert str(transport.last.body["amount_usd"]) == "10.50"
    assert transport.last.idempotency_key == "topup-2026-01-09-001"
    assert session.checkout_url == session["checkout_url"] == "https://pay.example/s3cret"
    assert "s3cret" not in repr(session)


async def test_a_checkout_without_its_address(transport: ScriptedTransport) -> None:
    """Is one error that names it."""
    with pytest.raises(Undecodable, match="checkout_url: missing"):
        await Billing(transport).checkout(amount_usd=1, idempotency_key="k")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"amount_usd": 10.5}, r"amount_usd must be exact, .*Decimal\('10.5'\)"),
        ({"amount_usd": 0}, "amount_usd must be more than zero"),
        ({"amount_usd": Decimal("NaN")}, "amount_usd must be a finite number"),
        ({"amount_usd": True}, "amount_usd must be .*, not a truth value"),
        ({"idempotency_key": ""}, "idempotency_key must not be empty"),
        ({"idempotency_key": "a\r\nb"}, "idempotency_key must not contain line breaks"),
        ({"idempotency_key": None}, "idempotency_key must be text"),
    ],
)
async def test_checkouts_that_cannot_be(transport: ScriptedTransport, arguments: dict[str, Any], problem: str) -> None:
    """Nothing is sent."""
    with pytest.raises(ConfigurationError, match=problem):
        await Billing(transport).checkout(**({"amount_usd": 1, "idempotency_key": "k"} | arguments))

    assert transport.sent == []


async def test_a_checkout_wants_both_arguments(transport: ScriptedTransport) -> None:
    """Neither has a default."""
    with pytest.raises(TypeError, match="idempotency_key"):
        await Billing(transport).checkout(amount_usd=1)  # type: ignore[call-arg]  # that is the point


def test_a_suggested_idempotency_key() -> None:
    """The form that the service suggests; the number has at least three digits."""
    assert suggest_idempotency_key(date(2026, 1, 9), 7) == "topup-2026-01-09-007"
    assert suggest_idempotency_key(date(2026, 1, 9), 1000) == "topup-2026-01-09-1000"
    with pytest.raises(ConfigurationError, match="number must be at least 1"):
        suggest_idempotency_key(date(2026, 1, 9), 0)


async def test_credit_grants(transport: ScriptedTransport) -> None:
    """JSON numbers become exact amounts from their text."""
    transport.answer = {"total_granted": 0, "total_used": Decimal("0.1"), "total_available": Decimal("99.900000001")}

    totals = await Billing(transport).credit_grants()

    assert transport.last.line == "GET /dashboard/billing/credit_grants"
    assert (totals.total_used, totals.total_available) == (Decimal("0.1"), Decimal("99.900000001"))


async def test_total_usage(transport: ScriptedTransport) -> None:
    """Days as dates or as text."""
    transport.answer = {"total_usage": Decimal("0.30")}

    usage = await Billing(transport).total_usage(start_date=date(2026, 1, 1), end_date="2026-01-31")

    assert transport.last.line == "GET /dashboard/billing/usage"
    assert transport.last.query == {"start_date": "2026-01-01", "end_date": "2026-01-31"}
    assert str(usage.total_usage) == "0.30"


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        ("2026-1-1", "2026-01-31", "start_date must be a date"),
        ("2026-01-01", None, "end_date must be a date"),
        ("2026-01-31", "2026-01-01", "end_date must not be before start_date"),
    ],
)
async def test_days_between_that_cannot_be(transport: ScriptedTransport, start: Any, end: Any, problem: str) -> None:
    """Nothing is sent."""
    with pytest.raises(ConfigurationError, match=problem):
        await Billing(transport).total_usage(start_date=start, end_date=end)

    assert transport.sent == []
