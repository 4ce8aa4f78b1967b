"""Whether two time zone names mean the same clock. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def same_clock(one: str, other: str, now: datetime) -> bool:
    """Whether both IANA zones show the same time all through the year that begins at `now` (aware)."""
    if one == other:
        return True
    first, second = ZoneInfo(one), ZoneInfo(other)
    instants = (now.astimezone(UTC) + timedelta(days=days) for days in range(367))
    return all(each.astimezone(first).utcoffset() == each.astimezone(second).utcoffset() for each in instants)
