"""A line that a person pastes: read within a time limit, and not shown where it is typed on a terminal."""

from __future__ import annotations

import os
import re
import select
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

LONGEST_LINE = 16 * 1024


def read_line(stdin: BinaryIO, seconds: float) -> str | None:
    """The next line; "" at the end of the input; None where nothing came for `seconds`."""
    try:
        source = stdin.fileno()
    except OSError:  # no file behind it, so nothing to wait for
        return stdin.readline(LONGEST_LINE).decode(errors="replace")
    line = b""
    while b"\n" not in line and len(line) < LONGEST_LINE:
        if not select.select([source], [], [], seconds)[0]:
            return None
        chunk = os.read(source, 4096)
        if not chunk:
            break
        line += chunk
    return line.decode(errors="replace").partition("\n")[0] + ("\n" if line else "")


def plain_address(text: str) -> str:
    """The address in a line that was copied from somewhere: without blanks, quotes, angle brackets or `&amp;`."""
    text = re.sub(r"\x1b\[20[01]~", "", text)  # how a terminal marks what is pasted
    text = "".join(text.split()).strip(_ROUND)
    return re.sub(r"&(amp|#38|#x26);", "&", text, flags=re.IGNORECASE)


_ROUND = "\"'`<>()\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb\u200b\ufeff"


@contextmanager
def no_echo(stdin: BinaryIO) -> Iterator[None]:
    """A terminal shows nothing of what is typed meanwhile but ends of lines: a code is a secret until it is used."""
    before = _read_terminal(stdin)
    if before is None:
        yield
        return
    flags = before[3] & ~termios.ECHO | termios.ECHONL
    termios.tcsetattr(stdin.fileno(), termios.TCSADRAIN, [*before[:3], flags, *before[4:]])
    try:
        yield
    finally:
        termios.tcsetattr(stdin.fileno(), termios.TCSADRAIN, before)


def _read_terminal(stdin: BinaryIO) -> list[Any] | None:
    try:
        return termios.tcgetattr(stdin.fileno())
    except (OSError, termios.error):  # no terminal
        return None
