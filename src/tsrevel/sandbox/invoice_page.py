"""Draws a document as the portal page a guest sees (facts TripleSeat 4, `sample-invoice.html`)."""

from __future__ import annotations

from decimal import Decimal
from html import escape, unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tsrevel.sandbox.wsgi import Json

HEADINGS = {"Food": "", "Beverage": "BEVERAGES"}
"""Food comes first, without a heading; what is neither food nor drink is under ADDITIONAL CHARGES."""

ITEM_HEAD = "<tr><th><span>Qty.</span> <span>Qty</span></th> <th>Description</th> <th>Price</th> <th>Total</th></tr>"


def render_invoice(event: Json, document: Json, view: str = "Invoice") -> str:
    """The whole page: header, items by section, totals, taxes and fees, grand total."""
    return "\n".join(
        [
            f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(view)}</title></head>',
            '<body>\n<div id="main">\n<div id="document_sidebar"></div>',
            f'<div id="document_wrap">\n<h1>{escape(view)}</h1>',
            _header(event),
            *_sections(document["line_items"]),
            '<div class="pagebreak"></div>',
            _totals(document),
            _billings(document["billing_totals"]),
            _grand(document["financials"]),
            "</div>\n</div>\n</body>\n</html>",
        ]
    )


def _header(event: Json) -> str:
    contact = event.get("contact") or {"first_name": "", "last_name": "", "phone_numbers": []}
    phones = contact["phone_numbers"]
    phone = phones[0]["number"] if phones else ""
    name = escape(f"{contact['first_name']} {contact['last_name']}")
    return (
        '<table class="header">\n'
        f"<tr><td><b>CONTACT:</b> {name}</td><td><b>PHONE:</b> {escape(phone)}</td></tr>\n"
        f"<tr><td><b>EVENT:</b> {escape(event['name'])}</td><td><b>DATE:</b> {event['event_start']}</td></tr>\n"
        "</table>"
    )


def _sections(lines: list[Json]) -> list[str]:
    rows: dict[str, list[str]] = {"": [], "BEVERAGES": [], "ADDITIONAL CHARGES": []}
    for line in lines:
        if line["display_name"] or line["description"]:
            rows[HEADINGS.get(line["category"]["name"], "ADDITIONAL CHARGES")].append(_row(line))
    return [_table(heading, found) for heading, found in rows.items() if found]


def _table(heading: str, rows: list[str]) -> str:
    title = f"<h3>{heading}</h3>\n" if heading else ""
    return f'{title}<table class="items">\n{ITEM_HEAD}\n' + "\n".join(rows) + "\n</table>"


def _row(line: Json) -> str:
    name = line["display_name"] or line["description"]
    if line["display_name"] and line["description"]:
        name = f"{name} - {line['description']}"
    cells = [f"{Decimal(line['quantity']).normalize():f}", _once_escaped(name)]
    cells += [dollars(line["price"]), dollars(line["total_price"])]
    return "<tr>" + " ".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _once_escaped(text: str) -> str:
    """TripleSeat's texts hold entities already; the page shows them decoded."""
    return escape(unescape(text), quote=False)


def _totals(document: Json) -> str:
    sold = sum((Decimal(line["total_price"] or 0) for line in document["line_items"]), Decimal(0))
    off = document["financials"]["discounts_total"]
    rows = [("Subtotal", dollars(sold))]
    if Decimal(off):
        rows.append(("Discount", f"-{dollars(off)}"))
    for category in document["category_totals"]:
        total = dollars(category["value"])
        rows.append((f"{escape(category['name'])} ({total})", total))
    return _pairs("totals", rows)


def _billings(billings: list[Json]) -> str:
    rows = "".join(
        f"<tr><td>{escape(row['description'])}</td> <td>{row['value']}</td> "
        f"<td>{dollars(row['total_price'])}</td></tr>\n"
        for row in billings
    )
    head = "<tr><th>Description</th> <th>Percent</th> <th>Total</th></tr>"
    return f'<table class="billings">\n{head}\n{rows}</table>'


def _grand(financials: Json) -> str:
    due = dollars(financials["amount_due"])
    return _pairs("grand", [("Grand Total", dollars(financials["grand_total"])), ("Amount Due", due)])


def _pairs(name: str, rows: list[tuple[str, str]]) -> str:
    body = "\n".join(f"<tr><td>{label}</td> <td>{value}</td></tr>" for label, value in rows)
    return f'<table class="{name}">\n{body}\n</table>'


def dollars(amount: Decimal | str | None) -> str:
    """$1,234.50; nothing for no price."""
    return "" if amount is None else f"${Decimal(amount):,.2f}"
