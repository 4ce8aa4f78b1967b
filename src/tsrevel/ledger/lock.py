"""One run at a time for each ledger, by a kernel lock that ends with its process, however that ends."""

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

    The lock is on the file `<ledger>.lock` beside it, which stays; the file alone means nothing. It is also on the
    ledger itself, which is one file by whatever name (a hard link) it is reached. SQLite's own locks are of another
    kind; but they go when any descriptor of the file is closed, so this one is opened before the ledger and closed
    after it.
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
    """The same for who sends the mails of that ledger: no run waits for it, and no mail is sent by two at once."""
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
    """Whether a run holds the lock of the ledger at `path` now. Makes no file; LedgerUnusable where it can't be told.

    The lock is tried, shared, for an instant: a run that begins in that very instant would end with RunLocked.
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
    """Which process holds a lock file, and since when, in words; "" where it doesn't say."""
    said = os.pread(descriptor, 32, 0).strip()
    if not said.isdigit():
        return ""
    since = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
    return f" (process {int(said)}, since {since:%Y-%m-%d %H:%M} UTC)"
