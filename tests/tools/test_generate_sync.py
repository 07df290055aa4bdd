"""The generator of the blocking client: what it writes, and that its check notices everything that is wrong."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

GIZMOS = '''"""``client.gizmos``: things that hum."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar, Unpack

from nexevo_async.models.keys import Key
from nexevo_async.pagination import Pages
from nexevo_async.resources._base import CallOptions, Resource

Hum = str | int
T = TypeVar("T")


def tune(hum: Hum) -> Hum:
    """Tune a hum."""
    return hum


class Gizmos(Resource):
    """
    Things that hum.

    Reached as ``client.gizmos``; ``await client.gizmos.hum()`` makes one hum.
    """

    __slots__ = ()

    async def hum(self, hum: Hum = "low", *others: str, loud: bool = False, **options: Unpack[CallOptions]) -> Key:
        """
        Hum, as in ``async with AsyncNexevo() as client``.

        Args:
            hum: What.
            others: More.
            loud: Whether loud.
            **options: Options of this call; see `CallOptions`.
        """
        return await self._fetch("keys.create", Key, options)

    def list(self) -> Pages[Key]:
        """List them."""
        return self._list("keys.list", Key, {})

    def tones(self, first: int) -> AsyncIterator[str]:
        """One tone after the other."""
        raise NotImplementedError

    async def chords(self) -> AsyncIterator[str]:
        """One chord after the other."""
        yield "c"

    def later(self) -> Awaitable[Mapping[str, Any]]:
        """A hum to come."""
        raise NotImplementedError

    def name(self) -> str:
        """What it is called."""
        return "gizmos"


class Bands(Resource, Generic[T]):
    """Many of them."""

    async def play(self, notes: Iterable[int] | AsyncIterable[int], *, by: Callable[[T], Awaitable[str]]) -> Key:
        """Play notes."""
        raise NotImplementedError
