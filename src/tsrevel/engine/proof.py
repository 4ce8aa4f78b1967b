"""Reading back: what Revel shows of an order that it has acknowledged, before it is finished and after.

A status of 201 doesn't prove that a row was kept (facts Revel 2.2). Only reads.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from tsrevel.engine.evidence import Stage, compare_order, find_missing, name
from tsrevel.errors import OutcomeUnknown
from tsrevel.planning.model import OrderId, Plan, Step
from tsrevel.revel.client import Contents, Revel
from tsrevel.revel.decode import OrderRow

SETTLE_SECONDS = 2.0
"""How long a row just written may stay out of sight. No lag was ever noted, none is ruled out (facts Revel 6)."""


class Proof:
    """Proves orders of one Revel account by reading them back. Raises whatever `Revel` raises."""

    def __init__(self, revel: Revel, sleep: Callable[[float], None]) -> None:
        self._revel = revel
        self._sleep = sleep

    def of(self, stage: Stage, plan: Plan, order_id: OrderId, known: Container[str]) -> str | None:
        """In words, how the order differs from its plan after that stage of it was written; None where it doesn't.

        `known` are the uuids of what earlier runs have receipts for. Raises OutcomeUnknown where something that was
        acknowledged isn't in sight, even after a while.
        """
        if stage == "totals":
            return self._of_totals(plan, order_id, known)
        if stage == "history":
            return self._of_history(plan, order_id)
        return self._of_parts(stage, plan, order_id)

    def _of_parts(self, stage: Stage, plan: Plan, order_id: OrderId) -> str | None:
        missing = self._missing_parts(stage, plan, order_id)
        if missing and not isinstance(missing, str):
            self._sleep(SETTLE_SECONDS)
            missing = self._missing_parts(stage, plan, order_id)
        if isinstance(missing, str):
            return missing
        if missing:
            raise not_shown(missing[0], order_id)
        return None

    def _of_totals(self, plan: Plan, order_id: OrderId, known: Container[str]) -> str | None:
        """A print mark that doesn't stick while the figures do is let be; where no figure tells, in a second run."""
        row = self._order(plan, order_id)
        if not row.printed:
            self._sleep(SETTLE_SECONDS)
            row = self._revel.order(order_id)
        difference = compare_order(plan, row)
        totals = next(step for step in plan.steps if step.kind == "totals")
        told = not difference and (plan.remaining_due != plan.gross_total or totals.uuid in known)
        if row.printed or told or row.discount != plan.discount:
            return difference
        raise not_shown(totals, order_id)

    def _of_history(self, plan: Plan, order_id: OrderId) -> str | None:
        row = self._order(plan, order_id)
        if row.has_history is False:
            self._sleep(SETTLE_SECONDS)
            history = next(step for step in plan.steps if step.kind == "history")
            if self._revel.seek(plan, history, order_id) is None:
                raise not_shown(history, order_id)
        return compare_order(plan, row)

    def _order(self, plan: Plan, order_id: OrderId) -> OrderRow:
        row = self._revel.find_by_id(order_id)
        if row is None:
            self._sleep(SETTLE_SECONDS)
            row = self._revel.find_by_id(order_id)
        if row is None:
            raise not_shown(plan.steps[0], order_id)
        return row

    def of_beginning(
        self, plan: Plan, order_id: OrderId, known: Container[str] = (), pauses: tuple[float, ...] = ()
    ) -> tuple[Contents, tuple[Step, ...] | str]:
        """What there is of an order begun, and what is missing of it, or in words why it isn't part of the plan.

        Looked at again while something is missing, after each of `pauses` (seconds); where a step of `known`, those
        acknowledged, is missing, at least once.
        """
        contents = self._revel.contents(order_id)
        missing = find_missing(plan, contents)
        if not pauses and any(step.uuid in known for step in missing if isinstance(step, Step)):
            pauses = (SETTLE_SECONDS,)
        for pause in pauses:
            if missing and not isinstance(missing, str):
                self._sleep(pause)
                contents = self._revel.contents(order_id)
                missing = find_missing(plan, contents)
        return contents, missing

    def _missing_parts(self, stage: Stage, plan: Plan, order_id: OrderId) -> tuple[Step, ...] | str:
        if stage == "items":
            return find_missing(plan, self._revel.items(order_id), {stage})
        money = self._revel.money(order_id, payments=bool(plan.payments), discount=bool(plan.discount))
        return find_missing(plan, money, {stage})


def not_shown(step: Step, order_id: OrderId) -> OutcomeUnknown:
    """What to raise for a step that was acknowledged and isn't in sight."""
    return OutcomeUnknown(
        f"Revel acknowledged the {name(step)} of order {order_id} and doesn't show it; the next run looks again",
        late=True,
    )
