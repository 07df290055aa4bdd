"""Spend alerts as values: when a key has passed a part of its monthly cap."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

THRESHOLDS = (80, 100)
"""Per cent of the cap at which an alert goes out."""


@attrs.frozen(kw_only=True)
class SpendAlert:
    """
    A key has passed a threshold of its monthly cap.

    Attributes:
        url: Where to send the alert; left out of the repr, because such addresses often carry a secret.
        key_id: The key that spends.
        threshold_pct: The threshold that was passed, in per cent of the cap.
        month: Calendar month in UTC, such as `2026-01`.
        month_spend_usd: What the key has spent in that month.
        monthly_spend_cap_usd: The key's cap.
        at: When it was passed.
    """

    url: str = attrs.field(repr=False)
    key_id: str
    threshold_pct: int
    month: str
    month_spend_usd: Decimal
    monthly_spend_cap_usd: Decimal
    at: datetime


def passed_thresholds(before: int, after: int, cap: int) -> list[int]:
    """The thresholds that lie between two sums, the first exclusive; all three in the same unit, the cap above zero."""
    return [percent for percent in THRESHOLDS if before * 100 < cap * percent <= after * 100]
