"""Who comes first: the event that starts soonest, wherever it is; and no establishment at the others' expense."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from datetime import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tsrevel.sandbox import LAKESIDE_BAKERY, SPECIAL_EVENTS, SampleVenue

from ..world import World, find_outcome, verdict
from .conftest import FULL

LINES = [("Coffee Urn", 1, 38)]
THIRD = SampleVenue(30503, "Old Mill Cafe", 15693, "America/New_York")
HOURS = range(12, 20)


class Way(httpx.BaseTransport):
    """The way to Revel. `before` is called with the establishment that a write is for, or whose menu is read."""

    def __init__(self, world: World, before: Callable[[str, httpx.Request], object]) -> None:
        self._inner = world.wires["revel"]
        self._places: dict[str, str] = {}
        self.before = before
        world.wires["revel"] = self  # type: ignore[assignment]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body, path = json.loads(request.read() or b"{}"), request.url.path
        if path == "/resources/Product/":
            self.before(request.url.params["establishment"], request)
        if request.method == "GET":
            return self._inner.handle_request(request)
        if path != "/resources/Order/":
            self.before(self._places[body.get("order", path)], request)
            return self._inner.handle_request(request)
        place = body["establishment"].strip("/").split("/")[-1]
        self.before(place, request)
        response = self._inner.handle_request(request)
        self._places[json.loads(response.read())["resource_uri"]] = place
        return response


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three establishments, and no event yet."""
    world = World(tmp_path, "full")
    world.sync()
    world.tripleseat.add_place(THIRD)
    world.revel.add_establishment(10, THIRD.name, THIRD.zone)
    for n, name in enumerate(("Coffee Urn", "Fruit Platter")):
        world.revel.add_product(10101 + n, name, 10, "38.00")
    third = {**world.config["locations"][0], "name": THIRD.name, "tripleseat_location": THIRD.location_id}
    world.config["locations"].append({**third, "revel_establishment": 10, "timezone": THIRD.zone})
    world.forget_requests()
    return world


def add(world: World, place: SampleVenue, hours: Sequence[int], first: int) -> dict[int, int]:
    """An event at each hour of UTC, so that zones don't matter; the hour of each by its id."""
    added = {}
    for n, hour in enumerate(hours):
        start = time((hour - {"America/Los_Angeles": 8, "America/Denver": 7, "America/New_York": 5}[place.zone]) % 24)
        number = world.add_event(first + n, location=place, start=start, lines=LINES)
        added[number] = hour
    return added


def written(world: World) -> list[int]:
    """The events that have an order, as they were written."""
    orders = sorted(world.revel.orders, key=lambda order: order["id"])
    return [int(order["local_id"][-8:]) for order in orders][1:]


@pytest.fixture
def spread(world: World) -> dict[int, int]:
    """Six events at each place; listed place after place, the latest first."""
    hours: dict[int, int] = {}
    for n, place in enumerate((SPECIAL_EVENTS, LAKESIDE_BAKERY, THIRD)):
        hours |= add(world, place, [hour - n for hour in range(23, 9, -2)][:6], 64000100 + n * 100)
    return hours


def test_the_event_that_starts_soonest_is_written_first_wherever_it_is(world: World, spread: dict[int, int]) -> None:
    report = world.sync()
    assert report.summary["injected"] == len(spread)
    assert [spread[each] for each in written(world)] == sorted(spread.values())
    listed = [int(each.event_id) for each in report.outcomes if int(each.event_id) in spread]
    assert listed == list(spread), "they are reported in the listing's order all the same"


@pytest.mark.parametrize("workers", [1, 2, 16])
@pytest.mark.parametrize("most", [1, 5, 11])
def test_the_order_limit_leaves_the_least_urgent(world: World, spread: dict[int, int], workers: int, most: int) -> None:
    world.config["sync"]["workers"] = workers
    world.sync(max_orders=most)
    assert sorted(spread[each] for each in written(world)) == sorted(spread.values())[:most]


def test_an_event_that_is_beyond_the_limit_is_not_even_asked_for(world: World, spread: dict[int, int]) -> None:
    world.tripleseat.requests.clear()
    report = world.sync(max_orders=1)
    assert report.summary["injected"] == 1
    asked = [each.path for each in world.tripleseat.requests if "/events/6" in each.path]
    assert len(asked) <= 8, "one batch"
    assert report.summary["skipped"] == len(spread)


def test_the_deadline_leaves_the_least_urgent(world: World, spread: dict[int, int]) -> None:
    world.config["sync"]["deadline_minutes"] = 3
    Way(world, lambda _place, _request: world.time.move(seconds=3))
    world.sync()
    done = [spread[each] for each in written(world)]
    assert 1 < len(done) < len(spread)
    assert done == sorted(spread.values())[: len(done)]


