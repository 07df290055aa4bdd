"""Checks before sending: each refusal names the field and the limit, and never shows a secret."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async import _validation as check
from nexevo_async._codec import encode
from nexevo_async.errors import ConfigurationError
from nexevo_async.models import ModelPricing

SECRET = "sk-xc-very-secret"


# --- texts and ids


def test_a_key_name_has_1_to_100_characters() -> None:
    """Both ends of the range pass; characters are counted, not bytes."""
    assert check.key_name("x") == "x"
    assert check.key_name("ü" * 100) == "ü" * 100


@pytest.mark.parametrize("length", [0, 101])
def test_a_key_name_outside_the_range_is_refused(length: int) -> None:
    """The message has the limit and the length."""
    with pytest.raises(ConfigurationError, match=f"name must be 1 to 100 characters; it has {length}"):
        check.key_name("x" * length)


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "None"), (7, "int"), (b"x", "bytes"), (True, "a truth value"), (1.5, "a float")]
)
def test_what_is_no_text_is_refused_by_its_kind(value: object, kind: str) -> None:
    """The message says what it was instead."""
    with pytest.raises(ConfigurationError, match=f"email must be text, not {kind}"):
        check.not_blank("email", value)


def test_text_that_has_no_utf8_form_is_refused() -> None:
    """Half a surrogate pair cannot be sent."""
    with pytest.raises(ConfigurationError, match="password must be valid Unicode"):
        check.text("password", "abc\udc80")


@pytest.mark.parametrize("value", ["", " \t"])
def test_blank_text_is_refused(value: str) -> None:
    """White space alone is empty."""
    with pytest.raises(ConfigurationError, match="email must not be empty"):
        check.not_blank("email", value)


@pytest.mark.parametrize("value", [".", ".."])
def test_an_id_is_no_dot_segment(value: str) -> None:
    """In a path they would mean another place."""
    with pytest.raises(ConfigurationError, match="org_id must not be"):
        check.identifier("org_id", value)


def test_a_comment_has_up_to_2000_characters() -> None:
    """2,000 pass, one more does not."""
    assert check.comment("") == ""
    assert len(check.comment("x" * 2000)) == 2000
    with pytest.raises(ConfigurationError, match="comment must be 0 to 2000 characters; it has 2001"):
        check.comment("x" * 2001)


def test_a_choice_names_what_there_is() -> None:
    """The message lists the words and shows the wrong one."""
    assert check.choice("role", "admin", ("admin", "developer")) == "admin"
    with pytest.raises(ConfigurationError, match="role must be one of 'admin', 'developer', not 'owner'"):
        check.choice("role", "owner", ("admin", "developer"))
    with pytest.raises(ConfigurationError, match="not None"):
        check.choice("role", None, ("admin", "developer"))


def test_a_long_wrong_choice_is_not_shown() -> None:
    """It might be a token that slipped into the wrong argument."""
    with pytest.raises(ConfigurationError) as caught:
        check.choice("role", SECRET * 4, ("admin",))

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [["a", "b"], ("a", "b"), {"a": 1, "b": 2}.keys()])
def test_lists_of_texts(value: Any) -> None:
    """Any collection will do."""
    assert check.texts("tags", value) == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("ab", "sks must be a list of texts, not text"),
        (b"ab", "sks must be a list of texts, not bytes"),
        ({"a": 1}, "sks must be a list of texts, not dict"),
        (7, "sks must be a list of texts, not int"),
        ([], "sks must not be empty"),
        (["a", 7], r"sks\[1\] must be text, not int"),
        (["a", ""], r"sks\[1\] must not be empty"),
    ],
)
def test_lists_of_texts_that_cannot_be(value: object, problem: str) -> None:
    """A lone text is refused too: its characters are never what was meant."""
    with pytest.raises(ConfigurationError, match=problem):
        check.texts("sks", value)


# --- numbers


def test_whole_numbers() -> None:
    """From the least on, and the one number with a meaning of its own."""
    assert check.whole("days", 1) == 1
    assert check.whole("page_size", -1, also=-1) == -1


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (0, "page_size must be at least 1, or -1; it is 0"),
        (-2, "page_size must be at least 1, or -1; it is -2"),
        (True, "page_size must be a whole number, not a truth value"),
        (1.0, "page_size must be a whole number, not a float"),
        ("5", "page_size must be a whole number, not text"),
        (None, "page_size must be a whole number, not None"),
        (2**63, "page_size must be at most 9223372036854775807; it is 9223372036854775808"),
        pytest.param(10**5000, "page_size must be at most 9223372036854775807; it is a whole number", id="huge"),
        pytest.param(-(10**5000), "page_size must be at least 1, or -1; it is a whole number", id="huge negative"),
    ],
)
def test_whole_numbers_that_cannot_be(value: object, problem: str) -> None:
    """The message has the limit."""
    with pytest.raises(ConfigurationError, match=problem):
        check.whole("page_size", value, also=-1)


@pytest.mark.parametrize("value", [1, -1])
def test_a_rating_is_1_or_minus_1(value: int) -> None:
    """Nothing else."""
    assert check.rating(value) == value


@pytest.mark.parametrize("value", [0, 2, -2, True, False, 1.0, -1.0, "1", None, Decimal(1)])
def test_other_ratings_are_refused(value: object) -> None:
    """True and 1.0 equal 1 in Python and are refused all the same."""
    with pytest.raises(ConfigurationError, match=r"rating must be exactly 1 \(good\) or -1 \(bad\)"):
        check.rating(value)


@pytest.mark.parametrize("value", [Decimal("10.50"), "10.50", "+10.50", "1.05e1"])
def test_amounts_keep_their_value(value: Any) -> None:
    """Decimal and text give the same amount."""
    assert check.amount("amount_usd", value) == Decimal("10.50")


def test_amounts_keep_their_digits() -> None:
    """What goes out is digit for digit what came in."""
    assert str(check.amount("amount_usd", "10.50")) == "10.50"
    assert check.amount("amount_usd", 10) == Decimal(10)


def test_a_float_amount_is_refused_with_the_text_to_use_instead() -> None:
    """The message can be copied."""
    with pytest.raises(ConfigurationError) as caught:
        check.amount("amount_usd", 0.1)

    assert str(caught.value) == (
        "amount_usd must be exact, and a float is not: pass Decimal('0.1') or '0.1' instead of 0.1"
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (0, "must be more than zero; it is 0"),
        ("0.00", "must be more than zero; it is 0.00"),
        (Decimal(-5), "must be more than zero; it is -5"),
        ("-1", "must be more than zero; it is -1"),
        (True, "not a truth value"),
        (None, "not None"),
        (Decimal("NaN"), "must be a finite number"),
        (Decimal("sNaN"), "must be a finite number"),
        (Decimal("Infinity"), "must be a finite number"),
        (float("nan"), "must be a finite number"),
        (float("inf"), "must be a finite number"),
        ("nan", "must be a finite number"),
        ("", "must be a number, such as"),
        ("1,50", "must be a number, such as"),
        ("1_000", "must be a number, such as"),
        (" 1", "must be a number, such as"),
        ("١", "must be a number, such as"),
        ("10 USD", "must be a number, such as"),
        ("1e99", "at most 30 digits"),
        ("1." + "3" * 40, "at most 30 digits"),
        (10**40, "at most 30 digits"),
        ([1], "not list"),
    ],
)
def test_amounts_that_cannot_be(value: object, problem: str) -> None:
    """Zero, negative, not finite, not a number: each says what is wrong with it, by the name of the field."""
    with pytest.raises(ConfigurationError, match=f"balance .*{problem}"):
        check.amount("balance", value)


@given(st.decimals(min_value="0.00000001", max_value="1000000000", places=8))
def test_every_amount_goes_out_exactly(value: Decimal) -> None:
    """An amount and its text pass unchanged, and the JSON number has the same digits."""
    assert check.amount("x", value) == check.amount("x", format(value, "f")) == value
    assert encode({"x": check.amount("x", value)}) == f'{{"x":{value:f}}}'.encode()


@pytest.mark.parametrize(
    ("value", "expected"), [(1.2, Decimal("1.2")), ("1.20", Decimal("1.20")), (0, Decimal(0)), (2, Decimal(2))]
)
def test_a_factor_may_be_a_float(value: Any, expected: Decimal) -> None:
    """It is no amount; it is taken as it prints."""
    assert check.factor("pricing_factor", value) == expected


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("-inf"), True, None, "much"])
def test_factors_that_cannot_be(value: object) -> None:
    """Negative, not finite, not a number."""
    with pytest.raises(ConfigurationError, match="pricing_factor must"):
        check.factor("pricing_factor", value)


@pytest.mark.parametrize(
    ("cap", "clear", "body"),
    [
        ("25.00", False, {"monthly_spend_cap_usd": "25.00"}),
        (Decimal("1E+2"), False, {"monthly_spend_cap_usd": "100"}),
        (5, False, {"monthly_spend_cap_usd": "5"}),
        (None, True, {"clear": True}),
    ],
)
def test_a_spend_cap_is_decimal_text_or_cleared(cap: object, clear: bool, body: dict[str, Any]) -> None:
    """Exactly one of the two is sent."""
    assert check.spend_cap(cap, clear) == body


@pytest.mark.parametrize(
    ("cap", "clear", "problem"),
    [
        ("5", True, "exactly one; both were given"),
        (None, False, "exactly one; neither was given"),
        (5.0, False, "monthly_spend_cap_usd must be exact"),
        ("0", False, "monthly_spend_cap_usd must be more than zero"),
        (None, 1, "clear must be True or left out, not 1"),
        (None, None, "clear must be True or left out, not None"),
    ],
)
def test_a_spend_cap_that_cannot_be(cap: object, clear: object, problem: str) -> None:
    """Both, neither, or an amount that is none."""
    with pytest.raises(ConfigurationError, match=problem):
        check.spend_cap(cap, clear)


# --- addresses, days, headers


@pytest.mark.parametrize("url", ["https://example.com", "HTTPS://example.com:8443/a?b=c", "https://[::1]/hook"])
def test_webhooks_are_https(url: str) -> None:
    """Port, path and query are the user's business."""
    assert check.webhook_url("url", url) == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://example.com/T0/secret", "must be an https:// URL"),
        ("example.com/T0/secret", "must be an https:// URL"),
        ("", "must not be empty"),
        ("https:///T0/secret", "must name a host"),
        ("https://:443/T0/secret", "must name a host"),
        ("https://me:secret@example.com/", "must not contain a user name or password"),
        ("https://@example.com/secret", "must not contain a user name or password"),
        ("https://example.com:port/secret", "is not a valid URL"),
        ("https://[::1/secret", "is not a valid URL"),
        ("https://example.com/sec ret", "must not contain blanks"),
        ("https://example.com/\r\nsecret", "must not contain blanks"),
        ("https://example.com\\@evil.example/secret", "must not contain blanks, backslashes"),
        (7, "must be text"),
    ],
)
def test_webhooks_that_cannot_be(url: object, problem: str) -> None:
    """The path of a webhook often is its secret, so no message shows it."""
    with pytest.raises(ConfigurationError, match=f"^url {problem}") as caught:
        check.webhook_url("url", url)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", [date(2026, 1, 9), datetime(2026, 1, 9, 23, 59, tzinfo=UTC), "2026-01-09"])
