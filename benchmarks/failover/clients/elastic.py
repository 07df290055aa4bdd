"""elastic-transport: a pool of nodes with bans. It repeats what it is told to, so it is used for reads only."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from elastic_transport import AiohttpHttpNode, AsyncTransport, NodeConfig

from benchmarks.failover.clients import PATH


class Elastic:
    """One `AsyncTransport` over three nodes."""

    def __init__(self, transport: AsyncTransport, key: str) -> None:
        self._transport = transport
        self._headers = {"authorization": f"Bearer {key}", "accept": "application/json"}

    async def get(self) -> None:
        meta, _ = await self._transport.perform_request("GET", PATH, headers=self._headers, request_timeout=2.0)
        if meta.status != 200:
            raise RuntimeError(f"HTTP {meta.status}")

    async def chat(self, number: int) -> None:
        raise NotImplementedError("it would repeat a paid call as readily as a read")


@contextlib.asynccontextmanager
async def connect(addresses: dict[str, Any], timeout: float) -> AsyncIterator[Elastic]:
    """A transport that repeats after timeouts too, as an application that wants to survive a hang sets it."""
    parts = [urlsplit(url) for url in addresses["base_urls"]]
    context = None if addresses["ca_file"] is None else ssl.create_default_context(cafile=addresses["ca_file"])
    nodes = [NodeConfig(p.scheme, p.hostname or "", p.port or 0, ssl_context=context) for p in parts]
    transport = AsyncTransport(
        nodes, node_class=AiohttpHttpNode, retry_on_timeout=True, max_retries=3, randomize_nodes_in_pool=False
    )
    try:
        yield Elastic(transport, addresses["api_key"])
    finally:
        await transport.close()
