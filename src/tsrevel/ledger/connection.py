"""Connects to a ledger's SQLite file, runs its transactions, and translates SQLite's errors.

A change and its audit row are stored together, or neither.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from tsrevel.errors import ClaimConflict, ConflictCode, LedgerCode, LedgerDamaged, LedgerUnusable, TsrevelError
from tsrevel.files import DISK_FULL, cure_roots_files, real_path, user_name
from tsrevel.ledger import chain
from tsrevel.ledger.records import AuditKind, Clock, encode_instant
from tsrevel.planning.model import EventId

Connect = Callable[..., sqlite3.Connection]
"""`sqlite3.connect`, or a test's replacement."""
SQLITE: Connect = sqlite3.connect

_READ_SECONDS = 5.0
"""How long a read-only connection waits for another process's lock."""
_FULL = "the disk is full; make room"
_ADVICE = {
    sqlite3.SQLITE_BUSY: (
        LedgerCode.LOCKED,
        "another process has it locked; wait for it, or find it with `fuser`",
    ),
    sqlite3.SQLITE_FULL: (LedgerCode.DISK_FULL, _FULL),
    sqlite3.SQLITE_IOERR: (
        LedgerCode.DISK_FAILED,
        "the disk is full, a quota is used up, or the disk failed; make room, or check the disk",
    ),
}
_UNKNOWN = (LedgerCode.STATEMENT_FAILED, "nothing was stored; please report this")
_REFUSALS = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_NO_DATABASE = "it is not a SQLite file; keep it and restore a backup, or set ledger.path to the right file"


def connect(path: Path, busy_seconds: float, opened_by: Connect = SQLITE) -> sqlite3.Connection:
    """Connects to an existing file in autocommit mode. Waits up to `busy_seconds` for other writers."""
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
    """Whether the ledger has a write-ahead log: a process has the ledger open, or died."""
    return path.with_name(f"{path.name}-wal").exists()


def connect_read_only(path: Path, opened_by: Connect = SQLITE) -> sqlite3.Connection:
    """A read-only connection. A file without a log is complete, so SQLite needs to create no other file.

    With a log, SQLite reads both and may create the log's index (-shm), which holds no data. Ledger and log don't
    change.
    """
    mode = "mode=ro" if has_log(path) else "immutable=1"
    uri = f"{path.absolute().as_uri()}?{mode}"
    connection = opened_by(uri, uri=True, timeout=_READ_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def find_unwritable(path: Path) -> tuple[Path, ...]:
    """The ledger, its log and the log's index, as far as they exist and this user may not write to them.

    SQLite opens a file that it may only read all the same, and makes log and index with the same mode.
    """
    of_ledger = (path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm")))
    may_change = os.R_OK | os.W_OK
    return tuple(
        each for each in of_ledger if not os.access(each, may_change, effective_ids=True) and os.path.lexists(each)
    )


def describe_unwritable(path: Path) -> str:
    """Names the ledger's files that this user may not write to, and what to do; "" if it may write to all."""
    found = find_unwritable(path)
    if not found:
        return ""
    uid = os.geteuid()
    if all(each.lstat().st_uid == uid for each in found):
        advice = f"run `chmod u+rw {' '.join(shlex.quote(str(each)) for each in found)}`"
    else:
        advice = _let_in(path)
    return f"user {user_name(uid)} may not write to {' and '.join(each.name for each in found)}: {advice}"


def use_wal(connection: sqlite3.Connection) -> None:
    """Switches to a write-ahead log. LedgerUnusable if the file system doesn't support one."""
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise LedgerUnusable(
            LedgerCode.WAL_UNSUPPORTED,
            f"The ledger's folder supports no write-ahead log (mode is {mode}). Put the ledger on a local disk.",
        )


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path, mode: str = "IMMEDIATE") -> Iterator[None]:
    """Commits everything inside, or nothing. Translates SQLite's errors."""
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
    """Translates SQLite's errors: LedgerDamaged, ClaimConflict for a broken rule, else LedgerUnusable."""
    try:
        yield
    except sqlite3.Error as error:
        raise _in_our_words(error, path) from error


@contextmanager
def reachable(path: Path) -> Iterator[None]:
    """Translates the file system's errors to LedgerUnusable. The message names the user who was refused."""
    try:
        yield
    except OSError as error:
        what = error.filename if isinstance(error.filename, str) and error.filename != str(path) else ""
        why = f"{error.strerror}: {what}" if what else f"{error.strerror}"
        full = error.errno in DISK_FULL
        code, advice = (LedgerCode.DISK_FULL, _FULL) if full else (LedgerCode.UNREACHABLE, _let_in(path))
        raise LedgerUnusable(code, f"The ledger {path} can't be used ({why}): {advice}.") from error


@dataclass(frozen=True, slots=True)
class Change:
    """An open transaction. `run_id` makes the change (None: no run), `at` is its time as stored."""

    connection: sqlite3.Connection
    run_id: str | None
    at: str

    def audit(self, kind: AuditKind, event_id: EventId | None = None, **detail: str | None) -> None:
        """Adds a row to the audit in this transaction. Details that are None are left out."""
        given = {name: value for name, value in detail.items() if value is not None}
        chain.append_row(self.connection, self.at, self.run_id, kind, event_id, given)


class Transactions:
    """The connection that all repositories of a ledger share. Thread-safe.

    `reopen`: for a read-only file without a log. Once a run has created a log, the file is incomplete without it, and
    `reopen` opens both.
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
        """Closes the file. Closing twice is fine; any other later use raises LedgerUnusable."""
        with self._lock:
            self.connection.close()

    @contextmanager
    def changing(self, run_id: str | None) -> Iterator[Change]:
        """Stores everything inside, or nothing. `run_id` None: no run makes the change."""
        with self._lock, transaction(self.connection, self.path):
            yield Change(self.connection, run_id, encode_instant(self.clock()))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """All reads inside see one state. Within an open transaction they also see its changes."""
        with self._lock, mapped(self.path):
            if self.connection.in_transaction:
                yield self.connection
                return
            if self._reopen and has_log(self.path):
                self.connection.close()
                self.connection, self._reopen = self._reopen(), None
            with transaction(self.connection, self.path, "DEFERRED"):
                yield self.connection


def _let_in(path: Path) -> str:
    """The advice if this user may not use the ledger or its folder."""
    cure = cure_roots_files(real_path(path))
    roots = f". Root owns some of these files; as root, run `{cure}`" if cure else ""
    who = user_name(os.geteuid())
    return f"check the owner and permissions of the file and its folder (this user is {who}), or set ledger.path{roots}"


def _in_our_words(error: sqlite3.Error, path: Path) -> TsrevelError:
    cause = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    unusable = f"The ledger {path} can't be used ({error})"
    if cause == sqlite3.SQLITE_CORRUPT:
        text = f"The ledger {path} is damaged ({error}). Keep the file, and restore a backup."
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
