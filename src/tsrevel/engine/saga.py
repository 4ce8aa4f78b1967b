"""One order's writes: claimed before the first, a receipt after each, settled by looking, proved by reading back.

Nothing here plans and nothing here decides whether an event is due.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from tsrevel.engine.evidence import STAGES, compare_order, find_renamed, find_twice, name, row_id, stage_of
from tsrevel.engine.findings import Foreign, Found, Mismatch, NotShown, recall_finding
from tsrevel.engine.patience import Patience
from tsrevel.engine.proof import Proof
from tsrevel.engine.report import Outcome, injected, not_written, planned
from tsrevel.engine.steps import Steps, split
from tsrevel.errors import OutcomeUnknown
from tsrevel.ledger import Ledger, OrderRecord
from tsrevel.planning.model import EventId, Hold, Labels, OrderId, Plan, Step
from tsrevel.planning.reasons import Reason, Status
from tsrevel.revel.client import Contents, Revel, Written, tell_doubles, tell_renamed
from tsrevel.revel.decode import OrderRow

_NO_ORDER = OrderId("")
_NO_LABELS = Labels("", "")  # they go with the order itself, which is there whenever a saga is taken up again


@dataclass(frozen=True, slots=True)
class _Writing:
    """An order about to be written or finished. `order_id` is '' until it is there, `known` are the uuids of the steps
    that earlier runs have receipts for, `local_ids` those under which it, or another one for the event, may be found.
    """

    about: Outcome
    plan: Plan
    missing: tuple[Step, ...]
    local_ids: tuple[str, ...]
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
        patience: Patience,
        count: Callable[[EventId], None],
    ) -> None:
        self._revel = revel
        self._ledger = ledger
        self._steps = steps
        self._run_id = run_id
        self._clock = clock
        self._patience = patience
        self._proof = Proof(revel, patience)
        self._count = count

    def look_up(self, uuid: str, local_ids: tuple[str, ...], *, known_as: OrderId | None = None) -> Found:
        """The event's order at Revel: ours, someone else's, a Hold where there are several, None where there is none.

        Asked for by its local_ids and by our uuid, since a local_id may have got lost or been set otherwise.
        What neither shows is asked for by the id that Revel gave it, if `known_as` says so.
        """
        found = {row.id: row for row in self._revel.find_orders(uuid, local_ids)}
        if len([row for row in found.values() if not row.deleted]) < 2:  # two are enough, whatever another look says
            found |= {row.id: row for row in self._revel.find_by_uuid(uuid)}
        if known_as and not found:
            row = self._revel.find_by_id(known_as)
            found = {row.id: row} if row and (row.uuid == uuid or row.local_id in local_ids) else {}
        rows = {row.id: row for row in found.values() if not row.deleted}
        if len(rows) > 1:
            return Hold(Reason.DUPLICATE_ORDERS, tell_doubles(rows))
        if found and not rows:
            ids = ", ".join(sorted(found))
            return Hold(
                Reason.ORDER_EXISTS, f"its Revel order {ids} was deleted there; if it is wanted, enter it by hand"
            )
        only = next(iter(rows.values()), None)
        return only if only is None or only.uuid == uuid else Foreign(only)

    def look_up_begun(self, record: OrderRecord, plan: Plan, local_ids: tuple[str, ...]) -> Found:
        """The same for an order begun, looked for a while where it was sent.

        Raises OutcomeUnknown where it isn't shown and something of it may still be applied.
        """
        pending = self._pending(record)
        expected = plan.uuid in pending or (plan.uuid in record.receipts and plan.uuid not in record.unanswered)

        def look() -> Found:
            return self.look_up(plan.uuid, local_ids, known_as=record.order_id)

        found = self._patience.until(look, lambda found: found is not None or not expected)
        if found is None and expected and plan.uuid in record.receipts and plan.uuid not in record.unanswered:
            self._ledger.miss(self._run_id, record.event_id, plan.steps[:1])
        if pending and (found is None or (isinstance(found, Foreign) and found.order.local_id != plan.local_id)):
            raise self._still_pending(record)
        return found

    def _pending(self, record: OrderRecord) -> frozenset[str]:
        """The uuids of the steps that may still be applied. A clock that was fast doesn't make that last any longer."""
        now = self._clock()
        if any(record.sent[uuid] > now for uuid in record.unanswered):
            self._ledger.correct_clock(self._run_id, record.event_id)
        return record.pending(now)

    def _still_pending(self, record: OrderRecord) -> OutcomeUnknown:
        known = self._ledger.order(record.event_id)
        until = known.pending_until if known else None
        again = f"{until:%Y-%m-%d %H:%M} UTC" if until else "the next run has looked"
        return OutcomeUnknown(f"what was sent to Revel may still turn up there; nothing is sent again before {again}")

    def find_doubles(self, record: OrderRecord, plan: Plan, local_ids: tuple[str, ...]) -> Hold | None:
        """Look once more at a settled order that a late write may have doubled: what a person must see to, or None."""
        found = self.look_up(plan.uuid, local_ids)
        if isinstance(found, OrderRow):
            twice = find_twice(self._revel.contents(found.id))
            text = f"Revel order {found.id} is not what was planned: {twice}"
            found = Hold(Reason.AMOUNT_MISMATCH, text) if twice else None
        if isinstance(found, Hold) and found.reason is not Reason.ORDER_EXISTS:
            self._ledger.dispute(self._run_id, record.event_id, record.order_id, found)
            return found
        self._ledger.look_again(self._run_id, record.event_id, None)
        return None

    def inject(
        self, about: Outcome, plan: Plan, labels: Labels, digest: str | None, local_ids: tuple[str, ...]
    ) -> Outcome:
        """Write an order that a look-up has just shown to be absent."""
        self._ledger.claim(self._run_id, plan)
        return self._finish(_Writing(about, plan, plan.steps, local_ids, labels=labels, digest=digest))

    def adopt(
        self, about: Outcome, plan: Plan, row: OrderRow, digest: str | None, local_ids: tuple[str, ...]
    ) -> Outcome:
        """Finish an order under our own uuid that this ledger doesn't know, where what is there is part of the plan."""
        everything = {step.uuid for step in plan.steps}
        contents, missing = self._proof.of_beginning(plan, row.id, everything)
        self._ledger.claim(self._run_id, plan)
        if isinstance(missing, str):
            return self._dispute(about, plan, row.id, Mismatch(Reason.ORDER_DIFFERS, missing))
        order = _Writing(about, plan, missing, local_ids, order_id=row.id, digest=digest)
        self._note_shown(order, contents)
        outcome = self._finish(order)
        if outcome.status is Status.INJECTED and not missing:
            return _found_complete(outcome)
        return outcome

    def foresee_adoption(self, about: Outcome, plan: Plan, row: OrderRow) -> Outcome:
        """What `adopt` would make of it, as far as can be seen; nothing is noted, nothing written."""
        contents, missing = self._proof.of_beginning(plan, row.id)
        if isinstance(missing, str):
            return _hold(about, plan, row.id, _differs(Mismatch(Reason.ORDER_DIFFERS, missing), row.id))
        difference = compare_order(plan, contents.order) if _has_totals(missing) and contents.order else None
        if difference:
            return _hold(about, plan, row.id, _differs(Mismatch(Reason.AMOUNT_MISMATCH, difference), row.id))
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
        self._note_shown(_Writing(Outcome(plan.event_id, Status.SKIPPED), plan, (), (), order_id=row.id), contents)
        self._ledger.settle(self._run_id, plan.event_id, row.id, digest)
        return True

    def resume(
        self, about: Outcome, record: OrderRecord, plan: Plan, row: OrderRow, local_ids: tuple[str, ...]
    ) -> Outcome:
        """Finish the half-written order of `record`, from the claimed plan, where what is there is part of it.

        A disputed order is only looked at again. If it has come right, somebody saw to it: it then gets the history row
        that it may lack, and is settled. Raises OutcomeUnknown where a step isn't shown that may still be applied.
        """
        pending, answered = self._pending(record), record.receipts.keys() - record.unanswered
        contents, missing = self._proof.of_beginning(plan, row.id, pending | answered)
        renamed = find_renamed(plan, contents, record.sent)
        if renamed:
            return self._disown(about, record, plan, row.id, tell_renamed(renamed.step))
        if record.state == "disputed" and not _has_come_right(plan, contents, missing):
            return _hold(about, plan, row.id, recall_finding(record))
        if isinstance(missing, str):
            return self._dispute(about, plan, row.id, Mismatch(Reason.ORDER_DIFFERS, missing))
        order = _Writing(about, plan, missing, local_ids, order_id=row.id, known=answered)
        self._note_shown(order, contents)
        if any(step.uuid in pending for step in missing):
            raise self._still_pending(record)
        lost = tuple(step for step in missing if step.uuid in answered)
        if lost:
            raise self._miss(plan, NotShown(lost), row.id)
        return self._finish(order)

    def judge_absence(self, record: OrderRecord, plan: Plan) -> Hold | None:
        """An order that Revel acknowledged and doesn't show: why not to write it anew, or None.

        Raises OutcomeUnknown while it may be only out of sight.
        """
        if plan.uuid not in record.unanswered:
            raise self._miss(plan, NotShown(plan.steps[:1]), record.order_id)
        if record.state == "disputed" or any(each.kind != "order" for each in record.receipts.values()):
            text = f"its Revel order {record.order_id} is gone; if it is wanted, enter it by hand"
            return Hold(Reason.ORDER_EXISTS, text)
        return None

    def judge_stranger(self, about: Outcome, record: OrderRecord, plan: Plan, row: OrderRow) -> Outcome | None:
        """An order that carries our own `local_id` and another uuid: held, if ours was ever sent; else None."""
        sent = plan.uuid in record.sent or plan.uuid in record.receipts
        if not sent or row.local_id != plan.local_id:
            return None
        return self._disown(about, record, plan, row.id, tell_renamed(plan.steps[0]))

    def release(self, record: OrderRecord) -> None:
        """Drop a claim of which nothing is at Revel, nor may turn up there."""
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
                wrong = next((each for each in written if each.difference), None)
                mismatch = _judge(wrong) if wrong else None
                if mismatch is None and together[0].kind == "order":
                    mismatch = self._proof.of_order(plan, order_id, order.local_ids)
                if mismatch:
                    return self._stop(about, plan, order_id, mismatch)
            if not steps and stage is not STAGES[-1]:
                continue
            finding = self._proof.of(stage, plan, order_id, order.known, order.local_ids)
            if isinstance(finding, NotShown):
                raise self._miss(plan, finding, order_id)
            if finding:
                return self._stop(about, plan, order_id, finding)
        self._ledger.settle(self._run_id, plan.event_id, order_id, order.digest)
        return injected(about, plan, order_id)

    def _miss(self, plan: Plan, finding: NotShown, order_id: OrderId | None) -> OutcomeUnknown:
        """What to raise for steps that aren't in sight, once the ledger knows that they aren't."""
        self._ledger.miss(self._run_id, plan.event_id, finding.steps)
        first = finding.steps[0]
        whose = f"order {order_id}" if first.kind == "order" else f"{name(first)} of order {order_id}"
        return OutcomeUnknown(f"Revel acknowledged the {whose} and doesn't show it; a later run looks again")

    def _disown(self, about: Outcome, record: OrderRecord, plan: Plan, order_id: OrderId, text: str) -> Outcome:
        """Hold an order whose uuids Revel replaced: what is ours there can't be told any more."""
        mismatch = Mismatch(Reason.ORDER_DIFFERS, text, alarm=True)
        if record.state == "disputed":
            return _hold(about, plan, order_id, _differs(mismatch, order_id), alarm=True)
        return self._dispute(about, plan, order_id, mismatch)

    def _stop(self, about: Outcome, plan: Plan, order_id: OrderId, mismatch: Mismatch) -> Outcome:
        """Write no more to it. One that has a twin isn't disputed: it is finished once it is alone."""
        if mismatch.reason is Reason.DUPLICATE_ORDERS:
            return _hold(about, plan, order_id, Hold(mismatch.reason, mismatch.text))
        return self._dispute(about, plan, order_id, mismatch)

    def _dispute(self, about: Outcome, plan: Plan, order_id: OrderId, mismatch: Mismatch) -> Outcome:
        """Leave the order alone from now on: nothing more is written to it before a person has looked."""
        finding = _differs(mismatch, order_id)
        self._ledger.dispute(self._run_id, plan.event_id, order_id, finding)
        return _hold(about, plan, order_id, finding, alarm=mismatch.alarm)


