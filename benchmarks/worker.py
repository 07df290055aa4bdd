"""
One peer in a process of its own, measured from inside.

Reads one JSON command per line from standard input and answers each with one JSON line; ends with its input. The
interpreter of the peer's virtualenv runs it, so it and what it imports from here use the standard library alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib
import importlib.metadata
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from benchmarks import answers
from benchmarks.measure import Stopwatch, resident_bytes
from benchmarks.peers import AsyncPeer, Crossing, Decoder, SyncPeer, SyncStreamPeer
from benchmarks.service import raise_file_limit

Command = dict[str, Any]
IDLE_MS = 120_000  # pause inside a held stream; far longer than any benchmark holds one


class WrongAnswer(Exception):
    """The peer answered, but not with what the server sent."""


async def _drain(job: Callable[[], Any], *, concurrency: int, count: int, deadline: float) -> Counter[str]:
    """Run a job `count` times, `concurrency` at once; the failures by name, with what the deadline cut off."""
    left = count
    finished = 0
    errors: Counter[str] = Counter()

    async def run() -> None:
        nonlocal left, finished
        while left > 0:
            left -= 1
            try:
                await job()
            except Exception as error:  # a failing peer is a result, not a reason to stop
                errors[type(error).__name__] += 1
            finished += 1

    tasks = [asyncio.ensure_future(run()) for _ in range(min(concurrency, count))]
    _, late = await asyncio.wait(tasks, timeout=deadline)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=5)
        errors["Deadline"] += count - finished
    return errors


class AsyncCommands:
    """The commands an asynchronous peer understands; each method is one."""

    def __init__(self, peer: AsyncPeer) -> None:
        self._peer = peer

    async def calls(self, *, concurrency: int, count: int, deadline: float) -> Command:
        """`count` chat calls."""

        async def one() -> None:
            if await self._peer.call() != answers.TEXT:
                raise WrongAnswer

        with Stopwatch() as watch:
            errors = await _drain(one, concurrency=concurrency, count=count, deadline=deadline)
        return watch.sample(count - errors.total(), errors)

    async def chunks(
        self, *, concurrency: int, count: int, per_stream: int, burst: int, delay_ms: int, deadline: float
    ) -> Command:
        """`count` streams of `per_stream` chunks each; the unit of the sample is the chunk."""
        shape = {"X-Bench-Chunks": str(per_stream), "X-Bench-Burst": str(burst), "X-Bench-Delay-Ms": str(delay_ms)}

        async def one() -> None:
            if await self._peer.stream(shape) != per_stream:
                raise WrongAnswer

        with Stopwatch() as watch:
            errors = await _drain(one, concurrency=concurrency, count=count, deadline=deadline)
        return watch.sample((count - errors.total()) * per_stream, errors)

    async def hold(self, *, streams: int) -> Command:
        """Memory that each of `streams` open streams costs while nothing arrives."""
        shape = {"X-Bench-Chunks": "2", "X-Bench-Burst": "1", "X-Bench-Delay-Ms": str(IDLE_MS)}
        warm = await self._open(shape, 8)
        gc.collect()
        before = resident_bytes()
        tasks = await self._open(shape, streams)
        gc.collect()
        held = resident_bytes() - before
        alive = sum(not task.done() for task in tasks)
        for task in warm + tasks:
            task.cancel()
        await asyncio.gather(*warm, *tasks, return_exceptions=True)
        return {"bytes": held, "count": alive, "errors": {} if alive == streams else {"Ended": streams - alive}}

    async def _open(self, shape: dict[str, str], count: int) -> list[asyncio.Task[int]]:
        tasks = []
        for number in range(count):
            tasks.append(asyncio.ensure_future(self._peer.stream(shape)))
            if number % 20 == 19:  # let a few open at a time, as a server's accept queue is finite
                await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        return tasks

    async def batch(self, *, concurrency: int, count: int, deadline: float) -> Command:
        """`count` chat calls as one job of `client.batch`."""
        errors: Counter[str] = Counter()
        with Stopwatch() as watch:
            async with asyncio.timeout(deadline):
                async for answer in self._peer.batch(count, concurrency):  # type: ignore[attr-defined]  # ours alone has it
                    if isinstance(answer, Exception):
                        errors[type(answer).__name__] += 1
                    elif answer != answers.TEXT:
                        errors[WrongAnswer.__name__] += 1
        return watch.sample(count - errors.total(), errors)

    async def grow(self, *, concurrency: int, count: int, deadline: float) -> Command:
        """Growth of memory over `count` calls, after a tenth as many to warm up."""
        warm = await self.calls(concurrency=concurrency, count=max(concurrency, count // 10), deadline=deadline)
        gc.collect()
        before = resident_bytes()
        sample = await self.calls(concurrency=concurrency, count=count, deadline=deadline)
        gc.collect()
        return {**sample, "bytes": resident_bytes() - before, "warm_errors": warm["errors"]}


class SyncCommands:
    """The commands of a blocking peer: the same work from threads, beside the command loop, which only waits."""

    def __init__(self, peer: SyncPeer) -> None:
        self._peer = peer

    async def calls(self, *, concurrency: int, count: int, deadline: float) -> Command:
        """`count` chat calls from `concurrency` threads."""

        def one() -> None:
            if self._peer.call() != answers.TEXT:
                raise WrongAnswer

        with Stopwatch() as watch:
            errors = await asyncio.to_thread(_share_out, one, concurrency, count, time.monotonic() + deadline)
        return watch.sample(count - errors.total(), errors)

    async def chunks(
        self, *, concurrency: int, count: int, per_stream: int, burst: int, delay_ms: int, deadline: float
    ) -> Command:
        """`count` streams of `per_stream` chunks each, one for each of so many threads at a time."""
        shape = {"X-Bench-Chunks": str(per_stream), "X-Bench-Burst": str(burst), "X-Bench-Delay-Ms": str(delay_ms)}
        peer = cast("SyncStreamPeer", self._peer)

        def one() -> None:
            if peer.stream(shape) != per_stream:
                raise WrongAnswer

        with Stopwatch() as watch:
            errors = await asyncio.to_thread(_share_out, one, concurrency, count, time.monotonic() + deadline)
        return watch.sample((count - errors.total()) * per_stream, errors)


def _share_out(job: Callable[[], None], threads: int, count: int, until: float) -> Counter[str]:
    """Run a job `count` times, shared out among threads; the failures by name, with what the deadline cut off."""
    errors: Counter[str] = Counter()
    shares = [count // threads + (number < count % threads) for number in range(threads)]

    def work(share: int) -> None:
        for done in range(share):
            if time.monotonic() > until:
                errors["Deadline"] += share - done
                return
            try:
                job()
            except Exception as error:  # a failing peer is a result
                errors[type(error).__name__] += 1

    crowd = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    return errors


class CrossingCommands:
    """One door from threads into an event loop."""

    def __init__(self, crossing: Crossing) -> None:
        self._crossing = crossing

    async def crossings(self, *, threads: int, each: int) -> Command:
        """`each` trips from each of so many threads, which begin together; starting them is not measured."""
        return await asyncio.to_thread(self._measure, threads, each)

    def _measure(self, threads: int, each: int) -> Command:
        gate, crossing = threading.Barrier(threads + 1), self._crossing

        def work() -> None:
            crossing()
            gate.wait()
            for _ in range(each):
                crossing()
            gate.wait()

        crowd = [threading.Thread(target=work) for _ in range(threads)]
        for thread in crowd:
            thread.start()
        with Stopwatch() as watch:
            gate.wait()
            gate.wait()
        for thread in crowd:
            thread.join()
        return watch.sample(threads * each)


class DecodeCommands:
    """One way of turning JSON bytes into objects."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    async def decode(self, *, payload: str, count: int) -> Command:
        """Decode one payload `count` times."""
        function, data = self._decoder(payload), answers.PAYLOADS[payload]
        function(data)
        with Stopwatch() as watch:
            for _ in range(count):
                function(data)
        return watch.sample(count)


