"""Compares an order in Revel with its plan. `order_drift` and `reconcile` compare the same fields. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from decimal import Decimal

from tsrevel.planning.changes import has_noted_quantity
from tsrevel.planning.model import AMOUNTS, Item, Labels, Plan, ProductId, Step
from tsrevel.planning.money import Cents, show
from tsrevel.planning.products import normalise
from tsrevel.revel.decode import ItemRow, OrderRow, PaymentRow, Row, decode_item, decode_order, decode_payment
from tsrevel.revel.encode import END_AMOUNTS
from tsrevel.text import MOST_SPECIAL_REQUEST, quoted, shorten

_Value = str | Cents
IDENTITY = ("local_id", "uuid")
"""`describe_differences` doesn't show the values of these: they could be somebody else's."""


def planned_fields(plan: Plan) -> dict[str, str]:
    """The planned values, as text, of the fields by which a finished order is compared."""
    return {name: _as_text(value) for name, value in _planned_order(plan).items()}


def shown_fields(row: OrderRow) -> dict[str, str]:
    """The same fields with Revel's values."""
    return {name: _as_text(value) for name, value in _shown_order(row).items()}


def _planned_order(plan: Plan) -> dict[str, _Value]:
    at = str(plan.location.establishment)
    return dict([("establishment", at), ("local_id", plan.local_id), ("uuid", plan.uuid), *plan.amounts.items()])


def _shown_order(row: OrderRow) -> dict[str, _Value]:
    at = str(row.establishment or "none")
    return dict([("establishment", at), ("local_id", row.local_id), ("uuid", row.uuid), *row.amounts.items()])


def _as_text(value: _Value) -> str:
    return value if isinstance(value, str) else show(value)


def describe_differences(plan: Plan, row: OrderRow, names: Collection[str] | None = None) -> str:
    """Describe how the order differs from the plan, in all fields or only those in `names`. "" if it doesn't."""
    planned, shown = _planned_order(plan), _shown_order(row)
    if row.applied not in {None, plan.discount}:  # a row may be zero or doubled (facts Revel 3.7)
        shown["discount"] = row.applied
    differ = [name for name in planned if shown[name] != planned[name] and (names is None or name in names)]
    told = [
        f"its {name} differs"
        if name in IDENTITY
        else f"its {name} is {_as_text(shown[name])}, not {_as_text(planned[name])}"
        for name in differ
    ]
    return "; ".join([*told, *(["a POS station may have opened it"] if "discount" in differ else [])])


def shows_labels(labels: Labels, row: OrderRow) -> bool:
    """Whether the order has these texts, apart from case and typography. True if the row lacks them."""
    shown = row.labels or labels
    return (normalise(shown.call_name), normalise(shown.notes)) == (
        normalise(labels.call_name),
        normalise(labels.notes),
    )


def shows_discount(plan: Plan, row: OrderRow) -> bool:
    """Whether the order has exactly the plan's discount."""
    return not describe_differences(plan, row, {"discount"})


def shows_totals(plan: Plan, row: OrderRow, *, unmarked: bool = False) -> bool:
    """Whether the order has the plan's end state, with the print mark (facts Revel 3.8) or, if `unmarked`, without."""
    return (row.printed or unmarked) and not describe_differences(plan, row, END_AMOUNTS)


def is_as_planned(row: ItemRow, item: Item) -> bool:
    """Whether the row has the item's product, quantity and price. It may be voided."""
    return row.product == item.product and row.quantity == item.quantity and row.price == item.unit_price


def describe_texts(row: ItemRow, item: Item) -> str:
    """Describe how the item's name or text on the ticket differs from the planned one. "" if it doesn't.

    An absent one doesn't differ, and a text may say more than the planned one. Staff may have typed Revel's, so that
    isn't shown.
    """
    if row.name and item.override and normalise(row.name) != normalise(item.override):
        return f"isn't named {quoted(item.override)} on the ticket"
    if row.note and normalise(item.note) not in normalise(row.note):
        return f"lacks the text {quoted(item.note)} on the ticket"
    return ""


def describe_payment(plan: Plan, row: PaymentRow) -> str:
    """Describe how the type or tip of a payment just written differs. "" if it doesn't, or if the row lacks them."""
    if row.kind and row.kind != str(plan.location.payment_type):
        return f"its payment {row.id} has type {row.kind}, not {plan.location.payment_type}"
    return f"its payment {row.id} has a tip of {show(row.tip)}" if row.tip else ""


def is_voided(order: OrderRow, items: Collection[ItemRow], payments: Iterable[PaymentRow]) -> bool:
    """Whether a person voided the order: nothing of it counts any more. A total of zero may be all discount.

    An order without any item isn't voided: a run may only have begun it.
    """
    sold = any(item.quantity and not item.voided for item in items)
    received = any(payment.counts for payment in payments)
    return bool(items) and not (sold or received or has_amount(order))


def has_amount(order: OrderRow) -> bool:
    """Whether anything is to be paid for it, or still is: then nobody has voided it."""
    return bool(order.amounts["total"] or order.amounts["balance"])


