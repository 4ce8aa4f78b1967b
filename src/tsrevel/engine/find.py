"""Which events a run has to account for: the two searches, the named ones, and the orders begun before (DESIGN 4)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from tsrevel.engine.clocks import ClockCheck
from tsrevel.engine.report import Outcome
from tsrevel.errors import Forbidden, Refused, ServiceDown, TryNextRun, TsrevelError, Unreadable
from tsrevel.ledger import Ledger, OrderRecord, Sighting
from tsrevel.planning.identity import NAMELESS
from tsrevel.planning.model import Event, EventId, Plan, Policy
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.when import days_in_reach, update_days_in_reach
from tsrevel.tripleseat.client import Found, TripleSeat

log = logging.getLogger(__name__)

LONGEST_GAP = timedelta(days=31)
"""How far a run looks back at most for what happened since the last good one."""
MOST_VANISHED = 20
"""Events with an order that aren't listed any more: so many are asked for by their ids in one run at most."""
MOST_UNLISTED = 50
"""Events that are known to be due and that the listing lacks: so many are asked for likewise."""
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event to decide on. `digest` is the listing's content hash; `fetch` gives the whole one where it is none."""

    event: Event
    digest: str | None = None
    fetch: Callable[[], Event] | None = None

    def whole(self) -> Event:
        """The event with its lines and money. Raises what `TripleSeat.event` raises."""
        return self.fetch() if self.fetch else self.event


@dataclass(frozen=True, slots=True)
class Named:
    """An event that is known by its id alone until its turn comes. `find` raises what `TripleSeat.event` raises."""

    event_id: EventId
    find: Callable[[], Candidate]


Pending = Candidate | Named | Outcome | OrderRecord
"""What a run accounts for: an event, one that couldn't even be read, or an order begun whose event isn't listed."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a run over the days from `days[0]` to `days[1]` accounts for.

    `unlisted`: known to be due, though the listing lacks them, so asked for by their ids. `left`: how many more of
    those are left to the next run.
    """

    pending: list[Pending]
    days: tuple[date, date]
    unlisted: frozenset[EventId]
    left: int


