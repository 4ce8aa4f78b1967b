"""What a run leaves to the next one, and in which order that takes it up: no event keeps others from their orders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tsrevel.engine.context import RunState
from tsrevel.engine.find import Window
from tsrevel.engine.run import sync
from tsrevel.sandbox.app import Request, Response

from ..world import World, find_outcome, verdict

LINES = [("Coffee Urn", 1, 38)]
FIRST = 64000101
"""The event that starts first."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """No event yet."""
    return World(tmp_path, "none")


class SlowRevel(httpx.BaseTransport):
    """The way to Revel, on which each write takes some seconds."""

    def __init__(self, world: World, seconds: float) -> None:
        self._world, self._inner, self._seconds = world, world.wires["revel"], seconds
        world.wires["revel"] = self  # type: ignore[assignment]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            self._world.time.move(seconds=self._seconds)
        return self._inner.handle_request(request)


def answer(world: World, status: int, wanted: Callable[[Request], bool]) -> None:
    """Let Revel answer the wanted requests with `status`, without doing anything."""
    respond = world.revel.respond

    def refuse(request: Request) -> Response:
        if wanted(request):
            return Response(status, b'{"error_message": "no"}')
        return respond(request)

    world.revel.respond = refuse  # type: ignore[method-assign]


def add(world: World, count: int, *, first: int = FIRST, hour: int = 12, lakeside: bool = False) -> list[int]:
    """So many events, one a minute from that hour on."""
    return [world.add_event(first + n, start=time(hour, n), lines=LINES, lakeside=lakeside) for n in range(count)]


def injected(world: World, events: list[int]) -> list[bool]:
    return [world.flaws(each) == [] for each in events]


# This run's own limits


def test_an_order_that_the_deadline_cut_is_finished_first_by_the_next_run(world: World) -> None:
    world.config["sync"]["deadline_minutes"] = 5
    SlowRevel(world, 5)
    big = world.add_event(FIRST, start=time(11), lines=LINES * 70)
    add(world, 45, first=64000200)
    cut = world.sync()
    assert find_outcome(cut, big).status == "failed"
    assert find_outcome(cut, big).order_id
    assert cut.exit_status == 13, "no order is made"
    world.time.move(minutes=45)
    assert (verdict(world.sync(), big), world.flaws(big)) == ("injected", [])


def begin(world: World) -> int:
    """A late event whose order a failing service cut, 45 minutes ago."""
    event = world.add_event(FIRST, start=time(19), lines=LINES)
    answer(world, 500, lambda request: request.method == "GET" and "OrderItem" in request.path)
    assert find_outcome(world.sync(), event).status == "failed"
    del world.revel.respond
    world.time.move(minutes=45)
    return event


def test_an_order_that_a_service_cut_is_finished_first_by_the_next_run(world: World) -> None:
    late = begin(world)
    soon = add(world, 3, first=64000200)
    world.forget_requests()
    report = world.sync(max_orders=2)
    assert world.writes[0] != "POST Order"
    assert [verdict(report, each) for each in (late, *soon)] == ["injected"] * 3 + ["skipped RUN_LIMIT_REACHED"]


def test_a_dry_run_shows_as_many_orders_as_a_live_one_makes_beside_one_begun(world: World) -> None:
    begun = begin(world)
    soon = add(world, 2, first=64000200)
    dry, live = world.sync(max_orders=1, dry_run=True), world.sync(max_orders=1)
    left = "skipped RUN_LIMIT_REACHED"
    assert [verdict(dry, each) for each in (begun, *soon)] == ["planned", "planned", left]
    assert [verdict(live, each) for each in (begun, *soon)] == ["injected", "injected", left]


def test_of_orders_that_take_longer_than_a_runs_reserve_at_most_one_is_half_written(world: World) -> None:
    world.config["sync"]["deadline_minutes"] = 5
    world.revel.faults.add("slow", None, "/resources/", times=None, seconds=8)
    events, made = add(world, 12), 0
    while made < len(events):
        report = world.sync()
        started = [each for each in events if world.orders_of(each)]
        half = [each for each in started if world.flaws(each)]
        assert half == started[len(started) - len(half) :]
        assert [find_outcome(report, each).status for each in half] == ["failed"] * len(half)
        assert (len(half) <= 1, len(started) > made) == (True, True)
        made = len(started) - len(half)
        world.time.move(minutes=45)


def test_a_run_without_time_for_a_half_written_order_reports_it(world: World) -> None:
    (event,) = add(world, 1)
    answer(world, 400, lambda request: request.method == "POST" and "OrderItem" in request.path)
    assert verdict(world.sync(), event) == "failed UPSTREAM_UNAVAILABLE"
    world.add_event(64000300, start=time(9), day=world.time.now.date().replace(day=13))
    world.config["sync"]["deadline_minutes"] = 1
    with world.open_run(progress=lambda _done, _of: world.time.move(minutes=2)) as ctx:
        report = sync(ctx, RunState.begin(ctx), Window(48))
    assert (verdict(report, event), find_outcome(report, event).news) == ("failed RUN_LIMIT_REACHED", True)
    assert find_outcome(report, event).order_id


def test_an_event_that_the_deadline_cut_before_its_first_write_has_not_failed(world: World) -> None:
    world.config["sync"]["deadline_minutes"] = 1
    events = add(world, 4)
    world.tripleseat.faults.add("slow", "GET", f"/v1/events/{events[2]}", seconds=59)
    report = world.sync()
    assert {verdict(report, each) for each in events} == {"skipped RUN_LIMIT_REACHED"}
    world.time.move(minutes=45)
    world.sync(max_orders=1)
    assert injected(world, events) == [True, False, False, False]


def test_a_named_event_that_the_deadline_cut_ends_with_13(world: World) -> None:
    world.config["sync"]["deadline_minutes"] = 1
    (event,) = add(world, 1)
    world.revel.faults.add("slow", "GET", times=None, seconds=40)
    report = world.sync_event(event)
    assert (report.exit_status, verdict(report, event)) == (13, "skipped RUN_LIMIT_REACHED")
    assert world.writes == []


def test_the_exit_status_stays_3_while_a_limit_keeps_a_run_from_a_failed_event(world: World) -> None:
    bad, _ = add(world, 2)
    answer(world, 400, lambda request: str(bad) in request.body.decode() and request.path == "/resources/Order/")
    assert verdict(world.sync(max_orders=1), bad) == "failed UPSTREAM_UNAVAILABLE"
    report = world.sync(max_orders=1)
    assert (verdict(report, bad), report.exit_status) == ("skipped RUN_LIMIT_REACHED", 3)


# Events that fail again and again


def of_order(event: int) -> Callable[[Request], bool]:
    """Matches the POST of the event's order."""
    return lambda request: request.path == "/resources/Order/" and str(event) in request.body.decode()


