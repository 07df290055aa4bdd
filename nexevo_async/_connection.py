"""
One connection to an endpoint: a request out, its answer in, without aiohttp's session in between.

For every request the session builds objects for whatever HTTP can do: redirects, cookies, proxies, uploads, traces.
That is half of what a call costs, and a call to a gateway uses none of it. Left here is what one needs: a head and a
body out, an answer in, which aiohttp parses unless `whole_answer` can. `_session` decides when this way is open.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage
from multidict import CIMultiDictProxy

from nexevo_async._whole_answer import Whole, whole_answer

#: Head of an answer, and reader of its body.
Head = tuple[RawResponseMessage, aiohttp.StreamReader]


def is_available() -> bool:
    """Whether aiohttp's lower layers are as this module knows them (3.12 and later); if not, the session will do."""
    return all(callable(getattr(ResponseHandler, name, None)) for name in ("set_response_params", "read"))


class Connection(ResponseHandler):
    """
    A connection of `Connector`.

    Attributes:
        home: Where it waits while it is idle.
        made: Moment at which it began to be made, on the monotonic clock.
        idle_since: Moment of its last answer.
        answer: Done when something has come of what was sent with `ask`: see `take_whole`, then `head`.
    """

    # Beside the attributes that aiohttp has here, Python would not keep these without a dictionary for each connection.
    __slots__ = ("_expects_whole", "_whole", "answer", "home", "idle_since", "made")

    answer: asyncio.Future[None]
    home: Idle
    made: float
    idle_since: float
    _parser: Any

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._expects_whole = False
        self._whole: Whole | None = None

    def ask(self, request: bytes) -> None:
        """Send a request whose answer may come whole; `answer` is what to await."""
        self.answer = self._loop.create_future()
        self._expects_whole = True
        self._write(request)

    def take_whole(self) -> Whole | None:
        """The answer to `ask`, if it has come whole and in one piece; if None, the `head` is to be awaited."""
        whole, self._whole = self._whole, None
        return whole

    def ask_for_head(self, request: bytes) -> Coroutine[Any, Any, Head]:
        """Send a request whose answer is not to be read whole."""
        self.set_response_params(read_until_eof=True)
        self._write(request)
        return self.head()

    def _write(self, request: bytes) -> None:
        transport = self.transport
        assert transport is not None, "a connection is taken and used in one breath"  # noqa: S101 - a mistake of ours
        transport.write(request)

    async def head(self) -> Head:
        """The head of the answer, as aiohttp's parser reads it, and the reader of its body; raises what that raises."""
        message, content = await self.read()
        while 100 <= message.code < 200 and message.code != 101:  # RFC 9110, 15.2: interim, the answer follows
            message, content = await self.read()
        return message, content

    def data_received(self, data: bytes) -> None:
        """What the transport calls."""
        if self._expects_whole:
            self._whole = whole_answer(data)
            self._tell()
            if self._whole is not None:
                return
            self.set_response_params(read_until_eof=True)
        super().data_received(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """What aiohttp calls when the connection breaks: `head` raises it."""
        super().set_exception(exc) if exc_cause is None else super().set_exception(exc, exc_cause)
        if self._expects_whole:
            self._tell()

    def _tell(self) -> None:
        self._expects_whole = False
        if not self.answer.done():  # nobody may wait for it any more
            self.answer.set_result(None)

    def rest(self) -> None:
        """Wait for the next request: whatever arrives before that spoils the connection (`should_close`)."""
        self._parser = None
        self.idle_since = time.monotonic()

    def is_fit(self) -> bool:
        """Whether it can serve: nothing is on its way in either direction, and both sides want to keep it."""
        transport = self.transport
        if transport is None or transport.is_closing() or self.should_close:
            return False
        # An answer may come before the request has gone; the next one would have to wait behind the rest of it.
        return not transport.get_write_buffer_size()

    def close(self) -> None:
        """Close it, without waiting for a peer that does not take what is still to be sent."""
        transport = self.transport
        self._whole = None
        if transport is not None and transport.get_write_buffer_size():
            self.abort()
        else:
            super().close()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Go on reading. Readers call this after every piece they take; nearly always nobody has paused."""
        if self._reading_paused:
            super().resume_reading(resume_parser)


class Idle(deque[Connection]):
    """
    Connections nobody uses, to where one request may use what another one left. The newest is the last.

    Attributes:
        dropped: Connections that began to be made before this moment are not used again.
    """

    dropped = -math.inf


class Exchange:
    """
    An answer whose head has arrived: as much of `aiohttp.ClientResponse` as the adapter uses.

    Attributes:
        status: HTTP status.
        headers: Response headers.
        content: Reader of the body.
    """

    __slots__ = ("_connection", "_connector", "content", "headers", "status")

    def __init__(
        self,
        connector: Any,
        connection: Connection,
        status: int,
        headers: CIMultiDictProxy[str],
        content: aiohttp.StreamReader,
    ) -> None:
        self._connector = connector
        self._connection = connection
        self.status = status
        self.headers = headers
        self.content = content

    def release(self) -> None:
        """Give the connection back."""
        self._connector.give_back(self._connection)

    def close(self) -> None:
        """Close the connection, and wake whoever still reads from it."""
        if not self.content.is_eof() and self.content.exception() is None:
            self.content.set_exception(aiohttp.ClientConnectionError("Connection closed"))
        self._connection.close()
