"""Deliveries on disk: NAME.json has the raw body, and NAME.sig beside it the value of its X-Signature header.

`replay` reads any folder of them. `serve` fills a `Spool`; either may process it. Finished deliveries go to `done`,
unusable ones to `failed`, with the reason in NAME.reason.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from secrets import token_hex
from stat import S_ISREG
from typing import BinaryIO

from tsrevel.errors import BodyTooLarge, RunLocked, SignatureReason, SignatureRefused
from tsrevel.files import (
    make_folder,
    open_lock,
    open_regular,
    read_regular,
    shell_command,
    sync_folder,
    take_owner_of,
    try_lock,
)
from tsrevel.text import decode_text, reason_of, trim

LARGEST_BODY = 16 * 1024 * 1024
"""Bytes. Real ones may have 3 MB and more (facts TripleSeat 6.3)."""
_CHUNK = 256 * 1024
_LONGEST_SIGNATURE = 8192
KEPT = timedelta(days=7)
"""How long a delivery stays in `done`. It contains customers' data."""


def read_body(source: BinaryIO) -> bytes:
    """All of `source`. Raises BodyTooLarge once there is one byte more than LARGEST_BODY, and reads no further."""
    chunks, room = [], LARGEST_BODY + 1
    while room and (chunk := source.read(min(_CHUNK, room))):
        chunks.append(chunk)
        room -= len(chunk)
    if not room:
        raise BodyTooLarge(LARGEST_BODY)
    return b"".join(chunks)


def read_captured(path: Path) -> bytes:
    """The body in a regular file. Raises BodyTooLarge and OSError."""
    with os.fdopen(open_regular(path), "rb") as source:
        return read_body(source)


def read_signature(path: Path) -> str | None:
    """The header's value from the signature file beside a captured body; None without such a file.

    Raises OSError, and SignatureRefused for a file that isn't UTF-8 text.
    """
    try:
        return trim(decode_text(read_regular(path.with_suffix(".sig"), _LONGEST_SIGNATURE)))
    except FileNotFoundError:
        return None
    except ValueError as error:
        text = f"the signature file holds {error}; it must hold the value of X-Signature, as UTF-8 text"
        raise SignatureRefused(SignatureReason.MALFORMED_SIGNATURE_HEADER, text) from error


def list_bodies(folder: Path) -> list[Path]:
    """Each `*.json` in `folder` by name, except hidden ones; it needn't be a readable file. Raises OSError."""
    with os.scandir(folder) as entries:
        names = sorted(each.name for each in entries if each.name.endswith(".json"))
    return [folder / name for name in names if not name.startswith(".")]


def move_away(path: Path, folder: Path, reason: str = "") -> None:
    """Move a delivery and its signature, each in one step, without overwriting any file.

    `reason` goes into a file beside them. Makes the folder again if somebody removed it. Raises OSError.
    """
    make_folder(folder, path.parent)
    names = (path.stem if number == 0 else f"{path.stem}.{number}" for number in count())
    stem = next(name for name in names if not any((folder / f"{name}{end}").exists() for end in (path.suffix, ".sig")))
    if reason:
        (folder / f"{stem}.reason").write_text(f"{reason}\n", encoding="utf-8")
    _move(path, folder / f"{stem}{path.suffix}")  # the body first: a signature left alone does no harm
    signature = path.with_suffix(".sig")
    if signature.exists() and signature != path:
        _move(signature, folder / f"{stem}.sig")


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        draft = target.with_name(f".{target.name}.part")  # to another file system: complete before it gets its name
        shutil.copy2(source, draft)
        take_owner_of(draft, source.stat())
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.rename(target)
        source.unlink()


