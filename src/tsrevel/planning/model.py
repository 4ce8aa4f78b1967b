"""The data of planning: what TripleSeat reports (`Event`), what we may do (`Policy`), what we intend (`Plan`), and why
we don't write (`Hold`, `Skip`). Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


# What TripleSeat reports


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of an event that couldn't be read, and the reason to hold the event."""

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
    """A payment on a document, in major units. It counts only if `paid`, less the `refunded` amount.

    `doubt` says why it is unclear whether it counts; "" if it is clear. `paid_on` is the day on which it was received.
    """

    id: str
    amount: Decimal
    paid: bool
    refunded: Decimal = Decimal(0)
    paid_on: date | None = None
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """The parts of a contract or event order that matter for the Revel order. Blank lines are left out.

    `payment_faults` are separate because payments matter even if the order is made from another document. `amounts_due`
    are all amounts that it says are still owed.
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

    `day` is the local business day as TripleSeat reports it. It is None if TripleSeat reports only the instant
    `starts_at`: then `screening.event_day` derives the day at the event's location. Without a zone, `starts_at` is the
    location's wall time. `currencies` are all that TripleSeat names, as written. `updated` is the last change, to the
    minute, by the site's clock (facts TripleSeat 3.1): use it only to compare versions. `faults` are unreadable parts
    of the event itself; documents have their own.
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
    """Joins a TripleSeat location, or a whole site, to a Revel establishment, with its time zone and currency."""

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
    """Opens at `opens_at` on the day `days_before` the event's, and closes when the day `days_after` it ends."""

    days_before: int = 0
    opens_at: time = time(0, 0)
    days_after: int = 0


ChargeField = Literal["tax", "gratuity"]
"""A billing total that is a field of the Revel order. `Plan` and `[[charges]]` use the same name."""
CHARGE_FIELDS: tuple[ChargeField, ...] = get_args(ChargeField)
Treatment = Literal[ChargeField, "item", "ignore"]
"""The role of a billing total in Revel. An ignored one stays out of the order."""

AmountName = Literal["subtotal", "discount", ChargeField, "total", "balance"]
"""The amounts of an order, as people read them from top to bottom. All code that shows, compares, sends or reads an
order's money uses this list. `AMOUNT_FIELDS` has Revel's field for each."""
AMOUNTS: tuple[AmountName, ...] = get_args(AmountName)


def label(name: AmountName) -> str:
    """The amount's name for people."""
    return name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class ChargeRule:
    """The role in Revel of the billing total with the name `match`."""

    match: str
    treat_as: Treatment
    product: ProductId | None = None
    product_name: str | None = None


@dataclass(frozen=True, slots=True)
class ProductMapping:
    """An operator's mapping: a menu item, or a line of that name, is this product at this establishment."""

    establishment: EstablishmentId
    product: ProductId
    menu_item_id: str | None = None
    name: str | None = None


PaymentsOption = Literal["recorded", "invoice_total", "none"]
"""The payments to record on an order."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings for planning. `allowed` and `only` are TripleSeat site or location ids; empty = all."""

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
    payments: PaymentsOption = "recorded"
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

    `override` replaces the product's name on the ticket, `note` appears beside it (facts Revel 5.1).
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

    @property
    def name(self) -> str:
        return name_step(self.kind, self.number)


def name_step(kind: str, number: int) -> str:
    """The step in words: "item 2", "discount"."""
    return f"{kind} {number + 1}" if kind in {"item", "payment"} else kind


@dataclass(frozen=True, slots=True)
class Labels:
    """Texts that show people whose order it is. Customer data: it goes to Revel, never into the ledger or a log."""

    call_name: str
    notes: str


def subtotal_of(items: Iterable[Item]) -> Cents:
    return Cents(sum(item.amount for item in items))


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
        return subtotal_of(self.items)

    @property
    def gross_total(self) -> Cents:
        """The order's total before its discount is written."""
        return Cents(self.subtotal + sum(self.amount(name) for name in CHARGE_FIELDS))

    @property
    def final_total(self) -> Cents:
        """The order's total (facts Revel 3.6)."""
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


# Why we don't write


@dataclass(frozen=True, slots=True)
class Hold:
    """Why we will not write. Needs a person. `text` says what happened, to what, and what to do.

    `details`: the names, ids and amounts that tell this hold from another one with the same reason. A run compares
    them, and never the text, to decide whether the hold is new.
    """

    reason: Reason
    text: str
    details: tuple[str, ...] = ()


def hold_faults(faults: Sequence[Fault]) -> Hold | None:
    """A Hold that lists all faults, with the reason of the first; None if there are none."""
    if not faults:
        return None
    text, details = "; ".join(fault.text for fault in faults), tuple(fault.reason.value for fault in faults)
    return Hold(faults[0].reason, text, details)


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing to do for this event now. `details`: as in a Hold."""

    reason: Reason
    text: str
    details: tuple[str, ...] = ()
