"""A look at the ledger's file that changes nothing: it isn't made, migrated or written to, whatever its state."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tsrevel.errors import LedgerCode, LedgerDamaged
from tsrevel.files import real_path
from tsrevel.ledger.audit import latest_rows, read_meta, verify_all
from tsrevel.ledger.connection import SQLITE, Connect, mapped, reachable, transaction
from tsrevel.ledger.database import examine, identify, refuse_leftovers
from tsrevel.ledger.migrations import shipped_migrations, version_of

_PATIENCE = 5.0
"""Seconds that another process's lock is waited for."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """A sound ledger: its version, the one that this program brings it to, the facts in its audit, the last one's time.

    `last_at` is None where the audit is empty.
    """

    version: int
    newest: int
    facts: int
    last_at: datetime | None


def inspect_ledger(path: Path, *, environment: str, opened_by: Connect = SQLITE) -> Inspection | None:
    """What the ledger at `path` is like, every page and every row of its audit checked; None if there is none.

    Raises LedgerUnusable (not ours, newer, of another environment, unreadable) and LedgerDamaged.
    """
    migrations = shipped_migrations()
    with reachable(path), mapped(path):
        real = real_path(path)
        refuse_leftovers(real)
        if not real.exists():
            return None
        with closing(open_to_look(real, opened_by)) as connection, transaction(connection, real, "DEFERRED"):
            identify(connection, real, migrations)
            examine(connection, real, environment)
            _examine_indices(connection, real)
            verify_all(connection)
            last = latest_rows(connection, None, 1)
            facts = read_meta(connection).audit_count
            return Inspection(version_of(connection), migrations[-1].version, facts, last[0].at if last else None)


def _examine_indices(connection: sqlite3.Connection, path: Path) -> None:
    """What opening leaves out to begin at once: whether every index agrees with its table."""
    finding = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if finding != "ok":
        raise LedgerDamaged(
            LedgerCode.CORRUPT, f"The ledger {path} is damaged ({finding}): keep the file, and restore a backup."
        )


def has_log(path: Path) -> bool:
    """Whether a log lies beside the ledger: some process has it open, or died."""
    return path.with_name(f"{path.name}-wal").exists()


def open_to_look(path: Path, opened_by: Connect) -> sqlite3.Connection:
    """A connection that only reads. Without a log beside it the file is complete, and none need be made to read it.

    Else both are read, and SQLite may set up the log's index (-shm), which holds nothing of its own; ledger and log
    stay as they are.
    """
    mode = "mode=ro" if has_log(path) else "immutable=1"
    uri = f"{path.absolute().as_uri()}?{mode}"
    connection = opened_by(uri, uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection
