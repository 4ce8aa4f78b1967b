"""Builds TripleSeat events and their documents (facts TripleSeat 3, 4, 5), with invented people and places."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from html import escape, unescape
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tsrevel.sandbox.app import Json, copy_json

Amount = Decimal | str | int
"""Money in dollars, exact."""

PORTAL = "https://portal.tripleseat.com"
CATEGORIES = {"Food": 91001, "Beverage": 91002, "Labor": 91003, "Room Rental": 91004}
BILLINGS = {"Service Charge": 7701, "Sales Tax": 7702}
SECTIONS = {"Food": "Food", "Beverage": "Beverages"}
RAILS_ZONES = {
    "America/Los_Angeles": "Pacific Time (US & Canada)",
    "America/Denver": "Mountain Time (US & Canada)",
    "America/Chicago": "Central Time (US & Canada)",
    "America/New_York": "Eastern Time (US & Canada)",
}
"""IANA zone → TripleSeat's name for it. Other zones keep their IANA names."""


class SampleLine(NamedTuple):
    """One line of a contract. With a `menu_item_id` it is a menu line, else a typed one (facts 3.3, rules 1-2).

    `price` None makes an included line, `name` "" a blank one. `total` overrides quantity x price. `discount` is the
    money off this line; `total` is the amount before it.
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
    """A requested payment: paid or not, and the amount refunded."""

    amount: Amount
    paid: bool = True
    refunded: Amount | None = None
    title: str = "Deposit"


Rows = Sequence[tuple[Any, ...]]
"""SampleLine, Charge or Payment, or plain tuples with the same fields."""


@dataclass(frozen=True, slots=True)
class SampleVenue:
    """A TripleSeat location with its site and IANA zone."""

    location_id: int
    name: str
    site_id: int
    zone: str


SPECIAL_EVENTS = SampleVenue(30501, "Special Events", 15691, "America/Los_Angeles")
LAKESIDE_BAKERY = SampleVenue(30502, "Lakeside Bakery", 15692, "America/Denver")

USUAL_LINES = (SampleLine("Boxed Lunch Package", 24, "18.50", 120001),)

STAFF: Json = {
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
"""The member of staff who owns every event, with login data as in the real API."""

EVENT_KEYS = tuple(
    """id name event_date event_date_iso8601 status event_start event_end event_start_utc event_end_utc
    event_start_iso8601 event_end_iso8601 event_start_time event_end_time start_date end_date setup_time
    teardown_time event_start_time_with_setup_time event_end_time_with_teardown_time
    event_start_with_setup_iso8601 event_end_with_teardown_iso8601 event_timezone event_style
    guaranteed_guest_count guest_count food_and_beverage_min price_per_person deposit_amount rental_fee
    actual_amount grand_total amount_due description contact_id account_id owned_by created_at updated_at
    deleted_at booking_id updated_by created_by customer_id site_id location_id room_ids managing_user_ids
    unassigned event_type_id post_as delivery_instructions selected_gratuity offsite_address document_ids
    start_time end_time event_type lost_reason lost_reason_details rooms location booking documents
    custom_fields category_totals billing_totals owner creator updator managers lead selected_lead_sources
    contact secondary_contacts account status_changes attachments""".split()  # noqa: SIM905 - in the API's order
)
EVENT_DEFAULTS: Json = {
    **dict.fromkeys(EVENT_KEYS),
    **dict.fromkeys(("owner", "creator", "updator"), STAFF),
    **dict.fromkeys(("owned_by", "updated_by", "created_by"), STAFF["id"]),
    **{key: [] for key in ("managing_user_ids", "managers", "secondary_contacts")},
    **{key: [] for key in ("custom_fields", "selected_lead_sources", "attachments")},
    **dict.fromkeys(("post_as", "delivery_instructions"), ""),
    **dict.fromkeys(("setup_time", "teardown_time"), 0),
    "event_style": "dropoff",
    "event_type": "Corporate",
    "unassigned": False,
    "guest_count": 24,
    "customer_id": 880001,
    "account_id": 6100001,
    "account": {"id": 6100001, "name": "Example Widgets, Inc."},
}
"""Every key of an event, in the API's order, with the values that all events share."""


