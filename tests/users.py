"""Another user than root to do things as. Where the tests don't run as root, the one that runs them is it."""

from __future__ import annotations

import importlib
import os
import pkgutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tsrevel

NOBODY = 65534
OTHER = NOBODY if os.geteuid() == 0 else os.geteuid()

LATE = (
    "_strptime",
    "encodings.idna",
    "encodings.utf_8_sig",
    "encodings.latin_1",
    "httpx._transports.wsgi",
    "html.entities",
)


def give_to_other(*paths: Path) -> None:
    """Let these be the other user's."""
    for path in paths:
        os.chown(path, OTHER, -1)


@contextmanager
def as_other() -> Iterator[None]:
    """Be the other user meanwhile. What is imported late is imported before: they may not reach where it lies."""
    for each in pkgutil.walk_packages(tsrevel.__path__, "tsrevel."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
    for name in LATE:
        importlib.import_module(name)
    before = os.geteuid()
    os.setreuid(OTHER, before)  # os.access asks for the real user
    os.seteuid(OTHER)
    try:
        yield
    finally:
        os.seteuid(before)
        os.setreuid(before, before)


@contextmanager
def folder_of_other() -> Iterator[Path]:
    """A folder of the other user's, which both can enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        give_to_other(folder)
        folder.chmod(0o755)
        yield folder
