"""The short form of the soak: twenty seconds of chaos with a seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak import soak


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_twenty_seconds_of_chaos_lose_nothing_double_nothing_and_leave_nothing_behind() -> None:
    """Faults on random bases, calls given up at random moments, a loop that is blocked now and then."""
    report = soak(seconds=20, seed=20)
    assert report["problems"] == []
    assert report["faults"] >= 5
    assert min(report[name] for name in ("read", "chat", "stream", "create", "pay", "cancelled")) > 20
