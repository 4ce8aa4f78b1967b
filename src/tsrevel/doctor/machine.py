"""The checks of this machine: settings, ledger, disk, lock, clock, and who may read and write the files."""

from __future__ import annotations

import os
import shutil
import stat
import tomllib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from tsrevel.clocks import KEEP_TIME, judge_clock
from tsrevel.config import SETTINGS, Settings
from tsrevel.config.paths import expand_path, is_there, settings_folder
from tsrevel.config.problems import Source, file_origin
from tsrevel.config.rules import ADD_LOCATIONS, NO_LOCATIONS
from tsrevel.doctor.findings import CheckFinding, SkippedCheck, attempt, failure, ok, problem, skipped, warning
from tsrevel.engine.outcomes import NEEDS_ATTENTION, describe_disabled
from tsrevel.errors import ConfigProblem, LedgerUnusable, TsrevelError
from tsrevel.files import ENTER, READ, WRITE, chown, read_regular, real_path, refusal, shell_command, user_name
from tsrevel.ledger import Connect, Inspection, Pause, inspect_ledger, is_locked
from tsrevel.ledger.connection import advise_on_unwritable, find_unwritable
from tsrevel.text import capitalised, count_of, decode_text, reason_of

_MEGABYTE = 1_000_000
LEAST_SPACE, SCARCE_SPACE = 20 * _MEGABYTE, 200 * _MEGABYTE


def check_config(settings: Settings, problems: Iterable[ConfigProblem]) -> Iterator[CheckFinding]:
    """One finding for each problem of the settings, or one that there is none."""
    found = list(problems)
    for each in found:
        yield problem("config", "CONFIG_PROBLEM", f"{each.key} ({each.origin}): {each.message}", each.remedy)
    if found and settings.config_path is None and all(each.key != "config" for each in found):
        remedy = "Run `tsrevel init` to write one, or name yours with --config FILE."
        yield problem("config", "NO_CONFIG_FILE", "no settings file was found", remedy)
    if not found:
        source = settings.config_path or "the environment"
        if settings.locations:
            yield ok("config", f"{source}: {count_of(len(settings.locations), 'location')}, no problems")
        else:
            yield problem("config", "NO_LOCATIONS", f"{source}: {NO_LOCATIONS}", ADD_LOCATIONS)


def check_safety(settings: Settings, pause: Pause | None) -> Iterator[CheckFinding]:
    """Whether runs may write, or what keeps them from it."""
    safety = settings.safety
    if not safety.enable_connector:
        remedy = "Set safety.enable_connector = true when runs may begin. Until then they call no service."
        yield warning("safety", "SWITCHED_OFF", describe_disabled(None), remedy)
    elif pause:
        remedy = "Run `tsrevel resume` when runs may go on. Until then they call no service."
        yield warning("safety", "PAUSED", describe_disabled(pause), remedy)
    elif safety.dry_run:
        text = "dry run: runs write nothing to Revel until you set safety.dry_run = false"
        yield ok("safety", text, "DRY_RUN")
    else:
        allowed = ", ".join(map(str, safety.allowed_locations)) or "every mapped location"
        yield ok("safety", f"live: runs write orders for {allowed}")


def check_ledger(settings: Settings, opened_by: Connect) -> Generator[CheckFinding, None, Inspection | None]:
    """Check integrity, version and environment. Returns the inspection of a sound ledger."""
    path = settings.ledger_path
    seen = attempt(lambda: inspect_ledger(path, environment=settings.environment, opened_by=opened_by))
    if isinstance(seen, TsrevelError):
        yield failure("ledger", seen)
        return None
    if seen is None:
        yield ok("ledger", f"there is none yet; the first run creates {path}", "NO_LEDGER_YET")
        return None
    version = f"version {seen.version}"
    if seen.version < seen.newest:
        version += f", which the next run upgrades to {seen.newest} after a backup"
    text = f"{path}: sound, {version}, {settings.environment}, {seen.facts} rows in its audit"
    yield ok("ledger", text)
    return seen


