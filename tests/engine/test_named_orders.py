"""An order that a person named for an event is watched while the event is to come, as one that a run found is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from tsrevel.engine import after_injection
from tsrevel.engine.outcomes import RunReport
from tsrevel.insight.history import find_changed

from ..world import World, find_outcome, verdict
from .conftest import FULL
from .test_foreign_orders import later
from .test_resolved import resolve

ALREADY, CHANGED = "skipped ALREADY_INJECTED", "skipped CHANGED_AFTER_INJECTION"


def enter(world: World, event_id: int = FULL) -> int:
    """Enter an order by hand, under a number of the station's, and name it for the event."""
    order = world.add_order(event_id, "POS-77", final_total=Decimal(50), remaining_due=Decimal(50))
    item = {"product": "/resources/Product/1/", "quantity": 1, "price": Decimal(50), "voided_date": None}
    world.revel.add("OrderItem", None, order=f"/resources/Order/{order}/", **item)
    resolve(world, event_id, "done", str(order))
    return order


def delete(world: World, order: int) -> None:
    world.revel.state.rows["Order"][order]["deleted"] = True


def vanish(world: World, order: int) -> None:
    del world.revel.state.rows["Order"][order]


def void(world: World, order: int) -> None:
    world.revel.state.rows["Order"][order].update(dict.fromkeys(("final_total", "remaining_due"), Decimal(0)))
    for item in world.revel.state.rows["OrderItem"].values():
        if item["order"] == f"/resources/Order/{order}/":
            item["voided_date"] = "2026-12-12T11:00:00"


LOSSES = [delete, vanish, void]


def looks(reports: Sequence[RunReport]) -> set[tuple[str, int]]:
    return {(verdict(each, FULL), each.exit_status) for each in reports}


def told(reports: Sequence[RunReport]) -> list[str]:
    """What the runs that reported something said of the event."""
    return [find_outcome(each, FULL).text for each in reports if each.exit_status]


def listed(world: World) -> list[str]:
    with world.ledger() as ledger:
        return [each.text for each in find_changed(ledger)]


@pytest.fixture
def held(world: World) -> World:
    """A held event, whose order was entered by hand then."""
    world.rewrite_event(FULL, lines=[("Never Heard Of", 1, 38)])
    assert verdict(world.sync(), FULL) == "held UNMAPPED_ITEMS"
    return world


@pytest.mark.parametrize("lose", LOSSES)
def test_that_it_is_gone_is_told_once_and_listed_until_it_is_settled(
    held: World, lose: Callable[[World, int], None]
) -> None:
    order = enter(held)
    assert looks([later(held) for _ in range(4)]) == {(ALREADY, 0)}
    lose(held, order)
    reports = [later(held) for _ in range(6)]
    assert looks(reports) == {(ALREADY, 0), (CHANGED, 3)}
    text = (
        f"Revel order {order}, which a person named, no longer stands; if the event needs an order, enter it by hand "
        f'and run `tsrevel resolve {FULL} --as done --order ID --note "entered by hand"`'
    )
    assert told(reports) == [text] == listed(held)
    enter(held)
    assert looks([later(held) for _ in range(4)]) == {(ALREADY, 0)}
    assert (listed(held), held.writes) == ([], [])


def test_that_it_stands_again_is_told(held: World) -> None:
    order = enter(held)
    delete(held, order)
    assert len(told([later(held) for _ in range(4)])) == 1
    held.revel.state.rows["Order"][order]["deleted"] = False
    (text,) = told([later(held) for _ in range(4)])
    assert text == f"Revel order {order}, which a person named, stands again"
    assert listed(held) == []


def test_a_change_of_its_event_stays_listed_though_it_stands_again(held: World) -> None:
    order = enter(held)
    later(held)
    held.tripleseat.edit_event(FULL, guest_count=99)
    delete(held, order)
    assert told([later(held) for _ in range(4)])
    held.revel.state.rows["Order"][order]["deleted"] = False
    assert len(told([later(held) for _ in range(4)])) == 1
    (text,) = listed(held)
    assert text.startswith("it has changed since a person resolved it")


def test_in_place_of_ours_it_leaves_nothing_listed_once_it_stands_again(world: World) -> None:
    later(world)
    delete(world, 5550101)
    later(world)
    order = enter(world)
    delete(world, order)
    assert len(told([later(world) for _ in range(6)])) == 1 == len(listed(world))
    world.revel.state.rows["Order"][order]["deleted"] = False
    assert (len(told([later(world) for _ in range(6)])), listed(world)) == (1, [])


@pytest.mark.parametrize("lose", LOSSES)
def test_one_in_place_of_ours_is_told_when_it_goes_too(world: World, lose: Callable[[World, int], None]) -> None:
    assert verdict(world.sync(), FULL) == "injected"
    delete(world, 5550101)
    assert len(told([later(world) for _ in range(3)])) == 1
    order = enter(world)
    assert looks([later(world) for _ in range(4)]) == {(ALREADY, 0)}
    lose(world, order)
    (text,) = told([later(world) for _ in range(6)])
    assert text.startswith(f"Revel order {order}, which a person named, no longer stands")
    assert listed(world)[0].endswith(text)
    assert world.writes == []


def test_one_that_goes_together_with_ours_is_told_once(world: World) -> None:
    assert verdict(world.sync(), FULL) == "injected"
    order = enter(world)
    for each in (order, 5550101):
        delete(world, each)
    (text,) = told([later(world) for _ in range(6)])
    assert text.startswith("Revel order 5550101 was changed in Revel: it was deleted; ")
    assert f"Revel order {order}, which a person named, no longer stands" in text