def of_item(_event: int) -> Callable[[Request], bool]:
    """Matches the POST of a fruit platter."""
    return lambda request: request.method == "POST" and "/Product/8109/" in request.body.decode()


@pytest.mark.parametrize("wanted", [of_order, of_item])
@pytest.mark.parametrize("status", [500, 400])
def test_an_order_that_always_fails_takes_no_slot_from_others(
    world: World, wanted: Callable[[int], Callable[[Request], bool]], status: int
) -> None:
    bad = world.add_event(FIRST, start=time(11), lines=[*LINES, ("Fruit Platter", 1, 38)])
    good = add(world, 3, first=64000200)
    answer(world, status, wanted(bad))
    for made in range(4):
        report = world.sync(max_orders=1)
        assert (sum(injected(world, good)), report.exit_status) == (made, 3)
        world.time.move(minutes=45)


def test_a_place_where_revel_refuses_the_key_waits_for_the_others(world: World) -> None:
    """The run stops there (facts Revel 1), but not before it has done what it can."""
    bad, good = add(world, 5, hour=11, lakeside=True), add(world, 4, first=64000200)
    answer(world, 403, lambda request: "/enterprise/Establishment/9/" in request.body.decode())
    assert (world.sync().exit_status, any(injected(world, good))) == (12, False)
    world.time.move(minutes=45)
    report = world.sync()
    assert (report.exit_status, all(injected(world, good))) == (12, True)
    assert {verdict(report, each) for each in bad} == {"failed AUTHORIZATION_DENIED"}


def test_an_event_that_tripleseat_refuses_keeps_no_other_waiting(world: World) -> None:
    bad, *good = add(world, 5)
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{bad}", times=None, status=401)
    assert world.sync().exit_status == 12
    assert (world.sync().exit_status, all(injected(world, good))) == (12, True)


