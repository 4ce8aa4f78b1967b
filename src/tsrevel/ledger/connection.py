"""One connection to a SQLite file, its transactions, and SQLite's complaints in our words.

Knows nothing of what the file holds.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tsrevel.errors import ClaimConflict, ConflictCode, LedgerCode, LedgerDamaged, LedgerUnusable, TsrevelError
from tsrevel.files import DISK_FULL, cure_roots_files, real_path, user_name

Connect = Callable[..., sqlite3.Connection]
"""`sqlite3.connect`, or what a test puts in its place."""
SQLITE: Connect = sqlite3.connect

_READ_SECONDS = 5.0
"""How long a connection that only reads waits for another process's lock."""
_PERMISSIONS = "check the owner and permissions of the file and its folder, or set ledger.path"
_FULL = "the disk is full: make room"
_ADVICE = {
    sqlite3.SQLITE_BUSY: (
        LedgerCode.LOCKED,
        "another process keeps it locked: wait for it, or find it with `fuser`",
    ),
    sqlite3.SQLITE_FULL: (LedgerCode.DISK_FULL, _FULL),
    sqlite3.SQLITE_IOERR: (
        LedgerCode.DISK_FAILED,
        "the disk is full, a quota is used up, or the disk failed: make room, or look at the disk",
    ),
}
_UNKNOWN = (LedgerCode.STATEMENT_FAILED, "nothing was stored; please report this")
_REFUSALS = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_NO_DATABASE = "it is not a SQLite file: keep it and restore a backup, or set [ledger] path to the right one"


def connect(path: Path, busy_seconds: float, opened_by: Connect = SQLITE) -> sqlite3.Connection:
    """A connection to an existing file, in autocommit mode, that waits `busy_seconds` for other writers."""
    connection = opened_by(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    with ExitStack() as unless_ready:
        unless_ready.callback(connection.close)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        unless_ready.pop_all()
    return connection


def has_log(path: Path) -> bool:
    """Whether a log lies beside the ledger: some process has it open, or died."""
    return path.with_name(f"{path.name}-wal").exists()


def connect_read_only(path: Path, opened_by: Connect) -> sqlite3.Connection:
    """A connection that only reads. Without a log beside it the file is complete, and none need be made to read it.

    Else both are read, and SQLite may set up the log's index (-shm), which holds nothing of its own; ledger and log
    stay as they are.
    """
    mode = "mode=ro" if has_log(path) else "immutable=1"
    uri = f"{path.absolute().as_uri()}?{mode}"
    connection = opened_by(uri, uri=True, timeout=_READ_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def use_wal(connection: sqlite3.Connection) -> None:
    """Switches to a write-ahead log. LedgerUnusable where the file system can't keep one."""
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise LedgerUnusable(
            LedgerCode.WAL_UNSUPPORTED,
            f"The ledger's folder can't keep a write-ahead log (mode is {mode}): put it on a local disk.",
        )


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path, mode: str = "IMMEDIATE") -> Iterator[None]:
    """All of what happens inside, or none of it. SQLite's errors come out as ours."""
    with mapped(path):
        connection.execute(f"BEGIN {mode}")
        try:
            yield
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


@contextmanager
def mapped(path: Path) -> Iterator[None]:
    """Raises every SQLite error as ours: LedgerDamaged, ClaimConflict for a broken rule, else LedgerUnusable."""
    try:
        yield
    except sqlite3.Error as error:
        raise _in_our_words(error, path) from error


@contextmanager
def reachable(path: Path) -> Iterator[None]:
    """Raises every error of the file system as LedgerUnusable, with the user whom it refused."""
    try:
        yield
    except OSError as error:
        what = error.filename if isinstance(error.filename, str) and error.filename != str(path) else ""
        why = f"{error.strerror}: {what}" if what else f"{error.strerror}"
        full = error.errno in DISK_FULL
        code, advice = (LedgerCode.DISK_FULL, _FULL) if full else (LedgerCode.UNREACHABLE, _let_in(path))
        raise LedgerUnusable(code, f"The ledger {path} can't be used ({why}): {advice}.") from error


def _let_in(path: Path) -> str:
    """What to do where this user may not use the ledger, or its folder."""
    cure = cure_roots_files(real_path(path))
    roots = f". Some of that is root's; as root, give it to this user: {cure}" if cure else ""
    return f"as user {user_name(os.geteuid())}, {_PERMISSIONS}{roots}"


def _in_our_words(error: sqlite3.Error, path: Path) -> TsrevelError:
    cause = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    unusable = f"The ledger {path} can't be used ({error})"
    if cause == sqlite3.SQLITE_CORRUPT:
        text = f"The ledger {path} is damaged ({error}): keep the file, and restore a backup."
        return LedgerDamaged(LedgerCode.CORRUPT, text)
    if cause == sqlite3.SQLITE_NOTADB:
        return LedgerDamaged(LedgerCode.NOT_A_DATABASE, f"{unusable}: {_NO_DATABASE}.")
    if isinstance(error, sqlite3.IntegrityError):
        text = f"The ledger {path} refused a change that breaks its rules: {error}."
        return ClaimConflict(ConflictCode.BROKEN_RULE, text)
    if cause in _REFUSALS:
        return LedgerUnusable(LedgerCode.UNREACHABLE, f"{unusable}: {_let_in(path)}.")
    code, advice = _ADVICE.get(cause, _UNKNOWN)
    return LedgerUnusable(code, f"{unusable}: {advice}.")
