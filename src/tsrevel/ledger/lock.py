"""One run at a time for each ledger, by a kernel lock that ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tsrevel.errors import RunLocked
from tsrevel.ledger.connection import make_folder, reachable


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Holds the lock of the ledger at `path`, without waiting. RunLocked if another process (or caller) has it.

    The lock is on the file `<ledger>.lock` beside it, which stays; the file alone means nothing.
    """
    with _hold(path, "lock"):
        yield


@contextmanager
def hold_mail_lock(path: Path) -> Iterator[None]:
    """The same for who sends the mails of that ledger: no run waits for it, and no mail is sent by two at once."""
    with _hold(path, "mails.lock"):
        yield


@contextmanager
def _hold(path: Path, suffix: str) -> Iterator[None]:
    with reachable(path):
        ledger = path.resolve()
        make_folder(ledger.parent)
        lock = ledger.with_name(f"{ledger.name}.{suffix}")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with reachable(path):
            _take(descriptor, lock)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether a run holds the lock of the ledger at `path` now. Makes no file; LedgerUnusable where it can't be told.

    The lock is tried, shared, for an instant: a run that begins in that very instant would end with RunLocked.
    """
    with reachable(path):
        ledger = path.resolve()
        try:
            descriptor = os.open(ledger.with_name(f"{ledger.name}.lock"), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


def _take(descriptor: int, lock: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RunLocked(
            f"Another run holds the lock on {lock}. `fuser {lock}` or `lslocks` names its process; the lock "
            "ends with it, and there is nothing to clean up."
        ) from error
