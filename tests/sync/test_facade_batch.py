"""`batch.map` of the blocking client: functions on threads, inputs that block, and what ends both."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from nexevo_async import BadRequestError, BatchRow, ConfigurationError, QuotaExceededError
from nexevo_async.models import ChatCompletion
from nexevo_async.sandbox import Sandbox
from nexevo_sync import ClientClosedError, Nexevo

CHAT = "chat.completions.create"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(rate_limit=None) as box:
        yield box


@pytest.fixture
def client(box: Sandbox) -> Iterator[Nexevo]:
    with Nexevo(box.api_key, base_url=box.base_url) as client:
        yield client


def ask(client: Nexevo, text: str) -> ChatCompletion:
    return client.chat.completions.create(model="nexevo/fast", messages=[{"role": "user", "content": text}])


def read_stream(client: Nexevo, text: str) -> str:
    messages = [{"role": "user", "content": text}]
    with client.chat.completions.stream(model="nexevo/fast", messages=messages) as stream:
        return "".join(stream.text())


def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


class Threads:
    """A function for a job that notes the threads it runs on."""

    def __init__(self, wait: float = 0.0) -> None:
        self.running = self.most = 0
        self.names: set[str] = set()
        self._lock = threading.Lock()
        self._wait = wait

    def __call__(self, client: Nexevo, item: int) -> int:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.names.add(threading.current_thread().name)
        time.sleep(self._wait)
        with self._lock:
            self.running -= 1
        return item


@pytest.mark.parametrize("ordered", [False, True])
def test_each_item_gets_one_row(client: Nexevo, ordered: bool) -> None:
    texts = [f"question {number}" for number in range(60)]
    rows = list(client.batch.map(texts, call=ask, concurrency=8, ordered=ordered))
    assert type(rows[0]) is BatchRow
    if not ordered:
        rows.sort(key=lambda row: row.index)
    assert [(row.index, row.item, row.attempts) for row in rows] == [(n, text, 1) for n, text in enumerate(texts)]
    for row in rows:
        assert row.value is not None
        assert row.item in (row.value.choices[0].message.content or "")


def test_functions_run_on_threads_as_many_as_there_may_be_calls(client: Nexevo) -> None:
    threads = Threads(0.002)
    assert sorted(row.index for row in client.batch.map(range(50), call=threads, concurrency=3)) == [*range(50)]
    assert threads.most == 3
    assert threads.names == {"AnyIO worker thread"}


def test_the_client_that_is_given_is_a_blocking_view(client: Nexevo) -> None:
    def inspected(given: Nexevo, item: int) -> tuple[type, bool]:
        given.close()
        return type(given), given.is_closed

    assert [row.value for row in client.batch.map([1], call=inspected)] == [(Nexevo, False)]
    assert client.models.list()


def test_errors_of_the_library_are_rows_and_mistakes_are_raised(client: Nexevo, box: Sandbox) -> None:
    box.fault(0, "status", status=400, route=CHAT, count=1)
    rows = list(client.batch.map(["a", "b"], call=ask, concurrency=1))
    assert [type(row.error) for row in rows] == [BadRequestError, type(None)]

    def mistake(client: Nexevo, item: str) -> str:
        raise KeyError(item)

    with pytest.raises(KeyError, match="a"):
        list(client.batch.map(["a", "b"], call=mistake))


def test_a_used_up_quota_is_raised_after_the_rows(client: Nexevo, box: Sandbox) -> None:
    body = {"error": {"code": "tenant_monthly_quota_exceeded", "message": "used up"}}
    rows = client.batch.map([f"question {number}" for number in range(50)], call=ask, concurrency=4)
    done = [next(rows)]
    box.fault(0, "status", status=429, body=body, route=CHAT)
    with pytest.raises(QuotaExceededError):
        done.extend(rows)
    assert all(row.error is None for row in done)
    assert len(done) < 30


def test_an_input_that_blocks_stops_nothing_else(client: Nexevo) -> None:
    """It is read on a thread, one item at a time, and closed at the end."""
    lines: SimpleQueue[str | None] = SimpleQueue()
    readers = set()
    closed = threading.Event()

    def items() -> Iterator[str]:
        try:
            while (line := lines.get()) is not None:
                readers.add(threading.current_thread().name)
                yield line
        finally:
            closed.set()

    lines.put("first")
    held = items()  # so that it is not closed by being forgotten
    rows = client.batch.map(held, call=ask)
    assert next(rows).item == "first"
    assert client.models.list()  # the loop is free while the input blocks
    lines.put("second")
    assert next(rows).item == "second"
    lines.put(None)
    assert list(rows) == []
    assert readers == {"AnyIO worker thread"}
    assert closed.is_set()


def test_an_input_is_closed_when_the_job_is_left(client: Nexevo) -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.set()

    held = items()
    with client.batch.map(held, call=Threads(), concurrency=2) as rows:
        next(rows)
        assert not closed.is_set()
    assert closed.is_set()


def test_an_input_that_raises_is_raised(client: Nexevo) -> None:
    def items() -> Iterator[str]:
        yield "a"
        raise OSError("disk")

    rows = client.batch.map(items(), call=ask)
    assert next(rows).item == "a"
    with pytest.raises(OSError, match="disk"):
        next(rows)


def test_a_slow_reader_slows_the_reading(client: Nexevo) -> None:
    """Twice the concurrency for the job, and once for what waits on this side."""
    read: list[int] = []

    def endless() -> Iterator[int]:
        for number in range(10**9):
            read.append(number)
            yield number

    with client.batch.map(endless(), call=Threads(), concurrency=2) as rows:
        for taken in range(1, 10):
            next(rows)
            time.sleep(0.03)
            assert len(read) <= taken + 3 * 2


def test_leaving_ends_calls_streams_and_threads(client: Nexevo, box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """A thread cannot be cancelled, but what it waits for can; what that raises there is nobody's business."""
    box.fault(0, "hang", route="models.list")
    box.fault(0, "stream_stall", after=2)
    ended = []

    def work(client: Nexevo, item: int) -> object:
        if item == 0:
            return item
        try:
            return read_stream(client, "Hello!") if item > 3 else client.models.list()
        finally:
            ended.append(item)

    with client.batch.map(range(100), call=work, concurrency=8) as rows:
        assert next(rows).index == 0
        until(lambda: box.in_flight(0) == 8)
    assert sorted(ended) == [*range(1, 9)]
    until(lambda: not box.in_flight(0))
    assert client.billing.balance()
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def test_a_function_that_goes_on_after_the_end_makes_no_call(client: Nexevo, box: Sandbox) -> None:
    box.fault(0, "hang", route=CHAT)
    outcomes = []

    def stubborn(client: Nexevo, item: int) -> None:
        for _ in range(3 if item else 0):
            try:
                ask(client, "Hello!")
            except BaseException as error:
                outcomes.append(type(error).__name__)

    with client.batch.map(range(3), call=stubborn) as rows:
        assert next(rows).index == 0
        until(lambda: box.in_flight(0) == 2)
    assert outcomes == ["CancelledError"] * 6
    assert sum(entry.route == CHAT for entry in box.journal()) == 2


