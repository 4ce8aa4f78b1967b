"""The table of sightings: what was last made of each event, so that each finding is reported once."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from datetime import date, datetime

from tsrevel.ledger.audit import Change
from tsrevel.ledger.records import AuditKind, EventResult, LastResult, decode_instant
from tsrevel.ledger.snapshot import decode_snapshot, encode_snapshot
from tsrevel.planning.identity import NAMELESS
from tsrevel.planning.model import Event, EventId

_FIND_RESULTS = """
    SELECT event_id, event_day, status, reason, text_hash, digest, missed_at, first_seen_at, last_seen_at, updated,
        snapshot IS NOT NULL AS has_snapshot, unlisted_at, location
    FROM sightings WHERE event_id IN (SELECT value FROM json_each(?))
"""
_PUT_RESULT = """
    INSERT INTO sightings
        (event_id, event_day, status, reason, text_hash, digest, missed_at, first_seen_at, last_seen_at, run_id,
        updated, snapshot, location, unlisted_at)
    VALUES
        (:event_id, :event_day, :status, :reason, :text_hash, :digest, :missed_at, :at, :at, :run_id,
        :updated, :snapshot, :location, iif(:unlisted, :at, NULL))
    ON CONFLICT (event_id) DO UPDATE SET
        event_day = excluded.event_day, status = excluded.status, reason = excluded.reason,
        text_hash = excluded.text_hash, digest = excluded.digest,
        missed_at = coalesce(missed_at, excluded.missed_at),
        last_seen_at = excluded.last_seen_at, run_id = excluded.run_id,
        unlisted_at = CASE WHEN :unlisted THEN coalesce(unlisted_at, :at) WHEN :digest IS NULL THEN unlisted_at END,
        updated = excluded.updated, location = coalesce(nullif(excluded.location, ''), location),
        snapshot = CASE WHEN excluded.status IN ('held', 'failed') THEN coalesce(excluded.snapshot, snapshot) END
"""
_SNAPSHOT = "SELECT snapshot FROM sightings WHERE event_id = ?"
_TO_RETRY = """
    SELECT event_id FROM sightings
    WHERE status IN ('held', 'failed') AND event_id NOT IN (SELECT event_id FROM resolutions)
    ORDER BY event_day, event_id
"""
_RETRY_OF_RUN = """
    SELECT event_id FROM attempts JOIN runs USING (run_id)
    WHERE (runs.run_id = :run OR correlation_id = :run) AND status IN ('held', 'failed') ORDER BY attempts.rowid
"""
_IS_RUN = "SELECT EXISTS (SELECT 1 FROM runs WHERE run_id = :run OR correlation_id = :run) AS known"
_ATTEMPT = """
    INSERT INTO attempts (run_id, event_id, status, reason, order_id, at)
    VALUES (:run_id, :event_id, :status, :reason, :order_id, :at)
    ON CONFLICT (run_id, event_id) DO UPDATE SET
        status = excluded.status, reason = excluded.reason, order_id = excluded.order_id, at = excluded.at
"""
_TROUBLE = frozenset({"held", "failed"})
_TOLD_AS_ATTEMPT = frozenset({"injected", "held", "failed"})
_UNSETTLED = """
    FROM sightings LEFT JOIN orders USING (event_id)
    WHERE event_day BETWEEN ? AND ?
      AND (sightings.status IN ('held', 'failed', 'planned')
           OR sightings.reason IN ('TOO_EARLY', 'RUN_LIMIT_REACHED', 'CONNECTOR_DISABLED'))
      AND (orders.state IS NULL OR orders.state NOT IN ('settled', 'foreign'))
      AND event_id NOT IN (SELECT event_id FROM resolutions)
"""


_COUNT_UNSETTLED = f"SELECT count(*) {_UNSETTLED}"
_FIND_UNSETTLED = f"""
    SELECT event_id {_UNSETTLED}
    ORDER BY abs(julianday(event_day) - julianday(?)), sightings.last_seen_at, event_id
