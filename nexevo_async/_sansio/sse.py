"""
Server-sent events: bytes in, events out (WHATWG HTML, section 9.2 "Server-sent events", parsing rules 9.2.5 and 9.2.6).

Lines end at CR, LF or CRLF and at nothing else: U+2028, U+0085 and their like are text. Two things differ from the
standard, because of what is transported here: an event whose data is empty is no event, and size has a limit.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: Largest event that is accepted unless told otherwise, in bytes.
MAX_EVENT_BYTES: Final = 8 * 1024 * 1024

_BOM: Final = b"\xef\xbb\xbf"
_PREFIX: Final = b"data: "
_BETWEEN: Final = b"\n\ndata: "


class Event(NamedTuple):
    """
    An event that carries more than data.

    Attributes:
        data: Its data lines, joined by LF.
        name: The value of its ``event`` field, or an empty string.
        id: The value of its ``id`` field, or an empty string.
    """

    data: bytes
    name: str = ""
    id: str = ""


class EventTooLarge(ValueError):
    """An event, or one line, is larger than the parser accepts."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"an event of the stream is larger than {limit:,} bytes")
        self.limit = limit

    def __reduce__(self) -> tuple[type[EventTooLarge], tuple[int]]:
        return (EventTooLarge, (self.limit,))


class SSEParser:
    """
    Splits a stream of bytes into events, however the bytes were cut on their way.

    An event with data and nothing else, which is every event of a chat stream, comes out as its bare bytes; one that
    has a name or an id comes out as `Event`.

    Args:
        max_event_bytes: Largest sum of the lengths of the data lines of one event, and largest length of any line.

    Attributes:
        error: Set when that limit was passed. `feed` still returns the events before that point; later calls raise.
        recognised: Whether any line so far was a field or a comment of an event stream.
        retry: Milliseconds from the last ``retry`` field, or None.
    """

    __slots__ = (
        "_after_cr",
        "_data",
        "_id",
        "_line",
        "_line_size",
        "_max",
        "_name",
        "_size",
        "_start",
        "error",
        "recognised",
        "retry",
    )

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.error: EventTooLarge | None = None
        self.recognised = False
        self.retry: int | None = None
        self._max = max_event_bytes
        self._start: bytes | None = b""  # what came before a byte order mark could be ruled out; None from then on
        self._after_cr = False  # an LF that comes next belongs to the CR before it
        self._line: list[bytes] = []  # pieces of a line whose end has not come yet
        self._line_size = 0
        self._data: list[bytes] = []  # data lines of an event whose end has not come yet
        self._size = 0
        self._name = ""
        self._id = ""

    def feed(self, data: bytes) -> list[bytes | Event]:
        """
        Take the next bytes; return the events that they complete.

        Raises:
            EventTooLarge: An earlier call passed the limit (see `error`).
        """
        if self.error is not None:
            raise self.error
        if self._start is not None:
            data = self._without_bom(data)
        if self._after_cr or b"\r" in data:
            data = self._only_lf(data)
        events: list[bytes | Event] = []
        try:
            if self._line or self._data or self._name or self._id:
                data = self._finish_open(data, events)
            # From here on we stand between two events.
            if data:
                self._take_whole(data, events)
        except EventTooLarge as error:
            self.error = error
        return events

    def end(self) -> bool:
        """Tell the parser that no more comes. True if an event was cut off; the standard says to drop it."""
        return bool(self._line or self._data or self._start)

    def _take_whole(self, data: bytes, events: list[bytes | Event]) -> None:
        """Events that lie whole in `data`, which starts between two events; what is left at its end is kept."""
        end = data.rfind(b"\n\n") + 2
        if end > 1 and len(data) <= self._max and data.startswith(_PREFIX):
            whole = data if end == len(data) else data[:end]
            # The common case, a row of `data: …` lines with a blank line after each: if no LF is left between these
            # separators, each event is one line, and one split in C is all the work.
            payloads = whole[6:-2].split(_BETWEEN)
            if b"\n" not in b"".join(payloads) and b"" not in payloads:
                events += payloads
                self.recognised = True
                data = data[end:]
        if data:
            self._take_lines(data, events)

    def _take_lines(self, data: bytes, events: list[bytes | Event]) -> None:
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._take_line(line, events)
        self._keep(rest)

    def _finish_open(self, data: bytes, events: list[bytes | Event]) -> bytes:
        """Go on line by line to the end of the event that is open; return what comes after it."""
        position = 0
        while self._line or self._data or self._name or self._id:
            end = data.find(b"\n", position)
            if end < 0:
                self._keep(data[position:])
                return b""
            line = data[position:end]
            position = end + 1
            if self._line:
                self._keep(line)
                line = b"".join(self._line)
                self._line.clear()
                self._line_size = 0
            self._take_line(line, events)
        return data[position:]

    def _keep(self, piece: bytes) -> None:
        """Keep a piece of a line that is not over; pieces are joined once, at the line's end."""
        if piece:
            self._line.append(piece)
            self._line_size += len(piece)
            self._check(self._line_size)

    def _take_line(self, line: bytes, events: list[bytes | Event]) -> None:
        if not line:
            self._dispatch(events)
            return
        self._check(len(line))
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(line)
            self._check(self._size)
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode(errors="replace")
        elif name == b"id":
            if b"\0" not in value:  # 9.2.6: such an id is ignored
                self._id = value.decode(errors="replace")
        elif name == b"retry":
            if value.isdigit():
                self.retry = int(value)
        elif name:
            return  # 9.2.6: an unknown field is ignored
        self.recognised = True

    def _dispatch(self, events: list[bytes | Event]) -> None:
        data = b"\n".join(self._data)
        if data:
            events.append(Event(data, self._name, self._id) if self._name or self._id else data)
        self._data.clear()
        self._size = 0
        self._name = self._id = ""

    def _check(self, size: int) -> None:
        if size > self._max:
            raise EventTooLarge(self._max)

    def _without_bom(self, data: bytes) -> bytes:
        """One byte order mark at the very start is no part of the text."""
        data = (self._start or b"") + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._start = data
            return b""
        self._start = None
        return data.removeprefix(_BOM)

    def _only_lf(self, data: bytes) -> bytes:
        """The same lines with LF as their only end. A CR counts at once, so that no event waits for a possible LF."""
        if not data:
            return data
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
