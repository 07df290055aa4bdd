"""The reference is what the docstrings say, and the check notices every way in which it is not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import nexevo_async
from nexevo_async import models, sandbox
from nexevo_async._routes import ROUTES
from tools.write_reference import ENVIRONMENT, FOLDER, anchor, main, pages, parse

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    (folder / "README.md").write_text("by hand\n", encoding="utf-8")
    assert main([], folder=folder) == 0
    return folder


def test_the_pages_in_the_repository_are_those_of_the_docstrings() -> None:
    """In a process of its own, as `make check` does it: other tests make models that are not for users."""
    command = [sys.executable, "tools/write_reference.py", "--check"]
    done = subprocess.run(command, cwd=FOLDER.parent.parent, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_was_written_passes_the_check(written: Path) -> None:
    assert main(["--check"], folder=written) == 0


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda folder: (folder / "errors.md").write_text("# Errors\n", encoding="utf-8"), "errors.md is out of date"),
        (lambda folder: (folder / "models.md").unlink(), "models.md is missing"),
        (lambda folder: (folder / "old.md").write_text("# Old\n", encoding="utf-8"), "old.md is left over"),
    ],
)
def test_the_check_notices_and_writing_repairs(
    spoil: Callable[[Path], object], problem: str, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(written)
    assert main(["--check"], folder=written) == 1
    assert problem in capsys.readouterr().err
    assert main([], folder=written) == 0
    assert main(["--check"], folder=written) == 0
    assert (written / "README.md").read_text(encoding="utf-8") == "by hand\n"


def test_every_public_name_has_an_entry() -> None:
    headings = {heading for text in pages().values() for heading in re.findall(r"^## (?:\S+: )?(\w+)$", text, re.M)}
    unions = {
        "FinishReason",
        "GeoPolicy",
        "MessageRole",
        "OrganizationRole",
        "Role",
    }  # of words; shown where they are used
    assert {*nexevo_async.__all__, *models.__all__, *sandbox.__all__} - unions - headings == set()


def test_every_route_has_a_line() -> None:
    text = pages()["routes.md"]
    assert all(f"| `{route.name}` | `{route.method} {route.template}` |" in text for route in ROUTES.values())


def test_every_environment_variable_that_is_read_is_listed_and_no_other() -> None:
    sources = [*(ROOT / "nexevo_async").rglob("*.py"), *(ROOT / "nexevo_sync").rglob("*.py")]
    words = {word for path in sources for word in re.findall(r"NEXEVO_[A-Z_]+", path.read_text(encoding="utf-8"))}
    assert words == set(ENVIRONMENT)


def test_a_docstring_comes_apart() -> None:
    document = parse(
        """
        Do it.

        More ``words``.

            def example() -> None: ...

        Args:
            name: What to call it,
                at most 5 characters.
            **options: See `CallOptions`.

        Returns:
            A thing: with a colon.

        Raises:
            ValueError: It is too long.

        .. versionadded:: 1.2.0
        """
    )
    assert document.text.startswith("Do it.\n\nMore `words`.")
    assert document.sections == {
        "Args": {"name": "What to call it, at most 5 characters.", "options": "See `CallOptions`."},
        "Returns": {"": "A thing: with a colon."},
        "Raises": {"ValueError": "It is too long."},
    }
    assert document.since == "1.2.0"


def test_a_missing_docstring_is_empty() -> None:
    assert parse(None) == parse("")


def test_a_literal_block_becomes_a_fence() -> None:
    document = parse("Draw it.\n\n::\n\n    a\n    └─ b\n\nAfter it.")
    assert document.text == "Draw it.\n\n```text\na\n└─ b\n```\n\nAfter it."


@pytest.mark.parametrize(
    ("heading", "expected"), [("client.keys: Keys", "clientkeys-keys"), ("After a failure", "after-a-failure")]
)
def test_anchors_are_made_as_web_pages_make_them(heading: str, expected: str) -> None:
    assert anchor(heading) == expected
