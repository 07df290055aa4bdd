"""
Exact money for the ledger: whole nano-dollars inside, decimal text outside.

SQLite has no decimal type, but it sums 64-bit integers exactly, so every amount is kept as a whole number of
nano-dollars (0.000 000 001 USD; about nine billion dollars fit). One token of a cheap model costs some hundred of them.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

NANO = 10**9
"""Nano-dollars in a dollar."""

_CENT = Decimal("0.01")
_EIGHT_DECIMALS = Decimal("0.00000001")


def to_nano(amount: Decimal) -> int:
    """Dollars as whole nano-dollars, halves rounded up."""
    return int((amount * NANO).to_integral_value(ROUND_HALF_UP))


def to_usd(nano: int) -> Decimal:
    """Nano-dollars as an exact amount of dollars."""
    return Decimal(nano) / NANO


def usd_text(nano: int) -> str:
    """Exact dollars as answers show them: at least two decimals, at most nine, no useless zeros (`"99.99985"`)."""
    amount = to_usd(nano).normalize()
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent > -2:  # the exponent is text only for NaN and infinity, never here
        amount = amount.quantize(_CENT)
    return f"{amount:f}"


def platform_text(nano: int) -> str:
    """Dollars as the platform calls show them: always eight decimals (`"0.44000013"`)."""
    return f"{to_usd(nano).quantize(_EIGHT_DECIMALS, ROUND_HALF_UP):f}"
