"""
Draw the states of an endpoint into the docs, from the table that the code runs on.

``python tools/draw_health.py`` writes; ``--check`` only compares, and exits with 1 if the docs are behind the code.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nexevo_async._sansio.endpoint_state import TRANSITIONS, Event, State

__all__ = ["drawing", "main", "updated"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "failover.md"
BEGIN = "<!-- drawn by tools/draw_health.py: begin -->"
END = "<!-- drawn by tools/draw_health.py: end -->"

#: Events that lead from many states to one: arrows for them would hide the picture, so they go into a table.
_FROM_MANY = (Event.DISTRUST, Event.LOCAL_FAULT, Event.ABSENT)


def drawing() -> str:
    """The diagram (mermaid) and the table below it, as Markdown."""
    labels: dict[tuple[State, State], list[str]] = {}
    for (before, event), after in TRANSITIONS.items():
        if before is not after and event not in _FROM_MANY:
            labels.setdefault((before, after), []).append(event.value)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {State.UNKNOWN.value}"]
    lines += [
        f"    {before.value} --> {after.value}: {'<br/>'.join(events)}" for (before, after), events in labels.items()
    ]
    lines += [f"    {State.DRAINING.value} --> [*]: last call finished", "```", ""]
    lines += ["| what happens | in these states | next |", "| --- | --- | --- |"]
    for event in _FROM_MANY:
        moved = [state for state in State if TRANSITIONS[state, event] is not state]
        targets = ", ".join(dict.fromkeys(TRANSITIONS[state, event].value for state in moved))
        lines.append(f"| {event.value} | {', '.join(state.value for state in moved)} | {targets} |")
    return "\n".join(lines)


def updated(page: str) -> str:
    """
    The page with a fresh drawing between the markers.

    Raises:
        ValueError: The page has no markers, or more than one pair.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page needs the line {BEGIN!r} once, and the line {END!r} once after it")
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{drawing()}\n\n{END}{tail}"


def main(arguments: list[str] | None = None, *, page: Path = PAGE) -> int:
    """Write the drawing, or compare it with ``--check``; the exit code."""
    parser = argparse.ArgumentParser(description="Draw the states of an endpoint into the docs.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the page is out of date")
    check: bool = parser.parse_args(arguments).check
    before = page.read_text(encoding="utf-8")
    after = updated(before)
    if before == after:
        return 0
    if check:
        sys.stderr.write(f"{page.name} is out of date: run python tools/draw_health.py\n")
        return 1
    page.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
