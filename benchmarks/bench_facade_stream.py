"""CPU time and rate of a stream's items through the blocking client, beside the async client's own stream."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.bench_stream import Shape, measure_chunks
from benchmarks.harness import Result, Settings, parse_settings, run_rounds, save, service_and_peers
from benchmarks.peers import OURS, STREAM_PEERS
from benchmarks.table import as_table

ITEMS = 100_000
SHAPES = {
    "bursts of 16": Shape(1, ITEMS, 16, 0),
    "bursts of 256": Shape(1, ITEMS, 256, 0),
}


def run(settings: Settings) -> Result:
    """Read one long stream with each; `--quick` reads a fiftieth of it."""
    share = 50 if settings.quick else 1
    shapes = {name: replace(shape, per_stream=shape.per_stream // share) for name, shape in SHAPES.items()}
    title = f"CPU microseconds per item of a stream of {ITEMS // share:,}"
    result = Result("facade-stream", title, OURS, list(SHAPES))
    with service_and_peers(result, STREAM_PEERS, settings) as workers:
        run_rounds(
            result,
            workers,
            settings,
            lambda worker, column, cell: measure_chunks(worker, shapes[column], cell, settings),
        )
    return result


def main() -> None:
    """Entry point: this benchmark alone."""
    settings = parse_settings(__doc__ or "")
    result = run(settings)
    print(as_table(result), save(result, settings), sep="\n")


if __name__ == "__main__":
    main()
