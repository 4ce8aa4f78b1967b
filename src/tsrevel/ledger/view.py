"""The ledger opened to be looked at: nothing is locked, made, migrated or written, and a run may go on meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tsrevel.ledger.audit import GENESIS, verify_tail
from tsrevel.ledger.connection import SQLITE, Connect, mapped, reachable, transaction
from tsrevel.ledger.database import TAIL, examine, identify, refuse_leftovers
from tsrevel.ledger.inspection import has_log, open_to_look
from tsrevel.ledger.migrations import apply_missing, shipped_migrations, version_of
from tsrevel.ledger.records import Clock

if TYPE_CHECKING:
    from tsrevel.ledger.store import Ledger

Reopen = Callable[[], sqlite3.Connection]


class LedgerView:
    """The ledger as it stands, for questions. Use it in a `with`.

    An older ledger is seen as this version's migrations would leave it, in a copy in memory.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, reopen: Reopen | None = None) -> None:
        self._connection = connection
        self._path = path
        self._reopen = reopen

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """For the query functions of this room: all reads inside see one and the same state."""
        if self._reopen and has_log(self._path):  # a run has begun since: the file is no longer all there is
            self._connection.close()
            self._connection, self._reopen = self._reopen(), None
        with transaction(self._connection, self._path, "DEFERRED"):
            yield self._connection


def open_view(path: Path, environment: str, opened_by: Connect = SQLITE) -> LedgerView | None:
    """The ledger at `path`, to be looked at; None if there is none.

    Raises LedgerUnusable (not ours, newer, of another environment, unreadable) and LedgerDamaged.
    """
    with reachable(path):
        real = path.resolve()
    connection = _open_whole(real, environment, opened_by)
    if connection is None:
        return None
    with mapped(real):
        if version_of(connection) < shipped_migrations()[-1].version:
            with closing(connection):
                return LedgerView(_copy(connection), real)
        return LedgerView(connection, real, None if has_log(real) else lambda: open_to_look(real, opened_by))


def copy_ledger(path: Path, environment: str, clock: Clock, opened_by: Connect = SQLITE) -> Ledger:
    """A ledger in memory that holds what the one at `path` does now: whatever is written to it is forgotten.

    An empty one if there is none. Raises what `open_view` raises.
    """
    from tsrevel.ledger.store import Ledger  # whoever only looks has no use for all that writes

    with reachable(path):
        real = path.resolve()
    connection = _open_whole(real, environment, opened_by)
    with mapped(real):
        if connection is None:
            copy = _copy(None)
            copy.execute("INSERT INTO meta (id, environment, audit_head) VALUES (1, ?, ?)", (environment, GENESIS))
        else:
            with closing(connection):
                copy = _copy(connection)
        return Ledger(copy, real, clock)


def _open_whole(path: Path, environment: str, opened_by: Connect) -> sqlite3.Connection | None:
    with reachable(path), mapped(path), ExitStack() as unless_opened:
        refuse_leftovers(path)
        if not path.exists():
            return None
        connection = open_to_look(path, opened_by)
        unless_opened.callback(connection.close)
        with transaction(connection, path, "DEFERRED"):
            identify(connection, path, shipped_migrations())
            examine(connection, path, environment)
            verify_tail(connection, TAIL)
        unless_opened.pop_all()
        return connection


def _copy(source: sqlite3.Connection | None) -> sqlite3.Connection:
    """What `source` holds, in memory and brought up to date."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    copy.row_factory = sqlite3.Row
    if source:
        source.backup(copy)
    copy.execute("PRAGMA foreign_keys = ON")
    apply_missing(copy, shipped_migrations())
    return copy
