"""Describes, for people, what changed between two plans for the same event, or in its details. Pure.

Comparing plans isn't enough. A plan lacks the texts of the order's labels, because they are customer data. And an event
that can't be planned has no plan: then its details show whether its day, location, lines or amounts have changed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from tsrevel.planning.model import CHARGE_FIELDS, AmountName, Document, Event, Item, Location, Plan, label
from tsrevel.planning.money import ZERO, Cents, show, to_cents
from tsrevel.planning.products import normalise
from tsrevel.planning.screening import event_day, local_start
from tsrevel.text import MOST_SPECIAL_REQUEST, shorten


def describe_changes(before: Plan, now: Plan, refunded: Cents = ZERO) -> list[str]:
    """The changed day, location, sums and lines, such as "total 812.50 → 837.72"; empty if nothing changed.

    `refunded` is the sum refunded of all payments of `now`.
    """
    names: tuple[AmountName, ...] = ("total", "discount", *CHARGE_FIELDS)
    pairs = [(label(name), before.amount(name), now.amount(name)) for name in names]
    pairs.append(("payments", before.paid, now.paid))
    day = [f"date {before.day} → {now.day}"] if before.day != now.day else []
    sums = [f"{what} {show(old)} → {show(new)}" for what, old, new in pairs if old != new]
    if refunded and now.paid < before.paid:
        sums[-1] += f" ({show(refunded)} refunded)"
    return [*day, *_describe_move(before.location, now.location), *sums, *_describe_lines(before, now)]


def describe_unshown(before: Plan, now: Plan) -> list[str]:
    """The changes that an order doesn't show by its establishment, amounts, items and payments."""
    stays = before.location.establishment == now.location.establishment
    return describe_changes(replace(now, day=before.day, location=(before if stays else now).location), now)


def _describe_move(before: Location, now: Location) -> list[str]:
    establishment = f"establishment {before.establishment} → {now.establishment}"
    moved = before.establishment != now.establishment
    if before.name != now.name and (moved or _seat(before) != _seat(now)):
        return [f"location {before.name} → {now.name}" + (f" ({establishment})" if moved else "")]
    if moved:
        return [establishment]
    return [] if _seat(before) == _seat(now) else [f"TripleSeat location {_seat(before)} → {_seat(now)}"]


def _seat(location: Location) -> str:
    return str(location.tripleseat_location or location.tripleseat_site)


def _describe_lines(before: Plan, now: Plan) -> list[str]:
    """The lines in only one plan. Two that share a name are one changed line; others were removed or added."""
    gone, new = _only_in(before, now), _only_in(now, before)
    changed = []
    for old in list(gone):
        successor = next((each for each in new if normalise(each.line) == normalise(old.line)), None)
        if successor:
            gone.remove(old)
            new.remove(successor)
            changed.append(_describe_line(old, successor))
    return [
        *changed,
        *(f"line removed: {describe_item(each)}" for each in gone),
        *(f"line added: {describe_item(each)}" for each in new),
    ]


def _only_in(one: Plan, other: Plan) -> list[Item]:
    left = Counter(normalise(describe_item(item)) for item in other.items)
    alone = []
    for item in one.items:
        text = normalise(describe_item(item))  # a change of only case or typography is none
        if left[text]:
            left[text] -= 1
        else:
            alone.append(item)
    return alone


def _describe_line(old: Item, new: Item) -> str:
    if has_noted_quantity(old) or has_noted_quantity(new):
        return f"{describe_item(old)} → {describe_item(new)}"
    if old.unit_price == new.unit_price:
        return f"{old.line} {old.quantity} → {new.quantity}"
    if old.quantity == new.quantity:
        return f"{old.line} at {show(old.unit_price)} → {show(new.unit_price)}"
    return f"{old.line} {old.quantity} at {show(old.unit_price)} → {new.quantity} at {show(new.unit_price)}"


def describe_item(item: Item) -> str:
    """The item as people know it: "2 x Boxed Lunch at 10.00", or "1.5 x Ube Cake for 30.00" with a noted quantity."""
    if has_noted_quantity(item):
        return f"{item.note} for {show(item.amount)}"
    return f"{item.quantity} x {item.line} at {show(item.unit_price)}"


def has_noted_quantity(item: Item) -> bool:
    """Whether its note has the line's quantity, and not just more of the line's name."""
    return bool(item.note) and item.note != shorten(item.line, MOST_SPECIAL_REQUEST)


# Details


