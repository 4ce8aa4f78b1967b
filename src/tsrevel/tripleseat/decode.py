"""Decodes TripleSeat's JSON to an `Event` (facts TripleSeat 3).

An unreadable field never raises: it becomes a fault, and planning holds the event. Staff and login data, addresses and
e-mail are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from operator import methodcaller

from tsrevel.errors import Unreadable
from tsrevel.planning.model import BillingTotal, Document, Event, EventId, Line, LocationId, PaymentRecord, SiteId
from tsrevel.planning.products import normalise
from tsrevel.planning.reasons import Reason
from tsrevel.text import shorten
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.fields import (
    Fields,
    is_filled,
    is_instant,
    object_at,
    objects_at,
    read_count,
    read_day,
    read_id,
    read_number,
    read_stamp,
    read_text,
    read_texts,
    read_time,
    read_utc,
)

UNNAMED = "Unnamed item"


def _decode_lines(document: Fields) -> tuple[Line, ...]:
    """The lines in the document's order, without blank ones (facts TripleSeat 3.3, rules 1 to 4)."""
    lines = []
    place = methodcaller("rank", "section_position", "position", "id")
    for row in sorted(document.rows("line_items", "line"), key=place):
        shown = row.text("display_name")
        name = shown or row.text("description")
        price, total, discount = row.number("price"), row.number("total_price"), row.number("discount")
        if not name:
            if not (price or total or discount):
                continue
            row.fault("it has an amount and no name")
        quantity, menu_item = row.number("quantity"), row.identifier("menu_item_id")
        line = Line(name or UNNAMED, quantity, price, total, discount, menu_item_id=menu_item, typed=not shown)
        lines.append(line)
    return tuple(lines)


def _decode_billing_totals(document: Fields, owner: Fields) -> Iterator[BillingTotal]:
    """Taxes, fees and gratuities of the document; the event's own list if the document has none (facts 3.1, 3.3)."""
    name_key, amount_key = "description", "total_price"
    if not document.has("billing_totals"):
        document = Fields(owner.row, document.what, document.faults)
        name_key, amount_key = "name", "total"
    for row in document.rows("billing_totals", "billing total"):
        name, amount = row.text(name_key), row.number(amount_key)
        if amount:
            if not name:
                row.fault("it has an amount and no name")
            yield BillingTotal(name, amount)
        elif name and amount is not None:
            yield BillingTotal(name, Decimal(0))


_RECEIVED = frozenset(
    {
        *("paid", "fully paid", "paid in full", "captured", "settled", "succeeded", "successful", "success"),
        *("completed", "complete", "received", "collected"),
    }
)
_REFUNDED = frozenset({"refunded", "fully refunded"})
_PARTLY_REFUNDED = frozenset({"partially refunded", "partly refunded", "partial refund"})
_NOT_RECEIVED = frozenset(
    {
        *("unpaid", "not paid", "open", "due", "not due", "past due", "overdue", "outstanding", "upcoming"),
        *("scheduled", "pending", "awaiting payment", "requested", "invoiced", "incomplete", "processing"),
        *("authorized", "authorised", "preauthorized", "pre authorized", "requires capture", "uncaptured"),
        *("void", "voided", "cancelled", "canceled", "deleted", "removed", "expired", "abandoned"),
        *("declined", "denied", "failed", "failure", "rejected", "returned", "bounced", "error"),
        *("chargeback", "charge back", "charged back", "reversed", "reversal", "disputed", "dispute", "in dispute"),
    }
)
_MOST_QUOTED = 40


def knows_payment_state(state: str) -> bool:
    """Whether tsrevel knows if this payment state means that money was received."""
    return _state_word(state) in _RECEIVED | _REFUNDED | _PARTLY_REFUNDED | _NOT_RECEIVED


def _state_word(state: str) -> str:
    return " ".join(normalise(state).replace("_", " ").replace("-", " ").split())


