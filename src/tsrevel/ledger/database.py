"""Opens the ledger's file, or creates it completely or not at all. Refuses every file that isn't a usable ledger."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from tsrevel.errors import RESTORE, LedgerCode, LedgerDamaged, LedgerUnusable
from tsrevel.files import look_at, make_folder, sync_folder, take_owner_of
from tsrevel.ledger.connection import (
    GENESIS,
    Connect,
    connect,
    describe_unwritable,
    mapped,
    reachable,
    read_meta,
    transaction,
    use_wal,
    verify_chain,
)
from tsrevel.ledger.migrations import PAUSE_SINCE, Migration, apply_missing, migrate, version_of

_APPLICATION_ID = 0x54535254
_WAIT = "Stop cron. Once 15 minutes have passed since the last run,"
MOST_CHECKED = 64_000_000
"""Bytes of a ledger whose pages are all checked whenever it is opened, in a tenth of a second. Those of a larger one
are checked by the first run of a day; SQLite checks each page that is read, and the audit's end is always checked."""
TAIL = 100
"""How many audit rows opening verifies: enough to notice a truncated end, few enough to be fast."""


def open_database(
    path: Path,
    environment: str,
    migrations: tuple[Migration, ...],
    busy_seconds: float,
    opened_by: Connect,
    now: datetime,
    *,
    as_it_is: bool = False,
) -> sqlite3.Connection:
    """Connects to the ledger at `path`: creates it if it is missing, migrates and verifies it.

    `as_it_is`: a ledger of an older version that has a pause isn't migrated.
    LedgerUnusable: not ours, newer, of the other environment, unreadable or unwritable. LedgerDamaged: broken.
    """
    with reachable(path), mapped(path):
        make_folder(path.parent)
        refuse_leftovers(path)
        if not path.exists():
            _create(path, environment, migrations, busy_seconds)
        if why := describe_unwritable(path):
            raise LedgerUnusable(LedgerCode.UNREACHABLE, f"The ledger {path} can't be used: {why}.")
        with ExitStack() as unless_opened:
            connection = connect(path, busy_seconds, opened_by)
            unless_opened.callback(connection.close)
            identify(connection, path, migrations)
            if is_quick_to_check(path) or _is_first_of_day(connection, now):
                examine_pages(connection, path)
            examine_owner(connection, path, environment)
            use_wal(connection)
            if not as_it_is or version_of(connection) < PAUSE_SINCE:
                migrate(connection, path, migrations)
            with transaction(connection, path, "DEFERRED"):
                verify_chain(connection, TAIL)
            unless_opened.pop_all()
        return connection


def _create(path: Path, environment: str, migrations: tuple[Migration, ...], busy_seconds: float) -> None:
    """Builds the ledger in a temporary folder and links it into place, unless another process was faster.

    Only a complete ledger gets its name: on a full disk none exists afterwards. Raises LedgerUnusable.
    """
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        draft = Path(folder) / path.name
        draft.touch(mode=0o600)
        take_owner_of(draft, path.parent.stat())
        with closing(connect(draft, busy_seconds)) as connection:
            use_wal(connection)
            with transaction(connection, path):  # no other process sees the draft, so it needs no backup
                apply_missing(connection, migrations)
                connection.execute(
                    "INSERT INTO meta (id, environment, audit_head) VALUES (1, ?, ?)", (environment, GENESIS)
                )
            if not _move_log(connection, draft):
                raise LedgerUnusable(
                    LedgerCode.DISK_FULL, f"The disk is full, and the ledger {path} couldn't be created. Make room."
                )
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    sync_folder(path.parent)


def _move_log(connection: sqlite3.Connection, draft: Path) -> bool:
    """Moves the log into the file `draft`, and returns whether the file is complete. Closing wouldn't check that.

    Raises sqlite3.Error on a full disk.
    """
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
    size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return not busy and draft.stat().st_size == pages * size


