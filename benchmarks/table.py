"""Results as text: one table per benchmark, wide enough to read and narrow enough for a terminal."""

from __future__ import annotations

from benchmarks.harness import Cell, Result, Spread


def number(value: float) -> str:
    """A figure with three significant digits and separators for thousands."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cell_text(cell: Cell | None, ratio: Spread | None) -> str:
    """Median, quartiles, ratio to the baseline, and what failed."""
    if cell is None:
        return ""
    if cell.left_out:
        return cell.left_out
    spread = cell.spread()
    failed = sum(cell.errors.values())
    trouble = f" {failed:,} failed ({', '.join(cell.errors)})" if failed else ""
    if spread is None:
        return trouble.strip() or "no figure"
    beside = f" ×{ratio.median:.2f}" if ratio else ""
    return f"{number(spread.median)} [{number(spread.low)}..{number(spread.high)}]{beside}{trouble}"


def rows_of(result: Result) -> list[list[str]]:
    """A row for each peer, in the order they were measured, below a head."""
    rows = [["", *result.columns]]
    for peer, cells in result.cells.items():
        texts = [cell_text(cells.get(column), result.ratio(peer, result.baseline, column)) for column in result.columns]
        rows.append([peer, *texts])
    return rows


def legend(result: Result) -> str:
    """What stands in a cell."""
    beside = f", × {result.baseline} in the same round" if result.baseline else ""
    return f"median [quartiles]{beside}"


def as_table(result: Result) -> str:
    """The whole result for a terminal, what was skipped below it."""
    skipped = [f"skipped: {peer}: {reason}" for peer, reason in result.skipped.items()]
    return "\n".join([result.title, legend(result), "", *align(rows_of(result)), *skipped])


def as_markdown(rows: list[list[str]]) -> str:
    """Rows of text as a table of a document."""
    head, *rest = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "| " + " | ".join("---" for _ in rows[0]) + " |", *rest])


def align(rows: list[list[str]]) -> list[str]:
    """Rows of text as aligned lines with a rule under the first."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]
