"""The table of what dry runs found that no live run knows: there only until one sees the event."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tsrevel.ledger.audit import Change
from tsrevel.ledger.events import find_results
from tsrevel.ledger.records import AuditKind, EventResult, LastResult
from tsrevel.planning.model import EventId

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
