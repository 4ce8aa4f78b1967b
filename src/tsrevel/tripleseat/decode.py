"""From TripleSeat's JSON to `Event`: the one place where an event's wire names are known (facts TripleSeat 3).

Field-level garbage never raises: it becomes a fault that planning holds the event for. Staff and login data, addresses
and e-mail are not taken over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

from tsrevel.errors import Unreadable
from tsrevel.planning.model import Document, Event, EventId, Fault, LocationId, SiteId
from tsrevel.planning.products import normalise
from tsrevel.planning.reasons import Reason
from tsrevel.text import shorten
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.fields import Fields, read_day, read_id, read_moment, read_stamp
from tsrevel.tripleseat.money_rows import decode_billing_totals, decode_lines
from tsrevel.tripleseat.payments import decode_amounts_due, decode_payments

_USABLE_ID = re.compile(r"(?!0[0-9]*$)[0-9A-Za-z_-]{1,64}")
"""No leading zero in a number: one event must not have two names."""
_DAY_KEYS = ("event_date_iso8601", "event_date", "start_date")
"""Where the local day stands, best first (facts TripleSeat 3.1)."""
_START_KEYS = ("event_start_iso8601", "event_start")
"""Where the start stands: an instant where it has an offset, whichever that is, else local time."""
_CURRENCY_KEYS = ("currency", "currency_code")
_MOST_QUOTED = 40


def decode_event(data: Json) -> Event:
    """The event in `data`, with or without its `{"event": ...}` wrapper. Raises Unreadable without a usable id."""
    event = event_fields(data)
    location = event.quiet().child("location")
    location_id = event.identifier("location_id") or location.identifier("id")
    site_id = event.identifier("site_id") or location.identifier("site_id")
    told = event.quiet()
    guests = told.count("guaranteed_guest_count") or told.count("guest_count")
    return Event(
        id=EventId(usable_id(event.row)),
        name=event.text("name"),
        status=normalise(event.text("status")).upper(),
        deleted=event.stamped("deleted_at"),
        location_id=LocationId(location_id) if location_id else None,
        site_id=SiteId(site_id) if site_id else None,
        location_name=location.text("name"),
        day=_decode_day(event),
        starts_at=_decode_start(event),
        guest_count=guests,
        contact_name=_contact_name(event),
        contact_phone=_contact_phone(event),
        grand_total=event.number("grand_total"),
        booking_id=event.identifier("booking_id"),
        documents=decode_documents(event),
        updated=read_stamp(event.row.get("updated_at")),
        faults=tuple(event.faults),
        amount_due=told.number("amount_due"),
        currencies=tuple(dict.fromkeys(_currencies(told))),
    )


def _currencies(event: Fields) -> Iterator[str]:
    """What the event, its place or a live document of it tells as its currency (facts TripleSeat 5)."""
    location, booking = event.child("location"), event.child("booking")
    owners = [event, location, event.child("site"), location.child("site"), booking, booking.child("location")]
    for document in event.rows("documents", "document"):
        if not document.has("deleted_at"):
            payments = document.child("payment_set")
            owners += [document, document.child("financials"), payments, *payments.rows("payments", "payment")]
    for owner in owners:
        for key in _CURRENCY_KEYS:
            named = owner.child(key)
            told = owner.text(key) or named.text("code") or named.text("iso_code")
            if told:
                yield shorten(told, _MOST_QUOTED)


def event_fields(data: Json) -> Fields:
    """The event's own fields, unwrapped. Raises Unreadable where `data` is no event."""
    row = unwrap(data, "event")
    number = usable_id(row)
    return Fields(row, f"event {number}", []).check()


def unwrap(data: Json, key: str) -> dict[str, Json]:
    """The object in `data`, or under `key` in it: single answers are wrapped, results mostly not (facts 2, 3)."""
    inner = data.get(key) if isinstance(data, dict) else None
    row = inner if isinstance(inner, dict) else data
    if not isinstance(row, dict):
        raise Unreadable(f"TripleSeat: what should be one {key} is not a JSON object; tell TripleSeat's support")
    return row


