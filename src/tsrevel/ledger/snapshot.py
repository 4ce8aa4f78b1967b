"""A copy of an event as JSON text, without customer data: what it is planned from when TripleSeat isn't asked again."""

from __future__ import annotations

from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from tsrevel.errors import LedgerCode, LedgerDamaged
from tsrevel.planning.model import Document, Event

_EVENTS = TypeAdapter(Event)


def encode_snapshot(event: Event) -> str:
    """The event without its name and contact, and its documents without the staff's names (facts TripleSeat 3.3)."""
    documents = tuple(_without_staff(document) for document in event.documents)
    bare = replace(event, name="", contact_name="", contact_phone="", documents=documents)
    return _EVENTS.dump_json(bare).decode()


def decode_snapshot(text: str) -> Event:
    """The event that `encode_snapshot` wrote, in this or an older version. LedgerDamaged if it isn't one."""
    try:
        return _EVENTS.validate_json(text)
    except (ValidationError, ValueError) as error:
        raise LedgerDamaged(
            LedgerCode.UNREADABLE_SNAPSHOT, "A copy of an event in the ledger can't be read: leave --from-snapshot out."
        ) from error


def _without_staff(document: Document) -> Document:
    """A title reads "<staff name> | Contract & Event Order: <document id>"."""
    return replace(document, title=document.title.rpartition(" | ")[2])
