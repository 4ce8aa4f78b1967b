"""Builders with sensible defaults, so that each test shows only what matters to it. Amounts are given as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain, count
from typing import Final, Literal

from tsrevel.planning.model import (
    BillingTotal,
    ChargeRule,
    Document,
    EstablishmentId,
    Event,
    EventId,
    Fault,
    Hold,
    Line,
    Location,
    LocationId,
    PaymentRecord,
    Plan,
    Policy,
    ProductId,
    SiteId,
)
from tsrevel.planning.plan import plan_order
from tsrevel.planning.products import Catalogue, Product

AUTO: Final = "auto"
"""The amount that makes the rest add up."""

DAY = date(2026, 12, 12)
NOON = datetime(2026, 12, 12, 20, 0, tzinfo=UTC)
"""Noon of `DAY` in Los Angeles."""

LOCATION = Location(
    name="Special Events",
    tripleseat_location=LocationId("30501"),
    tripleseat_site=None,
    establishment=EstablishmentId(8),
    timezone="America/Los_Angeles",
    user=12,
    station=21,
    dining_option=113,
    payment_type=236,
    discount=3358,
)
POLICY = Policy(
    locations=(LOCATION,),
    default_timezone="America/Los_Angeles",
    charges=(
        ChargeRule("Sales Tax", "tax"),
        ChargeRule("Service Charge", "gratuity"),
        ChargeRule("Delivery Fee", "item", product_name="Delivery"),
        ChargeRule("Card Fee", "ignore"),
    ),
)


def make_catalogue(*names: str) -> Catalogue:
    """Products 501, 502, ... of these names, at the establishment of `LOCATION`."""
    products = (Product(ProductId(number), name) for number, name in zip(count(501), names, strict=False))
    return Catalogue.of(LOCATION.establishment, products)


CATALOGUE = make_catalogue("Boxed Lunch", "Taco Trio", "Agua Fresca", "Delivery")
LUNCH, TACOS, FRESCA, DELIVERY = (ProductId(number) for number in range(501, 505))


def make_line(
    name: str = "Boxed Lunch",
    quantity: str | None = "1",
    price: str | None = "10.00",
    total: str | None = AUTO,
    *,
    discount: str | None = None,
    menu_item_id: str | None = None,
    typed: bool = False,
) -> Line:
    """A line; `AUTO` makes its total quantity x price."""
    each, number = _amount(price), _amount(quantity)
    whole = (each or Decimal(0)) * (Decimal(1) if number is None else number) if total == AUTO else _amount(total)
    return Line(name, number, each, whole, _amount(discount), menu_item_id, typed)


def make_payment(
    amount: str,
    *,
    paid: bool = True,
    refunded: str = "0",
    number: str = AUTO,
    paid_on: date | None = None,
    doubt: str = "",
) -> PaymentRecord:
    """A payment, paid unless said otherwise; `AUTO` makes its id from its amount."""
    payment_id = f"p{amount}" if number == AUTO else number
    return PaymentRecord(payment_id, Decimal(amount), paid, Decimal(refunded), paid_on, doubt)


def make_document(
    *lines: Line,
    charges: Mapping[str, str] | None = None,
    discount: str | None = None,
    grand_total: str | None = AUTO,
    payments: Iterable[PaymentRecord] = (),
    number: int = 1,
    title: str = "Contract",
    views: tuple[str, ...] = (),
    deleted: bool = False,
    faults: tuple[Fault, ...] = (),
    due: Iterable[str] = (),
) -> Document:
    """A live document of one line unless others are given; `AUTO` makes its grand total what its parts come to."""
    lines = lines or (make_line(),)
    billing = tuple(BillingTotal(name, Decimal(amount)) for name, amount in (charges or {}).items())
    less = _amount(discount)
    amounts = chain((line.total or Decimal(0) for line in lines), (each.amount for each in billing))
    whole = sum(amounts, Decimal(0)) - abs(less or Decimal(0)) if grand_total == AUTO else _amount(grand_total)
    return Document(
        number,
        title,
        views,
        deleted,
        lines,
        billing,
        less,
        whole,
        tuple(payments),
        faults,
        (),
        tuple(map(Decimal, due)),
    )


def make_event(
    *documents: Document,
    number: str = "64000001",
    grand_total: str | None = AUTO,
    day: date | None = DAY,
    location_id: str | None = "30501",
    site_id: str | None = "15691",
    guest_count: int | None = 24,
    starts_at: datetime | Literal["auto"] | None = AUTO,
) -> Event:
    """An eligible event at `LOCATION`; `AUTO` makes its grand total that of its first document, its start noon."""
    documents = documents or (make_document(),)
    return Event(
        id=EventId(number),
        name="Example Widgets lunch",
        status="DEFINITE",
        deleted=False,
        location_id=LocationId(location_id) if location_id else None,
        site_id=SiteId(site_id) if site_id else None,
        location_name="Sample Kitchen",
        day=day,
        starts_at=NOON + ((day or DAY) - DAY) if starts_at == AUTO else starts_at,
        guest_count=guest_count,
        contact_name="Jordan Example",
        contact_phone="(702) 555-0142",
        grand_total=documents[0].grand_total if grand_total == AUTO else _amount(grand_total),
        booking_id=None,
        documents=documents,
    )


def plan(
    event: Event, *, policy: Policy = POLICY, location: Location = LOCATION, catalogue: Catalogue = CATALOGUE
) -> Plan:
    """The plan for `event`, which must not be held."""
    outcome = plan_order(event, location, catalogue, policy, NOON)
    assert isinstance(outcome, Plan), outcome
    return outcome


def hold(
    event: Event, *, policy: Policy = POLICY, location: Location = LOCATION, catalogue: Catalogue = CATALOGUE
) -> Hold:
    """Why `event` is held, as it must be."""
    outcome = plan_order(event, location, catalogue, policy, NOON)
    assert isinstance(outcome, Hold), outcome
    return outcome


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def without_details(found: object) -> Hold:
    """The reason and text of a hold: what people read of it."""
    assert isinstance(found, Hold)
    return replace(found, details=())
