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
from tsrevel.tripleseat.decode import decode_event, event_fields, unwrap, usable_id
from tsrevel.tripleseat.fields import Fields, is_absent, read_id, read_stamp

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
    fields = event_fields(row)
    event = decode_event(row)
    placed = bool(event.name and event.status and event.day and event.location_id and event.site_id)
    priced = event.grand_total is not None and _has_print(fields) and _has_money(fields)
    return PayloadEvent(event, fields.row, placed and not event.faults, priced)


def is_over(event: Event) -> bool:
    """Whether the event won't take place: deleted or lost (facts TripleSeat 3.1, 7)."""
    return event.deleted or event.status == "LOST"


def _has_print(fields: Fields) -> bool:
    """Whether it says what is printed on the order: who, when, how many."""
    has_contact = any(fields.has(key) for key in _CONTACT_KEYS)
    return has_contact and fields.has("event_start_iso8601") and any(key in fields.row for key in _GUEST_KEYS)


def _has_money(fields: Fields) -> bool:
    """Whether every document has what one has with financials switched on; null: no payments (facts 3.3, 6.1)."""
    documents = list(fields.quiet().rows("documents", "document"))
    if not {read_id(row.row.get("id")) for row in documents} >= set(_document_ids(fields)):
        return False
    live = [row for row in documents if not row.has("deleted_at")]
    complete = all(row.has("line_items") and row.has("financials") and "payment_set" in row.row for row in live)
    return complete and any(row.row["line_items"] for row in live)


def _document_ids(fields: Fields) -> list[str]:
    """The ids in `document_ids`, which is text (facts TripleSeat 7)."""
    return re.findall(r"[0-9A-Za-z_-]+", fields.text("document_ids"))


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
        merged["documents"] = _fill_documents(documents, known.get("documents"))
    return merged


def _fill_documents(told: list[Json], known: Json) -> list[Json]:
    rows = known if isinstance(known, list) else []
    others = {read_id(row.get("id")): row for row in rows if isinstance(row, dict)}
    filled = [_fill_row(row, others.pop(read_id(row.get("id")), {})) if isinstance(row, dict) else row for row in told]
    return [*filled, *others.values()]


def _fill_row(told: dict[str, Json], known: dict[str, Json]) -> dict[str, Json]:
    return known | {key: value for key, value in told.items() if not (is_absent(value) or value in ([], {}))}
