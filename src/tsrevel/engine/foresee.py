"""What the next live run would make of an event: the very same code, up to its first write.

Its ledger is a copy of what the real one knows of the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tsrevel.engine.allowance import Allowance
from tsrevel.engine.find import NOT_FOUND, Candidate, Named
from tsrevel.engine.patience import Patience
from tsrevel.engine.report import Outcome, not_written, planned
from tsrevel.engine.run import Engine
from tsrevel.engine.turns import Turns
from tsrevel.engine.watch import Watch
from tsrevel.errors import Refused, StopRun, TryNextRun, WriteForbidden
from tsrevel.ledger import ContentHashes, OrderRecord, RunRecord, Sighting
from tsrevel.planning.model import Event, EventId, Skip
from tsrevel.planning.reasons import Reason, Status


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The outcome, the event as far as TripleSeat showed it, and what stopped the look (a service down, a key refused).

    Where something would be written, the outcome is `planned` and `record` holds the claimed plan. `absent`: TripleSeat
    answered that it has no such event.
    """

    outcome: Outcome
    event: Event | None
    record: OrderRecord | None
    stop: StopRun | None
    absent: bool = False


class Foresight(Engine):
    """An engine that only looks: its ledger is a copy that is thrown away, and its Revel lets no write pass."""

    def foresee(self, event_id: EventId) -> Foreseen:
        """What would become of the event now. Whatever was told of it already is told again: that is what is asked."""
        self._started_at, self._absent = self.clock(), set[EventId]()
        known = self.ledger.sightings([event_id]).get(event_id)
        self._limit_again(known)
        self._allowance = Allowance(self.limits.max_orders)
        self.ledger.begin_run(RunRecord(self.run_id, self.correlation_id, "single", False, self._started_at))
        turns = self._turns([event_id], ignore_time_gate=False)
        records = turns.decider.records
        turns.decider.records = {each: _as_never_told(record) for each, record in records.items()}
        outcome, stop = self._look(turns, event_id)
        record = self.ledger.order(event_id)
        if record and record.state == "settled" and outcome.status is Status.SKIPPED:
            glance = Glance(self.revel, self.ledger, self.gate, self.run_id, self.clock(), lambda _: None)
            outcome = glance.compare(record, outcome)
        met = self._met.get(event_id)
        event = self._wholes.get(event_id) or (met.event if met else None)
        return Foreseen(outcome, event, record, stop, event_id in self._absent)

    def _contents(self, event_ids: Sequence[EventId]) -> dict[EventId, ContentHashes]:
        return {each: replace(hashes, seen=None) for each, hashes in super()._contents(event_ids).items()}

    def _patience(self) -> Patience:
        """None: a person waits for the answer."""
        return Patience(self.sleep, self.limits.deadline, pauses=())

    def _look(self, turns: Turns, event_id: EventId) -> tuple[Outcome, StopRun | None]:
        """The outcome, and what stopped the look."""
        pending = Named(event_id, lambda: self._find(event_id))
        try:
            outcome = turns.decide(pending)
        except WriteForbidden:
            return self._to_be_written(turns, event_id), None
        except StopRun as stop:
            return turns.interrupted(pending, stop), stop
        if outcome.status is Status.INJECTED:  # nothing of it was missing, so that nothing had to be written
            text = f"Revel order {outcome.order_id} is complete; the next run notes that"
            return replace(outcome, status=Status.PLANNED, text=text), None
        return outcome, None

    def _find(self, event_id: EventId) -> Candidate:
        try:
            return Candidate(self.tripleseat.event(event_id))
        except Refused as refused:
            if refused.status == NOT_FOUND:
                self._absent.add(event_id)
            raise

    def _to_be_written(self, turns: Turns, event_id: EventId) -> Outcome:
        record, met = self.ledger.order(event_id), self._met.get(event_id)
        about = turns.about(met) if met else Outcome(event_id, Status.PLANNED)
        if record is None or record.plan is None:
            return replace(about, status=Status.PLANNED)
        begun = f"its Revel order {record.order_id} was begun and would be finished" if record.order_id else ""
        return replace(planned(about, record.plan), order_id=record.order_id, text=begun)

    def _limit_again(self, known: Sighting | None) -> None:
        """An event that the last run's limit kept waiting waits for that very reason, until a run comes to it."""
        if known and known.reason == Reason.RUN_LIMIT_REACHED:
            self.limits = replace(self.limits, max_orders=0)


class Glance(Watch):
    """A look at one finished order."""

    def compare(self, record: OrderRecord, outcome: Outcome) -> Outcome:
        """`outcome` with what a station has changed of the order since it was made, told before or not."""
        if record.order_id is None:
            return outcome
        try:
            row = self._find(record, record.order_id)
        except (StopRun, TryNextRun, Refused):  # then there is nothing to say of it
            return outcome
        return self._compare(record, row, None, outcome) or outcome


def switched_off(event_id: EventId, text: str) -> Outcome:
    """The outcome while nothing may be asked of anybody."""
    return not_written(Outcome(event_id, Status.SKIPPED), Skip(Reason.CONNECTOR_DISABLED, text))


def _as_never_told(record: OrderRecord) -> OrderRecord:
    """A record that compares the event with the order itself, and not with what was last told of it."""
    return replace(record, seen_plan=None, seen_trouble=None, cancelled=False, digest=None)
