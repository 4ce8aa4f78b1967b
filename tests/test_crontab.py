"""`crontab.example` says what it promises: a run every 45 minutes, all week, settings where cron takes them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

CRONTAB = Path(__file__).parents[1] / "crontab.example"
MONDAY = datetime(2026, 11, 23)  # noqa: DTZ001 (cron's wall time, in a week without a change of clocks)
WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)

Field = frozenset[int]


def test_the_sample_crontab_runs_a_sync_exactly_every_45_minutes() -> None:
    entries = [(fields, command) for fields, command in _entries() if command == "tsrevel sync"]
    runs = [
        moment for moment in _minutes(MONDAY, MONDAY + WEEK + MINUTE) for fields, _ in entries if _fires(fields, moment)
    ]
    gaps = {later - earlier for earlier, later in itertools.pairwise(runs)}
    assert gaps == {timedelta(minutes=45)}
    assert len(runs) == 32 * 7 + 1


def test_the_sample_crontab_runs_nothing_else() -> None:
    assert {command for _, command in _entries()} == {"tsrevel sync"}


def test_the_sample_crontab_names_its_reader_and_its_path_before_the_first_run() -> None:
    lines = [line for line in CRONTAB.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert [line.partition("=")[0] for line in lines[:3]] == ["MAILTO", "PATH", "TSREVEL_CONFIG"]


def fires() -> Iterator[datetime]:
    """The runs of a day."""
    for moment in _minutes(MONDAY, MONDAY + timedelta(days=1)):
        if any(_fires(fields, moment) for fields, _ in _entries()):
            yield moment


def _entries() -> Iterator[tuple[list[Field], str]]:
    """Every line that is an entry: its minutes, hours, days of month, months and days of week, and its command."""
    highest = (59, 23, 31, 12, 7)
    for line in CRONTAB.read_text(encoding="utf-8").splitlines():
        if line[:1].isdigit() or line[:1] == "*":
            *fields, command = line.split(maxsplit=5)
            yield [_read(field, top) for field, top in zip(fields, highest, strict=True)], command


def _read(field: str, highest: int) -> Field:
    """The numbers of one field: `*`, `7`, `1-22`, each with a step or without, with commas between."""
    numbers: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = ("0", "", str(highest)) if span == "*" else span.partition("-")
        numbers.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return frozenset(numbers)


def _fires(fields: list[Field], moment: datetime) -> bool:
    now = (moment.minute, moment.hour, moment.day, moment.month, moment.isoweekday())
    return all(number in field for number, field in zip(now, fields, strict=True))


def _minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += MINUTE
