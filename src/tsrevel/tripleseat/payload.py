"""An event as a webhook delivery tells it: what of it is usable, and how the API fills what it lacks (facts 6.3).

The payload holds the same object that the API returns, sometimes only a part of it. Its own fields win.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tsrevel.planning.model import Event, EventId
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.decode import decode_event, unwrap, usable_id
from tsrevel.tripleseat.fields import clean_text, is_absent, is_filled, objects_at, read_id, read_stamp

Kind = Literal["event", "booking"]
_GUEST_KEYS = ("guaranteed_guest_count", "guest_count")
_CONTACT_KEYS = ("contact", "account", "post_as")


@dataclass(frozen=True, slots=True)
class DeliverySubject:
    """What a delivery is about, and the stamp of its state then, where it has one."""

    kind: Kind
    id: str
    updated: datetime | None


def read_subject(root: str, row: dict[str, Json]) -> DeliverySubject:
    """The event or booking that the object under a delivery's root key is about. Raises Unreadable without an id.

    Some triggers for documents carry a `document_layout` with an event's id (facts TripleSeat 6.3).
    """
    if root == "document_layout":
        return DeliverySubject("event", usable_id({"id": row.get("event_id")}), None)
    kind: Kind = "booking" if root == "booking" else "event"
    return DeliverySubject(kind, usable_id(row), read_stamp(row.get("updated_at")))


@dataclass(frozen=True, slots=True)
class PayloadEvent:
    """What a delivery tells of an event. `row` is the event's JSON, without its wrapper.

    `placed`: it says whose, when, where and in which state, so that it can be screened. `priced`: it has lines, totals
    and payments of every document as well, and all that is printed, so that it can be planned.
    """

    event: Event
    row: dict[str, Json]
    placed: bool
    priced: bool


def read_told(row: Json) -> PayloadEvent:
    """What the delivery tells. Raises Unreadable without a usable id."""
    event, told = decode_event(row), unwrap(row, "event")
    placed = bool(event.name and event.status and event.day and event.location_id and event.site_id)
    priced = event.grand_total is not None and _has_print(told) and _has_money(told)
    return PayloadEvent(event, told, placed and not event.faults, priced)


def is_over(event: Event) -> bool:
    """Whether the event won't take place: deleted or lost (facts TripleSeat 3.1, 7)."""
    return event.deleted or event.status == "LOST"


def _has_print(told: dict[str, Json]) -> bool:
    """Whether it says what is printed on the order: who, when, how many."""
    has_contact = any(is_filled(told.get(key)) for key in _CONTACT_KEYS)
    has_start = is_filled(told.get("event_start_iso8601"))
    return has_contact and has_start and any(key in told for key in _GUEST_KEYS)


def _has_money(told: dict[str, Json]) -> bool:
    """Whether every document has what one has with financials switched on; null: no payments (facts 3.3, 6.1)."""
    documents = objects_at(told, "documents")
    listed = re.findall(r"[0-9A-Za-z_-]+", clean_text(told.get("document_ids")))  # text (facts TripleSeat 7)
    if not {read_id(document.get("id")) for document in documents} >= set(listed):
        return False
    live = [document for document in documents if not is_filled(document.get("deleted_at"))]
    filled = all(is_filled(document.get(key)) for document in live for key in ("line_items", "financials"))
    complete = filled and all("payment_set" in document for document in live)
    return complete and any(document["line_items"] for document in live)


def is_older(one: datetime | None, other: datetime | None) -> bool:
    """Whether `one` is surely the older of two stamps of TripleSeat's."""
    if one is None or other is None or (one.tzinfo is None) != (other.tzinfo is None):
        return False
    return one < other


def read_event_ids(booking: dict[str, Json]) -> tuple[EventId, ...]:
    """The events of a booking, each once (facts TripleSeat 5). Raises Unreadable for an id that is none."""
    listed, events = booking.get("event_ids"), booking.get("events")
    rows = [{"id": each} for each in listed] if isinstance(listed, list) else events if isinstance(events, list) else []
    return tuple(dict.fromkeys(EventId(usable_id(unwrap(row, "event"))) for row in rows))


def fill(told: dict[str, Json], known: dict[str, Json]) -> dict[str, Json]:
    """The event as told, with what is missing taken from the API's; documents are matched by their ids."""
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
