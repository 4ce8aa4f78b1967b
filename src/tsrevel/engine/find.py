"""Which events a run has to account for: the two searches, the named ones, and the orders begun before (DESIGN 4)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tsrevel.engine.decide import Candidate
from tsrevel.engine.report import Outcome
from tsrevel.errors import Forbidden, Refused, ServiceDown, TryNextRun, Unavailable, Unreadable
from tsrevel.ledger import Ledger, OrderRecord
from tsrevel.planning.model import EventId, Policy
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.when import days_in_reach, update_days_in_reach
from tsrevel.tripleseat.client import Found, TripleSeat

log = logging.getLogger(__name__)

LONGEST_GAP = timedelta(days=31)
"""How far a run looks back at most for what happened since the last good one."""

Pending = Candidate | Outcome | OrderRecord
"""What a run accounts for: an event, one that couldn't even be read, or an order begun whose event isn't listed."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which events to look for: of the days `first` to `last`, or else what the gates and `hours_back` say."""

    hours_back: float
    first: date | None = None
    last: date | None = None


def find_events(tripleseat: TripleSeat, ledger: Ledger, policy: Policy, now: datetime, window: Window) -> list[Pending]:
    """Every event of the window, each once, and every order begun whose event isn't among them.

    Raises ServiceDown where the events can't be listed, or where none is although known ones are due.
    """
    hours_back = _hours_back(ledger, now, window)
    first, last = days_in_reach(policy, now, hours_back)
    first, last = window.first or min(first, window.last or first), window.last or max(last, window.first or last)
    try:
        found = tripleseat.search_by_day(first, last)
        if not found:
            _check_emptiness(ledger, first, last)
        if window.first is None and window.last is None:
            found += tripleseat.search_by_update(*update_days_in_reach(policy, now, hours_back))
    except (TryNextRun, Refused) as error:
        raise ServiceDown(f"the events can't be listed: {error}") from error
    rows = {_name(each): each for each in found}
    log.info("found %d events between %s and %s", len(rows), first, last)
    unlisted = [record for record in ledger.unfinished() if record.event_id not in rows]
    return [*(_pending(each) for each in rows.values()), *unlisted]


def fetch_event(tripleseat: TripleSeat, event_id: EventId) -> Candidate | Outcome:
    """A named event, complete; where TripleSeat doesn't hand it out, the outcome."""
    try:
        return Candidate(tripleseat.event(event_id), complete=True)
    except Forbidden as error:
        return Outcome(event_id, Status.HELD, Reason.AUTHORIZATION_DENIED, str(error))
    except (Refused, Unreadable) as error:
        return Outcome(event_id, Status.FAILED, Reason.EVENT_DATA_UNAVAILABLE, str(error))
    except Unavailable as error:
        return Outcome(event_id, Status.FAILED, Reason.UPSTREAM_UNAVAILABLE, str(error), down=True)


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


def _pending(found: Found) -> Pending:
    if found.event is None:
        return Outcome(_name(found), Status.HELD, Reason.MISSING_DATA, found.problem or "")
    return Candidate(found.event, found.digest)


def _name(found: Found) -> EventId:
    """The event's id; for a row without a usable one, a name by which the next run knows it again."""
    return EventId(found.id or f"unreadable-{found.digest[:8]}")
