"""Writes one order: claims it before its first write, marks each step before it is sent, reads each stage back.

Nothing here plans, or decides whether an event is due. Raises what `Revel` and `Ledger` raise; the next run then
continues with the order.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import NoReturn
from zoneinfo import ZoneInfo

from tsrevel.engine.context import RunContext, RunState, wait
from tsrevel.engine.outcomes import Outcome, injected, not_written
from tsrevel.engine.verify import STAGES, Mismatch, Missing, find_renamed, stage_of, verify, verify_new_order
from tsrevel.errors import (
    AssumptionFailed,
    NotShown,
    OutcomeUnknown,
    Refused,
    ServerFault,
    ServiceDown,
    Throttled,
    TsrevelError,
    Unreadable,
)
from tsrevel.ledger import PENDING, KnownOrder
from tsrevel.planning.assumptions import AssumptionCode
from tsrevel.planning.model import Hold, Labels, OrderId, Plan, Step
from tsrevel.planning.reasons import Reason
from tsrevel.planning.screening import judge_gate
from tsrevel.revel.client import WriteResult, tell_renamed
from tsrevel.revel.compare import describe_differences
from tsrevel.transport.api import ATTEMPTS, is_worth_waiting, pause_after

MOST_KNOWN, MOST_TESTED = 200, 10
"""Orders of ours that are read (more than a run usually makes) and searched for, while those before don't stand."""
NO_ORDER = OrderId("")
_NO_LABELS = Labels("", "")  # they are sent with the order itself, which exists already when it is finished later


@dataclass(frozen=True, slots=True)
class Writing:
    """An order to write or to finish.

    `missing`: the steps to write. `order_id`: '' until the order exists. `digest`: the content hash of its event.
    `known`: the uuids of the steps that earlier runs have receipts for. `ignore_gate`: the order may be made although
    its event's time gate is closed. `begun`: when the order was first written; None if unknown, or not yet.
    """

    about: Outcome
    plan: Plan
    missing: tuple[Step, ...]
    labels: Labels = _NO_LABELS
    order_id: OrderId = NO_ORDER
    digest: str | None = None
    known: Container[str] = ()
    ignore_gate: bool = False
    begun: datetime | None = None


def inject(ctx: RunContext, state: RunState, writing: Writing) -> Outcome:
    """Write an order. A search that can be believed has just shown that Revel doesn't have it, and its gate is open.

    Raises WrongClock before anything is written, because the order's date is by the clock.
    """
    state.clock_check.check()
    ctx.ledger.orders.claim(ctx.run_id, writing.plan, writing.digest)
    state.budget.count(writing.plan.event_id)
    return write_missing(ctx, state, writing)


def check_search(ctx: RunContext, state: RunState) -> None:
    """Raise AssumptionFailed if the search by name doesn't show an order of ours: its silence proves nothing then.

    Sends no request once the account has shown an order so, as the read-back of the first one usually does. If Revel
    can't show an order at all, the next one decides. A young one decides last: it may only be late, so ServiceDown is
    raised then.
    """
    code, now = AssumptionCode.REVEL_FINDS_BY_LOCAL_ID, ctx.now()
    if ctx.revel.finds_by_name or code in ctx.policy.accepted_assumptions:
        return

    def is_young(order: KnownOrder) -> bool:
        return order.written_at is not None and now - order.written_at <= PENDING

    unread: Unreadable | ServerFault | None = None
    for known in sorted(ctx.ledger.assumptions.known_orders(MOST_KNOWN), key=is_young)[:MOST_TESTED]:
        try:
            is_shown = state.poll(ctx, partial(_is_shown, ctx, known), lambda found: found is not False)
        except (ServerFault, Unreadable) as error:
            unread = error
            continue
        if is_shown:
            return
        if is_shown is None:
            continue
        why = f"Revel doesn't find order {known.order_id} by its local_id"
        if is_young(known):
            raise ServiceDown(f"{why} yet; no further order was begun, and the next run goes on")
        if known.written_at:  # else an earlier ledger's, perhaps made a moment ago
            ctx.revel.note_unnamed(known.order_id)
        raise AssumptionFailed(
            f"{why} ({code}), so nobody can know whether an event has an order already. No further order was begun"
        )
    if unread:
        raise unread


def _is_shown(ctx: RunContext, known: KnownOrder) -> bool | None:
    """Whether a search by name shows that order. None if it doesn't stand under that name any more."""
    if any(row.id == known.order_id for row in ctx.revel.find_orders(known.uuid, (known.local_id,))):
        return True
    row = ctx.revel.find_by_id(known.order_id)
    return None if row is None or row.local_id != known.local_id or ctx.revel.is_gone(row) else False


