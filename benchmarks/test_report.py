"""What is written about the results says what the results say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import chart, harness, report
from benchmarks.harness import Cell, Result, Settings
from benchmarks.peers import OURS

CHUNKS = "bursts of 16, 10 streams"


def saved(folder: Path, monkeypatch: pytest.MonkeyPatch, *, ours: float, settings: Settings | None = None) -> None:
    """Results of calls and streams in which raw aiohttp takes 100 µs, and openai 900."""
    monkeypatch.setattr(harness, "RESULTS", folder)
    for name, column in (("call", "100"), ("stream", CHUNKS)):
        result = Result(name, f"CPU per {name}", "raw aiohttp", [column])
        for peer, figure in ((OURS, ours), ("raw aiohttp", 100.0), ("openai", 900.0)):
            result.cells[peer] = {column: Cell(rounds=[figure])}
        result.versions = {OURS: {"python": "3.13.0" if settings else "3.11.7", "aiohttp": "3.14.5"}}
        harness.save(result, settings or Settings())


def test_the_committed_tables_are_those_of_the_committed_results() -> None:
    """After a campaign, or a change of the goals: ``python -m benchmarks.report``."""
    runs = report.load(report.RESULTS)
    assert (report.RESULTS / "README.md").read_text() == report.page(runs)
    readme = report.README.read_text()
    text = report.figures(runs[0], chart_exists=(report.RESULTS / "chart.png").exists())
    assert report.with_figures(readme, text) == readme


def test_every_run_has_a_column_of_goals_and_tables_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, monkeypatch, ours=112.0)
    saved(tmp_path, monkeypatch, ours=120.0, settings=Settings(newest=True))
    page = report.page(report.load(tmp_path)).splitlines()
    assert "| goal | what | bound | plain | Python 3.13.0 |" in page
    assert "| P2 | call over raw aiohttp + orjson, 100 in flight | ≤ 1.12 | 1.12 met | 1.2 MISSED |" in page
    assert [line for line in page if line.startswith("## CPU")] == [
        "## CPU per call",
        "## CPU per stream",
        "## CPU per call, Python 3.13.0",
        "## CPU per stream, Python 3.13.0",
    ]
    assert "| nexevo | 120 [120..120] ×1.20 |" in page


def test_the_readme_tells_ratios_to_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, monkeypatch, ours=50.0)
    (run,) = report.load(tmp_path)
    run.dates, run.machines = {"2026-01-02"}, {"Python 3.11.7"}
    assert report.figures(run, chart_exists=False) == (
        "Beside a call of ours, one takes 2 × with raw aiohttp, 18 × with openai; "
        "beside a stream's chunk, one takes 2 × with raw aiohttp, 18 × with openai (Python 3.11.7, 2026-01-02).\n"
    )
    assert report.figures(run, chart_exists=True).startswith("![")


def test_before_the_first_run_the_readme_shows_no_figure() -> None:
    assert report.figures(report.Run("plain"), chart_exists=False) == ""


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    text = f"before\n{report.BEGIN}old\n{report.END}after\n"
    assert report.with_figures(text, "new\n") == f"before\n{report.BEGIN}new\n{report.END}after\n"
    with pytest.raises(SystemExit, match="lacks the marks"):
        report.with_figures("no marks\n", "new\n")


def test_the_chart_shows_clients_that_can_be_chosen_cheapest_first() -> None:
    def figure(median: float) -> dict[str, Any]:
        return {"100": {"figure": {"median": median, "low": median - 1, "high": median + 1}}}

    cells = {"openai": figure(90), "raw aiohttp": figure(20), "nexevo": figure(10), "floor": figure(5)}
    cells |= {"nexevo, uvloop": figure(8), "litellm": {"100": {"figure": None}}}
    assert chart.points({"cells": cells}, "100") == [
        ("nexevo", 10, 9, 11),
        ("aiohttp + orjson, by hand", 20, 19, 21),
        ("openai", 90, 89, 91),
    ]
