"""The goals, and how this run met them. Figures of one interleaved run; never a test."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from benchmarks import bench_batch, bench_layers
from benchmarks.harness import Cell, Result
from benchmarks.peers import BLOCKING, IDIOMATIC, OUR_PORTAL, OURS, RAW, THREADSAFE
from benchmarks.table import align, number

Results = dict[str, Result]
Figures = Callable[[Result], Sequence[float | None]]
_BURSTS = "bursts of 16, 10 streams"
_ONE_STREAM = ("bursts of 16", "bursts of 256")
_THREADS = ("1", "4", "16", "64")


@dataclass(frozen=True, slots=True)
class Goal:
    """
    A bound, and the figures that should keep it.

    Attributes:
        name: As the project's goals are numbered.
        text: What is measured.
        bound: Every figure must be at most this; at least, with `at_least`.
        benchmark: Whose result has the figures.
        figures: Takes them from there; None in the place of one that is not there.
        at_least: Turns the comparison round.
        everywhere: Holds over TLS and on other Pythons too; the others were set for a plain run and are shown there.
    """

    name: str
    text: str
    bound: float
    benchmark: str
    figures: Figures
    at_least: bool = False
    everywhere: bool = False

    def label(self) -> list[str]:
        """Name, text and bound."""
        return [self.name, self.text, f"{'≥' if self.at_least else '≤'} {number(self.bound)}"]

    def judged(self, results: Results) -> tuple[str, str]:
        """Figures and verdict; a figure that this run lacks is said to be so."""
        found = self.figures(results[self.benchmark]) if self.benchmark in results else [None]
        shown = "  ".join("-" if value is None else number(value) for value in found)
        values = [value for value in found if value is not None]
        if len(values) < len(found):
            return shown, "not measured"
        met = min(values) >= self.bound if self.at_least else max(values) <= self.bound
        return shown, "met" if met else "MISSED"


def ratios(peer: str, base: str, *columns: str) -> Figures:
    """Of two peers, for each column: the median of what the rounds gave."""

    def figures(result: Result) -> list[float | None]:
        found = [result.ratio(peer, base, column) for column in columns]
        return [spread.median if spread else None for spread in found]

    return figures


def median(peer: str, column: str) -> Figures:
    """Of one cell."""

    def figures(result: Result) -> list[float | None]:
        cell = result.cells.get(peer, {}).get(column)
        spread = cell.spread() if cell else None
        return [spread.median if spread else None]

    return figures


def excess(peer: str, base: str, column: str) -> Figures:
    """By how much one cell is above another: the median of the differences within each round."""

    def figures(result: Result) -> list[float | None]:
        mine, theirs = (result.cells.get(name, {}).get(column, Cell()).rounds for name in (peer, base))
        found = [a - b for a, b in zip(mine, theirs, strict=False) if a is not None and b is not None]
        return [statistics.median(found) if found else None]

    return figures


def scaling(result: Result) -> list[float | None]:
    """CPU per call at 1,000 in flight over that at 10."""
    (many,), (few,) = median(OURS, "1000")(result), median(OURS, "10")(result)
    return [many / few if many is not None and few else None]


def failures(result: Result) -> list[float | None]:
    """Our failed calls at 1,000 and 10,000 in flight."""
    cells = result.cells.get(OURS, {})
    found = [sum(cells[column].errors.values()) for column in ("1000", "10000") if column in cells]
    return [float(sum(found)) if found else None]


def rates(peer: str, base: str, wall: str, *columns: str) -> Figures:
    """Units a second of two peers, one over the other: the median of what the rounds' wall times gave."""

    def figure(result: Result, column: str) -> float | None:
        mine, theirs = (result.cells.get(name, {}).get(column, Cell()).extra.get(wall, []) for name in (peer, base))
        found = [their_time / my_time for my_time, their_time in zip(mine, theirs, strict=False)]
        return statistics.median(found) if found else None

    return lambda result: [figure(result, column) for column in columns]


