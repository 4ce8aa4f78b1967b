"""A copy of an event as JSON text, without customer data: what it is planned from when TripleSeat isn't asked again."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from tsrevel.errors import LedgerDamaged
from tsrevel.planning.model import Document, Event

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def encode_snapshot(event: Event) -> str:
    """The event without its name and contact, and its documents without the staff's names (facts TripleSeat 3.3)."""
    documents = tuple(_without_staff(document) for document in event.documents)
    bare = replace(event, name="", contact_name="", contact_phone="", documents=documents)
    return _adapter().dump_json(bare).decode()


def decode_snapshot(text: str) -> Event:
    """The event that `encode_snapshot` wrote. LedgerDamaged if it isn't one."""
    try:
        return _adapter().validate_json(text)
    except ValueError as error:
        raise LedgerDamaged("A copy of an event in the ledger can't be read: leave --from-snapshot out.") from error


def _without_staff(document: Document) -> Document:
    """A title reads "<staff name> | Contract & Event Order: <document id>"."""
    return replace(document, title=document.title.rpartition(" | ")[2])


@functools.cache
def _adapter() -> TypeAdapter[Event]:
    from pydantic import TypeAdapter  # seldom needed, and slow to start

    return TypeAdapter(Event)
