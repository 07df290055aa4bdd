"""
The aiohttp session of one event loop, set up for calls to a gateway. Imported by `_http` on first use.

What differs from aiohttp's defaults, and why: no cookies (an API has none); no hidden second sending of idempotent
requests (`Call` decides what is sent twice); our own counting of connections, so that waiting for one is not taken
for a slow network; TCP keepalive, because NAT boxes forget silent connections after two to six minutes; idle
connections closed after 5 s, before any common server closes them under us, and all after five minutes, so that a name
that has moved is looked up again.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
import time
import urllib.request
from collections import defaultdict
from typing import Any

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from nexevo_async._exchange import Door, Exchange, exchange, headers_of, is_available, path_of, session_is_untouched
from nexevo_async._messages import AttemptFailed, FailureKind, Request
from nexevo_async._progress import PROGRESS, Progress
from nexevo_async.config import Connections
from nexevo_async.errors import ClientClosedError, ConfigurationError

IDLE_SECONDS = 5.0
#: A connection older than this is not used again: one under steady load would never look the name up anew.
MOST_AGE = 300.0
#: Connections being made at once to one origin. Thousands would be late through their own number: a false outage.
CONNECTING = 100
#: Seconds of silence before the first keepalive probe, between probes, and how many may be lost.
KEEPALIVE = (60, 60, 5)
#: Milliseconds that sent data may stay unacknowledged before the kernel gives the connection up (gRPC proposal A18).
USER_TIMEOUT_MS = 20_000


class Session:
    """
    One session, its connector and its count of free connections.

    Attributes:
        answers: Every `OpenAnswer` whose body is still coming; kept for those who close.
    """

    def __init__(self, connections: Connections) -> None:
        self._loop = asyncio.get_running_loop()
        self._own = connections.session is None
        # aiohttp has no public name for the loop of a session, and only complains about strange things later.
        if connections.session is not None and connections.session._loop is not self._loop:
            raise ConfigurationError("the aiohttp session belongs to another event loop: make it where it is used")
        self._proxy = connections.proxy
        self._proxies: dict[tuple[str, str | None], str | None] = {}
        self._ssl = connections.ssl
        self._free = connections.max_connections or default_max_connections()
        self._waiters: dict[asyncio.Future[None], None] = {}
        self._timeouts: dict[float | None, aiohttp.ClientTimeout] = {}
        self._session = connections.session or aiohttp.ClientSession(
            connector=Connector(
                limit=0,  # counted here
                keepalive_timeout=IDLE_SECONDS,
                socket_factory=_socket,
                ssl=connections.ssl,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        # There is no public name for them either. Ours is innermost: it sees what is sent.
        self._middlewares = (*self._session._middlewares, _once)
        self.answers: set[Any] = set()
        self._doors: dict[str, Door] = {}
        # With instrumentation in it, requests go through the session even if it is ours.
        self._direct = self._own and not self._session.trace_configs and is_available()

    def acquire_now(self) -> bool:
        """Take one of `max_connections`, if one is free and nobody waits for it."""
        if self._free > 0 and not self._waiters:
            self._free -= 1
            return True
        return False

    async def acquire(self, limit: float | None) -> None:
        """
        Take one of `max_connections`, waiting for it if need be, first come first served.

        Raises:
            AttemptFailed: None became free within the limit, in seconds.
        """
        if self.acquire_now():
            return
        turn = self._loop.create_future()
        self._waiters[turn] = None
        try:
            async with asyncio.timeout(limit):
                await turn
        except BaseException as error:
            if self._waiters.pop(turn, turn) is turn and turn.done() and not turn.cancelled():
                self.release()  # the slot was handed over in the very moment we gave up
            if isinstance(error, TimeoutError):
                raise AttemptFailed(FailureKind.POOL, limit="pool") from None
            raise

    def release(self) -> None:
        """Give a connection slot back; it goes straight to whoever has waited longest."""
        while self._waiters:
            turn = next(iter(self._waiters))
            del self._waiters[turn]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def request(
        self, base_url: str, request: Request, *, authorization: str | None, connect: float | None
    ) -> Exchange | aiohttp.ClientResponse:
        """Send one request and wait for the head of its answer. Raises what aiohttp raises."""
        connector = self._session.connector
        if connector is None or self._session.closed:
            raise ClientClosedError(
                "the client was closed during the call" if self._own else "the aiohttp session is closed"
            )
        timeout = self._timeouts.get(connect)
        if timeout is None:
            timeout = self._timeouts[connect] = self._timeout(connect)
        door = self._doors.get(base_url) or self._door(base_url)
        if self._direct and door.request.proxy is None and session_is_untouched():
            head = door.head(request, authorization)
            try:
                connection = await connector.connect(door.request, [], timeout)
            except TimeoutError as late:
                raise aiohttp.ConnectionTimeoutError from late
            return await exchange(connection, head, request.body)
        return await self._session.request(
            request.method,
            URL(base_url + path_of(request), encoded=True),
            data=request.body,
            headers=headers_of(request, authorization),
            allow_redirects=False,
            timeout=timeout,
            proxy=door.request.proxy,
            ssl=self._ssl,
            middlewares=self._middlewares,
            raise_for_status=False,
        )

    def _door(self, base_url: str) -> Door:
        url = URL(base_url, encoded=True)
        proxy = self._proxy_for(url) if self._own else self._proxy
        door = self._doors[base_url] = Door(
            aiohttp.ClientRequest(
                hdrs.METH_GET,
                url,
                loop=self._loop,
                session=self._session,
                ssl=self._ssl,
                proxy=None if proxy is None else URL(proxy),
            )
        )
        return door

    def _timeout(self, connect: float | None) -> aiohttp.ClientTimeout:
        # aiohttp's `connect` covers name, TCP, tunnel of a proxy and TLS; with a foreign connector also waiting for a
        # free connection, so that there only `sock_connect` speaks of the network alone.
        if self._own:
            return aiohttp.ClientTimeout(total=None, connect=connect)
        return aiohttp.ClientTimeout(total=None, sock_connect=connect)

    async def connect_only(self, base_url: str) -> None:
        """Open a connection (through the same proxy, TLS included) and put it among the idle ones."""
        connector = self._session.connector
        if connector is None:
            raise ClientClosedError
        door = self._doors.get(base_url) or self._door(base_url)
        connection = await connector.connect(door.request, [], aiohttp.ClientTimeout(total=None))
        connection.release()

    def drop_idle(self, base_url: str | None) -> None:
        """Close idle connections, to one endpoint or to all."""
        connector = self._session.connector
        if isinstance(connector, Connector):
            connector.drop_idle(None if base_url is None else URL(base_url, encoded=True))

    def _proxy_for(self, url: URL) -> str | None:
        """The proxy of the settings, else of the environment as the standard library reads it; cached per host."""
        if self._proxy is not None:
            return self._proxy
        key = (url.scheme, url.host)
        if key not in self._proxies:
            bypass = url.host is None or bool(urllib.request.proxy_bypass(url.host))
            found = None if bypass else urllib.request.getproxies().get(url.scheme)
            self._proxies[key] = f"http://{found}" if found and "://" not in found else found  # as curl reads it
        return self._proxies[key]

    async def aclose(self) -> None:
        """Close the connections; a session of the caller's is left alone."""
        if not self._own:
            return
        # Shielded: closing that is cancelled half-way leaves connections open.
        await asyncio.shield(asyncio.ensure_future(self._session.close()))

    def __del__(self) -> None:
        if self._loop.is_closed():  # without ceremony: nobody could have closed us there, so nobody is blamed for it
            self.abandon()

    def abandon(self) -> None:
        """Forget the session without closing what may belong to another process or a dead loop."""
        if self._own and not self._session.closed:
            connector = self._session.connector
            self._session.detach()
            if isinstance(connector, Connector):
                connector.abandon()


