"""`status`: the state of this installation, or with --all of each in a folder. It reads only the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tsrevel.cli.context import CliContext
from tsrevel.cli.output import (
    ALARM,
    ORDER_STATES,
    STYLES,
    WARNING,
    Row,
    TextOutput,
    columns_of,
    describe_files,
    locate_files,
    look,
)
from tsrevel.cli.run_text import describe_exit, run_line
from tsrevel.config import Settings
from tsrevel.config.paths import MAPPINGS_NAME
from tsrevel.engine.outcomes import NEEDS_ATTENTION, most_severe
from tsrevel.errors import LedgerDamaged, TsrevelError
from tsrevel.insight.history import Changed
from tsrevel.insight.status import InstallationStatus, take_stock
from tsrevel.ledger import Resolution
from tsrevel.ledger.queries import EventStatus, OpenOrder
from tsrevel.planning.assumptions import ASSUMPTIONS, AssumptionResult, summarize
from tsrevel.planning.money import show_grouped
from tsrevel.planning.reasons import Reason, Status, advise
from tsrevel.text import count_of, reason_of, show_span

if TYPE_CHECKING:
    from tsrevel.cli.answers import reports


def show_status(ctx: CliContext, limit: int) -> int:
    """Report the state of this installation. Exit status 0. Raises ConfigError, LedgerUnusable, LedgerDamaged."""
    with look(ctx) as (settings, view, now):
        status = take_stock(view, settings, now, limit)
    if ctx.options.json:
        ctx.answer(_answer(status, settings))
        return 0
    page = TextOutput(ctx, settings)
    if page.is_terminal:
        _show(page, status, [*describe_files(settings), _mode(status)])
    else:
        for line in _lines(page, status, [*describe_files(settings), _mode(status)], quiet=ctx.options.quiet):
            page.line(line)
    return 0


def _answer(status: InstallationStatus, settings: Settings) -> reports.StatusAnswer:
    from tsrevel.cli.answers import reports
    from tsrevel.cli.answers.model import fill
    from tsrevel.cli.answers.runs import answer_pause
    from tsrevel.cli.answers.setup import encode_answer

    def answer_trouble(each: EventStatus) -> reports.EventStatusJson:
        return reports.answer_status(each, failed_write=status.failed_writes.get(each.event_id))

    since = status.since_good
    return fill(
        reports.StatusAnswer,
        status,
        paused=answer_pause(status.pause),
        last_good_run=reports.answer_run(status.good) if status.good else None,
        seconds_since_good_run=int(since.total_seconds()) if since is not None else None,
        runs=tuple(map(reports.answer_run, status.runs)),
        held=tuple(map(answer_trouble, status.held)),
        failed=tuple(map(answer_trouble, status.failed)),
        missed=tuple(map(answer_trouble, status.missed)),
        changed=tuple(fill(reports.ChangedEventJson, each, advice=_advise_on_change(each)) for each in status.changed),
        dry_run_findings=tuple(map(reports.answer_status, status.dry)),
        due=tuple(
            fill(reports.DueEventJson, reports.answer_status(each), overdue=status.is_overdue(each))
            for each in status.due
        ),
        orders=tuple(fill(reports.OpenOrderJson, each) for each in status.orders),
        deliveries=fill(reports.DeliveriesJson, status.spool),
        resolved=tuple(fill(reports.ResolutionJson, each) for each in status.resolved),
        assumptions=tuple(encode_answer(each, each.code in status.accepted) for each in status.assumptions),
        environment=settings.environment,
        **locate_files(settings),
    )


# Without a terminal: a line for each item, so that it can be searched


def _lines(page: TextOutput, status: InstallationStatus, files: list[str], *, quiet: bool) -> list[str]:
    alarms = [f"warning: {each}" for each in status.warnings]
    trouble = [_trouble_line(page, status, each) for each in (*status.held, *status.failed)]
    trouble += [_trouble_line(page, status, each, "missed") for each in status.missed]
    trouble += [_changed_line(page, each) for each in status.changed]
    trouble += [_dry_line(page, each) for each in status.dry]
    due = {each.event_id: f"due: event {each.event_id} ({_where(each)}) {_wait(status, each)}" for each in status.due}
    if quiet:
        return [*alarms, *trouble, *(line for event_id, line in due.items() if event_id in status.overdue)]
    return [
        *alarms,
        *files,
        f"good run: {_good(status)}",
        *(f"run: {run_line(page, each, status.totals.get(each.run_id))}" for each in status.runs),
        *_deliveries(page, status),
        f"assumptions: {summarize(status.assumptions)}",
        *(f"assumption: {each}" for each in _failed_assumptions(status)),
        *trouble,
        *(f"order: {_order_line(page, each)}" for each in status.orders),
        *due.values(),
        *(f"resolved: {_resolved_line(page, each)}" for each in status.resolved),
    ]


def _failed_assumptions(status: InstallationStatus) -> list[str]:
    """The assumptions that don't hold in this account. If runs can't write, the warnings say that too."""
    failed = [each for each in status.assumptions if each.result is AssumptionResult.FAILS]
    return [f"{each.code} doesn't hold: {each.detail}. {ASSUMPTIONS[each.code].otherwise}" for each in failed]


def _advise(status: InstallationStatus, each: EventStatus) -> str:
    """The order of a held event, and what to do. Of several orders the ledger knows one, so it says who names each."""
    failed = status.failed_writes.get(each.event_id)
    again = each.repeated
    advice = advise(each.event_id, each.status, each.reason, has_order=each.has_order, failed_write=failed, again=again)
    all_of_them = f"; `tsrevel explain {each.event_id}` names each" if each.reason == Reason.DUPLICATE_ORDERS else ""
    order = f"Revel order {each.order_id}: " if each.order_id and each.status == "held" else ""
    return f"{order}{advice}{all_of_them}"


def _trouble_line(page: TextOutput, status: InstallationStatus, each: EventStatus, word: str = "") -> str:
    what = f"{word or each.status}: event {each.event_id} ({_where(each)}) {each.reason or 'a fault in tsrevel'}"
    since = page.at(each.missed_at if word else each.since, each.location)
    return f"{what} since {since}; {_advise(status, each)}"


def _changed_line(page: TextOutput, each: Changed) -> str:
    at = page.at(each.told_at, each.location)
    what = f"changed: event {each.event_id} ({_where(each)}) {each.reason}, reported {at}"
    return f"{what}: {each.text}; {_advise_on_change(each)}"


def _advise_on_change(each: Changed) -> str:
    return advise(each.event_id, Status.SKIPPED, each.reason, resolved=each.resolved)


def _dry_line(page: TextOutput, each: EventStatus) -> str:
    word = "missed" if each.missed_at else each.status
    what = f"{word} (dry run): event {each.event_id} ({_where(each)}) {each.reason or 'a fault in tsrevel'}"
    return f"{what} since {page.at(each.since, each.location)}"


def _where(each: EventStatus | Changed) -> str:
    return f"{each.location} {each.day or ''}".strip() or "no day"


def _wait(status: InstallationStatus, each: EventStatus) -> str:
    late = "; its time gate has closed, and no run has dealt with it since" if status.is_overdue(each) else ""
    return f"{each.reason or each.status}{late}"


def _order_line(page: TextOutput, order: OpenOrder) -> str:
    number = f"Revel order {order.order_id}" if order.order_id else "no Revel order yet"
    total = f", total {show_grouped(order.total)}" if order.total is not None else ""
    text = f": {order.dispute}" if order.dispute else ""
    done = "receipts not stored" if order.receipts is None else f"{order.receipts} of {order.steps} steps written"
    at = page.at(order.touched_at, order.location)
    return f"event {order.event_id} {ORDER_STATES[order.state]}, {number}{total}, {done}, {at}{text}"


def _resolved_line(page: TextOutput, each: Resolution) -> str:
    return f"event {each.event_id} as {each.verdict} {page.at(each.resolved_at)}"


def _deliveries(page: TextOutput, status: InstallationStatus) -> list[str]:
    """The deliveries in the spool of the webhook service; nothing if it is empty."""
    spool = status.spool
    since = f", the oldest since {page.at(spool.oldest)}" if spool.waiting else ""
    return (
        [f"deliveries: {spool.waiting} waiting{since}, {spool.failed} failed"] if spool.waiting or spool.failed else []
    )


def _mode(status: InstallationStatus) -> str:
    word = "dry run" if status.dry_run else "live"
    return f"mode: {word} (safety.dry_run = {str(status.dry_run).lower()}, {status.dry_run_origin})"


def _good(status: InstallationStatus) -> str:
    if status.good is None or status.since_good is None:
        return f"none yet{status.over_behind}"
    return f"{show_span(status.since_good)} ago: {status.good.correlation_id}, {describe_exit(status.good.exit_status)}"


# On a terminal


def _show(page: TextOutput, status: InstallationStatus, files: list[str]) -> None:
    for warning in status.warnings:
        page.line(f"! {warning}", ALARM)
    for line in files:
        page.line(line, "dim")
    page.line(f"Last good run: {_good(status)}", "" if status.is_stale else STYLES["injected"])
    page.line(f"Assumptions: {summarize(status.assumptions)}", "dim")
    for line in _failed_assumptions(status):
        page.line(line, "yellow", indent=2)
    page.line()
    page.line("Last runs", "bold")
    for run in status.runs:
        page.line(run_line(page, run, status.totals.get(run.run_id)), indent=2)
    if not status.runs:
        page.line("none", "dim", indent=2)
    for line in _deliveries(page, status):
        page.line(line, indent=2)
    _show_trouble(page, status, "Held: these need a person; `tsrevel explain EVENT` says why", status.held, "held")
    _show_trouble(page, status, "Failed: the next run that lists them tries them again", status.failed, "failed")
    _show_trouble(page, status, "Missed: their day passed without an order", status.missed, "missed")
    changed = [(_changed_line(page, each), WARNING) for each in status.changed]
    dry = [(_dry_line(page, each), WARNING) for each in status.dry]
    orders = [(_order_line(page, each), ALARM if each.state == "disputed" else WARNING) for each in status.orders]
    _show_lines(page, "Changed after injection: these need a person", changed)
    _show_lines(page, "Found by a dry run, and by no live run since", dry)
    _show_lines(page, "Orders that are unfinished or to be checked", orders)
    page.line()
    page.line("Due next, among the events that runs have seen", "bold")
    if status.due:
        rows = []
        for each in status.due:
            cells = (str(each.day or ""), each.event_id, each.location, _wait(status, each))
            rows.append(Row(cells, WARNING if status.is_overdue(each) else ""))
        page.table(_DUE_COLUMNS, rows)
    else:
        page.line("none", "dim", indent=2)
    resolved = [(_resolved_line(page, each), "dim") for each in status.resolved]
    _show_lines(page, "Resolved by hand; `tsrevel history EVENT` shows why", resolved)


_DUE_COLUMNS = columns_of("Day", "Event", "Location:name", "Waits for:text")
_TROUBLE_COLUMNS = columns_of("Status:status", "Event", "Day", "Location:name", "Reason", "Since")


def _show_trouble(
    page: TextOutput, status: InstallationStatus, title: str, found: tuple[EventStatus, ...], word: str
) -> None:
    if not found:
        return
    page.line()
    page.line(title, "bold")
    rows = []
    for each in found:
        since = page.at(each.missed_at if word == "missed" else each.since, each.location)
        cells = (word, each.event_id, str(each.day or ""), each.location, each.reason or "", since)
        rows.append(Row(cells, "bold", f"-> {_advise(status, each)}"))
    page.table(_TROUBLE_COLUMNS, rows)


def _show_lines(page: TextOutput, heading: str, lines: Sequence[tuple[str, str]]) -> None:
    """Lines with their styles, under a heading if there are any."""
    if not lines:
        return
    page.line()
    page.line(heading, "bold")
    for line, style in lines:
        page.line(line, style, indent=2)


# All installations of a folder: a line for each settings file


def show_all(ctx: CliContext, folder: Path) -> int:
    """Report the state of each installation; return the worst status. An unreadable one doesn't hide the others."""
    from tsrevel.cli.answers.reports import AllStatusAnswer

    files = find_settings(folder)
    if not files:
        raise typer.BadParameter(f"there is no settings file in {folder}: neither *.toml nor */*.toml")
    rows = [_look_at(ctx, folder, each) for each in files]
    worst = most_severe([each.exit_status for each in rows])
    if ctx.options.json:
        ctx.answer(AllStatusAnswer(success=worst == 0, exit_status=worst, installations=tuple(rows)))
        return worst
    for row in rows:
        if row.exit_status or not ctx.options.quiet:
            ctx.say(_installation_line(row))
    return worst


