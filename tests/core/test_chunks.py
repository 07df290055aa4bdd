"""The body of a chat stream, without network and clock: chunks, ends that are honest, and errors."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexevo_async._chunks import ChunkReader, Origin, has_content
from nexevo_async._codec import structure
from nexevo_async._messages import Attempt, Headers
from nexevo_async.errors import (
    APIResponseValidationError,
    InternalServerError,
    NexevoError,
    NotAnAPIResponseError,
    QuotaExceededError,
    RateLimitError,
    StreamError,
    StreamTruncatedError,
)
from nexevo_async.models.chat import ChatCompletionChunk

DONE = b"data: [DONE]\n\n"


def event(text: str | None = None, finish: str | None = None, *, index: int = 0, **fields: Any) -> bytes:
    choice = {"index": index, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **fields}).encode() + b"\n\n"


def reader(*, choices: int = 1, max_event_bytes: int = 1_000_000, **headers: str) -> ChunkReader:
    origin = Origin(
        call="chat.completions.create",
        base_url="https://a.example",
        status=200,
        headers=Headers.of({"X-Trace-ID": "t-1", **headers}),
        attempts=(Attempt(base_url="https://b.example", status=502),),
    )
    return ChunkReader(origin, choices=choices, max_event_bytes=max_event_bytes)


def texts(source: ChunkReader) -> list[str]:
    found = []
    while (chunk := source.take()) is not None:
        found.append(chunk.text)
    return found


def read_all(body: bytes, **settings: Any) -> tuple[list[str], ChunkReader, NexevoError | None]:
    """All texts, and the error that ended it, as an iteration would see them."""
    source = reader(**settings)
    found: list[str] = []
    try:
        source.feed(body)
        while (chunk := source.take()) is not None:
            found.append(chunk.text)
        if not source.done:
            source.end()
            found += texts(source)
    except NexevoError as error:
        return found, source, error
    return found, source, None


def test_chunks_come_out_and_the_marker_ends_them() -> None:
    found, source, error = read_all(event("Hel") + event("lo") + event(finish="stop") + DONE + b"data: late\n\n")
    assert (found, error, source.done) == (["Hel", "lo", ""], None, True)
    assert source.snapshot().choices[0].message.content == "Hello"


def test_the_marker_alone_is_an_end() -> None:
    assert read_all(event("Hello") + DONE)[2] is None


def test_a_finish_reason_alone_is_an_end() -> None:
    assert read_all(event("Hello") + event(finish="stop"))[2] is None


def test_neither_is_an_error_with_what_arrived() -> None:
    found, _, error = read_all(event("Hel") + event("lo"))
    assert found == ["Hel", "lo"]
    assert isinstance(error, StreamTruncatedError)
    assert error.partial is not None
    assert error.partial.choices[0].message.content == "Hello"
    assert str(error) == (
        "chat.completions.create: the stream ended without an end marker and without a finish reason "
        "(after 2 attempts at https://b.example, https://a.example, trace id t-1). "
        "The part that arrived is in .partial; it was probably billed"
    )


def test_no_bytes_at_all_are_an_error_without_a_part() -> None:
    error = read_all(b"")[2]
    assert isinstance(error, StreamTruncatedError)
    assert error.partial is None


def test_every_choice_needs_its_reason() -> None:
    two = event("a", index=0) + event("b", index=1)
    assert isinstance(read_all(two + event(finish="stop"))[2], StreamTruncatedError)
    assert read_all(two + event(finish="stop") + event(finish="stop", index=1))[2] is None


def test_a_choice_that_never_began_is_missed() -> None:
    assert isinstance(read_all(event("a", "stop"), choices=2)[2], StreamTruncatedError)


BODY = b": hi\n\n" + event("H\u00e9") + event("l\u2028lo") + event(" you") + event(finish="stop") + DONE


@pytest.mark.parametrize("cut", range(len(BODY)))
def test_a_cut_at_any_byte_never_gives_a_silent_short_answer(cut: int) -> None:
    found, source, error = read_all(BODY[:cut])
    whole = "Hél\u2028lo you"
    if error is None:
        assert source.snapshot().choices[0].message.content == whole
    else:
        assert isinstance(error, StreamTruncatedError)
        assert whole.startswith("".join(found))


@settings(max_examples=50)
@given(st.lists(st.integers(0, len(BODY)), max_size=10))
def test_pieces_of_any_size_give_the_same_chunks(cuts: list[int]) -> None:
    source = reader()
    ends = [0, *sorted(cuts), len(BODY)]
    found: list[str] = []
    for start, end in itertools.pairwise(ends):
        source.feed(BODY[start:end])
        found += texts(source)
    assert (found, source.done) == (["Hé", "l\u2028lo", " you", ""], True)


@pytest.mark.parametrize("end", [b"", DONE, event(finish="stop") + DONE])
def test_an_error_event_is_raised_after_the_chunks_before_it_however_the_stream_ends(end: bytes) -> None:
    broken = b'data: {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}\n\n'
    found, source, error = read_all(event("Hel") + broken + end)
    assert found == ["Hel"]
    assert isinstance(error, StreamError)
    assert not isinstance(error, StreamTruncatedError)
    assert isinstance(error.__cause__, RateLimitError)
    assert (error.code, error.trace_id, source.done) == ("rate_limit_exceeded", "t-1", False)
    assert error.partial is not None
    assert "the service reported an error in the stream: slow down" in str(error)


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b'data: {"error": {"message": "m", "code": "tenant_monthly_quota_exceeded"}}', QuotaExceededError),
        (b'data: {"error": {"message": "m", "code": 429}}', RateLimitError),
        (b'data: {"error": {"message": "m", "type": "upstream_error", "code": null}}', InternalServerError),
        (b'data: {"error": "it broke"}', InternalServerError),
        (b'data: {"error": {}}', InternalServerError),
        (b'data: {"object": "error", "message": "m", "code": 500}', InternalServerError),
        (b'event: error\ndata: {"message": "m"}', InternalServerError),
        (b"event: error\ndata: it broke", InternalServerError),
    ],
)
def test_every_form_of_error_event_has_a_class(payload: bytes, cause: type[Exception]) -> None:
    error = read_all(payload + b"\n\n" + DONE)[2]
    assert type(error) is StreamError
    assert isinstance(error.__cause__, cause)


@pytest.mark.parametrize("nothing", ["null", '""', "false"])
def test_an_error_field_that_is_empty_is_no_error(nothing: str) -> None:
    body = f'data: {{"error": {nothing}, "choices": [{{"delta": {{"content": "x"}}}}]}}\n\n'.encode()
    assert read_all(body + DONE)[::2] == (["x"], None)


@pytest.mark.parametrize("choices", ["[]", "null"])
def test_chunks_without_choices_pass_and_break_nothing(choices: str) -> None:
    usage = f'data: {{"choices": {choices}, "usage": {{"total_tokens": 3}}}}\n\n'.encode()
    found, source, error = read_all(event("a") + usage + event(finish="stop") + usage + DONE)
    assert (found, error) == (["a", "", "", ""], None)
    usage_at_end = source.snapshot().usage
    assert usage_at_end is not None
    assert usage_at_end.total_tokens == 3


def test_amounts_in_chunks_are_exact() -> None:
    _, source, _ = read_all(b'data: {"choices":[],"usage":{"cost":0.1000000000000000055}}\n\n' + DONE)
    usage = source.snapshot().usage
    assert usage is not None
    assert str(usage.cost) == "0.1000000000000000055"


def test_an_event_that_is_no_json_is_an_error_that_quotes_nothing() -> None:
    found, _, error = read_all(event("a") + b"data: {sk-secret\n\n" + DONE)
    assert found == ["a"]
    assert isinstance(error, APIResponseValidationError)
    assert error.problems == ("$: not JSON",)
    assert "secret" not in str(error)


def test_a_chunk_of_another_shape_is_an_error_with_its_path() -> None:
    error = read_all(b'data: {"choices": [{"delta": {"content": 5}}]}\n\n' + DONE)[2]
    assert isinstance(error, APIResponseValidationError)
    assert error.problems == ("choices[0].delta.content: not text",)
    assert isinstance(read_all(b"data: 5\n\n")[2], APIResponseValidationError)


def test_an_event_over_the_limit_is_an_error_after_the_chunks_before_it() -> None:
    found, _, error = read_all(event("a") + event("x" * 500) + DONE, max_event_bytes=200)
    assert found == ["a"]
    assert isinstance(error, StreamError)
    assert "an event of the stream is larger than 200 bytes" in str(error)
    assert error.partial is not None


def test_a_plain_completion_is_one_chunk() -> None:
    message = {"role": "assistant", "content": "Hello"}
    plain = {"id": "c", "choices": [{"message": message, "finish_reason": None}], "usage": {"total_tokens": 3}}
    found, source, error = read_all(json.dumps(plain, indent=2).encode())
    assert (found, error, source.done) == (["Hello"], None, True)
    assert source.snapshot().choices[0].message.content == "Hello"


def test_a_plain_completion_keeps_its_exact_cost() -> None:
    _, source, _ = read_all(b'\n{"choices": [], "usage": {"cost": 0.1000000000000000055}}')
    usage = source.snapshot().usage
    assert usage is not None
    assert str(usage.cost) == "0.1000000000000000055"


def test_half_a_surrogate_pair_in_a_plain_completion_breaks_nothing() -> None:
    plain = (
        b'{"id": "c", "choices": [{"message": {"role": "assistant", "content": "a\\ud800"}}], "usage": {"cost": 0.1}}'
    )
    found, source, error = read_all(plain)
    assert (found, error, source.done) == (["a\ud800"], None, True)


def test_a_plain_error_is_an_error_event() -> None:
    error = read_all(b'{"error": {"message": "m", "code": "rate_limit_exceeded"}}')[2]
    assert type(error) is StreamError
    assert isinstance(error.__cause__, RateLimitError)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!doctype html><title>Welcome</title>", "a web page (HTML)"),
        (b'{"choices": [', "not a chat completion"),
        (b'{"answer": 42}', "not a chat completion"),
        (b"[1, 2]", "not a chat completion"),
        (b"upstream connect error", "not a chat completion"),
    ],
)
def test_what_is_neither_stream_nor_completion_says_so_and_names_the_base_url(body: bytes, kind: str) -> None:
    error = read_all(body)[2]
    assert isinstance(error, NotAnAPIResponseError)
    assert f"a stream was asked for, and the answer is {kind}" in str(error)
    assert "https://a.example" in str(error)


def test_the_snapshot_is_completed_from_the_headers() -> None:
    source = reader(**{"X-Nexevo-Generation-Id": "g", "X-Usage-Output-Tokens": "5"})
    source.feed(event("a"))
    assert source.snapshot().nexevo.generation_id == "g"
    assert texts(source) == ["a"]
    snapshot = source.snapshot()
    assert (snapshot.trace_id, snapshot.choices[0].message.content) == ("t-1", "a")
    assert snapshot.usage is not None
    assert snapshot.usage.completion_tokens == 5


def test_a_snapshot_holds_what_was_taken_and_no_more() -> None:
    source = reader()
    source.feed(event("a") + event("b"))
    source.take()
    assert source.snapshot().choices[0].message.content == "a"
    source.take()
    assert source.snapshot().choices[0].message.content == "ab"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"choices": []}, False),
        ({"choices": [{"delta": {"role": "assistant", "content": ""}}]}, False),
        ({"choices": [{"delta": {}}]}, False),
        ({"choices": [{"delta": {"content": "a"}}]}, True),
        ({"choices": [{"delta": {"role": "assistant", "reasoning_content": "hm"}}]}, True),
        ({"choices": [{"delta": {"tool_calls": [{"id": "a"}]}}]}, True),
        ({"choices": [{"delta": {}, "finish_reason": "stop"}]}, True),
        ({"choices": [], "usage": {"total_tokens": 1}}, True),
    ],
)
def test_content_is_whatever_is_more_than_a_role(data: dict[str, Any], expected: bool) -> None:
    assert has_content(structure(data, ChatCompletionChunk)) is expected


def test_what_is_ready_but_was_not_given_out_is_no_part_of_the_message() -> None:
    source = reader()
    source.feed(event("a") + event("b") + event("c"))
    assert source.take() is not None
    assert len(source.ready) == 2
    assert source.snapshot().choices[0].message.content == "a"
    source.drop()
    assert source.take() is None
    assert source.snapshot().choices[0].message.content == "a"


@given(st.lists(st.sampled_from(["a", "b", "", '"', "\\", "é"]), max_size=80), st.integers(0, 90), st.booleans())
def test_snapshots_in_between_change_nothing(pieces: list[str], look: int, named: bool) -> None:
    """Patterns, chunks read ahead and events with a name in any mixture: every text once, in order."""
    body = [event(text) for text in pieces]
    if named and body:
        body.insert(len(body) // 2, b"event: message\n" + event("!"))
    source = reader()
    source.feed(b"".join(body))
    found: list[str] = []
    while (chunk := source.take()) is not None:
        found.append(chunk.text)
        if len(found) == look:
            assert source.snapshot().choices[0].message.content == "".join(found)
    wanted = [*pieces[: len(pieces) // 2], "!", *pieces[len(pieces) // 2 :]] if named and pieces else pieces
    assert found == wanted
    if wanted:
        assert source.snapshot().choices[0].message.content == "".join(wanted)


def test_chunks_before_an_error_come_before_it_however_many_are_read_at_once() -> None:
    found, _, error = read_all(b"".join(event(str(n)) for n in range(100)) + b'data: {"error": {"message": "no"}}\n\n')
    assert found == [str(n) for n in range(100)]
    assert isinstance(error, StreamError)
    assert error.partial is not None
    assert error.partial.choices[0].message.content == "".join(found)