'''


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tool, whose helpers lie beside it."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("generate_sync")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Both packages, to be spoiled."""
    for package in ("nexevo_async", "nexevo_sync"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "sandbox"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_the_committed_files_are_what_would_be_written(tool: Any) -> None:
    """The same as `make check` does."""
    assert tool.main(["--check"]) == 0


def test_the_check_notices_what_differs_what_is_missing_and_what_is_left_over(
    tool: Any, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of each, and writing repairs all of them."""
    edit(copy / "nexevo_sync" / "resources" / "keys.py", "Make a new key.", "Make a key.")
    (copy / "nexevo_sync" / "streaming.py").unlink()
    header = (copy / "nexevo_sync" / "client.py").read_text(encoding="utf-8").splitlines()[0]
    (copy / "nexevo_sync" / "resources" / "gone.py").write_text(f"{header}\n", encoding="utf-8")
    assert tool.main(["--check"], root=copy) == 1
    told = capsys.readouterr().err
    assert re.findall(r"^(\S+) (differs|is missing|is left over)", told, re.MULTILINE) == [
        ("nexevo_sync/resources/gone.py", "is left over"),
        ("nexevo_sync/resources/keys.py", "differs"),
        ("nexevo_sync/streaming.py", "is missing"),
    ]
    assert tool.main([], root=copy) == 0
    assert tool.main(["--check"], root=copy) == 0


def test_a_stray_file_of_somebody_elses_is_reported_and_kept(
    tool: Any, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is deleted that the tool did not write."""
    stray = copy / "nexevo_sync" / "notes.py"
    stray.write_text('"""Mine."""\n', encoding="utf-8")
    assert tool.main(["--check"], root=copy) == 1
    assert tool.main([], root=copy) == 1
    assert "nexevo_sync/notes.py is left over, and was not written by this tool" in capsys.readouterr().err
    assert stray.exists()


def test_sixty_lines_cut_from_a_file_are_noticed(tool: Any, copy: Path) -> None:
    """A check that compares only what it finds would pass."""
    file = copy / "nexevo_sync" / "client.py"
    file.write_text("".join(file.read_text(encoding="utf-8").splitlines(keepends=True)[:-60]), encoding="utf-8")
    assert tool.main(["--check"], root=copy) == 1


def test_a_new_resource_needs_no_edit_by_hand(tool: Any, copy: Path) -> None:
    """Every kind of method gets its one line, and the client its attribute."""
    (copy / "nexevo_async" / "resources" / "gizmos.py").write_text(GIZMOS, encoding="utf-8")
    client = copy / "nexevo_async" / "client.py"
    text = client.read_text(encoding="utf-8")
    text = text.replace("    def __init__(", "    gizmos: Gizmos\n\n    def __init__(", 1)
    client.write_text(
        text.replace(
            "\nfrom nexevo_async.", "\nfrom nexevo_async.resources.gizmos import Gizmos\nfrom nexevo_async.", 1
        )
    )
    assert tool.main([], root=copy) == 0
    written = (copy / "nexevo_sync" / "resources" / "gizmos.py").read_text(encoding="utf-8")
    for line in (
        "from nexevo_async.resources.gizmos import Hum as Hum",
        "from nexevo_async.resources.gizmos import tune as tune",
        'def hum(self, hum: Hum = "low", *others: str, loud: bool = False, **options: Unpack[CallOptions]) -> Key:',
        "Hum, as in ``with Nexevo() as client``.",
        "Reached as ``client.gizmos``; ``client.gizmos.hum()`` makes one hum.",
        "return self._portal.call(self._async.hum, hum, *others, loud=loud, **options)",
        "def list(self) -> Pages[Key]:",
        "return Pages.fetch(self._portal, self._async.list())",
        "def tones(self, first: int) -> Iterator[str]:",
        "return self._portal.iterate(lambda: self._async.tones(first))",
        "def chords(self) -> Iterator[str]:",
        "return self._portal.iterate(lambda: self._async.chords())",
        "def later(self) -> Mapping[str, Any]:",
        "return self._portal.call(self._async.later)",
        "return self._portal.run(self._async.name)",
        "class Bands(Twin[AsyncBands[Any]], Generic[T]):",
        "def play(self, notes: Iterable[int], *, by: Callable[[T], str]) -> Key:",
        "self._portal.call(self._async.play, items_off_loop(notes), by=call_off_loop(self._portal, by))",
    ):
        assert line in written
    front = (copy / "nexevo_sync" / "client.py").read_text(encoding="utf-8")
    assert "return Gizmos(self._portal, self._async.gizmos)" in front
    check = [sys.executable, "-m", "ruff", "check", "nexevo_sync"]
    assert subprocess.run(check, cwd=copy, capture_output=True, text=True, check=False).stdout == "All checks passed!\n"


def test_a_new_argument_needs_no_edit_by_hand(tool: Any, copy: Path) -> None:
    """It is passed on, with its default and its words."""
    keys = copy / "nexevo_async" / "resources" / "keys.py"
    edit(
        keys,
        "async def create(self, name: str, **",
        "async def create(self, name: str, *, colour: str | None = None, **",
    )
    edit(
        keys,
        "            name: What to call it",
        "            colour: What it looks like.\n            name: What to call it",
    )
    assert tool.main([], root=copy) == 0
    written = (copy / "nexevo_sync" / "resources" / "keys.py").read_text(encoding="utf-8")
    assert "def create(self, name: str, *, colour: str | None = None, **options: Unpack[CallOptions])" in written
    assert "colour: What it looks like." in written
    assert "return self._portal.call(self._async.create, name, colour=colour, **options)" in written


def test_nothing_about_coroutines_is_left_in_what_is_written(tool: Any) -> None:
    """Whoever writes such words into a docstring gives their blocking form to `syncgen.wording`."""
    left = {}
    for path, text in tool.render(ROOT).items():
        code = re.sub(r"nexevo_async\.AsyncNexevo|from nexevo_async\.\S+ import .*|[Aa]synchronous", "", text)
        found = re.findall(r".*(?:\bawait|\basync (?:with|for|def)|[Cc]oroutine|\baclose\(\)|``async).*", code)
        if found:
            left[path] = found
    assert left == {}


def test_no_line_of_a_docstring_gets_too_long(tool: Any) -> None:
    """What does not fit goes to the next line of the paragraph, or to a new one."""
    wording = importlib.import_module("syncgen.wording")
    text = "Some words that go on.\nAnd on.\n\nArgs:\n    first: One two three four five.\n    second: Six."
    assert wording.fitted(text, 22) == (
        "Some words that go on.\nAnd on.\n\nArgs:\n"
        "    first: One two\n        three four\n        five.\n    second: Six."
    )


def test_what_has_no_shape_is_refused(tool: Any, copy: Path) -> None:
    """Rather than written wrongly."""
    edit(
        copy / "nexevo_async" / "resources" / "keys.py",
        "**options: Unpack[CallOptions]) -> CreatedKey:",
        "**options: Any):",
    )
    with pytest.raises(ValueError, match=r"Keys\.create does not say what it returns"):
        tool.main([], root=copy)
