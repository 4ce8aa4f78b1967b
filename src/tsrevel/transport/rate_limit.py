"""The rate limiter: spaces requests to one service evenly over all threads, and stops them if a run is given up."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tsrevel.errors import Halted
from tsrevel.transport.retry import LONGEST_WAIT


@dataclass(slots=True)
class RateLimiter:
    """At most `per_second` requests a second, evenly spaced, over all threads."""

    per_second: float
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    _next: float = -math.inf
    _held_until: float = -math.inf
    _halted: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, at_most: float = math.inf) -> bool:
        """Wait until the next request may be sent. Returns False at once if that takes longer than `at_most` seconds.

        Likewise if the service asked for a pause with more than LONGEST_WAIT left. Raises Halted after `stop`.
        """
        while True:
            with self._lock:
                now = self.monotonic()
                if self._held_until - now > LONGEST_WAIT:
                    return False
                slot = max(now, self._next)
                self._next = slot + 1 / self.per_second
            if slot - now > at_most:
                return False
            if slot > now and not self._halted:
                self.sleep(slot - now)
            if self._halted:
                raise Halted("the run was interrupted; the next one continues")
            if slot >= self._held_until:
                return True
            at_most -= slot - now

    def pause_for(self, seconds: float) -> None:
        """Send nothing for `seconds`, because the service asked for that. Waiting requests are delayed too."""
        with self._lock:
            self._held_until = max(self._held_until, self.monotonic() + seconds)
            self._next = max(self._next, self._held_until)

    def paused_for(self) -> float:
        """Seconds left of the pause that the service asked for."""
        return max(self._held_until - self.monotonic(), 0.0)

    def stop(self) -> None:
        """Send no further request. A request under way may end."""
        self._halted = True
