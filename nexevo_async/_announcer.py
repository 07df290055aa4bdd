"""Tells log and hooks what changed about the endpoints, each change once, whoever noticed it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from nexevo_async._logging import logger
from nexevo_async._sansio.endpoint_pool import EndpointChange, EndpointPool, State
from nexevo_async.hooks import Hooks


class Announcer:
    """
    Tells the changes of one pool.

    Args:
        pool: Whose changes.
        hooks: Whom to tell, besides the log.
        ejected: Called with the URL of each endpoint that is out: its idle connections may be dead like itself.
    """

    __slots__ = ("_ejected", "_hooks", "_news", "_pool", "_told")

    def __init__(self, pool: EndpointPool, hooks: tuple[Hooks, ...], *, ejected: Callable[[str], None]) -> None:
        self._pool = pool
        self._hooks = hooks
        self._ejected = ejected
        self._news: deque[EndpointChange] = deque()
        self._told = 0

    def has_news(self) -> bool:
        """Whether something has changed since the last time."""
        return self._pool.version != self._told or len(self._news) > 0

    async def tell(self) -> None:
        """Tell every change since the last time, in order; what a hook that raises leaves untold, the next time."""
        self._told = self._pool.version
        self._news.extend(self._pool.take_changes())
        while self._news:
            change = self._news.popleft()
            _log(change)
            if change.after is State.EJECTED:
                self._ejected(change.url)
            for hook in self._hooks:
                waiting = hook.on_endpoint_change(change)
                if waiting is not None:
                    await waiting


def _log(change: EndpointChange) -> None:
    before = change.before.value if change.before else "new"
    after = change.after.value if change.after else "gone"
    level = logging.WARNING if after == "ejected" else logging.INFO
    logger.log(level, "endpoint %s: %s -> %s (%s)", change.url, before, after, change.reason)
