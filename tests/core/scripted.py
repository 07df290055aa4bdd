"""A sender that needs no network: it answers as told, and remembers who was asked for what, and with which key."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from nexevo_async._limits import Limits
from nexevo_async._messages import AttemptFailed, FailureKind, Headers, Request, Response
from nexevo_async._sansio.endpoint_pool import EndpointPool
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async.models.endpoints import Endpoint

A, B, C = (f"https://{name}.example.com" for name in "abc")
HOST = "https://discovery.example.com"


@attrs.frozen
class Asked:
    """One attempt."""

    url: str
    name: str
    authorization: str | None


#: What an attempt comes to: an answer, an exception, or None for an answer that never comes.
Outcome = Response | Exception | None


class ScriptedSender:
    """Answers by base URL; whoever is not in the script is healthy."""

    def __init__(self, script: dict[str, Outcome | Callable[[], Outcome]] | None = None) -> None:
        self.script = script or {}
        self.asked: list[Asked] = []
        self.dropped = 0
        self.waiting = 0
        self.cancelled = 0

    async def send(self, base_url: str, request: Request, *, authorization: str | None, limits: Limits) -> Response:
        self.asked.append(Asked(base_url, request.name, authorization))
        return await self._outcome(base_url, answer(200, b"healthy"))

    async def connect_only(self, base_url: str, limits: Limits) -> None:
        self.asked.append(Asked(base_url, "connect", None))
        await self._outcome(base_url, answer(200))

    async def open(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("nothing of this opens streams")

    def drop_idle(self, base_url: str | None = None) -> None:
        self.dropped += 1

    async def aclose(self) -> None:
        pass

    async def is_waiting(self) -> None:
        """Until somebody waits for an answer that never comes."""
        async with asyncio.timeout(5):
            while not self.waiting:  # noqa: ASYNC110 - a counter has no event
                await asyncio.sleep(0.001)

    def urls(self, name: str = "endpoints.health") -> list[str]:
        """Who was asked for this."""
        return [asked.url for asked in self.asked if asked.name == name]

    async def _outcome(self, url: str, default: Response) -> Response:
        outcome = self.script.get(url, default)
        if callable(outcome):
            outcome = outcome()
        self.waiting += 1
        try:
            await asyncio.sleep(0)
            if outcome is None:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1
        if isinstance(outcome, Exception):
            raise outcome
        assert isinstance(outcome, Response)
        return outcome


def answer(status: int, body: bytes = b"", **headers: str) -> Response:
    """An answer that arrived whole."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, Headers.of(named), body, "https://somewhere.example.com/x")


def broken(kind: FailureKind = FailureKind.REFUSED, **more: Any) -> AttemptFailed:
    """An attempt that got no answer."""
    return AttemptFailed(kind, **more)


def a_pool(
    configured: Iterable[str] = (A,), policy: HealthPolicy | None = None, *, now: float, discovered: Iterable[str] = ()
) -> EndpointPool:
    """A pool whose first endpoint is preferred."""
    urls = list(configured)
    endpoints = [Endpoint(url, len(urls) - place) for place, url in enumerate(urls)]
    pool = EndpointPool(endpoints, policy=policy or HealthPolicy(), rng=random.Random(1), now=now)
    pool.replace([Endpoint(url, -1 - place) for place, url in enumerate(discovered)], now=now)
    return pool


def states(pool: EndpointPool, now: float) -> dict[str, str]:
    """The state of every endpoint in words."""
    from datetime import UTC, datetime

    snapshot = pool.snapshot(now, clock=lambda moment: datetime.fromtimestamp(moment, UTC))
    return {status.url: status.state for status in snapshot}
