"""An order or a part that is there twice is told in the very run that can see it, and nothing more is written to it."""

from __future__ import annotations

from typing import Any

import pytest

from ..world import World, find_outcome, verdict
from .conftest import FULL
from .test_lost_answers import STEPS
from .way import Way


@pytest.fixture
def way(world: World) -> Way:
    return Way(world)


def clone(world: World, resource: str = "Order", **fields: object) -> int:
    """Another row like the newest one; the id of it."""
    row = world.revel.state.rows[resource][max(world.revel.state.rows[resource])]
    left_out = {"id", "resource_uri", *fields}
    return int(world.revel.add(resource, None, **{k: v for k, v in row.items() if k not in left_out}, **fields)["id"])


def test_an_order_that_a_proxy_sent_twice_is_an_alarm_in_that_run_and_in_each_later_one(world: World, way: Way) -> None:
    way.double("/Order/")
    for _ in range(3):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
        assert find_outcome(report, FULL).alarm
        world.time.move(minutes=45)
    assert "POST OrderHistory" not in world.writes


@pytest.mark.parametrize("workers", [1, 4])
def test_nothing_is_put_into_an_order_that_a_proxy_sent_twice(world: World, way: Way, workers: int) -> None:
    world.config["sync"] = {**world.config.get("sync", {}), "workers": workers}
    way.double("/Order/")
    assert (verdict(world.sync(), FULL), world.writes) == ("held DUPLICATE_ORDERS", ["POST Order"] * 2)


def test_once_the_twin_is_deleted_ours_is_finished(world: World, way: Way) -> None:
    way.double("/Order/")
    world.sync()
    twin = next(order for order in world.revel.orders if not world.revel.items_of(order["id"]))
    world.revel.state.rows["Order"][twin["id"]]["deleted"] = True
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("injected", 0)
    del world.revel.state.rows["Order"][twin["id"]]
    assert world.flaws(FULL) == []


@pytest.mark.parametrize("step", ["first item", "payment", "history"])
def test_a_part_that_a_proxy_sent_twice_is_an_alarm_in_that_run(world: World, way: Way, step: str) -> None:
    way.double(STEPS[step][1])
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
        assert "twice" in find_outcome(report, FULL).text


@pytest.mark.parametrize(
    "moment", ["after POST /resources/Order/", "after POST .*Payment", "after PATCH", "after POST .*History"]
)
@pytest.mark.parametrize("names", [{}, {"uuid": "11111111-2222-4333-8444-555555555555"}])
def test_a_twin_that_another_machine_makes_meanwhile_is_an_alarm_in_that_run(
    world: World, moment: str, names: dict[str, Any]
) -> None:
    world.at(moment, lambda: clone(world, **names))
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)


@pytest.mark.parametrize("names", [{}, {"local_id": None}])
def test_a_twin_of_a_finished_order_is_an_alarm_in_every_run(world: World, names: dict[str, Any]) -> None:
    assert verdict(world.sync(), FULL) == "injected"
    twin = clone(world, **names)
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
        world.time.move(minutes=45)
    world.revel.state.rows["Order"][twin]["deleted"] = True
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


def test_a_history_row_that_turns_up_twice_after_the_run_is_an_alarm_in_every_later_one(world: World) -> None:
    assert verdict(world.sync(), FULL) == "injected"
    twin = clone(world, "OrderHistory")
    (order,) = world.revel.state.rows["Order"].values()
    order["orderhistory"].append(f"/resources/OrderHistory/{twin}/")
    for _ in range(2):
        world.time.move(minutes=45)
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
        assert "history row twice" in find_outcome(report, FULL).text
    del world.revel.state.rows["OrderHistory"][twin]
    order["orderhistory"].pop()
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("skipped ALREADY_INJECTED", [])


def test_a_history_row_that_a_station_adds_is_no_twin(world: World) -> None:
    world.sync()
    row = clone(world, "OrderHistory", uuid="11111111-2222-4333-8444-555555555555")
    (order,) = world.revel.state.rows["Order"].values()
    order["orderhistory"].append(f"/resources/OrderHistory/{row}/")
    world.time.move(minutes=45)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


def test_two_machines_with_a_ledger_each_are_told_by_both(world: World) -> None:
    def make_another() -> None:
        clone(world)

    world.at("after POST /resources/Order/", make_another)
    assert world.sync().exit_status == 14
    world.lose_ledger()
    assert world.sync().exit_status == 14


def test_looking_for_a_twin_costs_a_normal_order_no_request_more(world: World) -> None:
    world.sync()
    assert len(world.revel_requests) <= 20
