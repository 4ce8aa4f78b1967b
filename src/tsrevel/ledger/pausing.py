"""The table of the pause: the kill switch at hand, kept with its time and its reason until it is taken back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tsrevel.ledger.audit import Change
from tsrevel.ledger.connection import SQLITE, Connect
from tsrevel.ledger.inspection import open_to_look
from tsrevel.ledger.migrations import version_of
from tsrevel.ledger.records import AuditKind

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
