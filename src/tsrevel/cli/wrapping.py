"""Breaks texts into the lines of a terminal. A path or a command in them stays whole, so that it can be copied."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping

from rich.cells import cell_len

_WORD = re.compile(r"(\s*)((?:`[^`\n]*`|\S)+)")
"""The blanks before a word, and the word. A command in backticks counts as one word."""


def wrap(text: str, room: int) -> list[str]:
    """`text` in lines of `room` columns, broken between words. A wider word stays whole: the terminal continues it."""
    lines = [""]
    for blanks, word in _WORD.findall(text):
        if lines[-1] and cell_len(f"{lines[-1]}{blanks}{word}") > room:
            lines.append("")
            blanks = ""
        lines[-1] += f"{blanks}{word}"
    return lines


def fold(text: str, environ: Mapping[str, str]) -> str:
    """`text` for a terminal, with continued lines indented."""
    told = environ.get("COLUMNS", "")
    width = int(told) if told.isdecimal() and int(told) else shutil.get_terminal_size().columns
    lines: list[str] = []
    for line in text.split("\n"):
        if cell_len(line) <= width:
            lines.append(line)
            continue
        indent = " " * (len(line) - len(line.lstrip()))
        first, *others = wrap(line.strip(), width - len(indent) - 4)
        lines += [f"{indent}{first}", *(f"{indent}    {each}" for each in others)]
    return "\n".join(lines)
