"""The goals, and how this run met them. Figures of one interleaved run; never a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import bench_batch, bench_layers
from benchmarks.harness import Result
from benchmarks.peers import IDIOMATIC, OURS, RAW
from benchmarks.table import align, number

Results = dict[str, Result]
_BURSTS = "bursts of 16, 10 streams"
_KEPT = "bytes per call kept"


@dataclass(frozen=True, slots=True)
class Goal:
    """
    A figure and the bound it should keep.

    Attributes:
        at_least: Turns the comparison round.
        everywhere: Holds over TLS and on other Pythons too; the others were set for a plain run and are shown there.
    """

    name: str
    text: str
    bound: float
    figure: Callable[[Results], float | None]
    at_least: bool = False
    everywhere: bool = False

    def label(self) -> list[str]:
        """Name, text and bound."""
        return [self.name, self.text, f"{'≥' if self.at_least else '≤'} {number(self.bound)}"]

    def judged(self, results: Results) -> tuple[str, str]:
        """Figure and verdict; a figure that this run lacks is said to be so."""
        value = self.figure(results)
        if value is None:
            return "-", "not measured"
        met = value >= self.bound if self.at_least else value <= self.bound
        return number(value), "met" if met else "MISSED"


def ratio(benchmark: str, peer: str, base: str, column: str) -> Callable[[Results], float | None]:
    """Of two peers in one column, the median over rounds."""

    def figure(results: Results) -> float | None:
        found = results[benchmark].ratio(peer, base, column) if benchmark in results else None
        return found.median if found else None

    return figure


def median(benchmark: str, peer: str, column: str) -> Callable[[Results], float | None]:
    """Of one cell."""

    def figure(results: Results) -> float | None:
        cell = results[benchmark].cells.get(peer, {}).get(column) if benchmark in results else None
        spread = cell.spread() if cell else None
        return spread.median if spread else None

    return figure


def scaling(results: Results) -> float | None:
    """CPU per call at 1,000 in flight over that at 10."""
    many, few = median("call", OURS, "1000")(results), median("call", OURS, "10")(results)
    return many / few if many is not None and few else None


def failures(results: Results) -> float | None:
    """Our failed calls at 1,000 and 10,000 in flight."""
    cells = results["call"].cells.get(OURS, {}) if "call" in results else {}
    found = [sum(cells[column].errors.values()) for column in ("1000", "10000") if column in cells]
    return float(sum(found)) if found else None


def throughput(threads: str) -> Callable[[Results], float | None]:
    """Blocking calls a second, ours over httpx's."""

    def figure(results: Results) -> float | None:
        cells = results["facade"].cells if "facade" in results else {}
        walls = [
            cells.get(peer, {}).get(threads) and cells[peer][threads].extra.get("wall_microseconds")
            for peer in (OURS, "httpx.Client")
        ]
        if not walls[0] or not walls[1]:
            return None
        ratios = sorted(theirs / ours for ours, theirs in zip(walls[0], walls[1], strict=False))
        return ratios[len(ratios) // 2]

    return figure


GOALS = (
    Goal(
        "P1", "call over idiomatic aiohttp, 100 in flight", 1.0, ratio("call", OURS, IDIOMATIC, "100"), everywhere=True
    ),
    Goal("P2", "call over raw aiohttp + orjson, 100 in flight", 1.12, ratio("call", OURS, RAW, "100"), everywhere=True),
    Goal("P3", "the same, both on uvloop", 1.15, ratio("call", f"{OURS}, uvloop", f"{RAW}, uvloop", "100")),
    Goal("P4", "openai[aiohttp] over ours, 100", 9, ratio("call", "openai[aiohttp]", OURS, "100"), at_least=True),
    Goal("P4", "openai[aiohttp] over ours, 1000", 9, ratio("call", "openai[aiohttp]", OURS, "1000"), at_least=True),
    Goal("P4", "openai over ours, 100", 22, ratio("call", "openai", OURS, "100"), at_least=True),
    Goal("P5", "stream chunk over raw aiohttp", 1.5, ratio("stream", OURS, RAW, _BURSTS), everywhere=True),
    Goal("P5", "openai[aiohttp] chunk over ours", 16, ratio("stream", "openai[aiohttp]", OURS, _BURSTS), at_least=True),
    Goal("P6", "failed calls at 1,000 and 10,000 in flight", 0, failures, everywhere=True),
    Goal("P7", "import over openai's", 0.10, ratio("import", OURS, "openai", "import, ms")),
    Goal("P7", "client ready over openai's", 0.40, ratio("import", OURS, "openai", "client ready, ms")),
    Goal("P8", "KiB per idle stream", 28, median("memory", OURS, "KiB per idle stream")),
    # Resident memory moves in pages; a leak of the smallest object would show as 16 bytes a call or more.
    Goal("P8", "bytes per call kept after 50,000 calls", 8, median("memory", OURS, _KEPT), everywhere=True),
    Goal("P9", "decode 1 KB chat over pydantic", 1.0, ratio("decode", OURS, "pydantic validate_json", "chat_1k")),
    Goal("P10", "µs of pool, retry, rate limit", 15, median("layers", bench_layers.LIMITED, bench_layers.BEYOND)),
    Goal("P10", "µs of the same with a hook", 15, median("layers", bench_layers.HOOKED, bench_layers.BEYOND)),
    Goal("P11", "call at 1,000 in flight over 10", 1.1, scaling),
    Goal("S2", "blocking call over httpx.Client, 16 threads", 0.7, ratio("facade", OURS, "httpx.Client", "16")),
    Goal("S2", "blocking call over requests, 16 threads", 0.35, ratio("facade", OURS, "requests", "16")),
    Goal("S2", "blocking call over openai, 16 threads", 0.15, ratio("facade", OURS, "openai, sync", "16")),
    Goal("S3", "throughput over httpx.Client, 16 threads", 2, throughput("16"), at_least=True),
    Goal("S3", "throughput over httpx.Client, 64 threads", 2, throughput("64"), at_least=True),
    Goal("B8", "µs of an item of batch.map beyond a plain call", 100, bench_batch.overhead),
)


def as_table(results: Results) -> str:
    """Every goal with this run's figure, for a terminal."""
    lines = [[*goal.label(), *goal.judged(results)] for goal in GOALS]
    return "\n".join(align([["goal", "what", "bound", "figure", ""], *lines]))


def rows_of(runs: dict[str, Results]) -> list[list[str]]:
    """Every goal with the figures of several runs, by what sets them apart; the first one is the plain one."""
    plain = next(iter(runs))
    rows = [["goal", "what", "bound", *runs]]
    for goal in GOALS:
        judged = [goal.judged(run) if name == plain or goal.everywhere else ("", "") for name, run in runs.items()]
        cells = [figure if figure in ("", "-") else f"{figure} {verdict}" for figure, verdict in judged]
        rows.append([*goal.label(), *cells])
    return rows
