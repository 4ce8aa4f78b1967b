"""Makes the bodies of the stepwise writes, with the fields that worked live (facts Revel 3.1, 5, 9.3 to 9.8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from tsrevel.planning.model import (
    CHARGE_FIELDS,
    AmountName,
    Item,
    Labels,
    Location,
    Plan,
    PlannedPayment,
    ProductId,
    Step,
)
from tsrevel.planning.money import Cents, show
from tsrevel.revel.decode import AMOUNT_FIELDS

Body = Mapping[str, object]

DISCOUNT_REASON = "TripleSeat discount"
END_AMOUNTS: tuple[AmountName, ...] = ("subtotal", "total", "balance")
"""The amounts to write when the order has all its parts."""


def encode_step(plan: Plan, step: Step, order: str, labels: Labels, now: datetime) -> Body:
    """The body of the write of `step`. `order` is the order's id, '' for the step that makes the order."""
    at = wall_time(now, plan.location)
    if step.kind == "order":
        return encode_order(plan, labels, at)
    if step.kind == "item":
        return encode_item(plan, plan.items[step.number], order, at)
    if step.kind == "discount":
        return encode_discount(plan)
    if step.kind == "payment":
        return encode_payment(plan, plan.payments[step.number], order, at)
    return encode_totals(plan, at) if step.kind == "totals" else encode_history(plan, step, order, at)


def wall_time(now: datetime, location: Location) -> str:
    """`now` as Revel stores times: naive wall time of the establishment (facts Revel 2.4)."""
    return f"{now.astimezone(ZoneInfo(location.timezone)):%Y-%m-%dT%H:%M:%S}"


def encode_order(plan: Plan, labels: Labels, at: str) -> Body:
    """The order with its true amounts before the discount, all of it still due (facts Revel 3.6, 9.3)."""
    amounts, gross = plan.amounts, plan.gross_total
    charges = {name: amounts[name] for name in CHARGE_FIELDS if name == "tax" or amounts[name]}
    return {
        "uuid": plan.uuid,
        "local_id": plan.local_id,
        "establishment": _establishment(plan.location),
        **_signed(plan.location, at),
        "created_at": _station(plan.location),  # a station, not a time (facts Revel 3.1)
        "last_updated_at": _station(plan.location),
        "dining_option": plan.location.dining_option,
        "pos_mode": "Q",
        "web_order": True,
        "call_name": labels.call_name,
        "notes": labels.notes,
        "subtotal": _number(amounts["subtotal"]),
        "surcharge": 0,
        "final_total": _number(gross),
        "remaining_due": _number(gross),
        **{AMOUNT_FIELDS[name]: _number(amount) for name, amount in charges.items()},
    }


def encode_item(plan: Plan, item: Item, order: str, at: str) -> Body:
    """One order item at its own price, which overrides the catalogue's (facts Revel 5.1)."""
    texts = {"product_name_override": item.override, "special_request": item.note}
    return {
        "uuid": item.uuid,
        "order": _order(order),
        "product": _product(item.product),
        "quantity": item.quantity,
        "price": _number(item.unit_price),
        "initial_price": _number(item.unit_price),
        "price_to_display": _number(item.unit_price),
        "tax_amount": 0,
        "tax_rate": 0,
        "modifier_amount": 0,
        "temp_sort": 0,
        "dining_option": plan.location.dining_option,
        "station": _station(plan.location),
        **_signed(plan.location, at),
        **{key: text for key, text in texts.items() if text},
    }


def encode_discount(plan: Plan) -> Body:
    """The order's discount. Write it after all items (facts Revel 3.7)."""
    return {
        "discount": _discount(plan.location),
        "discount_amount": _number(plan.discount),
        "discount_rule_amount": _number(plan.discount),
        "discount_reason": DISCOUNT_REASON,
        "discounted_by": _user(plan.location),
    }


def encode_payment(plan: Plan, payment: PlannedPayment, order: str, at: str) -> Body:
    """A payment that TripleSeat has already received (facts Revel 5.2)."""
    return {
        "uuid": payment.uuid,
        "order": _order(order),
        "establishment": _establishment(plan.location),
        "station": _station(plan.location),
        "payment_type": plan.location.payment_type,
        "amount": show(payment.amount),
        "tip": "0.00",
        "payment_date": at,
        **_signed(plan.location, at),
    }


def encode_totals(plan: Plan, at: str) -> Body:
    """The end state. It refers to the discount, if there is one, but never repeats its amount (facts Revel 3.7)."""
    amounts = plan.amounts
    discount = {"discount": _discount(plan.location)} if plan.discount else {}
    return {
        **{AMOUNT_FIELDS[name]: _number(amounts[name]) for name in END_AMOUNTS},
        "printed": True,
        **discount,
        "updated_by": _user(plan.location),
        "updated_date": at,
    }


def encode_history(plan: Plan, step: Step, order: str, at: str) -> Body:
    """The row that makes the order visible in the console. It is closed only if fully paid (facts Revel 3.8, 5.3)."""
    closed = {"closed": at} if plan.remaining_due == 0 else {}
    return {
        "uuid": step.uuid,
        "order": _order(order),
        "order_opened_by": _user(plan.location),
        "order_opened_at": _station(plan.location),
        "opened": at,
        **closed,
    }


def _signed(location: Location, at: str) -> Body:
    user = _user(location)
    return {"created_by": user, "updated_by": user, "created_date": at, "updated_date": at}


def _number(cents: Cents) -> float:
    """A JSON number, as it worked live (facts Revel 2.4). No other amount is a float: two decimals print exactly."""
    return cents / 100


def _establishment(location: Location) -> str:
    return f"/enterprise/Establishment/{location.establishment}/"


def _user(location: Location) -> str:
    return f"/enterprise/User/{location.user}/"


def _station(location: Location) -> str:
    return f"/resources/PosStation/{location.station}/"


def _discount(location: Location) -> str:
    return f"/resources/Discount/{location.discount}/"


def _product(product: ProductId) -> str:
    return f"/resources/Product/{product}/"


def _order(order: str) -> str:
    return f"/resources/Order/{order}/"
