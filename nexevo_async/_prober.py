"""
Asks endpoints how they are and tells the pool. Decisions are made in `_sansio/probing.py` and in the pool.

No key goes along. A failure is a report and never raised: whatever happens to a probe, the next one comes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from nexevo_async._limits import Limits
from nexevo_async._logging import logger
from nexevo_async._messages import AttemptFailed, FailureKind, Request, Response
from nexevo_async._routes import Route
from nexevo_async._sansio.backoff import pushback
from nexevo_async._sansio.endpoint_pool import EndpointPool, Pick, Report
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.probing import ProbeSchedule
from nexevo_async._sender import Sender
from nexevo_async._sharing import Sharing
from nexevo_async.errors import ClientClosedError

#: Enough for the body of any error (bytes). What a 429 says must not be lost because it says it at length.
LONGEST_ANSWER = 65_536
_NO_OPINION = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405, 429})
_OPINION = {Report.PROBE_GOOD: True, Report.PROBE_BAD: False}


class HealthProber:
    """
    Sends health checks and bare connections for one client.

    Args:
        sender: Does it.
        pool: Is told.
        policy: The numbers (`probe_timeout`, `connect_timeout_last`).
        schedule: Told about wishes for patience, and what others have asked.
        route: The health route.
        sharing: What other processes know; None if we are alone.
    """

    def __init__(
        self,
        *,
        sender: Sender,
        pool: EndpointPool,
        policy: HealthPolicy,
        schedule: ProbeSchedule,
        route: Route,
        sharing: Sharing | None = None,
    ) -> None:
        self._sender = sender
        self._pool = pool
        self._policy = policy
        self._schedule = schedule
        self._sharing = sharing
        self._request = Request(
            name=route.name, method=route.method, path=route.template, safety=route.safety, auth=False
        )
        self._warned: set[str] = set()

    async def check(self, due: Iterable[str] = (), extra: Iterable[str] = (), *, patient: bool = True) -> None:
        """
        Ask these endpoints, but for those that another process asks; then its answer counts.

        Args:
            due: URLs whose turn it is.
            extra: URLs of which we would like to know now.
            patient: Whether to wait for the answers to other processes.
        """
        due, extra = tuple(due), tuple(extra)
        until = time.monotonic() + (0.0 if self._sharing is None else self._sharing.claim_life)
        async with asyncio.TaskGroup() as group:
            while due or extra:
                ask, look_again = await self._claim(due, extra)
                for url in ask:
                    group.create_task(self.probe(url), name=f"nexevo-probe {url}")
                if not patient or time.monotonic() >= until:
                    return
                due = tuple(url for url in due if url in look_again)
                extra = tuple(url for url in extra if url in look_again)
                if due or extra:
                    await asyncio.sleep(self._policy.probe_timeout / 3)

    async def _claim(self, due: tuple[str, ...], extra: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
        """Whom to ask now, and who is being asked by somebody else."""
        everyone = tuple(dict.fromkeys((*due, *extra)))
        claims = None if self._sharing is None else await self._sharing.claim_checks(due, extra)
        if claims is None:
            return everyone, frozenset()
        now, wall = time.monotonic(), time.time()
        for url, moment in claims.known.items():
            self._schedule.heard(url, at=now - (wall - moment), now=now, paid=True)
        return claims.ask, frozenset(claims.look_again)

    async def probe(self, url: str) -> None:
        """Ask one endpoint for its health and report the answer."""
        began = time.monotonic()
        pick = self._pool.begin_probe(url, now=began)
        if pick is None:
            return
        timeout = self._policy.probe_timeout
        limits = Limits(connect=timeout, until=began + timeout, max_bytes=LONGEST_ANSWER, counted=False)
        wait = 0.0
        try:
            response = await self._sender.send(url, self._request, authorization=None, limits=limits)
        except AttemptFailed as failure:
            report, detail = _report_of(failure), f"health check: {failure.kind.value}"
        except BaseException as error:
            self._give_up(pick, error)
            return
        else:
            report, detail = self._read(url, response)
            if response.status == 429:
                wait = pushback(response.headers, wall=time.time()) or 0.0
                self._schedule.postpone(url, wait, now=time.monotonic())
        now = time.monotonic()
        latency = now - began if report is Report.PROBE_GOOD else None
        self._pool.report(pick, report, now=now, detail=detail, latency=latency)
        if self._sharing is not None:
            await self._sharing.tell_check(url, _OPINION.get(report), wait=wait)

    async def reconnect(self, url: str) -> None:
        """Try a bare connection to one endpoint and report whether it worked."""
        now = time.monotonic()
        pick = self._pool.begin_probe(url, now=now)
        if pick is None:
            return
        limits = Limits(until=now + self._policy.connect_timeout_last, counted=False)
        try:
            await self._sender.connect_only(url, limits)
        except AttemptFailed as failure:
            report, detail = Report.RECONNECT_FAILED, failure.kind.value
        except BaseException as error:
            self._give_up(pick, error)
            return
        else:
            report, detail = Report.RECONNECTED, ""
        self._pool.report(pick, report, now=time.monotonic(), detail=detail)

    def _give_up(self, pick: Pick, error: BaseException) -> None:
        """The probe ended without telling anything: cancelled, the client was closed, or a mistake of ours."""
        self._pool.release(pick)
        if not isinstance(error, Exception):
            raise error
        if not isinstance(error, ClientClosedError):
            logger.error("a health check of %s could not be made", pick.endpoint.url, exc_info=error)

    def _read(self, url: str, response: Response) -> tuple[Report, str]:
        """What an answer of the health route says: only the word `healthy` is good, and a 429 says nothing."""
        if response.status == 200 and response.body.strip() == b"healthy":
            return Report.PROBE_GOOD, ""
        if response.status in _NO_OPINION:
            if url not in self._warned:
                self._warned.add(url)
                logger.warning("the health check of %s answers %d and tells nothing", url, response.status)
            return Report.PROBE_UNKNOWN, f"health check: HTTP {response.status}"
        detail = "another text than healthy" if response.status == 200 else f"HTTP {response.status}"
        return Report.PROBE_BAD, f"health check: {detail}"


def _report_of(failure: AttemptFailed) -> Report:
    if failure.kind is FailureKind.POOL or failure.late:
        return Report.PROBE_UNKNOWN
    return Report.PROBE_BAD
