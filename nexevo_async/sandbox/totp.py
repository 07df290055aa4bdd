"""Time-based one-time passwords: RFC 6238 over RFC 4226, with the values every authenticator app uses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

PERIOD = 30
"""Seconds that a code is shown for."""

DIGITS = 6
"""Length of a code."""

_SECRET_BYTES = 20  # RFC 4226 section 4, R6: 160 bits recommended
_DRIFT = 1  # RFC 6238 section 5.2: one step of delay; we allow one step either way, for clocks that run fast


def new_totp_secret() -> str:
    """A new shared secret, in base32 without padding, as authenticator apps want it."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=")


def totp(secret: str, at: datetime, *, digits: int = DIGITS) -> str:
    """The code of that moment (RFC 6238 section 4.2, SHA-1, 30 seconds)."""
    return _hotp(secret, int(at.timestamp()) // PERIOD, digits)


def totp_fits(secret: str, code: str, at: datetime) -> bool:
    """
    Whether the code is that of now, of the step before or of the step after.

    A code may be used again while it is valid, against RFC 6238 section 5.2: in a sandbox nobody should wait half a
    minute between enabling the second factor and trying it.
    """
    step = int(at.timestamp()) // PERIOD
    given = code.replace(" ", "").encode()
    fits = [
        hmac.compare_digest(_hotp(secret, step + drift, DIGITS).encode(), given) for drift in range(-_DRIFT, _DRIFT + 1)
    ]
    return any(fits)


def otpauth_url(secret: str, *, account: str, issuer: str = "Nexevo Sandbox") -> str:
    """The address that authenticator apps read from a QR code."""
    query = urlencode(
        {"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": PERIOD}, quote_via=quote
    )
    return f"otpauth://totp/{quote(f'{issuer}:{account}')}?{query}"


def _hotp(secret: str, counter: int, digits: int) -> str:
    """RFC 4226 section 5.3."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, counter.to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)
