"""Compares the parts and amounts of an order in Revel with its plan, to the cent. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tsrevel.planning.changes import describe_item
from tsrevel.planning.model import AMOUNTS, CHARGE_FIELDS, AmountName, Item, OrderId, Plan, Policy
from tsrevel.planning.money import ZERO, Cents, show
from tsrevel.planning.products import normalise
from tsrevel.planning.reasons import Reason
from tsrevel.reconcile.model import Difference, DifferenceKind, EventComparison, Money, MoneyKind
from tsrevel.revel.client import Contents
from tsrevel.revel.compare import agrees_with, describe_texts, is_as_planned
from tsrevel.revel.decode import ItemRow, OrderRow, PaymentRow


def planned_money(plan: Plan, policy: Policy) -> Money:
    charged = sum(item.amount for item in plan.items if is_charge(item, policy))
    own = own_money(plan.amounts, plan.paid)
    return replace(own, items=Cents(own.items - charged), charges=Cents(own.charges + charged))


def stored_money(case: EventComparison, row: OrderRow, policy: Policy) -> Money:
    """An order's money in Revel: the sums of its items and payments, and the order's own other amounts.

    Which of its items are charges is told by the event's plan if the order agrees with that, else by the plan that was
    written. An order that tsrevel didn't make may have other products, and modifiers with a price of their own.
    """
    contents, written, now = case.contents_of(row), case.written_plan, case.plan_now
    if now and agrees_with(now, written or now, row, contents.items, contents.payments):
        return replace(planned_money(now, policy), payments=paid(contents.payments), balance=row.amounts["balance"])
    if case.is_ours(row):
        return _money_of_parts(row, contents, written or now, policy)
    return _money_of_amounts(row, contents, now, policy)


def _money_of_parts(order: OrderRow, contents: Contents, plan: Plan | None, policy: Policy) -> Money:
    """The money of an order of ours. An item whose uuid isn't in the plan is a charge by its product."""
    planned = plan.items if plan else ()
    ours = {item.uuid for item in planned}
    charged = [item for item in planned if is_charge(item, policy)]
    uuids, products = {item.uuid for item in charged}, {item.product for item in charged}
    own = own_money(order.amounts, paid(contents.payments))
    sold, charges = 0, int(own.charges)
    for row in contents.items:
        if row.voided:
            continue
        if row.uuid in uuids or (row.uuid not in ours and row.product in products):
            charges += row.amount
        else:
            sold += row.amount
    return replace(own, items=Cents(sold), charges=Cents(charges))


def _money_of_amounts(order: OrderRow, contents: Contents, plan: Plan | None, policy: Policy) -> Money:
    """The money of an order of others, of which only the sum of items and charges is known: it has the plan's charges.

    If that sum isn't the plan's, the order's own charges count besides those that the plan has as items.
    """
    own = own_money(order.amounts, paid(contents.payments))
    if plan is None:
        return own
    planned, both = planned_money(plan, policy), own.items + own.charges
    charges = int(planned.charges)
    if both != planned.items + planned.charges:
        as_items = planned.charges - own_money(plan.amounts, plan.paid).charges
        charges = own.charges + max(0, min(as_items, own.items))
    return replace(own, items=Cents(both - charges), charges=Cents(charges))


def own_money(amounts: Mapping[AmountName, Cents], received: Cents) -> Money:
    """The order's own amounts. Charges that are items count among `items` here."""
    sums: dict[str, Any] = {}
    for name, amount in amounts.items():
        sums[_kind_of(name)] = Cents(sums.get(_kind_of(name), ZERO) + amount)
    return Money(payments=received, **sums)


def _kind_of(name: AmountName) -> MoneyKind:
    """The kind that an amount of the order counts as."""
    match name:
        case "subtotal":
            return "items"
        case "discount" | "tax" | "total" | "balance":
            return name
        case _:
            return "charges"


def is_charge(item: Item, policy: Policy) -> bool:
    """Whether the item was a billing total at TripleSeat."""
    names = {normalise(rule.match) for rule in policy.charges if rule.treat_as == "item"}
    return normalise(item.line) in names


