"""However runs are narrowed, and however long none came to its end: no event's day passes without a report."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tsrevel.engine.context import RunState
from tsrevel.engine.find import Window
from tsrevel.engine.outcomes import NOT_TRIED, RunReport
from tsrevel.engine.run import sync
from tsrevel.ledger import RunRecord
from tsrevel.planning.model import EventId
from tsrevel.sandbox.app import Request, Response, json_response

from ..cli.bench import Shell
from ..notify.post import ToldWorld
from ..world import World, find_outcome, verdict
from .conftest import FULL, PAID, UNMAPPED
from .test_verified_deliveries import CONTRACT

CITY, LAKE = "30501", "30502"
DAY = date(2026, 12, 12)
"""The day on which a world begins."""
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


def change_in_outage(world: World, *, days: int = 0) -> int:
    """An event, `days` ahead, that changes after its order was made, in an outage that ends five days later."""
    event = world.add_event(64000072, day=DAY + timedelta(days=days))
    assert world.sync_event(event, ignore_time_gate=True).summary["injected"] == 1
    world.sync()
    world.time.move(days=1)
    world.rewrite_event(event, **CONTRACT)
    world.time.move(days=5)
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
        connection.execute("UPDATE runs SET whole = 0, locations = NULL")  # as migrations leave such runs
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


# A run that doesn't do all of its work hides no outage


def end_outage(world: World, *, orders: int = 14) -> None:
    """The next run is the first after an outage, with so many orders to make."""
    for number in range(orders):
        world.add_event(64000080 + number)


def sync_slowly(world: World) -> None:
    """A run with more orders to make than its time allows: an answer of Revel takes a minute."""
    world.revel.faults.add("slow", "POST", "/resources/", times=None, seconds=55)
    report = world.sync()
    assert "RUN_LIMIT_REACHED" in {each.reason for each in report.outcomes}
    world.revel.faults.clear()


def wind_down(world: World) -> None:
    """A run that is ended in good order while it makes its first order, as `serve` ends one."""
    with world.open_run() as ctx:
        world.at("before POST /resources/OrderItem", ctx.limits.deadline.wind_down)
        sync(ctx, RunState.begin(ctx), Window(48))


@pytest.mark.parametrize("cut", [sync_slowly, wind_down])
def test_what_a_run_had_no_time_for_after_an_outage_is_reported_by_the_next_one(
    empty: World, cut: Callable[[World], None]
) -> None:
    empty.sync()
    event = forget(empty)
    end_outage(empty)
    cut(empty)
    assert is_missed(empty.sync(), event)


@pytest.mark.parametrize("cut", [sync_slowly, wind_down])
def test_a_change_that_a_run_had_no_time_for_after_an_outage_is_reported_by_the_next_one(
    empty: World, cut: Callable[[World], None]
) -> None:
    changed = change_in_outage(empty)
    end_outage(empty)
    cut(empty)
    assert verdict(empty.sync(), changed) == "skipped CHANGED_AFTER_INJECTION"
    assert changed not in {int(each.event_id) for each in empty.sync().outcomes}


@pytest.mark.parametrize("days", [0, 20])
def test_a_changed_event_that_could_not_be_read_after_an_outage_is_read_by_the_next_run(
    empty: World, days: int
) -> None:
    changed = change_in_outage(empty, days=days)
    end_outage(empty, orders=1)
    empty.tripleseat.faults.add("status", "GET", f"/v1/events/{changed}", times=4, status=503)
    assert verdict(empty.sync(), changed) == "failed UPSTREAM_UNAVAILABLE"
    assert verdict(empty.sync(), changed) == "skipped CHANGED_AFTER_INJECTION"
    empty.forget_requests()
    assert empty.sync().exit_status == 0
    assert len(empty.tripleseat.requests) == 2, "two searches"


def test_an_event_that_could_not_be_looked_up_after_an_outage_is_reported_by_the_next_run(empty: World) -> None:
    empty.sync()
    event = forget(empty)
    end_outage(empty, orders=1)
    fail = partial(empty.revel.faults.add, "status", "GET", after=1, times=4, status=503)
    empty.at("after POST /resources/OrderHistory", fail)
    report = empty.sync()
    assert (report.exit_status, verdict(report, event)) == (3, "failed UPSTREAM_UNAVAILABLE")
    assert is_missed(empty.sync(), event)


def test_an_event_of_an_establishment_that_was_set_aside_after_an_outage_is_reported_by_the_next_run(
    empty: World,
) -> None:
    """It was held before its day: a run that doesn't reach it leaves it held in the ledger."""
    held = empty.add_event(64000075, lines=[("Nothing on the menu", 1, 38)])
    assert find_outcome(empty.sync(), held).status == "held"
    empty.time.move(days=6)
    end_outage(empty, orders=4)
    empty.add_event(64000070, lakeside=True, start=time(21))
    empty.tripleseat.faults.add("status", "GET", "/v1/events/6400008", times=None, status=503)
    report = empty.sync()
    assert (report.exit_status, find_outcome(report, held).details) == (3, NOT_TRIED)
    empty.tripleseat.faults.clear()
    assert is_missed(empty.sync(), held)


