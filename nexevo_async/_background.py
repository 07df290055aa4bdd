"""
Decides what runs beside the calls: health checks, bare connections, discovery, telling log, hooks and other processes.

The work is done by jobs of the host task (`_host.py`), which hold nothing of the client that would keep it alive.
"""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial

import anyio

from nexevo_async._announcer import Announcer
from nexevo_async._discovery import Discovery
from nexevo_async._host import Host
from nexevo_async._logging import logger
from nexevo_async._loops import leave_to_parent, on_fork
from nexevo_async._prober import HealthProber
from nexevo_async._sansio.endpoint_pool import EndpointPool
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.probing import ProbeSchedule, ReconnectSchedule
from nexevo_async._sender import Sender
from nexevo_async._sharing import Sharing
from nexevo_async.errors import ClientClosedError, ConfigurationError

#: Longest sleep between two ticks, so that a clock that jumped is noticed (seconds).
LONGEST_SLEEP = 15.0
#: Longest sleep while an endpoint is out, because bans end and repairs want to be found (seconds).
SLEEP_IN_TROUBLE = 1.0


class Background:
    """
    Prober and discovery of one client, however many views it has, and the pauses of its calls.

    Args:
        sender: Told to drop connections when the clocks jump.
        pool: The endpoints.
        policy: The numbers.
        rng: Source of jitter; seeded anew in a child process.
        schedule: When to check whom.
        prober: Does the checks.
        discovery: Asks for base URLs; None if there is none.
        sharing: What other processes know; None if we are alone.
        announcer: Tells log and hooks.
    """

    def __init__(
        self,
        *,
        sender: Sender,
        pool: EndpointPool,
        policy: HealthPolicy,
        rng: random.Random,
        schedule: ProbeSchedule,
        prober: HealthProber,
        discovery: Discovery | None,
        sharing: Sharing | None,
        announcer: Announcer,
    ) -> None:
        self._sender = sender
        self._pool = pool
        self._policy = policy
        self._rng = rng
        self._schedule = schedule
        self._reconnects = ReconnectSchedule(policy=policy, rng=rng)
        self._prober = prober
        self.discovery = discovery
        self._sharing = sharing
        self._announcer = announcer
        self._host: Host | None = None
        self._learning: asyncio.Future[None] | None = None
        self._promised: float | None = None
        self._panicked = False
        self._closed = False
        on_fork(self)

    def after_fork(self) -> None:
        """This is a child process: the host task is the parent's, and its network need not be ours."""
        leave_to_parent((self._host, self._learning))
        self._host = self._learning = None
        now = time.monotonic()
        self._rng.seed()
        self._schedule.scatter(now)
        self._pool.distrust(now, forked=True)
        if self.discovery is not None:
            self.discovery.after_fork()

    def wake(self, now: float) -> asyncio.AbstractEventLoop:
        """
        A call begins: make sure the host task runs on this loop, which is returned.

        Raises:
            ConfigurationError: Another loop is using the client at this very moment.
        """
        loop = asyncio.get_running_loop()
        host = self._host
        if host is None or host.loop is not loop or host.is_over:
            self._move(loop)
        elif self._schedule.called(now):
            self.nudge()
        return loop

    def nudge(self) -> None:
        """Something has changed that the host task should look at now."""
        if self._host is not None:
            self._host.nudge()

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
        self._check_open()

    async def check(self) -> None:
        """
        Ask every endpoint for its health now, as far as politeness towards the service allows.

        Raises:
            ClientClosedError: The client was closed meanwhile.
        """
        now = time.monotonic()
        urls = [endpoint.url for endpoint in self._pool.order(now)]
        self._schedule.track(urls, now=now)
        await self._prober.check(extra=[url for url in urls if self._may_ask(url, now)], patient=False)
        self._check_open()

    async def refresh(self, discovery: Discovery) -> None:
        """
        Ask discovery now; whoever comes while that is under way waits for the same answer.

        Raises:
            NexevoError: No good list came; what was known before stays.
            ClientClosedError: The client was closed meanwhile.
        """
        self.wake(time.monotonic())
        host = self._host
        assert host is not None  # noqa: S101 - `wake` has seen to it
        asking = host.once("nexevo-links", partial(discovery.ask, claimed=False))
        try:
            # Shielded: one caller who leaves does not take the answer away from the others.
            await asyncio.shield(asking)
        except asyncio.CancelledError:
            if asking.cancelled():
                self._check_open()
            raise

    async def aclose(self) -> None:
        """End the host task and wait until it has ended; calls that pause are woken."""
        self._closed = True
        host, self._host = self._host, None
        if host is not None:
            await host.aclose()

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosedError("the client was closed during the call")

    def _move(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the host task on another loop: what was learned stays, what was bound to the old loop does not."""
        old = self._host
        if old is not None and old.loop is not loop:
            if old.loop.is_running():
                raise ConfigurationError(
                    "this client is in use on another running event loop: make one client for each loop"
                )
            old.cancel()  # should that loop ever run again
        self._schedule.called(time.monotonic())
        self._promised = None
        self._host = Host(self, loop)

    # -- what is due

    def tick(self, host: Host) -> float:
        """Start what is due; seconds until there may be more."""
        now, pool = time.monotonic(), self._pool
        self._notice_jumps(now)
        self._schedule.track([endpoint.url for endpoint in pool.order(now)], now=now)
        if self._has_learned(host):
            self._start_checks(host, now)
            self._start_discovery(host, now)
        for url in self._reconnects.due(pool.connect_checks(now), now):
            host.start(f"nexevo-reconnect {url}", partial(self._prober.reconnect, url))
        if self._sharing is not None and self._sharing.has_news:
            host.start("nexevo-bans", self._sharing.tell_bans)
        if self._announcer.has_news():
            host.start("nexevo-announcer", self._announcer.tell)
        delay = self._next_in(now)
        self._promised = now + delay
        return delay

    def _notice_jumps(self, now: float) -> None:
        if self._schedule.tick(now, time.time(), promised=self._promised):
            logger.info(
                "the clocks have jumped: what was known about the endpoints is doubted, connections are renewed"
            )
            self._pool.distrust(now)
            self._sender.drop_idle()

    def _has_learned(self, host: Host) -> bool:
        """Whether we know what other processes know: that comes before any question of our own."""
        if self._sharing is None:
            return True
        if self._learning is None:
            self._learning = host.start("nexevo-learn", partial(_learn, self._sharing, self.discovery))
        return self._learning.done()

    def _start_checks(self, host: Host, now: float) -> None:
        pool, prober = self._pool, self._prober
        period = self._policy.probe_period or 0.0
        due = self._schedule.due(now, proven=pool.succeeded_since(now - period))
        wishes = list(pool.take_probe_wishes(now))
        panic = pool.in_panic(now)
        if panic and not self._panicked:
            wishes += pool.unproven  # whoever might help has to prove itself now
        self._panicked = panic
        for url in due:
            host.start(f"nexevo-check {url}", partial(prober.check, due=(url,)))
        for url in dict.fromkeys(wishes):
            if url not in due and self._may_ask(url, now):
                host.start(f"nexevo-check {url}", partial(prober.check, extra=(url,)))

    def _may_ask(self, url: str, now: float) -> bool:
        """Whether an extra check may be made. Without regular ones, a new endpoint still has to prove itself."""
        if self._policy.probe_period is None:
            return url in self._pool.unproven
        return self._schedule.ask_extra(url, now=now)

    def _start_discovery(self, host: Host, now: float) -> None:
        discovery, pool = self.discovery, self._pool
        if discovery is None:
            return
        discovery.drop_expired(now)
        panic, wanted = pool.in_panic(now), pool.discovery_wanted(now)
        if discovery.schedule.due(now, wanted=wanted, panic=panic):
            ask = partial(host.once, "nexevo-links", discovery.ask)
            host.start("nexevo-discovery", partial(discovery.run, ask, wanted=wanted, panic=panic))

    def _next_in(self, now: float) -> float:
        pool = self._pool
        trouble = bool(pool.connect_checks(now)) or pool.in_panic(now)
        delays = [
            SLEEP_IN_TROUBLE if trouble else LONGEST_SLEEP,
            self._schedule.next_in(now),
            self._reconnects.next_in(now),
            pool.next_wish(now),
        ]
        if self.discovery is not None:
            delays.append(self.discovery.schedule.next_in(now))
        return min(delays)


async def _learn(sharing: Sharing, discovery: Discovery | None) -> None:
    links = await sharing.learn()
    if links is not None and discovery is not None:
        discovery.take_over(links)
