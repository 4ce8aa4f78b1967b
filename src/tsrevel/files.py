"""Files written completely or not at all, locks, and the owners of files."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import shlex
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem
from tsrevel.text import reason_of

LARGEST_FILE = 16 * 1024 * 1024
"""In bytes. Files that are read as a whole are far smaller."""
_OPEN = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The system's errors for a file that doesn't fit on the disk."""


def real_path(path: Path) -> Path:
    """The absolute path without links. A circle of links is left as it is: opening it will fail."""
    return Path(os.path.realpath(path))


def look_at(path: Path) -> os.stat_result | None:
    """The `stat` of the regular file at `path`; None if nothing is there.

    Raises OSError if anything else is there, or if that is unknown.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise OSError(errno.EINVAL, "it is a broken link", str(path)) from None
        return None
    _require_regular(found.st_mode, path)
    return found


def open_regular(path: Path) -> int:
    """A descriptor that reads the regular file at `path`. Raises OSError; FileNotFoundError if there is none."""
    if look_at(path) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    descriptor = os.open(path, os.O_RDONLY | _OPEN)
    try:
        _require_regular(os.fstat(descriptor).st_mode, path)  # it may have been swapped since
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_regular(path: Path, largest: int = LARGEST_FILE) -> bytes:
    """The content of the regular file at `path`.

    Raises OSError, also for more than `largest` bytes; FileNotFoundError if there is none.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"it has more than {largest:,} bytes", str(path))
    return content


@dataclass(slots=True)
class Draft:
    """A temporary file in the folder of `target`. It is deleted unless it is put or created."""

    descriptor: int
    path: Path
    target: Path

    def put(self, content: bytes) -> None:
        """Replaces the target with `content`. Raises OSError, and then the target is unchanged."""
        self._fill(content)
        self.path.replace(self.target)
        sync_folder(self.target.parent)

    def create(self, content: bytes) -> None:
        """Creates the target with `content`. Raises FileExistsError if anything is there by now; OSError."""
        self._fill(content)
        self.link()

    def link(self) -> None:
        """Creates the target with what was written to the descriptor. Raises the same."""
        os.fsync(self.descriptor)
        os.link(self.path, self.target)  # unlike a rename, it replaces nothing
        sync_folder(self.target.parent)

    def reserve(self, size: int) -> None:
        """Reserves `size` bytes of the disk for a later `put`. Raises OSError if there is no room."""
        self._fill(b" " * size)

    def _fill(self, content: bytes) -> None:
        """Overwrites before it truncates, so it uses reserved space and doesn't release it first."""
        rest, at = memoryview(content), 0
        while rest:
            written = os.pwrite(self.descriptor, rest, at)
            rest, at = rest[written:], at + written
        os.ftruncate(self.descriptor, len(content))
        os.fsync(self.descriptor)


@contextmanager
def draft_of(path: Path, like: Path | None = None) -> Iterator[Draft]:
    """A draft for the file at `path`. Follows links: a link stays one.

    The draft gets the owner, group and mode of the file that it replaces, else of `like`. Without either it has mode
    0600 and, if root makes it, the owner and group of its folder. Raises OSError, also if the replacement would lock
    out the owner.
    """
    target = real_path(path)
    before = look_at(target)
    model = before or (look_at(like) if like else None)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # made with mode 0600
    draft = Draft(descriptor, Path(name), target)
    try:
        if model is None:
            take_owner_of(descriptor, target.parent.stat())
        else:
            _resemble(descriptor, model, is_new=before is None)
        yield draft
    finally:
        os.close(descriptor)
        draft.path.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes, like: Path | None = None) -> None:
    """Writes `content` to `path` completely and to the disk, or not at all; see `draft_of`. Raises OSError."""
    with draft_of(path, like) as draft:
        draft.put(content)


def create_file(path: Path, content: bytes) -> None:
    """The same for a new file. Raises FileExistsError if anything is there, a link included."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with draft_of(path) as draft:
        draft.create(content)


def make_folder(folder: Path, like: Path | None = None) -> None:
    """Makes `folder` and its missing parents, for only the owner to see. Raises OSError.

    If root makes them, each gets the owner of the folder above it, and `folder` the owner of `like`. If `like` is
    root's but another group may read it, root doesn't know the right owner: PermissionError.
    """
    if folder.is_dir():
        return
    owner = like.stat() if like else None
    if owner and os.geteuid() == 0 and owner.st_uid == 0 and owner.st_gid and owner.st_mode & stat.S_IRGRP:
        command = shell_command("install", "-d", "-o", "USER", "-m", "700", folder)
        text = f"root would own it; create it for the user who runs tsrevel: {command}"
        raise PermissionError(errno.EPERM, text)
    make_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
        return  # another process was faster
    if os.geteuid() == 0:
        take_owner_of(folder, owner or folder.parent.stat())


def take_owner_of(file: int | Path, owner: os.stat_result) -> None:
    """If root made `file`, gives it to that owner and group, so nobody is locked out."""
    if os.geteuid() == 0:
        os.chown(file, owner.st_uid, owner.st_gid)


def sync_folder(folder: Path) -> None:
    """Makes a new name in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_lock(path: Path, guarded: Path) -> int:
    """A descriptor of the lock file at `path`, made if missing, for everyone who may use the file `guarded`.

    Only the kernel's lock on it (`fcntl.flock`) counts, not the file itself. Raises OSError.
    """
    model = look_at(guarded)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | _OPEN, 0o600)
    try:
        found = os.fstat(descriptor)
        _require_regular(found.st_mode, path)
        if os.geteuid() in {0, found.st_uid}:
            take_owner_of(descriptor, model or path.parent.stat())
            os.fchmod(descriptor, 0o600 | (model.st_mode & 0o660 if model else 0))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Takes the kernel's lock on an open file without waiting. False if another holds it."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _require_regular(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))


