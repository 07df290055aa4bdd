"""Reading what a request says: JSON bodies, queries and money, with refusals that name the field and the limit."""

from __future__ import annotations

import json
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import attrs
from aiohttp import web

from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.money import NANO

LARGEST_AMOUNT = Decimal(1_000_000)
"""Most dollars that one request may move, so that the ledger's 64-bit sums cannot overflow."""


def refuse(name: str, complaint: str, *, code: str = "invalid_value") -> NoReturn:
    """Answer 400: the field `name`, followed by what is wrong with it."""
    raise ApiError(400, code, f"'{name}' {complaint}.", param=name)


def require(name: str, condition: bool, complaint: str) -> None:
    """Answer 400 about the field `name` unless the condition holds."""
    if not condition:
        refuse(name, complaint)


async def read_body(request: web.Request) -> Body:
    """
    The request's JSON object.

    Raises:
        ApiError: 400 when the body is not JSON or not an object, 413 when it is too large.
    """
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(413, "request_too_large", "The request body is too large.") from None
    return parse_body(raw)


def parse_body(raw: bytes) -> Body:
    """A JSON object from its bytes; numbers with a fraction become `Decimal`, exactly as written."""
    try:
        data = json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)
        if b"\\u" in raw:  # a lone surrogate is valid JSON, but no text that could be stored or sent again
            json.dumps(data, ensure_ascii=False, default=str).encode()
    except (ValueError, ArithmeticError, RecursionError):
        message = (
            "The request body is not valid JSON." if raw.strip() else "The request body is empty; send a JSON object."
        )
        raise ApiError(400, "invalid_json", message) from None
    if not isinstance(data, dict):
        raise ApiError(400, "invalid_json", "The request body must be a JSON object.")
    return Body(data)


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


@attrs.frozen
class Body:
    """
    A JSON object whose fields are read with checks. Every reader answers 400, naming the field, for what does not fit.

    Attributes:
        fields: The object as it came; fractions are `Decimal`.
    """

    fields: dict[str, Any]

    def has(self, name: str) -> bool:
        """Whether the field was sent at all, null included."""
        return name in self.fields

    def value(self, name: str) -> Any:
        """The field, whatever it holds; it must be there and must not be null."""
        value = self.fields.get(name)
        if value is None:
            refuse(name, "is required", code="missing_required_parameter")
        return value

    def text(self, name: str, *, at_least: int = 0, at_most: int | None = None) -> str:
        """A required string; lengths are in characters, and white space alone does not count."""
        value = self.value(name)
        if not isinstance(value, str):
            refuse(name, "must be a string", code="invalid_type")
        if len(value.strip()) < at_least:
            refuse(name, "must not be empty" if at_least == 1 else f"must have at least {at_least} characters")
        if at_most is not None and len(value) > at_most:
            refuse(name, f"must have at most {at_most} characters, and has {len(value)}")
        return value

    def optional_text(self, name: str, *, at_most: int | None = None) -> str | None:
        """A string, or None when it is null or absent."""
        return None if self.fields.get(name) is None else self.text(name, at_most=at_most)

    def choice(self, name: str, options: Collection[str]) -> str:
        """A required string that is one of the options."""
        value = self.text(name)
        if value not in options:
            refuse(name, f"must be one of {', '.join(sorted(options))}")
        return value

    def integer(self, name: str, *, at_least: int, at_most: int) -> int:
        """A required whole number within bounds, both included; a boolean is none."""
        value = self.value(name)
        if not isinstance(value, int) or isinstance(value, bool):
            refuse(name, "must be an integer", code="invalid_type")
        if not at_least <= value <= at_most:
            refuse(name, f"must be between {at_least} and {at_most}")
        return value

    def money(self, name: str, *, zero: bool = False) -> Decimal:
        """A required amount of dollars, as JSON number or decimal string; above zero, unless `zero` allows it."""
        amount = to_decimal(name, self.value(name))
        if amount < 0 or (amount == 0 and not zero):
            refuse(name, "must not be negative" if zero else "must be greater than zero")
        if amount > LARGEST_AMOUNT:
            refuse(name, f"must be at most {LARGEST_AMOUNT}")
        if amount * NANO != (amount * NANO).to_integral_value():
            refuse(name, "must have at most nine decimals")
        return amount

    def texts(self, name: str, *, at_least: int = 0, at_most: int, length: int) -> list[str]:
        """A required list of non-empty strings: how many there may be, both bounds included, and how long each."""
        value = self.value(name)
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            refuse(name, "must be a list of non-empty strings", code="invalid_type")
        if not at_least <= len(value) <= at_most:
            refuse(name, f"must have {at_least} to {at_most} entries, and has {len(value)}")
        if any(len(item) > length for item in value):
            refuse(name, f"must have entries of at most {length} characters")
        return value


def to_decimal(name: str, value: object) -> Decimal:
    """A finite decimal from a JSON number or a decimal string; 400 for anything else, booleans included."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        refuse(name, "must be a number or a decimal string", code="invalid_type")
    try:
        number = Decimal(value)
    except InvalidOperation:
        refuse(name, "must be a number or a decimal string")
    if not number.is_finite():
        refuse(name, "must be a finite number")
    return number


def query_integer(request: web.Request, name: str, *, default: int, at_least: int, at_most: int) -> int:
    """A whole number from the query, within bounds, both included."""
    text = request.query.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        refuse(name, "must be an integer", code="invalid_type")
    if not at_least <= number <= at_most:
        refuse(name, f"must be between {at_least} and {at_most}")
    return number
