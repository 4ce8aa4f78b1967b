"""From a webhook delivery to the events that a run has to decide on (DESIGN 4, facts TripleSeat 6.3).

The payload comes first: TripleSeat is asked for what it lacks, and for the whole event where the payload isn't surely
newer than what is known already, or can't be read.
"""

from __future__ import annotations

from collections.abc import Callable

from tsrevel.engine.find import Candidate, Named, name_event, told_by_tripleseat
from tsrevel.errors import Refused, Unreadable
from tsrevel.ledger import Ledger
from tsrevel.planning.model import Event, EventId
from tsrevel.record import replace
from tsrevel.tripleseat.client import TripleSeat
from tsrevel.tripleseat.payload import Subject, is_older, read_event_ids, read_told
from tsrevel.webhook.delivery import DELETION, Delivery

NOT_FOUND = 404


def find_delivered(
    tripleseat: TripleSeat, ledger: Ledger, delivery: Delivery, subject: Subject, *, last_word: bool
) -> list[Named]:
    """The event that was delivered, or those of the booking that was; none of a booking that isn't there any more.

    `last_word`: no later delivery about it is at hand; else TripleSeat alone is believed. Raises Unavailable,
    CredentialsRefused and EventUnavailable where a booking's events can't be told.
    """
    if subject.kind == "booking":
        return [name_event(tripleseat, event_id) for event_id in _booked(tripleseat, delivery, subject)]
    event_id = EventId(subject.id)
    if delivery.root != "event":
        return [name_event(tripleseat, event_id)]
    return [Named(event_id, lambda: _candidate(tripleseat, ledger, delivery, last_word=last_word))]


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


def _candidate(tripleseat: TripleSeat, ledger: Ledger, delivery: Delivery, *, last_word: bool) -> Candidate:
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
