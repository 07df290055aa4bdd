"""openai's asynchronous client on its aiohttp transport (extra `aiohttp`)."""

from __future__ import annotations

import openai

from benchmarks.answers import API_KEY
from benchmarks.peers import TIMEOUT
from benchmarks.peers.openai_default import OpenAI


async def connect(url: str) -> OpenAI:
    """A client on the benchmark's server."""
    client = openai.AsyncOpenAI(
        api_key=API_KEY,
        base_url=f"{url}/v1",
        timeout=TIMEOUT,
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(),
    )
    return OpenAI(client)
