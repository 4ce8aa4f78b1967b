"""An order that Revel stores with another day, payment type, tip or discount row than was sent."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tsrevel.planning.assumptions import AssumptionCode

from ..world import World, find_outcome, verdict
from .conftest import FULL
from .test_disputes import ORDER, crash

EVENING = datetime(2026, 11, 1, 2, tzinfo=UTC)
"""Another day than in California."""
CREATED = "after POST /resources/Order/"
NO_DATES = [None, "", "0001-01-01T00:00:00", "soon", "2026-10-31T19:00:00.123456"]


def evening(folder: Path) -> World:
    return World(folder, "full", now=EVENING)


def store(world: World, resource: str, **fields: Any) -> None:
    for row in world.revel.state.rows[resource].values():
        row.update(fields)


def test_an_order_that_revel_stores_on_another_day_gets_no_item_and_is_told(tmp_path: Path) -> None:
    world = evening(tmp_path)
    world.revel.shows_utc = True
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 14)
    assert "on 2026-11-01, not on 2026-10-31" in find_outcome(report, FULL).text
    world.time.move(minutes=45)
    assert verdict(world.sync(), FULL) == "held ORDER_DIFFERS"
    assert world.writes == ["POST Order"]


def test_another_hour_of_the_same_day_is_the_right_day(world: World) -> None:
    world.revel.shows_utc = True
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_an_account_whose_times_are_accepted_as_they_are_gets_its_orders(tmp_path: Path) -> None:
    world = evening(tmp_path)
    world.revel.shows_utc = True
    world.config["safety"]["accepted_assumptions"] = [AssumptionCode.REVEL_LOCAL_TIME.value]
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


@pytest.mark.parametrize("shown", NO_DATES)
def test_an_order_without_a_readable_day_is_no_finding(tmp_path: Path, shown: str | None) -> None:
    world = evening(tmp_path)
    world.at(CREATED, lambda: store(world, "Order", created_date=shown))
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


@pytest.mark.parametrize("moment", ["before POST /resources/OrderItem/", "after POST /resources/OrderHistory/"])
def test_a_day_that_changes_later_is_no_finding(world: World, moment: str) -> None:
    world.at(moment, lambda: store(world, "Order", created_date="2026-01-01T10:00:00"))
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


@pytest.mark.parametrize("fields", [{"payment_type": 1}, {"tip": "1.000000"}, {"payment_type": 1, "tip": None}])
def test_a_payment_of_another_type_or_with_a_tip_stops_the_order(world: World, fields: dict[str, Any]) -> None:
    world.at("after POST /resources/Payment/", lambda: store(world, "Payment", **fields))
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
        world.time.move(minutes=45)
    assert "PATCH Order" not in world.writes[-1:]


@pytest.mark.parametrize("fields", [{"payment_type": None, "tip": None}, {"payment_type": "236", "tip": 0}])
def test_a_payment_that_lacks_its_type_and_tip_is_no_finding(world: World, fields: dict[str, Any]) -> None:
    world.at("after POST /resources/Payment/", lambda: store(world, "Payment", **fields))
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_a_payment_that_an_earlier_run_wrote_keeps_its_type(world: World) -> None:
    crash(world, "after POST /resources/Payment/")
    world.config["locations"][0]["payment_type"] = 240
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def _make_zero(rows: list[dict[str, Any]]) -> None:
    rows[0]["discount_amount"] = "0.000000"


def _double(rows: list[dict[str, Any]]) -> None:
    rows.append(dict(rows[0]))


@pytest.mark.parametrize("change", [_make_zero, _double])
def test_a_discount_whose_rows_are_another_amount_stops_the_order(world: World, change: Any) -> None:
    world.at("after PATCH", lambda: change(world.revel.state.rows["Order"][ORDER]["applied_discounts"]))
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
        world.time.move(minutes=45)
    assert world.orders_of(FULL)[0]["discount_amount"] == Decimal("9.60")
    assert not world.orders_of(FULL)[0]["printed"]