"""


def put_result(change: Change, seen: EventResult) -> bool:
    """Stores what was made of an event. True if its status, reason or text is new or not what it last was.

    Only news goes into the audit. `missed_at` is set by the first `missed` and stays. What a dry run found goes: now it
    is known. Trouble that the run didn't come to look into stands as it was.
    """
    known = find_results(change.connection, [seen.event_id]).get(seen.event_id)
    latest = _later(known.updated if known else None, seen.updated)
    text_hash = hashlib.sha256(seen.text.encode("utf-8", "surrogatepass")).hexdigest()
    event_day = seen.day.isoformat() if seen.day else None
    row = {
        "event_id": seen.event_id,
        "event_day": event_day,
        "status": seen.status,
        "reason": seen.reason,
        "text_hash": text_hash,
        "digest": seen.digest,
        "order_id": seen.order_id,
        "updated": latest.isoformat() if latest else None,
        "snapshot": encode_snapshot(seen.event) if seen.event and seen.status in {"held", "failed"} else None,
        "missed_at": change.at if seen.missed else None,
        "location": seen.location,
        "unlisted": seen.unlisted,
        "at": change.at,
        "run_id": change.run_id,
    }
    stands = not seen.looked_into and known is not None and known.status in _TROUBLE
    if not stands:
        change.connection.execute(_PUT_RESULT, row)
        change.connection.execute("DELETE FROM dry_sightings WHERE event_id = ?", (seen.event_id,))
    if seen.status in _TOLD_AS_ATTEMPT:
        change.connection.execute(_ATTEMPT, row)
    if stands:
        return False
    if seen.missed and (known is None or known.missed_at is None):
        change.audit(AuditKind.MISSED, seen.event_id, day=event_day)
    before = (known.status, known.reason, known.text_hash) if known else None
    is_news = before != (seen.status, seen.reason, text_hash)
    if is_news:
        change.audit(
            AuditKind.SEEN, seen.event_id, day=event_day, status=seen.status, reason=seen.reason, text_hash=text_hash
        )
    return is_news


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two stamps of TripleSeat's; the other one where they can't be compared: only one has a zone."""
    if one is None or other is None or (one.tzinfo is None) != (other.tzinfo is None):
        return other or one
    return max(one, other)


def find_results(connection: sqlite3.Connection, event_ids: Iterable[EventId]) -> dict[EventId, LastResult]:
    """The sightings of these events, as far as there are any."""
    wanted = json.dumps(list(event_ids))
    return {row["event_id"]: _decode_result(row) for row in connection.execute(_FIND_RESULTS, (wanted,))}


def find_snapshot(connection: sqlite3.Connection, event_id: EventId) -> Event | None:
    """The copy that is kept of an event to be tried again; None if there is none. LedgerDamaged if unreadable."""
    row = connection.execute(_SNAPSHOT, (event_id,)).fetchone()
    return decode_snapshot(row["snapshot"]) if row and row["snapshot"] else None


def retryable(connection: sqlite3.Connection) -> tuple[EventId, ...]:
    """The events that were held or failed when last seen, by their days; without those that have no id."""
    found = (row["event_id"] for row in connection.execute(_TO_RETRY))
    return tuple(EventId(each) for each in found if not each.startswith(NAMELESS))


def unsuccessful_in(connection: sqlite3.Connection, run: str) -> tuple[EventId, ...] | None:
    """The events that this run (its id or its correlation id) held or failed; None if there was no such run."""
    if not connection.execute(_IS_RUN, {"run": run}).fetchone()["known"]:
        return None
    return tuple(dict.fromkeys(EventId(row["event_id"]) for row in connection.execute(_RETRY_OF_RUN, {"run": run})))


def count_unsettled(connection: sqlite3.Connection, first: date, last: date) -> int:
    """How many events of the days from `first` to `last` were still to be dealt with when last seen."""
    found = connection.execute(_COUNT_UNSETTLED, (first.isoformat(), last.isoformat()))
    number: int = found.fetchone()[0]
    return number


def find_unsettled(connection: sqlite3.Connection, first: date, last: date, today: date) -> tuple[EventId, ...]:
    """Those events: the nearest to `today` first, of each day those first that weren't seen for longest."""
    days = (first.isoformat(), last.isoformat(), today.isoformat())
    found = (row["event_id"] for row in connection.execute(_FIND_UNSETTLED, days))
    return tuple(EventId(each) for each in found if not each.startswith(NAMELESS))


def _decode_result(row: sqlite3.Row) -> LastResult:
    return LastResult(
        event_id=row["event_id"],
        day=date.fromisoformat(row["event_day"]) if row["event_day"] else None,
        status=row["status"],
        reason=row["reason"],
        text_hash=row["text_hash"],
        digest=row["digest"],
        missed_at=decode_instant(row["missed_at"]),
        first_seen_at=datetime.fromisoformat(row["first_seen_at"]),
        last_seen_at=datetime.fromisoformat(row["last_seen_at"]),
        updated=decode_instant(row["updated"]),
        has_snapshot=bool(row["has_snapshot"]),
        unlisted_at=decode_instant(row["unlisted_at"]),
        location=row["location"],
    )
