"""The tables of changes after an order was made: in TripleSeat, and at a POS station, until a person settles them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from tsrevel.ledger.audit import Change, canonical
from tsrevel.ledger.plan_json import encode_snapshot
from tsrevel.ledger.records import AuditKind, ContentHashes, StationReport
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


_NEAR = """
    SELECT event_id FROM sightings JOIN orders USING (event_id)
    WHERE event_day BETWEEN ? AND ? AND state = 'settled' AND plan IS NOT NULL AND orders.order_id IS NOT NULL
    ORDER BY event_day DESC, event_id
"""
_FIND_SHOWN = "SELECT event_id, shown FROM shown_orders WHERE event_id IN (SELECT value FROM json_each(?))"
_PUT_SHOWN = """
    INSERT INTO shown_orders (event_id, shown, seen_at, run_id) VALUES (?, ?, ?, ?)
    ON CONFLICT (event_id) DO UPDATE SET shown = excluded.shown, seen_at = excluded.seen_at, run_id = excluded.run_id
"""


def find_settled_between(connection: sqlite3.Connection, first: date, last: date) -> tuple[EventId, ...]:
    """The events of these days (both included) whose order is ours and was proven complete, the latest day first."""
    found = connection.execute(_NEAR, (first.isoformat(), last.isoformat()))
    return tuple(EventId(row["event_id"]) for row in found)


def find_shown(connection: sqlite3.Connection, event_ids: Iterable[EventId]) -> dict[EventId, dict[str, str]]:
    """What was last noted of the orders of these events, as far as anything was."""
    wanted = json.dumps(list(event_ids))
    return {EventId(row["event_id"]): json.loads(row["shown"]) for row in connection.execute(_FIND_SHOWN, (wanted,))}


def note_shown(change: Change, event_id: EventId, shown: Mapping[str, str], report: StationReport | None) -> None:
    """Keeps what Revel shows of the order now, and in the audit what was reported of it, if anything was."""
    change.connection.execute(_PUT_SHOWN, (event_id, canonical(shown), change.at, change.run_id))
    told = {"change": report.change, "text": report.text} if report else {}
    change.audit(AuditKind.ORDER_SHOWN, event_id, **told, shown=canonical(shown))
