"""The parts of the benchmarks that could be wrong without anybody noticing: the parser, the server, the arithmetic."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import answers, goals, instructions, service
from benchmarks.harness import Cell, Result, Settings, Spread, ask, fitting_count, run_rounds
from benchmarks.http1 import BadRequest, RequestParser
from benchmarks.measure import REFERENCE_SECONDS, scaled_microseconds
from benchmarks.peers import CROSSINGS, Peer
from benchmarks.processes import Process, WorkerError, running_service, start_worker
from benchmarks.table import as_table, number
from benchmarks.worker import CrossingCommands, SyncCommands

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


def test_new_instruction_counts_are_recorded_with_their_reason() -> None:
    """What could not be counted keeps its figure; the history is short and begins with the newest."""
    old = {"figures": {"call": 100, "import": 50}, "history": [{"reason": str(n)} for n in range(10)]}
    new = instructions.updated(
        old, {"call": 110, "decode": 7, "import": "no such file"}, reason="keys are checked", today="2026-01-02"
    )
    assert new["figures"] == {"call": 110, "import": 50, "decode": 7}
    assert new["history"][0] == {
        "date": "2026-01-02",
        "reason": "keys are checked",
        "changes": {"call": "+10.0%", "decode": "first"},
    }
    assert [entry["reason"] for entry in new["history"][1:]] == [str(n) for n in range(9)]


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


def test_a_goal_with_several_figures_is_met_by_all_or_missed() -> None:
    result = Result("crossing", "t", "run_coroutine_threadsafe", ["1", "4", "16", "64"])
    for threads, ours, on_uvloop in zip(result.columns, (5.0, 6.0, 7.0, 7.5), (3.0, 4.0, 5.0, 6.0), strict=True):
        result.cell("run_coroutine_threadsafe", threads).rounds = [10.0]
        result.cell("nexevo portal", threads).rounds = [ours]
        result.cell("nexevo portal, uvloop", threads).rounds = [on_uvloop]
    plain, uvloop = goals.as_table({"crossing": result}, ["crossing"]).splitlines()[2:]
    assert plain.split()[-7:] == ["≤", "0.75", "0.5", "0.6", "0.7", "0.75", "met"]
    assert uvloop.split()[-7:] == ["≤", "0.5", "0.3", "0.4", "0.5", "0.6", "MISSED"]

    del result.cells["nexevo portal"]["16"]
    plain = goals.as_table({"crossing": result}, ["crossing"]).splitlines()[2]
    assert plain.split()[-6:] == ["0.5", "0.6", "-", "0.75", "not", "measured"]


def test_rates_are_compared_by_wall_time_and_first_calls_by_difference() -> None:
    """A rate is one over a time: the peer that takes twice as long has half the rate."""
    columns = ["bursts of 16", "bursts of 256"]
    stream, first = (
        Result("facade-stream", "t", "nexevo", columns),
        Result("first-call", "t", "nexevo", ["first call, ms"]),
    )
    for peer, walls in (("nexevo", [3.0, 6.0, 0.3]), ("nexevo, blocking", [6.0, 12.0, 0.6])):
        for column in columns:
            stream.cells.setdefault(peer, {})[column] = Cell(rounds=[1.0] * 3, extra={"wall_microseconds": walls})
    first.cell("nexevo", "first call, ms").rounds = [100.0, 300.0, None, 110.0]
    first.cell("nexevo, blocking", "first call, ms").rounds = [104.0, 290.0, 7.0, 117.0]
    lines = goals.as_table({"facade-stream": stream, "first-call": first}, ["facade-stream", "first-call"]).splitlines()
    assert [line.split()[-3:] for line in lines[2:]] == [["0.5", "0.5", "MISSED"], ["1", "1", "met"], ["5", "4", "met"]]


def test_a_run_of_some_benchmarks_lists_their_goals_only() -> None:
    """Those of the blocking client say where the last one is measured."""
    names = [line.split()[0] for line in goals.as_table({}, ["facade", "first-call"]).splitlines()[2:]]
    assert names == ["S2", "S2", "S2", "S3", "S5", "S6"]


class Reluctant:
    """A blocking client that answers two calls right, one wrong and none after that."""

    def __init__(self) -> None:
        self.answers = iter([answers.TEXT, "something else", answers.TEXT])

    def call(self) -> str:
        return next(self.answers)

    def stream(self, shape: Mapping[str, str]) -> int:
        return int(shape["X-Bench-Chunks"]) - (shape["X-Bench-Burst"] == "7")

    def close(self) -> None:
        """Nothing is open."""


async def test_failures_of_a_blocking_peer_are_counted_by_name() -> None:
    sample = await SyncCommands(Reluctant()).calls(concurrency=1, count=5, deadline=10)
    assert (sample["count"], sample["errors"]) == (2, {"WrongAnswer": 1, "StopIteration": 2})


async def test_what_a_blocking_peer_has_not_begun_in_time_is_counted_too() -> None:
    sample = await SyncCommands(Reluctant()).calls(concurrency=3, count=7, deadline=-1)
    assert (sample["count"], sample["errors"]) == (0, {"Deadline": 7})


@pytest.mark.parametrize(("burst", "count", "errors"), [(16, 300, {}), (7, 0, {"WrongAnswer": 3})])
async def test_the_unit_of_a_blocking_stream_is_the_chunk(burst: int, count: int, errors: dict[str, int]) -> None:
    commands = SyncCommands(Reluctant())
    sample = await commands.chunks(concurrency=2, count=3, per_stream=100, burst=burst, delay_ms=0, deadline=10)
    assert (sample["count"], sample["errors"]) == (count, errors)


async def test_every_thread_makes_its_trips_and_one_before_they_are_counted() -> None:
    made: list[int] = []
    sample = await CrossingCommands(lambda: made.append(threading.get_ident())).crossings(threads=4, each=3)
    assert (sample["count"], len(made), sorted(Counter(made).values())) == (12, 16, [4, 4, 4, 4])


@pytest.mark.parametrize("peer", CROSSINGS, ids=lambda peer: peer.name)
async def test_every_door_can_be_measured(peer: Peer) -> None:
    """In a process of its own, as in a run."""
    process, _ = start_worker(peer, "")
    with process:
        assert ask(process, 30, do="crossings", threads=2, each=5)["count"] == 10


@pytest.mark.parametrize("kind", ["async", "blocking"])
def test_a_first_call_is_measured_in_a_fresh_process(kind: str, url: str) -> None:
    with Process([sys.executable, "-m", "benchmarks.first_call", kind, url]) as process:
        sample = process.receive(60)
    assert 0 < sample["seconds"] < 60
    assert sample["calibration"] > 0


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
