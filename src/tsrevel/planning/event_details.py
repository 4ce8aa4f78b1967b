"""The details of an event that a change report compares besides the plan, and their differences for people. Pure.

The plan lacks the texts of the order's labels, because they are customer data. And an event that can't be planned has
no plan to compare: then these details show that its day, location, lines or amounts have changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from tsrevel.planning.model import Document, Event
from tsrevel.planning.money import ZERO, Cents, show, to_cents
from tsrevel.planning.products import normalise
from tsrevel.planning.screening import event_day, local_start


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
