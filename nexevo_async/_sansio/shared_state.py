"""
What the processes of one machine tell each other about endpoints, and who of them asks next. Pure.

Twenty workers would ask the service twenty times for the same thing, and share its limits for one address. So they keep
a small file between them (`_shared_file.py`). Before a process asks, it claims the question in there; the others wait
for the answer and read it. Every moment in here is on the wall clock, seconds since 1970, because no other clock is
common to all processes; 0 is never, and a moment in the future counts as never.

The text comes from a file that anything may have happened to: it is untrusted input. Nothing in it is a secret, and
nothing in it can prove an endpoint, eject one, or make anybody ask more often.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
import orjson

__all__ = ["BadState", "Claims", "LinksClaim", "Pace", "Record", "SharedState", "Turn", "Verdict", "Wish", "read_state"]

#: The form of the file. Another one is another file, so that old and new releases on one machine do not fight.
SCHEMA: Final = 1
#: A larger file is not read.
MOST_BYTES: Final = 64 * 1024
#: More endpoints than this are not kept.
MOST_ENDPOINTS: Final = 64
#: What is older than this is dropped from the file, and no wish for patience goes further (seconds).
DAY: Final = 86_400.0
_LATEST: Final = 1e11  # the year 5138


class BadState(ValueError):
    """The text cannot be what a process of ours has written; the message says why, without quoting it."""


class Verdict(enum.Enum):
    """Whether a process may ask now."""

    ASK = "ask"
    LOOK_AGAIN = "look again"  # somebody else is asking
    NOT_NOW = "not now"  # it has been asked often enough, or the service wants patience


@attrs.frozen(kw_only=True)
class Pace:
    """
    How often one question may be put by all processes together. Times are seconds.

    Attributes:
        burst: Questions in hand at most.
        every: One more is earned in this time.
        claim: Whoever claimed a question and has no answer after this time is taken to be dead.
    """

    burst: int
    every: float
    claim: float


@attrs.frozen(kw_only=True)
class Turn:
    """
    How one question stands between the processes.

    Attributes:
        claimed: When a process last set out to ask.
        answered: When its answer, or failure, was there.
        not_before: Nobody asks before.
        booked: Until when questions are paid for. This one number is the whole token bucket (the generic cell rate
            algorithm of ITU-T I.371).
    """

    claimed: float = 0.0
    answered: float = 0.0
    not_before: float = 0.0
    booked: float = 0.0

    def verdict(self, now: float, pace: Pace) -> Verdict:
        """Whether it may be asked now."""
        if self.claimed > self.answered and 0 <= now - self.claimed < pace.claim:
            return Verdict.LOOK_AGAIN
        return Verdict.NOT_NOW if self.wait(now, pace) > 0 else Verdict.ASK

    def wait(self, now: float, pace: Pace) -> float:
        """Seconds until it may be asked as far as patience and pace go; 0.0 if that is now."""
        patience = min(self.not_before - now, DAY)
        debt = min(self.booked - now, pace.burst * pace.every) - (pace.burst - 1) * pace.every
        return max(0.0, patience, debt)

    def claim(self, now: float, pace: Pace) -> Turn:
        """The same, with a process having set out to ask."""
        booked = min(max(self.booked, now) + pace.every, now + pace.burst * pace.every)
        return attrs.evolve(self, claimed=now, booked=booked)

    def done(self, now: float, *, wait: float = 0.0) -> Turn:
        """The same, with an answer or a failure; `wait` is for how many seconds nobody should ask again."""
        return attrs.evolve(self, answered=now, not_before=now + min(wait, DAY))


@attrs.frozen(kw_only=True)
class Record:
    """
    What is known about one endpoint.

    Attributes:
        turn: How its health checks stand.
        good: How the last one ended; None if it told nothing.
        checked: When that was.
        banned_at: When a process last ejected it.
        banned_until: Until when.
        flaps: How often it had gone down by then, lately.
    """

    turn: Turn = Turn()
    good: bool | None = None
    checked: float = 0.0
    banned_at: float = 0.0
    banned_until: float = 0.0
    flaps: int = 0

    @property
    def touched(self) -> float:
        """The last moment at which anything happened to it."""
        return max(self.turn.claimed, self.turn.answered, self.checked, self.banned_at)

    def news(self, now: float, *, fresh: float, longest_ban: float) -> tuple[bool, float] | None:
        """
        Whether it is well, and when that was seen; None if nothing is known that still holds.

        Args:
            now: The moment.
            fresh: How long a health check holds (seconds).
            longest_ban: How long an ejection holds at most (seconds).
        """
        found: list[tuple[float, bool]] = []
        if self.good is not None and 0 <= now - self.checked < fresh:
            found.append((self.checked, self.good))
        if self.banned_at <= now < self.banned_until <= self.banned_at + longest_ban:
            found.append((self.banned_at, False))
        if not found:
            return None
        at, good = max(found)
        return good, at


@attrs.frozen(kw_only=True)
class Wish:
    """
    A process would like to ask an endpoint for its health.

    Attributes:
        url: The endpoint.
        fresh: An answer to somebody else is as good if it is younger than this (seconds); 0.0 if only one's own helps.
        pressing: It cannot wait for its turn: nothing else is usable.
    """

    url: str
    fresh: float
    pressing: bool = False


@attrs.frozen(kw_only=True)
class Claims:
    """
    What came of wishes.

    Attributes:
        ask: URLs to ask now; they are claimed.
        look_again: URLs that another process is asking right now.
        known: URLs whose answer is there already, and when it came.
    """

    ask: tuple[str, ...] = ()
    look_again: tuple[str, ...] = ()
    known: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class LinksClaim:
    """
    What came of the wish to ask discovery.

    Attributes:
        verdict: Whether to ask now; then it is claimed.
        wait: If not: in how many seconds to try again.
    """

    verdict: Verdict
    wait: float = 0.0


@attrs.frozen(kw_only=True)
class SharedState:
    """
    All that is in the file.

    Attributes:
        endpoints: By URL.
        links: How discovery stands.
        fetched: When the list was fetched; 0 if there is none.
        entries: The list as (URL, priority), as it was found good by whoever fetched it.
    """

    endpoints: Mapping[str, Record] = attrs.field(factory=dict)
    links: Turn = Turn()
    fetched: float = 0.0
    entries: tuple[tuple[str, int], ...] = ()

    def record(self, url: str) -> Record:
        """What is known about an endpoint, be it nothing."""
        return self.endpoints.get(url, Record())

    def with_records(self, records: Mapping[str, Record]) -> SharedState:
        """The same with other records for some endpoints."""
        return attrs.evolve(self, endpoints={**self.endpoints, **records})

    def claim_checks(self, wishes: Iterable[Wish], now: float, pace: Pace) -> tuple[SharedState, Claims]:
        """Claim the health checks that may be made now."""
        claimed: dict[str, Record] = {}
        known: dict[str, float] = {}
        look_again: list[str] = []
        for wish in wishes:
            record = self.record(wish.url)
            if 0 <= now - record.checked < wish.fresh:
                known[wish.url] = record.checked
                continue
            verdict = Verdict.ASK if wish.pressing else record.turn.verdict(now, pace)
            if verdict is Verdict.ASK:
                claimed[wish.url] = attrs.evolve(record, turn=record.turn.claim(now, pace))
            elif verdict is Verdict.LOOK_AGAIN:
                look_again.append(wish.url)
        claims = Claims(ask=tuple(claimed), look_again=tuple(look_again), known=known)
        return (self.with_records(claimed) if claimed else self), claims

    def claim_links(self, now: float, pace: Pace, *, fresh: float, soon: float) -> tuple[SharedState, LinksClaim]:
        """
        Claim discovery, if it may be asked now.

        Args:
            now: The moment.
            pace: How often it may be asked.
            fresh: A list younger than this is good enough (seconds).
            soon: How long to leave a process that is asking alone (seconds).
        """
        age = now - self.fetched
        if 0 <= age < fresh:
            return self, LinksClaim(verdict=Verdict.NOT_NOW, wait=fresh - age)
        verdict = self.links.verdict(now, pace)
        if verdict is Verdict.ASK:
            return attrs.evolve(self, links=self.links.claim(now, pace)), LinksClaim(verdict=verdict)
        wait = soon if verdict is Verdict.LOOK_AGAIN else self.links.wait(now, pace)
        return self, LinksClaim(verdict=verdict, wait=wait)

    def encode(self, now: float) -> bytes:
        """The text for the file, without what is too old to be of use."""
        kept = sorted(self.endpoints.items(), key=lambda item: -item[1].touched)[:MOST_ENDPOINTS]
        data = {
            "schema": SCHEMA,
            "links": {**attrs.asdict(self.links), "fetched": self.fetched, "entries": self.entries},
            "endpoints": {
                url: {**attrs.asdict(record.turn), **attrs.asdict(record, filter=_not_turn)}
                for url, record in kept
                if now - record.touched < DAY
            },
        }
        return orjson.dumps(data, option=orjson.OPT_INDENT_2)


def _not_turn(field: attrs.Attribute[Any], _: object) -> bool:
    return field.name != "turn"


def read_state(text: bytes) -> SharedState:
    """
    What the text of the file says.

    Raises:
        BadState: It has another form than what we write.
    """
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadState("it is not JSON") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise BadState("it has another form")
    links, endpoints = _object(data.get("links")), _object(data.get("endpoints"))
    if len(endpoints) > MOST_ENDPOINTS:
        raise BadState("it names too many endpoints")
    return SharedState(
        endpoints={url: _record(_object(raw)) for url, raw in endpoints.items()},
        links=_turn(links),
        fetched=_moment(links, "fetched"),
        entries=_entries(links.get("entries")),
    )


def _record(raw: Mapping[str, Any]) -> Record:
    good, flaps = raw.get("good"), raw.get("flaps")
    if good is not None and not isinstance(good, bool):
        raise BadState("good is neither true, false nor null")
    if isinstance(flaps, bool) or not isinstance(flaps, int) or flaps < 0:
        raise BadState("flaps is not a count")
    return Record(
        turn=_turn(raw),
        good=good,
        checked=_moment(raw, "checked"),
        banned_at=_moment(raw, "banned_at"),
        banned_until=_moment(raw, "banned_until"),
        flaps=flaps,
    )


def _turn(raw: Mapping[str, Any]) -> Turn:
    return Turn(**{field.name: _moment(raw, field.name) for field in attrs.fields(Turn)})


def _entries(raw: object) -> tuple[tuple[str, int], ...]:
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise BadState("entries is not a list")
    found = []
    for entry in raw:
        match entry:
            case [str(url), int(priority)] if not isinstance(priority, bool):
                found.append((url, priority))
            case _:
                raise BadState("an entry is not a URL with a priority")
    return tuple(found)


def _object(raw: object) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise BadState("an object is missing")
    return raw


def _moment(raw: Mapping[str, Any], name: str) -> float:
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadState(f"{name} is not a moment")
    if not 0 <= value <= _LATEST:
        raise BadState(f"{name} is out of range")
    return float(value)
