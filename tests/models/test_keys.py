"""Keys: what may be logged and what may not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from nexevo_async._codec import Undecodable, decode, encode
from nexevo_async.models import CreatedKey, Key

KEY = {
    "key_id": "key_1",
    "name": "ci",
    "monthly_spend_cap_usd": "25.00",
    "alert_webhook_url": "https://example.com/T0/s3cret",
    "geo_policy": "cn-only",
    "created_at": "2026-01-09T08:00:00+00:00",
}


def test_a_key() -> None:
    """Every field in its type; the round trip is exact."""
    key = decode(encode(KEY), Key)

    assert (key.key_id, key.name, key.geo_policy) == ("key_1", "ci", "cn-only")
    assert key.monthly_spend_cap_usd == Decimal("25.00")
    assert key.created_at == datetime(2026, 1, 9, 8, tzinfo=UTC)
    assert key.to_dict() == KEY


def test_no_cap_is_none() -> None:
    """And is told apart from an answer that does not speak of it."""
    assert "monthly_spend_cap_usd" in decode(b'{"monthly_spend_cap_usd": null}', Key)
    assert "monthly_spend_cap_usd" not in decode(b"{}", Key)


def test_the_repr_of_a_created_key() -> None:
    """The secret is nowhere, nor is the path of the webhook."""
    created = decode(encode({"full_key": "sk-xc-s3cret", "key": KEY}), CreatedKey)

    assert created.full_key == "sk-xc-s3cret"
    assert repr(created) == (
        "CreatedKey(key=NewKey(name='ci', monthly_spend_cap_usd=Decimal('25.00'), geo_policy='cn-only', "
        "created_at=datetime.datetime(2026, 1, 9, 8, 0, tzinfo=datetime.timezone.utc), key_id='key_1'))"
    )


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"key": {"key_id": "k"}}, "full_key: missing"),
        ({"full_key": "sk-xc-s3cret"}, "key: missing"),
        ({"full_key": "sk-xc-s3cret", "key": {}}, "key.key_id: missing"),
        ({"full_key": 7, "key": {"key_id": "k"}}, "full_key: not text"),
    ],
)
def test_what_a_created_key_must_hold(body: dict[str, object], problem: str) -> None:
    """The error names the path and not the secret."""
    with pytest.raises(Undecodable) as caught:
        decode(encode(body), CreatedKey)

    assert caught.value.problems == (problem,)
