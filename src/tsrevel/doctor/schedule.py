"""The check of what starts runs: this user's crontab, or a systemd timer (crontab.example, examples/)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from tsrevel.config import CommandFailure, CommandResult, CommandRunner, Settings
from tsrevel.doctor.crontab import Start, read_crontab
from tsrevel.doctor.finding import Finding, doubtful, fine
from tsrevel.files import real_path

SCHEDULE = "schedule"
_LIST = ("list-timers", "--all", "--no-legend")
_TIMERS = (("systemctl", *_LIST), ("systemctl", "--user", *_LIST))


def check_schedule(settings: Settings, environ: Mapping[str, str], run: CommandRunner) -> Finding:
    """Whether this user's crontab, or a systemd timer that can be seen, starts `tsrevel sync` with these settings."""
    table = run(["crontab", "-l"], environ)
    starts = [*read_crontab(table.output, environ)]
    good = [each for each in starts if not _objection(each, settings)]
    if good:
        return fine(SCHEDULE, f"crontab: {len(good)} line{'s' * (len(good) != 1)} with `tsrevel sync`")
    timers = [line for words in _TIMERS for line in run(words, environ).output.splitlines() if "tsrevel" in line]
    due = next((line for line in timers if line.split()[0] not in {"n/a", "-"}), None)
    if due:
        return fine(SCHEDULE, f"{_unit(due)} has a next run; what its service starts isn't looked at")
    return _complain(settings, starts, timers, table)


def _complain(settings: Settings, starts: Iterable[Start], timers: list[str], table: CommandResult) -> Finding:
    config = f" --config {shlex.quote(str(settings.config_path.absolute()))}" if settings.config_path else ""
    line = f"0 0-21/3 * * * tsrevel sync{config}"
    remedy = f"At go-live, `crontab -e` and add the lines of crontab.example; the first is: {line}"
    bad = [f"`{each.text}` {_objection(each, settings)}" for each in starts]
    if bad:
        return doubtful(SCHEDULE, f"crontab: {'; '.join(dict.fromkeys(bad))}", f"Let the lines begin like: {line}")
    if timers:
        unit = _unit(timers[0])
        return doubtful(SCHEDULE, f"{unit} is there but never elapses", f"Run: systemctl enable --now {unit}")
    if table.failure is CommandFailure.NOT_FOUND:
        text = "this machine has no `crontab` command, and no systemd timer starts tsrevel"
        return doubtful(SCHEDULE, text, "At go-live, install cron, or the units of examples/; or start runs otherwise.")
    why = f"`crontab -l` {table.text}" if table.failure else "`crontab -l` shows none"
    return doubtful(SCHEDULE, f"no crontab line of this user's, no systemd timer starts tsrevel ({why})", remedy)


def _objection(start: Start, settings: Settings) -> str:
    """Why this isn't a run of the installation that is examined, "" where it is one."""
    if start.dry_run:
        return "is a dry run: it writes no order"
    ours = settings.config_path
    if start.config is None:
        return f"names no settings file, and finds none; {ours} is examined" if ours else ""
    if ours is None or real_path(start.config) != real_path(ours):
        return f"reads {start.config}; {ours or 'the environment alone'} is examined"
    return ""


def _unit(line: str) -> str:
    return next((word for word in line.split() if word.endswith(".timer")), "a systemd timer")
