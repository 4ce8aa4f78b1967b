"""What commands print: a run's table or its few lines, rows and columns, one JSON object with --json (DESIGN 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import TypedDict

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from tsrevel.cli.answers.model import NothingCheckedAnswer
from tsrevel.cli.answers.runs import answer_report
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.streams import inner
from tsrevel.config import ProductEntry, Settings, load_settings
from tsrevel.engine.outcomes import Outcome, Progress, RunReport, describe_disabled
from tsrevel.files import real_path
from tsrevel.ledger import SQLITE, LedgerView, RunRecord, open_view
from tsrevel.planning.money import show
from tsrevel.planning.reasons import Reason, Status
from tsrevel.text import show_controls

OFF_TERMINAL = 100
"""Columns of a table that goes into a file or a pipe."""
_HEADINGS = ("  Event", "Name", "Status", "Total", "Order", "Reason")
_NAME, _TOTAL = _HEADINGS.index("Name"), _HEADINGS.index("Total")
_GAP = 2
_SHORTEST_NAME = 12
_INDENT = 6
_TABLE_INDENT = 2
_HANGING = 4
STYLES = {
    "injected": "green",
    "planned": "cyan",
    "skipped": "dim",
    "held": "yellow",
    "failed": "bold red",
    "missed": "magenta",
}
NEVER_RUN = "no run was ever made with this ledger: is it the one that cron's runs use?"
NOTHING_CHECKED = 3
"""The exit status of a command that was to check something and couldn't: nothing found must not look like success."""


def open_console(ctx: CliContext) -> Console:
    """Rich's console on stdout: as wide as the terminal, or `OFF_TERMINAL`; colours as NO_COLOR and TERM allow."""
    width = None if ctx.stdout.isatty() else OFF_TERMINAL
    return Console(file=inner(ctx.stdout), width=width, highlight=False, _environ=ctx.environ)


