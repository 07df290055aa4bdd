"""
Make the virtualenvs of the peers beside the project's own: ``make bench-peers`` runs this.

litellm gets one of its own: it holds back openai's version, and openai is measured as it is today.
"""

from __future__ import annotations

import subprocess
import sys
import venv

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


def main() -> int:
    """Create or upgrade both; a virtualenv that cannot be filled is named, and its peers are skipped later."""
    status = 0
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
