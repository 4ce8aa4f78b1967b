"""The page's file: written whole or not at all, for the owner's eyes, and never over anything but an earlier page."""

from __future__ import annotations

import os
from pathlib import Path

from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem
from tsrevel.files import open_regular, replace_file

MARK = '<meta name="generator" content="tsrevel reconcile">'
"""In every page, near its beginning: what says that a file may be replaced."""


def check_page(path: Path) -> str | None:
    """In words, why the page can't go there; None if it can. Ask before the work is done."""
    if path.is_dir():
        return f"{path} is a folder: name a file in it"
    if not path.parent.is_dir():
        return f"the folder {path.parent} isn't there: make it first"
    if not os.access(path.parent, os.W_OK):
        return f"the folder {path.parent} can't be written to: choose another one"
    if path.exists() and not _is_ours(path):
        return f"{path} is there, and no page of reconcile's: name another file, or remove it"
    return None


def write_page(path: Path, text: str) -> None:
    """Put the page there (0600), in place of an earlier one, in one move. Raises ConfigError where that fails."""
    try:
        replace_file(path, text.encode())
    except OSError as error:
        message = f"{path} can't be written: {error.strerror}"
        problem = ConfigProblem(ConfigCode.FILE_UNWRITABLE, "--html", "the command line", message, "Make room.")
        raise ConfigError((problem,)) from error


def _is_ours(path: Path) -> bool:
    try:
        with os.fdopen(open_regular(path), encoding="utf-8", errors="replace") as file:
            return MARK in file.read(2000)
    except OSError:
        return False
