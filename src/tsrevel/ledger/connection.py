"""Connects to a ledger's SQLite file, asks it, changes it, proves its changes, and translates SQLite's errors.

A change and its audit row are stored together, or neither.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from json.encoder import encode_basestring_ascii as quote
from pathlib import Path
from threading import RLock
from typing import Any, Self, TypeVar, get_type_hints

from tsrevel.errors import RESTORE, ClaimConflict, ConflictCode, LedgerCode, LedgerDamaged, LedgerUnusable, TsrevelError
from tsrevel.files import DISK_FULL, cure_roots_files, real_path, shell_command, user_name
from tsrevel.ledger.records import AuditKind, Clock
from tsrevel.planning.model import EventId

T = TypeVar("T")

Values = Sequence[object] | Mapping[str, object]
"""The values of a statement's parameters."""

Connect = Callable[..., sqlite3.Connection]
"""`sqlite3.connect`, or a test's replacement."""
SQLITE: Connect = sqlite3.connect

_FOR_CHANGES = ("PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL")
_FULL = "the disk is full; make room"
_ADVICE = {
    sqlite3.SQLITE_BUSY: (LedgerCode.LOCKED, "another process has it locked; wait for it, or find it by {fuser}"),
    sqlite3.SQLITE_FULL: (LedgerCode.DISK_FULL, _FULL),
    sqlite3.SQLITE_IOERR: (
        LedgerCode.DISK_FAILED,
        "the disk is full, a quota is used up, or the disk failed; make room, or check the disk",
    ),
}
_READ_ONLY = "its file system is read-only; mount it writable, or set ledger.path"
_UNKNOWN = (LedgerCode.STATEMENT_FAILED, "nothing was stored; please report this")
_REFUSALS = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


