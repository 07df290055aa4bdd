"""
How long a client takes from its construction to its first answer, told by a fresh process.

    python -m benchmarks.first_call async|blocking URL
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from benchmarks import answers
from benchmarks.measure import calibrate


async def first_async(url: str) -> float:
    """Seconds until the async client has its first answer; its loop runs already."""
    from benchmarks.peers import ours

    began = time.perf_counter()
    client = await ours.connect(url)
    text = await client.call()
    took = time.perf_counter() - began
    await client.aclose()
    assert text == answers.TEXT
    return took


def first_blocking(url: str) -> float:
    """The same for the blocking client, which starts a thread and a loop for it."""
    from benchmarks.peers import ours_sync

    began = time.perf_counter()
    client = ours_sync.connect(url)
    text = client.call()
    took = time.perf_counter() - began
    client.close()
    assert text == answers.TEXT
    return took


def main() -> None:
    """Entry point of the fresh process; prints one JSON line."""
    kind, url = sys.argv[1:]
    before = calibrate()
    seconds = asyncio.run(first_async(url)) if kind == "async" else first_blocking(url)
    print(json.dumps({"seconds": seconds, "calibration": (before + calibrate()) / 2}))


if __name__ == "__main__":
    main()
