"""Asks the discovery host for base URLs and hands them to the pool. A failure is logged and never raised by a call."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from urllib.parse import urlsplit

from nexevo_async._credentials import Credentials
from nexevo_async._limits import Limits
from nexevo_async._logging import logger
from nexevo_async._messages import Attempt, AttemptFailed, Delivery, FailureKind, Request, Response
from nexevo_async._redaction import redact_text
from nexevo_async._routes import Route
from nexevo_async._sansio import outcome
from nexevo_async._sansio.backoff import pushback
from nexevo_async._sansio.endpoint_pool import EndpointPool
from nexevo_async._sansio.links import MOST_BYTES, BadLinks, Links, LinksSchedule, expired, is_loopback, read_links
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.shared_state import Verdict
from nexevo_async._sansio.stories import connection_error
from nexevo_async._sender import Sender
from nexevo_async._sharing import Sharing
from nexevo_async.errors import APIResponseValidationError, APIStatusError, ConfigurationError, NexevoError


def reader_of(url: str, allowed_hosts: Sequence[str] | None) -> Callable[[bytes], Links]:
    """What reads the answers of this discovery host: only one on this machine may name addresses of this machine."""
    return partial(read_links, allowed_hosts=allowed_hosts, loopback=is_loopback(urlsplit(url).hostname or ""))


class Discovery:
    """
    Discovery of one client.

    Args:
        url: The discovery host; it receives the key.
        sender: Asks it.
        pool: Gets the answers.
        policy: The numbers (`links_*`).
        schedule: When to ask.
        route: The call.
        credentials: The key.
        read: Reads and checks an answer.
        sharing: What other processes know; None if we are alone.
    """

    def __init__(
        self,
        url: str,
        *,
        sender: Sender,
        pool: EndpointPool,
        policy: HealthPolicy,
        schedule: LinksSchedule,
        route: Route,
        credentials: Credentials,
        read: Callable[[bytes], Links],
        sharing: Sharing | None = None,
    ) -> None:
        self._url = url
        self._sender = sender
        self._pool = pool
        self._policy = policy
        self.schedule = schedule
        self._request = Request(name=route.name, method=route.method, path=route.template, safety=route.safety)
        self._credentials = credentials
        self._read = read
        self._sharing = sharing
        self._refused: str | None = None
        self._list: Links | None = None
        self._list_at = time.monotonic()
        self._warned: tuple[str, ...] = ()
        self._complaint: str | None = None

    async def run(self, ask: Callable[[], Awaitable[None]], *, wanted: bool, panic: bool) -> None:
        """
        What the background does when discovery is due: ask, unless another process does. A failure is logged.

        Args:
            ask: `ask`, made sure that it runs once at a time.
            wanted: A fresh list could help.
            panic: Nothing is usable.
        """
        self.schedule.begin(panic=panic)
        try:
            if await self._may_ask(wanted=wanted, panic=panic):
                await ask()
        except NexevoError as error:
            self._complain(str(error))
        except Exception as error:  # of the function that gives the key: its words may hold anything
            self._complain(type(error).__name__)
        except BaseException:
            self.schedule.postponed(time.monotonic(), 0.0)
            raise

    def _complain(self, problem: str) -> None:
        """One warning for each trouble, however often it is met."""
        level = logging.INFO if problem == self._complaint else logging.WARNING
        self._complaint = problem
        logger.log(level, "discovery failed, and the known base URLs stay: %s", problem)

    def after_fork(self) -> None:
        """This is a child process: a question that is under way is the parent's."""
        self.schedule.postponed(time.monotonic(), 0.0)

    async def _may_ask(self, *, wanted: bool, panic: bool) -> bool:
        """Whether it is for us to ask; takes over what another process has been told meanwhile."""
        policy = self._policy
        if self._sharing is None:
            return await self._key_is_good()
        fresh = policy.links_ttl
        if wanted or panic:
            fresh = policy.links_min_interval_panic if panic else policy.links_min_interval
        if not await self._key_is_good():
            return False
        claim, newer = await self._sharing.claim_links(fresh=fresh)
        if newer is not None:
            self.take_over(newer)
        if claim.verdict is Verdict.ASK:
            return True
        if newer is None:
            self.schedule.postponed(time.monotonic(), claim.wait)
        return False

    async def _key_is_good(self) -> bool:
        """Whether there is a key that has not been refused: asking again makes no sense until it changes."""
        if self._refused is None or await self._key(time.monotonic() + self._policy.links_timeout) != self._refused:
            return True
        self.schedule.failed(time.monotonic())
        return False

    def take_over(self, links: Links) -> None:
        """Use a list that another process has fetched."""
        age = 0.0 if self._sharing is None else max(0.0, time.time() - self._sharing.fetched)
        self.schedule.answered(time.monotonic(), age=age)
        self._use(links, age=age)

    async def ask(self, *, claimed: bool = True) -> None:
        """
        Ask now and take over the answer.

        Args:
            claimed: Whether the other processes know that we ask.

        Raises:
            NexevoError: No good list came; what was known before stays.
        """
        now = time.monotonic()
        self.schedule.asked(now)
        try:
            links = self._parse(await self._fetch(now + self._policy.links_timeout), now)
        except Exception as error:
            pause = self.schedule.failed(time.monotonic(), wait=_told_to_wait(error))
            # A key that is refused is ours alone: others may have better ones.
            await self._tell(None, wait=0.0 if _refuses_key(error) else pause, asked=claimed)
            raise
        except BaseException:
            self.schedule.postponed(time.monotonic(), 0.0)  # the loop ends; the next one goes on
            raise
        self._refused = self._complaint = None
        self.schedule.answered(time.monotonic())
        self._use(links)
        await self._tell(links, asked=claimed)

    async def _fetch(self, until: float) -> Response:
        authorization = await self._key(until)
        began = time.monotonic()
        limits = Limits(until=until, max_bytes=MOST_BYTES, counted=False)
        try:
            response = await self._sender.send(self._url, self._request, authorization=authorization, limits=limits)
        except AttemptFailed as failure:
            raise self._unreachable(failure, began) from None
        if response.status == 200:
            return response
        error = outcome.error_of(response, wall=time.time(), call=self._request.name)
        error.attempts = (self._attempt(getattr(error, "code", None) or "refused", began, status=response.status),)
        if _refuses_key(error):
            self._refused = authorization
        raise error

    async def _key(self, until: float) -> str:
        """What goes into the header. A function that gives the key has as long as the whole question."""
        began = time.monotonic()
        scope = asyncio.timeout_at(until)
        try:
            async with scope:
                key = await self._credentials.authorization()
        except TimeoutError:
            if not scope.expired():
                raise  # the function's own
            raise self._unreachable(AttemptFailed(FailureKind.NO_KEY, limit="total"), began) from None
        if key is None:
            raise ConfigurationError(
                "discovery needs an API key: set NEXEVO_API_KEY, or pass api_key to the client", call=self._request.name
            )
        return key

    def _unreachable(self, failure: AttemptFailed, began: float) -> NexevoError:
        if failure.limit is not None:  # whatever the sender calls it, a question has only this one
            failure = AttemptFailed(failure.kind, failure.detail, limit="links_timeout")
        attempt = self._attempt(failure.kind.value, began, delivered=failure.kind.delivery)
        return connection_error(self._request.name, failure, (attempt,), seconds=self._policy.links_timeout)

    def _attempt(
        self, problem: str, began: float, *, status: int | None = None, delivered: Delivery = Delivery.MAYBE
    ) -> Attempt:
        """The one attempt of a question, for the story of its error."""
        seconds = time.monotonic() - began
        return Attempt(base_url=self._url, status=status, problem=problem, delivered=delivered, seconds=seconds)

    def _parse(self, response: Response, began: float) -> Links:
        try:
            return self._read(response.body)
        except BadLinks as problem:
            raise APIResponseValidationError(
                f"the answer of the discovery host cannot be used: {redact_text(problem)}",
                call=self._request.name,
                attempts=(self._attempt("unreadable", began, status=response.status),),
            ) from None

    def _use(self, links: Links, *, age: float = 0.0) -> None:
        now = time.monotonic()
        if links.skipped and links.skipped != self._warned:  # once, and not every hour
            logger.warning("discovery named base URLs that are not used: %s", "; ".join(links.skipped[:3]))
        self._warned = links.skipped
        self._list, self._list_at = links, now - age
        self._pool.replace(links.endpoints, now=now)
        self.drop_expired(now)

    def drop_expired(self, now: float) -> None:
        """Let go of what was listed too long ago to be trusted, unless nothing else is left to try."""
        if self._list is not None and not self._pool.in_panic(now):
            self._pool.retire(expired(self._list.endpoints, age=now - self._list_at, policy=self._policy), now=now)

    async def _tell(self, links: Links | None, *, wait: float = 0.0, asked: bool) -> None:
        if self._sharing is not None:
            await self._sharing.tell_links(None if links is None else links.endpoints, wait=wait, asked=asked)


def _told_to_wait(error: BaseException) -> float | None:
    """Seconds that the host asks for in a refusing answer."""
    return pushback(error.headers or {}, wall=time.time()) if isinstance(error, APIStatusError) else None


def _refuses_key(error: BaseException) -> bool:
    return isinstance(error, APIStatusError) and error.status in (401, 403)
