"""Captured webhook deliveries on disk: found, read whole within bounds, and moved away once they are dealt with."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import BinaryIO

import typer

from tsrevel.cli.context import CliContext
from tsrevel.errors import BodyTooLarge, SignatureReason, SignatureRefused
from tsrevel.files import open_regular, read_regular, real_path, take_owner_of
from tsrevel.text import decode_text, show_controls, trim

LARGEST_BODY = 16 * 1024 * 1024
"""Bytes. Real ones may have 3 MB and more (facts TripleSeat 6.3)."""
_CHUNK = 256 * 1024
_LONGEST_SIGNATURE = 8192
STDIN = Path("-")
_STDIN = {STDIN, *map(Path, ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"))}


def read_body(source: BinaryIO) -> bytes:
    """All of `source`. Raises BodyTooLarge once there is one byte more than LARGEST_BODY, and reads no further."""
    chunks, room = [], LARGEST_BODY + 1
    while room and (chunk := source.read(min(_CHUNK, room))):
        chunks.append(chunk)
        room -= len(chunk)
    if not room:
        raise BodyTooLarge(LARGEST_BODY)
    return b"".join(chunks)


def list_captured(paths: Sequence[Path]) -> list[Path]:
    """The files to replay, in order; of a folder each `*.json` by name, except hidden ones; none twice.

    Raises BadParameter for an unknown one.
    """
    found: list[Path] = []
    for path in paths:
        if path != STDIN and not path.exists():
            raise typer.BadParameter(f"{show_path(path)} doesn't exist")
        if not path.is_dir():
            found.append(path)
            continue
        try:
            inside = [each for each in path.iterdir() if each.suffix == ".json" and not each.name.startswith(".")]
            found += sorted(each for each in inside if each.is_file())
        except OSError as error:
            text = f"{show_path(path)} can't be read: {error.strerror or type(error).__name__}"
            raise typer.BadParameter(text) from error
    return list(dict.fromkeys(found))


def show_path(path: Path) -> str:
    """The path as one line that any stream takes: a name may hold bytes that are no characters, and line breaks."""
    return show_controls(os.fsencode(path).decode(errors="backslashreplace"))


def open_body(ctx: CliContext, path: Path) -> bytes:
    """The raw body, of standard input or a regular file. Raises BodyTooLarge and OSError."""
    if path in _STDIN:
        return read_body(ctx.stdin)
    with os.fdopen(open_regular(path), "rb") as source:
        return read_body(source)


def read_signature(path: Path) -> str | None:
    """What the signature file beside a captured body holds: the header's value. None without one.

    Raises OSError, and SignatureRefused for a file that isn't UTF-8 text.
    """
    if path == STDIN:
        return None
    try:
        return trim(decode_text(read_regular(path.with_suffix(".sig"), _LONGEST_SIGNATURE)))
    except FileNotFoundError:
        return None
    except ValueError as error:
        text = f"the signature file holds {error}; it must hold what X-Signature held, as UTF-8 text"
        raise SignatureRefused(SignatureReason.MALFORMED_SIGNATURE_HEADER, text) from error


def open_archive(folder: Path, captured: Sequence[Path]) -> None:
    """Make the folder that handled deliveries go to. Raises typer.BadParameter where that can't be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        inside = any(path != STDIN and real_path(path).parent == real_path(folder) for path in captured)
    except OSError as error:
        text = f"--archive {folder} can't be used: {error.strerror or type(error).__name__}"
        raise typer.BadParameter(text) from error
    if inside:
        raise typer.BadParameter(f"--archive {folder} is where the deliveries are: name another folder")


def move_away(path: Path, folder: Path) -> None:
    """Move a delivery and its signature, each in one step; nothing that is there already is written over.

    Raises OSError.
    """
    names = (path.stem if number == 0 else f"{path.stem}.{number}" for number in count())
    stem = next(name for name in names if not any((folder / f"{name}{end}").exists() for end in (path.suffix, ".sig")))
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
        draft = target.with_name(f".{target.name}.part")  # of another file system: complete before it has its name
        shutil.copy2(source, draft)
        take_owner_of(draft, source.stat())
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.rename(target)
        source.unlink()