def paid(rows: Collection[PaymentRow]) -> Cents:
    return Cents(sum(row.amount for row in rows if row.counts))


def compare_order(plan: Plan, row: OrderRow, contents: Contents, policy: Policy) -> Iterator[Difference]:
    """Every difference between our order and its plan."""
    yield from _compare_items(plan, contents.items, policy)
    yield from _compare_payments(plan, row, contents.payments)
    yield from compare_amounts(plan, row, paid(contents.payments))


def find_doubled(plan: Plan, row: OrderRow, contents: Contents, policy: Policy) -> Iterator[Difference]:
    """The parts of the plan that are on the order more than once. That is wrong in an unfinished order, too."""
    yield from filter(is_doubled, _compare_items(plan, contents.items, policy))
    yield from filter(is_doubled, _compare_payments(plan, row, contents.payments))


def is_doubled(finding: Difference) -> bool:
    return finding.kind is DifferenceKind.PAYMENT_DOUBLED or (
        finding.kind is DifferenceKind.ITEM_EXTRA and bool(finding.tripleseat)
    )


def compare_amounts(plan: Plan, row: OrderRow, received: Cents, *, is_ours: bool = True) -> Iterator[Difference]:
    """Differences of the order's own amounts, except those that only follow from another difference.

    If the order isn't ours, a charge may as well be an item: then only the sum of both is compared.
    """
    deltas = {name: row.amounts[name] - plan.amount(name) for name in AMOUNTS}
    both = [name for name in AMOUNTS if _kind_of(name) in {"items", "charges"}]
    if not is_ours and not sum(deltas[name] for name in both):
        deltas |= dict.fromkeys(both, 0)
    total = deltas["subtotal"] - deltas["discount"] + sum(deltas[name] for name in CHARGE_FIELDS)
    follows = {"total": {total}, "balance": {deltas["total"], deltas["total"] - (received - plan.paid)}}
    for name in AMOUNTS:
        if deltas[name] and deltas[name] not in follows.get(name, ()):
            yield money_differs(_kind_of(name), plan.amount(name), row.amounts[name])


def money_differs(field: MoneyKind, planned: Cents, stored: Cents) -> Difference:
    """The finding for an amount of the order that isn't what was written."""
    touched = "; a POS station may have opened the order" if field == "discount" else ""
    text = f"Revel has {show(stored)} as its {field}, but its plan has {show(planned)}{touched}"
    return replace(differs(DifferenceKind.MONEY, text, field, planned, stored), reason=Reason.AMOUNT_MISMATCH)


def differs(kind: DifferenceKind, text: str, field: MoneyKind, planned: Cents, stored: Cents) -> Difference:
    """The finding for a part of the order that isn't as planned. The ledger has the planned amount."""
    return Difference(
        kind, text, reason=Reason.ORDER_DIFFERS, field=field, tripleseat=planned, ledger=planned, revel=stored
    )


def _compare_items(plan: Plan, rows: tuple[ItemRow, ...], policy: Policy) -> Iterator[Difference]:
    live = [row for row in rows if not row.voided]
    by_uuid = {row.uuid: row for row in live}
    times = Counter(row.uuid for row in live)
    voided = {row.uuid for row in rows if row.voided}
    for item in plan.items:
        kind: MoneyKind = "charges" if is_charge(item, policy) else "items"
        row = by_uuid.get(item.uuid)
        if row is None:
            how = "was voided in Revel" if item.uuid in voided else "isn't on the order in Revel"
            yield differs(DifferenceKind.ITEM_MISSING, f"{describe_item(item)} {how}", kind, item.amount, ZERO)
        elif times[item.uuid] > 1:
            amount = Cents(sum(each.amount for each in live if each.uuid == item.uuid))
            text = f"{describe_item(item)} is on the order {times[item.uuid]} times"
            yield differs(DifferenceKind.ITEM_EXTRA, text, kind, item.amount, amount)
        elif not is_as_planned(row, item):
            text = f"{describe_item(item)} (product {item.product}) is {_shown(row)} in Revel"
            yield differs(DifferenceKind.ITEM_CHANGED, text, kind, item.amount, row.amount)
        elif texts := describe_texts(row, item):
            text = f"{describe_item(item)} {texts}"
            yield replace(differs(DifferenceKind.ITEM_CHANGED, text, kind, item.amount, row.amount), calm=True)
    planned = {item.uuid for item in plan.items}
    for row in live:
        if row.uuid not in planned:
            text = f"{_shown(row)} is on the order in Revel, but the event has no such line"
            yield differs(DifferenceKind.ITEM_EXTRA, text, "items", ZERO, row.amount)