def check_disk(settings: Settings) -> CheckFinding:
    """Whether the ledger's folder can be written to and has room."""
    folder = settings.ledger_path.absolute().parent  # else the nearest existing folder above it
    while not is_there(folder) and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        text = f"this user can't read {folder}: {reason_of(error)}"
        return problem("disk", "INACCESSIBLE", text, "Let this user read it.")
    if not os.access(folder, os.W_OK | os.X_OK):
        remedy = "Change its owner, or set ledger.path."
        return problem("disk", "NOT_WRITABLE", f"this user can't write to {folder}", remedy)
    room = f"{free // _MEGABYTE} MB free in {folder}"
    if free < LEAST_SPACE:
        return problem("disk", "DISK_FULL", room, "Make room. No run can begin without it.", NEEDS_ATTENTION)
    if free < SCARCE_SPACE:
        return warning("disk", "LITTLE_SPACE", room, "Make room soon.")
    return ok("disk", room)


def check_lock(settings: Settings) -> CheckFinding:
    """Whether a run holds the lock now. The file remains after a run, so its existence means nothing."""
    try:
        held = is_locked(settings.ledger_path)
    except LedgerUnusable as error:
        return failure("lock", error)
    if not held:
        return ok("lock", "free: no run is under way")
    lock = settings.ledger_path.with_name(f"{settings.ledger_path.name}.lock")
    remedy = f"Wait for it. {shell_command('fuser', lock)} names its process."
    return warning("lock", "LOCKED", f"another run holds {lock} now", remedy)


def check_clock(now: datetime, skews: Mapping[str, float | None], last_at: datetime | None) -> CheckFinding:
    """Compare this machine's clock with the `Date` of the services' answers, else with the ledger's last row."""
    told = judge_clock(skews)
    if told and told.verdict == "right":
        return ok("clock", told.text)
    if told:
        if told.verdict == "wrong":
            return problem("clock", "CLOCK_WRONG", told.text, KEEP_TIME, NEEDS_ATTENTION)
        return warning("clock", "CLOCK_DOUBTFUL", told.text, KEEP_TIME)
    stamp = f"{now:%Y-%m-%d %H:%M} UTC"
    if last_at is not None and now < last_at:
        text = f"this clock shows {stamp}, but the ledger's last row is from {last_at:%Y-%m-%d %H:%M} UTC"
        remedy = "Set the clock, and run `timedatectl set-ntp true`."
        return problem("clock", "CLOCK_BEFORE_LEDGER", text, remedy, NEEDS_ATTENTION)
    after = "after the ledger's last row" if last_at else "nothing to compare it with"
    text = f"plausible: {stamp}, {after}; no service reported its time"
    return ok("clock", text, "NOT_COMPARED")


def check_config_files(settings: Settings) -> Iterator[CheckFinding]:
    """Check the modes of the config file and the mappings."""
    if settings.config_path is not None:
        origin = file_origin(settings.config_path)
        secrets = [key for key, kind in SETTINGS.items() if kind.secret]
        secret = any(settings.way(key) == key and settings.origin(key) == origin for key in secrets)
        yield from _check("file.config", settings.config_path, secret=secret, absent="")
    if settings.mappings_path is not None:
        yield from _check("file.mappings", settings.mappings_path, secret=False, absent="")


def check_state_files(settings: Settings, environ: Mapping[str, str]) -> Iterator[CheckFinding]:
    """Check the modes of the token, the ledger with its -wal and -shm, and files of secrets, and who may use them."""
    if settings.tripleseat.auth == "oauth2":
        yield from _check("file.token", settings.token_path, secret=True, absent="there is no token file yet")
    yield from _check("file.ledger", settings.ledger_path, secret=True, absent="there is no ledger yet")
    for end in ("-wal", "-shm"):
        beside = settings.ledger_path.with_name(settings.ledger_path.name + end)
        yield from _check("file.ledger", beside, secret=True, absent="")
    ledger = real_path(settings.ledger_path)
    for path in find_unwritable(ledger):
        text = f"user {user_name(os.geteuid())} can't write to {path}, so its runs can't begin"
        remedy = f"{capitalised(advise_on_unwritable(ledger, [path]))}."
        yield problem("file.ledger", "NOT_WRITABLE", text, remedy)
    for _, path in secret_files(settings, environ):
        yield from _check("file.secret", path, secret=True, absent="it doesn't exist")


