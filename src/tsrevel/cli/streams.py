"""The streams of the process: always there, never in the way of a run, and showing nothing that a terminal would obey.

What can't be written (a full disk, a reader that is gone) is lost and remembered; whoever prints isn't disturbed.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, TextIO, cast

from tsrevel.text import escape_json, show_controls

_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")


def settle_streams() -> None:
    """Give the process all three standard streams: a missing one is /dev/null, and none fails or refuses a character.

    Before anything else is opened: a ledger that got the number of a missing stream would be written to by `print`.
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
    """Text to an open descriptor, encoded as Python would have (`like`); a character that isn't there is escaped.

    Writing never raises OSError. Where it fails, the descriptor is /dev/null from then on: what is buffered must go
    somewhere.
    """

    def __init__(self, descriptor: int, like: TextIO | None) -> None:
        self.trouble: OSError | None = None
        os.set_blocking(descriptor, True)  # whoever started us may share the pipe, and not wait for it
        raw = io.FileIO(descriptor, "w", closefd=False)  # not of ours: a signal between two of its lines would double
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
    """A stream for `print`: control characters appear as escapes, but for ends of lines and tabs.

    `inner` is for who writes a terminal's own codes. With `styles` those of colour and weight pass.
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

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (all else is the stream's own)
        return getattr(self.inner, name)


def plain(stream: TextIO) -> TextIO:
    return stream if isinstance(stream, PlainStream) else cast("TextIO", PlainStream(stream))


def styled(stream: TextIO) -> TextIO:
    """`stream` for help, which typer prints in colours."""
    return cast("TextIO", PlainStream(inner(stream), styles=True))


def inner(stream: TextIO) -> TextIO:
    return stream.inner if isinstance(stream, PlainStream) else stream


def trouble_of(stream: TextIO) -> OSError | None:
    """Why something written to `stream` was lost, if that is known."""
    found = inner(stream)
    return found.trouble if isinstance(found, OutputStream) else None


def encode_json(document: object, stream: TextIO, *, compact: bool = False) -> str:
    """`document` as JSON on one line: in ASCII unless `stream` is UTF-8, and without a character a terminal obeys."""
    encoding = getattr(stream, "encoding", None)  # a stream in memory has none, and takes everything
    in_ascii = encoding is not None and codecs.lookup(encoding).name != "utf-8"
    return escape_json(json.dumps(document, ensure_ascii=in_ascii, separators=(",", ":") if compact else None))


def fold(text: str, stream: TextIO, environ: Mapping[str, str]) -> str:
    """`text` for `stream`: on a terminal no word is broken at its edge, and what goes on is indented."""
    if not stream.isatty():
        return text
    told = environ.get("COLUMNS", "")
    width = int(told) if told.isdecimal() and int(told) else shutil.get_terminal_size().columns
    lines: list[str] = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip()))
        fitting = textwrap.TextWrapper(
            width,
            initial_indent=indent,
            subsequent_indent=f"{indent}    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines.append(line if len(line) <= width else fitting.fill(line.strip()))
    return "\n".join(lines)
