"""Plans and events as JSON text and back. Unreadable text is damage: its content is never guessed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from pydantic import TypeAdapter, ValidationError

from tsrevel.errors import RESTORE, LedgerCode, LedgerDamaged
from tsrevel.planning.changes import EventDetails
from tsrevel.planning.model import Document, Event, Hold, Plan

_SHAPE = 1
"""Raise it only if a field disappears or changes its meaning. A new field with a default needs no new shape: an older
text lacks it and gets the default."""

OF_DETAILS = "details:"


@cache
def _plans() -> TypeAdapter[Plan]:
    """Built when a plan is first read or written: most commands need none."""
    return TypeAdapter(Plan)


@cache
def _events() -> TypeAdapter[Event]:
    return TypeAdapter(Event)


@cache
def _details() -> TypeAdapter[EventDetails]:
    return TypeAdapter(EventDetails)


def encode_plan(plan: Plan) -> str:
    """`plan` as canonical JSON: the same plan gives the same text."""
    content = _plans().dump_python(plan, mode="json") | {"shape": _SHAPE}
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def decode_plan(text: str) -> Plan:
    """The plan that this or an older version stored.

    Raises LedgerDamaged if the text isn't a plan, has an unknown field, lacks a required one, or has a newer shape.
    """
    try:
        content = json.loads(text)
        shape = content.pop("shape", None) if isinstance(content, dict) else None
        if shape != _SHAPE:
            raise LedgerDamaged(LedgerCode.UNREADABLE_PLAN, _unreadable(f"its shape is {shape!r}, not {_SHAPE}"))
        return _plans().validate_json(json.dumps(content), strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the plan"
        raise LedgerDamaged(LedgerCode.UNREADABLE_PLAN, _unreadable(f"{where}: {first['type']}")) from None
    except (ValueError, RecursionError) as error:
        raise LedgerDamaged(LedgerCode.UNREADABLE_PLAN, _unreadable("it isn't JSON")) from error


def _unreadable(why: str) -> str:
    return f"A plan in the ledger can't be read ({why}). Install the tsrevel that wrote it, or: {RESTORE}"


def encode_snapshot(event: Event) -> str:
    """The event without its name and contact, and its documents without the staff's names (facts TripleSeat 3.3)."""
    documents = tuple(_without_staff(document) for document in event.documents)
    bare = replace(event, name="", contact_name="", contact_phone="", documents=documents)
    return _events().dump_json(bare).decode()


def decode_snapshot(text: str) -> Event:
    """The event that `encode_snapshot` wrote, in this or an older version. LedgerDamaged if it isn't one."""
    try:
        return _events().validate_json(text)
    except (ValidationError, ValueError) as error:
        raise LedgerDamaged(
            LedgerCode.UNREADABLE_SNAPSHOT, "A copy of an event in the ledger can't be read. Leave out --from-snapshot."
        ) from error


def _without_staff(document: Document) -> Document:
    """A title reads "<staff name> | Contract & Event Order: <document id>"."""
    return replace(document, title=document.title.rpartition(" | ")[2])


def hash_of_content(event: Event) -> str:
    """A hash of all that an order's day, location, lines and money come from. Settings don't change it."""
    starts_at = None if event.day else event.starts_at  # without a day, the instant decides which day it is
    bare = replace(event, status="", location_name="", starts_at=starts_at, guest_count=None, updated=None, faults=())
    return hash_of_text(encode_snapshot(bare))


def encode_content(content: str, details: EventDetails | None) -> str:
    """A content hash and the details beside it, as one text. Earlier versions stored the hash alone."""
    return f"{content} {_details().dump_json(details).decode()}" if details else content


def decode_content(text: str | None) -> tuple[str | None, EventDetails | None]:
    """The hash and the details; LedgerDamaged if they are unreadable."""
    content, _, details = (text or "").partition(" ")
    try:
        return content or None, _details().validate_json(details) if details else None
    except ValidationError:
        raise LedgerDamaged(
            LedgerCode.UNREADABLE_SNAPSHOT,
            f"The details of an event in the ledger can't be read. Install the tsrevel that wrote them, or: {RESTORE}",
        ) from None


def hash_of_text(text: str) -> str:
    """The hash that the ledger stores of a text that may name people."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def hash_of_details(details: Sequence[str]) -> str:
    """The fingerprint of a result's details. Its sentence isn't part of it.

    It begins with OF_DETAILS. Earlier versions stored the bare hash of the sentence instead.
    """
    return f"{OF_DETAILS}{hash_of_text(json.dumps(details))}"


def hash_of_hold(hold: Hold) -> str:
    """The fingerprint of a hold: its reason and details."""
    return hash_of_details((hold.reason, *hold.details))
