"""
Who is measured, and what a peer must offer. Standard library only: every virtualenv imports this.

A peer's module has ``connect(url)`` and is otherwise written the way a user of that library writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

# Every peer that takes a limit is given this one; it is what openai's own client allows by default.
CONNECTIONS = 1000
TIMEOUT = 60.0

Venv = Literal["project", "peers", "peers-litellm", "newest"]
Decoder = Callable[[str], Callable[[bytes], object]]
Crossing = Callable[[], object]


class AsyncPeer(Protocol):
    """One asynchronous client, connected."""

    async def call(self) -> str | None:
        """One chat call; the text of the answer."""

    async def stream(self, shape: Mapping[str, str]) -> int:
        """One streamed chat call with these extra headers, read to its end; how many chunks had text."""

    async def aclose(self) -> None:
        """Close every connection."""


class SyncPeer(Protocol):
    """One blocking client, used by many threads at once."""

    def call(self) -> str | None:
        """One chat call; the text of the answer."""

    def close(self) -> None:
        """Close every connection."""


class SyncStreamPeer(SyncPeer, Protocol):
    """A blocking client whose streams are measured too."""

    def stream(self, shape: Mapping[str, str]) -> int:
        """One streamed chat call with these extra headers, read to its end; how many chunks had text."""


@dataclass(frozen=True, slots=True)
class Peer:
    """
    One line of a table.

    Attributes:
        name: As shown.
        module: Module below `benchmarks.peers`.
        packages: Distributions that must be installed, and whose versions are recorded.
        venv: Which virtualenv it runs from. Ours and bare aiohttp share the project's, so that only our layer differs.
        uvloop: Whether it runs on uvloop.
        kind: Which commands it understands.
        every: It takes part in every so manyth round. A client that costs a tenth of ours, or ten times as much, needs
            fewer rounds to show it, and the time goes to those that lie close together.
    """

    name: str
    module: str
    packages: tuple[str, ...] = ()
    venv: Venv = "project"
    uvloop: bool = False
    kind: Literal["async", "sync", "decode", "crossing"] = "async"
    every: int = 1

    def extra(self) -> dict[str, Any]:
        """Environment its process needs beyond the usual."""
        # litellm fetches a price list from the internet on import unless told to use the one it ships.
        return {"LITELLM_LOCAL_MODEL_COST_MAP": "True"} if self.venv == "peers-litellm" else {}


OURS = "nexevo"
RAW = "raw aiohttp"
IDIOMATIC = "idiomatic aiohttp"
FLOOR = "floor"
BLOCKING = f"{OURS}, blocking"
OUR_PORTAL = f"{OURS} portal"
ANYIO_PORTAL = "anyio portal"
THREADSAFE = "run_coroutine_threadsafe"

ASYNC_PEERS = (
    Peer(OURS, "ours", ("aiohttp", "orjson", "attrs", "cattrs", "anyio")),
    Peer(RAW, "aiohttp_raw", ("aiohttp", "orjson")),
    Peer(IDIOMATIC, "aiohttp_idiomatic", ("aiohttp",)),
    Peer(FLOOR, "floor", ("orjson",), every=2),
    Peer(f"{OURS}, uvloop", "ours", ("aiohttp", "uvloop"), uvloop=True),
    Peer(f"{RAW}, uvloop", "aiohttp_raw", ("aiohttp", "orjson", "uvloop"), uvloop=True),
    Peer(f"{FLOOR}, uvloop", "floor", ("orjson", "uvloop"), uvloop=True, every=2),
    Peer("httpx", "httpx_async", ("httpx",), "peers", every=3),
    Peer("openai", "openai_default", ("openai",), "peers", every=3),
    Peer("openai[aiohttp]", "openai_aiohttp", ("openai", "aiohttp"), "peers", every=2),
    Peer("anthropic", "anthropic_default", ("anthropic",), "peers", every=3),
    Peer("anthropic[aiohttp]", "anthropic_aiohttp", ("anthropic", "aiohttp", "httpx-aiohttp"), "peers", every=3),
    Peer("litellm", "litellm_async", ("litellm",), "peers-litellm", every=3),
)
#: Measured over TLS as well, and on the newest Python as well.
TLS_PEERS = frozenset({OURS, RAW, IDIOMATIC, FLOOR, "httpx", "openai", "openai[aiohttp]"})
NEWEST_PEERS = frozenset({OURS, RAW, IDIOMATIC})
SYNC_PEERS = (
    Peer(OURS, "ours_sync", ("aiohttp", "orjson"), kind="sync"),
    Peer("requests", "requests_sync", ("requests",), "peers", kind="sync"),
    Peer("httpx.Client", "httpx_sync", ("httpx",), "peers", kind="sync"),
    Peer("urllib3", "urllib3_sync", ("urllib3",), "peers", kind="sync"),
    Peer("openai, sync", "openai_sync", ("openai",), "peers", kind="sync", every=2),
)
STREAM_PEERS = (
    Peer(OURS, "ours", ("aiohttp", "orjson")),
    Peer(BLOCKING, "ours_sync", ("aiohttp", "orjson"), kind="sync"),
    Peer(f"{OURS}, uvloop", "ours", ("aiohttp", "uvloop"), uvloop=True),
    Peer(f"{BLOCKING}, uvloop", "ours_sync_uvloop", ("aiohttp", "uvloop"), kind="sync"),
)
CROSSINGS = (
    Peer(THREADSAFE, "crossings", kind="crossing"),
    Peer(ANYIO_PORTAL, "crossings", ("anyio",), kind="crossing"),
    Peer(OUR_PORTAL, "crossings", kind="crossing"),
    Peer(f"{THREADSAFE}, uvloop", "crossings", ("uvloop",), kind="crossing"),
    Peer(f"{OUR_PORTAL}, uvloop", "crossings", ("uvloop",), kind="crossing"),
)
DECODERS = (
    Peer(OURS, "decoders", ("orjson", "attrs", "cattrs"), kind="decode"),
    Peer("orjson to dicts", "decoders", ("orjson",), kind="decode"),
    Peer("json to dicts", "decoders", (), kind="decode"),
    Peer("orjson + cattrs", "decoders", ("orjson", "attrs", "cattrs"), kind="decode"),
    Peer("msgspec to structs", "decoders", ("msgspec",), "peers", kind="decode"),
    Peer("pydantic validate_json", "decoders", ("pydantic",), "peers", kind="decode"),
    Peer("openai construct", "decoders", ("openai",), "peers", kind="decode"),
)
