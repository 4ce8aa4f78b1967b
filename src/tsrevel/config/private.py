"""A new file that its owner alone may read: there as a whole or not at all, and never in another one's place."""

from __future__ import annotations

from pathlib import Path

from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem
from tsrevel.files import DISK_FULL, create_file, make_folder


def create_private(path: Path, text: str) -> None:
    """Create `path` with `text`, mode 0600, and its missing folders, mode 0700. Raises ConfigError.

    A file that is there by then is left alone.
    """
    try:
        make_folder(path.parent)
        create_file(path, text.encode())
    except FileExistsError as error:
        message = "is there already, and nothing overwrites it"
        raise _problem(ConfigCode.FILE_EXISTS, path, message, "Name another file.") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        remedy = f"Let this user write to {path.parent}, or name another file with --output."
        if error.errno in DISK_FULL:
            remedy = "The disk is full: make room, or name a file on another disk with --output."
        raise _problem(ConfigCode.FILE_UNWRITABLE, path, f"can't be written: {reason}", remedy) from error


def _problem(code: ConfigCode, path: Path, message: str, remedy: str) -> ConfigError:
    return ConfigError((ConfigProblem(code, "config", str(path), message, remedy),))
