"""What the journal of a soak must not show: something paid for twice, a payment that wandered, a key astray."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

#: Statuses that turn a request away: nothing was done, and it may go elsewhere.
TURNED_AWAY = frozenset({429, 502, 503, 529})
#: Faults that end a connection without a byte of an answer.
_LOST = frozenset({"reset", "close"})
#: A chat whose attempt is older than this (seconds) is not sent again: its duplicate would cost as much as itself. A
#: second more for what lies between the clocks of two processes.
_YOUNG = 5.0 + 1.0
#: More entries than the journal keeps: the oldest would be missing.
_KEPT = 250_000

Entry = dict[str, Any]


class Outage(NamedTuple):
    """A base that refused: the connections it had were reset at this moment (wall clock)."""

    base: int
    at: float


def problems(journal: Sequence[Entry], outages: Sequence[Outage]) -> list[str]:
    """Everything that is wrong, in words."""
    found = [] if len(journal) < _KEPT else ["the journal is full, and does not tell everything"]
    found += (f"a chat was paid for twice: {text}" for text in _paid_twice(journal, outages))
    found += (f"a payment wandered: {text}" for text in _wandered(journal))
    made = defaultdict(list)
    for entry in journal:
        if entry["route"] == "keys.create" and entry["status"] not in TURNED_AWAY:
            made[entry["idempotency_key"]].append(entry)
    found += (f"a creation arrived twice: {_told(entries)}" for entries in made.values() if len(entries) > 1)
    if any(entry["authorized"] for entry in journal if entry["route"] == "endpoints.health"):
        found.append("a health check carried the key")
    return found


def repeats(journal: Iterable[Entry]) -> int:
    """Chats that arrived once more although they had not been turned away."""
    return sum(first["status"] not in TURNED_AWAY for _, first, _ in _pairs(journal, "chat.completions.create"))


def _paid_twice(journal: Sequence[Entry], outages: Sequence[Outage]) -> Iterator[str]:
    for place, first, second in _pairs(journal, "chat.completions.create"):
        if first["status"] in TURNED_AWAY:
            continue
        began, again = _moment(first), _moment(second)
        cut = any(out.base == first["base"] and began - 1.0 <= out.at <= again + 1.0 for out in outages)
        lost = first["fault"] in _LOST or first["status"] == 504 or cut
        if not lost or again - began > _YOUNG or place > 2:  # once on a fresh connection, once elsewhere
            yield _told([first, second])


def _wandered(journal: Sequence[Entry]) -> Iterator[str]:
    """A keyed call that may have been done stays where it is: nothing says that bases share their memory of keys."""
    for _, first, second in _pairs(journal, "billing.checkout", by="idempotency_key"):
        if first["status"] != 429 and second["base"] != first["base"]:
            yield _told([first, second])


def _pairs(journal: Iterable[Entry], route: str, *, by: str = "body_digest") -> Iterator[tuple[int, Entry, Entry]]:
    """Each arrival of the same thing but the first, with the one before it and its place."""
    arrivals: dict[str, list[Entry]] = defaultdict(list)
    for entry in journal:
        if entry["route"] == route:
            arrivals[entry[by]].append(entry)
    for entries in arrivals.values():
        for place in range(1, len(entries)):
            yield place, entries[place - 1], entries[place]


def _moment(entry: Entry) -> float:
    return datetime.datetime.fromisoformat(entry["time"]).timestamp()


def _told(entries: Iterable[Entry]) -> str:
    return ", then ".join(
        f"base {entry['base']} {entry['time'][11:23]} fault {entry['fault']} status {entry['status']}"
        for entry in entries
    )
