"""One order's writes: claimed before the first, a receipt after each, settled by looking, proved by reading back.

Nothing here plans and nothing here decides whether an event is due.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tsrevel.engine.evidence import compare_order, count_done, row_id
from tsrevel.engine.report import Outcome, injected, not_written
from tsrevel.errors import OutcomeUnknown
from tsrevel.ledger import Ledger, OrderRecord
from tsrevel.planning.model import Hold, Labels, OrderId, Plan, Step
from tsrevel.planning.reasons import Reason, Status
from tsrevel.revel.client import Contents, Revel, Written
from tsrevel.revel.decode import OrderRow

SETTLE_SECONDS = 2.0
"""How long a row just written may stay out of sight. No lag was ever noted, none is ruled out (facts Revel 6)."""
LATE = timedelta(minutes=15)
"""How long a write that got no answer in time may still be applied: nothing is sent again before."""
_NO_LABELS = Labels("", "")  # they go with the order itself, which is there whenever a saga is taken up again


@dataclass(frozen=True, slots=True)
class Foreign:
    """An order for the event that we did not make."""

    order: OrderRow


class Saga:
    """Writes planned orders to Revel, in one run. Raises what `Revel` raises; the next run then takes the order up.

    `begun` counts the orders written to, whatever became of them.
    """

    def __init__(
        self, revel: Revel, ledger: Ledger, run_id: str, clock: Callable[[], datetime], sleep: Callable[[float], None]
    ) -> None:
        self._revel = revel
        self._ledger = ledger
        self._run_id = run_id
        self._clock = clock
        self._sleep = sleep
        self.begun = 0

    def look_up(
        self, uuid: str, local_ids: tuple[str, ...], *, thorough: bool = False
    ) -> OrderRow | Foreign | Hold | None:
        """The event's order at Revel: ours, someone else's, a Hold where there are several, None where there is none.

        `thorough` asks by uuid as well: needed once an order may have been written, in case its local_id got lost.
        """
        found = {row.id: row for row in self._revel.find_orders(uuid, local_ids)}
        if thorough:
            found |= {row.id: row for row in self._revel.find_by_uuid(uuid)}
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
        row = next(iter(rows.values()), None)
        return row if row is None or row.uuid == uuid else Foreign(row)

    def wait_for(self, record: OrderRecord) -> None:
        """Return when what the last run wrote must be in sight. Raises OutcomeUnknown where that takes too long."""
        if record.doubt_until_at and self._clock() < record.doubt_until_at:
            until = f"{record.doubt_until_at:%Y-%m-%d %H:%M} UTC"
            raise OutcomeUnknown(
                f"a write to Revel got no answer and may still be applied; looked at again after {until}"
            )
        age = (self._clock() - record.touched_at).total_seconds()
        if 0 <= age < SETTLE_SECONDS:
            self._sleep(SETTLE_SECONDS - age)

    def inject(self, about: Outcome, plan: Plan, labels: Labels, digest: str | None) -> Outcome:
        """Write an order that a look-up has just shown to be absent."""
        self._ledger.claim(self._run_id, plan)
        return self._finish(about, plan, labels, OrderId(""), digest, 0)

    def adopt(self, about: Outcome, plan: Plan, row: OrderRow, digest: str | None) -> Outcome:
        """Finish an order under our own uuid that this ledger doesn't know, where what is there is part of the plan."""
        contents = self._revel.contents(row.id)
        self._ledger.claim(self._run_id, plan)
        done = count_done(plan, contents)
        if isinstance(done, str):
            return self._dispute(about, plan, row.id, Reason.ORDER_DIFFERS, done)
        self._note_shown(plan, contents, done, known=())
        outcome = self._finish(about, plan, _NO_LABELS, row.id, digest, done)
        if outcome.status is Status.INJECTED and done == len(plan.steps):
            return replace(
                outcome, status=Status.SKIPPED, reason=Reason.ALREADY_INJECTED, text="found complete at Revel"
            )
        return outcome

    def resume(self, about: Outcome, record: OrderRecord, plan: Plan, row: OrderRow) -> Outcome:
        """Finish the half-written order of `record`, from the claimed plan, where what is there is part of it.

        A disputed order is only looked at again: settled if it has come right, never written to.
        """
        contents = self._revel.contents(row.id)
        done = count_done(plan, contents)
        if record.state == "disputed" and (done != len(plan.steps) or compare_order(plan, contents.order)):
            return _hold(about, plan, row.id, recall_finding(record))
        differs = done if isinstance(done, str) else _vanished(plan.steps[done:], record)
        if isinstance(done, str) or differs:
            return self._dispute(about, plan, row.id, Reason.ORDER_DIFFERS, str(differs))
        lost = next((step for step in plan.steps[done:] if step.uuid in record.receipts), None)
        if lost:
            part = f"{lost.kind} {lost.number + 1} of order {row.id}"
            raise OutcomeUnknown(f"Revel acknowledged the {part} and doesn't show it; the next run looks again")
        self._note_shown(plan, contents, done, known=record.receipts)
        return self._finish(about, plan, _NO_LABELS, row.id, None, done)

    def _note_shown(self, plan: Plan, contents: Contents, done: int, known: Container[str]) -> None:
        for step in plan.steps[:done]:
            if step.uuid not in known:
                found = row_id(step, contents)
                self._ledger.record(self._run_id, plan.event_id, step, revel_id=found, facts={"seen": "at Revel"})

    def _finish(
        self, about: Outcome, plan: Plan, labels: Labels, order_id: OrderId, digest: str | None, done: int
    ) -> Outcome:
        self.begun += done < len(plan.steps)
        for step in plan.steps[done:]:
            written = self._write(plan, step, order_id, labels)
            if step.kind == "order":
                order_id = OrderId(written.id)
            self._ledger.record(self._run_id, plan.event_id, step, revel_id=written.id, facts={})
            if written.difference:
                return self._dispute(about, plan, order_id, Reason.AMOUNT_MISMATCH, written.difference)
        return self._confirm(about, plan, order_id, digest)

    def _write(self, plan: Plan, step: Step, order_id: OrderId, labels: Labels) -> Written:
        try:
            return self._revel.write(plan, step, order_id, labels)
        except OutcomeUnknown as lost:
            found = self._settle(plan, step, order_id)
            if found is None and lost.late:
                self._ledger.doubt(self._run_id, plan.event_id, self._clock() + LATE)
            if found is None:
                raise OutcomeUnknown(f"{lost}; Revel doesn't show it, so the next run looks again") from lost
            return found

    def _settle(self, plan: Plan, step: Step, order_id: OrderId) -> Written | None:
        """Look for what a write whose answer was lost may have written: at once, and once more after a while."""
        found = self._revel.seek(plan, step, order_id)
        if found is None:
            self._sleep(SETTLE_SECONDS)
            found = self._revel.seek(plan, step, order_id)
        return found

    def _confirm(self, about: Outcome, plan: Plan, order_id: OrderId, digest: str | None) -> Outcome:
        difference = compare_order(plan, self._revel.order(order_id))
        if difference:
            return self._dispute(about, plan, order_id, Reason.AMOUNT_MISMATCH, difference)
        self._ledger.settle(self._run_id, plan.event_id, order_id, digest)
        return injected(about, plan, order_id)

    def _dispute(self, about: Outcome, plan: Plan, order_id: OrderId, reason: Reason, difference: str) -> Outcome:
        """Leave the order alone from now on: nothing more is written to it before a person has looked."""
        finding = Hold(reason, f"Revel order {order_id} is not what was planned: {difference}")
        self._ledger.dispute(self._run_id, plan.event_id, order_id, f"{reason}: {finding.text}")
        return _hold(about, plan, order_id, finding)


def recall_finding(record: OrderRecord) -> Hold:
    """What the order of `record` was disputed for: it stands, word for word, until all of the order is right."""
    reason, _, text = (record.text or "").partition(": ")
    if reason not in Reason.__members__:
        return Hold(Reason.ORDER_DIFFERS, record.text or "a person must look at its order")
    return Hold(Reason(reason), text)


def _hold(about: Outcome, plan: Plan, order_id: OrderId, finding: Hold) -> Outcome:
    alarm = finding.reason is Reason.AMOUNT_MISMATCH
    held = not_written(about, finding)
    return replace(held, order_id=order_id, local_id=plan.local_id, total=plan.final_total, alarm=alarm)


def _vanished(unshown: tuple[Step, ...], record: OrderRecord) -> str | None:
    """In words, that the first step which has a receipt and no trace was one of the order's own; else None."""
    lost = next((step for step in unshown if step.uuid in record.receipts), None)
    if lost is None or lost.kind not in {"discount", "totals"}:
        return None
    return f"its {lost.kind} was written and is no longer there: did a POS station open it?"
