"""From what a client and the gateways saw to figures. All times are seconds."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

#: Statuses that turn a request away: a repeat elsewhere is no duplicate, as nothing was done.
_TURNED_AWAY = frozenset({429, 502, 503, 529})
_ROUTES = {"get": "models.get", "chat": "chat.completions.create"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One call: when it began (wall clock), how long it took, and the name of its error."""

    at: float
    seconds: float
    error: str | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request at a base."""

    at: float
    base: Any
    route: str | None
    status: int | None
    fault: str | None
    digest: str | None
    authorized: bool


def arrivals(journal: list[dict[str, Any]]) -> list[Arrival]:
    """The journal of the sandbox, read."""
    return [
        Arrival(
            datetime.datetime.fromisoformat(entry["time"]).timestamp(),
            entry["base"],
            entry["route"],
            entry["status"],
            entry["fault"],
            entry["body_digest"],
            entry["authorized"],
        )
        for entry in journal
    ]


def percentile(values: list[float], share: float) -> float | None:
    """The value that this share stays within; None if there are none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else None


@dataclass(slots=True)
class Run:
    """
    One client through one fault of the first base, or of all.

    Attributes:
        call: ``get`` or ``chat``.
        kind: The fault.
        broke: When it began (wall clock).
        repaired: When it ended.
        ended: When the load ended.
        samples: The calls.
        journal: What arrived.
        watched: What the client itself told, if it is ours.
    """

    call: str
    kind: str
    broke: float
    repaired: float
    ended: float
    samples: list[Sample]
    journal: list[Arrival]
    watched: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Calls that raised."""
        return sum(sample.error is not None for sample in self.samples)

    @property
    def errors(self) -> dict[str, int]:
        """Their errors by name."""
        return dict(Counter(sample.error for sample in self.samples if sample.error))

    def _arrived(self) -> list[Arrival]:
        return [arrival for arrival in self.journal if arrival.route == _ROUTES[self.call]]

    @property
    def reached(self) -> int:
        """Requests that met the fault."""
        return sum(arrival.fault == self.kind for arrival in self._arrived())

    @property
    def duplicates(self) -> int:
        """Chats that arrived again although they had not been turned away."""
        counted = Counter(a.digest for a in self._arrived() if a.status not in _TURNED_AWAY)
        return sum(count - 1 for digest, count in counted.items() if digest is not None)

    @property
    def in_flight(self) -> int:
        """Calls that were under way at the instant of the break."""
        return sum(sample.at <= self.broke < sample.at + sample.seconds for sample in self.samples)

    def _first_hits(self) -> list[float]:
        """When requests came to the first base after the break, up to half a second in which none came."""
        hits: list[float] = []
        for arrival in self._arrived():
            if arrival.base == 0 and arrival.at >= self.broke:
                if arrival.at - (hits[-1] if hits else self.broke) > 0.5:
                    break
                hits.append(arrival.at)
        return hits

    @property
    def left_after(self) -> float:
        """Time from the break to the last of the first hits."""
        return max(self._first_hits(), default=self.broke) - self.broke

    @property
    def left_after_hits(self) -> int:
        """How many requests it took until the first base was left."""
        return len(self._first_hits())

    @property
    def returned_after(self) -> float | None:
        """Time from the repair to the first good answer of the first base."""
        good = [a.at for a in self._arrived() if a.base == 0 and a.at >= self.repaired and a.status == 200]
        return good[0] - self.repaired if good else None

    @property
    def first_again_after(self) -> float | None:
        """Time from the repair to the first second of which the first base gets most calls."""
        second = 0.0
        while self.repaired + second + 1.0 <= self.ended:
            begin = self.repaired + second
            bases = [a.base for a in self._arrived() if begin <= a.at < begin + 1.0]
            if len(bases) > 10 and bases.count(0) > 0.8 * len(bases):
                return second
            second += 0.1
        return None

    def latency(self, share: float, *, during: bool) -> float | None:
        """Of successful calls, begun during the fault or before it."""
        begin, end = (self.broke, self.repaired) if during else (0.0, self.broke)
        return percentile([s.seconds for s in self.samples if s.error is None and begin <= s.at < end], share)

    def added(self, share: float) -> float | None:
        """What the fault adds to that latency."""
        during, before = self.latency(share, during=True), self.latency(share, during=False)
        return None if during is None or before is None else during - before

    @property
    def attempts_per_call_down(self) -> float | None:
        """Requests that arrived while everything was down, for each call begun then."""
        calls = sum(self.broke <= s.at < self.repaired for s in self.samples)
        requests = sum(self.broke <= a.at < self.repaired for a in self._arrived())
        return requests / calls if calls else None

    @property
    def success_after_repair(self) -> float | None:
        """Time from the repair to the first answer."""
        ends = [s.at + s.seconds for s in self.samples if s.error is None]
        return min((end - self.repaired for end in ends if end > self.repaired), default=None)

    def summary(self) -> dict[str, Any]:
        """Everything, for the file."""
        return {
            "calls": len(self.samples),
            "failed": self.failed,
            "errors": self.errors,
            "in_flight": self.in_flight,
            "reached": self.reached,
            "duplicates": self.duplicates if self.call == "chat" else None,
            "left_after": self.left_after,
            "returned_after": self.returned_after,
            "first_again_after": self.first_again_after,
            "normal": {"p50": self.latency(0.5, during=False), "p99": self.latency(0.99, during=False)},
            "during": {"p50": self.latency(0.5, during=True), "p99": self.latency(0.99, during=True)},
        }
