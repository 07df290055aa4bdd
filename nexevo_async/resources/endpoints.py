"""``client.endpoints``: the base URLs, their order and their health."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from nexevo_async.errors import ConfigurationError
from nexevo_async.models.endpoints import EndpointStatus
from nexevo_async.resources._base import Resource


class Endpoints(Resource):
    """
    Look at the base URLs, and ask now what the background asks every few minutes.

    Reached as ``client.endpoints``.
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

    async def check(self) -> tuple[EndpointStatus, ...]:
        """
        Ask every base URL for its health now, without the key, and give the new state of affairs.

        The service asks for about one check in five minutes: a base URL that was asked twice in that time is left out.

        Raises:
            ClientClosedError: The client is closed.

        .. versionadded:: 0.1.0
        """
        self._transport.check_open()
        await self._transport.core.background.check()
        await self._transport.tell_changes()
        return self.snapshot()

    async def refresh(self) -> tuple[EndpointStatus, ...]:
        """
        Ask the discovery host for base URLs now, and give the new state of affairs. The key goes along.

        Raises:
            ConfigurationError: The client has no `discovery_url`.
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
        await self._transport.core.background.refresh(discovery)
        await self._transport.core.background.check()
        await self._transport.tell_changes()
        return self.snapshot()
