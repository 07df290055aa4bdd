"""nexevo's own client, as a user writes it: retries, failover, redaction and unknown fields on, hooks off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from benchmarks.answers import API_KEY, MESSAGES, MODEL
from benchmarks.peers import CONNECTIONS, TIMEOUT
from nexevo_async import AsyncNexevo


class Ours:
    """`AsyncNexevo` on one base, with no rate limit of its own."""

    def __init__(self, url: str) -> None:
        self._client = AsyncNexevo(
            api_key=API_KEY, base_url=url, timeout=TIMEOUT, rate_limit=None, max_connections=CONNECTIONS
        )

    async def call(self) -> str | None:
        answer = await self._client.chat.completions.create(model=MODEL, messages=MESSAGES)
        return answer.choices[0].message.content

    async def stream(self, shape: Mapping[str, str]) -> int:
        count = 0
        chat = self._client.chat.completions
        async with chat.stream(model=MODEL, messages=MESSAGES, extra_headers=dict(shape)) as stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    count += 1
        return count

    async def batch(self, count: int, concurrency: int) -> AsyncIterator[str | Exception | None]:
        """The same calls as one job: the text of each answer, or its error, in the order they come."""
        jobs: Any = getattr(self._client, "batch", None)
        if jobs is None:
            raise NotImplementedError("not there: this client has no `batch`")

        async def ask(client: AsyncNexevo, item: int) -> str | None:
            answer = await client.chat.completions.create(model=MODEL, messages=MESSAGES)
            return answer.choices[0].message.content

        async for row in jobs.map(range(count), call=ask, concurrency=concurrency, ordered=False):
            yield row.value if row.error is None else row.error

    async def aclose(self) -> None:
        await self._client.aclose()


async def connect(url: str) -> Ours:
    """A client on the benchmark's server."""
    return Ours(url)
