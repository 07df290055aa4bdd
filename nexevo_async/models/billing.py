"""Balance, usage, plan, checkout. Every amount is a `Decimal`, read from the text of the answer."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from nexevo_async.models._common import Model, model, secret

_AMOUNT: Final = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


@model
class Balance(Model):
    """
    What the account holds.

    The service documents that amounts are decimal strings, not what they are called: `amounts` has them all.

    Attributes:
        balance_usd: What is left, in USD; None if the service calls it otherwise.
        currency: The currency, or None if not told.

    .. versionadded:: 0.1.0
    """

    balance_usd: Decimal | None = None
    currency: str | None = None

    @property
    def amounts(self) -> dict[str, Decimal]:
        """Every amount that arrived, by the service's own name."""
        return {
            name: Decimal(value)
            for name, value in self.to_dict().items()
            if isinstance(value, Decimal) or (isinstance(value, str) and _AMOUNT.fullmatch(value))
        }


@model
class BillingUsage(Model):
    """
    What was used in the last days. What stands inside `by_tier` and `daily` is not documented and kept as it came:
    amounts there are decimal text, to be read with ``Decimal(…)``.

    Attributes:
        days: How many days it covers.
        cost_usd: What all of it cost, in USD.
        by_tier: The usage of each tier: ``fast``, ``balanced``, ``passthrough`` and ``byok``.
        daily: The usage of each day.

    .. versionadded:: 0.1.0
    """

    days: int | None = None
    cost_usd: Decimal | None = None
    by_tier: dict[str, Any] | None = None
    daily: list[Any] | None = None


@model
class Plan(Model):
    """
    The plan of the account.

    Attributes:
        plan: Which plan it is: its name, or whatever the service sends in its place.
        monthly_fee_usd: What it costs a month, in USD.

    .. versionadded:: 0.1.0
    """

    plan: Any = None
    monthly_fee_usd: Decimal | None = None


@model
class UpgradeHint(Model):
    """
    A plan that would have been cheaper. An empty hint is falsy, like an empty mapping.

    Attributes:
        recommend_plan: The plan to change to.
        savings_pct: What it would save, in per cent.

    .. versionadded:: 0.1.0
    """

    recommend_plan: str | None = None
    savings_pct: float | None = None


@model
class UpgradeAdvice(Model):
    """
    The answer to the question for a cheaper plan.

    Attributes:
        hint: The advice; None or empty if the present plan is right.

    .. versionadded:: 0.1.0
    """

    hint: UpgradeHint | None = None


@model
class Checkout(Model):
    """
    A checkout to be paid.

    Attributes:
        checkout_url: Where to pay. Left out of the repr: whoever holds it can see the session.
        amount_usd: What will be charged, in USD.
        idempotency_key: The key that was sent along.

    .. versionadded:: 0.1.0
    """

    checkout_url: str = secret()
    amount_usd: Decimal | None = None
    idempotency_key: str | None = None


@model
class CreditGrants(Model):
    """
    The totals of the account, in USD.

    Attributes:
        total_available: What is left.
        total_used: What was used this month.
        total_granted: Without meaning there; None if it is left out.

    .. versionadded:: 0.1.0
    """

    total_available: Decimal
    total_used: Decimal
    total_granted: Decimal | None = None


@model
class TotalUsage(Model):
    """
    What was used between two days.

    Attributes:
        total_usage: The sum, as the service counts it.

    .. versionadded:: 0.1.0
    """

    total_usage: Decimal
