"""The picture in the docs is drawn from the table in the code."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nexevo_async._sansio.endpoint_state import TRANSITIONS, Event, State

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(name="draw")
def _draw() -> ModuleType:
    """The tool, loaded from its file: tools are no package."""
    spec = importlib.util.spec_from_file_location("draw_health", ROOT / "tools" / "draw_health.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(draw: ModuleType, path: Path) -> Path:
    file = path / "failover.md"
    file.write_text(f"before\n{draw.BEGIN}\noutdated picture\n{draw.END}\nafter\n", encoding="utf-8")
    return file


def test_the_page_in_the_docs_is_up_to_date(draw: ModuleType) -> None:
    assert draw.main(["--check"]) == 0


def test_every_transition_is_in_the_picture_or_in_the_table(draw: ModuleType) -> None:
    drawn = draw.drawing().splitlines()
    for (before, event), after in TRANSITIONS.items():
        if before is after:
            continue
        if event in (Event.DISTRUST, Event.LOCAL_FAULT, Event.ABSENT):
            row = next(line for line in drawn if line.startswith(f"| {event.value} |"))
            assert before.value in row
            assert after.value in row
        else:
            arrow = next(line for line in drawn if line.startswith(f"    {before.value} --> {after.value}:"))
            assert event.value in arrow.partition(": ")[2].split("<br/>")
    assert f"    [*] --> {State.UNKNOWN.value}" in drawn


def test_drawing_replaces_what_is_between_the_markers_only(draw: ModuleType, tmp_path: Path) -> None:
    file = page(draw, tmp_path)

    assert draw.main([], page=file) == 0

    text = file.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{draw.BEGIN}\n\n```mermaid\n")
    assert text.endswith(f"\n\n{draw.END}\nafter\n")
    assert "outdated picture" not in text
    assert draw.main(["--check"], page=file) == 0


def test_the_check_fails_on_an_old_page_and_changes_nothing(
    draw: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = page(draw, tmp_path)
    before = file.read_text(encoding="utf-8")

    assert draw.main(["--check"], page=file) == 1

    assert file.read_text(encoding="utf-8") == before
    assert "out of date" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{end}\n{begin}\n", "{begin}\n", "{begin}\n{begin}\n{end}\n"])
def test_a_page_without_its_markers_is_refused(draw: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match="needs the line"):
        draw.updated(text.format(begin=draw.BEGIN, end=draw.END))


def test_the_tool_is_not_left_in_the_module_table(draw: ModuleType) -> None:
    assert "draw_health" not in sys.modules
