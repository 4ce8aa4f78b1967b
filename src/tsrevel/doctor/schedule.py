"""Checks that something starts runs, that it finds its program, and that runs are frequent and regular enough."""

from __future__ import annotations

import itertools
import os
import pwd
import re
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from cronsim import CronSim, CronSimError

from tsrevel.config import CommandRunner, Settings
from tsrevel.config.paths import expand_path, find_config
from tsrevel.config.problems import ProblemReport
from tsrevel.config.settings import build_policy
from tsrevel.doctor.findings import CheckFinding, ok, problem, warning
from tsrevel.engine.outcomes import NEEDS_ATTENTION
from tsrevel.files import home_of, real_path, user_name
from tsrevel.planning.model import Location
from tsrevel.planning.screening import covered_locations, includes_entry
from tsrevel.text import count_of

CRON_TIMES = ("0,45 0-21/3 * * *", "30 1-22/3 * * *", "15 2-23/3 * * *")
"""Every 45 minutes. One cron line can't say that, so three lines repeat every three hours."""
_SCHEDULE = "schedule"
_POLL = "serve.sync_every_minutes"
_SELDOM = timedelta(hours=2)
_MOST_STARTS = 6000
_ELAPSES = re.compile(r"(?:Next elapse|Iter\w*\.? #\d+): \w+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """The crontabs, timers and `serve` that start runs, and the `users` of crontab lines.

    `longest`: the longest time between two runs; sync.hours_back if unknown. `silent`: those that mail no output.
    """

    longest: timedelta
    silent: tuple[str, ...]
    users: tuple[int, ...]


def sync_command(settings: Settings) -> list[str]:
    """The command of a run of this installation, with absolute paths."""
    script = Path(sys.executable).with_name("tsrevel")
    program = [str(script)] if script.is_file() else [sys.executable, "-m", "tsrevel"]
    config = ["--config", str(settings.config_path.absolute())] if settings.config_path else []
    return [*program, "sync", *config]


def cron_lines(settings: Settings) -> list[str]:
    """The crontab lines that run this installation every 45 minutes. A crontab command ends at %, so it is escaped."""
    command = shlex.join(sync_command(settings)).replace("%", r"\%")
    return [f"{when}  {command}" for when in CRON_TIMES]


def check_schedule(
    settings: Settings, environ: Mapping[str, str], run: CommandRunner, now: datetime, root: Path = Path("/")
) -> Generator[CheckFinding, None, Schedule | None]:
    """Check what starts `tsrevel sync` with these settings. Returns None if nothing does."""
    table = run(["crontab", "-l"], environ).output
    starts = [*read_crontabs(root, environ, table), *read_timers(root, environ, run)]
    judged = [(each, _find_fault(each, settings.config_path)) for each in starts]
    sound = [each for each, fault in judged if fault is None]
    if minutes := settings.serve.sync_every_minutes:
        every = (f"{minutes}min",)
        sound.append(ScheduledRun(_POLL, "serve", dry_run=False, config=settings.config_path, every=every, timer=True))
    ours = [each for each in sound if each.active]
    told = dict.fromkeys(fault for _, fault in judged if fault)
    if not sound:
        yield from told
    if not ours:
        if sound or not told:
            yield _tell_none(settings, sound)
        return None
    yield from dict.fromkeys(_find_lacking(ours, settings))  # lines may be equal but for their times
    longest = timedelta()
    now = now.astimezone().replace(tzinfo=None, second=0, microsecond=0)  # crontabs have this machine's time
    places = covered_locations(build_policy(settings)).values()
    groups: dict[tuple[ScheduledRun, ...], list[Location]] = {} if places else {tuple(ours): []}
    for place in places:
        groups.setdefault(tuple(each for each in ours if each.covers(place)), []).append(place)
    told_twice = False
    for runs, covered in groups.items():
        names = ", ".join(each.name for each in covered)
        over = f" over {names}" if len(groups) > 1 else ""
        sources = dict.fromkeys(each.source for each in runs)
        for source in sources:
            group = [each for each in runs if each.source == source]
            gaps = yield from _check_starter(group, over, settings, environ, run, now)
            longest = max([longest, *(gaps or [timedelta(hours=settings.sync.hours_back)])])
        if len(sources) > 1:
            text = f"{' and '.join(sources)} start runs of the same installation{over}"
            yield warning(_SCHEDULE, "STARTED_TWICE", text, "Keep one of them.")
            told_twice = True
        if not runs:
            text = f"the scheduled runs leave out {names}, so events there get no orders"
            remedy = "Add a line with its --location, or set safety.allowed_locations."
            yield warning(_SCHEDULE, "LOCATION_LEFT_OUT", text, remedy)
    if not told_twice and (together := _find_together(ours, environ, run, now)):
        one, other, at = together
        text = (
            f"`{one.text}` ({one.source}) and `{other.text}` ({other.source}) start at {at:%H:%M} on {at:%Y-%m-%d}; one"
            " of them then ends with exit status 11, because a run doesn't wait for another"
        )
        remedy = "Let one line cover all locations, or start each line at other minutes."
        yield warning(_SCHEDULE, "STARTED_TOGETHER", text, remedy)
    silent = dict.fromkeys(each.source for each in ours if each.silent or each.timer)
    return Schedule(longest, tuple(silent), tuple(dict.fromkeys(each.user for each in ours if each.user)))


def _find_lacking(starts: Sequence[ScheduledRun], settings: Settings) -> Iterator[CheckFinding]:
    """Name the variables that gave settings here, and that a run doesn't get: it would end with exit status 10."""
    for start in starts:
        lacking = settings.variables - start.variables if start.variables is not None else ()
        if lacking:
            text = f"{start.source}: `{start.text}` doesn't get {', '.join(sorted(lacking))}, which you have set here"
            remedy = "Write all settings into the settings file, or these variables into the crontab or the service."
            yield problem(_SCHEDULE, "RUN_MISCONFIGURED", text, remedy)


def _check_starter(
    starts: Sequence[ScheduledRun],
    over: str,
    settings: Settings,
    environ: Mapping[str, str],
    run: CommandRunner,
    now: datetime,
) -> Generator[CheckFinding, None, Sequence[timedelta]]:
    """Returns the times between two runs."""
    source = f"{starts[0].source}{over}"
    times = ", ".join(dict.fromkeys(f"`{when}`" for each in starts for when in (each.when or each.every)))
    advice = "Use the units that `tsrevel schedule systemd` prints."
    if starts[0].source == _POLL:
        advice = "Set it to 45."
    elif not starts[0].timer:
        times_of_three = ", ".join(f"`{each}`" for each in CRON_TIMES)
        advice = f"Write three lines instead, at {times_of_three}: `tsrevel schedule cron` prints them."
    reasons = dict.fromkeys(each.missing for each in starts if each.missing)
    for missing in reasons:
        remedy = f"Use the full path: `{shlex.join(sync_command(settings))}`."
        text = f"{source}: {missing}, so no run starts"
        yield problem(_SCHEDULE, "COMMAND_NOT_FOUND", text, remedy, NEEDS_ATTENTION)
    gaps: Sequence[timedelta] = ()
    try:
        gaps = _find_gaps(starts, environ, run, now)
    except CronSimError:
        text = f"{source}: the times {times} can't be read"
        yield problem(_SCHEDULE, "TIMES_UNREADABLE", text, advice, NEEDS_ATTENTION)
    window = timedelta(hours=settings.sync.hours_back)
    short = Counter(gap for gap in gaps if gap <= _SELDOM)
    usual = short.most_common(1)[0][0] if short else _SELDOM
    if gaps and max(gaps) > window:
        text = (
            f"{source}: {times} leaves {_span(max(gaps))} without a run, but a run looks back only {_span(window)}"
            " (sync.hours_back), so runs miss events"
        )
        yield problem(_SCHEDULE, "GAPS_TOO_LONG", text, advice, NEEDS_ATTENTION)
    elif short and max(short.values()) < 0.9 * short.total():
        text = f"{source}: {times} is uneven: runs start {' and '.join(map(_span, sorted(short)))} apart"
        yield problem(_SCHEDULE, "GAPS_UNEVEN", text, advice, NEEDS_ATTENTION)
    elif gaps and not short:
        text = f"{source}: at {times} runs start {_span(max(gaps))} apart, so an order can be that late"
        yield warning(_SCHEDULE, "SELDOM", text, advice)
    elif not reasons and (gaps or starts[0].timer):
        what = f"{count_of(len(starts), 'line')} with `tsrevel sync`"
        often = f"a run every {_span(usual)}" if short else "its times can't be read here"
        yield ok(_SCHEDULE, f"{source}: {often}" if starts[0].timer else f"{source}: {what}, {often}")
    return gaps


def _find_gaps(
    starts: Sequence[ScheduledRun], environ: Mapping[str, str], run: CommandRunner, now: datetime
) -> Sequence[timedelta]:
    """The times between the runs to come; none if unknown. Raises CronSimError."""
    spans = [_read_span(text, environ, run) for each in starts for text in each.every]
    if known := list(filter(None, spans)):
        return [min(known)]
    times, end = set[datetime](), now + timedelta(days=400)
    for start in starts:
        for when in start.when:
            listed, last = _list_times(when, start, environ, run, now)
            if start.timer and not listed:
                return []
            times.update(listed)
            end = min(end, last)
    ordered = sorted(each for each in times if each <= end)
    edges = [now, *ordered, end]
    gaps = [after - before for before, after in itertools.pairwise(ordered)]
    longer = [each for each in (edges[1] - edges[0], edges[-1] - edges[-2]) if each > max(gaps, default=_SELDOM)]
    return [*gaps, *longer]


def _list_times(
    when: str, start: ScheduledRun, environ: Mapping[str, str], run: CommandRunner, now: datetime
) -> tuple[Sequence[datetime], datetime]:
    """The next starts at these times, and until when all are listed. Raises CronSimError."""
    if start.timer:
        words = ["systemd-analyze", "calendar", "--iterations=120", when]
        told = [datetime.fromisoformat(text) for text in _ELAPSES.findall(run(words, environ).output)]
        return told, told[-1] if told else now
    # The times repeat each day, each week, or not before a year has passed.
    fields = when.split()
    last = now + timedelta(days=400 if fields[2:4] != ["*", "*"] else 15 if fields[4] != "*" else 2)
    simulated = CronSim(re.sub(r"(\d*)~\d*", lambda found: found[1] or "0", when), now)
    listed = list(itertools.islice(itertools.takewhile(lambda each: each <= last, simulated), _MOST_STARTS))
    return listed, listed[-1] if len(listed) == _MOST_STARTS else last


def _find_together(
    starts: Sequence[ScheduledRun], environ: Mapping[str, str], run: CommandRunner, now: datetime
) -> tuple[ScheduledRun, ScheduledRun, datetime] | None:
    """Two runs of different lines of crontabs that start in the same minute, and when they do next; None without any.

    Runs of one line start one after the other, and systemd spreads its own.
    """
    taken: dict[datetime, ScheduledRun] = {}
    for start in starts:
        for when in () if start.timer else start.when:
            with suppress(CronSimError):  # that is told already
                for at in _list_times(when, start, environ, run, now)[0]:
                    other = taken.setdefault(at, start)
                    if (other.source, other.line) != (start.source, start.line):
                        return other, start, at
    return None


def _read_span(text: str, environ: Mapping[str, str], run: CommandRunner) -> timedelta | None:
    if plain := re.fullmatch(r"(\d+)min", text):
        return timedelta(minutes=int(plain[1]))
    found = re.search(r"μs: (\d+)", run(["systemd-analyze", "timespan", text], environ).output)
    return timedelta(microseconds=int(found[1])) if found else None


def _tell_none(settings: Settings, off: Sequence[ScheduledRun]) -> CheckFinding:
    """The finding if nothing starts runs of this installation. `off` are timers that would."""
    if off:
        unit = off[0].source
        text = f"{unit} exists but never starts a run"
        remedy = f"Run `systemctl enable --now {unit}`. It needs an OnCalendar= or OnBootSec= besides OnUnitActiveSec=."
        return warning(_SCHEDULE, "TIMER_OFF", text, remedy)
    if settings.config_path is None:
        text = "nothing on this machine starts tsrevel, and cron and systemd wouldn't have the settings"
        remedy = "Write them into a file: `tsrevel init`. A container's scheduler gives each run its environment."
        return warning(_SCHEDULE, "NOT_SCHEDULED", text, remedy)
    text = "no crontab and no systemd timer starts tsrevel, and serve.sync_every_minutes isn't set"
    remedy = (
        "To go live, run `crontab -e` and add the lines that `tsrevel schedule cron` prints, or install the units of"
        " `tsrevel schedule systemd`. In a container, its host may start the runs."
    )
    return warning(_SCHEDULE, "NOT_SCHEDULED", text, remedy)


def _find_fault(start: ScheduledRun, ours: Path | None) -> CheckFinding | None:
    """The finding if this run isn't one of the installation with the settings file `ours`; None if it is."""
    why = ""
    if start.dry_run:
        why = "is a dry run, so it writes no order"
    elif start.some_days:
        why = "is limited to some days (--from, --to), so it misses the events of others"
    elif start.config is None and ours:
        why = f"names and finds no settings file; doctor checks {ours}"
    elif start.config and (ours is None or real_path(start.config) != real_path(ours)):
        why = f"reads {start.config}; doctor checks {ours or 'the environment'}"
    if not why:
        return None
    remedy = f"Use what `tsrevel schedule {'systemd' if start.timer else 'cron'}` prints."
    remedy = remedy if ours else "Name its settings file: `tsrevel doctor --config FILE`."
    return warning(_SCHEDULE, "OTHER_RUN", f"{start.source}: `{start.text}` {why}", remedy)


def _span(gap: timedelta) -> str:
    """A length of time in its largest whole unit."""
    for unit, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if gap.total_seconds() % seconds == 0 and gap.total_seconds() >= 2 * seconds:
            return f"{gap // timedelta(seconds=seconds)} {unit}s"
    return count_of(round(gap.total_seconds() / 60), "minute")


# What starts runs on this machine: lines of crontabs, and timers of systemd

CRONS_PATH = "/usr/bin:/bin"
"""The PATH of cron's commands unless the table sets one."""
_SYSTEMDS_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ASSIGNMENT = re.compile(r"""\s*(?:"(\w+)"|'(\w+)'|(\w+))\s*=\s*(.*)""")
_ENTRY = re.compile(r"\s*(?P<when>@(?!reboot)\w+|(?:[\w*,/~-]+\s+){4}[\w*,/~-]+)\s+(?P<command>\S.*)")
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_END_OF_COMMAND = re.compile(r"(?<!\\)%")
"""The text after it is the command's input."""
_SILENCED = re.compile(r"(?<![2>])>+\s*[^\s&>]|&>")
"""The output goes into a file, so cron has nothing to mail."""
_BREAKS = frozenset(";&|()<>")
_READ_MORE = frozenset({"source", ".", "eval"})
"""These may set PATH for the commands after them."""
_KEEP = re.compile(r"(.*/)?(tsrevel|python[\d.]*|env|exec|bash|sh|flock|nice|ionice|timeout|time|chronic|cronic)")
"""Programs that look for another one in their own PATH. Others, such as sudo, may have another."""
# the first wins
_SYSTEM_UNITS = tuple(f"{place}/systemd/system" for place in ("etc", "run", "usr/local/lib", "usr/lib", "lib"))
_LIST = ("list-timers", "--all", "--no-legend")


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A `tsrevel sync` that is started repeatedly by cron, or by systemd or `serve` (`timer`).

    `source` is the crontab or the timer. `text` is the command without the words before it, which may set a secret.
    `when` are times in the form of cron or OnCalendar=, `every` are spans of time in the form of systemd.
    `config` is the settings file that the run reads. `missing` says why its program can't be run. `locations` are those
    of `--location`: none if the run covers all, or if they can't be read here. `some_days`: it leaves out days.
    `silent`: cron has no output of it to mail, or nobody to mail it to. `line`: its number in the crontab. `variables`:
    the names of those that it gets; None if unknown. `user`: whose crontab or line it is; None for this user, and under
    systemd, which gives the state to the unit's user.
    """

    source: str
    text: str
    dry_run: bool
    config: Path | None
    missing: str = ""
    when: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    timer: bool = False
    active: bool = True
    locations: frozenset[str] = frozenset()
    some_days: bool = False
    silent: bool = False
    line: int = 0
    variables: frozenset[str] | None = None
    user: int | None = None

    def covers(self, location: Location) -> bool:
        """Whether the run handles the events of that location."""
        return includes_entry(self.locations, location)


def read_crontabs(root: Path, environ: Mapping[str, str], own: str) -> Iterator[ScheduledRun]:
    """The runs in this user's table `own`, in the system's tables below `root`, and, for root, of all users."""
    if real_path(Path(shutil.which("crontab", path=environ.get("PATH", "")) or "crontab")).name == "busybox":
        shared = environ  # its cron passes on what it got itself: in a container, what `doctor` gets, too
    else:
        shared = _read_assignments(_read(root / "etc/environment")) | {"PATH": CRONS_PATH}  # by PAM, which sets no PATH
    yield from read_crontab("crontab", own, environ.get("HOME", ""), shared)
    for path in [root / "etc/crontab", *_list(root / "etc/cron.d")]:
        if re.fullmatch(r"[\w-]+", path.name):  # cron ignores every other name there
            yield from read_crontab(f"/{path.relative_to(root)}", _read(path), None, shared)
    for path in _list(root / "var/spool/cron/crontabs"):
        if path.name != user_name(os.geteuid()):
            for run in read_crontab(f"crontab of {path.name}", _read(path), _home(path.name), shared):
                yield replace(run, user=user_id(path.name))


def read_crontab(
    source: str, table: str, home: str | None, shared: Mapping[str, str] = MappingProxyType({})
) -> Iterator[ScheduledRun]:
    """The runs of lines that start `tsrevel sync`, except @reboot. If `home` is None, each line names its user.

    `shared` are variables that every command of cron gets.
    """
    given = {"PATH": CRONS_PATH, **shared, "HOME": home or ""}
    for number, line in enumerate(table.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if assigned := _ASSIGNMENT.fullmatch(line):
            given[assigned[1] or assigned[2] or assigned[3]] = assigned[4].strip().strip("'\"")
        elif entry := _ENTRY.fullmatch(line):
            user, command, local = "", entry["command"], dict(given)
            if home is None:
                user, _, command = command.partition(" ")
                local["HOME"] = given["HOME"] or _home(user)
            command = _END_OF_COMMAND.split(command)[0].replace("\\%", "%").strip()
            when = _NICKNAMES.get(entry["when"], entry["when"])
            silent = given.get("MAILTO") == "" or bool(_SILENCED.search(command.partition(" sync")[2]))
            times = (" ".join(when.split()),)
            for run in _read_command(source, command, local):
                yield replace(run, when=times, silent=silent, line=number, user=user_id(user))


def _read_command(source: str, command: str, given: Mapping[str, str], *, known: bool = True) -> Iterator[ScheduledRun]:
    """`known`: whether the command's PATH is the one in `given`."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:  # a quote is open: cron's shell reports that
        words = command.split()
    folder, local, starter = Path(given["HOME"] or "/"), dict(given), ""
    for number, word in enumerate(words):
        name, sign, value = word.partition("=")
        before = words[number - 1] if number else ""
        assigns = bool(sign) and name.isidentifier()
        starter = "" if set(word) <= _BREAKS else starter or (word if not assigns else "")
        if word in _READ_MORE or before == "-" or re.fullmatch(r"-l\w*|-\w+l\w*|--login", word):
            known = False
        keeps = known and bool(_KEEP.fullmatch(starter))
        if assigns:
            local[name] = value
        elif word == "cd" and number + 1 < len(words):
            folder = expand_path(words[number + 1], given, folder)
        elif " " in word and "tsrevel" in word:  # bash -c "tsrevel sync"
            yield from _read_command(source, word, local, known=keeps)
        elif word.rpartition("/")[2] == "tsrevel" and before not in {"cd", "echo", "-u"}:
            # with any path, or as `python -m tsrevel`, but not as an argument of another command
            rest = words[number + 1 :]
            end = next((at for at, each in enumerate(rest) if set(each) <= _BREAKS), len(rest))
            redirected = end < len(rest) and rest[end][0] in "<>" and rest[end - 1 : end] in (["1"], ["2"])
            arguments = rest[: end - redirected]
            if arguments[:1] == ["sync"]:  # options before it are refused
                program = words[number - 2] if before == "-m" else word
                yield ScheduledRun(
                    source,
                    " ".join(["tsrevel", *arguments]),
                    "--dry-run" in arguments,
                    _config_of(arguments, local, folder),
                    _find_missing(program, local, folder) if keeps or "/" in program else "",
                    locations=_locations_of(arguments),
                    some_days=bool(_values_of(arguments, "--from") + _values_of(arguments, "--to")),
                    variables=frozenset(local) if keeps and "BASH_ENV" not in local else None,
                )


def _find_missing(program: str, environ: Mapping[str, str], folder: Path) -> str:
    """Why the program can't be run from there; "" if it can, or if that is unknown."""
    program = program.replace("${HOME}", environ["HOME"]).replace("$HOME", environ["HOME"])
    if "/" not in program:
        path = environ.get("PATH", "")
        return "" if shutil.which(program, path=path) else f"there is no {program} in {path or 'an empty PATH'}"
    file = expand_path(program, environ, folder)
    try:
        found = file.is_file() and os.access(file, os.X_OK)
    except PermissionError:
        return ""
    return "" if found or "$" in program else f"{file} doesn't exist or isn't executable"


def _config_of(arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> Path | None:
    """The settings file that the run reads: from --config, from TSREVEL_CONFIG, or found in the usual folders."""
    named = "".join(_values_of(arguments, "--config")[-1:])
    named = named or environ.get("TSREVEL_CONFIG", "").strip()
    if named:
        return expand_path(named.replace("$HOME", environ["HOME"]), environ, folder)
    return find_config(None, environ, ProblemReport())


def _locations_of(arguments: Sequence[str]) -> frozenset[str]:
    """The locations that the run is limited to; none if one of them is written as a variable of the shell."""
    named = frozenset(_values_of(arguments, "--location"))
    return frozenset() if any("$" in each for each in named) else named


def _values_of(arguments: Sequence[str], option: str) -> list[str]:
    """The values that an option has in a command line, as `--option VALUE` or `--option=VALUE`."""
    values = []
    for number, word in enumerate(arguments):
        name, sign, value = word.partition("=")
        if name == option:
            values.append(value if sign else "".join(arguments[number + 1 : number + 2]))
    return values


def read_timers(root: Path, environ: Mapping[str, str], run: CommandRunner) -> Iterator[ScheduledRun]:
    """The runs that systemd's timers start, of the system and of this user."""
    home = environ.get("HOME", "")
    own = (root / home.lstrip("/") / ".config/systemd/user", root / "etc/systemd/user")
    for folders, scope in (([root / each for each in _SYSTEM_UNITS], ()), (own, ("--user",))):
        patterns = ("*.timer", "*.wants/*@*.timer")
        names = {path.name for folder in folders for each in patterns for path in _list(folder, each)}
        rows = run(["systemctl", *scope, *_LIST], environ).output.splitlines() if names else []
        names |= {word for line in rows for word in line.split() if re.search(r"@.+\.timer$", word)}
        for name in sorted(each for each in names if not each.endswith("@.timer")):
            timer = _read_unit(folders, name)
            service = _read_unit(folders, timer.get("Unit", [f"{name.removesuffix('.timer')}.service"])[-1])
            user = service.get("User", [""])[-1]
            own_home = _home(user) if user else home if scope else "/root"
            given = _read_environment(service, own_home)
            row = next((line.split() for line in rows if name in line.split()), None)
            active = any(_list(folder, f"*.wants/{name}") for folder in folders)
            if row:
                active = row[0] not in {"n/a", "-"}
            every = timer.get("OnUnitActiveSec", []) + timer.get("OnUnitInactiveSec", [])
            started = timer.keys() & {"OnCalendar", "OnBootSec", "OnStartupSec", "OnActiveSec"}
            for line in service.get("ExecStart", []):
                command = line.lstrip("-@:+!|").replace("%h", given["HOME"]).replace("%%", "%").replace("$$", "$")
                for found in _read_command(name, command, given, known=not scope):
                    when, active = tuple(timer.get("OnCalendar", [])), active and bool(started)
                    yield replace(found, when=when, every=tuple(every), timer=True, active=active)


def _read_environment(service: Mapping[str, Sequence[str]], home: str) -> dict[str, str]:
    """The variables of a service's unit, but the PATH in which systemd looks for a program, whatever the unit sets."""
    given = {"HOME": home}
    for line in service.get("Environment", ()):
        given |= {
            name: value.replace("%h", home) for name, _, value in (word.partition("=") for word in shlex.split(line))
        }
    for file in service.get("EnvironmentFile", ()):
        given |= _read_assignments(_read(Path(file.removeprefix("-"))))
    return given | {"PATH": _SYSTEMDS_PATH}


def _read_assignments(text: str) -> dict[str, str]:
    """The variables of a file with a NAME=VALUE on each line."""
    found = (_ASSIGNMENT.fullmatch(line.strip().removeprefix("export ")) for line in text.splitlines())
    return {each[1] or each[2] or each[3]: each[4].strip().strip("'\"") for each in found if each}


def _read_unit(folders: Sequence[Path], name: str) -> dict[str, list[str]]:
    """The settings of a unit and its drop-ins, of all sections; {} if there is no such unit.

    An instance ("tsrevel@bakery.timer") has those of its template ("tsrevel@.timer"), with its own name for %i.
    """
    parts = re.fullmatch(r"(.+@)(.+)(\.\w+)", name)
    units = [f"{parts[1]}{parts[3]}", name] if parts else [name]
    whole = next(filter(None, (_read(folder / each) for each in reversed(units) for folder in folders)), "")
    drops = [_read(path) for each in units for folder in folders for path in _list(folder, f"{each}.d/*.conf")]
    found: dict[str, list[str]] = {}
    for text in [whole, *drops]:
        text = re.sub(r"(%%)|%i", lambda twice: twice[1] or parts[2], text) if parts else text
        for line in re.sub(r"\\\n\s*", " ", text).splitlines():
            key, sign, value = line.strip().partition("=")
            if sign and key[:1] not in {"#", ";"}:
                found[key.strip()] = [*found.get(key.strip(), []), value.strip()] if value.strip() else []
    return {key: values for key, values in found.items() if values}


def _list(folder: Path, pattern: str = "*") -> list[Path]:
    """The files in the folder, by name; [] if there is no such folder, or if this user may not read it."""
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def _read(path: Path) -> str:
    """The file's text; "" if there is no such file, or if this user may not read it."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def user_id(user: str) -> int | None:
    """The user's number; None if this machine has no such user."""
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def _home(user: str) -> str:
    uid = user_id(user)
    return "" if uid is None else str(home_of(uid) or "")
