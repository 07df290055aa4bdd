"""Ours, as it comes. Hooks count attempts, and calls that test a base on probation at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

from benchmarks.failover.clients import MODEL, messages
from nexevo_async import AsyncNexevo, AttemptStart, EndpointChange, Hooks
from nexevo_async._messages import Attempt


class Watch(Hooks):
    """What happened inside."""

    def __init__(self) -> None:
        self.attempts = 0
        self.changes: list[list[Any]] = []
        self._states: dict[str, str] = {}
        self._testing: dict[str, int] = {}
        self.most_testing = 0

    def before_attempt(self, attempt: AttemptStart) -> None:
        """Count it, and those that test the same base."""
        self.attempts += 1
        if self._states.get(attempt.base_url) == "probation":
            self._testing[attempt.base_url] = self._testing.get(attempt.base_url, 0) + 1
            self.most_testing = max(self.most_testing, self._testing[attempt.base_url])

    def after_attempt(self, call: str, attempt: Attempt) -> None:
        """One less."""
        if self._testing.get(attempt.base_url):
            self._testing[attempt.base_url] -= 1

    def on_endpoint_change(self, change: EndpointChange) -> None:
        """Remember when."""
        after = change.after.value if change.after else "gone"
        if after == "probation":
            self._testing[change.url] = 0
        self._states[change.url] = after
        at = time.time() - (time.monotonic() - change.at)
        self.changes.append([at, change.url, change.before.value if change.before else None, after, change.reason])


class Ours:
    """An `AsyncNexevo` with three bases."""

    def __init__(self, client: AsyncNexevo, watch: Watch, base: str) -> None:
        self._client = client
        self._base = base
        self.watch = watch

    async def get(self) -> None:
        await self._client.models.get(MODEL)

    async def chat(self, number: int) -> None:
        await self._client.chat.completions.create(model=MODEL, messages=messages(number))

    async def discover(self) -> None:
        """Ask the discovery host."""
        await self._client.endpoints.refresh()

    async def crowd(self, size: int) -> int:
        """As soon as the first base is on probation, so many reads at once; how many tested it at the same time."""
        while self._state() != "probation":
            await self.get()
            await asyncio.sleep(0.01)
        self.watch.most_testing = 0
        await asyncio.gather(*(self.get() for _ in range(size)))
        return self.watch.most_testing

    def _state(self) -> str:
        return next(status.state for status in self._client.endpoints.snapshot() if status.url == self._base)


@contextlib.asynccontextmanager
async def connect(addresses: dict[str, Any], timeout: float) -> AsyncIterator[Ours]:
    """A client with three bases, the first preferred."""
    watch = Watch()
    trust: Any = True if addresses["ca_file"] is None else ssl.create_default_context(cafile=addresses["ca_file"])
    async with AsyncNexevo(
        addresses["api_key"],
        base_urls=addresses["base_urls"],
        discovery_url=addresses["discovery_url"] if addresses.get("discover") else None,
        timeout=timeout,
        ssl=trust,
        hooks=watch,
    ) as client:
        yield Ours(client, watch, addresses["base_urls"][0])
