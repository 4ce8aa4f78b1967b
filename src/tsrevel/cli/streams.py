"""The standard streams: they always exist, never stop a run, and print nothing that a terminal would obey.

Output that can't be written (full disk, closed pipe) is lost, and the stream stores the error. Printing never fails.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO, cast

from tsrevel.text import escape_json, show_controls

_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")


def settle_streams() -> None:
    """Give the process all three standard streams: a missing one is /dev/null, and none fails or refuses a character.

    Call it before anything else is opened: if a ledger got the number of a missing stream, `print` would write to it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, descriptor)
            if opened != descriptor:
                os.close(opened)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 (it lives as long as the process)
    sys.stdout = OutputStream(1, sys.stdout)
    sys.stderr = OutputStream(2, sys.stderr)


class OutputStream(io.TextIOWrapper):
    """Text to an open descriptor, in the encoding of `like`. Characters that it lacks are escaped.

    Writing never raises OSError. After a failure the descriptor is /dev/null, so that the buffer can be flushed.
    """

    def __init__(self, descriptor: int, like: TextIO | None) -> None:
        self.trouble: OSError | None = None
        os.set_blocking(descriptor, True)  # a parent that shares the pipe may have changed this
        raw = io.FileIO(descriptor, "w", closefd=False)  # no class of ours: a signal inside it could write twice
        encoding = like.encoding if like else "utf-8"
        lines = descriptor == 2 or raw.isatty()
        super().__init__(io.BufferedWriter(raw), encoding=encoding, errors="backslashreplace", line_buffering=lines)

    def write(self, text: str) -> int:
        try:
            super().write(text)
        except OSError as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.trouble = error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        super().flush()


class PlainStream:
    """A stream for `print`: control characters appear as escapes, except line ends and tabs.

    Code that writes terminal codes uses `inner`. With `styles`, the codes of colour and weight pass.
    """

    def __init__(self, inner: TextIO, *, styles: bool = False) -> None:
        self.inner, self._styles = inner, styles

    def write(self, text: str) -> int:
        parts = _STYLE.split(text) if self._styles else [text]
        parts[::2] = [show_controls(each, keep="\n\t") for each in parts[::2]]
        self.inner.write("".join(parts))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (everything else is the stream's)
        return getattr(self.inner, name)


def plain(stream: TextIO) -> TextIO:
    return stream if isinstance(stream, PlainStream) else cast("TextIO", PlainStream(stream))


def styled(stream: TextIO) -> TextIO:
    """`stream` for help, which typer prints in colours."""
    return cast("TextIO", PlainStream(inner(stream), styles=True))


def inner(stream: TextIO) -> TextIO:
    return stream.inner if isinstance(stream, PlainStream) else stream


def trouble_of(stream: TextIO) -> OSError | None:
    """The error that lost some output of `stream`, if any."""
    found = inner(stream)
    return found.trouble if isinstance(found, OutputStream) else None


def encode_json(document: object, stream: TextIO, *, compact: bool = False) -> str:
    """`document` as JSON on one line: in ASCII unless `stream` is UTF-8, and without codes that a terminal obeys."""
    encoding = getattr(stream, "encoding", None)  # a stream in memory has none, and accepts everything
    in_ascii = encoding is not None and codecs.lookup(encoding).name != "utf-8"
    return escape_json(json.dumps(document, ensure_ascii=in_ascii, separators=(",", ":") if compact else None))


def encode_entry(
    stream: TextIO, at: datetime, level: str, correlation_id: str, message: str, about: Mapping[str, object]
) -> str:
    """A line of the log in JSON. `about`: its further fields."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entry = {"at": stamp, "level": level, "correlation_id": correlation_id, "message": message, **about}
    return encode_json(entry, stream)
