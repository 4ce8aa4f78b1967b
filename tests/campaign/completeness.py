"""Is an order at Revel what the event calls for? By numbers of the campaign's own, never by what tsrevel planned."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from tsrevel.sandbox.revel_tables import link_id

from ..world import Json
from .scenario import Content

if TYPE_CHECKING:
    from .rig import Rig


def differences(rig: Rig, order: Json, content: Content) -> list[str]:
    """How an order at Revel differs from the finished order that `content` calls for."""
    number = order["id"]
    payments = sorted(Decimal(row["amount"]) for row in linked(rig, "Payment", number) if not row["deleted"])
    pairs = {
        "establishment": (link_id(order["establishment"]), content.establishment),
        "items": (items_on(rig, number), content.items),
        "subtotal": (order["subtotal"], content.subtotal),
        "discount": (order["discount_amount"] or 0, Decimal(content.discount)),
        "tax": (order["tax"], content.tax),
        "gratuity": (order["gratuity"] or 0, content.gratuity),
        "total": (order["final_total"], content.total),
        "payments": (payments, sorted(content.received)),
        "balance": (order["remaining_due"], content.total - content.paid),
    }
    return [what for what, (there, wanted) in pairs.items() if there != wanted]


def adds_up(rig: Rig, order: Json) -> bool:
    """Items less discount, plus tax and gratuity, are the total; payments and balance too."""
    number = order["id"]
    items = sum((times * part[1] * part[2] for part, times in items_on(rig, number).items()), Decimal(0))
    paid = sum((Decimal(row["amount"]) for row in linked(rig, "Payment", number)), Decimal(0))
    total = items - (order["discount_amount"] or 0) + order["tax"] + (order["gratuity"] or 0)
    return bool(total == order["final_total"] == paid + order["remaining_due"])


def is_complete(rig: Rig, order: Json, number: int) -> bool:
    """Whether the order is the finished order of one version of the event that it can have been made of.

    Its print mark alone may be missing where Revel has acknowledged writes and not kept them (facts Revel 3.8).
    """
    marked = order["printed"] or any(name.startswith("not_applied") for _, name in rig.fired)
    return marked and bool(linked(rig, "OrderHistory", order["id"])) and not shortcomings(rig, order, number)


def shortcomings(rig: Rig, order: Json, number: int) -> list[str]:
    """How the order's figures differ from every version that it can have been made of; none where one fits."""
    found: list[str] = []
    for content in reversed(possible(rig, number)):
        found = differences(rig, order, content)
        if not found:
            return [] if adds_up(rig, order) else ["sums"]
    return found


def possible(rig: Rig, number: int) -> list[Content]:
    """The versions of the event that its order can have been made of."""
    return rig.versions[number][rig.since.get(number, 0) :]


def linked(rig: Rig, resource: str, order_id: int, *, own: bool = False) -> list[Json]:
    """The rows of a resource that belong to an order, or those alone that the world didn't double; not copies."""
    uri = f"/resources/Order/{order_id}/"
    rows = [row for row in rig.revel.state.rows[resource].values() if row["order"] == uri]
    return rig.own(resource, rows) if own else rows


def items_on(rig: Rig, order_id: int, *, own: bool = False) -> Counter[tuple[int | None, int, Decimal]]:
    """The items of an order, each as often as it is there."""
    rows = linked(rig, "OrderItem", order_id, own=own)
    return Counter((link_id(row["product"]), int(row["quantity"]), row["price"]) for row in rows)
