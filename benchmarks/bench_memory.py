"""
Memory: what an open stream holds while nothing arrives, and whether memory grows over many calls.

Every figure comes from a process of its own: what one measurement frees, the next would take without growing.
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.harness import Result, Settings, ask, note_errors, parse_settings, save, service_and_peers
from benchmarks.peers import ASYNC_PEERS, IDIOMATIC, OURS, RAW
from benchmarks.processes import Process, WorkerError
from benchmarks.table import as_table

IDLE, GROWTH = "KiB per idle stream", "bytes per call kept"
IDLE_PEERS = {OURS, RAW, "floor", "httpx", "openai", "openai[aiohttp]", "anthropic"}
GROWTH_PEERS = {OURS, RAW, IDIOMATIC}
MOST_ROUNDS, MOST_REDUCED_ROUNDS = 3, 1
MOST_SECONDS = 60


def held(worker: Process, streams: int) -> tuple[dict[str, Any], float]:
    """KiB per open stream."""
    sample = ask(worker, 60, do="hold", streams=streams)
    return sample, sample["bytes"] / 1024 / max(1, sample["count"])


def kept(worker: Process, calls: int) -> tuple[dict[str, Any], float]:
    """
    Bytes per call that memory has grown by.

    Raises:
        WorkerError: Not all calls were made: growth over fewer is another figure.
    """
    sample = ask(worker, 2 * MOST_SECONDS + 30, do="grow", concurrency=100, count=calls, deadline=MOST_SECONDS)
    if "Deadline" in sample["errors"]:
        raise WorkerError(f"{calls:,} calls took longer than {MOST_SECONDS} s")
    return sample, sample["bytes"] / calls


def run(settings: Settings) -> Result:
    """Measure idle streams and growth; `--quick` holds 50 streams and makes 2,000 calls instead of 500 and 50,000."""
    streams, calls = (50, 2_000) if settings.quick else (500, 50_000)
    result = Result("memory", f"Memory: {streams} idle streams, {calls:,} calls", RAW, [IDLE, GROWTH])
    most = MOST_REDUCED_ROUNDS if settings.variant else MOST_ROUNDS
    for _ in range(min(settings.rounds, most)):
        for column, names in ((IDLE, IDLE_PEERS), (GROWTH, GROWTH_PEERS)):
            peers = [peer for peer in ASYNC_PEERS if peer.name in names and peer.name not in result.skipped]
            with service_and_peers(result, peers, settings) as workers:
                for name, worker in workers.items():
                    try:
                        sample, figure = held(worker, streams) if column == IDLE else kept(worker, calls)
                    except WorkerError as error:
                        result.skipped[name] = str(error)
                        print(f"{name}: stopped: {error}", file=sys.stderr)
                        continue
                    cell = result.cell(name, column)
                    note_errors(cell, sample)
                    cell.rounds.append(figure)
    return result


def main() -> None:
    """Entry point: this benchmark alone."""
    settings = parse_settings(__doc__ or "")
    result = run(settings)
    print(as_table(result), save(result, settings), sep="\n")


if __name__ == "__main__":
    main()
