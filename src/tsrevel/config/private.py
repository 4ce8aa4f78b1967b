"""A new file that its owner alone may read: there as a whole or not at all, and never in another one's place."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tsrevel.errors import ConfigError, ConfigProblem


def create_private(path: Path, text: str) -> None:
    """Create `path` with `text`, mode 0600, and its missing folders, mode 0700. Raises ConfigError.

    A file that is there by then is left alone.
    """
    try:
        _create_folder(path.parent)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
        fresh = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            _put(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        remedy = "Let this user write to its folder, or name another file with --output."
        raise _problem(path, f"can't be written: {reason}", remedy) from error


def _put(fresh: Path, path: Path) -> None:
    """Give the finished file its name. A hard link, unlike a rename, refuses to take another file's place."""
    try:
        path.hardlink_to(fresh)
    except FileExistsError as error:
        raise _problem(path, "is there already, and nothing overwrites it", "Name another file.") from error


def _create_folder(folder: Path) -> None:
    if not folder.is_dir():
        _create_folder(folder.parent)
        folder.mkdir(mode=0o700)


def _problem(path: Path, message: str, remedy: str) -> ConfigError:
    return ConfigError((ConfigProblem("config", str(path), message, remedy),))
