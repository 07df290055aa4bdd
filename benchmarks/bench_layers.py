"""
What our own layers cost a healthy call: endpoint pool, retry, rate limit, hooks, redaction. No network.

The client is put together as always, but for a sender that answers at once. Taken off is what this sender and the
reading of its answer cost by themselves, so that what is left is everything between the resource and the sender.
Features are switched on one after the other; the last line but one has them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from unittest import mock

from benchmarks import answers
from benchmarks.harness import Cell, Result, Settings, fitting_count, parse_settings, save
from benchmarks.measure import Stopwatch, scaled_microseconds
from benchmarks.table import as_table
from nexevo_async import Endpoint, HealthPolicy, Hooks, RetryPolicy, _assembly
from nexevo_async._answers import read_answer
from nexevo_async._core import Settings as ClientSettings
from nexevo_async._credentials import Credentials
from nexevo_async._limits import Limits
from nexevo_async._messages import Attempt, Headers, Request, Response
from nexevo_async._requests import build_request
from nexevo_async._routes import RouteTable
from nexevo_async._transport import Transport
from nexevo_async.config import DEFAULT_TIMEOUT, Connections
from nexevo_async.hooks import AttemptStart

WHOLE, BEYOND = "CPU, µs", "beyond the sender, µs"
BARE = "the sender alone"
LIMITED, HOOKED = "and a rate limit", "and a hook"
CHAT, READ = "chat.completions.create", "models.list"
_NO_LIMIT_REACHED = 1e9  # calls a minute: the bucket is asked in every call, and no call waits
_ANSWER = Response(
    200,
    Headers.of(
        {
            "Content-Type": "application/json",
            "X-Trace-ID": "trace-0123456789abcdef",
            "X-RateLimit-Remaining": "59",
            "X-RateLimit-Reset": "42",
        }
    ),
    answers.CHAT,
    "http://127.0.0.1:9/v1/chat/completions",
)
_AUTHORIZATION = f"Bearer {answers.API_KEY}"
_LIMITS = Limits(connect=10.0, pool=None, until=None)


class InstantSender:
    """Stands in for the HTTP adapter: healthy, and there already."""

    async def send(self, base_url: str, request: Request, *, authorization: str | None, limits: Limits) -> Response:
        return _ANSWER

    async def connect_only(self, base_url: str, limits: Limits) -> None:
        pass

    def drop_idle(self, base_url: str | None = None) -> None:
        pass

    async def aclose(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Layers:
    """A line of the table: what is switched on."""

    name: str
    endpoints: int
    rate_limit: float | None = None
    hooks: tuple[Hooks, ...] = ()
    log: bool = False
    route: str = CHAT


class Watching(Hooks):
    """Wants to hear of every attempt, and does nothing: what the hook of a user does is not ours."""

    def before_attempt(self, attempt: AttemptStart) -> None:
        pass

    def after_attempt(self, call: str, attempt: Attempt) -> None:
        pass


LINES = (
    Layers("pool of 1 endpoint, retry", 1),
    Layers("pool of 8 endpoints, retry", 8),
    Layers(LIMITED, 8, _NO_LIMIT_REACHED),
    Layers(HOOKED, 8, _NO_LIMIT_REACHED, (Watching(),)),
    Layers("and a log at INFO: everything", 8, _NO_LIMIT_REACHED, (Watching(),), log=True),
    Layers("a read instead of a chat, 8 endpoints, which may move", 8, route=READ),
)


@contextlib.contextmanager
def logging_at(level: int) -> Iterator[None]:
    """Let our logger make records of this level; they are formatted by nobody."""
    logger = logging.getLogger("nexevo")
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.asynccontextmanager
async def transport_with(layers: Layers) -> AsyncIterator[Transport]:
    """The layers of a client above a sender that answers at once; health checks are answered by it too."""
    settings = ClientSettings(
        credentials=Credentials(answers.API_KEY), timeout=DEFAULT_TIMEOUT, retry=RetryPolicy(), hooks=layers.hooks
    )
    endpoints = tuple(Endpoint(f"http://127.0.0.1:{9 + n}", 8 - n) for n in range(layers.endpoints))
    with mock.patch.object(_assembly, "HTTPSender", return_value=InstantSender()):
        core = _assembly.make_core(
            endpoints,
            Connections(),
            settings,
            health=HealthPolicy(),
            rate_limit=layers.rate_limit,
            routes=RouteTable(None),
            discovery_url=None,
            allowed_hosts=None,
        )
    try:
        yield Transport(core, settings)
    finally:
        core.closed = True
        await core.background.aclose()


async def measure(one: Callable[[], Awaitable[object]], cell: Cell, settings: Settings) -> float | None:
    """CPU microseconds of one call, scaled."""

    async def run(count: int) -> dict[str, object]:
        with Stopwatch() as watch:
            for _ in range(count):
                await one()
        return watch.sample(count)

    if not cell.count:
        warm = await run(200)
        cell.count = fitting_count(float(str(warm["cpu"])) / 200, settings, least=200, most=50_000)
    return scaled_microseconds(await run(cell.count))


async def measure_line(result: Result, layers: Layers, settings: Settings) -> None:
    """One round of one line: the sender alone, then with our layers above it."""
    routes, sender = RouteTable(None), InstantSender()
    request = build_request(routes, layers.route, (), {}, json={} if layers.route == CHAT else None)

    async def bare() -> object:
        answer = await sender.send("", request, authorization=_AUTHORIZATION, limits=_LIMITS)
        return read_answer(answer, bytes, request, ())

    async with transport_with(layers) as transport:
        without = await measure(bare, result.cell(BARE, WHOLE), settings)
        with logging_at(logging.INFO if layers.log else logging.WARNING):
            whole = result.cell(layers.name, WHOLE)
            figure = await measure(lambda: transport.fetch_request(request, bytes, {}), whole, settings)
    result.cell(BARE, WHOLE).rounds.append(without)
    whole.rounds.append(figure)
    beyond = figure - without if figure is not None and without is not None else None
    result.cell(layers.name, BEYOND).rounds.append(beyond)


def run(settings: Settings) -> Result:
    """Measure every line in interleaved rounds, all in this process: there is nothing else in it that works."""
    result = Result("layers", "Our layers in a healthy call, without network", "", [WHOLE, BEYOND])
    result.cell(BARE, WHOLE)  # the first line
    half = replace(settings, budget=settings.budget / 2)  # nothing waits here: figures are steadier than a call's

    async def rounds() -> None:
        for number in range(settings.rounds):
            turn = number % len(LINES)
            for layers in LINES[turn:] + LINES[:turn]:
                await measure_line(result, layers, half)

    asyncio.run(rounds())
    return result


def main() -> None:
    """Entry point: this benchmark alone."""
    settings = parse_settings(__doc__ or "")
    result = run(settings)
    print(as_table(result), save(result, settings), sep="\n")


if __name__ == "__main__":
    main()
