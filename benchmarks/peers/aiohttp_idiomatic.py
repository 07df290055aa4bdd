"""aiohttp as its own documentation shows it: `json=` in, `response.json()` out, a stream read line by line."""

from __future__ import annotations

import json
from collections.abc import Mapping

import aiohttp

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import CONNECTIONS, TIMEOUT


class IdiomaticAiohttp:
    """One shared session."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {API_KEY}"},
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
        )

    async def call(self) -> str | None:
        async with self._session.post(self._url, json={"model": MODEL, "messages": MESSAGES}) as response:
            response.raise_for_status()
            answer = await response.json()
        text: str | None = answer["choices"][0]["message"]["content"]
        return text

    async def stream(self, shape: Mapping[str, str]) -> int:
        body = {"model": MODEL, "messages": MESSAGES, "stream": True}
        count = 0
        async with self._session.post(self._url, json=body, headers=shape) as response:
            response.raise_for_status()
            async for line in response.content:
                if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                    continue
                chunk = json.loads(line[6:])
                if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                    count += 1
        return count

    async def aclose(self) -> None:
        await self._session.close()


async def connect(url: str) -> IdiomaticAiohttp:
    """A session on the benchmark's server."""
    return IdiomaticAiohttp(url)
