"""API keys: their description, and the one answer that holds the secret."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from nexevo_async.models._common import Model, model, secret

#: Where the requests of a key may be served.
GeoPolicy = Literal["cn-only", "overseas-only", "any"]


@model
class _Key(Model):
    name: str | None = None
    monthly_spend_cap_usd: Decimal | None = None
    alert_webhook_url: str | None = secret(default=None)
    geo_policy: GeoPolicy | str | None = None
    created_at: datetime | None = None


@model
class Key(_Key):
    """
    A key as the service describes it: without its secret, safe to store.

    Attributes:
        key_id: Its id, for the calls that change it; None if the service calls it otherwise.
        name: What its maker called it.
        monthly_spend_cap_usd: Most it may spend in a calendar month, in USD; None for no cap.
        alert_webhook_url: Where alerts about its spending go, or None. Left out of the repr: the path of a webhook
            often is its secret.
        geo_policy: Where its requests may be served: ``cn-only``, ``overseas-only`` or ``any``.
        created_at: When it was made, with its offset.

    .. versionadded:: 0.1.0
    """

    key_id: str | None = None


@model
class NewKey(_Key):
    """
    The description of a key that was just made; its id is certain.

    Attributes:
        key_id: Its id, for the calls that change it.
        name: What its maker called it.
        monthly_spend_cap_usd: Most it may spend in a calendar month, in USD; None for no cap.
        alert_webhook_url: Where alerts about its spending go, or None. Left out of the repr: the path of a webhook
            often is its secret.
        geo_policy: Where its requests may be served: ``cn-only``, ``overseas-only`` or ``any``.
        created_at: When it was made, with its offset.

    .. versionadded:: 0.1.0
    """

    key_id: str


@model
class CreatedKey(Model):
    """
    A key at birth, secret included.

    Attributes:
        key: The lasting description; safe to store.
        full_key: The secret itself, shown this once. Left out of the repr, so a stray log line cannot give it away.

    .. versionadded:: 0.1.0
    """

    key: NewKey
    full_key: str = secret()
