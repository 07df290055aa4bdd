"""What a client is made of: the shared core, the settings of a view, and what the transport needs of its helpers."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

import attrs

from nexevo_async._limits import Limits
from nexevo_async._messages import Request, Response
from nexevo_async._routes import RouteTable
from nexevo_async._sansio.call import Shared
from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy
from nexevo_async.config import ApiKey, Timeout
from nexevo_async.hooks import Hooks

if TYPE_CHECKING:
    from nexevo_async._http import OpenAnswer


class Sender(Protocol):
    """Does one attempt. `nexevo_async._http.HTTPSender` is the real one."""

    async def send(self, base_url: str, request: Request, *, authorization: str | None, limits: Limits) -> Response:
        """One attempt, its body read whole."""

    async def open(self, base_url: str, request: Request, *, authorization: str | None, limits: Limits) -> OpenAnswer:
        """One attempt, up to the head."""

    async def aclose(self) -> None:
        """Close the connections."""


class Background(Protocol):
    """What runs beside the calls: prober and discovery."""

    def wake(self) -> None:
        """A call begins: make sure the background runs on this loop."""

    async def admit(self, url: str) -> bool:
        """Whether the key may be sent to an endpoint; asks it for its health first if it is new."""

    def pause(self, seconds: float) -> Awaitable[None]:
        """Sleep, but raise `ClientClosedError` as soon as the client closes."""

    async def aclose(self) -> None:
        """End everything that runs beside the calls, and wait until it has ended."""


@attrs.frozen(kw_only=True)
class Settings:
    """What may differ between views of one client."""

    api_key: ApiKey | None = attrs.field(repr=False)
    timeout: Timeout
    retry: RetryPolicy
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    hooks: tuple[Hooks, ...] = ()
    raw: bool = False


@attrs.define(kw_only=True)
class Core:
    """What all views of one client share."""

    sender: Sender
    shared: Shared
    health: HealthPolicy
    routes: RouteTable
    background: Background
    hooks: tuple[Hooks, ...] = ()
    closed: bool = False
    told: int = 0  # the version of the pool whose changes have been told
