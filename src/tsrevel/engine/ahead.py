"""Whether events whose turn is near have orders already, asked for many of them at once: by `local_id` and by uuid.

It only ever says "none", and only for a short while. Whatever else is known of an event is looked up for it alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from itertools import islice

from tsrevel.engine.freshness import Freshness, Moment
from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import EventId
from tsrevel.revel.client import Revel

BATCH = 50
"""Events asked for at once: with two names each no query is much longer than 3,000 characters."""


class LookAhead:
    """What Revel shows of events to come, in one run; threads take turns in asking.

    While an answer is fresh, the only order made may be someone else's, by hand.
    """

    def __init__(self, revel: Revel, freshness: Freshness) -> None:
        self._revel = revel
        self._freshness = freshness
        self._queue: dict[EventId, tuple[str, ...]] = {}
        self._absent: dict[EventId, Moment] = {}
        self._lock = threading.Lock()

    def expect(self, events: Mapping[EventId, tuple[str, ...]]) -> None:
        """These events, in this order, have turns to come; each with the `local_id`s that its order may have."""
        self._queue = dict(events)

    def shows_none(self, event_id: EventId) -> bool:
        """Whether Revel has shown just now that the event has no order. False: look it up.

        False as well for the last event to come: looking it up alone costs no more.
        """
        with self._lock:
            names = self._queue.get(event_id)
            if names is None:
                return False
            if self._is_fresh(event_id):
                return True
            others = ((each, theirs) for each, theirs in self._queue.items() if each != event_id)
            batch = {event_id: names, **dict(islice(others, BATCH - 1))}
            if len(batch) == 1:
                return False
            self._ask(batch)
            return self._is_fresh(event_id)

    def forget(self, event_id: EventId) -> None:
        """The event's turn is over."""
        with self._lock:
            self._queue.pop(event_id, None)

    def _ask(self, events: Mapping[EventId, tuple[str, ...]]) -> None:
        asked = self._freshness.now()
        uuids = tuple(map(order_uuid, events))
        taken = self._revel.taken_names(_flatten(events.values()), uuids)
        self._absent = {}
        if taken is not None:
            named = zip(events.items(), uuids, strict=True)
            free = (each for (each, names), uuid in named if taken.isdisjoint({*names, uuid}))
            self._absent = dict.fromkeys(free, asked)

    def _is_fresh(self, event_id: EventId) -> bool:
        return event_id in self._absent and self._freshness.is_fresh(self._absent[event_id])


def _flatten(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(name for each in names for name in each)
