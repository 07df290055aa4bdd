"""What counts as secret: keys wherever they stand, headers and query parameters that are not known to be harmless."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._redaction import (
    redact_header,
    redact_query,
    redact_text,
    remember_secret,
    shown,
    shown_word,
)

SECRET = "SECRETSECRETSECRET"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"bad key sk-{SECRET}", "bad key [hidden]"),
        (f"bad key sk-xc-{SECRET}.", "bad key [hidden]"),
        (f"key_sk-xc-{SECRET}", "key_[hidden]"),
        (f'{{"api_key":"sk-{SECRET}"}}', '{"api_key":"[hidden]"}'),
        (f"?sk=sk-{SECRET}&page=1", "?sk=[hidden]&page=1"),
        (f"?next=%2Fsk-{SECRET}", "?next=%2F[hidden]"),
        (f"Authorization: Bearer {SECRET}", "Authorization: Bearer [hidden]"),
        (f"authorization: bearer  {SECRET}, Accept", "authorization: bearer  [hidden], Accept"),
        (f"BEARER sk-{SECRET}", "BEARER [hidden]"),
        (f"Bad key SK-{SECRET}", "Bad key [hidden]"),
        (f"bad key \N{LATIN SMALL LETTER LONG S}\N{KELVIN SIGN}-{SECRET}", "bad key [hidden]"),
        (f"http://user:{SECRET}@proxy:3128", "http://[hidden]@proxy:3128"),
        (f"http://user:p@{SECRET}@proxy:3128/x", "http://[hidden]@proxy:3128/x"),
        (f"https://{SECRET}@host/a@b", "https://[hidden]@host/a@b"),
        ("sk-xc-abc***xyz", "[hidden]"),
        (
            "a risk-free task-force on a full desk-top disk-drive",
            "a risk-free task-force on a full desk-top disk-drive",
        ),
        ("write to me@example.com", "write to me@example.com"),
    ],
)
def test_credentials_in_free_text_are_hidden_and_words_are_not(text: str, expected: str) -> None:
    assert redact_text(text) == expected


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("token_TAILTAIL1", "bad key token_TAILTAIL1.", "bad key [hidden]."),
        ("sk-abc/TAIL+x==", "bad key sk-abc/TAIL+x==", "bad key [hidden]"),
        ("sk-abc/TAIL+x==", "/v1?sk=sk-abc%2FTAIL%2Bx%3D%3D&page=1", "/v1?sk=[hidden]&page=1"),
        ("sk-abc/TAIL+x==", "/v1?sk=sk-abc/TAIL%2Bx%3D%3D&page=1", "/v1?sk=[hidden]&page=1"),
        ("sk-abc/TAIL+x==", r'{"key":"sk-abc\/TAIL+x=="}', '{"key":"[hidden]"}'),
        ('pass"TAILTAIL', r'{"key":"pass\"TAILTAIL"}', '{"key":"[hidden]"}'),
    ],
)
def test_a_key_that_the_client_was_given_is_hidden_whatever_it_looks_like(key: str, text: str, expected: str) -> None:
    remember_secret(key)
    assert redact_text(text) == expected


def test_a_key_that_begins_like_another_is_hidden_whole() -> None:
    remember_secret("prefix_ONE")
    remember_secret("prefix_ONE_and_more")
    assert redact_text("prefix_ONE_and_more, prefix_ONE") == "[hidden], [hidden]"


def test_a_key_too_short_to_be_told_from_a_word_is_not_looked_for() -> None:
    remember_secret("limit")
    assert redact_text("rate limit") == "rate limit"


def test_the_last_64_keys_are_remembered() -> None:
    for number in range(65):
        remember_secret(f"rotated-{number:02}")
        remember_secret("rotated-64")  # known already: takes the place of no other
    assert redact_text("rotated-00 rotated-01 rotated-64") == "rotated-00 [hidden] [hidden]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2Jgone", "\ufffd[2Jgone"),
        ("bell\x07 null\x00 csi\x9b31m", "bell\ufffd null\ufffd csi\ufffd31m"),
        ("\u202etxt.exe", "\ufffdtxt.exe"),
        ("half \ud800", "half \ufffd"),
        ("one\ntwo\x85three\u2028four\u00a0five", "one two three four five"),
        ("Gr\u00fc\u00dfe, \u4f60\u597d \U0001f600", "Gr\u00fc\u00dfe, \u4f60\u597d \U0001f600"),
    ],
)
def test_what_a_terminal_would_obey_is_replaced_and_what_it_shows_stays(text: str, expected: str) -> None:
    assert redact_text(text) == expected


def test_a_credential_behind_a_line_break_is_hidden() -> None:
    assert redact_text(f"Bearer\n{SECRET}") == "Bearer [hidden]"


@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_key_is_hidden_whatever_stands_around_it(before: str, after: str) -> None:
    """Except directly behind a letter, where it could be a word."""
    if not before[-1:].isascii() or not before[-1:].isalpha():
        assert SECRET not in redact_text(f"{before}sk-xc-{SECRET}{after}")


@pytest.mark.parametrize(
    "name", ["Authorization", "Set-Cookie", "Location", "X-Api-Key", "Proxy-Authorization", "X-New"]
)
def test_headers_that_are_not_known_are_hidden(name: str) -> None:
    assert redact_header(name, SECRET) == "[hidden]"


@pytest.mark.parametrize("name", ["X-Trace-ID", "content-type", "RETRY-AFTER", "X-RateLimit-Reset"])
def test_headers_that_help_support_are_shown(name: str) -> None:
    assert redact_header(name, "value") == "value"


def test_a_key_in_a_header_that_is_shown_is_hidden_all_the_same() -> None:
    assert redact_header("X-Trace-ID", f"t sk-xc-{SECRET}") == "t [hidden]"


def test_query_parameters_are_shown_by_name_and_only_harmless_ones_by_value() -> None:
    query = (("alias", "bob"), ("sk", f"sk-{SECRET}"), ("page", "2"), ("page_size", "-1"))
    assert redact_query(query) == "alias=[hidden]&sk=[hidden]&page=2&page_size=-1"


class _Rude(int):
    def __repr__(self) -> str:
        raise RuntimeError(SECRET)

    __str__ = __format__ = __repr__  # type: ignore[assignment]  # whatever is asked of it, it refuses


_ENDLESS: list[Any] = []
_ENDLESS.append(_ENDLESS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        (True, "True"),
        (-5, "-5"),
        (0.5, "0.5"),
        (float("nan"), "nan"),
        (Decimal("1E+999"), "1E+999"),
        (Decimal("1." + "3" * 50), "1." + "3" * 37 + "…"),
        (10**39, "1" + "0" * 39),
        pytest.param(10**5000, "a whole number of more than 40 digits", id="huge"),
        pytest.param(-(10**5000), "a whole number of more than 40 digits", id="huge below zero"),
        pytest.param(_Rude(7), "7", id="rude"),
        ("60", "'60'"),
        ("-1.5e3", "'-1.5e3'"),
        ("6" * 40, "text"),
        ("hello", "text"),
        (SECRET, "text"),
        (b"60", "bytes"),
        ([{"role": "user", "content": SECRET}], "list"),
        (_ENDLESS, "list"),
    ],
)
def test_a_wrong_value_is_shown_if_it_is_a_number_and_named_by_its_kind_if_not(value: object, expected: str) -> None:
    assert shown(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("boss", "'boss'"),
        ("User", "'User'"),
        ("chat.completions.creat", "'chat.completions.creat'"),
        ("a" * 41, "text"),
        (f"sk-{SECRET}", "text"),
        ("what is my balance", "text"),
        ("hunter2", "text"),
        (5, "5"),
    ],
)
def test_where_a_word_is_expected_a_plain_word_is_shown(value: object, expected: str) -> None:
    assert shown_word(value) == expected
