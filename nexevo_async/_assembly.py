"""Puts the core of a client together: the one place where the parts meet."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from nexevo_async._announcer import Announcer
from nexevo_async._background import Background
from nexevo_async._core import Core, Settings
from nexevo_async._discovery import Discovery
from nexevo_async._http import HTTPSender
from nexevo_async._race import Stalls
from nexevo_async._routes import RouteTable
from nexevo_async._sansio.actions import Shared
from nexevo_async._sansio.budget import Budget
from nexevo_async._sansio.endpoint_pool import EndpointPool
from nexevo_async._sansio.links import LinksSchedule
from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy
from nexevo_async._sansio.rate_limit import TokenBucket
from nexevo_async.config import Connections
from nexevo_async.models.endpoints import Endpoint


def make_core(
    endpoints: tuple[Endpoint, ...],
    connections: Connections,
    settings: Settings,
    *,
    health: HealthPolicy,
    rate_limit: float | None,
    routes: RouteTable,
    discovery_url: str | None,
    allowed_hosts: Sequence[str] | None,
) -> Core:
    """The core of a client; does no I/O and needs no loop."""
    now = time.monotonic()
    rng = random.Random()  # noqa: S311 - jitter, not a secret
    sender = HTTPSender(connections)
    pool = EndpointPool(endpoints, policy=health, rng=rng, now=now)
    announcer = Announcer(pool, settings.hooks)
    discovery = None
    if discovery_url is not None:
        discovery = Discovery(
            discovery_url,
            sender=sender,
            pool=pool,
            policy=health,
            schedule=LinksSchedule(policy=health, rng=rng, now=now),
            route=routes["endpoints.links"],
            credentials=settings.credentials,
            allowed_hosts=allowed_hosts,
        )
    background = Background(
        sender=sender,
        pool=pool,
        policy=health,
        rng=rng,
        health_route=routes["endpoints.health"],
        discovery=discovery,
        announcer=announcer,
    )
    shared = _shared(pool, settings.retry, health, rng, now)
    shared.bucket = None if rate_limit is None else TokenBucket(rate_limit, now=now)
    retry = settings.retry
    return Core(
        sender=sender,
        shared=shared,
        routes=routes,
        background=background,
        announcer=announcer,
        stalls=Stalls(pool, health, alarm=background.nudge),
        hedges=Budget(ratio=retry.hedge_ratio, cap=retry.hedge_reserve, now=now),
    )


def _shared(pool: EndpointPool, retry: RetryPolicy, health: HealthPolicy, rng: random.Random, now: float) -> Shared:
    return Shared(
        pool=pool,
        budget=Budget(
            ratio=retry.retry_budget_ratio,
            per_second=retry.retry_budget_per_second,
            cap=retry.retry_budget_cap,
            now=now,
        ),
        resends=Budget(ratio=retry.bounded_ratio, cap=retry.bounded_reserve, now=now),
        bucket=None,
        panic_wait=health.panic_wait,
        random=rng,
    )
