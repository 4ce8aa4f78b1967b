"""How fast a service may be asked: requests evenly spaced, whoever makes them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """At most `per_second` requests a second, evenly spaced, over all threads."""

    per_second: float
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    _next: float = -math.inf
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        """Return when the next request may go out."""
        with self._lock:
            now = self.monotonic()
            slot = max(now, self._next)
            self._next = slot + 1 / self.per_second
        if slot > now:
            self.sleep(slot - now)
