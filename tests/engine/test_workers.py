"""Several establishments at a time: one event at a time in each, and every limit kept as exactly as with one worker."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tsrevel.ledger import PENDING
from tsrevel.sandbox import LAKESIDE_BAKERY

from ..world import Died, World, verdict
from .conftest import FULL, PAID

HERE = range(64000101, 64000105)
THERE = range(64000201, 64000205)
EVENTS = (*HERE, *THERE)
NAMES = (
    "Coffee Urn",
    "Fruit Platter",
    "Boxed Lunch Package",
    "Agua Fresca",
    "Mac & Cheese Tray",
    "Morning Pastry Tray",
)
LINES = [(name, number + 1, 7) for number, name in enumerate(NAMES)]


class Watched(httpx.BaseTransport):
    """The way to Revel, which takes a moment for each request. Notes the orders that are written to at a time.

    `strikes` are asked before each request; they may raise.
    """

    def __init__(self, world: World) -> None:
        self._inner = world.wires["revel"]
        self._lock = threading.Lock()
        self._places: dict[str, str] = {}
        self._under_way: Counter[tuple[str, str]] = Counter()
        self.most_orders = self.most_items = 0
        self.overlaps: list[str] = []
        self.strikes: list[Callable[[httpx.Request], object]] = []
        world.wires["revel"] = self  # type: ignore[assignment]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.read() or b"{}")
        for strike in list(self.strikes):
            strike(request)
        if request.method == "GET":
            return self._answer(request)
        key = self._key_of(request, body)
        self._begin(key)
        try:
            time.sleep(0.05 if "OrderItem" in request.url.path else 0.005)
            response = self._answer(request)
        finally:
            with self._lock:
                self._under_way -= Counter([key])
        if request.url.path == "/resources/Order/":
            self._places[json.loads(response.content)["resource_uri"]] = key[0]
        return response

    def _answer(self, request: httpx.Request) -> httpx.Response:
        with self._lock:  # the world's moments and its virtual time are for one thread
            response = self._inner.handle_request(request)
            response.read()
            return response

    def _key_of(self, request: httpx.Request, body: dict[str, str]) -> tuple[str, str]:
        """The establishment and the order."""
        if request.url.path == "/resources/Order/":
            return body["establishment"], body["uuid"]
        order = request.url.path if request.method == "PATCH" else body["order"]
        return self._places[order], order

    def _begin(self, key: tuple[str, str]) -> None:
        with self._lock:
            self._under_way[key] += 1
            orders = [each for each in self._under_way if each[0] == key[0]]
            if len(orders) > 1:
                self.overlaps.append(f"{orders} at the same time")
            self.most_orders = max(self.most_orders, len(self._under_way))
            self.most_items = max(self.most_items, *self._under_way.values())


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Four events at each of two places, a ledger that isn't new, and as many workers as in production."""
    world = World(tmp_path, "full")
    assert verdict(world.sync(), FULL) == "injected"
    for number in EVENTS:
        world.add_event(number, lakeside=number in THERE, lines=LINES, payments=[("20.00", True)])
    world.config["sync"]["workers"] = 4
    world.forget_requests()
    return world


@pytest.fixture
def watched(world: World) -> Watched:
    return Watched(world)


def test_places_are_worked_at_together_and_events_at_one_place_in_turn(world: World, watched: Watched) -> None:
    report = world.sync()
    assert [verdict(report, each) for each in EVENTS] == ["injected"] * len(EVENTS)
    assert [world.flaws(each) for each in EVENTS] == [[]] * len(EVENTS)
    assert (watched.overlaps, watched.most_orders) == ([], 2)
    assert watched.most_items == 1, "the items of one order one after another"


