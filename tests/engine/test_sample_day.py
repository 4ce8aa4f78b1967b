"""The whole story on the sample day: what becomes of each event, and what it costs in requests."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ..world import World, find_outcome, verdict
from .conftest import EARLY, FULL, LOST, MISSED, PAID, TWINS, UNMAPPED


def test_every_event_of_the_sample_day_ends_as_its_story_says(day: World) -> None:
    report = day.sync()
    told = {event.id: f"{event.status} {event.reason or ''}".strip() for event in day.day.events}
    assert {event: verdict(report, event) for event in told} == told
    assert report.summary == {
        "queried": 7,
        "injected": 3,
        "skipped": 3,
        "held": 1,
        "failed": 0,
        "planned": 0,
        "missed": 1,
    }
    assert (report.exit_status, report.success, report.error) == (3, False, None)


def test_every_order_is_there_once_complete_to_the_cent_and_visible_in_the_console(day: World) -> None:
    day.sync()
    assert [day.flaws(event) for event in (FULL, PAID, TWINS)] == [[], [], []]
    assert len(day.revel.orders) == len(day.revel.visible_in_console()) == 3


def test_the_richest_order_has_its_items_discount_tax_payment_and_balance(day: World) -> None:
    day.sync()
    order = day.orders_of(FULL)[0]
    items = [(each["product"], each["quantity"], each["price"]) for each in day.revel.items_of(order["id"])]
    assert items == [
        ("/resources/Product/8101/", 24, Decimal("18.5")),
        ("/resources/Product/8102/", 8, Decimal(12)),
        ("/resources/Product/8103/", 2, Decimal(15)),
        ("/resources/Product/8104/", 4, Decimal(28)),
        ("/resources/Product/8113/", 1, Decimal("112.08")),
    ]
    money = [order[key] for key in ("subtotal", "discount_amount", "tax", "final_total", "remaining_due")]
    assert money == [Decimal(each) for each in ("794.08", "9.6", "53.24", "837.72", "637.72")]
    assert order["applied_discounts"][0]["discount_amount"] == "9.600000"
    assert [each["amount"] for each in day.revel.payments_of(order["id"])] == ["200.000000"]
    assert day.revel.history_of(order["id"])[0]["closed"] is None


def test_a_fully_paid_order_owes_nothing_and_its_history_is_closed(day: World) -> None:
    day.sync()
    order = day.orders_of(PAID)[0]
    assert order["remaining_due"] == 0
    assert order["discount"] is None
    assert day.revel.history_of(order["id"])[0]["closed"] is not None


def test_dates_are_wall_time_of_each_place(day: World) -> None:
    day.sync()
    assert day.orders_of(FULL)[0]["created_date"].startswith("2026-12-12T10:0")
    assert day.orders_of(PAID)[0]["created_date"].startswith("2026-12-12T11:0")


def test_an_order_tells_whose_it_is_and_the_ledger_does_not(world: World) -> None:
    world.sync()
    order = world.orders_of(FULL)[0]
    assert order["call_name"] == "Jordan Example | (702) 555-0142"
    for part in ("64000001", "Example Widgets holiday lunch", "2026-12-12 18:00", "24 guests"):
        assert part in order["notes"]
    kept = b"".join(path.read_bytes() for path in world.folder.glob("ledger.sqlite3*"))
    assert b"Jordan" not in kept
    assert b"555-0142" not in kept


def test_the_report_carries_what_a_person_asks_for(day: World) -> None:
    outcome = find_outcome(day.sync(), FULL)
    order = day.orders_of(FULL)[0]
    assert (outcome.name, outcome.location, outcome.establishment) == (
        "Example Widgets holiday lunch",
        "Special Events",
        8,
    )
    assert (outcome.order_id, outcome.local_id, outcome.total, outcome.news) == (
        str(order["id"]),
        "Triple Seat_64000001",
        83772,
        True,
    )


def test_an_event_of_five_items_a_discount_and_a_payment_costs_sixteen_requests(world: World) -> None:
    world.sync()
    assert len(world.writes) == 10
    first_of_its_ledger = 1 + 2  # and of its account: each name is searched for separately as well
    assert world.revel.count() - world.revel.count(path="/Product/") == 6 + 10 + first_of_its_ledger


def test_each_catalogue_is_downloaded_once_a_run(day: World) -> None:
    day.sync()
    asked = [each.query for each in day.revel.requests if "/Product/" in each.path]
    assert sorted((each["establishment"], each["offset"]) for each in asked) == [
        ("8", "0"),
        ("8", "10"),
        ("9", "0"),
        ("9", "10"),
    ]


def test_a_second_run_over_settled_events_asks_nothing_but_the_listing(tmp_path: Path) -> None:
    world = World(tmp_path, "full", "paid", "twins", "early", "missed", "lost")
    world.sync()
    world.forget_requests()
    report = world.sync()
    assert world.revel_requests == []
    assert [(each.method, each.path) for each in world.tripleseat.requests] == [("GET", "/v1/events/search")] * 2
    assert (report.exit_status, report.success) == (0, True)
    assert {verdict(report, each) for each in (FULL, PAID, TWINS)} == {"skipped ALREADY_INJECTED"}


def test_a_held_event_is_news_once_but_the_status_stays_three(day: World) -> None:
    first, second = day.sync(), day.sync()
    assert find_outcome(first, UNMAPPED).news
    assert not find_outcome(second, UNMAPPED).news
    assert verdict(second, UNMAPPED) == "held UNMAPPED_ITEMS"
    assert (first.exit_status, second.exit_status) == (3, 3)


def test_a_held_event_goes_through_once_its_cause_is_gone(day: World) -> None:
    day.sync()
    day.revel.add_product(8120, "Ube Celebration Cake", 8, "86.00")
    report = day.sync()
    assert verdict(report, UNMAPPED) == "injected"
    assert day.flaws(UNMAPPED) == []
    assert report.exit_status == 0


def test_an_early_event_goes_through_on_its_day_and_not_before(tmp_path: Path) -> None:
    world = World(tmp_path, "early")
    assert verdict(world.sync(), EARLY) == "skipped TOO_EARLY"
    world.time.move(days=6)
    report = world.sync()
    assert verdict(report, EARLY) == "injected"
    assert world.flaws(EARLY) == []


def test_a_missed_event_is_reported_once_and_revel_is_asked_once(tmp_path: Path) -> None:
    world = World(tmp_path, "missed")
    first = world.sync()
    assert (verdict(first, MISSED), first.exit_status) == ("skipped EVENT_DAY_PASSED", 3)
    assert (find_outcome(first, MISSED).missed, find_outcome(first, MISSED).news) == (True, True)
    assert world.revel.count() == 4
    world.forget_requests()
    second = world.sync()
    assert (verdict(second, MISSED), second.exit_status) == ("skipped EVENT_DAY_PASSED", 0)
    assert (find_outcome(second, MISSED).missed, find_outcome(second, MISSED).news) == (False, False)
    assert world.revel_requests == []


def postpone(world: World, event_id: int, days: int) -> None:
    day = world.time.now.date() + timedelta(days=days)
    world.tripleseat.edit_event(event_id, event_date=f"{day:%m/%d/%Y}", event_date_iso8601=f"{day}")


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("seen_before", [False, True])
def test_an_event_that_was_postponed_and_missed_again_is_reported_again(
    tmp_path: Path, *, dry_run: bool, seen_before: bool
) -> None:
    world = World(tmp_path, "missed")
    assert find_outcome(world.sync(dry_run=dry_run), MISSED).missed
    postpone(world, MISSED, days=6)
    if seen_before:
        assert verdict(world.sync(dry_run=dry_run), MISSED) == "skipped TOO_EARLY"
    world.time.move(days=7)
    again, later = world.sync(dry_run=dry_run), world.sync(dry_run=dry_run)
    assert (verdict(again, MISSED), again.exit_status) == ("skipped EVENT_DAY_PASSED", 3)
    assert (find_outcome(again, MISSED).missed, find_outcome(again, MISSED).news) == (True, True)
    assert (find_outcome(later, MISSED).missed, find_outcome(later, MISSED).news) == (False, False)


@pytest.mark.parametrize(("local_id", "reason"), [("Triple Seat {}", "ORDER_EXISTS")])
def test_a_passed_event_with_an_order_by_hand_is_not_missed(tmp_path: Path, local_id: str, reason: str) -> None:
    world = World(tmp_path, "missed")
    world.add_order(MISSED, local_id)
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, MISSED), report.exit_status) == (f"skipped {reason}", 0)
    assert world.writes == []


def test_a_passed_event_whose_order_is_ours_is_not_missed_though_the_ledger_is_lost(world: World) -> None:
    world.sync()
    world.lose_ledger()
    world.time.move(days=1)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_passed_event_with_an_order_by_hand_at_another_establishment_needs_a_person(
    tmp_path: Path, dry_run: bool
) -> None:
    world = World(tmp_path, "missed")
    order = world.add_order(MISSED, establishment="/enterprise/Establishment/9/")
    for _ in range(2):
        report = world.sync(dry_run=dry_run)
        assert (verdict(report, MISSED), report.exit_status) == ("held ORDER_EXISTS", 3)
        assert find_outcome(report, MISSED).text.endswith("is at establishment 9; was the event moved?")
    assert world.record(MISSED) is None
    world.revel.state.rows["Order"][order]["establishment"] = "/enterprise/Establishment/8/"
    report = world.sync(dry_run=dry_run)
    assert (verdict(report, MISSED), report.exit_status) == ("skipped ORDER_EXISTS", 0)


def test_a_passed_event_whose_order_is_ours_at_another_establishment_needs_a_person_if_the_ledger_is_lost(
    world: World,
) -> None:
    world.sync()
    world.lose_ledger()
    world.revel.state.rows["Order"][5550101]["establishment"] = "/enterprise/Establishment/9/"
    world.time.move(days=1)
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_EXISTS", 3)
    assert world.record(FULL) is None


def test_a_passed_event_with_two_orders_needs_a_person(tmp_path: Path) -> None:
    world = World(tmp_path, "missed")
    world.add_order(MISSED)
    world.add_order(MISSED)
    report = world.sync()
    assert (verdict(report, MISSED), report.exit_status) == ("held DUPLICATE_ORDERS", 14)


def test_a_lost_event_that_was_never_ordered_is_left_out(tmp_path: Path) -> None:
    world = World(tmp_path, "lost")
    for lookups in (1, 0):  # a new ledger may replace a lost one
        world.forget_requests()
        report = world.sync()
        assert (verdict(report, LOST), report.exit_status) == ("skipped STATUS_NOT_ELIGIBLE", 0)
        assert len(world.revel_requests) == lookups


def test_an_outage_longer_than_hours_back_hides_no_event(world: World) -> None:
    world.sync()
    world.time.move(days=1)
    forgotten = world.add_event(64000051)
    world.time.move(days=6)
    report = world.sync()
    assert (verdict(report, forgotten), report.exit_status) == ("skipped EVENT_DAY_PASSED", 3)
    assert report.summary["missed"] == 1


def test_a_run_over_a_part_does_not_count_as_the_last_good_one(world: World) -> None:
    world.sync()
    world.time.move(days=1)
    forgotten = world.add_event(64000053)
    world.time.move(days=6)
    today = world.time.now.date()
    world.sync(first=today, last=today)
    world.sync(only=["30502"])
    assert verdict(world.sync(), forgotten) == "skipped EVENT_DAY_PASSED"
