"""A week of catering at both places, injected by a real run, and `reconcile` typed over it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tsrevel.sandbox import LAKESIDE_BAKERY, SPECIAL_EVENTS, make_event

from ..cli.bench import Ran, Shell
from ..world import World

FIRST = date(2026, 12, 6)
"""Of the week that ends on the world's morning."""
NUMBERED = 64001000
WHOLE, FEW = 300, 21
MENU = ("Boxed Lunch Package", "Taco Trio", "Agua Fresca", "Coffee Urn", "Fruit Platter", "Mac & Cheese Tray")


def fill_week(world: World, count: int) -> None:
    """`count` events, spread over seven days and both places, each other than the last; and a run over all of them."""
    world.tripleseat.state.events.clear()
    world.revel.page_cap = 250
    for number in range(count):
        world.tripleseat.add_event(_make_event(number))
    world.config["time_gate"] = {"days_after": 7}
    world.config["safety"] |= {"max_orders_per_run": 1000}
    world.config["sync"] |= {"deadline_minutes": 1000}
    for service in ("tripleseat", "revel"):
        world.config[service]["requests_per_second"] = 500
    report = world.sync(first=FIRST, last=FIRST + timedelta(days=6))
    assert report.summary["injected"] == count, report.summary


def _make_event(number: int) -> dict[str, Any]:
    lines = [(MENU[number % 6], 1 + number % 4, f"{10 + number % 7}.50"), (MENU[(number + 1) % 6], 2, "12.25")]
    subtotal = sum((quantity * Decimal(price) for _, quantity, price in lines), Decimal(0))
    discount = Decimal("3.15") if number % 3 == 0 else Decimal(0)
    charges = [("Sales Tax", "4.37"), *([("Service Charge", "7.77")] if number % 2 else [])]
    total = subtotal - discount + sum((Decimal(amount) for _, amount in charges), Decimal(0))
    paid = {0: [], 1: [(str(total), True)], 2: [("5.00", True), ("6.01", True)]}[number % 3]
    made: dict[str, Any] = make_event(
        id=NUMBERED + number,
        day=FIRST + timedelta(days=number % 7),
        location=LAKESIDE_BAKERY if number % 2 else SPECIAL_EVENTS,
        name=f"Invented event {number}",
        lines=lines,
        discount=discount,
        charges=charges,
        payments=paid,
    )
    return made


def reconcile(shell: Shell, *argv: str, tty: bool = False) -> Ran:
    """`reconcile` with the world's settings as they are now."""
    return shell.run("reconcile", "--config", str(shell.write_config()), *argv, tty=tty)


def differences(ran: Ran) -> list[tuple[str, str | None]]:
    """Each difference as its kind and its event."""
    return sorted((each["kind"], each["event_id"]) for each in ran.answer["differences"])


class Revel:
    """What goes wrong at Revel, done to its rows directly."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows = world.revel.state.rows

    def order(self, event_id: int) -> dict[str, Any]:
        """The event's order, to be spoilt."""
        name = f"Triple Seat_{event_id}"
        return next(row for row in self.rows["Order"].values() if row["local_id"] == name)

    def parts(self, resource: str, event_id: int) -> list[dict[str, Any]]:
        """The order's rows of a resource, to be spoilt."""
        uri = self.order(event_id)["resource_uri"]
        return [row for row in self.rows[resource].values() if row["order"] == uri]

    def remove(self, resource: str, row: dict[str, Any]) -> None:
        """As though it had never been."""
        del self.rows[resource][row["id"]]

    def copy(self, resource: str, row: dict[str, Any], **other: object) -> None:
        """Once more, under another id."""
        same = {key: value for key, value in row.items() if key not in {"id", "resource_uri"}}
        self.world.revel.add(resource, None, **{**same, **other})
