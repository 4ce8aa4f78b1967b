"""How TripleSeat writes days and times (facts TripleSeat 3.1, 7): m/d/yyyy without padding, and ISO beside it."""

from __future__ import annotations

from datetime import UTC, date, datetime

RAILS_ZONES = {
    "America/Los_Angeles": "Pacific Time (US & Canada)",
    "America/Denver": "Mountain Time (US & Canada)",
    "America/Chicago": "Central Time (US & Canada)",
    "America/New_York": "Eastern Time (US & Canada)",
}
"""IANA zones and the names TripleSeat uses for them; a zone that isn't here keeps its IANA name."""


def us_date(day: date) -> str:
    """12/5/2026: no padding."""
    return f"{day.month}/{day.day}/{day.year}"


def us_time(moment: datetime) -> str:
    """6:00 PM: no padding."""
    return f"{moment.hour % 12 or 12}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"


def us_stamp(moment: datetime) -> str:
    """12/5/2026 6:00 PM: wall time, to the minute."""
    return f"{us_date(moment)} {us_time(moment)}"


def iso_stamp(moment: datetime) -> str:
    """2026-12-05T18:00:00-08:00: wall time with its offset."""
    return moment.replace(microsecond=0).isoformat()


def utc_stamp(moment: datetime) -> str:
    """2026-12-06T02:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_us_date(text: str) -> date | None:
    """The day at the start of `12/5/2026` or `12/5/2026 6:00 PM`; None when there is none."""
    try:
        month, day, year = (int(part) for part in text.split(" ", 1)[0].split("/"))
        return date(year, month, day)
    except ValueError:
        return None


def read_us_stamp(text: str) -> datetime | None:
    """The wall time `12/5/2026 6:00 PM`, naive as TripleSeat writes it; None when it isn't one."""
    try:
        return datetime.strptime(text, "%m/%d/%Y %I:%M %p")  # noqa: DTZ007 - wall time is what is meant
    except ValueError:
        return None
