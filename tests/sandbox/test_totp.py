"""One-time passwords against the vectors of RFC 6238, appendix B."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from nexevo_async.sandbox.totp import new_totp_secret, otpauth_url, totp, totp_fits

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expected", "seconds"),
    [
        ("94287082", 59),
        ("07081804", 1111111109),
        ("14050471", 1111111111),
        ("89005924", 1234567890),
        ("69279037", 2000000000),
        ("65353130", 20000000000),
    ],
)
def test_the_vectors_of_rfc_6238_appendix_b(expected: str, seconds: int) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert totp(RFC_SECRET, at, digits=8) == expected
    assert totp(RFC_SECRET, at) == expected[-6:]


@pytest.mark.parametrize(("fits", "seconds"), [(True, 0), (True, -30), (True, 30), (False, -60), (False, 60)])
def test_a_code_may_be_one_step_early_or_late(fits: bool, seconds: int) -> None:
    code = totp(RFC_SECRET, NOON + timedelta(seconds=seconds))
    assert totp_fits(RFC_SECRET, code, NOON) is fits


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "１２３４５６", "0" * 1000])
def test_anything_else_does_not_fit(code: str) -> None:
    assert not totp_fits(RFC_SECRET, code, NOON)


def test_a_code_may_be_typed_with_a_gap() -> None:
    code = totp(RFC_SECRET, NOON)
    assert totp_fits(RFC_SECRET, f"{code[:3]} {code[3:]}", NOON)


def test_a_secret_has_160_bits_and_is_new_each_time() -> None:
    secret = new_totp_secret()
    assert len(base64.b32decode(secret)) == 20
    assert secret != new_totp_secret()


def test_the_address_holds_what_an_authenticator_app_needs() -> None:
    parts = urlsplit(otpauth_url(RFC_SECRET, account="ann@example.com"))
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/Nexevo%20Sandbox%3Aann%40example.com")
    assert parse_qs(parts.query) == {
        "secret": [RFC_SECRET],
        "issuer": ["Nexevo Sandbox"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }
