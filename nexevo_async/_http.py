"""
One attempt over HTTP. The only module that knows aiohttp; its exceptions stop here.

Two questions are answered about everything that goes wrong: did the request leave, and who gave up? Redirects are not
followed (the key would travel along), nothing is repeated here, cancellation passes untouched.
"""

from __future__ import annotations

import errno
import os
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from nexevo_async._deadlines import Deadline
from nexevo_async._limits import Limits
from nexevo_async._loops import PerLoop
from nexevo_async._messages import AttemptFailed, FailureKind, Headers, Request, Response
from nexevo_async._progress import PROGRESS, Progress
from nexevo_async._redaction import redact_text
from nexevo_async.config import Connections
from nexevo_async.errors import ClientClosedError, ConfigurationError

if TYPE_CHECKING:
    import aiohttp

    from nexevo_async._exchange import Exchange
    from nexevo_async._session import Session


#: Share of a time limit by which its timer may be late before the loop itself is to blame.
LATE_SHARE = 0.25


class OpenAnswer:
    """
    An answer whose head has arrived and whose body is still coming.

    Attributes:
        status: HTTP status.
        headers: Response headers.
        url: Address without the query.
        base_url: The endpoint it comes from.
        on_break: Called once if the connection breaks before the body has ended; None for nobody.
    """

    __slots__ = (
        "_broken",
        "_cut",
        "_open",
        "_release",
        "_response",
        "base_url",
        "headers",
        "on_break",
        "status",
        "url",
    )

    def __init__(
        self,
        response: Exchange | aiohttp.ClientResponse,
        base_url: str,
        url: str,
        release: Callable[[], None],
        answers: set[OpenAnswer],
    ) -> None:
        self._response = response
        self._release: Callable[[], None] | None = release
        self._open = answers  # all that are open: closing the client wakes whoever reads from one of them
        answers.add(self)
        self._broken: AttemptFailed | ClientClosedError | None = None
        self._cut = False
        self.status = response.status
        self.headers = Headers(response.headers)
        self.url = url
        self.base_url = base_url
        self.on_break: Callable[[AttemptFailed], None] | None = None

    async def read(self) -> bytes:
        """
        The next bytes as they come; empty at the clean end.

        Raises:
            AttemptFailed: The connection broke.
            ClientClosedError: The client was closed; what arrived before comes first.
        """
        if self._broken is not None:
            raise self._broken
        try:
            return await self._response.content.readany()
        except Exception as error:
            self._broken = self._why(error)
            rest = _left_over(self._response)
            if rest:
                return rest  # what arrived before the break comes before the break
            raise self._broken from None

    async def read_all(self, max_bytes: int | None = None) -> bytes:
        """
        The whole rest of the body.

        Raises:
            AttemptFailed: The connection broke, or the body is larger than `max_bytes`.
        """
        if max_bytes is None:
            content = self._response.content
            try:
                return content.read_nowait() if content.is_eof() else await content.read()
            except Exception as error:
                raise AttemptFailed(FailureKind.BROKEN, _describe(error)) from None
        pieces: list[bytes] = []
        size = 0
        while piece := await self.read():
            size += len(piece)
            if size > max_bytes:
                raise AttemptFailed(FailureKind.TOO_LARGE, f"more than {max_bytes} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    async def read_whole(self, limits: Limits) -> Response:
        """
        The answer with its whole body, within the time of the attempt; then its connection is given back.

        Raises:
            AttemptFailed: The body broke off, did not come in time, or is too large.
        """
        try:
            with Deadline(limits.until):
                body = await self.read_all(limits.max_bytes)
        except TimeoutError:
            raise AttemptFailed(FailureKind.BROKEN, "the body did not arrive in time", limit=limits.ends) from None
        finally:
            self.finish()
        return Response(self.status, self.headers, body, self.url)

    async def aclose(self) -> None:
        """`finish`, for those who wait for it."""
        self.finish()

    def finish(self) -> None:
        """Give the connection back if the body was read to its end, else close it. May be called again."""
        if self._release is not None:
            self._response.release() if self._response.content.is_eof() else self._response.close()
            self._free()

    def _why(self, error: Exception) -> AttemptFailed | ClientClosedError:
        if self._cut:
            return ClientClosedError("the client was closed during the call")
        broken = AttemptFailed(FailureKind.BROKEN, _describe(error))
        if self.on_break is not None:
            self.on_break(broken)
        return broken

    def cut(self) -> None:
        """Close the connection because the client is closed: whoever reads from it is told so."""
        self._cut = True
        self.abort()

    def abort(self) -> None:
        """Close the connection at once. May be called again."""
        if self._release is not None:
            with suppress(RuntimeError):  # the loop may be gone already; then so is the connection
                self._response.close()
            self._free()

    def _free(self) -> None:
        release, self._release = self._release, None
        if release is not None:
            self._open.discard(self)
            release()


class HTTPSender:
    """Sends attempts through one aiohttp session for each process and event loop."""

    def __init__(self, connections: Connections) -> None:
        self._sessions: PerLoop[Session] = PerLoop(partial(_new_session, connections))
        self._closed = False

    async def send(self, base_url: str, request: Request, *, authorization: str | None, limits: Limits) -> Response:
        """
        One attempt, its body read whole.

        Raises:
            AttemptFailed: No usable answer came; says how far it got.
            ClientClosedError: The client is closed.
            ConfigurationError: The request cannot be made, whoever would receive it.
        """
        progress, began = Progress(), time.monotonic()
        answer: OpenAnswer | None = None
        try:
            with Deadline(limits.until):
                answer = await self._start(base_url, request, authorization, limits, progress)
                body = await answer.read_all(limits.max_bytes)
            return Response(answer.status, answer.headers, body, answer.url)
        except TimeoutError:
            raise _too_late(progress, limits, began) from None
        finally:
            if answer is not None:
                answer.finish()

    async def open(self, base_url: str, request: Request, *, authorization: str | None, limits: Limits) -> OpenAnswer:
        """
        One attempt, up to the head of the answer. The caller closes it.

        Raises:
            AttemptFailed: No head came; says how far it got.
            ClientClosedError: The client is closed.
            ConfigurationError: The request cannot be made, whoever would receive it.
        """
        progress, began = Progress(), time.monotonic()
        try:
            with Deadline(limits.until):
                return await self._start(base_url, request, authorization, limits, progress)
        except TimeoutError:
            raise _too_late(progress, limits, began) from None

    async def _start(
        self, base_url: str, request: Request, authorization: str | None, limits: Limits, progress: Progress
    ) -> OpenAnswer:
        if self._closed:
            raise ClientClosedError
        session = self._sessions.peek() or await self._sessions.get()
        release = session.release if limits.counted else _nothing
        if limits.counted and not session.acquire_now():
            await session.acquire(limits.pool)
        progress.waiting = False
        token = PROGRESS.set(progress)
        try:
            response = await session.request(base_url, request, authorization=authorization, connect=limits.connect)
        except BaseException as error:
            release()
            if isinstance(error, Exception) and not isinstance(error, AttemptFailed | ClientClosedError):
                if _is_about_us(error, progress):
                    raise ConfigurationError(
                        f"the request cannot be made: {_what_is_wrong(error)}", call=request.name
                    ) from None
                failed = _failure(error, progress, limits.connect)
                if failed.kind is FailureKind.STALE:  # the other idle ones are as old: repeat over a fresh one
                    session.drop_idle(base_url)
                raise failed from None
            raise
        finally:
            PROGRESS.reset(token)
        progress.answered = True
        answer = OpenAnswer(response, base_url, base_url + request.path, release, session.answers)
        if self._closed:  # its head was there already when the others were cut
            answer.abort()
            raise ClientClosedError
        if answer.status == 407:  # RFC 9110, 15.5.8: said by a proxy, which passed nothing on
            answer.abort()
            raise AttemptFailed(FailureKind.PROXY, "the proxy wants a user name and a password")
        return answer

    async def connect_only(self, base_url: str, limits: Limits) -> None:
        """
        Prove that a connection can be made, without sending anything.

        Raises:
            AttemptFailed: It cannot.
        """
        session = await self._sessions.get()
        progress, began = Progress(), time.monotonic()
        progress.waiting, progress.known = False, True
        try:
            with Deadline(limits.until):
                await session.connect_only(base_url)
        except TimeoutError:
            raise _too_late(progress, limits, began) from None
        except Exception as error:
            raise _failure(error, progress, limits.connect) from None

    def drop_idle(self, base_url: str | None = None) -> None:
        """Close idle connections of this loop, of one endpoint or of all."""
        session = self._sessions.peek()
        if session is not None:
            session.drop_idle(base_url)

    async def aclose(self) -> None:
        """Close every connection of this loop; sessions of other loops close with their loops. May be called again."""
        self._closed = True
        session = self._sessions.peek()
        if session is not None:  # closing a connection does not wake who reads from it
            for answer in list(session.answers):
                answer.cut()
        await self._sessions.aclose()


def _new_session(connections: Connections) -> Session:
    from nexevo_async._session import Session  # imports aiohttp, which costs more than all the rest together

    return Session(connections)


def _nothing() -> None:
    """What an attempt that is not counted gives back."""


def _left_over(response: Exchange | aiohttp.ClientResponse) -> bytes:
    """
    Bytes that arrived before the connection broke and were not read yet.

    aiohttp's reader raises its stored exception before it hands out what it holds, and has no public way around that: a
    slow reader of a stream would lose chunks that were paid for.
    """
    content: Any = response.content
    read = getattr(content, "_read_nowait", None)
    return read(-1) if read is not None else b""


def _too_late(progress: Progress, limits: Limits, began: float) -> AttemptFailed:
    """What a limit that passed means: how far the attempt had got, and whether our own loop was late."""
    kind, detail = FailureKind.SILENT, ""
    if progress.waiting:
        kind = FailureKind.POOL
    elif progress.answered:
        kind, detail = FailureKind.BROKEN, "the body did not arrive in time"
    elif progress.known and not progress.connected:
        kind = FailureKind.CONNECT_TIMEOUT
    late = limits.until is not None and is_late(limits.until - began, time.monotonic() - began)
    return AttemptFailed(kind, detail, limit=limits.ends, late=late)


def is_late(limit: float, taken: float) -> bool:
    """
    Whether a timer went off so late that the loop itself must have been busy: the answer may be lying there unread.

    A starved process otherwise takes every endpoint for dead.
    """
    return taken - limit > LATE_SHARE * limit


def _failure(error: Exception, progress: Progress, connect: float | None) -> AttemptFailed:
    """What an exception of aiohttp means, most special first."""
    import aiohttp  # it has been imported: it raised

    detail = _describe(error)
    kinds: tuple[tuple[type[Exception], FailureKind], ...] = (
        (aiohttp.ConnectionTimeoutError, FailureKind.CONNECT_TIMEOUT),
        (aiohttp.ClientConnectorDNSError, FailureKind.DNS),
        (aiohttp.ClientConnectorCertificateError, FailureKind.CERTIFICATE),
        (aiohttp.ClientProxyConnectionError, FailureKind.PROXY),
        (aiohttp.ClientHttpProxyError, FailureKind.PROXY),
        (aiohttp.ClientSSLError, FailureKind.TLS),
        (aiohttp.ServerFingerprintMismatch, FailureKind.CERTIFICATE),
    )
    for cls, kind in kinds:
        if isinstance(error, cls):
            if kind is not FailureKind.CONNECT_TIMEOUT:
                return AttemptFailed(kind, detail)
            taken = time.monotonic() - progress.connecting_since
            late = progress.known and connect is not None and is_late(connect, taken)
            return AttemptFailed(kind, limit="connect", late=late)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return AttemptFailed(FailureKind.POOL, "this process has too many open files")
    if isinstance(error, aiohttp.ClientConnectorError):
        if error.os_error.errno == errno.ECONNREFUSED:
            return AttemptFailed(FailureKind.REFUSED)
        return AttemptFailed(FailureKind.CONNECT, detail)
    if progress.known and not progress.connected and isinstance(error, OSError | ssl.SSLError):
        return AttemptFailed(FailureKind.CONNECT, detail)
    if isinstance(error, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError | ConnectionError):
        reused = progress.known and progress.reused
        return AttemptFailed(FailureKind.STALE if reused else FailureKind.RESET, detail, reused=reused)
    if isinstance(error, aiohttp.ClientPayloadError):
        return AttemptFailed(FailureKind.BROKEN, detail)
    return AttemptFailed(FailureKind.MALFORMED, detail)


def _is_about_us(error: Exception, progress: Progress) -> bool:
    """Whether request or settings are wrong, before anybody was asked. A refused certificate is a `ValueError` too."""
    mistake = isinstance(error, ValueError | TypeError) and not isinstance(error, OSError)
    return mistake and not progress.may_have_left


def _what_is_wrong(error: Exception) -> str:
    """The words of such a mistake, without an address: that of a proxy may hold a password."""
    import aiohttp

    words = str(error)
    if isinstance(error, aiohttp.InvalidURL) or "//" in words or "@" in words:
        return f"an address cannot be used, perhaps that of the proxy ({type(error).__name__})"
    return redact_text(words)


def _describe(error: BaseException) -> str:
    """A few words that hold neither a URL nor text of the answer: both may hold secrets."""
    # aiohttp before 3.14 keeps a refused certificate elsewhere than all other causes.
    cause = getattr(error, "certificate_error", getattr(error, "os_error", error))
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, OSError) and cause.strerror:
        # asyncio puts the address into its words, which the error names anyway.
        number = cause.errno or 0
        return os.strerror(number) if number > 0 else cause.strerror.partition(" [")[0]
    return _WORDS.get(type(error).__name__, type(error).__name__)


#: Names of aiohttp's exceptions in words.
_WORDS = {
    "ClientPayloadError": "the body is incomplete",
    "ServerDisconnectedError": "the server closed the connection",
    "ClientConnectionError": "the connection was closed",
    "ContentEncodingError": "the body cannot be decompressed",
    "BadStatusLine": "the answer does not begin with a status line",
    "TransferEncodingError": "the chunks of the body are damaged",
}
