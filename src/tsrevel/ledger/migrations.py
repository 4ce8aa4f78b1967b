"""Brings a ledger's tables up to date with numbered SQL files, after a backup. Each is one transaction.

Never edit a released migration: add a later one.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from tsrevel.files import look_at, sync_folder, take_owner_of
from tsrevel.ledger.connection import connect, transaction
from tsrevel.ledger.reading import reading_file

PAUSE_SINCE = 5
"""The first version that has a pause."""
_PATIENCE = 5.0
"""Seconds that a backup waits for a lock. With a write-ahead log it hardly ever waits."""


@dataclass(frozen=True, slots=True)
class Migration:
    """The SQL that takes a ledger from the version before to `version`, without transaction statements."""

    version: int
    sql: str


@cache
def shipped_migrations() -> tuple[Migration, ...]:
    """The files `schema/NNNN_*.sql` of this package, in order."""
    files = resources.files("tsrevel.ledger").joinpath("schema").iterdir()
    return tuple(
        Migration(int(file.name[:4]), file.read_text(encoding="utf-8"))
        for file in sorted(files, key=lambda file: file.name)
        if file.name.endswith(".sql")
    )


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the last migration applied; 0 for a new file."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]) -> None:
    """Applies the missing migrations. One that fails changes nothing.

    Before the first, the ledger is copied to `<name>.v<version>.bak`. The write lock is taken even if nothing is
    missing, so an unwritable ledger is found here.
    """
    with transaction(connection, path):
        before = version_of(connection)
    for migration in (each for each in migrations if each.version > before):
        with transaction(connection, path):
            present = version_of(connection)
            if present < migration.version:  # another process may have been faster
                if present == before:
                    back_up(path, path.with_name(f"{path.name}.v{present}.bak"))
                _apply(connection, migration)


def apply_missing(connection: sqlite3.Connection, migrations: tuple[Migration, ...]) -> None:
    """The same for a new file or a copy in memory, which needs no lock and no backup."""
    for migration in migrations:
        if version_of(connection) < migration.version:
            _apply(connection, migration)


def back_up(path: Path, target: Path) -> None:
    """Copies the committed content of the ledger at `path` to `target` (0600), and replaces what is there.

    It reads through its own connection: SQLite's backup waits for ever for a connection that is in a write. A ledger
    that this user may not write to is only read. Logs beside `target` belong to the file that was there: SQLite would
    replay them into the copy.
    """
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        draft = Path(folder) / target.name
        draft.touch(mode=0o600)
        take_owner_of(draft, path.stat())
        with reading_file(path) as source, closing(connect(draft, _PATIENCE)) as copy:
            source.backup(copy)
        for log in logs_of(target):
            log.unlink()
        draft.replace(target)
    sync_folder(target.parent)


def logs_of(path: Path) -> tuple[Path, ...]:
    """SQLite's files beside the database at `path`, as far as they exist."""
    beside = (path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "-journal"))
    return tuple(each for each in beside if look_at(each))


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    for statement in _statements(migration.sql):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {migration.version}")


def _statements(sql: str) -> Iterator[str]:
    """The statements one by one: `executescript` would end the transaction that holds them together."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    yield pending
