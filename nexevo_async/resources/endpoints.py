"""``client.endpoints``: the base URLs, their order and their health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from nexevo_async._messages import Delivery
from nexevo_async.config import NO_TIMEOUT, Timeout
from nexevo_async.errors import APITimeoutError, ConfigurationError
from nexevo_async.models.endpoints import EndpointStatus
from nexevo_async.resources._base import Resource


class Endpoints(Resource):
    """
    Look at the base URLs, and ask now what the background asks every few minutes.

    Reached as ``client.endpoints``. What is asked here is the same for everybody, and often shared with other callers
    and processes: of the options of a call only `timeout` makes sense, and says how long to wait for it.
    """

    __slots__ = ()

    def snapshot(self) -> tuple[EndpointStatus, ...]:
        """
        What is known about every base URL, in the order in which they would be used. No I/O.

        .. versionadded:: 0.1.0
        """
        now, date = time.monotonic(), datetime.now(UTC)
        pool = self._transport.core.shared.pool
        return pool.snapshot(now, clock=lambda moment: date + timedelta(seconds=moment - now))

    async def check(self, *, timeout: Timeout | float | None = None) -> tuple[EndpointStatus, ...]:
        """
        Ask every base URL for its health now, without the key, and give the new state of affairs.

        The service asks for about one check in five minutes: a base URL that was asked twice in that time is left out.

        Args:
            timeout: How long to wait; of a `Timeout` the total counts. None leaves it to `HealthPolicy.probe_timeout`.

        Raises:
            ClientClosedError: The client is closed.
            APITimeoutError: The time has passed; what was learned until then is kept.

        .. versionadded:: 0.1.0
        """
        self._transport.check_open()
        async with _within(timeout, "endpoints.check"):
            await self._transport.core.background.check()
        await self._transport.tell_changes()
        return self.snapshot()

    async def refresh(self, *, timeout: Timeout | float | None = None) -> tuple[EndpointStatus, ...]:
        """
        Ask the discovery host for base URLs now, and give the new state of affairs. The key goes along.

        Args:
            timeout: How long to wait; of a `Timeout` the total counts. None leaves it to `HealthPolicy.links_timeout`
                and, for the health checks that follow, `probe_timeout`.

        Raises:
            ConfigurationError: The client has no `discovery_url`.
            APITimeoutError: The time has passed; an answer that comes later is used all the same.
            NexevoError: No good list came; the base URLs known before stay.

        .. versionadded:: 0.1.0
        """
        self._transport.check_open()
        discovery = self._transport.core.background.discovery
        if discovery is None:
            raise ConfigurationError(
                "there is no discovery host: pass discovery_url to the client or set NEXEVO_DISCOVERY_URL",
                call="endpoints.refresh",
            )
        async with _within(timeout, "endpoints.refresh"):
            await self._transport.core.background.refresh(discovery)
            await self._transport.core.background.check()
        await self._transport.tell_changes()
        return self.snapshot()


@asynccontextmanager
async def _within(timeout: Timeout | float | None, call: str) -> AsyncIterator[None]:
    seconds = Timeout.of(timeout, NO_TIMEOUT).total
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            yield
    except TimeoutError:
        if not scope.expired():
            raise  # an answer, such as that discovery had its own limit
        message = f"no answer in time; the deadline of the whole call of {seconds:g} s passed (timeout.total)"
        raise APITimeoutError(message, seconds=seconds, delivery=Delivery.MAYBE, call=call) from None