def write_missing(ctx: RunContext, state: RunState, writing: Writing) -> Outcome:
    """Write the missing steps, stage by stage, verify each stage by reading it back, and settle the order."""
    plan, order_id = writing.plan, writing.order_id
    begun = writing.begun or ctx.now()
    writing = replace(writing, begun=begun)
    for stage in STAGES:
        steps = [step for step in writing.missing if stage_of(step) == stage]
        for step in steps:
            written = write_step(ctx, state, writing, step, order_id)
            order_id = order_id or OrderId(written.id)
            mismatch = _judge_write(written)
            if mismatch is None and step.kind == "order":
                mismatch = verify_new_order(ctx, plan, order_id, begun)
            if mismatch:
                return stop_writing(ctx, writing.about, plan, order_id, mismatch)
        if not steps and stage is not STAGES[-1]:
            continue
        finding = verify(ctx, state, plan, stage, order_id, steps)
        if finding is None and ctx.limits.second_look and wait(ctx, ctx.limits.second_look):
            finding = verify(ctx, state, plan, stage, order_id, steps)
        if isinstance(finding, Missing):
            raise_not_shown(ctx, plan, finding.steps, order_id)
        if finding:
            return stop_writing(ctx, writing.about, plan, order_id, finding)
    return settle(ctx, writing, order_id)


def settle(ctx: RunContext, writing: Writing, order_id: OrderId) -> Outcome:
    """Settle an order that is whole. Stores first how its searches went: later runs go by that."""
    ctx.store_assumptions()
    ctx.ledger.orders.settle(ctx.run_id, writing.plan.event_id, order_id, writing.digest)
    return injected(writing.about, writing.plan, order_id)


def write_step(ctx: RunContext, state: RunState, writing: Writing, step: Step, order_id: OrderId) -> WriteResult:
    """Send one step and store its receipt; `order_id` is '' for the order itself.

    The ledger marks the step as sent until it is answered or was certainly not applied: if this process dies, the next
    one knows. After a lost answer the step is searched for, never sent again. After a 429 it is searched for before and
    after the wait, and sent again only if Revel doesn't show it, and the order itself only while its time gate is open.
    Raises OutcomeUnknown if nobody can know whether it was applied.
    """
    plan = writing.plan
    for attempt in range(1, ATTEMPTS + 1):
        ctx.ledger.orders.mark_sent(ctx.run_id, plan.event_id, step)
        try:
            written = ctx.revel.write(plan, step, order_id, writing.labels, writing.begun)
        except OutcomeUnknown as unknown:
            state.in_doubt.add(plan.event_id)  # and it stays in doubt if the search for it fails
            written = _find_lost(ctx, state, plan, step, order_id, unknown)
        except Throttled as error:
            state.in_doubt.add(plan.event_id)
            found = _find_throttled(ctx, state, plan, step, order_id, error, attempt)
            if found is None:
                if step.kind == "order" and not writing.ignore_gate and not _may_be_made(ctx, plan):
                    raise  # it would get the next day's date; a later run finds out whether this one was applied
                changed = _changed_meanwhile(ctx, plan, step, order_id)
                if changed:
                    return changed
                continue
            written = found
        except TsrevelError as error:
            if attempt == 1:  # else an earlier attempt, answered with 429, may have been applied
                answer = str(error) if isinstance(error, Refused) else None
                ctx.ledger.orders.mark_not_applied(ctx.run_id, plan.event_id, step, answer)
            raise
        ctx.ledger.orders.record(ctx.run_id, plan.event_id, step, written.id)
        state.in_doubt.discard(plan.event_id)
        return written
    raise AssertionError("the last attempt returns or raises")


def stop_writing(ctx: RunContext, about: Outcome, plan: Plan, order_id: OrderId, mismatch: Mismatch) -> Outcome:
    """Write no more to the order. With a twin it isn't disputed: it is finished once the twin is deleted."""
    if mismatch.reason is Reason.DUPLICATE_ORDERS:
        return hold_order(about, plan, order_id, Hold(mismatch.reason, mismatch.text))
    return dispute(ctx, about, plan, order_id, mismatch)


def dispute(ctx: RunContext, about: Outcome, plan: Plan, order_id: OrderId, mismatch: Mismatch) -> Outcome:
    """Leave the order alone from now on: nothing more is written to it before a person has checked it."""
    finding = differs(replace(mismatch, text=mismatch.text + _tell_unfinished(ctx, plan)), order_id)
    ctx.ledger.orders.dispute(ctx.run_id, plan.event_id, order_id, finding)
    return hold_order(about, plan, order_id, finding, alarm=mismatch.alarm)


