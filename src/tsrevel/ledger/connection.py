"""Connects to a ledger's SQLite file, runs its transactions, and translates SQLite's errors.

A change and its audit row are stored together, or neither.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from threading import RLock
from typing import ParamSpec, TypeVar

from tsrevel.errors import RESTORE, ClaimConflict, ConflictCode, LedgerCode, LedgerDamaged, LedgerUnusable, TsrevelError
from tsrevel.files import DISK_FULL, cure_roots_files, look_at, real_path, user_name
from tsrevel.ledger import chain
from tsrevel.ledger.records import AuditKind, Clock, encode_instant
from tsrevel.planning.model import EventId

P = ParamSpec("P")
T = TypeVar("T")

Values = Sequence[object] | Mapping[str, object]
"""The values of a statement's parameters."""

Connect = Callable[..., sqlite3.Connection]
"""`sqlite3.connect`, or a test's replacement."""
SQLITE: Connect = sqlite3.connect

_READ_SECONDS = 5.0
"""How long a read-only connection waits for another process's lock."""
_FULL = "the disk is full; make room"
_ADVICE = {
    sqlite3.SQLITE_BUSY: (LedgerCode.LOCKED, "another process has it locked; wait for it, or find it with `fuser`"),
    sqlite3.SQLITE_FULL: (LedgerCode.DISK_FULL, _FULL),
    sqlite3.SQLITE_IOERR: (
        LedgerCode.DISK_FAILED,
        "the disk is full, a quota is used up, or the disk failed; make room, or check the disk",
    ),
}
_UNKNOWN = (LedgerCode.STATEMENT_FAILED, "nothing was stored; please report this")
_REFUSALS = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


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


@contextmanager
def reading_file(path: Path, opened_by: Connect = SQLITE) -> Iterator[sqlite3.Connection]:
    """Reads an existing file as it was at one moment, whatever a run does meanwhile, and leaves no file beside it.

    Only a user who can make and remove a log can lock the file. Another reads it unlocked as long as no log exists. If
    the file changes meanwhile, what was read may be of two moments: LedgerUnusable (CHANGED_WHILE_READ) at the end.
    """
    with reachable(path), mapped(path):
        before = _stamp(path)
        connection, is_locked = _connect_read_only(path, opened_by)
    with closing(connection):
        try:
            with transaction(connection, path, "DEFERRED"):
                yield connection
        except (LedgerUnusable, ValueError) as error:
            if not is_locked:
                _refuse_changed(path, before, error)
            raise
        if not is_locked:
            _refuse_changed(path, before)


def again_if_changed(read: Callable[P, T]) -> Callable[P, T]:
    """Reads once more if the ledger changed meanwhile. A read that can't lock the file often meets a run's end."""

    @wraps(read)
    def read_again(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except LedgerUnusable as error:
            if error.code is not LedgerCode.CHANGED_WHILE_READ:
                raise
        return read(*args, **kwargs)

    return read_again


def can_lock(path: Path) -> bool:
    """Whether a read of the file at `path` locks it, as far as that is known before."""
    with reachable(path):
        return _has_log(path) or _may_make_log(path)


def _connect_read_only(path: Path, opened_by: Connect) -> tuple[sqlite3.Connection, bool]:
    """A connection that refuses changes, and whether it locks the file, so that no run's end disturbs it.

    SQLite locks with a log and its index. A log with content is read with the file; neither changes. Otherwise SQLite
    makes an empty log, and a connection that may write removes both when it closes.
    """
    if _has_log(path):
        try:
            return _open(path, "mode=ro", opened_by), True
        except sqlite3.OperationalError:
            if _has_log(path):
                raise
    if _may_make_log(path):
        try:
            return _open(path, "mode=rw", opened_by), True
        except sqlite3.OperationalError as error:
            if _cause(error) == sqlite3.SQLITE_BUSY or _has_log(path):
                raise  # otherwise the disk may have no room for a log
    return _open(path, "mode=ro&immutable=1", opened_by), False


def _open(path: Path, mode: str, opened_by: Connect) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{mode}"
    with ExitStack() as unless_ready:
        connection = opened_by(uri, uri=True, timeout=_READ_SECONDS, isolation_level=None, check_same_thread=False)
        unless_ready.callback(connection.close)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # it opens the log only now
        unless_ready.pop_all()
    return connection


def _has_log(path: Path) -> bool:
    """Whether the ledger has a write-ahead log with content: a run is under way, or died."""
    log = look_at(path.with_name(f"{path.name}-wal"))
    return log is not None and log.st_size > 0


def _may_make_log(path: Path) -> bool:
    """Whether this user may make a log that the ledger's owner can use. A log that root makes belongs to the owner."""
    return (
        os.geteuid() in {0, path.stat().st_uid}
        and os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True)
        and not find_unwritable(path)
    )


def _stamp(path: Path) -> tuple[int, ...]:
    """Numbers that differ after a change of the file. It isn't opened: closing it would end SQLite's locks."""
    found = look_at(path)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns) if found else ()


