"""`reconcile`: both services and the ledger read, the report told on a terminal, as lines, as JSON, and as a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from sys import maxsize
from textwrap import wrap

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.logs import logging_to
from tsrevel.cli.output import encode_cents, open_console, report_nothing_checked, show_progress
from tsrevel.config import load_settings
from tsrevel.engine.catalogs import Catalogs
from tsrevel.ledger import open_view
from tsrevel.planning.money import show
from tsrevel.reconcile.compare import judge
from tsrevel.reconcile.model import MONEY_KINDS, Day, Difference, DifferenceKind, Reconciliation, ReportLocation, Totals
from tsrevel.reconcile.page import check_page, render_page, write_page
from tsrevel.reconcile.read import Sources, choose_spans, read_cases
from tsrevel.reconcile.summary import sum_up
from tsrevel.wiring import Runtime, build_policy, open_services, why_disabled

_WIDTH = 12
"""Columns of an amount."""
_INDENT = " " * 6


def reconcile(ctx: CliContext, flags: OutputOptions, first: date | None, last: date | None, page: Path | None) -> int:
    """Compare the days, tell what was found, write the page where one is wanted; the exit status."""
    runtime = ctx.runtime or Runtime()
    settings = load_settings(config=flags.config, environ=ctx.environ)
    why = why_disabled(settings, runtime)
    if why:
        return report_nothing_checked(ctx, flags, why)
    if page:
        problem = check_page(page)
        if problem:
            raise typer.BadParameter(f"--html: {problem}")
    policy, now = build_policy(settings), runtime.clock()
    spans = choose_spans(policy, now, first, last)
    view = open_view(settings.ledger_path, settings.environment, runtime.database)
    with (
        logging_to(ctx.stderr, flags, "reconcile"),
        view or nullcontext(),
        open_services(settings, runtime) as services,
        show_progress(ctx, flags) as progress,
    ):
        catalogues = Catalogs(services.revel)
        sources = Sources(services.tripleseat, services.books, catalogues, view, policy, now, progress)
        verdicts = [judge(case, policy) for case in read_cases(sources, spans, first, last)]
    report = sum_up(verdicts, spans, now, has_ledger=view is not None)
    if page:
        write_page(page, render_page(report))
    _tell(report, ctx, flags)
    return report.exit_status


# Telling it


def _tell(report: Reconciliation, ctx: CliContext, flags: OutputOptions) -> None:
    if flags.json:
        ctx.answer(_encode(report))
        return
    if not flags.quiet:
        for line in _list_days(report):
            print(line, file=ctx.stdout)
    width = open_console(ctx).width if ctx.stdout.isatty() else maxsize  # off a terminal a line is never broken
    for day, finding in report.differences:
        about = f"event {finding.event_id}" if finding.event_id else "no event"
        orders = f", order {', '.join(finding.orders)}" if finding.orders else ""
        reason = f" {finding.reason}" if finding.reason else ""
        alarm = "ALARM " if finding.alarm else ""
        what = f"{finding.kind} ({finding.field})" if finding.kind is DifferenceKind.MONEY else finding.kind
        line = f"{alarm}{what}{reason}: {about}{orders} ({day.spot.name} {day.day}): {finding.text}"
        print("\n".join(wrap(line, width, subsequent_indent=_INDENT, break_long_words=False)), file=ctx.stdout)
    if not flags.quiet:
        print("\n".join(wrap(_conclude(report), width)), file=ctx.stdout)


def _list_days(report: Reconciliation) -> Iterator[str]:
    """Each place with its days: a line for one that agrees, the three side by side for one that doesn't."""
    place: ReportLocation | None = None
    for day in report.days:
        if day.spot != place:
            place = day.spot
            where = (
                f"establishment {place.establishment}" if place.establishment is not None else "no [[locations]] entry"
            )
            yield f"{place.name} ({', '.join(part for part in (where, place.timezone) if part)})"
        if not day.agrees:
            yield from _side_by_side(day)
        else:
            count = day.tripleseat.orders
            noun = "order" if count == 1 else "orders"
            yield f"  {day.day}  {count:>4} {noun:<6} {show(day.tripleseat.money.total):>{_WIDTH}}  agree"


