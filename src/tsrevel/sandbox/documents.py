"""Builds one TripleSeat document, with the invented people, places and dates on it (facts TripleSeat 3.1, 3.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
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


def contact_of(first: str, last: str, phone: str) -> Json:
    """The guest who orders."""
    return {
        "id": 7100001,
        "first_name": first,
        "last_name": last,
        "account_id": 6100001,
        "email_addresses": [{"id": 8100001, "address": f"{first.lower()}@example.com"}],
        "phone_numbers": [{"id": 8200001, "number": phone, "phone_number_type": "mobile", "extension": ""}],
    }


def account_of() -> Json:
    """The guest's firm."""
    return {"id": 6100001, "name": "Example Widgets, Inc."}


def staff_of() -> Json:
    """The member of staff who owns the event; carries login data, as the real one does."""
    return {
        "id": 660101,
        "first_name": "Avery",
        "last_name": "Sample",
        "title": "Catering Manager",
        "email": "avery.sample@example.com",
        "created_at": "3/4/2024 9:15 AM",
        "updated_at": "11/18/2026 8:02 AM",
        "login_count": 412,
        "login_at": "11/18/2026 8:02 AM",
        "customer_id": 880001,
        "phone_numbers": [{"id": 5500001, "number": "(702) 555-0100", "phone_number_type": "work", "extension": None}],
    }


def location_of(number: int, name: str, site: int) -> Json:
    """A location as it is nested in an event: no time zone (facts 3.1)."""
    return {
        "id": number,
        "name": name,
        "customer_id": 880001,
        "site_id": site,
        "addresses": [
            {
                "id": 8300001,
                "address1": "100 Main St",
                "address2": "",
                "city": "Las Vegas",
                "state": "NV",
                "country": "US",
                "zip_code": "89101",
                "address_type": "main",
            }
        ],
        "phone_numbers": [{"id": 8200009, "number": "(702) 555-0199", "phone_number_type": "work", "extension": None}],
    }


def status_changes(status: str, made: str, changed: str) -> list[Json]:
    """The event's way from PROSPECT to its status, newest first."""
    first = {"status": "PROSPECT", "previous_status": None, "created_at": made, "created_by": 660101}
    if status == "PROSPECT":
        return [first]
    now = {"status": status, "previous_status": "PROSPECT", "created_at": changed, "created_by": 660101}
    return [now, first]


def booking_of(event: Json) -> Json:
    """The booking nested in an event that is its only one; `documents` is empty and `events` left out (facts 5)."""
    shared = """name customer_id site_id location_id status post_as updated_by created_by owned_by start_date end_date
    created_at updated_at deleted_at contact secondary_contacts account owner creator updator status_changes
    selected_lead_sources custom_fields"""
    place = event["location"]
    return {
        "id": event["booking_id"],
        "event_ids": [event["id"]],
        **{key: event[key] for key in shared.split()},
        "total_event_actual_amount": event["actual_amount"],
        "total_actual_amount": event["actual_amount"],
        "total_event_grand_total": event["grand_total"],
        "total_grand_total": event["grand_total"],
        "definite_date": event["updated_at"].split(" ")[0],
        "tentative_date": None,
        "lost_date": None,
        "location": {key: place[key] for key in ("id", "name", "customer_id", "site_id")},
        "market_segment": None,
        "booking_forecast": None,
        "category_forecasts": None,
        "documents": [],
    }


RAILS_ZONES = {
    "America/Los_Angeles": "Pacific Time (US & Canada)",
    "America/Denver": "Mountain Time (US & Canada)",
    "America/Chicago": "Central Time (US & Canada)",
    "America/New_York": "Eastern Time (US & Canada)",
}
"""IANA zones and the names TripleSeat uses for them; a zone that isn't here keeps its IANA name."""


def us_date(day: date) -> str:
    """12/5/2026: no padding."""
    return f"{day.month}/{day.day}/{day.year}"


def us_time(moment: datetime) -> str:
    """6:00 PM: no padding."""
    return f"{moment.hour % 12 or 12}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"


def us_stamp(moment: datetime) -> str:
    """12/5/2026 6:00 PM: wall time, to the minute."""
    return f"{us_date(moment)} {us_time(moment)}"


def iso_stamp(moment: datetime) -> str:
    """2026-12-05T18:00:00-08:00: wall time with its offset."""
    return moment.replace(microsecond=0).isoformat()


def utc_stamp(moment: datetime) -> str:
    """2026-12-06T02:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_us_date(text: str) -> date | None:
    """The day at the start of `12/5/2026` or `12/5/2026 6:00 PM`; None when there is none."""
    try:
        month, day, year = (int(part) for part in text.split(" ", 1)[0].split("/"))
        return date(year, month, day)
    except ValueError:
        return None


def read_us_stamp(text: str) -> datetime | None:
    """The wall time `12/5/2026 6:00 PM`, naive as TripleSeat writes it; None when it isn't one."""
    try:
        return datetime.strptime(text, "%m/%d/%Y %I:%M %p")  # noqa: DTZ007 - wall time is what is meant
    except ValueError:
        return None