class Doubt(StrEnum):
    """Why it is uncertain whether, or how much, money was received: the texts of `PaymentRecord.doubt`.

    An unknown state has its own text, which quotes it.
    """

    STATE_NOT_TEXT = "its state is not text, so it may or may not be paid"
    NO_AMOUNT = "its amount is missing or not a number"
    FRACTION_OF_A_CENT = "its amount has a fraction of a cent"
    DELETED_AT_NOT_A_DATE = "its deleted_at is not a date"
    PAID_AT_NOT_A_DATE = "its paid_at is not a date"
    PAID_WITHOUT_DAY = "it is marked as paid and has no paid_at"
    PAID_AND_UNPAID = "it is marked as paid and as unpaid"
    REFUND_NOT_A_NUMBER = "its amount_refunded is not a number"
    REFUND_WITHOUT_AMOUNT = "it is marked as refunded without an amount"


def _decode_payment(row: Fields) -> PaymentRecord:
    """One requested payment, received or not. `doubt` says why that is uncertain."""
    number, amount = row.identifier("id") or "", read_number(row.row.get("amount"))
    paid_on, deleted_on = read_day(row.row.get("paid_at")), read_day(row.row.get("deleted_at"))
    not_received = PaymentRecord(number, amount or Decimal(0), paid=False)
    state = row.text("state")
    word = _state_word(state)
    known = word in _RECEIVED | _REFUNDED | _PARTLY_REFUNDED
    if word in _NOT_RECEIVED or deleted_on or row.row.get("deleted_at") is True:
        return not_received
    doubt: str | None
    if row.has("state") and not known:
        quoted = f"its state is {shorten(state, _MOST_QUOTED)!r}, so it may or may not be paid"
        doubt, paid_on = quoted if state else Doubt.STATE_NOT_TEXT, None
    elif known or _may_be_paid(row):
        doubt = _doubt_dates(row, known=known)
    else:
        return not_received
    refunded, trouble = _read_refund(row, word, amount or Decimal(0))
    if amount is None:
        return PaymentRecord(number, Decimal(0), paid=False, doubt=str(Doubt.NO_AMOUNT))
    if known and not trouble and amount == refunded:
        return PaymentRecord(number, amount, paid=True, refunded=refunded)  # all given back: its dates don't matter
    fraction = None if amount * 100 == int(amount * 100) else Doubt.FRACTION_OF_A_CENT
    doubt = doubt or trouble or fraction or ""
    return PaymentRecord(number, amount, not doubt, refunded, paid_on, str(doubt))


def _may_be_paid(row: Fields) -> bool:
    """For a payment without a state: whether another field says that money came, and `unpaid_at` isn't later."""
    if not row.has("paid_at"):
        return row.has("refunded_at") or bool(read_number(row.row.get("amount_refunded")))
    paid_on, unpaid_on = read_day(row.row.get("paid_at")), read_day(row.row.get("unpaid_at"))
    return not (paid_on and unpaid_on and unpaid_on > paid_on)


def _doubt_dates(row: Fields, *, known: bool) -> Doubt | None:
    paid_on, unpaid_on = read_day(row.row.get("paid_at")), read_day(row.row.get("unpaid_at"))
    if row.has("deleted_at"):  # no date ("n/a", 0): it may or may not be deleted
        return Doubt.DELETED_AT_NOT_A_DATE
    if paid_on is None:
        return Doubt.PAID_AT_NOT_A_DATE if row.has("paid_at") else Doubt.PAID_WITHOUT_DAY
    if row.has("unpaid_at") and (unpaid_on is None or unpaid_on > paid_on or (unpaid_on == paid_on and not known)):
        return Doubt.PAID_AND_UNPAID
    return None


