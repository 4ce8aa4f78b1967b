"""The turns of a run's events: one at a time at each establishment, several establishments at a time."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

from tsrevel.engine.allowance import Allowance
from tsrevel.engine.clocks import ClockCheck
from tsrevel.engine.decide import Decider
from tsrevel.engine.ending import end_reason
from tsrevel.engine.find import Candidate, EventUnavailable, Named, Pending, name_event, told_by_tripleseat
from tsrevel.engine.lanes import in_lanes
from tsrevel.engine.report import Outcome, describe, not_written, with_order
from tsrevel.errors import LedgerUnusable, OutcomeUnknown, Refused, ServiceDown, StopRun, TryNextRun, WrongClock
from tsrevel.ledger import Ledger, Pause
from tsrevel.planning.model import EventId, Policy, Skip
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screen import find_location
from tsrevel.tripleseat.client import TripleSeat

log = logging.getLogger(__name__)

PATIENCE = 3
"""So many events in a row that fail because a service is down end the run: the rest would fail alike."""

Progress = Callable[[int, int], None]


@dataclass(slots=True, eq=False, repr=False)
class Turns:
    """Takes the turns of one run's events. `met` collects the events that were met by name alone.

    `workers` establishments at most are worked at at a time. `halt` lets no further request go out: it is called where
    the run is interrupted while other threads are at work.
    """

    decider: Decider
    tripleseat: TripleSeat
    clocks: ClockCheck
    ledger: Ledger
    policy: Policy
    allowance: Allowance
    workers: int
    find_pause: Callable[[], Pause | None]
    halt: Callable[[], None]
    progress: Progress
    met: dict[EventId, Candidate]
    _stop: StopRun | None = field(default=None, init=False)
    _in_a_row: int = field(default=0, init=False)
    _looking_for_pause: threading.Lock = field(default_factory=threading.Lock, init=False)

    def take_all(self, pending: Sequence[Pending]) -> tuple[list[Outcome], StopRun | None]:
        """The outcomes of all, in the order of `pending`, and what ended the run early.

        Where that is WrongClock, nothing is told of an event that the run hadn't decided on: by which clock?
        """
        outcomes: dict[int, Outcome] = {}

        def note(at: int, outcome: Outcome) -> None:
            outcomes[at] = outcome
            log.info("event %s: %s %s %s", outcome.event_id, outcome.status, outcome.reason or "", outcome.text)
            self.progress(len(outcomes), len(pending))

        for lanes in self._share_out(pending):
            with in_lanes(
                lanes, lambda at: self._take(pending[at]), self.workers, go_on=self._goes_on, abandon=self.halt
            ) as done:
                for at, outcome in done:
                    if outcome:
                        note(at, outcome)
                        self._lose_patience(outcome)
        for at, each in enumerate(pending):
            if at not in outcomes and self._stop and not isinstance(self._stop, WrongClock):
                note(at, self._left(each, self._stop))
        return [outcomes[at] for at in sorted(outcomes)], self._stop

    def _share_out(self, pending: Sequence[Pending]) -> list[list[list[int]]]:
        """The positions of `pending` in lanes, in groups that follow each other.

        First a lane for each establishment, then, when all of those are done, one with whatever may lead to any.
        """
        everything = list(range(len(pending)))
        if self.workers == 1:
            return [[everything]]
        lanes: defaultdict[Hashable, list[int]] = defaultdict(list)
        for at in everything:
            lanes[self._establishment(pending[at])].append(at)
        rest = lanes.pop(None, [])
        return [list(lanes.values()), [rest]]

    def _establishment(self, each: Pending) -> int | None:
        """Where all that may be written for it is written; None where that can't be told, or isn't one place."""
        if not isinstance(each, Candidate):
            return None
        location = find_location(each.event, self.policy)
        record = self.decider.records.get(each.event.id)
        if record and record.state not in {"settled", "foreign"}:
            begun = record.plan.location.establishment if record.plan else None
            return begun if location and location.establishment == begun else None
        return location.establishment if location else None

    def _goes_on(self) -> bool:
        return self._stop is None

    def _lose_patience(self, outcome: Outcome) -> None:
        self._in_a_row = self._in_a_row + 1 if outcome.down else 0
        if self._in_a_row == PATIENCE and self._stop is None:
            self._stop = ServiceDown(f"{PATIENCE} events in a row failed: {outcome.text}")

    def _take(self, each: Pending) -> Outcome | None:
        """The outcome for one event, which is left for a later run where a person has paused them all meanwhile.

        None where it turns out at this event that the clock is wrong.
        """
        event_id = id_of(each)
        try:
            with self._looking_for_pause:
                pause = self.find_pause()
            if pause and not isinstance(each, Outcome):
                left = not_written(self.about(each), Skip(Reason.CONNECTOR_DISABLED, str(pause)))
                return replace(left, looked_into=False)
            outcome = self.decide(each)
            if outcome.status is Status.PLANNED:
                self.allowance.count(event_id)
        except StopRun as stop:
            self._stop = self._stop or stop
            return None if isinstance(stop, WrongClock) else self.interrupted(each, stop)
        else:
            return outcome
        finally:
            self.allowance.settle(event_id)
            self.decider.forget(event_id)

    def decide(self, each: Pending) -> Outcome:
        """The outcome for one event, whatever goes wrong with it alone. Raises StopRun."""
        try:
            return self._settle(each)
        except EventUnavailable as verdict:
            return replace(self._known(each), status=verdict.status, reason=verdict.reason, text=str(verdict))
        except OutcomeUnknown as error:
            self.decider.in_doubt.add(id_of(each))
            return self._failed(each, Reason.OUTCOME_UNKNOWN, str(error))
        except TryNextRun as error:
            return replace(self._failed(each, Reason.UPSTREAM_UNAVAILABLE, str(error)), down=True)
        except Refused as error:
            return self._failed(each, Reason.UPSTREAM_UNAVAILABLE, str(error))
        except StopRun:
            raise
        except Exception as error:  # noqa: BLE001 (a fault of ours must not keep the other events waiting)
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"a fault in tsrevel: {type(error).__name__} in {where.name}, line {where.lineno}; please report it"
            log.error("event %s: %s", id_of(each), text)  # noqa: TRY400 (an exception's own text may quote data)
            return self._failed(each, None, text)

    def interrupted(self, each: Pending, stop: StopRun) -> Outcome:
        """The event at which the run stopped: part of its order may be written."""
        if isinstance(stop, LedgerUnusable):
            return self._left(each, stop)
        return self._failed(each, end_reason(stop), f"the run stopped at this event: {stop}")

    def about(self, each: Pending) -> Outcome:
        """The event's name, day and place, as far as they are known."""
        if isinstance(each, Candidate):
            return describe(each.event, find_location(each.event, self.policy))
        sighting = self.decider.sightings.get(each.event_id)
        day, location = (sighting.day, sighting.location) if sighting else (None, "")
        return Outcome(each.event_id, Status.FAILED, day=day, location=location)

    def _settle(self, each: Pending) -> Outcome:
        if isinstance(each, Outcome):
            return self.decider.pass_on(each)
        if isinstance(each, Candidate):
            return self.decider.decide(each)
        late = self.decider.overtime()
        if late:  # each of these costs requests: a booking may have thousands of events
            left = not_written(self._known(each), Skip(Reason.RUN_LIMIT_REACHED, late))
            return replace(left, looked_into=False)
        if isinstance(each, Named):
            with told_by_tripleseat():
                found = self.met[each.event_id] = each.find()
            if self.tripleseat.answered:  # else the decider sees to it, once anything depends on the clock
                self.clocks.check()
            return self.decider.decide(found)
        finished = self.decider.take_up_unlisted(each)
        return finished or self._settle(name_event(self.tripleseat, each.event_id))

    def _failed(self, each: Pending, reason: Reason | None, text: str) -> Outcome:
        """The failure of one event, with what the ledger knows of its order: some of it may be written."""
        return _fail(self._known(each), reason, text)

    def _known(self, each: Pending) -> Outcome:
        record = self.ledger.order(id_of(each))
        return with_order(self.about(each), record) if record else self.about(each)

    def _left(self, each: Pending, stop: StopRun) -> Outcome:
        """An event that the run didn't come to: it fails with the run's reason, so that nobody takes it for done."""
        if isinstance(each, Outcome):
            return each
        left = _fail(self.about(each), end_reason(stop), f"the run stopped before: {stop}")
        return replace(left, looked_into=False)


def id_of(each: Pending) -> EventId:
    """The id of the event that it is about."""
    return each.event.id if isinstance(each, Candidate) else each.event_id


def _fail(about: Outcome, reason: Reason | None, text: str) -> Outcome:
    return replace(about, status=Status.FAILED, reason=reason, text=text)
