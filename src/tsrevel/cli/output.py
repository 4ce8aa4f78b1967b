"""Tables and lines for people, fitted to the terminal, and the messages that several commands print (DESIGN 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import TextIO, TypedDict
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from tsrevel.cli.context import CliContext
from tsrevel.cli.streams import inner
from tsrevel.cli.wrapping import wrap
from tsrevel.config import Settings
from tsrevel.engine.outcomes import Progress
from tsrevel.files import real_path
from tsrevel.ledger import SQLITE, LedgerView, open_view
from tsrevel.planning.reasons import Reason
from tsrevel.text import capitalised, show_controls

STYLES = {
    "injected": "color(28)",
    "planned": "color(31)",
    "skipped": "dim",
    "held": "bold reverse color(130)",
    "failed": "bold reverse color(160)",
    "missed": "bold reverse color(133)",
    "changed": "bold color(130)",
    "ok": "color(28)",
    "agree": "color(28)",
    "differs": "bold color(160)",
    "warning": "bold color(130)",
    "problem": "bold reverse color(160)",
}
"""Colours from the middle of the scale, legible on white and on black. Without colours, bold and reverse stay."""
ORDER_STATES: Mapping[str, str] = {
    "claimed": "begun", "settled": "finished", "disputed": "to be checked", "foreign": "somebody else's",
}  # fmt: skip
"""The states of an order in the ledger, in words."""
WARNING, ALARM = "color(130)", "bold color(160)"
NEVER_RUN = "no run has used this ledger; check that cron's runs use the same settings file"
NOTHING_CHECKED = 3
"""The exit status of a check that couldn't check anything, so that it doesn't look like success."""
_UNLIMITED = 100_000
"""Columns without a terminal: a line in a file or a pipe is never broken."""
_GAP = 2
_INSTANT = re.compile(r"\b(20\d\d-\d\d-\d\d \d\d:\d\d) UTC\b")
"""A time in one of tsrevel's texts."""


class Fit(StrEnum):
    """How a column shrinks on a narrow terminal: a name is cut, a text is wrapped.

    If that isn't enough, columns move below their row, the last one first. An amount is never cut or moved.
    """

    WHOLE = "whole"
    AMOUNT = "amount"
    NAME = "name"
    TEXT = "text"
    STATUS = "status"


_GIVING = ((Fit.NAME, 20), (Fit.TEXT, 16), (Fit.NAME, 8))
"""The columns that shrink until the table fits, in this order, and their least widths."""
_LEAST = dict(_GIVING)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. A cell under STATUS has the style of its word."""

    heading: str
    fit: Fit = Fit.WHOLE


def columns_of(*headings: str) -> tuple[Column, ...]:
    """The columns of these headings. A heading may have its `Fit` after a colon: "Total:amount"."""
    parts = (each.partition(":") for each in headings)
    return tuple(Column(heading, Fit(fit or Fit.WHOLE)) for heading, _, fit in parts)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table. `note` is printed below it."""

    cells: tuple[str, ...]
    style: str = ""
    note: str = ""


class TextOutput:
    """Output for people: fitted to the terminal and styled; without a terminal, plain whole lines.

    On a terminal all times, also those inside texts, are in the zone of the location or the settings; elsewhere in UTC.
    Texts have no markup, and their control characters appear as escapes.
    """

    def __init__(
        self, ctx: CliContext, settings: Settings | None = None, location: str = "", stream: TextIO | None = None
    ) -> None:
        """`location`: the only one that the output is about. `stream` is stdout unless it is given."""
        out = inner(stream or ctx.stdout)
        self._copyable = ctx.copyable
        self.is_terminal = out.isatty()
        width = None if self.is_terminal else _UNLIMITED
        # on a dumb terminal rich ignores COLUMNS unless a height is given
        self.console = Console(file=out, width=width, height=25, highlight=False, _environ=ctx.environ)
        self._zones: dict[str, tzinfo] = {}
        self._zone: tzinfo = ctx.zone if self.is_terminal else UTC
        if settings and self.is_terminal:
            self._zones = {each.name: ZoneInfo(each.timezone) for each in settings.locations}
            self._zone = self._zones.get(location) or ZoneInfo(settings.timezone)

    def at(self, instant: datetime | None, location: str = "") -> str:
        """The instant as that location's clock shows it."""
        return f"{instant.astimezone(self._zones.get(location, self._zone)):%Y-%m-%d %H:%M %Z}" if instant else ""

    def _shown(self, text: str) -> str:
        """`text` without controls, with its times as `at` shows them."""

        def translate(found: re.Match[str]) -> str:
            try:
                return self.at(datetime.fromisoformat(f"{found[1]}+00:00"))
            except ValueError:  # not a real time, so not from tsrevel
                return found[0]

        return _INSTANT.sub(translate, show_controls(self._copyable(text)))

    def line(
        self, text: str = "", style: str = "", indent: int = 0, hang: int = 4, *, label: str = "", mark: str = ""
    ) -> None:
        """One line. On a terminal it is wrapped, and continues `hang` columns further right.

        `label` is printed left of it, in those columns. `mark` is a status in `text`, shown in its own style.
        """
        first = f"{self._shown(label):<{hang}}" if label else ""
        room = max(self.console.width - indent - hang, 20)
        for number, part in enumerate(wrap(self._shown(text), room)):
            start = " " * (indent + (hang if number else 0)) + ("" if number else first)
            whole = Text(start) + Text(part, style)
            if mark and not number and (at := whole.plain.find(mark)) >= 0:
                whole.stylize(STYLES.get(mark, ""), at, at + len(mark))
            self._print(whole)

    def command(self, words: Sequence[str], indent: int) -> None:
        """A command to copy, on a line of its own.

        `words[0]` is "tsrevel" and the command's name: a `--config` that is in use follows it.
        """
        named = self._copyable(f"`{words[0]}`").strip("`")
        self._print(Text(" " * indent + show_controls(" ".join([named, *words[1:]]))))

    def _print(self, line: Text) -> None:
        """Print a line that is already as wide as it should be."""
        self.console.print(line, no_wrap=True, overflow="ignore", crop=False)

    def table(
        self, columns: Sequence[Column], rows: Sequence[Row | str], indent: int = 2, *, bare: bool = False
    ) -> None:
        """Rows under their headings, or `bare` without. A text among the rows is a heading for the rows after it."""
        rows = [
            each if isinstance(each, str) else replace(each, cells=tuple(map(self._shown, each.cells))) for each in rows
        ]
        cells = [each.cells for each in rows if isinstance(each, Row)]
        headings = tuple("" if bare else each.heading for each in columns)
        widths = _fit_widths(columns, [headings, *cells], self.console.width - indent)
        if not bare:
            self._row(columns, Row(headings, "bold"), widths, indent)
        for row in rows:
            if isinstance(row, str):
                self.line(row, "bold")
                continue
            self._row(columns, row, widths, indent)
            below = [
                f"{column.heading}: {cell}" if column.heading else cell
                for column, cell, width in zip(columns, row.cells, widths, strict=True)
                if cell and not width
            ]
            for text in (", ".join(below), row.note):
                if text:
                    self.line(text, "dim" if row.style == "dim" else "", indent + 4, hang=0)

    def _row(self, columns: Sequence[Column], row: Row, widths: Sequence[int], indent: int) -> None:
        shown = [each for each in zip(columns, row.cells, widths, strict=True) if each[2]]
        while shown and not shown[-1][1]:  # no blanks at the end of a line
            shown.pop()
        grid, texts = Table.grid(), []
        for number, (column, cell, width) in enumerate(shown):
            amount, is_last = column.fit is Fit.AMOUNT, number == len(shown) - 1
            grid.add_column(
                width=None if is_last and not amount else width, max_width=width, justify="right" if amount else "left"
            )
            text = Text(cell, no_wrap=column.fit is not Fit.TEXT, overflow="ellipsis")
            if column.fit is Fit.STATUS:
                text.stylize(STYLES.get(cell, ""))
            texts.append(text)
            if not is_last:
                grid.add_column(width=_GAP)
                texts.append(Text())
        grid.add_row(*texts, style=row.style)
        self.console.print(Padding(grid, (0, 0, 0, indent), expand=False), crop=False)


