"""Whole events for the turns to come: fetched some at a time, so that what they need can be asked for together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from tsrevel.engine.find import Candidate, told_by_tripleseat
from tsrevel.engine.freshness import Freshness, Moment
from tsrevel.engine.lanes import in_lanes
from tsrevel.errors import TsrevelError
from tsrevel.planning.model import Event, EventId

BATCH = 8
"""Events fetched at a time. At Revel's default pace a turn lasts some five seconds: the last one is still fresh."""


class Details:
    """Fetches events whole, in one run; threads take turns in asking. `at_once` requests may be under way at a time.

    `prepare` is told of each batch, before the first event of it is handed out; `halt` is called where the run is
    interrupted meanwhile.
    """

    def __init__(
        self,
        freshness: Freshness,
        at_once: int,
        halt: Callable[[], None],
        prepare: Callable[[Sequence[Event]], None],
    ) -> None:
        self._freshness = freshness
        self._at_once = at_once
        self._halt = halt
        self._prepare = prepare
        self._queue: dict[EventId, Candidate] = {}
        self._kept: dict[EventId, tuple[Moment, Event]] = {}
        self._lock = threading.Lock()

    def expect(self, candidates: Iterable[Candidate]) -> None:
        """These events, in this order, will be needed whole."""
        self._queue = {each.event.id: each for each in candidates}

    def whole(self, candidate: Candidate) -> Event:
        """The event with its lines and money, as TripleSeat had it a minute ago at most.

        Raises what `Candidate.whole` and `prepare` raise, and EventUnavailable. What fails for an event that is fetched
        ahead is left to its own turn.
        """
        event_id = candidate.event.id
        with self._lock:
            if self._queue.pop(event_id, None) is None:
                return _fetch(candidate)
            kept = self._kept.pop(event_id, None)
            if kept and self._freshness.is_fresh(kept[0]):
                return kept[1]
            return self._fetch_with_others(candidate)

    def forget(self, event_id: EventId) -> None:
        """The event's turn is over."""
        with self._lock:
            self._queue.pop(event_id, None)
            self._kept.pop(event_id, None)

    def _fetch_with_others(self, candidate: Candidate) -> Event:
        first = candidate.event.id
        others = [each for event_id, each in self._queue.items() if event_id not in self._kept]
        asked, fetched = self._freshness.now(), dict[EventId, Event]()
        failures: dict[EventId, TsrevelError] = {}

        def attempt(each: Candidate) -> Event | None:
            try:
                return _fetch(each)
            except TsrevelError as error:
                failures[each.event.id] = error
                return None

        lanes = [[each] for each in (candidate, *others[: BATCH - 1])]
        with in_lanes(lanes, attempt, self._at_once, go_on=lambda: not failures, abandon=self._halt) as done:
            for each, event in done:
                if event:
                    fetched[each.event.id] = event
        if first in failures:
            raise failures[first]
        mine = fetched.pop(first, None) or _fetch(candidate)  # not even begun where another one failed at once
        if fetched:
            self._prepare([mine, *fetched.values()])
        self._kept |= {event_id: (asked, event) for event_id, event in fetched.items()}
        return mine


def _fetch(candidate: Candidate) -> Event:
    with told_by_tripleseat():
        return candidate.whole()
