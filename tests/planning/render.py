"""A plan, or why there is none, as text that a person can check against the event."""

from __future__ import annotations

from collections.abc import Iterator

from tsrevel.planning.model import Hold, Item, Labels, Plan, Skip
from tsrevel.planning.money import show


def render(outcome: Plan | Hold | Skip, labels: Labels) -> str:
    """All of `outcome`, with what is told to people beside it."""
    rows = _render_plan(outcome, labels) if isinstance(outcome, Plan) else _render_refusal(outcome)
    return "\n".join(rows) + "\n"


def _render_refusal(outcome: Hold | Skip) -> Iterator[str]:
    yield f"{type(outcome).__name__.upper()} {outcome.reason} ({outcome.reason.category})"
    yield outcome.text


def _render_plan(plan: Plan, labels: Labels) -> Iterator[str]:
    yield f"PLAN event {plan.event_id} on {plan.day} at establishment {plan.location.establishment}"
    yield f"local_id {plan.local_id}"
    yield f"call_name {labels.call_name}"
    yield f"notes {labels.notes}"
    yield ""
    yield from map(_render_item, plan.items)
    yield ""
    for name in ("subtotal", "discount", "tax", "gratuity", "final_total", "paid", "remaining_due"):
        yield f"{name:<14}{show(getattr(plan, name)):>10}"
    for payment in plan.payments:
        yield f"payment       {show(payment.amount):>10}"
    yield ""
    for step in plan.steps:
        yield f"{step.kind:<9}{step.number:>2}  {step.uuid}"


def _render_item(item: Item) -> str:
    texts = [item.line, *(f"{name}={text!r}" for name, text in (("as", item.override), ("note", item.note)) if text)]
    return (
        f"{item.quantity:>4} x {show(item.unit_price):>8} = {show(item.amount):>9}  {item.product}  {'  '.join(texts)}"
    )
