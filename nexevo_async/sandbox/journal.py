"""What arrived at the sandbox, in order, so that a test can count duplicates and see which base served what."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import attrs
import orjson

#: A gateway's number, 0 first, or the discovery host.
BaseIndex = int | Literal["discovery"]

#: Entries kept; older ones fall out, so a box that serves for days does not grow without end.
JOURNAL_LIMIT = 250_000


@attrs.define(kw_only=True)
class JournalEntry:
    """
    One request whose head and body arrived. Readable as attributes and as items: ``entry.route``, ``entry["route"]``.

    Attributes:
        base: Number of the gateway it reached, or ``"discovery"``.
        method: HTTP method.
        path: Path without the query, which may hold a credential.
        route: Route name such as ``keys.create``; None for a path that is no route.
        key_id: Id of the key that came along; None when there was none or it is not valid.
        authorized: Whether an Authorization header came along.
        idempotency_key: The `Idempotency-Key` header, else the body's `idempotency_key`, else None.
        body_digest: SHA-256 of the body in hex; None for an empty body.
        time: When it arrived, with an offset.
        status: The status answered; None as long as there is no answer, and for ever if none was sent.
        fault: Kind of the fault that hit it, or None.

    .. versionadded:: 0.1.0
    """

    base: BaseIndex
    method: str
    path: str
    route: str | None
    key_id: str | None
    authorized: bool
    idempotency_key: str | None
    body_digest: str | None
    time: datetime
    status: int | None = None
    fault: str | None = None

    def __getitem__(self, name: str) -> Any:
        if name not in _FIELDS:
            raise KeyError(name)
        return getattr(self, name)

    def keys(self) -> tuple[str, ...]:
        """The names of all fields; makes ``dict(entry)`` work."""
        return _FIELDS

    def __iter__(self) -> Iterator[str]:
        return iter(_FIELDS)

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON-ready values; the time in ISO 8601."""
        return {**dict(self), "time": self.time.isoformat()}


_FIELDS = tuple(field.name for field in attrs.fields(JournalEntry))


class Journal:
    """The entries of a box, oldest first; the newest `JOURNAL_LIMIT` are kept."""

    def __init__(self) -> None:
        self._entries: deque[JournalEntry] = deque(maxlen=JOURNAL_LIMIT)

    def add(self, entry: JournalEntry) -> None:
        """Write down one more request."""
        self._entries.append(entry)

    def entries(self) -> list[JournalEntry]:
        """All entries, oldest first, as a list of the caller's own."""
        return list(self._entries)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


def body_digest(body: bytes) -> str | None:
    """SHA-256 of a request body in hex; None for an empty one."""
    return hashlib.sha256(body).hexdigest() if body else None


def idempotency_key(headers: Mapping[str, str], body: bytes) -> str | None:
    """The key by which a repeat is recognised: the header, else the body field that checkout uses, else None."""
    if (key := headers.get("Idempotency-Key")) is not None:
        return key
    if b'"idempotency_key"' not in body:  # spares the parse for nearly every request
        return None
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = data.get("idempotency_key") if isinstance(data, dict) else None
    return found if isinstance(found, str) else None
