"""Before a run decides on anything: is this machine's clock to be believed? (DESIGN 4, Clocks)"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from tsrevel.clocks import KEEP_TIME, agree_that_it_is_wrong, is_far_off, judge_clock
from tsrevel.errors import CredentialsRefused, Refused, TryNextRun, WrongClock
from tsrevel.revel.client import Revel
from tsrevel.tripleseat.client import TripleSeat

log = logging.getLogger(__name__)


class ClockCheck:
    """The check, for one run. As a rule TripleSeat has answered already, and what it said is all that is needed."""

    def __init__(self, tripleseat: TripleSeat, revel: Revel) -> None:
        self._tripleseat = tripleseat
        self._revel = revel
        self._warned = False

    def check(self) -> None:
        """Raises WrongClock where both services agree that this machine's clock is far off.

        A service is asked for its time alone only where the other one says that ours is wrong, or none was asked yet.
        """
        if not self._tripleseat.answered:
            _ask(self._revel)
            if not is_far_off(self._revel.skew):
                return
        _ask(self._tripleseat)
        if not is_far_off(self._tripleseat.skew):
            return
        _ask(self._revel)
        skews = {"TripleSeat": self._tripleseat.skew, "Revel": self._revel.skew}
        told = judge_clock(skews)
        if told and agree_that_it_is_wrong(skews):
            raise WrongClock(f"this machine's clock is wrong: {told.text}. {KEEP_TIME} Nothing was written")
        if told and not self._warned:
            self._warned = True
            log.warning("TripleSeat and Revel don't tell the same time, so this machine's counts: %s", told.text)

    def earliest(self, now: datetime) -> datetime:
        """The earliest time that it may be, where this machine's clock says `now`.

        That is earlier only where a service says that this clock is far ahead, and the other one doesn't contradict it:
        then nothing may be done yet that waits for time to pass.
        """
        skews = [skew for skew in (self._tripleseat.skew, self._revel.skew) if skew is not None]
        if not skews or not all(map(is_far_off, skews)):
            return now
        return now + timedelta(seconds=min(0.0, *skews))


def _ask(service: TripleSeat | Revel) -> None:
    """Have the service tell its time, if it hasn't answered yet; a refusal tells it just as well."""
    if service.answered:
        return
    try:
        service.ask_the_time()
    except (CredentialsRefused, Refused, TryNextRun) as error:
        log.info("the time was asked for: %s", error)
