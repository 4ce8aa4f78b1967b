"""The rows of a document that make its total: lines and billing totals (facts TripleSeat 3.3).

Nothing is added up or judged here; what can't be read is a fault of the document.
"""

from __future__ import annotations

from decimal import Decimal

from tsrevel.planning.model import BillingTotal, Line
from tsrevel.tripleseat.fields import Fields

UNNAMED = "Unnamed item"


def decode_lines(document: Fields) -> tuple[Line, ...]:
    """The lines in the order of the document, blank ones left out (facts TripleSeat 3.3, rules 1 to 4)."""
    rows = sorted(document.rows("line_items", "line"), key=_place)
    lines = [_decode_line(row) for row in rows]
    return tuple(line for line in lines if line is not None)


def decode_billing_totals(document: Fields, event: Fields) -> tuple[BillingTotal, ...]:
    """Taxes, fees and gratuities of the document; the event's own list where the document has none (facts 3.1, 3.3)."""
    if document.has("billing_totals"):
        rows, name, amount = document.rows("billing_totals", "billing total"), "description", "total_price"
    else:
        shared = Fields(event.row, document.what, document.faults)
        rows, name, amount = shared.rows("billing_totals", "billing total"), "name", "total"
    totals = [_decode_billing_total(row, name, amount) for row in rows]
    return tuple(total for total in totals if total is not None)


def _place(row: Fields) -> tuple[Decimal, Decimal, Decimal]:
    return row.rank("section_position"), row.rank("position"), row.rank("id")


def _decode_line(row: Fields) -> Line | None:
    shown = row.text("display_name")
    name = shown or row.text("description")
    price, total, discount = row.number("price"), row.number("total_price"), row.number("discount")
    if not name:
        if not (price or total or discount):
            return None
        row.fault("it has an amount and no name")
    return Line(
        name or UNNAMED,
        row.number("quantity"),
        price,
        total,
        discount,
        menu_item_id=row.identifier("menu_item_id"),
        typed=not shown,
    )


def _decode_billing_total(row: Fields, name_key: str, amount_key: str) -> BillingTotal | None:
    name, amount = row.text(name_key), row.number(amount_key)
    if not amount:
        return BillingTotal(name, Decimal(0)) if name and amount is not None else None
    if not name:
        row.fault("it has an amount and no name")
    return BillingTotal(name, amount)
