"""A run: find events, decide on each in turn, keep to the limits, and account for every one of them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tsrevel.engine.ahead import LookAhead
from tsrevel.engine.catalogues import Catalogues
from tsrevel.engine.decide import Decider
from tsrevel.engine.ending import end_reason, exit_status
from tsrevel.engine.find import (
    Candidate,
    EventUnavailable,
    Named,
    Pending,
    Window,
    find_events,
    name_event,
    told_by_tripleseat,
)
from tsrevel.engine.report import Outcome, Report, describe, not_written, with_order
from tsrevel.engine.saga import Saga
from tsrevel.engine.watch import Watch
from tsrevel.errors import (
    LedgerUnusable,
    OutcomeUnknown,
    Refused,
    ServiceDown,
    StopRun,
    TryNextRun,
)
from tsrevel.gate import WriteGate
from tsrevel.ledger import Ledger, Pause, RunMode, RunRecord, Seen
from tsrevel.planning.model import Event, EventId, Policy, Skip
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screen import find_location
from tsrevel.revel.client import Revel
from tsrevel.tripleseat.client import TripleSeat

log = logging.getLogger(__name__)

PATIENCE = 3
"""So many events in a row that fail because a service is down end the run: the rest would fail alike."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may do at most."""

    max_orders: int
    deadline: timedelta


