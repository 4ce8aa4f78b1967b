"""The writes of one order: each marked before it is sent, a receipt after it, and a look for lost answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from tsrevel.engine.evidence import find_renamed
from tsrevel.engine.lanes import in_lanes
from tsrevel.engine.patience import Patience
from tsrevel.errors import OutcomeUnknown, Throttled, TsrevelError
from tsrevel.ledger import Ledger
from tsrevel.planning.model import Labels, OrderId, Plan, Step
from tsrevel.retry import ATTEMPTS, is_worth_waiting, pause_after
from tsrevel.revel.client import Revel, Written, tell_renamed

ITEMS_AT_ONCE = 3
"""Items of one order under way at a time, at most: nobody has seen Revel with many."""
APART_SECONDS = 0.03
"""Between two of them, unless the first is answered sooner: so that they arrive in the order of the lines, which is how
a ticket lists them."""


class Steps:
    """Writes steps of orders, in one run. Raises what `Revel` and `Ledger` raise.

    A step that was sent stays marked in the ledger until it is answered, or surely wasn't applied: whatever becomes of
    this process, the next one knows. Of an order's items `at_once` may be under way at a time. `halt` is called where
    the run is interrupted meanwhile.
    """

    def __init__(
        self,
        revel: Revel,
        ledger: Ledger,
        run_id: str,
        patience: Patience,
        halt: Callable[[], None],
        at_once: int = 1,
    ) -> None:
        self._revel = revel
        self._ledger = ledger
        self._run_id = run_id
        self._patience = patience
        self._halt = halt
        self._at_once = at_once

    def write(self, plan: Plan, steps: Sequence[Step], order_id: OrderId, labels: Labels) -> list[Written]:
        """What Revel made of these steps, each with its receipt; `order_id` is '' for the order itself.

        After one that differs from what was sent no other is begun. The same after one that fails: its failure is
        raised once none is under way any more. Raises OutcomeUnknown for one that may have been written or not.
        """
        sent = _Sent()
        while True:
            left = [step for step in steps if step.uuid not in sent.written]
            if not left or any(each.difference for each in sent.written.values()):
                return list(sent.written.values())
            sent.lost.clear()
            sent.went_wrong = False
            self._send(plan, left, order_id, labels, sent)
            if sent.lost:
                self._settle(plan, order_id, sent)

    def _send(self, plan: Plan, steps: Sequence[Step], order_id: OrderId, labels: Labels, sent: _Sent) -> None:
        """Write steps until one of them fails or differs. Raises what failed, unless only answers were lost."""

        def attempt(step: Step) -> Written | TsrevelError:
            try:
                answer = self._attempt(plan, step, order_id, labels)
                sent.went_wrong |= answer.difference is not None
                self._note(plan, step, answer, sent)
            except TsrevelError as error:
                sent.went_wrong = True
                return error
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
                if isinstance(answer, OutcomeUnknown):
                    sent.lost[step] = answer
                elif isinstance(answer, TsrevelError):
                    failures.append(answer)
        if failures:
            raise failures[0]

    def _attempt(self, plan: Plan, step: Step, order_id: OrderId, labels: Labels) -> Written:
        """Send the step; after a 429 again, as often as a read, unless looks for it show that it was written.

        The looks go on as long as for a lost answer: a list that lags must not make a second order of one that a 429
        answered and Revel applied all the same.
        """

        def look() -> Written | None:
            return self._revel.seek(plan, step, order_id)

        throttled = False
        for attempt in range(1, ATTEMPTS + 1):
            self._ledger.mark_sent(self._run_id, plan.event_id, step)
            try:
                return self._revel.write(plan, step, order_id, labels)
            except OutcomeUnknown:
                raise
            except Throttled as error:
                throttled = True
                found = look()
                if found is None and attempt < ATTEMPTS and self._wait_after(error, attempt):
                    found = self._patience.until(look, bool)
                elif found is None:
                    raise
                if found:
                    return found
            except TsrevelError:
                if not throttled:  # what a 429 answered may be applied all the same
                    self._ledger.note_not_applied(self._run_id, plan.event_id, step)
                raise
        raise AssertionError("the last attempt returns or raises")

    def _wait_after(self, error: Throttled, attempt: int) -> bool:
        """Wait as Revel asks. False where that is too long, or longer than the run has left."""
        return is_worth_waiting(error) and self._patience.pause(pause_after(error, attempt))

    def _settle(self, plan: Plan, order_id: OrderId, sent: _Sent) -> None:
        """Look for what writes whose answers were lost may have written, at once and for a while."""

        def look() -> bool:
            for step in [each for each in sent.lost if each.uuid not in sent.written]:
                found = self._revel.seek(plan, step, order_id)
                if found:
                    self._note(plan, step, found, sent)
            return all(step.uuid in sent.written for step in sent.lost)

        if self._patience.until(look, bool):
            return
        missing = [step for step in sent.lost if step.uuid not in sent.written]
        contents = self._revel.contents(order_id) if order_id else None
        renamed = find_renamed(plan, contents, {step.uuid for step in missing}) if contents else None
        if renamed:
            self._note(plan, renamed.step, Written(renamed.row_id, tell_renamed(renamed.step), renamed=True), sent)
            return
        unknown = sent.lost[missing[0]]
        raise OutcomeUnknown(f"{unknown}; Revel doesn't show it yet, so a later run looks again") from unknown

    def _note(self, plan: Plan, step: Step, answer: Written, sent: _Sent) -> None:
        self._ledger.record(self._run_id, plan.event_id, step, revel_id=answer.id, facts={})
        sent.written[step.uuid] = answer


@dataclass(slots=True)
class _Sent:
    """Writes to one order: those that are there, by uuid, and whose answers were lost."""

    written: dict[str, Written] = field(default_factory=dict)
    lost: dict[Step, OutcomeUnknown] = field(default_factory=dict)
    went_wrong: bool = False


def split(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Steps in their order, in groups that may be written together: items, and each other one by itself."""
    for kind, alike in groupby(steps, key=lambda step: step.kind):
        together = list(alike)
        yield from [together] if kind == "item" else ([step] for step in together)