def test_an_event_that_the_listing_lacks_keeps_no_other_establishment_waiting(world: World, watched: Watched) -> None:
    lacking = world.add_event(64000300, lines=[("No such product", 1, 5)])
    assert verdict(world.sync_event(lacking), lacking) == "held UNMAPPED_ITEMS"
    world.tripleseat.unlisted = {lacking}
    there_has_begun = threading.Event()
    watched.strikes.append(lambda request: there_has_begun.set() if request.method == "POST" else None)
    waited: list[bool] = []
    world.at(f"before GET /v1/events/{lacking}", lambda: waited.append(there_has_begun.wait(10)))
    report = world.sync()
    assert waited == [True]
    assert verdict(report, lacking) == "held UNMAPPED_ITEMS"
    assert report.summary["injected"] == len(EVENTS)
    assert watched.overlaps == []


def test_outcomes_come_in_the_order_of_one_worker(world: World) -> None:
    together = world.sync(dry_run=True)
    world.config["sync"]["workers"] = 1
    alone = world.sync(dry_run=True)
    assert [each.event_id for each in together.outcomes] == [each.event_id for each in alone.outcomes]
    assert [each.total for each in together.outcomes] == [each.total for each in alone.outcomes]


def test_one_worker_does_one_thing_at_a_time(world: World, watched: Watched) -> None:
    world.config["sync"]["workers"] = 1
    world.sync()
    assert (watched.overlaps, watched.most_orders, watched.most_items) == ([], 1, 1)


@pytest.mark.parametrize("most", [1, 3, 7])
def test_the_cap_is_exact(world: World, watched: Watched, most: int) -> None:
    del watched
    report = world.sync(max_orders=most)
    assert report.summary["injected"] == world.writes.count("POST Order") == most
    verdicts = Counter(verdict(report, each) for each in EVENTS)
    assert verdicts["skipped RUN_LIMIT_REACHED"] == len(EVENTS) - most


def test_a_refused_key_ends_all_workers_after_the_event_under_way(world: World, watched: Watched) -> None:
    del watched
    world.revel.faults.add("status", "POST", "Payment", status=401)
    report = world.sync()
    assert report.exit_status == 12
    assert report.summary["failed"] + report.summary["injected"] == len(EVENTS)
    assert report.summary["injected"] <= 2
    assert all(each.event_id for each in report.outcomes)
    assert world.sync().summary["injected"] == len(EVENTS) - report.summary["injected"]
    assert [world.flaws(each) for each in EVENTS] == [[]] * len(EVENTS)


def test_a_service_that_is_down_ends_the_run(world: World, watched: Watched) -> None:
    watched.strikes.append(refuse_writes)
    report = world.sync()
    assert (report.exit_status, report.error is not None) == (13, True)
    assert report.summary["failed"] == len(EVENTS)
    assert world.writes.count("POST Order") == 0


def refuse_writes(request: httpx.Request) -> None:
    if request.method != "GET":
        raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize("write", range(1, 60, 6))
def test_a_run_that_dies_anywhere_is_finished_by_the_next(world: World, watched: Watched, write: int) -> None:
    left = [write]
    dead = threading.Event()

    def strike(request: httpx.Request) -> None:
        left[0] -= request.method != "GET"
        if left[0] <= 0 or dead.is_set():
            dead.set()
            raise Died

    watched.strikes.append(strike)
    with pytest.raises(Died):
        world.sync()
    watched.strikes.clear()
    world.time.move(minutes=45)
    report = world.sync()
    assert report.exit_status == 0
    assert [world.flaws(each) for each in EVENTS] == [[]] * len(EVENTS)


def test_an_item_in_doubt_is_not_sent_again_before_that_can_be_told(world: World, watched: Watched) -> None:
    """It may still be applied after its answer was given up."""
    world.config["safety"]["allowed_locations"] = [LAKESIDE_BAKERY.location_id]

    def strike(request: httpx.Request) -> None:
        body = json.loads(request.content or b"{}")
        if "OrderItem" in request.url.path and body.get("quantity") == 2:
            raise httpx.ReadTimeout("late", request=request)

    watched.strikes.append(strike)
    report = world.sync(max_orders=1)
    assert verdict(report, THERE[0]) == "failed OUTCOME_UNKNOWN"
    record = world.record(THERE[0])
    assert record is not None
    assert record.pending_until is not None
    assert timedelta() < record.pending_until - world.time.now <= PENDING
    watched.strikes.clear()
    world.forget_requests()
    assert verdict(world.sync(max_orders=0), THERE[0]) == "failed OUTCOME_UNKNOWN"
    assert world.writes == []
    world.time.move(minutes=16)
    assert verdict(world.sync(), THERE[0]) == "injected"
    assert world.flaws(THERE[0]) == []


