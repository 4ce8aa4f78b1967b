"""A run: find events, decide on each in turn, keep to the limits, and account for every one of them."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from tsrevel.deadline import Deadline
from tsrevel.engine.ahead import LookAhead
from tsrevel.engine.allowance import Allowance
from tsrevel.engine.catalogues import Catalogues
from tsrevel.engine.clocks import ClockCheck
from tsrevel.engine.decide import Decider
from tsrevel.engine.ending import end_reason, exit_status
from tsrevel.engine.find import Candidate, Named, Pending, Window, find_events, name_event
from tsrevel.engine.freshness import Freshness
from tsrevel.engine.patience import Patience
from tsrevel.engine.report import Outcome, Report
from tsrevel.engine.saga import Saga
from tsrevel.engine.steps import ITEMS_AT_ONCE, Steps
from tsrevel.engine.turns import Progress, Turns, id_of
from tsrevel.engine.watch import Watch
from tsrevel.errors import LedgerUnusable, ServiceDown, StopRun, WrongClock
from tsrevel.gate import WriteGate
from tsrevel.ledger import ContentHashes, Ledger, Pause, RunMode, RunRecord, Seen
from tsrevel.planning.model import Event, EventId, Policy
from tsrevel.planning.reasons import Reason, Status
from tsrevel.revel.client import Revel
from tsrevel.tripleseat.client import TripleSeat

log = logging.getLogger(__name__)

_LEDGER_WAS_LOST = (
    "the ledger {path} is new, but Revel holds orders that tsrevel made before: an earlier ledger is lost. No order is "
    "doubled, for Revel is looked up first. A pause, and what people resolved, are forgotten: restore the backup, or "
    "pause and resolve again"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may do at most. `workers`: establishments that it works at at a time."""

    max_orders: int
    deadline: Deadline
    workers: int = 1


