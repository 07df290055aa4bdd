"""One connection, used for one request after another: every kind of answer, in any order, read fast or slowly."""

from __future__ import annotations

import asyncio
import gc
import gzip
from typing import Any

import aiohttp
import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexevo_async._messages import AttemptFailed
from tests.core.raw_server import RawServer, Visit
from tests.core.sending import GET, a_sender, attempt, within


@attrs.frozen
class Answer:
    """Bytes of an answer, what they should be read as, and where they are torn apart on their way."""

    status: int
    body: bytes
    form: str
    tear: int

    def data(self) -> bytes:
        head = f"HTTP/1.1 {self.status} Some Thing\r\nX-Number: {self.status}\r\n"
        body = self.body
        if self.form == "nothing":
            return f"{head}\r\n".encode()
        if self.form == "gzip":
            body = gzip.compress(body)
            head += "Content-Encoding: gzip\r\n"
        if self.form == "chunked":
            pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
            return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _answer(status: int, body: bytes, form: str, tear: int) -> Answer:
    return (
        Answer(status, b"" if form == "nothing" else body, form, tear)
        if status != 204
        else Answer(204, b"", "nothing", tear)
    )


ANSWERS = st.lists(
    st.builds(
        _answer,
        st.sampled_from([200, 201, 204, 301, 404, 500]),
        st.binary(max_size=60),
        st.sampled_from(["length", "chunked", "gzip"]),
        st.integers(0, 200),
    ),
    min_size=1,
    max_size=6,
)


@given(answers=ANSWERS, through_session=st.lists(st.booleans(), min_size=6, max_size=6))
@settings(max_examples=60, deadline=None)
async def test_answers_of_every_kind_are_read_one_after_another(
    answers: list[Answer], through_session: list[bool]
) -> None:
    """Both ways in turn, which read with different settings of aiohttp's parser."""
    genuine = aiohttp.ClientSession._request

    async def wrapped(self: Any, *rest: Any, **named: Any) -> aiohttp.ClientResponse:
        return await genuine(self, *rest, **named)

    async def behave(visit: Visit) -> None:
        for answer in answers:
            await visit.request()
            data = answer.data()
            visit.send(data[: answer.tear])
            if answer.tear < len(data):
                await asyncio.sleep(0)
                visit.send(data[answer.tear :])
        await visit.hang()

    async with RawServer(behave) as server, a_sender() as sender:
        for answer, indirect in zip(answers, through_session, strict=False):
            with pytest.MonkeyPatch.context() as patch:
                if indirect:
                    patch.setattr(aiohttp.ClientSession, "_request", wrapped)
                response = await attempt(sender, server.url)
            assert (response.status, response.body) == (answer.status, answer.body)
            assert response.headers["X-Number"] == str(answer.status)
        assert server.connections == 1


async def test_settings_of_the_session_do_not_stay_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = aiohttp.ClientSession._request

    async def hurried(self: Any, *rest: Any, **named: Any) -> aiohttp.ClientResponse:
        return await genuine(self, *rest, **{**named, "timeout": aiohttp.ClientTimeout(sock_read=0.05)})

    async def behave(visit: Visit) -> None:
        for delay in (0.0, 0.15):
            await visit.request()
            data = Answer(200, b"{}", "length", 0).data()
            visit.send(data[:-1])
            await asyncio.sleep(delay)
            visit.send(data[-1:])

    async with RawServer(behave) as server, a_sender() as sender:
        with monkeypatch.context() as patch:
            patch.setattr(aiohttp.ClientSession, "_request", hurried)
            await attempt(sender, server.url)
        assert (await attempt(sender, server.url)).body == b"{}"
        assert server.connections == 1