def test_an_event_of_no_told_hour_counts_from_the_beginning_of_its_day(world: World) -> None:
    add(world, SPECIAL_EVENTS, [20], 64000101)
    number = world.add_event(64000102, lines=LINES)
    clockless = {key: None for key in world.tripleseat.event(number) if "start" in key and key != "start_date"}
    world.tripleseat.edit_event(number, **clockless)
    world.sync()
    assert written(world) == [64000102, 64000101]


def refuse(request: httpx.Request) -> None:
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("kind", ["/Order/", "/OrderItem/"])
def test_a_broken_establishment_does_not_keep_the_others_waiting(world: World, workers: int, kind: str) -> None:
    world.config["sync"]["workers"] = workers
    broken = add(world, SPECIAL_EVENTS, HOURS, 64000101)
    well = add(world, LAKESIDE_BAKERY, HOURS, 64000201) | add(world, THIRD, HOURS, 64000301)
    tries = list[str]()

    def fail(place: str, request: httpx.Request) -> None:
        if place == "8" and request.url.path.endswith(kind):
            tries.append(request.url.path)
            refuse(request)

    way = Way(world, fail)
    report = world.sync()
    assert [verdict(report, each) for each in well] == ["injected"] * len(well)
    assert {verdict(report, each) for each in broken} == {"failed UPSTREAM_UNAVAILABLE"}
    assert (report.exit_status, report.error) == (3, None)
    assert len(tries) == 3, "the others of that place aren't tried"
    assert "3 events in a row failed" in find_outcome(report, 64000108).text
    way.before = lambda _place, _request: None
    world.time.move(minutes=45)
    assert world.sync().summary["injected"] == len(broken)
    assert [world.flaws(each) for each in (*broken, *well)] == [[]] * len({*broken, *well})


@pytest.mark.parametrize("workers", [1, 3])
def test_a_service_that_is_down_everywhere_ends_the_run_soon(world: World, workers: int) -> None:
    world.config["sync"]["workers"] = workers
    for n, place in enumerate((SPECIAL_EVENTS, LAKESIDE_BAKERY, THIRD)):
        add(world, place, HOURS, 64000101 + n * 100)
    tries = list[str]()

    def fail(place: str, request: httpx.Request) -> None:
        tries.append(f"{request.method} at {place}")
        refuse(request)

    Way(world, fail)
    report = world.sync()
    assert (report.exit_status, report.error is not None) == (13, True)
    assert report.summary["failed"] == len(HOURS) * 3
    assert len(set(tries)) > 1


def test_three_failures_where_there_is_no_other_establishment_end_the_run(world: World) -> None:
    add(world, SPECIAL_EVENTS, HOURS, 64000101)
    Way(world, lambda _place, request: refuse(request))
    report = world.sync()
    assert (report.exit_status, report.error is not None) == (13, True)
    assert report.summary["failed"] == len(HOURS)


@pytest.mark.parametrize("workers", [1, 3])
def test_events_that_always_fail_keep_no_others_from_their_orders(world: World, workers: int) -> None:
    world.config["sync"]["workers"] = workers
    bad, well = add(world, SPECIAL_EVENTS, range(11, 15), 64000101), add(world, SPECIAL_EVENTS, range(17, 21), 64000201)
    for event in bad:
        world.tripleseat.faults.add("status", "GET", f"/v1/events/{event}", times=None, status=500)
    for _ in range(2):
        world.sync()
        world.time.move(minutes=45)
    report = world.sync()
    assert [world.flaws(each) for each in well] == [[]] * len(well)
    assert {verdict(report, each) for each in bad} == {"failed UPSTREAM_UNAVAILABLE"}


@pytest.mark.parametrize("number", [3, 5])
def test_orders_whose_writes_always_fail_leave_runs_good_once_another_order_is_finished(
    tmp_path: Path, number: int
) -> None:
    """Revel serves everything but these: that is for a person, and no outage."""
    world = World(tmp_path, "none")
    world.revel.add_product(9950, "Bad Tray", 8)

    def refuse(_place: str, request: httpx.Request) -> None:
        if b"/Product/9950/" in request.content:
            raise httpx.ReadError("cut", request=request)

    Way(world, refuse)
    for n in range(number):
        world.add_event(64000060 + n, start=time(20), lines=[("Bad Tray", 1, 38)])
    assert world.sync().exit_status == 13
    for _ in range(2):
        world.time.move(minutes=45)
        assert world.sync().exit_status == 13, "nothing shows yet that Revel takes any order"
    world.add_event(64000069, start=time(21), lines=LINES)
    world.time.move(minutes=45)
    assert world.sync().summary["injected"] == 1
    world.time.move(minutes=45)
    report = world.sync()
    assert report.summary["failed"] == number
    assert (report.exit_status, report.error) == (3, None)
    with world.ledger() as ledger:
        last = ledger.runs.last_good([str(SPECIAL_EVENTS.location_id)], world.time.now)
        assert last
        assert last.run_id == report.run_id
    other = world.add_event(64000070, start=time(21), lines=LINES)
    assert verdict(world.sync(), other) == "injected"


