"""Services that pass their filters over: what wasn't asked for is left out, said once, and never taken for missed."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tsrevel.planning.model import EstablishmentId
from tsrevel.sandbox.documents import us_stamp
from tsrevel.wiring import open_services

from ..world import World, find_outcome, verdict
from .conftest import FULL


def _old_events(world: World, number: int, **fields: Any) -> list[int]:
    """Events of a month ago, as they were left then."""
    then = world.time.now - timedelta(days=30)
    found = [world.add_event(64100000 + each, day=then.date(), lines=[("Coffee", 1, "3.00")]) for each in range(number)]
    for each in found:
        world.tripleseat.state.events[each] |= {"updated_at": us_stamp(then), **fields}
    return found


def test_a_listing_that_ignores_its_dates_makes_nothing_missed(world: World, caplog: pytest.LogCaptureFixture) -> None:
    old = _old_events(world, 130)
    world.tripleseat.ignored_ranges = {"event", "updated_at"}
    report = world.sync()
    assert verdict(report, FULL) == "injected"
    assert report.summary["missed"] == 0
    assert report.exit_status == 0
    assert not {str(each) for each in old} & {each.event_id for each in report.outcomes}
    assert [each for each in report.warnings if "the search by day listed events of other days (130)" in each]
    warned = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert sum("the search by day" in each for each in warned) == 1


@pytest.mark.parametrize("stamp", [None, "", "sometime"])
def test_rows_without_a_stamp_are_not_taken_for_updated_where_the_filter_is_ignored(
    world: World, stamp: str | None
) -> None:
    _old_events(world, 3, updated_at=stamp)
    _old_events(world, 1)
    world.tripleseat.ignored_ranges = {"event", "updated_at"}
    assert world.sync().summary["missed"] == 0


def test_an_event_without_a_day_is_held_whatever_the_listing_ignores(world: World) -> None:
    world.tripleseat.ignored_ranges = {"event", "updated_at"}
    _old_events(world, 2)
    keys = ("event_start_utc", "event_date", "event_date_iso8601", "start_date", "event_start", "event_start_iso8601")
    world.tripleseat.edit_event(FULL, **dict.fromkeys(keys))
    assert verdict(world.sync(), FULL) == "held MISSING_DATA"


def test_a_listing_of_other_days_alone_is_not_taken_for_an_empty_one(world: World) -> None:
    event = world.add_event(64000077, day=(world.time.now + timedelta(days=1)).date())
    assert verdict(world.sync_event(event), event) == "skipped TOO_EARLY"
    world.time.move(days=1)
    world.tripleseat.unlisted = {event, FULL}
    _old_events(world, 2)
    world.tripleseat.ignored_ranges = {"event", "updated_at"}
    assert world.sync().exit_status == 0


def test_a_listing_of_a_neighbouring_day_alone_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    """The search may match by overlap, so nobody is told of that event. But it shows that the search works."""
    world = World(tmp_path, "none")
    event = world.add_event(64000077, day=(world.time.now + timedelta(days=1)).date())
    assert verdict(world.sync_event(event), event) == "skipped TOO_EARLY"
    world.time.move(days=1)
    world.add_event(64000078, day=(world.time.now + timedelta(days=1)).date())
    world.tripleseat.ignored_ranges = {"event"}
    del world.tripleseat.state.events[event]
    report = world.sync()
    assert (verdict(report, event), report.exit_status, report.warnings) == ("skipped EVENT_DELETED", 0, ())


def test_filters_that_are_honoured_are_not_complained_of(day: World, caplog: pytest.LogCaptureFixture) -> None:
    assert day.sync().warnings == ()
    assert not [each for each in caplog.records if "left out" in each.getMessage()]


def test_products_of_other_establishments_are_left_out_and_that_is_said_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.revel.ignored_filters = {"establishment", "active"}
    assert find_outcome(world.sync(), FULL).order_id
    assert world.flaws(FULL) == []
    said = [each.getMessage() for each in caplog.records if "the Product list has rows" in each.getMessage()]
    assert said == [
        "Revel: the Product list has rows that don't fit the filter establishment, active; they are left out"
    ]


def test_many_products_of_others_dont_hide_an_establishments_own(world: World) -> None:
    for number in range(1200):
        world.revel.add(
            "Product", None, name=f"Other {number}", active=True, establishment="/enterprise/Establishment/9/"
        )
    world.revel.ignored_filters = {"establishment"}
    assert verdict(world.sync(), FULL) == "injected"


def test_stations_of_other_establishments_are_left_out(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.revel.ignored_filters = {"establishment"}
    with open_services(world.settings(), world.runtime()) as services:
        found = services.account.stations(EstablishmentId(8))
    assert found
    assert all(each.establishment in {None, 8} for each in found)
    assert any("the PosStation list has rows" in each.getMessage() for each in caplog.records)
