"""Days and gates: when an event may be injected, in its location's own time zone, and which days to search."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tsrevel.planning.model import Event, Policy, TimeGate

GateState = Literal["early", "open", "passed"]


def find_zone(name: str) -> ZoneInfo | None:
    """The time zone of that IANA name; None where it is none that this machine knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def event_day(event: Event, zone: ZoneInfo | None) -> date | None:
    """The event's business day: the one TripleSeat tells, else the day in `zone` on which it starts.

    An instant never overrides a day that is told, however far it is: that is the best key for the business day (facts
    TripleSeat 3.1), and a late party starts on the day after.
    """
    if event.day or event.starts_at is None or zone is None:
        return event.day
    return event.starts_at.astimezone(zone).date()


def judge_gate(day: date, zone: ZoneInfo, gate: TimeGate, now: datetime) -> GateState:
    """Whether an event on local `day` may be injected at the instant `now`."""
    days_ahead = (day - now.astimezone(zone).date()).days
    if days_ahead < -gate.days_after:
        return "passed"
    return "early" if days_ahead > gate.days_before or now < opens_at(day, zone, gate) else "open"


def opens_at(day: date, zone: ZoneInfo, gate: TimeGate) -> datetime:
    """The instant at which the gate of an event on local `day` opens."""
    first_day = day - timedelta(days=gate.days_before)
    return datetime.combine(first_day, gate.opens_at, tzinfo=zone).astimezone(UTC)


def days_in_reach(policy: Policy, now: datetime, hours_back: float) -> tuple[date, date]:
    """First and last event day to search: those whose gate is open somewhere, or closed in the last `hours_back`."""
    before = timedelta(days=policy.gate.days_before)
    after = timedelta(days=policy.gate.days_after)
    earlier = now - timedelta(hours=hours_back)
    return min(_local_days(policy, earlier)) - after, max(_local_days(policy, now)) + before


def update_days_in_reach(policy: Policy, now: datetime, hours_back: float) -> tuple[date, date]:
    """First and last day to search for updates. The zone of an update's day is uncertain (facts TripleSeat 3.1)."""
    earlier = now - timedelta(hours=hours_back)
    first = min(*_local_days(policy, earlier), earlier.astimezone(UTC).date())
    last = max(*_local_days(policy, now), now.astimezone(UTC).date())
    return first, last


def _local_days(policy: Policy, instant: datetime) -> list[date]:
    return [instant.astimezone(ZoneInfo(zone)).date() for zone in _zones(policy)]


def _zones(policy: Policy) -> Iterable[str]:
    return {policy.default_timezone, *(location.timezone for location in policy.locations)}
