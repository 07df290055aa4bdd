"""
Make the virtualenvs of the peers beside the project's own: ``make bench-peers`` runs this.

litellm gets one of its own: it holds back openai's version, and openai is measured as it is today. The newest Python
that is found beside the project's own gets one with nexevo in it, and thereby aiohttp, in the releases that the project
is tested with.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.processes import ROOT

PACKAGES = {
    "peers": [
        "aiohttp",
        "anthropic[aiohttp]",
        "elastic-transport",
        "httpx",
        "matplotlib",
        "msgspec",
        "openai[aiohttp]",
        "orjson",
        "pydantic",
        "requests",
        "urllib3",
    ],
    "peers-litellm": ["litellm"],
}
NEWEST = ["--constraint", "constraints.txt", "--editable", "."]

Version = tuple[int, ...]


def candidates() -> Iterator[str]:
    """Interpreters that may be there: by name on the path, and where pyenv and uv keep theirs."""
    for minor in range(11, 30):
        if found := shutil.which(f"python3.{minor}"):
            yield found
    homes = (
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions",
        Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local/share/uv/python")),
    )
    for home in homes:
        yield from (str(python) for python in home.glob("*/bin/python3"))


def version_of(python: str) -> Version | None:
    """The version it says it is; None if it does not run (pyenv's placeholders do not) or is no final release."""
    code = "import sys; assert sys.version_info[3] == 'final'; print(*sys.version_info[:3], sys.implementation.name)"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.fullmatch(r"(\d+) (\d+) (\d+) cpython\s*", done.stdout)
    return tuple(map(int, found.groups())) if found and done.returncode == 0 else None


def newest(found: Iterable[tuple[str, Version | None]], own: Version) -> str | None:
    """The interpreter of the highest version with another minor than ours; None if none is newer."""
    newer = [(version, python) for python, version in found if version is not None and version[:2] > own[:2]]
    return max(newer)[1] if newer else None


def make_newest() -> bool:
    """Create or upgrade the virtualenv of the newest Python. Whether it is complete, or there is nothing to make."""
    python = newest(((python, version_of(python)) for python in candidates()), sys.version_info[:3])
    if python is None:
        print(f".venv-newest: skipped: no Python newer than {sys.version_info[0]}.{sys.version_info[1]} was found")
        return True
    folder = ROOT / ".venv-newest"
    steps = (
        [python, "-m", "venv", "--clear", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *NEWEST],
    )
    if any(subprocess.run(step, cwd=ROOT, check=False).returncode for step in steps):
        print(".venv-newest: not complete; the newest Python will be skipped")
        shutil.rmtree(folder, ignore_errors=True)
        return False
    print(f".venv-newest: ready ({'.'.join(map(str, version_of(python) or ()))})")
    return True


def main() -> int:
    """Create or upgrade all of them; a virtualenv that cannot be filled is named, and its peers are skipped later."""
    status = 0 if make_newest() else 1
    for name, packages in PACKAGES.items():
        folder = ROOT / f".venv-{name}"
        if not (folder / "bin" / "python").exists():
            venv.create(folder, with_pip=True)
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--upgrade", *packages]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            print(f".venv-{name}: not complete; its peers will be skipped")
            status = 1
        else:
            print(f".venv-{name}: ready")
    return status


if __name__ == "__main__":
    sys.exit(main())
