"""Compares this machine's clock with the services', by the `Date` of their answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

WRONG_CLOCK, DOUBTFUL_CLOCK = 300, 30
"""`doctor` calls our clock wrong, or doubtful, if it differs from a service's by more seconds than this."""
STOPPING = 600
"""Runs write nothing if our clock differs from both services' by more seconds than this (DESIGN 4, Clocks)."""
AGREEMENT = 600
"""Seconds by which two services' clocks may differ and still agree: theirs needn't be exact either."""
KEEP_TIME = "Run `timedatectl set-ntp true`: runs decide by this clock which orders are due."

Skews = Mapping[str, float | None]
"""How many seconds each service's clock is ahead of ours; None if unknown."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant by a clock that may be set, and in seconds of the monotonic clock."""

    instant: datetime
    seconds: float

    def after(self, seconds: float) -> datetime:
        """The time by that clock at `seconds` of the monotonic clock, if nobody sets it."""
        return self.instant + timedelta(seconds=seconds - self.seconds)


@dataclass(frozen=True, slots=True)
class ClockVerdict:
    """`doctor`'s verdict on this machine's clock. `text` names the service that differs most."""

    verdict: Literal["right", "doubtful", "wrong"]
    text: str


def judge_clock(skews: Skews) -> ClockVerdict | None:
    """`doctor`'s verdict on this machine's clock; None if no service reported its time."""
    told = {service: skew for service, skew in skews.items() if skew is not None}
    if not told:
        return None
    service, skew = max(told.items(), key=lambda each: abs(each[1]))
    apart = round(abs(skew))
    if apart <= DOUBTFUL_CLOCK:
        return ClockVerdict("right", f"correct: at most {apart} s from {' and '.join(told)}")
    text = f"{apart} s {'behind' if skew > 0 else 'ahead of'} {service}'s (by the Date of its last answer)"
    return ClockVerdict("wrong" if apart > WRONG_CLOCK else "doubtful", text)


def is_far_off(skew: float | None) -> bool:
    """Whether this service's clock differs so far from ours that no run may trust ours."""
    return skew is not None and abs(skew) > STOPPING


def agree_that_it_is_wrong(skews: Skews) -> bool:
    """Whether several services reported their time, all far from ours and close to each other."""
    told = [skew for skew in skews.values() if skew is not None]
    return len(told) > 1 and all(map(is_far_off, told)) and max(told) - min(told) <= AGREEMENT
