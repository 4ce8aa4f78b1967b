"""Seeds both pretend services with one believable day of catering."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tsrevel.sandbox.app import Json
from tsrevel.sandbox.documents import (
    LAKESIDE_BAKERY,
    SPECIAL_EVENTS,
    Charge,
    Payment,
    SampleLine,
    SampleVenue,
    make_document,
    make_event,
    us_date,
)
from tsrevel.sandbox.revel import RevelSandbox
from tsrevel.sandbox.tripleseat import TripleSeatSandbox

PAGE_CAP = 10
"""Pages of products are this small, so a client that reads only one page misses some."""


@dataclass(frozen=True, slots=True)
class SampleLocation:
    """A location in both services, with the Revel ids that an order there needs."""

    place: SampleVenue
    establishment: int
    user: int
    station: int
    dining_option: int
    payment_type: int
    discount: int


@dataclass(frozen=True, slots=True)
class SampleEvent:
    """A seeded event, with the status that it should get on its day, and the reason if any."""

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
    """The seeded data, with the credentials that both services accept."""

    client_id: str
    client_secret: str
    public_key: str
    api_key: str
    api_secret: str
    locations: tuple[SampleLocation, ...]
    events: tuple[SampleEvent, ...]
    charges: tuple[tuple[str, str, str | None], ...]
    """Name of the charge, its treatment ("tax" or "item"), and the product's name for an item."""

    def event(self, story: str) -> SampleEvent:
        """The event of one story: "full", "paid", "unmapped", "early", "missed", "lost" or "twins"."""
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
"""Names that an inactive product with a lower id has, too (facts Revel 5.6)."""

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
    """Fill both services for the day of `now` (aware), in each location's own time zone.

    Each establishment gets a station, and a catalogue with product ids of its own.
    """
    for location in (SPECIAL, LAKESIDE):
        number = location.establishment
        tripleseat.add_place(location.place)
        revel.add_establishment(number, location.place.name, location.place.zone)
        revel.add("PosStation", location.station, establishment=f"/enterprise/Establishment/{number}/")
        for n, name in enumerate(RETIRED, 1):
            revel.add_product(number * 1000 + n, name, number, "1.00", active=False)
        for n, (name, price) in enumerate(CATALOGUE, 101):
            revel.add_product(number * 1000 + n, name, number, price, sku=f"0{number}{n}")
    revel.page_cap = PAGE_CAP
    revel.add("User", 12, username="catering.api")
    revel.add("Discount", SPECIAL.discount, name="TripleSeat discount")
    revel.add("CustomPaymentType", SPECIAL.payment_type, name="TripleSeat")
    return SampleDay(
        client_id=tripleseat.tokens.client_id,
        client_secret=tripleseat.tokens.client_secret,
        public_key=tripleseat.public_key,
        api_key=revel.api_key,
        api_secret=revel.api_secret,
        locations=(SPECIAL, LAKESIDE),
        events=tuple(_seed_events(tripleseat, now)),
        charges=(("Service Charge", "item", "Service Charge"), ("Sales Tax", "tax", None)),
    )


def add_orders_by_hand(revel: RevelSandbox, day: SampleDay) -> None:
    """Add two orders at each establishment as if entered at a station. Raises the page cap to 250 rows."""
    revel.page_cap = 250
    for spot in day.locations:
        for number in (1, 2):
            revel.add(
                "Order",
                None,
                establishment=f"/enterprise/Establishment/{spot.establishment}/",
                local_id=str(spot.establishment * 100 + number),
                dining_option=spot.dining_option,
                subtotal=Decimal("18.50"),
                final_total=Decimal("18.50"),
                remaining_due=Decimal("0.00"),
            )


def _seed_events(tripleseat: TripleSeatSandbox, now: datetime) -> Iterator[SampleEvent]:
    special, lakeside = (now.astimezone(ZoneInfo(spot.place.zone)).date() for spot in (SPECIAL, LAKESIDE))
    yesterday = special - timedelta(days=1)
    lately = datetime.combine(yesterday, time(10, 21))
    # Two live contracts that repeat the same lines (facts TripleSeat 3.4).
    twins = [
        make_document(number, lines=PLATTERS, charges=[("Sales Tax", "14.71")], paid_on=us_date(lakeside))
        for number in (41500071, 41500072)
    ]
    full = make_event(id=64000001, day=special, documents=_contract_and_its_forerunner(special))
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
    next_week = special + timedelta(days=6)
    early = make_event(id=64000004, day=next_week, name="Mockingbird Choir gala", lines=PLATTERS, updated_at=lately)
    missed = make_event(id=64000005, day=yesterday, name="Yesterday's board lunch")
    lost = make_event(id=64000006, day=special, name="Called-off picnic", status="LOST", updated_at=lately)
    brunch = make_event(
        id=64000007, day=lakeside, location=LAKESIDE_BAKERY, name="Test Valley wedding brunch", documents=twins
    )
    seeded: tuple[tuple[Json, SampleLocation, str, str | None, str], ...] = (
        (full, SPECIAL, "injected", None, "full"),
        (paid, LAKESIDE, "injected", None, "paid"),
        (unmapped, SPECIAL, "held", "UNMAPPED_ITEMS", "unmapped"),
        (early, SPECIAL, "skipped", "TOO_EARLY", "early"),
        (missed, SPECIAL, "skipped", "EVENT_DAY_PASSED", "missed"),
        (lost, SPECIAL, "skipped", "STATUS_NOT_ELIGIBLE", "lost"),
        (brunch, LAKESIDE, "injected", None, "twins"),
    )
    for event, location, status, reason, story in seeded:
        tripleseat.add_event(event)
        day, total = date.fromisoformat(event["event_date_iso8601"]), Decimal(event["grand_total"])
        yield SampleEvent(event["id"], event["name"], location, day, total, status, reason, story)


def _contract_and_its_forerunner(day: date) -> list[Json]:
    """The sample event's contract, after an older deleted one that must be ignored."""
    older = make_document(41500001, lines=[("Boxed Lunch Package", 20, "18.5", 120001)], deleted_at="11/3/2026 2:41 PM")
    payments = (Payment("200.00"), Payment("637.72", paid=False, title="Balance"))
    paid_on = us_date(day - timedelta(days=3))
    live = make_document(41500002, lines=FULL_LINES, charges=FULL_CHARGES, payments=payments, paid_on=paid_on)
    return [older, live]