def _read_refund(row: Fields, word: str, amount: Decimal) -> tuple[Decimal, Doubt | None]:
    """The refunded amount, never negative, and why it is uncertain (None if it isn't). `word` is the state."""
    back = read_number(row.row.get("amount_refunded"))
    marked = row.has("refunded_at") or word in _REFUNDED | _PARTLY_REFUNDED
    if back is None and row.has("amount_refunded"):
        return Decimal(0), Doubt.REFUND_NOT_A_NUMBER
    if back is None and word in _REFUNDED:
        return amount, None
    if marked and not back:
        return Decimal(0), Doubt.REFUND_WITHOUT_AMOUNT
    return abs(back or Decimal(0)), None


_USABLE_ID = re.compile(r"(?!0[0-9]*$)[0-9A-Za-z_-]{1,64}")
"""A number has no leading zero: one event must not have two ids."""
_DAY_KEYS = ("event_date_iso8601", "event_date", "start_date")
"""The keys of the local day, best first (facts TripleSeat 3.1)."""
_START_KEYS = ("event_start_iso8601", "event_start")
"""The keys of the start. A value with an offset is an instant, any other is local time."""


def decode_event(data: Json) -> Event:
    """The event in `data`, with or without its `{"event": ...}` wrapper. Raises Unreadable without a usable id."""
    row = unwrap(data, "event")
    number = usable_id(row)
    event = Fields(row, f"event {number}", [])
    event.check()
    location = object_at(row, "location")
    location_id = event.identifier("location_id") or read_id(location.get("id"))
    day = _decode_day(event)
    site_id = event.identifier("site_id") or read_id(location.get("site_id"))
    return Event(
        id=EventId(number),
        name=event.text("name"),
        status=normalise(event.text("status")).upper(),
        deleted=event.stamped("deleted_at"),
        location_id=LocationId(location_id) if location_id else None,
        site_id=SiteId(site_id) if site_id else None,
        location_name=read_text(location.get("name")),
        day=day,
        starts_at=_decode_start(event, day),
        guest_count=read_count(row.get("guaranteed_guest_count")) or read_count(row.get("guest_count")),
        contact_name=_contact_name(row),
        contact_phone=_contact_phone(row),
        grand_total=event.number("grand_total"),
        booking_id=event.identifier("booking_id"),
        documents=decode_documents(event),
        updated=read_stamp(row.get("updated_at")),
        faults=tuple(event.faults),
        amount_due=read_number(row.get("amount_due")),
        currencies=tuple(dict.fromkeys(_currencies(row))),
    )


def _currencies(event: dict[str, Json]) -> Iterator[str]:
    """The currencies that the event, its location, site, booking or live documents name (facts TripleSeat 5)."""
    location, booking = object_at(event, "location"), object_at(event, "booking")
    owners = [event, location, object_at(event, "site"), object_at(location, "site")]
    owners += [booking, object_at(booking, "location")]
    for document in objects_at(event, "documents"):
        if not is_filled(document.get("deleted_at")):
            payments = object_at(document, "payment_set")
            owners += [document, object_at(document, "financials"), payments, *objects_at(payments, "payments")]
    for owner in owners:
        for value in (owner.get("currency"), owner.get("currency_code")):
            names = [value.get("code"), value.get("iso_code")] if isinstance(value, dict) else [value]
            told = next(filter(None, map(read_text, names)), None)
            if told:
                yield shorten(told, _MOST_QUOTED)


def unwrap(data: Json, key: str) -> dict[str, Json]:
    """The object in `data`, or under `key` in it. Single answers are wrapped, results mostly not (facts 2, 3)."""
    inner = data.get(key) if isinstance(data, dict) else None
    row = inner if isinstance(inner, dict) else data
    if not isinstance(row, dict):
        raise Unreadable(f"TripleSeat: the answer for one {key} is not a JSON object; ask TripleSeat's support")
    return row


def usable_id(row: dict[str, Json]) -> str:
    """The id, fit for a path and a `local_id`. Raises Unreadable if there is none."""
    found = read_id(row.get("id"))
    if found is None or not _USABLE_ID.fullmatch(found):
        raise Unreadable("TripleSeat: an event or booking has no usable id; ask TripleSeat's support")
    return found