def check_users(settings: Settings, scheduled: Sequence[int]) -> Iterator[CheckFinding]:
    """Root can use every file. Report those that the users of scheduled runs can't use.

    If it isn't known who runs them, that is the owner of the settings, or of the state.
    """
    if os.geteuid() != 0:
        return
    folder = settings.ledger_path.parent
    ledger = settings.ledger_path
    wanted = {folder: READ | WRITE | ENTER, ledger: READ | WRITE, settings.token_path: READ | WRITE}
    wanted |= {ledger.with_name(ledger.name + end): READ | WRITE for end in ("-wal", "-shm", ".lock")}
    wanted = ({settings.config_path: READ} if settings.config_path else {}) | wanted
    there = {path: want for path, want in wanted.items() if os.path.lexists(path)}
    try:
        owners = [path.stat().st_uid for path in (settings.config_path, folder) if path and path in there]
        for user in scheduled or [each for each in owners if each][:1]:
            for path, want in there.items():
                if why := refusal(user, path, want):
                    text, remedy = f"user {user_name(user)} {why}", "Set ledger.path to a folder that this user owns."
                    if path == settings.config_path:
                        remedy = f"Run {shell_command('chown', user_name(user), path)}."
                    elif run := chown(user, folder, []) if path == folder else chown(user, path.parent, [path]):
                        remedy = f"Run `{run}`."
                    if scheduled:
                        yield problem("file.owner", "RUN_SHUT_OUT", f"{text}, but starts runs", remedy)
                    else:
                        yield warning("file.owner", "OWNER_SHUT_OUT", text, remedy)
    except OSError as error:
        text = f"tsrevel can't check who may use the state: {reason_of(error)}"
        yield warning("file.owner", "INACCESSIBLE", text, "Check the owners of its files.")


def _check(name: str, path: Path, *, secret: bool, absent: str) -> Iterator[CheckFinding]:
    """`secret`: others must not read it. `absent`: why the check is skipped if the file is missing; "": no finding."""
    path = path.absolute()
    try:
        found = path.stat()
    except FileNotFoundError:
        if absent:
            yield skipped(name, SkippedCheck("ABSENT", f"{absent} ({path})"))
        return
    except OSError as error:
        text = f"this user can't read {path}: {reason_of(error)}"
        yield problem(name, "INACCESSIBLE", text, "Let this user read it.")
        return
    mode = stat.S_IMODE(found.st_mode)
    who = ""
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        who = "other users can write to it"
    elif secret and mode & stat.S_IROTH:
        who = "every user can read it"
    elif secret and mode & stat.S_IRGRP and found.st_uid == os.geteuid():
        who = "its group can read it"  # a group may read a file of root's: services get their secrets that way
    if who:
        yield problem(
            name, "TOO_OPEN", f"{path} has mode {mode:04o}: {who}", f"Run {shell_command('chmod', '600', path)}."
        )
    else:
        yield ok(name, f"{path}: mode {mode:04o}")


def secret_files(settings: Settings, environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Yield the dotted key of each `NAME_file` setting in use, and the file that it names."""
    folder = settings_folder(settings.config_path) if settings.config_path else None
    written: dict[str, object] = {}
    if settings.config_path:
        with suppress(OSError, ValueError):
            written = tomllib.loads(decode_text(read_regular(settings.config_path)))
    for key, kind in SETTINGS.items():
        way = settings.way(key)
        if not kind.secret or not way.endswith("_file"):
            continue
        section, _, name = way.partition(".")
        origin, in_file = settings.origin(key), written.get(section)
        text = environ.get(origin.name, "") if origin.source is Source.ENVIRONMENT else ""
        text = text or str(in_file.get(name, "") if isinstance(in_file, dict) else "")
        if text:
            yield way, expand_path(text.strip(), environ, folder)
