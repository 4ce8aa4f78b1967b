"""The check of what starts runs: this user's crontab, or a systemd timer (crontab.example, examples/)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tsrevel.config import CommandFailure, CommandRunner, Settings
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
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:  # a quote is open: cron's shell will say so
        words = command.split()
    folder, local = Path(given["HOME"] or "/"), dict(given)
    for number, word in enumerate(words):
        name, sign, value = word.partition("=")
        before = words[number - 1] if number else ""
        if sign and name.isidentifier():
            local[name] = value
        elif word == "cd" and number + 1 < len(words):
            folder = expand_path(words[number + 1], given, folder)
        elif " " in word and "tsrevel" in word:  # bash -c "tsrevel sync"
            yield from _read_command(word, local)
        elif word.rpartition("/")[2] == "tsrevel" and before not in {"cd", "echo", "-u"}:
            # by whatever path, or `python -m tsrevel`; not where it is only somebody's argument
            rest = words[number + 1 :]
            end = next((at for at, each in enumerate(rest) if set(each) <= _BREAKS), len(rest))
            redirected = end < len(rest) and rest[end][0] in "<>" and rest[end - 1 : end] in (["1"], ["2"])
            arguments = rest[: end - redirected]
            if next((each for each in arguments if not each.startswith("-")), "") == "sync":
                config = _config_of(arguments, local, folder)
                yield Start(" ".join(["tsrevel", *arguments]), "--dry-run" in arguments, config)


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


_SCHEDULE = "schedule"
_LIST = ("list-timers", "--all", "--no-legend")
_TIMERS = (("systemctl", *_LIST), ("systemctl", "--user", *_LIST))


def check_schedule(settings: Settings, environ: Mapping[str, str], run: CommandRunner) -> CheckFinding:
    """Whether this user's crontab, or a systemd timer that can be seen, starts `tsrevel sync` with these settings."""
    table = run(["crontab", "-l"], environ)
    starts = [(each, _find_fault(each, settings)) for each in read_crontab(table.output, environ)]
    good = [each for each, fault in starts if not fault]
    if good:
        return ok(_SCHEDULE, f"crontab: {len(good)} line{'s' * (len(good) != 1)} with `tsrevel sync`")
    timers = [line for words in _TIMERS for line in run(words, environ).output.splitlines() if "tsrevel" in line]
    due = next((line for line in timers if line.split()[0] not in {"n/a", "-"}), None)
    if due:
        return ok(_SCHEDULE, f"{_unit(due)} has a next run; what its service starts isn't looked at")
    config = f" --config {shlex.quote(str(settings.config_path.absolute()))}" if settings.config_path else ""
    line = f"0 0-21/3 * * * tsrevel sync{config}"
    if starts:
        bad = dict.fromkeys(f"`{each.text}` {fault}" for each, fault in starts)
        remedy = f"Let the lines begin like: {line}"
        return warning(_SCHEDULE, FindingCode.OTHER_RUN, f"crontab: {'; '.join(bad)}", remedy)
    if timers:
        unit = _unit(timers[0])
        remedy = f"Run: systemctl enable --now {unit}"
        return warning(_SCHEDULE, FindingCode.TIMER_OFF, f"{unit} is there but never elapses", remedy)
    if table.failure is CommandFailure.NOT_FOUND:
        text = "this machine has no `crontab` command, and no systemd timer starts tsrevel"
        remedy = "At go-live, install cron, or the units of examples/; or start runs otherwise."
        return warning(_SCHEDULE, FindingCode.NO_CRON, text, remedy)
    why = f"`crontab -l` {table.text}" if table.failure else "`crontab -l` shows none"
    text = f"no crontab line of this user's, no systemd timer starts tsrevel ({why})"
    remedy = f"At go-live, `crontab -e` and add the lines of crontab.example; the first is: {line}"
    return warning(_SCHEDULE, FindingCode.NOT_SCHEDULED, text, remedy)


def _find_fault(start: Start, settings: Settings) -> str:
    """Why the crontab's line isn't a run of the installation that is examined; "" where it is one."""
    ours = settings.config_path
    examined = f"{ours or 'the environment alone'} is examined"
    if start.dry_run:
        return "is a dry run: it writes no order"
    if start.config is None:
        return f"names no settings file, and finds none; {examined}" if ours else ""
    if ours is None or real_path(start.config) != real_path(ours):
        return f"reads {start.config}; {examined}"
    return ""


def _unit(line: str) -> str:
    return next((word for word in line.split() if word.endswith(".timer")), "a systemd timer")
