"""
A chat answer that arrives in chunks.

Iteration is a class with one step per call; no scope, task or timer lives between two steps, so a stream can be
driven from any task, left at any point, and collected.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final, NoReturn, Self

from nexevo_async._call_site import Site, warn_unended
from nexevo_async._chunks import ChunkReader, Origin, has_content
from nexevo_async._deadlines import Deadline
from nexevo_async._messages import Attempt, AttemptFailed, FailureKind
from nexevo_async._sansio.sse import MAX_EVENT_BYTES
from nexevo_async._sender import Answer
from nexevo_async._validation import whole
from nexevo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    ClientClosedError,
    NexevoError,
    StreamError,
    StreamTruncatedError,
)
from nexevo_async.models.chat import ChatCompletion, ChatCompletionChunk, NexevoInfo
from nexevo_async.models.limits import RateLimits, read_limits

if TYPE_CHECKING:
    from nexevo_async._messages import Headers
    from nexevo_async.config import Timeout

__all__ = ["ChatStream", "ChatStreamManager", "TextIterator"]

#: Seconds that are spent on the bytes after the end marker, so that the connection can be used again.
DRAIN_SECONDS: Final = 0.1

_LIMITS: Final = {
    "total": "the deadline of the whole call",
    "first_token": "the limit for the first content",
    "between_content": "the limit between two pieces of content",
}


class ChatStream:
    """
    A chat answer on its way: iterate over it for chunks, over `text()` for text, or ask for the `final()` message.

    ``async with`` it, or read it to its end: either frees the connection, as do cancelling and errors. A stream that
    is just dropped frees it too, and warns (`ResourceWarning`) with the line that opened it.

    An end is honest or an error: if neither the end marker nor a finish reason came, `StreamTruncatedError` is raised,
    with the part that arrived. Everything that arrived before an error is given out before it.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        answer: Answer,
        *,
        call: str,
        timeout: Timeout,
        deadline: float | None = None,
        attempts: tuple[Attempt, ...] = (),
        waited: float = 0.0,
        choices: int = 1,
        max_event_bytes: int = MAX_EVENT_BYTES,
        on_end: Callable[[BaseException | None], None] | None = None,
        site: Site | None = None,
    ) -> None:
        """
        Made by `chat.completions.stream` and ``create(stream=True)``.

        Args:
            answer: Where the bytes come from.
            call: Name of the call, for errors.
            timeout: The limits of the call; `first_token`, `between_content` and, in messages, `total` are used.
            deadline: Moment on the monotonic clock at which the call ends; None for never.
            attempts: Attempts that failed before this answer.
            waited: Seconds already spent waiting for the head; they count towards `first_token`.
            choices: How many choices were asked for (`n`).
            max_event_bytes: Largest event that is accepted.
            on_end: Called once when the stream is over, with what ended it early or None.
            site: Where in the caller's code it was opened, for the warning.
        """
        self._answer = answer
        self._origin = Origin(
            call=call, base_url=answer.base_url, status=answer.status, headers=answer.headers, attempts=attempts
        )
        self._reader = ChunkReader(self._origin, choices=choices, max_event_bytes=max_event_bytes)
        self._ready = self._reader.ready
        self._timeout = timeout
        self._deadline = deadline
        self._waited = waited  # seconds spent in reads since content last came
        self._begun = False  # whether content has come
        self._on_end = on_end
        self._site = site
        self._loop = asyncio.get_running_loop()
        self._reading = False
        self._at_eof = False
        self._error: NexevoError | None = None
        self._closed = False

    @property
    def headers(self) -> Headers:
        """Headers of the answer, there before the first chunk."""
        return self._answer.headers

    @property
    def trace_id(self) -> str | None:
        """The id to quote to support (`X-Trace-ID`), or None if the service sent none."""
        return self._origin.trace_id

    @property
    def limits(self) -> RateLimits | None:
        """The rate limit as the head told it, or None if it told nothing."""
        return read_limits(self.headers)

    @property
    def generation_id(self) -> str | None:
        """Id of this generation: from the head, before the first chunk; or else from the chunks, once they told it."""
        return self.headers.get("x-nexevo-generation-id") or self.nexevo.generation_id

    @property
    def nexevo(self) -> NexevoInfo:
        """What the service has told so far beside the answer, in headers and chunks."""
        return self.snapshot().nexevo

    def snapshot(self) -> ChatCompletion:
        """The message so far, put together from the chunks that were given out; waits for nothing."""
        return self._reader.snapshot()

    def text(self) -> TextIterator:
        """Iterate over the text alone: what each chunk adds to the first choice, never empty."""
        return TextIterator(self)

    async def final(self, *, allow_partial: bool = False) -> ChatCompletion:
        """
        Read what is left and return the whole message: content, tool calls, refusal, usage, the ``nexevo`` block.

        Args:
            allow_partial: Whether a message that was cut short, or whose stream was closed early, is good enough.

        Raises:
            StreamTruncatedError: The stream ended early, or was closed before its end.
            ClientClosedError: The client was closed before the end.
            StreamError: The service reported an error in the stream.
            APITimeoutError: A limit passed.
            APIResponseValidationError: A chunk cannot be read.
        """
        try:
            while await self.next_batch():
                pass
        except (StreamError, APIConnectionError, ClientClosedError):
            if not allow_partial:
                raise
        return self.snapshot()

    async def next_batch(self, most: int = 64) -> list[ChatCompletionChunk]:
        """
        The next chunks, as many as are there but at most `most`; waits for the first only. Empty at the end.

        Raises:
            ConfigurationError: `most` is not a whole number of at least 1.
            NexevoError: As for iteration; chunks that came before the error are given out first.
        """
        whole("most", most)
        batch: list[ChatCompletionChunk] = []
        while not batch:
            try:
                while len(batch) < most and (chunk := self._take()) is not None:
                    batch.append(chunk)
            except NexevoError:
                if not batch:
                    raise  # else the next call raises it: it is kept
            if not batch and not await self._more():
                break
        return batch

    def _lend(self) -> ChunkReader | None:
        """What the blocking client's thread may take chunks from by itself, while nothing is asked of this object."""
        return self._reader if not self._waited and self._reader.many() else None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        if not self._waited and self._ready:
            return self._ready.popleft()
        while True:
            chunk = self._take()
            if chunk is not None:
                return chunk
            if not await self._more():
                raise StopAsyncIteration

    def _take(self) -> ChatCompletionChunk | None:
        """A chunk that is there already, else None."""
        try:
            chunk = self._reader.take()
        except NexevoError as error:
            self._fail(error)
        if chunk is not None and self._waited and has_content(chunk):
            self._begun = True
            self._waited = 0.0
        return chunk

    async def _more(self) -> bool:
        """Read once; False at the honest end. Raises what ended the stream otherwise, however often it is asked."""
        if self._error is not None:
            raise self._error
        if self._reader.done:
            await self.aclose()
            return False
        if self._closed:
            message = "the stream was closed before its end"
            raise StreamTruncatedError(message, partial=self._reader.partial(), **self._origin.story("closed early"))
        data = await self._read()
        if data:
            self._reader.feed(data)
            return True
        self._at_eof = True
        try:
            self._reader.end()
        except NexevoError as error:
            on_break = self._answer.on_break
            if on_break is not None and isinstance(error, StreamTruncatedError | APIResponseValidationError):
                on_break(AttemptFailed(FailureKind.BROKEN, error.message))
            self._fail(error)
        return True

    async def _read(self) -> bytes:
        """The next bytes, within the limits. One timer for each read, whichever limit is nearest."""
        if self._reading:
            raise StreamError("two tasks read the same stream at once; give each its own", call=self._origin.call)
        started = time.monotonic()
        limit, until = self._nearest_limit(started)
        self._reading = True
        try:
            with Deadline(until):
                return await self._answer.read()
        except (AttemptFailed, ClientClosedError, TimeoutError) as problem:
            # None does harm to a message that is complete but for its end marker.
            if not self._reader.all_finished():
                self._fail(self._late(limit) if isinstance(problem, TimeoutError) else self._broken(problem))
            self._reader.done = True
            return b""
        except BaseException as error:  # cancelled: whoever waited has gone, so the answer is of no use to anybody
            self._release(error)
            raise
        finally:
            self._reading = False
            self._waited += time.monotonic() - started

    def _nearest_limit(self, now: float) -> tuple[str, float | None]:
        """The limit that ends a read first, and when. Time between reads is the caller's own and does not count."""
        name = "between_content" if self._begun else "first_token"
        seconds = self._timeout.between_content if self._begun else self._timeout.first_token
        until = None if seconds is None else now + seconds - self._waited
        if self._deadline is not None and (until is None or self._deadline < until):
            return "total", self._deadline
        return name, until

    def _broken(self, failure: AttemptFailed | ClientClosedError) -> NexevoError:
        if isinstance(failure, ClientClosedError):
            return ClientClosedError(failure.message, **self._origin.story("client closed"))
        return self._reader.broken(failure)

    def _late(self, limit: str) -> APITimeoutError:
        seconds: float | None = getattr(self._timeout, limit)
        length = "" if seconds is None else f" of {seconds:g} s"
        return APITimeoutError(
            f"the stream was not complete when {_LIMITS[limit]}{length} passed (timeout.{limit})",
            limit=limit,
            seconds=seconds,
            partial=self._reader.partial(),
            **self._origin.story(f"{limit} limit passed"),
        )

    def _fail(self, error: NexevoError) -> NoReturn:
        self._error = error
        error.__suppress_context__ = True  # what stood behind it is in its words, or foreign
        self._release(error)
        raise error

    def _release(self, error: BaseException | None) -> None:
        """Close the connection at once."""
        self._reader.drop()
        self._closed = True
        self._answer.abort()
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(error)

    async def aclose(self) -> None:
        """
        Leave the stream and free its connection. May be called again.

        After the end marker the last bytes of the body are read, for 0.1 s at most, so that the connection can be used
        again; a stream that is left earlier costs its connection.
        """
        if self._closed:
            return
        self._closed = True
        try:
            if self._reader.done and not self._at_eof:
                with suppress(AttemptFailed, TimeoutError):
                    async with asyncio.timeout(DRAIN_SECONDS):
                        while await self._answer.read():
                            pass
        finally:
            self._reader.drop()
            await self._answer.aclose()
            self._end(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if getattr(self, "_closed", True):
            return
        self._closed = True
        # Collection may happen in any thread; the connection belongs to the loop's.
        with suppress(RuntimeError):  # the loop is closed, and its connections with it
            if asyncio._get_running_loop() is self._loop:  # unlike its public sister it does not raise
                self._answer.abort()
            else:
                self._loop.call_soon_threadsafe(self._answer.abort)
        self._end(None)
        if not self._reader.done:
            warn_unended("a chat stream", self._site, self)

    def __repr__(self) -> str:
        done = "complete" if self._reader.done else "failed" if self._error else "closed" if self._closed else "open"
        return f"<{type(self).__name__} of {self._origin.call} at {self._origin.base_url}, {done}>"


class TextIterator(AsyncIterator[str]):
    """
    The text of a stream, piece by piece; what `ChatStream.text` returns.

    .. versionadded:: 0.1.0
    """

    def __init__(self, stream: ChatStream) -> None:
        self._stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while True:
            text = (await self._stream.__anext__()).text
            if text:
                return text


class ChatStreamManager(Awaitable[ChatStream]):
    """
    What `chat.completions.stream` returns: ``async with`` it, or await it, to send the request and get the stream.

    .. versionadded:: 0.1.0
    """

    def __init__(self, open_stream: Callable[[], Awaitable[ChatStream]]) -> None:
        self._open = open_stream
        self._stream: ChatStream | None = None

    def __await__(self) -> Generator[object, None, ChatStream]:
        return self._open().__await__()

    def __aiter__(self) -> NoReturn:
        raise TypeError("write `async with client.chat.completions.stream(…) as stream:`, and iterate over the stream")

    async def __aenter__(self) -> ChatStream:
        self._stream = await self._open()
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.aclose()
