"""Until when an invocation may go on asking: one object made at its start, read by whatever may wait.

It goes by the monotonic clock: a clock that is set meanwhile neither ends a run nor keeps it alive.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta

_RESERVE = 60.0
_TENTH = 0.1

Monotonic = Callable[[], float]


class Deadline:
    """The end of an invocation, `length` from now."""

    def __init__(self, length: timedelta, monotonic: Monotonic = time.monotonic, *, end: float | None = None) -> None:
        self.length = length
        self._monotonic = monotonic
        self._end = monotonic() + length.total_seconds() if end is None else end

    def remaining(self) -> float:
        """Seconds that are left, 0 at least."""
        return max(self._end - self._monotonic(), 0.0)

    @property
    def has_passed(self) -> bool:
        """Whether no further request may go out."""
        return self.remaining() <= 0

    @property
    def is_near(self) -> bool:
        """Whether nothing new should be begun: the last tenth, a minute at most, is for what is under way."""
        return self.remaining() <= min(self.length.total_seconds() * _TENTH, _RESERVE)

    def within(self, seconds: float, *, at_least: float = 0.0) -> Deadline:
        """The end of one step that begins now: `seconds` from now or this deadline, whichever comes first.

        The step has `at_least` so many seconds, though they reach beyond this deadline.
        """
        now = self._monotonic()
        end = min(now + seconds, max(self._end, now + at_least))
        return Deadline(timedelta(seconds=seconds), self._monotonic, end=end)


NEVER = Deadline(timedelta.max, end=math.inf)
"""No end: for what waits for a person in between. Each request has one all the same."""