def _refuse_changed(path: Path, before: tuple[int, ...], error: LedgerUnusable | ValueError | None = None) -> None:
    """Raises LedgerUnusable if the file isn't as `before`. That explains the `error` of a read."""
    with reachable(path):
        if _stamp(path) == before:
            return
    raise LedgerUnusable(
        LedgerCode.CHANGED_WHILE_READ,
        f"The ledger {path} changed while it was read: a run ended, or a copy was put in its place. Nothing shows that "
        "it is damaged. Run the command again.",
    ) from error


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

    def execute(self, sql: str, values: Values = ()) -> sqlite3.Cursor:
        return self.connection.execute(sql, values)

    def audit(self, kind: AuditKind, event_id: EventId | None = None, **detail: str | None) -> None:
        """Adds a row to the audit in this transaction. Details that are None are left out."""
        given = {name: value for name, value in detail.items() if value is not None}
        chain.append_row(self.connection, self.at, self.run_id, kind, event_id, given)


class Transactions(ABC):
    """Through this all repositories of a ledger read and change it. Thread-safe."""

    path: Path
    clock: Clock

    @abstractmethod
    def close(self) -> None:
        """Closes the file. Closing twice is fine; any other later use raises LedgerUnusable."""

    @abstractmethod
    def changing(self, run_id: str | None) -> AbstractContextManager[Change]:
        """Stores everything inside, or nothing. `run_id` None: no run makes the change."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """All reads inside see one state. Within an open transaction they also see its changes."""


class ConnectedTransactions(Transactions):
    """The transactions of one connection, which stays open."""

    def __init__(self, connection: sqlite3.Connection, path: Path, clock: Clock) -> None:
        self.connection = connection
        self.path = path
        self.clock = clock
        self._lock = RLock()
        self._is_together = False

    def close(self) -> None:
        with self._lock:
            self.connection.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Stores all changes inside, or none of them."""
        with self._lock, transaction(self.connection, self.path):
            self._is_together = True
            try:
                yield
            finally:
                self._is_together = False

    @contextmanager
    def changing(self, run_id: str | None) -> Iterator[Change]:
        with self._lock, nullcontext() if self._is_together else transaction(self.connection, self.path):
            yield Change(self.connection, run_id, encode_instant(self.clock()))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, mapped(self.path):
            if self.connection.in_transaction:
                yield self.connection
                return
            with transaction(self.connection, self.path, "DEFERRED"):
                yield self.connection


class ViewTransactions(Transactions):
    """Reads of a view. Each opens the file with `open_file` and closes it: in between, the file may be replaced."""

    def __init__(
        self, open_file: Callable[[], AbstractContextManager[sqlite3.Connection]], path: Path, clock: Clock
    ) -> None:
        self.path = path
        self.clock = clock
        self._open_file = open_file
        self._open: sqlite3.Connection | None = None
        self._lock = RLock()

    def close(self) -> None:
        """Does nothing: no file is open between reads."""

    @contextmanager
    def changing(self, run_id: str | None) -> Iterator[Change]:
        """SQLite refuses every change."""
        with self.reading() as connection:
            yield Change(connection, run_id, encode_instant(self.clock()))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, mapped(self.path):
            if self._open is not None:
                yield self._open
                return
            with self._open_file() as self._open:
                try:
                    yield self._open
                finally:
                    self._open = None


def _let_in(path: Path) -> str:
    """The advice if this user may not use the ledger or its folder."""
    cure = cure_roots_files(real_path(path))
    roots = f". Root owns some of these files; as root, run `{cure}`" if cure else ""
    who = user_name(os.geteuid())
    return f"check the owner and permissions of the file and its folder (this user is {who}), or set ledger.path{roots}"


def _in_our_words(error: sqlite3.Error, path: Path) -> TsrevelError:
    cause = _cause(error)
    unusable = f"The ledger {path} can't be used ({error})"
    if cause == sqlite3.SQLITE_CORRUPT:
        text = f"The ledger {path} is damaged ({error}). {RESTORE}"
        return LedgerDamaged(LedgerCode.CORRUPT, text)
    if cause == sqlite3.SQLITE_NOTADB:
        text = f"{unusable}: it is not a SQLite file. Set ledger.path to the right file, or: {RESTORE}"
        return LedgerDamaged(LedgerCode.NOT_A_DATABASE, text)
    if isinstance(error, sqlite3.IntegrityError):
        text = f"The ledger {path} refused a change that breaks its rules: {error}."
        return ClaimConflict(ConflictCode.BROKEN_RULE, text)
    if cause in _REFUSALS:
        return LedgerUnusable(LedgerCode.UNREACHABLE, f"{unusable}: {_let_in(path)}.")
    code, advice = _ADVICE.get(cause, _UNKNOWN)
    return LedgerUnusable(code, f"{unusable}: {advice}.")


def _cause(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF
