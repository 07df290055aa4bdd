"""What the prober makes of answers and silence, with a scripted sender."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from nexevo_async._messages import AttemptFailed, FailureKind, Response, Safety
from nexevo_async._prober import HealthProber
from nexevo_async._routes import ROUTES
from nexevo_async._sansio.endpoint_pool import EndpointPool, Report
from nexevo_async._sansio.links import read_links
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.probing import ProbeSchedule
from nexevo_async._shared_file import SharedFile
from nexevo_async._sharing import Sharing
from nexevo_async.errors import ClientClosedError
from tests.core.scripted import A, Asked, B, C, ScriptedSender, a_pool, answer, broken, states


class World:
    """A prober with all it needs, and endpoints A, preferred, and B."""

    def __init__(self, folder: Path | None = None, *, seed: int = 1, pool: EndpointPool | None = None) -> None:
        self.now = time.monotonic()
        self.policy = HealthPolicy(probe_timeout=0.05)
        self.sender = ScriptedSender()
        self.pool = pool or a_pool((A, B), self.policy, now=self.now)
        self.schedule = ProbeSchedule(policy=self.policy, rng=random.Random(seed), now=self.now, wall=time.time())
        self.schedule.track([A, B, C], now=self.now)
        self.sharing = None
        if folder is not None:
            file = SharedFile(folder / "x.json")
            self.sharing = Sharing(file, pool=self.pool, policy=self.policy, read=read_links)
        self.prober = HealthProber(
            sender=self.sender,
            pool=self.pool,
            policy=self.policy,
            schedule=self.schedule,
            route=ROUTES["endpoints.health"],
            sharing=self.sharing,
        )

    def state(self, url: str = A) -> str:
        return states(self.pool, time.monotonic())[url]


GOOD = answer(200, b"healthy")


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (GOOD, "healthy"),
        (answer(200, b" \r\nhealthy\n\t"), "healthy"),
        (answer(200, b"Healthy"), "ejected"),
        (answer(200, b"healthy!"), "ejected"),
        (answer(200, b""), "ejected"),
        (answer(200, b"<html>healthy</html>"), "ejected"),
        (answer(204), "ejected"),
        (answer(500, b"healthy"), "ejected"),
        (answer(503), "ejected"),
        (answer(429, b'{"error": {"message": "' + b"slow down " * 50 + b'"}}'), "unknown"),
        (answer(401), "unknown"),
        (answer(403), "unknown"),
        (answer(404, b"x" * 5000), "unknown"),
        (answer(405), "unknown"),
        (answer(301, Location="https://evil.example.net"), "unknown"),
        (answer(308), "unknown"),
        (broken(FailureKind.REFUSED), "ejected"),
        (broken(FailureKind.SILENT), "ejected"),
        (broken(FailureKind.TOO_LARGE), "ejected"),
        (broken(FailureKind.POOL), "unknown"),
        (broken(FailureKind.SILENT, late=True), "unknown"),  # our own loop was late
    ],
)
async def test_an_answer_of_the_health_route_means(outcome: Response | AttemptFailed, state: str) -> None:
    world = World()
    world.sender.script[A] = outcome
    await world.prober.check(due=[A])
    assert world.state() == state


async def test_the_question_is_the_health_route_without_a_key() -> None:
    world = World()
    await world.prober.check(due=[A], extra=[B])
    assert world.sender.asked == [Asked(A, "endpoints.health", None), Asked(B, "endpoints.health", None)]


async def test_an_answer_without_opinion_is_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.sender.script[A] = answer(404)
    for _ in range(3):
        await world.prober.check(extra=[A])
    assert caplog.messages == [f"the health check of {A} answers 404 and tells nothing"]


@pytest.mark.parametrize(("told", "least"), [("900", 890.0), ("999999999", 86_000.0), ("nonsense", 0.0)])
async def test_a_limiter_is_given_the_time_it_asks_for(told: str, least: float) -> None:
    world = World()
    world.schedule.track([A], now=world.now)
    world.sender.script[A] = answer(429, Retry_After=told)
    await world.prober.check(due=[A])
    assert least <= world.schedule.next_in(time.monotonic()) <= 86_400.0
    assert world.state() == "unknown"


@pytest.mark.parametrize(("told", "most"), [(None, 13), ("0", 13), ("900", 5)])
async def test_an_hour_of_429_changes_nothing_and_is_taken_as_a_wish_for_patience(
    told: str | None, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second of the hour is a step of the loop. More clients behind one address mean a limit, not dead bases."""
    began, wall = time.monotonic(), time.time()
    clock = SimpleNamespace(now=began)
    clocks = SimpleNamespace(monotonic=lambda: clock.now, time=lambda: wall + clock.now - began)
    monkeypatch.setattr("nexevo_async._prober.time", clocks)
    world = World()
    world.sender.script = dict.fromkeys((A, B), answer(429, **({} if told is None else {"Retry_After": told})))
    for second in range(3600):
        clock.now = began + second
        pick = world.pool.pick(now=clock.now, safety=Safety.SAFE)
        assert pick is not None
        assert pick.endpoint.url == A
        world.pool.report(pick, Report.SUCCESS, now=clock.now)
        extra = [u for u in world.pool.take_probe_wishes(clock.now) if world.schedule.ask_extra(u, now=clock.now)]
        await world.prober.check(due=world.schedule.due(clock.now), extra=extra)

    assert states(world.pool, clock.now) == {A: "healthy", B: "unknown"}
    asked = [asked.url for asked in world.sender.asked]
    assert 3 <= asked.count(A) <= most
    assert 3 <= asked.count(B) <= most