def _fit_widths(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """The width of each column, so that a row fits into `room`; 0 for a column that moves below its row."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    least = [min(width, _LEAST.get(column.fit, width)) for column, width in zip(columns, widths, strict=True)]

    def excess(wanted: Sequence[int]) -> int:
        return sum(wanted) + _GAP * (sum(map(bool, wanted)) - 1) - room

    for number in reversed(range(1, len(columns))):
        if excess(least) <= 0:
            break
        if columns[number].fit is not Fit.AMOUNT:
            widths[number] = least[number] = 0
    for fit, floor in _GIVING:
        while excess(widths) > 0:
            giving = [n for n, column in enumerate(columns) if column.fit is fit and widths[n] > max(least[n], floor)]
            if not giving:
                break
            widths[max(giving, key=widths.__getitem__)] -= 1
    return widths


@contextmanager
def show_progress(ctx: CliContext) -> Iterator[Progress]:
    """A progress bar on stderr if that is a terminal. Call the yielded function to advance it."""
    if ctx.options.quiet or ctx.options.json or not ctx.stderr.isatty():
        yield lambda _done, _of: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("so far"))
    with Bar(*columns, console=Console(file=inner(ctx.stderr), _environ=ctx.environ), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, of: bar.update(task, description=f"{done} of {of}", completed=done, total=of)


@contextmanager
def look(ctx: CliContext) -> Iterator[tuple[Settings, LedgerView | None, datetime]]:
    """The settings, a view of the ledger (None if there is no ledger), and the time. It takes no lock."""
    settings = ctx.load_settings(offline=True)
    database = ctx.stand_in.database if ctx.stand_in else SQLITE
    view = open_view(settings.ledger_path, settings.environment, database)
    with view or nullcontext():
        yield settings, view, ctx.now()


class FilesInUse(TypedDict):
    """Absolute paths. `settings` is None if there is no settings file."""

    settings: str | None
    ledger: str


def locate_files(settings: Settings) -> FilesInUse:
    """The files in use for --json."""
    config = settings.config_path
    return FilesInUse(settings=str(config.absolute()) if config else None, ledger=str(settings.ledger_path.absolute()))


def describe_files(settings: Settings) -> list[str]:
    """The same for people, one line each. A link is shown with its target."""

    def told(path: Path) -> str:
        return f"{path.absolute()}" + (f" (which is {real_path(path)})" if path.is_symlink() else "")

    config = settings.config_path
    shown = told(config) if config else "none found; all settings come from the environment"
    return [f"settings: {shown}", f"ledger: {told(settings.ledger_path)}"]


def report_nothing_checked(ctx: CliContext, why: str) -> int:
    """Report that nothing was checked, and why; return the exit status."""
    text = f"nothing was checked: {why}"
    if ctx.options.json:
        reason = Reason.CONNECTOR_DISABLED
        from tsrevel.cli.answers.model import NothingCheckedAnswer

        ctx.answer(NothingCheckedAnswer(reason=reason, error=text, exit_status=NOTHING_CHECKED, text=text))
    else:
        TextOutput(ctx).line(f"{capitalised(text)}.", hang=0)
    return NOTHING_CHECKED
