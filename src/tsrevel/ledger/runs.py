"""Runs, one row for each invocation, and the pause, during which no run does anything."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path

from tsrevel.errors import ClaimConflict, ConflictCode
from tsrevel.files import look_at, real_path
from tsrevel.ledger.connection import (
    SQLITE,
    Connect,
    Repository,
    canonical,
    decode_instant,
    encode_instant,
    event_id_of,
    reachable,
    reader_of,
    record_of,
)
from tsrevel.ledger.migrations import PAUSE_SINCE, version_of
from tsrevel.ledger.reading import again_if_changed, reading_file
from tsrevel.ledger.records import AuditKind, RunRecord
from tsrevel.planning.model import EventId

_COUNT = "SELECT count(*) AS number FROM runs WHERE mode = 'bulk' AND dry_run = ?"
_BEGIN = """
    INSERT INTO runs (run_id, correlation_id, mode, dry_run, whole, locations, started_at) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_FINISH = """
    UPDATE runs SET finished_at = ?, exit_status = ?, summary = ? WHERE run_id = ? AND finished_at IS NULL
"""
_MARK_PARTIAL = "UPDATE runs SET whole = 0 WHERE run_id = ? AND whole"
_RUNS = "SELECT *, rowid < (SELECT max(rowid) FROM runs) AS followed FROM runs"
# By rowid, not by `started_at`: after a run with a fast clock, that run isn't the last one for ever.
_LATEST = f"""
    {_RUNS} WHERE (mode = 'bulk' OR NOT :bulk) AND (NOT dry_run OR NOT :live)
    ORDER BY rowid DESC LIMIT :limit
"""
_FIND = f"""
    {_RUNS} WHERE correlation_id = ?1 OR (length(?1) >= 8 AND substr(run_id, 1, length(?1)) = ?1)
    ORDER BY rowid DESC
"""
_GOOD = f"""
    {_RUNS} WHERE mode = 'bulk' AND NOT dry_run AND whole AND exit_status IN (0, 3, 14) AND started_at <= ?
    ORDER BY rowid DESC
"""
_FIRST_BEGUN = """
    SELECT min(started_at) AS at FROM runs WHERE mode = 'bulk' AND NOT dry_run
        AND (locations IS NULL OR (whole AND locations = '[]') OR :location IN (SELECT value FROM json_each(locations)))
"""
"""An older version didn't store which locations a whole run covered (`[]`), or one that left events out (NULL)."""
_UNREPORTED = """
    SELECT event_id, correlation_id FROM orders JOIN runs ON runs.run_id = untold
    WHERE untold IS NOT NULL AND untold <> ? AND NOT EXISTS (
        SELECT 1 FROM attempts
        WHERE attempts.run_id = untold AND attempts.event_id = orders.event_id AND status = 'injected')
    ORDER BY touched_at, event_id
"""
"""An older version's run that was under way at the migration stores its report, but leaves `untold`."""
_ANYWHERE = ("",)
"""In place of locations if there are none: no run that names its locations covers it."""
_RESUMED = "SELECT max(at) AS at FROM audit WHERE kind = 'resumed' AND at <= ?"
_FIND_PAUSE = "SELECT since_at, reason FROM pause"
_ADD_PAUSE_REASON = "UPDATE pause SET reason = ? WHERE reason = ''"
_BEGIN_PAUSE = "INSERT INTO pause (id, since_at, reason) VALUES (1, ?, ?)"


@dataclass(frozen=True, slots=True)
class Pause:
    """No run does anything since `since` (aware, UTC). `reason` is in the operator's words ('' if none was given)."""

    since: datetime
    reason: str

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f"paused since {self.since:%Y-%m-%d %H:%M} UTC{why}; `tsrevel resume` ends it"