def refuse_leftovers(path: Path) -> None:
    """Raises LedgerDamaged or LedgerUnusable for a part of a ledger, OSError if `path` is not a regular file.

    SQLite would replay a lost file's log into a new ledger, and would take an empty file for a new one.
    """
    has_log = path.with_name(f"{path.name}-wal").exists()  # looked at first: another process may make both just now
    found = look_at(path)
    if found is None and has_log:
        raise LedgerDamaged(
            LedgerCode.LOG_WITHOUT_LEDGER,
            f"The ledger {path} is missing, but its log ({path.name}-wal) exists. {_WAIT} restore the ledger, or move "
            "the log away to begin a new one.",
        )
    if found is not None and found.st_size == 0:
        raise LedgerDamaged(
            LedgerCode.EMPTY_FILE,
            f"The ledger {path} is an empty file. {_WAIT} restore a backup, or remove the file to begin a new ledger.",
        )
    if found is not None and found.st_nlink > 1:
        _refuse_other_logs(path, found)


def _refuse_other_logs(path: Path, found: os.stat_result) -> None:
    """Raises LedgerUnusable if a second name of the file in its folder has a log: that log has the latest writes."""
    for other in path.parent.iterdir():
        if other.name == path.name or not (log := other.with_name(f"{other.name}-wal")).exists():
            continue
        if os.path.samestat(other.stat(), found) and log.stat().st_size:
            text = f"{other.name} is the same file, and the log beside that name ({log.name}) belongs to it"
            raise LedgerUnusable(
                LedgerCode.LOG_OF_OTHER_NAME,
                f"The ledger {path} can't be used: {text}. Use that name, and remove this one.",
            )


def identify(connection: sqlite3.Connection, path: Path, migrations: tuple[Migration, ...]) -> None:
    """Raises LedgerUnusable if the file isn't ours, or is newer than this program."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != _APPLICATION_ID:
        raise LedgerUnusable(
            LedgerCode.NOT_A_LEDGER,
            f"{path} is a database, but not a ledger of tsrevel. Set ledger.path to the right file.",
        )
    present, known = version_of(connection), migrations[-1].version
    if present > known:
        raise LedgerUnusable(
            LedgerCode.NEWER_VERSION,
            f"The ledger {path} has version {present}, and this tsrevel knows versions up to {known}. "
            "Install the newer tsrevel that wrote it.",
        )


def is_quick_to_check(path: Path) -> bool:
    """Whether all pages of the ledger can be checked whenever it is opened."""
    return path.stat().st_size <= MOST_CHECKED


def _is_first_of_day(connection: sqlite3.Connection, now: datetime) -> bool:
    """Whether the last run didn't begin on this day (UTC)."""
    latest = connection.execute("SELECT started_at FROM runs ORDER BY rowid DESC LIMIT 1").fetchone()
    return latest is None or now.astimezone(UTC).date() != datetime.fromisoformat(latest[0]).date()


def examine_pages(connection: sqlite3.Connection, path: Path, *, indices: bool = False) -> None:
    """Raises LedgerDamaged if a page is broken or, with `indices`, an index disagrees with its table. Reads all."""
    check = "integrity_check" if indices else "quick_check"
    finding = connection.execute(f"PRAGMA {check}(1)").fetchone()[0]
    if finding != "ok":
        raise LedgerDamaged(LedgerCode.CORRUPT, f"The ledger {path} is damaged ({finding}). {RESTORE}")


def examine_owner(connection: sqlite3.Connection, path: Path, environment: str) -> None:
    """Raises LedgerUnusable if the ledger belongs to the other environment."""
    owner = read_meta(connection).environment
    if owner != environment:
        raise LedgerUnusable(
            LedgerCode.OTHER_ENVIRONMENT,
            f"The ledger {path} belongs to the {owner} environment, and the settings say {environment}. "
            "Give each its own ledger.path.",
        )
