"""Sub-accounts of the platform. All of it is documented, so all fields are required."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from nexevo_async.models._common import Model, model, secret


@model
class ModelPricing(Model):
    """
    A model that a sub-account may use, and at what price.

    Attributes:
        model: The model.
        pricing_factor: What the price of the model is multiplied by.

    .. versionadded:: 0.1.0
    """

    model: str
    pricing_factor: Decimal


@model
class SubAccount(Model):
    """
    A sub-account.

    Attributes:
        id: Its number.
        user_id: The number of the user it belongs to.
        token: Its key. Left out of the repr, so a stray log line cannot give it away.
        token_type: ``slave``; other values are kept as text.
        alias: What its maker called it.
        enabled: Whether its key works.
        model_pricing: The models it may use; one that is not listed may not be used.
        balance: What it has left, in USD.
        monthly_cost: What it used this month, in USD.
        created_at: When it was made, with its offset.
        updated_at: When it last changed, with its offset.

    .. versionadded:: 0.1.0
    """

    id: int
    user_id: int
    token: str = secret()
    token_type: Literal["slave"] | str
    alias: str
    enabled: bool
    model_pricing: list[ModelPricing]
    balance: Decimal
    monthly_cost: Decimal
    created_at: datetime
    updated_at: datetime
