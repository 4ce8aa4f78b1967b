"""The writes of one order: a receipt for each, and a look for what became of those whose answers were lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
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
"""Between two of them, unless the first is answered sooner: so that they arrive in the order of the lines, which is how
a ticket lists them."""


class Steps:
    """Writes steps of orders, in one run. Raises what `Revel` and `Ledger` raise.

    Of an order's items `at_once` may be under way at a time. `halt` is called where the run is interrupted meanwhile.
    """

    def __init__(
        self,
        revel: Revel,
        ledger: Ledger,
        run_id: str,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        halt: Callable[[], None],
        at_once: int = 1,
    ) -> None:
        self._revel = revel
        self._ledger = ledger
        self._run_id = run_id
        self._clock = clock
        self._sleep = sleep
        self._halt = halt
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
            sent = _Sent()
            self._send(plan, left, order_id, labels, sent, written)
            self._settle(plan, order_id, sent, written)

    def doubt(self, plan: Plan, unknown: OutcomeUnknown) -> OutcomeUnknown:
        """`unknown` itself, once the ledger knows how long what was written may yet turn up."""
        note = self._ledger.doubt if unknown.late else self._ledger.look_again
        note(self._run_id, plan.event_id, self._clock() + LATE)
        return unknown

    def _send(
        self,
        plan: Plan,
        steps: Sequence[Step],
        order_id: OrderId,
        labels: Labels,
        sent: _Sent,
        written: dict[str, Written],
    ) -> None:
        """Write steps until one of them fails or differs. Raises what failed, unless only answers were lost."""

        def attempt(step: Step) -> Written | TsrevelError:
            sent.at[step.uuid] = self._clock()
            try:
                answer = self._revel.write(plan, step, order_id, labels)
            except TsrevelError as error:
                sent.went_wrong = True
                return error
            sent.went_wrong |= answer.difference is not None
            return answer

        failures = []
        lanes = [[step] for step in steps]
        with in_lanes(
            lanes,
            attempt,
            self._at_once,
            apart=APART_SECONDS,
            go_on=lambda: not sent.went_wrong,
            abandon=self._halt,
        ) as done:
            for step, answer in done:
                if isinstance(answer, Written):
                    self._note(plan, step, answer, sent, written)
                elif isinstance(answer, OutcomeUnknown):
                    self.doubt(plan, answer)  # at once: the look may fail as well, or this process die
                    sent.lost[step] = answer
                else:
                    del sent.at[step.uuid]
                    failures.append(answer)
        if failures:
            raise failures[0]

    def _settle(self, plan: Plan, order_id: OrderId, sent: _Sent, written: dict[str, Written]) -> None:
        """Look for what writes whose answers were lost may have written: at once, and once more after a while."""
        found = {step: self._seek(plan, step, order_id) for step in sent.lost}
        for step, answer in found.items():
            if answer:
                self._note(plan, step, answer, sent, written)
        missing = [unknown for step, unknown in sent.lost.items() if found[step] is None]
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

    def _note(self, plan: Plan, step: Step, answer: Written, sent: _Sent, written: dict[str, Written]) -> None:
        written[step.uuid] = answer
        del sent.at[step.uuid]
        self._ledger.record(
            self._run_id,
            plan.event_id,
            step,
            revel_id=answer.id,
            facts={},
            under_way_since=min(list(sent.at.values()), default=None),
        )


@dataclass(slots=True)
class _Sent:
    """Writes to one order: when those were sent whose outcome isn't known yet, by uuid, and whose answers were lost."""

    at: dict[str, datetime] = field(default_factory=dict)
    lost: dict[Step, OutcomeUnknown] = field(default_factory=dict)
    went_wrong: bool = False


def split(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Steps in their order, in groups that may be written together: items, and each other one by itself."""
    for kind, alike in groupby(steps, key=lambda step: step.kind):
        together = list(alike)
        yield from [together] if kind == "item" else ([step] for step in together)
