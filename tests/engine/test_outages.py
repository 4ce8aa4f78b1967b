"""However runs are narrowed, and however long none came to its end: no event's day passes without a report."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tsrevel.engine.outcomes import RunReport

from ..world import World, find_outcome, verdict
from .conftest import FULL, PAID

CITY, LAKE = "30501", "30502"
LOST = "an earlier ledger is lost"


@pytest.fixture
def empty(tmp_path: Path) -> World:
    """A world without a single event."""
    world = World(tmp_path, "full")
    del world.tripleseat.state.events[FULL]
    return world


def sync_each(world: World) -> Iterator[RunReport]:
    """Runs as a crontab with a line for each location starts them."""
    for location in (CITY, LAKE):
        yield world.sync(only=[location])


def forget(world: World, *, lakeside: bool = False, days: int = 1) -> int:
    """An event of a day in the middle of an outage, which ends six days after it: nobody changes it meanwhile."""
    world.time.move(days=days)
    event = world.add_event(64000070 + lakeside, lakeside=lakeside)
    world.time.move(days=6)
    return event


def is_missed(report: RunReport, event: int) -> bool:
    return (verdict(report, event), find_outcome(report, event).missed) == ("skipped EVENT_DAY_PASSED", True)


@pytest.mark.parametrize("lakeside", [False, True])
def test_after_an_outage_runs_limited_to_each_location_report_what_was_missed(empty: World, lakeside: bool) -> None:
    list(sync_each(empty))
    event = forget(empty, lakeside=lakeside)
    reports = list(sync_each(empty))
    assert is_missed(reports[lakeside], event)
    assert [each.exit_status for each in reports] == ([0, 3] if lakeside else [3, 0])
    assert [each.exit_status for each in sync_each(empty)] == [0, 0]


def test_runs_over_one_location_hide_no_outage_of_another(empty: World) -> None:
    list(sync_each(empty))
    event = forget(empty, lakeside=True)
    assert empty.sync(only=[CITY]).exit_status == 0
    assert is_missed(empty.sync(), event)


def test_a_whole_run_counts_for_every_location(empty: World, caplog: pytest.LogCaptureFixture) -> None:
    empty.sync()
    empty.time.move(days=7)
    empty.sync()
    caplog.clear()
    list(sync_each(empty))
    empty.sync()
    assert "looks back" not in caplog.text


def test_runs_over_some_days_hide_no_outage_and_look_at_no_other_days(
    empty: World, caplog: pytest.LogCaptureFixture
) -> None:
    list(sync_each(empty))
    event = forget(empty)
    today = empty.time.now.date()
    assert empty.sync(first=today, last=today, only=[CITY]).outcomes == ()
    assert empty.sync(first=today).outcomes == ()
    assert "looks back" not in caplog.text
    assert is_missed(empty.sync(only=[CITY]), event)


def test_a_run_up_to_some_day_looks_back_over_the_outage_too(empty: World) -> None:
    list(sync_each(empty))
    event = forget(empty)
    assert is_missed(empty.sync(last=empty.time.now.date(), only=[CITY]), event)


@pytest.mark.parametrize("only", [(), (CITY,)])
def test_a_ledger_whose_first_runs_failed_looks_back_to_the_first_of_them(empty: World, only: tuple[str, ...]) -> None:
    empty.wires["tripleseat"].down = True
    assert empty.sync(only=only).exit_status == 13
    event = forget(empty)
    assert empty.sync(only=only).exit_status == 13
    empty.wires["tripleseat"].down = False
    assert is_missed(empty.sync(only=only), event)


def test_dry_runs_are_no_attempts_to_look_back_to(empty: World) -> None:
    empty.sync(dry_run=True)
    forget(empty)
    assert empty.sync().outcomes == ()


def test_a_run_that_a_pause_stopped_is_looked_back_to(empty: World) -> None:
    with empty.ledger() as ledger:
        empty.at("before GET /v1/events/search", lambda: ledger.runs.pause("stock-taking"))
        empty.add_event(64000071)
        assert verdict(empty.sync(only=[CITY]), 64000071) == "skipped CONNECTOR_DISABLED"
    event = forget(empty)
    with empty.ledger() as ledger:
        ledger.runs.resume()
    assert is_missed(empty.sync(only=[CITY]), event)


def test_a_ledger_of_an_older_version_with_limited_runs_alone_looks_back_to_the_first_of_them(empty: World) -> None:
    list(sync_each(empty))
    event = forget(empty)
    with closing(sqlite3.connect(empty.folder / "ledger.sqlite3", isolation_level=None)) as connection:
        connection.execute("ALTER TABLE runs DROP COLUMN locations")
        connection.execute("PRAGMA user_version = 11")
    assert is_missed(empty.sync(only=[CITY]), event)


def test_a_location_that_is_allowed_later_hides_no_outage_and_looks_no_further_back(empty: World) -> None:
    """What was there before it was allowed was left alone on purpose."""
    empty.config["safety"]["allowed_locations"] = [int(CITY)]
    list(sync_each(empty))
    event, left_alone = forget(empty), 64000071
    empty.add_event(left_alone, lakeside=True, day=(empty.time.now - timedelta(days=4)).date())
    empty.config["safety"]["allowed_locations"] = []
    reports = list(sync_each(empty))
    assert is_missed(reports[0], event)
    assert reports[1].outcomes == ()


def test_an_entry_that_is_new_hides_no_outage_of_the_others(empty: World) -> None:
    entries = empty.config["locations"]
    empty.config["locations"] = entries[:1]
    empty.sync(only=[CITY])
    event = forget(empty)
    empty.config["locations"] = entries
    assert is_missed(empty.sync(), event)


def test_a_lost_ledger_is_told_by_the_first_run_over_each_location_and_no_later_one(tmp_path: Path) -> None:
    world = World(tmp_path, "full", "paid")
    world.sync()
    world.lose_ledger()
    told = [[LOST in "".join(each.warnings) for each in sync_each(world)] for _ in range(2)]
    assert told == [[True, True], [False, False]]
    assert (world.flaws(FULL), world.flaws(PAID)) == ([], [])


def test_runs_limited_to_a_location_look_several_events_up_together_after_their_first(empty: World) -> None:
    def look_ups() -> int:
        return sum("Order/" in each for each in empty.revel_requests if each.startswith("GET"))

    spent = []
    for number in range(3):
        lines = [("Coffee Urn", 1, 38)]
        for each in range(4):
            empty.add_event(64000080 + 10 * number + each, lines=lines)
        empty.forget_requests()
        empty.sync(only=[CITY])
        spent.append(look_ups())
    assert spent[0] > spent[1] == spent[2]
