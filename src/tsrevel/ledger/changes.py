"""The tables of open changes and of event contents: what came apart after an order was made, until a person settles it.

A change of our own mappings or settings is none of the event: that is told by the content that its order was made of.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace

from tsrevel.ledger.audit import Change
from tsrevel.ledger.records import ContentHashes
from tsrevel.ledger.snapshot import encode_snapshot
from tsrevel.planning.model import Event, EventId

REPORTED_CHANGES = frozenset({"CHANGED_AFTER_INJECTION", "CANCELLED_AFTER_INJECTION"})
_PUT = """
    INSERT INTO open_changes (event_id, reason, told_at, run_id) VALUES (?, ?, ?, ?)
    ON CONFLICT (event_id) DO UPDATE SET
        reason = excluded.reason, told_at = excluded.told_at, run_id = excluded.run_id
"""
_FIND = "SELECT event_id, made, seen FROM event_contents WHERE event_id IN (SELECT value FROM json_each(?))"
_NOTE_MADE = """
    INSERT INTO event_contents (event_id, made) VALUES (?, ?)
    ON CONFLICT (event_id) DO UPDATE SET made = excluded.made, seen = NULL
"""
_NOTE_SEEN = """
    INSERT INTO event_contents (event_id, seen) VALUES (?, ?) ON CONFLICT (event_id) DO UPDATE SET seen = excluded.seen
"""


def put(change: Change, event_id: EventId, reason: str) -> None:
    """A change was told: it is open until `drop`, or until nothing differs any more."""
    change.connection.execute(_PUT, (event_id, reason, change.at, change.run_id))


def drop(change: Change, event_id: EventId) -> None:
    """A person has settled it."""
    change.connection.execute("DELETE FROM open_changes WHERE event_id = ?", (event_id,))


def note_made(change: Change, event_id: EventId, content: str) -> None:
    """The order is made of this content."""
    change.connection.execute(_NOTE_MADE, (event_id, content))


def note_seen(change: Change, event_id: EventId, content: str) -> None:
    """What the event is told against from now on."""
    change.connection.execute(_NOTE_SEEN, (event_id, content))


def find_contents(connection: sqlite3.Connection, event_ids: Iterable[EventId]) -> dict[EventId, ContentHashes]:
    """What is known of the contents of these events."""
    rows = connection.execute(_FIND, (json.dumps(list(event_ids)),))
    return {row["event_id"]: ContentHashes(row["made"], row["seen"]) for row in rows}


def hash_of_content(event: Event) -> str:
    """A hash over what an order's day, place, lines and money come from, whatever the settings make of it."""
    bare = replace(event, status="", location_name="", starts_at=None, guest_count=None, updated=None, faults=())
    return hashlib.sha256(encode_snapshot(bare).encode("utf-8", "surrogatepass")).hexdigest()
