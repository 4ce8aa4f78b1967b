"""The open file of a ledger, one transaction at a time: a change and its audit row are stored together, or neither."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from tsrevel.ledger import chain
from tsrevel.ledger.connection import has_log, mapped, transaction
from tsrevel.ledger.records import AuditKind, Clock, encode_instant
from tsrevel.planning.model import EventId


@dataclass(frozen=True, slots=True)
class Change:
    """An open transaction, with who makes it (`run_id`) and when (`at`, as stored)."""

    connection: sqlite3.Connection
    run_id: str | None
    at: str

    def audit(self, kind: AuditKind, event_id: EventId | None = None, **detail: str | None) -> None:
        """Adds a row to the audit, in this transaction. Details that are None are left out."""
        given = {name: value for name, value in detail.items() if value is not None}
        chain.append_row(self.connection, self.at, self.run_id, kind, event_id, given)


class Transactions:
    """The connection that all repositories of a ledger share. Safe to share between threads.

    `reopen`: for a file that is only read and has no log. Once a run has begun a log, the file alone is no longer the
    whole ledger, and `reopen` opens it again together with its log.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        clock: Clock,
        reopen: Callable[[], sqlite3.Connection] | None = None,
    ) -> None:
        self.connection = connection
        self.path = path
        self.clock = clock
        self._reopen = reopen
        self._lock = RLock()

    def close(self) -> None:
        """Closes the file; closing twice is fine, and any other use afterwards is LedgerUnusable."""
        with self._lock:
            self.connection.close()

    @contextmanager
    def changing(self, run_id: str | None) -> Iterator[Change]:
        """All of what happens inside is stored, or none of it. `run_id` None: no run makes the change."""
        with self._lock, transaction(self.connection, self.path):
            yield Change(self.connection, run_id, encode_instant(self.clock()))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """All reads inside see one and the same state. Inside another transaction they see that one's."""
        with self._lock, mapped(self.path):
            if self.connection.in_transaction:
                yield self.connection
                return
            if self._reopen and has_log(self.path):
                self.connection.close()
                self.connection, self._reopen = self._reopen(), None
            with transaction(self.connection, self.path, "DEFERRED"):
                yield self.connection
