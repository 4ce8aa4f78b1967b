"""The gate is the location's own day: two places, two zones, one instant."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import EventId

from ..world import Died, World, find_outcome, verdict

HERE, THERE = 64000051, 64000052
"""An event in Los Angeles and one in Denver, both on 12 December."""
PASSED, EARLY = "skipped EVENT_DAY_PASSED", "skipped TOO_EARLY"


@pytest.mark.parametrize(
    ("hour", "minute", "here", "there"),
    [
        (6, 59, EARLY, EARLY),
        (7, 0, EARLY, "injected"),
        (7, 59, EARLY, "injected"),
        (8, 0, "injected", "injected"),
        (24 + 6, 59, "injected", "injected"),
        (24 + 7, 0, "injected", PASSED),
        (24 + 7, 59, "injected", PASSED),
        (24 + 8, 0, PASSED, PASSED),
    ],
)
def test_each_gate_opens_and_closes_at_midnight_of_its_own_place(
    tmp_path: Path, hour: int, minute: int, here: str, there: str
) -> None:
    world = World(tmp_path, "none", now=datetime(2026, 12, 12 + hour // 24, hour % 24, minute, tzinfo=UTC))
    day = date(2026, 12, 12)
    updated = datetime(2026, 12, 1, 9, 0)  # noqa: DTZ001 (wall time, as make_event takes it)
    world.add_event(HERE, day=day, updated_at=updated)
    world.add_event(THERE, day=day, updated_at=updated, lakeside=True)
    report = world.sync(first=day, last=day)
    assert [verdict(report, each) for each in (HERE, THERE)] == [here, there]
    listed = {each.event_id for each in world.sync().outcomes}
    assert {str(each) for each, said in ((HERE, here), (THERE, there)) if said == "injected"} <= listed


def test_an_order_of_the_last_hour_carries_the_day_of_its_place(tmp_path: Path) -> None:
    world = World(tmp_path, "none", now=datetime(2026, 12, 13, 6, 30, tzinfo=UTC))
    for event_id, lakeside in ((HERE, False), (THERE, True)):
        world.add_event(event_id, day=date(2026, 12, 12), lakeside=lakeside)
    world.sync()
    written = [world.orders_of(each)[0]["created_date"][:16] for each in (HERE, THERE)]
    assert written == ["2026-12-12T22:30", "2026-12-12T23:30"]


def days_of_parts(world: World, event_id: int) -> set[str]:
    number = int(world.orders_of(event_id)[0]["id"])
    parts = *world.revel.items_of(number), *world.revel.payments_of(number)
    days = [str(row[key])[:10] for row in parts for key in ("created_date", "payment_date") if row.get(key)]
    return {*days, *(str(row[key])[:10] for row in world.revel.history_of(number) for key in ("opened", "closed"))}


def begin_before_midnight(folder: Path, at: str) -> World:
    """A run in Los Angeles does something at 23:50, at that moment. Its order is paid."""
    world = World(folder, "none", now=datetime(2026, 12, 13, 7, 50, tzinfo=UTC))
    lines, paid = [("Coffee Urn", 2, 38), ("Fruit Platter", 1, 20)], [("96.00",)]
    world.add_event(HERE, day=date(2026, 12, 12), lines=lines, payments=paid)
    world.at(at, world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()
    return world


@pytest.mark.parametrize("is_lost", [False, True])
@pytest.mark.parametrize("resource", ["Order", "OrderItem", "Payment"])
def test_the_parts_of_an_order_have_its_day_whenever_they_are_written(
    tmp_path: Path, resource: str, is_lost: bool
) -> None:
    world = begin_before_midnight(tmp_path, f"after POST /resources/{resource}/")
    if is_lost:
        world.lose_ledger()
    world.time.move(minutes=45)
    report = world.sync_event(HERE, ignore_time_gate=True) if is_lost else world.sync()
    assert (verdict(report, HERE), world.flaws(HERE)) == ("injected", [])
    assert days_of_parts(world, HERE) == {"2026-12-12"}
    assert world.orders_of(HERE)[0]["updated_date"][:10] == "2026-12-13"  # stations read what changed


@pytest.mark.parametrize("shown", ["0001-01-01T00:00:00", "never", None])
def test_the_parts_of_an_order_without_a_readable_time_have_the_present_one(tmp_path: Path, shown: str | None) -> None:
    world = begin_before_midnight(tmp_path, "after POST /resources/Order/")
    number = int(world.orders_of(HERE)[0]["id"])
    world.revel.state.rows["Order"][number]["created_date"] = shown
    world.time.move(minutes=45)
    assert verdict(world.sync(), HERE) == "injected"
    assert days_of_parts(world, HERE) == {"2026-12-13"}


@pytest.mark.parametrize(("days", "noticed"), [(5, True), (40, False)])
def test_an_event_of_the_days_of_an_outage_is_noticed_as_missed(tmp_path: Path, days: int, noticed: bool) -> None:
    world = World(tmp_path, "none")
    world.sync()
    world.add_event(HERE, day=date(2026, 12, 13))
    world.time.move(days=days)
    report = world.sync()
    assert [verdict(report, each.event_id) for each in report.outcomes] == [PASSED] * noticed
    assert report.exit_status == (3 if noticed else 0)


def test_a_wider_gate_lets_an_event_in_early_and_late(tmp_path: Path) -> None:
    world = World(tmp_path, "early", "missed")
    world.config["time_gate"] = {"days_before": 6, "opens_at": "09:00", "days_after": 1}
    report = world.sync()
    assert {str(each.status) for each in report.outcomes} == {"injected"}
    assert len(report.outcomes) == 2


def test_a_gate_that_opens_at_an_hour_stays_shut_until_then(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    world.config["time_gate"] = {"opens_at": "10:01"}
    assert verdict(world.sync(), 64000001) == EARLY
    world.time.move(minutes=1)
    assert verdict(world.sync(), 64000001) == "injected"


# Midnight comes while the order is on its way


BEFORE_MIDNIGHT = datetime(2026, 12, 13, 7, 59, 30, tzinfo=UTC)
MISSED = "this event was on 2026-12-12 and has no order"


@pytest.fixture
def late(tmp_path: Path) -> World:
    """Half a minute before an event's day ends."""
    world = World(tmp_path, "none", now=BEFORE_MIDNIGHT)
    updated = datetime(2026, 12, 1, 9, 0)  # noqa: DTZ001 (wall time, as make_event takes it)
    world.add_event(HERE, day=date(2026, 12, 12), updated_at=updated)
    return world


