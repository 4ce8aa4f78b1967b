"""How old what was asked ahead of its turn may be when it is used."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

FRESH = timedelta(seconds=60)
"""How long an answer of a service may stand for what is there now."""


class Moment(NamedTuple):
    """When something was asked, by the clock and in seconds of the monotonic one."""

    at: datetime
    instant: float


class Freshness:
    """Tells by both clocks whether an answer is fresh: one may be set, the other may stand still in sleep."""

    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic

    def now(self) -> Moment:
        """When what is asked now will have been asked."""
        return Moment(self._clock(), self._monotonic())

    def is_fresh(self, asked: Moment) -> bool:
        """Whether no more than FRESH has passed since then."""
        aged = timedelta(seconds=self._monotonic() - asked.instant)
        return timedelta() <= aged < FRESH and timedelta() <= self._clock() - asked.at < FRESH
