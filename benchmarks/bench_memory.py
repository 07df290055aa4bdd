"""
Memory: what an open stream holds while nothing arrives, and whether memory grows over many calls.

Every figure comes from a process of its own: what one measurement frees, the next would take without growing.
"""

from __future__ import annotations

import sys

from benchmarks.harness import Result, Settings, ask, note_errors, parse_settings, save, service_and_peers
from benchmarks.peers import ASYNC_PEERS, IDIOMATIC, OURS, RAW
from benchmarks.processes import WorkerError
from benchmarks.table import as_table

IDLE, GROWTH = "KiB per idle stream", "bytes per call kept"
IDLE_PEERS = {OURS, RAW, "floor", "httpx", "openai", "openai[aiohttp]", "anthropic"}
GROWTH_PEERS = {OURS, RAW, IDIOMATIC}
MOST_ROUNDS = 3


def run(settings: Settings) -> Result:
    """Measure idle streams and growth; `--quick` holds 50 streams and makes 2,000 calls instead of 500 and 50,000."""
    streams, calls = (50, 2_000) if settings.quick else (500, 50_000)
    result = Result("memory", f"Memory: {streams} idle streams, {calls:,} calls", RAW, [IDLE, GROWTH])
    for _ in range(min(settings.rounds, MOST_ROUNDS)):
        for column, names in ((IDLE, IDLE_PEERS), (GROWTH, GROWTH_PEERS)):
            peers = [peer for peer in ASYNC_PEERS if peer.name in names and peer.name not in result.skipped]
            with service_and_peers(result, peers, settings) as workers:
                for name, worker in workers.items():
                    try:
                        if column == IDLE:
                            sample = ask(worker, 60, do="hold", streams=streams)
                            figure = sample["bytes"] / 1024 / max(1, sample["count"])
                        else:
                            sample = ask(worker, 150, do="grow", concurrency=100, count=calls, deadline=60)
                            figure = sample["bytes"] / max(1, sample["count"])
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
