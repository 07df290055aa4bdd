"""Money: what is left, what was used, and checkouts that charge once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

CHECKOUT = "/v1/billing/checkout"


async def test_the_opening_balance_is_a_decimal_string(api) -> None:
    assert await api.call("GET", "/v1/billing/balance") == {
        "balance_usd": "100.00",
        "month_spend_usd": "0.00",
        "currency": "USD",
    }


async def test_a_checkout_raises_the_balance_and_the_same_key_never_charges_twice(api) -> None:
    body = {"amount_usd": 25, "idempotency_key": "topup-2026-01-15-001"}
    first = await api.call("POST", CHECKOUT, body)
    assert first["checkout_url"].startswith("https://checkout.nexevo.invalid/cs_")
    assert (first["amount_usd"], first["status"]) == ("25.00", "paid")
    assert await api.call("POST", CHECKOUT, {**body, "amount_usd": "25.00"}) == first
    assert await api.balance() == Decimal(125)


async def test_the_same_key_for_another_amount_is_a_conflict(api) -> None:
    await api.call("POST", CHECKOUT, {"amount_usd": 25, "idempotency_key": "a"})
    refused = await api.refused("POST", CHECKOUT, {"amount_usd": 26, "idempotency_key": "a"}, expect=409)
    assert refused == ("idempotency_conflict", "idempotency_key")
    assert await api.balance() == Decimal(125)


async def test_two_accounts_may_use_the_same_idempotency_key(api) -> None:
    _, token = await api.someone("ann@example.com")
    for key in (api.key, token):
        await api.call("POST", CHECKOUT, {"amount_usd": 1, "idempotency_key": "a"}, key=key)
    assert (await api.balance(), await api.balance(token)) == (Decimal(101), Decimal(1))


async def test_an_amount_is_exact(api) -> None:
    for number in range(10):
        await api.call("POST", CHECKOUT, b'{"amount_usd": 0.1, "idempotency_key": "%d"}' % number)
    assert await api.balance() == Decimal(101)


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("amount_usd", {"idempotency_key": "a"}),
        ("amount_usd", {"amount_usd": 0, "idempotency_key": "a"}),
        ("amount_usd", {"amount_usd": -5, "idempotency_key": "a"}),
        ("amount_usd", {"amount_usd": True, "idempotency_key": "a"}),
        ("idempotency_key", {"amount_usd": 5}),
        ("idempotency_key", {"amount_usd": 5, "idempotency_key": ""}),
        ("idempotency_key", {"amount_usd": 5, "idempotency_key": "x" * 256}),
    ],
)
async def test_a_checkout_names_the_field_at_fault(api, field: str, body: object) -> None:
    assert (await api.refused("POST", CHECKOUT, body))[1] == field
    assert await api.balance() == Decimal(100)


async def test_usage_by_tier_and_by_day_without_gaps(api) -> None:
    api.clock.now = datetime(2026, 1, 13, 23, 59, 59, tzinfo=UTC)
    api.spend("0.10", tier="fast")
    api.clock.now = datetime(2026, 1, 15, tzinfo=UTC)
    api.spend("0.20", tier="balanced")
    api.spend("0.000000001", tier="fast")
    usage = await api.call("GET", "/v1/billing/usage?days=3")
    nothing = {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost_usd": "0.00"}
    once = {"requests": 1, "prompt_tokens": 10, "completion_tokens": 5}
    twice = {"requests": 2, "prompt_tokens": 20, "completion_tokens": 10}
    assert usage == {
        "days": 3,
        "requests": 3,
        "prompt_tokens": 30,
        "completion_tokens": 15,
        "cost_usd": "0.300000001",
        "by_tier": {
            "fast": {**twice, "cost_usd": "0.100000001"},
            "balanced": {**once, "cost_usd": "0.20"},
            "passthrough": nothing,
            "byok": nothing,
        },
        "daily": [
            {"date": "2026-01-13", **once, "cost_usd": "0.10"},
            {"date": "2026-01-14", **nothing},
            {"date": "2026-01-15", **twice, "cost_usd": "0.200000001"},
        ],
    }
    assert (await api.call("GET", "/v1/billing/usage?days=1"))["requests"] == 2
    assert len((await api.call("GET", "/v1/billing/usage"))["daily"]) == 30


@pytest.mark.parametrize("days", ["0", "-1", "367", "week"])
async def test_days_are_1_to_366(api, days: str) -> None:
    assert (await api.refused("GET", f"/v1/billing/usage?days={days}"))[1] == "days"


async def test_a_real_chat_is_paid_for(api) -> None:
    chat = {"model": "nexevo/balanced", "messages": [{"role": "user", "content": "Hello!"}]}
    answer = await api.call("POST", "/v1/chat/completions", chat)
    usage = await api.call("GET", "/v1/billing/usage?days=1")
    tier = usage["by_tier"]["balanced"]
    assert tier["prompt_tokens"] == answer["usage"]["prompt_tokens"]
    assert tier["completion_tokens"] == answer["usage"]["completion_tokens"]
    assert Decimal(usage["cost_usd"]) == 100 - await api.balance() > 0


async def test_without_balance_there_is_no_chat(api) -> None:
    api.spend("100")
    chat = {"model": "nexevo/fast", "messages": [{"role": "user", "content": "Hello!"}]}
    refused = await api.refused("POST", "/v1/chat/completions", chat, expect=402)
    assert refused == ("insufficient_balance", None)


async def test_the_hint_is_empty_until_another_plan_is_cheaper(api) -> None:
    assert await api.call("GET", "/v1/billing/plan") == {
        "plan": "payg",
        "monthly_fee_usd": "0.00",
        "discount_pct": 0,
    }
    api.spend("25")
    assert await api.call("GET", "/v1/billing/upgrade-hint") == {"hint": None}  # 5 + 80 % of 25 is no less
    api.spend("25")
    hint = await api.call("GET", "/v1/billing/upgrade-hint")
    assert hint == {"hint": {"recommend_plan": "pro", "savings_pct": 10}}  # 5 + 80 % of 50 is 45
    api.clock.now = datetime(2026, 2, 1, tzinfo=UTC)
    assert await api.call("GET", "/v1/billing/upgrade-hint") == {"hint": None}


async def test_credit_grants_are_json_floats(api) -> None:
    api.clock.now = datetime(2025, 12, 31, tzinfo=UTC)
    api.spend("1")
    api.clock.now = datetime(2026, 1, 15, tzinfo=UTC)
    api.spend("0.44000013")
    assert await api.call("GET", "/dashboard/billing/credit_grants") == {
        "object": "credit_summary",
        "total_granted": Decimal("99.0"),
        "total_used": Decimal("0.44000013"),
        "total_available": Decimal("98.55999987"),
    }


async def test_total_usage_includes_both_days(api) -> None:
    for day in (10, 11, 12, 13):
        api.clock.now = datetime(2026, 1, day, 23, 59, tzinfo=UTC)
        api.spend("0.5")

    async def total(query: str) -> Decimal:
        answer = await api.call("GET", f"/dashboard/billing/usage{query}")
        return Decimal(answer["total_usage"])

    assert await total("?start_date=2026-01-11&end_date=2026-01-12") == Decimal("1.0")
    assert await total("?start_date=2026-01-12") == Decimal("1.0")
    assert await total("") == Decimal("2.0")


@pytest.mark.parametrize("query", ["start_date=soon", "start_date=2026-01-12&end_date=2026-01-11"])
async def test_dates_that_are_none_are_refused(api, query: str) -> None:
    assert (await api.refused("GET", f"/dashboard/billing/usage?{query}"))[1] == "start_date"
