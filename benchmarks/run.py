"""
Everything: ``python -m benchmarks.run [--quick] [--only call,stream] [--tls] [--python newest] [--rounds N]``.

Over TLS and on the newest Python a part of it is measured. ``python -m benchmarks.report`` then puts it all together.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time

from benchmarks import (
    bench_batch,
    bench_call,
    bench_crossing,
    bench_decode,
    bench_facade,
    bench_facade_stream,
    bench_first_call,
    bench_import,
    bench_layers,
    bench_memory,
    bench_service,
    bench_stream,
    goals,
)
from benchmarks.harness import Result, Settings, add_switches, save, settings_from
from benchmarks.processes import ROOT
from benchmarks.table import align, as_table

BENCHMARKS = {
    "service": bench_service.run,
    "import": bench_import.run,
    "decode": bench_decode.run,
    "layers": bench_layers.run,
    "call": bench_call.run,
    "stream": bench_stream.run,
    "batch": bench_batch.run,
    "memory": bench_memory.run,
    "crossing": bench_crossing.run,
    "facade": bench_facade.run,
    "facade-stream": bench_facade_stream.run,
    "first-call": bench_first_call.run,
}
REDUCED = ("call", "stream", "memory")


def wanted(only: str, *, reduced: bool) -> list[str]:
    """
    Which benchmarks to run.

    Raises:
        ValueError: There is none of that name, or it has no reduced form; the text says so.
    """
    possible = REDUCED if reduced else tuple(BENCHMARKS)
    names = [name.strip() for name in only.split(",") if name.strip()]
    if unknown := sorted(set(names) - set(possible)):
        raise ValueError(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(possible)}")
    return names or list(possible)


def cannot(settings: Settings) -> str:
    """Why this run cannot be made here; empty if it can."""
    if settings.tls and importlib.util.find_spec("trustme") is None:
        return "over TLS: skipped: trustme is not installed (extra `tls`)"
    if settings.newest and not (ROOT / ".venv-newest" / "bin" / "python").exists():
        return "newest Python: skipped: no virtualenv .venv-newest; `make bench-peers` makes it if a newer one is found"
    return ""


def main() -> int:
    """Entry point: run, print one table after another, save, and compare with the goals."""
    parser = argparse.ArgumentParser(description="Measure nexevo and its peers.")
    add_switches(parser)
    parser.add_argument("--only", default="", help=f"some of {','.join(BENCHMARKS)}")
    options = parser.parse_args()
    settings = settings_from(options)
    try:
        names = wanted(options.only, reduced=bool(settings.variant))
    except ValueError as problem:
        parser.error(str(problem))
    if reason := cannot(settings):
        print(reason)
        return 0
    results: dict[str, Result] = {}
    for name in names:
        begin = time.monotonic()
        results[name] = BENCHMARKS[name](settings)
        print(as_table(results[name]))
        save(results[name], settings)
        print(f"({name}{settings.variant}: {time.monotonic() - begin:.0f} s)\n", flush=True)
    if rows := bench_service.headroom(results):
        print("\n".join([*align(rows), ""]))
    if settings.quick:
        print("A quick run shows that everything works; its figures mean little.")
    print(goals.as_table(results, names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
