"""The rows of a document that carry money: lines, billing totals, payments (facts TripleSeat 3.3).

Nothing is added up or judged here; what can't be read is a fault of the document.
"""

from __future__ import annotations

from decimal import Decimal

from tsrevel.planning.model import BillingTotal, Line, PaymentRecord
from tsrevel.tripleseat.fields import Fields

_NOT_PAID = frozenset({"unpaid", "void", "voided", "failed", "declined", "pending", "cancelled", "canceled"})
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


def decode_payments(document: Fields) -> tuple[PaymentRecord, ...]:
    """The payments asked for on the document, paid or not (facts TripleSeat 3.3)."""
    payments = [_decode_payment(row) for row in document.child("payment_set").rows("payments", "payment")]
    return tuple(payment for payment in payments if payment is not None)


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


def _decode_payment(row: Fields) -> PaymentRecord | None:
    amount, paid = row.number("amount"), _is_paid(row)
    if amount is None:
        if paid:
            row.fault("it is paid and has no amount")
        return None
    return PaymentRecord(row.identifier("id") or "", amount, paid, _refunded(row, amount))


def _is_paid(row: Fields) -> bool:
    """Paid once and not taken back. The words of `state` are uncertain (facts TripleSeat 9)."""
    state = row.text("state").lower()
    taken_back = row.has("unpaid_at") and state != "paid"
    return row.has("paid_at") and state not in _NOT_PAID and not taken_back


def _refunded(row: Fields, amount: Decimal) -> Decimal:
    refunded = row.number("amount_refunded")
    marked = row.has("refunded_at") or row.text("state").lower().startswith("refund")
    if refunded == 0 and marked:
        row.fault("it is marked as refunded, but amount_refunded is 0")
    if refunded is None:
        return amount if marked else Decimal(0)
    return refunded
