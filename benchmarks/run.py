"""Everything: ``python -m benchmarks.run [--quick] [--only call,stream] [--tls] [--rounds N]``."""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks import (
    bench_call,
    bench_crossing,
    bench_decode,
    bench_facade,
    bench_facade_stream,
    bench_first_call,
    bench_import,
    bench_memory,
    bench_service,
    bench_stream,
    chart,
    goals,
)
from benchmarks.harness import Result, add_switches, save, settings_from
from benchmarks.table import as_table

BENCHMARKS = {
    "import": bench_import.run,
    "decode": bench_decode.run,
    "call": bench_call.run,
    "stream": bench_stream.run,
    "memory": bench_memory.run,
    "crossing": bench_crossing.run,
    "facade": bench_facade.run,
    "facade-stream": bench_facade_stream.run,
    "first-call": bench_first_call.run,
}


def main() -> int:
    """Entry point: run, print one table after another, save, draw, and compare with the goals."""
    parser = argparse.ArgumentParser(description="Measure nexevo and its peers.")
    add_switches(parser)
    parser.add_argument("--only", default="", help=f"some of service,{','.join(BENCHMARKS)}")
    options = parser.parse_args()
    settings = settings_from(options)
    wanted = [name.strip() for name in options.only.split(",") if name.strip()] or ["service", *BENCHMARKS]
    unknown = set(wanted) - {"service", *BENCHMARKS}
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    results: dict[str, Result] = {}
    for name in wanted:
        begin = time.monotonic()
        if name == "service":
            print(bench_service.run(settings))
        else:
            results[name] = BENCHMARKS[name](settings)
            print(as_table(results[name]))
            save(results[name], settings)
        print(f"({name}: {time.monotonic() - begin:.0f} s)\n", flush=True)
    if settings.quick:
        print("A quick run shows that everything works; its figures mean little.")
    elif not settings.tls and {"call", "stream"} & set(wanted):
        chart.draw_somewhere("")
    print(goals.as_table(results, wanted))
    return 0


if __name__ == "__main__":
    sys.exit(main())
