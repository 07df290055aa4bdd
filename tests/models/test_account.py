"""The account: nothing secret is ever shown."""

from __future__ import annotations

from datetime import UTC, datetime

from nexevo_async._codec import decode
from nexevo_async.models import LoginSession, Profile, TwoFactorSetup


def test_a_profile() -> None:
    """Every field in its type."""
    profile = decode(
        b'{"user_id": "usr_1", "email": "a@b.c", "full_name": null, "two_fa_enabled": false,'
        b' "created_at": "2026-01-09T08:00:00Z"}',
        Profile,
    )

    assert (profile.user_id, profile.full_name, profile.two_fa_enabled) == ("usr_1", None, False)
    assert profile.created_at == datetime(2026, 1, 9, 8, tzinfo=UTC)


def test_the_reprs_of_secrets() -> None:
    """Nothing of them is shown."""
    assert repr(TwoFactorSetup(secret="JBSW", otpauth_url="otpauth://x")) == "TwoFactorSetup()"
    assert repr(LoginSession(token="t", access_token="t", expires_in=60)) == "LoginSession(expires_in=60)"