def test_while_ours_stands_none_is_needed(world: World) -> None:
    assert verdict(world.sync(), FULL) == "injected"
    delete(world, enter(world))
    assert looks([later(world) for _ in range(4)]) == {(ALREADY, 0)}


def test_while_another_named_one_stands_none_is_missed(held: World) -> None:
    first = enter(held)
    enter(held)
    delete(held, first)
    assert looks([later(held) for _ in range(4)]) == {(ALREADY, 0)}


def test_a_cancelled_event_needs_none(held: World) -> None:
    order = enter(held)
    held.time.move(minutes=45)
    held.tripleseat.cancel_event(FULL)
    assert later(held).exit_status == 3
    delete(held, order)
    assert looks([later(held) for _ in range(4)]) == {(ALREADY, 0)}


def test_of_a_cancelled_event_only_the_orders_that_stand_are_listed(world: World) -> None:
    later(world)
    delete(world, 5550101)
    later(world)
    order = enter(world)
    world.tripleseat.cancel_event(FULL)
    (text,) = told([later(world) for _ in range(3)])
    assert f"Revel order {order} still stands" in text
    (text,) = listed(world)
    assert (f"Revel order {order}, which a person named, may still stand" in text, "5550101" in text) == (True, False)


@pytest.mark.parametrize("gone", [False, True])
def test_a_free_order_that_a_station_touched_counts_as_gone_only_if_it_is(world: World, gone: bool) -> None:
    event = world.add_event(lines=[("Coffee Urn", 1, 0)])
    world.sync()
    (order,) = world.orders_of(event)
    if gone:
        void(world, order["id"])
    world.revel.state.rows["Order"][order["id"]]["local_id"] = "77"
    for _ in range(3):
        later(world)
    resolve(world, event, "done")
    world.tripleseat.cancel_event(event)
    text = next(each.text for _ in range(3) for each in later(world).outcomes if each.event_id == str(event))
    assert (f"Revel order {order['id']} was gone" in text, f"Revel order {order['id']} still stands" in text) == (
        gone,
        not gone,
    )


@pytest.mark.parametrize("gone", [False, True])
def test_an_unchanged_free_or_voided_order_costs_no_request_for_its_items(world: World, gone: bool) -> None:
    event = world.add_event(lines=[("Coffee Urn", 1, 0)])
    world.sync()
    if gone:
        void(world, world.orders_of(event)[0]["id"])
    for _ in range(3):
        later(world)
    world.forget_requests()
    for _ in range(3):
        later(world)
    assert not [each for each in world.revel_requests if "OrderItem" in each]


def test_a_deleted_order_of_a_cancelled_event_is_not_listed_as_standing_beside_another(world: World) -> None:
    later(world)
    delete(world, 5550101)
    order = world.add_order(FULL)
    later(world)
    world.tripleseat.cancel_event(FULL)
    (text,) = told([later(world) for _ in range(3)])
    assert f"Revel order {order} still stands" in text
    (text,) = listed(world)
    assert ("5550101 was changed in Revel: it was deleted" in text, "still stands" in text) == (True, False)


def test_an_event_whose_day_has_passed_needs_none(held: World) -> None:
    order = enter(held)
    held.time.move(days=1)
    delete(held, order)
    assert looks([later(held) for _ in range(4)]) == {(ALREADY, 0)}


def test_an_event_that_is_ignored_needs_none(held: World) -> None:
    order = enter(held)
    resolve(held, FULL, "ignored")
    delete(held, order)
    assert looks([later(held) for _ in range(4)]) == {("skipped STATUS_NOT_ELIGIBLE", 0)}


@pytest.mark.parametrize(("kind", "status"), [("status", 503), ("status", 400), ("html", 200)])
def test_a_look_that_fails_does_not_mean_that_it_is_gone(held: World, kind: str, status: int) -> None:
    enter(held)
    held.revel.faults.add(kind, "GET", "/resources/Order/", times=None, status=status)
    assert looks([later(held) for _ in range(4)]) == {(ALREADY, 0)}


def test_a_key_that_is_revoked_ends_the_runs_that_look(held: World) -> None:
    enter(held)
    held.revel.faults.add("status", None, "/", times=None, status=401)
    assert looks([later(held) for _ in range(4)]) == {(ALREADY, 0), (ALREADY, 12)}


def test_if_revel_ignores_the_filter_each_is_read_by_itself(held: World) -> None:
    order = enter(held)
    held.revel.ignored_filters = {"id__in"}
    assert looks([later(held) for _ in range(4)]) == {(ALREADY, 0)}
    delete(held, order)
    assert len(told([later(held) for _ in range(4)])) == 1


def test_an_idle_run_asks_once_for_all_of_them_and_half_of_the_runs_do_not(held: World) -> None:
    enter(held)
    counts = []
    for _ in range(8):
        later(held)
        counts.append(len(held.revel.requests))
    assert (sum(counts), max(counts)) == (4, 1)


def test_a_dry_run_stores_nothing(held: World) -> None:
    delete(held, enter(held))
    assert len(told([later(held, dry_run=True) for _ in range(4)])) >= 1
    assert listed(held) == []
    assert len(told([later(held) for _ in range(4)])) == 1


def test_with_more_than_a_run_checks_each_has_its_turn(held: World, monkeypatch: pytest.MonkeyPatch) -> None:
    event = held.add_event(lines=[("Never Heard Of", 1, 38)], day=(held.time.now + timedelta(days=1)).date())
    monkeypatch.setattr(after_injection, "MOST", 1)
    later(held)
    for each in (FULL, event):
        delete(held, enter(held, each))
    reports = [later(held) for _ in range(16)]
    assert [sum(verdict(each, event_id) == CHANGED for each in reports) for event_id in (FULL, event)] == [1, 1]
