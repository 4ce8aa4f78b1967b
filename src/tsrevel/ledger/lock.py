"""One run at a time for each ledger. The kernel releases the lock when its process ends, for whatever reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tsrevel.errors import RunLocked
from tsrevel.files import look_at, make_folder, open_lock, open_regular, real_path, try_lock
from tsrevel.ledger.connection import reachable


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Holds the lock of the ledger at `path`, without waiting. RunLocked if another process (or caller) has it.

    It locks the file `<ledger>.lock`, which stays afterwards: its existence means nothing. It also locks the ledger
    itself, which is one file under all its names (hard links). SQLite's own locks are of another kind. But they end
    when any descriptor of the file is closed, so this one is opened before the ledger and closed after it.
    """
    with _hold(path, "lock"), ExitStack() as stack:
        with reachable(path):
            ledger = real_path(path)
            if look_at(ledger) is not None:
                descriptor = open_regular(ledger)
                stack.callback(os.close, descriptor)
                _take(descriptor, ledger)
        yield


@contextmanager
def hold_mail_lock(path: Path) -> Iterator[None]:
    """The same for sending that ledger's mails: no run waits for it, and two processes never send the same mail."""
    with _hold(path, "mails.lock"):
        yield


@contextmanager
def _hold(path: Path, suffix: str) -> Iterator[None]:
    with reachable(path):
        ledger = real_path(path)
        make_folder(ledger.parent)
        lock = ledger.with_name(f"{ledger.name}.{suffix}")
        descriptor = open_lock(lock, ledger)
    try:
        with reachable(path):
            _take(descriptor, lock)
        with suppress(OSError):  # on a full disk the message can't name the holder
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            os.ftruncate(descriptor, len(f"{os.getpid()}\n"))
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether a run holds the lock of the ledger at `path` now. Creates no file. LedgerUnusable if unknown.

    It takes the lock, shared, for an instant: a run that begins in that instant ends with RunLocked.
    """
    with reachable(path):
        ledger = real_path(path)
        lock = ledger.with_name(f"{ledger.name}.lock")
        if look_at(lock) is None:
            return False
        descriptor = open_regular(lock)
        try:
            return not try_lock(descriptor, shared=True)
        finally:
            os.close(descriptor)


def _take(descriptor: int, lock: Path) -> None:
    if not try_lock(descriptor):
        raise RunLocked(f"Another run{_holder(descriptor)} holds the lock on {lock}. The lock ends with that process.")


def _holder(descriptor: int) -> str:
    """The process that holds a lock file, and since when, in words; "" if unknown."""
    said = os.pread(descriptor, 32, 0).strip()
    if not said.isdigit():
        return ""
    since = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
    return f" (process {int(said)}, since {since:%Y-%m-%d %H:%M} UTC)"
