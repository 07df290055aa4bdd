"""What counts as secret, in headers, query strings, JSON and free text: what is on a list is shown, the rest is not."""

from __future__ import annotations

import json
import re
from collections import deque
from typing import Any, Final
from urllib.parse import quote

HIDDEN = "[hidden]"

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
    """Free text from outside, fit for a terminal, with our keys and everything that looks like a credential replaced."""
    clean = _printable(str(text))
    for form in _known_forms():
        clean = clean.replace(form, HIDDEN)
    clean = _USERINFO.sub(f"{HIDDEN}@", clean)
    return _SECRET_TEXT.sub(lambda found: f"{found.group(1) or ''}{HIDDEN}", clean)


def _printable(text: str) -> str:
    """Without what a terminal obeys instead of showing: escape sequences, a change of direction, line breaks."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _known_forms() -> list[str]:
    """The remembered keys as they are, in a URL and in JSON; the longest first, as one may be part of another."""
    secrets = tuple(_remembered)
    forms = {form for key in secrets for form in (key, quote(key), quote(key, safe=""), json.dumps(key)[1:-1])}
    forms.update(key.replace("/", "\\/") for key in secrets)
    return sorted(forms, key=len, reverse=True)
