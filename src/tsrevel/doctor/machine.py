"""The checks of this machine: settings, ledger, disk, lock, clock."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from tsrevel.clocks import KEEP_TIME, judge_clock
from tsrevel.config import Settings
from tsrevel.config.rules import ADD_LOCATIONS, NO_LOCATIONS
from tsrevel.doctor.finding import ATTENTION, Finding, attempt, doubtful, failure, fine, skipped, wrong
from tsrevel.errors import ConfigProblem, LedgerUnusable, TsrevelError
from tsrevel.ledger import Connect, Inspection, Pause, inspect_ledger, is_locked

_MEGABYTE = 1_000_000
LEAST_SPACE, SCARCE_SPACE = 20 * _MEGABYTE, 200 * _MEGABYTE


def check_config(settings: Settings, problems: Iterable[ConfigProblem]) -> Iterator[Finding]:
    """Every problem of the settings, a line each; or that there is none."""
    found = list(problems)
    for each in found:
        yield wrong("config", f"{each.key} ({each.origin}): {each.message}", each.remedy)
    if found and settings.config_path is None and all(each.key != "config" for each in found):
        yield wrong("config", "no settings file was found", "Make one by `tsrevel init`, or name yours: --config FILE.")
    if not found:
        source = settings.config_path or "the environment alone"
        count = len(settings.locations)
        if settings.locations:
            yield fine("config", f"{source}: {count} location{'s' * (count != 1)}, no problem in it")
        else:
            yield wrong("config", f"{source}: {NO_LOCATIONS}", ADD_LOCATIONS)


def check_safety(settings: Settings, pause: Pause | None) -> Iterator[Finding]:
    """What keeps runs from writing."""
    safety = settings.safety
    if not safety.enable_connector:
        remedy = "Set safety.enable_connector = true when runs may begin; until then nothing is asked of any service."
        yield doubtful("safety", "the connector is switched off (safety.enable_connector)", remedy)
    elif pause:
        yield doubtful("safety", f"runs are {pause}", "Until `tsrevel resume` nothing is asked of any service.")
    elif safety.dry_run:
        yield fine("safety", "dry run: nothing is written to Revel until safety.dry_run = false")
    else:
        allowed = ", ".join(map(str, safety.allowed_locations)) or "every mapped location"
        yield fine("safety", f"live: orders are written, for {allowed}")


def check_ledger(
    settings: Settings, opened_by: Connect, because: str | None
) -> tuple[tuple[Finding, ...], Inspection | None]:
    """Integrity, version and environment of the ledger, and what it is like where it is sound."""
    if because:
        return (skipped("ledger", because),), None
    path = settings.ledger_path
    seen = attempt(lambda: inspect_ledger(path, environment=settings.environment, opened_by=opened_by))
    if isinstance(seen, TsrevelError):
        return (failure("ledger", seen),), None
    if seen is None:
        return (fine("ledger", f"there is none yet; the first run makes {path}"),), None
    version = f"version {seen.version}"
    if seen.version < seen.newest:
        version += f", which the next run brings to {seen.newest}, a backup first"
    text = f"{path}: whole, {version}, {settings.environment}, {seen.facts} facts in its audit"
    return (fine("ledger", text),), seen


def check_disk(settings: Settings, because: str | None) -> Finding:
    """Whether the ledger's folder can be written to and has room."""
    if because:
        return skipped("disk", because)
    folder = _existing(settings.ledger_path)
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return wrong("disk", f"{folder} can't be looked at: {error.strerror}", "Let this user into it.")
    if not os.access(folder, os.W_OK | os.X_OK):
        return wrong("disk", f"this user can't write to {folder}", "Change its owner, or set ledger.path.")
    room = f"{free // _MEGABYTE} MB free in {folder}"
    if free < LEAST_SPACE:
        return wrong("disk", room, "Make room: without it no run can begin.", ATTENTION)
    return doubtful("disk", room, "Make room soon.") if free < SCARCE_SPACE else fine("disk", room)


def _existing(path: Path) -> Path:
    """The folder in which the first missing part of `path` would be made."""
    folder = path.absolute().parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def check_lock(settings: Settings, because: str | None) -> Finding:
    """Whether a run is at it now. The file alone means nothing."""
    if because:
        return skipped("lock", because)
    try:
        held = is_locked(settings.ledger_path)
    except LedgerUnusable as error:
        return failure("lock", error)
    if not held:
        return fine("lock", "free: no run is at work")
    lock = f"{settings.ledger_path}.lock"
    return doubtful("lock", f"another run holds {lock} now", f"Wait for it; `fuser {lock}` names its process.")


def check_clock(now: datetime, skews: Mapping[str, float | None], last_at: datetime | None) -> Finding:
    """This machine's clock against the services' (the Date of their answers), else against the ledger's last fact."""
    told = judge_clock(skews)
    if told and told.verdict == "right":
        return fine("clock", told.text)
    if told:
        is_wrong = told.verdict == "wrong"
        return wrong("clock", told.text, KEEP_TIME, ATTENTION) if is_wrong else doubtful("clock", told.text, KEEP_TIME)
    stamp = f"{now:%Y-%m-%d %H:%M} UTC"
    if last_at is not None and now < last_at:
        text = f"it says {stamp}, but the ledger's last fact is of {last_at:%Y-%m-%d %H:%M} UTC"
        return wrong("clock", text, "Set the clock, and let the machine keep time by NTP.", ATTENTION)
    after = "after the ledger's last fact" if last_at else "nothing to compare it with"
    return fine("clock", f"plausible: {stamp}, {after}; no service told its time")
