"""Reading back: what Revel shows of an order that it has acknowledged, before it is finished and after.

A status of 201 doesn't prove that a row was kept (facts Revel 2.2). Only reads.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from tsrevel.engine.evidence import compare_order, find_missing, list_parts, name
from tsrevel.errors import OutcomeUnknown
from tsrevel.planning.model import OrderId, Plan, Step
from tsrevel.revel.client import Contents, Revel

SETTLE_SECONDS = 2.0
"""How long a row just written may stay out of sight. No lag was ever noted, none is ruled out (facts Revel 6)."""


class Proof:
    """Proves orders of one Revel account by reading them back.

    Both ways say in words how the order differs from its plan, None where it doesn't, and raise OutcomeUnknown where
    something that was acknowledged isn't in sight, even after a while; besides that whatever `Revel` raises.
    """

    def __init__(self, revel: Revel, sleep: Callable[[float], None]) -> None:
        self._revel = revel
        self._sleep = sleep

    def of_parts(self, plan: Plan, order_id: OrderId) -> str | None:
        """Read back all that the order is made of, before it is finished: a 201 doesn't prove a row (facts Revel 2.2).

        In words how it differs from the plan, or None. Raises OutcomeUnknown where a part isn't in sight.
        """
        missing = self._missing_parts(plan, order_id)
        if missing and not isinstance(missing, str):
            self._sleep(SETTLE_SECONDS)
            missing = self._missing_parts(plan, order_id)
        if isinstance(missing, str):
            return missing
        if missing:
            raise not_shown(missing[0], order_id)
        return None

    def of_end(self, plan: Plan, order_id: OrderId, known: Container[str]) -> str | None:
        """Read back the finished order. As above.

        A print mark that doesn't stick while the figures do is let be; where no figure tells, after a second run.
        """
        row = self._revel.order(order_id)
        if row.printed and row.has_history is not False:
            return compare_order(plan, row)
        self._sleep(SETTLE_SECONDS)
        contents = self._revel.contents(order_id)
        missing = find_missing(plan, contents)
        if isinstance(missing, str):
            return missing
        difference = compare_order(plan, contents.order)
        telling = plan.remaining_due != plan.gross_total
        for step in missing:
            if step.kind != "totals" or difference or not (telling or step.uuid in known):
                raise not_shown(step, order_id)
        return difference

    def of_beginning(
        self, plan: Plan, order_id: OrderId, known: Container[str]
    ) -> tuple[Contents, tuple[Step, ...] | str]:
        """What there is of an order begun, and what is missing of it, or in words why it isn't part of the plan.

        Looked at twice where a step of `known`, those acknowledged, is missing.
        """
        contents = self._revel.contents(order_id)
        missing = find_missing(plan, contents)
        if not isinstance(missing, str) and any(step.uuid in known for step in missing):
            self._sleep(SETTLE_SECONDS)
            contents = self._revel.contents(order_id)
            missing = find_missing(plan, contents)
        return contents, missing

    def _missing_parts(self, plan: Plan, order_id: OrderId) -> tuple[Step, ...] | str:
        missing = find_missing(plan, self._revel.parts(order_id, payments=bool(plan.payments)))
        return missing if isinstance(missing, str) else list_parts(missing)


def not_shown(step: Step, order_id: OrderId) -> OutcomeUnknown:
    """What to raise for a step that was acknowledged and isn't in sight."""
    return OutcomeUnknown(
        f"Revel acknowledged the {name(step)} of order {order_id} and doesn't show it; the next run looks again",
        late=True,
    )
