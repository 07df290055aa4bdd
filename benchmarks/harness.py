"""
How every benchmark is run: interleaved rounds, ratios within a round, medians and quartiles over rounds.

A round measures every peer once, one right after the other and in an order that rotates, so that whatever the machine
is doing meets all of them alike. The ratio to the baseline is taken inside each round and only then summarised.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from benchmarks.peers import NEWEST_PEERS, OURS, TLS_PEERS, Peer
from benchmarks.processes import Process, WorkerError, running_service, start_worker

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What the command line said.

    Attributes:
        quick: A run for correctness: tiny counts, two rounds; its figures mean little and are kept apart.
        rounds: How often each cell is measured.
        budget: CPU seconds a cell may take per round, roughly; counts are chosen to fit.
        ceiling: A cell that would take longer than this (seconds) is left out for that peer.
        tls: Whether server and clients speak TLS. A part of the peers and columns is measured so.
        newest: Whether the peers, of which only ours and bare aiohttp are left, run on the Python of `.venv-newest`.
        only_peers: Names of peers to run; empty runs all.
    """

    quick: bool = False
    rounds: int = 7
    budget: float = 0.5
    ceiling: float = 10.0
    tls: bool = False
    newest: bool = False
    only_peers: tuple[str, ...] = ()

    @property
    def variant(self) -> str:
        """What sets this run apart from the plain one, as files are named: ``""``, ``"-tls"``, ``"-newest"``."""
        return f"{'-newest' if self.newest else ''}{'-tls' if self.tls else ''}"

    def wanted(self, peers: Sequence[Peer]) -> list[Peer]:
        """The peers to run, each with the interpreter it is to run on."""
        chosen = [peer for peer in peers if not self.only_peers or peer.name in self.only_peers]
        if self.tls:
            chosen = [peer for peer in chosen if peer.name in TLS_PEERS]
        if self.newest:
            chosen = [replace(peer, venv="newest") for peer in chosen if peer.name in NEWEST_PEERS]
        return chosen


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of some figures."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value; one value is its own quartiles."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(statistics.median(values), low, high)


@dataclass(slots=True)
class Cell:
    """One peer in one column: its figure per round (None where it failed or sat out) and the failures by name."""

    rounds: list[float | None] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    count: int = 0
    left_out: str = ""
    extra: dict[str, list[float]] = field(default_factory=dict)

    def spread(self) -> Spread | None:
        """Over the rounds that gave a figure."""
        values = [value for value in self.rounds if value is not None]
        return Spread.of(values) if values else None

    def ratio_to(self, base: Cell) -> Spread | None:
        """Of ratios taken within each round."""
        pairs = zip(self.rounds, base.rounds, strict=False)
        ratios = [mine / theirs for mine, theirs in pairs if mine is not None and theirs]
        return Spread.of(ratios) if ratios else None


@dataclass(slots=True)
class Result:
    """
    Everything one benchmark found.

    Attributes:
        name: Of the benchmark, and of its file.
        title: What the figure is, with its unit.
        baseline: The peer that ratios refer to.
        columns: In order.
        cells: By peer, then column.
        versions: By peer.
        skipped: Peers, or columns, that did not run, with the reason.
        every: Peers that take part in every so manyth round only.
    """

    name: str
    title: str
    baseline: str
    columns: list[str]
    cells: dict[str, dict[str, Cell]] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    every: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Result:
        """What `as_json` wrote."""
        names = {one.name for one in fields(Cell)}
        cells = {
            peer: {column: Cell(**{k: v for k, v in cell.items() if k in names}) for column, cell in row.items()}
            for peer, row in data["cells"].items()
        }
        result = cls(data["benchmark"], data["title"], data["baseline"], data["columns"], cells)
        result.versions, result.skipped = data["versions"], data["skipped"]
        return result

    def cell(self, peer: str, column: str) -> Cell:
        """The cell, made when it is not there yet."""
        return self.cells.setdefault(peer, {}).setdefault(column, Cell())

    def ratio(self, peer: str, base: str, column: str) -> Spread | None:
        """Of two peers in a column; None when either is missing."""
        try:
            return self.cells[peer][column].ratio_to(self.cells[base][column])
        except KeyError:
            return None

    def as_json(self, settings: Settings) -> dict[str, Any]:
        """The whole result, with the kind of machine but nothing that names it."""
        cells = {
            peer: {column: _cell_json(self, peer, column) for column in columns} for peer, columns in self.cells.items()
        }
        return {
            "benchmark": self.name,
            "title": self.title,
            "baseline": self.baseline,
            "columns": self.columns,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "settings": asdict(settings),
            "machine": {
                "python": self.versions.get(OURS, {}).get("python", platform.python_version()),
                "system": platform.system(),
                "architecture": platform.machine(),
                "cores": os.cpu_count(),
            },
            "versions": self.versions,
            "skipped": self.skipped,
            "cells": cells,
        }


