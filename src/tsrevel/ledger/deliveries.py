"""The table of webhook deliveries that were dealt with: each one once (DESIGN 4)."""

from __future__ import annotations

import sqlite3

from tsrevel.ledger.audit import Change
from tsrevel.ledger.records import AuditKind, DeliveryKey
from tsrevel.planning.model import EventId

_KNOWS = "SELECT EXISTS (SELECT 1 FROM deliveries WHERE trigger = ? AND subject = ? AND stamp IN (?, ?)) AS known"
_NOTE_DELIVERY = """
    INSERT INTO deliveries (trigger, subject, stamp, handled_at, run_id) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (trigger, subject, stamp) DO NOTHING
"""


def knows_delivery(connection: sqlite3.Connection, key: DeliveryKey) -> bool:
    """Whether this delivery was dealt with before.

    Earlier versions noted the stamp without the body's hash: such a row stands for every delivery of its minute.
    """
    row = connection.execute(_KNOWS, (key.trigger, key.subject, _stored_stamp(key), key.stamp)).fetchone()
    return bool(row["known"])


def note_delivery(
    change: Change, key: DeliveryKey, event_id: EventId | None, *, signed: bool, reason: str | None
) -> None:
    """The delivery was dealt with, and what came of it."""
    row = (key.trigger, key.subject, _stored_stamp(key), change.at, change.run_id)
    change.connection.execute(_NOTE_DELIVERY, row)
    stamp = key.stamp or key.body_hash
    told = {"trigger": key.trigger, "subject": key.subject, "stamp": stamp, "body": key.body_hash, "reason": reason}
    change.audit(AuditKind.DELIVERY, event_id, signed="yes" if signed else "no", **told)


def _stored_stamp(key: DeliveryKey) -> str:
    """Stamp and hash in one column; without a stamp the hash alone, as earlier versions stored it."""
    return f"{key.stamp} {key.body_hash}".strip()