GOALS = (
    Goal(
        "P1", "call over idiomatic aiohttp, 100 in flight", 1.0, "call", ratios(OURS, IDIOMATIC, "100"), everywhere=True
    ),
    Goal(
        "P2", "call over raw aiohttp + orjson, 100 in flight", 1.12, "call", ratios(OURS, RAW, "100"), everywhere=True
    ),
    Goal("P3", "the same, both on uvloop", 1.15, "call", ratios(f"{OURS}, uvloop", f"{RAW}, uvloop", "100")),
    Goal("P4", "openai[aiohttp] over ours, 100", 9, "call", ratios("openai[aiohttp]", OURS, "100"), at_least=True),
    Goal("P4", "openai[aiohttp] over ours, 1000", 9, "call", ratios("openai[aiohttp]", OURS, "1000"), at_least=True),
    Goal("P4", "openai over ours, 100", 22, "call", ratios("openai", OURS, "100"), at_least=True),
    Goal("P5", "stream chunk over raw aiohttp", 1.5, "stream", ratios(OURS, RAW, _BURSTS), everywhere=True),
    Goal(
        "P5", "openai[aiohttp] chunk over ours", 16, "stream", ratios("openai[aiohttp]", OURS, _BURSTS), at_least=True
    ),
    Goal("P6", "failed calls at 1,000 and 10,000 in flight", 0, "call", failures, everywhere=True),
    Goal("P7", "import over openai's", 0.10, "import", ratios(OURS, "openai", "import, ms")),
    Goal("P7", "client ready over openai's", 0.40, "import", ratios(OURS, "openai", "client ready, ms")),
    Goal("P8", "KiB per idle stream", 28, "memory", median(OURS, "KiB per idle stream")),
    # Resident memory moves in pages; a leak of the smallest object would show as 16 bytes a call or more.
    Goal(
        "P8",
        "bytes per call kept after 50,000 calls",
        8,
        "memory",
        median(OURS, "bytes per call kept"),
        everywhere=True,
    ),
    Goal("P9", "decode 1 KB chat over pydantic", 1.0, "decode", ratios(OURS, "pydantic validate_json", "chat_1k")),
    Goal(
        "P10", "µs of pool, retry and limit in a call", 15, "layers", median(bench_layers.LIMITED, bench_layers.BEYOND)
    ),
    Goal("P10", "µs of the same and a hook", 15, "layers", median(bench_layers.HOOKED, bench_layers.BEYOND)),
    Goal("P11", "call at 1,000 in flight over 10", 1.1, "call", scaling),
    Goal(
        "S1",
        "trip over run_coroutine_threadsafe, 1 4 16 64 threads",
        0.75,
        "crossing",
        ratios(OUR_PORTAL, THREADSAFE, *_THREADS),
    ),
    Goal("S1", "the same, ours on uvloop", 0.5, "crossing", ratios(f"{OUR_PORTAL}, uvloop", THREADSAFE, *_THREADS)),
    Goal(
        "S2", "call's CPU over httpx.Client, 1 4 16 64 threads", 0.7, "facade", ratios(OURS, "httpx.Client", *_THREADS)
    ),
    Goal("S2", "call's CPU over requests, 1 4 16 64 threads", 0.35, "facade", ratios(OURS, "requests", *_THREADS)),
    Goal("S2", "call's CPU over openai, 1 4 16 64 threads", 0.15, "facade", ratios(OURS, "openai, sync", *_THREADS)),
    Goal(
        "S3",
        "calls a second over httpx.Client, 16 64 threads",
        2,
        "facade",
        rates(OURS, "httpx.Client", "wall_microseconds", "16", "64"),
        at_least=True,
    ),
    Goal(
        "S4",
        "stream items a second over the async stream, bursts of 16 256",
        0.7,
        "facade-stream",
        rates(BLOCKING, OURS, "wall_microseconds", *_ONE_STREAM),
        at_least=True,
    ),
    Goal(
        "S4",
        "CPU per item over the async stream, bursts of 16 256",
        1.3,
        "facade-stream",
        ratios(BLOCKING, OURS, *_ONE_STREAM),
    ),
    Goal("S5", "first call, ms more than the async one", 5, "first-call", excess(BLOCKING, OURS, "first call, ms")),
    Goal(
        "B8",
        "µs of an item of batch.map over a plain call",
        100,
        "batch",
        excess(bench_batch.BATCH, bench_batch.PLAIN, bench_batch.CONCURRENCY),
    ),
)

#: What no run of these benchmarks can show, and what shows it.
ELSEWHERE = {
    "facade": "S6 (64 threads for a minute: nothing hung, lost or left) is a command of its own: make soak-facade"
}


def as_table(results: Results, benchmarks: Collection[str] = ()) -> str:
    """Every goal with this run's figures; with `benchmarks`, only the goals that those can show."""
    goals = [goal for goal in GOALS if not benchmarks or goal.benchmark in benchmarks]
    rows = [["goal", "what", "bound", "figure", ""], *([*goal.label(), *goal.judged(results)] for goal in goals)]
    notes = [note for benchmark, note in ELSEWHERE.items() if not benchmarks or benchmark in benchmarks]
    return "\n".join([*align(rows), *notes])


def rows_of(runs: dict[str, Results]) -> list[list[str]]:
    """Every goal with the figures of several runs, by what sets them apart; the first one is the plain one."""
    plain = next(iter(runs))
    rows = [["goal", "what", "bound", *runs]]
    for goal in GOALS:
        judged = [goal.judged(run) if name == plain or goal.everywhere else ("", "") for name, run in runs.items()]
        cells = [figures if verdict in ("", "not measured") else f"{figures} {verdict}" for figures, verdict in judged]
        rows.append([*goal.label(), *cells])
    return rows
