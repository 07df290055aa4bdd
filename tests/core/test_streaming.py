"""Chat streams over an answer that follows a script: limits, leaving early, closing, and what is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import pickle
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nexevo_async._messages import AttemptFailed, FailureKind, Headers
from nexevo_async.config import Timeout
from nexevo_async.errors import (
    APIConnectionError,
    APITimeoutError,
    NexevoError,
    RateLimitError,
    StreamError,
    StreamTruncatedError,
)
from nexevo_async.streaming import ChatStream, ChatStreamManager

HANG = 3600.0
BROKEN = AttemptFailed(FailureKind.BROKEN, "connection reset")
DONE = b"data: [DONE]\n\n"
ROLE = b'data: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}\n\n'
NO_LIMITS = Timeout(total=None, first_token=None, between_content=None)


def event(text: str = "", finish: str | None = None) -> bytes:
    return (
        b"data: " + json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": finish}]}).encode() + b"\n\n"
    )


class Scripted:
    """An answer that gives bytes, waits (a number of seconds) or breaks (an exception), then ends cleanly."""

    status = 200
    base_url = "https://a.example"
    on_break: Callable[[AttemptFailed], None] | None = None

    def __init__(self, *steps: bytes | float | Exception, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.headers = Headers.of({"X-Trace-ID": "t-1", **named})
        self.steps = list(steps)
        self.reads = 0
        self.at_eof = False
        self.ended: list[str] = []

    async def read(self) -> bytes:
        self.reads += 1
        while self.steps:
            step = self.steps.pop(0)
            if isinstance(step, Exception):
                raise step
            if isinstance(step, bytes):
                return step
            await asyncio.sleep(step)
        self.at_eof = True
        return b""

    async def aclose(self) -> None:
        self.ended.append("returned" if self.at_eof else "closed")

    def abort(self) -> None:
        self.ended.append("aborted")


def stream_of(*steps: bytes | float | Exception, timeout: Timeout = NO_LIMITS, **arguments: Any) -> ChatStream:
    return ChatStream(Scripted(*steps), call="chat.completions.create", timeout=timeout, **arguments)


def script(stream: ChatStream) -> Scripted:
    answer = stream._answer
    assert isinstance(answer, Scripted)
    return answer


async def texts_and_error(stream: ChatStream) -> tuple[list[str], NexevoError | None]:
    found: list[str] = []
    try:
        async for chunk in stream:
            found.append(chunk.text)
    except NexevoError as error:
        return found, error
    return found, None


async def test_iterating_gives_chunks_and_then_ends_for_good() -> None:
    stream = stream_of(event("Hel") + event("lo"), event(finish="stop"), DONE)
    assert await texts_and_error(stream) == (["Hel", "lo", ""], None)
    assert await texts_and_error(stream) == ([], None)


async def test_text_gives_text_alone_and_final_the_message() -> None:
    usage = b'data: {"choices": [], "usage": {"total_tokens": 3}}\n\n'
    async with stream_of(ROLE, b": hi\n\n", event("Hel"), event("lo"), event(finish="stop"), usage, DONE) as stream:
        assert [text async for text in stream.text()] == ["Hel", "lo"]
        final = await stream.final()
    assert final.choices[0].message.content == "Hello"
    assert final.choices[0].finish_reason == "stop"
    assert final.usage is not None
    assert final.usage.total_tokens == 3
    assert final.trace_id == "t-1"


async def test_final_reads_what_is_left() -> None:
    stream = stream_of(event("Hel"), event("lo"), DONE)
    assert (await anext(stream)).text == "Hel"
    assert (await stream.final()).choices[0].message.content == "Hello"
    assert (await stream.final()).choices[0].message.content == "Hello"


async def test_the_head_is_readable_before_the_first_chunk() -> None:
    answer = Scripted(event("x"), DONE, X_Nexevo_Generation_Id="gen_1", X_RateLimit_Remaining="7", X_Nexevo_Cache="hit")
    async with ChatStream(answer, call="chat.completions.create", timeout=NO_LIMITS) as stream:
        assert (stream.generation_id, stream.trace_id) == ("gen_1", "t-1")
        assert (stream.nexevo.generation_id, stream.nexevo.other) == ("gen_1", {"X-Nexevo-Cache": "hit"})
        assert stream.limits is not None
        assert stream.limits.remaining == 7
        assert stream.headers["x-nexevo-cache"] == "hit"
        assert answer.reads == 0


async def test_the_generation_id_may_come_with_a_chunk() -> None:
    stream = stream_of(b'data: {"choices": [], "nexevo": {"generation_id": "gen_2"}}\n\n', DONE)
    assert stream.generation_id is None
    await stream.final()
    assert stream.generation_id == "gen_2"


async def test_several_chunks_cross_in_one_batch_and_an_empty_one_is_the_end() -> None:
    stream = stream_of(event("a") + event("b") + event("c"), event("d"), DONE)
    batches = [[chunk.text for chunk in await stream.next_batch(2)] for _ in range(4)]
    assert batches == [["a", "b"], ["c"], ["d"], []]


async def test_a_batch_comes_before_the_error_behind_it() -> None:
    stream = stream_of(event("a") + b'data: {"error": {"message": "m"}}\n\n')
    assert [chunk.text for chunk in await stream.next_batch()] == ["a"]
    for _ in range(2):
        with pytest.raises(StreamError):
            await stream.next_batch()


async def test_after_the_marker_the_rest_is_read_so_that_the_connection_can_be_used_again() -> None:
    stream = stream_of(event("a") + DONE, b"\n", b"\n")
    await stream.final()
    assert script(stream).ended == ["returned"]


async def test_a_rest_that_does_not_come_is_not_waited_for() -> None:
    stream = stream_of(event("a") + DONE, HANG)
    started = time.monotonic()
    await stream.final()
    assert time.monotonic() - started < 1
    assert script(stream).ended == ["closed"]


async def test_a_rest_that_breaks_does_no_harm() -> None:
    stream = stream_of(event("a") + DONE, BROKEN)
    assert (await stream.final()).choices[0].message.content == "a"


async def test_leaving_at_the_marker_also_returns_the_connection() -> None:
    async with stream_of(event("a") + DONE) as stream:
        await anext(stream)
        assert stream._reader.take() is None  # the marker is seen, its end is not read
    assert script(stream).ended == ["returned"]


async def test_leaving_early_closes_and_nothing_more_is_read() -> None:
    async with stream_of(event("a"), event("b"), HANG) as stream:
        async for _ in stream.text():
            break
    assert (script(stream).ended, script(stream).reads) == (["closed"], 1)
    await stream.aclose()
    assert script(stream).ended == ["closed"]


async def test_a_stream_that_was_closed_early_says_so_instead_of_ending() -> None:
    stream = stream_of(event("Hel"), event("lo"), DONE)
    await anext(stream)
    await stream.aclose()
    with pytest.raises(StreamTruncatedError, match="closed before its end"):
        await anext(stream)
    with pytest.raises(StreamTruncatedError):
        await stream.final()
    assert (await stream.final(allow_partial=True)).choices[0].message.content == "Hel"


async def test_an_error_in_the_body_of_the_with_passes_bare_and_closes() -> None:
    stream = stream_of(event("a"), HANG)
    with pytest.raises(ZeroDivisionError):
        async with stream:
            raise ZeroDivisionError
    assert script(stream).ended == ["closed"]


async def test_a_clean_end_without_marker_or_reason_is_an_error_every_time() -> None:
    stream = stream_of(event("Hel"), event("lo"))
    found, error = await texts_and_error(stream)
    assert found == ["Hel", "lo"]
    assert isinstance(error, StreamTruncatedError)
    assert error.partial is not None
    assert error.partial.choices[0].message.content == "Hello"
    with pytest.raises(StreamTruncatedError):
        await stream.final()
    assert (await stream.final(allow_partial=True)).choices[0].message.content == "Hello"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (event("Hel"), ["the stream ended without an end marker and without a finish reason"]),
        (b"", ["the stream ended without an end marker and without a finish reason"]),
        (b"healthy", ["a stream was asked for, and the answer is not a chat completion"]),
        (b'{"error": {"message": "m"}}', []),
        (event("Hello", finish="stop"), []),
        (event("Hel") + DONE, []),
    ],
)
async def test_an_end_that_came_too_early_is_told_to_whoever_judges_the_endpoint(body: bytes, told: list[str]) -> None:
    """However clean, it is no better than a connection that broke. An error that the service tells is an answer."""
    stream, heard = stream_of(body), list[AttemptFailed]()
    script(stream).on_break = heard.append
    with contextlib.suppress(NexevoError):
        await stream.final()
    assert [(failure.kind, failure.detail) for failure in heard] == [(FailureKind.BROKEN, words) for words in told]


async def test_a_connection_that_breaks_is_an_error_with_the_part_and_the_cause() -> None:
    found, error = await texts_and_error(stream_of(event("Hel"), BROKEN))
    assert found == ["Hel"]
    assert isinstance(error, StreamTruncatedError)
    assert isinstance(error.__cause__, APIConnectionError)
    assert error.partial is not None
    assert "the connection broke before the message was complete: connection reset" in str(error)
    assert "https://a.example" in str(error)
    assert pickle.loads(pickle.dumps(error)).partial == error.partial


async def test_a_connection_that_breaks_after_the_finish_reason_does_no_harm() -> None:
    stream = stream_of(event("Hello"), event(finish="stop"), BROKEN)
    assert await texts_and_error(stream) == (["Hello", ""], None)


async def test_nothing_foreign_hangs_on_an_error() -> None:
    for steps in ((BROKEN,), (HANG,)):
        _, error = await texts_and_error(stream_of(*steps, timeout=Timeout(total=None, first_token=0.01)))
        assert error is not None
        assert error.__suppress_context__


async def test_an_error_event_has_the_class_of_its_code_as_its_cause_and_closes() -> None:
    stream = stream_of(event("a"), b'data: {"error": {"message": "m", "code": "rate_limit_exceeded"}}\n\n', DONE)
    found, error = await texts_and_error(stream)
    assert found == ["a"]
    assert isinstance(error, StreamError)
    assert isinstance(error.__cause__, RateLimitError)
    assert script(stream).ended == ["aborted"]


@pytest.mark.parametrize("filler", [b": ping\n\n", ROLE, b'data: {"choices": []}\n\n'])
async def test_comments_and_empty_chunks_do_not_reset_the_limit_for_the_first_content(filler: bytes) -> None:
    stream = stream_of(*[filler, 0.01] * 100, timeout=Timeout(total=None, first_token=0.05))
    _, error = await texts_and_error(stream)
    assert isinstance(error, APITimeoutError)
    assert (error.limit, error.seconds) == ("first_token", 0.05)
    assert "the limit for the first content of 0.05 s passed (timeout.first_token)" in str(error)
    assert len(script(stream).steps) > 150


@pytest.mark.parametrize("filler", [b": ping\n\n", b'data: {"choices": []}\n\n'])
async def test_comments_and_empty_chunks_do_not_reset_the_limit_between_content(filler: bytes) -> None:
    limits = Timeout(total=None, first_token=None, between_content=0.05)
    stream = stream_of(0.08, event("Hel"), *[filler, 0.01] * 100, timeout=limits)
    found, error = await texts_and_error(stream)
    assert "".join(found) == "Hel"
    assert isinstance(error, APITimeoutError)
    assert isinstance(error, TimeoutError)
    assert error.limit == "between_content"
    assert error.partial is not None
    assert error.partial.choices[0].message.content == "Hel"
    assert script(stream).ended == ["aborted"]


async def test_content_resets_the_limit_between_content() -> None:
    limits = Timeout(total=None, first_token=0.1, between_content=0.1)
    stream = stream_of(*[event("x"), 0.03] * 6, DONE, timeout=limits)
    assert await texts_and_error(stream) == (["x"] * 6, None)


async def test_time_the_caller_takes_does_not_count() -> None:
    limits = Timeout(total=None, first_token=0.05, between_content=0.05)
    stream = stream_of(event("a"), 0.0, event("b"), 0.0, DONE, timeout=limits)
    async for _ in stream:
        await asyncio.sleep(0.08)
    assert stream.snapshot().choices[0].message.content == "ab"


async def test_time_spent_on_the_head_counts_for_the_first_content() -> None:
    stream = stream_of(0.05, event("a"), DONE, timeout=Timeout(total=None, first_token=1), waited=0.98)
    _, error = await texts_and_error(stream)
    assert isinstance(error, APITimeoutError)


async def test_the_deadline_of_the_call_covers_the_stream() -> None:
    limits = Timeout(total=5, first_token=None, between_content=1)
    stream = stream_of(*[event("x"), 0.01] * 100, timeout=limits, deadline=time.monotonic() + 0.05)
    found, error = await texts_and_error(stream)
    assert 0 < len(found) < 10
    assert isinstance(error, APITimeoutError)
    assert error.limit == "total"
    assert "the deadline of the whole call of 5 s passed (timeout.total)" in str(error)


async def test_a_limit_that_passes_after_the_finish_reason_does_no_harm() -> None:
    limits = Timeout(total=None, between_content=0.02)
    stream = stream_of(event("a"), event(finish="stop"), HANG, timeout=limits)
    assert await texts_and_error(stream) == (["a", ""], None)
    assert script(stream).ended == ["closed"]


async def test_bytes_that_are_there_are_given_out_even_past_the_deadline() -> None:
    stream = stream_of(event("a"), DONE, deadline=time.monotonic() - 1)
    assert await texts_and_error(stream) == (["a"], None)


async def test_cancelling_passes_untouched_and_closes() -> None:
    stream = stream_of(event("a"), HANG)
    task = asyncio.create_task(texts_and_error(stream))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert script(stream).ended == ["aborted"]


async def test_two_tasks_at_once_are_told_and_the_first_goes_on() -> None:
    stream = stream_of(0.02, event("a"), DONE)
    task = asyncio.create_task(texts_and_error(stream))
    await asyncio.sleep(0)
    with pytest.raises(StreamError, match="two tasks read the same stream"):
        await anext(stream)
    assert await task == (["a"], None)


async def test_the_end_is_told_once_with_its_reason() -> None:
    ends: list[BaseException | None] = []
    async with stream_of(event("a"), DONE, on_end=ends.append) as stream:
        await stream.final()
    assert ends == [None]
    _, error = await texts_and_error(stream_of(event("a"), on_end=ends.append))
    assert ends == [None, error]


@pytest.fixture
def collected() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


async def test_dropping_an_open_stream_frees_it_and_warns_once_with_the_line(collected: list[Any]) -> None:
    stream = stream_of(event("a"), HANG, site=("app.py", 12))
    answer = script(stream)
    await anext(stream)
    del stream  # no collector needed: a stream is in no cycle
    assert answer.ended == ["aborted"]
    assert [(w.category, w.filename, w.lineno) for w in collected] == [(ResourceWarning, "app.py", 12)]
    assert "a chat stream opened at app.py:12 was dropped before its end" in str(collected[0].message)


async def test_dropping_a_stream_that_ended_is_silent(collected: list[Any]) -> None:
    whole, closed = stream_of(event("a"), DONE), stream_of(event("a"))
    await whole.final()
    await closed.aclose()
    at_marker = stream_of(event("a") + DONE)
    await anext(at_marker)
    assert at_marker._reader.take() is None
    answer = script(at_marker)
    failed = stream_of(BROKEN)
    await texts_and_error(failed)
    del whole, closed, at_marker, failed
    gc.collect()
    assert collected == []
    assert answer.ended == ["aborted"]


async def test_dropping_in_another_thread_closes_on_the_loop(collected: list[Any]) -> None:
    stream = stream_of(event("a"), HANG)
    answer = script(stream)
    seen: list[int] = []
    answer.abort = lambda: seen.append(threading.get_ident())  # type: ignore[method-assign]
    box = [stream]
    del stream
    thread = threading.Thread(target=box.clear)
    thread.start()
    thread.join()
    gc.collect()
    await asyncio.sleep(0.01)
    assert seen == [threading.get_ident()]
    assert len(collected) == 1


def test_dropping_after_the_loop_is_gone_is_no_failure(collected: list[Any]) -> None:
    async def make() -> ChatStream:
        return stream_of(event("a"))

    stream = asyncio.run(make())
    del stream
    gc.collect()
    assert [warning.category for warning in collected] == [ResourceWarning]


async def test_the_manager_opens_on_entering_and_closes_on_leaving() -> None:
    made: list[ChatStream] = []

    async def open_stream() -> ChatStream:
        made.append(stream_of(event("a"), HANG))
        return made[-1]

    manager = ChatStreamManager(open_stream)
    assert made == []
    async with manager as stream:
        assert (await anext(stream)).text == "a"
    assert script(stream).ended == ["closed"]
    again = await manager
    assert again is made[1]
    await again.aclose()


async def test_a_stream_says_how_it_stands() -> None:
    stream = stream_of(event("a"), DONE)
    assert repr(stream) == "<ChatStream of chat.completions.create at https://a.example, open>"
    await stream.final()
    assert repr(stream).endswith("complete>")
