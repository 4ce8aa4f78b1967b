"""A search by name that shows nothing proves only that an event has no order if it shows the orders that stand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import httpx
import pytest

from tsrevel.planning.assumptions import AssumptionCode, AssumptionResult

from ..world import World, verdict
from .conftest import FULL
from .test_twins import void
from .test_unsupported import Answer, answers, bend, searches, searches_for_several, silent
from .test_watch import next_run

BY_NAME = AssumptionCode.REVEL_FINDS_BY_LOCAL_ID


def searches_by_name(request: httpx.Request) -> bool:
    return searches(request) and any(name.startswith("local_id") for name in request.url.params)


def late(world: World, made: dict[str, datetime] | None = None, **by: float) -> Answer:
    """A new order comes into the lists only after that time. `made`: when those were made that stand already."""
    made = {} if made is None else made

    def hide(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        if request.method == "POST" and request.url.path == "/resources/Order/":
            made[str(json.loads(response.content)["id"])] = world.time.now
        if not searches(request):
            return None
        page = json.loads(response.content)
        shown = [row for row in page["objects"] if world.time.now - made[str(row["id"])] > timedelta(**by)]
        meta = {**page["meta"], "total_count": len(shown)}
        return httpx.Response(200, json={"meta": meta, "objects": shown})

    return hide


def add_old_orders(world: World, number: int) -> list[int]:
    """Events for which the service before has made the order."""
    events = [world.add_event(64000050 + each, start=time(23, each)) for each in range(number)]
    for each in events:
        world.add_order(each, f"Triple Seat {each}")
    return events


def remove(world: World, order: int) -> None:
    del world.revel.state.rows["Order"][order]


def count_orders(world: World, events: list[int]) -> int:
    return sum(len(world.orders_of(each)) for each in events)


@pytest.mark.parametrize("is_silent", [searches_by_name, searches])
def test_a_search_that_does_not_show_our_own_order_is_not_believed(
    tmp_path: Path, is_silent: Callable[[httpx.Request], bool]
) -> None:
    world = World(tmp_path, "full")
    bend(world, silent(is_silent))
    assert verdict(world.sync(), FULL) == "injected"
    events = add_old_orders(world, 2)
    assert next_run(world).exit_status == 10
    assert (count_orders(world, events), answers(world)[BY_NAME]) == (2, AssumptionResult.FAILS)
    assert next_run(world).exit_status == 10


def test_at_most_one_order_of_a_first_run_rests_on_a_silent_search(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    bend(world, silent(searches))
    events = add_old_orders(world, 3)
    assert world.sync().exit_status == 13
    assert count_orders(world, [FULL, *events]) == 4
    assert answers(world) == {}  # it may only be late
    assert next_run(world).exit_status == 10


def test_at_most_one_order_rests_on_a_search_that_falls_silent(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    world.sync()
    events = add_old_orders(world, 3)
    bend(world, silent(searches_by_name))
    assert next_run(world).exit_status == 10
    assert (count_orders(world, events), answers(world)[BY_NAME]) == (4, AssumptionResult.FAILS)


def test_at_most_one_order_rests_on_a_search_for_several_that_falls_silent(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    world.sync()
    events = add_old_orders(world, 3)
    bend(world, silent(searches_for_several))
    report = next_run(world)
    assert [verdict(report, each) for each in events] == ["held DUPLICATE_ORDERS", *["skipped ORDER_EXISTS"] * 2]


def test_lists_that_lag_delay_only_the_first_run(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    others = [world.add_event(64000050 + each, start=time(23, each)) for each in range(3)]
    bend(world, late(world, minutes=5))
    first = world.sync()
    assert (first.exit_status, first.summary["injected"]) == (13, 1)
    second = next_run(world)
    assert (second.exit_status, second.summary["injected"]) == (0, 3)
    assert count_orders(world, [FULL, *others]) == 4


def test_after_a_lost_ledger_lists_that_lag_delay_nothing_if_older_orders_are_shown(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    world.sync()
    world.lose_ledger()
    others = [world.add_event(64000050 + each, start=time(23, each)) for each in range(2)]
    made = {str(row["id"]): datetime(2026, 12, 1, tzinfo=UTC) for row in world.orders_of(FULL)}
    bend(world, late(world, made, minutes=5))
    report = next_run(world)
    assert (report.exit_status, report.summary["injected"]) == (0, 2)
    assert count_orders(world, [FULL, *others]) == 3


def test_lists_that_lag_by_seconds_delay_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    world.add_event(start=time(23))
    bend(world, late(world, seconds=20))
    report = world.sync()
    assert (report.exit_status, report.summary["injected"]) == (0, 2)


@pytest.mark.parametrize("lose", [void, remove])
def test_an_order_that_is_gone_tells_nothing_of_the_search(
    tmp_path: Path, lose: Callable[[World, int], object]
) -> None:
    world = World(tmp_path, "full")
    bend(world, silent(searches))
    world.sync()
    lose(world, int(world.orders_of(FULL)[0]["id"]))
    other = world.add_event(start=time(23))
    assert verdict(next_run(world), other) == "injected"


def test_a_person_may_accept_that_the_search_finds_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    world.config["safety"]["accepted_assumptions"] = [BY_NAME.value]
    bend(world, silent(searches_by_name))
    others = [world.add_event(64000050 + each, start=time(23, each)) for each in range(2)]
    assert world.sync().summary["injected"] == 3
    assert count_orders(world, [FULL, *others]) == 3


def test_an_order_is_not_begun_if_its_day_ends_while_the_search_is_tested(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    other = world.add_event(start=time(23))
    bend(world, late(world, seconds=25))
    world.time.now = datetime(2026, 12, 13, 7, 59, 35, tzinfo=UTC)
    report = world.sync()
    assert verdict(report, FULL) == "injected"
    assert (verdict(report, other), world.orders_of(other)) == ("skipped EVENT_DAY_PASSED", [])


@pytest.mark.parametrize("shows_others", [True, False])
def test_an_order_that_revel_can_not_show_tells_nothing_of_the_search(tmp_path: Path, *, shows_others: bool) -> None:
    def fail(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        is_shown = request.method == "GET" and any(str(each) in f"{request.url} {response.text}" for each in broken)
        return httpx.Response(500, json={}) if is_shown else None

    world = World(tmp_path, "full")
    earlier = world.add_event(64000050, start=time(22))
    bend(world, silent(searches_by_name))
    world.config["safety"]["accepted_assumptions"] = [BY_NAME.value]
    assert world.sync().summary["injected"] == 2
    world.config["safety"]["accepted_assumptions"] = []
    broken = [earlier] if shows_others else [earlier, FULL]
    events = [world.add_event(64000060 + each, start=time(23, each)) for each in range(2)]
    bend(world, fail)
    assert next_run(world).summary["injected"] == (2 if shows_others else 0)
    assert count_orders(world, events) == (2 if shows_others else 0)
