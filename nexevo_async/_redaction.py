"""
What counts as secret, in headers, query strings, free text and wrong arguments.

What is on a list is shown, the rest is not.
"""

from __future__ import annotations

import json
import re
from collections import deque
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

HIDDEN = "[hidden]"
_UNSHOWN: Final = "\N{REPLACEMENT CHARACTER}"

#: Response and request headers whose values help support and hold no secret.
SHOWN_HEADERS = frozenset(
    {
        "accept",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "retry-after",
        "server",
        "transfer-encoding",
        "user-agent",
        "via",
        "x-nexevo-generation-id",
        "x-nexevo-model-used",
        "x-nexevo-models-tried",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-trace-id",
        "x-usage-input-tokens",
        "x-usage-output-tokens",
    }
)

#: Query parameters that may be shown; `sk` of the sub-account list is a credential and is not among them.
SHOWN_QUERY = frozenset({"days", "end_date", "limit", "page", "page_size", "start_date"})

#: Anything that looks like a key of the service (`sk-…`, `sk-xc-…`) or a bearer credential. A letter before it makes it
#: a word such as "task-force", unless that letter ends a percent-encoded character.
_SECRET_TEXT = re.compile(r"(?i)\b(bearer\s+)[^\s,;\"']+|(?:(?<![a-z])|(?<=%[0-9a-f]{2}))sk-[a-z0-9_\-*.]{3,}")
#: Up to the last @ before the host ends: passwords that hold one themselves are not rare.
_USERINFO = re.compile(r"(?<=://)[^/\s]+@")


_MOST_SHOWN: Final = 40
_MOST_BITS: Final = 132  # fewer than 40 digits
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9.,eE+-]{0,38}")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+([._-][a-z]+)*")
_KINDS: Final[dict[type[object], str]] = {
    type(None): "None",
    str: "text",
    bool: "a truth value",
    float: "a float",
    bytes: "bytes",
}

#: A shorter one would be found inside innocent words.
SHORTEST_REMEMBERED: Final = 6
#: Keys that this process has used, newest last; more than one process needs, and few enough to look for every one.
_remembered: deque[str] = deque(maxlen=64)


def remember_secret(secret: str) -> None:
    """From now on hide this text wherever it is quoted: not every key looks like one."""
    if len(secret) >= SHORTEST_REMEMBERED and secret not in _remembered:
        _remembered.append(secret)


def redact_header(name: str, value: str) -> str:
    """The value if the name is on the list of harmless ones, else a placeholder. A key in it is hidden all the same."""
    return redact_text(value) if name.lower() in SHOWN_HEADERS else HIDDEN


def redact_query(query: tuple[tuple[str, str], ...]) -> str:
    """A query string fit for a log line: names kept, values only of harmless parameters."""
    return "&".join(f"{name}={value if name in SHOWN_QUERY else HIDDEN}" for name, value in query)


def redact_text(text: Any) -> str:
    """Free text from outside, fit for a terminal, without our keys and whatever else looks like a credential."""
    clean = _printable(str(text))
    for form in _forms(tuple(_remembered)):
        clean = clean.replace(form, HIDDEN)
    if "@" in clean:
        clean = _USERINFO.sub(f"{HIDDEN}@", clean)
    folded = clean.casefold()  # most text holds neither word, and the expression takes ten times as long to see that
    if "sk-" in folded or "bearer" in folded:
        clean = _SECRET_TEXT.sub(lambda found: f"{found.group(1) or ''}{HIDDEN}", clean)
    return clean


def kind_of(value: object) -> str:
    """What a value is, without the value."""
    return _KINDS.get(type(value)) or type(value).__name__[:_MOST_SHOWN]


def shown(value: object) -> str:
    """A wrong value for a message: a number as it is, cut short; of anything else only the kind. Never raises."""
    # By the methods of the plain types: those of a subclass may print anything, or nothing.
    if isinstance(value, str):
        return str.__repr__(value) if _NUMBER.fullmatch(value) else "text"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        if int.bit_length(value) > _MOST_BITS:
            return f"a whole number of more than {_MOST_SHOWN} digits"
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, Decimal):
        number = Decimal.__str__(value)
        return number if len(number) <= _MOST_SHOWN else f"{number[: _MOST_SHOWN - 1]}…"
    return kind_of(value)


def shown_word(value: object) -> str:
    """The same where a word of a list is expected: a word in small letters is shown too, as it may be a slip."""
    if isinstance(value, str) and len(value) <= _MOST_SHOWN and _WORD.fullmatch(value):
        return str.__repr__(value)
    return shown(value)


def _printable(text: str) -> str:
    """Without what a terminal obeys instead of showing: escape sequences, a change of direction, line breaks."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char.isspace() else _UNSHOWN for char in text)


@lru_cache(maxsize=1)
def _forms(secrets: tuple[str, ...]) -> list[str]:
    """Keys as they are, in a URL and in JSON; the longest first, as one may be part of another."""
    forms = {form for key in secrets for form in (key, quote(key), quote(key, safe=""), json.dumps(key)[1:-1])}
    forms.update(key.replace("/", "\\/") for key in secrets)
    return sorted(forms, key=len, reverse=True)
