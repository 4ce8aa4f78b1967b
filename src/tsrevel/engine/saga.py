"""One order's writes: claimed before the first, a receipt after each, settled by looking, proved by reading back.

Nothing here plans and nothing here decides whether an event is due.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from datetime import datetime, timedelta

from tsrevel.engine.evidence import STAGES, Stage, compare_order, find_twice, row_id, stage_of
from tsrevel.engine.findings import Foreign, Found, recall_finding
from tsrevel.engine.proof import Proof, not_shown
from tsrevel.engine.report import Outcome, injected, not_written, planned
from tsrevel.engine.steps import LATE, Steps, split
from tsrevel.errors import OutcomeUnknown
from tsrevel.ledger import Ledger, OrderRecord
from tsrevel.planning.model import EventId, Hold, Labels, OrderId, Plan, Step
from tsrevel.planning.reasons import Reason, Status
from tsrevel.record import Record, replace
from tsrevel.revel.client import Contents, Revel
from tsrevel.revel.decode import OrderRow

PATIENCE = (1.0, 1.0, 3.0)
"""Seconds between looks for what may have been under way when its process died or its answer was lost: in all ten times
what a write took live (facts Revel 6)."""
WAITED = timedelta(seconds=30)
"""A run that died so long after its last receipt may have been given up by a gateway whose backend worked on."""
_NO_ORDER = OrderId("")
_NO_LABELS = Labels("", "")  # they go with the order itself, which is there whenever a saga is taken up again


class _Writing(Record):
    """An order about to be written or finished. `order_id` is '' until it is there, `known` are the uuids of the steps
    that earlier runs have receipts for.
    """

    about: Outcome
    plan: Plan
    missing: tuple[Step, ...]
    labels: Labels = _NO_LABELS
    order_id: OrderId = _NO_ORDER
    digest: str | None = None
    known: Container[str] = ()


class Saga:
    """Writes planned orders to Revel, in one run. Raises what `Revel` raises; the next run then takes the order up.

    `count` is told of each event whose order is written to, whatever becomes of it.
    """

    def __init__(
        self,
        revel: Revel,
        ledger: Ledger,
        steps: Steps,
        run_id: str,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        count: Callable[[EventId], None],
    ) -> None:
        self._revel = revel
        self._ledger = ledger
        self._steps = steps
        self._run_id = run_id
        self._clock = clock
        self._sleep = sleep
        self._proof = Proof(revel, sleep)
        self._count = count
        self._suspects: set[EventId] = set()

    def look_up(self, uuid: str, local_ids: tuple[str, ...], *, known_as: OrderId | None = None) -> Found:
        """The event's order at Revel: ours, someone else's, a Hold where there are several, None where there is none.

        Asked for by its local_ids and by our uuid, since a local_id may have got lost or been set otherwise.
        What neither shows is asked for by the id that Revel gave it, if `known_as` says so.
        """
        found = {row.id: row for row in self._revel.find_orders(uuid, local_ids)}
        found |= {row.id: row for row in self._revel.find_by_uuid(uuid)}
        if known_as and not found:
            row = self._revel.find_by_id(known_as)
            found = {row.id: row} if row and (row.uuid == uuid or row.local_id in local_ids) else {}
        rows = {row.id: row for row in found.values() if not row.deleted}
        if len(rows) > 1:
            ids = ", ".join(sorted(rows))
            return Hold(
                Reason.DUPLICATE_ORDERS, f"Revel holds {len(rows)} orders for it: {ids}; delete the wrong ones there"
            )
        if found and not rows:
            ids = ", ".join(sorted(found))
            return Hold(
                Reason.ORDER_EXISTS, f"its Revel order {ids} was deleted there; if it is wanted, enter it by hand"
            )
        only = next(iter(rows.values()), None)
        return only if only is None or only.uuid == uuid else Foreign(only)

    def look_up_begun(self, record: OrderRecord, plan: Plan, local_ids: tuple[str, ...]) -> Found:
        """The same for an order begun. Raises OutcomeUnknown while a write that got no answer may still be applied."""
        self._check_doubt(record)
        found = self.look_up(plan.uuid, local_ids, known_as=record.order_id)
        if not self._is_suspect(record):
            return found
        self._suspects.add(record.event_id)
        latest = self._clock() + LATE  # whatever a clock that was fast has said
        again = min(record.look_again_at or latest, latest)
        self._ledger.look_again(self._run_id, record.event_id, again)
        for pause in PATIENCE:
            if found is None:
                self._sleep(pause)
                found = self.look_up(plan.uuid, local_ids, known_as=record.order_id)
        return found

    def _check_doubt(self, record: OrderRecord) -> None:
        now, until = self._clock(), record.doubt_until_at
        if until and until - now > LATE:  # no doubt lasts as long: the clock was set back
            until = now + LATE
            self._ledger.doubt(self._run_id, record.event_id, until)
        if record.interrupted and WAITED <= now - record.touched_at < LATE:
            until = record.touched_at + LATE
        if until and until > now:
            raise OutcomeUnknown(
                f"what was written to Revel may still turn up; looked at again after {until:%Y-%m-%d %H:%M} UTC"
            )

    def _is_suspect(self, record: OrderRecord) -> bool:
        """Whether a write may have been under way whose outcome nobody knows. Clocks err, so its age doesn't count."""
        return record.interrupted or record.look_again_at is not None

    def find_doubles(self, record: OrderRecord, plan: Plan, local_ids: tuple[str, ...]) -> Hold | None:
        """Look once more at a settled order that a late write may have doubled: what a person must see to, or None."""
        found = self.look_up(plan.uuid, local_ids)
        if isinstance(found, OrderRow):
            twice = find_twice(self._revel.contents(found.id))
            text = f"Revel order {found.id} is not what was planned: {twice}"
            found = Hold(Reason.AMOUNT_MISMATCH, text) if twice else None
        if isinstance(found, Hold) and found.reason is not Reason.ORDER_EXISTS:
            self._ledger.dispute(self._run_id, record.event_id, record.order_id, f"{found.reason}: {found.text}")
            return found
        self._ledger.look_again(self._run_id, record.event_id, None)
        return None

    def inject(self, about: Outcome, plan: Plan, labels: Labels, digest: str | None) -> Outcome:
        """Write an order that a look-up has just shown to be absent."""
        self._ledger.claim(self._run_id, plan)
        if plan.event_id in self._suspects:  # what an earlier claim had under way may double this one
            self._ledger.look_again(self._run_id, plan.event_id, self._clock() + LATE)
        return self._finish(_Writing(about, plan, plan.steps, labels=labels, digest=digest))

    def adopt(self, about: Outcome, plan: Plan, row: OrderRow, digest: str | None) -> Outcome:
        """Finish an order under our own uuid that this ledger doesn't know, where what is there is part of the plan."""
        contents, missing = self._proof.of_beginning(plan, row.id, pauses=PATIENCE)
        self._ledger.claim(self._run_id, plan)
        if isinstance(missing, str):
            return self._dispute(about, plan, row.id, Reason.ORDER_DIFFERS, missing)
        order = _Writing(about, plan, missing, order_id=row.id, digest=digest)
        self._note_shown(order, contents)
        outcome = self._finish(order)
        if outcome.status is Status.INJECTED and not missing:
            return _found_complete(outcome)
        return outcome

    def foresee_adoption(self, about: Outcome, plan: Plan, row: OrderRow) -> Outcome:
        """What `adopt` would make of it, as far as can be seen; nothing is noted, nothing written."""
        contents, missing = self._proof.of_beginning(plan, row.id)
        if isinstance(missing, str):
            return _hold(about, plan, row.id, _differs(Reason.ORDER_DIFFERS, row.id, missing))
        difference = compare_order(plan, contents.order) if _has_totals(missing) and contents.order else None
        if difference:
            return _hold(about, plan, row.id, _differs(Reason.AMOUNT_MISMATCH, row.id, difference))
        if missing:
            text = f"Revel order {row.id} was begun and would be finished"
            return replace(planned(about, plan), order_id=row.id, text=text)
        return _found_complete(injected(about, plan, row.id))

    def adopt_whole(self, plan: Plan, row: OrderRow, digest: str | None) -> bool:
        """Take in an order of ours that this ledger doesn't know, if it is all of the plan and nothing else.

        Nothing is written to Revel. False: it isn't, and nothing was noted.
        """
        contents, missing = self._proof.of_beginning(plan, row.id)
        if missing or contents.order is None or compare_order(plan, contents.order):
            return False
        self._ledger.claim(self._run_id, plan)
        self._note_shown(_Writing(Outcome(plan.event_id, Status.SKIPPED), plan, (), order_id=row.id), contents)
        self._ledger.settle(self._run_id, plan.event_id, row.id, digest)
        return True

    def resume(self, about: Outcome, record: OrderRecord, plan: Plan, row: OrderRow) -> Outcome:
        """Finish the half-written order of `record`, from the claimed plan, where what is there is part of it.

        A disputed order is only looked at again. If it has come right, somebody saw to it: it then gets the history row
        that it may lack, and is settled.
        """
        pauses = PATIENCE if self._is_suspect(record) else ()
        contents, missing = self._proof.of_beginning(plan, row.id, record.receipts, pauses=pauses)
        if record.state == "disputed" and not _has_come_right(plan, contents, missing):
            return _hold(about, plan, row.id, recall_finding(record))
        if isinstance(missing, str):
            return self._dispute(about, plan, row.id, Reason.ORDER_DIFFERS, missing)
        lost = [step for step in missing if step.uuid in record.receipts]
        if lost and not record.doubt_until_at:
            raise self._steps.doubt(plan, not_shown(lost[0], row.id))
        if missing:
            self._ledger.take_up(self._run_id, plan.event_id)
        order = _Writing(about, plan, missing, order_id=row.id, known=record.receipts)
        self._note_shown(order, contents)
        return self._finish(order)

    def judge_absence(self, record: OrderRecord, plan: Plan) -> Hold | None:
        """An order that Revel acknowledged and doesn't show: why not to write it anew, or None.

        Raises OutcomeUnknown while it may be only out of sight.
        """
        if not record.doubt_until_at:
            text = f"Revel acknowledged order {record.order_id} and doesn't show it; the next run looks again"
            raise self._steps.doubt(plan, OutcomeUnknown(text, late=True))
        if record.state == "disputed" or any(each.kind != "order" for each in record.receipts.values()):
            text = f"its Revel order {record.order_id} is gone; if it is wanted, enter it by hand"
            return Hold(Reason.ORDER_EXISTS, text)
        return None

    def release(self, record: OrderRecord) -> None:
        """Drop a claim of which nothing is at Revel, unless something of it may yet turn up there."""
        waited = record.look_again_at is not None and self._clock() >= record.look_again_at
        if record.receipts or waited or record.event_id not in self._suspects:
            self._ledger.release(self._run_id, record.event_id, "Revel holds nothing of it")

    def _note_shown(self, order: _Writing, contents: Contents) -> None:
        plan = order.plan
        for step in plan.steps:
            if step not in order.missing and step.uuid not in order.known:
                found = row_id(step, contents) or order.order_id
                self._ledger.record(self._run_id, plan.event_id, step, revel_id=found, facts={"seen": "at Revel"})

    def _finish(self, order: _Writing) -> Outcome:
        about, plan, order_id = order.about, order.plan, order.order_id
        if order.missing:
            self._count(plan.event_id)
        for stage in STAGES:
            steps = [step for step in order.missing if stage_of(step) == stage]
            for together in split(steps):
                written = self._steps.write(plan, together, order_id, order.labels)
                order_id = order_id or OrderId(written[0].id)
                difference = next((each.difference for each in written if each.difference), None)
                if difference:
                    return self._dispute(about, plan, order_id, Reason.AMOUNT_MISMATCH, difference)
            difference = self._prove(stage, order, order_id) if steps or stage is STAGES[-1] else None
            if difference:
                return self._dispute(about, plan, order_id, Reason.AMOUNT_MISMATCH, difference)
        self._ledger.settle(self._run_id, plan.event_id, order_id, order.digest)
        return injected(about, plan, order_id)

    def _prove(self, stage: Stage, order: _Writing, order_id: OrderId) -> str | None:
        try:
            return self._proof.of(stage, order.plan, order_id, order.known)
        except OutcomeUnknown as unknown:
            raise self._steps.doubt(order.plan, unknown) from unknown

    def _dispute(self, about: Outcome, plan: Plan, order_id: OrderId, reason: Reason, difference: str) -> Outcome:
        """Leave the order alone from now on: nothing more is written to it before a person has looked."""
        finding = _differs(reason, order_id, difference)
        self._ledger.dispute(self._run_id, plan.event_id, order_id, f"{reason}: {finding.text}")
        return _hold(about, plan, order_id, finding)


def _has_come_right(plan: Plan, contents: Contents, missing: tuple[Step, ...] | str) -> bool:
    if isinstance(missing, str) or not _has_totals(missing):
        return False
    return contents.order is not None and compare_order(plan, contents.order) is None


def _has_totals(missing: Iterable[Step]) -> bool:
    """Whether no more than the history row is missing."""
    return all(step.kind == "history" for step in missing)


def _found_complete(outcome: Outcome) -> Outcome:
    return replace(outcome, status=Status.SKIPPED, reason=Reason.ALREADY_INJECTED, text="found complete at Revel")


def _differs(reason: Reason, order_id: OrderId, difference: str) -> Hold:
    return Hold(reason, f"Revel order {order_id} is not what was planned: {difference}")


def _hold(about: Outcome, plan: Plan, order_id: OrderId, finding: Hold) -> Outcome:
    alarm = finding.reason is Reason.AMOUNT_MISMATCH
    held = not_written(about, finding)
    return replace(held, order_id=order_id, local_id=plan.local_id, total=plan.final_total, alarm=alarm)
