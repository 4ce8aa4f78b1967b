"""Decides which events become orders and when: eligible, allowed, inside their time gate; and the days to search."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tsrevel.planning.model import Event, Hold, Location, LocationId, Policy, SiteId, Skip, TimeGate, hold_faults
from tsrevel.planning.reasons import Reason

GateState = Literal["early", "open", "passed"]
_SOLD = frozenset({"DEFINITE", "CLOSED"})


def find_zone(name: str) -> ZoneInfo | None:
    """The time zone of that IANA name; None if this machine doesn't know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def event_day(event: Event, zone: ZoneInfo | None) -> date | None:
    """The event's business day: the one that TripleSeat reports, else the day in `zone` on which it starts.

    A start time never overrides a reported day, even if they differ: the day is the best key for the business day
    (facts TripleSeat 3.1), and a late party starts on the following day.
    """
    start = None if event.day else local_start(event, zone)
    return start.date() if start else event.day


def local_start(event: Event, zone: ZoneInfo | None) -> datetime | None:
    """When the event starts, by the clock of its location's `zone`; None if either is unknown."""
    start = event.starts_at
    if start is None or zone is None:
        return None
    return start.astimezone(zone) if start.tzinfo else start.replace(tzinfo=zone)


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
    """First and last event day to search: days whose gate is open somewhere, or closed in the last `hours_back`."""
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
    zones = {policy.default_timezone, *(location.timezone for location in policy.locations)}
    return [instant.astimezone(ZoneInfo(zone)).date() for zone in zones]


def screen(
    event: Event, policy: Policy, now: datetime, *, ignore_gate: bool = False, has_order: bool = False
) -> Location | Hold | Skip:
    """The location of an event that is due at `now`, else why the run doesn't plan it."""
    refused = screen_status(event, policy, has_order=has_order)
    if refused:
        return refused
    if event.location_id is None and event.site_id is None:
        return Hold(
            Reason.MISSING_DATA, "the event names neither a location nor a site; set its location in TripleSeat"
        )
    faults = hold_faults(event.faults)
    if event.location_id is None and faults:  # the unreadable part may be its location, so the event isn't skipped
        return faults
    if not covers_place(event.location_id, event.site_id, policy.locations, policy.allowed, policy.only):
        return Skip(Reason.LOCATION_NOT_ALLOWED, f"location {event.location_id or event.site_id} is not allowed")
    location = find_location(event, policy)
    if location is None:
        where = f"TripleSeat location {event.location_id}, site {event.site_id}"
        return Hold(
            Reason.LOCATION_NOT_MAPPED,
            f"no [[locations]] entry has {where}; add one, or name only the other locations in "
            "safety.allowed_locations",
            (str(event.location_id), str(event.site_id)),
        )
    if faults:
        return faults
    zone = find_zone(location.timezone)
    if zone is None:
        return Hold(
            Reason.UNKNOWN_TIMEZONE,
            f"this machine knows no time zone {location.timezone!r}; use a name like America/Denver",
            (location.timezone,),
        )
    day = event_day(event, zone)
    if day is None:
        return Hold(Reason.MISSING_DATA, "the event has no date; set one in TripleSeat")
    return location if ignore_gate else _screen_gate(day, zone, policy, now) or location


def screen_status(event: Event, policy: Policy, *, has_order: bool = False) -> Hold | Skip | None:
    """Why the event's status or deletion rules out an order, or None.

    A definite or closed event that has its order isn't cancelled, whichever statuses the settings name (facts
    TripleSeat 3.2: closed is finished).
    """
    if event.deleted:
        return Skip(Reason.EVENT_DELETED, "deleted in TripleSeat")
    if not event.status:
        return Hold(Reason.MISSING_DATA, "the event has no status; set one in TripleSeat")
    if event.status not in policy.eligible_statuses and not (has_order and event.status in _SOLD):
        return Skip(Reason.STATUS_NOT_ELIGIBLE, f"status {event.status} is not one of tripleseat.eligible_statuses")
    return None


def covers_place(
    location: str | None, site: str | None, entries: Collection[Location], *restrictions: frozenset[str]
) -> bool:
    """Whether each of these restrictions includes the place."""
    return all(includes_place(ids, location, site, entries) for ids in restrictions)


def includes_place(ids: frozenset[str], location: str | None, site: str | None, entries: Collection[Location]) -> bool:
    """Whether the place is among these ids of locations and sites. No ids at all include every place.

    TripleSeat numbers both separately, so an id counts as what `entries` have it as: that of a location doesn't stand
    for the site with the same number. One that no entry has counts as both.
    """
    if not ids or not ids & {location, site}:
        return not ids
    locations = {each.tripleseat_location for each in entries}
    sites = {each.tripleseat_site for each in entries}
    by_location = location in ids and (location in locations or location not in sites)
    return by_location or (site in ids and (site in sites or site not in locations))


def includes_entry(ids: frozenset[str], entry: Location) -> bool:
    """Whether the entry is among these ids of locations and sites. No ids at all include every entry."""
    return not ids or bool(ids & {entry.tripleseat_location, entry.tripleseat_site})


def find_named(name: str, policy: Policy) -> Location | None:
    """The first entry with that name."""
    return next((each for each in policy.locations if each.name == name), None)


def find_location(event: Event, policy: Policy) -> Location | None:
    """The entry for the event's location, else the one for its site."""
    return find_entry(event.location_id, event.site_id, policy)


def find_entry(location_id: LocationId | None, site_id: SiteId | None, policy: Policy) -> Location | None:
    """The entry for that location, else the one for that site (DESIGN 3: the location wins)."""
    of_site = None
    for location in policy.locations:
        if location.tripleseat_location is not None:
            if location.tripleseat_location == location_id:
                return location
        elif site_id is not None and location.tripleseat_site == site_id:
            of_site = location
    return of_site


def covered_locations(policy: Policy) -> dict[str, Location]:
    """The entries whose events a run under `policy` handles, by TripleSeat location, else by site."""
    return {
        str(each.tripleseat_location or each.tripleseat_site): each
        for each in policy.locations
        if includes_entry(policy.allowed, each) and includes_entry(policy.only, each)
    }


def _screen_gate(day: date, zone: ZoneInfo, policy: Policy, now: datetime) -> Skip | None:
    state = judge_gate(day, zone, policy.gate, now)
    if state == "early":
        opening = opens_at(day, zone, policy.gate).astimezone(zone)
        return Skip(Reason.TOO_EARLY, f"injection opens on {opening:%Y-%m-%d %H:%M %Z}")
    if state == "passed":
        return Skip(Reason.EVENT_DAY_PASSED, f"this event was on {day} and has no order", (day.isoformat(),))
    return None
