"""
What an item of `client.batch.map` costs beyond the plain client call, with as many in flight.

Both kinds are made by one client in one process, in turn: the plain calls by tasks that share a counter, which is the
least that bounded concurrency can be written with.
"""

from __future__ import annotations

import sys

from benchmarks.harness import (
    Cell,
    Result,
    Settings,
    ask,
    fitting_count,
    note_errors,
    parse_settings,
    save,
    service_and_peers,
)
from benchmarks.measure import scaled_microseconds
from benchmarks.peers import ASYNC_PEERS, OURS
from benchmarks.processes import Process, WorkerError
from benchmarks.table import as_table

PLAIN, BATCH = "plain calls", "batch.map"
CONCURRENCY = "64"
BUDGET_SHARE = 2  # a difference of two figures needs them steadier than a ratio does
MOST_SECONDS = 60


def measure(worker: Process, kind: str, cell: Cell, settings: Settings) -> float | None:
    """One figure of one kind; the first round chooses the count."""

    def run(count: int) -> dict[str, object]:
        command = "calls" if kind == PLAIN else "batch"
        at_once = int(CONCURRENCY)
        sample = ask(worker, MOST_SECONDS + 10, do=command, concurrency=at_once, count=count, deadline=MOST_SECONDS)
        note_errors(cell, sample)
        return sample

    least = int(CONCURRENCY)
    warm = run(least)
    if not cell.count:
        spent = float(str(warm["cpu"])) / least / BUDGET_SHARE
        cell.count = fitting_count(spent, settings, least=least)
    return scaled_microseconds(run(cell.count))


def run(settings: Settings) -> Result:
    """Measure both kinds in turn; without `client.batch` the plain calls alone, and a line that says so."""
    result = Result("batch", "CPU microseconds per chat call, 64 in flight", PLAIN, [CONCURRENCY])
    peers = [peer for peer in ASYNC_PEERS if peer.name == OURS]
    with service_and_peers(result, peers, settings) as workers:
        for number in range(settings.rounds):
            for kind in (PLAIN, BATCH) if number % 2 == 0 else (BATCH, PLAIN):
                if not workers or kind in result.skipped:
                    continue
                cell = result.cell(kind, CONCURRENCY)
                try:
                    cell.rounds.append(measure(workers[OURS], kind, cell, settings))
                except WorkerError as error:
                    del result.cells[kind]
                    result.skipped[kind] = str(error)
                    print(f"{kind}: skipped: {error}", file=sys.stderr)
    return result


def main() -> None:
    """Entry point: this benchmark alone."""
    settings = parse_settings(__doc__ or "")
    result = run(settings)
    print(as_table(result), save(result, settings), sep="\n")


if __name__ == "__main__":
    main()
