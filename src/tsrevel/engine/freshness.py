"""How old what was asked ahead of its turn may be when it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

FRESH = timedelta(seconds=60)
"""How long an answer of a service may stand for what is there now."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was asked, by the clock and in seconds of the monotonic one."""

    at: datetime
    instant: float


@dataclass(frozen=True, slots=True)
class Freshness:
    """Tells by both clocks whether an answer is fresh: one may be set, the other may stand still in sleep."""

    clock: Callable[[], datetime]
    monotonic: Callable[[], float]

    def now(self) -> Moment:
        """When what is asked now will have been asked."""
        return Moment(self.clock(), self.monotonic())

    def is_fresh(self, asked: Moment) -> bool:
        """Whether no more than FRESH has passed since then."""
        aged = timedelta(seconds=self.monotonic() - asked.instant)
        return timedelta() <= aged < FRESH and timedelta() <= self.clock() - asked.at < FRESH
