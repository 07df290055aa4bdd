"""Time of one trip from a thread into an event loop and back, from 1 to 64 threads; the coroutine returns at once."""

from __future__ import annotations

from benchmarks.harness import (
    Cell,
    Result,
    Settings,
    ask,
    fitting_count,
    parse_settings,
    run_rounds,
    running_peers,
    save,
)
from benchmarks.measure import REFERENCE_SECONDS
from benchmarks.peers import CROSSINGS, THREADSAFE
from benchmarks.processes import Process
from benchmarks.table import as_table

COLUMNS = ["1", "4", "16", "64"]


def measure_crossings(worker: Process, threads: int, cell: Cell, settings: Settings) -> float:
    """Microseconds that a trip takes when so many threads make one after the other, on the reference machine."""

    def run(each: int) -> dict[str, float]:
        return ask(worker, settings.ceiling + 10, do="crossings", threads=threads, each=each)

    if not cell.count:
        warm = run(20)
        cell.count = fitting_count(warm["wall"] / 20, settings, least=20)
    sample = run(cell.count)
    scale = REFERENCE_SECONDS / sample["calibration"]
    cell.extra.setdefault("cpu_microseconds", []).append(sample["cpu"] / sample["count"] * 1e6 * scale)
    return sample["wall"] / cell.count * 1e6 * scale


def run(settings: Settings) -> Result:
    """Measure every door."""
    result = Result("crossing", "Microseconds per trip into an event loop and back, by threads", THREADSAFE, COLUMNS)
    with running_peers(result, CROSSINGS, settings, "") as workers:
        run_rounds(
            result,
            workers,
            settings,
            lambda worker, column, cell: measure_crossings(worker, int(column), cell, settings),
        )
    return result


def main() -> None:
    """Entry point: this benchmark alone."""
    settings = parse_settings(__doc__ or "")
    result = run(settings)
    print(as_table(result), save(result, settings), sep="\n")


if __name__ == "__main__":
    main()
