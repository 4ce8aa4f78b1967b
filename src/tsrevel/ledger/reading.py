"""Reads a ledger's file at one moment, whatever a run does meanwhile, and leaves no file beside it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from tsrevel.errors import LedgerCode, LedgerUnusable
from tsrevel.files import look_at
from tsrevel.ledger.connection import (
    SQLITE,
    Connect,
    connect,
    find_unwritable,
    mapped,
    primary_code,
    reachable,
    transaction,
)

P = ParamSpec("P")
T = TypeVar("T")

_READ_SECONDS = 5.0
"""How long a read-only connection waits for another process's lock."""
_FOR_READS = ("PRAGMA query_only = ON", "SELECT count(*) FROM sqlite_master")
"""Only the second statement opens the log."""


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
            return connect(path, _READ_SECONDS, opened_by, "ro", _FOR_READS), True
        except sqlite3.OperationalError:
            if _has_log(path):
                raise
    if _may_make_log(path):
        try:
            return connect(path, _READ_SECONDS, opened_by, "rw", _FOR_READS), True
        except sqlite3.OperationalError as error:
            if primary_code(error) == sqlite3.SQLITE_BUSY or _has_log(path):
                raise  # otherwise the disk may have no room for a log
    return connect(path, _READ_SECONDS, opened_by, "ro&immutable=1", _FOR_READS), False


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
