"""
One client in a process of its own, under an open load.

Reads one JSON command per line from standard input and answers each with one JSON line; ends with its input. The
interpreter of the client's virtualenv runs it, so it uses the standard library alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import importlib.metadata
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Worker:
    """What the commands do; each method is one."""

    def __init__(self, module: str, addresses: Json) -> None:
        self._module = importlib.import_module(f"benchmarks.failover.clients.{module}")
        self._addresses = addresses
        self._stack = contextlib.AsyncExitStack()
        self._numbers = iter(range(10**9))
        self.client: Any = None

    async def connect(self, *, timeout: float, discover: bool = False) -> Json:
        """A fresh client."""
        self._tasks, self._files = asyncio.all_tasks(), _open_files()
        addresses = {**self._addresses, "discover": discover}
        self.client = await self._stack.enter_async_context(self._module.connect(addresses, timeout))
        return {}

    async def load(
        self, *, call: str, rate: float, seconds: float, block_every: float = 0.0, block_for: float = 0.0
    ) -> Json:
        """So many calls a second for so long, whether they are answered or not; the loop blocked now and then."""
        samples: list[list[Any]] = []

        async def one() -> None:
            at, began, error = time.time(), time.perf_counter(), None
            try:
                await (self.client.get() if call == "get" else self.client.chat(next(self._numbers)))
            except Exception as problem:  # a failed call is a result
                error = type(problem).__name__
            samples.append([at, time.perf_counter() - began, error])

        start, blocked, tasks = time.monotonic(), time.monotonic(), []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(start + number / rate - time.monotonic())
            if block_every and time.monotonic() - blocked > block_every:
                time.sleep(block_for)  # noqa: ASYNC251 - this is the point
                blocked = time.monotonic()
            tasks.append(asyncio.create_task(one()))
        await asyncio.gather(*tasks)
        return {"samples": samples, **self._watched()}

    def _watched(self) -> Json:
        watch = getattr(self.client, "watch", None)
        if watch is None:
            return {}
        return {"changes": watch.changes, "attempts": watch.attempts, "testing": watch.most_testing}

    async def discover(self, *, tasks: int) -> Json:
        """Many ask for the list of bases at once."""
        await asyncio.gather(*(self.client.discover() for _ in range(tasks)))
        return {}

    async def crowd(self, *, size: int) -> Json:
        """Many reads at once when a base is on probation."""
        return {"testing": await self.client.crowd(size)}

    async def close(self) -> Json:
        """Close the client, and see what is left of it."""
        began = time.perf_counter()
        await self._stack.aclose()
        seconds = time.perf_counter() - began
        await asyncio.sleep(0)
        tasks = len(asyncio.all_tasks() - self._tasks)
        return {"seconds": seconds, "tasks": tasks, "files": max(0, _open_files() - self._files)}


def _open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


async def _serve(worker: Worker, packages: list[str]) -> None:
    _say({"versions": {name: importlib.metadata.version(name) for name in packages}})
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        _say(await getattr(worker, command.pop("do"))(**command))


def _say(value: Json) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("addresses", type=json.loads)
    parser.add_argument("--packages", default="")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # a client that logs every failure would measure its terminal
    asyncio.run(_serve(Worker(options.module, options.addresses), [p for p in options.packages.split(",") if p]))


if __name__ == "__main__":
    main()