def test_days(value: Any) -> None:
    """Dates, moments and text are written the same way."""
    assert check.day("start_date", value) == "2026-01-09"


@pytest.mark.parametrize("value", ["2026-1-9", "20260109", "2026-02-30", "today", "", None, 20260109])
def test_days_that_cannot_be(value: object) -> None:
    """The message shows the form."""
    with pytest.raises(ConfigurationError, match="start_date must be a date or text of the form YYYY-MM-DD"):
        check.day("start_date", value)


def test_headers_pass() -> None:
    """Names keep their spelling; a tab and letters beyond ASCII are allowed in values."""
    assert check.headers("extra_headers", {"X-Team": "blue\tgreen ü", "x_y": ""}) == {
        "X-Team": "blue\tgreen ü",
        "x_y": "",
    }


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"X-Team": f"{SECRET}\r\nX-Admin: 1"}, r"extra_headers\['X-Team'\] must not contain line breaks"),
        ({"X-Team": f"{SECRET}\n"}, "must not contain line breaks"),
        ({"X-Team": f"{SECRET}\x00"}, "must not contain line breaks"),
        ({"X-Team": 7}, r"extra_headers\['X-Team'\] must be text, not int"),
        ({"X-Team": "\ud800"}, "must be valid Unicode"),
        ({f"X Team {SECRET}": "x"}, "a header name must be"),
        ({"": "x"}, "a header name must be"),
        ({"X-Team:": "x"}, "a header name must be"),
        ({"X-Team\r\n": "x"}, "a header name must be"),
        ({7: "x"}, "a header name must be"),
        ([("X-Team", SECRET)], "extra_headers must be a mapping"),
        (None, "extra_headers must be a mapping"),
    ],
)
def test_headers_that_cannot_be(headers: object, problem: str) -> None:
    """Nothing can smuggle in another header, and no value is shown."""
    with pytest.raises(ConfigurationError, match=problem) as caught:
        check.headers("extra_headers", headers)

    assert SECRET not in str(caught.value)