def _judge(written: Written) -> Mismatch:
    """What it means that a write left something else than was sent."""
    reason = Reason.ORDER_DIFFERS if written.renamed else Reason.AMOUNT_MISMATCH
    reason = Reason.DUPLICATE_ORDERS if written.doubled else reason
    return Mismatch(reason, written.difference or "", alarm=True)


def _has_come_right(plan: Plan, contents: Contents, missing: tuple[Step, ...] | str) -> bool:
    if isinstance(missing, str) or not _has_totals(missing):
        return False
    return contents.order is not None and compare_order(plan, contents.order) is None


def _has_totals(missing: Iterable[Step]) -> bool:
    """Whether no more than the history row is missing."""
    return all(step.kind == "history" for step in missing)


def _found_complete(outcome: Outcome) -> Outcome:
    return replace(outcome, status=Status.SKIPPED, reason=Reason.ALREADY_INJECTED, text="found complete at Revel")


def _differs(mismatch: Mismatch, order_id: OrderId) -> Hold:
    return Hold(mismatch.reason, f"Revel order {order_id} is not what was planned: {mismatch.text}")


_ALARMS = frozenset({Reason.AMOUNT_MISMATCH, Reason.DUPLICATE_ORDERS})


def _hold(about: Outcome, plan: Plan, order_id: OrderId, finding: Hold, *, alarm: bool = False) -> Outcome:
    held = not_written(about, finding)
    alarm = alarm or finding.reason in _ALARMS
    return replace(held, order_id=order_id, local_id=plan.local_id, total=plan.final_total, alarm=alarm)
