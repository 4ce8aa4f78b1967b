"""The output of commands: tables and lines for people, the run's summary, one JSON object with --json (DESIGN 2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from enum import StrEnum
from itertools import groupby
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
from tsrevel.cli.wrapping import wrap, wrap_command
from tsrevel.config import ProductEntry, Settings
from tsrevel.engine.outcomes import Outcome, Progress, RunReport, describe_disabled, is_problem, is_told_change
from tsrevel.files import real_path
from tsrevel.ledger import SQLITE, LedgerView, RunRecord, open_view
from tsrevel.planning.model import EventId
from tsrevel.planning.money import Cents, show_grouped
from tsrevel.planning.reasons import TROUBLE, Reason, Status, advise
from tsrevel.text import capitalised, count_of, show_controls

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
        """A command to copy, on lines of its own.

        `words[0]` is "tsrevel" and the command's name: a `--config` that is in use follows it.
        """
        named = self._copyable(f"`{words[0]}`").strip("`")
        for line in wrap_command(show_controls(" ".join([named, *words[1:]])), self.console.width - indent):
            self._print(Text(" " * indent + line))

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


_EVENT_COLUMNS = columns_of("Event", "Name:name", "Status:status", "Total:amount", "Order", "Reason")


def show_events(page: TextOutput, outcomes: Sequence[Outcome]) -> None:
    """Print every event under its day and location."""
    rows: list[Row | str] = []
    ordered = sorted(outcomes, key=_day_and_place)
    texts = explain_once(ordered)
    for (day, location), group in groupby(ordered, _day_and_place):
        rows.append(f"{'no day' if day == date.max else day}, {location or 'no location'}")
        for each in group:
            status = _show_status(each)
            total = show_grouped(each.total) if each.total is not None else ""
            cells = (each.event_id, each.name, status, total, each.order_id or "", each.reason or "")
            style = "bold" if "bold" in STYLES[status] else "dim" if status == "skipped" else ""
            rows.append(Row(cells, style, "" if each.order_only else texts[each.event_id]))
    page.table(_EVENT_COLUMNS, rows)


def _show_status(outcome: Outcome) -> str:
    if outcome.still_missed:
        return "missed"  # a person is still needed
    is_changed = outcome.status is Status.SKIPPED and is_told_change(outcome)
    return "changed" if is_changed else outcome.shown_status


def explain_once(outcomes: Iterable[Outcome]) -> dict[EventId, str]:
    """The reason of each event's status. A problem or an advice that several events have is spelt out only once."""
    first: dict[str, EventId] = {}
    texts, outcomes = {}, tuple(outcomes)
    advice = advise_once({each.event_id: _advise(each) for each in outcomes})
    for each in outcomes:
        text = _explain(each, _advise(each))
        same = first.setdefault(text, each.event_id)
        is_repeated = text and same != each.event_id and each.status in TROUBLE
        told = _explain(each, advice[each.event_id])
        texts[each.event_id] = f"the same as for event {same}" if is_repeated else told
    return texts


def advise_once(advice: Mapping[EventId, str]) -> dict[EventId, str]:
    """Each event's advice. One that differs from an earlier event's only by the id refers to that event."""
    first: dict[str, EventId] = {}
    told = {}
    for event_id, text in advice.items():
        same = first.setdefault(text.replace(event_id, "ID"), event_id)
        told[event_id] = text if same == event_id or not text else f"do as for event {same}"
    return told


def _explain(outcome: Outcome, advice: str) -> str:
    return f"{outcome.text}; {advice}" if advice else outcome.text


def _advise(outcome: Outcome) -> str:
    """Advice if it is missed, if a write of its order fails in every run, or if it changed once resolved; else ""."""
    failed = outcome.failed_write
    if not (outcome.missed or failed or (outcome.resolved and outcome.news)):
        return ""
    return advise(outcome.event_id, outcome.status, outcome.reason, failed_write=failed, resolved=outcome.resolved)


def _day_and_place(outcome: Outcome) -> tuple[date, str]:
    return outcome.day or date.max, outcome.location


def summarise(counts: Mapping[str, int], totals: Mapping[str, Cents] | None, *, dry_run: bool) -> str:
    """A run in one sentence, the same everywhere. Every event is counted once.

    `counts` are those of `RunReport.counts`; older runs lack some. `totals` are the sums of the orders by currency,
    None if unknown.
    """
    dry = "; dry run, nothing was written" if dry_run else ""
    told = list_counts(counts, totals, verb="planned" if dry_run else "made")
    return f"{count_of(counts.get('queried', 0), 'event')}: {told}{dry}"


def list_counts(counts: Mapping[str, int], totals: Mapping[str, Cents] | None, *, verb: str) -> str:
    """The results in words: the orders "made", "planned" or the like, then the other events by status."""
    number = counts.get("injected" if verb == "made" else "planned", 0)
    missed, still, changed = counts.get("missed", 0), counts.get("still_missed", 0), counts.get("changed", 0)
    left = counts.get("left", 0)
    others = {
        "held": counts.get("held", 0),
        "failed": counts.get("failed", 0),
        "missed": missed,
        "still missed": still,
        "changed": changed,
        "left for the next run": left,
        "with nothing to do": counts.get("skipped", 0) - missed - still - changed - left,
    }
    money = f" ({_show_totals(totals)})" if number and totals else ""
    orders = f"{count_of(number, 'order')} {verb}{money}"
    return ", ".join([orders, *(f"{count:,} {what}" for what, count in others.items() if count)])


