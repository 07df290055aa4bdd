"""Sub-accounts: documented to the last field."""

from __future__ import annotations

from decimal import Decimal

import pytest

from nexevo_async._codec import Undecodable, decode, encode
from nexevo_async.models import ModelPricing, SubAccount

ACCOUNT = {
    "id": 7,
    "user_id": 42,
    "token": "sk-s3cret",
    "token_type": "slave",
    "alias": "team",
    "enabled": False,
    "model_pricing": [{"model": "gpt-4o", "pricing_factor": "1.20"}],
    "balance": "0.44000013",
    "monthly_cost": "0.00000000",
    "created_at": "2026-01-09T08:00:00.000001+08:00",
    "updated_at": "2026-01-09T08:00:00.000001+08:00",
}


def test_a_sub_account_survives_the_round_trip() -> None:
    """As it was written, eight decimals and offset included."""
    account = decode(encode(ACCOUNT), SubAccount)

    assert account.to_dict() == ACCOUNT
    assert str(account.monthly_cost) == "0E-8"
    assert account.created_at.isoformat() == "2026-01-09T08:00:00.000001+08:00"
    assert "s3cret" not in repr(account)


@pytest.mark.parametrize(("factor", "exact"), [(b"1.20", "1.20"), (b'"1.20"', "1.20"), (b"2", "2")])
def test_a_factor_is_exact(factor: bytes, exact: str) -> None:
    """As a number or as text."""
    priced = decode(b'{"model": "gpt-4o", "pricing_factor": ' + factor + b"}", ModelPricing)

    assert str(priced.pricing_factor) == exact


def test_the_path_of_a_problem_goes_to_the_bottom() -> None:
    """Into the list of prices."""
    broken = ACCOUNT | {"model_pricing": [{"model": "gpt-4o", "pricing_factor": "1"}, {"model": "o3"}], "balance": None}

    with pytest.raises(Undecodable) as caught:
        decode(encode(broken), SubAccount)

    assert set(caught.value.problems) == {
        "model_pricing[1].pricing_factor: missing",
        "balance: not a valid Decimal",
    }
    assert "s3cret" not in str(caught.value)


def test_an_amount_made_by_hand_is_decimal_text_again() -> None:
    """As the service writes it."""
    assert ModelPricing(model="o3", pricing_factor=Decimal("1.20")).to_dict() == {
        "model": "o3",
        "pricing_factor": "1.20",
    }
