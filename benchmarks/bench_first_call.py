"""Time from construction to the first answer, in a fresh process: the blocking client beside the async one."""

from __future__ import annotations

import statistics
import sys

from benchmarks.harness import Result, Settings, parse_settings, save
from benchmarks.measure import REFERENCE_SECONDS
from benchmarks.peers import BLOCKING, OURS
from benchmarks.processes import Process, running_service
from benchmarks.table import as_table

FIRST = "first call, ms"
KINDS = {OURS: "async", BLOCKING: "blocking"}
#: Fresh processes for one figure; the machine's scheduler moves a single one by more than what is looked for.
PROCESSES = 5


def measure(kind: str, url: str, count: int) -> float:
    """Milliseconds on the reference machine, the median of so many processes."""
    found = []
    for _ in range(count):
        with Process([sys.executable, "-m", "benchmarks.first_call", kind, url]) as process:
            sample = process.receive(60)
        found.append(sample["seconds"] * 1e3 * REFERENCE_SECONDS / sample["calibration"])
    return statistics.median(found)


def run(settings: Settings) -> Result:
    """Take turns, one round after the other."""
    result = Result("first-call", "Milliseconds from construction to the first answer", OURS, [FIRST])
    count = 1 if settings.quick else PROCESSES
    with running_service() as (url, _, _):
        for number in range(settings.rounds):
            for name in sorted(KINDS, reverse=bool(number % 2)):
                result.cell(name, FIRST).rounds.append(measure(KINDS[name], url, count))
    return result


def main() -> None:
    """Entry point: this benchmark alone."""
    settings = parse_settings(__doc__ or "")
    result = run(settings)
    print(as_table(result), save(result, settings), sep="\n")


if __name__ == "__main__":
    main()