def _resemble(descriptor: int, model: os.stat_result, *, is_new: bool) -> None:
    """Sets the owner, group and mode of `model`. Raises PermissionError if the owner of a file would be locked out.

    Nobody has had access to a new file. This user could read the model, so its mode lets others read the new one too.
    """
    mine = os.fstat(descriptor)
    mode = stat.S_IMODE(model.st_mode) & 0o777
    if os.geteuid() == 0:
        os.fchown(descriptor, model.st_uid, model.st_gid)
    elif model.st_gid != mine.st_gid:
        with suppress(PermissionError):  # a group that we aren't in
            os.fchown(descriptor, -1, model.st_gid)
    kept = os.fstat(descriptor)
    if kept.st_gid != model.st_gid:
        mode &= ~0o070  # our group must not get that group's rights
    if not is_new and kept.st_uid != model.st_uid and mode & 0o060 != 0o060:
        raise PermissionError(errno.EPERM, "it belongs to another user, and that user would lose access")
    os.fchmod(descriptor, mode)


READ, WRITE, ENTER = 4, 2, 1
"""The rights to a file or folder, as in its mode; add them up."""


def user_name(uid: int) -> str:
    """The user's name, or the number if it has none: chown takes either."""
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
    """The users that the group lists."""
    members = []
    with suppress(KeyError):
        for name in grp.getgrgid(gid).gr_mem:
            with suppress(KeyError):
                members.append(pwd.getpwnam(name).pw_uid)
    return tuple(members)


def refusal(uid: int, path: Path, want: int) -> str:
    """Why the user may not do that (`want`) with `path`, such as a shut folder above it; "" if the user may.

    Root may do anything. Access control lists are ignored. Raises OSError if unknown.
    """
    if uid == 0:
        return ""
    groups = frozenset[int]()
    with suppress(KeyError):
        entry = pwd.getpwuid(uid)
        groups = frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))
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


def cure_roots_files(path: Path) -> str:
    """The command for root to give away what it owns of `path`, its folder, and files there that begin with its name.

    "" for root itself, and if root owns none of them that may be given away.
    """
    uid = os.geteuid()
    if uid == 0:
        return ""
    path = path.absolute()  # root may be in another folder
    above = reversed(path.parents)
    shut = next((each for each in above if not os.access(each, os.X_OK, effective_ids=True)), None)
    if shut is not None and os.path.lexists(shut):
        return chown(uid, shut, []) if _is_roots(shut) else ""
    folder, beside = path.parent, list[Path]()
    with suppress(OSError):
        beside = sorted(folder.glob(f"{path.name}*"))
    found = [each for each in (path, *beside) if _is_roots(each)]
    is_shut = _is_roots(folder) and not os.access(folder, os.W_OK | os.X_OK, effective_ids=True)
    return chown(uid, folder, found) if found or is_shut else ""


def _is_roots(path: Path) -> bool:
    try:
        return path.stat().st_uid == 0
    except OSError:
        return False


def shell_command(*words: str | Path) -> str:
    """A command for people to copy, in backticks: with absolute paths, quoted for a shell."""
    return f"`{shlex.join(str(each.absolute()) if isinstance(each, Path) else each for each in words)}`"


def chown(uid: int, folder: Path, files: Iterable[Path]) -> str:
    """The command that gives the folder and all in it to the user; only the files if others may share the folder.

    "" if there are none then: nobody may be told to give away a folder such as /etc.
    """
    folder = real_path(folder)  # its name must not hide where a link or ".." leads
    if _is_own(folder):
        return f"chown -R {user_name(uid)} {shlex.quote(str(folder))}"
    words = [shlex.quote(str(each)) for each in dict.fromkeys(files)]
    return f"chown {user_name(uid)} {' '.join(words)}" if words else ""


def _is_own(folder: Path) -> bool:
    """Whether the folder is there for tsrevel alone, as far as its path shows."""
    return "tsrevel" in folder.name or "tsrevel" in folder.parent.name


def create_private(path: Path, text: str) -> None:
    """Creates `path` with `text`, mode 0600, and its missing folders, mode 0700. Raises ConfigError.

    It never changes an existing file.
    """
    try:
        make_folder(path.parent)
        create_file(path, text.encode())
    except FileExistsError as error:
        message, remedy = "exists, and tsrevel never overwrites it", "Name another file."
        problem = ConfigProblem(ConfigCode.FILE_EXISTS, "config", str(path), message, remedy)
        raise ConfigError(problem) from error
    except OSError as error:
        message = f"can't be written: {reason_of(error)}"
        remedy = f"Let this user write to {path.parent}, or name another file with --output."
        if error.errno in DISK_FULL:
            remedy = "The disk is full. Make room, or name a file on another disk with --output."
        problem = ConfigProblem(ConfigCode.FILE_UNWRITABLE, "config", str(path), message, remedy)
        raise ConfigError(problem) from error
