"""The table of resolutions: events that a person has settled, and that runs leave alone from then on.

Notes are a person's own words. They are kept as they are, so they must be free of customer data.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime

from tsrevel.ledger.audit import Change
from tsrevel.ledger.records import Resolution, Verdict
from tsrevel.planning.model import EventId, OrderId

_FIND = """
    SELECT event_id, verdict, note, order_id, digest, resolved_at
    FROM resolutions WHERE event_id IN (SELECT value FROM json_each(?))
"""
_PUT = """
    INSERT INTO resolutions (event_id, verdict, note, order_id, digest, resolved_at)
    VALUES (:event_id, :verdict, :note, :order_id, (SELECT digest FROM sightings WHERE event_id = :event_id), :at)
    ON CONFLICT (event_id) DO UPDATE SET
        verdict = excluded.verdict, note = excluded.note, order_id = excluded.order_id, digest = excluded.digest,
        resolved_at = excluded.resolved_at
"""


def put(change: Change, event_id: EventId, verdict: Verdict, note: str, order_id: OrderId | None) -> None:
    """Stores a person's word on an event, in place of an earlier one."""
    row = {"event_id": event_id, "verdict": verdict, "note": note, "order_id": order_id, "at": change.at}
    change.connection.execute(_PUT, row)
    change.audit("resolved", event_id, verdict=verdict, note=note, order_id=order_id)


def drop(change: Change, event_id: EventId, note: str) -> bool:
    """Takes that word back: runs see to the event again. False if there was none."""
    dropped = change.connection.execute("DELETE FROM resolutions WHERE event_id = ?", (event_id,)).rowcount > 0
    if dropped:
        change.audit("reopened", event_id, note=note)
    return dropped


def note_change(change: Change, event_id: EventId, digest: str) -> None:
    """Notes that a change of the event since was told, so that it isn't told twice."""
    change.connection.execute("UPDATE resolutions SET digest = ? WHERE event_id = ?", (digest, event_id))
    change.audit("changed_after_resolution", event_id, digest=digest)


def find(connection: sqlite3.Connection, event_ids: Iterable[EventId]) -> dict[EventId, Resolution]:
    """What was resolved of these events."""
    wanted = json.dumps(list(event_ids))
    return {row["event_id"]: decode_resolution(row) for row in connection.execute(_FIND, (wanted,))}


def decode_resolution(row: sqlite3.Row) -> Resolution:
    """A row of the table as data."""
    return Resolution(
        event_id=row["event_id"],
        verdict=row["verdict"],
        note=row["note"],
        order_id=row["order_id"],
        digest=row["digest"],
        resolved_at=datetime.fromisoformat(row["resolved_at"]),
    )
