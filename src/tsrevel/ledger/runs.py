"""The tables of runs and of the pause: each invocation, and the kill switch that a person sets by hand."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tsrevel.ledger.audit import Change, canonical
from tsrevel.ledger.connection import SQLITE, Connect
from tsrevel.ledger.database import open_to_look
from tsrevel.ledger.migrations import version_of
from tsrevel.ledger.records import AuditKind, ClaimConflict, ConflictCode, RunRecord, decode_instant, encode_instant

_IS_ANY_LIVE = "SELECT EXISTS (SELECT 1 FROM runs WHERE mode = 'bulk' AND NOT dry_run)"
_BEGIN = "INSERT INTO runs (run_id, correlation_id, mode, dry_run, whole, started_at) VALUES (?, ?, ?, ?, ?, ?)"
_FINISH = """
    UPDATE runs SET finished_at = ?, exit_status = ?, summary = ? WHERE run_id = ? AND finished_at IS NULL
"""
_LEAVE_OUT = "UPDATE runs SET whole = 0 WHERE run_id = ?"
_LATEST = """
    SELECT run_id, correlation_id, mode, dry_run, whole, started_at, finished_at, exit_status, summary
    FROM runs ORDER BY started_at DESC, rowid DESC LIMIT ?
"""
_LAST_GOOD = """
    SELECT run_id, correlation_id, mode, dry_run, whole, started_at, finished_at, exit_status, summary
    FROM runs WHERE whole AND mode = 'bulk' AND NOT dry_run AND exit_status IN (0, 3, :alarm)
    ORDER BY started_at DESC, rowid DESC LIMIT 1
"""


def is_any_live(connection: sqlite3.Connection) -> bool:
    """Whether any live bulk run was ever begun with this ledger."""
    return bool(connection.execute(_IS_ANY_LIVE).fetchone()[0])


def begin(change: Change, run: RunRecord) -> None:
    """Stores a run that begins. ClaimConflict if its id is taken."""
    started = encode_instant(run.started_at)
    change.connection.execute(_BEGIN, (run.run_id, run.correlation_id, run.mode, run.dry_run, run.whole, started))
    dry_run = "yes" if run.dry_run else "no"
    change.audit(AuditKind.RUN_BEGUN, correlation_id=run.correlation_id, mode=run.mode, dry_run=dry_run)


def finish(change: Change, exit_status: int, summary: Mapping[str, int]) -> None:
    """Closes the run. ClaimConflict if it never began or was closed before."""
    text = json.dumps(dict(summary))
    updated = change.connection.execute(_FINISH, (change.at, exit_status, text, change.run_id))
    if updated.rowcount != 1:
        raise ClaimConflict(
            ConflictCode.RUN_NOT_OPEN, f"Run {change.run_id} can't finish: it never began, or has finished."
        )
    counted = canonical({name: str(number) for name, number in summary.items()})
    change.audit(AuditKind.RUN_FINISHED, exit_status=str(exit_status), summary=counted)


def leave_out(change: Change) -> None:
    """The run doesn't look at every event, though it meant to."""
    change.connection.execute(_LEAVE_OUT, (change.run_id,))
    change.audit(AuditKind.LEFT_OUT)


def latest(connection: sqlite3.Connection, limit: int) -> tuple[RunRecord, ...]:
    """The last `limit` runs, newest first."""
    return tuple(_decode_run(row) for row in connection.execute(_LATEST, (limit,)))


def last_good(connection: sqlite3.Connection, *, with_alarm: bool = True) -> RunRecord | None:
    """The last live run over all events that came to its end: exit 0, or with some held or failed (3).

    Also one that found what a person must look at (14), unless `with_alarm` says no.
    """
    row = connection.execute(_LAST_GOOD, {"alarm": 14 if with_alarm else 0}).fetchone()
    return _decode_run(row) if row else None


def _decode_run(row: sqlite3.Row) -> RunRecord:
    return RunRecord(
        run_id=row["run_id"],
        correlation_id=row["correlation_id"],
        mode=row["mode"],
        dry_run=bool(row["dry_run"]),
        whole=bool(row["whole"]),
        started_at=datetime.fromisoformat(row["started_at"]),
        finished_at=decode_instant(row["finished_at"]),
        exit_status=row["exit_status"],
        summary=json.loads(row["summary"]),
    )


_SINCE_VERSION = 5
_FIND_PAUSE = "SELECT since_at, reason FROM pause"
_ADD_REASON = "UPDATE pause SET reason = ? WHERE reason = ''"
_BEGIN_PAUSE = "INSERT INTO pause (id, since_at, reason) VALUES (1, ?, ?)"


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when (aware, UTC) nothing is done, and why, in the words of whoever said so ('' for no reason given)."""

    since: datetime
    reason: str

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f"paused since {self.since:%Y-%m-%d %H:%M} UTC{why}; `tsrevel resume` ends it"


def find_pause(connection: sqlite3.Connection) -> Pause | None:
    """The pause; None if there is none."""
    row = connection.execute(_FIND_PAUSE).fetchone()
    return Pause(datetime.fromisoformat(row["since_at"]), row["reason"]) if row else None


def begin_pause(change: Change, reason: str) -> Pause | None:
    """Pauses; where that was done before, the first pause stands, and is returned as it was. The audit holds no reason.

    A pause that had no reason gets this one.
    """
    before = find_pause(change.connection)
    if before is None:
        change.connection.execute(_BEGIN_PAUSE, (change.at, reason))
        change.audit(AuditKind.PAUSED)
    elif reason and not before.reason:
        change.connection.execute(_ADD_REASON, (reason,))
        change.audit(AuditKind.PAUSE_REASON_ADDED)
    return before


def end_pause(change: Change) -> Pause | None:
    """Ends the pause, and returns it; None if there was none."""
    before = find_pause(change.connection)
    if before:
        change.connection.execute("DELETE FROM pause")
        change.audit(AuditKind.RESUMED, since=before.since.isoformat())
    return before


def look_for_pause(path: Path, opened_by: Connect = SQLITE) -> Pause | None:
    """The pause in the ledger at `path`, without a lock; makes and changes nothing.

    None as well where the ledger can't be read: then a run that opens it says why.
    """
    try:
        real = path.resolve(strict=True)
        with closing(open_to_look(real, opened_by)) as connection:
            return find_pause(connection) if version_of(connection) >= _SINCE_VERSION else None
    except (OSError, sqlite3.Error):
        return None
