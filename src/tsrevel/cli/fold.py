"""Long lines broken between words where a person reads them on a terminal; elsewhere left as they are."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from typing import TextIO


def fold(text: str, stream: TextIO, environ: Mapping[str, str]) -> str:
    """`text` for `stream`: on a terminal no word is broken at its edge, and what goes on is indented."""
    if not stream.isatty():
        return text
    told = environ.get("COLUMNS", "")
    width = int(told) if told.isdecimal() and int(told) else shutil.get_terminal_size().columns
    return "\n".join(_fold_line(line, width) for line in text.split("\n"))


def _fold_line(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip()))
    lines = textwrap.wrap(
        line.strip(),
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)
