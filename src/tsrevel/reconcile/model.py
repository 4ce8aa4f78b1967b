"""The data of a reconciliation: the case of an event, its findings, the sums of a day, the whole report. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any, Literal, get_args

from tsrevel.ledger import LastResult, OrderRecord, Resolution
from tsrevel.planning.identity import name_templates, order_uuid
from tsrevel.planning.model import EstablishmentId, Event, EventId, Hold, Location, OrderId, Plan, Policy, Skip
from tsrevel.planning.money import ZERO, Cents, to_cents
from tsrevel.planning.reasons import FailedWrite, Reason
from tsrevel.planning.screening import GateState
from tsrevel.revel.client import Contents
from tsrevel.revel.compare import is_voided
from tsrevel.revel.decode import OrderRow

EVERY_EVENT = 2**31
"""A limit that no ledger reaches."""
MoneyKind = Literal["items", "discount", "tax", "charges", "total", "payments", "balance"]


class DifferenceKind(StrEnum):
    """The kind of a finding. Codes never change their meaning. From NOT_DUE on they explain, and aren't differences."""

    DUPLICATE_ORDERS = "duplicate_orders"
    SHARED_ORDER = "shared_order"
    ORDER_WITHOUT_EVENT = "order_without_event"
    EVENT_WITHOUT_ORDER = "event_without_order"
    EVENT_UNREADABLE = "event_unreadable"
    ORDER_UNREADABLE = "order_unreadable"
    EVENT_CHANGED = "event_changed"
    EVENT_CANCELLED = "event_cancelled"
    ORDER_GONE = "order_gone"
    ORDER_UNFINISHED = "order_unfinished"
    ORDER_NOT_IN_LEDGER = "order_not_in_ledger"
    LEDGER_DIFFERS = "ledger_differs"
    WRONG_ESTABLISHMENT = "wrong_establishment"
    WRONG_LOCAL_ID = "wrong_local_id"
    MONEY = "money"
    ITEM_MISSING = "item_missing"
    ITEM_EXTRA = "item_extra"
    ITEM_CHANGED = "item_changed"
    PAYMENT_MISSING = "payment_missing"
    PAYMENT_DOUBLED = "payment_doubled"
    PAYMENT_EXTRA = "payment_extra"
    PAYMENT_CHANGED = "payment_changed"
    LEDGER_MISSING = "ledger_missing"
    NOT_DUE = "not_due"
    NOT_ELIGIBLE = "not_eligible"
    NOT_ALLOWED = "not_allowed"
    RESOLVED = "resolved"
    MADE_ELSEWHERE = "made_elsewhere"
    CORRECTED = "corrected"


ALARMS = frozenset({
    DifferenceKind.DUPLICATE_ORDERS, DifferenceKind.WRONG_ESTABLISHMENT, DifferenceKind.MONEY,
    DifferenceKind.ITEM_MISSING, DifferenceKind.ITEM_EXTRA, DifferenceKind.ITEM_CHANGED,
    DifferenceKind.PAYMENT_MISSING, DifferenceKind.PAYMENT_DOUBLED, DifferenceKind.PAYMENT_CHANGED,
})  # fmt: skip
"""Several orders for an event, a wrong establishment, or money that isn't what was written: exit 14 (DESIGN 2)."""
ADVICE_ON_ALARMS = "Alarms come first: check these orders in Revel, and correct them there."


@dataclass(frozen=True, slots=True)
class Money:
    """Money by kind, in cents. Usually items - discount + tax + charges = total, and total - payments = balance.

    `items` are the lines sold. `charges` are gratuity and the billing totals that are written as items. `partial`: only
    the total is known.
    """

    items: Cents = ZERO
    discount: Cents = ZERO
    tax: Cents = ZERO
    charges: Cents = ZERO
    total: Cents = ZERO
    payments: Cents = ZERO
    balance: Cents = ZERO
    partial: bool = False

    def __add__(self, other: Money) -> Money:
        sums: dict[str, Any] = {kind: self.of(kind) + other.of(kind) for kind in MONEY_KINDS}
        return Money(partial=self.partial or other.partial, **sums)

    def of(self, kind: MoneyKind) -> Cents:
        amount: Cents = getattr(self, kind)
        return amount


