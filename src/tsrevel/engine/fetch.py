"""Reads one event: from a listing, by its id, from a webhook delivery, or from the ledger's copy.

The payload of a delivery is a hint (facts TripleSeat 6.3). The event is read again from TripleSeat, and the newer of
the two states is used as a whole: a delivery may be late, and its event changed, paid, moved, lost or deleted since.
If the two stamps can't be compared, or the delivery is older than LONGEST_LAG, TripleSeat's state counts. Until then a
404 doesn't mean that the event was deleted, unless the delivery says so too.
With `trust_payload` (tripleseat.payload = "trust") the payload comes first. TripleSeat then supplies what it lacks, or
the whole event if the payload can't be read or may be older than the last known state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from tsrevel.errors import Forbidden, Refused, TryNextRun, Unreadable
from tsrevel.ledger import GONE, LastResult, Ledger, OrderRecord
from tsrevel.planning.model import Event, EventId, Policy, Skip
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screening import find_location, find_named, find_zone, screen_status
from tsrevel.tripleseat.client import TripleSeat
from tsrevel.tripleseat.payload import PayloadEvent, is_older, is_over, read_told
from tsrevel.webhook.delivery import DELETION, Delivery

T = TypeVar("T")
NOT_FOUND = 404
LONGEST_LAG = timedelta(minutes=15)
"""How long after a delivery TripleSeat may still show an older state. No lag was ever noted, none is ruled out."""
_LAGS = f"until {LONGEST_LAG // timedelta(minutes=1)} minutes after the delivery came, tsrevel reads the event again"


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event to decide on. `digest` is the listing's content hash.

    `complete`: it has its lines and money. `told`: the delivered payload, if TripleSeat must supply the rest.
    """

    event: Event
    digest: str | None = None
    complete: bool = True
    told: PayloadEvent | None = None


@dataclass(frozen=True, slots=True)
class EventUnavailable:
    """Why TripleSeat doesn't return the event. `absent`: it answered that the event doesn't exist."""

    status: Status
    reason: Reason
    text: str
    absent: bool = False


@dataclass(frozen=True, slots=True)
class NamedEvent:
    """An event to read by its id. If the ledger knows it and TripleSeat doesn't have it, it was deleted.

    `known_before`: also if the ledger doesn't know it. `typed`: a person typed the id, so it may be a slip.
    """

    event_id: EventId
    known_before: bool = False
    typed: bool = False


@dataclass(frozen=True, slots=True)
class UnlistedEvent:
    """A known event that its day's listing lacks. If TripleSeat doesn't have it, it was deleted.

    `known`: its order, if it has one, else its last result. `is_due`: it waits or is in trouble, so it fails if it
    can't be read; an event that has its order, or that a person resolved as done, is skipped then.
    """

    known: OrderRecord | LastResult
    is_due: bool = False

    @property
    def event_id(self) -> EventId:
        """The id to ask for."""
        return self.known.event_id


@dataclass(frozen=True, slots=True)
class DeliveredEvent:
    """An event from a webhook delivery, received at this instant. `last_word`: no later delivery about it waits."""

    event_id: EventId
    delivery: Delivery
    received: datetime
    trust_payload: bool
    last_word: bool


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event that the ledger has a copy of. `verify`: it is read from TripleSeat again nevertheless."""

    event_id: EventId
    verify: bool


UnreadEvent = NamedEvent | UnlistedEvent | DeliveredEvent | StoredEvent
"""An event that is read only when its turn comes."""


def read_event(
    tripleseat: TripleSeat, ledger: Ledger, policy: Policy, unread: UnreadEvent, now: datetime
) -> FoundEvent | EventUnavailable:
    """The event, read `now`. Raises Unavailable, CredentialsRefused, ConfigError, LedgerUnusable."""
    match unread:
        case NamedEvent(event_id, known_before, typed):
            gone = _recall_rest(ledger, policy, event_id) or (_gone(event_id) if known_before else None)
            found = unless_refused(lambda: FoundEvent(_read(tripleseat, event_id, gone)))
            return _add_if_absent(found, "check the id") if typed else found
        case UnlistedEvent(LastResult() as last, is_due=True):
            gone = _gone(last.event_id, last.day, last.location)
            return unless_refused(lambda: FoundEvent(_read(tripleseat, last.event_id, gone)))
        case UnlistedEvent(known):
            return _read_unlisted(tripleseat, ledger, policy, known)
        case DeliveredEvent(trust_payload=True):
            return _add_if_absent(unless_refused(lambda: _believe(tripleseat, ledger, unread, now)), _LAGS)
        case DeliveredEvent():
            return _add_if_absent(unless_refused(lambda: _verify(tripleseat, ledger, policy, unread, now)), _LAGS)
        case StoredEvent(event_id):
            return unless_refused(lambda: _recall(tripleseat, ledger, unread))


def fetch_whole(tripleseat: TripleSeat, found: FoundEvent) -> Event | EventUnavailable:
    """The event with its lines and money. Raises Unavailable, CredentialsRefused, ConfigError.

    If TripleSeat returns an older state than its search has shown, the event fails in this run.
    """
    if found.complete:
        return found.event
    told = found.told
    if told:
        return unless_refused(lambda: tripleseat.filled(told))
    whole = fetch_event(tripleseat, found.event.id)
    if isinstance(whole, Event) and _is_newer(found.event.updated, whole.updated):
        text = f"TripleSeat returns an older state of event {whole.id} than its search; the next run reads it again"
        return EventUnavailable(Status.FAILED, Reason.EVENT_DATA_UNAVAILABLE, text)
    return _add_if_absent(whole, "its search still lists the event, which may have been deleted just now")


def fetch_event(tripleseat: TripleSeat, event_id: EventId) -> Event | EventUnavailable:
    """The event with that id, its lines and money. Raises Unavailable, CredentialsRefused, ConfigError."""
    return unless_refused(lambda: tripleseat.event(event_id))


def unless_refused(read: Callable[[], T]) -> T | EventUnavailable:
    """The result of `read`, or why TripleSeat refuses it."""
    try:
        return read()
    except Forbidden as error:
        return EventUnavailable(Status.HELD, Reason.AUTHORIZATION_DENIED, str(error))
    except (Refused, Unreadable) as error:
        absent = isinstance(error, Refused) and error.status == NOT_FOUND
        text = "TripleSeat has nothing with this id" if absent else str(error)
        return EventUnavailable(Status.FAILED, Reason.EVENT_DATA_UNAVAILABLE, text, absent)


def _add_if_absent(found: T | EventUnavailable, text: str) -> T | EventUnavailable:
    """`found`; if TripleSeat says that there is no such event, with `text` about that."""
    if isinstance(found, EventUnavailable) and found.absent:
        return replace(found, text=f"{found.text}; {text}")
    return found


def _unless_gone(gone: Event | None, read: Callable[[], Event]) -> Event:
    """The result of `read`; `gone`, if given, marked as deleted, if TripleSeat doesn't have the event."""
    try:
        return read()
    except Refused as refused:
        if gone is None or refused.status != NOT_FOUND:
            raise
        return replace(gone, deleted=True, faults=())


