"""What Revel shows against what we planned. Pure: values in, what is missing or a difference in words out."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal, get_args

from tsrevel.planning.model import Item, Plan, Step, StepKind
from tsrevel.planning.money import show
from tsrevel.revel.client import Contents, shows_discount, shows_totals
from tsrevel.revel.decode import HistoryRow, ItemRow, OrderRow, PaymentRow

Stage = Literal["items", "money", "totals", "history"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""An order gets its items, then discount and payments, then its totals, then its history: each stage is read back
before the next is begun. A discount on an order without items comes to nothing (facts Revel 3.7)."""

_STAGE_OF: dict[StepKind, Stage] = {
    "order": "items",
    "item": "items",
    "discount": "money",
    "payment": "money",
    "totals": "totals",
    "history": "history",
}


def find_missing(plan: Plan, contents: Contents, stages: Container[Stage] = STAGES) -> tuple[Step, ...] | str:
    """The steps of `plan` that Revel doesn't show, or in words why what is there isn't part of the plan.

    Looks for the steps of `stages` alone. An order that is finished and lacks a part isn't ours to complete: somebody
    took it away.
    """
    strange = (
        _strange_order(plan, contents.order)
        or _strange_items(plan, contents.items)
        or _strange_payments(plan, contents.payments)
        or find_twice(contents)
    )
    if strange:
        return strange
    missing = [step for step in plan.steps if stage_of(step) in stages and not _is_shown(step, plan, contents)]
    if contents.history and any(step.kind == "history" for step in missing):
        return "it has a history row that isn't the planned one"
    finished = contents.history or (contents.order and contents.order.printed)
    if finished and missing and stage_of(missing[0]) in {"items", "money"}:
        return f"its {name(missing[0])} is missing although it is finished"
    return tuple(missing)


def find_twice(contents: Contents) -> str | None:
    """In words, which kind of part is there twice."""
    parts: dict[str, tuple[ItemRow | PaymentRow | HistoryRow, ...]] = {
        "an item": contents.items,
        "a payment": contents.payments,
        "a history row": contents.history,
    }
    return next((f"it has {part} twice" for part, rows in parts.items() if _twice(rows)), None)


@dataclass(frozen=True, slots=True)
class Renamed:
    """A step that was sent, and the row that holds what it wrote under another uuid."""

    step: Step
    row_id: str


def find_renamed(plan: Plan, contents: Contents, sent: Container[str]) -> Renamed | None:
    """The part that Revel keeps under another uuid than was sent (facts Revel 2.2, 3.3); None where there is none.

    Of steps in `sent` alone: what a person added by hand isn't ours.
    """
    planned = {step.uuid for step in plan.steps}
    rows: tuple[ItemRow | PaymentRow | HistoryRow, ...] = (*contents.items, *contents.payments, *contents.history)
    shown = {row.uuid for row in rows}
    for step in plan.steps:
        if step.uuid in shown or step.uuid not in sent:
            continue
        strangers = [row for row in _rows(step, contents) if row.uuid not in planned]
        found = next((row for row in strangers if _holds(row, step, plan)), None)
        if found:
            return Renamed(step, found.id)
    return None


def _holds(row: ItemRow | PaymentRow | HistoryRow, step: Step, plan: Plan) -> bool:
    """Whether the row is what `step` writes, but for its uuid."""
    if isinstance(row, ItemRow):
        return _same_item(row, plan.items[step.number])
    if isinstance(row, PaymentRow):
        return row.counts and row.amount == plan.payments[step.number].amount
    return True


def stage_of(step: Step) -> Stage:
    """The stage in which `step` is written."""
    return _STAGE_OF[step.kind]


def name(step: Step) -> str:
    """The step in words: "item 2", "discount"."""
    return f"{step.kind} {step.number + 1}" if step.kind in {"item", "payment"} else step.kind


def row_id(step: Step, contents: Contents) -> str | None:
    """The Revel id of the row that shows `step`; None for what the order itself shows."""
    return next((row.id for row in _rows(step, contents) if row.uuid == step.uuid), None)


def compare_order(plan: Plan, row: OrderRow) -> str | None:
    """In words, how the finished order's money or identity differs from the plan; None when it doesn't."""
    pairs = [
        ("establishment", str(row.establishment), str(plan.location.establishment)),
        ("local_id", row.local_id, plan.local_id),
        ("uuid", row.uuid, plan.uuid),
        ("subtotal", show(row.subtotal), show(plan.subtotal)),
        ("discount", show(row.discount), show(plan.discount)),
        ("tax", show(row.tax), show(plan.tax)),
        ("gratuity", show(row.gratuity), show(plan.gratuity)),
        ("total", show(row.final_total), show(plan.final_total)),
        ("balance", show(row.remaining_due), show(plan.remaining_due)),
    ]
    differences = [f"{what} is {there}, not {planned}" for what, there, planned in pairs if there != planned]
    return "; ".join(differences) or None


def _strange_order(plan: Plan, order: OrderRow | None) -> str | None:
    if order is None:
        return None
    if order.establishment != plan.location.establishment:
        return f"it is at establishment {order.establishment}, not {plan.location.establishment}"
    if order.local_id != plan.local_id:
        return "its local_id is another"
    if order.discount != plan.discount and (order.discounted or order.discount):
        return f"its discount is {show(order.discount)}, not {show(plan.discount)}; did a POS station open it?"
    if order.printed and not shows_totals(plan, order):
        due = f"a total of {show(order.final_total)} and {show(order.remaining_due)} due"
        return f"it is finished with {due}, not {show(plan.final_total)} and {show(plan.remaining_due)}"
    return None


def _strange_items(plan: Plan, rows: tuple[ItemRow, ...]) -> str | None:
    items = {item.uuid: item for item in plan.items}
    for row in rows:
        if row.uuid not in items or not _same_item(row, items[row.uuid]):
            return f"its item {row.id} is not as planned"
    return None


def _strange_payments(plan: Plan, rows: tuple[PaymentRow, ...]) -> str | None:
    payments = {payment.uuid: payment.amount for payment in plan.payments}
    for row in rows:
        if row.deleted or payments.get(row.uuid) != row.amount:
            return f"its payment {row.id} is not as planned"
    return None


def _twice(rows: tuple[ItemRow | PaymentRow | HistoryRow, ...]) -> bool:
    uuids = [row.uuid for row in rows]
    return len(uuids) != len(set(uuids))


def _same_item(row: ItemRow, item: Item) -> bool:
    as_planned = row.product == item.product and row.quantity == item.quantity and row.price == item.unit_price
    return as_planned and not row.voided


def _is_shown(step: Step, plan: Plan, contents: Contents) -> bool:
    if step.kind == "order":
        return True
    if step.kind == "discount":
        return contents.order is not None and shows_discount(plan, contents.order)
    if step.kind == "totals":
        return contents.order is not None and shows_totals(plan, contents.order)
    return any(row.uuid == step.uuid for row in _rows(step, contents))


def _rows(step: Step, contents: Contents) -> tuple[ItemRow | PaymentRow | HistoryRow, ...]:
    if step.kind == "item":
        return contents.items
    if step.kind == "payment":
        return contents.payments
    return contents.history if step.kind == "history" else ()