def find_settings(folder: Path) -> list[Path]:
    """The settings files in the folder and in the folders directly below it, without mappings.

    A folder that this user may not list counts as one with a config.toml: reading that will report the reason. The
    folders behind a ConfigMap of Kubernetes don't count (`settings_file`). Raises typer.BadParameter.
    """
    found = list[Path]()
    try:
        names = list(folder.iterdir())
    except OSError as error:
        raise typer.BadParameter(f"{folder} can't be read: {reason_of(error)}") from error
    for each in names:
        try:
            found += [] if each.name.startswith("..") else [each, *each.iterdir()]
        except (NotADirectoryError, FileNotFoundError):
            found.append(each)
        except OSError:
            found.append(each / "config.toml")
    found = [each for each in found if each.suffix == ".toml"]
    return sorted(each for each in found if each.name != MAPPINGS_NAME and not each.name.endswith(f".{MAPPINGS_NAME}"))


def _look_at(ctx: CliContext, folder: Path, file: Path) -> reports.InstallationJson:
    from tsrevel.cli.answers.reports import InstallationJson

    named = file.relative_to(folder).with_suffix("")
    name = str(named.parent if named.name == "config" and named.parent.parts else named)
    try:
        with look(replace(ctx, options=replace(ctx.options, config=file))) as (settings, view, now):
            status = take_stock(view, settings, now, 1)
    except TsrevelError as error:
        return InstallationJson(name=name, config=str(file), exit_status=error.exit_status, error=str(error))
    is_stopped = status.pause is not None or not status.enabled
    events = (status.held, status.failed, status.missed, status.changed, status.overdue)
    found = NEEDS_ATTENTION if any(events) or status.warnings else 0
    return InstallationJson(
        name=name,
        config=str(file),
        exit_status=LedgerDamaged.exit_status if status.has_alarm else found,
        last_good_at=(status.good.finished_at or status.good.started_at) if status.good else None,
        ago=show_span(status.since_good) if status.since_good is not None else None,
        stale=status.is_stale,
        held=len(status.held),
        failed=len(status.failed),
        missed=len(status.missed),
        changed=len(status.changed),
        overdue=len(status.overdue),
        paused=is_stopped,
        dry_run=status.dry_run,
        disputed=status.is_disputed,
        alarm=status.has_alarm,
        unwritable=bool(status.unwritable),
        warnings=status.warnings,
    )


def _installation_line(row: reports.InstallationJson) -> str:
    if row.error is not None:
        return f"{row.name}: {row.error.splitlines()[0]}"
    good = f"good run {row.ago} ago" if row.ago else "no good run yet"
    words = [f"{good}{' (too long)' if row.stale and row.ago else ''}"]
    words += [f"{row.held} held", f"{row.failed} failed", f"{row.missed} missed", f"{row.changed} changed"]
    words += [f"{row.overdue} overdue"] if row.overdue else []
    words += [
        word
        for word, holds in (
            ("paused", row.paused),
            ("dry run", row.dry_run),
            ("a person must check an order", row.alarm),
            ("this user can't write to the ledger", row.unwritable),
        )
        if holds
    ]
    words += [count_of(len(row.warnings), "warning")] if row.warnings else []
    return f"{row.name}: {', '.join(words)}"
