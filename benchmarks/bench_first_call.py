"""Time from construction to the first answer, in a fresh process: the blocking client beside the async one."""

from __future__ import annotations

import sys

from benchmarks.harness import Result, Settings, parse_settings, save
from benchmarks.measure import REFERENCE_SECONDS
from benchmarks.peers import BLOCKING, OURS
from benchmarks.processes import Process, running_service
from benchmarks.table import as_table

FIRST = "first call, ms"
KINDS = {OURS: "async", BLOCKING: "blocking"}
#: Fresh processes for one figure, of which the fastest counts: what else the machine does can only add to a first call,
#: and adds more than what is looked for.
PROCESSES = 5


def measure(kind: str, url: str) -> float:
    """Milliseconds on the reference machine, of one process."""
    with Process([sys.executable, "-m", "benchmarks.first_call", kind, url]) as process:
        sample = process.receive(60)
    return float(sample["seconds"] * 1e3 * REFERENCE_SECONDS / sample["calibration"])


def run(settings: Settings) -> Result:
    """Take turns, process by process."""
    result = Result("first-call", "Milliseconds from construction to the first answer", OURS, [FIRST])
    count = 1 if settings.quick else PROCESSES
    with running_service() as (url, _, _):
        for number in range(settings.rounds):
            names = sorted(KINDS, reverse=bool(number % 2))
            turns = [[measure(KINDS[name], url) for name in names] for _ in range(count)]
            for name, found in zip(names, zip(*turns, strict=True), strict=True):
                result.cell(name, FIRST).rounds.append(min(found))
    return result


def main() -> None:
    """Entry point: this benchmark alone."""
    settings = parse_settings(__doc__ or "")
    result = run(settings)
    print(as_table(result), save(result, settings), sep="\n")


if __name__ == "__main__":
    main()
