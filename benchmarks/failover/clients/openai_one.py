"""openai's client: one base, two retries, as it comes. It has nowhere to go; that is the comparison."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import openai

from benchmarks.failover.clients import MODEL, messages


class OpenAI:
    """One `AsyncOpenAI`."""

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def get(self) -> None:
        await self._client.models.retrieve(MODEL)

    async def chat(self, number: int) -> None:
        await self._client.chat.completions.create(model=MODEL, messages=messages(number))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def connect(addresses: dict[str, Any], timeout: float) -> AsyncIterator[OpenAI]:
    """A client on the first base."""
    async with openai.AsyncOpenAI(
        api_key=addresses["api_key"], base_url=f"{addresses['base_urls'][0]}/v1", timeout=timeout
    ) as client:
        yield OpenAI(client)
