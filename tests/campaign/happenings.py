"""What happens to the world while a run is under way: to the clock, the disk, the event, the order at Revel."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn

from tsrevel.errors import RunLocked
from tsrevel.sandbox import LAKESIDE_BAKERY, SPECIAL_EVENTS, make_event
from tsrevel.sandbox.documents import us_stamp

from .users import OTHERS, another_than

if TYPE_CHECKING:
    from .alphabet import Point
    from .rig import Rig

JUMP = timedelta(hours=26)
DAY = timedelta(days=1)
OLD_EVENT = 63000001
STEP = timedelta(hours=1)
CENT = Decimal("0.01")
ENDS = {"event_lost", "event_deleted", "event_gone"}
"""What takes an event away for good."""


def fill_disk(rig: Rig) -> NoReturn:
    """The disk is full, and stays so until the run ends."""
    rig.disk_full = True
    raise_sqlite("database or disk is full", sqlite3.SQLITE_FULL)


def break_disk(_rig: Rig) -> NoReturn:
    """One commit fails for a fault of the disk."""
    raise_sqlite("disk I/O error", sqlite3.SQLITE_IOERR)


def lock_database(_rig: Rig) -> NoReturn:
    """Somebody else keeps the ledger locked for longer than we wait."""
    raise_sqlite("database is locked", sqlite3.SQLITE_BUSY)


def raise_sqlite(text: str, code: int) -> NoReturn:
    """Raise what the sqlite3 module raises with that result code."""
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    raise error


def _always(_rig: Rig, _point: Point) -> bool:
    return True


def _nothing_under_way(rig: Rig, _point: Point) -> bool:
    """Whether no write of an earlier run is still to be applied or seen: a fast clock can't tell 15 minutes."""
    return not rig.under_way


def _jump_forward(rig: Rig, _point: Point) -> None:
    rig.skew, rig.jumped = JUMP, True


def _jump_back(rig: Rig, _point: Point) -> None:
    rig.skew, rig.jumped = -JUMP, True


def _step_forward(rig: Rig, _point: Point) -> None:
    rig.skew, rig.jumped = STEP, True


def _run_begins(rig: Rig, point: Point) -> bool:
    """Whether the run has asked nothing yet: it compares clocks before it decides, not before each request."""
    return point.number == rig.began + 1


def _a_day_ahead(rig: Rig, _point: Point) -> None:
    rig.skew, rig.dated = DAY, True


def _a_day_behind(rig: Rig, _point: Point) -> None:
    rig.skew, rig.dated = -DAY, True


def _lose_row(rig: Rig, point: Point) -> None:
    number = _target(rig, point)
    rig.tripleseat.unlisted.add(number)
    if number not in rig.known_due or rig.ledger_lost:
        rig.unheard.add(number)


def _ignore_filters(rig: Rig, _point: Point) -> None:
    """All that was ever sold is listed: what was over a month ago must not even be spoken of."""
    then = rig.time.now - timedelta(days=30)
    old = make_event(id=OLD_EVENT, day=then.date(), lines=[("Coffee Urn", 1, 38)])
    rig.tripleseat.add_event(old)
    rig.tripleseat.state.events[OLD_EVENT]["updated_at"] = us_stamp(then)
    rig.tripleseat.ignored_ranges = {"event", "updated_at"}
    rig.revel.ignored_filters = rig.revel.ignored_filters | {"establishment", "active"}


def _start_another(rig: Rig, _point: Point) -> None:
    """A second run over the same ledger: it must be turned away before it asks or writes anything."""
    _intrude(rig, rig.sync)


def _intrude(rig: Rig, start: Callable[[], object]) -> None:
    rig.intruding = True
    try:
        start()
    except RunLocked:
        return
    finally:
        rig.intruding = False
    rig.breaches.append("a second process was let in beside the first")


def _change_user(rig: Rig, point: Point) -> None:
    """Another user starts `sync` or `sync-event` beside this run, is turned away, and makes the runs after it."""
    rig.run_as(another_than(rig.user, point.number))
    rig.trace.append(f"another user runs the settings from now on: {rig.user}")
    if point.number // len(OTHERS) % 2:
        _intrude(rig, lambda: rig.sync_event(*rig.contents))
    else:
        _intrude(rig, rig.sync)


def _target(rig: Rig, point: Point) -> int:
    """The event that it happens to."""
    alive = rig.alive
    return alive[point.number % len(alive)]


def _some_event(rig: Rig, _point: Point) -> bool:
    return bool(rig.alive)


def _change(rig: Rig, point: Point) -> None:
    number = _target(rig, point)
    now = rig.contents[number]
    (name, quantity, price), *others = now.lines
    rig.rewrite(number, replace(now, lines=((name, quantity + 1, price), *others)), "event_changed")


def _has_debt(rig: Rig, point: Point) -> bool:
    if not rig.alive:
        return False
    content = rig.contents[_target(rig, point)]
    return content.total - content.paid > CENT


