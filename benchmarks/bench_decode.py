"""CPU time to turn the JSON text of an answer into an object. No network."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.answers import PAYLOADS
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
from benchmarks.measure import scaled_microseconds
from benchmarks.peers import DECODERS
from benchmarks.processes import Process
from benchmarks.table import as_table


def run(settings: Settings) -> Result:
    """Measure every decoder on every payload."""
    half = replace(settings, budget=settings.budget / 2)  # nothing waits here: figures are steadier than a call's

    def measure(worker: Process, payload: str, cell: Cell) -> float | None:
        if not cell.count:
            warm = ask(worker, 30, do="decode", payload=payload, count=20)
            cell.count = fitting_count(warm["cpu"] / 20, half, least=20)
        return scaled_microseconds(ask(worker, 60, do="decode", payload=payload, count=cell.count))

    title = "CPU microseconds from JSON text to object"
    result = Result("decode", title, "pydantic validate_json", list(PAYLOADS))
    with running_peers(result, DECODERS, settings, "") as workers:
        run_rounds(result, workers, settings, measure)
    return result


def main() -> None:
    """Entry point: this benchmark alone."""
    settings = parse_settings(__doc__ or "")
    result = run(settings)
    print(as_table(result), save(result, settings), sep="\n")


if __name__ == "__main__":
    main()