def _read(tripleseat: TripleSeat, event_id: EventId, gone: Event | None) -> Event:
    return _unless_gone(gone, lambda: tripleseat.event(event_id))


def _read_unlisted(
    tripleseat: TripleSeat, ledger: Ledger, policy: Policy, known: OrderRecord | LastResult
) -> FoundEvent | EventUnavailable:
    """The event, or what is known of it if it was deleted. Skipped if nothing shows what became of it.

    A resolved event that was deleted or cancelled gets GONE as its digest, because no listing shows that.
    """
    event_id, reason = known.event_id, Reason.ALREADY_INJECTED
    if isinstance(known, OrderRecord):
        gone, told = _recall_rest(ledger, policy, event_id) or _gone(event_id), f"Revel order {known.order_id}"
        reason = Reason.ORDER_EXISTS if known.state == "foreign" else reason
    else:
        gone, told = _gone(event_id, known.day, known.location), "a person resolved it as done"
    try:
        event = _read(tripleseat, event_id, gone)
    except (Forbidden, Refused, TryNextRun) as error:
        return EventUnavailable(Status.SKIPPED, reason, f"{told}; the event isn't listed: {error}")
    over = isinstance(screen_status(event, policy, has_order=True), Skip)
    return FoundEvent(event, GONE if over and isinstance(known, LastResult) else None)


def _recall_rest(ledger: Ledger, policy: Policy, event_id: EventId) -> Event | None:
    """The rest of an event that TripleSeat no longer has; None if no run has ever seen it."""
    record, last = ledger.orders.get(event_id), _last_seen(ledger, event_id)
    plan = record.plan if record else None
    day, at = (last.day, find_named(last.location, policy)) if last else (None, None)
    if plan:
        day, at = plan.day, plan.location
    if not (record or last or ledger.events.resolutions([event_id])):
        return None
    gone = _gone(event_id, day, at.name if at else last.location if last else "")
    return replace(gone, location_id=at.tripleseat_location, site_id=at.tripleseat_site) if at else gone


def _last_seen(ledger: Ledger, event_id: EventId) -> LastResult | None:
    """The last result for an event that a run has read; None if runs only failed to read it."""
    last = ledger.events.last_results([event_id]).get(event_id)
    return last if last and (last.day or last.updated) else None


def _gone(event_id: EventId, day: date | None = None, location: str = "") -> Event:
    """The known rest of an event that TripleSeat no longer has."""
    return Event(
        id=event_id,
        name="",
        status="",
        deleted=True,
        location_id=None,
        site_id=None,
        location_name=location,
        day=day,
        starts_at=None,
        guest_count=None,
        contact_name="",
        contact_phone="",
        grand_total=None,
        booking_id=None,
        documents=(),
    )


# Webhook deliveries


