"""The words of the story as data: what TripleSeat tells (`Event`), what we may do (`Policy`), what we intend
(`Plan`), and the two ways of not doing it (`Hold`, `SkippedCheck`). Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal, NewType, get_args

from tsrevel.planning.assumptions import AssumptionCode
from tsrevel.planning.money import ZERO, Cents
from tsrevel.planning.reasons import Reason

EventId = NewType("EventId", str)
LocationId = NewType("LocationId", str)
"""A TripleSeat location."""
SiteId = NewType("SiteId", str)
"""A TripleSeat site: it holds locations (facts TripleSeat 5)."""
EstablishmentId = NewType("EstablishmentId", int)
"""A Revel establishment."""
ProductId = NewType("ProductId", int)
"""A Revel product: another id at each establishment (facts Revel 5.6)."""
OrderId = NewType("OrderId", str)
"""A Revel order."""


# What TripleSeat tells


@dataclass(frozen=True, slots=True)
class Fault:
    """A piece of an event that couldn't be read, and the reason it would be held for."""

    reason: Reason
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One usable line of a document (facts TripleSeat 3.3). Amounts in major units.

    `typed` lines were written by hand: their name may read "PRODUCT - description" (facts TripleSeat 3.3, rule 6).
    """

    name: str
    quantity: Decimal | None
    price: Decimal | None
    total: Decimal | None
    discount: Decimal | None = None
    menu_item_id: str | None = None
    typed: bool = False


@dataclass(frozen=True, slots=True)
class BillingTotal:
    """A tax, fee or gratuity that TripleSeat adds to the lines, in major units."""

    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PaymentRecord:
    """A payment on a document, in major units. It counts only when `paid`, less what was `refunded` of it.

    `doubt` says why it can't be told whether it counts; "" where it can. `paid_on` is the day on which it was received.
    """

    id: str
    amount: Decimal
    paid: bool
    refunded: Decimal = Decimal(0)
    paid_on: date | None = None
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A contract or event order of an event, as far as it bears on the order. Blank lines are left out.

    `payment_faults` are kept apart: payments bear on the order whether or not this is the document it is made from.
    `amounts_due` are what it says is still owed, wherever in it that stands.
    """

    id: int
    title: str
    views: tuple[str, ...]
    deleted: bool
    lines: tuple[Line, ...]
    billing_totals: tuple[BillingTotal, ...]
    discounts_total: Decimal | None
    grand_total: Decimal | None
    payments: tuple[PaymentRecord, ...]
    faults: tuple[Fault, ...] = ()
    payment_faults: tuple[Fault, ...] = ()
    amounts_due: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """A TripleSeat event (facts TripleSeat 3). `status` is upper case.

    `day` is the local business day as TripleSeat tells it; None where only the instant `starts_at` is told: then
    `when.event_day` says which day that is at the event's location. `currencies` are all that are told of it, as told.
    `updated` is when it was last changed, to the minute and as the site's clock told it (facts TripleSeat 3.1): it only
    tells older from newer. `faults` lists what couldn't be read of the event itself; documents carry their own.
    """

    id: EventId
    name: str
    status: str
    deleted: bool
    location_id: LocationId | None
    site_id: SiteId | None
    location_name: str
    day: date | None
    starts_at: datetime | None
    guest_count: int | None
    contact_name: str
    contact_phone: str
    grand_total: Decimal | None
    booking_id: str | None
    documents: tuple[Document, ...]
    updated: datetime | None = None
    faults: tuple[Fault, ...] = ()
    amount_due: Decimal | None = None
    currencies: tuple[str, ...] = ()


# What we may do


@dataclass(frozen=True, slots=True)
class Location:
    """Where a TripleSeat location (or, failing that, a whole site) rings up in Revel, in which zone and currency."""

    name: str
    tripleseat_location: LocationId | None
    tripleseat_site: SiteId | None
    establishment: EstablishmentId
    timezone: str
    user: int
    station: int
    dining_option: int
    payment_type: int = 0
    discount: int = 0
    fallback_product: int = 0
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class TimeGate:
    """When an event may be injected: from `days_before` its day at `opens_at`, to the end of `days_after` it."""

    days_before: int = 0
    opens_at: time = time(0, 0)
    days_after: int = 0


ChargeField = Literal["tax", "gratuity"]
"""A kind of billing total that is a field of the Revel order: a field of `Plan`, by its name in `[[charges]]`."""
CHARGE_FIELDS: tuple[ChargeField, ...] = get_args(ChargeField)
Treatment = Literal[ChargeField, "item", "ignore"]
"""What a billing total is in Revel. What is ignored stays out of the order."""

AmountName = Literal["subtotal", "discount", ChargeField, "total", "balance"]
"""The amounts of an order, as people read them from top to bottom. All that shows, compares, sends or reads an order's
money goes by this list; `revel_field` says where Revel keeps each."""
AMOUNTS: tuple[AmountName, ...] = get_args(AmountName)


