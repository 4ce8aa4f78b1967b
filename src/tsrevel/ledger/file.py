"""The ledger's open file: transactions, one at a time, and the copy of it. What is in it is `store`'s."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

from tsrevel.errors import LedgerCode, LedgerUnusable
from tsrevel.files import real_path
from tsrevel.ledger.audit import Change
from tsrevel.ledger.connection import SQLITE, Connect, mapped, reachable, transaction
from tsrevel.ledger.database import open_database
from tsrevel.ledger.migrations import Migration, back_up, shipped_migrations
from tsrevel.ledger.records import Clock, encode_instant


class LedgerFile:
    """An open ledger. Use it in a `with`, or call `close`. Safe to share between threads."""

    def __init__(self, connection: sqlite3.Connection, path: Path, clock: Clock) -> None:
        self._connection = connection
        self._path = path
        self._clock = clock
        self._lock = RLock()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        environment: str,
        clock: Clock,
        migrations: tuple[Migration, ...] | None = None,
        busy_seconds: float = 5.0,
        opened_by: Connect = SQLITE,
    ) -> Self:
        """The ledger at `path`, made (0600, missing folders 0700) if there is none, and migrated after a backup.

        LedgerUnusable: newer, of another environment, not ours, unreadable or unwritable. LedgerDamaged: the file
        or the end of the audit is broken. Other writers are waited for, `busy_seconds` each time.
        """
        with reachable(path):
            real = real_path(path)
        connection = open_database(real, environment, migrations or shipped_migrations(), busy_seconds, opened_by)
        return cls(connection, real, clock)

    @property
    def path(self) -> Path:
        """Where the file really is."""
        return self._path

    def close(self) -> None:
        """Closes the file; closing twice is fine, and any other use afterwards is LedgerUnusable."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def back_up(self, target: Path) -> None:
        """Copies the ledger, complete and consistent, to a new file (0600). LedgerUnusable if `target` exists."""
        with reachable(target), mapped(self._path):
            if target.exists():
                raise LedgerUnusable(LedgerCode.EXISTS, f"The backup {target} exists already: name a new file.")
            back_up(self._path, target)

    @contextmanager
    def _changing(self, run_id: str | None) -> Iterator[Change]:
        with self._lock, transaction(self._connection, self._path):
            yield Change(self._connection, run_id, encode_instant(self._clock()))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """All reads inside see one and the same state."""
        with self._lock, transaction(self._connection, self._path, "DEFERRED"):
            yield self._connection
