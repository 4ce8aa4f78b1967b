"""Finished orders that Revel doesn't show together are asked for one by one, and then show as much."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tsrevel.engine import after_injection

from ..world import World, find_outcome, verdict
from .conftest import FULL
from .test_foreign_orders import delete, later, until_told
from .test_kept_twins import keep_twin
from .test_named_orders import delete as delete_order
from .test_named_orders import enter, listed, told, vanish
from .test_twins import OTHER_UUID, clone, clone_whole
from .test_unsupported import UNSUPPORTED, Answer, bend, searches, searches_for_several, silent

ALARM = "held DUPLICATE_ORDERS"


def refusing(answer: httpx.Response) -> Answer:
    return lambda request, _: answer if searches_for_several(request) else None


WITHOUT_SETS = {
    **{name: refusing(answer) for name, answer in UNSUPPORTED.items()},
    "silent": silent(searches_for_several),
}


@pytest.fixture(params=WITHOUT_SETS)
def account(world: World, request: pytest.FixtureRequest) -> World:
    """An account that doesn't support `__in`."""
    bend(world, WITHOUT_SETS[request.param])
    return world


@pytest.fixture
def held(world: World) -> World:
    """A held event, whose order is entered by hand."""
    world.rewrite_event(FULL, lines=[("Never Heard Of", 1, 38)])
    assert verdict(world.sync(), FULL) == "held UNMAPPED_ITEMS"
    return world


