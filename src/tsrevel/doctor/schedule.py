"""Checks that something starts runs, that it finds its program, and that runs are frequent and regular enough."""

from __future__ import annotations

import itertools
import re
import shlex
import sys
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cronsim import CronSim, CronSimError

from tsrevel.config import CommandFailure, CommandRunner, Settings
from tsrevel.config.policy import build_policy
from tsrevel.doctor.findings import CheckFinding, ok, problem, warning
from tsrevel.doctor.starts import ScheduledRun, read_crontabs, read_timers
from tsrevel.engine.outcomes import NEEDS_ATTENTION
from tsrevel.files import real_path
from tsrevel.planning.model import Location
from tsrevel.planning.screening import covered_locations
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
    table = run(["crontab", "-l"], environ)
    starts = [*read_crontabs(root, environ, table.output), *read_timers(root, environ, run)]
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
            yield _tell_none(settings, sound, table.failure)
        return None
    longest = timedelta()
    now = now.astimezone().replace(tzinfo=None, second=0, microsecond=0)  # crontabs have this machine's time
    places = covered_locations(build_policy(settings)).values()
    groups: dict[tuple[ScheduledRun, ...], list[Location]] = {} if places else {tuple(ours): []}
    for place in places:
        groups.setdefault(tuple(each for each in ours if each.covers(place)), []).append(place)
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
        if not runs:
            text = f"the scheduled runs leave out {names}, so events there get no orders"
            remedy = "Add a line with its --location, or set safety.allowed_locations."
            yield warning(_SCHEDULE, "LOCATION_LEFT_OUT", text, remedy)
    silent = dict.fromkeys(each.source for each in ours if each.silent or each.timer)
    return Schedule(longest, tuple(silent), tuple(dict.fromkeys(each.user for each in ours if each.user)))


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
            if start.timer:
                words = ["systemd-analyze", "calendar", "--iterations=120", when]
                told = _ELAPSES.findall(run(words, environ).output)
                listed = [datetime.fromisoformat(text) for text in told]
                if not listed:
                    return []
                last = listed[-1]
            else:
                # The times repeat each day, each week, or not before a year has passed.
                fields = when.split()
                days = 400 if fields[2:4] != ["*", "*"] else 15 if fields[4] != "*" else 2
                last = now + timedelta(days=days)
                simulated = CronSim(re.sub(r"(\d*)~\d*", lambda found: found[1] or "0", when), now)
                within = itertools.takewhile(lambda each, last=last: each <= last, simulated)  # type: ignore[misc]
                listed = list(itertools.islice(within, _MOST_STARTS))
                last = listed[-1] if len(listed) == _MOST_STARTS else last
            times.update(listed)
            end = min(end, last)
    ordered = sorted(each for each in times if each <= end)
    edges = [now, *ordered, end]
    gaps = [after - before for before, after in itertools.pairwise(ordered)]
    longer = [each for each in (edges[1] - edges[0], edges[-1] - edges[-2]) if each > max(gaps, default=_SELDOM)]
    return [*gaps, *longer]


def _read_span(text: str, environ: Mapping[str, str], run: CommandRunner) -> timedelta | None:
    if plain := re.fullmatch(r"(\d+)min", text):
        return timedelta(minutes=int(plain[1]))
    found = re.search(r"μs: (\d+)", run(["systemd-analyze", "timespan", text], environ).output)
    return timedelta(microseconds=int(found[1])) if found else None


def _tell_none(settings: Settings, off: Sequence[ScheduledRun], failure: CommandFailure | None) -> CheckFinding:
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
    if failure is CommandFailure.NOT_FOUND:
        text = "this machine has no `crontab` command and no systemd timer for tsrevel"
        remedy = (
            "To go live, install cron, or install the units that `tsrevel schedule systemd` prints. In a container, let"
            " its host start the runs, or set serve.sync_every_minutes."
        )
        return warning(_SCHEDULE, "NO_CRON", text, remedy)
    text = "no crontab and no systemd timer starts tsrevel"
    remedy = "To go live, run `crontab -e` and add the lines that `tsrevel schedule cron` prints."
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
