"""anthropic's asynchronous client on its aiohttp transport (extra `aiohttp`)."""

from __future__ import annotations

import anthropic

from benchmarks.answers import API_KEY
from benchmarks.peers import TIMEOUT
from benchmarks.peers.anthropic_default import Anthropic


async def connect(url: str) -> Anthropic:
    """A client on the benchmark's server."""
    client = anthropic.AsyncAnthropic(
        api_key=API_KEY,
        base_url=url,
        timeout=TIMEOUT,
        max_retries=0,
        http_client=anthropic.DefaultAioHttpClient(),
    )
    return Anthropic(client)
