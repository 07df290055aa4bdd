"""Streams of which much has arrived at once: their chunks are made on the reading thread."""
# ruff: noqa: PT012 - these tests are about what came before the error

from __future__ import annotations

import itertools
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest

from nexevo_async.errors import ClientClosedError, StreamError, StreamTruncatedError
from nexevo_sync import Nexevo
from nexevo_sync.streaming import ChatStream

COUNT = 5_000
DONE = b"data: [DONE]\n\n"


class Interrupted(BaseException):
    """Raised by a signal handler."""


def event(text: str, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, **more}
    return b"data: %s\n\n" % json.dumps({"id": "c-1", "object": "chat.completion.chunk", "choices": [choice]}).encode()


def events(count: int = COUNT) -> list[bytes]:
    return [event(f"{number} ") for number in range(count)]


class Counted:
    """Pieces of a body, and how many of them were sent."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.count = 0
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            yield piece
            self.count += 1


Serve = Callable[[Iterable[bytes]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Answers each request with a stream of these pieces, one write each, and gives the base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    bodies: list[Iterable[bytes]] = []
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    ended = threading.Event()

    def answer(peer: socket.socket) -> None:
        with peer:
            received = b""
            while not received.endswith(b"}"):
                received += peer.recv(65536)
            try:
                for piece in itertools.chain([head], *bodies):
                    peer.sendall(piece)
                    if piece == STALL:
                        ended.wait(30)
            except OSError:  # the client has gone
                pass

    def run() -> None:
        with listener:
            threads = []
            while not ended.is_set():
                try:
                    peer, _ = listener.accept()
                except OSError:
                    break
                threads.append(threading.Thread(target=answer, args=(peer,)))
                threads[-1].start()
            for thread in threads:
                thread.join()

    server = threading.Thread(target=run)

    def start(body: Iterable[bytes]) -> str:
        bodies.append(body)
        server.start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    ended.set()
    listener.shutdown(socket.SHUT_RDWR)
    server.join()


#: A comment after which the server sends nothing more for now.
STALL = b": wait\n\n"


def opened(client: Nexevo) -> ChatStream:
    messages = [{"role": "user", "content": "Count."}]
    return client.chat.completions.create(model="nexevo/fast", messages=messages, stream=True)


@pytest.mark.parametrize("size", [1, 7, 100, COUNT])
def test_every_chunk_is_there_once_and_in_order_however_many_arrive_at_once(serve: Serve, size: int) -> None:
    singles = events()
    pieces = [b"".join(singles[begin : begin + size]) for begin in range(0, COUNT, size)]
    with Nexevo(api_key="sk-1", base_url=serve([*pieces, event("", finish_reason="stop"), DONE])) as client:
        with opened(client) as stream:
            texts = [chunk.text for chunk in stream]
        assert texts == [*(f"{number} " for number in range(COUNT)), ""]
        assert stream.final().choices[0].message.content == "".join(texts)
        assert "complete" in repr(stream)


def test_an_error_comes_after_everything_before_it(serve: Serve) -> None:
    failed = b'data: {"error": {"message": "the model fell over", "code": "overloaded"}}\n\n'
    with Nexevo(api_key="sk-1", base_url=serve([b"".join([*events(), failed, *events(3)])])) as client:
        stream = opened(client)
        texts = []
        with pytest.raises(StreamError, match="the model fell over") as caught:
            for chunk in stream:
                texts.append(chunk.text)
        assert texts == [f"{number} " for number in range(COUNT)]
        assert caught.value.partial is not None
        assert caught.value.partial.choices[0].message.content == "".join(texts)


def test_a_stream_that_is_cut_short_says_so_after_everything_that_came(serve: Serve) -> None:
    with Nexevo(api_key="sk-1", base_url=serve([b"".join(events())])) as client:
        stream = opened(client)
        assert len([next(stream) for _ in range(COUNT)]) == COUNT
        with pytest.raises(StreamTruncatedError) as caught:
            next(stream)
        assert caught.value.partial is not None
        assert caught.value.partial.choices[0].message.content == "".join(f"{number} " for number in range(COUNT))


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_threads_that_share_a_stream_have_every_chunk_once(serve: Serve) -> None:
    with Nexevo(api_key="sk-1", base_url=serve([b"".join(events()), event("", finish_reason="stop"), DONE])) as client:
        stream = opened(client)
        found: list[list[str]] = [[] for _ in range(4)]
        threads = [threading.Thread(target=lambda mine=mine: mine.extend(c.text for c in stream)) for mine in found]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        texts = sorted(itertools.chain.from_iterable(found))
        assert texts == sorted([*(f"{number} " for number in range(COUNT)), ""])
        assert stream.final().choices[0].message.content is not None


@pytest.mark.usefixtures("hasty")
def test_what_has_come_can_be_looked_at_at_any_time(serve: Serve) -> None:
    whole = "".join(f"{number} " for number in range(COUNT))
    with Nexevo(api_key="sk-1", base_url=serve([b"".join(events()), event("", finish_reason="stop"), DONE])) as client:
        stream = opened(client)
        reading = threading.Event()
        looks: list[str] = []

        def look() -> None:
            while not reading.is_set():
                looks.append(stream.snapshot().choices[0].message.content or "")

        thread = threading.Thread(target=look)
        next(stream)
        thread.start()
        given = "0 " + "".join(chunk.text for chunk in stream)
        reading.set()
        thread.join()
        assert given == whole
        assert all(whole.startswith(seen) for seen in looks)
        assert stream.snapshot().choices[0].message.content == whole


def test_leaving_early_frees_the_connection_and_gives_no_more(serve: Serve) -> None:
    with Nexevo(api_key="sk-1", base_url=serve([b"".join(events()), STALL])) as client:
        with opened(client) as stream:
            texts = [next(stream).text for _ in range(300)]
        assert texts == [f"{number} " for number in range(300)]
        assert list(stream) == []
        assert "closed" in repr(stream)


def test_closing_the_client_in_the_middle_ends_the_reader_with_the_closed_error(serve: Serve) -> None:
    client = Nexevo(api_key="sk-1", base_url=serve([b"".join(events()), STALL]))
    stream = opened(client)
    texts: list[str] = []
    with pytest.raises(ClientClosedError):
        for chunk in stream:
            texts.append(chunk.text)
            if len(texts) == 300:
                closing = threading.Thread(target=client.close)
                closing.start()
                closing.join()
    # What was ready on this side is given out first, and nothing twice.
    assert texts == [f"{number} " for number in range(len(texts))]
    assert 300 <= len(texts) < COUNT


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
def test_interrupts_at_any_moment_lose_and_double_nothing(serve: Serve) -> None:
    def interrupt(number: int, frame: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    main = threading.main_thread().ident or 0
    with Nexevo(api_key="sk-1", base_url=serve([b"".join(events()), STALL])) as client:
        try:
            for turn in range(60):
                texts: list[str] = []
                stream = opened(client)
                bell = threading.Timer(turn * 2e-4, signal.pthread_kill, (main, signal.SIGUSR1))
                try:
                    bell.start()
                    for chunk in stream:
                        texts.append(chunk.text)
                    time.sleep(5)
                except Interrupted:
                    stream.close()
                bell.join()
                assert texts == [f"{number} " for number in range(len(texts))]
        finally:
            signal.signal(signal.SIGUSR1, before)


def test_a_slow_reader_slows_the_server(serve: Serve) -> None:
    sent = Counted([b"".join(events()) for _ in range(100)])
    with Nexevo(api_key="sk-1", base_url=serve(sent)) as client, opened(client) as stream:
        next(stream)
        while (before := sent.count) != (time.sleep(0.2), sent.count)[1]:
            pass
        assert before < 50
