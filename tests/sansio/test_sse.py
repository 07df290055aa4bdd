"""Server-sent events: the standard's own examples, every way of cutting, and the limits."""

from __future__ import annotations

import itertools
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._sansio.sse import Event, EventTooLarge, SSEParser

# Pieces that streams are made of: fields, colons, blanks, every line end, and what looks like a line end to others.
PIECES = st.sampled_from(
    [
        b"data: x\n\n",
        b"data: y\r\n\r\n",
        b"data",
        b"data:",
        b"data: ",
        b"event: error",
        b"id: 7",
        b"id: \0",
        b"retry: 10",
        b"unknown: z",
        b": comment",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"{}",
        b"\xef\xbb\xbf",
        "\u2028".encode(),
        "\u0085é".encode(),
    ]
)
STREAMS = st.lists(PIECES, max_size=20).map(b"".join)


def whole(data: bytes, **settings: int) -> list[bytes | Event]:
    return SSEParser(**settings).feed(data)


def in_pieces(data: bytes, cuts: list[int], parser: SSEParser | None = None) -> list[bytes | Event]:
    parser = parser or SSEParser()
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [event for start, end in itertools.pairwise(ends) for event in parser.feed(data[start:end])]


def by_the_standard(data: bytes) -> list[tuple[bytes, str, str]]:
    """The algorithm of the standard, word for word and slow; empty data is no event."""
    lines = re.split(b"\r\n|\r|\n", data.removeprefix(b"\xef\xbb\xbf"))
    events: list[tuple[bytes, str, str]] = []
    found: list[bytes] = []
    name = id_ = ""
    for line in lines[:-1]:
        field, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if not line:
            if b"\n".join(found):
                events.append((b"\n".join(found), name, id_))
            found, name, id_ = [], "", ""
        elif field == b"data":
            found.append(value)
        elif field == b"event":
            name = value.decode(errors="replace")
        elif field == b"id" and b"\0" not in value:
            id_ = value.decode(errors="replace")
    return events


def plain(events: list[bytes | Event]) -> list[tuple[bytes, str, str]]:
    return [tuple(event) if isinstance(event, Event) else (event, "", "") for event in events]  # type: ignore[misc]


