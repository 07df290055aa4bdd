"""What a worker measures itself with: CPU clock, calibration loop, memory. Standard library only."""

from __future__ import annotations

import gc
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

# Figures are scaled to a machine on which `calibrate` takes this long, so that two runs on one noisy machine compare.
REFERENCE_SECONDS = 0.010
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _work() -> int:
    """A fixed mix of what a client does all day: dictionaries, attributes, calls, bytes."""
    total = 0
    table: dict[int, bytes] = {}
    for i in range(40_000):
        table[i & 255] = b"%d" % i
        total += len(table[i & 255])
    return total


def calibrate() -> float:
    """CPU seconds of a fixed loop, the better of two: how fast this core is right now."""
    best = float("inf")
    for _ in range(2):
        begin = time.process_time()
        _work()
        best = min(best, time.process_time() - begin)
    return best


def resident_bytes() -> int:
    """Memory of this process in RAM, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


class Stopwatch:
    """CPU and wall time of a `with` block, between two calibrations; garbage is collected before it."""

    def __enter__(self) -> Stopwatch:
        gc.collect()
        self._calibration = calibrate()
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.cpu = time.process_time() - self._cpu
        self.wall = time.perf_counter() - self._wall
        self.calibration = (self._calibration + calibrate()) / 2

    def sample(self, count: int, errors: Counter[str] | None = None) -> dict[str, Any]:
        """
        The measured block as plain JSON.

        Args:
            count: Units of work that succeeded.
            errors: Units that failed, by the name of their exception.
        """
        return {
            "cpu": self.cpu,
            "wall": self.wall,
            "calibration": self.calibration,
            "count": count,
            "errors": dict(errors or {}),
        }


def scaled_microseconds(sample: dict[str, Any]) -> float | None:
    """CPU microseconds per unit on the reference machine; None if not one unit succeeded."""
    if not sample["count"]:
        return None
    return float(sample["cpu"] / sample["count"] * 1e6 * REFERENCE_SECONDS / sample["calibration"])