class RunRepository(Repository):
    """`ledger.runs`: every run from begin to end, and the pause."""

    def begin(self, run: RunRecord) -> None:
        """Stores a run that begins. Changes that name the run need this one first. ClaimConflict if the id is taken."""
        with self._transactions.changing(run.run_id) as change:
            started = encode_instant(run.started_at)
            places = json.dumps(run.locations)
            row = (run.run_id, run.correlation_id, run.mode, run.dry_run, run.whole, places, started)
            change.execute(_BEGIN, row)
            dry_run = "yes" if run.dry_run else "no"
            change.audit(AuditKind.RUN_BEGUN, correlation_id=run.correlation_id, mode=run.mode, dry_run=dry_run)

    def count(self, *, dry_run: bool) -> int:
        """How many runs of `sync` there have been, live or dry, including one under way."""
        return self._first(lambda row: int(row["number"]), _COUNT, (dry_run,)) or 0

    def is_empty(self) -> bool:
        """Whether no run was ever made with this ledger."""
        return not self._is("SELECT EXISTS (SELECT 1 FROM runs)")

    def finish(self, run_id: str, *, exit_status: int, summary: Mapping[str, int]) -> None:
        """Closes a run. ClaimConflict if it never began or was closed before."""
        with self._transactions.changing(run_id) as change:
            text = json.dumps(dict(summary))
            updated = change.execute(_FINISH, (change.at, exit_status, text, run_id))
            if updated.rowcount != 1:
                raise ClaimConflict(
                    ConflictCode.RUN_NOT_OPEN, f"Run {run_id} can't finish: it never began, or has finished."
                )
            counted = canonical({name: str(number) for name, number in summary.items()})
            change.audit(AuditKind.RUN_FINISHED, exit_status=str(exit_status), summary=counted)

    def mark_partial(self, run_id: str) -> None:
        """Records that this run leaves events out, so it doesn't count as a good one anywhere.

        Nothing changes for a run that can't be a good one, because it was over named events or some days.
        """
        with self._transactions.changing(run_id) as change:
            if change.execute(_MARK_PARTIAL, (run_id,)).rowcount:
                change.audit(AuditKind.LEFT_OUT)

    def unreported(self, run_id: str) -> dict[EventId, str]:
        """The orders that runs made and no run has reported as made, each with its run's correlation id.

        `run_id` is the current run, whose own orders don't count.
        """
        return dict(self._all(lambda row: (event_id_of(row), row["correlation_id"]), _UNREPORTED, (run_id,)))

    def latest(self, limit: int, *, bulk: bool = False, live: bool = False) -> tuple[RunRecord, ...]:
        """The last `limit` runs, newest first: of `sync` only (`bulk`), or without dry ones (`live`)."""
        return self._all(reader_of(RunRecord), _LATEST, {"limit": limit, "bulk": bulk, "live": live})

    def find(self, text: str) -> tuple[RunRecord, ...]:
        """The runs whose correlation id is `text`, or whose run id begins with it (8 characters or more)."""
        return self._all(reader_of(RunRecord), _FIND, (text,))

    def last_good(self, locations: Iterable[str], now: datetime) -> RunRecord | None:
        """The last good run over these locations until `now`; None if there is none over one of them.

        That is a live run over all their events that left none out (`mark_partial`) and ended with exit status 0, 3 or
        14. If each run covers only some of the locations, it is the oldest of their last ones. A run that began after
        `now` had a fast clock, and doesn't count. Without `locations` only a run that named none counts.
        """
        return oldest_of(self.last_good_of_each(locations, now))

    def last_good_of_each(self, locations: Iterable[str], now: datetime) -> dict[str, RunRecord | None]:
        """The last good run (`last_good`) over each of these locations; None where there was none."""
        last: dict[str, RunRecord | None] = dict.fromkeys(tuple(locations) or _ANYWHERE)
        missing = set(last)
        with self._transactions.reading() as connection:
            for row in connection.execute(_GOOD, (encode_instant(now),)):  # the newest mostly covers all
                named = json.loads(row["locations"] or "[]")
                covered = missing.intersection(named) if named else missing
                if covered:
                    last |= dict.fromkeys(covered, record_of(RunRecord, row))
                    missing -= covered
                if not missing:
                    break
        return last

    def unseen_since(self, locations: Iterable[str], now: datetime) -> datetime | None:
        """Since when one of these locations has had no good run (`last_good`): the start of its last one.

        A location that never had one counts from its first live run, which failed or stopped early. None if there was
        none at any of them.
        """
        with self._transactions.reading():
            last = self.last_good_of_each(locations, now)
            starts = (good.started_at if good else self._first_begun_at(each) for each, good in last.items())
            return min(filter(None, starts), default=None)

    def _first_begun_at(self, location: str) -> datetime | None:
        return self._first(lambda row: decode_instant(row["at"]), _FIRST_BEGUN, {"location": location})

    def pause(self, reason: str) -> Pause | None:
        """Pauses all runs. If they are paused already, that pause stays, and is returned as it was.

        An earlier pause without a reason gets this one. The audit stores no reason.
        """
        with self._transactions.changing(None) as change:
            before = _find_pause(change.connection)
            if before is None:
                change.execute(_BEGIN_PAUSE, (change.at, reason))
                change.audit(AuditKind.PAUSED)
            elif reason and not before.reason:
                change.execute(_ADD_PAUSE_REASON, (reason,))
                change.audit(AuditKind.PAUSE_REASON_ADDED)
            return before

    def resume(self) -> Pause | None:
        """Ends the pause, and returns it; None if there was none."""
        with self._transactions.changing(None) as change:
            before = _find_pause(change.connection)
            if before:
                change.execute("DELETE FROM pause")
                change.audit(AuditKind.RESUMED, since=before.since.isoformat())
            return before

    def resumed_at(self, now: datetime) -> datetime | None:
        """The end of the last pause until `now`; None if none has ended."""
        return self._first(lambda row: decode_instant(row["at"]), _RESUMED, (encode_instant(now),))

    def paused(self) -> Pause | None:
        """The pause; None if there is none."""
        with self._transactions.reading() as connection:
            return _find_pause(connection)


@again_if_changed
def read_pause(path: Path, opened_by: Connect = SQLITE) -> Pause | None:
    """The pause in the ledger at `path`; None if there is none, or no ledger. Takes no lock and changes nothing.

    Raises LedgerUnusable and LedgerDamaged if the ledger can't be read: runs may be paused.
    """
    with reachable(path):
        real = real_path(path)
        if look_at(real) is None:
            return None
    with reading_file(real, opened_by) as connection:
        return _find_pause(connection) if version_of(connection) >= PAUSE_SINCE else None


def _find_pause(connection: sqlite3.Connection) -> Pause | None:
    row = connection.execute(_FIND_PAUSE).fetchone()
    return Pause(datetime.fromisoformat(row["since_at"]), row["reason"]) if row else None


def oldest_of(last: Mapping[str, RunRecord | None]) -> RunRecord | None:
    """The oldest of the last good runs of some locations; None if one of them had none."""
    good = [each for each in last.values() if each]
    return min(good, key=attrgetter("started_at")) if len(good) == len(last) else None
