"""A run as a person reads it on a terminal: days and places, a row for each event, what to do about it below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tsrevel.cli.context import CliContext
from tsrevel.cli.streams import inner
from tsrevel.engine.outcomes import Outcome
from tsrevel.planning.money import show
from tsrevel.planning.reasons import Status
from tsrevel.text import show_controls

OFF_TERMINAL = 100
"""Columns of a table that goes into a file or a pipe."""
_HEADINGS = ("  Event", "Name", "Status", "Total", "Order", "Reason")
_NAME, _TOTAL = _HEADINGS.index("Name"), _HEADINGS.index("Total")
_GAP = 2
_SHORTEST_NAME = 12
_INDENT = 6
_STYLES = {
    Status.INJECTED: "green",
    Status.PLANNED: "cyan",
    Status.SKIPPED: "dim",
    Status.HELD: "yellow",
    Status.FAILED: "bold red",
}


def open_console(ctx: CliContext) -> Console:
    """Rich's console on stdout: as wide as the terminal, or `OFF_TERMINAL`; colours as NO_COLOR and TERM allow."""
    width = None if ctx.stdout.isatty() else OFF_TERMINAL
    return Console(file=inner(ctx.stdout), width=width, highlight=False, _environ=ctx.environ)


def show_events(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print every event under its day and place. Where the terminal is narrow names are cut, nothing else is."""
    told = sorted(outcomes, key=_day_and_place)
    widths = _fit([_HEADINGS, *map(_cells, told)], console.width)
    _print(console, _line(_HEADINGS, widths, "bold"))
    for (day, location), group in groupby(told, _day_and_place):
        title = show_controls(f"{'no day' if day == date.max else day}, {location or 'no location'}")
        _print(console, Text(title, style="bold"))
        for outcome in group:
            style = "magenta" if outcome.missed else _STYLES[outcome.status]
            _print(console, _line(_cells(outcome), widths, style))
            if outcome.text and not outcome.order_only:
                _explain(console, Text(show_controls(outcome.text), style=style))


def _explain(console: Console, text: Text) -> None:
    for line in text.wrap(console, console.width - _INDENT):
        line.rstrip()
        console.print(Text(" " * _INDENT) + line)


def _print(console: Console, line: Text) -> None:
    console.print(line, no_wrap=True, overflow="ellipsis")


def _day_and_place(outcome: Outcome) -> tuple[date, str]:
    return outcome.day or date.max, outcome.location


def _cells(outcome: Outcome) -> tuple[str, ...]:
    status = "missed" if outcome.missed else outcome.status
    total = show(outcome.total) if outcome.total is not None else ""
    cells = (f"  {outcome.event_id}", outcome.name, status, total, outcome.order_id or "", outcome.reason or "")
    return tuple(map(show_controls, cells))


def _fit(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """How wide each column is, so that a row fits into `width` where a name can be cut for it."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    spare = width - sum(widths) - _GAP * (len(widths) - 1)
    if spare < 0:
        widths[_NAME] = max(widths[_NAME] + spare, _SHORTEST_NAME)
    return widths


def _line(cells: Sequence[str], widths: Sequence[int], style: str) -> Text:
    columns = []
    for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        column = Text(cell)
        column.truncate(width, overflow="ellipsis")
        column.align("right" if number == _TOTAL else "left", width)
        columns.append(column)
    line = Text(" " * _GAP, style=style).join(columns)
    line.rstrip()
    return line