MONEY_KINDS: tuple[MoneyKind, ...] = get_args(MoneyKind)


@dataclass(frozen=True, slots=True)
class ReportLocation:
    """The location that an event or order counts for: a `[[locations]]` entry, or a name for a location without one."""

    name: str
    establishment: EstablishmentId | None = None
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, or one explanation. `text` says what happened and what to do, without customer data.

    `field` and the three amounts say which money differs, if any. `calm`: never an alarm, because the plan that was
    written isn't known, or only a text differs.
    """

    kind: DifferenceKind
    text: str
    event_id: EventId | None = None
    reason: Reason | None = None
    orders: tuple[OrderId, ...] = ()
    field: MoneyKind | None = None
    tripleseat: Cents | None = None
    ledger: Cents | None = None
    revel: Cents | None = None
    explained: bool = False
    calm: bool = False

    @property
    def what(self) -> str:
        """Its kind, with the amount that differs if it is about one."""
        is_one = self.kind is DifferenceKind.MONEY and self.tripleseat != self.revel
        return f"{self.kind} ({self.field})" if is_one else self.kind

    @property
    def alarm(self) -> bool:
        """Whether a person must check it before anything more is written."""
        return self.kind in ALARMS and not self.calm


_CANCELLED = frozenset({Reason.STATUS_NOT_ELIGIBLE, Reason.EVENT_DELETED})
_NOTHING = Contents(None)


@dataclass(frozen=True, slots=True)
class EventComparison:
    """One event as TripleSeat, ledger and Revel have it.

    `event` is None if TripleSeat doesn't return it: `problem` says why, `gone` that it doesn't exist, `unread` that a
    later request may return it. `event_id` is '' for an order that names no event. `digest` is the event's content hash
    in the current listing. `screened` ignores the time gate, and `gate` is its state. `orders` may include deleted
    ones. `day` is the day that it counts for. `failed_write`: a write of its order that failed in several runs.
    `shared` are orders that stand for it and with better right for another event. `named_gone`: why the order that a
    person named for it doesn't stand. `unreadable`: why its orders can't be compared; then it has no `orders`.
    `has_open_change`: a run reported a change that nobody has settled.
    """

    event_id: EventId
    day: date
    location: ReportLocation
    event: Event | None = None
    problem: str = ""
    gone: bool = False
    unread: bool = False
    digest: str | None = None
    screened: Location | Hold | Skip | None = None
    gate: GateState = "open"
    plan: Plan | Hold | None = None
    orders: tuple[OrderRow, ...] = ()
    contents: Mapping[OrderId, Contents] = field(default_factory=dict)
    record: OrderRecord | None = None
    last_result: LastResult | None = None
    resolution: Resolution | None = None
    failed_write: FailedWrite | None = None
    shared: Mapping[OrderId, EventId] = field(default_factory=dict)
    named_gone: str = ""
    unreadable: Mapping[OrderId, str] = field(default_factory=dict)
    has_open_change: bool = False
    has_ledger: bool = True

    @property
    def live(self) -> tuple[OrderRow, ...]:
        return tuple(order for order in self.orders if not order.deleted)

    @property
    def standing_orders(self) -> tuple[OrderRow, ...]:
        """The orders that aren't deleted, without those that a person voided."""
        return tuple(row for row in self.live if not self.is_void(row))

    @property
    def main_order(self) -> OrderRow:
        """The order to compare if there are several: one that stands, and the ledger's, else ours, else the oldest."""
        known, rows = self.record.order_id if self.record else None, self.standing_orders or self.live
        return min(rows, key=lambda row: (row.id != known, not self.is_ours(row), int(row.id)))

    @property
    def is_cancelled(self) -> bool:
        """Whether TripleSeat returns the event as deleted, or with a status that isn't eligible."""
        return isinstance(self.screened, Skip) and self.screened.reason in _CANCELLED

    @property
    def plan_now(self) -> Plan | None:
        """The plan of the event as it is now; None if it can't be planned."""
        return self.plan if isinstance(self.plan, Plan) else None

    @property
    def written_plan(self) -> Plan | None:
        """The plan that the ledger stored for the order; None if it has none."""
        return self.record.plan if self.record else None

    @property
    def event_total(self) -> Cents | None:
        """The event's grand total in TripleSeat; None if unknown."""
        return to_cents(self.event.grand_total) if self.event and self.event.grand_total is not None else None

    def is_ours(self, row: OrderRow) -> bool:
        """Whether tsrevel made the order: by its uuid, or by its id in the ledger. Its name may have changed."""
        record = self.record
        known = record is not None and record.state != "foreign" and record.order_id == row.id
        return known or (bool(self.event_id) and row.uuid == order_uuid(self.event_id))

    def is_named(self, row: OrderRow) -> bool:
        """Whether a person entered the order by hand, and named it when resolving the event."""
        return row.id == named_order(self.resolution) and not self.is_ours(row)

    def is_void(self, row: OrderRow) -> bool:
        """Whether nothing of the order counts any more, because a person voided it in Revel."""
        contents = self.contents_of(row)
        return is_voided(row, contents.items, contents.payments)

    def contents_of(self, row: OrderRow) -> Contents:
        return self.contents.get(row.id, _NOTHING)


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """The findings of a case, and its money in each of the three; None if it counts nothing there.

    `revel` has the money of each order, and `establishments` its establishment.
    """

    case: EventComparison
    findings: tuple[Difference, ...]
    tripleseat: Money | None
    ledger: Money | None
    revel: tuple[Money, ...]
    establishments: tuple[EstablishmentId | None, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """A number of orders, and their money."""

    orders: int = 0
    money: Money = Money()

    def __add__(self, other: Totals) -> Totals:
        return Totals(self.orders + other.orders, self.money + other.money)


class UnmatchedKind(StrEnum):
    """Why an event isn't in all columns of its day. Codes never change their meaning."""

    HELD = "held"
    MISSED = "missed"
    NO_ORDER = "no_order"
    ORDER_GONE = "order_gone"
    ORDER_UNREADABLE = "order_unreadable"
    NO_EVENT = "no_event"
    NOT_IN_LEDGER = "not_in_ledger"
    NOT_PLANNABLE = "not_plannable"
    OTHER_LOCATION = "other_location"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    UnmatchedKind.HELD: "held",
    UnmatchedKind.MISSED: "missed",
    UnmatchedKind.NO_ORDER: "no order yet",
    UnmatchedKind.ORDER_GONE: "order gone from Revel",
    UnmatchedKind.ORDER_UNREADABLE: "order can't be read",
    UnmatchedKind.NO_EVENT: "order without its event",
    UnmatchedKind.NOT_IN_LEDGER: "not in the ledger",
    UnmatchedKind.NOT_PLANNABLE: "event can't be planned",
    UnmatchedKind.OTHER_LOCATION: "order at another location",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """The totals of the same events in TripleSeat, ledger and Revel."""

    tripleseat: Totals = Totals()
    ledger: Totals = Totals()
    revel: Totals = Totals()

    def __add__(self, other: Figures) -> Figures:
        return Figures(self.tripleseat + other.tripleseat, self.ledger + other.ledger, self.revel + other.revel)


@dataclass(frozen=True, slots=True)
class Day:
    """One location's day. `differences` are the findings that aren't explanations. `has_ledger`: it was compared, too.

    `matched`: the events that all three have in full; each kind of money adds up. `unmatched`: the other events, by
    reason; only their totals count. `whole` is the sum of both.
    """

    day: date
    location: ReportLocation
    matched: Figures
    unmatched: Mapping[UnmatchedKind, Figures]
    findings: tuple[Difference, ...]
    has_ledger: bool

    @property
    def whole(self) -> Figures:
        return sum(self.unmatched.values(), self.matched)

    @property
    def is_empty(self) -> bool:
        """Whether the day has no event, no order and no finding."""
        return self.whole == Figures() and not self.findings

    @property
    def agrees(self) -> bool:
        """Whether no difference is open and all sums are equal, also those of events that a person resolved.

        A payment that a station took and that TripleSeat needn't have is no difference.
        """
        if self.differences or UnmatchedKind.OTHER_LOCATION in self.unmatched:
            return False
        at_station = any(each.kind is DifferenceKind.PAYMENT_EXTRA for each in self.findings)
        kinds = set(MONEY_KINDS) - ({"payments", "balance"} if at_station else set())
        return self._is_equal(self.whole, "total") and all(self._is_equal(self.matched, kind) for kind in kinds)

    def _is_equal(self, figures: Figures, kind: MoneyKind) -> bool:
        return len({side.money.of(kind) for side in self.sides(figures)}) == 1

    def sides(self, figures: Figures) -> tuple[Totals, ...]:
        """The figures of what was compared."""
        return (figures.tripleseat, *([figures.ledger] if self.has_ledger else []), figures.revel)

    @property
    def differences(self) -> tuple[Difference, ...]:
        return tuple(each for each in self.findings if not each.explained)


@dataclass(frozen=True, slots=True)
class ComparedSpan:
    """The days of a location that were compared, `first` and `last` included."""

    location: ReportLocation
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The whole comparison. `days` has every day of every span, and days of locations without an entry."""

    at: datetime
    spans: tuple[ComparedSpan, ...]
    days: tuple[Day, ...]
    has_ledger: bool

    @property
    def by_location(self) -> list[tuple[ReportLocation, list[Day]]]:
        """Each location with its days."""
        return [(location, list(days)) for location, days in groupby(self.days, lambda day: day.location)]

    @property
    def differences(self) -> tuple[tuple[Day, Difference], ...]:
        """Every difference with its day, alarms first."""
        found = [(day, each) for day in self.days for each in day.differences]
        return tuple(sorted(found, key=lambda pair: not pair[1].alarm))

    @property
    def notes(self) -> tuple[tuple[Day, Difference], ...]:
        return tuple((day, each) for day in self.days for each in day.findings if each.explained)

    @property
    def agrees(self) -> bool:
        """Whether all agree to the cent, on every day. Without a difference, they may not: see `settled`."""
        return all(day.agrees for day in self.days)

    @property
    def settled(self) -> tuple[tuple[Day, Difference], ...]:
        """The notes on money that differs nevertheless, because a person resolved or corrected it."""
        kinds = {DifferenceKind.RESOLVED, DifferenceKind.CORRECTED}
        return tuple((day, each) for day, each in self.notes if each.kind in kinds and not day.agrees)

    @property
    def exit_status(self) -> int:
        """0 if no difference is open, 14 if a person must check before anything is written, else 3 (DESIGN 2)."""
        alarms = [finding.alarm for _, finding in self.differences]
        return (14 if any(alarms) else 3) if alarms else 0


def named_order(resolution: Resolution | None) -> OrderId | None:
    """The order that a person named for the event when resolving it as done."""
    return resolution.order_id if resolution and resolution.verdict == "done" else None


def prefixes(policy: Policy) -> tuple[str, ...]:
    """The beginnings of our orders' names, without any that begins with another one."""
    heads = sorted({template.partition("{event_id}")[0] for template in name_templates(policy)})
    return tuple(head for head in heads if not any(head != other and head.startswith(other) for other in heads))


def is_named_like_ours(order: OrderRow, policy: Policy) -> bool:
    """Whether its name begins like ours. False if ours have no fixed beginning."""
    return any(head and order.local_id.startswith(head) for head in prefixes(policy))


def event_of(order: OrderRow, policy: Policy) -> EventId | None:
    """The event in the order's name. A bare number is a POS station's (facts Revel 3.4), unless the uuid is ours."""
    for template in name_templates(policy):
        head, _, tail = template.partition("{event_id}")
        found = re.fullmatch(f"{re.escape(head)}([0-9]+){re.escape(tail)}", order.local_id)
        if found and (head or tail or order.uuid == order_uuid(EventId(found[1]))):
            return EventId(found[1])
    return None


def owner_of(order: OrderRow, policy: Policy, known: Iterable[EventId]) -> EventId | None:
    """The event that the order is for: by its uuid, if that is of one of the `known` events, else by its name."""
    by_uuid = next((each for each in known if order_uuid(each) == order.uuid), None)
    return by_uuid or event_of(order, policy)