def test_a_job_that_is_dropped_cleans_up_and_warns(client: Nexevo, box: Sandbox) -> None:
    box.fault(0, "hang", route=CHAT)

    def all_but_the_first(client: Nexevo, item: int) -> int:
        if item:
            ask(client, "Hello!")
        return item

    with pytest.warns(ResourceWarning, match="dropped before its end"):  # noqa: PT031 - the loop is what drops it
        for row in client.batch.map(range(10), call=all_but_the_first, concurrency=3):
            assert row.index == 0
            break
    until(lambda: not box.in_flight(0))


def test_closing_the_client_ends_its_jobs(client: Nexevo, box: Sandbox) -> None:
    box.fault(0, "hang", route=CHAT)
    rows = client.batch.map(["a", "b"], call=ask)
    closing = threading.Thread(target=lambda: (until(lambda: box.in_flight(0) == 2), client.close()))
    closing.start()
    with pytest.raises(ClientClosedError):
        list(rows)
    closing.join()


@POSIX
@pytest.mark.parametrize("blocked", ["call", "input"])
def test_ctrl_c_ends_the_job_and_the_client_goes_on(client: Nexevo, box: Sandbox, blocked: str) -> None:
    """Raised once, with nothing left; an input that blocks in its thread is not waited for, and closed later."""
    box.fault(0, "hang", route=CHAT)
    lines: SimpleQueue[str] = SimpleQueue()
    closed = threading.Event()

    def items() -> Iterator[str]:
        try:
            yield "a"
            yield "b"
            while blocked == "input":
                yield lines.get()
        finally:
            closed.set()

    def interrupt() -> None:
        until(lambda: box.in_flight(0) == 2)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    bell = threading.Thread(target=interrupt)
    bell.start()
    held = items()  # so that it is not closed by being forgotten
    with pytest.raises(KeyboardInterrupt):
        list(client.batch.map(held, call=ask))
    bell.join()
    until(lambda: not box.in_flight(0))
    assert client.models.list()
    lines.put("too late")
    assert closed.wait(5)
    assert sum(entry.route == CHAT for entry in box.journal()) == 2


def test_what_cannot_work_is_refused_where_it_is_called(client: Nexevo) -> None:
    async def later(client: Nexevo, item: int) -> int:
        return item

    async def items() -> AsyncIterator[int]:
        yield 1

    arguments: Any
    for arguments, message in [
        ({"items": [1], "call": later}, "call must be a plain function here"),
        ({"items": [1], "call": 7}, "call must be a function"),
        ({"items": "text", "call": ask}, "not a single text"),
        ({"items": 7, "call": ask}, "items must be an iterable"),
        ({"items": [1], "call": ask, "concurrency": 0}, "at least 1"),
    ]:
        with pytest.raises(ConfigurationError, match=message):
            client.batch.map(arguments.pop("items"), **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client.batch.map([1], call=ask).close()
