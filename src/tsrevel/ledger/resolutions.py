"""The table of resolutions: events that a person has settled, and that runs leave alone from then on.

Notes are a person's own words. They are kept as they are, so they must be free of customer data.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime

from tsrevel.ledger.audit import Change
from tsrevel.ledger.records import AuditKind, Resolution, Verdict
from tsrevel.planning.model import EventId, OrderId

_SINCE_OPEN = """
    FROM audit WHERE audit.event_id = resolutions.event_id AND kind = 'resolved' AND seq > coalesce(
        (SELECT max(seq) FROM audit AS other WHERE other.event_id = resolutions.event_id AND kind = 'reopened'), 0)
"""
RESOLUTION = f"""
    event_id, verdict, note, order_id, digest, resolved_at,
    (SELECT json_group_array(DISTINCT json_extract(detail, '$.order_id')) {_SINCE_OPEN}
        AND json_extract(detail, '$.order_id') IS NOT NULL) AS orders,
    EXISTS (SELECT 1 {_SINCE_OPEN} AND json_extract(detail, '$.verdict') = 'done') AS was_done
"""
"""The columns that `decode_resolution` wants. What was said before is in the audit, whatever was said since."""
_FIND_RESOLUTIONS = f"SELECT {RESOLUTION} FROM resolutions WHERE event_id IN (SELECT value FROM json_each(?))"  # noqa: S608 (it is written here)
_PUT_RESOLUTION = """
    INSERT INTO resolutions (event_id, verdict, note, order_id, digest, resolved_at)
    VALUES (:event_id, :verdict, :note, :order_id, (SELECT digest FROM sightings WHERE event_id = :event_id), :at)
    ON CONFLICT (event_id) DO UPDATE SET
        verdict = excluded.verdict, note = excluded.note, order_id = coalesce(excluded.order_id, order_id),
        digest = excluded.digest, resolved_at = excluded.resolved_at
"""


def put_resolution(change: Change, event_id: EventId, verdict: Verdict, note: str, order_id: OrderId | None) -> None:
    """Stores a person's word on an event, in place of an earlier one. The orders named before stay named."""
    row = {"event_id": event_id, "verdict": verdict, "note": note, "order_id": order_id, "at": change.at}
    change.connection.execute(_PUT_RESOLUTION, row)
    change.audit(AuditKind.RESOLVED, event_id, verdict=verdict, note=note, order_id=order_id)


def drop_resolution(change: Change, event_id: EventId, note: str) -> bool:
    """Takes that word back: runs see to the event again. False if there was none."""
    dropped = change.connection.execute("DELETE FROM resolutions WHERE event_id = ?", (event_id,)).rowcount > 0
    if dropped:
        change.audit(AuditKind.REOPENED, event_id, note=note)
    return dropped


def note_change(change: Change, event_id: EventId, digest: str) -> None:
    """Notes that a change of the event since was told, so that it isn't told twice."""
    change.connection.execute("UPDATE resolutions SET digest = ? WHERE event_id = ?", (digest, event_id))
    change.audit(AuditKind.CHANGED_AFTER_RESOLUTION, event_id, digest=digest)


def find_resolutions(connection: sqlite3.Connection, event_ids: Iterable[EventId]) -> dict[EventId, Resolution]:
    """What was resolved of these events."""
    wanted = json.dumps(list(event_ids))
    return {row["event_id"]: decode_resolution(row) for row in connection.execute(_FIND_RESOLUTIONS, (wanted,))}


def decode_resolution(row: sqlite3.Row) -> Resolution:
    """A row of the table as data."""
    return Resolution(
        event_id=row["event_id"],
        verdict=row["verdict"],
        note=row["note"],
        order_id=row["order_id"],
        digest=row["digest"],
        resolved_at=datetime.fromisoformat(row["resolved_at"]),
        orders=tuple(dict.fromkeys([*json.loads(row["orders"]), *([row["order_id"]] if row["order_id"] else [])])),
        was_done=bool(row["was_done"]) or row["verdict"] == "done",
    )
