"""Request bodies: what is refused, and how clearly."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async.sandbox.body import Body, parse_body
from nexevo_async.sandbox.errors import ApiError


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[1]",
        b'"text"',
        b"null",
        b"\xff",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e99999999999999999999}',
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 100_000,
    ],
)
def test_what_is_no_json_object_is_a_400(raw: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_body(raw)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")


@given(st.binary(max_size=40))
def test_no_bytes_break_it(raw: bytes) -> None:
    with suppress(ApiError):
        parse_body(raw)


@pytest.mark.parametrize(
    ("expected", "raw"),
    [("0.1", b"0.1"), ("0.1", b'"0.1"'), ("25", b"25"), ("0.000000001", b"1e-9"), ("1000000", b"1000000.0")],
)
def test_money_is_read_exactly_from_numbers_and_strings(expected: str, raw: bytes) -> None:
    assert parse_body(b'{"amount": ' + raw + b"}").money("amount") == Decimal(expected)


@pytest.mark.parametrize(
    ("complaint", "raw"),
    [
        ("is required", b"null"),
        ("must be a number or a decimal string", b"true"),
        ("must be a number or a decimal string", b'"ten"'),
        ("must be a number or a decimal string", b"[]"),
        ("must be a finite number", b'"NaN"'),
        ("must be greater than zero", b"0"),
        ("must be greater than zero", b"-1"),
        ("must be at most 1000000", b"1000000.01"),
        ("must be at most 1000000", b"1e999999"),
        ("must have at most nine decimals", b"0.0000000001"),
        ("must have at most nine decimals", b"1e-999999"),
    ],
)
def test_money_that_is_none_is_refused_by_name(complaint: str, raw: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_body(b'{"amount": ' + raw + b"}").money("amount")
    assert caught.value.message == f"'amount' {complaint}."
    assert (caught.value.status, caught.value.param) == (400, "amount")


def test_lengths_count_characters_and_blank_is_empty() -> None:
    assert Body({"name": "é" * 100}).text("name", at_least=1, at_most=100) == "é" * 100
    with pytest.raises(ApiError, match=r"'name' must have at most 100 characters, and has 101\."):
        Body({"name": "é" * 101}).text("name", at_least=1, at_most=100)
    with pytest.raises(ApiError, match=r"'name' must not be empty\."):
        Body({"name": "  "}).text("name", at_least=1)
    with pytest.raises(ApiError, match=r"'name' must be a string\."):
        Body({"name": 7}).text("name")


@pytest.mark.parametrize("value", [True, Decimal("1.0"), "1", 2, [1]])
def test_an_integer_is_no_boolean_fraction_or_text(value: object) -> None:
    with pytest.raises(ApiError):
        Body({"rating": value}).integer("rating", at_least=-1, at_most=1)
