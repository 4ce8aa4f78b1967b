"""Reads the event in a webhook delivery, and adds its missing fields from the API (facts 6.3).

The payload holds the same object that the API returns, sometimes only a part of it. The payload's fields win.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tsrevel.planning.model import Event, EventId
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.decode import decode_event, unwrap, usable_id
from tsrevel.tripleseat.fields import is_absent, is_filled, objects_at, read_id, read_stamp, read_text

Kind = Literal["event", "booking"]
_GUEST_KEYS = ("guaranteed_guest_count", "guest_count")
_CONTACT_KEYS = ("contact", "account", "post_as")


@dataclass(frozen=True, slots=True)
class DeliverySubject:
    """The event or booking of a delivery. `updated` is the time of its last change, None if unknown."""

    kind: Kind
    id: str
    updated: datetime | None


def read_subject(root: str, row: dict[str, Json]) -> DeliverySubject:
    """The event or booking of the object under a delivery's root key. Raises Unreadable without an id.

    Some triggers for documents send a `document_layout` with an event's id (facts TripleSeat 6.3).
    """
    if root == "document_layout":
        return DeliverySubject("event", usable_id({"id": row.get("event_id")}), None)
    kind: Kind = "booking" if root == "booking" else "event"
    return DeliverySubject(kind, usable_id(row), read_stamp(row.get("updated_at")))


@dataclass(frozen=True, slots=True)
class PayloadEvent:
    """The event in a delivery. `row` is the event's JSON, without its wrapper.

    `placed`: it has name, status, day, location and site, so it can be screened. `priced`: it has the lines, totals and
    payments of every document, and everything that is printed, so it can be planned.
    """

    event: Event
    row: dict[str, Json]
    placed: bool
    priced: bool


def read_told(row: Json) -> PayloadEvent:
    """The event in a delivery. Raises Unreadable without a usable id."""
    event, told = decode_event(row), unwrap(row, "event")
    placed = bool(event.name and event.status and event.day and event.location_id and event.site_id)
    priced = event.grand_total is not None and _has_print(told) and _has_money(told)
    return PayloadEvent(event, told, placed and not event.faults, priced)


def is_over(event: Event) -> bool:
    """Whether the event won't take place: deleted or lost (facts TripleSeat 3.1, 7)."""
    return event.deleted or event.status == "LOST"


def _has_print(told: dict[str, Json]) -> bool:
    """Whether it has what is printed on the order: contact, start and guest count."""
    has_contact = any(is_filled(told.get(key)) for key in _CONTACT_KEYS)
    has_start = is_filled(told.get("event_start_iso8601"))
    return has_contact and has_start and any(key in told for key in _GUEST_KEYS)


def _has_money(told: dict[str, Json]) -> bool:
    """Whether every live document has its financials. A null `payment_set` means no payments (facts 3.3, 6.1)."""
    documents = objects_at(told, "documents")
    if not _has_all(documents, told.get("document_ids")):
        return False
    live = [document for document in documents if not is_filled(document.get("deleted_at"))]
    filled = all(is_filled(document.get(key)) for document in live for key in ("line_items", "financials"))
    complete = filled and all("payment_set" in document for document in live)
    return complete and any(document["line_items"] for document in live)


def _has_all(documents: list[dict[str, Json]], listed: Json) -> bool:
    """Whether no document is missing that `document_ids` lists: as text (facts TripleSeat 3.1, 7), or in a list."""
    if not is_filled(listed) or listed == []:
        return True
    named = listed if isinstance(listed, list) else re.findall(r"[0-9A-Za-z_-]+", read_text(listed))
    ids = {read_id(each.get("id") if isinstance(each, dict) else each) for each in named}
    return bool(ids) and ids <= {read_id(document.get("id")) for document in documents} - {None}


def is_older(one: datetime | None, other: datetime | None) -> bool:
    """Whether `one` is certainly older than `other`. False if they can't be compared."""
    if one is None or other is None or (one.tzinfo is None) != (other.tzinfo is None):
        return False
    return one < other


def read_event_ids(booking: dict[str, Json]) -> tuple[EventId, ...]:
    """The ids of a booking's events, each once (facts TripleSeat 5). Raises Unreadable for an unusable id."""
    listed, events = booking.get("event_ids"), booking.get("events")
    rows = [{"id": each} for each in listed] if isinstance(listed, list) else events if isinstance(events, list) else []
    return tuple(dict.fromkeys(EventId(usable_id(unwrap(row, "event"))) for row in rows))


def fill(told: dict[str, Json], known: dict[str, Json]) -> dict[str, Json]:
    """The delivery's event, with missing fields from the API's. Documents are matched by their ids."""
    merged = _fill_row(told, known)
    documents = told.get("documents")
    if isinstance(documents, list) and documents:
        others = {read_id(row.get("id")): row for row in objects_at(known, "documents")}
        filled = [
            _fill_row(row, others.pop(read_id(row.get("id")), {})) if isinstance(row, dict) else row
            for row in documents
        ]
        merged["documents"] = [*filled, *others.values()]
    return merged


def _fill_row(told: dict[str, Json], known: dict[str, Json]) -> dict[str, Json]:
    return known | {key: value for key, value in told.items() if not (is_absent(value) or value in ([], {}))}