def test_a_row_of_data_lines_comes_out_as_bytes() -> None:
    assert whole(b'data: {"a": 1}\n\ndata: [DONE]\n\n') == [b'{"a": 1}', b"[DONE]"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_of_the_standard_ends_a_line(end: bytes) -> None:
    assert whole(b"data: a" + end + end + b"data: b" + end + end) == [b"a", b"b"]


def test_mixed_line_ends_are_fine() -> None:
    assert whole(b"data: a\r\n\ndata: b\n\rdata: c\r\r\n") == [b"a", b"b", b"c"]


def test_an_event_that_ends_in_cr_does_not_wait_for_a_possible_lf() -> None:
    parser = SSEParser()
    assert parser.feed(b"data: a\r\r") == [b"a"]
    assert parser.feed(b"\ndata: b\r\r") == [b"b"]


def test_the_lf_of_a_crlf_that_was_cut_is_no_blank_line() -> None:
    parser = SSEParser()
    assert parser.feed(b"data: a\r") == []
    assert parser.feed(b"\ndata: b\r\n\r\n") == [b"a\nb"]


def test_unicode_separators_are_text() -> None:
    text = "one\u2028two\u2029three\u0085four\x0bfive\x0csix\x1cseven"
    assert whole(f"data: {text}\n\n".encode()) == [text.encode()]


def test_several_data_lines_are_joined_by_lf() -> None:
    # First example of section 9.2.6.
    assert whole(b"data: YHOO\ndata: +2\ndata: 10\n\n") == [b"YHOO\n+2\n10"]


def test_comments_names_and_ids_of_the_standards_second_example() -> None:
    text = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
    assert whole(text) == [Event(b"first event", "", "1"), b"second event", b" third event"]


def test_empty_data_is_no_event() -> None:
    # Third example of the standard, which would dispatch two events with empty data; here only the middle one counts.
    assert whole(b"data\n\ndata\ndata\n\ndata:\n\ndata: \n\n") == [b"\n"]


@pytest.mark.parametrize("data", [b"data: \n\n", b"data: a\n\ndata: \n\n", b"data: \n\ndata: a\n\n"])
def test_empty_data_in_a_row_is_no_event_either(data: bytes) -> None:
    assert whole(data) == [b"a"] * data.count(b"a\n")


def test_a_blank_line_counts_though_a_cr_comes_later_in_the_same_piece() -> None:
    parser = SSEParser()
    assert parser.feed(b"data: a\n") == []
    assert parser.feed(b"\ndata: b\r\n\r\n") == [b"a", b"b"]


def test_one_blank_after_the_colon_is_dropped_and_no_more() -> None:
    assert whole(b"data:test\n\ndata: test\n\ndata:  test\n\n") == [b"test", b"test", b" test"]


def test_a_named_event_keeps_its_name() -> None:
    assert whole(b"event: error\ndata: {}\n\ndata: {}\n\n") == [Event(b"{}", "error"), b"{}"]


def test_a_name_without_data_is_no_event_and_does_not_stick() -> None:
    assert whole(b"event: ping\n\ndata: x\n\n") == [b"x"]


def test_an_id_with_a_null_is_ignored() -> None:
    assert whole(b"id: a\0b\ndata: x\n\n") == [b"x"]


def test_retry_is_read_when_it_is_a_number() -> None:
    parser = SSEParser()
    parser.feed(b"retry: 1500\nretry: soon\n\n")
    assert parser.retry == 1500


def test_a_byte_order_mark_at_the_start_is_skipped_once() -> None:
    mark = b"\xef\xbb\xbf"
    assert whole(mark + b"data: x\n\n") == [b"x"]
    assert whole(mark + mark + b"data: x\n\ndata: y\n\n") == [b"y"]


def test_a_byte_order_mark_may_be_cut() -> None:
    assert in_pieces(b"\xef\xbb\xbfdata: x\n\n", [1, 2, 3]) == [b"x"]


def test_an_incomplete_last_event_is_told_and_not_delivered() -> None:
    parser = SSEParser()
    assert parser.feed(b"data: a\n\ndata: b\n") == [b"a"]
    assert parser.end() is True


@pytest.mark.parametrize("data", [b"", b"data: a\n\n", b"data: a\n\n: bye\n"])
def test_nothing_is_cut_off_after_a_blank_line(data: bytes) -> None:
    parser = SSEParser()
    parser.feed(data)
    assert parser.end() is False


def test_it_tells_event_streams_from_other_text() -> None:
    for data, expected in [(b": hi\n", True), (b"data: x\n\n", True), (b"<html>\n\n", False), (b'{"id": 1}\n', False)]:
        parser = SSEParser()
        parser.feed(data)
        assert parser.recognised is expected, data


def test_an_event_of_exactly_the_limit_passes() -> None:
    line = b"data: " + b"x" * 94
    assert whole(line + b"\n\n", max_event_bytes=100) == [b"x" * 94]


@pytest.mark.parametrize("data", [b"data: " + b"x" * 95 + b"\n\n", b"data: xx\n" * 13 + b"\n", b":" + b"x" * 100])
def test_a_larger_event_or_line_is_an_error_after_the_events_before_it(data: bytes) -> None:
    parser = SSEParser(max_event_bytes=100)
    assert parser.feed(b"data: first\n\n" + data) == [b"first"]
    assert str(parser.error) == "an event of the stream is larger than 100 bytes"
    with pytest.raises(EventTooLarge):
        parser.feed(b"data: more\n\n")


def test_the_limit_strikes_before_the_line_is_over() -> None:
    parser = SSEParser(max_event_bytes=100)
    for _ in range(101):
        assert parser.error is None
        parser.feed(b"x")
    assert parser.error is not None


def test_comments_for_ever_never_reach_the_limit() -> None:
    parser = SSEParser(max_event_bytes=20)
    for _ in range(100):
        assert parser.feed(b": still here\n") == []
    assert parser.error is None


def test_a_megabyte_in_one_event_arrives_whole() -> None:
    text = b"x" * 1_000_000
    assert in_pieces(b"data: " + text + b"\n\n", list(range(0, 1_000_000, 1_000))) == [text]


def test_the_error_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(EventTooLarge(5))).limit == 5


@given(STREAMS)
def test_it_does_what_the_standard_says(data: bytes) -> None:
    assert plain(whole(data)) == by_the_standard(data)


@given(STREAMS, st.lists(st.integers(0, 200), max_size=10))
def test_cuts_change_nothing(data: bytes, cuts: list[int]) -> None:
    assert in_pieces(data, cuts) == whole(data)


@given(STREAMS)
def test_byte_by_byte_changes_nothing(data: bytes) -> None:
    one, all_at_once = SSEParser(), SSEParser()
    assert in_pieces(data, list(range(len(data))), one) == all_at_once.feed(data)
    assert one.end() == all_at_once.end()


@given(STREAMS, st.lists(st.integers(0, 200), max_size=10), st.integers(1, 30))
def test_cuts_do_not_change_what_is_too_large(data: bytes, cuts: list[int], limit: int) -> None:
    parser = SSEParser(limit)
    events = parser.feed(data)
    cut = SSEParser(limit)
    pieces: list[bytes | Event] = []
    ends = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]
    for start, end in itertools.pairwise(ends):
        pieces += cut.feed(data[start:end])
        if cut.error is not None:
            break
    assert pieces == events
    assert (cut.error is None) == (parser.error is None)
