"""How many orders a run may begin, counted exactly, also where several events have their turns at the same time."""

from __future__ import annotations

import threading

from tsrevel.planning.model import EventId


class Allowance:
    """Orders that one run may begin: `most` of them, whatever becomes of each.

    An order is counted from `reserve` on, so that no other event can take its place; `settle` gives back what wasn't
    used. Orders taken up again count as well, though nothing keeps them from being finished.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._counted: set[EventId] = set()
        self._reserved: set[EventId] = set()
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """How many more may be begun."""
        with self._lock:
            return max(self._most - len(self._counted | self._reserved), 0)

    def reserve(self, event_id: EventId) -> str | None:
        """Count the event's order as begun; or why that may not be."""
        with self._lock:
            if len(self._counted | self._reserved) >= self._most:
                return "as many orders were begun as one run may begin; the next one goes on"
            self._reserved.add(event_id)
        return None

    def count(self, event_id: EventId) -> None:
        """The event's order is written to now, or would be in a live run."""
        with self._lock:
            self._counted.add(event_id)

    def settle(self, event_id: EventId) -> None:
        """The event's turn is over."""
        with self._lock:
            self._reserved.discard(event_id)