def agrees_with(
    plan: Plan, written: Plan, order: OrderRow, items: Collection[ItemRow], payments: Collection[PaymentRow]
) -> bool:
    """Whether somebody has changed the order to match this plan of its event, to the cent, whatever its uuids.

    Payments taken at a station since are normal and no difference.
    """
    at_station = sum_taken(plan, payments)
    ours = {payment.uuid for payment in written.payments}
    strangers = [each.amount for each in payments if each.counts and each.uuid not in ours]
    balance = plan.remaining_due - at_station
    differs = describe_differences(plan, order, ("establishment", *(name for name in AMOUNTS if name != "balance")))
    if differs or order.amounts["balance"] != balance or not has_items(plan, written, items):
        return False
    return at_station == 0 or (balance >= 0 and _is_sum_of(at_station, strangers))


def sum_taken(plan: Plan, payments: Iterable[PaymentRow]) -> Cents:
    """How much more was paid than the plan has."""
    return Cents(sum(each.amount for each in payments if each.counts) - plan.paid)


def _is_sum_of(amount: Cents, parts: Iterable[Cents]) -> bool:
    """Whether some of the parts add up to the amount."""
    sums = {0}
    for part in parts:
        sums |= {each + part for each in sums if each + part <= amount}
    return amount in sums


def has_items(plan: Plan, written: Plan, items: Collection[ItemRow]) -> bool:
    """Whether the order has the plan's products, each with its quantity, amount and name, whatever their uuids.

    A quantity may stand in an item's text instead, and one that the plan has there must, unless tsrevel wrote it
    (`written`). Of lines that the settings give another product than then, either product will do. A row without a name
    of its own fits any line.
    """
    live = [each for each in items if not each.voided]
    noted = Counter(normalise(each.note or _quantity_in_words(each, plan)) for each in live)
    if not _noted_quantities(plan) - _noted_quantities(written) <= noted:
        return False
    other = _products_given_anew(plan, written)

    def kind(part: Item | ItemRow, quantity: int | Decimal) -> tuple[ProductId | None, int | Decimal, Cents]:
        return None if part.product in other else part.product, quantity, part.amount

    planned = [(kind(item, item.quantity), normalise(item.override)) for item in plan.items]
    shown = [(kind(each, _quantity_of(each, plan)), normalise(each.name)) for each in live]
    nameless = {each for each, name in planned if not name}
    named = Counter((each, name) for each, name in shown if name and each not in nameless)
    return Counter(each for each, _ in planned) == Counter(each for each, _ in shown) and named <= Counter(planned)


def _quantity_of(row: ItemRow, plan: Plan) -> int | Decimal:
    """The row's quantity, or that of the plan's item at its amount whose quantity the row has in its text."""
    words = normalise(row.note or _quantity_in_words(row, plan))
    items = (item for item in plan.items if item.amount == row.amount)
    return next((item.quantity for item in items if normalise(_in_words(item)) == words), row.quantity)


def _in_words(item: Item) -> str:
    """The item's quantity and line, as its text has them if its quantity stands there."""
    if has_noted_quantity(item):
        return item.note
    return shorten(f"{item.quantity} x {item.line}", MOST_SPECIAL_REQUEST)


def _quantity_in_words(row: ItemRow, plan: Plan) -> str:
    """The row's quantity, as an item of the plan at that amount would have it in its text; "" without such an item."""
    lines = (item.line for item in plan.items if (item.product, item.amount) == (row.product, row.amount))
    line = next(lines, None)
    return shorten(f"{row.quantity.normalize():f} x {line}", MOST_SPECIAL_REQUEST) if line else ""


def _products_given_anew(plan: Plan, written: Plan) -> set[ProductId]:
    """The products, then and now, of the lines that have another product in this plan than in the written one."""
    now, then = _products_by_line(plan), _products_by_line(written)
    return {product for line in now.keys() & then.keys() for product in now[line] ^ then[line]}


def _products_by_line(plan: Plan) -> dict[str, set[ProductId]]:
    products: dict[str, set[ProductId]] = {}
    for item in plan.items:
        products.setdefault(normalise(item.line), set()).add(item.product)
    return products


def _noted_quantities(plan: Plan) -> Counter[str]:
    return Counter(normalise(item.note) for item in plan.items if has_noted_quantity(item))


def compare_stored(plan: Plan, step: Step, row: Row) -> str | None:
    """Describe how `row` differs from what `step` wrote, in the fields that it has. None if it doesn't.

    The order's own amounts are compared at the end, when they are final.
    """
    match step.kind:
        case "order":
            planned, shown = _planned_order(plan), _shown_order(decode_order(row))
            planned = {name: planned[name] for name in ("establishment", "local_id")}
        case "item":
            found, item = decode_item(row), plan.items[step.number]
            planned = {"product": str(item.product), "quantity": str(item.quantity), "price": item.unit_price}
            quantity = f"{found.quantity.normalize():f}"
            shown = {"product": str(found.product), "quantity": quantity, "price": found.price}
        case "payment":
            planned = {"amount": plan.payments[step.number].amount}
            shown = {"amount": decode_payment(row).amount}
        case _:
            return None
    differ = [name for name in planned if name in row and shown[name] != planned[name]]
    told = (
        f"{name} of its {step.name} is stored as {_as_text(shown[name]) or 'nothing'}, not {_as_text(planned[name])}"
        for name in differ
    )
    return "; ".join(told) or None