def _show_totals(totals: Mapping[str, Cents]) -> str:
    """The amounts. Several currencies are named, because their sums can't be added: "1,000.00 GBP and 300.00 USD"."""
    if len(totals) == 1:
        return "".join(map(show_grouped, totals.values()))
    return " and ".join(f"{show_grouped(total)} {currency}" for currency, total in sorted(totals.items()))


def add_totals(outcomes: Iterable[Outcome]) -> dict[str, Cents] | None:
    """The sums of these orders by currency; None if the total of one is unknown."""
    totals: dict[str, Cents] = {}
    for each in outcomes:
        if each.total is None:
            return None
        totals[each.currency] = Cents(totals.get(each.currency, 0) + each.total)
    return totals


def show_report(report: RunReport, ctx: CliContext) -> None:
    """Print the report on stdout in the requested format. The reason why a run ended early goes to stderr."""
    if report.error:
        ctx.log(report.error, correlation_id=report.correlation_id)
    if ctx.options.json:
        from tsrevel.cli.answers.runs import answer_report

        ctx.answer(answer_report(report))
    elif ctx.stdout.isatty():
        show_table(report, TextOutput(ctx))
    else:
        for line in list_problems(report) if ctx.options.quiet else list_news(report):
            print(ctx.copyable(line), file=ctx.stdout)


def list_news(report: RunReport) -> list[str]:
    """One line for each event that is news, after a summary line; nothing if nothing is new."""
    news = _news(report)
    lines = _news_lines([each for each in news if each.status is not Status.INJECTED or is_told_change(each)])
    cut_short = report.error and report.outcomes  # without outcomes the error is enough
    return [f"[{report.correlation_id}] {summary_of(report)}", *lines] if news or cut_short else []


def list_problems(report: RunReport) -> list[str]:
    """Of the lines of `list_news`, those of problems. No later run repeats them, so -q must show them, too."""
    return _news_lines([each for each in _news(report) if is_problem(each)])


def _news(report: RunReport) -> list[Outcome]:
    return [each for each in report.outcomes if each.news]


def _news_lines(outcomes: Sequence[Outcome]) -> list[str]:
    texts = explain_once(outcomes)
    return [news_line(outcome, text=texts[outcome.event_id]) for outcome in outcomes]


def summary_of(report: RunReport) -> str:
    """The run in one sentence."""
    wanted = Status.PLANNED if report.dry_run else Status.INJECTED
    totals = add_totals(each for each in report.outcomes if each.status is wanted)
    return summarise(report.counts, totals, dry_run=report.dry_run)


def news_line(outcome: Outcome, *, named: bool = False, text: str = "") -> str:
    """One event, with its own reason or that `text`.

    `named` is only for terminals: other lines may go to mails or logs, and names are customer data.
    """
    name = f" {outcome.name}" if named and outcome.name else ""
    told = f"{outcome.location} {outcome.day or ''}".strip()
    where = f" ({told})" if told else ""
    total = f" {show_grouped(outcome.total)}" if outcome.total is not None else ""
    reason = f" {outcome.reason}" if outcome.reason else ""
    why = f": {text or _explain(outcome, _advise(outcome))}" if outcome.text else ""
    return f"{outcome.shown_status} event {outcome.event_id}{name}{where}{total}{reason}{why}"


def show_table(report: RunReport, page: TextOutput) -> None:
    """The whole run for a person: every event, and the run in one line."""
    disabled = report.reason is Reason.CONNECTOR_DISABLED
    if disabled and not report.outcomes:
        why = describe_disabled(report.paused)
        page.line(f"{capitalised(why)}: no service was called, and nothing was written.", hang=0)
        return
    if report.outcomes:
        show_events(page, report.outcomes)
    if report.paused:
        page.line(f"The run stopped early: {report.paused}.", hang=0)
    show_summary(report, page)


def show_summary(report: RunReport, page: TextOutput) -> None:
    """The run in one sentence, and its id."""
    page.line(summary_of(report), "bold", hang=0)
    page.line(f"run {report.correlation_id}", "dim")


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


def what_is_mapped(mapping: ProductEntry) -> str:
    """A mapping's name, or its menu item."""
    return mapping.name or f"menu item {mapping.menu_item_id}"


def reject(ctx: CliContext, text: str, status: int = 2) -> int:
    """Report on stderr, and with --json on stdout, why the command did nothing; return `status`."""
    ctx.log(text)
    if ctx.options.json:
        ctx.answer_failure(text, status)
    return status


@contextmanager
def look(ctx: CliContext) -> Iterator[tuple[Settings, LedgerView | None, datetime]]:
    """The settings, a view of the ledger (None if there is no ledger), and the time. It takes no lock."""
    settings = ctx.load_settings(offline=True)
    database = ctx.stand_in.database if ctx.stand_in else SQLITE
    view = open_view(settings.ledger_path, settings.environment, database)
    with view or nullcontext():
        yield settings, view, ctx.now()


def run_line(page: TextOutput, run: RunRecord, totals: Mapping[str, Cents] | None) -> str:
    """A stored run in one line; `totals` are the sums of its orders by currency, None if the ledger lacks them."""
    head = f"{run.correlation_id}  {page.at(run.started_at)}  {run.mode}"
    if run.finished_at is None:
        return f"{head}{', dry run' if run.dry_run else ''}, not finished: it is under way, or its process died"
    seconds = int((run.finished_at - run.started_at).total_seconds())
    return f"{head}, {seconds} s, exit {run.exit_status}: {summarise(run.summary, totals, dry_run=run.dry_run)}"


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
        print(f"{capitalised(text)}.", file=ctx.stdout)
    return NOTHING_CHECKED
