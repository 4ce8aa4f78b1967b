"""What may be written to Revel at all: judged as each write goes out, before anything becomes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tsrevel.sandbox.revel_tables import link_id

from ..world import Json
from .completeness import possible, shortcomings
from .scenario import ESTABLISHMENTS, NOON

if TYPE_CHECKING:
    from .alphabet import Point
    from .rig import Rig

HOUR_AHEAD = timedelta(hours=1)
"""By so much the gate of Lakeside Bakery opens before that of Special Events."""


def objections(rig: Rig, point: Point) -> Iterator[str]:
    """Why this write should never have been sent."""
    body = json.loads(point.body)
    order = rig.revel.state.follow(body["order"]) if "order" in body else rig.revel.state.follow(point.path)
    if _is_forbidden(rig, order or body):
        yield f"{point.method} {point.path} was sent in a run of mode {rig.mode}"
    if order is not None:
        yield from _object_to_overwriting(rig, point, order)
    elif point.path.startswith("/resources/Order/"):
        number = int(str(body["local_id"]).rpartition("_")[2] or 0)
        if number in rig.contents:
            yield from _object_to_beginning(rig, number)


def _is_forbidden(rig: Rig, order: Json) -> bool:
    """Whether a run of this mode may write to the order's place."""
    elsewhere = link_id(order.get("establishment")) not in {None, ESTABLISHMENTS[True]}
    return rig.mode in {"dry", "disabled"} or (rig.mode == "elsewhere" and elsewhere)


def _object_to_beginning(rig: Rig, number: int) -> Iterator[str]:
    """No order is begun for an event that is over or not yet due, nor again for one whose order a person removed."""
    if number in rig.ended_before_run:
        yield f"an order was begun for event {number}, which was over before the run began: {rig.ended[number]}"
    story = next(each for each in rig.scenario.stories if each.id == number)
    opens = NOON - HOUR_AHEAD * any(each.lakeside for each in rig.versions[number])
    if story.fate == "later" and rig.time.now < opens and not rig.jumped:
        yield f"an order was begun for event {number} before its gate opened"
    for row in rig.orders_for(number):
        if row["deleted"] and row["id"] in rig.removed and rig.removed[row["id"]] < rig.last_look(row["id"]):
            yield f"an order was begun for event {number}, though a person had removed order {row['id']}"


def _object_to_overwriting(rig: Rig, point: Point, order: Json) -> Iterator[str]:
    """Nothing is written to an order whose money a station was seen to have changed, its history row excepted."""
    touched, number = rig.touched.get(order["id"], 0), rig.event_of(order)
    seen = touched and touched < rig.last_look(order["id"])
    if not seen or number is None or point.path.startswith("/resources/OrderHistory/"):
        return
    discounts = {Decimal(content.discount) for content in possible(rig, number)}
    wiped = order["applied_discounts"] and (order["discount_amount"] or 0) not in discounts
    if wiped or (order["printed"] and shortcomings(rig, order, number)):
        yield f"{point.method} {point.path} was sent although a station's change to that order had been seen"