@given(st.text())
def test_no_header_value_ever_breaks_a_line(value: str) -> None:
    """Whatever passes holds no control character but the tab."""
    try:
        passed = check.header_value("x", value)
    except ConfigurationError:
        return

    assert not any((ord(char) < 32 and char != "\t") or ord(char) == 127 for char in passed)


# --- prices of sub-accounts


def test_model_pricing_passes() -> None:
    """Factors become exact numbers; fields nobody knows yet are kept; a model from an answer will do."""
    priced = [
        {"model": "gpt-4o", "pricing_factor": 1.5},
        {"model": "o3", "pricing_factor": "2", "note": "x"},
        ModelPricing(model="o4", pricing_factor=Decimal("0.9")),
    ]

    assert check.model_pricing(priced) == [
        {"model": "gpt-4o", "pricing_factor": Decimal("1.5")},
        {"model": "o3", "pricing_factor": Decimal(2), "note": "x"},
        {"model": "o4", "pricing_factor": Decimal("0.9")},
    ]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "model_pricing must be a list of .*, not None"),
        ({"model": "gpt-4o", "pricing_factor": 1}, "model_pricing must be a list"),
        ("gpt-4o", "model_pricing must be a list"),
        ([], "model_pricing must name at least one model"),
        (["gpt-4o"], r"model_pricing\[0\] must be "),
        ([{"pricing_factor": 1}], r"model_pricing\[0\]\.model is missing"),
        ([{"model": "gpt-4o"}], r"model_pricing\[0\]\.pricing_factor is missing"),
        ([{"model": "", "pricing_factor": 1}], r"model_pricing\[0\]\.model must not be empty"),
        ([{"model": "a", "pricing_factor": -1}], r"model_pricing\[0\]\.pricing_factor must not be negative"),
        ([{"model": "a", "pricing_factor": True}], r"pricing_factor must be .*, not a truth value"),
    ],
)
def test_model_pricing_that_cannot_be(value: object, problem: str) -> None:
    """The message has the place in the list."""
    with pytest.raises(ConfigurationError, match=problem):
        check.model_pricing(value)


@pytest.mark.parametrize("name", ["prompt_price", "completion_price", "auto_following"])
def test_obsolete_prices_are_refused_by_name(name: str) -> None:
    """The message names what has taken their place."""
    with pytest.raises(ConfigurationError, match=rf"model_pricing\[0\]\.{name} is obsolete: give pricing_factor"):
        check.model_pricing([{"model": "a", name: "1"}])
    with pytest.raises(ConfigurationError, match=f"^{name} is obsolete"):
        check.no_obsolete_pricing({name: 1})


def test_an_empty_price_list_passes_where_it_has_a_meaning() -> None:
    """A change may take every model away."""
    assert check.model_pricing([], may_be_empty=True) == []
