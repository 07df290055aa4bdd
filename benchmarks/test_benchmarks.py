"""The parts of the benchmarks that could be wrong without anybody noticing: the parser, the server, the arithmetic."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import answers, goals, instructions, service
from benchmarks.harness import Cell, Result, Settings, Spread, fitting_count, run_rounds
from benchmarks.http1 import BadRequest, RequestParser
from benchmarks.measure import REFERENCE_SECONDS, scaled_microseconds
from benchmarks.processes import Process, WorkerError, running_service
from benchmarks.table import as_table, number

CHAT = b"POST /v1/chat/completions?chunks=3 HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n" + b'{"stream": 1}'
HEALTH = b"GET /api/v1/healthy HTTP/1.1\r\nHost: x\r\n\r\n"


def post(body: bytes, *headers: bytes) -> bytes:
    """A chat request."""
    extra = b"".join(header + b"\r\n" for header in headers)
    return b"POST /v1/chat/completions HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (extra, len(body), body)


@given(st.lists(st.integers(1, len(CHAT * 2 + HEALTH) - 1), max_size=12))
def test_requests_are_the_same_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    data = CHAT + HEALTH + CHAT
    parser = RequestParser()
    edges = [0, *sorted(set(cuts)), len(data)]
    found = [r for a, b in itertools.pairwise(edges) for r in parser.feed(data[a:b])]
    assert [(r.method, r.path, r.query, r.body) for r in found] == [
        (b"POST", b"/v1/chat/completions", b"chunks=3", b'{"stream": 1}'),
        (b"GET", b"/api/v1/healthy", b"", b""),
        (b"POST", b"/v1/chat/completions", b"chunks=3", b'{"stream": 1}'),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"rubbish\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest):
        RequestParser().feed(data)


def test_a_header_is_found_by_its_whole_name() -> None:
    (request,) = RequestParser().feed(b"GET / HTTP/1.1\r\nX-Host: no\r\nHost:  Yes \r\n\r\n")
    assert (request.header(b"host"), request.header(b"hos")) == (b"yes", None)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"stream":true}', True),
        (b'{"stream" : true, "model":"m"}', True),
        (b'{"stream":false}', False),
        (b'{"model":"m"}', False),
    ],
)
def test_a_stream_is_recognised_without_decoding_the_body(body: bytes, wanted: bool) -> None:
    assert service.wants_stream(body) is wanted


def test_every_answer_is_about_a_kilobyte_and_every_stream_of_one_text() -> None:
    assert [len(answers.CHAT) // 100, len(answers.ANTHROPIC) // 100] == [10, 10]
    assert json.loads(answers.CHAT)["choices"][0]["message"]["content"] == answers.TEXT
    assert len({len(event) for event in answers.CHAT_EVENTS}) == 1


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A running server."""
    with running_service() as (url, _, _):
        yield url


