"""The table of webhook deliveries that were dealt with: each one once (DESIGN 4)."""

from __future__ import annotations

import sqlite3

from tsrevel.ledger.audit import Change
from tsrevel.ledger.records import DeliveryKey
from tsrevel.planning.model import EventId

_KNOWS = "SELECT EXISTS (SELECT 1 FROM deliveries WHERE trigger = ? AND subject = ? AND stamp = ?) AS known"
_NOTE = """
    INSERT INTO deliveries (trigger, subject, stamp, handled_at, run_id) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (trigger, subject, stamp) DO NOTHING
"""


def knows(connection: sqlite3.Connection, key: DeliveryKey) -> bool:
    """Whether this delivery was dealt with before."""
    row = connection.execute(_KNOWS, (key.trigger, key.subject, key.stamp)).fetchone()
    return bool(row["known"])


def note(change: Change, key: DeliveryKey, event_id: EventId | None, *, signed: bool, reason: str | None) -> None:
    """The delivery was dealt with, and what came of it."""
    row = (key.trigger, key.subject, key.stamp, change.at, change.run_id)
    change.connection.execute(_NOTE, row)
    told = {"trigger": key.trigger, "subject": key.subject, "stamp": key.stamp, "reason": reason}
    change.audit("delivery", event_id, signed="yes" if signed else "no", **told)
