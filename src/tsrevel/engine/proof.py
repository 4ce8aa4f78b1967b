"""Reading back: what Revel shows of an order that it has acknowledged, before it is finished and after.

A status of 201 doesn't prove that a row was kept (facts Revel 2.2). Only reads.
"""

from __future__ import annotations

from collections.abc import Container

from tsrevel.engine.evidence import Stage, compare_order, find_missing, find_renamed, find_twice
from tsrevel.engine.findings import Mismatch, NotShown
from tsrevel.engine.patience import Patience
from tsrevel.planning.model import OrderId, Plan, Step
from tsrevel.planning.reasons import Reason
from tsrevel.revel.client import Contents, Revel, tell_doubles, tell_renamed
from tsrevel.revel.decode import OrderRow

Finding = Mismatch | NotShown | None


class Proof:
    """Proves orders of one Revel account by reading them back. Raises whatever `Revel` raises."""

    def __init__(self, revel: Revel, patience: Patience) -> None:
        self._revel = revel
        self._patience = patience

    def of(
        self, stage: Stage, plan: Plan, order_id: OrderId, known: Container[str], local_ids: tuple[str, ...]
    ) -> Finding:
        """What is wrong with the order after that stage of it was written; None where it is as planned.

        `known` are the uuids of what earlier runs have receipts for. The order itself is asked for by `local_ids`, so
        that a twin is shown as well.
        """
        if stage == "totals":
            return self._of_totals(plan, order_id, known, local_ids)
        if stage == "history":
            return self._of_history(plan, order_id, local_ids)
        return self._of_parts(stage, plan, order_id)

    def of_order(self, plan: Plan, order_id: OrderId, local_ids: tuple[str, ...]) -> Mismatch | None:
        """What is wrong with the order that was just made, before anything is put into it: a twin, or another uuid.

        Looked at once: where lists lag they show nothing yet, and the read-back of the totals looks again.
        """
        found = self._order(plan, order_id, local_ids)
        return found if isinstance(found, Mismatch) else None

    def _of_parts(self, stage: Stage, plan: Plan, order_id: OrderId) -> Finding:
        def look() -> tuple[Contents, tuple[Step, ...] | str]:
            contents = self._parts(stage, plan, order_id)
            return contents, find_missing(plan, contents, {stage})

        contents, missing = self._patience.until(look, lambda found: isinstance(found[1], str) or not found[1])
        renamed = find_renamed(plan, contents, {step.uuid for step in plan.steps if step.kind != "history"})
        if renamed:
            return Mismatch(Reason.ORDER_DIFFERS, tell_renamed(renamed.step), alarm=True)
        if isinstance(missing, str):
            return Mismatch(Reason.AMOUNT_MISMATCH, missing, alarm=True)
        return NotShown(missing) if missing else None

    def _of_totals(self, plan: Plan, order_id: OrderId, known: Container[str], local_ids: tuple[str, ...]) -> Finding:
        """A print mark that doesn't stick while the figures do is let be; where no figure tells, in a second run."""
        totals = next(step for step in plan.steps if step.kind == "totals")

        def look() -> OrderRow | Mismatch | None:
            row = self._order(plan, order_id, local_ids)
            if isinstance(row, OrderRow) and not row.printed:  # the list may lag
                return self._revel.find_by_id(row.id) or row
            return row

        def settles(row: OrderRow | Mismatch | None) -> bool:
            return isinstance(row, Mismatch) or (row is not None and _tells_totals(plan, row, known))

        row = self._patience.until(look, settles)
        if row is None or isinstance(row, Mismatch):
            return row or NotShown(plan.steps[:1])
        if not _tells_totals(plan, row, known):
            return NotShown((totals,))
        difference = compare_order(plan, row)
        return Mismatch(Reason.AMOUNT_MISMATCH, difference, alarm=True) if difference else None

    def _of_history(self, plan: Plan, order_id: OrderId, local_ids: tuple[str, ...]) -> Finding:
        history = next(step for step in plan.steps if step.kind == "history")

        def look() -> OrderRow | Mismatch | NotShown:
            row = self._order(plan, order_id, local_ids)
            if row is None or isinstance(row, Mismatch):
                return row or NotShown(plan.steps[:1])
            if row.has_history is False or compare_order(plan, row):  # the list may lag
                row = self._revel.find_by_id(row.id) or row
            if row.has_history is False and self._revel.seek(plan, history, row.id) is None:
                return NotShown((history,))
            return row

        row = self._patience.until(look, lambda found: not isinstance(found, NotShown))
        if not isinstance(row, OrderRow):
            return row
        twice = find_twice(self._revel.history(row.id)) if row.histories and row.histories > 1 else None
        difference = twice or compare_order(plan, row)
        return Mismatch(Reason.AMOUNT_MISMATCH, difference, alarm=True) if difference else None

    def _order(self, plan: Plan, order_id: OrderId, local_ids: tuple[str, ...]) -> OrderRow | Mismatch | None:
        """The order as it stands, and whether there is another: by its names, and where they don't show it, by its id.

        None where nothing shows it.
        """
        rows = {row.id: row for row in self._revel.find_orders(plan.uuid, local_ids)}
        if order_id not in rows and all(row.uuid != plan.uuid for row in rows.values()):
            rows |= {row.id: row for row in self._revel.find_by_uuid(plan.uuid)}
        if order_id not in rows:
            found = self._revel.find_by_id(order_id)
            rows |= {found.id: found} if found else {}
        standing = sorted(row.id for row in rows.values() if not row.deleted)
        if len(standing) > 1:
            return Mismatch(Reason.DUPLICATE_ORDERS, tell_doubles(standing), alarm=True)
        row = rows.get(order_id) or next(iter(rows.values()), None)
        if row and row.uuid != plan.uuid:
            return Mismatch(Reason.ORDER_DIFFERS, tell_renamed(plan.steps[0]), alarm=True)
        return row

    def of_beginning(
        self, plan: Plan, order_id: OrderId, expected: Container[str] = ()
    ) -> tuple[Contents, tuple[Step, ...] | str]:
        """What there is of an order begun, and what is missing of it, or in words why it isn't part of the plan.

        Looked at again for a while where a step is missing whose uuid is in `expected`.
        """

        def look() -> tuple[Contents, tuple[Step, ...] | str]:
            contents = self._revel.contents(order_id)
            return contents, find_missing(plan, contents)

        def settles(found: tuple[Contents, tuple[Step, ...] | str]) -> bool:
            return isinstance(found[1], str) or not any(step.uuid in expected for step in found[1])

        return self._patience.until(look, settles)

    def _parts(self, stage: Stage, plan: Plan, order_id: OrderId) -> Contents:
        if stage == "items":
            return self._revel.items(order_id)
        return self._revel.money(order_id, payments=bool(plan.payments), discount=bool(plan.discount))


def _tells_totals(plan: Plan, row: OrderRow, known: Container[str]) -> bool:
    """Whether the row proves that the totals were written, or that a station has been at the order since."""
    totals = next(step for step in plan.steps if step.kind == "totals")
    differs = plan.remaining_due != plan.gross_total or totals.uuid in known
    return row.printed or row.discount != plan.discount or (differs and compare_order(plan, row) is None)
