"""Calls at a steady rate that does not wait for answers (open loop), as many users make them. Shared by the tests."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable

import attrs

from nexevo_async import AsyncNexevo
from nexevo_async.errors import NexevoError
from nexevo_async.sandbox import Sandbox
from tests.e2e.worlds import World

MESSAGES = [{"role": "user", "content": "Hello!"}]
Ask = Callable[[], Awaitable[object]]


@attrs.define
class Outcome:
    """
    What became of the calls.

    Attributes:
        seconds: How long each successful one took.
        began: When each successful one began (monotonic).
        failures: The errors of the others.
    """

    seconds: list[float] = attrs.field(factory=list)
    began: list[float] = attrs.field(factory=list)
    failures: list[NexevoError] = attrs.field(factory=list)

    def slowest(self, share: float) -> float:
        """Seconds within which this share of the successful calls was answered."""
        return sorted(self.seconds)[int(len(self.seconds) * share)]


def read(client: AsyncNexevo) -> Ask:
    """A GET."""
    return lambda: client.models.get("nexevo/fast")


def chat(client: AsyncNexevo, *, timeout: float | None = None) -> Ask:
    """A paid POST."""
    return lambda: client.chat.completions.create(model="nexevo/fast", messages=MESSAGES, timeout=timeout)


async def at_rate(world: World, ask: Ask, rate: float, *, seconds: float) -> Outcome:
    """Begin so many calls a second for so long, and wait until every one has ended."""
    outcome = Outcome()

    async def one() -> None:
        began = time.monotonic()
        try:
            await ask()
        except NexevoError as error:
            outcome.failures.append(error)
        else:
            outcome.began.append(began)
            outcome.seconds.append(time.monotonic() - began)

    start, calls = time.monotonic(), []
    for number in range(int(rate * seconds)):
        await world.sleep(start + number / rate - time.monotonic())
        calls.append(world.begin(one))
    for call in calls:
        await call
    return outcome


def states(client: AsyncNexevo) -> dict[str, str]:
    """State by base URL."""
    return {status.url: status.state for status in client.endpoints.snapshot()}


def arrivals(box: Sandbox, route: str) -> list[object]:
    """The bases at which requests for a route arrived, in order."""
    return [entry.base for entry in box.journal() if entry.route == route]


def duplicates(box: Sandbox, route: str) -> int:
    """How many requests for a route arrived a second time, or more often, under the same idempotency key."""
    keys = Counter(entry.idempotency_key for entry in box.journal() if entry.route == route)
    assert None not in keys, "a POST without an idempotency key cannot be told from its repeat"
    return sum(count - 1 for count in keys.values())