def make_event(
    *,
    id: int = 64000001,  # noqa: A002 - TripleSeat's own word
    day: date,
    location: SampleVenue = SPECIAL_EVENTS,
    name: str = "Example Widgets holiday lunch",
    status: str = "DEFINITE",
    lines: Rows = USUAL_LINES,
    charges: Rows = (),
    discount: Amount = 0,
    payments: Rows = (),
    documents: Sequence[Json] | None = None,
    grand_total: Amount | None = None,
    start: time = time(18, 0),
    contact: tuple[str, str, str] | None = ("Jordan", "Example", "(702) 555-0142"),
    updated_at: datetime | None = None,
    description: str = "Please label the veggie boxes.",
) -> Json:
    """An event as `GET /v1/events/{id}?show_financial=true` returns it, without the `{"event": ...}` wrapper.

    By default it has one live contract with the given lines, charges, discount and payments. `documents` (from
    `make_document`) replace that contract; the last live one then sets the event's totals. `grand_total` overrides
    the sum. `updated_at` is wall time, by default 3 days before `day`. `contact` is first name, last name, phone.
    """
    begins = datetime.combine(day, start, ZoneInfo(location.zone))
    made = us_stamp(begins.replace(hour=13, minute=5) - timedelta(days=40))
    changed = us_stamp(updated_at or begins.replace(hour=10, minute=21) - timedelta(days=3))
    if documents is None:
        bill: Json = {"lines": lines, "charges": charges, "discount": discount, "payments": payments}
        paid_on = changed.split(" ")[0]
        documents = [make_document(id * 10 + 1, **bill, grand_total=grand_total, paid_on=paid_on)]
    event: Json = {
        **copy_json(EVENT_DEFAULTS),
        **_event_times(begins, begins + timedelta(minutes=15)),
        **_event_place(location),
        **_event_totals(documents, grand_total),
        "id": id,
        "name": name,
        "status": status,
        "description": description,
        "booking_id": id - 6_000_000,
        "contact_id": 7100001 if contact else None,
        "contact": _contact(*contact) if contact else None,
        "created_at": made,
        "updated_at": changed,
        "status_changes": _status_changes(status, made, changed),
    }
    event["booking"] = _booking(event)
    return event


def _event_times(begins: datetime, ends: datetime) -> Json:
    return {
        "event_date": us_date(begins),
        "event_date_iso8601": begins.date().isoformat(),
        "event_start": us_stamp(begins),
        "event_end": us_stamp(ends),
        "event_start_utc": _utc_stamp(begins),
        "event_end_utc": _utc_stamp(ends),
        "event_start_iso8601": begins.isoformat(),
        "event_end_iso8601": ends.isoformat(),
        "event_start_time": us_time(begins),
        "event_end_time": us_time(ends),
        "start_date": us_date(begins),
        "end_date": us_date(ends),
        "event_start_time_with_setup_time": us_time(begins),
        "event_end_time_with_teardown_time": us_time(ends),
        "event_start_with_setup_iso8601": begins.isoformat(),
        "event_end_with_teardown_iso8601": ends.isoformat(),
        "start_time": us_stamp(begins),
        "end_time": us_stamp(ends),
    }


def _event_place(location: SampleVenue) -> Json:
    room = {
        "id": location.location_id * 10 + 1,
        "name": "Pickup Counter ",
        "capacity": 50,
        "description": "",
        "site_id": location.site_id,
        "location_id": location.location_id,
        "is_unassigned": False,
    }
    return {
        "site_id": location.site_id,
        "location_id": location.location_id,
        "event_timezone": RAILS_ZONES.get(location.zone, location.zone),
        "room_ids": [room["id"]],
        "rooms": [room],
        "location": location_of(location),
    }


