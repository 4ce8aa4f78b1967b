"""Whose a file is, what a user may do with it, and the command that gives it to whom it should belong to."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

READ, WRITE, ENTER = 4, 2, 1
"""What may be done with a file or folder, as in its mode; a sum of these."""
_DEEP = 4
"""Parts of a path: a folder so far down isn't shared by the whole system."""


def user_name(uid: int) -> str:
    """The user's name, or the number where it has none; either is understood by chown."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def home_of(uid: int) -> Path | None:
    """The user's home folder by the system's list of users."""
    try:
        return Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:
        return None


def members_of(gid: int) -> tuple[int, ...]:
    """The users that the group names."""
    members = []
    with suppress(KeyError):
        for name in grp.getgrgid(gid).gr_mem:
            with suppress(KeyError):
                members.append(pwd.getpwnam(name).pw_uid)
    return tuple(members)


def refusal(uid: int, path: Path, want: int) -> str:
    """What keeps the user from doing that with `path`, a folder above it for one; "" where nothing does.

    Root may do anything. Access lists aren't looked at. Raises OSError where it can't be told.
    """
    if uid == 0:
        return ""
    groups = _groups_of(uid)
    for folder in reversed(path.absolute().parents):
        if not _allows(folder.stat(), uid, groups, ENTER):
            return f"may not enter {folder}"
    if not _allows(path.stat(), uid, groups, want):
        words = [word for bit, word in ((READ, "read"), (WRITE, "write to")) if want & bit]
        return f"may not {' and '.join(words)} {path}"
    return ""


def _allows(found: os.stat_result, uid: int, groups: frozenset[int], want: int) -> bool:
    shift = 6 if found.st_uid == uid else 3 if found.st_gid in groups else 0
    return stat.S_IMODE(found.st_mode) >> shift & want == want


def _groups_of(uid: int) -> frozenset[int]:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return frozenset()
    return frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))


def cure_roots_files(path: Path) -> str:
    """The command by which root gives back what it owns of `path`, its folder, or what lies beside it by that name.

    "" for root itself, and where nothing of that is root's.
    """
    uid = os.geteuid()
    if uid == 0:
        return ""
    shut = next(
        (each for each in reversed(path.absolute().parents) if not os.access(each, os.X_OK, effective_ids=True)), None
    )
    if shut is not None and os.path.lexists(shut):
        return chown(uid, shut, [shut]) if _is_roots(shut) else ""
    folder = path.parent
    found = [each for each in (folder, path, *_beside(path)) if _is_roots(each)]
    if folder in found and os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        found.remove(folder)  # such as /tmp
    return chown(uid, folder, found) if found else ""


def _beside(path: Path) -> Iterable[Path]:
    with suppress(OSError):
        return sorted(path.parent.glob(f"{path.name}*"))
    return ()


def _is_roots(path: Path) -> bool:
    try:
        return path.stat().st_uid == 0
    except OSError:
        return False


def chown(uid: int, folder: Path, files: Iterable[Path]) -> str:
    """The command that gives the folder with all in it to the user; the files alone where others may share it."""
    shared = len(folder.parts) < _DEEP and "tsrevel" not in folder.name
    if not shared:
        return f"chown -R {user_name(uid)} {shlex.quote(str(folder))}"
    return f"chown {user_name(uid)} {' '.join(shlex.quote(str(each)) for each in dict.fromkeys(files))}"
