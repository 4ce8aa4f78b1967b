"""Builds whole TripleSeat events, in the shape and key order of a real answer (facts TripleSeat 3.1-3.3).

    make_event(day=date(2026, 12, 12), lines=[("Boxed Lunch", 24, "18.50"), ("Coffee Urn", 2, "38.00")],
               charges=[("Sales Tax", "49.40")], payments=[("200.00", True)])

All totals follow from the lines; the people in it are invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tsrevel.sandbox.documents import Amount, Charge, Payment, Rows, SampleLine, make_document, money
from tsrevel.sandbox.people import account_of, booking_of, contact_of, location_of, staff_of, status_changes
from tsrevel.sandbox.stamps import RAILS_ZONES, iso_stamp, us_date, us_stamp, us_time, utc_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsrevel.sandbox.wsgi import Json

__all__ = [
    "EVENT_KEYS",
    "LAKESIDE_BAKERY",
    "SPECIAL_EVENTS",
    "Charge",
    "Payment",
    "SampleLine",
    "SampleVenue",
    "make_document",
    "make_event",
    "money",
]


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
    minutes: int = 15,
    zone: str | None = None,
    guests: int | None = 24,
    contact: tuple[str, str, str] | None = ("Jordan", "Example", "(702) 555-0142"),
    created_at: datetime | None = None,
    updated_at: datetime | None = None,
    deleted_at: str | None = None,
    description: str = "Please label the veggie boxes.",
) -> Json:
    """One event as `GET /v1/events/{id}?show_financial=true` carries it, without the `{"event": ...}` wrapper.

    Without `documents` it has one live contract made of lines, charges, discount and payments; `documents`
    (from `make_document`) replace that, and the event's totals follow the last live one. `grand_total`
    overrides the sum. `zone` (IANA) overrides the location's. `created_at` and `updated_at` are taken as wall
    time; by default 40 and 3 days before `day`. `contact` is first name, last name, phone.
    """
    tz = ZoneInfo(zone or location.zone)
    begins = datetime.combine(day, start, tz)
    made = created_at or begins.replace(hour=13, minute=5) - timedelta(days=40)
    changed = updated_at or begins.replace(hour=10, minute=21) - timedelta(days=3)
    if documents is None:
        contract = make_document(
            id * 10 + 1,
            lines=lines,
            charges=charges,
            discount=discount,
            payments=payments,
            grand_total=grand_total,
            paid_on=us_date(changed),
        )
        documents = [contract]
    parts: Json = {
        **_identity(id, name, status, deleted_at, description),
        **_moments(begins, begins + timedelta(minutes=minutes)),
        **_trail(made, changed),
        **_place(location, tz.key),
        **_totals(documents, grand_total),
        **_people(contact),
        "guest_count": guests,
        "status_changes": status_changes(status, us_stamp(made), us_stamp(changed)),
    }
    parts["booking"] = booking_of(parts)
    return {key: parts[key] for key in EVENT_KEYS}


def _identity(number: int, name: str, status: str, deleted_at: str | None, description: str) -> Json:
    return {
        "id": number,
        "name": name,
        "status": status,
        "deleted_at": deleted_at,
        "description": description,
        "booking_id": number - 6_000_000,
        "event_style": "dropoff",
        "guaranteed_guest_count": None,
        "food_and_beverage_min": None,
        "price_per_person": None,
        "rental_fee": None,
        "unassigned": False,
        "event_type_id": None,
        "event_type": "Corporate",
        "post_as": "",
        "delivery_instructions": "",
        "selected_gratuity": None,
        "offsite_address": None,
        "lost_reason": None,
        "lost_reason_details": None,
        "custom_fields": [],
        "lead": None,
        "selected_lead_sources": [],
        "attachments": [],
    }


def _moments(begins: datetime, ends: datetime) -> Json:
    return {
        "event_date": us_date(begins),
        "event_date_iso8601": begins.date().isoformat(),
        "event_start": us_stamp(begins),
        "event_end": us_stamp(ends),
        "event_start_utc": utc_stamp(begins),
        "event_end_utc": utc_stamp(ends),
        "event_start_iso8601": iso_stamp(begins),
        "event_end_iso8601": iso_stamp(ends),
        "event_start_time": us_time(begins),
        "event_end_time": us_time(ends),
        "start_date": us_date(begins),
        "end_date": us_date(ends),
        "setup_time": 0,
        "teardown_time": 0,
        "event_start_time_with_setup_time": us_time(begins),
        "event_end_time_with_teardown_time": us_time(ends),
        "event_start_with_setup_iso8601": iso_stamp(begins),
        "event_end_with_teardown_iso8601": iso_stamp(ends),
        "start_time": us_stamp(begins),
        "end_time": us_stamp(ends),
    }


def _trail(made: datetime, changed: datetime) -> Json:
    return {
        "created_at": us_stamp(made),
        "updated_at": us_stamp(changed),
        "owned_by": 660101,
        "updated_by": 660101,
        "created_by": 660101,
    }


def _place(location: SampleVenue, zone: str) -> Json:
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
        "event_timezone": RAILS_ZONES.get(zone, zone),
        "customer_id": 880001,
        "site_id": location.site_id,
        "location_id": location.location_id,
        "room_ids": [room["id"]],
        "rooms": [room],
        "location": location_of(location.location_id, location.name, location.site_id),
    }


def _totals(documents: Sequence[Json], grand_total: Amount | None) -> Json:
    live = [document for document in documents if document["deleted_at"] is None]
    ruling = live[-1] if live else make_document()
    finances = ruling["financials"]
    categories = [{"name": row["name"], "total": row["value"]} for row in ruling["category_totals"]]
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
        "billing_totals": [
            {"name": row["description"], "total": row["total_price"]} for row in ruling["billing_totals"]
        ],
    }


def _people(contact: tuple[str, str, str] | None) -> Json:
    return {
        "contact_id": 7100001 if contact else None,
        "account_id": 6100001,
        "managing_user_ids": [],
        "owner": staff_of(),
        "creator": staff_of(),
        "updator": staff_of(),
        "managers": [],
        "contact": contact_of(*contact) if contact else None,
        "secondary_contacts": [],
        "account": account_of(),
    }
