"""Whole events are fetched some at a time, each used while it is fresh, and what they need is confirmed together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsrevel.engine.prepare import BATCH

from ..world import World, find_outcome, verdict

EVENTS = range(64000101, 64000101 + BATCH + 2)
NAMES = ("Coffee Urn", "Fruit Platter", "Agua Fresca")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A few more events than are fetched at a time, of one product each, at two places in turn; an old ledger."""
    world = World(tmp_path, "full", "paid")
    assert world.sync().summary["injected"] == 2
    for number in EVENTS:
        world.add_event(number, lakeside=number % 2 == 0, lines=[(NAMES[number % 3], 1, 38)])
    world.forget_requests()
    return world


def order_of_requests(world: World, kinds: dict[str, str]) -> list[str]:
    """What was asked for, a word for each: fetched events and orders made, in their order."""
    asked: list[str] = []
    for moment in world.moments:
        asked += [word for text, word in kinds.items() if moment.startswith(f"before {text}")]
    return asked


def confirmations(world: World) -> int:
    return world.revel.count(path="/Product/set/")


def fetches(world: World, number: int) -> int:
    return world.tripleseat.count(path=f"/v1/events/{number}")


def test_the_first_batch_is_fetched_before_its_first_order_is_made(world: World) -> None:
    world.moments.clear()
    report = world.sync()
    assert [verdict(report, each) for each in EVENTS] == ["injected"] * len(EVENTS)
    kinds = {"GET /v1/events/64": "fetch", "POST /resources/Order/": "order"}
    asked = order_of_requests(world, kinds)
    assert asked == ["fetch"] * BATCH + ["order"] * BATCH + ["fetch"] * 2 + ["order"] * 2
    assert [fetches(world, each) for each in EVENTS] == [1] * len(EVENTS)


def test_products_of_a_batch_are_confirmed_in_one_request_whatever_their_places(world: World) -> None:
    world.sync()
    assert confirmations(world) == 1
    assert [world.flaws(each) for each in EVENTS] == [[]] * len(EVENTS)


def test_a_product_that_is_not_as_kept_costs_the_events_that_need_it_a_download(world: World) -> None:
    rows = world.revel.state.rows["Product"].values()
    row = next(each for each in rows if each["name"] == NAMES[0] and "/8/" in each["establishment"] and each["active"])
    row["name"] = "Coffee for Twenty"
    report = world.sync()
    held = [each for each in EVENTS if each % 3 == 0 and each % 2 == 1]
    assert [each for each in EVENTS if verdict(report, each) == "held UNMAPPED_ITEMS"] == held
    assert report.summary["injected"] == len(EVENTS) - len(held)
    assert world.revel.count(path="/resources/Product/$") >= 1


@pytest.mark.parametrize(
    ("status", "expected"), [(404, "failed EVENT_DATA_UNAVAILABLE"), (403, "held AUTHORIZATION_DENIED")]
)
def test_what_fails_ahead_is_told_of_its_own_event_at_its_own_turn(world: World, status: int, expected: str) -> None:
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{EVENTS[1]}", times=None, status=status)
    report = world.sync()
    assert verdict(report, EVENTS[1]) == expected
    assert report.summary["injected"] == len(EVENTS) - 1
    assert fetches(world, EVENTS[0]) == 1


def test_what_failed_ahead_may_succeed_in_its_turn(world: World) -> None:
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{EVENTS[0]}", status=404)
    assert world.sync().summary["injected"] == len(EVENTS)


def test_a_refused_token_ends_the_run_at_the_first_event(world: World) -> None:
    world.tripleseat.faults.add("status", "GET", r"/v1/events/\d", times=None, status=401)
    report = world.sync()
    assert (report.exit_status, report.summary["failed"], world.writes) == (12, len(EVENTS), [])
    assert sum(fetches(world, each) for each in EVENTS) == 2, "once more with a new token"


def test_a_key_that_revel_refuses_is_not_blamed_on_tripleseat(world: World) -> None:
    world.revel.faults.add("status", "GET", "/Product/", times=None, status=403)
    report = world.sync()
    assert report.exit_status == 12
    assert "Revel" in (report.error or "")
    assert "Revel" in find_outcome(report, EVENTS[0]).text


@pytest.mark.parametrize(("seconds", "times"), [(20, 1), (61, 2)])
def test_what_was_fetched_long_ago_is_fetched_again(world: World, seconds: int, times: int) -> None:
    world.at("after POST /resources/OrderHistory/", lambda: world.time.move(seconds=seconds))
    assert world.sync().summary["injected"] == len(EVENTS)
    assert [fetches(world, EVENTS[1]), fetches(world, EVENTS[0])] == [1, times], "the bakery opens first"


def test_a_change_after_an_event_was_fetched_is_told_by_the_next_run(world: World) -> None:
    def change() -> None:
        world.rewrite_event(EVENTS[3], lines=[(NAMES[0], 2, 38)])

    world.at("after POST /resources/OrderHistory/", change)
    assert verdict(world.sync(), EVENTS[3]) == "injected"
    world.time.move(minutes=45)
    assert verdict(world.sync(), EVENTS[3]) == "skipped CHANGED_AFTER_INJECTION"


@pytest.mark.parametrize("seconds", [6, 11, 20])
def test_a_slow_tripleseat_is_asked_once_for_each_event(world: World, seconds: int) -> None:
    world.tripleseat.faults.add("slow", "GET", "/v1/events/64", times=None, seconds=seconds)
    report = world.sync()
    assert [verdict(report, each) for each in EVENTS] == ["injected"] * len(EVENTS)
    assert [fetches(world, each) for each in EVENTS] == [1] * len(EVENTS)


@pytest.mark.parametrize(("seconds", "most"), [(2, 13), (10, 18)])
def test_a_slow_revel_lets_no_batch_be_prepared_anew_for_each_event(world: World, seconds: int, most: int) -> None:
    world.revel.faults.add("slow", "POST", "/resources/", times=None, seconds=seconds)
    report = world.sync()
    assert [verdict(report, each) for each in EVENTS] == ["injected"] * len(EVENTS)
    assert sum(fetches(world, each) for each in EVENTS) <= most


def test_only_events_that_are_due_are_fetched(world: World) -> None:
    for number in EVENTS[1:]:
        world.tripleseat.edit_event(number, status="LOST" if number % 2 else "PROSPECT")
    world.sync()
    assert [fetches(world, each) for each in EVENTS] == [1] + [0] * (len(EVENTS) - 1)
