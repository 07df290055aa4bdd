"""
What runs beside the calls: one host task for each loop, never around the caller's own code.

The task holds the client weakly: a client that is dropped without being closed takes its task with it. It never keeps
a process alive, and closing waits until it has ended.
"""

from __future__ import annotations

import asyncio
import random
import time
import weakref

import anyio

from nexevo_async._announcer import Announcer
from nexevo_async._discovery import Discovery
from nexevo_async._logging import logger
from nexevo_async._loops import on_fork
from nexevo_async._prober import HealthProber
from nexevo_async._routes import Route
from nexevo_async._sansio.endpoint_pool import EndpointPool
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.probing import ProbeSchedule, ReconnectSchedule
from nexevo_async._sender import Sender
from nexevo_async.errors import ClientClosedError, ConfigurationError

#: Longest sleep of the host task, so that a clock that jumped is noticed (seconds).
LONGEST_SLEEP = 15.0
#: Longest sleep while an endpoint is out, because bans end and repairs want to be found (seconds).
SLEEP_IN_TROUBLE = 1.0


class Background:
    """Prober and discovery of one client, and the pauses of its calls."""

    def __init__(
        self,
        *,
        sender: Sender,
        pool: EndpointPool,
        policy: HealthPolicy,
        rng: random.Random,
        health_route: Route,
        discovery: Discovery | None,
        announcer: Announcer,
    ) -> None:
        now = time.monotonic()
        self._sender = sender
        self._pool = pool
        self._policy = policy
        self._schedule = ProbeSchedule(policy=policy, rng=rng, now=now, wall=time.time())
        self._reconnects = ReconnectSchedule(policy=policy, rng=rng)
        self.prober = HealthProber(sender=sender, pool=pool, policy=policy, schedule=self._schedule, route=health_route)
        self.discovery = discovery
        self._announcer = announcer
        self._host: _Host | None = None
        self._promised: float | None = None
        self._closed = False
        on_fork(self)

    def after_fork(self) -> None:
        """This is a child process: the host task is the parent's, and its network need not be ours."""
        self._host = None
        self._pool.distrust(time.monotonic(), forked=True)
        if self.discovery is not None:
            self.discovery.after_fork()

    def wake(self) -> None:
        """
        A call begins: make sure the host task runs on this loop.

        Raises:
            ConfigurationError: Another loop is using the client at this very moment.
        """
        loop = asyncio.get_running_loop()
        host = self._host
        if host is None or host.loop is not loop or host.task.done():
            self._move(loop)
        elif self._schedule.called(time.monotonic()):
            self.nudge()

    def nudge(self) -> None:
        """Something has changed that the host task should look at now."""
        if self._host is not None:
            self._host.nudge.set()

    async def pause(self, seconds: float) -> None:
        """
        Sleep; wake up at once when the client closes.

        Raises:
            ClientClosedError: It has been closed.
        """
        host = self._host
        if host is None or host.loop is not asyncio.get_running_loop():
            await anyio.sleep(seconds)
        else:
            with anyio.move_on_after(seconds):
                await host.closing.wait()
        if self._closed:
            raise ClientClosedError("the client was closed during the call")

    async def check(self) -> None:
        """Ask every endpoint for its health now, as far as politeness towards the service allows."""
        now = time.monotonic()
        urls = [endpoint.url for endpoint in self._pool.order(now)]
        self._schedule.track(urls, now=now)
        await self._probe_all([url for url in urls if self._schedule.ask_extra(url, now=now)], ())

    async def aclose(self) -> None:
        """End the host task and wait until it has ended; calls that pause are woken."""
        self._closed = True
        host, self._host = self._host, None
        if host is None or host.loop.is_closed():
            return
        host.closing.set()
        if host.loop is asyncio.get_running_loop():
            if self.discovery is not None:
                await self.discovery.aclose()
            host.task.cancel()
            await asyncio.wait([host.task])
        else:
            host.loop.call_soon_threadsafe(host.task.cancel)

    def _move(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the host task on another loop: what was learned stays, what was bound to the old loop does not."""
        old = self._host
        if old is not None and old.loop is not loop and old.loop.is_running():
            raise ConfigurationError(
                "this client is in use on another running event loop: make one client for each loop"
            )
        self._schedule.called(time.monotonic())
        self._promised = None
        self._host = _Host(self, loop)

    async def tick(self) -> float:
        """Do what is due; seconds until there may be more."""
        now = time.monotonic()
        pool, schedule = self._pool, self._schedule
        if schedule.tick(now, time.time(), promised=self._promised):
            logger.info(
                "the clocks have jumped: what was known about the endpoints is doubted, connections are renewed"
            )
            pool.distrust(now)
            self._sender.drop_idle()
        schedule.track([endpoint.url for endpoint in pool.order(now)], now=now)
        period = self._policy.probe_period or 0.0
        probes = [*schedule.due(now, proven=pool.succeeded_since(now - period))]
        probes += [url for url in pool.take_probe_wishes(now) if url not in probes and schedule.ask_extra(url, now=now)]
        await self._probe_all(probes, self._reconnects.due(pool.connect_checks(now), now))
        await self._discover()
        await self._announcer.tell()
        now = time.monotonic()
        longest = SLEEP_IN_TROUBLE if self._in_trouble(now) else LONGEST_SLEEP
        delay = min(schedule.next_in(now), self._reconnects.next_in(now), pool.next_wish(now), longest)
        self._promised = now + delay
        return delay

    async def _probe_all(self, probes: list[str], reconnects: tuple[str, ...]) -> None:
        if not probes and not reconnects:
            return
        async with anyio.create_task_group() as group:
            for url in probes:
                group.start_soon(self.prober.probe, url, name=f"nexevo-probe {url}")
            for url in reconnects:
                group.start_soon(self.prober.reconnect, url, name=f"nexevo-reconnect {url}")

    async def _discover(self) -> None:
        now, pool = time.monotonic(), self._pool
        if self.discovery is not None and self.discovery.schedule.due(
            now, wanted=pool.discovery_wanted(now), panic=pool.in_panic(now)
        ):
            await self.discovery.refresh_quietly()
            self.nudge()  # new endpoints want to be probed before they are used

    def _in_trouble(self, now: float) -> bool:
        return bool(self._pool.connect_checks(now)) or self._pool.in_panic(now)


class _Host:
    """The host task on one loop."""

    def __init__(self, background: Background, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.nudge = asyncio.Event()
        self.closing = asyncio.Event()
        owner = weakref.ref(background, self._owner_is_gone)
        self.task = loop.create_task(_run(owner, self.nudge), name="nexevo-background")

    def _owner_is_gone(self, _: object) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.task.cancel)


async def _run(owner: weakref.ref[Background], nudge: asyncio.Event) -> None:
    """Tick for as long as the client lives. A tick that fails is logged, and the next one comes."""
    while (background := owner()) is not None:
        nudge.clear()
        try:
            delay = await background.tick()
        except Exception:
            logger.exception("the background of the client had a failure; it goes on")
            delay = SLEEP_IN_TROUBLE
        del background
        with anyio.move_on_after(delay):
            await nudge.wait()
