"""openai's asynchronous client with its defaults, retries off so that a failed call is seen as one."""

from __future__ import annotations

from collections.abc import Mapping

import openai

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import TIMEOUT


class OpenAI:
    """One shared `AsyncOpenAI`."""

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def call(self) -> str | None:
        answer = await self._client.chat.completions.create(model=MODEL, messages=MESSAGES)
        return answer.choices[0].message.content

    async def stream(self, shape: Mapping[str, str]) -> int:
        count = 0
        chunks = await self._client.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True, extra_headers=dict(shape)
        )
        async with chunks as stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    count += 1
        return count

    async def aclose(self) -> None:
        await self._client.close()


async def connect(url: str) -> OpenAI:
    """A client on the benchmark's server."""
    return OpenAI(openai.AsyncOpenAI(api_key=API_KEY, base_url=f"{url}/v1", timeout=TIMEOUT, max_retries=0))
