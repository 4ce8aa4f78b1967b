"""Which events a schedule plays with, as numbers of their own: what an order must hold is worked out here, not planned.

`single` is one small event, `lone` one of a single line; `drawn-N` is one to three events, of shapes
that the number N decides.
"""

from __future__ import annotations

import functools
import pickle
import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from tsrevel.sandbox import LAKESIDE_BAKERY, SPECIAL_EVENTS, RevelSandbox, TripleSeatSandbox, make_event, seed_day
from tsrevel.sandbox.day import CATALOGUE

from ..world import MORNING

FIRST_ID = 64000101
NOON = MORNING.replace(hour=20)
"""12:00 at Special Events: the last gate of those that open today is open."""
CONTACT = ("Quillon", "Merriweather", "(702) 555-0199")
"""Whoever ordered: must not show in any output."""
UNMAPPED = "Ube Celebration Cake"
ESTABLISHMENTS = {False: 8, True: 9}
_NUMBERS = {name: number for number, (name, _) in enumerate(CATALOGUE, 101)}
_FOOD = ("Coffee Urn", "Taco Trio", "Agua Fresca", "Boxed Lunch Package", "Fruit Platter", "Morning Pastry Tray")
_BESIDE = ("account", "booking", "owner", "creator", "updator", "status_changes", "location", "rooms")
"""What is told of an event beside the matter, left out to keep the answers short."""

Fate = Literal["order", "held", "later"]
"""What becomes of an event in a world without faults: an order now, a hold, or an order from noon on."""
Part = tuple[int, int, Decimal]
"""An item: product id, quantity, unit price."""


