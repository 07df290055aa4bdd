"""
Write the types of the raw view, `nexevo_async/raw.py`, from the sources of the resources.

``python tools/write_raw.py`` writes; ``--check`` only compares, and exits with 1 if the file is out of date. The
blocking twin is made of it by `generate_sync.py`, which therefore comes after this.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from syncgen.raw import raw_module
from syncgen.sources import Package
from syncgen.writing import formatted

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
PATH = "nexevo_async/raw.py"


def main(arguments: list[str] | None = None, *, root: Path = ROOT) -> int:
    """Write the file, or compare it with ``--check``; the exit code."""
    parser = argparse.ArgumentParser(description="Write the types of the raw view from the resources.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the file is out of date")
    options = parser.parse_args(arguments)
    file = root / PATH
    text = formatted({PATH: raw_module(Package(root))}, root)[PATH]
    if not options.check:
        file.write_text(text, encoding="utf-8")
    elif not file.is_file() or file.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{PATH} is missing or out of date: run make generate\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
