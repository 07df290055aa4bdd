"""The time limits of one attempt, as the sender takes them."""

from __future__ import annotations

import attrs


@attrs.define(slots=True)
class Limits:
    """
    The limits of one attempt.

    Attributes:
        connect: Seconds to connect, TLS included; None for no limit.
        pool: Seconds to wait for a free connection; None for no limit of its own.
        until: Moment on the monotonic clock at which the attempt ends; None for never.
        ends: Name of the limit that `until` stands for: ``total`` or ``attempt``.
        max_bytes: Largest body that is read; None for no limit.
        counted: Whether the attempt takes one of `max_connections`; probes do not, so that load does not look like an
            outage.
    """

    connect: float | None = None
    pool: float | None = None
    until: float | None = None
    ends: str = "total"
    max_bytes: int | None = None
    counted: bool = True
