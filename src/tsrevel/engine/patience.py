"""Looking again for what Revel may show a little later: lists may lag, and a late write may just be under way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tsrevel.deadline import Deadline

T = TypeVar("T")

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between looks for the same thing: 30 in all. No lag was ever noted, none is ruled out (facts Revel 6)."""
MOST_IN_VAIN = 3
"""After so many things in a run that never came into sight, the others are looked for with the first pauses alone."""
_FEW = 2


class Patience:
    """Looks again within one run, not beyond its deadline. Threads may share it."""

    def __init__(self, sleep: Callable[[float], None], deadline: Deadline, pauses: Sequence[float] = PAUSES) -> None:
        self._sleep = sleep
        self._deadline = deadline
        self._pauses = tuple(pauses)
        self._in_vain = 0

    def until(self, look: Callable[[], T], settles: Callable[[T], bool]) -> T:
        """What `look` gives, once that settles the matter or there is no patience left."""
        found = look()
        if settles(found):
            return found
        for pause in self._pauses[: _FEW if self._in_vain >= MOST_IN_VAIN else None]:
            if pause >= self._deadline.remaining():
                break
            self._sleep(pause)
            found = look()
            if settles(found):
                return found
        self._in_vain += 1
        return found

    def pause(self, seconds: float) -> bool:
        """Wait so long; False at once where that would reach beyond the deadline."""
        if seconds >= self._deadline.remaining():
            return False
        self._sleep(seconds)
        return True
