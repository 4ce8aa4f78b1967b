"""Events that are known to be due, and that a listing lacks: asked for by their ids, and never lost in silence."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from tsrevel.engine import find
from tsrevel.planning.model import EventId
from tsrevel.planning.reasons import Reason
from tsrevel.sandbox import LAKESIDE_BAKERY, make_event

from ..world import World, find_outcome, verdict
from .conftest import EARLY, FULL, UNMAPPED

LINES = [("Coffee Urn", 1, 38)]


def _listed(world: World) -> None:
    """Something that every listing shows."""
    world.add_event(64000099, lines=LINES)


def _know_as_too_early(world: World) -> int:
    """An event that a run has seen the day before its own; now it is that day, and no listing shows it."""
    tomorrow = (world.time.now + timedelta(days=1)).date()
    event = world.add_event(64000077, day=tomorrow, lines=LINES)
    assert verdict(world.sync(), event) == "skipped TOO_EARLY"
    world.time.move(days=1)
    world.add_event(64000098, lines=LINES)
    world.tripleseat.unlisted = {event}
    return event


def test_an_event_that_was_too_early_and_vanished_from_the_listing_is_injected(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    event = _know_as_too_early(world)
    caplog.clear()
    report = world.sync()
    assert verdict(report, event) == "injected"
    assert world.flaws(event) == []
    assert [each for each in report.warnings if f"the search doesn't list event {event}" in each]
    assert any("the search doesn't list event" in each.getMessage() for each in caplog.records)
    assert find_outcome(report, event).text == ""


def test_a_held_event_that_vanishes_from_the_listing_stays_held_and_that_is_said_once(day: World) -> None:
    assert verdict(day.sync(), UNMAPPED) == "held UNMAPPED_ITEMS"
    day.tripleseat.unlisted = {UNMAPPED}
    first, second = day.sync(), day.sync()
    for report in (first, second):
        assert (verdict(report, UNMAPPED), find_outcome(report, UNMAPPED).news) == ("held UNMAPPED_ITEMS", False)
    assert (len(first.warnings), len(second.warnings)) == (1, 0)
    day.tripleseat.unlisted = set()
    assert day.sync().warnings == ()
    day.tripleseat.unlisted = {UNMAPPED}
    assert len(day.sync().warnings) == 1


def test_an_event_that_failed_and_vanished_is_tried_again(world: World) -> None:
    _listed(world)
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=9, status=500)
    assert verdict(world.sync(), FULL) == "failed UPSTREAM_UNAVAILABLE"
    world.tripleseat.faults.clear()
    world.tripleseat.unlisted = {FULL}
    assert verdict(world.sync(), FULL) == "injected"


def test_an_event_that_the_limit_left_and_that_vanished_is_injected(world: World) -> None:
    _listed(world)
    left = next(each for each in world.sync(max_orders=1).outcomes if each.reason == "RUN_LIMIT_REACHED")
    world.tripleseat.unlisted = {int(left.event_id)}
    assert verdict(world.sync(), left.event_id) == "injected"


def test_a_due_event_that_is_gone_is_told_as_deleted_once_and_not_asked_for_again(world: World) -> None:
    event = _know_as_too_early(world)
    del world.tripleseat.state.events[event]
    first = world.sync()
    outcome = find_outcome(first, event)
    assert (outcome.reason, outcome.news, first.warnings) == ("EVENT_DELETED", True, ())
    world.forget_requests()
    assert str(event) not in {each.event_id for each in world.sync().outcomes}
    assert world.tripleseat.count(path=f"/v1/events/{event}") == 0


def test_an_event_that_was_moved_to_another_day_is_not_said_to_be_lacking(world: World) -> None:
    event = _know_as_too_early(world)
    later = (world.time.now + timedelta(days=9)).date()
    world.tripleseat.add_event(make_event(id=event, day=later, lines=LINES))
    report = world.sync()
    assert (verdict(report, event), report.warnings) == ("skipped TOO_EARLY", ())
    assert str(event) not in {each.event_id for each in world.sync().outcomes}


def test_an_event_that_was_moved_to_another_location_is_made_there(world: World) -> None:
    event = _know_as_too_early(world)
    today = world.time.now.date()
    world.tripleseat.add_event(make_event(id=event, day=today, location=LAKESIDE_BAKERY, lines=LINES))
    assert verdict(world.sync(), event) == "injected"
    assert [each["establishment"] for each in world.orders_of(event)] == ["/enterprise/Establishment/9/"]


def test_an_event_that_cannot_be_asked_for_fails_and_is_asked_for_again(world: World) -> None:
    event = _know_as_too_early(world)
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{event}", times=9, status=500)
    assert verdict(world.sync(), event) == "failed UPSTREAM_UNAVAILABLE"
    world.tripleseat.faults.clear()
    assert verdict(world.sync(), event) == "injected"


def test_only_so_many_are_asked_for_in_a_run_and_the_others_are_said_and_not_starved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "MOST_UNLISTED", 2)
    _listed(world)
    events = [world.add_event(64000060 + each, lines=[("Nothing known", 1, 5)]) for each in range(3)]
    assert {verdict(world.sync(), each) for each in events} == {"held UNMAPPED_ITEMS"}
    world.tripleseat.unlisted = set(events)
    seen: set[str] = set()
    for _ in range(2):
        world.time.move(minutes=45)
        report = world.sync()
        assert any("the listing lacks 1 more due event" in each for each in report.warnings)
        seen |= {each.event_id for each in report.outcomes if each.status == "held"}
    assert seen == {str(each) for each in events}


@pytest.mark.parametrize("line", ["Coffee Urn", "Nothing known"], ids=["made", "resolved as done"])
def test_events_with_an_order_that_the_listing_lacks_take_turns_so_that_each_deletion_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(find, "MOST_VANISHED", 2)
    events = [world.add_event(64000060 + each, lines=[(line, 1, 38)]) for each in range(5)]
    world.sync()
    with world.ledger() as ledger:
        for each in events if line == "Nothing known" else []:
            ledger.events.resolve(EventId(str(each)), "done", "entered by hand", None)
    world.tripleseat.unlisted = set(events)
    read = _read(world, events)
    assert len(read) == 2
    for each in set(events) - read:
        del world.tripleseat.state.events[each]
    told = [each for _ in range(2) for each in _read(world, events, Reason.CANCELLED_AFTER_INJECTION)]
    assert sorted(told) == sorted(set(events) - read)


def _read(world: World, events: list[int], reason: Reason = Reason.ALREADY_INJECTED) -> set[int]:
    """Those of the events that the next run gives this reason."""
    world.time.move(minutes=45)
    found = {each.event_id for each in world.sync().outcomes if each.reason is reason}
    return {each for each in events if str(each) in found}


def test_a_listing_whose_rows_are_partly_unreadable_loses_no_known_event(
    day: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    day.sync()
    day.tripleseat.unlisted = {UNMAPPED}
    day.tripleseat.state.events[EARLY]["event_date_iso8601"] = "soon"
    report = day.sync()
    assert verdict(report, EARLY) == "held INVALID_DATE_FORMAT"
    assert verdict(report, UNMAPPED) == "held UNMAPPED_ITEMS"
