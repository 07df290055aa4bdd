"""
Writes what the results say: ``python -m benchmarks.report [--quick]``.

From `results/*.json` come `results/README.md` (goals, and every table), the chart, and the figures in the project's
README, so that none of them can say anything else. ``--quick`` reads the results of quick runs and leaves the README
alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import bench_service, chart, goals
from benchmarks.harness import RESULTS, Result
from benchmarks.peers import OURS
from benchmarks.processes import ROOT
from benchmarks.run import BENCHMARKS
from benchmarks.table import align, as_markdown, legend, number, rows_of

README = ROOT / "README.md"
BEGIN = "<!-- figures: written by python -m benchmarks.report -->\n"
END = "<!-- end of figures -->\n"
QUICK = "local-quick-"
#: Ends of file names, and what the runs are called; the Python of the last one is added.
VARIANTS = {"": "plain", "-tls": "over TLS", "-newest": "Python"}
HEAD = """\
Written by `python -m benchmarks.report` from the JSON files beside it; change nothing here. [What the figures mean, how
noisy they are, and what they cannot show](../README.md). When a base is lost: [failover.md](failover.md)."""
#: Whom the sentence in the README names, cheapest first.
NAMED = ("raw aiohttp", "httpx", "openai[aiohttp]", "openai")


@dataclass(slots=True)
class Run:
    """What one kind of run has left: its results by benchmark, when they were measured, and on what."""

    name: str
    results: dict[str, Result] = field(default_factory=dict)
    dates: set[str] = field(default_factory=set)
    machines: set[str] = field(default_factory=set)


def load(folder: Path, prefix: str = "") -> list[Run]:
    """Every kind of run that has results; the plain one comes first, whether it has any or not."""
    runs = []
    for variant, name in VARIANTS.items():
        run = Run(name)
        for benchmark in BENCHMARKS:
            path = folder / f"{prefix}{benchmark}{variant}.json"
            if not path.exists():
                continue
            data = json.loads(path.read_text())
            run.results[benchmark] = Result.from_json(data)
            python = data["machine"]["python"]
            run.dates.add(data["date"])
            run.machines.add(f"Python {python}, {data['machine']['cores']} cores")
            if variant == "-newest":
                run.name = f"Python {python}"
        if run.results or not variant:
            runs.append(run)
    return runs


def page(runs: list[Run]) -> str:
    """All of it as one document."""
    parts = [
        "# Results",
        HEAD,
        "## Goals",
        "`-` was not measured. Over TLS and on other Pythons stand only the goals that hold there too.",
        as_markdown(goals.rows_of({run.name: run.results for run in runs})),
    ]
    if rows := bench_service.headroom(runs[0].results):
        parts += ["## How far from the server's ceiling", as_markdown(rows)]
    for run in runs:
        for result in run.results.values():
            parts += [f"## {result.title}{'' if run is runs[0] else f', {run.name}'}", legend(result)]
            parts.append(as_markdown(rows_of(result)) if result.cells else "Nothing was measured.")
            parts += [f"Skipped: {peer}: {reason}" for peer, reason in result.skipped.items()]
    parts += ["## Measured with", *(_measured_with(run) for run in runs if run.results)]
    return "\n\n".join(parts) + "\n"


def _measured_with(run: Run) -> str:
    packages = {
        f"{package} {version}"
        for result in run.results.values()
        for versions in result.versions.values()
        for package, version in versions.items()
        if package != "python"
    }
    where = "; ".join(sorted(run.machines))
    return (
        f"{run.name[0].upper()}{run.name[1:]}: {', '.join(sorted(run.dates))}; {where}; {', '.join(sorted(packages))}."
    )


def figures(run: Run, *, chart_exists: bool) -> str:
    """What stands between the marks in the README: the chart, and a sentence; empty before the first full run."""
    lines = []
    if chart_exists:
        lines += [
            "![Processor time per call and per stream chunk, beside other clients](benchmarks/results/chart.png)",
            "",
        ]
    told = [text for name, column, _ in chart.PANELS if (text := _told(run.results.get(name), name, column))]
    if told:
        lines += [f"{'; '.join(told)} ({'; '.join(sorted(run.machines))}, {max(run.dates)})."]
    return "".join(f"{line}\n" for line in lines)


def _told(result: Result | None, name: str, column: str) -> str:
    """A sentence about one panel of the chart, as ratios: microseconds are those of one machine."""
    if result is None or result.ratio(OURS, OURS, column) is None:
        return ""
    unit = {"call": "Beside a call of ours, one takes", "stream": "beside a stream's chunk, one takes"}[name]
    found = [(peer, result.ratio(peer, OURS, column)) for peer in NAMED]
    return f"{unit} " + ", ".join(f"{number(spread.median)} × with {peer}" for peer, spread in found if spread)


def with_figures(readme: str, text: str) -> str:
    """The README with what stands between the marks replaced."""
    before, _, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"README.md lacks the marks {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}{text}{END}{after}"


def main() -> int:
    """Entry point: draw, write, and print the goals."""
    parser = argparse.ArgumentParser(description="Write tables, chart and README from the results.")
    parser.add_argument(
        "--quick", action="store_true", help="those of quick runs, beside them; the README stays as it is"
    )
    prefix = QUICK if parser.parse_args().quick else ""
    runs = load(RESULTS, prefix)
    chart.draw_somewhere(prefix)
    target = RESULTS / f"{prefix}README.md"
    target.write_text(page(runs))
    if not prefix:
        text = figures(runs[0], chart_exists=(RESULTS / "chart.png").exists())
        README.write_text(with_figures(README.read_text(), text))
    print("\n".join(align(goals.rows_of({run.name: run.results for run in runs}))))
    print(f"written: {target.relative_to(ROOT)}{'' if prefix else ', README.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
