"""CPU time and throughput of one typed chat call through the blocking client, from 1 to 64 threads."""

from __future__ import annotations

from benchmarks.bench_call import measure_calls
from benchmarks.harness import Result, Settings, parse_settings, run_rounds, save, service_and_peers
from benchmarks.peers import SYNC_PEERS
from benchmarks.table import as_table

COLUMNS = ["1", "4", "16", "64"]
BASELINE = "httpx.Client"


def run(settings: Settings) -> Result:
    """Measure every blocking peer."""
    result = Result("facade", "CPU microseconds per blocking chat call, by threads", BASELINE, COLUMNS)
    with service_and_peers(result, SYNC_PEERS, settings) as workers:
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
