"""What a client is made of: the core that all its views share, and the settings in which they may differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from nexevo_async._announcer import Announcer
from nexevo_async._background import Background
from nexevo_async._credentials import Credentials
from nexevo_async._messages import Attempt
from nexevo_async._race import Stalls
from nexevo_async._routes import RouteTable
from nexevo_async._sansio.actions import Shared
from nexevo_async._sansio.budget import Budget
from nexevo_async._sansio.policy import RetryPolicy
from nexevo_async._sender import Sender
from nexevo_async.config import Timeout
from nexevo_async.hooks import AttemptStart, Hooks, own_methods

Before = Callable[[AttemptStart], Awaitable[None] | None]
After = Callable[[str, Attempt], Awaitable[None] | None]


@attrs.frozen(kw_only=True)
class Settings:
    """What may differ between views of one client; of its hooks also the methods that are theirs to call."""

    credentials: Credentials
    timeout: Timeout
    retry: RetryPolicy
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    hooks: tuple[Hooks, ...] = ()
    raw: bool = False
    before_attempt: tuple[Before, ...] = attrs.field(
        init=False, default=attrs.Factory(lambda self: own_methods(self.hooks, "before_attempt"), takes_self=True)
    )
    after_attempt: tuple[After, ...] = attrs.field(
        init=False, default=attrs.Factory(lambda self: own_methods(self.hooks, "after_attempt"), takes_self=True)
    )


@attrs.define(kw_only=True)
class Core:
    """
    What all views of one client share.

    Nothing in here refers back to the core: a client that is dropped without being closed goes at once, and what it
    held closes itself.
    """

    sender: Sender
    shared: Shared
    routes: RouteTable
    background: Background
    announcer: Announcer
    stalls: Stalls
    hedges: Budget
    closed: bool = False
