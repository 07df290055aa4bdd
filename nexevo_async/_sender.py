"""What everything above the HTTP adapter needs of it. `nexevo_async._http.HTTPSender` fits; so does a scripted one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from nexevo_async._limits import Limits
from nexevo_async._messages import AttemptFailed, Headers, Request, Response

if TYPE_CHECKING:
    from nexevo_async._http import OpenAnswer


class Answer(Protocol):
    """An answer whose head has been accepted; `nexevo_async._http.OpenAnswer` is the real one."""

    status: int
    headers: Headers
    base_url: str
    on_break: Callable[[AttemptFailed], None] | None

    async def read(self) -> bytes:
        """The next bytes as they come; empty at the clean end. Raises `AttemptFailed`."""
        ...

    async def aclose(self) -> None:
        """Give the connection back if the body was read to its end, else close it."""

    def abort(self) -> None:
        """Close the connection at once."""


class Sender(Protocol):
    """Does one attempt. `nexevo_async._http.HTTPSender` is the real one."""

    def send(
        self, base_url: str, request: Request, *, authorization: str | None, limits: Limits
    ) -> Coroutine[Any, Any, Response]:
        """One attempt, its body read whole."""
        ...

    def open(
        self, base_url: str, request: Request, *, authorization: str | None, limits: Limits
    ) -> Coroutine[Any, Any, OpenAnswer]:
        """One attempt, up to the head."""
        ...

    async def connect_only(self, base_url: str, limits: Limits) -> None:
        """Prove that a connection can be made, without sending anything."""
        ...

    def drop_idle(self, base_url: str | None = None) -> None:
        """Close idle connections."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