OUTAGES = {
    "no items": ("POST", "/resources/OrderItem/", {"status": 503}),
    "no payments": ("POST", "/resources/Payment/", {"status": 503}),
    "login instead of history": ("POST", "/resources/OrderHistory/", {"status": 302}),
    "no orders listed": ("GET", "/resources/Order/", {"status": 503}),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_a_part_of_revel_that_fails_for_days_leaves_no_later_run_good(tmp_path: Path, outage: str) -> None:
    """One event a day: three failures in a row are never seen."""
    world = World(tmp_path, "full")
    method, path, answer = OUTAGES[outage]
    world.revel.faults.add("status", method, path, times=None, **answer)
    assert world.sync().exit_status == 3, "the event may be at fault"
    for _ in range(3):
        world.time.move(minutes=45)
        assert world.sync().exit_status == 13
    world.time.move(days=1)
    world.add_event(64000070, day=world.time.now.date(), start=time(21), lines=LINES, payments=[("1.00", True)])
    assert world.sync().exit_status == 13
    world.revel.faults.clear()
    world.time.move(minutes=45)
    report = world.sync()
    assert (verdict(report, 64000070), report.exit_status in {0, 3}) == ("injected", True)


@pytest.mark.parametrize(
    ("kind", "details"), [("html", {}), ("wrong_shape", {"body": {"success": False, "error": "x"}})]
)
def test_events_that_cant_be_read_for_days_leave_no_later_run_good(
    tmp_path: Path, kind: str, details: dict[str, Any]
) -> None:
    world = World(tmp_path, "full")
    world.tripleseat.faults.add(kind, "GET", f"/v1/events/{FULL}", times=None, **details)
    for status in (3, 13, 13):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("failed EVENT_DATA_UNAVAILABLE", status)
        world.time.move(minutes=45)
    world.tripleseat.faults.clear()
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("injected", 0)


def test_a_slow_establishment_waits_for_the_others(world: World) -> None:
    slow = add(world, SPECIAL_EVENTS, range(12, 20), 64000101)
    quick = add(world, LAKESIDE_BAKERY, range(16, 20), 64000201) | add(world, THIRD, range(16, 20), 64000301)
    world.config["sync"]["deadline_minutes"] = 8
    way = Way(world, lambda place, _request: world.time.move(seconds=25) if place == "8" else None)
    report = world.sync()
    assert [verdict(report, each) for each in quick] == ["injected"] * len(quick)
    done = [each for each in slow if verdict(report, each) == "injected"]
    assert done == list(slow)[: len(done)]
    assert 1 < len(done) < len(slow)
    assert verdict(report, list(slow)[-1]) == "skipped RUN_LIMIT_REACHED"
    order = [each for each in written(world) if each in done or each in quick]
    assert order[:1] + order[1 - len(done) :] == done, "only the first one before the others"
    way.before = lambda _place, _request: None
    world.time.move(minutes=45)
    assert world.sync().summary["injected"] == len(slow) - len(done)


def test_one_that_hangs_keeps_one_worker_alone(world: World) -> None:
    world.config["sync"]["workers"] = 2
    stuck = add(world, SPECIAL_EVENTS, [12, 13, 14, 15, 16], 64000101)
    others = add(world, LAKESIDE_BAKERY, HOURS, 64000201) | add(world, THIRD, HOURS, 64000301)
    go_on = threading.Event()

    def hang(place: str, _request: httpx.Request) -> None:
        if place == "8":
            assert go_on.wait(20), "the others were kept waiting"
        elif len(written(world)) == len(others) - 1:
            go_on.set()

    Way(world, hang)
    report = world.sync()
    assert {verdict(report, each) for each in (*stuck, *others)} == {"injected"}


def test_a_place_with_many_events_leaves_a_worker_to_each_other_one(world: World) -> None:
    world.config["sync"]["workers"] = 2
    many = add(world, SPECIAL_EVENTS, [12] * 20, 64000101)
    few = add(world, LAKESIDE_BAKERY, [13, 14], 64000201)
    begun, orders = threading.Event(), {"8": 0, "9": 0}

    def before(place: str, request: httpx.Request) -> None:
        if request.method == "POST" and request.url.path == "/resources/Order/":
            orders[place] += 1
        if orders["9"] == len(few):
            begun.set()
        elif place == "8" and orders["8"] == 3:
            begun.wait(10)  # the other place's turn comes, however slow this machine is

    Way(world, before)
    world.sync()
    order = written(world)
    assert sorted(order) == sorted({**many, **few})
    assert max(order.index(each) for each in few) < len(many), "they don't wait for all of the others"
