# Written by tools/generate_sync.py from nexevo_async/streaming.py; change that, and run: make generate
"""
A chat answer that arrives in chunks.

What arrives is read by the client's event loop and crosses to the reading thread all at once: at most 64
chunks, more than that as bytes that the reader makes chunks of. A slow reader slows the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nexevo_async.models.chat import ChatCompletion, ChatCompletionChunk, NexevoInfo
from nexevo_async.models.limits import RateLimits
from nexevo_async.streaming import ChatStream as AsyncChatStream
from nexevo_async.streaming import ChatStreamManager as AsyncChatStreamManager
from nexevo_async.streaming import TextIterator as AsyncTextIterator
from nexevo_sync._shapes import OpeningTwin, StreamTwin, ViewTwin

if TYPE_CHECKING:
    from nexevo_async._messages import Headers


class ChatStream(StreamTwin[AsyncChatStream, ChatCompletionChunk]):
    """
    A chat answer on its way: iterate over it for chunks, over `text()` for text, or ask for the `final()` message.

    ``with`` it, or read it to its end: either frees the connection, as do Ctrl-C and errors. A stream that
    is just dropped frees it too, and warns (`ResourceWarning`) with the line that opened it.

    An end is honest or an error: if neither the end marker nor a finish reason came, `StreamTruncatedError` is raised,
    with the part that arrived. Everything that arrived before an error is given out before it.

    .. versionadded:: 0.1.0
    """

    @property
    def headers(self) -> Headers:
        """Headers of the answer, there before the first chunk."""
        return self._portal.run(lambda: self._async.headers)

    @property
    def trace_id(self) -> str | None:
        """The id to quote to support (`X-Trace-ID`), or None if the service sent none."""
        return self._portal.run(lambda: self._async.trace_id)

    @property
    def limits(self) -> RateLimits | None:
        """The rate limit as the head told it, or None if it told nothing."""
        return self._portal.run(lambda: self._async.limits)

    @property
    def generation_id(self) -> str | None:
        """Id of this generation: from the head, before the first chunk; or else from the chunks, once they told it."""
        return self._portal.run(lambda: self._async.generation_id)

    @property
    def nexevo(self) -> NexevoInfo:
        """What the service has told so far beside the answer, in headers and chunks."""
        return self._portal.run(lambda: self._async.nexevo)

    def snapshot(self) -> ChatCompletion:
        """
        The message so far, put together from the chunks that have arrived, which may be more than were read;
        waits for nothing.
        """
        return self._portal.run(self._async.snapshot)

    def text(self) -> TextIterator:
        """Iterate over the text alone: what each chunk adds to the first choice, never empty."""
        return TextIterator(self)

    def final(self, *, allow_partial: bool = False) -> ChatCompletion:
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
        return self._read_by(self._async.final, allow_partial=allow_partial)

    def next_batch(self, most: int = 64) -> list[ChatCompletionChunk]:
        """
        The next chunks, as many as are there but at most `most`; waits for the first only. Empty at the end.

        Raises:
            ConfigurationError: `most` is not a whole number of at least 1.
            NexevoError: As for iteration; chunks that came before the error are given out first.
        """
        return self._items.next_batch(most)

    def close(self) -> None:
        """
        Leave the stream and free its connection. May be called again.

        After the end marker the last bytes of the body are read, for 0.1 s at most, so that the connection can be used
        again; a stream that is left earlier costs its connection.
        """
        self._items.close()


class TextIterator(ViewTwin[str]):
    """
    The text of a stream, piece by piece; what `ChatStream.text` returns.

    .. versionadded:: 0.1.0
    """

    def __init__(self, stream: ChatStream) -> None:
        super().__init__(AsyncTextIterator, stream)


class ChatStreamManager(OpeningTwin[AsyncChatStreamManager, ChatStream]):
    """
    What `chat.completions.stream` returns: ``with`` it, or `open` it, to send the request and get the stream.

    .. versionadded:: 0.1.0
    """

    def open(self) -> ChatStream:
        """Send the request and give the stream, for those who cannot use ``with`` and will close it themselves."""
        return ChatStream(self._portal, self._portal.call(lambda: self._async))
