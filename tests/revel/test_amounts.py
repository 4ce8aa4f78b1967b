"""Each kind of charge that is a field of the order: planned, sent, read back, compared and told, by its one name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.revel.conftest import LABELS, WALL, make_plan
from tsrevel.planning.changes import describe_changes
from tsrevel.planning.model import AMOUNTS, CHARGE_FIELDS, ChargeField, Plan, label
from tsrevel.reconcile.model import Money
from tsrevel.reconcile.order_parts import own_money
from tsrevel.revel.compare import describe_differences, planned_fields
from tsrevel.revel.decode import AMOUNT_FIELDS, OrderRow, decode_order
from tsrevel.revel.encode import encode_order, encode_totals

BARE = make_plan()


def charged(name: ChargeField) -> Plan:
    fields: dict[str, Any] = {name: 1250}
    return replace(BARE, **fields)


def as_made(plan: Plan) -> OrderRow:
    """The order as Revel has it once all is written."""
    row: Any = {"id": 7, **encode_order(plan, LABELS, WALL), **encode_totals(plan, WALL)}
    return decode_order(row)


@pytest.mark.parametrize("name", CHARGE_FIELDS)
def test_a_charge_is_sent_in_its_field_and_read_back_from_it(name: ChargeField) -> None:
    plan = charged(name)
    assert encode_order(plan, LABELS, WALL)[AMOUNT_FIELDS[name]] == 12.5
    assert (as_made(plan).amounts, describe_differences(plan, as_made(plan))) == (plan.amounts, "")
    assert plan.amount("total") == BARE.amount("total") + 1250


@pytest.mark.parametrize("name", CHARGE_FIELDS)
def test_a_charge_that_differs_is_told_by_its_name(name: ChargeField) -> None:
    plan = charged(name)
    assert f"{name} is 0.00, not 12.50" in describe_differences(plan, as_made(BARE))
    assert f"{label(name)} 0.00 → 12.50" in describe_changes(BARE, plan)


@pytest.mark.parametrize("name", CHARGE_FIELDS)
def test_a_charge_counts_as_tax_or_as_a_charge_when_days_are_added_up(name: ChargeField) -> None:
    money: Money = own_money(charged(name).amounts, charged(name).paid)
    assert {money.tax, money.charges} == {0, 1250}


def test_every_amount_is_compared() -> None:
    assert set(AMOUNTS) < set(planned_fields(BARE))


def test_each_amount_has_a_field_of_its_own_at_revel() -> None:
    assert tuple(AMOUNT_FIELDS) == AMOUNTS
    assert len(set(AMOUNT_FIELDS.values())) == len(AMOUNTS)
