"""Which events are to be tried again: those held or failed when last seen, or by one run; and TripleSeat's stamps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path

import pytest

from tsrevel.ledger import EventResult, Ledger
from tsrevel.ledger.migrations import shipped_migrations
from tsrevel.planning.identity import NAMELESS
from tsrevel.planning.model import EventId

from .samples import DAY, EVENT, ORDER, RUN, START, TickingClock, begin_older, make_run, open_ledger

STAMP = datetime(2026, 12, 9, 10, 21)  # noqa: DTZ001 (TripleSeat's stamps have no zone)


def seen(number: int, status: str, *, day: date | None = DAY) -> EventResult:
    return EventResult(EventId(str(number)), day, status, None, "", None)


def test_the_held_and_the_failed_are_to_be_tried_again_by_their_days(ledger: Ledger) -> None:
    rows = [
        *(seen(number, status) for number, status in enumerate(("injected", "skipped", "planned"), 20)),
        seen(12, "failed"),
        seen(11, "held"),
        seen(13, "held", day=date(2025, 1, 1)),
        seen(14, "held", day=None),
    ]
    ledger.events.store_results(RUN, rows)
    assert ledger.events.retryable() == ("14", "13", "11", "12")


def test_what_was_dealt_with_meanwhile_is_not_tried_again(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen(11, "held"), seen(12, "failed")])
    ledger.events.store_results(RUN, [seen(11, "injected")])
    assert ledger.events.retryable() == ("12",)
    assert ledger.events.unsuccessful_in(RUN) == ("12",)


@pytest.mark.parametrize("name", [RUN, make_run().correlation_id])
def test_a_run_s_events_are_found_by_either_name(ledger: Ledger, name: str) -> None:
    ledger.events.store_results(RUN, [seen(12, "failed"), seen(11, "held"), seen(13, "injected"), seen(14, "skipped")])
    assert ledger.events.unsuccessful_in(name) == ("12", "11")


def test_a_correlation_id_stands_for_all_runs_of_an_invocation(ledger: Ledger) -> None:
    ledger.runs.begin(make_run("run-2"))
    ledger.events.store_results(RUN, [seen(12, "failed"), seen(11, "held")])
    ledger.events.store_results("run-2", [seen(12, "held")])
    assert ledger.events.unsuccessful_in(make_run().correlation_id) == ("12", "11")
    assert ledger.events.unsuccessful_in("run-2") == ("12",)


def test_a_later_run_takes_nothing_from_what_a_run_tried(ledger: Ledger) -> None:
    ledger.runs.begin(replace(make_run("run-2"), correlation_id="sync-other"))
    ledger.events.store_results(RUN, [seen(11, "held")])
    ledger.events.store_results("run-2", [seen(11, "injected")])
    assert ledger.events.unsuccessful_in(RUN) == ("11",)
    assert ledger.events.unsuccessful_in("run-2") == ()


@pytest.mark.parametrize("name", ["", "run", "run-9", "%"])
def test_an_unknown_run_is_not_a_run_without_failures(ledger: Ledger, name: str) -> None:
    assert ledger.events.unsuccessful_in(name) is None
    assert ledger.events.unsuccessful_in(RUN) == ()


def test_an_attempt_keeps_its_order(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [replace(seen(11, "injected"), order_id=ORDER)])
    (row,) = ledger._transactions.connection.execute("SELECT * FROM attempts").fetchall()
    assert (row["run_id"], row["event_id"], row["order_id"]) == (RUN, "11", ORDER)


def test_a_skip_is_no_attempt(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen(11, "skipped"), seen(12, "planned")])
    assert ledger._transactions.connection.execute("SELECT * FROM attempts").fetchall() == []


@pytest.mark.parametrize("stamp", [STAMP, STAMP.replace(tzinfo=UTC)])
def test_a_stamp_of_tripleseat_s_comes_back_as_it_was(ledger: Ledger, stamp: datetime) -> None:
    ledger.events.store_results(RUN, [replace(seen(11, "held"), updated=stamp)])
    found = ledger.events.last_results([EventId("11")])[EventId("11")].updated
    assert found == stamp
    assert found is not None
    assert found.tzinfo == stamp.tzinfo


def test_a_stamp_is_kept_when_a_later_look_has_none(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [replace(seen(11, "held"), updated=STAMP)])
    ledger.events.store_results(RUN, [seen(11, "failed")])
    assert ledger.events.last_results([EventId("11")])[EventId("11")].updated == STAMP
    later = STAMP.replace(minute=22)
    ledger.events.store_results(RUN, [replace(seen(11, "failed"), updated=later)])
    assert ledger.events.last_results([EventId("11")])[EventId("11")].updated == later


@pytest.mark.parametrize("zone", [None, UTC])
def test_the_latest_stamp_is_kept_whatever_is_seen_after_it(ledger: Ledger, zone: tzinfo | None) -> None:
    later = STAMP.replace(minute=22, tzinfo=zone)
    for stamp in (STAMP.replace(tzinfo=zone), later, STAMP.replace(tzinfo=zone)):
        ledger.events.store_results(RUN, [replace(seen(11, "held"), updated=stamp)])
    assert ledger.events.last_results([EventId("11")])[EventId("11")].updated == later


def test_of_stamps_that_can_not_be_compared_the_new_one_is_kept(ledger: Ledger) -> None:
    for stamp in (STAMP.replace(minute=22), STAMP.replace(tzinfo=UTC)):
        ledger.events.store_results(RUN, [replace(seen(11, "held"), updated=stamp)])
    assert ledger.events.last_results([EventId("11")])[EventId("11")].updated == STAMP.replace(tzinfo=UTC)


def test_a_row_without_an_id_can_not_be_tried_again(ledger: Ledger) -> None:
    ledger.events.store_results(
        RUN, [seen(11, "held"), replace(seen(12, "held"), event_id=EventId(f"{NAMELESS}0a1b2c3d"))]
    )
    assert ledger.events.retryable() == ("11",)


def test_a_ledger_of_the_second_version_keeps_all_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=shipped_migrations()[:2]) as ledger:
        begin_older(ledger)
        settled = "INSERT INTO orders (event_id, state, order_id, run_id, touched_at) VALUES (?, 'settled', ?, ?, ?)"
        ledger._transactions.connection.execute(settled, (EVENT, ORDER, RUN, START.isoformat()))
        insert = (
            "INSERT INTO sightings (event_id, event_day, status, reason, text_hash, first_seen_at, last_seen_at,"
            " run_id) VALUES ('11', '2025-12-28', 'held', 'NO_LINE_ITEMS', 'x', ?, ?, ?)"
        )
        ledger._transactions.connection.execute(insert, (START.isoformat(), START.isoformat(), RUN))
    with open_ledger(path) as ledger:
        ledger.audit.verify()
        sighting = ledger.events.last_results([EventId("11")])[EventId("11")]
        assert (sighting.status, sighting.reason, sighting.day) == ("held", "NO_LINE_ITEMS", DAY)
        assert sighting.updated is None
        assert ledger.orders.count_by_state()["settled"] == 1
        assert ledger.events.retryable() == ("11",)
        assert ledger.events.snapshot(EventId("11")) is None
        ledger.events.store_results(RUN, [replace(seen(11, "held"), updated=STAMP)])
    assert path.with_name("ledger.db.v2.bak").exists()
