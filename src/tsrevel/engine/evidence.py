"""What Revel shows against what we planned. Pure: values in, what is missing or a difference in words out."""

from __future__ import annotations

from typing import Literal, get_args

from tsrevel.planning.model import Item, Plan, Step
from tsrevel.planning.money import show
from tsrevel.revel.client import Contents, shows_discount, shows_totals
from tsrevel.revel.decode import HistoryRow, ItemRow, OrderRow, PaymentRow

Stage = Literal["parts", "totals", "history"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""An order is made of its parts, then gets its totals, then its history: each stage is proved before the next."""


def find_missing(plan: Plan, contents: Contents) -> tuple[Step, ...] | str:
    """The steps of `plan` that Revel doesn't show, or in words why what is there isn't part of the plan.

    An order that is finished and lacks a part isn't ours to complete: somebody took the part away.
    """
    strange = _strangers(plan, contents)
    if strange:
        return strange
    missing = tuple(step for step in plan.steps if not _is_shown(step, plan, contents))
    parts = [step for step in missing if stage_of(step) == "parts"]
    if parts and (contents.order.printed or contents.history):
        return f"its {name(parts[0])} is missing although it is finished"
    return missing


def stage_of(step: Step) -> Stage:
    """Which stage of the order `step` belongs to."""
    return step.kind if step.kind == "totals" or step.kind == "history" else "parts"


def name(step: Step) -> str:
    """The step in words: "item 2", "discount"."""
    return f"{step.kind} {step.number + 1}" if step.kind in {"item", "payment"} else step.kind


def row_id(step: Step, contents: Contents) -> str:
    """The Revel id of the row that shows `step`; for the order's own steps the order's."""
    rows = _rows(step, contents)
    return next((row.id for row in rows if row.uuid == step.uuid), contents.order.id)


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


def _strangers(plan: Plan, contents: Contents) -> str | None:
    order = contents.order
    items = {item.uuid: item for item in plan.items}
    payments = {payment.uuid: payment.amount for payment in plan.payments}
    if order.establishment != plan.location.establishment:
        return f"it is at establishment {order.establishment}, not {plan.location.establishment}"
    if order.local_id != plan.local_id:
        return "its local_id is another"
    if order.discount != plan.discount and (order.discounted or order.discount):
        return f"its discount is {show(order.discount)}, not {show(plan.discount)}; did a POS station open it?"
    if order.printed and not shows_totals(plan, order):
        due = f"a total of {show(order.final_total)} and {show(order.remaining_due)} due"
        return f"it is finished with {due}, not {show(plan.final_total)} and {show(plan.remaining_due)}"
    for row in contents.items:
        if row.uuid not in items or not _same_item(row, items[row.uuid]):
            return f"its item {row.id} is not as planned"
    for payment in contents.payments:
        if payment.deleted or payments.get(payment.uuid) != payment.amount:
            return f"its payment {payment.id} is not as planned"
    parts: list[ItemRow | PaymentRow | HistoryRow] = [*contents.items, *contents.payments, *contents.history]
    uuids = [row.uuid for row in parts]
    return "it has a part twice" if len(uuids) != len(set(uuids)) else None


def _same_item(row: ItemRow, item: Item) -> bool:
    as_planned = row.product == item.product and row.quantity == item.quantity and row.price == item.unit_price
    return as_planned and not row.voided


def _is_shown(step: Step, plan: Plan, contents: Contents) -> bool:
    if step.kind == "order":
        return True
    if step.kind == "discount":
        return shows_discount(plan, contents.order)
    if step.kind == "totals":
        return shows_totals(plan, contents.order)
    return any(row.uuid == step.uuid for row in _rows(step, contents))


def _rows(step: Step, contents: Contents) -> tuple[ItemRow | PaymentRow | HistoryRow, ...]:
    if step.kind == "item":
        return contents.items
    if step.kind == "payment":
        return contents.payments
    return contents.history if step.kind == "history" else ()
