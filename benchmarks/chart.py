"""
The chart for the README: CPU per call and per stream chunk, a point for each client.

Reads `results/call.json` and `results/stream.json`. Needs matplotlib; without it nothing is drawn and a line says so.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS
from benchmarks.peers import FLOOR, OURS
from benchmarks.processes import ROOT
from benchmarks.table import number

PANELS = (
    ("call", "100", "One call, 100 in flight"),
    ("stream", "bursts of 16, 10 streams", "One chunk of a stream"),
)
#: Of bare aiohttp and ours, which the reader should find first; everybody else is grey.
INK, GREY, LINE, BLUE = "#1f2328", "#57606a", "#d0d7de", "#0b63ce"
NAMES = {"raw aiohttp": "aiohttp + orjson, by hand", "idiomatic aiohttp": "aiohttp, as documented"}
WIDTH, HEIGHT, DPI = 10.0, 4.7, 160  # inches; shown 800 pixels wide, a point of type is a pixel high or more


def points(result: dict[str, Any], column: str) -> list[tuple[str, float, float, float]]:
    """
    Name, median, low and high quartile of every client that a user could choose; cheapest first.

    Left out are the floor, which is no client, and the variants on uvloop.
    """
    found = []
    for peer, cells in result["cells"].items():
        figure = cells.get(column, {}).get("figure")
        if figure and "uvloop" not in peer and peer != FLOOR:
            found.append((NAMES.get(peer, peer), figure["median"], figure["low"], figure["high"]))
    return sorted(found, key=lambda point: point[1])


def _panel(axis: Any, rows: list[tuple[str, float, float, float]], title: str) -> None:
    """One panel: points, not bars, because a bar on a logarithmic axis has no beginning."""
    from matplotlib.ticker import LogLocator, NullLocator  # optional, as below

    low, high = min(row[1] for row in rows), max(row[1] for row in rows)
    for place, (name, median, quarter, three_quarters) in enumerate(rows):
        ours = name == OURS
        axis.plot([low / 1.6, median], [place, place], color=LINE, linewidth=1, zorder=1)
        axis.plot([quarter, three_quarters], [place, place], color=BLUE if ours else GREY, linewidth=3, zorder=2)
        axis.plot(median, place, "o", color=BLUE if ours else GREY, markersize=9 if ours else 7, zorder=3)
        axis.annotate(
            f"{number(median)} µs",
            (max(median, three_quarters), place),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=BLUE if ours else INK,
            weight="bold" if ours else "normal",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
    axis.set_yticks(range(len(rows)), [row[0] for row in rows])
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.set_xlim(low / 1.6, high * 4.5)  # room for the figure beside the last point
    axis.xaxis.set_major_locator(LogLocator(subs=(1,)))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_title(title, loc="left", weight="bold", color=INK, fontsize=13)
    axis.tick_params(axis="y", length=0, labelcolor=INK)
    axis.tick_params(axis="x", colors=GREY, labelsize=9)
    for label in axis.get_yticklabels():
        if label.get_text() == OURS:
            label.set(color=BLUE, weight="bold")
    axis.grid(visible=True, axis="x", which="major", color=LINE, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.spines["bottom"].set_color(LINE)


def draw(prefix: str, target: Path) -> None:
    """Draw the results whose file names start with `prefix` into a PNG."""
    import matplotlib as mpl  # optional: lives in the peers' virtualenv

    mpl.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 11, "font.family": "DejaVu Sans"})
    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(WIDTH, HEIGHT), layout="constrained", facecolor="white")
    for axis, (name, column, title) in zip(axes, PANELS, strict=True):
        rows = points(json.loads((RESULTS / f"{prefix}{name}.json").read_text()), column)
        if rows:
            _panel(axis, rows, title)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1, wspace=0.03)
    text = "CPU time of the client in microseconds, on a logarithmic scale. Less is better."
    figure.supxlabel(text, fontsize=11, color=GREY)
    figure.savefig(target, dpi=DPI)
    print(f"chart: {target.relative_to(ROOT)}")


def draw_somewhere(prefix: str) -> None:
    """Draw here if matplotlib is installed, else with the peers' interpreter, else say that there is no chart."""
    peers = ROOT / ".venv-peers" / "bin" / "python"
    missing = [f"{prefix}{name}.json" for name, _, _ in PANELS if not (RESULTS / f"{prefix}{name}.json").exists()]
    if missing:
        print(f"chart: skipped: no results {', '.join(missing)}")
    elif importlib.util.find_spec("matplotlib"):
        draw(prefix, RESULTS / f"{prefix}chart.png")
    elif peers.exists() and sys.executable != str(peers):
        subprocess.run([str(peers), "-m", "benchmarks.chart", prefix], cwd=ROOT, check=False, timeout=120)
    else:
        print("chart: skipped: matplotlib is not installed; `make bench-peers` installs it")


def main() -> None:
    """Entry point: an optional argument is the prefix of the result files."""
    draw_somewhere(sys.argv[1] if len(sys.argv) > 1 else "")


if __name__ == "__main__":
    main()
