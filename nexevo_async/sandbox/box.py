"""The sandbox as one object: gateways, a discovery host and a control port on loopback, with faults and a journal."""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any

from nexevo_async.sandbox import chat, embeddings, endpoints, models_catalog
from nexevo_async.sandbox.control import control_app
from nexevo_async.sandbox.faults import Fault, FaultBoard
from nexevo_async.sandbox.gateway import Gateway, Shared
from nexevo_async.sandbox.handlers import account_routes
from nexevo_async.sandbox.home import Home, LoopThread
from nexevo_async.sandbox.journal import BaseIndex, Journal, JournalEntry
from nexevo_async.sandbox.limits import RateLimiter
from nexevo_async.sandbox.listener import Listener
from nexevo_async.sandbox.routing import RouteSpec, Settings
from nexevo_async.sandbox.store import Store
from nexevo_async.sandbox.tls import LocalAuthority
from nexevo_async.sandbox.upstream import Upstream
from nexevo_async.sandbox.webhooks import WebhookSender


class Sandbox:
    """
    Local gateways that behave as the service does, for developing and testing without a network.

    Use it as ``async with``, and it lives on the running loop, or as a plain ``with``, and it lives on a thread of its
    own. All methods are plain functions, and may be called from any thread.

    Args:
        bases: How many gateways, at least 1. They share one state: keys, money, conversations, rate limit.
        ports: Ports of the gateways in order; up to two more are for discovery and control. None and 0 take free ones.
        db: File that keeps the state in SQLite; None keeps it in memory, and it is gone when the box closes.
        api_key: The main account's key; None makes one (``sk-xc-…``).
        rate_limit: Requests a minute for each key; None for no limit.
        token_delay: Seconds between the tokens of a stream.
        upstream: Address of an OpenAI-compatible server that answers the chats instead of the built-in text.
        seed: Goes into generated text and into the chances of faults; the same seed gives the same.
        tls: Serve https with a throw-away certificate authority; needs the extra ``tls``.
        upstream_key: Credential for the upstream; None sends none.
        webhook_ssl: What to trust when spend alerts are sent; None trusts what the system trusts.

    Attributes:
        api_key: The main account's key.
        base_url: Address of the first gateway, without ``/v1``.
        base_urls: Addresses of all gateways, the preferred one first.
        discovery_url: Address of the discovery host.
        control_url: Address of the control port; always plain http.
        ca_file: With `tls`: path of the authority's certificate in PEM, else None.
        ssl_context: With `tls`: a context for clients that trusts this box and nothing else, else None.
        store: The state behind all gateways.

    Raises:
        ValueError: An argument that cannot be.
        StoreError: The file is not a sandbox's, or a newer version wrote it.
        OSError: A port is taken.

    .. versionadded:: 0.1.0
    """

    api_key: str
    base_urls: tuple[str, ...]
    discovery_url: str
    control_url: str

    def __init__(
        self,
        bases: int = 1,
        *,
        ports: Sequence[int] | None = None,
        db: str | None = None,
        api_key: str | None = None,
        rate_limit: int | None = 60,
        token_delay: float = 0.0,
        upstream: str | None = None,
        seed: int = 0,
        tls: bool = False,
        upstream_key: str | None = None,
        webhook_ssl: ssl.SSLContext | None = None,
    ) -> None:
        _check(bases, ports, token_delay)
        _check_key(api_key)
        self._ports = [*(ports or ()), *[0] * (bases + 2)][: bases + 2]
        self._db, self._given_key = db, api_key
        self._limiter = RateLimiter(rate_limit) if rate_limit is not None else None
        self._settings = Settings(seed=seed, token_delay=token_delay)
        self._upstream = Upstream(upstream, api_key=upstream_key) if upstream else None
        self._tls, self._webhook_ssl = tls, webhook_ssl
        self.ca_file: str | None = None
        self.ssl_context: ssl.SSLContext | None = None
        self._journal = Journal()
        self._faults = FaultBoard(seed=seed, on_change=self._follow_refusals)
        self._links = endpoints.Links()
        self._killed: set[BaseIndex] = set()
        self._indexes: tuple[BaseIndex, ...] = (*range(bases), "discovery")
        self._gateways: dict[BaseIndex, Gateway] = {}
        self._listeners: dict[BaseIndex, Listener] = {}
        self._home, self._exit = Home(), AsyncExitStack()
        self._thread: LoopThread | None = None

    # Opening and closing ----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Sandbox:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def __enter__(self) -> Sandbox:
        self._thread = LoopThread(self._open, self._close)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._thread.stop()

    async def _open(self) -> None:
        async with AsyncExitStack() as stack:
            self._home.settle()
            stack.callback(self._home.leave)
            self.store = Store(self._db)
            stack.callback(self.store.close)
            self.api_key = self.store.bootstrap(self._given_key)
            webhooks = WebhookSender(ssl_context=self._webhook_ssl)
            webhooks.start()
            stack.push_async_callback(webhooks.close)
            self.store.on_alert = webhooks.enqueue
            if self._upstream is not None:
                await self._upstream.open()
                stack.push_async_callback(self._upstream.aclose)
            authority = LocalAuthority() if self._tls else None
            if authority is not None:
                stack.callback(authority.close)
                self.ca_file, self.ssl_context = authority.ca_file, authority.client_context
            await self._open_ports(stack, authority.server_context if authority else None)
            self._exit = stack.pop_all()

    async def _open_ports(self, stack: AsyncExitStack, tls: ssl.SSLContext | None) -> None:
        shared = Shared(
            store=self.store,
            journal=self._journal,
            faults=self._faults,
            limiter=self._limiter,
            settings=self._settings,
        )
        for index, port in zip(self._indexes, self._ports, strict=False):
            routes = self._links.routes() if index == "discovery" else self._base_routes()
            gateway = self._gateways[index] = Gateway(index, shared, routes)
            listener = self._listeners[index] = Listener(gateway.app, port=port, tls=tls)
            stack.push_async_callback(listener.aclose)
            await listener.open()
        control = Listener(control_app(self), port=self._ports[-1])
        stack.push_async_callback(control.aclose)
        await control.open()
        self.base_urls = tuple(self._listeners[index].url for index in self._indexes[:-1])
        self.discovery_url, self.control_url = self._listeners["discovery"].url, control.url
        self._links.announce(self.base_urls)

    def _base_routes(self) -> list[RouteSpec]:
        chats = self._upstream.routes() if self._upstream is not None else chat.routes()
        return [*chats, *models_catalog.routes(), *embeddings.routes(), *endpoints.routes(), *account_routes()]

    async def _close(self) -> None:
        await self._exit.aclose()
        self._faults.end_all()
        self._killed.clear()

    # Looking ----------------------------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """Address of the first gateway, without ``/v1``."""
        return self.base_urls[0]

    def journal(self) -> list[JournalEntry]:
        """What arrived so far, at all bases and at discovery, oldest first."""
        return self._home.call(self._journal.entries)

    def clear_journal(self) -> None:
        """Forget what arrived."""
        self._home.call(self._journal.clear)

    def in_flight(self, base: BaseIndex = 0) -> int:
        """Requests that this base is working on right now, those held back by a fault included."""
        return self._gateways[self._known(base)].in_flight

    def connections(self, base: BaseIndex = 0) -> int:
        """Open connections of this base, idle ones included."""
        return self._home.call(lambda: self._listeners[self._known(base)].connections)

    def is_up(self, base: BaseIndex = 0) -> bool:
        """Whether this base takes connections."""
        return self._listeners[self._known(base)].is_up

    def state(self) -> dict[str, Any]:
        """All about the box, as JSON-ready values; what ``GET /state`` of the control port shows."""
        return self._home.call(self._state)

    def _state(self) -> dict[str, Any]:
        hosts = [
            {
                "base": index,
                "url": listener.url,
                "up": listener.is_up,
                "connections": listener.connections,
                "in_flight": self._gateways[index].in_flight,
            }
            for index, listener in self._listeners.items()
        ]
        return {
            **self.addresses(),
            "hosts": hosts,
            "links": self._links.entries,
            "reset_tokens": self.store.reset_tokens(),
        }

    def addresses(self) -> dict[str, Any]:
        """Key and addresses, as JSON-ready values; what ``--json`` prints."""
        return {
            "api_key": self.api_key,
            "base_url": self.base_url,
            "base_urls": list(self.base_urls),
            "discovery_url": self.discovery_url,
            "control_url": self.control_url,
            "ca_file": self.ca_file,
        }

    # Breaking ---------------------------------------------------------------------------------------------------------

    def fault(
        self,
        base: BaseIndex | None,
        kind: str,
        *,
        route: str | None = None,
        count: int | None = None,
        probability: float | None = None,
        seconds: float | None = None,
        **options: Any,
    ) -> Fault:
        """
        Make something go wrong, until it is cleared or its scope is used up.

        Several faults may be in force; the oldest that fits a request hits it. These act before anything is done:

        * ``refuse``: the port is closed and every connection reset; it comes back with the end of the fault. With a
          route, count or probability nothing can be decided before a request is read, so it is the same as ``reset``.
        * ``reset``, ``close``, ``hang``: RST without a byte; FIN without a byte; never an answer. With ``execute=True``
          the request is carried out first.
        * ``status``: any status (``status=500``), ``body=`` (text, bytes or JSON; None is an error body that fits),
          ``headers=``; ``execute=True`` carries the request out first.
        * ``html``: a web page where JSON belongs (``status=200``, ``body=``).
        * ``redirect``: ``status=307`` to ``location=`` (None: the same path on the discovery host).
        * ``unhealthy``: the health check answers ``text=`` with ``status=200``.

        These let the request be carried out, and spoil the answer:

        * ``headers_then_hang``: the head, then silence. ``slow``: ``delay=1.0`` seconds before the answer.
          ``trickle``: byte by byte, ``delay=0.01`` seconds apart.
        * ``reset_mid``: RST after half of the body. ``cut_json``: half of the body, properly framed.

        And these hit only requests that ask for a stream, after the first ``after=2`` events, or after exactly
        ``after_bytes=`` bytes of the body:

        * ``stream_cut``: a clean end without finish reason and ``[DONE]``. ``stream_reset``: RST.
        * ``stream_stall``: silence; with ``comments=True`` a comment line every ``delay=0.05`` seconds.
        * ``stream_error``: an error event with ``code=``, ``message=``, ``type=``; ``done=True`` adds ``[DONE]``.

        Args:
            base: The base it is for, ``"discovery"``, or None for all of them.
            kind: One of the above.
            route: Route name such as ``chat.completions.create``; None for every route.
            count: How many requests it hits; None for no end.
            probability: How likely a request is hit, 0 to 1, drawn from the box's seed; None is always.
            seconds: How long it lasts; None is until it is cleared.
            **options: What the kind can be told, as above.

        Returns:
            The fault: ``.clear()`` ends it, ``.hits`` counts what it hit.

        Raises:
            RuntimeError: The box is not open.
            ValueError: Unknown base, kind, route or option, or a scope that cannot be.
        """
        self._home.loop  # noqa: B018 - raises when there is nothing yet, or no longer, that could fail
        if base is not None:
            self._known(base)
        self._known_route(route)
        if kind == "redirect" and options.get("location") is None:
            options["location"] = f"{self.discovery_url}/api/v1/links"
        scope = {"route": route, "count": count, "probability": probability, "seconds": seconds}
        return self._home.call(lambda: self._add_fault(base, kind, {**scope, **options}))

    def _add_fault(self, base: BaseIndex | None, kind: str, scope_and_options: dict[str, Any]) -> Fault:
        fault = self._faults.add(base, kind, now=time.monotonic(), clear=self._clear_fault, **scope_and_options)
        if fault.seconds is not None:
            # What refuses connections cannot wait for the next request to notice that its time is up.
            timer = self._home.loop.call_later(fault.seconds, self._faults.end, fault)
            self._exit.callback(timer.cancel)
        return fault

    def _clear_fault(self, fault: Fault) -> None:
        self._home.call(lambda: self._faults.end(fault))

    def faults(self) -> list[Fault]:
        """The faults in force, oldest first."""
        return self._home.call(lambda: list(self._faults))

    def clear_faults(self) -> None:
        """End all faults. Bases taken down with `kill` stay down."""
        self._home.call(self._faults.end_all)

    def kill(self, base: BaseIndex) -> None:
        """Take a base off the network: its port refuses, and every connection is reset. It keeps its port."""
        self._known(base)
        self._home.call(lambda: self._mark(base, killed=True))

    def revive(self, base: BaseIndex) -> None:
        """Bring a killed base back on its port; a ``refuse`` fault still keeps it down."""
        self._known(base)
        self._home.call(lambda: self._mark(base, killed=False))

    def _mark(self, base: BaseIndex, *, killed: bool) -> None:
        if killed:
            self._killed.add(base)
        else:
            self._killed.discard(base)
        self._follow_refusals()

    def _follow_refusals(self) -> None:
        """Bring the listening sockets in line with what was killed and what is refused."""
        for index, listener in self._listeners.items():
            refused = any(fault.closes_socket and fault.covers(index) for fault in self._faults)
            if refused or index in self._killed:
                listener.take_down()
            else:
                listener.bring_back()

    def set_links(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """What discovery says from now on: a list of ``{api, desc, priority, status}``, not checked."""
        listed = [dict(entry) for entry in entries]
        self._home.call(lambda: self._links.replace(listed))

    def _known(self, base: BaseIndex) -> BaseIndex:
        if base not in self._indexes or isinstance(base, bool):
            raise ValueError(f"no base {base!r}; there are {', '.join(map(repr, self._indexes))}")
        return base

    def _known_route(self, route: str | None) -> None:
        names = {spec.name for spec in (*self._base_routes(), *self._links.routes())}
        if route is not None and route not in names:
            raise ValueError(f"no route {route!r}; there are {', '.join(sorted(names))}")


def _check(bases: int, ports: Sequence[int] | None, token_delay: float) -> None:
    if not isinstance(bases, int) or bases < 1:
        raise ValueError(f"bases must be at least 1, got {bases}")
    if ports is not None and not (isinstance(ports, Sequence) and bases <= len(ports) <= bases + 2):
        raise ValueError(
            f"ports must name {bases} ports, one for each base, and may name discovery's and control's too"
        )
    if not all(isinstance(port, int) and 0 <= port <= 65535 for port in ports or ()):
        raise ValueError("ports must be whole numbers from 0 to 65535, 0 for any that is free")
    if not isinstance(token_delay, int | float) or not 0 <= token_delay < math.inf:
        raise ValueError(f"token_delay must be 0 or more seconds, got {token_delay}")


def _check_key(key: str | None) -> None:
    if key is None:
        return
    if not isinstance(key, str) or not key or " " in key or not key.isascii() or not key.isprintable():
        raise ValueError("api_key must be text of printable ASCII characters without blanks: it travels in a header")
