"""CPU time of the client for one typed chat call, at growing numbers of calls in flight."""

from __future__ import annotations

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

COLUMNS = ["1", "10", "100", "1000", "10000"]


def measure_calls(worker: Process, concurrency: int, cell: Cell, settings: Settings) -> float | None:
    """Warm up and choose a count in the first round, then measure; used for blocking peers as well."""

    def run(count: int) -> dict[str, object]:
        deadline = settings.ceiling
        sample = ask(worker, deadline + 10, do="calls", concurrency=concurrency, count=count, deadline=deadline)
        note_errors(cell, sample)
        if "Deadline" in sample["errors"]:
            cell.left_out = f"over {deadline:.0f} s"
        return sample

    if not cell.count:
        warm = run(max(concurrency, 20))
        if cell.left_out:
            return None
        spent = float(str(warm["cpu"])) / max(concurrency, 20)
        cell.count = fitting_count(spent, settings, least=max(concurrency, 20))
    sample = run(cell.count)
    wall = float(str(sample["wall"])) / cell.count * 1e6
    cell.extra.setdefault("wall_microseconds", []).append(wall)
    return scaled_microseconds(sample)


def run(settings: Settings) -> Result:
    """Measure every asynchronous peer."""
    columns = COLUMNS[:-1] if settings.quick else COLUMNS
    result = Result("call", "CPU microseconds per chat call, by calls in flight", RAW, columns)
    with service_and_peers(result, ASYNC_PEERS, settings) as workers:
        run_rounds(
            result, workers, settings, lambda worker, column, cell: measure_calls(worker, int(column), cell, settings)
        )
    return result


def main() -> None:
    """Entry point: this benchmark alone."""
    settings = parse_settings(__doc__ or "")
    result = run(settings)
    print(as_table(result), save(result, settings), sep="\n")


if __name__ == "__main__":
    main()