def test_an_empty_page_in_every_run_hides_no_event_and_leaves_the_runs_good(
    empty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seat, event = empty.tripleseat, empty.add_event(64000070, day=DAY, lines=[("Coffee Urn", 1, 38)])

    def show(events: Sequence[Any], request: Request) -> Response:
        """Page 2 of 3 alone has rows: the others' aren't this user's."""
        rows = [seat._dressed(each, request) for each in events] if request.first("page") == "2" else []
        return json_response({"total_pages": 3, "results": rows})

    monkeypatch.setattr(seat, "_page", show)
    for status in ("injected", "skipped"):
        report = empty.sync()
        assert (find_outcome(report, event).status, report.exit_status, report.warnings) == (status, 0, ())
        with empty.ledger() as ledger:
            assert ledger.runs.last_good([CITY], empty.time.now)


def test_pages_that_overlap_in_every_run_leave_the_runs_good(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seat = empty.tripleseat
    for number in (64000070, 64000071):
        empty.add_event(number, day=DAY, lines=[("Coffee Urn", 1, 38)])

    def show(events: Sequence[Any], request: Request) -> Response:
        """Page 2 begins with the last row of page 1."""
        listed = events if request.first("page") == "2" else events[:1]
        return json_response({"total_pages": 2, "results": [seat._dressed(each, request) for each in listed]})

    monkeypatch.setattr(seat, "_page", show)
    report = empty.sync()
    assert (report.summary["injected"], report.exit_status, report.warnings) == (2, 0, ())
    with empty.ledger() as ledger:
        assert ledger.runs.last_good([CITY], empty.time.now)


def test_a_search_whose_second_page_is_the_first_loses_no_order_and_leaves_no_run_good(
    empty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seat, event = empty.tripleseat, empty.add_event(64000070, day=DAY, lines=[("Coffee Urn", 1, 38)])

    def show(events: Sequence[Any], request: Request) -> Response:
        return json_response({"total_pages": 5, "results": [seat._dressed(each, request) for each in events]})

    monkeypatch.setattr(seat, "_page", show)
    for status in ("injected", "skipped"):
        report = empty.sync()
        assert (find_outcome(report, event).status, report.exit_status) == (status, 13)
        with empty.ledger() as ledger:
            assert ledger.runs.last_good([CITY], empty.time.now) is None


def test_an_outage_replaces_no_hold_and_mails_nothing(tmp_path: Path) -> None:
    world = ToldWorld(tmp_path, "unmapped")
    shell = Shell(world)
    assert (shell.sync().status, len(world.sendgrid.mails)) == (3, 1)
    for down, status in ((True, 13), (False, 3)) * 2:
        world.wires["revel"].down = down
        world.time.move(minutes=45)
        assert shell.sync().status == status
        with world.ledger() as ledger:
            (held,) = ledger.events.last_results([EventId(str(UNMAPPED))]).values()
        assert (held.status, held.reason) == ("held", "UNMAPPED_ITEMS")
    assert len(world.sendgrid.mails) == 1


def break_connection(world: World) -> Callable[[], None]:
    world.wires["tripleseat"].down = True
    return lambda: setattr(world.wires["tripleseat"], "down", False)


def break_login(world: World) -> Callable[[], None]:
    token = world.folder / "token.json"
    text = token.read_bytes()
    token.unlink()
    return lambda: void(token.write_bytes(text))


def void(_: object) -> None:
    pass


@pytest.mark.parametrize("fail", [break_connection, break_login])
def test_an_alarm_in_each_run_hides_no_outage_of_tripleseat(
    empty: World, fail: Callable[[World], Callable[[], None]]
) -> None:
    doubled = empty.add_event(64000072, day=DAY + timedelta(days=16))
    empty.sync_event(doubled, ignore_time_gate=True)
    empty.add_order(doubled, "Triple Seat_{}")
    assert 14 in [empty.sync().exit_status for _ in range(4)], "no run looks for twins each time"
    event = empty.add_event(64000070, day=DAY + timedelta(days=1))
    mend = fail(empty)
    for _ in range(6):
        assert empty.sync().exit_status == 14
        empty.time.move(days=1)
    mend()
    assert is_missed(empty.sync(), event)


def test_an_event_that_no_run_saw_after_its_day_is_asked_for_by_its_id(empty: World) -> None:
    """Such events are in the ledgers of earlier versions: a later run counted as good."""
    event = empty.add_event(64000070, day=DAY + timedelta(days=1))
    assert verdict(empty.sync(), event) == "skipped TOO_EARLY"
    empty.time.move(days=8)
    assert empty.sync(hours_back=24 * 14, first=DAY + timedelta(days=8)).outcomes == ()
    with empty.ledger() as ledger:
        ledger.runs.begin(RunRecord("of-earlier-version", "sync-0", "bulk", dry_run=False, started_at=empty.time.now))
        ledger.runs.finish("of-earlier-version", exit_status=0, summary={})
    assert is_missed(empty.sync(), event)
    empty.forget_requests()
    empty.sync()
    assert len(empty.tripleseat.requests) == 2, "two searches"


def test_held_and_failed_events_and_the_order_limit_leave_a_run_a_good_one(empty: World) -> None:
    """Later runs find what they are about by themselves: they needn't look back further."""
    for number in range(3):
        empty.add_event(64000073 + number, start=time(17, number))
    failing = empty.add_event(64000076, start=time(8))
    empty.add_event(64000077, start=time(9), lines=[("Nothing on the menu", 1, 38)])
    empty.tripleseat.faults.add("status", "GET", f"/v1/events/{failing}", times=None, status=503)
    report = empty.sync(max_orders=2)
    assert {each.status for each in report.outcomes} == {"injected", "skipped", "failed", "held"}
    with empty.ledger() as ledger:
        assert ledger.runs.last_good([CITY], empty.time.now) == ledger.runs.latest(1)[0]


def test_a_run_after_more_than_31_days_warns_of_the_days_that_it_leaves_out(empty: World) -> None:
    empty.sync()
    early, late = (empty.add_event(64000080 + days, day=DAY + timedelta(days=days)) for days in (3, 30))
    empty.time.move(days=40)
    report = empty.sync()
    assert is_missed(report, late)
    assert early not in [int(each.event_id) for each in report.outcomes]
    command = re.search(r"`tsrevel sync --from (\S+) --to (\S+)`", report.warnings[0])
    assert command
    first, last = map(date.fromisoformat, command.groups())
    assert is_missed(empty.sync(first=first, last=last), early)
    assert empty.sync().warnings == ()


def test_a_run_after_30_days_has_nothing_to_warn_of(empty: World) -> None:
    empty.sync()
    empty.time.move(days=30)
    assert empty.sync().warnings == ()
