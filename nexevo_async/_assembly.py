"""Puts the core of a client together: the one place where the parts meet."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from nexevo_async._announcer import Announcer
from nexevo_async._background import Background
from nexevo_async._core import Core, Settings
from nexevo_async._discovery import Discovery, reader_of
from nexevo_async._http import HTTPSender
from nexevo_async._prober import HealthProber
from nexevo_async._race import Stalls
from nexevo_async._routes import RouteTable
from nexevo_async._sansio.actions import Shared
from nexevo_async._sansio.budget import Budget
from nexevo_async._sansio.endpoint_pool import EndpointPool
from nexevo_async._sansio.links import Links, LinksSchedule, is_loopback
from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy
from nexevo_async._sansio.probing import ProbeSchedule
from nexevo_async._sansio.rate_limit import TokenBucket
from nexevo_async._shared_file import SharedFile, cache_folder, file_name
from nexevo_async._sharing import Sharing
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
    read = reader_of(discovery_url or "", allowed_hosts)
    asked = [f"{routes[name].method} {routes[name].template}" for name in ("endpoints.health", "endpoints.links")]
    urls = sorted(endpoint.url for endpoint in endpoints)
    name = file_name([*urls, f"from {discovery_url}", *sorted(allowed_hosts or "*"), *asked])
    sharing = _sharing(name, endpoints, discovery_url, pool=pool, policy=health, read=read)
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
            read=read,
            sharing=sharing,
        )
    schedule = ProbeSchedule(policy=health, rng=rng, now=now, wall=time.time())
    route = routes["endpoints.health"]
    background = Background(
        sender=sender,
        pool=pool,
        policy=health,
        rng=rng,
        schedule=schedule,
        prober=HealthProber(sender=sender, pool=pool, policy=health, schedule=schedule, route=route, sharing=sharing),
        discovery=discovery,
        sharing=sharing,
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


def _sharing(
    name: str,
    endpoints: tuple[Endpoint, ...],
    discovery_url: str | None,
    *,
    pool: EndpointPool,
    policy: HealthPolicy,
    read: Callable[[bytes], Links],
) -> Sharing | None:
    """What is shared with other processes, if there is anything to share and a place for it."""
    folder = cache_folder()
    asks = policy.probe_period is not None or discovery_url is not None
    if folder is None or not (policy.share and asks):
        return None
    hosts = [endpoint.url for endpoint in endpoints] + ([] if discovery_url is None else [discovery_url])
    local = all(is_loopback(urlsplit(url).hostname or "") for url in hosts)
    if local and "NEXEVO_CACHE_DIR" not in os.environ:
        return None  # gateways for tests have other ports each time: their files would only pile up
    return Sharing(SharedFile(folder / name), pool=pool, policy=policy, read=read)


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
