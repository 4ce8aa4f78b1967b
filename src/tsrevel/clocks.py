"""This machine's clock against the services', by the `Date` of their answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

WRONG_CLOCK, DOUBTFUL_CLOCK = 300, 30
"""Seconds that a service's clock and ours may be apart before `doctor` calls ours wrong, or doubtful."""
STOPPING = 600
"""Seconds from which on a run writes nothing, if both services say so (DESIGN 4, Clocks)."""
AGREEMENT = 600
"""Seconds that two services' clocks may differ and still agree, as ours may: theirs needn't be exact either."""
KEEP_TIME = "Run `timedatectl set-ntp true`: runs decide by this clock which orders are due."

Skews = Mapping[str, float | None]
"""By how many seconds each service's clock is ahead of ours; None where it hasn't said."""


@dataclass(frozen=True, slots=True)
class ClockVerdict:
    """What the services' clocks say of ours, in `doctor`'s words. `text` names the service that differs most."""

    verdict: Literal["right", "doubtful", "wrong"]
    text: str


def judge_clock(skews: Skews) -> ClockVerdict | None:
    """What `doctor` says of this machine's clock; None where no service told its time."""
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
    """Whether this service alone would have it that no run may trust this machine's clock."""
    return skew is not None and abs(skew) > STOPPING


def agree_that_it_is_wrong(skews: Skews) -> bool:
    """Whether several services told their time, all of them far from ours, and near each other's."""
    told = [skew for skew in skews.values() if skew is not None]
    return len(told) > 1 and all(map(is_far_off, told)) and max(told) - min(told) <= AGREEMENT
