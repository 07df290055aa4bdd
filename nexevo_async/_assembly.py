"""Puts the core of a client together: the one place where the parts meet."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import attrs

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

HEALTH, LINKS = "endpoints.health", "endpoints.links"


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
    pool = EndpointPool(endpoints, policy=health, rng=rng, now=now)
    parts = _Parts(HTTPSender(connections), pool, health, rng, routes, now)
    announcer = Announcer(pool, settings.hooks, ejected=parts.sender.drop_idle)
    read = reader_of(discovery_url or "", allowed_hosts)
    sharing = _sharing(parts, read, discovery_url, allowed_hosts)
    discovery = None
    if discovery_url is not None:
        discovery = _discovery(parts, discovery_url, read, settings, sharing)
    background = _background(parts, announcer, discovery, sharing)
    shared = _shared(pool, settings.retry, health, rng, now)
    shared.bucket = None if rate_limit is None else TokenBucket(rate_limit, now=now)
    retry = settings.retry
    return Core(
        sender=parts.sender,
        shared=shared,
        routes=routes,
        background=background,
        announcer=announcer,
        stalls=Stalls(pool, health, alarm=background.nudge),
        hedges=Budget(ratio=retry.hedge_ratio, cap=retry.hedge_reserve, now=now),
    )


@attrs.frozen
class _Parts:
    """What everything beside the calls is made with."""

    sender: HTTPSender
    pool: EndpointPool
    policy: HealthPolicy
    rng: random.Random
    routes: RouteTable
    now: float


def _sharing(
    parts: _Parts, read: Callable[[bytes], Links], discovery_url: str | None, allowed_hosts: Sequence[str] | None
) -> Sharing | None:
    """What is shared with other processes, if there is anything to share and a place for it."""
    folder, policy = cache_folder(), parts.policy
    asks = policy.probe_period is not None or discovery_url is not None
    if folder is None or not (policy.share and asks):
        return None
    urls = sorted(endpoint.url for endpoint in parts.pool.endpoints)
    hosts = urls if discovery_url is None else [*urls, discovery_url]
    local = all(is_loopback(urlsplit(url).hostname or "") for url in hosts)
    if local and "NEXEVO_CACHE_DIR" not in os.environ:
        return None  # gateways for tests have other ports each time: their files would only pile up
    asked = [f"{parts.routes[name].method} {parts.routes[name].template}" for name in (HEALTH, LINKS)]
    name = file_name([*urls, f"from {discovery_url}", *sorted(allowed_hosts or "*"), *asked])
    return Sharing(SharedFile(folder / name), pool=parts.pool, policy=policy, read=read)


def _discovery(
    parts: _Parts, url: str, read: Callable[[bytes], Links], settings: Settings, sharing: Sharing | None
) -> Discovery:
    return Discovery(
        url,
        sender=parts.sender,
        pool=parts.pool,
        policy=parts.policy,
        schedule=LinksSchedule(policy=parts.policy, rng=parts.rng, now=parts.now),
        route=parts.routes[LINKS],
        credentials=settings.credentials,
        read=read,
        sharing=sharing,
    )


def _background(
    parts: _Parts, announcer: Announcer, discovery: Discovery | None, sharing: Sharing | None
) -> Background:
    schedule = ProbeSchedule(policy=parts.policy, rng=parts.rng, now=parts.now, wall=time.time())
    prober = HealthProber(
        sender=parts.sender,
        pool=parts.pool,
        policy=parts.policy,
        schedule=schedule,
        route=parts.routes[HEALTH],
        sharing=sharing,
    )
    return Background(
        sender=parts.sender,
        pool=parts.pool,
        policy=parts.policy,
        rng=parts.rng,
        schedule=schedule,
        prober=prober,
        discovery=discovery,
        sharing=sharing,
        announcer=announcer,
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