@pytest.mark.parametrize("form", ["length", "chunked", "gzip"])
async def test_a_slow_reader_holds_the_sender_back_and_gets_every_byte(form: str) -> None:
    body = bytes(range(256)) * 40_000  # ten megabytes, far more than any buffer on the way
    data = Answer(200, body, "length" if form == "chunked" else form, 0).data()
    if form == "chunked":
        pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    sent = asyncio.Event()

    async def behave(visit: Visit) -> None:
        await visit.request()
        visit.send(data)
        await visit.writer.drain()
        sent.set()
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async with RawServer(behave) as server, a_sender() as sender:
        answer = await sender.open(server.url, GET, authorization=None, limits=within(20.0))
        await asyncio.sleep(0.05)
        if form != "gzip":
            assert not sent.is_set()  # nobody has read: the rest waits on the other side
        got = []
        while piece := await answer.read():
            got.append(piece)
            if len(got) % 20 == 0:
                await asyncio.sleep(0.001)
        await answer.aclose()
        assert b"".join(got) == body
        assert (await attempt(sender, server.url)).body == b"{}"
        assert server.connections == 1


@pytest.mark.parametrize(
    "stray",
    [
        b"HTTP/1.1 200 OK\r\nX-Stale: 1\r\nContent-Length: 5\r\n\r\nstale"[:30],
        b"HTTP/1.1 500 Oops\r\nX-A: b",
        b"HTTP/1.1 408",
        b"\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
    ],
)
async def test_what_arrives_while_nobody_waits_is_no_part_of_the_next_answer(stray: bytes) -> None:
    async def behave(visit: Visit) -> None:
        while await visit.request():
            visit.send(Answer(200, b"mine", "length", 0).data())
            await asyncio.sleep(0.02)
            visit.send(stray)

    async with RawServer(behave) as server, a_sender() as sender:
        for number in (1, 2):
            response = await attempt(sender, server.url)
            assert (response.status, response.body, response.headers["X-Number"]) == (200, b"mine", "200")
            assert server.connections == number
            await asyncio.sleep(0.05)


async def test_an_answer_in_very_many_pieces_holds_nothing_back_from_the_next_one() -> None:
    """aiohttp's parser stops for a moment after so many chunks, which may be at the very end of the answer."""
    count = 2**18 // 16 + 1
    chunks = b"1\r\nx\r\n" * count

    async def behave(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        await visit.request()
        visit.send(Answer(200, b"{}", "length", 0).data())

    async with RawServer(behave) as server, a_sender() as sender:
        assert len((await attempt(sender, server.url)).body) == count
        assert (await attempt(sender, server.url, limits=within(2.0))).body == b"{}"


async def test_an_answer_that_comes_before_the_request_has_gone_ends_the_connection() -> None:
    async def behave(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        visit.send(Answer(413, b"{}", "length", 0).data())
        if visit.server.connections == 1:
            await asyncio.sleep(3600)  # and never reads the rest

    async with RawServer(behave) as server, a_sender() as sender:
        upload = attrs.evolve(GET, method="POST", body=b"x" * 30_000_000)
        assert (await attempt(sender, server.url, upload)).status == 413
        assert (await attempt(sender, server.url)).status == 413
        assert server.connections == 2


async def test_closing_does_not_wait_for_a_server_that_takes_nothing() -> None:
    arrived = asyncio.Event()

    async def behave(visit: Visit) -> None:
        await visit.reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await asyncio.sleep(3600)

    async with RawServer(behave) as server, a_sender() as sender:
        upload = attrs.evolve(GET, method="POST", body=b"x" * 30_000_000)
        sending = asyncio.ensure_future(attempt(sender, server.url, upload))
        await arrived.wait()
        async with asyncio.timeout(1.0):
            await sender.aclose()
        with pytest.raises(AttemptFailed):
            await sending


async def test_a_connection_that_ended_is_gone_without_the_garbage_collector() -> None:
    async def behave(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")

    async with RawServer(behave) as server, a_sender() as sender:
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                await attempt(sender, server.url)
            await server.all_left()
            await asyncio.sleep(0.01)
            session = sender._sessions.peek()
            assert session is not None
            assert session._connector is not None
            assert len(session._connector._made) <= 1
        finally:
            gc.enable()