@pytest.mark.parametrize(("times", "wait"), [(1, 45), (3, 55)])
def test_an_order_whose_search_lasts_past_midnight_is_missed_and_told_at_once(
    late: World, times: int, wait: int
) -> None:
    late.revel.faults.add(
        "status", "GET", "/resources/Order/", times=times, status=429, headers={"Retry-After": str(wait)}
    )
    report = late.sync()
    outcome = find_outcome(report, HERE)
    assert (verdict(report, HERE), outcome.missed, report.exit_status) == (PASSED, True, 3)
    assert outcome.text == MISSED
    assert (late.writes, late.record(HERE)) == ([], None)
    report = late.sync()
    assert (find_outcome(report, HERE).still_missed, report.exit_status) == (True, 0)


@pytest.mark.parametrize("moment", ["/v1/events/64000051", "/resources/Product/", "/resources/Order/"])
def test_no_order_is_begun_after_midnight_whatever_took_so_long(late: World, moment: str) -> None:
    late.at(f"after GET {moment}", lambda: late.time.move(minutes=1))
    report = late.sync()
    assert (verdict(report, HERE), find_outcome(report, HERE).missed) == (PASSED, True)
    assert late.writes == []


def test_two_orders_before_midnight_of_which_one_lasts_past_it_are_one_made_and_one_missed(late: World) -> None:
    other = late.add_event(HERE + 10, day=date(2026, 12, 12))
    late.at("after POST /resources/OrderHistory/", lambda: late.time.move(minutes=1))
    report = late.sync()
    assert sorted(verdict(report, each) for each in (HERE, other)) == ["injected", PASSED]
    assert [each["created_date"][:10] for each in late.revel.orders] == ["2026-12-12"]


@pytest.mark.parametrize("times", [1, 2])
def test_an_order_that_is_to_be_sent_again_after_midnight_is_not_sent_and_told_by_the_next_run(
    late: World, times: int
) -> None:
    late.revel.faults.add("status", "POST", "/resources/Order/", times=times, status=429, headers={"Retry-After": "45"})
    assert verdict(late.sync(), HERE) == "failed UPSTREAM_UNAVAILABLE"
    assert len(late.writes) == 1
    late.time.move(minutes=45)
    report = late.sync()
    assert (verdict(report, HERE), find_outcome(report, HERE).missed, report.exit_status) == (PASSED, True, 3)
    assert (late.writes, late.record(HERE)) == (["POST Order"], None)


def test_an_order_that_was_answered_429_and_appears_after_midnight_is_finished(late: World) -> None:
    late.rewrite_event(HERE, lines=[("Coffee Urn", 1, 38)])
    late.revel.faults.add("status", "POST", "/resources/Order/", times=1, status=429, headers={"Retry-After": "45"})
    late.sync()
    money = {key: Decimal(38) for key in ("subtotal", "final_total", "remaining_due")}
    late.add_order(HERE, "Triple Seat_{}", uuid=order_uuid(EventId(str(HERE))), **money)
    late.time.move(minutes=5)
    assert verdict(late.sync(), HERE) == "injected"
    assert late.flaws(HERE) == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_order_that_a_person_asked_for_by_name_is_made_after_midnight_as_well(late: World, method: str) -> None:
    late.revel.faults.add("status", method, "/resources/Order/", times=1, status=429, headers={"Retry-After": "45"})
    assert verdict(late.sync_event(HERE, ignore_time_gate=True), HERE) == "injected"


@pytest.mark.parametrize("resource", ["OrderItem", "OrderHistory"])
def test_an_order_begun_before_midnight_is_finished_after_it_in_the_same_run(late: World, resource: str) -> None:
    late.revel.faults.add(
        "status", "POST", f"/resources/{resource}/", times=1, status=429, headers={"Retry-After": "45"}
    )
    assert verdict(late.sync(), HERE) == "injected"
    assert late.orders_of(HERE)[0]["created_date"][:10] == "2026-12-12"


def test_a_dry_run_over_midnight_writes_and_tells_nothing_twice(late: World) -> None:
    late.revel.faults.add("status", "GET", "/resources/Order/", times=1, status=429, headers={"Retry-After": "45"})
    late.sync(dry_run=True)
    assert find_outcome(late.sync(), HERE).missed
    assert late.writes == []
