"""How the demo looks: with rich in colour, live; without a terminal as plain lines; with `--json` not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nexevo_async.cli.demo import Summary
    from nexevo_async.models.endpoints import EndpointStatus
    from nexevo_async.sandbox import Sandbox

_COLOURS = {"healthy": "green", "ejected": "red", "probation": "yellow", "held": "cyan", "suspect": "yellow"}

Snapshot = Callable[[], Sequence["EndpointStatus"]]


def make_show(*, quiet: bool) -> Show:
    """What fits the output: nothing, or rich."""
    if quiet:
        return Show()
    try:
        import rich  # noqa: F401 - an extra
    except ImportError:
        sys.exit("nexevo demo draws with rich: pip install 'nexevo[cli]', or use --json")
    return RichShow()


class Show:
    """Shows nothing."""

    def title(self, box: Sandbox) -> None:
        """The demo begins."""

    def step(self, what: str, detail: str, *, end: str = "\n") -> None:
        """One part of the client has been used."""

    def note(self, text: str) -> None:
        """A remark on the last step."""

    def text(self, text: str) -> None:
        """A piece of a streamed answer."""

    def bases(self, bases: Sequence[EndpointStatus]) -> None:
        """The base URLs as they stand."""

    def event(self, text: str) -> None:
        """Something happened during the storm."""

    def progress(self, *, done: int) -> None:
        """So many more chats are done."""

    @contextmanager
    def storm(self, chats: int, snapshot: Snapshot) -> Iterator[None]:
        """The storm lasts as long as this context."""
        yield

    def summary(self, summary: Summary) -> None:
        """The demo is over."""


class RichShow(Show):
    """Shows everything, with rich."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(highlight=False)
        self._bar = Progress(
            TextColumn("[bold]chats"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            auto_refresh=False,
        )

    def title(self, box: Sandbox) -> None:
        self._console.rule("[bold]nexevo demo")
        self._console.print(
            f"Three gateways and a discovery host are running on loopback: {', '.join(box.base_urls)}\n", style="dim"
        )

    def step(self, what: str, detail: str, *, end: str = "\n") -> None:
        self._console.print(f"[green]✓[/] [bold]{what}[/] ", end="")
        self._console.print(detail, markup=False, end=end)

    def note(self, text: str) -> None:
        self._console.print(f"  {text}", style="dim", markup=False)

    def text(self, text: str) -> None:
        self._console.print(text, end="", markup=False)

    def bases(self, bases: Sequence[EndpointStatus]) -> None:
        self._console.print(_table(bases))

    def event(self, text: str) -> None:
        self._console.print(f"[yellow]⚡[/] {text}")

    def progress(self, *, done: int) -> None:
        self._bar.advance(self._bar.task_ids[0], done)

    @contextmanager
    def storm(self, chats: int, snapshot: Snapshot) -> Iterator[None]:
        from rich.console import Group
        from rich.live import Live

        self._console.print(f"\n[bold]Now {chats} chats, 50 at a time[/], while the preferred base dies and returns.")
        self._bar.add_task("chats", total=chats)

        def picture() -> Any:
            return Group(_table(snapshot()), self._bar.get_renderable())

        with Live(console=self._console, get_renderable=picture, refresh_per_second=8, transient=False):
            yield
        self._console.print()

    def summary(self, summary: Summary) -> None:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        lost = f"[green]{summary.lost}[/]" if not summary.lost else f"[bold red]{summary.lost}[/]"
        table.add_row("calls", str(summary.calls))
        table.add_row("failed", str(summary.failed))
        table.add_row("lost", lost)
        table.add_row("failovers (attempts that failed and went elsewhere)", str(summary.failovers))
        table.add_row("sent twice (in flight when the base died)", str(summary.sent_again))
        table.add_row("time to fail over (first call elsewhere)", _seconds(summary.time_to_fail_over))
        table.add_row("time to return (first answer of the base)", _seconds(summary.time_to_return))
        table.add_row("storm", _seconds(summary.seconds))
        self._console.rule("[bold]summary")
        self._console.print(table)
        verdict = "[bold green]Nothing was lost.[/]" if summary.ok else "[bold red]Something went wrong: see above.[/]"
        self._console.print(verdict)


def _table(bases: Sequence[EndpointStatus]) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2), header_style="dim")
    for heading in ("base URL", "priority", "state", "latency", "why"):
        table.add_column(heading)
    for base in bases:
        colour = _COLOURS.get(base.state, "white")
        latency = "–" if base.latency is None else f"{base.latency * 1000:.1f} ms"
        table.add_row(base.url, str(base.priority), f"[{colour}]{base.state}[/]", latency, base.reason)
    return table


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f} s"
