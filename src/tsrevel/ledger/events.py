"""The tables of events: what was last made of each, what dry runs found, what a person resolved, webhook deliveries."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from tsrevel.ledger import orders
from tsrevel.ledger.audit import Change
from tsrevel.ledger.plan_json import decode_snapshot, encode_snapshot
from tsrevel.ledger.records import (
    AuditKind,
    DeliveryKey,
    EventResult,
    LastResult,
    OrderRecord,
    Resolution,
    Verdict,
    decode_instant,
)
from tsrevel.planning.identity import NAMELESS
from tsrevel.planning.model import Event, EventId, OrderId

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


_FIND_DRY = "SELECT status, reason, text_hash FROM dry_sightings WHERE event_id = ?"
_PUT_DRY = """
    INSERT INTO dry_sightings
        (event_id, event_day, location, status, reason, text_hash, missed_at, since_at, last_seen_at, run_id)
    VALUES (:event_id, :event_day, :location, :status, :reason, :text_hash, :missed_at, :at, :at, :run_id)
    ON CONFLICT (event_id) DO UPDATE SET
        event_day = excluded.event_day, location = excluded.location, reason = excluded.reason,
        text_hash = excluded.text_hash, missed_at = coalesce(missed_at, excluded.missed_at),
        since_at = iif(status = excluded.status, since_at, excluded.since_at), status = excluded.status,
        last_seen_at = excluded.last_seen_at, run_id = excluded.run_id
"""


def put_dry_results(change: Change, seen: Iterable[EventResult]) -> frozenset[EventId]:
    """Stores what a dry run made of these events; those of which that is new, or not what the last one found.

    What a live run knows in the same state is neither stored nor new.
    """
    told = tuple(seen)
    known = find_results(change.connection, [one.event_id for one in told])
    return frozenset(one.event_id for one in told if _put_dry_result(change, one, known.get(one.event_id)))


def _put_dry_result(change: Change, seen: EventResult, known: LastResult | None) -> bool:
    text_hash = hashlib.sha256(seen.text.encode("utf-8", "surrogatepass")).hexdigest()
    if known and _is_known(seen, text_hash, known):
        change.connection.execute("DELETE FROM dry_sightings WHERE event_id = ?", (seen.event_id,))
        return False
    row = change.connection.execute(_FIND_DRY, (seen.event_id,)).fetchone()
    is_new = row is None or tuple(row) != (seen.status, seen.reason, text_hash)
    event_day = seen.day.isoformat() if seen.day else None
    values = {
        "event_id": seen.event_id,
        "event_day": event_day,
        "location": seen.location,
        "status": seen.status,
        "reason": seen.reason,
        "text_hash": text_hash,
        "missed_at": change.at if seen.missed else None,
        "at": change.at,
        "run_id": change.run_id,
    }
    change.connection.execute(_PUT_DRY, values)
    if is_new:
        change.audit(AuditKind.SEEN_DRY, seen.event_id, day=event_day, status=seen.status, reason=seen.reason)
    return is_new


def _is_known(seen: EventResult, text_hash: str, known: LastResult) -> bool:
    same = (known.status, known.reason, known.text_hash) == (seen.status, seen.reason, text_hash)
    return same and (known.missed_at is not None or not seen.missed)


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


_OF_DAYS = """
    SELECT event_id FROM orders WHERE json_extract(plan, '$.day') BETWEEN :first AND :last
    UNION
    SELECT event_id FROM sightings JOIN orders USING (event_id) WHERE event_day BETWEEN :first AND :last
    ORDER BY event_id
"""


@dataclass(frozen=True, slots=True)
class KnownEvents:
    """What the ledger knows of events: their orders, what was last made of them, what a person settled."""

    orders: Mapping[EventId, OrderRecord]
    sightings: Mapping[EventId, LastResult]
    resolutions: Mapping[EventId, Resolution]


def find_known(connection: sqlite3.Connection, event_ids: Iterable[EventId]) -> KnownEvents:
    """All that is known of these events. LedgerDamaged for an unreadable plan."""
    ids = list(event_ids)
    return KnownEvents(
        orders.find(connection, ids),
        find_results(connection, ids),
        find_resolutions(connection, ids),
    )


def find_ordered(connection: sqlite3.Connection, first: date, last: date) -> tuple[EventId, ...]:
    """The events with an order in the ledger, of any state, whose day was from `first` to `last` (both included)."""
    span = {"first": first.isoformat(), "last": last.isoformat()}
    found = (EventId(row["event_id"]) for row in connection.execute(_OF_DAYS, span))
    return tuple(each for each in found if not each.startswith(NAMELESS))
