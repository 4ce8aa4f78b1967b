"""A copy of an event as JSON text, without customer data: what it is planned from when TripleSeat isn't asked again."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from tsrevel.errors import LedgerDamaged
from tsrevel.planning.model import Document, Event
from tsrevel.record import replace


def encode_snapshot(event: Event) -> str:
    """The event without its name and contact, and its documents without the staff's names (facts TripleSeat 3.3)."""
    documents = tuple(_without_staff(document) for document in event.documents)
    bare = replace(event, name="", contact_name="", contact_phone="", documents=documents)
    return msgspec.json.encode(bare).decode()


def decode_snapshot(text: str) -> Event:
    """The event that `encode_snapshot` wrote. LedgerDamaged if it isn't one."""
    try:
        event = msgspec.json.decode(text, type=Event)
        if not all(amount is None or amount.is_finite() for amount in _amounts(event)):
            raise ValueError("an amount is no number")
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise LedgerDamaged("A copy of an event in the ledger can't be read: leave --from-snapshot out.") from error
    return event


def _amounts(event: Event) -> Iterator[Decimal | None]:
    yield from (event.grand_total, event.amount_due)
    for document in event.documents:
        yield from (document.discounts_total, document.grand_total, *document.amounts_due)
        for line in document.lines:
            yield from (line.quantity, line.price, line.total, line.discount)
        yield from (each.amount for each in document.billing_totals)
        for payment in document.payments:
            yield from (payment.amount, payment.refunded)


def _without_staff(document: Document) -> Document:
    """A title reads "<staff name> | Contract & Event Order: <document id>"."""
    return replace(document, title=document.title.rpartition(" | ")[2])