def _side_by_side(day: Day) -> Iterator[str]:
    sides = [("TripleSeat", day.tripleseat), *([("Ledger", day.ledger)] if day.ledger else []), ("Revel", day.revel)]
    yield f"  {day.day}  " + "".join(f"{name:>{_WIDTH}}" for name, _ in sides)
    rows = [("orders", [str(side.orders) for _, side in sides])]
    rows += [(kind, [encode_cents(side.money.told(kind)) or "?" for _, side in sides]) for kind in MONEY_KINDS]
    for name, cells in rows:
        mark = "  differs" if len(set(cells)) > 1 else ""
        yield f"    {name:<10}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells) + mark
    if day.strays:
        noun = "order" if day.strays == 1 else "orders"
        yield f"    {day.strays} {noun} at Revel for events of another place, which says more"


def _conclude(report: Reconciliation) -> str:
    orders = sum(day.revel.orders for day in report.days)
    dates = [day.day for day in report.days]
    said = f"{min(dates)} to {max(dates)}: {orders} order{'' if orders == 1 else 's'} at Revel" if dates else "no days"
    notes = f", {len(report.notes)} explained" if report.notes else ""
    three = "TripleSeat, ledger and Revel" if report.has_ledger else "TripleSeat and Revel (there is no ledger)"
    count = len(report.differences)
    if not count:
        return f"{said}{notes}. {three} agree to the cent."
    noun = "difference" if count == 1 else "differences"
    return f"{said}{notes}. {count} {noun} between {three} (exit status {report.exit_status})."


# As JSON


def _encode(report: Reconciliation) -> dict[str, object]:
    """The report as `--json` prints it: ids are strings, money is a string with two decimals."""
    status = report.exit_status
    dates = [day.day for day in report.days]
    places = dict.fromkeys(day.spot for day in report.days)
    return {
        "schema": 1,
        "success": status == 0,
        "reason": None,
        "exit_status": status,
        "at": report.at.isoformat(),
        "from": min(dates).isoformat() if dates else None,
        "to": max(dates).isoformat() if dates else None,
        "ledger": report.has_ledger,
        "summary": {
            "events": sum(day.tripleseat.orders for day in report.days),
            "orders": sum(day.revel.orders for day in report.days),
            "differences": len(report.differences),
            "alarms": sum(finding.alarm for _, finding in report.differences),
            "notes": len(report.notes),
        },
        "locations": [_encode_place(spot, [day for day in report.days if day.spot == spot]) for spot in places],
        "differences": [_encode_finding(*pair) for pair in report.differences],
        "notes": [_encode_finding(*pair) for pair in report.notes],
    }


def _encode_place(spot: ReportLocation, days: list[Day]) -> dict[str, object]:
    return {
        "location": spot.name,
        "establishment": None if spot.establishment is None else str(spot.establishment),
        "timezone": spot.timezone or None,
        "days": [
            {
                "date": day.day.isoformat(),
                "agrees": day.agrees,
                "tripleseat": _encode_tally(day.tripleseat),
                "ledger": _encode_tally(day.ledger) if day.ledger else None,
                "revel": _encode_tally(day.revel),
            }
            for day in days
        ],
    }


def _encode_tally(tally: Totals) -> dict[str, object]:
    return {"orders": tally.orders, **{kind: encode_cents(tally.money.told(kind)) for kind in MONEY_KINDS}}


def _encode_finding(day: Day, finding: Difference) -> dict[str, object]:
    return {
        "kind": finding.kind,
        "reason": finding.reason,
        "category": finding.reason.category if finding.reason else None,
        "event_id": finding.event_id,
        "revel_order_ids": list(finding.orders),
        "date": day.day.isoformat(),
        "location": day.spot.name,
        "establishment": None if day.spot.establishment is None else str(day.spot.establishment),
        "field": finding.field,
        "tripleseat": encode_cents(finding.tripleseat),
        "ledger": encode_cents(finding.ledger),
        "revel": encode_cents(finding.revel),
        "text": finding.text,
    }