@dataclass(slots=True)
class Engine:
    """Everything a run needs, ready to use. One engine makes one run."""

    tripleseat: TripleSeat
    revel: Revel
    ledger: Ledger
    policy: Policy
    gate: WriteGate
    limits: Limits
    run_id: str
    correlation_id: str
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    monotonic: Callable[[], float]
    catalogues: Catalogues
    progress: Progress = lambda _done, _of: None
    _begun: Callable[[], int] = field(default=lambda: 0, init=False)
    _planned: int = field(default=0, init=False)
    _wholes: dict[EventId, Event] = field(default_factory=dict, init=False)
    _met: dict[EventId, Candidate] = field(default_factory=dict, init=False)
    _after_report: list[Callable[[], None]] = field(default_factory=list, init=False)
    _paused: Pause | None = field(default=None, init=False)
    _started_at: datetime = field(init=False)

    def sync(self, window: Window) -> Report:
        """List the events in the window, and inject what is due."""
        whole = window.first is None and window.last is None and not self.policy.only
        return self._run(
            "bulk", lambda: find_events(self.tripleseat, self.ledger, self.policy, self.clock(), window), whole=whole
        )

    def sync_events(self, event_ids: Sequence[EventId], *, ignore_time_gate: bool = False) -> Report:
        """The same for named events, fetched one by one."""
        named = tuple(dict.fromkeys(event_ids))
        return self._run(
            "single", lambda: [name_event(self.tripleseat, each) for each in named], ignore_time_gate=ignore_time_gate
        )

    def take_up(self, events: Sequence[Named]) -> Report:
        """The same for events that came in another way."""
        return self._run("single", lambda: list(events))

    def again(self, run_id: str) -> Engine:
        """An engine for a further run of the same invocation: it has what this one's run has left of the limits."""
        orders, time = self.limits.max_orders - self._begun(), self.limits.deadline - (self.clock() - self._started_at)
        left = Limits(max(orders, 0), max(time, timedelta()))
        return replace(self, run_id=run_id, limits=left)

    def _run(
        self,
        mode: RunMode,
        find: Callable[[], list[Pending]],
        *,
        whole: bool = False,
        ignore_time_gate: bool = False,
    ) -> Report:
        self._started_at = self.clock()
        run = RunRecord(self.run_id, self.correlation_id, mode, self.gate.dry_run, self._started_at, whole=whole)
        self.ledger.begin_run(run)
        outcomes, stop = self._find_and_decide(find, ignore_time_gate=ignore_time_gate)
        try:
            if mode == "bulk" and stop is None:
                outcomes = self._watch(outcomes)
            outcomes = self._see(outcomes) if not isinstance(stop, LedgerUnusable) else outcomes
        except LedgerUnusable as error:
            stop = error
        report = Report(
            self.run_id,
            self.correlation_id,
            mode,
            self.gate.dry_run,
            tuple(outcomes),
            exit_status=exit_status(outcomes, stop),
        )
        if self._paused:
            report = replace(report, reason=Reason.CONNECTOR_DISABLED, paused=self._paused)
        if stop:
            report = replace(report, reason=end_reason(stop), error=str(stop))
        if not isinstance(stop, LedgerUnusable):
            report = self._close(report)
        return report

    def _find_and_decide(
        self, find: Callable[[], list[Pending]], *, ignore_time_gate: bool
    ) -> tuple[list[Outcome], StopRun | None]:
        """All outcomes, and what ended the run early. Orders begun are finished even where nothing can be listed."""
        try:
            pending = [] if self._is_paused() else find()
            return self._decide_all(pending, ignore_time_gate=ignore_time_gate)
        except ServiceDown as down:
            outcomes, stop = self._decide_all(list(self.ledger.unfinished()), ignore_time_gate=ignore_time_gate)
            return outcomes, stop or down
        except StopRun as error:
            return [], error

    def _close(self, report: Report) -> Report:
        """Store how the run ended. A ledger that fails now doesn't take back what was written, nor the report of it."""
        try:
            self.ledger.finish_run(self.run_id, exit_status=report.exit_status, summary=report.summary)
            for store in self._after_report:
                store()
        except LedgerUnusable as error:
            return replace(report, error=str(error), exit_status=error.exit_status)
        return report

    def _decide_all(self, pending: list[Pending], *, ignore_time_gate: bool) -> tuple[list[Outcome], StopRun | None]:
        decider = self._decider(
            [_event_id(each) for each in pending if isinstance(each, Candidate | Named | Outcome)], ignore_time_gate
        )
        listed = {each.event.id: each for each in pending if isinstance(each, Candidate)}
        self._met |= listed
        decider.expect(each.event for each in listed.values())
        outcomes: list[Outcome] = []
        stop: StopRun | None = None
        in_a_row = 0
        for each in pending:
            try:
                outcome = self._left(each, stop) if stop else self._take_turn(decider, each)
            except StopRun as error:
                stop = error
                outcome = self._interrupted(each, stop)
            outcomes.append(outcome)
            in_a_row = in_a_row + 1 if outcome.down else 0
            if in_a_row == PATIENCE and stop is None:
                stop = ServiceDown(f"{PATIENCE} events in a row failed: {outcome.text}")
            self._note(outcome, len(outcomes), len(pending))
        return outcomes, stop

    def _decider(self, event_ids: list[EventId], ignore_time_gate: bool) -> Decider:
        saga = Saga(self.revel, self.ledger, self.run_id, self.clock, self.sleep)
        self._begun = lambda: saga.begun + self._planned
        return Decider(
            catalogues=self.catalogues,
            ledger=self.ledger,
            saga=saga,
            ahead=LookAhead(self.revel, self.clock, self.monotonic),
            policy=self.policy,
            gate=self.gate,
            run_id=self.run_id,
            clock=self.clock,
            after_report=self._after_report.append,
            may_begin=lambda: self._limit_reached(self._begun()),
            overtime=self._overtime,
            new_ledger=self.ledger.last_good_run() is None,
            ignore_time_gate=ignore_time_gate,
            records=self.ledger.orders(event_ids),
            sightings=self.ledger.sightings(event_ids),
            resolutions=self.ledger.resolutions(event_ids),
            wholes=self._wholes,
        )

    def _limit_reached(self, begun: int) -> str | None:
        if begun >= self.limits.max_orders:
            return "as many orders were begun as one run may begin; the next one goes on"
        return None

    def _overtime(self) -> str | None:
        if self.clock() - self._started_at >= self.limits.deadline:
            return f"the run has lasted {self.limits.deadline}; the next one goes on"
        return None

    def _take_turn(self, decider: Decider, each: Pending) -> Outcome:
        """The outcome for one event, which is left for a later run where a person has paused them all meanwhile."""
        if self._is_paused() and not isinstance(each, Outcome):
            left = Skip(Reason.CONNECTOR_DISABLED, str(self._paused))
            return not_written(self._about(each), left)
        return self._decide(decider, each)

    def _is_paused(self) -> bool:
        """Whether a person has paused all runs; then this one won't count as one that saw every event."""
        if self._paused is None:
            self._paused = self.ledger.paused()
            if self._paused:
                self.ledger.leave_out(self.run_id)
        return self._paused is not None

    def _watch(self, outcomes: list[Outcome]) -> list[Outcome]:
        """The outcomes, with what stations have changed of finished orders; not where Revel or time is short."""
        if self._paused or self._overtime() or any(each.down for each in outcomes):
            return outcomes
        watch = Watch(self.revel, self.ledger, self.gate, self.run_id, self.clock(), self._after_report.append)
        return watch.look(outcomes)

    def _decide(self, decider: Decider, each: Pending) -> Outcome:
        """The outcome for one event, whatever goes wrong with it alone. StopRun passes through."""
        try:
            return self._settle_pending(decider, each)
        except EventUnavailable as verdict:
            return replace(self._known(each), status=verdict.status, reason=verdict.reason, text=str(verdict))
        except OutcomeUnknown as error:
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
            log.error("event %s: %s", _event_id(each), text)  # noqa: TRY400 (an exception's own text may quote data)
            return self._failed(each, None, text)

    def _failed(self, each: Pending, reason: Reason | None, text: str) -> Outcome:
        """The failure of one event, with what the ledger knows of its order: some of it may be written."""
        return _fail(self._known(each), reason, text)

    def _known(self, each: Pending) -> Outcome:
        record = self.ledger.order(_event_id(each))
        return with_order(self._about(each), record) if record else self._about(each)

    def _about(self, each: Pending) -> Outcome:
        if isinstance(each, Candidate):
            return describe(each.event, find_location(each.event, self.policy))
        return Outcome(each.event_id, Status.FAILED)

    def _interrupted(self, each: Pending, stop: StopRun) -> Outcome:
        """The event at which the run stopped: part of its order may be written."""
        if isinstance(stop, LedgerUnusable):
            return self._left(each, stop)
        return self._failed(each, end_reason(stop), f"the run stopped at this event: {stop}")

    def _left(self, each: Pending, stop: StopRun) -> Outcome:
        """An event that the run didn't come to: it fails with the run's reason, so that nobody takes it for done."""
        if isinstance(each, Outcome):
            return each
        return _fail(self._about(each), end_reason(stop), f"the run stopped before: {stop}")

    def _settle_pending(self, decider: Decider, each: Pending) -> Outcome:
        if isinstance(each, Outcome):
            return decider.pass_on(each)
        if isinstance(each, Candidate):
            return decider.decide(each)
        if isinstance(each, Named):
            with told_by_tripleseat():
                found = self._met[each.event_id] = each.find()
            return decider.decide(found)
        finished = decider.take_up_unlisted(each)
        return finished or self._settle_pending(decider, name_event(self.tripleseat, each.event_id))

    def _note(self, outcome: Outcome, done: int, of: int) -> None:
        self._planned += outcome.status is Status.PLANNED
        log.info("event %s: %s %s %s", outcome.event_id, outcome.status, outcome.reason or "", outcome.text)
        self.progress(done, of)

    def _see(self, outcomes: list[Outcome]) -> list[Outcome]:
        """The outcomes, with what a person hasn't been told yet marked as news, and remembered as told."""
        if self.gate.dry_run:
            fresh = frozenset(each.event_id for each in outcomes)
        else:
            fresh = self.ledger.see_many(self.run_id, [self._seen(each) for each in outcomes])
        told = [replace(each, fresh=each.event_id in fresh) for each in outcomes]
        return [replace(each, news=each.news or _is_news(each)) for each in told]

    def _seen(self, outcome: Outcome) -> Seen:
        """What the ledger keeps of it."""
        met, whole = self._met.get(outcome.event_id), self._wholes.get(outcome.event_id)
        latest = whole or (met.event if met else None)
        return Seen(
            outcome.event_id,
            outcome.day,
            outcome.status,
            outcome.reason,
            outcome.text,
            met.digest if met else None,
            outcome.missed,
            updated=latest.updated if latest else None,
            order_id=outcome.order_id,
            event=whole,
            location=outcome.location,
        )


def _is_news(outcome: Outcome) -> bool:
    """Errors are told in every run, and so are alarms; what is held or planned, when it is new or has changed."""
    if outcome.status is Status.FAILED or outcome.alarm:
        return True
    return outcome.fresh and outcome.status in {Status.HELD, Status.PLANNED}


def _event_id(each: Pending) -> EventId:
    return each.event.id if isinstance(each, Candidate) else each.event_id


def _fail(about: Outcome, reason: Reason | None, text: str) -> Outcome:
    return replace(about, status=Status.FAILED, reason=reason, text=text)
