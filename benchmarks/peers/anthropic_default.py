"""anthropic's asynchronous client with its defaults; the server answers the same text in its protocol."""

from __future__ import annotations

from collections.abc import Mapping

import anthropic

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import TIMEOUT

MAX_TOKENS = 1024  # this protocol insists on it


class Anthropic:
    """One shared `AsyncAnthropic`."""

    def __init__(self, client: anthropic.AsyncAnthropic) -> None:
        self._client = client

    async def call(self) -> str | None:
        answer = await self._client.messages.create(model=MODEL, messages=MESSAGES, max_tokens=MAX_TOKENS)
        text: str | None = answer.content[0].text
        return text

    async def stream(self, shape: Mapping[str, str]) -> int:
        count = 0
        events = await self._client.messages.create(
            model=MODEL, messages=MESSAGES, max_tokens=MAX_TOKENS, stream=True, extra_headers=dict(shape)
        )
        async with events as stream:
            async for event in stream:
                if event.type == "content_block_delta" and event.delta.text:
                    count += 1
        return count

    async def aclose(self) -> None:
        await self._client.close()


async def connect(url: str) -> Anthropic:
    """A client on the benchmark's server."""
    return Anthropic(anthropic.AsyncAnthropic(api_key=API_KEY, base_url=url, timeout=TIMEOUT, max_retries=0))