def show_events(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print every event under its day and place. Where the terminal is narrow names are cut, nothing else is."""
    told = sorted(outcomes, key=_day_and_place)
    widths = _fit([_HEADINGS, *map(_cells, told)], console.width)
    _cut(console, _line(_HEADINGS, widths, "bold"))
    for (day, location), group in groupby(told, _day_and_place):
        title = show_controls(f"{'no day' if day == date.max else day}, {location or 'no location'}")
        _cut(console, Text(title, style="bold"))
        for outcome in group:
            style = STYLES["missed" if outcome.missed else outcome.status]
            _cut(console, _line(_cells(outcome), widths, style))
            if outcome.text and not outcome.order_only:
                text = Text(show_controls(outcome.text), style=style)
                for line in text.wrap(console, console.width - _INDENT):
                    line.rstrip()
                    console.print(Text(" " * _INDENT) + line)


def _cut(console: Console, line: Text) -> None:
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


def show_report(report: RunReport, ctx: CliContext, flags: OutputOptions) -> None:
    """Print the report on stdout in the manner asked for; why a run ended before its time goes to stderr."""
    if report.error:
        print(f"tsrevel: [{report.correlation_id}] {report.error}", file=ctx.stderr)
    if flags.json:
        ctx.answer(answer_report(report))
    elif ctx.stdout.isatty():
        show_table(report, open_console(ctx))
    else:
        for line in list_errors(report) if flags.quiet else list_news(report):
            print(line, file=ctx.stdout)


def list_news(report: RunReport) -> list[str]:
    """What a person hasn't been told yet, a line each, after one line that sums up; nothing where nothing is new."""
    news = [outcome for outcome in report.outcomes if outcome.news]
    lines = [news_line(outcome) for outcome in news if outcome.status is not Status.INJECTED]
    cut_short = report.error and report.outcomes  # without outcomes the error says it all
    return [summary_line(report), *lines] if news or cut_short else []


def list_errors(report: RunReport) -> list[str]:
    """What no manner of speaking leaves out: failures, missed events, and orders that a person must look at."""
    errors = [each for each in report.outcomes if each.status is Status.FAILED or each.missed or each.alarm]
    return [news_line(outcome) for outcome in errors]


def summary_line(report: RunReport) -> str:
    """The run in one line."""
    counts = report.summary
    done = [
        outcome.total for outcome in report.outcomes if outcome.status is Status.INJECTED and outcome.total is not None
    ]
    always = Status.PLANNED if report.dry_run else Status.INJECTED
    parts = [f"{counts[status]} {status}" for status in Status if counts[status] or status is always]
    missed = f", {counts['missed']} missed" if counts["missed"] else ""
    money = f" ({show(type(done[0])(sum(done)))} in all)" if done else ""
    dry = " (dry run, nothing written)" if report.dry_run else ""
    return f"[{report.correlation_id}] {counts['queried']} events: {', '.join(parts)}{missed}{money}{dry}"


def news_line(outcome: Outcome) -> str:
    """One event, without its name: the line may end in a mailbox or a log, and names are customer data."""
    what = "missed" if outcome.missed else outcome.status
    told = f"{outcome.location} {outcome.day or ''}".strip()
    where = f" ({told})" if told else ""
    total = f" {show(outcome.total)}" if outcome.total is not None else ""
    reason = f" {outcome.reason}" if outcome.reason else ""
    return f"{what} event {outcome.event_id}{where}{total}{reason}" + (f": {outcome.text}" if outcome.text else "")


def show_table(report: RunReport, console: Console) -> None:
    """The whole run for a person: every event, and the run in one line."""
    disabled = report.reason is Reason.CONNECTOR_DISABLED
    if disabled and not report.outcomes:
        why = show_controls(describe_disabled(report.paused))
        text = f"{why[0].upper()}{why[1:]}: nothing was asked, nothing written."
        console.print(text, markup=False, soft_wrap=True)
        return
    if report.outcomes:
        show_events(console, report.outcomes)
    if report.paused:
        console.print(show_controls(f"Stopped on the way: {report.paused}."), markup=False, soft_wrap=True)
    console.print(summary_line(report), markup=False, soft_wrap=not console.is_terminal)


@contextmanager
def show_progress(ctx: CliContext, flags: OutputOptions) -> Iterator[Progress]:
    """A progress bar on stderr where that is a terminal, fed by what is yielded; nothing elsewhere."""
    if flags.quiet or flags.json or not ctx.stderr.isatty():
        yield lambda _done, _of: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("so far"))
    with Bar(*columns, console=Console(file=inner(ctx.stderr), _environ=ctx.environ), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, of: bar.update(task, description=f"{done} of {of}", completed=done, total=of)


def say(ctx: CliContext, *lines: str) -> None:
    """Lines for people, on stdout."""
    for line in lines:
        ctx.say(line)


def count_names(count: int) -> str:
    """ "1 name", "2 names"."""
    return f"{count} name" if count == 1 else f"{count} names"


def lay_out(rows: Sequence[Sequence[str]], indent: int = 0) -> list[str]:
    """The rows as lines, each column as wide as it must be."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        " " * indent
        + "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def what_is_mapped(mapping: ProductEntry) -> str:
    """A mapping's name, or its menu item."""
    return mapping.name or f"menu item {mapping.menu_item_id}"


def reject(ctx: CliContext, flags: OutputOptions, text: str, status: int = 2) -> int:
    """What was asked for isn't done, mostly since it makes no sense: said on stderr, and with --json on stdout."""
    ctx.tell(f"tsrevel: {text}")
    if flags.json:
        ctx.answer_failure(text, status)
    return status


@contextmanager
def look(ctx: CliContext, flags: OutputOptions) -> Iterator[tuple[Settings, LedgerView | None, datetime]]:
    """The settings, the ledger to be looked at (None if there is none), and the time. No service, no lock."""
    settings = load_settings(config=flags.config, environ=ctx.environ, offline=True)
    database = ctx.runtime.database if ctx.runtime else SQLITE
    view = open_view(settings.ledger_path, settings.environment, database)
    with view or nullcontext():
        yield settings, view, ctx.now()


def shown_at(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""


def run_line(run: RunRecord) -> str:
    dry = ", dry run" if run.dry_run else ""
    head = f"{run.correlation_id}  {shown_at(run.started_at)}  {run.mode}{dry}"
    if run.finished_at is None:
        return f"{head}, not finished: it is going on, or it died"
    counts = ", ".join(f"{number} {name}" for name, number in run.summary.items() if number and name != "queried")
    seconds = int((run.finished_at - run.started_at).total_seconds())
    queried = run.summary.get("queried", 0)
    return f"{head}, {seconds} s, exit {run.exit_status}: {queried} events" + (f" ({counts})" if counts else "")


class TextOutput:
    """Where a command writes what people read: styled and cut to the width on a terminal, whole lines off it."""

    def __init__(self, ctx: CliContext) -> None:
        self._out = ctx.stdout
        self._console = open_console(ctx) if ctx.stdout.isatty() else None

    @property
    def is_terminal(self) -> bool:
        return self._console is not None

    def line(self, text: str = "", style: str = "", indent: int = 0) -> None:
        """One line; on a terminal it is wrapped, what follows the first part indented a little more."""
        if self._console is None:
            print(" " * indent + text, file=self._out)
            return
        width = max(self._console.width - indent - _HANGING, 20)
        for number, part in enumerate(Text(show_controls(text), style=style).wrap(self._console, width) or [Text("")]):
            part.rstrip()
            left = indent + (_HANGING if number else 0)
            self._console.print(Text(" " * left) + part, no_wrap=True, overflow="ellipsis")

    def rows(
        self,
        headings: Sequence[str],
        rows: Sequence[Sequence[str]],
        styles: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> None:
        """A table in columns, on a terminal with a style and a note below for each row."""
        looks = ["bold", *(styles or [""] * len(rows))]
        for number, text in enumerate(lay_out([headings, *rows], indent=_TABLE_INDENT)):
            if self._console is None:
                print(text, file=self._out)
            else:
                _cut(self._console, Text(show_controls(text), style=looks[number]))
            if notes and number:
                self.line(notes[number - 1], "dim", indent=2 * _TABLE_INDENT + 2)


class FilesInUse(TypedDict):
    """The whole paths; `settings` is None where there is no settings file."""

    settings: str | None
    ledger: str


def locate_files(settings: Settings) -> FilesInUse:
    """The files in use for --json."""
    config = settings.config_path
    return FilesInUse(settings=str(config.absolute()) if config else None, ledger=str(settings.ledger_path.absolute()))


def describe_files(settings: Settings) -> list[str]:
    """The same for people, a line each: whole paths, of a link also what it leads to."""

    def told(path: Path) -> str:
        return f"{path.absolute()}" + (f" (which is {real_path(path)})" if path.is_symlink() else "")

    config = settings.config_path
    shown = told(config) if config else "no settings file was found, the environment alone"
    return [f"settings: {shown}", f"ledger: {told(settings.ledger_path)}"]


def report_nothing_checked(ctx: CliContext, flags: OutputOptions, why: str) -> int:
    """Say that nothing was checked, and why: the exit status."""
    text = f"nothing was checked: {why}"
    if flags.json:
        reason = Reason.CONNECTOR_DISABLED
        ctx.answer(NothingCheckedAnswer(reason=reason, error=text, exit_status=NOTHING_CHECKED, text=text))
    else:
        print(f"{text[0].upper()}{text[1:]}.", file=ctx.stdout)
    return NOTHING_CHECKED
