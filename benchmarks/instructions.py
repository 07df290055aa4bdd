"""
Instructions per unit of work, counted by valgrind: a figure that does not depend on how busy the machine is.

``python -m benchmarks.instructions`` compares six scenarios of ours with the recorded figures and ends with status 1
if one got dearer by more than 3 %. ``--update REASON`` records new ones, and the reason beside them; ``--peers`` shows
the peers. Where valgrind or the recorded Python is missing it says so and ends well: counts of two interpreters do not
compare.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers import ASYNC_PEERS, OURS, Peer
from benchmarks.processes import ROOT, interpreter, running_service
from benchmarks.table import align

RECORD = Path(__file__).resolve().parent / "instructions.json"
TOLERANCE = 0.03
TIMEOUT = 300
REMEMBERED = 10  # entries of the history, newest first; git has the rest
UPDATE = "--update REASON"
_COUNTED = ("aiohttp", "orjson", "attrs", "multidict", "yarl")  # a new release of these moves the figures too


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    Work to count.

    Attributes:
        name: As shown and recorded.
        kind: Of `scenarios.RUN`.
        module: Peer module, or what to import.
        few, many: Units in the two runs; their difference takes off start-up and warm-up.
        argument: Takes the place of the URL, where there is no server.
    """

    name: str
    kind: str
    module: str
    few: int
    many: int
    argument: str = ""


GUARDED = (
    Scenario("call", "call", "ours", 20, 120),
    Scenario("stream chunk", "stream", "ours", 320, 2880),
    Scenario("decode 1 KB chat", "decode", "decoders", 50, 550, f"{OURS}/chat_1k"),
    Scenario("blocking call", "blocking-call", "ours_sync", 20, 120),
    Scenario("blocking stream chunk", "blocking-stream", "ours_sync", 320, 2880),
    Scenario("import", "import", "nexevo_async", 0, 1, "-"),
)


class CannotCount(Exception):
    """The counted program failed; the text is its last line."""


def count_once(python: Path, scenario: Scenario, units: int, url: str, extra: dict[str, str]) -> int:
    """Instructions of one whole process."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", str(python)]
    command += ["-m", "benchmarks.scenarios", scenario.kind, scenario.module, str(units), scenario.argument or url]
    # A fixed seed: the order of a set or dictionary must not move the count.
    environment = {**os.environ, **extra, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or found is None:
        lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("==")]
        raise CannotCount(lines[-1][:200] if lines else f"ended with status {done.returncode}")
    return int(found[1].replace(",", ""))


def per_unit(scenario: Scenario, url: str, *, python: Path | None = None, extra: dict[str, str] | None = None) -> int:
    """
    Instructions of one unit of a scenario.

    Raises:
        CannotCount: The scenario does not run here.
    """
    chosen = python or Path(sys.executable)
    if scenario.kind == "import":
        # Compiling to byte code happens once per change of the source and is not what an import costs.
        subprocess.run([str(chosen), "-c", f"import {scenario.module}"], cwd=ROOT, timeout=60, check=False)
    few = count_once(chosen, scenario, scenario.few, url, extra or {})
    many = count_once(chosen, scenario, scenario.many, url, extra or {})
    return (many - few) // (scenario.many - scenario.few)


def count_all(jobs: dict[str, tuple[Scenario, Peer | None]], url: str) -> dict[str, int | str]:
    """Every job's figure, or the reason why there is none. Runs side by side: a busy core does not change a count."""

    def work(job: tuple[Scenario, Peer | None]) -> int | str:
        scenario, peer = job
        python = interpreter(peer) if peer else None
        if python is not None and not python.exists():
            return "its virtualenv is missing"
        try:
            return per_unit(scenario, url, python=python, extra=peer.extra() if peer else None)
        except (CannotCount, subprocess.TimeoutExpired) as error:
            return str(error)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(jobs, pool.map(work, jobs.values()), strict=True))


def circumstances() -> dict[str, Any]:
    """What a count depends on besides our code."""
    versions = {}
    for package in _COUNTED:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "missing"
    return {
        "python": platform.python_version(),
        "compiler": platform.python_compiler(),
        "architecture": platform.machine(),
        "packages": versions,
    }


