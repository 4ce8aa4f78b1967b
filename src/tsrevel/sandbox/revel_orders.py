"""How the pretend Revel's rows change each other: orders, their items, discounts, history, and a POS station.

Rests on facts Revel 3.2-3.8 and 9; each oddity below was seen live, or is marked as a guess.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

from tsrevel.sandbox.revel_schema import ZERO
from tsrevel.sandbox.revel_tables import six

if TYPE_CHECKING:
    from tsrevel.sandbox.revel_tables import Tables
    from tsrevel.sandbox.wsgi import Json

DEFAULT_TAX_RATE = "8.3750"
DISCOUNT_KEYS = ("discount_amount", "discount_rule_amount")


def settle_new_order(tables: Tables, order: Json) -> None:
    """What Revel adds to a new order by itself: a default tax row, while `tax` stays as sent (facts 3.5)."""
    number = tables.next_id("AppliedTaxOrder", 771001)
    order["applied_taxes"] = [
        {
            "id": number,
            "uuid": str(uuid.UUID(int=number)),
            "name": "Default Tax",
            "tax_rate": DEFAULT_TAX_RATE,
            "tax_type": 0,
            "tax_table": None,
            "rounding_type": None,
            "is_prevailing": True,
            "on_full_price": True,
            "order": order["resource_uri"],
            "resource_uri": f"/resources/AppliedTaxOrder/{number}/",
        }
    ]
    if order["discount"] is not None:
        apply_discount(tables, order)


def settle_new_item(tables: Tables, item: Json) -> None:
    """A new item marks its order and takes over its `local_id` (facts 3.1, 3.4)."""
    order = tables.follow(item["order"]) or {}
    order["has_items"] = True
    item["order_local_id"] = order.get("local_id")


def settle_new_history(tables: Tables, history: Json) -> None:
    """A history row is what makes its order show in the console (facts 3.8)."""
    order = tables.follow(history["order"]) or {}
    order["has_history"] = True
    order.setdefault("orderhistory", []).append(history["resource_uri"])


def change_order(tables: Tables, order: Json, values: Json) -> None:
    """Carry out a PATCH whose values were accepted (facts 3.7, 9.5, 9.7)."""
    end_step = "final_total" in values
    discounted = bool(order["applied_discounts"])
    order.update(values)
    order["version"] = max(int(order["version"]), 2)
    if end_step and discounted and "discount" not in values:
        order["discount"] = None  # left out of the end step, the reference was lost
    elif values.get("discount") is not None or "discount_amount" in values:
        if end_step and discounted and "discount_amount" in values:
            # Repeated in the end step it "upset the figure"; how is not recorded, so it is counted twice here.
            order["discount_amount"] = (order["discount_amount"] or ZERO) * 2
        if not discounted or "discount_amount" in values:
            apply_discount(tables, order)


def apply_discount(tables: Tables, order: Json) -> None:
    """Make or renew the order's applied discount row; an order without items gets a zero one (facts 3.7)."""
    if not order["has_items"]:
        order["discount_amount"] = order["discount_rule_amount"] = ZERO
    amount = order["discount_amount"] or ZERO
    rule = order["discount_rule_amount"] or ZERO
    order["is_discounted"] = True
    if not order["applied_discounts"]:
        order["applied_discounts"] = [_applied_row(tables, order)]
    for row in order["applied_discounts"]:
        row["discount"] = order["discount"]
        row["name"] = order["discount_reason"]
        row["discount_amount"], row["rule_amount"] = six(amount), six(rule)


def touch_at_pos(tables: Tables, order: Json, wall_time: str, station: str, user: str) -> None:
    """What a POS station does to an order it opens: the discount is wiped and what is due comes back (3.7, 9.9)."""
    order["final_total"] += order["discount_amount"] or ZERO
    if order["discount"] is not None or order["applied_discounts"]:
        order["discount_amount"] = order["discount_rule_amount"] = ZERO
    for row in order["applied_discounts"]:
        row.update(discount_amount=six(ZERO), rule_amount=six(ZERO), rule_type=0, qty=0)
    paid = sum((Decimal(row["amount"]) for row in tables.linked("Payment", "order", order["id"])), ZERO)
    order["remaining_due"] = order["final_total"] - paid
    order["version"] = int(order["version"]) + 2
    order["check_sum"] = f"{order['id']:032x}"
    order["running_tax_number"] = 0
    order.update(last_updated_at=station, updated_by=user, updated_date=wall_time)


def _applied_row(tables: Tables, order: Json) -> Json:
    number = tables.next_id("AppliedDiscountOrder", 31001)
    return {
        "id": number,
        "uuid": str(uuid.UUID(int=number)),
        "order": order["resource_uri"],
        "discount": order["discount"],
        "name": None,
        "discount_amount": six(ZERO),
        "rule_amount": six(ZERO),
        "rule_type": None,
        "qty": None,
        "discount_function": 0,
        "stackable_type": 0,
        "taxed": False,
        "tax_amount_included": six(ZERO),
        "discount_code": None,
        "discounted_by": None,
        "resource_uri": f"/resources/AppliedDiscountOrder/{number}/",
    }
