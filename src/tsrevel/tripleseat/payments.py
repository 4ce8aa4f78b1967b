"""The payments on a document, and whether each means that money was received (facts TripleSeat 3.3, 9).

The words of `state` are not published, so only those count whose meaning is plain, and a payment of which it can't be
told is handed on with its doubt: planning holds the event, and neither loses the money nor invents it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from tsrevel.planning.model import Fault, PaymentRecord
from tsrevel.planning.products import normalise
from tsrevel.text import shorten
from tsrevel.tripleseat.fields import Fields, read_day

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