def cannot_serve(order: int, *, lists: bool) -> Answer:
    """Revel answers 500 wherever it would show this order; unless `lists`, only where it would show this one alone."""

    def answer(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        path = request.url.path
        is_list = path == "/resources/Order/" and re.search(rf'"id": ?{order}\b', response.text) is not None
        is_asked = path == f"/resources/Order/{order}/" or (lists and is_list)
        return UNSUPPORTED["500"] if request.method == "GET" and is_asked else None

    return answer


@pytest.mark.parametrize(
    "names", [{"local_id": None}, {"uuid": OTHER_UUID}, {"uuid": OTHER_UUID, "local_id": f"Triple Seat {FULL}"}]
)
def test_a_twin_shows_within_three_runs_and_then_in_each_until_it_is_deleted(
    account: World, names: dict[str, Any]
) -> None:
    for _ in range(2):
        assert later(account).exit_status == 0
    twin = clone(account, **names)
    runs = 1
    while later(account).exit_status == 0:
        runs += 1
        assert runs <= 3
    assert [verdict(later(account), FULL) for _ in range(4)] == [ALARM] * 4
    account.revel.state.rows["Order"][twin]["deleted"] = True
    assert [later(account).exit_status for _ in range(3)] == [0] * 3


def test_a_twin_that_is_kept_is_the_order_from_then_on(account: World) -> None:
    twin = keep_twin(account, "deleted")
    report = later(account)
    assert (verdict(report, FULL), find_outcome(report, FULL).order_id) == ("skipped ALREADY_INJECTED", str(twin))


def test_a_twin_that_was_kept_before_a_run_saw_both_is_the_order_from_then_on(account: World) -> None:
    later(account)
    twin = clone_whole(account)
    delete_order(account, 5550101)
    assert [later(account).exit_status for _ in range(3)] == [0] * 3
    assert find_outcome(later(account), FULL).order_id == str(twin)


def test_an_order_that_is_found_costs_an_idle_run_a_request_or_one_for_each_name(account: World) -> None:
    later(account)
    later(account)
    asked = []
    for _ in range(4):
        later(account)
        asked.append([each for each in account.revel.requests if not any("__in" in key for key in each.query)])
    assert {len(each) for each in asked} <= {1, 2, 3}


def test_what_revel_does_not_support_is_not_asked_again_in_a_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        world.add_event(64000050 + number, lines=[("Coffee Urn", 1, 38)])
    bend(world, WITHOUT_SETS["404"])
    later(world)
    monkeypatch.setattr(after_injection, "BATCH", 1)
    for _ in range(4):
        later(world)
        assert len({str(each.query) for each in world.revel.requests if "fields" in each.query}) == 1


def test_one_order_that_revel_can_not_serve_leaves_the_others_asked_for_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.revel.add("Order", None, local_id="POS-1")
    for number in range(3):
        world.add_event(64000050 + number, lines=[("Coffee Urn", 1, 38)])
    later(world)
    bend(world, cannot_serve(5550102, lists=True))
    monkeypatch.setattr(after_injection, "BATCH", 1)
    singly = []
    for _ in range(4):
        later(world)
        singly.append(len({each.query["uuid"] for each in world.revel.requests if "uuid" in each.query}))
    assert max(singly) == 1


@pytest.mark.parametrize("lose", [delete_order, vanish])
def test_that_an_order_which_a_person_named_stands_again_is_told(
    held: World,
    lose: Callable[[World, int], None],
) -> None:
    order = enter(held)
    bend(held, WITHOUT_SETS["404"])
    row = held.revel.state.rows["Order"][order]
    lose(held, order)
    assert len(told([later(held) for _ in range(4)])) == 1
    held.revel.state.rows["Order"][order] = {**row, "deleted": False}
    assert told([later(held) for _ in range(4)]) == [f"Revel order {order}, which a person named, stands again"]
    assert listed(held) == []


def test_that_somebody_elses_order_stands_again_is_told_and_so_is_a_second_one(world: World) -> None:
    world.add_order(FULL)
    assert verdict(world.sync(), FULL) == "skipped ORDER_EXISTS"
    bend(world, WITHOUT_SETS["404"])
    delete(world)
    assert until_told(world).exit_status == 3
    next(iter(world.revel.state.rows["Order"].values()))["deleted"] = False
    assert find_outcome(until_told(world), FULL).text.endswith("which someone else made, stands again")
    world.add_order(FULL)
    assert verdict(until_told(world), FULL) == ALARM


@pytest.mark.parametrize("lists", [True, False])
def test_an_order_that_revel_can_not_serve_hides_no_twin_and_no_change_of_another(world: World, *, lists: bool) -> None:
    world.revel.add("Order", None, local_id="POS-1")
    doubled, lost = (world.add_event(64000050 + number, lines=[("Coffee Urn", 1, 38)]) for number in range(2))
    assert later(world).summary["injected"] == 3
    numbers = {each: int(record.order_id or 0) for each in (FULL, doubled, lost) if (record := world.record(each))}
    bend(world, cannot_serve(numbers[FULL], lists=lists))
    world.revel.pos_touch(numbers[FULL])  # so that it is read by itself
    delete_order(world, numbers[lost])
    row = world.revel.state.rows["Order"][numbers[doubled]]
    world.revel.add("Order", None, **{key: each for key, each in row.items() if key not in {"id", "resource_uri"}})
    assert find_outcome(later(world), lost).news
    for _ in range(4):
        report = later(world)
        assert (verdict(report, doubled), report.exit_status, report.warnings) == (ALARM, 14, ())


@pytest.mark.parametrize("lists", [True, False])
def test_a_named_order_that_revel_can_not_serve_hides_no_loss_of_another(held: World, *, lists: bool) -> None:
    held.revel.add("Order", None, local_id="POS-1")
    other = held.add_event(64000050, lines=[("Never Heard Of", 1, 38)])
    later(held)
    first, second = enter(held), enter(held, other)
    bend(held, cannot_serve(first, lists=lists))
    delete_order(held, first)
    delete_order(held, second)
    reports = [later(held) for _ in range(4)]
    assert [find_outcome(each, other).news for each in reports].count(True) == 1
    assert not any(each.warnings for each in reports)


def test_a_revel_that_shows_no_order_ends_the_check_after_a_few_and_is_told(world: World) -> None:
    for number in range(9):
        world.add_event(64000050 + number, lines=[("Coffee Urn", 1, 38)])
    later(world)
    is_cheap = {"limit": "1"}.items()
    bend(world, lambda asked, _: None if is_cheap <= dict(asked.url.params).items() else UNSUPPORTED["500"])
    report = later(world)
    orders = {each.path for each in world.revel.requests if each.path.removeprefix("/resources/Order/")}
    assert (len(report.warnings), len(orders)) == (1, 3)


@pytest.mark.parametrize("status", [401, 403])
def test_an_order_that_the_key_may_not_read_hides_no_change_of_another(world: World, status: int) -> None:
    lost = world.add_event(64000050, lines=[("Coffee Urn", 1, 38)])
    later(world)
    hidden, deleted = (int(record.order_id or 0) for each in (FULL, lost) if (record := world.record(each)))

    def refuse(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        if request.url.path == f"/resources/Order/{hidden}/":
            return httpx.Response(status, json={})
        if not searches(request):
            return None
        page = json.loads(response.content)
        shown = [row for row in page["objects"] if row["id"] != hidden]
        return httpx.Response(200, json={"meta": {**page["meta"], "total_count": len(shown)}, "objects": shown})

    bend(world, refuse)
    delete_order(world, deleted)
    reports = [later(world) for _ in range(4)]
    assert [each.exit_status for each in reports] == [3, 0, 0, 0]
    assert find_outcome(reports[0], lost).news
