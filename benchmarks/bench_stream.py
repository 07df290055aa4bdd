"""CPU time of the client for one chunk of a chat stream: many chunks per read, and one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.harness import (
    Cell,
    Result,
    Settings,
    ask,
    fitting_count,
    note_errors,
    parse_settings,
    run_rounds,
    save,
    service_and_peers,
)
from benchmarks.measure import scaled_microseconds
from benchmarks.peers import ASYNC_PEERS, RAW
from benchmarks.processes import Process
from benchmarks.table import as_table


@dataclass(frozen=True, slots=True)
class Shape:
    """How chunks arrive: streams at once, chunks per stream and per write, pause between writes in milliseconds."""

    concurrency: int
    per_stream: int
    burst: int
    delay_ms: int


SHAPES = {
    "bursts of 16, 1 stream": Shape(1, 800, 16, 0),
    "bursts of 16, 10 streams": Shape(10, 800, 16, 0),
    "one at a time, 10 streams": Shape(10, 200, 1, 2),
}


def measure_chunks(worker: Process, shape: Shape, cell: Cell, settings: Settings) -> float | None:
    """Open the connections with short streams that do not count, choose a count in the first round, measure."""

    def run(count: int, per_stream: int = shape.per_stream) -> dict[str, object]:
        sample = ask(
            worker,
            settings.ceiling + 10,
            do="chunks",
            concurrency=shape.concurrency,
            count=count,
            per_stream=per_stream,
            burst=shape.burst,
            delay_ms=shape.delay_ms,
            deadline=settings.ceiling,
        )
        note_errors(cell, sample)
        if "Deadline" in sample["errors"]:
            cell.left_out = f"over {settings.ceiling:.0f} s"
        return sample

    run(shape.concurrency, per_stream=shape.burst)
    if not cell.count and not cell.left_out:
        spent = float(str(run(shape.concurrency)["cpu"])) / shape.concurrency
        most = 3 * shape.concurrency if shape.delay_ms else 1000  # paced streams take their time whatever they cost
        cell.count = fitting_count(spent, settings, least=shape.concurrency, most=most)
    if cell.left_out:
        return None
    sample = run(cell.count)
    wall = float(str(sample["wall"])) / (cell.count * shape.per_stream) * 1e6
    cell.extra.setdefault("wall_microseconds", []).append(wall)
    return scaled_microseconds(sample)


def run(settings: Settings) -> Result:
    """Measure every asynchronous peer."""
    share = 8 if settings.quick else 1
    shapes = {name: replace(shape, per_stream=shape.per_stream // share) for name, shape in SHAPES.items()}
    result = Result("stream", "CPU microseconds per stream chunk", RAW, list(SHAPES))
    with service_and_peers(result, ASYNC_PEERS, settings) as workers:
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
