"""The table of sightings: what was last made of each event, so that each finding is reported once."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from datetime import date, datetime

from tsrevel.ledger.audit import Change
from tsrevel.ledger.records import Seen, Sighting, decode_instant
from tsrevel.planning.model import EventId

_FIND = """
    SELECT event_id, event_day, status, reason, text_hash, digest, missed_at, first_seen_at, last_seen_at
    FROM sightings WHERE event_id IN (SELECT value FROM json_each(?))
"""
_PUT = """
    INSERT INTO sightings
        (event_id, event_day, status, reason, text_hash, digest, missed_at, first_seen_at, last_seen_at, run_id)
    VALUES
        (:event_id, :event_day, :status, :reason, :text_hash, :digest, :missed_at, :at, :at, :run_id)
    ON CONFLICT (event_id) DO UPDATE SET
        event_day = excluded.event_day, status = excluded.status, reason = excluded.reason,
        text_hash = excluded.text_hash, digest = excluded.digest,
        missed_at = coalesce(missed_at, excluded.missed_at),
        last_seen_at = excluded.last_seen_at, run_id = excluded.run_id
"""
_COUNT_UNSETTLED = """
    SELECT count(*) FROM sightings LEFT JOIN orders USING (event_id)
    WHERE event_day BETWEEN ? AND ?
      AND (sightings.status IN ('held', 'failed', 'planned')
           OR sightings.reason IN ('TOO_EARLY', 'RUN_LIMIT_REACHED'))
      AND (orders.state IS NULL OR orders.state NOT IN ('settled', 'foreign'))
"""


def put(change: Change, seen: Seen) -> bool:
    """Stores what was made of an event. True if its status, reason or text is new or not what it last was.

    Only news goes into the audit. `missed_at` is set by the first `missed` and stays.
    """
    known = find(change.connection, [seen.event_id]).get(seen.event_id)
    text_hash = hashlib.sha256(seen.text.encode("utf-8", "surrogatepass")).hexdigest()
    event_day = seen.day.isoformat() if seen.day else None
    row = {
        "event_id": seen.event_id,
        "event_day": event_day,
        "status": seen.status,
        "reason": seen.reason,
        "text_hash": text_hash,
        "digest": seen.digest,
        "missed_at": change.at if seen.missed else None,
        "at": change.at,
        "run_id": change.run_id,
    }
    change.connection.execute(_PUT, row)
    if seen.missed and (known is None or known.missed_at is None):
        change.audit("missed", seen.event_id, day=event_day)
    before = (known.status, known.reason, known.text_hash) if known else None
    is_news = before != (seen.status, seen.reason, text_hash)
    if is_news:
        change.audit("seen", seen.event_id, day=event_day, status=seen.status, reason=seen.reason, text_hash=text_hash)
    return is_news


def find(connection: sqlite3.Connection, event_ids: Iterable[EventId]) -> dict[EventId, Sighting]:
    """The sightings of these events, as far as there are any."""
    wanted = json.dumps(list(event_ids))
    return {row["event_id"]: _decode_sighting(row) for row in connection.execute(_FIND, (wanted,))}


def count_unsettled(connection: sqlite3.Connection, first: date, last: date) -> int:
    """How many events of the days from `first` to `last` were still to be dealt with when last seen."""
    found = connection.execute(_COUNT_UNSETTLED, (first.isoformat(), last.isoformat()))
    number: int = found.fetchone()[0]
    return number


def _decode_sighting(row: sqlite3.Row) -> Sighting:
    return Sighting(
        event_id=row["event_id"],
        day=date.fromisoformat(row["event_day"]) if row["event_day"] else None,
        status=row["status"],
        reason=row["reason"],
        text_hash=row["text_hash"],
        digest=row["digest"],
        missed_at=decode_instant(row["missed_at"]),
        first_seen_at=datetime.fromisoformat(row["first_seen_at"]),
        last_seen_at=datetime.fromisoformat(row["last_seen_at"]),
    )
