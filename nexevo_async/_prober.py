"""
Asks endpoints how they are and tells the pool. Decisions are made in `_sansio/probing.py` and in the pool.

No key goes along. A failure is a report and never raised: whatever happens to a probe, the next one comes.
"""

from __future__ import annotations

import time

from nexevo_async._limits import Limits
from nexevo_async._logging import logger
from nexevo_async._messages import AttemptFailed, FailureKind, Request, Response
from nexevo_async._routes import Route
from nexevo_async._sansio.backoff import pushback
from nexevo_async._sansio.endpoint_pool import EndpointPool, Report
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._sansio.probing import ProbeSchedule
from nexevo_async._sender import Sender

#: Enough for the body of any error (bytes). What a 429 says must not be lost because it says it at length.
LONGEST_ANSWER = 65_536
_NO_OPINION = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405, 429})


class HealthProber:
    """Sends health checks and bare connections for one client."""

    def __init__(
        self, *, sender: Sender, pool: EndpointPool, policy: HealthPolicy, schedule: ProbeSchedule, route: Route
    ) -> None:
        self._sender = sender
        self._pool = pool
        self._policy = policy
        self._schedule = schedule
        self._request = Request(
            name=route.name, method=route.method, path=route.template, safety=route.safety, auth=False
        )
        self._warned: set[str] = set()

    async def probe(self, url: str) -> None:
        """Ask one endpoint for its health and report the answer."""
        began = time.monotonic()
        pick = self._pool.begin_probe(url, now=began)
        if pick is None:
            return
        timeout = self._policy.probe_timeout
        limits = Limits(connect=timeout, until=began + timeout, max_bytes=LONGEST_ANSWER, counted=False)
        try:
            response = await self._sender.send(url, self._request, authorization=None, limits=limits)
        except AttemptFailed as failure:
            report, detail = _report_of(failure), f"health check: {failure.kind.value}"
        except BaseException:
            self._pool.release(pick)
            raise
        else:
            report, detail = self._read(url, response)
        now = time.monotonic()
        self._pool.report(
            pick, report, now=now, detail=detail, latency=now - began if report is Report.PROBE_GOOD else None
        )

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
        except BaseException:
            self._pool.release(pick)
            raise
        else:
            report, detail = Report.RECONNECTED, ""
        self._pool.report(pick, report, now=time.monotonic(), detail=detail)

    def _read(self, url: str, response: Response) -> tuple[Report, str]:
        """What an answer of the health route says: only the word `healthy` is good, and a 429 says nothing."""
        if response.status == 200 and response.body.strip() == b"healthy":
            return Report.PROBE_GOOD, ""
        if response.status in _NO_OPINION:
            if response.status == 429:
                self._schedule.postpone(url, pushback(response.headers, wall=time.time()) or 0.0, now=time.monotonic())
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
