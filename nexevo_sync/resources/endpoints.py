# Written by tools/generate_sync.py from nexevo_async/resources/endpoints.py; change that, and run: make generate
"""``client.endpoints``: the base URLs, their order and their health."""

from __future__ import annotations

from nexevo_async.config import Timeout
from nexevo_async.models.endpoints import EndpointStatus
from nexevo_async.resources.endpoints import Endpoints as AsyncEndpoints
from nexevo_sync._shapes import Twin


class Endpoints(Twin[AsyncEndpoints]):
    """
    Look at the base URLs, and ask now what the background asks every few minutes.

    Reached as ``client.endpoints``. What is asked here is the same for everybody, and often shared with other callers
    and processes: of the options of a call only `timeout` makes sense, and says how long to wait for it.
    """

    def snapshot(self) -> tuple[EndpointStatus, ...]:
        """
        What is known about every base URL, in the order in which they would be used. No I/O.

        .. versionadded:: 0.1.0
        """
        return self._portal.run(self._async.snapshot)

    def check(self, *, timeout: Timeout | float | None = None) -> tuple[EndpointStatus, ...]:
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
        return self._portal.call(self._async.check, timeout=timeout)

    def refresh(self, *, timeout: Timeout | float | None = None) -> tuple[EndpointStatus, ...]:
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
        return self._portal.call(self._async.refresh, timeout=timeout)