async def talk(url: str, data: bytes, until: bytes) -> bytes:
    """What the server answers to some bytes, up to a known end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.readuntil(until), 10)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_pipelined_requests_are_answered_in_order_behind_a_stream(url: str) -> None:
    stream = post(b'{"stream":true}', b"X-Bench-Chunks: 5", b"X-Bench-Burst: 2", b"X-Bench-Delay-Ms: 5")
    data = await talk(url, stream + HEALTH + HEALTH.replace(b"/healthy", b"/nowhere"), b"no such route")
    assert data.count(b'"content"') == 5
    assert data.index(b"[DONE]") < data.index(b"healthy") < data.index(b"404 Not Found")


async def test_answers_carry_the_gateways_headers(url: str) -> None:
    head = (await talk(url, post(b"{}"), b"\r\n\r\n")).lower()
    for name in (b"x-trace-id", b"x-ratelimit-remaining", b"x-usage-input-tokens", b"x-nexevo-generation-id"):
        assert b"\r\n" + name + b":" in head


async def test_rubbish_ends_the_connection_with_a_400(url: str) -> None:
    assert b"400 Bad Request" in await talk(url, b"rubbish\r\n\r\n", b"\r\n\r\n")


def test_spread_has_median_and_quartiles() -> None:
    assert Spread.of([5.0, 1.0, 3.0, 2.0, 4.0]) == Spread(3.0, 2.0, 4.0)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


def test_ratios_are_taken_within_each_round() -> None:
    """Rounds at half speed leave the ratio alone, and a failed round is left out on both sides."""
    mine, base = Cell(rounds=[2.0, 4.0, None, 9.0]), Cell(rounds=[1.0, 2.0, 5.0, None])
    assert mine.ratio_to(base) == Spread(2.0, 2.0, 2.0)


def test_figures_are_scaled_to_the_reference_machine() -> None:
    """A machine at half speed takes twice as long for the calibration too."""
    sample = {"cpu": 0.002, "count": 10, "calibration": 2 * REFERENCE_SECONDS}
    assert scaled_microseconds(sample) == pytest.approx(100.0)
    assert scaled_microseconds({**sample, "count": 0}) is None


def test_counts_fill_the_budget_within_bounds() -> None:
    settings = Settings(budget=0.5)
    assert [fitting_count(unit, settings, least=20) for unit in (0.001, 1.0, 1e-9)] == [500, 20, 20_000]


class Scripted:
    """Stands in for a worker."""


def test_rounds_interleave_and_a_broken_peer_keeps_what_it_has() -> None:
    order: list[str] = []
    result = Result("x", "t", "a", ["1", "2"])
    workers: dict[str, Any] = {"a": Scripted(), "b": Scripted()}
    names = {id(worker): name for name, worker in workers.items()}

    def measure(worker: Process, column: str, cell: Cell) -> float:
        order.append(names[id(worker)] + column)
        if order[-1] == "b2":
            raise WorkerError("gone")
        return 1.0

    run_rounds(result, workers, Settings(rounds=2), measure)
    assert order == ["a1", "b1", "b1", "a1", "a2", "b2", "a2"]
    assert result.cells["b"]["1"].rounds == [1.0, 1.0]
    assert result.cells["b"]["2"].left_out == "stopped: gone"
    assert "stopped: gone" in as_table(result)


def test_numbers_have_three_digits() -> None:
    assert [number(value) for value in (0.12345, 12.345, 1234.5)] == ["0.123", "12.3", "1,234"]


@pytest.mark.parametrize(
    ("now", "recorded", "good", "word"),
    [(103, 100, True, "+3.0%"), (104, 100, False, "DEARER"), (90, 100, True, "cheaper"), (5, None, True, "--update")],
)
def test_a_dearer_scenario_is_seen(now: int, recorded: int | None, good: bool, word: str) -> None:
    line, fine = instructions.verdict("call", now, recorded)
    assert (fine, word in line) == (good, True)


def test_a_goal_that_was_not_measured_says_so() -> None:
    assert "not measured" in goals.as_table({})
    result = Result("call", "t", "raw aiohttp", ["100"])
    result.cells = {
        "nexevo": {"100": Cell(rounds=[10.0])},
        "idiomatic aiohttp": {"100": Cell(rounds=[20.0])},
        "raw aiohttp": {"100": Cell(rounds=[5.0])},
    }
    lines = goals.as_table({"call": result}).splitlines()
    assert [line.split()[-2:] for line in lines if line.startswith(("P1 ", "P2 "))] == [["0.5", "met"], ["2", "MISSED"]]


def test_a_process_that_dies_gives_its_last_words() -> None:
    with (
        Process(["/bin/sh", "-c", "echo greeting; echo 'no such thing' >&2; exit 3"]) as process,
        pytest.raises(WorkerError, match="no such thing"),
    ):
        process.receive(10)


def test_answers_that_arrive_together_are_read_one_by_one() -> None:
    with Process(["/bin/sh", "-c", """printf 'hello\\n{"a": 1}\\n{"a": 2}\\n'; cat"""]) as process:
        assert [process.receive(10), process.receive(10)] == [{"a": 1}, {"a": 2}]


def test_silence_is_an_error_not_a_hang() -> None:
    with Process(["cat"]) as process, pytest.raises(WorkerError, match="no answer within"):
        process.receive(0.05)
