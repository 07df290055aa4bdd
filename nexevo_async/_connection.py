"""
One connection to an endpoint: a request out, its answer in, without aiohttp's session in between.

For every request the session builds objects for whatever HTTP can do: redirects, cookies, proxies, uploads, traces.
That is half of what a call costs, and a call to a gateway uses none of it. Left here is what one needs: a head and a
body out, an answer in, which aiohttp parses unless `whole_answer` can. `_session` decides when this way is open.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDictProxy

from nexevo_async._whole_answer import whole_answer


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
    """

    home: Idle
    made: float
    idle_since: float
    _parser: Any
    _wants_whole = False

    def ask(self, request: bytes, *, whole: bool) -> Coroutine[Any, Any, tuple[Any, Any]]:
        """
        Send a request; gives what to await for its answer: the head and the reader of the body.

        With `whole`, an answer that has come in one piece may be given at once: then it is a `Whole` and None.
        """
        self._wants_whole = whole
        if not whole:
            self.set_response_params(read_until_eof=True)
        transport = self.transport
        assert transport is not None, "a connection is taken and used in one breath"  # noqa: S101 - a mistake of ours
        transport.write(request)
        return self.read()

    def data_received(self, data: bytes) -> None:
        """What the transport calls."""
        if self._wants_whole:
            self._wants_whole = False
            whole = whole_answer(data)
            if whole is not None:
                self.feed_data((whole, None), 0)  # type: ignore[arg-type]  # only `ask` reads it
                return
            self.set_response_params(read_until_eof=True)
        super().data_received(data)

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
