"""Asks the discovery host for base URLs and hands them to the pool. A failure is logged and never raised by a call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from nexevo_async._credentials import Credentials
from nexevo_async._limits import Limits
from nexevo_async._logging import logger
from nexevo_async._messages import AttemptFailed, Request, Response
from nexevo_async._redaction import redact_text
from nexevo_async._routes import Route
from nexevo_async._sansio import outcome
from nexevo_async._sansio.backoff import pushback
from nexevo_async._sansio.endpoint_pool import EndpointPool
from nexevo_async._sansio.links import MOST_BYTES, BadLinks, LinksSchedule, is_loopback, read_links
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.stories import connection_error
from nexevo_async._sender import Sender
from nexevo_async.errors import APIResponseValidationError, NexevoError


class Discovery:
    """Discovery of one client: one question at a time, however many want the answer."""

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
        allowed_hosts: Sequence[str] | None,
    ) -> None:
        self._url = url
        self._sender = sender
        self._pool = pool
        self._policy = policy
        self.schedule = schedule
        self._request = Request(name=route.name, method=route.method, path=route.template, safety=route.safety)
        self._credentials = credentials
        self._allowed_hosts = allowed_hosts
        self._loopback = is_loopback(urlsplit(url).hostname or "")
        self._asking: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """
        Ask now and take over the answer; whoever comes while it is under way waits for the same answer.

        Raises:
            NexevoError: No good list came; what was known before stays.
        """
        asking = self._asking
        if asking is None or asking.done() or asking.get_loop() is not asyncio.get_running_loop():
            asking = self._asking = asyncio.create_task(self._ask(), name="nexevo-discovery")
            asking.add_done_callback(_looked_at)
        # Shielded: one caller who leaves does not take the answer away from the others.
        await asyncio.shield(asking)

    async def refresh_quietly(self) -> None:
        """The same for the background: a failure is logged."""
        try:
            await self.refresh()
        except NexevoError as error:
            logger.warning("discovery failed, and the known base URLs stay: %s", error)

    def after_fork(self) -> None:
        """This is a child process: a question that is under way is the parent's."""
        self._asking = None

    async def aclose(self) -> None:
        """Give up a question that is under way."""
        asking, self._asking = self._asking, None
        if asking is not None and not asking.done() and asking.get_loop() is asyncio.get_running_loop():
            asking.cancel()
            await asyncio.wait([asking])

    async def _ask(self) -> None:
        now = time.monotonic()
        self.schedule.asked(now)
        try:
            response = await self._fetch(now)
            links = read_links(response.body, allowed_hosts=self._allowed_hosts, loopback=self._loopback)
        except AttemptFailed as failure:
            self.schedule.failed(time.monotonic())
            raise connection_error(self._request.name, failure, (), seconds=self._policy.links_timeout) from None
        except BadLinks as problem:
            self.schedule.failed(time.monotonic())
            raise APIResponseValidationError(
                f"the answer of the discovery host cannot be used: {redact_text(problem)}", call=self._request.name
            ) from None
        except NexevoError:
            raise  # its schedule is made already
        except BaseException:
            self.schedule.failed(time.monotonic())
            raise
        if links.skipped:
            logger.warning("discovery named %d base URLs that are not used: %s", len(links.skipped), links.skipped[0])
        self.schedule.answered(time.monotonic())
        self._pool.replace(links.endpoints, now=time.monotonic())

    async def _fetch(self, now: float) -> Response:
        limits = Limits(until=now + self._policy.links_timeout, max_bytes=MOST_BYTES, counted=False)
        response = await self._sender.send(
            self._url, self._request, authorization=await self._credentials.authorization(), limits=limits
        )
        if response.status != 200:
            error = outcome.error_of(response, wall=time.time(), call=self._request.name)
            wait = pushback(response.headers, wall=time.time())
            self.schedule.failed(time.monotonic(), wait=wait, refused=response.status in (401, 403))
            raise error
        return response


def _looked_at(task: asyncio.Task[None]) -> None:
    """Fetch the exception of a question whose askers have all left, so that nothing is logged as never retrieved."""
    if not task.cancelled():
        task.exception()
