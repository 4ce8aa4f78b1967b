"""The writes of one order: a receipt for each, and a look for what became of those whose answers were lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from tsrevel.engine.lanes import in_lanes
from tsrevel.engine.proof import SETTLE_SECONDS
from tsrevel.errors import OutcomeUnknown, TsrevelError
from tsrevel.ledger import Ledger
from tsrevel.planning.model import Labels, OrderId, Plan, Step
from tsrevel.revel.client import Revel, Written

LATE = timedelta(minutes=15)
"""How long a write that got no answer in time may still be applied, and an acknowledged one stay out of sight."""
ITEMS_AT_ONCE = 3
"""Items of one order under way at a time, at most: nobody has seen Revel with many."""
APART_SECONDS = 0.03
"""Between two of them, so that they arrive in the order of the lines, which is how a ticket lists them."""


class Steps:
    """Writes steps of orders, in one run. Raises what `Revel` and `Ledger` raise.

    Of an order's items `at_once` may be under way at a time.
    """

    def __init__(
        self,
        revel: Revel,
        ledger: Ledger,
        run_id: str,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        at_once: int = 1,
    ) -> None:
        self._revel = revel
        self._ledger = ledger
        self._run_id = run_id
        self._clock = clock
        self._sleep = sleep
        self._at_once = at_once

    def write(self, plan: Plan, steps: Sequence[Step], order_id: OrderId, labels: Labels) -> list[Written]:
        """What Revel made of these steps, each with its receipt; `order_id` is '' for the order itself.

        After one that differs from what was sent no other is begun. The same after one that fails: its failure is
        raised once none is under way any more. Raises OutcomeUnknown for one that may have been written or not.
        """
        written: dict[str, Written] = {}
        while True:
            left = [step for step in steps if step.uuid not in written]
            if not left or any(each.difference for each in written.values()):
                return list(written.values())
            lost = self._send(plan, left, order_id, labels, written)
            if lost:
                self._settle(plan, lost, order_id, written)

    def doubt(self, plan: Plan, unknown: OutcomeUnknown) -> OutcomeUnknown:
        """`unknown` itself, once the ledger knows how long what was written may yet turn up."""
        note = self._ledger.doubt if unknown.late else self._ledger.look_again
        note(self._run_id, plan.event_id, self._clock() + LATE)
        return unknown

    def _send(
        self, plan: Plan, steps: Sequence[Step], order_id: OrderId, labels: Labels, written: dict[str, Written]
    ) -> list[tuple[Step, OutcomeUnknown]]:
        """Write steps until one of them fails or differs. Adds to `written`; gives those whose answers were lost."""
        trouble: list[tuple[Step, TsrevelError | str]] = []

        def attempt(step: Step) -> Written | None:
            try:
                answer = self._revel.write(plan, step, order_id, labels)
            except TsrevelError as error:
                trouble.append((step, error))
                return None
            if answer.difference:
                trouble.append((step, answer.difference))
            return answer

        lanes, goes_well = [[step] for step in steps], lambda: not trouble
        with in_lanes(lanes, attempt, self._at_once, apart=APART_SECONDS, go_on=goes_well) as done:
            for step, answer in done:
                if answer:
                    self._note(plan, step, answer, written)
        lost = [(step, error) for step, error in trouble if isinstance(error, OutcomeUnknown)]
        for _, unknown in lost:
            self.doubt(plan, unknown)  # first: the look may fail as well, or this process die
        for _, error in trouble:
            if isinstance(error, TsrevelError) and not isinstance(error, OutcomeUnknown):
                raise error
        return lost

    def _settle(
        self, plan: Plan, lost: Sequence[tuple[Step, OutcomeUnknown]], order_id: OrderId, written: dict[str, Written]
    ) -> None:
        """Look for what writes whose answers were lost may have written: at once, and once more after a while."""
        found = [(step, unknown, self._seek(plan, step, order_id)) for step, unknown in lost]
        for step, _, answer in found:
            if answer:
                self._note(plan, step, answer, written)
        missing = [unknown for _, unknown, answer in found if answer is None]
        for unknown in missing:
            if len(missing) < len(found):
                self.doubt(plan, unknown)  # the receipts of the others ended it
        if missing:
            first = max(missing, key=lambda unknown: unknown.late)
            text = f"{first}; Revel doesn't show it, so the next run looks again"
            raise OutcomeUnknown(text, late=first.late) from first

    def _seek(self, plan: Plan, step: Step, order_id: OrderId) -> Written | None:
        found = self._revel.seek(plan, step, order_id)
        if found is None:
            self._sleep(SETTLE_SECONDS)
            found = self._revel.seek(plan, step, order_id)
        return found

    def _note(self, plan: Plan, step: Step, answer: Written, written: dict[str, Written]) -> None:
        written[step.uuid] = answer
        self._ledger.record(self._run_id, plan.event_id, step, revel_id=answer.id, facts={})


def split(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Steps in their order, in groups that may be written together: items, and each other one by itself."""
    for kind, alike in groupby(steps, key=lambda step: step.kind):
        together = list(alike)
        yield from [together] if kind == "item" else ([step] for step in together)
