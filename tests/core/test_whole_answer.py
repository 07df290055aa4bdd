"""The short cut reads what aiohttp's parser reads, or nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp.client_proto import ResponseHandler
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nexevo_async._whole_answer import whole_answer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Trace-ID: t-1\r\nContent-Length: 2\r\n"


def read_by_aiohttp(data: bytes) -> tuple[int, list[tuple[str, str]], bytes] | None:
    """One complete answer after which the connection can be used again; else None."""
    loop = asyncio.new_event_loop()
    try:
        handler: Any = ResponseHandler(loop)
        handler.set_response_params(read_until_eof=True)
        handler.data_received(data)
        if handler.exception() is not None or len(handler._buffer) != 1:
            return None
        (message, content), _ = handler._buffer.popleft()
        if not content.is_eof() or content.exception() is not None or handler.should_close:
            return None
        return message.code, _spelled_alike(message.headers), content.read_nowait()
    finally:
        loop.close()


def _spelled_alike(headers: Any) -> list[tuple[str, str]]:
    """aiohttp spells the names it knows in its own way; nobody sees it, as they ignore case."""
    return [(name.lower(), value) for name, value in headers.items()]


def same_as_aiohttp(data: bytes) -> bool:
    """Whether it was read at all; fails if it was read in another way."""
    whole = whole_answer(data)
    if whole is None:
        return False
    status, headers, body = whole
    assert read_by_aiohttp(data) == (status, _spelled_alike(headers), body)
    return True


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"\r\n{}",
        HEAD.replace(b"Length: 2", b"Length: 0") + b"\r\n",
        HEAD.replace(b"200 OK", b"429 Too Many Requests") + b"\r\n{}",
        HEAD.replace(b"200 OK", b"500 ") + b"\r\n{}",
        HEAD + b"Connection: keep-alive\r\n\r\n{}",
        HEAD + b"connection: Keep-Alive\r\nSet-Cookie: a=1; b\r\nset-cookie: c\r\n\r\n{}",
        HEAD + "X-Name: Größe\r\n\r\n".encode() + b"{}",
        HEAD + b"X-Name: \xff\r\n\r\n{}",
        HEAD.replace(b"Length: 2", b"Length: 6") + b"\r\n{\r\n\r\n}",
    ],
)
def test_what_servers_usually_say_is_read(data: bytes) -> None:
    assert same_as_aiohttp(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD,
        HEAD + b"\r\n{",
        HEAD + b"\r\n{}x",
        HEAD + b"\r\n{}" + HEAD + b"\r\n{}",
        HEAD.replace(b"200", b"100") + b"\r\n{}",
        HEAD.replace(b"200", b"204") + b"\r\n{}",
        HEAD.replace(b"200", b"304") + b"\r\n{}",
        HEAD.replace(b"200", b"407") + b"\r\n{}",
        HEAD.replace(b"200", b"2000") + b"\r\n{}",
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n{}",
        HEAD.replace(b"Length: 2", b"Length: 02") + b"\r\n{}",
        HEAD.replace(b"Length: 2", b"Length: +2") + b"\r\n{}",
        HEAD.replace(b"Length: 2", b"Length:  2") + b"\r\n{}",
        HEAD.replace(b"Length: 2", b"Length : 2") + b"\r\n{}",
        HEAD.replace(b"Length: 2", b"Length: 2 ") + b"\r\n{}",
        HEAD.replace(b"Content-Length: 2\r\n", b"") + b"\r\n{}",
        HEAD + b"Content-Length: 2\r\n\r\n{}",
        HEAD + b"content-length: 3\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: identity\r\n\r\n{}",
        HEAD + b"Content-Encoding: gzip\r\n\r\n{}",
        HEAD + b"Connection: close\r\n\r\n{}",
        HEAD + b"Connection: keep-alive, close\r\n\r\n{}",
        HEAD + b"Connection: keep-alive\r\nConnection: close\r\n\r\n{}",
        HEAD + b"Upgrade: h2c\r\n\r\n{}",
        HEAD + b"X-Folded: a\r\n b\r\n\r\n{}",
        HEAD + b"X-Broken\r\n\r\n{}",
        HEAD + b"X-Bare: a\nTransfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"X-Bare: a\rb\r\n\r\n{}",
        HEAD + b"X-Zero: a\0b\r\n\r\n{}",
        HEAD + b"X Space: a\r\n\r\n{}",
        HEAD + b": nameless\r\n\r\n{}",
        HEAD + b"X-Tab: \ta\r\n\r\n{}",
        HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(200)) + b"\r\n{}",
        HEAD + b"X-Long: " + b"a" * 9000 + b"\r\n\r\n{}",
        b"\r\n" + HEAD + b"\r\n{}",
    ],
)
def test_whatever_is_unusual_is_left_to_aiohttp(data: bytes) -> None:
    assert whole_answer(data) is None


LINES = st.sampled_from(
    b"X-A: 1|X-B: a: b|X-C:d|X-D: |X-E:  e|Connection: keep-alive|connection: close|Transfer-Encoding: chunked"
    b"|Content-Encoding: br|Set-Cookie: a| folded|Content-Length: 1|Upgrade: x|X-F: \xc3\xbc|X-G: \xff|x-a: 2"
    b"|Content-Type: text/html|X-H\x01: a|".split(b"|")
)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    body = draw(st.binary(max_size=12))
    status = draw(st.sampled_from([b"200 OK", b"404 ", b"503 A B", b"201", b"204 No", b"304 Not", b"101 S", b"999 X"]))
    lines = draw(st.lists(LINES, max_size=4))
    lines.insert(draw(st.integers(0, len(lines))), b"Content-Length: %d" % len(body))
    data = b"HTTP/1.1 " + status + b"\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + body
    for _ in range(draw(st.integers(0, 3))):  # a byte lost, added or changed on the way
        at = draw(st.integers(0, len(data)))
        new = draw(st.sampled_from([b"", b" ", b"\r", b"\n", b"\0", b":", b"x", b"\t", b"\x80", b"1", b"\r\n"]))
        data = data[:at] + new + data[at + draw(st.integers(0, 1)) :]
    return data


@given(data=answers())
@example(data=HEAD + b"\r\n{}")
@settings(max_examples=3000, deadline=None)
def test_nothing_is_read_in_another_way_than_aiohttp_does(data: bytes) -> None:
    same_as_aiohttp(data)


def test_a_damaged_byte_is_never_read_in_another_way() -> None:
    data = HEAD + b"Connection: keep-alive\r\nX-Name: Gr\xc3\xb6\xc3\x9fe\r\n\r\n{}"
    read = 0
    for at in range(len(data)):
        for byte in (*b"\0\t\n\r :;xX0129\x7f\x80\xff", data[at] ^ 0x20):
            read += same_as_aiohttp(data[:at] + bytes([byte]) + data[at + 1 :])
        same_as_aiohttp(data[:at])
        same_as_aiohttp(data[:at] + data[at + 1 :])
    assert read > 500
