"""
Write the blocking client, `nexevo_sync`, from the sources of the async one.

``python tools/generate_sync.py`` writes; ``--check`` only compares, both ways, and exits with 1 if a file differs, is
missing, or is left over.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from syncgen.writing import HEADER, SYNC_PACKAGE, render

__all__ = ["main", "problems"]

ROOT = Path(__file__).resolve().parent.parent

#: The portal, and what knows nothing of the calls that go through it.
BY_HAND = frozenset(
    {"_batches.py", "_callbacks.py", "_crossing.py", "_inbox.py", "_portal.py", "_raw_pages.py", "_shapes.py"}
)


def problems(root: Path, files: dict[str, str]) -> dict[str, str]:
    """What is wrong with the files below `root`, by path: missing, differs, or left over."""
    found: dict[str, str] = {}
    for path, text in files.items():
        file = root / path
        if not file.is_file():
            found[path] = "is missing"
        elif file.read_text(encoding="utf-8") != text:
            found[path] = "differs from what would be written"
    for file in (root / SYNC_PACKAGE).rglob("*.py*"):
        path = file.relative_to(root).as_posix()
        by_hand = path == f"{SYNC_PACKAGE}/py.typed" or (file.name in BY_HAND and file.parent.name == SYNC_PACKAGE)
        if path not in files and not by_hand and "__pycache__" not in file.parts:
            found[path] = "is left over"
    return found


def main(arguments: list[str] | None = None, *, root: Path = ROOT) -> int:
    """Write the files, or compare them with ``--check``; the exit code."""
    parser = argparse.ArgumentParser(description="Write the blocking client from the async one.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if anything is out of date")
    parser.add_argument("--root", type=Path, default=root, help="where both packages are; the default is this project")
    options = parser.parse_args(arguments)
    files = render(options.root)
    found = problems(options.root, files)
    if options.check:
        for path, problem in sorted(found.items()):
            sys.stderr.write(f"{path} {problem}: run make generate\n")
        return 1 if found else 0
    return _write(options.root, files, found)


def _write(root: Path, files: dict[str, str], found: dict[str, str]) -> int:
    ours = HEADER.partition("{")[0]
    kept = 0
    for path in found:
        file = root / path
        if path in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(files[path], encoding="utf-8")
        elif file.read_text(encoding="utf-8").startswith(ours):
            file.unlink()
        else:
            sys.stderr.write(f"{path} is left over, and was not written by this tool: move it away\n")
            kept = 1
    return kept


if __name__ == "__main__":
    raise SystemExit(main())
