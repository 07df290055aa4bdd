"""httpx as its documentation shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import CONNECTIONS, TIMEOUT


class Httpx:
    """One shared `AsyncClient`."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {API_KEY}"},
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=CONNECTIONS),
        )

    async def call(self) -> str | None:
        response = await self._client.post("/v1/chat/completions", json={"model": MODEL, "messages": MESSAGES})
        response.raise_for_status()
        text: str | None = response.json()["choices"][0]["message"]["content"]
        return text

    async def stream(self, shape: Mapping[str, str]) -> int:
        body = {"model": MODEL, "messages": MESSAGES, "stream": True}
        count = 0
        async with self._client.stream("POST", "/v1/chat/completions", json=body, headers=dict(shape)) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if not line.startswith("data: ") or line == "data: [DONE]":
                    continue
                chunk = json.loads(line[6:])
                if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                    count += 1
        return count

    async def aclose(self) -> None:
        await self._client.aclose()


async def connect(url: str) -> Httpx:
    """A client on the benchmark's server."""
    return Httpx(url)