def decode_documents(owner: Fields) -> tuple[Document, ...]:
    """The documents of an event or booking, even deleted ones. A document without an id is a fault of its owner."""
    found = [_decode_document(row, owner) for row in owner.rows("documents", "document")]
    return tuple(document for document in found if document is not None)


def _decode_document(fields: Fields, owner: Fields) -> Document | None:
    row = fields.row
    number = read_id(row.get("id"))
    if number is None or not number.isdigit():
        fields.fault("it has no usable id")
        return None
    document = Fields(row, f"document {int(number)}", [])
    document.check()
    money = document.child("financials")
    grand_total = money.number("grand_total")
    if grand_total is None:
        grand_total = Fields(owner.row, document.what, document.faults).number("grand_total")
    in_payments = Fields(row, document.what, [])  # separate faults: an unreadable payment doesn't spoil the lines
    payments = tuple(map(_decode_payment, in_payments.child("payment_set").rows("payments", "payment")))
    due = read_number(money.row.get("amount_due")), read_number(object_at(row, "payment_set").get("amount_due"))
    return Document(
        id=int(number),
        title=document.text("title"),
        views=tuple(filter(None, read_texts([view.get("name") for view in objects_at(row, "views")]))),
        deleted=document.has("deleted_at"),
        lines=_decode_lines(document),
        billing_totals=tuple(_decode_billing_totals(document, owner)),
        discounts_total=money.number("discounts_total"),
        grand_total=grand_total,
        payments=payments,
        faults=tuple(document.faults),
        payment_faults=tuple(in_payments.faults),
        amounts_due=tuple(amount for amount in due if amount is not None),
    )


def _decode_day(event: Fields) -> date | None:
    """The local business day from the best key that is filled. It is a fault if that can't be read.

    None if there is only an instant: its day depends on the location's time zone, which isn't known here.
    """
    keys = (*_DAY_KEYS, *(key for key in _START_KEYS if not is_instant(event.row.get(key))))
    key = next((key for key in keys if event.has(key)), None)
    if key is None:
        return None
    day = read_day(event.row[key])
    if day is None:
        event.fault(f"{key} is not a date", Reason.INVALID_DATE_FORMAT)
    return day


def _decode_start(event: Fields, day: date | None) -> datetime | None:
    """When the event starts, None if unknown (facts TripleSeat 3.1): an instant if one is told, else local time."""
    if event.has("event_start_iso8601") and read_stamp(event.row["event_start_iso8601"]) is None:
        event.fault("event_start_iso8601 is not a date and time", Reason.INVALID_DATE_FORMAT)
    local = [read_time(event.row.get(key)) for key in _START_KEYS]
    utc = read_utc(event.row.get("event_start_utc"))
    only = event.has("event_start_utc") and not any(event.has(key) for key in (*_DAY_KEYS, *_START_KEYS))
    if utc is None and only:
        event.fault("event_start_utc is not a date and time", Reason.INVALID_DATE_FORMAT)
    at_time = read_time(f"{day} {event.text('event_start_time')}") if day else None
    stamps = [each for each in (*local, utc, at_time) if each]
    return next((each for each in stamps if each.tzinfo), stamps[0] if stamps else None)


def _contact_name(event: dict[str, Json]) -> str:
    contact, booking = object_at(event, "contact"), object_at(event, "booking")
    person = " ".join(filter(None, read_texts([contact.get("first_name"), contact.get("last_name")])))
    others = (
        contact.get("full_name"),
        object_at(event, "account").get("name"),
        object_at(booking, "account").get("name"),
        event.get("post_as"),
        event.get("name"),
    )
    return person or next(filter(None, map(read_text, others)), "")


def _contact_phone(event: dict[str, Json]) -> str:
    phones = objects_at(object_at(event, "contact"), "phone_numbers")
    return next((number for phone in phones if (number := read_text(phone.get("number")))), "")