def test_an_event_that_was_moved_since_it_was_listed_waits_for_its_place(world: World, watched: Watched) -> None:
    place = world.tripleseat.event(THERE[0])
    moved = {key: place[key] for key in ("location_id", "location", "site_id", "site") if key in place}
    world.at(f"before GET /v1/events/{HERE[0]}", lambda: world.tripleseat.edit_event(HERE[0], **moved))
    report = world.sync()
    assert report.summary["injected"] == len(EVENTS)
    assert len([each for each in world.revel.orders if "/9/" in each["establishment"]]) == len(THERE) + 1
    assert watched.overlaps == []


def test_a_refused_item_stops_the_others_and_leaves_what_was_written_to_the_next_run(
    world: World, watched: Watched
) -> None:
    del watched
    world.revel.faults.add("status", "POST", "OrderItem", after=1, status=400)
    first = world.sync(max_orders=1)
    assert first.summary["failed"] == 1
    assert world.writes.count("POST OrderItem") == 2
    assert "POST Payment" not in world.writes
    assert world.sync().exit_status == 0
    assert [world.flaws(each) for each in EVENTS] == [[]] * len(EVENTS)


def test_an_event_that_was_moved_with_its_order_begun_has_its_turn_when_the_others_are_done(
    world: World, watched: Watched
) -> None:
    watched.strikes.append(die_at_payment)
    with pytest.raises(Died):
        world.sync_event(HERE[0])
    watched.strikes.clear()
    world.time.move(minutes=15)
    place = world.tripleseat.event(THERE[0])
    moved = {key: place[key] for key in ("location_id", "location", "site_id", "site") if key in place}
    world.tripleseat.edit_event(HERE[0], **moved)
    report = world.sync()
    assert verdict(report, HERE[0]) == "injected CHANGED_AFTER_INJECTION"
    assert [world.flaws(each) for each in EVENTS] == [[]] * len(EVENTS)
    assert watched.overlaps == []


def die_at_payment(request: httpx.Request) -> None:
    if request.url.path == "/resources/Payment/":
        raise Died


def test_named_events_are_taken_one_by_one(world: World, watched: Watched) -> None:
    report = world.sync_event(*EVENTS)
    assert report.summary["injected"] == len(EVENTS)
    assert (watched.overlaps, watched.most_orders) == ([], 1)


def test_a_pause_in_the_middle_reaches_every_worker(world: World, watched: Watched) -> None:
    once: list[bool] = []

    def pause(request: httpx.Request) -> None:
        if request.method == "POST" and re.search("Payment", request.url.path) and not once:
            once.append(True)
            with world.ledger() as ledger:
                ledger.runs.pause("a fire drill")

    watched.strikes.append(pause)
    report = world.sync()
    assert report.paused
    left = [verdict(report, each) for each in EVENTS]
    assert 1 <= left.count("injected") <= 4
    assert set(left) == {"injected", "skipped CONNECTOR_DISABLED"}
    with world.ledger() as ledger:
        assert [row.kind for row in ledger.audit.rows()].count("left_out") <= 1
        ledger.runs.resume()
    assert world.sync().summary["injected"] == left.count("skipped CONNECTOR_DISABLED")


def test_the_sample_day_comes_out_the_same(tmp_path: Path) -> None:
    told = []
    for workers in (1, 4):
        (tmp_path / str(workers)).mkdir()
        day = World(tmp_path / str(workers))
        day.config["sync"]["workers"] = workers
        report = day.sync()
        told.append([(each.event_id, each.status, each.reason, each.total, each.news) for each in report.outcomes])
        assert [day.flaws(each) for each in (FULL, PAID)] == [[], []]
    assert told[0] == told[1]
