"""The goals of high availability, the figures of this session beside them, and whether they were reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.failover.figures import Run

#: What a figure is counted in.
MS, S, COUNT, MICRO = "ms", "s", "", "µs"
_FACTOR = {MS: 1e3, S: 1.0, COUNT: 1.0, MICRO: 1e6}
KINDS = ("refuse", "status", "reset", "hang")


@dataclass(slots=True)
class Measured:
    """Everything a session found out about one client: runs by call and fault, and single figures by name."""

    runs: dict[tuple[str, str], Run] = field(default_factory=dict)
    figures: dict[str, float | None] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


Figure = Callable[[Measured], float | None]


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table: a figure and the most it should be, a number or what the run itself says."""

    name: str
    text: str
    bound: float | Figure
    figure: Figure
    unit: str = COUNT


@dataclass(frozen=True, slots=True)
class Line:
    """A goal with its figures and bounds by client."""

    goal: Goal
    figures: dict[str, float | None]
    bounds: dict[str, float | None]

    def reached(self, client: str) -> bool | None:
        """Whether this client is within its bound; None if it was not measured."""
        figure, bound = self.figures.get(client), self.bounds.get(client)
        return None if figure is None or bound is None else figure <= bound + 1e-9

    def to_json(self) -> dict[str, Any]:
        """For the file, in seconds and counts; the bound is a number, or one for each client if its run decides."""
        goal = self.goal
        return {
            "goal": goal.name,
            "text": goal.text,
            "bound": self.bounds if callable(goal.bound) else goal.bound,
            "figures": self.figures,
            "reached": {client: self.reached(client) for client in self.figures},
        }


def _of(call: str, kind: str, read: Callable[[Run], float | None]) -> Figure:
    def figure(measured: Measured) -> float | None:
        run = measured.runs.get((call, kind))
        return None if run is None else read(run)

    return figure


def _named(name: str) -> Figure:
    return lambda measured: measured.figures.get(name)


def _returned(call: str, kind: str) -> list[Goal]:
    bound = 4.0 if kind == "refuse" else 10.0
    text = f"{call} {kind}: answers again this long after the repair"
    return [Goal("G7", text, bound, _of(call, kind, lambda run: run.returned_after), S)]


