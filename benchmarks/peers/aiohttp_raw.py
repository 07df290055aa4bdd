"""aiohttp with orjson and nothing else: what a user gets who counts microseconds."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
import orjson

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import CONNECTIONS, TIMEOUT

_HEADERS = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}


class RawAiohttp:
    """One shared session; bytes in, bytes out."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._session = aiohttp.ClientSession(
            headers=_HEADERS,
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
        )

    async def call(self) -> str | None:
        body = orjson.dumps({"model": MODEL, "messages": MESSAGES})
        async with self._session.post(self._url, data=body) as response:
            response.raise_for_status()
            answer = orjson.loads(await response.read())
        text: str | None = answer["choices"][0]["message"]["content"]
        return text

    async def stream(self, shape: Mapping[str, str]) -> int:
        body = orjson.dumps({"model": MODEL, "messages": MESSAGES, "stream": True})
        count = 0
        rest = b""
        async with self._session.post(self._url, data=body, headers=shape) as response:
            response.raise_for_status()
            async for data in response.content.iter_any():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    if not event.startswith(b"data: "):
                        continue
                    if event == b"data: [DONE]":
                        return count
                    chunk = orjson.loads(event[6:])
                    if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                        count += 1
        return count

    async def aclose(self) -> None:
        await self._session.close()


async def connect(url: str) -> RawAiohttp:
    """A session on the benchmark's server."""
    return RawAiohttp(url)
