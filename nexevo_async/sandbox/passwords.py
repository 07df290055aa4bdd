"""Passwords: kept as scrypt hashes, compared in constant time."""

from __future__ import annotations

import hashlib
import secrets

_COST = 2**14  # RFC 7914's value for interactive logins; about 50 ms, so it can run between two requests
_BLOCK_SIZE = 8
_SALT_BYTES = 16


def hash_password(password: str) -> str:
    """A salted scrypt hash as text, with its cost in front so that later releases can raise it."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"scrypt${_COST}${salt.hex()}${_scrypt(password, salt, _COST).hex()}"


def password_fits(password: str, stored: str | None) -> bool:
    """Whether the password is the one that was hashed. No hash never fits, and takes as long, so nobody learns more."""
    _, cost, salt, expected = (stored or _NOBODY).split("$")
    found = _scrypt(password, bytes.fromhex(salt), int(cost))
    return secrets.compare_digest(found, bytes.fromhex(expected)) and stored is not None


def _scrypt(password: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=_BLOCK_SIZE, p=1, maxmem=256 * cost * _BLOCK_SIZE)


_NOBODY = f"scrypt${_COST}${'00' * _SALT_BYTES}${'00' * 64}"
