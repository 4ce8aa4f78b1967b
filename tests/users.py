"""Another user than root to do things as. Where the tests don't run as root, the one that runs them is it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
OTHER = NOBODY if os.geteuid() == 0 else os.geteuid()


def give_to_other(*paths: Path) -> None:
    """Let these be the other user's."""
    for path in paths:
        os.chown(path, OTHER, -1)


@contextmanager
def as_other() -> Iterator[None]:
    """Be the other user meanwhile."""
    before = os.geteuid()
    os.seteuid(OTHER)
    try:
        yield
    finally:
        os.seteuid(before)


@contextmanager
def folder_of_other() -> Iterator[Path]:
    """A folder of the other user's, which both can enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        give_to_other(folder)
        folder.chmod(0o755)
        yield folder
