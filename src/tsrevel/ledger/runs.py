"""The table of runs: one row for each invocation, opened when it begins and closed when it ends."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime

from tsrevel.ledger.audit import Change, canonical
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
