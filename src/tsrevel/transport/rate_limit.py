"""The rate limiter: requests to one service are evenly spaced over all threads, and stop when the run is given up."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tsrevel.errors import Halted


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
        """Return when the next request may go out, or False at once where that takes longer than `at_most` seconds.

        Raises Halted once none may any more.
        """
        while True:
            with self._lock:
                now = self.monotonic()
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
        """No request goes out for so long, not even one that waits for its turn: the service has asked for that."""
        with self._lock:
            self._held_until = max(self._held_until, self.monotonic() + seconds)
            self._next = max(self._next, self._held_until)

    def stop(self) -> None:
        """No further request goes out, ever; one under way is left to end."""
        self._halted = True
