"""What needs hours, or other clocks: measured on the decisions alone, with a clock that is a number."""

from __future__ import annotations

import random
import time
import timeit
from collections.abc import Callable
from datetime import UTC, datetime

from nexevo_async import Endpoint, HealthPolicy
from nexevo_async._messages import Safety
from nexevo_async._sansio.endpoint_pool import EndpointPool, Report, State
from nexevo_async._sansio.probing import ProbeSchedule

URLS = [f"https://{name}.example" for name in "abcdefgh"]


def pool_of(count: int, *, now: float = 0.0, seed: int = 1) -> EndpointPool:
    """A pool whose endpoints have one tier each."""
    endpoints = [Endpoint(url, count - place) for place, url in enumerate(URLS[:count])]
    return EndpointPool(endpoints, policy=HealthPolicy(), rng=random.Random(seed), now=now)


def price_of_a_call() -> float:
    """Seconds for choosing among eight endpoints and reporting a success."""
    pool = pool_of(8)
    moment = 0.0

    def one() -> None:
        nonlocal moment
        moment += 0.001
        pick = pool.pick(now=moment, safety=Safety.SAFE)
        if pick is not None:
            pool.report(pick, Report.SUCCESS, now=moment, latency=0.02)

    one()
    return min(timeit.repeat(one, number=10_000, repeat=20, timer=time.process_time)) / 10_000


def probes_in_an_hour(*, hour: int, seed: int = 1) -> int:
    """Most health checks of one endpoint in one hour of one process, extra ones included whenever they are allowed."""
    policy = HealthPolicy()
    schedule = ProbeSchedule(policy=policy, rng=random.Random(seed), now=0.0, wall=0.0)
    schedule.track(URLS[:3], now=0.0)
    counts = dict.fromkeys(URLS[:3], 0)
    for second in range(hour * 3600):
        asked = [*schedule.due(float(second)), *(u for u in URLS[:3] if schedule.ask_extra(u, now=float(second)))]
        if second >= (hour - 1) * 3600:
            for url in asked:
                counts[url] += 1
    return max(counts.values())


def toggling() -> tuple[int, int]:
    """The first endpoint fails and recovers every ten seconds for ten minutes: changes of first place, failed reads."""
    pool = pool_of(3)
    first, changes, failed = pool.order(0.0)[0].url, 0, 0
    for step in range(60_000):
        now = step / 100.0
        down = URLS[0] if int(now / 10.0) % 2 else None
        failed += not _answered(pool, now, lambda url, down=down: url != down)  # type: ignore[misc]
        place = pool.order(now)[0].url
        changes += place != first
        first = place
    return changes, failed


def _answered(pool: EndpointPool, now: float, works: Callable[[str], bool]) -> bool:
    tried: list[str] = []
    for _ in range(3):
        pick = pool.pick(now=now, safety=Safety.SAFE, tried=tried)
        if pick is None:
            return False
        good = works(pick.endpoint.url)
        pool.report(pick, Report.SUCCESS if good else Report.SOFT, now=now, latency=0.02 if good else None)
        if good:
            return True
        tried.append(pick.endpoint.url)
    return False


def clocks() -> tuple[int, int]:
    """
    The wall clock steps by an hour, then the machine sleeps for one.

    Returns:
        Bans that changed; health checks of one endpoint in the quarter of an hour after that.
    """
    pool = pool_of(3)
    pick = pool.pick(now=0.0, safety=Safety.SAFE)
    if pick is not None:
        pool.report(pick, Report.HARD, now=0.0)
    schedule = ProbeSchedule(policy=HealthPolicy(), rng=random.Random(1), now=0.0, wall=0.0)
    schedule.track(URLS[:3], now=0.0)
    changed = checks = 0
    for wall in (3600.0, -3600.0):
        if schedule.tick(1.0, wall):
            pool.distrust(1.0)
        status = pool.snapshot(1.0, clock=lambda moment: datetime.fromtimestamp(moment, UTC))
        changed += next(s.state for s in status if s.url == URLS[0]) != State.EJECTED.value
    schedule.tick(2.0, 7200.0)
    for second in range(2, 32):
        checks += schedule.due(float(second)).count(URLS[1])
    return changed, checks