def goals(rate: float) -> list[Goal]:
    """All that can be measured, for a load of so many calls a second."""
    failed = [Goal("G1", f"get {kind}: failed", 0, _of("get", kind, lambda run: run.failed)) for kind in KINDS]
    failed += [Goal("G2", f"chat {kind}: failed", 0, _of("chat", kind, lambda r: r.failed)) for kind in KINDS[:2]]
    return [
        *failed,
        Goal("G3", "chat reset: failed", 0, _of("chat", "reset", lambda run: run.failed)),
        Goal(
            "G3",
            "chat reset: arrived twice, at most those in flight at the instant",
            _of("chat", "reset", lambda run: run.in_flight),
            _of("chat", "reset", lambda run: run.duplicates),
        ),
        Goal(
            "G4", "chat hang: failed, at most those sent in 0.6 s", 0.6 * rate, _of("chat", "hang", lambda r: r.failed)
        ),
        Goal("G4", "chat hang: arrived twice", 0, _of("chat", "hang", lambda run: run.duplicates)),
        Goal("G5", "get refuse: reached it", 0, _of("get", "refuse", lambda run: run.reached)),
        Goal("G5", "get 503: reached it", 5, _of("get", "status", lambda run: run.reached)),
        Goal("G5", "get hang: reached it", 60, _of("get", "hang", lambda run: run.reached)),
        Goal("G6", "get refuse: left after", 0.02, _of("get", "refuse", lambda run: run.left_after), MS),
        Goal("G6", "get 503: requests until it is left", 3, _of("get", "status", lambda run: run.left_after_hits)),
        Goal("G6", "get hang: left after", 0.6, _of("get", "hang", lambda run: run.left_after), MS),
        Goal("G6", "chat hang: left after", 0.6, _of("chat", "hang", lambda run: run.left_after), MS),
        *[goal for call in ("get", "chat") for kind in KINDS for goal in _returned(call, kind)],
        Goal("G8", "get refuse: back in first place", 4.0 + 31.0, _named("first again"), S),
        Goal("G9", "get refuse: added to the median", 0.002, _of("get", "refuse", lambda run: run.added(0.5)), MS),
        Goal("G9", "get refuse: added to p99", 0.010, _of("get", "refuse", lambda run: run.added(0.99)), MS),
        Goal("G10", "get hang: added to the median", 0.005, _of("get", "hang", lambda run: run.added(0.5)), MS),
        Goal("G10", "get hang: added to p99", 0.350, _of("get", "hang", lambda run: run.added(0.99)), MS),
        Goal("G11", "all refuse: attempts per call", 1.2, _named("attempts, all refuse")),
        Goal("G11", "all 503: attempts per call", 1.2, _named("attempts, all status")),
        Goal("G11", "all refuse: first answer after the repair", 1.0, _named("first answer, all refuse"), S),
        Goal("G11", "all 503: first answer after the repair", 1.0, _named("first answer, all status"), S),
        Goal("G12", "health checks of a base in the first hour", 13, _named("checks, first hour")),
        Goal("G12", "health checks of a base in a later hour", 12, _named("checks, later hour")),
        Goal("G13", "discoveries for 100 tasks at once", 1, _named("discoveries")),
        Goal("G14", "calls testing a base at once, of 1,000 waiting", 1, _named("testing")),
        Goal("G15", "toggling for 10 min: changes of first place", 2, _named("toggling, changes")),
        Goal("G15", "toggling for 10 min: failed reads", 0, _named("toggling, failed")),
        Goal("G16", "left after closing: tasks, sockets, requests", 0, _named("left")),
        Goal("G16", "closing an idle client", 0.050, _named("closing"), MS),
        Goal("G17", "keys at the health route or a redirect's target", 0, _named("keys astray")),
        Goal("G18", "wall clock ± 1 h: bans that changed", 0, _named("bans changed")),
        Goal("G18", "after a suspend: health checks of a base", 1, _named("checks after suspend")),
        Goal("G19", "starved loop: ejections", 0, _named("ejections, starved")),
        Goal("G19", "starved loop: failed reads", 0, _of("get", "starved", lambda run: run.failed)),
        Goal("G20", "the pool's part of a call, 8 bases", 10e-6, _named("price"), MICRO),
    ]


def lines(measured: Mapping[str, Measured], rate: float) -> list[Line]:
    """Every goal that at least one client was measured against."""
    made = [_line(goal, measured) for goal in goals(rate)]
    return [line for line in made if any(figure is not None for figure in line.figures.values())]


def _line(goal: Goal, measured: Mapping[str, Measured]) -> Line:
    bounds = {name: goal.bound(found) if callable(goal.bound) else goal.bound for name, found in measured.items()}
    return Line(goal, {name: goal.figure(found) for name, found in measured.items()}, bounds)


def shown(value: float | None, unit: str) -> str:
    """A figure as people read it."""
    if value is None:
        return "-"
    scaled = value * _FACTOR[unit]
    text = (
        f"{scaled:,.0f}"
        if unit == COUNT and scaled == int(scaled)
        else f"{scaled:,.3g}"
        if scaled < 100
        else f"{scaled:,.0f}"
    )
    return f"{text} {unit}".strip()


def rows_of(found: list[Line], clients: list[str]) -> list[list[str]]:
    """Goal, bound and figures, below a head; bound and verdict are those of the first client."""
    rows = [["", "goal", "at most", *clients, "reached"]]
    for line in found:
        goal = line.goal
        verdict = {True: "yes", False: "NO", None: "-"}[line.reached(clients[0])]
        cells = [shown(line.figures.get(client), goal.unit) for client in clients]
        rows.append([goal.name, goal.text, shown(line.bounds.get(clients[0]), goal.unit), *cells, verdict])
    return rows


def as_table(rows: list[list[str]]) -> str:
    """The same for a terminal."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    aligned = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([aligned[0], "-" * len(aligned[0]), *aligned[1:]])