@dataclass(slots=True, eq=False, repr=False)
class Engine:
    """Everything a run needs, ready to use. One engine makes one run. `halt` lets no further request go out.

    `in_doubt` are the events of this invocation whose writes have an unknown outcome: they aren't tried again in it.
    """

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
    halt: Callable[[], None] = lambda: None
    in_doubt: set[EventId] = field(default_factory=set)
    _allowance: Allowance = field(init=False)
    _wholes: dict[EventId, Event] = field(default_factory=dict, init=False)
    _met: dict[EventId, Candidate] = field(default_factory=dict, init=False)
    _after_report: list[Callable[[], None]] = field(default_factory=list, init=False)
    _paused: Pause | None = field(default=None, init=False)
    _started_at: datetime = field(init=False)
    _clocks: ClockCheck = field(init=False)
    _unlisted: frozenset[EventId] = field(default=frozenset(), init=False)
    _days: tuple[date, date] | None = field(default=None, init=False)
    _warnings: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._clocks = ClockCheck(self.tripleseat, self.revel)

    def sync(self, window: Window) -> Report:
        """List the events in the window, and inject what is due."""
        whole = window.first is None and window.last is None and not self.policy.only
        return self._run("bulk", lambda: self._list(window), whole=whole)

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
        return dataclasses.replace(self, run_id=run_id, limits=replace(self.limits, max_orders=self._allowance.left))

    def _run(
        self,
        mode: RunMode,
        find: Callable[[], list[Pending]],
        *,
        whole: bool = False,
        ignore_time_gate: bool = False,
    ) -> Report:
        self._started_at, self._allowance = self.clock(), Allowance(self.limits.max_orders)
        run = RunRecord(self.run_id, self.correlation_id, mode, self.gate.dry_run, self._started_at, whole=whole)
        begins_anew = mode == "bulk" and not self.gate.dry_run and not self.ledger.knows_live_runs()
        self.ledger.begin_run(run)
        outcomes, stop = self._find_and_decide(find, ignore_time_gate=ignore_time_gate)
        if begins_anew and any(each.reason is Reason.ALREADY_INJECTED for each in outcomes):
            self._warn(_LEDGER_WAS_LOST.format(path=self.ledger.path))
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
            warnings=(*self.tripleseat.strays.values(), *self._warnings),
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
            pending = [] if self._find_pause() else find()
            return self._decide_all(pending, ignore_time_gate=ignore_time_gate)
        except ServiceDown as down:
            return self._finish_begun(down)
        except StopRun as error:
            return [], error

    def _finish_begun(self, down: ServiceDown) -> tuple[list[Outcome], StopRun]:
        begun = self.ledger.unfinished()
        try:
            if begun:
                self._clocks.check()
        except WrongClock as error:
            return [], error
        outcomes, stop = self._decide_all(list(begun), ignore_time_gate=False)
        return outcomes, stop or down

    def _close(self, report: Report) -> Report:
        """Store how the run ended. A ledger that fails now doesn't take back what was written, nor the report of it."""
        try:
            self.ledger.finish_run(self.run_id, exit_status=report.exit_status, summary=report.summary)
            for store in self._after_report:
                store()
        except LedgerUnusable as error:
            return replace(report, error=str(error), exit_status=error.exit_status)
        return report

    def _list(self, window: Window) -> list[Pending]:
        found = find_events(self.tripleseat, self.ledger, self.policy, self.clock(), window, self._clocks)
        self._days, self._unlisted = found.days, found.unlisted
        if found.left:
            more = f"the listing lacks {found.left} more events that are known to be due"
            self._warn(f"TripleSeat: {more}; the next run looks for them")
        return found.pending

    def _warn(self, text: str) -> None:
        """Tell what no event's outcome tells."""
        self._warnings.append(text)
        log.warning("%s", text)

    def _decide_all(self, pending: list[Pending], *, ignore_time_gate: bool) -> tuple[list[Outcome], StopRun | None]:
        turns = self._turns(
            [id_of(each) for each in pending if isinstance(each, Candidate | Named | Outcome)], ignore_time_gate
        )
        listed = {each.event.id: each for each in pending if isinstance(each, Candidate)}
        self._met |= listed
        turns.decider.expect(listed.values())
        return turns.take_all(pending)

    def _turns(self, event_ids: list[EventId], ignore_time_gate: bool) -> Turns:
        return Turns(
            decider=self._decider(event_ids, ignore_time_gate),
            tripleseat=self.tripleseat,
            clocks=self._clocks,
            ledger=self.ledger,
            policy=self.policy,
            allowance=self._allowance,
            workers=self.limits.workers,
            find_pause=self._find_pause,
            halt=self.halt,
            progress=self.progress,
            met=self._met,
        )

    def _decider(self, event_ids: list[EventId], ignore_time_gate: bool) -> Decider:
        freshness = Freshness(self.clock, self.monotonic)
        return Decider(
            catalogues=self.catalogues,
            ledger=self.ledger,
            saga=self._saga(),
            ahead=LookAhead(self.revel, freshness),
            freshness=freshness,
            policy=self.policy,
            gate=self.gate,
            run_id=self.run_id,
            clocks=self._clocks,
            clock=self.clock,
            after_report=self._after_report.append,
            may_begin=self._allowance.reserve,
            overtime=self._overtime,
            new_ledger=self.ledger.last_good_run() is None,
            ignore_time_gate=ignore_time_gate,
            records=self.ledger.orders(event_ids),
            sightings=self.ledger.sightings(event_ids),
            resolutions=self.ledger.resolutions(event_ids),
            contents=self._contents(event_ids),
            wholes=self._wholes,
            in_doubt=self.in_doubt,
            at_once=self.limits.workers,
            halt=self.halt,
        )

    def _contents(self, event_ids: Sequence[EventId]) -> dict[EventId, ContentHashes]:
        """What the orders of these events were made of, and what they were last compared with."""
        return self.ledger.contents_of(event_ids)

    def _saga(self) -> Saga:
        at_once = min(self.limits.workers, ITEMS_AT_ONCE)
        patience = self._patience()
        steps = Steps(self.revel, self.ledger, self.run_id, patience, self.halt, at_once)
        return Saga(self.revel, self.ledger, steps, self.run_id, self.clock, patience, self._allowance.count)

    def _patience(self) -> Patience:
        return Patience(self.sleep, self.limits.deadline)

    def _overtime(self) -> str | None:
        if self.limits.deadline.is_near:
            return f"the run's time is up (sync.deadline_minutes: {self.limits.deadline.length}); the next one goes on"
        return None

    def _find_pause(self) -> Pause | None:
        """The pause of all runs, where a person wants one; then this one won't count as one that saw every event."""
        if self._paused is None:
            self._paused = self.ledger.paused()
            if self._paused:
                self.ledger.leave_out(self.run_id)
        return self._paused

    def _watch(self, outcomes: list[Outcome]) -> list[Outcome]:
        """The outcomes, with what stations have changed of finished orders; not where Revel or time is short."""
        if self._paused or self._overtime() or any(each.down for each in outcomes):
            return outcomes
        watch = Watch(self.revel, self.ledger, self.gate, self.run_id, self.clock(), self._after_report.append)
        return watch.look(outcomes)

    def _see(self, outcomes: list[Outcome]) -> list[Outcome]:
        """The outcomes, with what a person hasn't been told yet marked as news, and remembered as told.

        What is known of events outside this run's places stands. A dry run remembers apart what it has told.
        """
        seen = [self._seen(each) for each in outcomes if not self._is_outside(each)]
        self._tell_lacking(seen)
        fresh = self.ledger.see_dry(self.run_id, seen) if self.gate.dry_run else self.ledger.see_many(self.run_id, seen)
        told = [replace(each, fresh=each.event_id in fresh) for each in outcomes]
        if self.gate.dry_run:
            told = [replace(each, news=each.news and each.fresh, missed=each.missed and each.fresh) for each in told]
        return [replace(each, news=each.news or self._is_news(each)) for each in told]

    def _is_outside(self, outcome: Outcome) -> bool:
        """Whether it is at a place that this run leaves out (`--location`)."""
        left_out = outcome.status is Status.SKIPPED and outcome.reason is Reason.LOCATION_NOT_ALLOWED
        return left_out and bool(self.policy.only)

    def _is_news(self, outcome: Outcome) -> bool:
        """Errors are told in every run, and so are alarms; what is held or planned, when it is new or has changed.

        So is an event that the listing lacked because it was deleted.
        """
        if outcome.status is Status.FAILED or outcome.alarm:
            return True
        is_gone = outcome.reason is Reason.EVENT_DELETED and outcome.event_id in self._unlisted
        return outcome.fresh and (is_gone or outcome.status in {Status.HELD, Status.PLANNED})

    def _is_lacking(self, event: Event | None) -> bool:
        """Whether TripleSeat has the event, on a day that it was asked for, and yet didn't list it."""
        if event is None or event.deleted or event.day is None or self._days is None:
            return False
        return event.id in self._unlisted and self._days[0] <= event.day <= self._days[1]

    def _tell_lacking(self, seen: Sequence[Seen]) -> None:
        """Say once of each such event that it was found by its id alone."""
        lacking = [each for each in seen if each.unlisted]
        known = self.ledger.sightings(each.event_id for each in lacking)
        for each in lacking:
            if each.event_id not in known or known[each.event_id].unlisted_at is None:
                where = f"{each.location} {each.day or ''}".strip()
                lacks = f"the listing lacks event {each.event_id} ({where})"
                self._warn(f"TripleSeat: {lacks}; it is there, and was asked for by its id")

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
            news=outcome.news,
            unlisted=self._is_lacking(latest),
            looked_into=outcome.looked_into,
        )