def verdict(name: str, now: int, recorded: int | None) -> tuple[str, bool]:
    """A line about one scenario, and whether it is acceptable."""
    if recorded is None:
        return f"{name}: {now:,} instructions; nothing recorded yet, {UPDATE} records it", True
    change = now / recorded - 1
    told = f"{name}: {now:,} instructions, {change:+.1%} against {recorded:,}"
    if now > recorded * (1 + TOLERANCE):
        return f"{told}: DEARER than allowed ({TOLERANCE:.0%}); if wanted, record it with {UPDATE}", False
    if now < recorded * (1 - TOLERANCE):
        return f"{told}: cheaper; record it with {UPDATE} so that it stays so", True
    return told, True


def check(record: dict[str, Any], counted: dict[str, int | str]) -> bool:
    """Print a line for each scenario; False if one got dearer than allowed."""
    fine = True
    for name, figure in counted.items():
        if isinstance(figure, str):
            print(f"{name}: skipped: {figure}")
            continue
        line, good = verdict(name, figure, record.get("figures", {}).get(name))
        print(line)
        fine = fine and good
    return fine


def updated(record: dict[str, Any], counted: dict[str, int | str], *, reason: str, today: str) -> dict[str, Any]:
    """
    The record with figures counted now, and with what changed and why in its history.

    A scenario that could not be counted keeps its figure.
    """
    before = record.get("figures", {})
    new = {name: figure for name, figure in counted.items() if isinstance(figure, int)}
    changes = {name: f"{now / before[name] - 1:+.1%}" if name in before else "first" for name, now in new.items()}
    entry = {"date": today, "reason": reason, "changes": changes}
    return {
        "circumstances": circumstances(),
        "figures": {**before, **new},
        "history": [entry, *record.get("history", [])][:REMEMBERED],
    }


def _reason(text: str) -> str:
    if len(text.split()) < 2:
        raise argparse.ArgumentTypeError("say in a few words why the figures may change")
    return text.strip()


def show_peers(url: str) -> None:
    """A table of instructions per call and per chunk for every peer, one call at a time."""
    jobs: dict[str, tuple[Scenario, Peer | None]] = {}
    for peer in (peer for peer in ASYNC_PEERS if not peer.uvloop):
        jobs[f"{peer.name}|call"] = (Scenario("", "call", peer.module, 20, 120), peer)
        jobs[f"{peer.name}|chunk"] = (Scenario("", "stream", peer.module, 320, 1600), peer)
    counted = count_all(jobs, url)
    rows = [["", "instructions a call", "a stream chunk"]]
    for name in dict.fromkeys(job.partition("|")[0] for job in jobs):
        pair = (counted[f"{name}|call"], counted[f"{name}|chunk"])
        rows.append([name, *(f"{figure:,}" if isinstance(figure, int) else f"skipped: {figure}" for figure in pair)])
    print("\n".join(align(rows)))


def main() -> int:
    """Entry point; 1 if something got dearer."""
    parser = argparse.ArgumentParser(description="Count instructions with valgrind.")
    parser.add_argument("--update", type=_reason, metavar="REASON", help="record the figures counted now, and why")
    parser.add_argument("--peers", action="store_true", help="show what the peers take")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("instruction counts: skipped: valgrind is not installed")
        return 0
    record: dict[str, Any] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    here = circumstances()
    known = record.get("circumstances")
    if known and known != here and not (options.update or options.peers):
        differing = ", ".join(key for key in here if here[key] != known.get(key))
        print(f"instruction counts: skipped: recorded under other circumstances ({differing})")
        return 0
    with running_service() as (url, _, _):
        if options.peers:
            show_peers(url)
            return 0
        counted = count_all({scenario.name: (scenario, None) for scenario in GUARDED}, url)
    fine = check(record, counted)
    if options.update:
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        RECORD.write_text(json.dumps(updated(record, counted, reason=options.update, today=today), indent=1) + "\n")
        print("recorded")
        return 0
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
