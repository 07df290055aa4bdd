"""
What a call can be told to do next, and what all calls of one client share.

Nobody changes an action, yet none is frozen: that would take four times as long to make, and every call makes one.
"""

from __future__ import annotations

import random

import attrs

from nexevo_async._sansio.budget import Budget
from nexevo_async._sansio.endpoint_pool import EndpointPool, Pick
from nexevo_async._sansio.rate_limit import TokenBucket
from nexevo_async.errors import NexevoError


@attrs.define
class Send:
    """Try this endpoint now; `until` is the moment the attempt ends, `ends` the name of that limit."""

    pick: Pick
    until: float | None
    ends: str


@attrs.define
class Wait:
    """Come back in so many seconds."""

    seconds: float


@attrs.define
class Fail:
    """The call is over."""

    error: NexevoError


Action = Send | Wait | Fail


@attrs.define(kw_only=True)
class Shared:
    """
    What all calls of one client share.

    Attributes:
        pool: The endpoints.
        budget: Repeats in hand, so that an outage of everything does not become a storm.
        resends: Paid requests that may be sent again although they might have arrived.
        bucket: The client's own rate limit, or None.
        panic_wait: Seconds a call waits for others to find out whether anything is alive.
        random: Source of jitter.
        panic_turn: When the last one of the calls that wait for that looks again.
    """

    pool: EndpointPool
    budget: Budget
    resends: Budget
    bucket: TokenBucket | None
    panic_wait: float
    random: random.Random
    panic_turn: float = 0.0
