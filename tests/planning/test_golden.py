"""Whole events, as TripleSeat tells them, beside the plan that they become.

Each folder of `golden/` holds an `event.json` and the `plan.txt` that it must give. After a change that is meant,
`TSREVEL_REGENERATE=1 pytest tests/planning/test_golden.py` writes every `plan.txt` anew: read the difference.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.planning.make import LOCATION, NOON, POLICY
from tests.planning.render import render
from tsrevel.planning.model import ChargeRule, Event, Hold, Location, Plan, Policy, ProductId, ProductMapping, Skip
from tsrevel.planning.plan import label_order, plan_order
from tsrevel.planning.products import Catalogue, Product
from tsrevel.planning.screening import screen
from tsrevel.tripleseat.decode import decode_event

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(folder.name for folder in GOLDEN.iterdir())
REGENERATE = os.environ.get("TSREVEL_REGENERATE") == "1"

HERE = LOCATION.establishment
PRODUCTS = {
    601: "Boxed Lunch Package",
    602: "Taco Trio",
    603: "Agua Fresca",
    604: "Server (per hour)",
    605: "Breakfast Burrito",
    606: "Coffee Urn",
    607: "Cutlery",
    608: "Delivery",
    609: "Smoked Brisket",
    610: "Cookie Tray",
    611: 'Chef\'s "Best" Plate',
    612: "Mac & Cheese",
    613: "Crème Brûlée",
    614: "Open Item",
}
USUAL = replace(
    POLICY,
    charges=(
        ChargeRule("Sales Tax", "tax"),
        ChargeRule("Service Charge", "gratuity"),
        ChargeRule("Delivery Fee", "item", product_name="Delivery"),
        ChargeRule("Card Processing Fee", "ignore"),
    ),
)
OTHERWISE: dict[str, Policy] = {
    "discount_in_prices": replace(USUAL, discounts="prices"),
    "document_by_pattern": replace(USUAL, order_document="invoice*"),
    "mapped_lines": replace(
        USUAL,
        products=(
            ProductMapping(HERE, ProductId(601), menu_item_id="120009"),
            ProductMapping(HERE, ProductId(602), name="spring  special"),
        ),
    ),
    "fallback_product": replace(USUAL, unmapped_items="fallback", locations=(replace(LOCATION, fallback_product=614),)),
}
"""The settings of those cases that need other than the usual ones."""


def read_event(name: str) -> Event:
    """The event of a case, decoded as from the network."""
    text = (GOLDEN / name / "event.json").read_text(encoding="utf-8")
    return decode_event(json.loads(text, parse_float=Decimal))


def outcome_of(event: Event, policy: Policy) -> Plan | Hold | Skip:
    """What becomes of the event, the calendar left aside."""
    catalogue = Catalogue.of(HERE, [Product(ProductId(number), name) for number, name in PRODUCTS.items()])
    found = screen(event, policy, NOON, ignore_gate=True)
    return plan_order(event, found, catalogue, policy, NOON) if isinstance(found, Location) else found


@pytest.mark.parametrize("name", CASES)
def test_an_event_becomes_the_plan_beside_it(name: str) -> None:
    event = read_event(name)
    text = render(outcome_of(event, OTHERWISE.get(name, USUAL)), label_order(event, LOCATION))
    expected = GOLDEN / name / "plan.txt"
    if REGENERATE:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8"), f"if {name} is meant to change, run with TSREVEL_REGENERATE=1"


def test_every_other_setting_belongs_to_a_case() -> None:
    assert set(OTHERWISE) <= set(CASES)
