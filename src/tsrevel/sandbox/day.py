"""Seeds both pretend services with one believable day of catering, and builds the TripleSeat events in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tsrevel.sandbox.documents import (
    RAILS_ZONES,
    Amount,
    Charge,
    Payment,
    Rows,
    SampleLine,
    account_of,
    booking_of,
    contact_of,
    iso_stamp,
    location_of,
    make_document,
    money,
    staff_of,
    status_changes,
    us_date,
    us_stamp,
    us_time,
    utc_stamp,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsrevel.sandbox.revel import RevelSandbox
    from tsrevel.sandbox.tripleseat import TripleSeatSandbox
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


PAGE_CAP = 10
"""Products come in pages this small, so that a client which reads one page misses some."""


@dataclass(frozen=True, slots=True)
class SampleLocation:
    """One place as both services know it, with the Revel ids an order there needs."""

    place: SampleVenue
    establishment: int
    user: int
    station: int
    dining_option: int
    payment_type: int
    discount: int


@dataclass(frozen=True, slots=True)
class SampleEvent:
    """One seeded event, and what should become of it on the day: a status, and a reason where there is one."""

    id: int
    name: str
    location: SampleLocation
    day: date
    total: Decimal
    status: str
    reason: str | None
    story: str


@dataclass(frozen=True, slots=True)
class SampleDay:
    """All that was seeded, with the credentials both services accept."""

    client_id: str
    client_secret: str
    refresh_token: str
    public_key: str
    redirect_uri: str
    api_key: str
    api_secret: str
    locations: tuple[SampleLocation, ...]
    events: tuple[SampleEvent, ...]
    charges: tuple[tuple[str, str, str | None], ...]
    """Charge name, what it should become ("tax" or "item"), and the product's name for an item."""

    def event(self, story: str) -> SampleEvent:
        """The event that tells one story: "full", "paid", "unmapped", "early", "missed", "lost", "twins"..."""
        return next(event for event in self.events if event.story == story)


SPECIAL = SampleLocation(SPECIAL_EVENTS, 8, 12, 21, 113, 236, 3358)
LAKESIDE = SampleLocation(LAKESIDE_BAKERY, 9, 12, 31, 113, 236, 3358)

CATALOGUE = (
    ("Boxed Lunch Package", "18.50"),
    ("Taco Trio", "12.00"),
    ("Agua Fresca", "15.00"),
    ("Server (per hour)", "28.00"),
    ("Chef’s Choice Platter", "64.00"),
    ("Salt &amp; Vinegar Chips", "2.25"),
    ("Coffee Urn", "38.00"),
    ("Morning Pastry Tray", "42.00"),
    ("Fruit Platter", "55.00"),
    ("Sparkling Water Case", "21.60"),
    ("Mac & Cheese Tray", "48.00"),
    ("Baker’s Dozen Bagels", "26.40"),
    ("Service Charge", "0.00"),
)
RETIRED = ("Boxed Lunch Package", "Coffee Urn")
"""Names that also belong to an inactive product, with a lower id (facts Revel 5.6)."""

FULL_LINES = (
    SampleLine("Boxed Lunch Package", 24, "18.5", 120001, text="Turkey, ham or veggie sandwich, chips &amp; cookie"),
    SampleLine("TACO TRIO - Carne asada, cilantro &amp; onion", 8, 12, discount="9.6", text="Corn tortillas"),
    SampleLine("AGUA FRESCA - One gallon, serves 12", 2, 15, category="Beverage"),
    SampleLine("Server (per hour)", 4, 28, category="Labor"),
    SampleLine("", 1, None, category="Room Rental"),
)
FULL_CHARGES = (Charge("Service Charge", "112.08", "20.0%"), Charge("Sales Tax", "53.24", "9.5%"))
BREAKFAST = (
    SampleLine("Morning Pastry Tray", 3, 42),
    SampleLine("Baker's Dozen Bagels", 2, "26.40"),
    SampleLine("Coffee Urn", 2, 38, category="Beverage"),
)
PLATTERS = (SampleLine("Chef's Choice Platter", 2, 64), SampleLine("SALT & VINEGAR CHIPS", 20, "2.25"))


def seed_day(tripleseat: TripleSeatSandbox, revel: RevelSandbox, now: datetime) -> SampleDay:
    """Fill both services for the local day of `now` (aware). Each location's own zone says which day that is."""
    for location in (SPECIAL, LAKESIDE):
        tripleseat.add_place(location.place)
        _stock(revel, location)
    revel.page_cap = PAGE_CAP
    revel.add("User", 12, username="catering.api")
    revel.add("Discount", SPECIAL.discount, name="TripleSeat discount")
    revel.add("CustomPaymentType", SPECIAL.payment_type, name="TripleSeat")
    return SampleDay(
        client_id=tripleseat.tokens.client_id,
        client_secret=tripleseat.tokens.client_secret,
        refresh_token=tripleseat.tokens.refresh,
        public_key=tripleseat.public_key,
        redirect_uri=tripleseat.tokens.redirect_uri,
        api_key=revel.api_key,
        api_secret=revel.api_secret,
        locations=(SPECIAL, LAKESIDE),
        events=tuple(_seed_events(tripleseat, now)),
        charges=(("Service Charge", "item", "Service Charge"), ("Sales Tax", "tax", None)),
    )