def _cell_json(result: Result, peer: str, column: str) -> dict[str, Any]:
    cell = result.cells[peer][column]
    spread, ratio = cell.spread(), result.ratio(peer, result.baseline, column)
    return {
        **asdict(cell),
        "figure": asdict(spread) if spread else None,
        "ratio": asdict(ratio) if ratio else None,
    }


Measure = Callable[[Process, str, Cell], float | None]


def run_rounds(result: Result, workers: dict[str, Process], settings: Settings, measure: Measure) -> None:
    """
    Fill the result column by column; within a column, every round measures every peer.

    A peer whose process breaks keeps the columns it has and is missing from the rest. One that sits a round out has
    None there, so that ratios stay within a round.

    Args:
        measure: Takes a worker, a column and the cell so far; returns the figure, or None if there is none this
            time. It may set `left_out` on the cell, which then is not measured again.
    """
    alive = dict(workers)
    for column in result.columns:
        for number in range(settings.rounds):
            names = list(alive)
            turn = number % max(1, len(names))
            for name in names[turn:] + names[:turn]:
                cell = result.cell(name, column)
                if cell.left_out:
                    continue
                if number % result.every.get(name, 1):
                    cell.rounds.append(None)
                    continue
                try:
                    cell.rounds.append(measure(alive[name], column, cell))
                except WorkerError as error:
                    # Its process is stuck or gone; what it showed so far stands.
                    del alive[name]
                    cell.left_out = f"stopped: {error}"
                    print(f"{name}, {column}: stopped: {error}", file=sys.stderr)


@contextlib.contextmanager
def running_peers(
    result: Result, peers: Sequence[Peer], settings: Settings, url: str, environment: dict[str, str] | None = None
) -> Iterator[dict[str, Process]]:
    """Start every peer that can run, say one line for each that cannot, and end them all afterwards."""
    with contextlib.ExitStack() as stack:
        workers: dict[str, Process] = {}
        for peer in settings.wanted(peers):
            try:
                process, result.versions[peer.name] = start_worker(peer, url, environment=environment)
            except WorkerError as error:
                result.skipped[peer.name] = str(error)
                print(f"{peer.name}: skipped: {error}", file=sys.stderr)
                continue
            workers[peer.name] = stack.enter_context(process)
            result.every[peer.name] = peer.every
        yield workers


@contextlib.contextmanager
def service_and_peers(result: Result, peers: Sequence[Peer], settings: Settings) -> Iterator[dict[str, Process]]:
    """The server, and every peer connected to it."""
    with (
        running_service(tls=settings.tls) as (url, _, environment),
        running_peers(result, peers, settings, url, environment) as workers,
    ):
        yield workers


def ask(worker: Process, timeout: float, **command: Any) -> dict[str, Any]:
    """
    One command to a worker, and its answer.

    Raises:
        WorkerError: It said that it failed, broke, or did not answer in time.
    """
    worker.send(command)
    answer = worker.receive(timeout)
    if "failed" in answer:
        raise WorkerError(answer["failed"])
    return answer


def note_errors(cell: Cell, sample: dict[str, Any]) -> None:
    """Add a sample's failures to its cell."""
    for name, count in sample["errors"].items():
        cell.errors[name] = cell.errors.get(name, 0) + count


def fitting_count(unit_seconds: float, settings: Settings, *, least: int, most: int = 20_000) -> int:
    """How many units fill the budget, at least and at most so many."""
    return max(least, min(most, int(settings.budget / max(unit_seconds, 1e-7))))


def save(result: Result, settings: Settings) -> Path:
    """Write the result's JSON. No run replaces the figures of one of another kind: quick, over TLS, another Python."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{'local-quick-' if settings.quick else ''}{result.name}{settings.variant}.json"
    path.write_text(json.dumps(result.as_json(settings), indent=1) + "\n")
    return path


def parse_settings(description: str, argv: Sequence[str] | None = None) -> Settings:
    """The switches every benchmark shares."""
    parser = argparse.ArgumentParser(description=description)
    add_switches(parser)
    return settings_from(parser.parse_args(argv))


def add_switches(parser: argparse.ArgumentParser) -> None:
    """Add the shared switches."""
    parser.add_argument("--quick", action="store_true", help="only see that everything runs; figures mean little")
    parser.add_argument("--rounds", type=int, default=0, help="default 7, or 2 with --quick")
    parser.add_argument("--tls", action="store_true", help="measure over TLS (needs the extra tls)")
    parser.add_argument(
        "--python", choices=("own", "newest"), default="own", help="newest: in the virtualenv .venv-newest"
    )
    parser.add_argument("--peers", default="", help="names of peers, separated by semicolons; default all")


def settings_from(options: argparse.Namespace) -> Settings:
    """Settings of a parsed command line."""
    peers = tuple(name.strip() for name in options.peers.split(";") if name.strip())
    least = Settings(quick=True, rounds=2, budget=0.03, ceiling=3.0) if options.quick else Settings()
    return replace(
        least,
        rounds=options.rounds or least.rounds,
        tls=options.tls,
        newest=options.python == "newest",
        only_peers=peers,
    )