@dataclass(frozen=True, slots=True)
class Content:
    """One version of an event: what was ordered, what it costs, what is paid. `payments`: amount, paid, refunded."""

    lines: tuple[tuple[str, int, str], ...]
    charges: tuple[tuple[str, str], ...] = ()
    discount: str = "0"
    payments: tuple[tuple[str, bool, str | None], ...] = ()
    lakeside: bool = False

    @property
    def establishment(self) -> int:
        """Where the order belongs."""
        return ESTABLISHMENTS[self.lakeside]

    @property
    def items(self) -> Counter[Part]:
        """The items that the order must have, each as often as it must be there."""
        charged = [(name, 1, amount) for name, amount in self.charges if name == "Service Charge"]
        products = self.establishment * 1000
        rows = [*self.lines, *charged]
        return Counter((products + _NUMBERS.get(name, 0), number, Decimal(price)) for name, number, price in rows)

    @property
    def subtotal(self) -> Decimal:
        """The sum of the items."""
        return sum((number * price * times for (_, number, price), times in self.items.items()), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """The tax of the order."""
        return sum((Decimal(amount) for name, amount in self.charges if name == "Sales Tax"), Decimal(0))

    @property
    def gratuity(self) -> Decimal:
        """The gratuity of the order."""
        return sum((Decimal(amount) for name, amount in self.charges if name == "Gratuity"), Decimal(0))

    @property
    def total(self) -> Decimal:
        """What the customer owes altogether."""
        return self.subtotal - Decimal(self.discount) + self.tax + self.gratuity

    @property
    def received(self) -> list[Decimal]:
        """Each payment that was made, less what was given back of it."""
        sums = [Decimal(amount) - Decimal(back or 0) for amount, paid, back in self.payments if paid]
        return [each for each in sums if each]

    @property
    def paid(self) -> Decimal:
        """All that was received."""
        return sum(self.received, Decimal(0))

    def as_arguments(self) -> dict[str, Any]:
        """What `make_event` needs to tell of it."""
        return {
            "lines": self.lines,
            "charges": self.charges,
            "discount": self.discount,
            "payments": self.payments,
            "location": LAKESIDE_BAKERY if self.lakeside else SPECIAL_EVENTS,
        }


@dataclass(frozen=True, slots=True)
class Story:
    """One event: its id, its first version, what is to become of it."""

    id: int
    content: Content
    fate: Fate = "order"


@dataclass(frozen=True, slots=True)
class Scenario:
    """The events of a schedule, and how its Revel is: attributes of `RevelSandbox`, and whether it heeds `expand`."""

    name: str
    stories: tuple[Story, ...]
    quirks: tuple[tuple[str, Any], ...] = (("page_cap", 250),)
    expands: bool = True

    @property
    def gated(self) -> bool:
        """Whether one of the events is due only later in the day."""
        return any(story.fate == "later" for story in self.stories)


SINGLE = Content(
    lines=(("Coffee Urn", 2, "38.00"), ("Taco Trio", 5, "12.10")), discount="10.00", payments=(("50.25", True, None),)
)


LONE = Content(lines=(("Coffee Urn", 3, "38.00"),), discount="14.00", payments=(("100.00", True, None),))
NAMED = {"single": (Story(FIRST_ID, SINGLE),), "lone": (Story(FIRST_ID, LONE),)}


@functools.cache
def find_scenario(name: str) -> Scenario:
    """The scenario of that name. Raises ValueError for a name that none has."""
    if name in NAMED:
        return Scenario(name, NAMED[name])
    kind, _, number = name.partition("-")
    if kind != "drawn" or not number.isdecimal():
        raise ValueError(f"no scenario is called {name!r}; there are {', '.join(NAMED)} and drawn-NUMBER")
    chance = random.Random(f"scenario {number}")
    stories = tuple(_draw_story(chance, FIRST_ID + n) for n in range(chance.choices((1, 2, 3), (6, 3, 1))[0]))
    chance = random.Random(f"quirks {number}")
    return Scenario(name, stories, _draw_quirks(chance), expands=chance.random() < 0.8)


def _draw_quirks(chance: random.Random) -> tuple[tuple[str, Any], ...]:
    """How this Revel differs from what is documented, where it does (facts Revel 2.1, 3.8)."""
    return (
        ("page_cap", chance.choices((250, 4, 1), (16, 2, 1))[0]),
        ("ignored_filters", chance.choices((frozenset(), frozenset({"local_id"}), frozenset({"order"})), (8, 1, 1))[0]),
        ("printed_needs_second_patch", chance.random() < 0.15),
    )


def _draw_story(chance: random.Random, number: int) -> Story:
    fate: Fate = chance.choices(("order", "held", "later"), (8, 1, 1))[0]
    content = draw_content(chance)
    if fate == "held":
        content = replace(content, lines=(*content.lines, (UNMAPPED, 1, "86.00")))
    return Story(number, content, fate)


def draw_content(chance: random.Random) -> Content:
    """Some event's content."""
    names = chance.sample(_FOOD, chance.choice((1, 1, 2, 2, 3)))
    lines = tuple((name, chance.randint(1, 12), f"{chance.randint(100, 4000) / 100:.2f}") for name in names)
    bare = Content(lines, lakeside=chance.random() < 0.3)
    most = int(bare.total * 100)
    discount = f"{chance.randint(1, most // 2) / 100:.2f}" if chance.random() < 0.5 else "0"
    charges = tuple(
        (name, f"{chance.randint(1, most // 5 + 1) / 100:.2f}")
        for name in ("Sales Tax", "Service Charge", "Gratuity")
        if chance.random() < 0.3
    )
    content = replace(bare, discount=discount, charges=charges)
    return replace(content, payments=tuple(_draw_payments(chance, content.total)))


def _draw_payments(chance: random.Random, total: Decimal) -> list[tuple[str, bool, str | None]]:
    whole = int(total * 100)
    parts = chance.choice((0, 1, 1, 2))
    if not parts:
        return []
    if parts == 1:
        amount = whole if chance.random() < 0.4 else chance.randint(1, whole)
        return [(f"{amount / 100:.2f}", True, None)]
    first = chance.randint(1, max(1, whole // 2))
    second = whole - first if chance.random() < 0.5 else max(1, whole // 3)
    return [(f"{first / 100:.2f}", True, None), (f"{second / 100:.2f}", chance.random() < 0.6, None)]


@functools.cache
def build_services(name: str) -> bytes:
    """Both services as they are before a scenario's first run, pickled: the sample day, TripleSeat's state, Revel's."""
    tripleseat, revel = TripleSeatSandbox(lambda: MORNING), RevelSandbox(lambda: MORNING)
    day, tripleseat.state, revel.state = pickle.loads(_build_places())  # noqa: S301
    scenario = find_scenario(name)
    wanted = {line[0] for story in scenario.stories for line in story.content.lines} | {"Service Charge"}
    products = revel.state.rows["Product"]
    for number in [key for key, row in products.items() if row["name"] not in wanted]:
        del products[number]
    for story in scenario.stories:
        tripleseat.add_event(_make(story))
    return pickle.dumps((day, tripleseat.state, revel.state))


@functools.cache
def _build_places() -> bytes:
    """Both services of the sample day, without its events, pickled."""
    tripleseat, revel = TripleSeatSandbox(lambda: MORNING), RevelSandbox(lambda: MORNING)
    day = seed_day(tripleseat, revel, MORNING)
    tripleseat.state.events.clear()
    tripleseat.state.bookings.clear()
    return pickle.dumps((day, tripleseat.state, revel.state))


def _make(story: Story) -> dict[str, Any]:
    place = LAKESIDE_BAKERY if story.content.lakeside else SPECIAL_EVENTS
    today: date = MORNING.astimezone(ZoneInfo(place.zone)).date()
    day = today + timedelta(days=1) if story.fate == "later" else today
    event = make_event(id=story.id, day=day, contact=CONTACT, **story.content.as_arguments())
    return event | dict.fromkeys(_BESIDE)
