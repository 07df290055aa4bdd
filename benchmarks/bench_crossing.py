"""
What does one trip through the portal cost, and how does it compare with the two established doors?

Each thread calls a coroutine that returns at once. Mechanisms take turns within a round, in an order that rotates, so
that a busy machine burdens all alike; reported is the median over the rounds. Trust the ratios, not the microseconds.

    python benchmarks/bench_crossing.py [--rounds 9] [--calls 2000] [--threads 1 4 16 64] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator

from anyio.from_thread import start_blocking_portal

from nexevo_sync._portal import Portal

BASELINE = "run_coroutine_threadsafe"
Mechanism = Callable[[], object]


async def trivial() -> int:
    """The least a coroutine can do."""
    return 1


@contextlib.contextmanager
def threadsafe(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[Mechanism]:
    """`asyncio.run_coroutine_threadsafe(...).result()` on a loop thread."""
    loop = new_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield lambda: asyncio.run_coroutine_threadsafe(trivial(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextlib.contextmanager
def anyio_portal() -> Iterator[Mechanism]:
    """anyio's blocking portal."""
    with start_blocking_portal() as portal:
        yield lambda: portal.call(trivial)


@contextlib.contextmanager
def own_portal(*, uvloop: bool) -> Iterator[Mechanism]:
    """The portal of nexevo_sync."""
    portal = Portal(uvloop=uvloop)
    yield lambda: portal.call(trivial)
    portal.close()


def latency(mechanism: Mechanism, threads: int, calls: int) -> float:
    """Microseconds that one call takes when so many threads call at once."""
    each = max(1, calls // threads)
    gate = threading.Barrier(threads + 1)

    def work() -> None:
        mechanism()
        gate.wait()
        for _ in range(each):
            mechanism()
        gate.wait()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    gate.wait()
    began = time.perf_counter()
    gate.wait()
    took = time.perf_counter() - began
    for worker in workers:
        worker.join()
    return took / each * 1e6


def measure(mechanisms: dict[str, Mechanism], threads: int, calls: int, rounds: int) -> dict[str, float]:
    """Median microseconds per call of each mechanism, over interleaved rounds."""
    names = list(mechanisms)
    seen: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            seen[name].append(latency(mechanisms[name], threads, calls))
    return {name: statistics.median(values) for name, values in seen.items()}


def show(results: dict[int, dict[str, float]]) -> None:
    """Print a table: microseconds, and in brackets the ratio to the baseline."""
    columns = list(results)
    print("| mechanism | " + " | ".join(f"{threads} threads" for threads in columns) + " |")
    print("| --- |" + " --- |" * len(columns))
    for name in results[columns[0]]:
        cells = (f"{results[n][name]:,.0f} ({results[n][name] / results[n][BASELINE]:.2f})" for n in columns)
        print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=2000, help="calls per mechanism and round, over all threads")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        mechanisms = {
            BASELINE: stack.enter_context(threadsafe(asyncio.new_event_loop)),
            "anyio portal": stack.enter_context(anyio_portal()),
            "nexevo portal": stack.enter_context(own_portal(uvloop=False)),
        }
        with contextlib.suppress(ImportError):
            import uvloop

            mechanisms["run_coroutine_threadsafe, uvloop"] = stack.enter_context(threadsafe(uvloop.new_event_loop))
            mechanisms["nexevo portal, uvloop"] = stack.enter_context(own_portal(uvloop=True))
        results = {n: measure(mechanisms, n, options.calls, options.rounds) for n in options.threads}
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)


if __name__ == "__main__":
    main()