def _pay(rig: Rig, point: Point) -> None:
    number = _target(rig, point)
    now = rig.contents[number]
    part = ((now.total - now.paid) / 2).quantize(CENT)
    rig.rewrite(number, replace(now, payments=(*now.payments, (f"{part}", True, None))), "event_paid_more")


def _refundable(rig: Rig, number: int) -> int | None:
    """The first payment that half of can be given back, by its place: half a cent can't."""
    payments = enumerate(rig.contents[number].payments)
    return next((at for at, (amount, paid, back) in payments if paid and not back and Decimal(amount) > CENT), None)


def _has_payment(rig: Rig, point: Point) -> bool:
    return bool(rig.alive) and _refundable(rig, _target(rig, point)) is not None


def _refund(rig: Rig, point: Point) -> None:
    number = _target(rig, point)
    now = rig.contents[number]
    at = _refundable(rig, number)
    assert at is not None
    amount = now.payments[at][0]
    back = f"{(Decimal(amount) / 2).quantize(CENT)}"
    payments = (*now.payments[:at], (amount, True, back), *now.payments[at + 1 :])
    rig.rewrite(number, replace(now, payments=payments), "event_refunded")


def _cancel(rig: Rig, point: Point) -> None:
    rig.end_event(_target(rig, point), "event_lost", lambda number: rig.tripleseat.edit_event(number, status="LOST"))


def _delete(rig: Rig, point: Point) -> None:
    rig.end_event(_target(rig, point), "event_deleted", rig.tripleseat.delete_event)


def _vanish(rig: Rig, point: Point) -> None:
    rig.end_event(_target(rig, point), "event_gone", rig.tripleseat.state.events.pop)


def _move(rig: Rig, point: Point) -> None:
    number = _target(rig, point)
    now = rig.contents[number]
    moved = replace(now, lakeside=not now.lakeside)
    day = rig.tripleseat.state.events[number]["event_date_iso8601"]
    place = LAKESIDE_BAKERY if moved.lakeside else SPECIAL_EVENTS
    made = make_event(id=number, day=date.fromisoformat(day), location=place)
    where = ("site_id", "location_id", "room_ids", "event_timezone")
    rig.tripleseat.edit_event(number, **{key: made[key] for key in where})
    rig.rewrite(number, moved, "event_moved")


def _some_order(rig: Rig, _point: Point) -> bool:
    return bool(rig.standing_orders())


def _touch(rig: Rig, point: Point) -> None:
    for order in rig.standing_orders():
        rig.revel.pos_touch(order["id"])
        rig.touched[order["id"]] = point.number
        rig.note_change(rig.event_of(order), "pos_touch")


def _remove(rig: Rig, point: Point) -> None:
    orders = rig.standing_orders()
    order = orders[point.number % len(orders)]
    order["deleted"] = True
    rig.removed[order["id"]] = point.number
    rig.note_change(rig.event_of(order), "order_removed")


def _make_twin(rig: Rig, point: Point) -> None:
    orders = rig.standing_orders()
    rig.add_twin(orders[point.number % len(orders)])


def _no_twin_yet(rig: Rig, _point: Point) -> bool:
    return bool(rig.standing_orders()) and not rig.twins


Happening = tuple[str, str, Callable[["Rig", "Point"], bool], Callable[["Rig", "Point"], object]]
OF_THE_WORLD: tuple[Happening, ...] = (
    ("clock_jump_forward", "the clock is 26 h fast until the run ends", _nothing_under_way, _jump_forward),
    ("clock_jump_back", "the clock is 26 h slow until the run ends", _always, _jump_back),
    ("clock_step", "the clock is 1 h fast until the run ends", _nothing_under_way, _step_forward),
    ("clock_day_ahead", "the clock is a day fast, and both services say so", _run_begins, _a_day_ahead),
    ("clock_day_behind", "the clock is a day slow, and both services say so", _run_begins, _a_day_behind),
    ("row_lost", "no search lists the event until the run ends", _some_event, _lose_row),
    ("filters_ignored", "searches and lists pass their filters over until the run ends", _always, _ignore_filters),
    ("second_process", "a second run starts over the same ledger", _always, _start_another),
    ("other_user", "another user runs the same settings, now and from now on", _always, _change_user),
    ("event_changed", "a line of the event grows", _some_event, _change),
    ("event_paid_more", "a payment comes in", _has_debt, _pay),
    ("event_refunded", "half of a payment is given back", _has_payment, _refund),
    ("event_lost", "the event is called off", _some_event, _cancel),
    ("event_deleted", "the event is marked deleted", _some_event, _delete),
    ("event_gone", "the event vanishes from TripleSeat", _some_event, _vanish),
    ("event_moved", "the event moves to the other location", _some_event, _move),
    ("pos_touch", "a POS station opens every order there is", _some_order, _touch),
    ("order_removed", "a person deletes the order at Revel", _some_order, _remove),
    ("twin_made", "another machine makes the order as well", _no_twin_yet, _make_twin),
)
"""Name, text, where it fits, what it does."""
