"""The report as one HTML page that a manager reads and prints: no script, nothing from outside, everything escaped."""

from __future__ import annotations

import base64
import hashlib
import html
import os
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem
from tsrevel.files import open_regular, replace_file
from tsrevel.planning.money import Cents, to_decimal
from tsrevel.reconcile.model import MONEY_KINDS, Day, Difference, DifferenceKind, Reconciliation, ReportLocation, Totals
from tsrevel.text import show_controls


def escaped(text: object) -> str:
    """`text` for an element or an attribute in double quotes."""
    return html.escape(show_controls(str(text)), quote=True)


def amount(cents: Cents | None) -> str:
    """Money for a person: 123456 is "1,234.56"; a dash for none."""
    return "–" if cents is None else f"{to_decimal(cents):,.2f}"


def cell(text: object, label: str, classes: str = "") -> str:
    """A table cell. `label` is its column's heading, shown beside it where the screen is narrow."""
    styled = f' class="{classes}"' if classes else ""
    return f'<td{styled} data-label="{escaped(label)}">{escaped(text)}</td>'


def heading_row(names: list[tuple[str, str]]) -> str:
    """The head of a table: names with their classes."""
    cells = "".join(f'<th scope="col" class="{classes}">{escaped(name)}</th>' for name, classes in names)
    return f"<thead><tr>{cells}</tr></thead>"


_WIDTH, _LEFT, _RIGHT = 360, 62, 84
"""In user units, as wide as a telephone's screen: its text then keeps a readable size."""
_ROW, _BAR, _TOP = 30, 10, 4


def draw_chart(days: Sequence[Day], number: int) -> str:
    """The days' totals, one below the other. `number` tells the charts of a page apart."""
    tallest = max(max(day.tripleseat.money.total, day.revel.money.total) for day in days)
    height = _TOP + _ROW * len(days) + _TOP
    summary = "; ".join(
        f"{day.day}: TripleSeat {amount(day.tripleseat.money.total)}, Revel {amount(day.revel.money.total)}"
        for day in days
    )
    rows = "".join(part for row, day in enumerate(days) for part in _draw_day(day, row, tallest, number))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="chart-{number}">'
        f'<title id="chart-{number}">{escaped(f"Totals a day. {summary}")}</title>'
        f'<defs><pattern id="hatch-{number}" width="5" height="5" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="5"/></pattern></defs>'
        f'<line class="axis" x1="{_LEFT}" y1="0" x2="{_LEFT}" y2="{height}"/>{rows}</svg>'
    )


def _draw_day(day: Day, row: int, tallest: Cents, number: int) -> Iterator[str]:
    top = _TOP + row * _ROW
    seat, till = day.tripleseat.money.total, day.revel.money.total
    yield f'<text x="0" y="{top + 16}">{day.day:%a %m-%d}</text>'
    yield f'<rect class="seat" x="{_LEFT}" y="{top + 2}" width="{_length(seat, tallest)}" height="{_BAR}"/>'
    yield (
        f'<rect class="till" fill="url(#hatch-{number})" x="{_LEFT}" y="{top + 4 + _BAR}" '
        f'width="{_length(till, tallest)}" height="{_BAR}"/>'
    )
    if seat == till:
        told = amount(seat) if day.tripleseat.orders or day.revel.orders else "no orders"
        yield f'<text x="{_WIDTH}" y="{top + 17}" text-anchor="end">{told}</text>'
        return
    yield f'<text class="strong" x="{_WIDTH}" y="{top + 11}" text-anchor="end">{amount(seat)}</text>'
    yield f'<text class="strong" x="{_WIDTH}" y="{top + 24}" text-anchor="end">≠ {amount(till)}</text>'


def _length(total: Cents, tallest: Cents) -> str:
    """In user units; a day without orders has no bar."""
    widest = _WIDTH - _LEFT - _RIGHT
    return f"{max(total, 0) * widest / tallest:.1f}" if tallest > 0 else "0"


MARK = '<meta name="generator" content="tsrevel reconcile">'
"""In every page, near its beginning: what says that a file may be replaced."""


def check_page(path: Path) -> str | None:
    """In words, why the page can't go there; None if it can. Ask before the work is done."""
    if path.is_dir():
        return f"{path} is a folder: name a file in it"
    if not path.parent.is_dir():
        return f"the folder {path.parent} isn't there: make it first"
    if not os.access(path.parent, os.W_OK):
        return f"the folder {path.parent} can't be written to: choose another one"
    if path.exists() and not _is_ours(path):
        return f"{path} is there, and no page of reconcile's: name another file, or remove it"
    return None


def write_page(path: Path, text: str) -> None:
    """Put the page there (0600), in place of an earlier one, in one move. Raises ConfigError where that fails."""
    try:
        replace_file(path, text.encode())
    except OSError as error:
        message = f"{path} can't be written: {error.strerror}"
        problem = ConfigProblem(ConfigCode.FILE_UNWRITABLE, "--html", "the command line", message, "Make room.")
        raise ConfigError((problem,)) from error


def _is_ours(path: Path) -> bool:
    try:
        with os.fdopen(open_regular(path), encoding="utf-8", errors="replace") as file:
            return MARK in file.read(2000)
    except OSError:
        return False


_LABELS = {kind: kind.capitalize() for kind in MONEY_KINDS}
_CAPTION = "Total a day: the full bar is TripleSeat, the hatched bar Revel. One figure where they are the same."


def render_page(report: Reconciliation) -> str:
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
        *_findings("Explained, and no difference", report.notes),
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
        yield f"<figure>{draw_chart(days, number)}<figcaption>{_CAPTION}</figcaption></figure>"
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


def _day_rows(day: Day) -> Iterator[str]:
    """One row where all say the same, else a row for each."""
    head = f'<tr class="day"><th scope="row">{day.day:%a} {day.day}</th>'
    sides = [("TripleSeat", day.tripleseat), *([("Ledger", day.ledger)] if day.ledger else []), ("Revel", day.revel)]
    if day.agrees and not any(side.orders for _, side in sides):
        yield f'{head}<td class="soft" colspan="{len(MONEY_KINDS) + 2}">no orders</td></tr>'
        return
    if all(side == day.tripleseat for _, side in sides):
        sides = [("all: differs in its parts" if not day.agrees else "all agree", day.tripleseat)]
    first = _figures(day.tripleseat)
    for who, side in sides:
        cells = [
            cell(figure, label=label, classes="sum" if figure == first[label] else "sum unlike")
            for label, figure in _figures(side).items()
        ]
        yield head + cell(who, label="As told by") + "".join(cells) + "</tr>"


def _figures(side: Totals) -> dict[str, str]:
    """What the cells of a row show, by their labels; "?" for an amount that isn't known."""
    money = {kind: side.money.told(kind) for kind in MONEY_KINDS}
    amounts = {_LABELS[kind]: "?" if cents is None else amount(cents) for kind, cents in money.items()}
    return {"Orders": str(side.orders), **amounts}
