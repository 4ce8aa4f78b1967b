"""What the answer to a write says was stored, against what was sent: 201 doesn't prove a field (facts Revel 2.2)."""

from __future__ import annotations

from tsrevel.planning.model import Plan, Step
from tsrevel.planning.money import show
from tsrevel.revel.decode import Row, decode_item, decode_order, decode_payment


def compare_stored(plan: Plan, step: Step, row: Row) -> str | None:
    """In words, how `row` differs from what `step` wrote, over the fields that it shows; None where it doesn't."""
    pairs = [(key, there, sent) for key, there, sent in _pairs(plan, step, row) if key in row and there != sent]
    what = f"{step.kind} {step.number + 1}" if step.kind in {"item", "payment"} else step.kind
    return "; ".join(f"{key} of its {what} is stored as {there}, not {sent}" for key, there, sent in pairs) or None


def _pairs(plan: Plan, step: Step, row: Row) -> list[tuple[str, str, str]]:
    """Field, what is stored, what was sent. The order's own money is compared at the end, once it is final."""
    if step.kind == "order":
        order = decode_order(row)
        return [
            ("establishment", str(order.establishment), str(plan.location.establishment)),
            ("local_id", order.local_id or "nothing", plan.local_id),
        ]
    if step.kind == "item":
        item, sent = decode_item(row), plan.items[step.number]
        return [
            ("product", str(item.product), str(sent.product)),
            ("quantity", f"{item.quantity.normalize():f}", str(sent.quantity)),
            ("price", show(item.price), show(sent.unit_price)),
        ]
    if step.kind == "payment":
        return [("amount", show(decode_payment(row).amount), show(plan.payments[step.number].amount))]
    return []
