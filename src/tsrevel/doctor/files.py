"""The checks of file modes: what holds secrets is for its owner's eyes, and nobody else writes what runs rest on."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tsrevel.config import SETTINGS, Settings
from tsrevel.config.paths import expand_path, settings_folder
from tsrevel.config.problems import Source, file_origin
from tsrevel.doctor.findings import CheckFinding, FindingCode, SkippedCheck, ok, problem, skipped, warning
from tsrevel.files import ENTER, READ, WRITE, chown, read_regular, refusal, user_name


def check_files(settings: Settings, environ: Mapping[str, str], because: SkippedCheck | None) -> Iterator[CheckFinding]:
    """The config file, the mappings, the token, the ledger with what lies beside it, each secret's own file.

    `because`: why it isn't known where all but the first two lie.
    """
    if settings.config_path is not None:
        yield from _check("file.config", settings.config_path, secret=_holds_secrets(settings), absent="")
    if settings.mappings_path is not None:
        yield from _check("file.mappings", settings.mappings_path, secret=False, absent="")
    if because:
        yield from (skipped(name, because) for name in ("file.token", "file.ledger"))
        return
    if settings.tripleseat.auth == "oauth2":
        yield from _check("file.token", settings.token_path, secret=True, absent="there is no token file yet")
    yield from _check("file.ledger", settings.ledger_path, secret=True, absent="there is no ledger yet")
    for end in ("-wal", "-shm"):
        beside = settings.ledger_path.with_name(settings.ledger_path.name + end)
        yield from _check("file.ledger", beside, secret=True, absent="")
    for path in _secret_files(settings, environ):
        yield from _check("file.secret", path, secret=True, absent="it isn't there")
    if os.geteuid() == 0:
        yield from _check_owner(settings)


def _check_owner(settings: Settings) -> Iterator[CheckFinding]:
    """For root, to whom everything looks well: what the owner of the settings, or of the state, can't use."""
    folder = settings.ledger_path.parent
    ledger = settings.ledger_path
    wanted = {folder: READ | WRITE | ENTER, ledger: READ | WRITE, settings.token_path: READ | WRITE}
    wanted |= {ledger.with_name(ledger.name + end): READ | WRITE for end in ("-wal", "-shm", ".lock")}
    wanted = ({settings.config_path: READ} if settings.config_path else {}) | wanted
    there = {path: want for path, want in wanted.items() if os.path.lexists(path)}
    try:
        owners = [path.stat().st_uid for path in (settings.config_path, folder) if path and path in there]
        user = next((each for each in owners if each), 0)
        for path, want in there.items():
            if why := refusal(user, path, want):
                place = path if path == folder else path.parent
                run = f"chown {user_name(user)} {path}" if path == settings.config_path else chown(user, place, [path])
                text = f"user {user_name(user)} {why}"
                yield warning("file.owner", FindingCode.OWNER_SHUT_OUT, text, f"Run: {run}")
    except OSError as error:
        text = f"it can't be told who may use the state: {error.strerror}"
        yield warning("file.owner", FindingCode.INACCESSIBLE, text, "Look at its owners.")


def _check(name: str, path: Path, *, secret: bool, absent: str) -> Iterator[CheckFinding]:
    """`secret`: others must not even read it. `absent`: why it is skipped where it is missing; "": without a word."""
    try:
        found = path.stat()
    except FileNotFoundError:
        if absent:
            yield skipped(name, SkippedCheck(FindingCode.ABSENT, f"{absent} ({path})"))
        return
    except OSError as error:
        text = f"{path} can't be looked at: {error.strerror}"
        yield problem(name, FindingCode.INACCESSIBLE, text, "Let this user reach it.")
        return
    mode = stat.S_IMODE(found.st_mode)
    who = _too_open(found, secret=secret)
    if who:
        yield problem(name, FindingCode.TOO_OPEN, f"{path} has mode {mode:04o}: {who}", f"Run: chmod 600 {path}")
    else:
        yield ok(name, f"{path}: mode {mode:04o}")


def _too_open(found: os.stat_result, *, secret: bool) -> str:
    """Who may do too much. A file of root's that a group reads is the usual way to give a service its settings."""
    mode = found.st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write to it"
    if secret and mode & stat.S_IROTH:
        return "everybody may read it"
    ours = found.st_uid == os.geteuid()
    return "its group may read it" if secret and ours and mode & stat.S_IRGRP else ""


def _holds_secrets(settings: Settings) -> bool:
    """Whether a secret stands in the config file itself."""
    return any(_is_given_in_file(settings, key) for key, kind in SETTINGS.items() if kind.secret)


def _is_given_in_file(settings: Settings, key: str) -> bool:
    path = settings.config_path
    return path is not None and settings.way(key) == key and settings.origin(key) == file_origin(path)


def _secret_files(settings: Settings, environ: Mapping[str, str]) -> Iterator[Path]:
    """The files that `NAME_file` settings name, where they are what counts."""
    folder = settings_folder(settings.config_path) if settings.config_path else None
    written = _read_config(settings)
    for key, kind in SETTINGS.items():
        way = settings.way(key)
        if not kind.secret or not way.endswith("_file"):
            continue
        section, _, name = way.partition(".")
        origin = settings.origin(key)
        in_file = written.get(section)
        text = environ.get(origin.name, "") if origin.source is Source.ENVIRONMENT else ""
        text = text or str(in_file.get(name, "") if isinstance(in_file, dict) else "")
        if text:
            yield expand_path(text.strip(), environ, folder)


def _read_config(settings: Settings) -> dict[str, object]:
    if settings.config_path is not None:
        with suppress(OSError, ValueError):
            return tomllib.loads(read_regular(settings.config_path).decode())
    return {}
