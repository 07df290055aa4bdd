"""
Checks of what the caller passes, made before anything is sent.

Each function takes the name of the field and its value, and gives back what may be sent, or raises `ConfigurationError`
that names the field and the limit. Values appear in a message only where they cannot be a secret. The limits are those
of `contract.md` sections 3 to 5.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, get_origin
from urllib.parse import urlsplit

from nexevo_async._redaction import kind_of, shown, shown_word
from nexevo_async.errors import ConfigurationError

DOT_SEGMENTS: Final = frozenset({".", ".."})
MOST_COMMENT: Final = 2_000
MOST_KEY_NAME: Final = 100
OBSOLETE_PRICING: Final = ("prompt_price", "completion_price", "auto_following")

_PLAIN_DECIMAL: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_NOT_FINITE: Final = ("nan", "inf", "-inf")  # how a float prints that is none
_MOST_WHOLE: Final = 2**63 - 1  # what JSON readers take, and far beyond any count
_MOST_DIGITS: Final = 30  # far beyond any amount; without a limit "1e999" would be written out in a thousand digits
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# RFC 9110, 5.6.2 and 5.5: a name is a token; a value holds no control characters (a tab is allowed).
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9112, 6: where a message ends follows from these two; a wrong one makes the rest of a body the next request.
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})
_BAD_IN_HEADER: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# urlsplit drops line breaks without a word, and clients disagree about backslashes.
_NEVER_IN_URL: Final = re.compile(r"[\x00-\x20\x7f\\]")


def text(field: str, value: object, *, least: int = 1, most: int | None = None) -> str:
    """Text of `least` to `most` characters. Never quoted, so this is fit for passwords and tokens."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{field} must be text, not {kind_of(value)}")
    if most is not None and not least <= len(value) <= most:
        raise ConfigurationError(f"{field} must be {least} to {most} characters; it has {len(value)}")
    if len(value) < least:
        raise ConfigurationError(f"{field} must not be empty")
    unicode(field, value)
    return value


def not_blank(field: str, value: object) -> str:
    """Text that holds more than white space."""
    checked = text(field, value)
    if not checked.strip():
        raise ConfigurationError(f"{field} must not be empty")
    return checked


def identifier(field: str, value: object) -> str:
    """An id: opaque text that can stand in a path."""
    checked = not_blank(field, value)
    if checked in DOT_SEGMENTS:
        raise ConfigurationError(f"{field} must not be {checked!r}: in a path that means another place")
    return checked


def key_name(value: object) -> str:
    """The name of a key."""
    return text("name", value, most=MOST_KEY_NAME)


def comment(value: object) -> str:
    """The comment of a feedback, which may be empty."""
    return text("comment", value, least=0, most=MOST_COMMENT)