def usable_id(row: dict[str, Json]) -> str:
    """The id, fit for a path and a `local_id`. Raises Unreadable where there is none."""
    found = read_id(row.get("id"))
    if found is None or not _USABLE_ID.fullmatch(found):
        raise Unreadable("TripleSeat: an event or booking has no usable id; tell TripleSeat's support")
    return found


def decode_documents(owner: Fields) -> tuple[Document, ...]:
    """The documents of an event or booking, deleted ones included; one without an id is a fault of its owner."""
    found = [_decode_document(row, owner) for row in owner.rows("documents", "document")]
    return tuple(document for document in found if document is not None)


def _decode_document(row: Fields, owner: Fields) -> Document | None:
    number = read_id(row.row.get("id"))
    if number is None or not number.isdigit():
        row.fault("it has no usable id")
        return None
    faults: list[Fault] = []
    document = Fields(row.row, f"document {int(number)}", faults).check()
    money = document.child("financials")
    grand_total = money.number("grand_total")
    if grand_total is None:
        grand_total = Fields(owner.row, document.what, faults).number("grand_total")
    payments, payment_faults = decode_payments(document)
    return Document(
        id=int(number),
        title=document.text("title"),
        views=tuple(name for view in document.quiet().rows("views", "view") if (name := view.text("name"))),
        deleted=document.has("deleted_at"),
        lines=decode_lines(document),
        billing_totals=decode_billing_totals(document, owner),
        discounts_total=money.number("discounts_total"),
        grand_total=grand_total,
        payments=payments,
        faults=tuple(faults),
        payment_faults=payment_faults,
        amounts_due=decode_amounts_due(document),
    )


def _decode_day(event: Fields) -> date | None:
    """The local business day from the best key that is filled; a filled one that is unreadable is not passed over.

    None where only an instant is told: it belongs to a day in the location's time zone, which isn't known here.
    """
    keys = (*_DAY_KEYS, *(key for key in _START_KEYS if not _is_instant(event.row.get(key))))
    key = next((key for key in keys if event.has(key)), None)
    if key is None:
        return None
    day = read_day(event.row[key])
    if day is None:
        event.fault(f"{key} is not a date", Reason.INVALID_DATE_FORMAT)
    return day


def _decode_start(event: Fields) -> datetime | None:
    """The instant at which the event starts, where one is told (facts TripleSeat 3.1)."""
    if event.has("event_start_iso8601") and read_moment(event.row["event_start_iso8601"]) is None:
        event.fault("event_start_iso8601 is not a date and time", Reason.INVALID_DATE_FORMAT)
    for key in _START_KEYS:
        start = read_moment(event.row.get(key))
        if start is not None and start.tzinfo:
            return start
    start = _read_utc(event.row.get("event_start_utc"))
    only = event.has("event_start_utc") and not any(event.has(key) for key in (*_DAY_KEYS, *_START_KEYS))
    if start is None and only:
        event.fault("event_start_utc is not a date and time", Reason.INVALID_DATE_FORMAT)
    return start


def _is_instant(value: Json) -> bool:
    stamp = read_moment(value)
    return stamp is not None and stamp.tzinfo is not None


def _read_utc(value: Json) -> datetime | None:
    """A date and time that is UTC by its key, whether it says so or not; a day alone is no instant."""
    text = value.strip().removesuffix("UTC").rstrip() if isinstance(value, str) else ""
    stamp = read_stamp(text) if ":" in text else None
    return stamp if stamp is None or stamp.tzinfo else stamp.replace(tzinfo=UTC)


def _contact_name(event: Fields) -> str:
    event = event.quiet()
    contact = event.child("contact")
    person = " ".join(part for key in ("first_name", "last_name") if (part := contact.text(key)))
    person = person or contact.text("full_name")
    account = event.child("account").text("name") or event.child("booking").child("account").text("name")
    return person or account or event.text("post_as") or event.text("name")


def _contact_phone(event: Fields) -> str:
    phones = event.quiet().child("contact").rows("phone_numbers", "phone")
    return next((number for row in phones if (number := row.text("number"))), "")
