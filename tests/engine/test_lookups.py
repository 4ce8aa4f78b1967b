"""Before any write: is there an order already? A failed look-up never means absent."""

from __future__ import annotations

from typing import Any

import pytest

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL

FAILURES: dict[str, tuple[str, dict[str, Any]]] = {
    "500": ("status", {"status": 500}),
    "503": ("status", {"status": 503, "headers": {"Retry-After": "1"}}),
    "429": ("status", {"status": 429, "headers": {"Retry-After": "900"}}),
    "404": ("status", {"status": 404}),
    "login page": ("html", {}),
    "login page 502": ("html", {"status": 502}),
    "redirect": ("status", {"status": 302, "headers": {"Location": "/login"}}),
    "empty": ("status", {"status": 200, "body": ""}),
    "results, no objects": ("wrong_shape", {"body": {"results": []}}),
    "objects of text": ("wrong_shape", {"body": {"objects": ["none"]}}),
    "a list": ("wrong_shape", {"body": []}),
    "truncated": ("truncated", {}),
    "cut": ("drop_before", {}),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_lookup_never_means_absent(world: World, failure: str) -> None:
    kind, details = FAILURES[failure]
    world.revel.faults.add(kind, "GET", "/resources/Order/", times=None, **details)
    report = world.sync()
    assert verdict(report, FULL) == "failed UPSTREAM_UNAVAILABLE"
    assert world.writes == []
    assert report.exit_status == 3, "Revel answers everything else"
    world.revel.faults.clear()
    assert verdict(world.sync(), FULL) == "injected"
    assert world.flaws(FULL) == []


def test_a_lookup_that_nobody_answers_never_means_absent(world: World) -> None:
    world.at("before GET /resources/Order/", lambda: setattr(world.wires["revel"], "down", True))
    assert verdict(world.sync(), FULL) == "failed UPSTREAM_UNAVAILABLE"
    assert world.writes == []


def test_a_refused_key_at_the_lookup_stops_the_run(world: World) -> None:
    world.revel.denied_resources.add("Order")
    report = world.sync()
    assert (report.exit_status, report.reason) == (12, "AUTHORIZATION_DENIED")
    assert verdict(report, FULL) == "failed AUTHORIZATION_DENIED"
    assert world.writes == []


def test_a_lookup_that_fails_once_is_asked_again(world: World) -> None:
    world.revel.faults.add("status", "GET", "/resources/Order/", times=2, status=503)
    assert verdict(world.sync(), FULL) == "injected"
    assert world.flaws(FULL) == []


def test_an_order_under_a_legacy_local_id_is_left_alone_now_and_later(world: World) -> None:
    other = world.add_order(FULL, "Triple Seat {}")
    first = world.sync()
    assert (verdict(first, FULL), first.exit_status) == ("skipped ORDER_EXISTS", 0)
    assert find_outcome(first, FULL).order_id == str(other)
    world.forget_requests()
    for _ in range(2):
        assert verdict(world.sync(), FULL) == "skipped ORDER_EXISTS"
    assert world.revel_requests == []
    assert len(world.revel.orders) == 1


def test_an_order_under_our_local_id_but_another_uuid_is_somebody_elses(world: World) -> None:
    world.add_order(FULL, "Triple Seat_{}", uuid="11111111-2222-4333-8444-555555555555")
    assert verdict(world.sync(), FULL) == "skipped ORDER_EXISTS"
    assert world.writes == []


def test_somebody_elses_order_at_another_place_needs_a_person(world: World) -> None:
    world.add_order(FULL, establishment="/enterprise/Establishment/9/")
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_EXISTS", 3)
    assert world.writes == []


def test_two_orders_need_a_person_at_every_run(world: World) -> None:
    world.add_order(FULL, "Triple Seat {}")
    world.add_order(FULL, "Triple Seat_{}")
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
    assert world.writes == []


def test_ours_and_somebody_elses_order_are_two(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.add_order(FULL, "Triple Seat {}")
    world.forget_requests()
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
    assert world.writes == []


@pytest.mark.parametrize("ignored", [{"local_id"}, {"local_id", "uuid"}])
def test_a_lookup_whose_filter_is_ignored_takes_no_stranger_for_ours(world: World, ignored: set[str]) -> None:
    for number in range(30):
        world.add_order(70000000 + number)
    world.revel.ignored_filters |= ignored
    world.revel.faults.add("drop_after", "POST", "/OrderItem/", times=1)
    assert verdict(world.sync(), FULL) == "injected"
    assert world.flaws(FULL) == []


def test_a_lookup_finds_the_order_though_its_filter_is_ignored(world: World) -> None:
    for number in range(30):
        world.add_order(70000000 + number)
    world.add_order(FULL)
    world.revel.ignored_filters.add("local_id")
    assert verdict(world.sync(), FULL) == "skipped ORDER_EXISTS"


def test_a_ledger_lost_after_the_order_was_complete_costs_no_second_order(world: World) -> None:
    world.sync()
    world.lose_ledger()
    world.forget_requests()
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)
    assert (world.writes, world.flaws(FULL)) == ([], [])
    world.forget_requests()
    world.sync()
    assert world.revel_requests == []


def test_an_event_that_changed_while_the_ledger_was_lost_is_held(world: World) -> None:
    world.sync()
    world.lose_ledger()
    world.rewrite_event(FULL, lines=[("Coffee Urn", 1, 38)])
    world.forget_requests()
    reports = [world.sync(), world.sync()]
    assert [(verdict(each, FULL), each.exit_status) for each in reports] == [("held ORDER_DIFFERS", 3)] * 2
    assert [find_outcome(each, FULL).news for each in reports] == [True, False]
    assert world.writes == []


def test_our_order_found_at_another_place_is_held(world: World) -> None:
    world.sync()
    world.lose_ledger()
    world.tripleseat.edit_event(FULL, location_id=30502, site_id=15692)
    world.forget_requests()
    report = world.sync()
    assert verdict(report, FULL) == "held ORDER_DIFFERS"
    assert "establishment is 8, not 9" in find_outcome(report, FULL).text
    assert world.writes == []


def test_a_run_that_could_look_nothing_up_makes_the_ledger_no_wiser(world: World) -> None:
    """A whole run over all events has ended by then: the ledger doesn't count as new any more."""
    event = world.add_event(64000052, lines=[("Coffee Urn", 1, 38)])
    world.sync()
    world.lose_ledger()
    world.config["orders"] = {"local_id": "TS-{event_id}"}
    world.revel.faults.add("status", "GET", "/resources/Order/", times=None, status=400)
    assert verdict(world.sync(), event) == "failed UPSTREAM_UNAVAILABLE"
    world.revel.faults.clear()
    report = world.sync()
    assert {verdict(report, each) for each in (FULL, event)} == {"held ORDER_DIFFERS"}
    assert len(world.revel.orders) == 2


def test_a_lost_ledger_and_another_local_id_make_no_second_order(world: World) -> None:
    event = world.add_event(64000052, lines=[("Coffee Urn", 1, 38)])
    world.sync()
    world.lose_ledger()
    world.config["orders"] = {"local_id": "TS-{event_id}"}
    report = world.sync()
    assert verdict(report, event) == "held ORDER_DIFFERS"
    assert len([each for each in world.revel.orders if str(event) in each["local_id"]]) == 1