def label(name: AmountName) -> str:
    """What people call it."""
    return name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class ChargeRule:
    """What becomes of the billing total called `match`."""

    match: str
    treat_as: Treatment
    product: ProductId | None = None
    product_name: str | None = None


@dataclass(frozen=True, slots=True)
class ProductMapping:
    """An operator's word that a menu item, or a line of that name, is this product at this establishment."""

    establishment: EstablishmentId
    product: ProductId
    menu_item_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that bear on planning. `allowed` and `only` are TripleSeat site or location ids; empty = all."""

    locations: tuple[Location, ...]
    default_timezone: str
    gate: TimeGate = field(default_factory=TimeGate)
    allowed: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    eligible_statuses: frozenset[str] = frozenset({"DEFINITE", "CLOSED"})
    order_document: str = ""
    charges: tuple[ChargeRule, ...] = ()
    products: tuple[ProductMapping, ...] = ()
    unmapped_items: Literal["hold", "fallback"] = "hold"
    payments: Literal["recorded", "invoice_total", "none"] = "recorded"
    discounts: Literal["order", "prices"] = "order"
    name_separator: str = " - "
    local_id: str = "Triple Seat_{event_id}"
    legacy_local_ids: tuple[str, ...] = ("Triple Seat {event_id}",)
    max_order_total: Cents = field(default=Cents(2_500_000))
    accepted_assumptions: frozenset[AssumptionCode] = frozenset()


# What we intend


@dataclass(frozen=True, slots=True)
class Item:
    """One order item. `unit_price` in cents. `line` is the TripleSeat line it comes from, for people.

    `override` replaces the product's name on the ticket, `note` stands beside it (facts Revel 5.1).
    """

    uuid: str
    product: ProductId
    quantity: int
    unit_price: Cents
    line: str
    override: str = ""
    note: str = ""

    @property
    def amount(self) -> Cents:
        return Cents(self.quantity * self.unit_price)


@dataclass(frozen=True, slots=True)
class PlannedPayment:
    """Money already received, to be recorded on the order, in cents."""

    uuid: str
    amount: Cents


StepKind = Literal["order", "item", "discount", "payment", "totals", "history"]


@dataclass(frozen=True, slots=True)
class Step:
    """One write. `number` counts within its kind from 0; `uuid` is the identity of what it writes."""

    kind: StepKind
    uuid: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Labels:
    """What tells people whose order it is. Customer data: goes to Revel, never into the ledger or a log."""

    call_name: str
    notes: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The order we intend, complete and free of customer data. The same event gives the same plan, uuids included.

    Money in cents. The identity that holds: subtotal - discount + charges = final_total.
    """

    event_id: EventId
    day: date
    location: Location
    local_id: str
    uuid: str
    items: tuple[Item, ...]
    discount: Cents
    tax: Cents
    gratuity: Cents
    payments: tuple[PlannedPayment, ...]
    steps: tuple[Step, ...]

    @property
    def subtotal(self) -> Cents:
        """The items' amounts, before any order discount (facts Revel 3.6)."""
        return Cents(sum(item.amount for item in self.items))

    @property
    def gross_total(self) -> Cents:
        """What the order comes to before its discount is written."""
        return Cents(self.subtotal + sum(self.amount(name) for name in CHARGE_FIELDS))

    @property
    def final_total(self) -> Cents:
        """What the order comes to (facts Revel 3.6)."""
        return Cents(self.gross_total - self.discount)

    @property
    def paid(self) -> Cents:
        return Cents(sum((payment.amount for payment in self.payments), ZERO))

    @property
    def remaining_due(self) -> Cents:
        return Cents(self.final_total - self.paid)

    def amount(self, name: AmountName) -> Cents:
        match name:
            case "subtotal":
                return self.subtotal
            case "discount":
                return self.discount
            case "tax":
                return self.tax
            case "gratuity":
                return self.gratuity
            case "total":
                return self.final_total
            case "balance":  # pragma: no branch (mypy sees that no other is left)
                return self.remaining_due

    @property
    def amounts(self) -> Mapping[AmountName, Cents]:
        return {name: self.amount(name) for name in AMOUNTS}


# The ways of not doing it


@dataclass(frozen=True, slots=True)
class Hold:
    """Why we will not write. Needs a person. `text` says what happened, to what, and what to do."""

    reason: Reason
    text: str


def hold_faults(faults: Sequence[Fault]) -> Hold | None:
    """A Hold over all that couldn't be read, for the reason of the first; None where there is nothing."""
    return Hold(faults[0].reason, "; ".join(fault.text for fault in faults)) if faults else None


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing to do for this event now."""

    reason: Reason
    text: str
