"""Describes the difference between two plans for the same event, for people. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tsrevel.planning.model import CHARGE_FIELDS, AmountName, Item, Location, Plan, label
from tsrevel.planning.money import ZERO, Cents, show
from tsrevel.planning.products import normalise
from tsrevel.text import MOST_SPECIAL_REQUEST, shorten


def describe_changes(before: Plan, now: Plan, refunded: Cents = ZERO) -> list[str]:
    """The changed day, location, sums and lines, such as "total 812.50 → 837.72"; empty if nothing changed.

    `refunded` is the sum refunded of all payments of `now`.
    """
    names: tuple[AmountName, ...] = ("total", "discount", *CHARGE_FIELDS)
    pairs = [(label(name), before.amount(name), now.amount(name)) for name in names]
    pairs.append(("payments", before.paid, now.paid))
    day = [f"date {before.day} → {now.day}"] if before.day != now.day else []
    sums = [f"{what} {show(old)} → {show(new)}" for what, old, new in pairs if old != new]
    if refunded and now.paid < before.paid:
        sums[-1] += f" ({show(refunded)} refunded)"
    return [*day, *_describe_move(before.location, now.location), *sums, *_describe_lines(before, now)]


def describe_unshown(before: Plan, now: Plan) -> list[str]:
    """The changes that an order doesn't show by its establishment, amounts, items and payments."""
    stays = before.location.establishment == now.location.establishment
    return describe_changes(replace(now, day=before.day, location=(before if stays else now).location), now)


def _describe_move(before: Location, now: Location) -> list[str]:
    establishment = f"establishment {before.establishment} → {now.establishment}"
    moved = before.establishment != now.establishment
    if before.name != now.name and (moved or _seat(before) != _seat(now)):
        return [f"location {before.name} → {now.name}" + (f" ({establishment})" if moved else "")]
    if moved:
        return [establishment]
    return [] if _seat(before) == _seat(now) else [f"TripleSeat location {_seat(before)} → {_seat(now)}"]


def _seat(location: Location) -> str:
    return str(location.tripleseat_location or location.tripleseat_site)


def _describe_lines(before: Plan, now: Plan) -> list[str]:
    """The lines in only one plan. Two that share a name are one changed line; others were removed or added."""
    gone, new = _only_in(before, now), _only_in(now, before)
    changed = []
    for old in list(gone):
        successor = next((each for each in new if normalise(each.line) == normalise(old.line)), None)
        if successor:
            gone.remove(old)
            new.remove(successor)
            changed.append(_describe_line(old, successor))
    return [
        *changed,
        *(f"line removed: {describe_item(each)}" for each in gone),
        *(f"line added: {describe_item(each)}" for each in new),
    ]


def _only_in(one: Plan, other: Plan) -> list[Item]:
    left = Counter(normalise(describe_item(item)) for item in other.items)
    alone = []
    for item in one.items:
        text = normalise(describe_item(item))  # a change of only case or typography is none
        if left[text]:
            left[text] -= 1
        else:
            alone.append(item)
    return alone


def _describe_line(old: Item, new: Item) -> str:
    if has_noted_quantity(old) or has_noted_quantity(new):
        return f"{describe_item(old)} → {describe_item(new)}"
    if old.unit_price == new.unit_price:
        return f"{old.line} {old.quantity} → {new.quantity}"
    if old.quantity == new.quantity:
        return f"{old.line} at {show(old.unit_price)} → {show(new.unit_price)}"
    return f"{old.line} {old.quantity} at {show(old.unit_price)} → {new.quantity} at {show(new.unit_price)}"


def describe_item(item: Item) -> str:
    """The item as people know it: "2 x Boxed Lunch at 10.00", or "1.5 x Ube Cake for 30.00" with a noted quantity."""
    if has_noted_quantity(item):
        return f"{item.note} for {show(item.amount)}"
    return f"{item.quantity} x {item.line} at {show(item.unit_price)}"


def has_noted_quantity(item: Item) -> bool:
    """Whether its note has the line's quantity, and not just more of the line's name."""
    return bool(item.note) and item.note != shorten(item.line, MOST_SPECIAL_REQUEST)
