"""From a webhook delivery to the events that a run has to decide on (DESIGN 4, facts TripleSeat 6.3).

A delivery says which event to look at. The event is read again from TripleSeat, and the newer of the two states is
used, whole: a delivery may be late, and its event may have been changed, paid, moved, lost or deleted since. Nothing is
decided by the payload alone, not even that nothing is to be done: the event may have moved into its gate meanwhile.

With `trusted` (tripleseat.payload = "trust") the payload comes first: TripleSeat is asked for what it lacks, and for
the whole event where the payload isn't surely newer than what is known already, or can't be read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from tsrevel.engine.find import Candidate, EventUnavailable, Named, name_event, told_by_tripleseat
from tsrevel.errors import Refused, Unreadable
from tsrevel.ledger import Ledger
from tsrevel.planning.model import Event, EventId
from tsrevel.planning.reasons import Reason, Status
from tsrevel.tripleseat.client import TripleSeat
from tsrevel.tripleseat.payload import Subject, Told, is_older, is_over, read_event_ids, read_told
from tsrevel.webhook.delivery import DELETION, Delivery

NOT_FOUND = 404


def find_delivered(
    tripleseat: TripleSeat,
    ledger: Ledger,
    delivery: Delivery,
    subject: Subject,
    *,
    trusted: bool,
    last_word: bool,
) -> list[Named]:
    """The event that was delivered, or those of the booking that was; none of a booking that isn't there any more.

    `last_word`: no later delivery about it is at hand; else TripleSeat alone is believed. Raises Unavailable,
    CredentialsRefused and EventUnavailable where a booking's events can't be told.
    """
    name = name_event if trusted else name_current
    if subject.kind == "booking":
        return [name(tripleseat, event_id) for event_id in _booked(tripleseat, delivery, subject)]
    event_id = EventId(subject.id)
    if delivery.root != "event":
        return [name(tripleseat, event_id)]
    choose = _trust if trusted else _verify
    return [Named(event_id, lambda: choose(tripleseat, ledger, delivery, last_word=last_word))]


def name_current(tripleseat: TripleSeat, event_id: EventId) -> Named:
    """An event that was known before, to be read when its turn comes; one that isn't there has been deleted since."""
    return Named(event_id, lambda: Candidate(_fetch(read_told({"id": event_id}).event, tripleseat.event)))


def _booked(tripleseat: TripleSeat, delivery: Delivery, subject: Subject) -> tuple[EventId, ...]:
    try:
        told = read_event_ids(delivery.row)
    except Unreadable:
        told = ()
    with told_by_tripleseat():
        try:
            return told or tripleseat.events_of_booking(subject.id)
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            return ()


def _verify(tripleseat: TripleSeat, ledger: Ledger, delivery: Delivery, *, last_word: bool) -> Candidate:
    """The event as TripleSeat has it now, or as the delivery tells it where TripleSeat lags behind.

    Raises what `TripleSeat.event` raises, and EventUnavailable where it lags and the delivery doesn't tell everything.
    """
    told = read_told(delivery.row)
    current = _fetch(told.event, tripleseat.event)
    if not _is_newer(told.event.updated, current.updated) or _is_settled(ledger, current.id):
        return Candidate(current)
    if delivery.trigger == DELETION:
        return Candidate(replace(told.event, deleted=True, faults=()))
    if last_word and _is_complete(told):
        return Candidate(told.event)
    text = f"TripleSeat still shows an older state of event {current.id} than this delivery; it is tried again later"
    raise EventUnavailable(Status.FAILED, Reason.EVENT_DATA_UNAVAILABLE, text)


def _is_newer(one: datetime | None, other: datetime | None) -> bool:
    """Whether `one` is surely the newer stamp. TripleSeat's are to the minute, so seconds tell nothing."""
    return is_older(*(stamp.replace(second=0, microsecond=0) if stamp else None for stamp in (other, one)))


def _is_settled(ledger: Ledger, event_id: EventId) -> bool:
    """Whether its order is made: then nothing is written, and the next listing shows what was changed meanwhile."""
    record = ledger.order(event_id)
    return record is not None and record.state in {"settled", "foreign"}


def _is_complete(told: Told) -> bool:
    """Whether an order can be made, or ruled out, by the payload alone."""
    return is_over(told.event) or (told.placed and told.priced)


def _trust(tripleseat: TripleSeat, ledger: Ledger, delivery: Delivery, *, last_word: bool) -> Candidate:
    """The event as far as the payload tells it, and how to complete it. Raises what `TripleSeat.event` raises."""
    told = read_told(delivery.row)
    event = told.event
    known = ledger.sightings([event.id]).get(event.id)
    if delivery.trigger == DELETION and last_word and not (known and is_older(event.updated, known.updated)):
        return Candidate(replace(event, deleted=True, faults=()))
    newer = known is None or is_older(known.updated, event.updated)  # stamps are to the minute: equal may be older
    if event.faults or not newer or not last_word:
        return Candidate(_fetch(event, tripleseat.event))
    if not told.placed:
        return Candidate(_fetch(event, lambda _: tripleseat.filled(told)))
    return Candidate(event, fetch=None if told.priced else lambda: _fetch(event, lambda _: tripleseat.filled(told)))


def _fetch(event: Event, fetch: Callable[[EventId], Event]) -> Event:
    """The event from TripleSeat; one that was delivered and isn't there has been deleted since."""
    try:
        return fetch(event.id)
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise
        return replace(event, deleted=True, faults=())