def _tell_unfinished(ctx: RunContext, plan: Plan) -> str:
    """How much of an order that this ledger wrote exists, unless it is whole."""
    record = ctx.ledger.orders.get(plan.event_id)
    written = sum(step.uuid in record.receipts for step in plan.steps) if record else 0
    if written in {0, len(plan.steps)}:
        return ""
    unlisted = "Revel's console lists no order without its history row"  # facts Revel 3.8
    return f". It is unfinished: {written} of {len(plan.steps)} parts are written, and {unlisted}"


def hold_order(about: Outcome, plan: Plan, order_id: OrderId, finding: Hold, *, alarm: bool = False) -> Outcome:
    """`about`, held, with the reason why its order can't be finished."""
    alarm = alarm or finding.reason in {Reason.AMOUNT_MISMATCH, Reason.DUPLICATE_ORDERS}
    known = replace(not_written(about, finding), order_id=order_id, local_id=plan.local_id, total=plan.final_total)
    return replace(known, alarm=alarm)


def differs(mismatch: Mismatch, order_id: OrderId) -> Hold:
    """The mismatch as a hold, worded for people."""
    return Hold(mismatch.reason, f"Revel order {order_id} is not what was planned: {mismatch.text}")


def raise_not_shown(ctx: RunContext, plan: Plan, steps: Sequence[Step], order_id: OrderId | None) -> NoReturn:
    """Mark steps that Revel acknowledged and doesn't show as missing in the ledger, and raise NotShown."""
    ctx.ledger.orders.mark_missing(ctx.run_id, plan.event_id, steps)
    first = steps[0]
    whose = f"order {order_id}" if first.kind == "order" else f"{first.name} of order {order_id}"
    again = "a later run checks again and may send it once more"
    raise NotShown(f"Revel acknowledged the {whose} but doesn't show it; {again}")


def _find_lost(
    ctx: RunContext, state: RunState, plan: Plan, step: Step, order_id: OrderId, unknown: OutcomeUnknown
) -> WriteResult:
    """The row of a write whose answer was lost, searched for at once and then for a while.

    Raises OutcomeUnknown if Revel doesn't show it.
    """
    found = state.poll(ctx, lambda: ctx.revel.seek(plan, step, order_id), bool)
    if found:
        return found
    contents = ctx.revel.contents(order_id) if order_id else None
    renamed = find_renamed(plan, contents, {step.uuid}) if contents else None
    if renamed:
        return WriteResult(renamed.row_id, tell_renamed(step), renamed=True)
    ctx.ledger.orders.note_unanswered(ctx.run_id, plan.event_id, step, str(unknown))
    raise OutcomeUnknown(f"{unknown}; Revel doesn't show it yet, so a later run checks again") from unknown


def _find_throttled(
    ctx: RunContext, state: RunState, plan: Plan, step: Step, order_id: OrderId, error: Throttled, attempt: int
) -> WriteResult | None:
    """The row of a write that was answered with 429, searched for before the wait that `error` asks for and after it.

    None if it may be sent again. Raises `error` if there is no time or no attempt left for that.
    """
    found = ctx.revel.seek(plan, step, order_id)
    if found:
        return found
    if attempt == ATTEMPTS or not is_worth_waiting(error) or not wait(ctx, pause_after(error, attempt)):
        raise error
    return state.poll(ctx, lambda: ctx.revel.seek(plan, step, order_id), bool)


def _may_be_made(ctx: RunContext, plan: Plan) -> bool:
    """Whether the time gate of the plan's event is open now."""
    return judge_gate(plan.day, ZoneInfo(plan.location.timezone), ctx.policy.gate, ctx.now()) == "open"


def _changed_meanwhile(ctx: RunContext, plan: Plan, step: Step, order_id: OrderId) -> WriteResult | None:
    """How a station changed the order while its totals waited to be sent again; None if it didn't."""
    if step.kind != "totals":
        return None
    difference = describe_differences(plan, ctx.revel.order(order_id), {"discount"})
    return WriteResult(order_id, difference) if difference else None


def _judge_write(written: WriteResult) -> Mismatch | None:
    """The mismatch if a write left something other than was sent."""
    if written.difference is None:
        return None
    reason = Reason.ORDER_DIFFERS if written.renamed else Reason.AMOUNT_MISMATCH
    return Mismatch(Reason.DUPLICATE_ORDERS if written.doubled else reason, written.difference, alarm=True)