def test_of_events_that_failed_each_has_its_turn(world: World) -> None:
    """Five always fail, in front of one that may be made by now."""
    *bad, once = add(world, 6)
    for each in bad:
        world.tripleseat.faults.add("status", "GET", f"/v1/events/{each}", times=None, status=500)
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{once}", times=4, status=500)
    for _ in range(2):
        world.sync()
        assert not world.orders_of(once)
        world.time.move(minutes=45)
    for _ in range(2):
        world.sync()
        world.time.move(minutes=45)
    assert injected(world, [once]) == [True]


@pytest.mark.parametrize("days", [0, 4])
def test_half_written_orders_that_always_fail_keep_no_other_waiting(world: World, days: int) -> None:
    """They come first, but three in a row set only such orders aside. After four days, no listing has them."""
    bad = [world.add_event(FIRST + n, start=time(11, n), lines=LINES) for n in range(5)]
    answer(world, 400, lambda request: request.method == "POST" and "OrderItem" in request.path)
    world.sync()
    assert [len(world.orders_of(each)) for each in bad] == [1] * len(bad)
    world.sync()
    world.time.move(days=days, minutes=45)
    good, orders = add(world, 3, first=64000200), [world.orders_of(each)[0]["id"] for each in bad]
    del world.revel.respond
    answer(world, 500, lambda request: request.first("order") in {str(each) for each in orders})
    report = world.sync()
    assert all(injected(world, good))
    assert {find_outcome(report, each).status for each in bad} == {"failed"}


# A service that is down


@pytest.mark.parametrize("held", [False, True])
def test_writes_without_an_answer_end_the_run_as_a_service_that_is_down(world: World, held: bool) -> None:
    """Revel answers reads, as in a maintenance. An event that is held in between shows only that."""
    events = add(world, 12)
    if held:
        for event in events[1::2]:
            world.rewrite_event(event, lines=[("Nothing on the menu", 1, 38)])
    world.revel.faults.add("status", "POST", times=None, status=503)
    for number in range(1, 4):
        assert (world.sync().exit_status, len(world.writes)) == (13, 3 * number)
        world.time.move(minutes=45)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_lost_writes_in_every_run_stay_an_outage(world: World, count: int) -> None:
    """Three or more, or a second run: no order shows that Revel takes writes."""
    add(world, count)
    world.revel.faults.add("status", "POST", times=None, status=503)
    assert world.sync().exit_status == (13 if count == 3 else 3)
    for _ in range(2):
        world.time.move(minutes=45)
        assert world.sync().exit_status == 13


def test_an_order_that_waits_for_an_earlier_write_is_no_sign_of_an_outage(world: World) -> None:
    bad, good = add(world, 3), add(world, 2, first=64000200, hour=13)
    world.revel.faults.add("drop_before", "POST", "/resources/Order/", times=3)
    world.sync(max_orders=3)
    world.time.move(minutes=5)
    report = world.sync()
    assert {verdict(report, each) for each in bad} == {"failed OUTCOME_UNKNOWN"}
    assert (all(injected(world, good)), report.exit_status) == (True, 3)
    assert world.sync().exit_status == 3


@pytest.mark.parametrize("count", [1, 2])
def test_events_that_tripleseat_alone_fails_for_are_no_outage(world: World, count: int) -> None:
    bad, good = add(world, count), add(world, 2, first=64000200)
    for each in bad:
        world.tripleseat.faults.add("status", "GET", f"/v1/events/{each}", times=None, status=500)
    for _ in range(2):
        report = world.sync()
        assert (report.exit_status, {verdict(report, each) for each in bad}) == (3, {"failed UPSTREAM_UNAVAILABLE"})
        assert all(injected(world, good))


@pytest.mark.parametrize(
    ("kind", "details"), [("status", {"status": 500}), ("html", {}), ("drop_before", {}), ("status", {"status": 302})]
)
def test_a_service_without_any_usable_answer_is_an_outage(world: World, kind: str, details: dict[str, Any]) -> None:
    (event,) = add(world, 1)
    world.revel.faults.add(kind, None, times=None, **details)
    report = world.sync()
    assert (report.exit_status, find_outcome(report, event).status) == (13, "failed")
