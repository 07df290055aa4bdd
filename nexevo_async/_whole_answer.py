"""
The short cut for an answer that arrives in one piece, as most do.

aiohttp's parser makes some twenty objects of each answer: a stream and its reader, a queue, every header twice. With a
thousand calls in flight they are all alive at once, and Python's garbage collector walks over them again and again:
that was a third of what such a call cost. Here is only what the simplest kind of answer needs. It knows so little of
HTTP that there is little to get wrong, and whatever it does not know is left to aiohttp, untouched.
"""

from __future__ import annotations

import re
from typing import Final

from aiohttp import hdrs
from multidict import CIMultiDict, CIMultiDictProxy

#: Not 1xx, 204 or 304, which have no body whatever their headers say (RFC 9112, 6.3), and not 407, a proxy's.
_STATUS: Final = re.compile(rb"HTTP/1\.1 (?!204|304|407)([2-5][0-9][0-9]) [\x20-\x7e]*\r\n")
#: A token (RFC 9110, 5.6.2), colon and space as everybody writes them, and a value without control characters.
_FIELD: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([^\x00-\x1f\x7f]*)\r\n")
_BESIDE: Final = len(": \r\n")
_KEEP_ALIVE: Final = (["keep-alive"], ["Keep-Alive"])
#: Larger heads (bytes, lines) meet aiohttp's limits.
_MOST_BYTES: Final = 8190
_MOST_LINES: Final = 100

#: Status, headers, body.
Whole = tuple[int, CIMultiDictProxy[str], bytes]


def whole_answer(data: bytes) -> Whole | None:
    """
    The answer, if these bytes are exactly one and nothing about it is unusual; else None.

    Unusual are bodies that are chunked, compressed or without a length, connections that end or change with the answer,
    lines that continue others, spaces in odd places, and everything that is not valid.
    """
    status = _STATUS.match(data)
    end = data.find(b"\r\n\r\n", 0, _MOST_BYTES)
    if status is None or end < 0:
        return None
    head = data[status.end() : end + 2].decode("utf-8", "surrogateescape")  # as aiohttp does
    fields = _FIELD.findall(head)
    length = len(fields) * _BESIDE
    for name, value in fields:
        length += len(name) + len(value)
    # If the lengths add up, the fields stand line by line with nothing between them.
    if length != len(head) or len(fields) > _MOST_LINES or "  " in head or " \r" in head:
        return None
    headers = CIMultiDict(fields)
    body = data[end + 4 :]
    plain = (
        headers.getall(hdrs.CONTENT_LENGTH, None) == [str(len(body))]
        and hdrs.TRANSFER_ENCODING not in headers
        and hdrs.CONTENT_ENCODING not in headers
        and hdrs.UPGRADE not in headers
        and (hdrs.CONNECTION not in headers or headers.getall(hdrs.CONNECTION) in _KEEP_ALIVE)
    )
    return (int(status[1]), CIMultiDictProxy(headers), body) if plain else None