def _stock(revel: RevelSandbox, location: SampleLocation) -> None:
    """An establishment with its station and catalogue; each has product ids of its own."""
    number = location.establishment
    revel.add_establishment(number, location.place.name, location.place.zone)
    revel.add("PosStation", location.station, establishment=f"/enterprise/Establishment/{number}/")
    for n, name in enumerate(RETIRED, 1):
        revel.add_product(number * 1000 + n, name, number, "1.00", active=False)
    for n, (name, price) in enumerate(CATALOGUE, 101):
        revel.add_product(number * 1000 + n, name, number, price, sku=f"0{number}{n}")


def _seed_events(tripleseat: TripleSeatSandbox, now: datetime) -> list[SampleEvent]:
    special, lakeside = (now.astimezone(ZoneInfo(spot.place.zone)).date() for spot in (SPECIAL, LAKESIDE))
    full = make_event(
        id=64000001, day=special, documents=_contract_and_its_forerunner(special), updated_at=_before(special, 3)
    )
    paid = make_event(
        id=64000002,
        day=lakeside,
        location=LAKESIDE_BAKERY,
        name="Sample Realty breakfast",
        lines=BREAKFAST,
        payments=[("254.80", True)],
        start=time(8, 30),
    )
    unmapped = make_event(
        id=64000003,
        day=special,
        name="Placeholder Labs birthday",
        lines=[("Coffee Urn", 1, 38), ("Ube Celebration Cake", 1, 86)],
    )
    early = make_event(
        id=64000004,
        day=special + timedelta(days=6),
        name="Mockingbird Choir gala",
        lines=PLATTERS,
        updated_at=_before(special, 1),
    )
    missed = make_event(id=64000005, day=special - timedelta(days=1), name="Yesterday's board lunch")
    lost = make_event(id=64000006, day=special, name="Called-off picnic", status="LOST", updated_at=_before(special, 1))
    twins = make_event(
        id=64000007,
        day=lakeside,
        location=LAKESIDE_BAKERY,
        name="Test Valley wedding brunch",
        documents=_twins(lakeside),
    )
    seeded: tuple[tuple[Json, SampleLocation, str, str | None, str], ...] = (
        (full, SPECIAL, "injected", None, "full"),
        (paid, LAKESIDE, "injected", None, "paid"),
        (unmapped, SPECIAL, "held", "UNMAPPED_ITEMS", "unmapped"),
        (early, SPECIAL, "skipped", "TOO_EARLY", "early"),
        (missed, SPECIAL, "skipped", "EVENT_DAY_PASSED", "missed"),
        (lost, SPECIAL, "skipped", "STATUS_NOT_ELIGIBLE", "lost"),
        (twins, LAKESIDE, "injected", None, "twins"),
    )
    for row in seeded:
        tripleseat.add_event(row[0])
    return [_told(*row) for row in seeded]


def _told(event: Json, location: SampleLocation, status: str, reason: str | None, story: str) -> SampleEvent:
    day = date.fromisoformat(event["event_date_iso8601"])
    total = Decimal(event["grand_total"])
    return SampleEvent(event["id"], event["name"], location, day, total, status, reason, story)


def _contract_and_its_forerunner(day: date) -> list[Json]:
    """The sample event's contract, behind a deleted older one that must be left alone."""
    paid_on = f"{day.month}/{day.day}/{day.year}"
    older = make_document(41500001, lines=[("Boxed Lunch Package", 20, "18.5", 120001)], deleted_at="11/3/2026 2:41 PM")
    payments = (Payment("200.00"), Payment("637.72", paid=False, title="Balance"))
    live = make_document(41500002, lines=FULL_LINES, charges=FULL_CHARGES, payments=payments, paid_on=paid_on)
    return [older, live]


def _twins(day: date) -> list[Json]:
    """Two live contracts that repeat the same lines (facts TripleSeat 3.4)."""
    paid_on = f"{day.month}/{day.day}/{day.year}"
    return [
        make_document(number, lines=PLATTERS, charges=[("Sales Tax", "14.71")], paid_on=paid_on)
        for number in (41500071, 41500072)
    ]


def _before(day: date, days: int) -> datetime:
    """A wall time some days before; naive, as `make_event` takes it."""
    return datetime.combine(day - timedelta(days=days), time(10, 21))
