"""
Fixed amounts of work for counting instructions; run under valgrind by `instructions.py`, never for timing.

    python -m benchmarks.scenarios SCENARIO MODULE COUNT URL
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable
from typing import Any

from benchmarks import answers

BURST = 16


async def _calls(module: Any, count: int, url: str) -> None:
    peer = await module.connect(url)
    for _ in range(count):
        if await peer.call() != answers.TEXT:
            raise SystemExit("wrong answer")
    await peer.aclose()


async def _stream(module: Any, count: int, url: str) -> None:
    peer = await module.connect(url)
    shape = {"X-Bench-Chunks": str(count), "X-Bench-Burst": str(BURST)}
    if await peer.stream(shape) != count:
        raise SystemExit("wrong number of chunks")
    await peer.aclose()


def _blocking_calls(module: Any, count: int, url: str) -> None:
    peer = module.connect(url)
    for _ in range(count):
        if peer.call() != answers.TEXT:
            raise SystemExit("wrong answer")
    peer.close()


def _blocking_stream(module: Any, count: int, url: str) -> None:
    peer = module.connect(url)
    shape = {"X-Bench-Chunks": str(count), "X-Bench-Burst": str(BURST)}
    if peer.stream(shape) != count:
        raise SystemExit("wrong number of chunks")
    peer.close()


def _decode(module: Any, count: int, payload: str) -> None:
    """Here the last argument is ``decoder/payload``."""
    name, _, payload = payload.rpartition("/")
    function, data = module.DECODERS[name](payload), answers.PAYLOADS[payload]
    for _ in range(count):
        function(data)


RUN: dict[str, Callable[[Any, int, str], None]] = {
    "call": lambda module, count, url: asyncio.run(_calls(module, count, url)),
    "stream": lambda module, count, url: asyncio.run(_stream(module, count, url)),
    "blocking-call": _blocking_calls,
    "blocking-stream": _blocking_stream,
    "decode": _decode,
}


def main() -> None:
    """Entry point of the counted process."""
    scenario, name, count, url = sys.argv[1:]
    if scenario == "import":
        if int(count):
            importlib.import_module(name)
        return
    RUN[scenario](importlib.import_module(f"benchmarks.peers.{name}"), int(count), url)


if __name__ == "__main__":
    main()
