"""Optional features of Revel make a run cheaper. That one is missing, or silent, never doubles or stops an order."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path

import httpx
import pytest

from tsrevel.planning.assumptions import AssumptionCode, AssumptionResult

from ..world import Died, Wire, World, find_outcome, verdict
from .conftest import FULL
from .test_watch import next_run

Answer = Callable[[httpx.Request, httpx.Response], httpx.Response | None]
EMPTY = {"meta": {"limit": 250, "next": None, "offset": 0, "previous": None, "total_count": 0}, "objects": []}
UNSUPPORTED = {
    "401": httpx.Response(401, json={}),
    "403": httpx.Response(403, text="<html>Request blocked</html>", headers={"Content-Type": "text/html"}),
    "500": httpx.Response(500, json={"error_message": "unknown"}),
    "404": httpx.Response(404, json={}),
    "page": httpx.Response(200, text="<html>Sorry</html>", headers={"Content-Type": "text/html"}),
    "error": httpx.Response(200, json={"error": "unsupported"}),
}
SEARCHES_WORK = {AssumptionCode.REVEL_IN_FILTER: AssumptionResult.HOLDS}


class Bent(Wire):
    """Revel with some answers replaced."""

    def __init__(self, world: World, bend: Answer) -> None:
        super().__init__(world.revel, "Revel", lambda _: None)
        self._bend = bend

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.read()
        bent = self._bend(request, response)
        if bent is None:
            return response
        return httpx.Response(bent.status_code, content=bent.content, headers=bent.headers, request=request)


def bend(world: World, change: Answer) -> None:
    world.wires["revel"] = Bent(world, change)


def silent(asks: Callable[[httpx.Request], bool]) -> Answer:
    """Such a search finds nothing."""
    return lambda request, _: httpx.Response(200, json=EMPTY) if asks(request) else None


def searches_for_several(request: httpx.Request) -> bool:
    return any(name.endswith("__in") for name in request.url.params)


def searches(request: httpx.Request) -> bool:
    return request.method == "GET" and request.url.path == "/resources/Order/"


def answers(world: World) -> dict[AssumptionCode, AssumptionResult]:
    with world.ledger() as ledger:
        return {each.code: each.result for each in ledger.assumptions.answers()}


def test_a_silent_search_for_several_names_doubles_no_order_of_the_service_before(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    bend(world, silent(searches_for_several))
    world.add_order(FULL, f"Triple Seat {FULL}")
    assert verdict(world.sync(), FULL) == "skipped ORDER_EXISTS"
    assert len(world.orders_of(FULL)) == 1


def test_a_run_that_finds_its_own_order_by_the_exact_filter_alone_remembers_that(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    bend(world, silent(searches_for_several))
    assert verdict(world.sync(), FULL) == "injected"
    assert answers(world) == {
        AssumptionCode.REVEL_IN_FILTER: AssumptionResult.FAILS,
        AssumptionCode.REVEL_FINDS_BY_LOCAL_ID: AssumptionResult.HOLDS,
    }
    world.forget_requests()
    assert next_run(world).exit_status == 0
    assert not any("__in" in name for each in world.revel.requests for name in each.query)


def test_where_searches_work_nothing_but_that_is_noted(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    world.sync()
    world.revel.state.rows["Order"][int(world.orders_of(FULL)[0]["id"])]["deleted"] = True
    next_run(world)
    assert answers(world) == SEARCHES_WORK


@pytest.mark.parametrize("answer", UNSUPPORTED)
def test_a_search_that_failed_until_now_and_falls_silent_doubles_no_order(tmp_path: Path, answer: str) -> None:
    world = World(tmp_path, "full")
    bend(world, lambda request, _: UNSUPPORTED[answer] if searches_for_several(request) else None)
    assert verdict(world.sync(), FULL) == "injected"
    other = world.add_event(start=time(23))
    world.add_order(other, f"Triple Seat {other}")
    bend(world, silent(searches_for_several))
    assert verdict(next_run(world), other) == "skipped ORDER_EXISTS"
    assert len(world.orders_of(other)) == 1


def test_a_search_that_revel_cannot_serve_is_left_out_of_the_rest_of_the_run(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    for minute in (0, 10, 20):
        world.add_event(start=time(23, minute))
    bend(world, lambda request, _: UNSUPPORTED["404"] if "local_id__in" in request.url.params else None)
    world.sync()
    assert sum("local_id__in" in each.query for each in world.revel.requests) == 1


def test_once_no_search_finds_a_finished_order_nothing_more_is_written(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    bend(world, silent(searches))
    assert verdict(world.sync(), FULL) == "injected"
    assert answers(world) == {}  # lists may lag
    next_run(world)
    assert answers(world) == {AssumptionCode.REVEL_FINDS_BY_UUID: AssumptionResult.FAILS}
    report = next_run(world)
    assert report.exit_status == 10
    assert AssumptionCode.REVEL_FINDS_BY_UUID in (report.error or "")


def test_a_search_that_finds_nothing_for_a_moment_stops_no_later_run(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    world.sync()
    until = world.time.now + timedelta(minutes=45, seconds=20)
    bend(world, silent(lambda request: searches(request) and world.time.now < until))
    assert (next_run(world).exit_status, answers(world)) == (0, SEARCHES_WORK)


@pytest.mark.parametrize("way", ["deleted", "removed"])
def test_an_order_that_is_deleted_while_a_run_looks_for_it_stops_no_later_run(tmp_path: Path, way: str) -> None:
    world = World(tmp_path, "full")
    world.sync()
    rows = world.revel.state.rows["Order"]
    number = int(world.orders_of(FULL)[0]["id"])

    def change(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        if searches(request):
            return httpx.Response(200, json=EMPTY)
        if request.url.path == f"/resources/Order/{number}/":
            rows.get(number, {})["deleted"] = True
            if way == "removed":
                rows.pop(number, None)
        return None

    bend(world, change)
    next_run(world)
    assert answers(world) == SEARCHES_WORK


def test_a_run_that_dies_leaves_no_silent_search_to_be_believed(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    other = world.add_event(start=time(23))
    quiet = silent(searches_for_several)

    def die_after_the_first(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        if str(other) in str(request.url) and not world.flaws(FULL):
            raise Died
        return quiet(request, response)

    bend(world, die_after_the_first)
    with pytest.raises(Died):
        world.sync()
    bend(world, quiet)
    world.add_order(other, f"Triple Seat {other}")
    assert verdict(next_run(world), other) == "skipped ORDER_EXISTS"
    assert len(world.orders_of(other)) == 1


def test_a_silent_search_hides_no_order_of_a_cancelled_event(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    world.sync()
    world.lose_ledger()
    bend(world, silent(searches_for_several))
    world.tripleseat.edit_event(FULL, status="LOST")
    assert verdict(next_run(world), FULL) == "skipped CANCELLED_AFTER_INJECTION"


OPTIONS = [(option, answer) for option in ("expand", "fields", "local_id__in", "uuid__in") for answer in UNSUPPORTED]


@pytest.mark.parametrize(("option", "answer"), OPTIONS)
def test_an_option_that_revel_cannot_serve_keeps_no_order_from_its_end(
    tmp_path: Path, option: str, answer: str
) -> None:
    world = World(tmp_path, "full")
    bend(world, lambda request, _: UNSUPPORTED[answer] if option in request.url.params else None)
    assert verdict(world.sync(), FULL) == "injected"
    assert world.flaws(FULL) == []
    assert verdict(next_run(world), FULL) == "skipped ALREADY_INJECTED"


def test_a_key_that_is_refused_everywhere_ends_the_run_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    world.sync()
    other = world.add_event(start=time(23))
    world.revel.faults.add("status", times=None, status=401)
    world.forget_requests()
    report = next_run(world)
    assert (report.exit_status, verdict(report, other)) == (12, "failed AUTHORIZATION_DENIED")
    assert len(world.revel.requests) <= 4


@pytest.mark.parametrize("answer", ["empty", *UNSUPPORTED])
def test_a_gateway_that_lets_no_optional_feature_pass_costs_no_order(tmp_path: Path, answer: str) -> None:
    world = World(tmp_path, "full")
    other = world.add_event(start=time(23))
    bent = httpx.Response(200, json=EMPTY) if answer == "empty" else UNSUPPORTED[answer]
    options = {"fields", "expand", "local_id__in", "uuid__in", "id__in"}

    def refuse(request: httpx.Request, _: httpx.Response) -> httpx.Response | None:
        return bent if options & set(request.url.params) or "/set/" in request.url.path else None

    bend(world, refuse)
    report = world.sync()
    assert (verdict(report, FULL), verdict(report, other), report.exit_status) == ("injected", "injected", 0)
    assert next_run(world).exit_status == 0


def test_an_empty_catalogue_holds_no_event_for_its_lines(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    bend(world, lambda request, _: httpx.Response(200, json=EMPTY) if "/Product/" in request.url.path else None)
    report = world.sync()
    assert verdict(report, FULL) == "failed UPSTREAM_UNAVAILABLE"
    assert "no product on sale at establishment 8" in find_outcome(report, FULL).text


@pytest.mark.parametrize("kept", [("uuid", "resource_uri", "local_id"), ("id", "uuid", "local_id")])
def test_an_order_that_is_expanded_without_its_amounts_is_read_by_itself(tmp_path: Path, kept: tuple[str, ...]) -> None:
    def shorten(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        if "expand" not in request.url.params:
            return None
        page = json.loads(response.content)
        for row in page["objects"]:
            row["order"] = {name: row["order"][name] for name in kept}
        return httpx.Response(200, json=page)

    world = World(tmp_path, "full")
    bend(world, shorten)
    assert verdict(world.sync(), FULL) == "injected"
    assert world.flaws(FULL) == []