def _event_totals(documents: Sequence[Json], grand_total: Amount | None) -> Json:
    live = [document for document in documents if document["deleted_at"] is None]
    ruling = live[-1] if live else make_document()
    finances = ruling["financials"]
    categories = [{"name": row["name"], "total": row["value"]} for row in ruling["category_totals"]]
    billings = [{"name": row["description"], "total": row["total_price"]} for row in ruling["billing_totals"]]
    payments = (ruling["payment_set"] or {"payments": []})["payments"]
    deposits = sum((Decimal(row["amount"]) for row in payments if row["paid_at"]), Decimal(0))
    return {
        "documents": list(documents),
        "document_ids": ",".join(str(document["id"]) for document in documents),
        "deposit_amount": money(deposits) if deposits else None,
        "actual_amount": money(sum((Decimal(row["total"]) for row in categories), Decimal(0))),
        "grand_total": finances["grand_total"] if grand_total is None else money(grand_total),
        "amount_due": finances["amount_due"],
        "category_totals": categories,
        "billing_totals": billings,
    }


def _contact(first: str, last: str, phone: str) -> Json:
    return {
        "id": 7100001,
        "first_name": first,
        "last_name": last,
        "account_id": 6100001,
        "email_addresses": [{"id": 8100001, "address": f"{first.lower()}@example.com"}],
        "phone_numbers": [{"id": 8200001, "number": phone, "phone_number_type": "mobile", "extension": ""}],
    }


def location_of(venue: SampleVenue) -> Json:
    """A location as nested in an event, without a time zone (facts 3.1)."""
    address = {
        "id": 8300001,
        "address1": "100 Main St",
        "address2": "",
        "city": "Las Vegas",
        "state": "NV",
        "country": "US",
        "zip_code": "89101",
        "address_type": "main",
    }
    phone = {"id": 8200009, "number": "(702) 555-0199", "phone_number_type": "work", "extension": None}
    return {
        "id": venue.location_id,
        "name": venue.name,
        "customer_id": 880001,
        "site_id": venue.site_id,
        "addresses": [address],
        "phone_numbers": [phone],
    }


def _status_changes(status: str, made: str, changed: str) -> list[Json]:
    """The event's status changes from PROSPECT on, newest first."""
    first = {"status": "PROSPECT", "previous_status": None, "created_at": made, "created_by": 660101}
    if status == "PROSPECT":
        return [first]
    now = {"status": status, "previous_status": "PROSPECT", "created_at": changed, "created_by": 660101}
    return [now, first]


def _booking(event: Json) -> Json:
    """The booking nested in its only event. `documents` is empty, and `events` is missing (facts 5)."""
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


def make_document(
    id: int = 41500002,  # noqa: A002 - TripleSeat's own word
    *,
    lines: Rows = (),
    charges: Rows = (),
    discount: Amount = 0,
    payments: Rows = (),
    grand_total: Amount | None = None,
    paid_on: str = "11/18/2026",
    deleted_at: str | None = None,
) -> Json:
    """A document in the shape of facts 3.3. Its totals are computed unless `grand_total` is given.

    `discount` is money off the whole document, in addition to the lines' discounts.
    """
    sold = [SampleLine(*line) for line in lines]
    billed = [Charge(*charge) for charge in charges]
    asked = [Payment(*payment) for payment in payments]
    off = Decimal(discount) + sum((Decimal(line.discount or 0) for line in sold), Decimal(0))
    total = sum((line.amount for line in sold), Decimal(0)) - off
    total += sum((Decimal(charge.amount) for charge in billed), Decimal(0))
    if grand_total is not None:
        total = Decimal(grand_total)
    received = (Decimal(each.amount) - Decimal(each.refunded or 0) for each in asked if each.paid)
    due = total - sum(received, Decimal(0))
    view = f"{PORTAL}/doc/{hashlib.sha256(f'view of {id}'.encode()).hexdigest()[:40]}"
    return {
        "id": id,
        "title": f"Avery Sample | Contract & Event Order: {id}",
        "template_document_id": 20517,
        "deleted_at": deleted_at,
        "views": [
            {"name": "Invoice", "url": f"{view}/{id * 10 + 1}"},
            {"name": "Kitchen Sheet", "url": f"{view}/{id * 10 + 2}"},
        ],
        "line_items": [_line_item(id, n, line) for n, line in enumerate(sold, 1)],
        "billing_totals": [
            {
                "billing_id": BILLINGS.get(charge.name, 7799),
                "description": charge.name,
                "value": charge.value,
                "total_price": money(charge.amount),
            }
            for charge in billed
        ],
        "category_totals": _category_totals(sold, Decimal(discount)),
        "financials": {"amount_due": money(due), "grand_total": money(total), "discounts_total": money(off)},
        "payment_set": _payment_set(id, asked, due, paid_on) if asked else None,
    }


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
        "category": {"id": CATEGORIES.get(line.category, 91099), "name": line.category, "internal_name": line.category},
        "section": "Menu Items" if menu else SECTIONS.get(line.category, "Picklists"),
        "section_position": 0 if menu else 1,
        "menu_item_id": line.menu_item_id,
    }


