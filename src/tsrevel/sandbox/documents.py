"""Builds one TripleSeat document: a contract with its lines, taxes and fees, totals and payments (facts 3.3).

The sums are worked out here, so that a built document always adds up unless a total is given on purpose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from tsrevel.sandbox.wsgi import Json

Amount = Decimal | str | int
"""Money in dollars, exact."""

PORTAL = "https://portal.tripleseat.com"
CATEGORIES = {"Food": 91001, "Beverage": 91002, "Labor": 91003, "Room Rental": 91004}
BILLINGS = {"Service Charge": 7701, "Sales Tax": 7702}
SECTIONS = {"Food": "Food", "Beverage": "Beverages"}


class SampleLine(NamedTuple):
    """One line of a contract. With a `menu_item_id` it is a menu line, else a typed one (facts 3.3, rules 1-2).

    `price` None is an included line, `name` "" a blank one. `total` overrides quantity x price; `discount` is
    money off this line, which `total` doesn't have taken off.
    """

    name: str
    quantity: Amount = 1
    price: Amount | None = 0
    menu_item_id: int | None = None
    category: str = "Food"
    total: Amount | None = None
    discount: Amount | None = None
    text: str = ""

    @property
    def amount(self) -> Decimal:
        """The line's money before its discount."""
        if self.total is not None:
            return Decimal(self.total)
        return Decimal(0) if self.price is None else Decimal(self.quantity) * Decimal(self.price)


class Charge(NamedTuple):
    """A tax, fee or gratuity on the whole document (`billing_totals`)."""

    name: str
    amount: Amount
    value: str = ""


class Payment(NamedTuple):
    """A payment asked for: paid or not, and what of it was given back."""

    amount: Amount
    paid: bool = True
    refunded: Amount | None = None
    title: str = "Deposit"


Rows = Sequence[tuple[Any, ...]]
"""Line, Charge or Payment, or plain tuples of the same things in the same order."""


def money(amount: Amount | None) -> str | None:
    """Money as TripleSeat writes it: a string with at least one decimal, "18.5" and "370.0"."""
    if amount is None:
        return None
    text = f"{Decimal(amount):f}"
    whole, _, cents = text.partition(".")
    return f"{whole}.{cents.rstrip('0') or '0'}"


def make_document(
    id: int = 41500002,  # noqa: A002 - TripleSeat's own word
    *,
    lines: Rows = (),
    charges: Rows = (),
    discount: Amount = 0,
    payments: Rows = (),
    grand_total: Amount | None = None,
    paid_on: str = "11/18/2026",
    title: str | None = None,
    deleted_at: str | None = None,
    views: Sequence[str] = ("Invoice", "Kitchen Sheet"),
    portal: str = PORTAL,
) -> Json:
    """A document in the shape of facts 3.3, whose totals follow from its lines unless `grand_total` is given.

    `discount` is money off the whole document, beside the lines' own discounts.
    """
    sold = [SampleLine(*line) for line in lines]
    billed = [Charge(*charge) for charge in charges]
    asked = [Payment(*payment) for payment in payments]
    off = Decimal(discount) + sum((Decimal(line.discount or 0) for line in sold), Decimal(0))
    worked_out = sum((line.amount for line in sold), Decimal(0)) - off
    worked_out += sum((Decimal(charge.amount) for charge in billed), Decimal(0))
    total = worked_out if grand_total is None else Decimal(grand_total)
    due = total - sum((_received(payment) for payment in asked), Decimal(0))
    return {
        "id": id,
        "title": title or f"Avery Sample | Contract & Event Order: {id}",
        "template_document_id": 20517,
        "deleted_at": deleted_at,
        "views": [{"name": name, "url": _view_url(portal, id, n)} for n, name in enumerate(views, 1)],
        "line_items": [_line_item(id, n, line) for n, line in enumerate(sold, 1)],
        "billing_totals": [_billing_total(charge) for charge in billed],
        "category_totals": _category_totals(sold, Decimal(discount)),
        "financials": {
            "amount_due": money(due),
            "grand_total": money(total),
            "discounts_total": money(off),
        },
        "payment_set": _payment_set(id, asked, due, paid_on),
    }


def _received(payment: Payment) -> Decimal:
    return Decimal(payment.amount) - Decimal(payment.refunded or 0) if payment.paid else Decimal(0)


def _view_url(portal: str, document: int, number: int) -> str:
    key = hashlib.sha256(f"view of {document}".encode()).hexdigest()[:40]
    return f"{portal}/doc/{key}/{document * 10 + number}"


def _line_item(document: int, number: int, line: SampleLine) -> Json:
    menu = line.menu_item_id is not None
    blank = line.price is None and line.total is None
    amount = None if blank else money(line.amount)
    return {
        "id": document * 100 + number,
        "quantity": money(line.quantity),
        "price": money(line.price),
        "total_price": amount,
        "discount": money(line.discount),
        "position": number - 1,
        "billing_ids": [] if line.category == "Labor" else list(BILLINGS.values()),
        "grand_total": amount,
        "display_name": line.name if menu else None,
        "description": line.text if menu else line.name,
        "long_description": "" if menu else line.text,
        "category": {
            "id": CATEGORIES.get(line.category, 91099),
            "name": line.category,
            "internal_name": line.category,
        },
        "section": "Menu Items" if menu else SECTIONS.get(line.category, "Picklists"),
        "section_position": 0 if menu else 1,
        "menu_item_id": line.menu_item_id,
    }


def _billing_total(charge: Charge) -> Json:
    return {
        "billing_id": BILLINGS.get(charge.name, 7799),
        "description": charge.name,
        "value": charge.value,
        "total_price": money(charge.amount),
    }


def _category_totals(lines: list[SampleLine], discount: Decimal) -> list[Json]:
    """Totals by category, net of discounts as in the sample; the document's own comes off the first."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        if line.name or line.amount:
            net = line.amount - Decimal(line.discount or 0)
            sums[line.category] = sums.get(line.category, Decimal(0)) + net
    if sums:
        sums[next(iter(sums))] -= discount
    return [{"name": name, "value": money(total)} for name, total in sums.items()]


def _payment_set(document: int, payments: list[Payment], due: Decimal, paid_on: str) -> Json | None:
    if not payments:
        return None
    return {
        "amount_due": money(due),
        "running_balance": money(due),
        "remaining_payment_amount": money(due),
        "document_name": "Contract & Event Order",
        "payments": [_payment(document * 100 + n, payment, paid_on) for n, payment in enumerate(payments, 1)],
    }


def _payment(number: int, payment: Payment, paid_on: str) -> Json:
    refunded = payment.refunded is not None
    paid = paid_on if payment.paid else None
    return {
        "id": number,
        "amount": money(payment.amount),
        "state": "paid" if payment.paid else "unpaid",
        "custom_title": payment.title,
        "created_at": paid_on,
        "due_at": paid_on,
        "paid_at": paid,
        "payable_by_guest": True,
        "unpaid_at": None,
        "billing_kind": "deposit" if payment.paid else "amount_due",
        "payment_method": "Credit Card" if payment.paid else None,
        "credit_card_type": "Visa" if payment.paid else None,
        "refunded_at": paid_on if refunded else None,
        "amount_refunded": money(payment.refunded),
        "refund_reason": "Guest count went down" if refunded else None,
        "paid_by": "Jordan Example" if payment.paid else None,
        "custom_field": None,
    }
