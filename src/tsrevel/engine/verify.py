"""Compares what Revel shows of an order with its plan. Each stage is read back before the next begins.

A status of 201 doesn't prove that Revel stored a row (facts Revel 2.2). Only reads.
"""

from __future__ import annotations

from collections.abc import Collection, Container
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from tsrevel.engine.context import RunContext, RunState
from tsrevel.planning.assumptions import AssumptionCode
from tsrevel.planning.identity import known_local_ids
from tsrevel.planning.model import OrderId, Plan, Step, StepKind
from tsrevel.planning.reasons import Reason
from tsrevel.revel.client import Contents, tell_doubles, tell_renamed
from tsrevel.revel.compare import (
    describe_differences,
    describe_payment,
    describe_texts,
    is_as_planned,
    shows_discount,
    shows_totals,
)
from tsrevel.revel.decode import HistoryRow, ItemRow, OrderRow, PaymentRow
from tsrevel.revel.encode import END_AMOUNTS, wall_time

Stage = Literal["items", "money", "totals", "history"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""An order gets its items, then discount and payments, then its totals, then its history. A discount on an order
without items has no effect (facts Revel 3.7)."""

_STAGE_OF: dict[StepKind, Stage] = {
    "order": "items",
    "item": "items",
    "discount": "money",
    "payment": "money",
    "totals": "totals",
    "history": "history",
}
_Part = ItemRow | PaymentRow | HistoryRow


@dataclass(frozen=True, slots=True)
class Missing:
    """Everything that Revel shows is part of the plan, but it doesn't show these steps."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Strange:
    """In words, how Revel's order contradicts the plan."""

    text: str
    reason: Reason = Reason.ORDER_DIFFERS


@dataclass(frozen=True, slots=True)
class Mismatch:
    """In words, how Revel's order differs from the plan. `alarm`: the run ends with exit status 14.

    AMOUNT_MISMATCH and DUPLICATE_ORDERS always end it so.
    """

    reason: Reason
    text: str
    alarm: bool = False


Finding = Mismatch | Missing | None
"""The problem with an order: how it differs, or the steps that Revel acknowledged and doesn't show. None if it is as
planned."""


def stage_of(step: Step) -> Stage:
    """The stage in which `step` is written."""
    return _STAGE_OF[step.kind]


# Reading back a stage that was just written


def verify(
    ctx: RunContext, state: RunState, plan: Plan, stage: Stage, order_id: OrderId, written: Collection[Step]
) -> Finding:
    """The problem with the order after `written`, steps of that stage, were written.

    Reads again for a while if something isn't shown yet.
    """
    match stage:
        case "items" | "money":
            return _verify_parts(ctx, state, plan, stage, order_id, written)
        case "totals":
            return _verify_totals(ctx, state, plan, order_id)
        case "history":
            return _verify_history(ctx, state, plan, order_id)


def verify_new_order(ctx: RunContext, plan: Plan, order_id: OrderId, begun: datetime) -> Mismatch | None:
    """The problem with a new order, before anything is added to it: a twin, another uuid, or another day than was sent.

    Reads once. A list that lags shows nothing yet, and the read-back of the totals checks again, except for the day: a
    station may change that later (facts Revel 7).
    """
    found = _read_order(ctx, plan, order_id)
    if not isinstance(found, OrderRow):
        return found
    day = wall_time(begun, plan.location)[:10]
    if str(found.written or day) == day or AssumptionCode.REVEL_LOCAL_TIME in ctx.policy.accepted_assumptions:
        return None
    text = f"Revel stores it on {found.written}, not on {day}; the account may read times in another zone"
    return Mismatch(Reason.ORDER_DIFFERS, f"{text} (see docs/reliability.md)", alarm=True)


def read_beginning(
    ctx: RunContext,
    state: RunState,
    plan: Plan,
    order_id: OrderId,
    *,
    pending: Container[str] = (),
    answered: Container[str] = (),
) -> tuple[Contents, Missing | Strange]:
    """The contents of an order begun, and its missing steps, or how it contradicts the plan.

    Reads again for a while if a missing step may still be applied (`pending`), or was acknowledged (`answered`).
    """

    def look() -> tuple[Contents, Missing | Strange]:
        contents = ctx.revel.contents(order_id)
        return contents, find_missing(plan, contents, answered=answered)

    def settles(found: tuple[Contents, Missing | Strange]) -> bool:
        missing = () if isinstance(found[1], Strange) else found[1].steps
        return not any(step.uuid in pending or step.uuid in answered for step in missing)

    return state.poll(ctx, look, settles)


def _verify_parts(
    ctx: RunContext, state: RunState, plan: Plan, stage: Stage, order_id: OrderId, written: Collection[Step]
) -> Finding:
    def look() -> tuple[Contents, Missing | Strange]:
        if stage == "items":
            contents = ctx.revel.items(order_id)
        else:
            contents = ctx.revel.money(order_id, payments=bool(plan.payments), discount=bool(plan.discount))
        return contents, find_missing(plan, contents, {stage})

    contents, found = state.poll(ctx, look, lambda each: each[1] == Missing(()) or isinstance(each[1], Strange))
    renamed = find_renamed(plan, contents, {step.uuid for step in plan.steps if step.kind != "history"})
    if renamed:
        return Mismatch(Reason.ORDER_DIFFERS, tell_renamed(renamed.step), alarm=True)
    if isinstance(found, Strange):
        return Mismatch(Reason.AMOUNT_MISMATCH, found.text)
    sent = {step.uuid for step in written}
    told = (describe_payment(plan, row) for row in contents.payments if row.uuid in sent)
    difference = next(filter(None, told), "")
    if difference:
        return Mismatch(Reason.AMOUNT_MISMATCH, difference)
    return found if found.steps else None


def _verify_totals(ctx: RunContext, state: RunState, plan: Plan, order_id: OrderId) -> Finding:
    """A missing print mark alone is accepted: Revel acknowledged the write, and an account may not keep the mark."""
    totals = next(step for step in plan.steps if step.kind == "totals")

    def look() -> OrderRow | Mismatch | None:
        row = _read_order(ctx, plan, order_id)
        if isinstance(row, OrderRow) and not row.printed:  # the list may lag
            return ctx.revel.find_by_id(row.id) or row
        return row

    def shows_written(row: OrderRow) -> bool:
        """Whether the row has the end state, or shows that a station has changed the order since."""
        return row.printed or not shows_discount(plan, row) or shows_totals(plan, row, unmarked=True)

    row = state.poll(ctx, look, lambda row: isinstance(row, Mismatch) or (row is not None and shows_written(row)))
    if row is None:
        return Missing(plan.steps[:1])
    if isinstance(row, Mismatch):
        return row
    if not shows_written(row):
        return Missing((totals,))
    differences = describe_differences(plan, row)
    return Mismatch(Reason.AMOUNT_MISMATCH, differences) if differences else None


def _verify_history(ctx: RunContext, state: RunState, plan: Plan, order_id: OrderId) -> Finding:
    history = next(step for step in plan.steps if step.kind == "history")

    def look() -> OrderRow | Mismatch | Missing:
        row = _read_order(ctx, plan, order_id)
        if row is None:
            return Missing(plan.steps[:1])
        if isinstance(row, Mismatch):
            return row
        if row.has_history is False or describe_differences(plan, row):  # the list may lag
            row = ctx.revel.find_by_id(row.id) or row
        if row.has_history is False and ctx.revel.seek(plan, history, row.id) is None:
            return Missing((history,))
        return row

    row = state.poll(ctx, look, lambda found: not isinstance(found, Missing))
    if not isinstance(row, OrderRow):
        return row
    twice = find_twice(ctx.revel.history(row.id)) if row.histories and row.histories > 1 else ""
    differences = twice or describe_differences(plan, row)
    return Mismatch(Reason.AMOUNT_MISMATCH, differences) if differences else None


def _read_order(ctx: RunContext, plan: Plan, order_id: OrderId) -> OrderRow | Mismatch | None:
    """The order, or a Mismatch for a twin or another uuid. Searched by its names, then by its uuid, then by its id.

    None if Revel doesn't show it. Another order with its uuid doesn't count.
    """
    names = known_local_ids(ctx.policy, plan.event_id, plan.local_id)
    rows = {row.id: row for row in ctx.revel.find_orders(plan.uuid, names)}
    by_name = frozenset(rows)
    if order_id not in rows and all(row.uuid != plan.uuid for row in rows.values()):
        rows |= {row.id: row for row in ctx.revel.find_by_uuid(plan.uuid)}
    if order_id not in rows:
        found = ctx.revel.find_by_id(order_id)
        rows |= {found.id: found} if found else {}
    own = rows.get(order_id)
    if own and order_id not in by_name and own.local_id in names:
        ctx.revel.doubt_names()
    doubles = ctx.revel.doubles(rows.values())
    if doubles:
        return Mismatch(Reason.DUPLICATE_ORDERS, tell_doubles(doubles, plan.uuid))
    shown = own or next(iter(rows.values()), None)
    if shown and shown.uuid != plan.uuid:
        return Mismatch(Reason.ORDER_DIFFERS, tell_renamed(plan.steps[0]), alarm=True)
    return own  # another order with our uuid, while Revel hides ours, proves nothing


# Comparing, pure


def find_missing(
    plan: Plan, contents: Contents, stages: Container[Stage] = STAGES, answered: Container[str] = ()
) -> Missing | Strange:
    """The steps of `plan` that Revel doesn't show, or how its contents contradict the plan.

    Checks only the steps of `stages`. Somebody removed a part that a finished order lacks: tsrevel doesn't add it
    again. Its print mark alone may be missing, as may that of totals in `answered` (the uuids of acknowledged steps).
    The texts of a stage that was just written aren't checked: Revel may store them shortened.
    """
    twice = find_twice(contents)
    if twice:
        return Strange(twice, Reason.AMOUNT_MISMATCH)
    strange = (
        _strange_order(plan, contents)
        or _strange_items(plan, contents.items)
        or _strange_payments(plan, contents.payments)
        or (stages is STAGES and _strange_texts(plan, contents.items))
    )
    if strange:
        return Strange(strange)
    steps = (step for step in plan.steps if stage_of(step) in stages)
    missing = tuple(step for step in steps if not _is_shown(step, plan, contents, answered))
    if contents.history and any(step.kind == "history" for step in missing):
        return Strange("it has a history row that isn't the planned one")
    finished = contents.history or (contents.order and contents.order.printed)
    if finished and missing and stage_of(missing[0]) in {"items", "money"}:
        return Strange(f"its {missing[0].name} is missing although it is finished")
    return Missing(missing)


def find_twice(contents: Contents) -> str:
    """In words, which kind of part exists twice; "" if none does. A voided or refunded part doesn't count."""
    parts: dict[str, tuple[_Part, ...]] = {
        "an item": tuple(row for row in contents.items if not row.voided),
        "a payment": tuple(row for row in contents.payments if row.counts),
        "a history row": contents.history,
    }
    twice = (part for part, rows in parts.items() if len({row.uuid for row in rows}) < len(rows))
    return next((f"it has {part} twice" for part in twice), "")


@dataclass(frozen=True, slots=True)
class Renamed:
    """A step that was sent, and the row that stores it under another uuid."""

    step: Step
    row_id: str


def find_renamed(plan: Plan, contents: Contents, sent: Container[str]) -> Renamed | None:
    """The part that Revel stores under another uuid than was sent (facts Revel 2.2, 3.3); None if there is none.

    Only for steps in `sent`: parts that a person added by hand aren't ours.
    """
    planned = {step.uuid for step in plan.steps}
    rows: tuple[_Part, ...] = (*contents.items, *contents.payments, *contents.history)
    shown = {row.uuid for row in rows}
    for step in plan.steps:
        if step.uuid in shown or step.uuid not in sent:
            continue
        strangers = [row for row in _rows(step, contents) if row.uuid not in planned]
        found = next((row for row in strangers if _holds(row, step, plan)), None)
        if found:
            return Renamed(step, found.id)
    return None


def row_id(step: Step, contents: Contents) -> str | None:
    """The Revel id of the row that shows `step`; None for a step that the order itself shows."""
    return next((row.id for row in _rows(step, contents) if row.uuid == step.uuid), None)


def _holds(row: _Part, step: Step, plan: Plan) -> bool:
    """Whether the row is what `step` writes, apart from its uuid."""
    if isinstance(row, ItemRow):
        return is_as_planned(row, plan.items[step.number]) and not row.voided
    if isinstance(row, PaymentRow):
        return row.counts and row.amount == plan.payments[step.number].amount
    return True


def _strange_order(plan: Plan, contents: Contents) -> str:
    """Compares only the amounts that the order must have by now."""
    order = contents.order
    if order is None:
        return ""
    compared = {"establishment", "local_id"}
    if order.discounted or order.amounts["discount"]:
        compared.add("discount")
    if order.printed or contents.history:
        compared.update(END_AMOUNTS)
    return describe_differences(plan, order, compared)


def _strange_items(plan: Plan, rows: tuple[ItemRow, ...]) -> str:
    items = {item.uuid: item for item in plan.items}
    strange = (row for row in rows if row.uuid not in items or row.voided or not is_as_planned(row, items[row.uuid]))
    return next((f"its item {row.id} is not as planned" for row in strange), "")


def _strange_texts(plan: Plan, rows: tuple[ItemRow, ...]) -> str:
    items = {item.uuid: item for item in plan.items}
    strange = ((row, describe_texts(row, items[row.uuid])) for row in rows)
    return next((f"its item {row.id} {text}" for row, text in strange if text), "")


def _strange_payments(plan: Plan, rows: tuple[PaymentRow, ...]) -> str:
    payments = {payment.uuid: payment.amount for payment in plan.payments}
    strange = (row for row in rows if row.deleted or payments.get(row.uuid) != row.amount)
    return next((f"its payment {row.id} is not as planned" for row in strange), "")


def _is_shown(step: Step, plan: Plan, contents: Contents, answered: Container[str]) -> bool:
    if step.kind == "order":
        return True
    if step.kind == "discount":
        return contents.order is not None and shows_discount(plan, contents.order)
    if step.kind == "totals":
        unmarked = step.uuid in answered or bool(contents.history)
        return contents.order is not None and shows_totals(plan, contents.order, unmarked=unmarked)
    return any(row.uuid == step.uuid for row in _rows(step, contents))


def _rows(step: Step, contents: Contents) -> tuple[_Part, ...]:
    if step.kind == "item":
        return contents.items
    if step.kind == "payment":
        return contents.payments
    return contents.history if step.kind == "history" else ()