def _category_totals(lines: list[SampleLine], discount: Decimal) -> list[Json]:
    """Totals by category, net of discounts as in the sample. The first category bears the document's discount."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        if line.name or line.amount:
            net = line.amount - Decimal(line.discount or 0)
            sums[line.category] = sums.get(line.category, Decimal(0)) + net
    if sums:
        sums[next(iter(sums))] -= discount
    return [{"name": name, "value": money(total)} for name, total in sums.items()]


def _payment_set(document: int, payments: list[Payment], due: Decimal, paid_on: str) -> Json:
    rows = [
        {
            "id": document * 100 + number,
            "amount": money(payment.amount),
            "state": "paid" if payment.paid else "unpaid",
            "custom_title": payment.title,
            "created_at": paid_on,
            "due_at": paid_on,
            "paid_at": paid_on if payment.paid else None,
            "payable_by_guest": True,
            "unpaid_at": None,
            "billing_kind": "deposit" if payment.paid else "amount_due",
            "payment_method": "Credit Card" if payment.paid else None,
            "credit_card_type": "Visa" if payment.paid else None,
            "refunded_at": None if payment.refunded is None else paid_on,
            "amount_refunded": money(payment.refunded),
            "refund_reason": None if payment.refunded is None else "Guest count went down",
            "paid_by": "Jordan Example" if payment.paid else None,
            "custom_field": None,
        }
        for number, payment in enumerate(payments, 1)
    ]
    return {
        "amount_due": money(due),
        "running_balance": money(due),
        "remaining_payment_amount": money(due),
        "document_name": "Contract & Event Order",
        "payments": rows,
    }


def money(amount: Amount | None) -> str | None:
    """Money in TripleSeat's form: a string with at least one decimal, such as "18.5" or "370.0"."""
    if amount is None:
        return None
    whole, _, cents = f"{Decimal(amount):f}".partition(".")
    return f"{whole}.{cents.rstrip('0') or '0'}"


def us_date(day: date) -> str:
    """12/5/2026: no padding."""
    return f"{day.month}/{day.day}/{day.year}"


def us_time(moment: datetime) -> str:
    """6:00 PM: no padding."""
    return f"{moment.hour % 12 or 12}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"


def us_stamp(moment: datetime) -> str:
    """12/5/2026 6:00 PM: wall time, to the minute."""
    return f"{us_date(moment)} {us_time(moment)}"


def _utc_stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_us_date(text: str) -> date | None:
    """The day in `12/5/2026` or `12/5/2026 6:00 PM`; None for other texts."""
    try:
        month, day, year = (int(part) for part in text.split(" ", 1)[0].split("/"))
        return date(year, month, day)
    except ValueError:
        return None


def read_us_stamp(text: str) -> datetime | None:
    """The naive wall time in `12/5/2026 6:00 PM`; None for other texts."""
    try:
        return datetime.strptime(text, "%m/%d/%Y %I:%M %p")  # noqa: DTZ007 - wall time is meant
    except ValueError:
        return None


# The portal page that a guest sees (facts TripleSeat 4, `sample-invoice.html`)

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
