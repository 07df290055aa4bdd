"""
The chart for the README: CPU per call and per chunk, a bar for each peer.

Reads `results/call.json` and `results/stream.json`. Needs matplotlib; without it nothing is drawn and a line says so.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT

RESULTS = Path(__file__).resolve().parent / "results"
PANELS = (
    ("call", "100", "CPU per call, 100 in flight"),
    ("stream", "bursts of 16, 10 streams", "CPU per stream chunk"),
)
OURS_COLOUR, OTHERS_COLOUR = "#1f6feb", "#b0b8c4"


def bars(result: dict[str, Any], column: str) -> list[tuple[str, float, float, float]]:
    """Peer, median, low and high quartile; cheapest first, uvloop variants left out for room."""
    found = []
    for peer, cells in result["cells"].items():
        figure = cells.get(column, {}).get("figure")
        if figure and "uvloop" not in peer:
            found.append((peer, figure["median"], figure["low"], figure["high"]))
    return sorted(found, key=lambda bar: bar[1])


def draw(prefix: str, target: Path) -> None:
    """Draw the results whose file names start with `prefix` into a PNG."""
    import matplotlib as mpl  # optional: lives in the peers' virtualenv

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(12, 4.6), layout="constrained")
    for axis, (name, column, title) in zip(axes, PANELS, strict=True):
        result = json.loads((RESULTS / f"{prefix}{name}.json").read_text())
        rows = bars(result, column)
        colours = [OURS_COLOUR if peer.startswith("nexevo") else OTHERS_COLOUR for peer, *_ in rows]
        spread = [[median - low for _, median, low, _ in rows], [high - median for _, median, _, high in rows]]
        places = range(len(rows))
        axis.barh(places, [median for _, median, _, _ in rows], color=colours, xerr=spread, ecolor="#57606a")
        axis.set_yticks(places, [peer for peer, *_ in rows])
        axis.set_xscale("log")
        axis.invert_yaxis()
        axis.set_xlim(right=max((high for *_, high in rows), default=1) * 2.5)
        for place, (_, median, _, high) in zip(places, rows, strict=True):
            axis.text(
                high * 1.08, place, f"{median:,.3g}" if median < 100 else f"{median:,.0f}", va="center", fontsize=9
            )
        axis.set_title(title)
        axis.set_xlabel("microseconds, logarithmic; bars are medians, whiskers quartiles")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, dpi=130)
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
    prefix = sys.argv[1] if len(sys.argv) > 1 else ""
    if importlib.util.find_spec("matplotlib"):
        draw(prefix, RESULTS / f"{prefix}chart.png")
    else:
        print("chart: skipped: matplotlib is not installed; `make bench-peers` installs it")


if __name__ == "__main__":
    main()
