"""Renders a document as the portal page that a guest sees (facts TripleSeat 4, `sample-invoice.html`)."""

from __future__ import annotations

from decimal import Decimal
from html import escape, unescape

from tsrevel.sandbox.wsgi import Json

HEADINGS = {"Food": "", "Beverage": "BEVERAGES"}
"""Food comes first, without a heading. Other categories are under ADDITIONAL CHARGES."""


def render_invoice(event: Json, document: Json, view: str) -> str:
    """The whole page: header, items by section, totals, taxes and fees, grand total."""
    contact = event.get("contact") or {"first_name": "", "last_name": "", "phone_numbers": []}
    phones = contact["phone_numbers"]
    phone = phones[0]["number"] if phones else ""
    name = escape(f"{contact['first_name']} {contact['last_name']}")
    billings = "".join(
        f"<tr><td>{escape(row['description'])}</td> <td>{row['value']}</td> "
        f"<td>{dollars(row['total_price'])}</td></tr>\n"
        for row in document["billing_totals"]
    )
    finances = document["financials"]
    return "\n".join(
        [
            f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(view)}</title></head>',
            '<body>\n<div id="main">\n<div id="document_sidebar"></div>',
            f'<div id="document_wrap">\n<h1>{escape(view)}</h1>',
            '<table class="header">',
            f"<tr><td><b>CONTACT:</b> {name}</td><td><b>PHONE:</b> {escape(phone)}</td></tr>",
            f"<tr><td><b>EVENT:</b> {escape(event['name'])}</td><td><b>DATE:</b> {event['event_start']}</td></tr>",
            "</table>",
            *_item_tables(document["line_items"]),
            '<div class="pagebreak"></div>',
            _pairs("totals", _total_rows(document)),
            '<table class="billings">\n<tr><th>Description</th> <th>Percent</th> <th>Total</th></tr>',
            f"{billings}</table>",
            _pairs(
                "grand",
                [("Grand Total", dollars(finances["grand_total"])), ("Amount Due", dollars(finances["amount_due"]))],
            ),
            "</div>\n</div>\n</body>\n</html>",
        ]
    )


def _item_tables(lines: list[Json]) -> list[str]:
    """A table for each section that has lines."""
    sections: dict[str, list[str]] = {"": [], "BEVERAGES": [], "ADDITIONAL CHARGES": []}
    for line in lines:
        name = " - ".join(each for each in (line["display_name"], line["description"]) if each)
        if name:
            cells = [
                f"{Decimal(line['quantity']).normalize():f}",
                escape(unescape(name), quote=False),  # TripleSeat's texts already have entities
                dollars(line["price"]),
                dollars(line["total_price"]),
            ]
            row = "<tr>" + " ".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
            sections[HEADINGS.get(line["category"]["name"], "ADDITIONAL CHARGES")].append(row)
    head = "<tr><th><span>Qty.</span> <span>Qty</span></th> <th>Description</th> <th>Price</th> <th>Total</th></tr>"
    tables = []
    for heading, rows in sections.items():
        if rows:
            title = f"<h3>{heading}</h3>\n" if heading else ""
            tables.append("\n".join([f'{title}<table class="items">', head, *rows, "</table>"]))
    return tables


def _total_rows(document: Json) -> list[tuple[str, str]]:
    sold = sum((Decimal(line["total_price"] or 0) for line in document["line_items"]), Decimal(0))
    off = document["financials"]["discounts_total"]
    rows = [("Subtotal", dollars(sold))]
    if Decimal(off):
        rows.append(("Discount", f"-{dollars(off)}"))
    for category in document["category_totals"]:
        total = dollars(category["value"])
        rows.append((f"{escape(category['name'])} ({total})", total))
    return rows


def _pairs(name: str, rows: list[tuple[str, str]]) -> str:
    body = "\n".join(f"<tr><td>{label}</td> <td>{value}</td></tr>" for label, value in rows)
    return f'<table class="{name}">\n{body}\n</table>'


def dollars(amount: Decimal | str | None) -> str:
    """For example $1,234.50; "" if there is no price."""
    return "" if amount is None else f"${Decimal(amount):,.2f}"
