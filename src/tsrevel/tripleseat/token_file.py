"""The file with the rotating tokens: reads it, locks it between processes, replaces it as a whole.

A refresh token works once (facts TripleSeat 1.3). If the next one is lost before it is on disk, a person must approve
again. No network here, and no token in any message.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeGuard

from tsrevel.config.paths import is_there
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem, ServiceDown
from tsrevel.files import (
    DISK_FULL,
    Draft,
    cure_roots_files,
    draft_of,
    look_at,
    make_folder,
    open_lock,
    read_regular,
    real_path,
    shell_command,
    sync_folder,
    try_lock,
)
from tsrevel.redaction import Secret
from tsrevel.transport.client import Deadline
from tsrevel.transport.responses import Json, decode_json
from tsrevel.tripleseat.fields import read_number

logger = logging.getLogger(__name__)

_LARGEST = 256 * 1024
_RESERVED = 32 * 1024
"""Bytes reserved on the disk for the next token. It has some hundred bytes, or a few thousand if signed (JWT)."""
LOCK_SECONDS = 150.0
"""How long to wait for another process's refresh: up to two requests of a minute (`transport.TOKEN_SECONDS`)."""
_LOOK_SECONDS = 0.02
APPROVAL = "run `tsrevel login` (README, set-up: 'Get the first token')"
_HOW = f"Get one: {APPROVAL}."
_SANDBOX_STOPPED = "the sandbox that wrote it isn't running, or nobody has logged in to it"
_START_SANDBOX = "Start it again with `tsrevel sandbox --write-config FILE`, or run `tsrevel login` while it runs."


@dataclass(frozen=True, slots=True, repr=False)
class Token(Secret):
    """An access token, when it expires (epoch seconds), and the refresh token for the next one."""

    access: str
    refresh: str
    expires_at: int

    def expires_within(self, seconds: float, now: float) -> bool:
        """Whether it is unusable `seconds` after `now` (epoch seconds)."""
        return not self.access or self.expires_at - now <= seconds