@contextlib.asynccontextmanager
async def _connected(module: Any, kind: str, url: str, name: str) -> AsyncIterator[Any]:
    if kind == "decode":
        yield DecodeCommands(module.DECODERS[name])
    elif kind == "crossing":
        with module.CROSSINGS[name]() as crossing:
            yield CrossingCommands(crossing)
    elif kind == "sync":
        blocking: SyncPeer = module.connect(url)
        try:
            yield SyncCommands(blocking)
        finally:
            blocking.close()
    else:
        peer: AsyncPeer = await module.connect(url)
        try:
            yield AsyncCommands(peer)
        finally:
            await peer.aclose()


async def _serve(options: argparse.Namespace) -> None:
    module = importlib.import_module(f"benchmarks.peers.{options.module}")
    async with _connected(module, options.kind, options.url, options.name) as commands:
        _say({"ready": True, "versions": _versions(options.packages)})
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = json.loads(line)
            try:
                _say(await getattr(commands, command.pop("do"))(**command))
            except Exception as error:  # the parent shows it as the reason why this peer is missing from the table
                _say({"failed": f"{type(error).__name__}: {error}"[:300]})


def _versions(packages: str) -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for package in filter(None, packages.split(",")):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


def main() -> None:
    """Entry point of a worker process."""
    parser = argparse.ArgumentParser(description="One peer of the benchmark, driven through standard input.")
    parser.add_argument("module")
    parser.add_argument("--kind", choices=("async", "sync", "decode", "crossing"), default="async")
    parser.add_argument("--name", default="")
    parser.add_argument("--url", default="")
    parser.add_argument("--packages", default="")
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    raise_file_limit()
    factory = asyncio.new_event_loop
    if options.uvloop:
        import uvloop  # optional: only peers that ask for it

        factory = uvloop.new_event_loop
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(options))


if __name__ == "__main__":
    main()
