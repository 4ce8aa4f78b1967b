"""One event: is it for us, due, already done, changed? What must be asked, what is written, what became of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from tsrevel.engine.ahead import LookAhead
from tsrevel.engine.catalogues import Catalogues
from tsrevel.engine.clocks import ClockCheck
from tsrevel.engine.details import Details
from tsrevel.engine.drift import Drift
from tsrevel.engine.find import Candidate, EventUnavailable
from tsrevel.engine.findings import Foreign, Found, recall_finding
from tsrevel.engine.freshness import Freshness
from tsrevel.engine.report import Outcome, describe, not_written, order_stands, planned, with_order
from tsrevel.engine.resolved import has_changed, leave_resolved
from tsrevel.engine.saga import Saga
from tsrevel.errors import OutcomeUnknown
from tsrevel.gate import Place, WriteGate
from tsrevel.ledger import ContentHashes, Ledger, OrderRecord, Resolution, Sighting, hash_of_content
from tsrevel.planning.identity import known_local_ids, order_uuid
from tsrevel.planning.match import Catalogue
from tsrevel.planning.model import EstablishmentId, Event, EventId, Hold, Location, Plan, Policy, Skip
from tsrevel.planning.plan import label_order, plan_order
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screen import find_location, screen
from tsrevel.revel.decode import OrderRow

_BY_THE_CLOCK = frozenset({Reason.TOO_EARLY, Reason.EVENT_DAY_PASSED})
"""What would be another verdict at another time."""


@dataclass(slots=True, eq=False, repr=False)
class Decider:
    """Decides on events in one run.

    `may_begin` says why the event's order may not be begun in this run, `overtime` why no further event may be looked
    into; None: go on. `after_report` takes what is to be stored once the run's report stands: were it stored before, a
    run that dies would keep what it found to itself. `wholes` collects the events that were seen whole. Several threads
    may ask at the same time, each about events of other establishments. `in_doubt` collects those whose writes have an
    unknown outcome: they aren't tried again in this invocation. Raises what `TripleSeat`, `Revel` and `Ledger` raise,
    `OutcomeUnknown` included: the event then fails and is tried again.
    """

    catalogues: Catalogues
    ledger: Ledger
    saga: Saga
    ahead: LookAhead
    freshness: Freshness
    policy: Policy
    gate: WriteGate
    run_id: str
    clocks: ClockCheck
    clock: Callable[[], datetime]
    may_begin: Callable[[EventId], str | None]
    overtime: Callable[[], str | None]
    after_report: Callable[[Callable[[], None]], None]
    new_ledger: bool = False
    ignore_time_gate: bool = False
    records: Mapping[EventId, OrderRecord] = field(default_factory=dict)
    sightings: Mapping[EventId, Sighting] = field(default_factory=dict)
    resolutions: Mapping[EventId, Resolution] = field(default_factory=dict)
    contents: Mapping[EventId, ContentHashes] = field(default_factory=dict)
    wholes: dict[EventId, Event] = field(default_factory=dict)
    in_doubt: set[EventId] = field(default_factory=set)
    at_once: int = 1
    halt: Callable[[], None] = lambda: None
    _details: Details = field(init=False)
    _places: dict[EstablishmentId, threading.Lock] = field(init=False)
    _drift: Drift = field(init=False)

    def __post_init__(self) -> None:
        self._details = Details(self.freshness, self.at_once, self.halt, self._confirm_products)
        self._places = {each.establishment: threading.Lock() for each in self.policy.locations}
        self._drift = Drift(
            self.ledger,
            self.policy,
            self.run_id,
            contents=self.contents,
            dry_run=self.gate.dry_run,
            whole=self._whole,
            plan=self._plan,
            overtime=self.overtime,
            after_report=self.after_report,
        )

    def expect(self, candidates: Iterable[Candidate]) -> None:
        """These are to come, in this order: what can be asked for several of them at once is."""
        known = self.records.keys() | self.resolutions.keys()
        new = [each for each in candidates if each.event.id not in known]
        ours = (each.event.id for each in new if find_location(each.event, self.policy))
        self.ahead.expect({each: known_local_ids(self.policy, each) for each in ours})
        self._details.expect(each for each in new if isinstance(self._screen(each.event), Location))

    def forget(self, event_id: EventId) -> None:
        """The event's turn is over."""
        self.ahead.forget(event_id)
        self._details.forget(event_id)

    def decide(self, candidate: Candidate) -> Outcome:
        """What becomes of one event."""
        record = self.records.get(candidate.event.id)
        if record and record.state in {"settled", "foreign"}:
            about = with_order(describe(candidate.event), record)
            return self._look_again(about, record) or self._drift.revisit(candidate, record)
        resolution = self.resolutions.get(candidate.event.id)
        if resolution:
            return self._leave_resolved(candidate, record, resolution)
        late = self.overtime()
        if late:
            about = describe(candidate.event, find_location(candidate.event, self.policy))
            return replace(not_written(about, Skip(Reason.RUN_LIMIT_REACHED, late)), looked_into=False)
        if record and record.plan:
            outcome = self._take_up(candidate, record, record.plan)
            if outcome:
                return outcome
        return self._consider(candidate)

    def take_up_unlisted(self, record: OrderRecord) -> Outcome | None:
        """Finish an order whose event the listing no longer shows; None where nothing of it is at Revel."""
        if record.plan is None:
            return None
        if record.state != "settled":
            return self._take_up(None, record, record.plan)
        about = with_order(Outcome(record.event_id, Status.SKIPPED), record)
        return self._look_again(about, record) or order_stands(about, record)

    def pass_on(self, outcome: Outcome) -> Outcome:
        """What could not even be read of an event, unless a person has settled it."""
        resolution = self.resolutions.get(outcome.event_id)
        return leave_resolved(outcome, resolution, changed=False) if resolution else outcome

    def _leave_resolved(self, candidate: Candidate, record: OrderRecord | None, resolution: Resolution) -> Outcome:
        """A person has settled it: nothing is asked and nothing written, whatever became of its order."""
        event, digest = candidate.event, candidate.digest
        about = describe(event, find_location(event, self.policy))
        changed = has_changed(resolution, digest)
        if changed and digest and not self.gate.dry_run:
            self.after_report(lambda: self.ledger.note_change(self.run_id, event.id, digest))
        return leave_resolved(with_order(about, record) if record else about, resolution, changed=changed)

    # An event without an order of ours

    def _consider(self, candidate: Candidate) -> Outcome:
        verdict = self._screen(candidate.event)
        if isinstance(verdict, Location) or verdict.reason in _BY_THE_CLOCK:
            self.clocks.check()
        about = describe(candidate.event, find_location(candidate.event, self.policy))
        if isinstance(verdict, Skip) and verdict.reason is Reason.EVENT_DAY_PASSED:
            return self._miss(about, verdict, candidate)
        if isinstance(verdict, (Hold, Skip)):
            return not_written(about, verdict)
        event = self._whole(candidate)
        location = self._screen(event)
        about = describe(event, find_location(event, self.policy))
        if isinstance(location, (Hold, Skip)):
            return not_written(about, location)
        plan = self._plan(event, location)
        if isinstance(plan, Hold):
            return not_written(about, plan)
        full = self.may_begin(event.id)
        if full:
            return not_written(about, Skip(Reason.RUN_LIMIT_REACHED, full))
        return self._place(about, event, plan, candidate.digest)

    def _screen(self, event: Event) -> Location | Hold | Skip:
        return screen(event, self.policy, self.clock(), ignore_gate=self.ignore_time_gate)

    def _plan(self, event: Event, location: Location) -> Plan | Hold:
        return self.catalogues.plan(location.establishment, partial(self._plan_with, event, location))

    def _plan_with(self, event: Event, location: Location, catalogue: Catalogue) -> Plan | Hold:
        return plan_order(event, location, catalogue, self.policy, self.clock())

    def _whole(self, candidate: Candidate) -> Event:
        event = self.wholes[candidate.event.id] = self._details.whole(candidate)
        return event

    def _confirm_products(self, events: Sequence[Event]) -> None:
        """Revel is asked at once for the products of these events' orders."""
        places = ((event, self._screen(event)) for event in events)
        self.catalogues.confirm(
            (place.establishment, partial(self._plan_with, event, place))
            for event, place in places
            if isinstance(place, Location)
        )

    def _place(self, about: Outcome, event: Event, plan: Plan, digest: str | None) -> Outcome:
        found = None if self._is_known_absent(event.id) else self._look_up(plan)
        if isinstance(found, Hold):
            return _stopped(about, found)
        if isinstance(found, Foreign):
            return self._leave_alone(about, found.order, plan.location, digest)
        if self.gate.dry_run:
            return self.saga.foresee_adoption(about, plan, found) if found else planned(about, plan)
        with self._writing_at(plan.location.establishment):
            self.ledger.note_made(self.run_id, event.id, hash_of_content(event))
            names = self._names(plan)
            if found:
                return self.saga.adopt(about, plan, found, digest, names)
            return self.saga.inject(about, plan, label_order(event, plan.location), digest, names)

    @contextmanager
    def _writing_at(self, place: EstablishmentId) -> Iterator[None]:
        """Round the writes of one order: at its place nothing else is written meanwhile.

        As a rule its lane sees to that; but an event may have been moved since it was listed.
        """
        with self._places.get(place, nullcontext()), self.catalogues.dropped_if_refused(place):
            yield

    def _look_up(self, plan: Plan) -> Found:
        return self.saga.look_up(plan.uuid, known_local_ids(self.policy, plan.event_id))

    def _is_known_absent(self, event_id: EventId) -> bool:
        # A new ledger may be a lost one: then nobody's word is taken for many events at once.
        return not self.new_ledger and event_id not in self.records and self.ahead.shows_none(event_id)

    def _leave_alone(self, about: Outcome, order: OrderRow, location: Location, digest: str | None) -> Outcome:
        """Somebody else's order for the event: at its own place it is the order, elsewhere a person must say."""
        known = replace(about, order_id=order.id, local_id=order.local_id, total=order.final_total)
        if order.establishment != location.establishment:
            text = f"Revel order {order.id} for it is at establishment {order.establishment}; was the event moved?"
            return not_written(known, Hold(Reason.ORDER_EXISTS, text))
        if self._may_be_ours(order, about.event_id):
            return self._hold_stranger(known, order)
        if not self.gate.dry_run:
            self.ledger.note_foreign(self.run_id, about.event_id, order.id, order.local_id, digest)
        return not_written(known, Skip(Reason.ORDER_EXISTS, f"Revel order {order.id} was made by someone else"))

    def _may_be_ours(self, order: OrderRow, event_id: EventId) -> bool:
        """Whether it has our own name, and one of ours was sent that may have come late, under another uuid."""
        return order.local_id == known_local_ids(self.policy, event_id)[0] and self.ledger.was_sent(event_id)

    def _hold_stranger(self, about: Outcome, order: OrderRow) -> Outcome:
        text = f"Revel order {order.id} has our name and another uuid, and an order of ours was sent before: look at it"
        return replace(not_written(about, Hold(Reason.ORDER_DIFFERS, text)), alarm=True)

    def _miss(self, about: Outcome, verdict: Skip, candidate: Candidate) -> Outcome:
        """The gate closed: an order that this ledger doesn't know may be at Revel all the same. Asked once."""
        sighting = self.sightings.get(about.event_id)
        if sighting and sighting.missed_at:
            return not_written(about, verdict)
        ids = known_local_ids(self.policy, about.event_id)
        found = self.saga.look_up(order_uuid(about.event_id), ids)
        if isinstance(found, Hold):
            return _stopped(about, found)
        if found is None:
            return replace(not_written(about, verdict), missed=True, news=True)
        order, reason = (
            (found.order, Reason.ORDER_EXISTS) if isinstance(found, Foreign) else (found, Reason.ALREADY_INJECTED)
        )
        known = replace(about, order_id=order.id, local_id=order.local_id, total=order.final_total)
        if reason is Reason.ORDER_EXISTS and self._may_be_ours(order, about.event_id):
            return self._hold_stranger(known, order)
        if reason is Reason.ALREADY_INJECTED and (not order.printed or order.has_history is False):
            command = f"tsrevel sync-event {about.event_id} --ignore-time-gate"
            text = f"Revel order {order.id} is ours and unfinished: finish it by `{command}`"
            return not_written(known, Hold(Reason.ORDER_DIFFERS, text))
        if reason is Reason.ALREADY_INJECTED and not self.gate.dry_run:
            self._take_in(candidate, order)
        elif not self.gate.dry_run:
            self.ledger.note_foreign(self.run_id, about.event_id, order.id, order.local_id, None)
        return not_written(known, Skip(reason, f"Revel order {order.id} was there, though not in the ledger"))

    def _take_in(self, candidate: Candidate, order: OrderRow) -> None:
        """Settle our finished order of a day that has passed: with its plan where that is what is at Revel."""
        event = candidate.event
        plan: Plan | Hold = Hold(Reason.EVENT_DATA_UNAVAILABLE, "")
        with suppress(EventUnavailable):
            event = self._whole(candidate)
            plan = self._drift.plan_anew(event)
        if not isinstance(plan, Hold) and self.saga.adopt_whole(plan, order, candidate.digest):
            self.ledger.note_made(self.run_id, candidate.event.id, hash_of_content(event))
        else:
            self.ledger.settle(self.run_id, candidate.event.id, order.id, None)

    # An event with an order begun

    def _take_up(self, candidate: Candidate | None, record: OrderRecord, plan: Plan) -> Outcome | None:
        about = describe(candidate.event) if candidate else Outcome(record.event_id, Status.SKIPPED)
        about = with_order(about, record)
        if self.gate.dry_run:
            return self._preview(about, record, plan)
        objection = self.gate.objection(Place(plan.location.tripleseat_location, plan.location.tripleseat_site))
        if objection:
            return not_written(about, self._not_here(plan, objection))
        if record.event_id in self.in_doubt:
            raise OutcomeUnknown("what was sent to Revel may still turn up there; a later run looks again")
        self.clocks.check()
        names = self._names(plan)
        found = self.saga.look_up_begun(record, plan, names)
        if isinstance(found, Hold):
            return _stopped(about, found)
        stranger = self.saga.judge_stranger(about, record, plan, found.order) if isinstance(found, Foreign) else None
        if stranger:
            return stranger
        if isinstance(found, Foreign) and record.state == "claimed" and not record.receipts:
            return self._leave_alone(about, found.order, plan.location, None)
        if isinstance(found, Foreign):
            text = f"Revel shows order {found.order.id}, made by someone else, instead of our order {record.order_id}"
            return not_written(about, Hold(Reason.ORDER_DIFFERS, text))
        if found:
            with self._writing_at(plan.location.establishment):
                return self.saga.resume(about, record, plan, found, names)
        gone = self.saga.judge_absence(record, plan) if record.order_id else None
        if gone:
            return not_written(about, gone)
        self.saga.release(record)
        return None

    def _names(self, plan: Plan) -> tuple[str, ...]:
        """Every `local_id` under which the order begun may be found, though the settings have changed since."""
        return tuple(dict.fromkeys((plan.local_id, *known_local_ids(self.policy, plan.event_id))))

    def _not_here(self, plan: Plan, objection: str) -> Hold | Skip:
        """An order begun at a place that this run (`--location`), or no run any more, may write to."""
        ids = {plan.location.tripleseat_location, plan.location.tripleseat_site}
        if not self.policy.allowed or self.policy.allowed & ids:
            return Skip(Reason.LOCATION_NOT_ALLOWED, "its order was begun; a run over all locations finishes it")
        text = f"its order was begun, but now {objection}; allow it again, or finish the order by hand"
        return Hold(Reason.LOCATION_NOT_ALLOWED, text)

    def _preview(self, about: Outcome, record: OrderRecord, plan: Plan) -> Outcome:
        if record.state == "disputed":
            finding = recall_finding(record)
            return replace(not_written(about, finding), alarm=finding.reason is Reason.AMOUNT_MISMATCH)
        return replace(planned(about, plan), text="an order begun would be finished")

    # An event with its order made

    def _look_again(self, about: Outcome, record: OrderRecord) -> Outcome | None:
        """Where a write's outcome was unknown for a while: held if the order has doubled since; else None."""
        due = record.look_again_at and self.clock() >= record.look_again_at
        if not due or record.plan is None or self.gate.dry_run:
            return None
        found = self.saga.find_doubles(record, record.plan, self._names(record.plan))
        return replace(not_written(about, found), alarm=True) if found else None


def _stopped(about: Outcome, found: Hold) -> Outcome:
    """Held for what a look-up showed: with several orders, nothing more may be written before a person has looked."""
    return replace(not_written(about, found), alarm=found.reason is Reason.DUPLICATE_ORDERS)
