"""What counts as secret, in headers, query strings, JSON and free text: what is on a list is shown, the rest is not."""

from __future__ import annotations

import re
from typing import Any

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


def redact_header(name: str, value: str) -> str:
    """The value if the name is on the list of harmless ones, else a placeholder. A key in it is hidden all the same."""
    return redact_text(value) if name.lower() in SHOWN_HEADERS else HIDDEN


def redact_query(query: tuple[tuple[str, str], ...]) -> str:
    """A query string fit for a log line: names kept, values only of harmless parameters."""
    return "&".join(f"{name}={value if name in SHOWN_QUERY else HIDDEN}" for name, value in query)


def redact_text(text: Any) -> str:
    """Free text from outside with everything that looks like a credential replaced."""
    clean = _USERINFO.sub(f"{HIDDEN}@", str(text))
    return _SECRET_TEXT.sub(lambda found: f"{found.group(1) or ''}{HIDDEN}", clean)
