"""A person deletes or voids one of two orders: the one that is left is the event's order, whichever it is."""

from __future__ import annotations

from typing import Any

import pytest

from ..world import World, find_outcome, verdict
from .conftest import FULL
from .test_twins import OTHER_UUID, clone_whole, later, void


def keep_twin(world: World, how: str, **names: Any) -> int:
    """A whole twin is reported, and a person deletes or voids the order that the ledger knows."""
    later(world)
    twin = clone_whole(world, **names)
    while later(world).exit_status == 0:
        pass
    if how == "deleted":
        world.revel.state.rows["Order"][5550101]["deleted"] = True
    elif how == "gone":
        del world.revel.state.rows["Order"][5550101]
    else:
        void(world, 5550101)
    return twin


@pytest.mark.parametrize("how", ["deleted", "voided", "gone"])
@pytest.mark.parametrize("names", [{}, {"local_id": None}], ids=["both", "our uuid"])
def test_the_twin_that_was_kept_is_the_order_from_then_on(world: World, names: dict[str, Any], how: str) -> None:
    twin = keep_twin(world, how, **names)
    if names:  # its lost name is told, as of any order
        assert later(world).exit_status == 3
    report = later(world)
    assert (verdict(report, FULL), find_outcome(report, FULL).order_id) == ("skipped ALREADY_INJECTED", str(twin))
    assert [later(world).exit_status for _ in range(3)] == [0] * 3
    record = world.record(FULL)
    assert record
    assert (record.state, record.order_id) == ("settled", str(twin))
    world.revel.pos_touch(twin)
    told = find_outcome(later(world), FULL).text
    assert f"Revel order {twin} was changed in Revel: discount 9.60 → 0.00" in told
    world.tripleseat.cancel_event(FULL)
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("skipped CANCELLED_AFTER_INJECTION", 3)
    assert f"Revel order {twin} still stands" in find_outcome(report, FULL).text


@pytest.mark.parametrize("names", [{}, {"uuid": OTHER_UUID}, {"local_id": None}], ids=["both", "our name", "our uuid"])
@pytest.mark.parametrize("wait", [0, 1, 2])
def test_a_cancelled_event_is_told_of_the_twin_that_was_kept(world: World, names: dict[str, Any], wait: int) -> None:
    twin = keep_twin(world, "deleted", **names)
    for _ in range(wait):
        later(world)
    world.tripleseat.cancel_event(FULL)
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("skipped CANCELLED_AFTER_INJECTION", 3)
    text = find_outcome(report, FULL).text
    assert (f"Revel order {twin} still stands" in text, "Revel order 5550101 still stands" in text) == (True, False)
    assert later(world).exit_status == 0


def test_a_cancelled_event_whose_order_was_deleted_is_told_of_the_twin_that_still_stands(world: World) -> None:
    later(world)
    world.tripleseat.cancel_event(FULL)
    later(world)
    twin = clone_whole(world, uuid=OTHER_UUID)
    world.revel.state.rows["Order"][5550101]["deleted"] = True
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("skipped CANCELLED_AFTER_INJECTION", 3)
    assert f"if nobody wants Revel order {twin}, void it" in find_outcome(report, FULL).text
    assert later(world).exit_status == 0


def test_a_twin_that_is_found_after_the_deletion_was_told_is_told_to_stand_in_its_place(world: World) -> None:
    later(world)
    world.revel.state.rows["Order"][5550101]["deleted"] = True
    assert later(world).exit_status == 3
    world.revel.state.rows["Order"][5550101]["deleted"] = False
    twin = clone_whole(world)
    world.revel.state.rows["Order"][5550101]["deleted"] = True
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("skipped CHANGED_AFTER_INJECTION", 3)
    expected = f"Revel order {twin} was changed in Revel: it stands in place of order 5550101; it is again as tsrevel"
    assert find_outcome(report, FULL).text.startswith(expected)
    assert [later(world).exit_status for _ in range(3)] == [0] * 3


@pytest.mark.parametrize("lacks", ["items", "history"])
def test_a_twin_that_is_not_whole_takes_no_orders_place(world: World, lacks: str) -> None:
    twin = keep_twin(world, "deleted")
    row = world.revel.state.rows["Order"][twin]
    row |= {"has_history": False} if lacks == "history" else {}
    for item in list(world.revel.state.rows["OrderItem"].values()):
        if lacks == "items" and item["order"] == f"/resources/Order/{twin}/":
            del world.revel.state.rows["OrderItem"][item["id"]]
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("skipped CHANGED_AFTER_INJECTION", 3)
    told = (
        f"Revel order 5550101 was changed in Revel: it was deleted, order {twin} stands in its place and isn't whole; "
        "tsrevel makes no other one"
    )
    assert told in find_outcome(report, FULL).text
    assert later(world).exit_status == 0
    record = world.record(FULL)
    assert record
    assert record.order_id == "5550101"


def test_a_dry_run_stores_no_twin_as_the_order(world: World) -> None:
    keep_twin(world, "deleted")
    before = world.record(FULL)
    assert verdict(world.sync(dry_run=True), FULL) == "skipped ALREADY_INJECTED"
    assert world.record(FULL) == before


def test_a_twin_of_an_order_by_the_ledger_that_only_lost_its_name_is_an_alarm(world: World) -> None:
    """A run that asks by name doesn't see the order itself, and must not take the twin for it."""
    later(world)
    world.revel.state.rows["Order"][5550101]["local_id"] = None
    clone_whole(world, local_id=f"Triple Seat_{FULL}")
    statuses = [later(world).exit_status for _ in range(4)]
    assert 14 in statuses[:3]
    assert statuses[-1] == 14
    record = world.record(FULL)
    assert record
    assert record.order_id == "5550101"
