"""The check of what starts runs: this user's crontab, or a systemd timer (crontab.example, examples/)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from tsrevel.config import CommandFailure, CommandResult, CommandRunner, Settings
from tsrevel.config.paths import SYSTEM_CONFIG, expand_path, find_config
from tsrevel.config.problems import ProblemReport
from tsrevel.doctor.findings import CheckFinding, FindingCode, ok, warning
from tsrevel.files import real_path

_ASSIGNMENT = re.compile(r"""\s*(?:"(\w+)"|'(\w+)'|(\w+))\s*=\s*(.*)""")
_ENTRY = re.compile(r"\s*(?:@(?!reboot)\w+|(?:[\w*,/~-]+\s+){4}[\w*,/~-]+)\s+(?P<command>\S.*)")
_END_OF_COMMAND = re.compile(r"(?<!\\)%")
"""What follows is the command's input."""
_BREAKS = frozenset(";&|()<>")


@dataclass(frozen=True, slots=True)
class Start:
    """One `tsrevel sync` in a crontab. `config` is the settings file that it reads, None where there is none.

    `text` leaves out what stands before it: that may set a secret.
    """

    text: str
    dry_run: bool
    config: Path | None


def read_crontab(table: str, environ: Mapping[str, str]) -> Iterator[Start]:
    """Every line that starts `tsrevel sync`, more than once after booting. `environ` is this user's: for HOME alone."""
    given = {"HOME": environ.get("HOME", "")}
    for line in table.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if assigned := _ASSIGNMENT.fullmatch(line):
            given[assigned[1] or assigned[2] or assigned[3]] = assigned[4].strip().strip("'\"")
        elif entry := _ENTRY.fullmatch(line):
            command = _END_OF_COMMAND.split(entry["command"])[0].replace("\\%", "%")
            yield from _read_command(command.strip(), given)


def _read_command(command: str, given: Mapping[str, str]) -> Iterator[Start]:
    words, folder, local = _split(command), Path(given["HOME"] or "/"), dict(given)
    for number, word in enumerate(words):
        name, sign, value = word.partition("=")
        if sign and name.isidentifier():
            local[name] = value
        elif word == "cd" and number + 1 < len(words):
            folder = expand_path(words[number + 1], given, folder)
        elif " " in word and "tsrevel" in word:  # bash -c "tsrevel sync"
            yield from _read_command(word, local)
        elif _is_program(words, number):
            arguments = _until_break(words[number + 1 :])
            if next((each for each in arguments if not each.startswith("-")), "") == "sync":
                config = _config_of(arguments, local, folder)
                yield Start(" ".join(["tsrevel", *arguments]), "--dry-run" in arguments, config)


def _split(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # a quote is open: cron's shell will say so
        return command.split()


def _is_program(words: Sequence[str], number: int) -> bool:
    """`tsrevel`, by whatever path, or `python -m tsrevel`; not where it is only somebody's argument."""
    if words[number].rpartition("/")[2] != "tsrevel":
        return False
    before = words[number - 1] if number else ""
    return before not in {"cd", "echo", "-u"}


def _until_break(words: Sequence[str]) -> list[str]:
    end = next((number for number, word in enumerate(words) if set(word) <= _BREAKS), len(words))
    redirected = end < len(words) and words[end][0] in "<>" and words[end - 1 : end] in (["1"], ["2"])
    return list(words[: end - redirected])


def _config_of(arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> Path | None:
    """The settings file that such a run reads: named, by the table's environment, or where one is looked for."""
    named = ""
    for number, word in enumerate(arguments):
        name, sign, value = word.partition("=")
        if name == "--config":
            named = value if sign else "".join(arguments[number + 1 : number + 2])
    named = named or environ.get("TSREVEL_CONFIG", "").strip()
    if named:
        return expand_path(named.replace("$HOME", environ["HOME"]), environ, folder)
    return find_config(None, environ, SYSTEM_CONFIG, ProblemReport())


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
