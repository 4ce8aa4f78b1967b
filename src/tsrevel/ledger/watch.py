"""The table of shown orders: what Revel last showed of a finished order, where a station has changed it.

An order without a row is as it was proven to be when it was finished.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import date

from tsrevel.ledger.audit import Change, canonical
from tsrevel.ledger.records import AuditKind, StationReport
from tsrevel.planning.model import EventId

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
