"""What a run decides by itself: who takes part, how often, with which interpreter, and what is left out and why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import answers, bench_layers, bench_memory, bench_service, goals, harness, run
from benchmarks.bench_call import files_missing, measure_calls
from benchmarks.harness import Cell, Result, Settings, Spread, run_rounds
from benchmarks.measure import REFERENCE_SECONDS
from benchmarks.peers import ASYNC_PEERS, install
from benchmarks.processes import Process, WorkerError
from benchmarks.worker import AsyncCommands
from nexevo_async import Hooks
from nexevo_async.hooks import AttemptStart


class ScriptedWorker:
    """Answers every command with so many CPU seconds a call, and remembers what it was asked to do."""

    def __init__(self, each: float, errors: dict[str, int] | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self._each, self._errors = each, errors or {}

    def send(self, command: dict[str, Any]) -> None:
        self.asked.append(command)

    def receive(self, timeout: float) -> dict[str, Any]:
        count = self.asked[-1]["count"]
        spent = self._each * count
        times = {"cpu": spent, "wall": spent, "calibration": REFERENCE_SECONDS}
        return {**times, "count": count, "errors": self._errors, "bytes": 16 * count}

    def counts(self) -> list[int]:
        return [command["count"] for command in self.asked]


def test_a_peer_that_sits_rounds_out_keeps_its_ratios_within_rounds() -> None:
    result = Result("x", "t", "fast", ["1"], every={"slow": 2})
    speed = iter([1.0, 10.0, 2.0, 3.0, 30.0])  # the machine slows down from round to round

    def measure(worker: Process, column: str, cell: Cell) -> float:
        return next(speed)

    workers: dict[str, Any] = {"fast": None, "slow": None}
    run_rounds(result, workers, Settings(rounds=3), measure)
    assert result.cells["fast"]["1"].rounds == [1.0, 2.0, 3.0]
    assert result.cells["slow"]["1"].rounds == [10.0, None, 30.0]
    assert result.ratio("slow", "fast", "1") == Spread(10.0, 10.0, 10.0)


def test_over_tls_and_on_another_python_a_part_is_measured() -> None:
    names = [peer.name for peer in Settings(tls=True).wanted(ASYNC_PEERS)]
    assert names == ["nexevo", "raw aiohttp", "idiomatic aiohttp", "floor", "httpx", "openai", "openai[aiohttp]"]
    newest = Settings(newest=True).wanted(ASYNC_PEERS)
    assert [(peer.name, peer.venv) for peer in newest] == [
        ("nexevo", "newest"),
        ("raw aiohttp", "newest"),
        ("idiomatic aiohttp", "newest"),
    ]


def test_every_kind_of_run_has_files_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    kinds = [Settings(), Settings(tls=True), Settings(newest=True), Settings(quick=True, tls=True)]
    result = Result("call", "t", "raw", ["1"])
    assert [harness.save(result, settings).name for settings in kinds] == [
        "call.json",
        "call-tls.json",
        "call-newest.json",
        "local-quick-call-tls.json",
    ]


def test_a_result_is_read_back_as_it_was_written() -> None:
    cell = Cell(rounds=[1.0, None], errors={"X": 2}, count=7, extra={"wall_microseconds": [3.0]})
    result = Result("call", "t", "raw", ["1"], {"raw": {"1": cell}}, {"raw": {"python": "3.11"}}, {"b": "gone"})
    assert Result.from_json(json.loads(json.dumps(result.as_json(Settings())))) == result


def test_connections_are_opened_by_calls_that_do_not_count() -> None:
    worker: Any = ScriptedWorker(each=0.001)
    cell, settings = Cell(), Settings(budget=0.5)
    assert measure_calls(worker, 100, cell, settings) == pytest.approx(1000.0)
    assert measure_calls(worker, 100, cell, settings) == pytest.approx(1000.0)
    assert worker.counts() == [100, 500, 100, 500]
    assert cell.extra == {"wall_microseconds": [1000.0, 1000.0]}


def test_over_tls_a_thousand_connections_take_several_waves() -> None:
    worker: Any = ScriptedWorker(each=0.0005)
    measure_calls(worker, 1000, Cell(), Settings(tls=True))
    assert worker.counts() == [1000] * 10
    slow: Any = ScriptedWorker(each=0.002)
    measure_calls(slow, 1000, Cell(), Settings(tls=True))
    assert slow.counts() == [1000] * 3


def test_a_client_too_slow_for_a_column_is_left_out_after_its_first_wave() -> None:
    worker: Any = ScriptedWorker(each=0.003)
    cell = Cell()
    assert measure_calls(worker, 10_000, cell, Settings(ceiling=10.0)) is None
    assert (worker.counts(), cell.left_out) == ([1000], "over 10 s (1,000 calls took 3.0 s)")


def test_growth_counts_only_if_all_calls_were_made() -> None:
    worker: Any = ScriptedWorker(each=0.001)
    assert bench_memory.kept(worker, 50_000)[1] == 16.0
    late: Any = ScriptedWorker(each=0.001, errors={"Deadline": 1})
    with pytest.raises(WorkerError, match="50,000 calls took longer than 60 s"):
        bench_memory.kept(late, 50_000)


@pytest.mark.parametrize(
    ("in_flight", "allowed", "missing"), [(10, 1024, False), (1000, 1024, True), (10_000, 20_000, False)]
)
def test_a_column_that_needs_more_files_than_allowed_says_so(in_flight: int, allowed: int, missing: bool) -> None:
    """Thirteen clients keep a thousand connections each, whether one thousand or ten thousand calls wait for them."""
    reason = files_missing(in_flight, 13, allowed)
    assert ("13,064 open files" in reason, reason == "") == (missing, not missing)


def test_the_table_says_how_far_the_fastest_client_is_from_the_ceiling() -> None:
    service = Result("service", "t", "", [bench_service.RATE])
    service.cells = {bench_service.CROWD: {bench_service.RATE: Cell(rounds=[40_000.0])}}
    call = Result("call", "t", "raw", ["100"])
    call.cells = {
        "floor": {"100": Cell(rounds=[1.0], extra={"wall_microseconds": [50.0]})},
        "nexevo": {"100": Cell(rounds=[1.0], extra={"wall_microseconds": [250.0]})},
    }
    rows = bench_service.headroom({"service": service, "call": call})
    assert rows[1:] == [["calls, 100 in flight", "40,000", "floor", "20,000 (50%)", "4,000 (10%)"]]
    assert bench_service.headroom({"call": call}) == []


def test_goals_of_several_runs_stand_beside_each_other() -> None:
    def of(ours: float) -> goals.Results:
        result = Result("call", "t", "raw aiohttp", ["100"])
        result.cells = {"nexevo": {"100": Cell(rounds=[ours])}, "raw aiohttp": {"100": Cell(rounds=[100.0])}}
        return {"call": result}

    rows = {row[0]: row[3:] for row in goals.rows_of({"plain": of(100.0), "TLS": of(130.0)}) if row[0] in ("P2", "P3")}
    assert rows == {"P2": ["1 met", "1.3 MISSED"], "P3": ["-", ""]}


def test_the_newest_python_is_one_with_another_minor() -> None:
    found = [("a", (3, 9, 18)), ("b", (3, 13, 0)), ("c", None), ("d", (3, 12, 9)), ("e", (3, 11, 9))]
    assert install.newest(found, (3, 11, 7)) == "b"
    assert install.newest([("e", (3, 11, 9))], (3, 11, 7)) is None


def test_what_is_no_cpython_that_runs_has_no_version(tmp_path: Path) -> None:
    placeholder = tmp_path / "python3.99"
    placeholder.write_text("#!/bin/sh\necho 3 99 0 cpython\nexit 127\n")
    placeholder.chmod(0o755)
    assert install.version_of(str(placeholder)) is None
    assert install.version_of(str(tmp_path / "nowhere")) is None


def test_a_reduced_run_refuses_what_has_no_reduced_form() -> None:
    assert run.wanted("", reduced=True) == ["call", "stream", "memory"]
    assert run.wanted("decode, layers", reduced=False) == ["decode", "layers"]
    with pytest.raises(ValueError, match="no such benchmark: decode; there are call, stream, memory"):
        run.wanted("decode", reduced=True)


def test_a_run_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "trustme is not installed" in run.cannot(Settings(tls=True))
    assert "no virtualenv .venv-newest" in run.cannot(Settings(newest=True))
    assert run.cannot(Settings()) == ""


async def test_the_layers_are_those_of_a_client() -> None:
    """A hook hears of every call, so what is measured went through all of them."""
    heard: list[str] = []

    class Spy(Hooks):
        def before_attempt(self, attempt: AttemptStart) -> None:
            heard.append(attempt.base_url)

    async with bench_layers.transport_with(bench_layers.Layers("x", 8, 1e9, (Spy(),))) as transport:
        request = bench_layers.build_request(bench_layers.RouteTable(None), bench_layers.CHAT, (), {}, json={})
        assert await transport.fetch_request(request, bytes, {}) == answers.CHAT
    assert heard == ["http://127.0.0.1:9"]


async def test_a_job_is_judged_by_its_answers() -> None:
    class Peer:
        async def batch(self, count: int, concurrency: int) -> AsyncIterator[str | Exception]:
            await asyncio.sleep(0)
            for outcome in (answers.TEXT, ValueError("no"), "another text"):
                yield outcome

    peer: Any = Peer()
    sample = await AsyncCommands(peer).batch(concurrency=64, count=3, deadline=5)
    assert (sample["count"], sample["errors"]) == (1, {"ValueError": 1, "WrongAnswer": 1})
