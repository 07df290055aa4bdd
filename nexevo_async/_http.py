"""
One attempt over HTTP. The only module that knows aiohttp; its exceptions stop here.

Two questions are answered about everything that goes wrong: did the request leave, and who gave up? Redirects are not
followed (the key would travel along), nothing is repeated here, cancellation passes untouched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from nexevo_async._deadlines import Deadline
from nexevo_async._failures import describe, failure_of, is_about_us, too_late, what_is_wrong
from nexevo_async._limits import Limits
from nexevo_async._loops import PerLoop
from nexevo_async._messages import AttemptFailed, FailureKind, Headers, Request, Response
from nexevo_async._progress import Progress
from nexevo_async.config import Connections
from nexevo_async.errors import ClientClosedError, ConfigurationError

if TYPE_CHECKING:
    import aiohttp

    from nexevo_async._connection import Connection, Exchange
    from nexevo_async._session import Session


_PROXY_WANTS_A_NAME: Final = 407  # RFC 9110, 15.5.8


class OpenAnswer:
    """
    An answer whose head has arrived and whose body is still coming.

    Attributes:
        status: HTTP status.
        headers: Response headers.
        url: Address without the query.
        base_url: The endpoint it comes from.
        on_break: Called once if the connection breaks before the body has ended, or by its reader if the body ends
            before the message; None for nobody.
    """

    __slots__ = (
        "_broken",
        "_counted",
        "_cut",
        "_response",
        "_session",
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
        session: Session,
        *,
        counted: bool,
    ) -> None:
        self._response = response
        self._session: Session | None = session
        self._counted = counted
        session.answers.add(self)  # closing the client wakes whoever reads from one of them
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
                raise AttemptFailed(FailureKind.BROKEN, describe(error)) from None
        pieces: list[bytes] = []
        size = 0
        while piece := await self.read():
            size += len(piece)
            if size > max_bytes:
                raise AttemptFailed(FailureKind.TOO_LARGE, f"more than {max_bytes} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    async def read_rest(self, max_bytes: int | None = None) -> Response:
        """
        The answer with its whole body; then its connection is given back.

        Raises:
            AttemptFailed: The body broke off, or is too large.
        """
        try:
            body = await self.read_all(max_bytes)
        finally:
            self.finish()
        return Response(self.status, self.headers, body, self.url)

    async def read_whole(self, limits: Limits) -> Response:
        """
        The same within the time of the attempt.

        Raises:
            AttemptFailed: The body broke off, did not come in time, or is too large.
        """
        try:
            with Deadline(limits.until):
                return await self.read_rest(limits.max_bytes)
        except TimeoutError:
            raise AttemptFailed(FailureKind.BROKEN, "the body did not arrive in time", limit=limits.ends) from None

    async def aclose(self) -> None:
        """`finish`, for those who wait for it."""
        self.finish()

    def finish(self) -> None:
        """Give the connection back if the body was read to its end, else close it. May be called again."""
        if self._session is not None:
            self._response.release() if self._response.content.is_eof() else self._response.close()
            self._free()

    def _why(self, error: Exception) -> AttemptFailed | ClientClosedError:
        if self._cut:
            return ClientClosedError("the client was closed during the call")
        broken = AttemptFailed(FailureKind.BROKEN, describe(error))
        if self.on_break is not None:
            self.on_break(broken)
        return broken

    def cut(self) -> None:
        """Close the connection because the client is closed: whoever reads from it is told so."""
        self._cut = True
        self.abort()

    def abort(self) -> None:
        """Close the connection at once. May be called again."""
        if self._session is not None:
            with suppress(RuntimeError):  # the loop may be gone already; then so is the connection
                self._response.close()
            self._free()

    def _free(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.answers.discard(self)
            session.release(self._counted)


class HTTPSender:
    """Sends attempts through one aiohttp session for each process and event loop."""

    def __init__(self, connections: Connections) -> None:
        self._sessions: PerLoop[Session] = PerLoop(partial(_new_session, connections))
        self._closed = False

    def send(
        self, base_url: str, request: Request, *, authorization: str | None, limits: Limits
    ) -> Coroutine[Any, Any, Response]:
        """
        One attempt, its body read whole.

        Raises:
            AttemptFailed: No usable answer came; says how far it got.
            ClientClosedError: The client is closed.
            ConfigurationError: The request cannot be made, whoever would receive it.
        """
        return self._attempt(base_url, request, authorization, limits, whole=True)

    def open(
        self, base_url: str, request: Request, *, authorization: str | None, limits: Limits
    ) -> Coroutine[Any, Any, OpenAnswer]:
        """
        One attempt, up to the head of the answer. The caller closes it.

        Raises:
            AttemptFailed: No head came; says how far it got.
            ClientClosedError: The client is closed.
            ConfigurationError: The request cannot be made, whoever would receive it.
        """
        return self._attempt(base_url, request, authorization, limits, whole=False)

    @overload
    async def _attempt(
        self, base_url: str, request: Request, authorization: str | None, limits: Limits, *, whole: Literal[True]
    ) -> Response: ...
    @overload
    async def _attempt(
        self, base_url: str, request: Request, authorization: str | None, limits: Limits, *, whole: Literal[False]
    ) -> OpenAnswer: ...
    async def _attempt(
        self, base_url: str, request: Request, authorization: str | None, limits: Limits, *, whole: bool
    ) -> OpenAnswer | Response:
        """One coroutine for all of it: a thousand calls in flight keep a thousand of each."""
        progress, began = Progress(limits.until), time.monotonic()
        connection: Connection | None = None
        response: Response | Exchange | aiohttp.ClientResponse
        try:
            with progress:
                if self._closed:
                    raise ClientClosedError
                session = self._sessions.peek() or await self._sessions.get()
                if limits.counted and not session.acquire_now():
                    await session.acquire(limits.pool)
                progress.waiting = False
                try:
                    if whole and limits.max_bytes is None:
                        connection = session.ask(base_url, request, authorization, progress)
                    if connection is None:
                        response = await session.request(base_url, request, authorization, limits.connect, progress)
                    else:
                        await connection.answer
                        at_once = session.response(connection, base_url + request.path)
                        response = await session.head(connection) if at_once is None else at_once
                except BaseException as error:
                    if connection is not None:
                        connection.close()
                    session.release(limits.counted)
                    self._tell_why(error, session, base_url, request, limits, progress)
                    raise
                progress.answered = True
                if isinstance(response, Response):
                    session.release(limits.counted)
                    self._refuse_late()
                    return response
                answer = OpenAnswer(response, base_url, base_url + request.path, session, counted=limits.counted)
                self._refuse(answer)
                return await answer.read_rest(limits.max_bytes) if whole else answer
        except TimeoutError:
            raise too_late(progress, limits, began) from None

    def _refuse(self, answer: OpenAnswer) -> None:
        """Do without an answer that comes too late, or that is none of the service's."""
        try:
            self._refuse_late()
            if answer.status == _PROXY_WANTS_A_NAME:  # said by a proxy, which passed nothing on
                raise AttemptFailed(FailureKind.PROXY, "the proxy wants a user name and a password")
        except BaseException:
            answer.abort()
            raise

    def _refuse_late(self) -> None:
        if self._closed:  # it was there already when the others were cut
            raise ClientClosedError

    def _tell_why(
        self,
        error: BaseException,
        session: Session,
        base_url: str,
        request: Request,
        limits: Limits,
        progress: Progress,
    ) -> None:
        """Raise what an exception of aiohttp means, in our words; not what is in them already, nor a cancellation."""
        if not isinstance(error, Exception) or isinstance(error, AttemptFailed | ClientClosedError):
            return
        if is_about_us(error, progress):
            raise ConfigurationError(f"the request cannot be made: {what_is_wrong(error)}", call=request.name) from None
        failed = failure_of(error, progress, limits.connect)
        if failed.kind is FailureKind.STALE:  # the other idle ones are as old: repeat over a fresh one
            session.drop_idle(base_url)
        raise failed from None

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
                await session.connect_only(base_url, progress)
        except TimeoutError:
            raise too_late(progress, limits, began) from None
        except Exception as error:
            raise failure_of(error, progress, limits.connect) from None

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


def _left_over(response: Exchange | aiohttp.ClientResponse) -> bytes:
    """
    Bytes that arrived before the connection broke and were not read yet.

    aiohttp's reader raises its stored exception before it hands out what it holds, and has no public way around that: a
    slow reader of a stream would lose chunks that were paid for.
    """
    content: Any = response.content
    read = getattr(content, "_read_nowait", None)
    return read(-1) if read is not None else b""
