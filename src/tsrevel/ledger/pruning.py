"""What may go of the ledger when it is old: the details of orders that were settled long ago, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from tsrevel.ledger.audit import Change
from tsrevel.ledger.records import AuditKind, encode_instant

_LONG_SETTLED = """
    SELECT event_id FROM orders LEFT JOIN sightings USING (event_id)
    WHERE state = 'settled' AND plan IS NOT NULL AND look_again_at IS NULL
      AND orders.touched_at < :before AND coalesce(event_day, json_extract(plan, '$.day')) < :before
"""
_GOES: Mapping[str, str] = {
    "receipts": f"receipts WHERE event_id IN ({_LONG_SETTLED}) AND recorded_at < :before",
    "attempts": f"attempts WHERE event_id IN ({_LONG_SETTLED}) AND at < :before",
    "deliveries": "deliveries WHERE handled_at < :before AND subject IN "  # noqa: S608 (all of it is written here)
    f"(SELECT 'event ' || event_id FROM ({_LONG_SETTLED}))",
    "sightings": f"""
        sightings WHERE event_id IN ({_LONG_SETTLED}) AND last_seen_at < :before
        AND status IN ('injected', 'skipped') AND missed_at IS NULL
    """,
}
"""What is dropped of events whose order was settled long ago. Sightings last: the others ask them for days."""


def count_old_details(connection: sqlite3.Connection, before: datetime) -> dict[str, int]:
    """How many rows of each table `drop` would drop."""
    return {
        table: int(connection.execute(f"SELECT count(*) FROM {rows}", _bounds(before)).fetchone()[0])  # noqa: S608
        for table, rows in _GOES.items()
    }


def drop_old_details(change: Change, before: datetime, older_than: int) -> dict[str, int]:
    """Drops the details of orders settled before `before`; how many rows of each table. The audit says so.

    What stays for ever: each event's order with its id, uuid, local_id and plan, whatever is held, disputed or somebody
    else's, all runs and the whole audit.
    """
    gone = {
        table: change.connection.execute(f"DELETE FROM {rows}", _bounds(before)).rowcount  # noqa: S608
        for table, rows in _GOES.items()
    }
    if any(gone.values()):
        told = {table: str(number) for table, number in gone.items()}
        change.audit(AuditKind.PRUNED, None, older_than=str(older_than), **told)
    return gone


def _bounds(before: datetime) -> dict[str, str]:
    return {"before": encode_instant(before)}
