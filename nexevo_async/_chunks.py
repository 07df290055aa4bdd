"""
The body of a chat stream: bytes in, chunks out, and an honest end.

Pure: no clock, no await. `ChatStream` brings the bytes and gives the chunks away; what they mean is decided here.
"""

from __future__ import annotations

import json
from collections import deque
from decimal import Decimal
from typing import Any, Final, NoReturn

import attrs
import orjson

from nexevo_async import _codec
from nexevo_async._chunk_pattern import ChunkPattern
from nexevo_async._decoders import Unexpected, decoder_for
from nexevo_async._messages import Attempt, AttemptFailed, Headers
from nexevo_async._sansio.assemble import Assembler, as_chunk
from nexevo_async._sansio.outcome import error_from_event
from nexevo_async._sansio.sse import Event, SSEParser
from nexevo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    NotAnAPIResponseError,
    StreamError,
    StreamTruncatedError,
)
from nexevo_async.models._common import attach_head
from nexevo_async.models.chat import ChatCompletion, ChatCompletionChunk
from nexevo_async.models.chat_headers import complete_from_headers

_DONE: Final = b"[DONE]"
#: Chunks that are read at once. Few enough that they are gone before the garbage collector (700 new objects) looks.
_AHEAD: Final = 32
#: Chunks of a stream that are studied as patterns of the next ones, at most.
_MOST_PATTERNS: Final = 8
_STARTS: Final = (b":", b"data:", b"event:", b"id:", b"retry:")


@attrs.frozen(kw_only=True)
class Origin:
    """
    Where a stream comes from, for the story its errors tell.

    Attributes:
        call: Name of the call.
        base_url: The endpoint that answers.
        status: HTTP status of the head.
        headers: Headers of the head.
        attempts: Attempts that failed before this answer.
    """

    call: str
    base_url: str
    status: int
    headers: Headers
    attempts: tuple[Attempt, ...] = ()

    @property
    def trace_id(self) -> str | None:
        """The service's id of the call, or None."""
        trace_id: str | None = self.headers.get("x-trace-id")
        return trace_id

    def story(self, problem: str) -> dict[str, Any]:
        """The arguments that all errors share; `problem` says in a few words how the stream went wrong."""
        last = Attempt(base_url=self.base_url, status=self.status, problem=problem, trace_id=self.trace_id)
        return {"call": self.call, "attempts": (*self.attempts, last), "trace_id": self.trace_id}


