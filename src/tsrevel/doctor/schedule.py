"""The check of what starts runs: this user's crontab, or a systemd timer (crontab.example, examples/)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from enum import Enum, auto

from tsrevel.config import CommandFailure, CommandResult, CommandRunner, Settings
from tsrevel.doctor.crontab import Start, read_crontab
from tsrevel.doctor.findings import CheckFinding, FindingCode, ok, warning
from tsrevel.files import real_path

SCHEDULE = "schedule"
_LIST = ("list-timers", "--all", "--no-legend")
_TIMERS = (("systemctl", *_LIST), ("systemctl", "--user", *_LIST))


def check_schedule(settings: Settings, environ: Mapping[str, str], run: CommandRunner) -> CheckFinding:
    """Whether this user's crontab, or a systemd timer that can be seen, starts `tsrevel sync` with these settings."""
    table = run(["crontab", "-l"], environ)
    starts = [*read_crontab(table.output, environ)]
    good = [each for each in starts if _find_fault(each, settings) is None]
    if good:
        return ok(SCHEDULE, f"crontab: {len(good)} line{'s' * (len(good) != 1)} with `tsrevel sync`")
    timers = [line for words in _TIMERS for line in run(words, environ).output.splitlines() if "tsrevel" in line]
    due = next((line for line in timers if line.split()[0] not in {"n/a", "-"}), None)
    if due:
        return ok(SCHEDULE, f"{_unit(due)} has a next run; what its service starts isn't looked at")
    return _complain(settings, starts, timers, table)


def _complain(settings: Settings, starts: Iterable[Start], timers: list[str], table: CommandResult) -> CheckFinding:
    config = f" --config {shlex.quote(str(settings.config_path.absolute()))}" if settings.config_path else ""
    line = f"0 0-21/3 * * * tsrevel sync{config}"
    remedy = f"At go-live, `crontab -e` and add the lines of crontab.example; the first is: {line}"
    bad = [f"`{each.text}` {_tell_fault(each, settings)}" for each in starts]
    if bad:
        text = f"crontab: {'; '.join(dict.fromkeys(bad))}"
        return warning(SCHEDULE, FindingCode.OTHER_RUN, text, f"Let the lines begin like: {line}")
    if timers:
        unit = _unit(timers[0])
        remedy = f"Run: systemctl enable --now {unit}"
        return warning(SCHEDULE, FindingCode.TIMER_OFF, f"{unit} is there but never elapses", remedy)
    if table.failure is CommandFailure.NOT_FOUND:
        text = "this machine has no `crontab` command, and no systemd timer starts tsrevel"
        remedy = "At go-live, install cron, or the units of examples/; or start runs otherwise."
        return warning(SCHEDULE, FindingCode.NO_CRON, text, remedy)
    why = f"`crontab -l` {table.text}" if table.failure else "`crontab -l` shows none"
    text = f"no crontab line of this user's, no systemd timer starts tsrevel ({why})"
    return warning(SCHEDULE, FindingCode.NOT_SCHEDULED, text, remedy)


class _ScheduleFault(Enum):
    """Why a crontab's line isn't a run of the installation that is examined."""

    DRY_RUN = auto()
    NO_CONFIG = auto()
    OTHER_CONFIG = auto()


def _find_fault(start: Start, settings: Settings) -> _ScheduleFault | None:
    if start.dry_run:
        return _ScheduleFault.DRY_RUN
    ours = settings.config_path
    if start.config is None:
        return _ScheduleFault.NO_CONFIG if ours else None
    if ours is None or real_path(start.config) != real_path(ours):
        return _ScheduleFault.OTHER_CONFIG
    return None


def _tell_fault(start: Start, settings: Settings) -> str:
    examined = f"{settings.config_path or 'the environment alone'} is examined"
    match _find_fault(start, settings):
        case _ScheduleFault.DRY_RUN:
            return "is a dry run: it writes no order"
        case _ScheduleFault.NO_CONFIG:
            return f"names no settings file, and finds none; {examined}"
        case _:
            return f"reads {start.config}; {examined}"


def _unit(line: str) -> str:
    return next((word for word in line.split() if word.endswith(".timer")), "a systemd timer")