class TokenFile:
    """`{"access_token", "refresh_token", "expires_at"}` at `path`, readable only by its owner.

    A `sandbox` deletes its file when it stops.
    """

    def __init__(self, path: Path, *, sandbox: bool = False) -> None:
        self._path = real_path(path)  # a link stays a link: its target is replaced
        self._sandbox = sandbox
        self._warned = False

    def load(self) -> Token:
        """The token in the file. Raises ConfigError if it is missing or broken; warns if other users may read it."""
        try:
            found = look_at(self._path)
            data = decode_json(read_regular(self._path, _LARGEST))
            if found and found.st_mode & 0o077 and not self._warned:
                self._warned = True
                cure = shell_command("chmod", "600", self._path)
                logger.warning("other users can read tripleseat.token_file; run %s", cure)
        except FileNotFoundError as error:
            what, how = (_SANDBOX_STOPPED, _START_SANDBOX) if self._sandbox else ("there is no token file yet", _HOW)
            raise self._problem(ConfigCode.FILE_NOT_FOUND, what, how) from error
        except OSError as error:
            remedy = self._give_back() or "Let this user read it."
            raise self._problem(ConfigCode.FILE_UNREADABLE, f"can't be read ({error.strerror})", remedy) from error
        except ValueError as error:
            raise self._problem(ConfigCode.MALFORMED_TOKEN_FILE, f"holds {error}, not tokens", _HOW) from error
        return self._decode(data)

    def prepare(self, like: Path | None = None) -> None:
        """Make its folder, only for this user, and check that a token can be stored, before a person approves one.

        If root makes the folder, it belongs to the owner of the file `like`. Raises ConfigError.
        """
        try:
            make_folder(self._path.parent, like)
        except OSError as error:
            raise self._unwritable(error) from error
        with self.locked(), self.replacement():
            pass

    def written_at(self) -> float:
        """When the file was last replaced, in epoch seconds: by a login or a refresh. Raises ConfigError."""
        try:
            return self._path.stat().st_mtime
        except OSError as error:
            raise self._problem(ConfigCode.FILE_NOT_FOUND, "there is no token file yet", _HOW) from error

    def remove(self) -> bool:
        """Delete it, and the half-written copies of killed processes. Whether it existed. Raises ConfigError."""
        remains = re.compile(re.escape(f".{self._path.name}.") + "[a-z0-9_]{8}")  # as mkstemp names them
        if not is_there(self._path.parent):
            return False
        with self.locked():
            try:
                found = self._path.exists()
                self._path.unlink(missing_ok=True)
                for each in self._path.parent.iterdir():
                    if remains.fullmatch(each.name):
                        each.unlink(missing_ok=True)
                sync_folder(self._path.parent)
            except OSError as error:
                message = f"can't be removed ({error.strerror})"
                raise self._problem(ConfigCode.FILE_UNWRITABLE, message, "Remove it by hand.") from error
        return found

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the file's lock in this thread. Waits for a refresh by another, which ends within its timeouts.

        Raises ServiceDown if it doesn't, because that process is stopped, for example; ConfigError.
        """
        try:
            handle = open_lock(self._path.with_name(self._path.name + ".lock"), self._path)
        except OSError as error:
            raise self._unwritable(error) from error
        limit = Deadline(timedelta(seconds=LOCK_SECONDS))
        try:
            while not try_lock(handle):
                if limit.has_passed:
                    lock = self._path.with_name(f"{self._path.name}.lock")
                    names = f"{shell_command('fuser', lock)} names it"
                    text = f"another process has held {lock} for {LOCK_SECONDS:.0f} s; {names}"
                    raise ServiceDown(f"no token for TripleSeat: {text}")
                time.sleep(_LOOK_SECONDS)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def replacement(self) -> Iterator[Callable[[Token], None]]:
        """Yield a function that stores a new token. Reserves disk space first, before a refresh uses up the old token.

        The file keeps its owner, group and mode, so that the next user of tsrevel can read it. Raises ConfigError if
        the token can't be stored.
        """
        with ExitStack() as stack:
            try:
                draft = stack.enter_context(draft_of(self._path))
                draft.reserve(_RESERVED)
            except OSError as error:
                raise self._unwritable(error) from error
            yield lambda token: self._put(draft, token)

    def _put(self, draft: Draft, token: Token) -> None:
        content = {"access_token": token.access, "refresh_token": token.refresh, "expires_at": token.expires_at}
        try:
            draft.put(json.dumps(content, indent=2).encode())
        except OSError as error:
            raise self._unwritable(error) from error

    def _decode(self, data: Json) -> Token:
        row = data if isinstance(data, dict) else {}
        refresh, access = row.get("refresh_token"), row.get("access_token") or ""
        expires_at = read_number(row.get("expires_at") or 0)
        if not is_token(refresh) or not (access == "" or is_token(access)) or expires_at is None:
            raise self._problem(
                ConfigCode.MALFORMED_TOKEN_FILE, "lacks a usable access_token, refresh_token or expires_at", _HOW
            )
        return Token(access, refresh, int(expires_at))

    def _unwritable(self, error: OSError) -> ConfigError:
        whose = self._give_back() or "Let this user write to the file and its folder."
        remedy = f"{whose} If TripleSeat then refuses the old token, {APPROVAL}."
        if error.errno in DISK_FULL:
            remedy = "Make room on its disk. Until then tsrevel requests no new token, because it can't store one."
        return self._problem(ConfigCode.FILE_UNWRITABLE, f"can't be replaced ({error.strerror})", remedy)

    def _give_back(self) -> str:
        cure = cure_roots_files(self._path)
        return f"Root owns some of these files. As root, give them to this user: {cure}." if cure else ""

    def _problem(self, code: ConfigCode, message: str, remedy: str) -> ConfigError:
        return ConfigError(ConfigProblem(code, "tripleseat.token_file", str(self._path), message, remedy))


def is_token(value: Json) -> TypeGuard[str]:
    """Whether it can be a token: printable ASCII without spaces, fit for a header."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable() and " " not in value