def _write(path: str, content: bytes, owner: os.stat_result) -> None:
    """Create a private file with that content, durably. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        take_owner_of(descriptor, owner)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """The number of waiting deliveries, the time of the oldest, and the number in `failed`."""

    waiting: int = 0
    oldest: datetime | None = None
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Spool:
    """The folder in which `serve` stores deliveries until they are worked off."""

    folder: Path

    @property
    def done(self) -> Path:
        return self.folder / "done"

    @property
    def failed(self) -> Path:
        return self.folder / "failed"

    @contextmanager
    def hold(self, like: Path | None) -> Iterator[None]:
        """Create the folders for the owner of `like`, and let no other process store into them.

        Raises OSError, and RunLocked if another process holds them.
        """
        for each in (self.folder, self.done, self.failed):
            make_folder(each, like)
        lock = self.folder / ".serve.lock"
        descriptor = open_lock(lock, lock)
        try:
            if not try_lock(descriptor):
                shows = shell_command("fuser", lock)
                raise RunLocked(f"Another `tsrevel serve` uses the spool {self.folder}. {shows} shows it.")
            for draft in self.folder.glob(".*.part"):
                draft.unlink()  # of a process that died before it had answered
            yield
        finally:
            os.close(descriptor)

    def store(self, body: bytes, signature: str) -> str:
        """Store a delivery so that it survives a power cut, and return its name. Raises OSError and leaves no file.

        Names sort by time. They end in eight hex digits, which also end the correlation id of the delivery's runs.
        """
        now = time.time_ns()
        second = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now // 10**9))
        name = f"{second}.{now % 10**9:09d}Z-{token_hex(4)}"
        # the signature first: a body is never there without it
        files = {f"{name}.sig": signature.encode(), f"{name}.json": body}
        folder = os.fspath(self.folder)
        owner = os.stat(folder)  # noqa: PTH116 (pathlib would take most of the time of each delivery)
        try:
            for each, content in files.items():
                _write(f"{folder}/.{each}.part", content, owner)
            for each in files:
                os.rename(f"{folder}/.{each}.part", f"{folder}/{each}")  # noqa: PTH104
            sync_folder(self.folder)
        except OSError:
            for each in files:
                for left in (self.folder / f".{each}.part", self.folder / each):
                    with suppress(OSError):
                        left.unlink(missing_ok=True)
            raise
        return name

    def waiting(self) -> list[Path]:
        """The deliveries that wait, the oldest first. Raises OSError."""
        return list_bodies(self.folder)

    def count(self) -> SpoolStatus:
        """The spool's status; zeros if this user can't read it."""
        waiting, failed, times = [], [], []
        with suppress(OSError):
            waiting = self.waiting()
        with suppress(OSError):
            failed = list_bodies(self.failed)
        for each in waiting:  # a receiver's names needn't be in the order of time
            with suppress(OSError):
                times.append(each.stat().st_mtime)
        oldest = datetime.fromtimestamp(min(times), UTC) if times else None
        return SpoolStatus(len(waiting), oldest, len(failed))

    def check_writable(self) -> None:
        """Raise OSError, with the folder, if nothing can be stored or moved now. Makes `done` and `failed` again."""
        for folder in (self.folder, self.done, self.failed):
            probe = folder / f".{token_hex(8)}.part"
            try:
                if folder != self.folder:
                    make_folder(folder, self.folder)
                with probe.open("xb") as file:
                    file.write(b" " * 4096)
                probe.unlink()
            except OSError as error:
                with suppress(OSError):
                    probe.unlink(missing_ok=True)
                raise OSError(error.errno, reason_of(error), str(folder)) from error

    def prune(self, now: datetime) -> None:
        """Remove files from `done` (see KEPT), and signatures whose bodies are gone. Raises OSError.

        A move doesn't change when a file was written, only when its entry was changed: that is when it came to `done`.
        """
        alone = [each for each in self.folder.glob("*.sig") if not each.with_suffix(".json").exists()]
        done = self.done.iterdir() if self.done.is_dir() else ()
        for each in [*done, *alone]:
            with suppress(FileNotFoundError):
                found = each.lstat()
                if S_ISREG(found.st_mode) and found.st_ctime < (now - KEPT).timestamp():
                    each.unlink()
