"""The exit statuses that the help of each command lists, and those that its tests see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from typer.main import get_command

from tsrevel.cli.app import app

_LISTED = re.compile(r"^- (\d+): .*?(?:\((\d+): hung up, (\d+): terminated\))?$", re.MULTILINE)


@cache
def listed() -> dict[str, frozenset[int]]:
    """The statuses in each command's help, by the command's words ("map list")."""
    return dict(_walk(get_command(app), ()))


def _walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, frozenset[int]]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from _walk(inner, (*words, name))
    if words and not hasattr(command, "commands"):
        found = _LISTED.findall(command.epilog or "")
        yield " ".join(words), frozenset(int(status) for each in found for status in each if status)


def assert_listed(argv: Sequence[str], status: int) -> None:
    """The help of the command that was typed lists the status with which it ended."""
    command = next((name for name in (" ".join(argv[:2]), *argv[:1]) if name in listed()), None)
    allowed = listed()[command] if command else {0, 2}  # no command: help, version or a usage error
    assert status in allowed, f"`tsrevel {command or ''} --help` doesn't list the exit status {status}"
