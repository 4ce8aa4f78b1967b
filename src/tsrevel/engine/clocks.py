"""Checks this machine's clock before a run decides on anything (DESIGN 4, Clocks)."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from tsrevel.clocks import KEEP_TIME, Skews, agree_that_it_is_wrong, is_far_off, judge_clock
from tsrevel.errors import CredentialsRefused, Refused, TryNextRun, WrongClock
from tsrevel.revel.client import Revel
from tsrevel.tripleseat.client import TripleSeat

log = logging.getLogger(__name__)


class ClockCheck:
    """The check for one run. It usually needs no request, because TripleSeat has answered already."""

    def __init__(self, tripleseat: TripleSeat, revel: Revel) -> None:
        self._tripleseat = tripleseat
        self._revel = revel
        self._warned = False

    def check(self) -> None:
        """Raises WrongClock if both services agree that this machine's clock is far off.

        Requests only the time, and only if a service calls our clock wrong, or if none has answered yet. It is asked
        again before that counts: the machine may have slept, with its monotonic clock, since it answered.
        """
        if not self._tripleseat.answered:
            _ask(self._revel)
            if not is_far_off(self._revel.skew):
                return
        elif not is_far_off(self._tripleseat.skew):
            return
        _ask_again(self._tripleseat)
        if not is_far_off(self._tripleseat.skew):
            return
        _ask(self._revel)
        if agree_that_it_is_wrong(self._skews):
            _ask_again(self._revel)
        told = judge_clock(self._skews)
        if told and agree_that_it_is_wrong(self._skews):
            text = f"this machine's clock is wrong: {told.text}. {KEEP_TIME} Nothing is written while it is wrong"
            raise WrongClock(text)
        if told and told.verdict == "wrong" and not self._warned:
            self._warned = True
            log.warning("no two services agree that this machine's clock is wrong, so it is used: %s", told.text)

    @property
    def _skews(self) -> Skews:
        return {"TripleSeat": self._tripleseat.skew, "Revel": self._revel.skew}

    def earliest(self, now: datetime) -> datetime:
        """`now`, or earlier if a service says that this machine's clock is far ahead and the other doesn't contradict.

        Use it to decide whether enough time has passed.
        """
        skews = [skew for skew in self._skews.values() if skew is not None]
        if not skews or not all(map(is_far_off, skews)):
            return now
        return now + timedelta(seconds=min(0.0, *skews))


def _ask(service: TripleSeat | Revel) -> None:
    """Get the service's time, if it hasn't answered yet."""
    if not service.answered:
        _ask_again(service)


def _ask_again(service: TripleSeat | Revel) -> None:
    """Get the service's time. A refusal shows it too."""
    try:
        service.ask_the_time()
    except (CredentialsRefused, Refused, TryNextRun) as error:
        log.info("a request for the time failed: %s", error)
