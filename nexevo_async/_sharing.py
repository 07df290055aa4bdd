"""
What one client tells the other processes of its machine, and what it takes over from them.

Between the pool, whose clock only grows, and the file, whose moments are on the wall. Whatever goes wrong with the
file, the client goes on as if it were alone: sharing is for politeness and never a condition.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import attrs
import orjson

from nexevo_async._logging import logger
from nexevo_async._sansio.endpoint_pool import EndpointPool
from nexevo_async._sansio.endpoint_table import Ban
from nexevo_async._sansio.links import BURST, EARN_SHARE, BadLinks, Links
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.shared_state import Claims, LinksClaim, Pace, SharedState, Verdict, Wish
from nexevo_async._shared_file import Busy, SharedFile, off_loop
from nexevo_async.models.endpoints import Endpoint

T = TypeVar("T")

#: Longest wait for the file (seconds). If it takes longer, we act alone from then on.
_PATIENCE = 2.0
#: Shares of `probe_period`: an answer younger than this is as good as one's own (240 s); ...
_FRESH = 0.8
#: ... if it is about a suspicion of ours, only one of the very last moments is (6 s); ...
_JUST_NOW = 0.02
#: ... and whoever has claimed a question for longer than this without an answer is taken to be dead (60 s).
_CLAIM = 0.2


class Sharing:
    """
    The shared knowledge of one client.

    Args:
        file: The file.
        pool: The endpoints.
        policy: The numbers.
        read: Checks a list of discovery that comes from the file as if it came from discovery itself.
    """

    def __init__(
        self, file: SharedFile, *, pool: EndpointPool, policy: HealthPolicy, read: Callable[[bytes], Links]
    ) -> None:
        self._file = file
        self._pool = pool
        self._policy = policy
        self._read = read
        self._off = False
        self._unusable = -1.0
        self._bans: dict[str, Ban] = {}
        #: When the list that the pool has was fetched, seconds since 1970; 0.0 if it has none.
        self.fetched = 0.0
        period = policy.probe_period or policy.links_min_interval
        self.claim_life = max(_CLAIM * period, 2 * policy.probe_timeout)
        self._checks = Pace(burst=policy.probe_bucket, every=policy.probe_refill or period, claim=self.claim_life)
        self._links = Pace(
            burst=BURST,
            every=EARN_SHARE * policy.links_min_interval,
            claim=max(_CLAIM * policy.links_min_interval, 2 * policy.links_timeout),
        )

    # -- health checks

    async def learn(self) -> Links | None:
        """Take over what is known already; gives the list of base URLs, if there is one that is not too old."""
        state = await self._change(_look)
        if state is None:
            return None
        await off_loop(self._file.tidy)
        self._hear(state, state.endpoints)
        return self.newer_list(state)

    async def claim_checks(self, due: Iterable[str], extra: Iterable[str]) -> Claims | None:
        """
        Claim health checks, and take over what others have just learned.

        Args:
            due: URLs whose turn it is.
            extra: URLs of which we would like to know now, because something has happened.

        Returns:
            Whom to ask; None if we are on our own.
        """
        unproven, panic = frozenset(self._pool.unproven), self._pool.in_panic(time.monotonic())
        period = self._policy.probe_period or 0.0

        def wish(url: str, fresh: float) -> Wish:
            # That others found a new host healthy is no reason to send it our key.
            new = url in unproven
            return Wish(url=url, fresh=0.0 if new else fresh, pressing=new and panic)

        wishes = [*(wish(url, _FRESH * period) for url in due), *(wish(url, _JUST_NOW * period) for url in extra)]
        result = await self._change(partial(_claim_checks, wishes=wishes, pace=self._checks))
        if result is None:
            return None if self._off else Claims(look_again=tuple(wish.url for wish in wishes))
        claims, state = result
        self._hear(state, claims.known)
        return claims

    async def tell_check(self, url: str, good: bool | None, *, wait: float = 0.0) -> None:
        """Write down how a health check ended; `wait` is for how many seconds the service wants no other one."""
        bans = self._bans_on_the_wall()
        await self._change(partial(_tell_check, url=url, good=good, wait=wait, bans=bans))

    @property
    def has_news(self) -> bool:
        """Whether endpoints have been ejected, or have come back, and the others do not know."""
        return not self._off and self._pool.bans(time.monotonic()) != self._bans

    async def tell_bans(self) -> None:
        """Write down which endpoints are ejected."""
        await self._change(partial(_tell_bans, bans=self._bans_on_the_wall()))

    def _bans_on_the_wall(self) -> dict[str, Ban]:
        """Our ejections, on the clock of the file; those that are over end now."""
        now, wall = time.monotonic(), time.time()
        before, self._bans = self._bans, self._pool.bans(now)
        over = {url: ban._replace(until=now) for url, ban in before.items() if url not in self._bans}
        return {
            url: Ban(wall + ban.at - now, wall + ban.until - now, ban.flaps) for url, ban in (over | self._bans).items()
        }

    def _hear(self, state: SharedState, urls: Iterable[str]) -> None:
        now, wall = time.monotonic(), time.time()
        fresh = _FRESH * (self._policy.probe_period or self._policy.links_min_interval)
        for url in urls:
            record = state.record(url)
            news = record.news(wall, fresh=fresh, longest_ban=self._policy.eject_cap)
            if news is not None:
                good, at = news
                self._pool.hear(url, good=good, at=now - (wall - at), now=now, flaps=0 if good else record.flaps)

    # -- discovery

    async def claim_links(self, *, fresh: float) -> tuple[LinksClaim, Links | None]:
        """
        Claim discovery; gives, besides, the list that another process has fetched since, if there is one.

        Args:
            fresh: A list younger than this is good enough (seconds).
        """
        soon = self._policy.links_timeout / 5
        result = await self._change(partial(_claim_links, pace=self._links, fresh=fresh, soon=soon))
        if result is None:
            verdict = Verdict.ASK if self._off else Verdict.LOOK_AGAIN
            return LinksClaim(verdict=verdict, wait=soon), None
        claim, state = result
        newer = self.newer_list(state)
        if newer is None and fresh and state.fetched == self._unusable:
            return await self.claim_links(fresh=0.0)  # a list that we cannot use is none
        return claim, newer

    async def tell_links(self, endpoints: Sequence[Endpoint] | None, *, wait: float = 0.0, asked: bool = True) -> None:
        """
        Write down how discovery ended.

        Args:
            endpoints: The list, or None if no good one came.
            wait: For how many seconds nobody should ask again.
            asked: Whether the question was claimed before.
        """
        entries = None if endpoints is None else tuple((endpoint.url, endpoint.priority) for endpoint in endpoints)
        if entries is not None:
            self.fetched = time.time()  # whether or not it can be written down
        await self._change(
            partial(_tell_links, entries=entries, at=self.fetched, wait=wait, asked=asked, pace=self._links)
        )

    def newer_list(self, state: SharedState) -> Links | None:
        """The list in the file, checked like a fresh one, if it is newer than ours and not from the future."""
        if not self.fetched < state.fetched <= time.time() or not state.entries:
            return None
        listed = [{"api": url, "priority": priority, "status": "ok"} for url, priority in state.entries]
        try:
            links = self._read(orjson.dumps(listed))
        except BadLinks as problem:
            if self._unusable == state.fetched:
                return None
            self._unusable = state.fetched
            logger.warning("the list of base URLs in the file that processes share is ignored: %s", problem)
            return None
        self.fetched = state.fetched
        return links

    # -- the file

    async def _change(self, how: Callable[[SharedState], tuple[SharedState, T]]) -> T | None:
        """Change the file; None if that cannot be done now, or ever."""
        if self._off:
            return None
        try:
            async with asyncio.timeout(_PATIENCE):
                return await off_loop(partial(self._file.change, how))
        except Busy:
            return None
        except (OSError, RuntimeError) as problem:  # TimeoutError is an OSError; no thread starts at the very end
            self._off = True
            words = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
            logger.info("what is learned about endpoints is not shared with other processes: %s", words)
            return None


# What is done to the state runs on a thread, so it is given all it needs, and touches nothing of the client.


def _look(state: SharedState) -> tuple[SharedState, SharedState]:
    return state, state


def _claim_checks(
    state: SharedState, *, wishes: list[Wish], pace: Pace
) -> tuple[SharedState, tuple[Claims, SharedState]]:
    after, claims = state.claim_checks(wishes, time.time(), pace)
    return after, (claims, state)


def _tell_check(
    state: SharedState, *, url: str, good: bool | None, wait: float, bans: dict[str, Ban]
) -> tuple[SharedState, bool]:
    now = time.time()
    record = state.record(url)
    told = attrs.evolve(record, turn=record.turn.done(now, wait=wait), good=good, checked=now)
    return _tell_bans(state.with_records({url: told}), bans=bans)


def _tell_bans(state: SharedState, *, bans: dict[str, Ban]) -> tuple[SharedState, bool]:
    banned = {
        url: attrs.evolve(state.record(url), banned_at=ban.at, banned_until=ban.until, flaps=ban.flaps)
        for url, ban in bans.items()
    }
    return state.with_records(banned), True


def _claim_links(
    state: SharedState, *, pace: Pace, fresh: float, soon: float
) -> tuple[SharedState, tuple[LinksClaim, SharedState]]:
    after, claim = state.claim_links(time.time(), pace, fresh=fresh, soon=soon)
    return after, (claim, state)


def _tell_links(
    state: SharedState, *, entries: tuple[tuple[str, int], ...] | None, at: float, wait: float, asked: bool, pace: Pace
) -> tuple[SharedState, bool]:
    now = time.time()
    turn = state.links if asked else state.links.claim(now, pace)
    state = attrs.evolve(state, links=turn.done(now, wait=wait))
    if entries is not None:
        state = attrs.evolve(state, fetched=at, entries=entries)
    return state, True