@dataclass(frozen=True, slots=True)
class EventDetails:
    """Free of customer data: hashes stand for what may name people, or is long. "" means that the event has none.

    None means unknown: a copy of the event lacks it, or an older version stored the details without it.
    """

    day: str | None = None
    location: str | None = None
    total: str | None = None
    payments: str | None = None
    lines: str | None = None
    charges: str | None = None
    start: str | None = None
    guests: str | None = None
    name: str | None = None
    contact: str | None = None


_CONTENT = {
    "day": "date {} → {}",
    "location": "TripleSeat location {} → {}",
    "total": "grand total {} → {}",
    "payments": "payments {} → {}",
    "lines": "its lines have changed",
    "charges": "its taxes, fees or discounts have changed",
}
_LABELS = {
    "start": "start {} → {}",
    "guests": "guests {} → {}",
    "name": "its name has changed",
    "contact": "its contact has changed",
}
"""The report of each changed detail. It shows no hash."""


def details_of(event: Event, zone: ZoneInfo | None) -> EventDetails:
    """The event's details. `zone` is its location's."""
    live = [document for document in event.documents if not document.deleted]
    day = event_day(event, zone)
    return EventDetails(
        day=day.isoformat() if day else "",
        location=event.location_id or event.site_id or "",
        total=_total(event, live),
        payments=show(_received(live)),
        lines=_hash(sorted(_lines(document) for document in live if document.lines)),
        charges=_hash(sorted(_charges(document) for document in live if document.lines)),
        start=_start(event, day, zone),
        guests="" if event.guest_count is None else str(event.guest_count),
        name=_hash_of_person(event, event.name),
        contact=_hash_of_person(event, event.contact_name, "".join(filter(str.isalnum, event.contact_phone))),
    )


def without_labels(details: EventDetails) -> EventDetails:
    """The details without those that `describe_labels` compares: a delivery's payload may lack any of them."""
    return replace(details, start=None, guests=None, name=None, contact=None)


def fill_unknown(details: EventDetails, known: EventDetails) -> EventDetails:
    """`details`, with those of `known` in place of unknown ones."""
    pairs = zip(astuple(details), astuple(known), strict=True)
    return EventDetails(*(old if new is None else new for new, old in pairs))


def describe_content(before: EventDetails, now: EventDetails) -> list[str]:
    """The changed day, location, sums and lines, as far as they are known without a plan."""
    return list(_describe(_CONTENT, before, now))


def describe_labels(before: EventDetails, now: EventDetails) -> list[str]:
    """The changes of what the order's notes and call name say (`label_order`), without a person's name or phone."""
    return list(_describe(_LABELS, before, now))


def _describe(texts: Mapping[str, str], before: EventDetails, now: EventDetails) -> Iterator[str]:
    for name, text in texts.items():
        old, new = getattr(before, name), getattr(now, name)
        if old is not None and new is not None and old != new:
            yield text.format(old or "none", new or "none")


def _start(event: Event, day: date | None, zone: ZoneInfo | None) -> str:
    """The local time, with its date if that isn't the event's day."""
    start = local_start(event, zone)
    if start is None:
        return ""
    return f"{start:%H:%M}" if start.date() == day else f"{start:%Y-%m-%d %H:%M}"


def _total(event: Event, documents: Iterable[Document]) -> str:
    """The event's grand total, else those of its documents."""
    totals = [event.grand_total] if event.grand_total is not None else [each.grand_total for each in documents]
    return ", ".join(show(to_cents(each)) for each in totals if each is not None)


def _received(documents: Iterable[Document]) -> Cents:
    """The money received by the payments of these documents, each counted once, less what was refunded."""
    payments = {each.id or each: each for document in documents for each in document.payments if each.paid}
    return Cents(sum((to_cents(each.amount - abs(each.refunded)) for each in payments.values()), ZERO))


def _lines(document: Document) -> list[list[str]]:
    return sorted(
        [normalise(each.name), *map(_show_exactly, (each.quantity, each.price, each.total, each.discount))]
        for each in document.lines
    )


def _charges(document: Document) -> list[list[str]]:
    totals = sorted([normalise(each.name), _show_exactly(each.amount)] for each in document.billing_totals)
    return [*totals, [_show_exactly(document.discounts_total)]]


def _show_exactly(number: Decimal | None) -> str:
    """The number without zeros at its end: 2.0 and 2 are the same."""
    return "" if number is None else f"{number.normalize():f}"


def _hash_of_person(event: Event, *names: str) -> str | None:
    """None without any name. The event's id makes equal names of two events differ."""
    return _hash([event.id, *map(normalise, names)]) if any(names) else None


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
