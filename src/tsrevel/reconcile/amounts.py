"""Orders as money by kind: planned ones and those at Revel, split alike. Pure."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from tsrevel.planning.model import Item, Plan, Policy, ProductId
from tsrevel.planning.money import Cents, to_cents
from tsrevel.planning.products import normalise
from tsrevel.reconcile.model import Money
from tsrevel.revel.client import Contents
from tsrevel.revel.decode import ItemRow, OrderRow, PaymentRow


def planned_money(plan: Plan, policy: Policy) -> Money:
    """What the plan comes to."""
    charged = Cents(sum(item.amount for item in plan.items if is_charge(item, policy)))
    return Money(
        items=Cents(plan.subtotal - charged),
        discount=plan.discount,
        tax=plan.tax,
        charges=Cents(charged + plan.gratuity),
        total=plan.final_total,
        payments=plan.paid,
        balance=plan.remaining_due,
    )


def stored_money(order: OrderRow, contents: Contents, plan: Plan | None, policy: Policy) -> Money:
    """What Revel shows of an order: its items and payments added up, the rest as the order itself says.

    An item counts as a charge where the plan has it as one, by its uuid, or by its product where the plan knows no
    such uuid.
    """
    charged = [item for item in plan.items if is_charge(item, policy)] if plan else []
    ours = {item.uuid for item in plan.items} if plan else set()
    uuids, products = {item.uuid for item in charged}, {item.product for item in charged}
    amounts = {"items": 0, "charges": int(order.gratuity)}
    for row in contents.items:
        if not row.voided:
            amounts["charges" if _is_charged(row, uuids, products, ours) else "items"] += item_amount(row)
    return Money(
        items=Cents(amounts["items"]),
        discount=order.discount,
        tax=order.tax,
        charges=Cents(amounts["charges"]),
        total=order.final_total,
        payments=paid(contents.payments),
        balance=order.remaining_due,
    )


def is_charge(item: Item, policy: Policy) -> bool:
    """Whether the item was a billing total at TripleSeat."""
    names = {normalise(rule.match) for rule in policy.charges if rule.treat_as == "item"}
    return normalise(item.line) in names


def item_amount(row: ItemRow) -> Cents:
    """What an item at Revel comes to."""
    return to_cents(row.quantity * Decimal(row.price) / 100)


def paid(rows: Collection[PaymentRow]) -> Cents:
    """What the payments at Revel come to."""
    return Cents(sum(row.amount for row in rows if row.counts))


def _is_charged(row: ItemRow, uuids: Collection[str], products: Collection[ProductId], ours: Collection[str]) -> bool:
    return row.uuid in uuids or (row.uuid not in ours and row.product in products)
