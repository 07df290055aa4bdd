"""May this key spend, and what did it spend: what chat and embeddings ask before and after a generation."""

from __future__ import annotations

import json
from decimal import Decimal

from nexevo_async.sandbox import ledger
from nexevo_async.sandbox.alerts import SpendAlert, passed_thresholds
from nexevo_async.sandbox.database import Database
from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.money import to_nano, to_usd, usd_text
from nexevo_async.sandbox.principal import Principal

TIERS = ("fast", "balanced", "passthrough", "byok")
"""The tiers that usage is divided into."""

_PREFERENCES = (":fast", ":cheap", ":quality")


def check_cap(store: Database, principal: Principal) -> None:
    """
    Refuse every request of a key that has used up its monthly cap; for all keyed routes.

    Raises:
        ApiError: 402 `spend_cap_exceeded`.
    """
    if principal.kind != "main":
        return
    row = store.one(
        "SELECT monthly_spend_cap, amount FROM keys JOIN spend USING (key_id)"
        " WHERE key_id = ? AND month = ? AND amount >= monthly_spend_cap",
        principal.key_id,
        store.month(),
    )
    if row is not None:
        spent, cap = usd_text(row["amount"]), usd_text(row["monthly_spend_cap"])
        message = (
            f"Key {principal.key_id} has spent {spent} USD of its monthly cap of {cap} USD, and is refused until"
            " the month ends. Raise or clear the cap with another key of the account."
        )
        raise ApiError(402, "spend_cap_exceeded", message)


def check_may_spend(store: Database, principal: Principal, *, model: str, estimate: Decimal) -> None:
    """
    Refuse a generation that the caller may not make or cannot pay.

    Args:
        store: The state.
        principal: Who asks.
        model: Model as the caller named it; a sub-account must have a price for it (`:fast` and the like do not count).
        estimate: Dollars it may cost, before a sub-account's pricing factor. Zero still needs a balance above zero.

    Raises:
        ApiError: 403 `model_not_allowed`, 402 `insufficient_balance`. The cap is checked at the door, by `check_cap`.
    """
    factor = _pricing_factor(store, principal, model)
    if factor is None:
        raise ApiError(
            403, "model_not_allowed", f"This sub-account has no price for the model '{model}'.", param="model"
        )
    left = ledger.balance(store, principal.user_id, sub_account_id=principal.sub_account_id)
    if left <= 0 or left < to_nano(estimate * factor):
        message = f"The balance of {usd_text(left)} USD does not cover this request. Top up, then try again."
        raise ApiError(402, "insufficient_balance", message)


def record_usage(
    store: Database,
    principal: Principal,
    *,
    generation_id: str,
    model: str,
    tier: str,
    prompt_tokens: int,
    completion_tokens: int,
    cost: Decimal,
    conversation_id: str | None,
    priced_as: str | None = None,
) -> Decimal:
    """
    Book a generation: its row, its cost, the key's spend of the month, and alerts that it sets off.

    Requests that run at the same time are admitted by what was left when they began, so the last of them may take a
    balance a little below zero. An account that was deleted meanwhile is not an error: nothing is booked.

    Args:
        store: The state.
        principal: Who asked.
        generation_id: New id of the generation.
        model: Model that answered.
        tier: `fast`, `balanced`, `passthrough` or `byok`.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        cost: Dollars, before a sub-account's pricing factor.
        conversation_id: The conversation it belongs to, or None.
        priced_as: Model as the caller named it, whose pricing factor counts; None means `model`.

    Returns:
        The dollars booked, after the pricing factor.
    """
    factor = _pricing_factor(store, principal, priced_as or model) or Decimal(1)
    amount = to_nano(cost * factor)
    with store.transaction():
        sub_account_id = principal.sub_account_id
        paid = ledger.post(
            store, principal.user_id, -amount, ledger.USAGE, reference=generation_id, sub_account_id=sub_account_id
        )
        if not paid:
            return to_usd(amount)
        store.insert(
            "generations",
            generation_id=generation_id,
            user_id=principal.user_id,
            key_id=principal.key_id,
            conversation_id=conversation_id,
            model=model,
            tier=tier,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost=amount,
            created_at=store.timestamp(),
        )
        ledger.add_spend(store, principal.key_id, amount)
        alerts = _alerts(store, principal, amount)
    for alert in alerts:
        if store.on_alert is not None:
            store.on_alert(alert)
    return to_usd(amount)


def _pricing_factor(store: Database, principal: Principal, model: str) -> Decimal | None:
    """What a sub-account pays as a multiple of the price; 1 for main accounts, None when the model is not priced."""
    if principal.sub_account_id is None:
        return Decimal(1)
    pricing = json.loads(
        store.value("SELECT model_pricing FROM sub_accounts WHERE id = ?", principal.sub_account_id) or "{}"
    )
    base, _, preference = model.rpartition(":")
    factor = pricing.get(model) or (pricing.get(base) if f":{preference}" in _PREFERENCES else None)
    return None if factor is None else Decimal(factor)


def _alerts(store: Database, principal: Principal, amount: int) -> list[SpendAlert]:
    """The alerts that the last `amount` nano-dollars of a key set off; only keys with a cap and a webhook have any."""
    if principal.kind != "main":
        return []
    row = store.one(
        "SELECT amount, monthly_spend_cap, alert_webhook_url FROM keys JOIN spend USING (key_id)"
        " WHERE key_id = ? AND month = ? AND monthly_spend_cap IS NOT NULL AND alert_webhook_url IS NOT NULL",
        principal.key_id,
        store.month(),
    )
    if row is None:
        return []
    spent, cap = row["amount"], row["monthly_spend_cap"]
    return [
        SpendAlert(
            url=row["alert_webhook_url"],
            key_id=principal.key_id,
            threshold_pct=percent,
            month=store.month(),
            month_spend_usd=to_usd(spent),
            monthly_spend_cap_usd=to_usd(cap),
            at=store.now(),
        )
        for percent in passed_thresholds(spent - amount, spent, cap)
    ]
