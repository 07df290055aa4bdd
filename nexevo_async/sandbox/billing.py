"""What the account has, used and could save: balance, usage, plans, and checkouts that never charge twice."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import attrs

from nexevo_async.sandbox import ledger
from nexevo_async.sandbox.database import Database
from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.money import to_nano, to_usd, usd_text
from nexevo_async.sandbox.spending import TIERS
from nexevo_async.sandbox.users import get_user


@attrs.frozen(kw_only=True)
class Plan:
    """
    A plan of the sandbox; the numbers are made up, small enough to reach in a test.

    Attributes:
        name: What answers call it.
        monthly_fee: Dollars a month.
        discount_pct: Per cent off the price of tokens.
    """

    name: str
    monthly_fee: Decimal
    discount_pct: int

    def cost(self, usage: Decimal) -> Decimal:
        """Dollars for a month in which tokens cost `usage` dollars without a plan."""
        return self.monthly_fee + usage * (100 - self.discount_pct) / 100


PLANS = (
    Plan(name="payg", monthly_fee=Decimal(0), discount_pct=0),
    Plan(name="pro", monthly_fee=Decimal(5), discount_pct=20),
    Plan(name="scale", monthly_fee=Decimal(50), discount_pct=35),
)


def get_balance(db: Database, user_id: str) -> dict[str, Any]:
    """What is left, and what was used in the running month, sub-accounts included."""
    return {
        "balance_usd": usd_text(ledger.balance(db, user_id)),
        "month_spend_usd": usd_text(month_usage(db, user_id)),
        "currency": "USD",
    }


def get_usage(db: Database, user_id: str, days: int) -> dict[str, Any]:
    """What was used in the last `days` days (UTC, today included): in all, by tier, and day by day without gaps."""
    today = db.now().date()
    first = today - timedelta(days=days - 1)
    rows = db.all(
        "SELECT substr(created_at, 1, 10) AS day, tier, count(*) AS requests, sum(prompt_tokens) AS prompt_tokens,"
        " sum(completion_tokens) AS completion_tokens, sum(cost) AS cost FROM generations"
        " WHERE user_id = ? AND created_at >= ? GROUP BY day, tier",
        user_id,
        first.isoformat(),
    )
    by_tier = {tier: _Sum() for tier in TIERS}
    by_day = {(first + timedelta(days=offset)).isoformat(): _Sum() for offset in range(days)}
    total = _Sum()
    for row in rows:
        for part in (by_tier.setdefault(row["tier"], _Sum()), by_day.setdefault(row["day"], _Sum()), total):
            part.add(row["requests"], row["prompt_tokens"], row["completion_tokens"], row["cost"])
    return {
        "days": days,
        **total.describe(),
        "by_tier": {tier: part.describe() for tier, part in by_tier.items()},
        "daily": [{"date": day, **part.describe()} for day, part in by_day.items()],
    }


@attrs.define
class _Sum:
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0

    def add(self, requests: int, prompt_tokens: int, completion_tokens: int, cost: int) -> None:
        self.requests += requests
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        self.cost += cost

    def describe(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost_usd": usd_text(self.cost),
        }


def get_plan(db: Database, user_id: str) -> dict[str, Any]:
    """The account's plan."""
    plan = _plan(db, user_id)
    return {
        "plan": plan.name,
        "monthly_fee_usd": usd_text(to_nano(plan.monthly_fee)),
        "discount_pct": plan.discount_pct,
    }


def upgrade_hint(db: Database, user_id: str) -> dict[str, Any]:
    """The plan with which the running month would have been cheapest, or no hint when it is the account's own."""
    usage = to_usd(month_usage(db, user_id))
    own = _plan(db, user_id)
    best = min(PLANS, key=lambda plan: plan.cost(usage))
    if best.cost(usage) >= own.cost(usage):
        return {"hint": None}
    saved = (own.cost(usage) - best.cost(usage)) / own.cost(usage) * 100
    return {"hint": {"recommend_plan": best.name, "savings_pct": float(round(saved, 1))}}


def checkout(db: Database, user_id: str, *, amount: Decimal, idempotency_key: str) -> dict[str, Any]:
    """
    Buy balance; the sandbox settles at once.

    The same key with the same amount gives the first answer again and charges nothing; with another amount it is a 409.
    """
    nano = to_nano(amount)
    with db.transaction():
        known = db.one("SELECT * FROM checkouts WHERE user_id = ? AND idempotency_key = ?", user_id, idempotency_key)
        if known is None:
            checkout_id = db.new_id("cs")
            db.insert(
                "checkouts",
                user_id=user_id,
                idempotency_key=idempotency_key,
                checkout_id=checkout_id,
                amount=nano,
                created_at=db.timestamp(),
            )
            ledger.post(db, user_id, nano, ledger.TOP_UP, reference=checkout_id)
        elif known["amount"] != nano:
            message = (
                f"This idempotency key was used for {usd_text(known['amount'])} USD; use a new key for another amount."
            )
            raise ApiError(409, "idempotency_conflict", message, param="idempotency_key")
        else:
            checkout_id = str(known["checkout_id"])
    return {
        # `.invalid` can never be a real site (RFC 2606), so nobody pays by mistake
        "checkout_url": f"https://checkout.nexevo.invalid/{checkout_id}",
        "checkout_id": checkout_id,
        "amount_usd": usd_text(nano),
        "idempotency_key": idempotency_key,
        "status": "paid",
    }


def credit_grants(db: Database, user_id: str) -> dict[str, Any]:
    """Account totals as OpenAI's old dashboard call gives them: JSON floats."""
    left, used = ledger.balance(db, user_id), month_usage(db, user_id)
    return {
        "object": "credit_summary",
        "total_granted": float(to_usd(left + used)),
        "total_used": float(to_usd(used)),
        "total_available": float(to_usd(left)),
    }


def total_usage(db: Database, user_id: str, first: date, last: date) -> dict[str, Any]:
    """Dollars used from the first to the last day (UTC), both included, as a JSON float."""
    return {"object": "list", "total_usage": float(to_usd(_used(db, user_id, first, last)))}


def month_usage(db: Database, user_id: str) -> int:
    """Nano-dollars that the account used in the running calendar month (UTC), sub-accounts included."""
    today = db.now().date()
    return _used(db, user_id, today.replace(day=1), today)


def _used(db: Database, user_id: str, first: date, last: date) -> int:
    return int(
        db.value(
            "SELECT sum(cost) FROM generations WHERE user_id = ? AND created_at >= ? AND created_at < ?",
            user_id,
            first.isoformat(),
            (last + timedelta(days=1)).isoformat(),
        )
        or 0
    )


def _plan(db: Database, user_id: str) -> Plan:
    name = get_user(db, user_id)["plan"]
    return next(plan for plan in PLANS if plan.name == name)