def connect(
    path: Path, busy_seconds: float, opened_by: Connect = SQLITE, mode: str = "rw", setup: Sequence[str] = _FOR_CHANGES
) -> sqlite3.Connection:
    """Connects to an existing file in autocommit mode. Waits up to `busy_seconds` for other writers.

    `mode` is that of SQLite's URI. The statements of `setup` prepare the connection.
    """
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with ExitStack() as unless_ready:
        connection = opened_by(uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
        unless_ready.callback(connection.close)
        connection.row_factory = sqlite3.Row
        for statement in setup:
            connection.execute(statement).fetchall()
        unless_ready.pop_all()
    return connection


def find_unwritable(path: Path) -> tuple[Path, ...]:
    """The ledger, its log and the log's index, as far as they exist and this user may not write to them.

    SQLite opens a file that it may only read all the same, and makes log and index with the same mode.
    """
    of_ledger = (path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm")))
    return tuple(each for each in of_ledger if _is_unwritable(each))


def _is_unwritable(path: Path) -> bool:
    """Whether the file exists and this user may not write to it.

    SQLite makes and removes the log while others look: a file that wasn't there before the test isn't unwritable.
    """
    if not os.path.lexists(path) or os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        return False
    return os.path.lexists(path)


def describe_unwritable(path: Path) -> str:
    """Names the ledger's files that this user may not write to, and what to do; "" if it may write to all."""
    found = find_unwritable(path)
    if not found:
        return ""
    who, names = user_name(os.geteuid()), " and ".join(each.name for each in found)
    return f"user {who} may not write to {names}: {advise_on_unwritable(path, found)}"


def advise_on_unwritable(path: Path, found: Sequence[Path]) -> str:
    """The advice on files of the ledger at `path` that this user may not write to. It begins without a capital."""
    if _is_read_only(path):
        return _READ_ONLY
    if all(each.lstat().st_uid == os.geteuid() for each in found):
        return f"run `chmod u+rw {' '.join(shlex.quote(str(each)) for each in found)}`"
    return _let_in(path)


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
    execute: Callable[..., sqlite3.Cursor]

    @classmethod
    def of(cls, connection: sqlite3.Connection, run_id: str | None, clock: Clock) -> Self:
        return cls(connection, run_id, encode_instant(clock()), connection.execute)

    def audit(self, kind: AuditKind, event_id: EventId | None = None, **detail: str | None) -> None:
        """Adds a row to the end of the audit in this transaction. Details that are None are left out."""
        meta = read_meta(self.connection)
        seq = meta.audit_count + 1
        text = canonical({name: value for name, value in detail.items() if value is not None})
        row = (seq, self.at, self.run_id, kind, event_id, text)
        head = _hash(meta.audit_head, *row)
        self.execute(_APPEND, (*row, meta.audit_head, head))
        self.execute("UPDATE meta SET audit_count = ?, audit_head = ?", (seq, head))


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
            yield Change.of(self.connection, run_id, self.clock)

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
            yield Change.of(connection, run_id, self.clock)

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


def encode_instant(at: datetime) -> str:
    """`at` as ISO text in UTC with microseconds, so text order is time order. ValueError if it is naive."""
    if at.tzinfo is None:
        raise ValueError("the ledger stores aware instants only: pass a UTC clock")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def decode_instant(text: str | None) -> datetime | None:
    """The instant that `encode_instant` wrote; None if none was stored."""
    return None if text is None else datetime.fromisoformat(text)


class Repository:
    """Asks the ledger. Each question sees one state; inside `transactions.reading()` several see the same."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def _all(self, decode: Callable[[sqlite3.Row], T], sql: str, values: Values = ()) -> tuple[T, ...]:
        with self._transactions.reading() as connection:
            return tuple(map(decode, connection.execute(sql, values)))

    def _first(self, decode: Callable[[sqlite3.Row], T], sql: str, values: Values = ()) -> T | None:
        return next(iter(self._all(decode, sql, values)), None)

    def _by_ids(self, decode: Callable[[sqlite3.Row], T], sql: str, ids: Iterable[str]) -> tuple[T, ...]:
        """The statement's only parameter is a JSON list."""
        return self._all(decode, sql, (json.dumps(list(ids)),))

    def _is(self, sql: str, values: Values = ()) -> bool:
        """For a statement that selects one truth."""
        return bool(self._first(lambda row: row[0], sql, values))


def record_of(kind: Callable[..., T], row: sqlite3.Row, **decoded: object) -> T:
    """A record of the class `kind`: its fields are `decoded` and, for all others, the columns of their names.

    Days, instants, truths and JSON are decoded by the field's type; all else is as stored.
    """
    columns = {name: decode(row[name]) for name, decode in _decoders(kind).items() if name not in decoded}
    return kind(**columns, **decoded)


def reader_of(kind: Callable[..., T]) -> Callable[[sqlite3.Row], T]:
    """`record_of` for rows that have a column for each field."""
    return lambda row: record_of(kind, row)


def event_id_of(row: sqlite3.Row) -> EventId:
    return EventId(row["event_id"])


@cache
def _decoders(kind: Callable[..., object]) -> Mapping[str, Callable[[Any], object]]:
    return {name: _DECODERS.get(of_type, _as_stored) for name, of_type in get_type_hints(kind).items()}


_DECODERS: Mapping[object, Callable[[Any], object]] = {
    bool: bool,
    datetime: datetime.fromisoformat,
    datetime | None: decode_instant,
    date | None: lambda text: date.fromisoformat(text) if text else None,
    Mapping[str, str]: json.loads,
    Mapping[str, int]: json.loads,
    tuple[str, ...]: lambda text: tuple(json.loads(text or "[]")),
}


def _as_stored(value: object) -> object:
    return value


# The audit: append-only rows, each with the hash of the one before. `meta` stores the length and the last hash, so a
# truncated end shows too.

GENESIS = "0" * 64
"""The previous hash of the first row."""

_APPEND = """
    INSERT INTO audit (seq, at, run_id, kind, event_id, detail, previous_hash, hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_FROM = """
    SELECT seq, at, run_id, kind, event_id, detail, previous_hash, hash FROM audit WHERE seq >= ? ORDER BY seq
"""


@dataclass(frozen=True, slots=True)
class Meta:
    """The environment of a ledger, and the length and last hash of its audit."""

    environment: str
    audit_count: int
    audit_head: str


def read_meta(connection: sqlite3.Connection) -> Meta:
    """The one row about the ledger itself. LedgerDamaged if it is missing."""
    row = connection.execute("SELECT environment, audit_count, audit_head FROM meta").fetchone()
    if row is None:
        raise LedgerDamaged(LedgerCode.META_MISSING, f"The ledger's `meta` row is missing. {RESTORE}")
    return Meta(*row)


def canonical(detail: Mapping[str, str]) -> str:
    """`detail` as JSON text in the one form that is hashed."""
    return json.dumps(detail, sort_keys=True, separators=(",", ":"))


def verify_chain(connection: sqlite3.Connection, last: int | None = None) -> None:
    """Checks the last `last` rows (None: all) and the end of the chain. LedgerDamaged names the first bad row."""
    meta = read_meta(connection)
    first = 1 if last is None else max(1, meta.audit_count - last + 1)
    expected, previous = first, _hash_of(connection, first - 1)
    for *content, told_previous, told in connection.execute(_FROM, (first,)):
        if content[0] != expected:
            raise _missing(expected)
        if told_previous != previous or told != _hash(previous, *content):
            raise _altered(expected)
        previous = told
        expected += 1
    if expected <= meta.audit_count:
        raise _missing(expected)
    if expected > meta.audit_count + 1:
        raise _broken(LedgerCode.AUDIT_ROW_ADDED, meta.audit_count + 1, "was not written by tsrevel")
    if previous != meta.audit_head:
        raise _altered(meta.audit_count)


def _hash_of(connection: sqlite3.Connection, seq: int) -> str:
    row = connection.execute("SELECT hash FROM audit WHERE seq = ?", (seq,)).fetchone()
    if row is None and seq > 0:
        raise _missing(seq)
    return row["hash"] if row else GENESIS


def _hash(previous: str, seq: int, at: str, run_id: str | None, kind: str, event_id: str | None, detail: str) -> str:
    """The hash of these values as a JSON list, built in half of `json.dumps`'s time: there are millions of rows."""
    run = "null" if run_id is None else quote(run_id)
    event = "null" if event_id is None else quote(event_id)
    text = f"[{quote(previous)},{seq},{quote(at)},{run},{quote(kind)},{event},{quote(detail)}]"
    return hashlib.sha256(text.encode()).hexdigest()


def _missing(seq: int) -> LedgerDamaged:
    return _broken(LedgerCode.AUDIT_ROW_MISSING, seq, "is missing")


def _altered(seq: int) -> LedgerDamaged:
    return _broken(LedgerCode.AUDIT_ROW_ALTERED, seq, "was altered")


def _broken(code: LedgerCode, seq: int, what: str) -> LedgerDamaged:
    return LedgerDamaged(code, f"The ledger's audit is broken: row {seq} {what}. Nothing was written. {RESTORE}")


# Errors


def _let_in(path: Path) -> str:
    """The advice if this user may not use the ledger or its folder."""
    if _is_read_only(path):
        return _READ_ONLY
    cure = cure_roots_files(real_path(path))
    roots = f". Root owns some of these files; as root, run `{cure}`" if cure else ""
    who = user_name(os.geteuid())
    return f"check the owner and permissions of the file and its folder (this user is {who}), or set ledger.path{roots}"


def _is_read_only(path: Path) -> bool:
    """Whether the file system that the ledger is on, or would be on, is known to be mounted read-only."""
    there = next((each for each in (path, *path.absolute().parents) if os.path.lexists(each)), path)
    try:
        return bool(os.statvfs(there).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _in_our_words(error: sqlite3.Error, path: Path) -> TsrevelError:
    cause = primary_code(error)
    unusable = f"The ledger {path} can't be used ({error})"
    if cause == sqlite3.SQLITE_CORRUPT:
        text = f"The ledger {path} is damaged ({error}). {RESTORE}"
        return LedgerDamaged(LedgerCode.CORRUPT, text)
    if cause == sqlite3.SQLITE_NOTADB:
        text = f"{path} is not a SQLite file. If it isn't the ledger, correct ledger.path. If it is: {RESTORE}"
        return LedgerDamaged(LedgerCode.NOT_A_DATABASE, text)
    if isinstance(error, sqlite3.IntegrityError):
        text = f"The ledger {path} refused a change that breaks its rules: {error}."
        return ClaimConflict(ConflictCode.BROKEN_RULE, text)
    if cause in _REFUSALS:
        return LedgerUnusable(LedgerCode.UNREACHABLE, f"{unusable}: {_let_in(path)}.")
    code, advice = _ADVICE.get(cause, _UNKNOWN)
    return LedgerUnusable(code, f"{unusable}: {advice.format(fuser=shell_command('fuser', path))}.")


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF
