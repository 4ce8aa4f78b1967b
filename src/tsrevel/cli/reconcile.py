"""`reconcile`: compare both services and the ledger; report on a terminal, as lines, as JSON, and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import date
from itertools import groupby
from pathlib import Path

import typer

from tsrevel.cli.answers.reconciliation import answer_reconciliation
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.output import ALARM, STYLES, Row, TextOutput, columns_of, report_nothing_checked, show_progress
from tsrevel.config.settings import build_policy
from tsrevel.engine.catalogs import Catalogs
from tsrevel.ledger import open_view
from tsrevel.planning.model import EventId
from tsrevel.planning.money import Cents, show_grouped
from tsrevel.reconcile.compare import judge
from tsrevel.reconcile.model import (
    ADVICE_ON_ALARMS,
    MONEY_KINDS,
    Day,
    Figures,
    MoneyKind,
    Reconciliation,
    ReportLocation,
    Totals,
)
from tsrevel.reconcile.read import Sources, choose_spans, read_cases
from tsrevel.reconcile.summary import sum_up
from tsrevel.text import count_of
from tsrevel.wiring import open_services, read_capabilities, why_disabled


def reconcile(ctx: CliContext, first: date | None, last: date | None, page: Path | None) -> int:
    """Compare the days, print the report, and write the HTML page if it is wanted; return the exit status."""
    settings = ctx.load_settings()
    if page:
        from tsrevel.reconcile.page import check_page

        problem = check_page(page)
        if problem:
            raise typer.BadParameter(f"--html: {problem}")
    why = why_disabled(settings, ctx.runtime)
    if why:
        return report_nothing_checked(ctx, why)
    policy, now = build_policy(settings), ctx.runtime.clock()
    spans = choose_spans(policy, now, first, last)
    view = open_view(settings.ledger_path, settings.environment, ctx.runtime.database)
    with (
        logging_to(ctx, "reconcile"),
        view or nullcontext(),
        open_services(settings, ctx.runtime, capabilities=read_capabilities(view)) as services,
        show_progress(ctx) as progress,
    ):
        catalogues = Catalogs(services.revel)
        sources = Sources(services.tripleseat, services.order_search, catalogues, view, policy, now, progress)
        verdicts, names = [], {}
        for case in read_cases(sources, spans, first, last):
            verdicts.append(judge(case, policy))
            if case.event and ctx.stdout.isatty():
                names[case.event.id] = case.event.name
    report = sum_up(verdicts, spans, now, has_ledger=view is not None)
    if page:
        from tsrevel.reconcile.page import render_page, write_page

        write_page(page, render_page(report, settings))
    if ctx.options.json:
        ctx.answer(answer_reconciliation(report))
    else:
        _show(report, ctx, page, names)
    return report.exit_status


# For people


def _show(report: Reconciliation, ctx: CliContext, page: Path | None, names: Mapping[EventId, str]) -> None:
    """`names`: of the events, only on a terminal, because they are customer data."""
    out, quiet = TextOutput(ctx), ctx.options.quiet
    sides = ("TripleSeat:amount", *(["Ledger:amount"] if report.has_ledger else []), "Revel:amount")
    for location, days in report.by_location if not quiet else ():
        out.line(_title(location), style="bold")
        out.table(columns_of(":text", *sides, ":status"), _tabulate(days, has_ledger=report.has_ledger), indent=0)
    for day, finding in (*report.differences, *(() if quiet else report.settled)):
        name = names.get(finding.event_id or EventId(""), "")
        about = f"event {finding.event_id} {name}".rstrip() if finding.event_id else "no event"
        orders = f", order {', '.join(finding.orders)}" if finding.orders else ""
        reason = f" {finding.reason}" if finding.reason else ""
        alarm = "ALARM " if finding.alarm else ""
        line = f"{alarm}{finding.what}{reason}: {about}{orders} ({day.location.name} {day.day}): {finding.text}"
        out.line(line, style=ALARM if finding.alarm else "")
    if not quiet:
        out.line(_conclude(report), style=ALARM if report.differences else STYLES["ok"] if report.agrees else "")
        if page:
            out.line(f"The page is in {page.absolute()}.")


def _title(location: ReportLocation) -> str:
    number, zone = location.establishment, location.timezone
    where = f"establishment {number}" if number is not None else "no [[locations]] entry"
    return f"{location.name} ({where}, {zone})" if zone else f"{location.name} ({where})"


def _tabulate(days: Sequence[Day], *, has_ledger: bool) -> list[Row]:
    """One row for a day that agrees; else the matched orders by kind of money, the unmatched ones, and the sum."""
    rows = []

    def add(label: str, cells: Sequence[str] = ("", "", ""), mark: str = "", style: str = "") -> None:
        shown = [cells[0], *(cells[1:2] if has_ledger else []), cells[2]]
        rows.append(Row((label, *shown, mark), style))

    def compare(label: str, cells: Sequence[str]) -> None:
        differs = len({cells[0], cells[2], cells[1 if has_ledger else 0]}) > 1
        add(f"    {label}", cells, "differs" if differs else "")

    for empty, group in groupby(days, lambda day: day.is_empty):
        if empty:
            add(f"  {count_of(len(list(group)), 'day')}, no event", style="dim")
            continue
        for day in group:
            orders = [str(side.orders) for side in _sides(day.matched)]
            if day.agrees and not day.unmatched:
                label = f"  {day.day}  {count_of(day.matched.revel.orders, 'order')}"
                add(label, _amounts(day.matched, "total"), "agree")
                continue
            add(f"  {day.day}", style="bold")
            if day.matched != Figures():
                compare("matched orders", orders)
                for money in MONEY_KINDS:
                    compare(money, _amounts(day.matched, money))
            for kind, figures in day.unmatched.items():
                count = max(side.orders for side in _sides(figures))
                add(f"    {kind.label} ({count})", _amounts(figures, "total", absent="–"), style="bold")
            if day.unmatched:
                compare("whole day", _amounts(day.whole, "total"))
    return rows


def _sides(figures: Figures) -> tuple[Totals, Totals, Totals]:
    return figures.tripleseat, figures.ledger, figures.revel


def _amounts(figures: Figures, kind: MoneyKind, absent: str = "0.00") -> list[str]:
    """One kind of money on all three sides. Discounts and payments are negative, so that a column adds up."""
    sign = -1 if kind in {"discount", "payments"} else 1
    return [show_grouped(Cents(sign * side.money.of(kind))) if side.orders else absent for side in _sides(figures)]


def _conclude(report: Reconciliation) -> str:
    orders = count_of(sum(day.whole.revel.orders for day in report.days), "order")
    dates = [day.day for day in report.days]
    said = f"{min(dates)} to {max(dates)}: {orders} in Revel" if dates else "no days"
    count = len(report.notes) - len(report.settled)
    notes = f" {count_of(count, 'other finding')} {'needs' if count == 1 else 'need'} nothing." if count else ""
    three = "TripleSeat, ledger and Revel" if report.has_ledger else "TripleSeat and Revel (there is no ledger)"
    if report.agrees:
        return f"{said}. {three} agree to the cent.{notes}"
    settled = f" A person resolved {count_of(len(report.settled), 'difference')}." if report.settled else ""
    if not report.differences:
        return f"{said}. No difference is open between {three}, but their sums differ.{settled}{notes}"
    differences = count_of(len(report.differences), "difference")
    alarms = f" {ADVICE_ON_ALARMS}" if any(each.alarm for _, each in report.differences) else ""
    return f"{said}. {differences} between {three} (exit status {report.exit_status}).{alarms}{settled}{notes}"
