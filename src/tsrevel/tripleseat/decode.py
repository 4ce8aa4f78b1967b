"""From TripleSeat's JSON to `Event`: the one place where an event's wire names are known (facts TripleSeat 3).

Field-level garbage never raises: it becomes a fault that planning holds the event for. Staff and login data, addresses
and e-mail are not taken over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum

from tsrevel.errors import Unreadable
from tsrevel.planning.model import (
    BillingTotal,
    Document,
    Event,
    EventId,
    Fault,
    Line,
    LocationId,
    PaymentRecord,
    SiteId,
)
from tsrevel.planning.products import normalise
from tsrevel.planning.reasons import Reason
from tsrevel.text import shorten
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.fields import Fields, read_day, read_id, read_moment, read_stamp

UNNAMED = "Unnamed item"


def decode_lines(document: Fields) -> tuple[Line, ...]:
    """The lines in the order of the document, blank ones left out (facts TripleSeat 3.3, rules 1 to 4)."""
    rows = sorted(document.rows("line_items", "line"), key=_place)
    lines = [_decode_line(row) for row in rows]
    return tuple(line for line in lines if line is not None)


def decode_billing_totals(document: Fields, event: Fields) -> tuple[BillingTotal, ...]:
    """Taxes, fees and gratuities of the document; the event's own list where the document has none (facts 3.1, 3.3)."""
    if document.has("billing_totals"):
        rows, name, amount = document.rows("billing_totals", "billing total"), "description", "total_price"
    else:
        shared = Fields(event.row, document.what, document.faults)
        rows, name, amount = shared.rows("billing_totals", "billing total"), "name", "total"
    totals = [_decode_billing_total(row, name, amount) for row in rows]
    return tuple(total for total in totals if total is not None)


def _place(row: Fields) -> tuple[Decimal, Decimal, Decimal]:
    return row.rank("section_position"), row.rank("position"), row.rank("id")


def _decode_line(row: Fields) -> Line | None:
    shown = row.text("display_name")
    name = shown or row.text("description")
    price, total, discount = row.number("price"), row.number("total_price"), row.number("discount")
    if not name:
        if not (price or total or discount):
            return None
        row.fault("it has an amount and no name")
    return Line(
        name or UNNAMED,
        row.number("quantity"),
        price,
        total,
        discount,
        menu_item_id=row.identifier("menu_item_id"),
        typed=not shown,
    )


def _decode_billing_total(row: Fields, name_key: str, amount_key: str) -> BillingTotal | None:
    name, amount = row.text(name_key), row.number(amount_key)
    if not amount:
        return BillingTotal(name, Decimal(0)) if name and amount is not None else None
    if not name:
        row.fault("it has an amount and no name")
    return BillingTotal(name, amount)


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


class Doubt(StrEnum):
    """Why it can't be told whether, or how much, money was received, as `PaymentRecord.doubt` says it.

    A state that isn't known has a text of its own, which quotes it.
    """

    STATE_NOT_TEXT = "its state is not text, which may mean money or none"
    NO_AMOUNT = "its amount is missing or not a number"
    FRACTION_OF_A_CENT = "its amount has a fraction of a cent"
    DELETED_AT_NOT_A_DATE = "its deleted_at is not a date"
    PAID_AT_NOT_A_DATE = "its paid_at is not a date"
    PAID_WITHOUT_DAY = "it is marked as paid and has no paid_at"
    PAID_AND_UNPAID = "it is marked as paid and as unpaid"
    REFUND_NOT_A_NUMBER = "its amount_refunded is not a number"
    REFUND_WITHOUT_AMOUNT = "it is marked as refunded, but not how much of it"


def decode_payments(document: Fields) -> tuple[tuple[PaymentRecord, ...], tuple[Fault, ...]]:
    """The payments asked for on the document, received or not, and what of their list couldn't be read."""
    faults: list[Fault] = []
    rows = Fields(document.row, document.what, faults).child("payment_set").rows("payments", "payment")
    return tuple(_decode_payment(row) for row in rows), tuple(faults)


def decode_amounts_due(document: Fields) -> tuple[Decimal, ...]:
    """What the document says is still owed, in its financials and with its payments; one that is no number is none."""
    told = (document.quiet().child(key).number("amount_due") for key in ("financials", "payment_set"))
    return tuple(amount for amount in told if amount is not None)


