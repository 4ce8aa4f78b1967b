"""A run that is paused on its way: the order begun is finished, no other is, and the next run makes up for it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ..world import World, find_outcome, verdict
from .conftest import EARLY, FULL, PAID, TWINS


def pause(world: World) -> None:
    with world.ledger() as ledger:
        ledger.runs.pause("fire drill")


def resume(world: World) -> None:
    with world.ledger() as ledger:
        ledger.runs.resume()


def test_the_order_begun_is_finished_and_no_other_event_is_looked_into(tmp_path: Path) -> None:
    day = World(tmp_path, "full", "paid", "twins")
    day.at("after POST /resources/OrderItem/", lambda: pause(day))
    report = day.sync()
    done = [each for each in report.outcomes if each.status == "injected"]
    assert len(done) == 1
    assert day.flaws(int(done[0].event_id)) == []
    left = [each for each in report.outcomes if each.reason == "CONNECTOR_DISABLED"]
    assert {each.event_id for each in left} >= {str(TWINS)}
    assert "paused since 2026-12-12 18:00 UTC (fire drill); `tsrevel resume` ends it" in left[0].text
    assert (report.reason, report.exit_status, report.error) == ("CONNECTOR_DISABLED", 0, None)
    assert report.paused is not None


def test_what_was_left_is_done_by_the_first_run_after_it(day: World) -> None:
    day.at("after POST /resources/OrderItem/", lambda: pause(day))
    day.sync()
    with day.ledger() as ledger:
        assert ledger.runs.last_good(["30501"], day.time.now) is None
        today = day.time.now.date()
        assert ledger.events.unsettled(today, today + timedelta(days=9), today)
    resume(day)
    report = day.sync()
    assert [day.flaws(each) for each in (FULL, PAID, TWINS)] == [[], [], []]
    assert (report.paused, verdict(report, EARLY)) == (None, "skipped TOO_EARLY")


def test_a_paused_engine_asks_nobody_anything(day: World) -> None:
    pause(day)
    day.forget_requests()
    for report in (day.sync(), day.sync_event(FULL)):
        assert (report.outcomes, report.reason, report.exit_status) == ((), "CONNECTOR_DISABLED", 0)
    assert day.revel.requests == day.tripleseat.requests == []


def test_a_pause_while_the_events_are_listed_leaves_them_all(day: World) -> None:
    day.at("after GET /v1/events/search", lambda: pause(day))
    report = day.sync()
    assert {str(each.reason) for each in report.outcomes} == {"CONNECTOR_DISABLED"}
    assert (len(report.outcomes), day.writes) == (7, [])
    resume(day)
    assert find_outcome(day.sync(), FULL).status == "injected"


def test_a_pause_while_the_events_are_listed_hides_no_missed_and_no_waiting_event(day: World) -> None:
    day.sync()
    with day.ledger() as ledger:
        missed, waiting = ledger.queries.missed(), ledger.queries.waiting()
    assert missed
    assert waiting
    day.time.move(minutes=45)
    day.at("after GET /v1/events/search", lambda: pause(day))
    day.sync()
    with day.ledger() as ledger:
        assert (ledger.queries.missed(), ledger.queries.waiting()) == (missed, waiting)
