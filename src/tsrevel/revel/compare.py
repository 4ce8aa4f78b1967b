"""An order at Revel against its plan: the one list of what is compared, here, after injection and in `reconcile`. Pure.

Money is compared as text with two decimals.
"""

from __future__ import annotations

from collections.abc import Collection

from tsrevel.planning.model import Item, Plan, Step
from tsrevel.planning.money import show
from tsrevel.revel.decode import ItemRow, OrderRow, Row, decode_item, decode_order, decode_payment
from tsrevel.revel.encode import END_AMOUNTS

IDENTITY = ("local_id", "uuid")
"""Compared, and not shown where they differ: they could be somebody else's."""


def planned_fields(plan: Plan) -> dict[str, str]:
    """What a finished order is compared by, as planned."""
    return {
        "establishment": str(plan.location.establishment),
        "local_id": plan.local_id,
        "uuid": plan.uuid,
        **{name: show(amount) for name, amount in plan.amounts.items()},
    }


def shown_fields(row: OrderRow) -> dict[str, str]:
    """The same fields as Revel shows them."""
    return {
        "establishment": str(row.establishment or "none"),
        "local_id": row.local_id,
        "uuid": row.uuid,
        **{name: show(amount) for name, amount in row.amounts.items()},
    }


def describe_differences(plan: Plan, row: OrderRow, names: Collection[str] | None = None) -> str:
    """In words, how the order differs from the plan, in all fields or those of `names`; "" where it doesn't."""
    planned, shown = planned_fields(plan), shown_fields(row)
    differ = [name for name in planned if shown[name] != planned[name] and (names is None or name in names)]
    told = [
        f"its {name} differs" if name in IDENTITY else f"its {name} is {shown[name]}, not {planned[name]}"
        for name in differ
    ]
    return "; ".join([*told, *(["a POS station may have opened it"] if "discount" in differ else [])])


def shows_discount(plan: Plan, row: OrderRow) -> bool:
    """Whether the order carries the plan's discount, no more and no less."""
    return not describe_differences(plan, row, {"discount"})


def shows_totals(plan: Plan, row: OrderRow) -> bool:
    """Whether the order carries the plan's end state, the print mark included (facts Revel 3.8)."""
    return row.printed and not describe_differences(plan, row, END_AMOUNTS)


def is_as_planned(row: ItemRow, item: Item) -> bool:
    """Whether the row is that item: product, quantity and price. Whether it was voided isn't looked at."""
    return _shown_item(row) == _planned_item(item)


def compare_stored(plan: Plan, step: Step, row: Row) -> str | None:
    """In words, how `row` differs from what `step` wrote, over the fields that it shows; None where it doesn't.

    The order's own money is compared at the end, once it is final.
    """
    what = f"{step.kind} {step.number + 1}" if step.kind in {"item", "payment"} else step.kind
    match step.kind:
        case "order":
            planned, shown = planned_fields(plan), shown_fields(decode_order(row))
            planned = {name: planned[name] for name in ("establishment", "local_id")}
        case "item":
            planned, shown = _planned_item(plan.items[step.number]), _shown_item(decode_item(row))
        case "payment":
            planned = {"amount": show(plan.payments[step.number].amount)}
            shown = {"amount": show(decode_payment(row).amount)}
        case _:
            return None
    differ = [name for name in planned if name in row and shown[name] != planned[name]]
    told = (f"{name} of its {what} is stored as {shown[name] or 'nothing'}, not {planned[name]}" for name in differ)
    return "; ".join(told) or None


def _planned_item(item: Item) -> dict[str, str]:
    return {"product": str(item.product), "quantity": str(item.quantity), "price": show(item.unit_price)}


def _shown_item(row: ItemRow) -> dict[str, str]:
    quantity = f"{row.quantity.normalize():f}"
    return {"product": str(row.product), "quantity": quantity, "price": show(row.price)}
