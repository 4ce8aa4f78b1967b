"""Finds a run's work: two searches, events known to be due, and orders begun before (DESIGN 4)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tsrevel.engine.context import RunContext, RunState
from tsrevel.engine.fetch import EventUnavailable, FoundEvent, UnlistedEvent, UnreadEvent, fetch_event
from tsrevel.engine.outcomes import Outcome
from tsrevel.errors import IncompleteSearch, Refused, ServiceDown, TryNextRun
from tsrevel.ledger import GONE, Ledger, OrderRecord
from tsrevel.planning.model import Event, EventId
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screening import covered_locations, days_in_reach, find_location, find_zone, update_days_in_reach
from tsrevel.text import count_of
from tsrevel.tripleseat.client import Found
from tsrevel.tripleseat.digest import mark_fresh

log = logging.getLogger(__name__)

LONGEST_GAP = timedelta(days=31)
"""How far back a run looks at most, if the last good run was long ago."""
MOST_VANISHED = 20
"""Events with an order, or resolved as done, that are no longer listed: up to this many of each are read by their ids
in one run."""
MOST_UNLISTED = 50
"""Events known to be due that the listing lacks, or that earlier runs left behind: up to this many of each are read by
their ids in one run."""
_MOST_NAMED = 5
"""Events that a message names."""

WorkItem = FoundEvent | UnreadEvent | Outcome | OrderRecord
"""One item of a run's work. `FoundEvent`: listed. `UnreadEvent`: read when it is handled. `Outcome`: a listed row that
can't be read. `OrderRecord`: an order to finish or to check again whose event isn't listed."""


@dataclass(frozen=True, slots=True)
class Window:
    """The events to look for: from `first` to `last`, or those that the gates and `hours_back` select."""

    hours_back: float
    first: date | None = None
    last: date | None = None

    @property
    def is_whole(self) -> bool:
        """Whether no days are left out."""
        return self.first is None and self.last is None


def find_work(ctx: RunContext, state: RunState, window: Window) -> list[WorkItem]:
    """Every event of the window once, orders begun whose events aren't among them, and known events that it lacks.

    Raises WrongClock. Raises ServiceDown if the days' events can't be listed, or if none is although some are due.
    """
    now, ledger = ctx.now(), ctx.ledger
    hours_back = _hours_back(ctx, state, now, window)
    reach_first, reach_last = days_in_reach(ctx.policy, now, hours_back)
    first = window.first or (min(reach_first, window.last) if window.last else reach_first)
    last = window.last or (max(reach_last, window.first) if window.first else reach_last)
    listed = _list_events(ctx, state, window, (first, last), update_days_in_reach(ctx.policy, now, hours_back))
    log.info("listed %d events: those from %s to %s, and those changed lately", len(listed), first, last)
    begun = [record for record in ledger.orders.unfinished() if record.event_id not in listed]
    known = {*listed, *(record.event_id for record in begun)}
    today = reach_last - timedelta(days=ctx.policy.gate.days_before)
    due = [each for each in ledger.events.unsettled(first, last, today) if each not in known]
    left = len(due[MOST_UNLISTED:])
    due = [*due[:MOST_UNLISTED], *_find_left_behind(ledger, window, first, today, known={*known, *due})]
    results = ledger.events.last_results(due)
    unlisted = [UnlistedEvent(results[each], is_due=True) for each in due]
    known = known.union(due)
    gone = [each for each in ledger.orders.finished_between(first, last, except_of=known) if not each.cancelled]
    state.days, state.unlisted = (first, last), frozenset(due)
    if left:
        warn(state, f"TripleSeat: the listing lacks {count_of(left, 'more due event')}; the next run checks again")
    vanished = map(UnlistedEvent, gone[:MOST_VANISHED])
    return [*listed.values(), *begun, *unlisted, *vanished, *_find_resolved(ledger, first, last, known)]


def _find_left_behind(
    ledger: Ledger, window: Window, first: date, today: date, *, known: Container[EventId]
) -> list[EventId]:
    """Events that failed, or were left until their day had passed, and that the listing from `first` on lacks."""
    if not window.is_whole:
        return []
    left = ledger.events.left_behind(today - LONGEST_GAP, first)
    return [each for each in left if each not in known][:MOST_UNLISTED]


def _find_resolved(ledger: Ledger, first: date, last: date, known: Container[EventId]) -> list[UnlistedEvent]:
    """Events that a person resolved as done, and that the listing lacks, unless their deletion was reported."""
    resolved = ledger.events.resolved_between(first, last)
    wanted = [each for each, resolution in resolved.items() if each not in known and resolution.digest != GONE]
    results = ledger.events.last_results(wanted[:MOST_VANISHED])
    return [UnlistedEvent(results[each]) for each in wanted[:MOST_VANISHED]]


def warn(state: RunState, text: str) -> None:
    """Add a warning to the run's report and to the log."""
    state.warnings.append(text)
    log.warning("%s", text)


def id_of(item: WorkItem) -> EventId:
    """The id of the item's event."""
    return item.event.id if isinstance(item, FoundEvent) else item.event_id