class Connector(aiohttp.TCPConnector):
    """aiohttp's connector, telling how far the present attempt got."""

    _abandoned = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # For each origin: one that does not answer must not keep the others waiting.
        self._doors: defaultdict[Any, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(CONNECTING))
        self._dropped: dict[tuple[str | None, int | None], float] = {}

    async def connect(self, req: aiohttp.ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout) -> Any:
        progress = PROGRESS.get() or Progress(reused=False)
        progress.known = True
        connection: Any
        while True:
            if req.connection_key in self._conns:
                connection = await super().connect(req, traces, timeout)
            else:
                # The limit for connecting starts once it is our turn. Meanwhile a connection may have become free:
                # aiohttp looks for one first.
                async with self._doors[req.connection_key]:
                    connection = await super().connect(req, traces, timeout)
            # Bytes that nobody asked for may wait there: they would be taken for the answer.
            if not progress.reused or not (connection.protocol.should_close or self._is_old(connection.protocol)):
                progress.connected = True
                return connection
            connection.close()

    def _is_old(self, protocol: Any) -> bool:
        """Whether a connection has served long enough, or is as old as others to its origin that were dropped."""
        made: float = protocol.nexevo_made
        origin = protocol.nexevo_origin
        return time.monotonic() > made + MOST_AGE or (origin in self._dropped and made <= self._dropped[origin])

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        progress = PROGRESS.get()
        if progress is not None:
            progress.reused = False
            progress.connecting_since = time.monotonic()
        began = time.monotonic()
        protocol: Any = await super()._create_connection(req, traces, timeout)
        protocol.nexevo_made, protocol.nexevo_origin = began, (req.url.host, req.url.port)
        made: ResponseHandler = protocol
        return made

    def drop_idle(self, url: URL | None) -> None:
        """Close idle connections to one origin or to all; of one origin those in use too, once they are idle."""
        if url is not None:
            self._dropped[url.host, url.port] = time.monotonic()
        for key, idle in list(self._conns.items()):
            if url is None or (key.host == url.host and key.port == url.port):
                del self._conns[key]
                for protocol, _ in idle:
                    protocol.close()

    def abandon(self) -> None:
        """Never close anything any more, not even when collected."""
        self._abandoned = True

    def __del__(self, *args: Any, **kwargs: Any) -> None:
        if not self._abandoned:
            super().__del__(*args, **kwargs)


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """
    Keep aiohttp from sending an idempotent request a second time on its own when the connection breaks.

    Its loop repeats on two exception types; a plain `ConnectionResetError` passes, and is reported by `_http`.
    """
    progress = PROGRESS.get()
    if progress is not None:
        progress.sending = True
    try:
        return await handler(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            raise
        words = getattr(error, "strerror", None) or "the server closed the connection"
        raise ConnectionResetError(getattr(error, "errno", None) or errno.ECONNRESET, words) from None


def default_max_connections() -> int:
    """Half of the files this process may open, at least 64 and at most 10,000."""
    try:
        import resource  # not on Windows
    except ImportError:
        return 500
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 10_000 if limit == resource.RLIM_INFINITY else max(64, min(10_000, limit // 2))


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that notices silent death; options that a platform lacks are left out."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    names = ("TCP_KEEPIDLE" if sys.platform != "darwin" else "TCP_KEEPALIVE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    for name, value in (*zip(names, KEEPALIVE, strict=True), ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS)):
        option = getattr(socket, name, None)
        if option is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
