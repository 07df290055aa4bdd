"""
The aiohttp session of one event loop, set up for calls to a gateway. Imported by `_http` on first use.

Requests go straight over the connections of its connector; through the session itself only where somebody is in it
who wants to see them: a proxy, instrumentation, a test double, a session of the caller's own. What differs from
aiohttp's defaults, and why: no cookies (an API has none); no hidden second sending of idempotent requests (`Call`
decides what is sent twice); our own counting of connections, so that waiting for one is not taken for a slow network.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import types
import urllib.request
from typing import Any, Final

import aiohttp
from aiohttp import hdrs
from yarl import URL

from nexevo_async._connection import Connection, Exchange, Idle, is_available
from nexevo_async._connector import Connector
from nexevo_async._destination import Destination, headers_of, path_of
from nexevo_async._messages import AttemptFailed, FailureKind, Headers, Request, Response
from nexevo_async._progress import PROGRESS, Progress
from nexevo_async.config import Connections
from nexevo_async.errors import ClientClosedError, ConfigurationError

#: The module in which aiohttp's own session is written.
_CLIENT: Final = vars(aiohttp.client)


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
        self._connector = Connector(ssl=connections.ssl) if self._own else None
        self._session = connections.session or aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        # There is no public name for them either. Ours is innermost: it sees what is sent.
        self._middlewares = (*self._session._middlewares, _once)
        self._closed = False
        self.answers: set[Any] = set()
        self._destinations: dict[str, Destination] = {}
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

    def release(self, counted: bool = True) -> None:
        """Give a connection slot back, if one was taken; it goes straight to whoever has waited longest."""
        if not counted:
            return
        while self._waiters:
            turn = next(iter(self._waiters))
            del self._waiters[turn]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def ask(self, base_url: str, request: Request, authorization: str | None, progress: Progress) -> Connection | None:
        """
        Send one request over an idle connection, if there is one and nobody is to see the request; else None.

        The connection knows the answer then. Raises what aiohttp raises.
        """
        if self._closed:
            raise ClientClosedError("the client was closed during the call")
        destination, connector = self._destinations.get(base_url), self._connector
        if connector is None or destination is None or not self._is_direct(destination):
            return None
        message = destination.message(request, authorization)
        connection = connector.take(destination.idle)
        if connection is not None:
            progress.known = progress.connected = True
            connection.ask(message)
        return connection

    def response(self, connection: Connection, url: str) -> Response | None:
        """The answer of a connection, if it has come whole; then the connection can be used again."""
        whole = connection.take_whole()
        if whole is None or self._connector is None:
            return None
        self._connector.give_back(connection)
        status, headers, body = whole
        return Response(status, Headers(headers), body, url)

    async def head(self, connection: Connection) -> Exchange:
        """An answer that is still coming."""
        message, content = await connection.head()
        return Exchange(self._connector, connection, message.code, message.headers, content)

    async def request(
        self, base_url: str, request: Request, authorization: str | None, connect: float | None, progress: Progress
    ) -> Exchange | aiohttp.ClientResponse:
        """
        Send one request over whatever connection can be had, and wait for the head of its answer.

        Raises what aiohttp raises.
        """
        if self._closed:
            raise ClientClosedError("the client was closed during the call")
        destination = self._destinations.get(base_url) or self._destination(base_url)
        connector = self._connector
        if connector is None or not self._is_direct(destination):
            return await self._through_session(base_url, destination, request, authorization, connect, progress)
        sent = destination.message(request, authorization)
        progress.known = True
        connection = connector.take(destination.idle)
        if connection is None:
            connection = await connector.make(destination.request, self._timeout(connect), progress)
        progress.connected = True
        try:
            message, content = await connection.ask_for_head(sent)
        except BaseException:
            connection.close()
            raise
        return Exchange(connector, connection, message.code, message.headers, content)

    def _is_direct(self, destination: Destination) -> bool:
        """Whether requests go straight over a connection; otherwise somebody in the session wants to see them."""
        return self._direct and not destination.is_proxied and session_is_untouched()

    async def _through_session(
        self,
        base_url: str,
        destination: Destination,
        request: Request,
        authorization: str | None,
        connect: float | None,
        progress: Progress,
    ) -> aiohttp.ClientResponse:
        if self._session.closed:
            raise ClientClosedError("the aiohttp session is closed")
        token = PROGRESS.set(progress)
        try:
            return await self._session.request(
                request.method,
                URL(base_url + path_of(request), encoded=True),
                data=request.body,
                headers=headers_of(request, authorization),
                allow_redirects=False,
                timeout=self._timeout(connect),
                proxy=destination.request.proxy,
                ssl=self._ssl,
                middlewares=self._middlewares,
                raise_for_status=False,
            )
        finally:
            PROGRESS.reset(token)

    def _destination(self, base_url: str) -> Destination:
        url = URL(base_url, encoded=True)
        proxy = self._proxy_for(url) if self._own else self._proxy
        request = aiohttp.ClientRequest(
            hdrs.METH_GET,
            url,
            loop=self._loop,
            session=self._session,
            ssl=self._ssl,
            proxy=None if proxy is None else URL(proxy),
        )
        idle = Idle() if self._connector is None else self._connector.idle(request)
        made = self._destinations[base_url] = Destination(request, idle)
        return made

    def _timeout(self, connect: float | None) -> aiohttp.ClientTimeout:
        found = self._timeouts.get(connect)
        if found is None:
            # aiohttp's `connect` covers name, TCP, tunnel of a proxy and TLS; with a foreign connector also waiting
            # for a free connection, so that there only `sock_connect` speaks of the network alone.
            found = self._timeouts[connect] = (
                aiohttp.ClientTimeout(total=None, connect=connect)
                if self._own
                else aiohttp.ClientTimeout(total=None, sock_connect=connect)
            )
        return found

    async def connect_only(self, base_url: str, progress: Progress) -> None:
        """Open a connection (through the same proxy, TLS included) and put it among the idle ones."""
        connector = self._session.connector
        if connector is None:
            raise ClientClosedError
        destination = self._destinations.get(base_url) or self._destination(base_url)
        token = PROGRESS.set(progress)
        try:
            connection = await connector.connect(destination.request, [], aiohttp.ClientTimeout(total=None))
        finally:
            PROGRESS.reset(token)
        connection.release()

    def drop_idle(self, base_url: str | None) -> None:
        """Close idle connections, to one endpoint or to all."""
        if self._connector is not None:
            url = None if base_url is None else URL(base_url, encoded=True)
            self._connector.drop_idle(None if url is None else (url.host, url.port))

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
        self._closed = True
        # Shielded: closing that is cancelled half-way leaves connections open.
        await asyncio.shield(asyncio.ensure_future(self._session.close()))

    def __del__(self) -> None:
        if self._loop.is_closed():  # without ceremony: nobody could have closed us there, so nobody is blamed for it
            self.abandon()

    def abandon(self) -> None:
        """Forget the session without closing what may belong to another process or a dead loop."""
        if self._own and not self._session.closed:
            self._session.detach()
            if self._connector is not None:
                self._connector.abandon()


def session_is_untouched() -> bool:
    """
    Whether `ClientSession` sends as aiohttp made it.

    Test doubles and instrumentation (aioresponses, vcrpy, tracing agents) put something of their own in its place and
    expect to see every request. However well that imitates names, it is no plain function of aiohttp's module.
    """
    return _is_plain(aiohttp.ClientSession._request, aiohttp.ClientSession.request)


@functools.lru_cache(maxsize=4)  # asked for every request, about the same two functions
def _is_plain(inner: Any, outer: Any) -> bool:
    plain = type(inner) is types.FunctionType and type(outer) is types.FunctionType
    return plain and inner.__globals__ is _CLIENT and outer.__globals__ is _CLIENT


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