class ChunkReader:
    """
    Reads one stream.

    Args:
        origin: Where it comes from.
        choices: How many choices were asked for; as many must have a finish reason if there is no end marker.
        max_event_bytes: Largest event that is accepted.

    Attributes:
        done: Whether the message is complete: the end marker came, or the end after a finish reason of every choice.
        ready: Chunks that `take` gives next. Whoever takes them from here, in order, has been given them too.
    """

    __slots__ = (
        "_assembler",
        "_choices",
        "_decode",
        "_events",
        "_lessons",
        "_origin",
        "_parser",
        "_pattern",
        "_seen",
        "_unread",
        "done",
        "ready",
    )

    def __init__(self, origin: Origin, *, choices: int, max_event_bytes: int) -> None:
        self.done = False
        self.ready: deque[ChatCompletionChunk] = deque()
        self._origin = origin
        self._choices = choices
        self._parser = SSEParser(max_event_bytes)
        self._decode = decoder_for(ChatCompletionChunk)
        self._pattern: ChunkPattern | None = None
        self._lessons = _MOST_PATTERNS
        self._events: deque[bytes | Event] = deque()
        # Chunks wait here as bytes, a tenth of their size as objects, until a whole is asked for: those that were given
        # away, and behind them those that are ready.
        self._seen: list[bytes] = []
        self._assembler = Assembler()
        # All bytes so far, until something shows that this is an event stream: it may be plain JSON or a web page.
        self._unread: list[bytes] | None = []

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        self._events.extend(self._parser.feed(data))
        if self._unread is not None:
            self._unread.append(data)
            if self._parser.recognised:
                self._unread = None

    def take(self) -> ChatCompletionChunk | None:
        """
        The next chunk, or None if more bytes are needed, or none will come (`done`).

        Raises:
            StreamError: An error event came, or an event is too large.
            APIResponseValidationError: An event cannot be read.
        """
        while True:
            if not self.ready:
                self.make_ready()
            if self.ready:
                return self.ready.popleft()
            if not self._events:
                break
            event = self._events.popleft()
            chunk = (
                self._read_carefully(event.data, failed=event.name == "error")
                if isinstance(event, Event)
                else self._read_carefully(event)
            )
            if chunk is not None:
                return chunk
        if self._parser.error is not None:
            message = f"{self._parser.error}; max_event_bytes of chat.completions.stream sets the limit"
            raise StreamError(message, partial=self.partial(), **self._origin.story("event too large"))
        return None

    def make_ready(self) -> bool:
        """
        Read events that are plain chunks, up to the first that is anything else; a few at a time.

        Says whether there may be more of them. Another thread may do this while the one that feeds rests; it may `drop`
        meanwhile.
        """
        events = self._events
        read: list[bytes] = []
        made: list[ChatCompletionChunk] = []
        try:
            while len(made) < _AHEAD:
                event = events[0]
                if isinstance(event, Event):
                    return False
                chunk = None if self._pattern is None else self._pattern.read(event)
                if chunk is None:
                    chunk = self._read_plainly(event)
                if chunk is None:
                    return False
                events.popleft()
                read.append(event)
                made.append(chunk)
        except IndexError:  # that was the last one
            return False
        finally:  # all at once: whoever drops meanwhile leaves no gap
            self._seen += read
            self.ready.extend(made)
        return True

    def _read_plainly(self, event: bytes) -> ChatCompletionChunk | None:
        """A chunk, if nothing is special about it."""
        try:
            data = orjson.loads(event)
            if type(data) is not dict or "error" in data:
                return None
            chunk: ChatCompletionChunk = self._decode(data)
        except (Unexpected, KeyError, ValueError, RecursionError):
            return None
        if not chunk.choices and chunk.object == "error":
            return None
        if self._lessons:  # where no two chunks are alike, looking for a pattern is given up
            self._lessons -= 1
            self._pattern = ChunkPattern.of(event, data, chunk) or self._pattern
        return chunk

    def end(self) -> None:
        """
        Take note that the body ended. If that is an honest end, `done` is set, or one last chunk is there to take.

        Raises:
            StreamTruncatedError: There was neither an end marker nor a finish reason.
            NotAnAPIResponseError: The body was no event stream, and no completion either.
            StreamError: The body was an error in JSON.
        """
        body = b"".join(self._unread or ())
        if body.strip() and not _begins_a_line(body):
            self._events.append(self._completion_in(body))
            self._unread = None
        elif self.all_finished():
            self.done = True
        else:
            message = "the stream ended without an end marker and without a finish reason"
            raise StreamTruncatedError(message, partial=self.partial(), **self._origin.story("stream cut short"))

    def all_finished(self) -> bool:
        """Whether every choice has its finish reason, so that no text can be missing."""
        return self.done or self._folded().finished(self._choices)

    def snapshot(self) -> ChatCompletion:
        """What the chunks given away so far add up to, completed from the headers."""
        completion = complete_from_headers(self._folded().result(), self._origin.headers)
        attach_head(completion, self._origin.headers)
        return completion

    def partial(self) -> ChatCompletion | None:
        """The same for an error: None if nothing has come."""
        return None if self._folded().empty else self.snapshot()

    def broken(self, failure: AttemptFailed) -> StreamTruncatedError:
        """The error for a connection that broke before the message was complete."""
        story = self._origin.story(failure.kind.value)
        detail = f": {failure.detail}" if failure.detail else ""
        message = f"the connection broke before the message was complete{detail}"
        error = StreamTruncatedError(message, partial=self.partial(), **story)
        error.__cause__ = APIConnectionError(failure.kind.value + detail, **story)
        return error

    def many(self) -> bool:
        """Whether so much is there that `make_ready` is worth another thread's while."""
        return len(self._events) > _AHEAD

    def drop(self) -> None:
        """Forget what has not been taken."""
        self._events.clear()
        del self._seen[self._given() :]
        self.ready.clear()

    def _given(self) -> int:
        """How many of those seen are given away. Seen last: another thread may just be making more of them ready."""
        ready = len(self.ready)
        return len(self._seen) - ready

    def _folded(self) -> Assembler:
        given = self._given()
        for payload in self._seen[:given]:
            self._assembler.add(_codec.decode(payload, ChatCompletionChunk))
        del self._seen[:given]
        return self._assembler

    def _read_carefully(self, payload: bytes, *, failed: bool = False) -> ChatCompletionChunk | None:
        """End marker, error, what needs exact numbers, and what cannot be read."""
        text = payload.strip()
        if text == _DONE:
            self.done = True
            self.drop()
            return None
        if not text:
            return None
        data = _loads(payload)
        if failed or _is_error(data):
            self._raise_event(data)
        try:
            chunk = _codec.decode(payload, ChatCompletionChunk)
        except _codec.Undecodable as problem:
            # from None: the cause may quote the answer
            raise APIResponseValidationError(
                f"an event of the stream cannot be read: {problem}",
                problems=problem.problems,
                status=self._origin.status,
                headers=self._origin.headers,
                body=problem.data,
                **self._origin.story("unreadable event"),
            ) from None
        self._seen.append(payload)
        return chunk

    def _raise_event(self, data: Any) -> NoReturn:
        cause = error_from_event(data, call=self._origin.call, headers=self._origin.headers)
        cause.headers = self._origin.headers
        story = self._origin.story("error event in the stream")
        cause.attempts = story["attempts"]
        message = f"the service reported an error in the stream: {cause.message}"
        raise StreamError(message, partial=self.partial(), code=cause.code or cause.type, **story) from cause

    def _completion_in(self, body: bytes) -> bytes:
        """A plain JSON completion as the payload of one chunk."""
        data = _loads(body)
        if _is_error(data):
            self._raise_event(data)
        if isinstance(data, dict) and "choices" in data:
            self.done = True  # the JSON is whole, so the message is, whatever its finish reason says
            try:
                return _codec.encode(as_chunk(data))
            except TypeError:  # half of a surrogate pair, which JSON can escape and UTF-8 cannot write
                return json.dumps(as_chunk(data), default=float).encode()
        kind = "a web page (HTML)" if body.lstrip()[:1] == b"<" else "not a chat completion"
        raise NotAnAPIResponseError(
            f"a stream was asked for, and the answer is {kind}",
            status=self._origin.status,
            headers=self._origin.headers,
            body=body.decode("utf-8", "replace") if data is None else data,
            **self._origin.story("not a stream"),
        )


def has_content(chunk: ChatCompletionChunk) -> bool:
    """Whether a chunk brings more than a role: only that counts as progress, since empty chunks may be a heartbeat."""
    for choice in chunk.choices:
        if choice.delta.content or choice.finish_reason:
            return True
        if any(value for name, value in choice.delta.items() if name != "role"):
            return True
    return chunk.usage is not None


def _begins_a_line(body: bytes) -> bool:
    """Whether this is the beginning of a first line of an event stream, cut before its end."""
    return any(body.startswith(start) or start.startswith(body) for start in _STARTS)


def _is_error(data: Any) -> bool:
    if not isinstance(data, dict):
        return False
    return data.get("error") not in (None, "", False) or (data.get("object") == "error" and not data.get("choices"))


def _loads(payload: bytes) -> Any:
    """The JSON with exact numbers, or None if it is none."""
    try:
        return json.loads(payload, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
