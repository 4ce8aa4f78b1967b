"""Opens the ledger read-only: nothing is locked, created, migrated or written, and a run may go on meanwhile."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tsrevel.errors import LedgerCode, LedgerUnusable
from tsrevel.files import real_path
from tsrevel.ledger.connection import (
    GENESIS,
    SQLITE,
    Connect,
    ConnectedTransactions,
    ViewTransactions,
    reachable,
    verify_chain,
)
from tsrevel.ledger.database import TAIL, examine_owner, examine_pages, identify, is_quick_to_check, refuse_leftovers
from tsrevel.ledger.ledger import Ledger, LedgerView
from tsrevel.ledger.migrations import apply_missing, shipped_migrations, version_of
from tsrevel.ledger.reading import again_if_changed, reading_file
from tsrevel.ledger.records import Clock
from tsrevel.planning.model import EventId

_NOW = partial(datetime.now, UTC)
"""A view's clock: it decides which orders are unfinished and which catalogues are recent."""
_SCHEMA = """
    SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type <> 'table', rowid
"""
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
_RUNS = "SELECT * FROM runs WHERE run_id IN (SELECT value FROM json_each(?)) ORDER BY rowid"
_LEFT_OUT = frozenset({"deliveries", "mails", "notices"})
"""Tables that grow with every event, and don't matter for what a run decides about one event."""


def open_view(path: Path, environment: str, opened_by: Connect = SQLITE) -> LedgerView | None:
    """A view of the ledger at `path`, which refuses every change; None if there is no ledger.

    Each read opens the file: it shows what a run has stored since, and a copy that was put in its place. All reads
    raise LedgerUnusable (not ours, newer, of another environment, unreadable) and LedgerDamaged.
    """
    with reachable(path):
        real = real_path(path)
    if not _is_there(real, environment, opened_by):
        return None
    return LedgerView(ViewTransactions(partial(_read_updated, real, environment, opened_by), real, _NOW))


def copy_event(path: Path, event_id: EventId, environment: str, clock: Clock, opened_by: Connect = SQLITE) -> Ledger:
    """A copy in memory of the ledger at `path`, without the rows of other events. Empty if there is no ledger.

    Changes to the copy are lost. Raises what `open_view` raises.
    """
    with reachable(path):
        real = real_path(path)
    if _is_there(real, environment, opened_by):
        copy = _copy_event(real, event_id, environment, opened_by)
    else:
        copy = _connect(":memory:")
        _bring_up_to_date(copy)
        copy.execute("INSERT INTO meta (id, environment, audit_head) VALUES (1, ?, ?)", (environment, GENESIS))
    return Ledger(ConnectedTransactions(copy, real, clock))


@contextmanager
def read_ledger(path: Path, environment: str, opened_by: Connect = SQLITE) -> Iterator[sqlite3.Connection]:
    """Reads the ledger at `path`, a file without links, of any version. Raises what `open_view` raises."""
    with reachable(path):
        refuse_leftovers(path)
        if not path.exists():
            raise LedgerUnusable(LedgerCode.ABSENT, f"There is no ledger at {path} any more. Put it back.")
    with reading_file(path, opened_by) as connection:
        identify(connection, path, shipped_migrations())
        examine_owner(connection, path, environment)
        yield connection


@again_if_changed
def _is_there(path: Path, environment: str, opened_by: Connect) -> bool:
    """Whether there is a ledger. Checks the pages of a small one, and the end of its audit."""
    with reachable(path):
        refuse_leftovers(path)
        if not path.exists():
            return False
        with read_ledger(path, environment, opened_by) as connection:
            if is_quick_to_check(path):
                examine_pages(connection, path)
            verify_chain(connection, TAIL)
    return True


@again_if_changed
def _copy_event(path: Path, event_id: EventId, environment: str, opened_by: Connect) -> sqlite3.Connection:
    return _copy(read_ledger(path, environment, opened_by), ":memory:", partial(_copy_rows, event_id=event_id))


@contextmanager
def _read_updated(path: Path, environment: str, opened_by: Connect) -> Iterator[sqlite3.Connection]:
    """Reads the ledger, or a copy of an older one that is brought up to date."""
    with read_ledger(path, environment, opened_by) as connection:
        if version_of(connection) == shipped_migrations()[-1].version:
            yield connection
            return
        with closing(copy_whole(nullcontext(connection))) as copy:
            yield copy


def copy_whole(opening: AbstractContextManager[sqlite3.Connection]) -> sqlite3.Connection:
    """A copy of what `opening` opens, brought up to date: in memory or, if it is too large, in a temporary file."""
    copy = _copy(opening, "", sqlite3.Connection.backup)
    copy.execute("PRAGMA query_only = ON")
    return copy


def _copy(
    opening: AbstractContextManager[sqlite3.Connection],
    name: str,
    fill: Callable[[sqlite3.Connection, sqlite3.Connection], None],
) -> sqlite3.Connection:
    """The copy that `fill` makes, brought up to date. It stays open only if the source could be read to its end."""
    with ExitStack() as unless_copied:
        copy = _connect(name)
        unless_copied.callback(copy.close)
        with opening as source:
            fill(source, copy)
            _bring_up_to_date(copy)
        unless_copied.pop_all()
    return copy


def _copy_rows(source: sqlite3.Connection, copy: sqlite3.Connection, event_id: EventId) -> None:
    """Copies the tables of `source` (any version), with only this event's rows and their runs."""
    for row in source.execute(_SCHEMA):
        copy.execute(row["sql"])
    copy.execute(f"PRAGMA user_version = {version_of(source)}")
    tables = {row["name"]: _columns_of(source, row["name"]) for row in source.execute(_TABLES)}
    for table, columns in tables.items():
        if table not in {"runs", *_LEFT_OUT}:
            of_event = "event_id" in columns
            rows = source.execute(
                f"SELECT * FROM {table} {'WHERE event_id = ?' if of_event else ''} ORDER BY rowid",  # noqa: S608
                (event_id,) if of_event else (),
            )
            _insert(copy, table, columns, rows)
    named = [table for table, columns in tables.items() if table not in _LEFT_OUT and "run_id" in columns]
    wanted = {row["run_id"] for table in named for row in copy.execute(f"SELECT run_id FROM {table}")}  # noqa: S608
    known = json.dumps([*wanted - {None}])
    _insert(copy, "runs", tables["runs"], source.execute(_RUNS, (known,)))


def _insert(copy: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[sqlite3.Row]) -> None:
    places = ", ".join("?" * len(columns))
    copy.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", map(tuple, rows))  # noqa: S608


def _columns_of(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    return tuple(row["name"] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,)))


def _connect(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def _bring_up_to_date(copy: sqlite3.Connection) -> None:
    copy.execute("PRAGMA foreign_keys = ON")
    apply_missing(copy, shipped_migrations())