async def test_a_probe_that_is_cancelled_gives_its_place_back() -> None:
    """Probation lets one attempt at a time test an endpoint: a slot that is lost would keep it out for ever."""
    world = World()
    pick = world.pool.pick(now=world.now, safety=Safety.SAFE)
    assert pick is not None
    world.pool.report(pick, Report.HARD, now=world.now)
    world.pool.report(world.pool.begin_probe(A, now=world.now), Report.RECONNECTED, now=world.now)  # type: ignore[arg-type]
    assert world.state() == "probation"
    world.sender.script[A] = None
    task = asyncio.create_task(world.prober.check(due=[A]))
    await world.sender.is_waiting()
    assert world.pool.begin_probe(A, now=world.now) is None
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert world.pool.begin_probe(A, now=world.now) is not None


@pytest.mark.parametrize("error", [ClientClosedError(), RuntimeError("a mistake of ours")])
async def test_nothing_is_ever_raised(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.sender.script[A] = error
    await world.prober.check(due=[A, B])
    await world.prober.reconnect(A)
    assert (world.state(A), world.state(B)) == ("unknown", "healthy")
    assert len(caplog.records) == (0 if isinstance(error, ClientClosedError) else 2)


async def test_an_endpoint_that_left_is_not_asked() -> None:
    world = World()
    await world.prober.check(due=["https://gone.example.com"])
    await world.prober.reconnect("https://gone.example.com")
    assert world.sender.asked == []


async def test_a_bare_connection_brings_an_endpoint_to_probation_and_its_failure_keeps_it_out() -> None:
    world = World()
    world.pool.report(world.pool.begin_probe(A, now=world.now), Report.HARD, now=world.now)  # type: ignore[arg-type]
    world.sender.script[A] = broken(FailureKind.REFUSED)
    await world.prober.reconnect(A)
    assert world.state() == "ejected"
    world.sender.script[A] = GOOD
    await world.prober.reconnect(A)
    assert world.state() == "probation"
    assert world.sender.urls("connect") == [A, A]


# -- together with other processes


async def test_the_second_process_takes_over_what_the_first_was_told(tmp_path: Path) -> None:
    first, second = World(tmp_path), World(tmp_path, seed=2)
    first.sender.script[B] = answer(503)
    await first.prober.check(due=[A, B])
    await second.prober.check(due=[A, B])

    assert second.sender.asked == []
    assert first.state(B) == "ejected"
    assert (second.state(A), second.state(B)) == ("healthy", "suspect")  # what others see never ejects


async def test_whoever_comes_while_another_asks_waits_for_its_answer(tmp_path: Path) -> None:
    first, second = World(tmp_path), World(tmp_path)
    first.sender.script[A] = None
    asking = asyncio.create_task(first.prober.check(due=[A]))
    await first.sender.is_waiting()
    waiting = asyncio.create_task(second.prober.check(due=[A]))
    await asyncio.sleep(0.05)
    assert second.sender.asked == []
    await second.prober.check(extra=[A], patient=False)  # the user's own check does not wait
    assert second.sender.asked == []

    asking.cancel()
    await asyncio.wait([asking])
    sharing = first.sharing
    assert sharing is not None
    await sharing.tell_check(A, True)
    await waiting
    assert second.sender.asked == []
    assert second.state() == "healthy"


async def test_all_processes_together_ask_twice_at_once_and_no_more(tmp_path: Path) -> None:
    worlds = [World(tmp_path, seed=seed) for seed in range(6)]
    for world in worlds:
        world.sender.script[A] = answer(503)
        await world.prober.check(extra=[A])
        await asyncio.sleep(0)
    assert sum(len(world.sender.asked) for world in worlds) <= 2


async def test_a_new_host_is_proven_by_each_process_itself(tmp_path: Path) -> None:
    """That another process, or a poisoned file, says that it is well does not open the door for the key."""
    worlds = []
    for seed in (1, 2):
        now = time.monotonic()
        worlds.append(World(tmp_path, seed=seed, pool=a_pool((A,), now=now, discovered=[C])))
    await worlds[0].prober.check(due=[C])
    assert worlds[0].pool.unproven == ()
    sharing = worlds[1].sharing
    assert sharing is not None
    await sharing.learn()
    assert worlds[1].pool.unproven == (C,)
    await worlds[1].prober.check(due=[C])
    assert worlds[1].sender.urls() == [C]
    assert worlds[1].pool.unproven == ()


async def test_in_panic_a_new_host_does_not_wait_for_its_turn(tmp_path: Path) -> None:
    worlds = []
    for seed in range(4):
        worlds.append(World(tmp_path, seed=seed, pool=a_pool((A,), now=time.monotonic(), discovered=[C])))
    for world in worlds[:3]:
        await world.prober.check(extra=[C])
    assert [len(world.sender.asked) for world in worlds] == [1, 1, 0, 0]

    last = worlds[3]
    last.pool.report(last.pool.begin_probe(A, now=last.now), Report.HARD, now=last.now)  # type: ignore[arg-type]
    if not last.pool.in_panic(time.monotonic()):
        last.pool.report(last.pool.begin_probe(A, now=last.now), Report.HARD, now=last.now)  # type: ignore[arg-type]
    assert last.pool.in_panic(time.monotonic())
    await last.prober.check(extra=[C])
    assert last.sender.urls() == [C]
