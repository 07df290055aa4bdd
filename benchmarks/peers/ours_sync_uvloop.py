"""nexevo's blocking client with its private event loop on uvloop."""

from __future__ import annotations

from benchmarks.peers.ours_sync import OursSync


def connect(url: str) -> OursSync:
    """A client on the benchmark's server."""
    return OursSync(url, uvloop=True)
