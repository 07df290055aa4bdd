"""CPU time of the client for one typed chat call, at growing numbers of calls in flight."""

from __future__ import annotations

import resource

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
from benchmarks.peers import ASYNC_PEERS, CONNECTIONS, RAW
from benchmarks.processes import Process
from benchmarks.table import as_table

COLUMNS = ["1", "10", "100", "1000", "10000"]
REDUCED = ["1", "100", "1000"]  # over TLS, and on the newest Python
SPARE_FILES = 64
# Over TLS a handshake costs as much as ten calls, and ours opens a hundred connections at a time and uses what is free
# meanwhile: a thousand are open after eight waves of calls. Other clients, and all without TLS, are at rest after one.
MORE_WAVES, SOON_OPEN, SLOW_WAVE_SECONDS = 8, 100, 1.0


def measure_calls(worker: Process, concurrency: int, cell: Cell, settings: Settings) -> float | None:
    """
    Open the connections with calls that do not count, choose a count in the first round, measure.

    Without those first calls a client that closes idle connections early would pay for new ones, and one that keeps
    them would not. Used for blocking peers as well.
    """
    deadline, first = settings.ceiling, min(concurrency, CONNECTIONS)

    def run(count: int) -> dict[str, object]:
        sample = ask(worker, deadline + 10, do="calls", concurrency=concurrency, count=count, deadline=deadline)
        note_errors(cell, sample)
        if "Deadline" in sample["errors"]:
            cell.left_out = f"over {deadline:.0f} s"
        return sample

    warm_count = first if cell.count else max(first, 20)
    warm = run(warm_count)
    wall = float(str(warm["wall"]))
    if not cell.count:
        # Twice, because opening the connections is in it.
        if wall / warm_count * concurrency > 2 * deadline and not cell.left_out:
            cell.left_out = f"over {deadline:.0f} s ({warm_count:,} calls took {wall:.1f} s)"
        spent = float(str(warm["cpu"])) / warm_count
        cell.count = fitting_count(spent, settings, least=max(concurrency, 20))
    for _ in range(MORE_WAVES if settings.tls and concurrency > SOON_OPEN else 0):
        if float(str(run(first)["wall"])) > SLOW_WAVE_SECONDS:
            break  # beside such calls a handshake is nothing
    if cell.left_out:
        return None
    sample = run(cell.count)
    cell.extra.setdefault("wall_microseconds", []).append(float(str(sample["wall"])) / cell.count * 1e6)
    return scaled_microseconds(sample)


def files_missing(in_flight: int, peers: int, allowed: int) -> str:
    """
    Why a column cannot be measured here; empty if it can.

    Args:
        in_flight: Calls at once.
        peers: Clients that keep their connections to one server open beside each other.
        allowed: Files that a process may have open.
    """
    needed = peers * min(in_flight, CONNECTIONS) + SPARE_FILES
    return "" if needed <= allowed else f"the server needs {needed:,} open files, allowed are {allowed:,} (ulimit -Hn)"


def run(settings: Settings) -> Result:
    """Measure every asynchronous peer."""
    columns = REDUCED if settings.variant else COLUMNS[:-1] if settings.quick else COLUMNS
    result = Result("call", "CPU microseconds per chat call, by calls in flight", RAW, columns)
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    for column in columns if allowed != resource.RLIM_INFINITY else ():
        if reason := files_missing(int(column), len(settings.wanted(ASYNC_PEERS)), allowed):
            result.skipped[f"{column} in flight"] = reason
    result.columns = [column for column in columns if f"{column} in flight" not in result.skipped]
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