def _verify(
    tripleseat: TripleSeat, ledger: Ledger, policy: Policy, unread: DeliveredEvent, now: datetime
) -> FoundEvent | EventUnavailable:
    """TripleSeat's current state of the event, or the delivery's if TripleSeat lags behind.

    A delivery that is incomplete, or only seems newer, waits instead, but no longer than TripleSeat may lag.
    """
    told = read_told(unread.delivery.row)
    current = _read(tripleseat, told.event.id, _rest_of(ledger, told.event, unread, now))
    seems_newer = may_lag(unread.received, now) and _is_newer(told.event.updated, current.updated)
    if not seems_newer or _has_order(ledger, current.id):
        return FoundEvent(current)
    if _is_surely_newer(told.event, current, policy, now):
        if unread.delivery.trigger == DELETION:
            return FoundEvent(replace(told.event, deleted=True, faults=()))
        if unread.last_word and (is_over(told.event) or (told.placed and told.priced)):
            return FoundEvent(told.event)
    text = (
        f"TripleSeat seems to show an older state of event {current.id} than this delivery; tsrevel reads it again, "
        f"and uses TripleSeat's state {LONGEST_LAG // timedelta(minutes=1)} minutes after the delivery came"
    )
    return EventUnavailable(Status.FAILED, Reason.EVENT_DATA_UNAVAILABLE, text)


def may_lag(received: datetime, now: datetime) -> bool:
    """Whether TripleSeat may still show an older state than a delivery: of a new event, that there is none."""
    return abs(now - received) < LONGEST_LAG


def _rest_of(ledger: Ledger, told: Event, unread: DeliveredEvent, now: datetime) -> Event | None:
    """The state that counts if TripleSeat doesn't have the event; None if it may only not have it yet."""
    is_told_over = unread.delivery.trigger == DELETION or is_over(told)
    return told if is_told_over or not may_lag(unread.received, now) or _was_gone(ledger, told.id) else None


def _was_gone(ledger: Ledger, event_id: EventId) -> bool:
    """Whether a run has learned before that the event was cancelled or deleted, so it won't come any more."""
    record, last = ledger.orders.get(event_id), _last_seen(ledger, event_id)
    return (last is not None and last.reason == Reason.EVENT_DELETED) or (record is not None and record.cancelled)


def _believe(tripleseat: TripleSeat, ledger: Ledger, unread: DeliveredEvent, now: datetime) -> FoundEvent:
    """The event from the payload, and whether TripleSeat must complete it."""
    told = read_told(unread.delivery.row)
    event = told.event
    last = ledger.events.last_results([event.id]).get(event.id)
    if (
        unread.delivery.trigger == DELETION
        and unread.last_word
        and not (last and is_older(event.updated, last.updated))
    ):
        return FoundEvent(replace(event, deleted=True, faults=()))
    rest = _rest_of(ledger, event, unread, now)
    newer = last is None or is_older(last.updated, event.updated)  # stamps have only minutes: equal may be older
    if event.faults or not newer or not unread.last_word:
        return FoundEvent(_read(tripleseat, event.id, rest))
    if not told.placed:
        return FoundEvent(_unless_gone(rest, lambda: tripleseat.filled(told)))
    return FoundEvent(event, complete=told.priced, told=told)


def _is_newer(one: datetime | None, other: datetime | None) -> bool:
    """Whether `one` is newer, if both are of one clock. TripleSeat's stamps have only minutes: seconds are ignored."""
    return is_older(*(stamp.replace(second=0, microsecond=0) if stamp else None for stamp in (other, one)))


def _is_surely_newer(told: Event, current: Event, policy: Policy, now: datetime) -> bool:
    """Whether the delivered state, whose stamp is the later one, is newer also by the site's clock.

    The stamps have no zone (facts TripleSeat 3.1, 9): those of two places can't be compared, nor can those within the
    hour that a clock repeats. A stamp ahead of the site's clock is in another zone.
    """
    one, other = told.updated, current.updated
    if one is None or other is None:
        return False
    if one.tzinfo:
        return True
    places = (told.location_id, current.location_id), (told.site_id, current.site_id)
    if any(here not in (None, there) for here, there in places):
        return False
    location = find_location(current, policy)
    zone = find_zone(location.timezone) if location else None
    if zone is None:
        return False
    earliest, latest = (stamp.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold, stamp in ((0, one), (1, other)))
    return latest < earliest <= now


def _has_order(ledger: Ledger, event_id: EventId) -> bool:
    """Whether its order is made. Then nothing is written, and the next listing shows what has changed."""
    record = ledger.orders.get(event_id)
    return record is not None and record.is_finished


# The ledger's copies


def _recall(tripleseat: TripleSeat, ledger: Ledger, unread: StoredEvent) -> FoundEvent:
    """The ledger's copy. If an order is to be made, the event is read again, as for a delivery."""
    event_id = unread.event_id
    copy = ledger.events.snapshot(event_id)
    if copy is None:
        raise Unreadable(f"the ledger keeps no copy of event {event_id}: leave --from-snapshot out")
    if unread.verify:
        return FoundEvent(_read(tripleseat, event_id, _gone(event_id)))
    if copy.updated != ledger.events.last_results([event_id])[event_id].updated:
        raise Unreadable(f"event {event_id} has changed since the ledger's copy: leave --from-snapshot out")
    return FoundEvent(copy)