def _compare_payments(plan: Plan, order: OrderRow, rows: tuple[PaymentRow, ...]) -> Iterator[Difference]:
    live = [row for row in rows if row.counts]
    refunded = {row.uuid for row in rows if row.refunded}
    by_uuid = {row.uuid: row for row in live}
    times = Counter(row.uuid for row in live)
    for payment in plan.payments:
        row = by_uuid.get(payment.uuid)
        if row is None:
            how = "was refunded in Revel" if payment.uuid in refunded else "isn't on the order in Revel"
            text = f"the payment of {show(payment.amount)} {how}"
            yield differs(DifferenceKind.PAYMENT_MISSING, text, "payments", payment.amount, ZERO)
        elif times[payment.uuid] > 1:
            amount = sum(each.amount for each in live if each.uuid == row.uuid)
            yield _payment_doubled(payment.amount, times[row.uuid], Cents(amount))
        elif row.amount != payment.amount:
            text = f"the payment of {show(payment.amount)} is {show(row.amount)} in Revel"
            yield differs(DifferenceKind.PAYMENT_CHANGED, text, "payments", payment.amount, row.amount)
    # a payment with another uuid: if it lowered the balance, a POS station took it; otherwise it doubles one of ours
    planned = {payment.uuid for payment in plan.payments}
    amounts = {payment.amount for payment in plan.payments if payment.uuid in by_uuid}
    not_taken = paid(live) > order.amounts["total"] or order.amounts["balance"] >= plan.remaining_due
    for row in live:
        if row.uuid in planned:
            continue
        if not_taken and row.amount in amounts:
            yield _payment_doubled(row.amount, 2, Cents(2 * row.amount))
        else:
            yield payment_extra(row.amount)


def payment_extra(amount: Cents) -> Difference:
    """The finding for money that a station took, or that somebody recorded twice."""
    text = f"TripleSeat lacks a payment of {show(amount)} in Revel; if a station took it, record it there"
    return differs(DifferenceKind.PAYMENT_EXTRA, text, "payments", ZERO, amount)


def _payment_doubled(planned: Cents, times: int, stored: Cents) -> Difference:
    text = f"the payment of {show(planned)} is on the order {times} times"
    return differs(DifferenceKind.PAYMENT_DOUBLED, text, "payments", planned, stored)


def _shown(row: ItemRow) -> str:
    return f"{row.quantity.normalize():f} x product {row.product} at {show(row.price)}"


def differ_in_total(
    case: EventComparison,
    kind: DifferenceKind,
    text: str,
    reason: Reason | None,
    *,
    orders: tuple[OrderId, ...] = (),
    tripleseat: Cents | None = None,
    revel: Cents | None = None,
) -> Difference:
    """A finding with the total in each of the three. `tripleseat` and `revel` replace the case's own."""
    now, written, live = case.plan_now, case.written_plan, case.live
    if tripleseat is None:
        tripleseat = now.final_total if now else case.event_total
    if revel is None and live:
        revel = Cents(sum(row.amounts["total"] for row in live))
    ledger = written.final_total if written else None
    return Difference(
        kind, text, reason=reason, orders=orders, field="total", tripleseat=tripleseat, ledger=ledger, revel=revel
    )


def note(kind: DifferenceKind, text: str, reason: Reason | None = None) -> Difference:
    return Difference(kind, text, reason=reason, explained=True)
