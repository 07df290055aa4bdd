"""How far an attempt has got: filled in by the connector, read by the HTTP adapter when something breaks."""

from __future__ import annotations

from contextvars import ContextVar

from nexevo_async._deadlines import Deadline


class Progress(Deadline):
    """How far one attempt has got, and its time limit: one object, since a thousand calls in flight keep a thousand."""

    __slots__ = ("answered", "connected", "connecting_since", "known", "reused", "sending", "waiting")

    def __init__(self, until: float | None = None, *, reused: bool = True) -> None:
        super().__init__(until)
        self.sending = False  # aiohttp's session has accepted the request
        self.waiting = True  # for a free connection
        self.known = False  # whether the connector is ours and tells the two below
        self.connected = False
        self.connecting_since = 0.0
        self.reused = reused
        self.answered = False  # the head has arrived

    @property
    def may_have_left(self) -> bool:
        """Whether anything may have been sent; for a connector that is not ours, whether it was asked to send."""
        return self.connected if self.known else self.sending


#: The attempt that the running task makes.
PROGRESS: ContextVar[Progress | None] = ContextVar("nexevo_attempt", default=None)