def _decode_payment(row: Fields) -> PaymentRecord:
    marks = _read_marks(row)
    number, amount = row.identifier("id") or "", row.quiet().number("amount")
    refunded, trouble = _refunded(row, marks, amount or Decimal(0))
    if not marks.counts:
        return PaymentRecord(number, amount or Decimal(0), paid=False)
    if amount is None:
        return PaymentRecord(number, Decimal(0), paid=False, doubt=str(Doubt.NO_AMOUNT))
    if marks.known and not trouble and amount == refunded:
        return PaymentRecord(number, amount, paid=True, refunded=refunded)  # all given back: its dates don't matter
    fraction = None if _is_in_cents(amount) else Doubt.FRACTION_OF_A_CENT
    doubt = marks.doubt or trouble or fraction or ""
    return PaymentRecord(number, amount, not doubt, refunded, marks.paid_on, str(doubt))


def _is_in_cents(amount: Decimal) -> bool:
    return amount * 100 == int(amount * 100)


@dataclass(frozen=True, slots=True)
class _Marks:
    """What a payment's state and dates say. `counts`: it is money received, or may be. `word`: its state, plain.

    `known`: the state is one that means money was received. `doubt`: why it can't be told, None where it can.
    """

    counts: bool
    word: str = ""
    known: bool = False
    paid_on: date | None = None
    doubt: Doubt | str | None = None


def _read_marks(row: Fields) -> _Marks:
    state = row.text("state")
    word = " ".join(normalise(state).replace("_", " ").replace("-", " ").split())
    if word in _NOT_RECEIVED or _is_deleted(row):
        return _Marks(counts=False)
    known = word in _RECEIVED | _REFUNDED | _PARTLY_REFUNDED
    if row.has("state") and not known:
        if not state:
            return _Marks(counts=True, doubt=Doubt.STATE_NOT_TEXT)
        quoted = repr(shorten(state, _MOST_QUOTED))
        return _Marks(counts=True, word=word, doubt=f"its state is {quoted}, which may mean money or none")
    if not known and not _may_be_paid(row):
        return _Marks(counts=False)
    return _Marks(True, word, known, read_day(row.row.get("paid_at")), _doubt_dates(row, known=known))


def _is_deleted(row: Fields) -> bool:
    """A mark that is no date ("n/a", 0) is none, and `_doubt_dates` tells of it."""
    return row.row.get("deleted_at") is True or read_day(row.row.get("deleted_at")) is not None


def _may_be_paid(row: Fields) -> bool:
    """Without a state: whether anything else says that money was received, and nothing that it was taken back."""
    paid_on, unpaid_on = read_day(row.row.get("paid_at")), read_day(row.row.get("unpaid_at"))
    if not row.has("paid_at"):
        return row.has("refunded_at") or bool(row.quiet().number("amount_refunded"))
    return not (paid_on and unpaid_on and unpaid_on > paid_on)


def _doubt_dates(row: Fields, *, known: bool) -> Doubt | None:
    paid_on, unpaid_on = read_day(row.row.get("paid_at")), read_day(row.row.get("unpaid_at"))
    if row.has("deleted_at"):
        return Doubt.DELETED_AT_NOT_A_DATE
    if paid_on is None:
        return Doubt.PAID_AT_NOT_A_DATE if row.has("paid_at") else Doubt.PAID_WITHOUT_DAY
    if row.has("unpaid_at") and (unpaid_on is None or unpaid_on > paid_on or (unpaid_on == paid_on and not known)):
        return Doubt.PAID_AND_UNPAID
    return None


def _refunded(row: Fields, marks: _Marks, amount: Decimal) -> tuple[Decimal, Doubt | None]:
    """What was given back, never negative, and why it can't be told, None where it can."""
    back = row.quiet().number("amount_refunded")
    marked = row.has("refunded_at") or marks.word in _REFUNDED | _PARTLY_REFUNDED
    if back is None and row.has("amount_refunded"):
        return Decimal(0), Doubt.REFUND_NOT_A_NUMBER
    if back is None and marks.word in _REFUNDED:
        return amount, None
    if marked and not back:
        return Decimal(0), Doubt.REFUND_WITHOUT_AMOUNT
    return abs(back or Decimal(0)), None


_USABLE_ID = re.compile(r"(?!0[0-9]*$)[0-9A-Za-z_-]{1,64}")
"""No leading zero in a number: one event must not have two names."""
_DAY_KEYS = ("event_date_iso8601", "event_date", "start_date")
"""Where the local day stands, best first (facts TripleSeat 3.1)."""
_START_KEYS = ("event_start_iso8601", "event_start")
"""Where the start stands: an instant where it has an offset, whichever that is, else local time."""
_CURRENCY_KEYS = ("currency", "currency_code")


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
