"""
The clients that are compared, each used the way its own users would for several bases.

A module has ``connect(addresses, timeout)``, an async context manager over something with `get` and `chat`. Standard
library only in here: every virtualenv imports it.
"""

from __future__ import annotations

from typing import Any, Protocol

from benchmarks.peers import Peer

MODEL = "nexevo/fast"
PATH = "/v1/models/nexevo%2Ffast"

OURS = Peer("nexevo", "ours", ("aiohttp",))
ELASTIC = Peer("elastic-transport", "elastic", ("elastic-transport", "aiohttp"), "peers")
LITELLM = Peer("litellm Router", "litellm_router", ("litellm",), "peers-litellm")
OPENAI = Peer("openai", "openai_one", ("openai",), "peers")


class Client(Protocol):
    """One client, connected."""

    async def get(self) -> None:
        """One read."""

    async def chat(self, number: int) -> None:
        """One chat whose body no other chat has."""


def messages(number: int) -> list[dict[str, Any]]:
    """A prompt of its own for each chat, so that a duplicate is seen at the server whatever headers a client sends."""
    return [{"role": "user", "content": f"number {number}."}]
