"""The report as one page that a manager reads and prints: no script, nothing from outside, everything escaped.

Ids alone tell events and orders apart: no name of an event or a person is on it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files

from tsrevel.planning.money import Cents
from tsrevel.reconcile.chart import draw_chart
from tsrevel.reconcile.files import MARK
from tsrevel.reconcile.markup import amount, cell, escaped, heading_row
from tsrevel.reconcile.model import MONEY_KINDS, Day, Difference, DifferenceKind, Reconciliation, ReportLocation, Totals

_LABELS = {kind: kind.capitalize() for kind in MONEY_KINDS}


def render_page(report: Reconciliation) -> str:
    """The whole page as text."""
    style = files("tsrevel.reconcile").joinpath("page.css").read_text(encoding="utf-8")
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; form-action 'none'"
    title = f"TripleSeat and Revel, {_days(report)}"
    return "\n".join([
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        MARK,
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{escaped(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>",
        f"<h1>{escaped(title)}</h1>",
        f'<p class="soft">Compared {report.at:%Y-%m-%d %H:%M} UTC by tsrevel reconcile. Days are event days.</p>',
        _verdict(report),
        *_findings("Differences", report.differences),
        *_places(report),
        *_notes(report),
        "</main>\n</body>\n</html>\n",
    ])  # fmt: skip


def _days(report: Reconciliation) -> str:
    dates = [day.day for day in report.days]
    if not dates:
        return "no days"
    return f"{min(dates)} to {max(dates)}" if min(dates) != max(dates) else str(min(dates))


def _verdict(report: Reconciliation) -> str:
    ledger = "TripleSeat, ledger and Revel" if report.has_ledger else "TripleSeat and Revel (there is no ledger)"
    orders = sum(day.revel.orders for day in report.days)
    total = Cents(sum(day.revel.money.total for day in report.days))
    at_revel = f"{orders} {'order' if orders == 1 else 'orders'} at Revel, {amount(total)} in all."
    count = len(report.differences)
    if not count:
        return f'<p class="verdict agrees">✓ {ledger} agree to the cent. {at_revel}</p>'
    alarms = sum(finding.alarm for _, finding in report.differences)
    urgent = f", {alarms} of them for a person to see to at once" if alarms else ""
    noun = "difference" if count == 1 else "differences"
    return f'<p class="verdict differs">≠ {count} {noun} between {ledger}{urgent}. {at_revel}</p>'


def _findings(title: str, found: Sequence[tuple[Day, Difference]]) -> Iterator[str]:
    if not found:
        return
    yield f'<section>\n<h2>{escaped(title)}</h2>\n<table class="findings">'
    names = [("What", ""), ("Event", ""), ("Order", ""), ("Where and when", "")]
    yield heading_row([*names, ("TripleSeat", "sum"), ("Ledger", "sum"), ("Revel", "sum")])
    for day, finding in found:
        alarm = '<span class="alarm">see to it at once</span>' if finding.alarm else ""
        what = escaped(finding.kind.replace("_", " ")) + (
            f" ({finding.field})" if finding.kind is DifferenceKind.MONEY else ""
        )
        code = f'<span class="code">{finding.reason}</span>' if finding.reason else ""
        yield "".join([
            f'<tbody><tr><th scope="row">{alarm}<span class="kind">{what}</span>{code}</th>',
            cell(finding.event_id or "–", label="Event", classes="id"),
            cell(", ".join(finding.orders) or "–", label="Order", classes="id"),
            cell(f"{day.spot.name}, {day.day:%a} {day.day}", label="Where and when", classes="where"),
            cell(amount(finding.tripleseat), label="TripleSeat", classes="sum"),
            cell(amount(finding.ledger), label="Ledger", classes="sum"),
            cell(amount(finding.revel), label="Revel", classes="sum"),
            "</tr>\n<tr>",
            f'<td class="text" colspan="7">{escaped(finding.text[:1].upper() + finding.text[1:])}</td>',
            "</tr></tbody>",
        ])  # fmt: skip
    yield "</table>\n</section>"


def _places(report: Reconciliation) -> Iterator[str]:
    spots = dict.fromkeys(day.spot for day in report.days)
    for number, spot in enumerate(spots, 1):
        days = [day for day in report.days if day.spot == spot]
        yield f"<section>\n<h2>{escaped(_title(spot))}</h2>"
        yield f"<figure>{draw_chart(days, number)}<figcaption>{_caption()}</figcaption></figure>"
        yield '<table class="days">'
        money = [(_LABELS[kind], "sum") for kind in MONEY_KINDS]
        yield heading_row([("Day", ""), ("As told by", ""), ("Orders", "sum"), *money])
        yield "<tbody>"
        for day in days:
            yield from _day_rows(day)
        yield "</tbody>\n</table>\n</section>"


def _title(spot: ReportLocation) -> str:
    where = f"establishment {spot.establishment}" if spot.establishment is not None else "no entry in the settings"
    return f"{spot.name} ({where}{', ' + spot.timezone if spot.timezone else ''})"


def _caption() -> str:
    return "Total a day: the full bar is TripleSeat, the hatched bar Revel. One figure where they are the same."


def _day_rows(day: Day) -> Iterator[str]:
    """One row where all say the same, else a row for each."""
    head = f'<tr class="day"><th scope="row">{day.day:%a} {day.day}</th>'
    sides = [("TripleSeat", day.tripleseat), *([("Ledger", day.ledger)] if day.ledger else []), ("Revel", day.revel)]
    if day.agrees and not any(side.orders for _, side in sides):
        yield f'{head}<td class="soft" colspan="{len(MONEY_KINDS) + 2}">no orders</td></tr>'
        return
    if all(side == day.tripleseat for _, side in sides):
        sides = [("all: differs in its parts" if not day.agrees else "all agree", day.tripleseat)]
    for who, side in sides:
        unlike = [str(name) for name, first in _unlike(side, day.tripleseat) if first]
        cells = [cell(side.orders, label="Orders", classes=_classes("orders" in unlike))]
        cells += [
            cell(_known(side.money.told(kind)), label=_LABELS[kind], classes=_classes(kind in unlike))
            for kind in MONEY_KINDS
        ]
        yield head + cell(who, label="As told by") + "".join(cells) + "</tr>"


def _known(cents: Cents | None) -> str:
    return "?" if cents is None else amount(cents)


def _unlike(side: Totals, first: Totals) -> Iterator[tuple[str, bool]]:
    yield "orders", side.orders != first.orders
    for kind in MONEY_KINDS:
        yield kind, side.money.told(kind) != first.money.told(kind)


def _classes(unlike: bool) -> str:
    return "sum unlike" if unlike else "sum"


def _notes(report: Reconciliation) -> Iterator[str]:
    yield from _findings("Explained, and no difference", report.notes)