class EventUnavailable(TsrevelError):
    """TripleSeat doesn't hand out the event: the verdict to report."""

    def __init__(self, status: Status, reason: Reason, text: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(text)


@contextmanager
def told_by_tripleseat() -> Iterator[None]:
    """Round the reading of one event: what TripleSeat has against that becomes EventUnavailable."""
    try:
        yield
    except Forbidden as error:
        raise EventUnavailable(Status.HELD, Reason.AUTHORIZATION_DENIED, str(error)) from error
    except (Refused, Unreadable) as error:
        raise EventUnavailable(Status.FAILED, Reason.EVENT_DATA_UNAVAILABLE, str(error)) from error


@dataclass(frozen=True, slots=True)
class Window:
    """Which events to look for: of the days `first` to `last`, or else what the gates and `hours_back` say."""

    hours_back: float
    first: date | None = None
    last: date | None = None


def find_events(
    tripleseat: TripleSeat, ledger: Ledger, policy: Policy, now: datetime, window: Window, clocks: ClockCheck
) -> Findings:
    """Every event of the window, each once, every order begun whose event isn't among them, and what is known as due.

    Raises WrongClock, and ServiceDown where the events can't be listed, or where none is although known ones are due.
    """
    hours_back = _hours_back(ledger, now, window)
    first, last = days_in_reach(policy, now, hours_back)
    first, last = window.first or min(first, window.last or first), window.last or max(last, window.first or last)
    try:
        found = tripleseat.search_by_day(first, last)
        clocks.check()  # the days were chosen by this machine's clock: nothing may follow from them before
        if not found and "day" not in tripleseat.strays:
            _check_emptiness(ledger, first, last)
        if window.first is None and window.last is None:
            found += tripleseat.search_by_update(*update_days_in_reach(policy, now, hours_back))
    except (TryNextRun, Refused) as error:
        raise ServiceDown(f"the events can't be listed: {error}") from error
    rows = {_name(each): each for each in found}
    log.info("found %d events between %s and %s", len(rows), first, last)
    begun = [record for record in ledger.unfinished() if record.event_id not in rows]
    known = {*rows, *(record.event_id for record in begun)}
    today = last - timedelta(days=policy.gate.days_before)
    due = [each for each in ledger.unsettled(first, last, today) if each not in known]
    sightings = ledger.sightings(due)
    unlisted = [_look_for_due(tripleseat, sightings[each]) for each in due[:MOST_UNLISTED]]
    gone = [each for each in ledger.settled_near(first, last) if each.event_id not in known and not each.cancelled]
    vanished = (_look_for(tripleseat, record) for record in gone[:MOST_VANISHED])
    pending = [*(_pending(tripleseat, each) for each in rows.values()), *begun, *unlisted, *vanished]
    return Findings(pending, (first, last), frozenset(due[:MOST_UNLISTED]), len(due[MOST_UNLISTED:]))


def name_event(tripleseat: TripleSeat, event_id: EventId) -> Named:
    """A named event, to be fetched when its turn comes."""
    return Named(event_id, lambda: Candidate(tripleseat.event(event_id)))


def _look_for_due(tripleseat: TripleSeat, sighting: Sighting) -> Named:
    """An event that waits, or is in trouble, on a day that was listed without it. Gone means deleted."""

    def find() -> Candidate:
        try:
            return Candidate(tripleseat.event(sighting.event_id))
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            return Candidate(_gone(sighting.event_id, sighting.day, sighting.location))

    return Named(sighting.event_id, find)


def _look_for(tripleseat: TripleSeat, record: OrderRecord) -> Named:
    """An event with an order of ours, on a day that was listed without it: asked for by its id. Gone means deleted."""

    def find() -> Candidate:
        try:
            return Candidate(tripleseat.event(record.event_id))
        except Refused as refused:
            if refused.status == NOT_FOUND and record.plan:
                return Candidate(_deleted(record.plan))
            text = f"Revel order {record.order_id}; the event isn't listed: {refused}"
        except (Forbidden, TryNextRun) as error:
            text = f"Revel order {record.order_id}; the event isn't listed: {error}"
        raise EventUnavailable(Status.SKIPPED, Reason.ALREADY_INJECTED, text)

    return Named(record.event_id, find)


def _deleted(plan: Plan) -> Event:
    place = plan.location
    gone = _gone(plan.event_id, plan.day, place.name)
    return replace(gone, location_id=place.tripleseat_location, site_id=place.tripleseat_site)


def _gone(event_id: EventId, day: date | None, place: str) -> Event:
    """What is still known of an event that TripleSeat doesn't have any more."""
    return Event(
        id=event_id,
        name="",
        status="",
        deleted=True,
        location_id=None,
        site_id=None,
        location_name=place,
        day=day,
        starts_at=None,
        guest_count=None,
        contact_name="",
        contact_phone="",
        grand_total=None,
        booking_id=None,
        documents=(),
    )


def _hours_back(ledger: Ledger, now: datetime, window: Window) -> float:
    """How far to look back: as far as asked, or to the last good run where that is longer ago (after an outage)."""
    good = ledger.last_good_run()
    gap = now - good.started_at if good else timedelta()
    if gap <= timedelta(hours=window.hours_back):
        return window.hours_back
    log.warning("the last good run began %s ago: looking back as far, %s at most", gap, LONGEST_GAP)
    return max(window.hours_back, min(gap, LONGEST_GAP) / timedelta(hours=1))


def _check_emptiness(ledger: Ledger, first: date, last: date) -> None:
    due = ledger.count_unsettled(first, last)
    if due:
        text = f"TripleSeat lists no event of those days, yet {due} known ones are due between {first} and {last}"
        raise ServiceDown(f"{text}; look at its search and at the account's rights")


def _pending(tripleseat: TripleSeat, found: Found) -> Pending:
    if found.event is None:
        return Outcome(_name(found), Status.HELD, Reason.MISSING_DATA, found.problem or "")
    return Candidate(found.event, found.digest, fetch=lambda: tripleseat.event(EventId(found.id)))


def _name(found: Found) -> EventId:
    """The event's id; for a row without a usable one, a name by which the next run knows it again."""
    return EventId(found.id or f"{NAMELESS}{found.digest[:8]}")