def choice(field: str, value: object, allowed: Sequence[str]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in allowed:
        raise ConfigurationError(f"{field} must be one of {', '.join(map(repr, allowed))}, not {shown_word(value)}")
    return value


def whole(field: str, value: object, *, least: int = 1, also: int | None = None) -> int:
    """A whole number of at least `least`, or the one number `also` that has a meaning of its own."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{field} must be a whole number, not {kind_of(value)}")
    if value < least and value != also:
        special = "" if also is None else f", or {also}"
        raise ConfigurationError(f"{field} must be at least {least}{special}; it is {shown(value)}")
    if value > _MOST_WHOLE:
        raise ConfigurationError(f"{field} must be at most {_MOST_WHOLE}; it is {shown(value)}")
    return int(value)


def is_number(value: object) -> bool:
    """Whether it is a number that fits a float: finite, not a truth value, not 10 to the 400."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def rating(value: object) -> int:
    """Exactly 1 or -1. True and 1.0 equal 1 in Python, but whoever passes them means something else."""
    if type(value) is not int or value not in (1, -1):
        raise ConfigurationError(f"rating must be exactly 1 (good) or -1 (bad), not {shown(value)}")
    return value


def amount(field: str, value: object) -> Decimal:
    """An amount of money in USD: more than zero, exact, so no binary float."""
    if isinstance(value, float) and math.isfinite(value):
        exact = repr(value)
        raise ConfigurationError(
            f"{field} must be exact, and a float is not: pass Decimal({exact!r}) or {exact!r} instead of {exact}"
        )
    number = _decimal(field, value)
    if number <= 0:
        raise ConfigurationError(f"{field} must be more than zero; it is {shown(number)}")
    return number


def factor(field: str, value: object) -> Decimal:
    """A factor on a price: not an amount, so a float is welcome and taken as it prints; zero or more."""
    number = _decimal(field, repr(value) if isinstance(value, float) else value)
    if number < 0:
        raise ConfigurationError(f"{field} must not be negative; it is {shown(number)}")
    return number


def spend_cap(cap: object, clear: object) -> dict[str, Any]:
    """The body of a change of a spend cap: a cap or `clear`, exactly one. Decimal text, as the service documents it."""
    if not isinstance(clear, bool):
        raise ConfigurationError(f"clear must be True or left out, not {shown(clear)}")
    if (cap is None) is not clear:
        problem = "both were given" if clear else "neither was given"
        raise ConfigurationError(f"pass either monthly_spend_cap_usd or clear=True, exactly one; {problem}")
    if clear:
        return {"clear": True}
    return {"monthly_spend_cap_usd": format(amount("monthly_spend_cap_usd", cap), "f")}


def webhook_url(field: str, value: object) -> str:
    """An https URL with a host and without credentials. Never quoted: the path of a webhook often is its secret."""
    url = text(field, value)
    if _NEVER_IN_URL.search(url):
        raise ConfigurationError(f"{field} must not contain blanks, backslashes or control characters")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # reading it checks it
    except ValueError:
        raise ConfigurationError(f"{field} is not a valid URL") from None
    if parts.scheme != "https":
        raise ConfigurationError(f"{field} must be an https:// URL")
    if not host:
        raise ConfigurationError(f"{field} must name a host, as in https://example.com/hook")
    if "@" in parts.netloc:
        raise ConfigurationError(f"{field} must not contain a user name or password")
    return url


def texts(field: str, value: object, *, may_be_empty: bool = False) -> list[str]:
    """A list of texts. A lone text is refused: as a sequence of characters it is never what was meant."""
    if isinstance(value, str) or not isinstance(value, Collection) or isinstance(value, Mapping | bytes | bytearray):
        raise ConfigurationError(f"{field} must be a list of texts, not {kind_of(value)}")
    items = [text(f"{field}[{index}]", item) for index, item in enumerate(value)]
    if not items and not may_be_empty:
        raise ConfigurationError(f"{field} must not be empty")
    return items


def model_pricing(value: object, *, may_be_empty: bool = False) -> list[dict[str, Any]]:
    """What a sub-account may use: a list of ``{"model": …, "pricing_factor": …}``."""
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise ConfigurationError(
            f'model_pricing must be a list of {{"model": …, "pricing_factor": …}}, not {kind_of(value)}'
        )
    if not value and not may_be_empty:
        raise ConfigurationError("model_pricing must name at least one model: one that is not listed may not be used")
    return [_priced_model(f"model_pricing[{index}]", item) for index, item in enumerate(value)]


def no_obsolete_pricing(names: Collection[str], *, where: str = "") -> None:
    """Refuse the fields that the platform has replaced by `pricing_factor`."""
    for name in OBSOLETE_PRICING:
        if name in names:
            raise ConfigurationError(f"{where}{name} is obsolete: give pricing_factor in model_pricing instead")


def day(field: str, value: object) -> str:
    """A calendar day as ``YYYY-MM-DD``, from a `date` or such a text."""
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise ConfigurationError(f"{field} must be a date or text of the form YYYY-MM-DD, not {shown(value)}")


def headers(field: str, value: object) -> dict[str, str]:
    """Extra headers, without the line breaks that would smuggle in another one. Values are never quoted."""
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{field} must be a mapping of header names to text, not {kind_of(value)}")
    checked = {}
    for name, line in value.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ConfigurationError(f"{field}: a header name must be letters, digits and hyphens, not {shown(name)}")
        if name.lower() in _FRAMING:
            raise ConfigurationError(f"{field}: {name} is set by the client: it follows from the body")
        checked[name] = header_value(f"{field}[{name[:40]!r}]", line)
    return checked


def result_type(field: str, value: object) -> None:
    """A class that an answer can be read as, such as a model or ``list[Key]``; or None."""
    if value is not None and not isinstance(value, type) and get_origin(value) is None:
        raise ConfigurationError(f"{field} must be a class, not {kind_of(value)}")


def header_value(field: str, value: object) -> str:
    """One value of a header."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{field} must be text, not {kind_of(value)}")
    if _BAD_IN_HEADER.search(value):
        raise ConfigurationError(f"{field} must not contain line breaks or other control characters")
    unicode(field, value)
    return value


def _priced_model(field: str, item: object) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise ConfigurationError(f'{field} must be {{"model": …, "pricing_factor": …}}, not {kind_of(item)}')
    no_obsolete_pricing(item, where=f"{field}.")
    for name in ("model", "pricing_factor"):
        if item.get(name) is None:
            raise ConfigurationError(f"{field}.{name} is missing")
    model = text(f"{field}.model", item["model"])
    return {**item, "model": model, "pricing_factor": factor(f"{field}.pricing_factor", item["pricing_factor"])}


def _decimal(field: str, value: object) -> Decimal:
    """A finite number from a Decimal, a whole number, or text in plain decimal notation."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str | float):
        raise ConfigurationError(f"{field} must be a Decimal, a whole number or decimal text, not {kind_of(value)}")
    if isinstance(value, str) and not _PLAIN_DECIMAL.fullmatch(value) and value.lower() not in _NOT_FINITE:
        raise ConfigurationError(f'{field} must be a number, such as Decimal("10.50") or "10.50"')
    number = Decimal(value)
    if not number.is_finite():
        raise ConfigurationError(f"{field} must be a finite number")
    if abs(number.adjusted()) > _MOST_DIGITS or len(number.as_tuple().digits) > _MOST_DIGITS:
        raise ConfigurationError(f"{field} must have at most {_MOST_DIGITS} digits")
    return number


def unicode(field: str, value: str) -> None:
    """Refuse text that cannot be written as bytes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{field} must be valid Unicode text; it holds half of a surrogate pair") from None
