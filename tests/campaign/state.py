"""What a schedule has come to: a fingerprint of all that the next run can meet, so that like states are known as like.

Times count as whole minutes from now, and what nobody reads again (texts, audit, dates of rows) doesn't count.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .rig import Rig

_TABLES = {
    "runs": "SELECT mode, dry_run, whole, finished_at IS NULL, exit_status, started_at FROM runs ORDER BY run_id",
    "orders": "SELECT event_id, state, plan, seen_plan, order_id, local_id, digest, cancelled, touched_at,"
    " look_again_at, run_id FROM orders ORDER BY event_id",
    "steps": "SELECT event_id, uuid, sent_at, unanswered FROM steps ORDER BY event_id, seq",
    "receipts": "SELECT event_id, uuid, revel_id FROM receipts ORDER BY event_id, uuid",
    "sightings": "SELECT event_id, event_day, status, reason, digest, missed_at FROM sightings ORDER BY event_id",
}
_ALIKE = ("_date", "_at")
"""Ends of the names of a row's fields that say when something was written, to the second, or by which station."""


def fingerprint(rig: Rig) -> str:
    """Two rigs with the same one go on alike, whatever strikes next at whichever point."""
    parts = [*_ledger(rig), *_services(rig), *_memory(rig)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _ledger(rig: Rig) -> Iterator[str]:
    path = rig.folder / "ledger.sqlite3"
    if not path.exists():
        return
    with closing(sqlite3.connect(path)) as connection:
        for table, sql in _TABLES.items():
            for row in connection.execute(sql):
                yield f"{table} {[_coarse(rig, value) for value in row]}"


def _coarse(rig: Rig, value: Any) -> Any:
    """An instant as minutes from now; anything else as it is."""
    if not isinstance(value, str) or len(value) < 20 or not value.endswith("+00:00"):
        return value
    return _minutes(rig, datetime.fromisoformat(value))


def _minutes(rig: Rig, at: datetime) -> int:
    return round((at - rig.time.now).total_seconds() / 60)


def _services(rig: Rig) -> Iterator[str]:
    for resource, rows in rig.revel.state.rows.items():
        if resource not in {"Product", "Establishment", "User", "PosStation", "Discount"}:
            for row in rows.values():
                fields = sorted((key, str(value)) for key, value in row.items() if not key.endswith(_ALIKE))
                yield f"{resource} {fields}"
    yield f"hidden {sorted(rig.revel.state.hidden.items())} {_minutes(rig, rig.hidden_until) > 0}"
    for number, event in rig.tripleseat.state.events.items():
        yield f"event {number} {event}"
    token = json.loads((rig.folder / "token.json").read_text(encoding="utf-8"))
    left = int(token["expires_at"] - rig.time.now.timestamp()) // 60
    yield f"token {left} {token['refresh_token'] == rig.tripleseat.tokens.refresh}"
    yield f"late {[(_minutes(rig, at), service, request.read()) for at, service, request in rig.late]}"


def _memory(rig: Rig) -> Iterator[str]:
    """What the invariants go by."""
    yield f"contents {rig.versions} {rig.since} {rig.ended} {sorted((n, sorted(c)) for n, c in rig.changes.items())}"
    unseen = [(number, at > rig.last_look(number)) for number, at in sorted(rig.touched.items())]
    gone = [(number, at > rig.last_look(number)) for number, at in sorted(rig.removed.items())]
    yield f"touched {unseen} removed {gone} told {sorted(rig.told)} lost {rig.ledger_lost}"
    yield f"twins {sorted(rig.twins)} renamed {sorted(rig.renamed)} user {rig.user}"