def _list_events(
    ctx: RunContext, state: RunState, window: Window, days: tuple[date, date], update_days: tuple[date, date]
) -> dict[EventId, FoundEvent | Outcome]:
    began = ctx.now()
    try:
        found = _unless_incomplete(state, lambda: ctx.tripleseat.search_by_day(*days))
        state.clock_check.check()  # this machine's clock chose the days: check it before using the listing
        if window.is_whole:
            found += _list_updated(ctx, state, update_days)
        if ctx.tripleseat.listed_none:
            _check_emptiness(ctx, *days, {each.id for each in found})
    except (TryNextRun, Refused) as error:
        raise ServiceDown(f"the events can't be listed: {error}") from error
    return {each.id: _work_item(ctx, each, began) for each in found}


def _list_updated(ctx: RunContext, state: RunState, days: tuple[date, date]) -> list[Found]:
    """The events that were updated on these days. If they can't be listed, `state.incomplete` says so.

    Orders are made of the events that the search by day lists: they don't need this one.
    """
    try:
        return _unless_incomplete(state, lambda: ctx.tripleseat.search_by_update(*days))
    except (TryNextRun, Refused) as error:
        text = f"the changed events can't be listed, so changes and cancellations weren't checked: {error}"
        state.incomplete = state.incomplete or ServiceDown(text)
        return []


def _unless_incomplete(state: RunState, search: Callable[[], list[Found]]) -> list[Found]:
    """The events that the search lists. If it can list only some of them, `state.incomplete` says so."""
    try:
        return search()
    except IncompleteSearch as error:
        state.incomplete = state.incomplete or ServiceDown(f"not all events can be listed: {error}")
        return [each for each in error.found if isinstance(each, Found)]


def _work_item(ctx: RunContext, found: Found, began: datetime) -> FoundEvent | Outcome:
    if found.event is None:
        return Outcome(found.id, Status.HELD, Reason.MISSING_DATA, found.problem or "")
    digest = mark_fresh(found.digest) if _is_fresh(ctx, found.event, found.stamps, began) else found.digest
    return FoundEvent(found.event, digest, complete=False)


def _is_fresh(ctx: RunContext, event: Event, stamps: Iterable[datetime], began: datetime) -> bool:
    """Whether it was read in the minute of its last change: `began` is when the listing was requested.

    By TripleSeat's clock. The zone of its stamps is uncertain (facts TripleSeat 3.1), so several are tried.
    """
    skew, minute = timedelta(seconds=ctx.tripleseat.skew or 0), timedelta(minutes=1)
    first, last = began + skew - minute, ctx.now() + skew + minute
    location = find_location(event, ctx.policy)
    names = {"UTC", ctx.policy.default_timezone, *([location.timezone] if location else [])}
    zones = [zone for zone in map(find_zone, names) if zone]
    return any(
        first < (stamp if stamp.tzinfo else stamp.replace(tzinfo=zone)) <= last for stamp in stamps for zone in zones
    )


def _hours_back(ctx: RunContext, state: RunState, now: datetime, window: Window) -> float:
    """Hours to look back: as requested, or longer if one of this run's locations had no good run since (an outage)."""
    if window.first:
        return window.hours_back
    since = ctx.ledger.runs.unseen_since(covered_locations(ctx.policy), now)
    gap = now - since if since else timedelta()
    if gap <= timedelta(hours=window.hours_back):
        return window.hours_back
    text = f"no good run began in the last {gap // timedelta(hours=1)} hours; this run looks back "
    if since and gap > LONGEST_GAP:
        days = f"--from {since.date()} --to {(now - LONGEST_GAP).date()}"
        command = f"`tsrevel sync {days}` reports the events that were missed before"
        warn(state, f"{text}{LONGEST_GAP.days} days; {command}")
    else:
        log.warning("%s%s", text, "that far")
    return max(window.hours_back, min(gap, LONGEST_GAP) / timedelta(hours=1))


def _check_emptiness(ctx: RunContext, first: date, last: date, updated: Container[str]) -> None:
    """Raise ServiceDown if no event is listed although some are due, unless all of these were moved or deleted.

    `updated`: the events that the search by update lists.
    """
    due = [each for each in ctx.ledger.events.unsettled(first, last, first) if each not in updated]
    if all(_is_elsewhere(ctx, each, first, last) for each in due[:MOST_UNLISTED]):
        return
    named = ", ".join(due[:_MOST_NAMED]) + (", …" if len(due) > _MOST_NAMED else "")
    expected = f"{count_of(len(due), 'event')}: {named}"
    raise ServiceDown(
        f"TripleSeat lists no event from {first} to {last}, but the ledger expects {expected}; check these events, "
        "TripleSeat's search and the account's rights. If the events don't exist any more, run `tsrevel sync-event "
        f"{due[0]}` for each"
    )


def _is_elsewhere(ctx: RunContext, event_id: EventId, first: date, last: date) -> bool:
    """Whether TripleSeat says that the event was deleted or is on another day. Not if it doesn't know the id."""
    event = fetch_event(ctx.tripleseat, event_id)
    if isinstance(event, EventUnavailable):
        return False
    return event.deleted or (event.day is not None and not first <= event.day <= last)
