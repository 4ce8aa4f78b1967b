"""A ledger that is new, or an older copy: it lacks orders that were made for events that are cancelled or missed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from tsrevel.engine.outcomes import RunReport
from tsrevel.insight.history import find_changed

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL, MISSED
from .test_twins import clone

CHANGED = "skipped CHANGED_AFTER_INJECTION"
CANCELLED, NOT_ELIGIBLE = "skipped CANCELLED_AFTER_INJECTION", "skipped STATUS_NOT_ELIGIBLE"


def next_run(world: World, minutes: int = 45) -> RunReport:
    world.time.move(minutes=minutes)
    world.forget_requests()
    return world.sync()


def copy_ledger(world: World) -> None:
    shutil.copy(world.folder / "ledger.sqlite3", world.folder / "copy")


def put_back(world: World) -> None:
    world.lose_ledger()
    shutil.copy(world.folder / "copy", world.folder / "ledger.sqlite3")


def listed(world: World) -> list[str]:
    with world.ledger() as ledger:
        return [each.reason for each in find_changed(ledger)]


def make_and_lose(world: World, how: str) -> None:
    """Make the order, which the ledger doesn't know afterwards: it is lost, or a copy from before is put back."""
    if how == "copy":
        world.time.move(hours=-2)
        world.config["time_gate"] = {"opens_at": "09:00"}
        assert verdict(world.sync(), FULL) == "skipped TOO_EARLY"
        copy_ledger(world)
        world.time.move(hours=2)
    assert verdict(world.sync(), FULL) == "injected"
    if how == "copy":
        put_back(world)
    else:
        world.lose_ledger()


def void(world: World) -> None:
    rows = world.revel.state.rows
    for order in rows["Order"].values():
        order |= dict.fromkeys(("subtotal", "tax", "discount_amount", "final_total", "remaining_due"), Decimal(0))
    for item in rows["OrderItem"].values():
        item["voided_date"] = "2026-12-12T11:00:00"
    for payment in rows["Payment"].values():
        payment["deleted"] = True


@pytest.mark.parametrize("how", ["new", "copy"])
@pytest.mark.parametrize("off", ["cancel_event", "delete_event"])
def test_an_order_that_it_lacks_is_told_once_and_listed_if_its_event_was_cancelled_meanwhile(
    world: World, how: str, off: str
) -> None:
    make_and_lose(world, how)
    getattr(world.tripleseat, off)(FULL)
    report = next_run(world)
    assert (verdict(report, FULL), report.exit_status) == (CANCELLED, 3)
    assert "Revel order 5550101 still stands; if nobody wants it, void it in Revel" in find_outcome(report, FULL).text
    assert ["an earlier ledger is lost" in each for each in report.warnings] == [True]
    for _ in range(2):
        assert next_run(world).exit_status == 0
        assert listed(world) == ["CANCELLED_AFTER_INJECTION"]
    void(world)
    assert (next_run(world).exit_status, world.writes, listed(world)) == (0, [], [])


def test_a_dry_run_tells_it_and_stores_nothing(world: World) -> None:
    make_and_lose(world, "new")
    world.tripleseat.cancel_event(FULL)
    assert verdict(world.sync(dry_run=True), FULL) == CANCELLED
    assert world.record(FULL) is None
    assert verdict(next_run(world), FULL) == CANCELLED


def test_a_half_written_order_is_told_and_finished_should_the_event_return(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.lose_ledger()
    world.tripleseat.cancel_event(FULL)
    report = next_run(world)
    assert verdict(report, FULL) == CANCELLED
    assert "Revel order 5550101 is half-written and still stands" in find_outcome(report, FULL).text
    assert (next_run(world).exit_status, world.writes) == (0, [])
    world.tripleseat.edit_event(FULL, status="DEFINITE")
    assert (verdict(next_run(world), FULL), world.flaws(FULL)) == ("injected", [])


def delete(world: World) -> None:
    world.revel.state.rows["Order"][5550101]["deleted"] = True


def remove(world: World) -> None:
    world.revel.state.rows["Order"].clear()


def replace_by_somebody_elses(world: World) -> None:
    remove(world)
    world.add_order(FULL)


@pytest.mark.parametrize("undo", [void, delete, remove, replace_by_somebody_elses])
def test_a_cancelled_event_is_no_news_if_no_order_of_ours_stands(world: World, undo: Callable[[World], None]) -> None:
    make_and_lose(world, "new")
    world.tripleseat.cancel_event(FULL)
    undo(world)
    report = next_run(world)
    assert (verdict(report, FULL), report.exit_status) == (NOT_ELIGIBLE, 0)
    assert (world.record(FULL), listed(world)) == (None, [])


def test_a_twin_of_an_order_that_it_lacks_is_held_by_the_next_run(world: World) -> None:
    make_and_lose(world, "new")
    world.tripleseat.cancel_event(FULL)
    twin = world.add_order(FULL)
    assert verdict(next_run(world), FULL) == CANCELLED
    reports = [next_run(world) for _ in range(3)]
    assert "held DUPLICATE_ORDERS" in [verdict(each, FULL) for each in reports]
    world.revel.state.rows["Order"][twin]["deleted"] = True
    assert [next_run(world).exit_status for _ in range(3)][-1] == 0


def test_two_orders_that_it_lacks_are_an_alarm_in_each_run_until_one_is_left(world: World) -> None:
    make_and_lose(world, "new")
    twin = clone(world)
    world.tripleseat.cancel_event(FULL)
    reports = [next_run(world) for _ in range(3)]
    assert [(verdict(each, FULL), each.exit_status) for each in reports] == [("held DUPLICATE_ORDERS", 14)] * 3
    world.revel.state.rows["Order"][twin]["deleted"] = True
    assert [verdict(next_run(world), FULL) for _ in range(2)] == [CANCELLED, "skipped ALREADY_INJECTED"]


def test_orders_of_a_cancelled_event_that_somebody_else_made_are_no_alarm(world: World) -> None:
    for _ in range(2):
        world.add_order(FULL)
    world.tripleseat.cancel_event(FULL)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == (NOT_ELIGIBLE, 0)


def test_a_cancelled_event_that_could_not_be_looked_up_is_looked_up_by_the_next_run(world: World) -> None:
    make_and_lose(world, "new")
    world.tripleseat.cancel_event(FULL)
    world.revel.faults.add("status", "GET", "/Order/", times=9, status=500)
    assert verdict(next_run(world), FULL) == NOT_ELIGIBLE
    world.revel.faults.clear()
    assert verdict(next_run(world), FULL) == CANCELLED


def test_an_event_that_was_tentative_when_the_copy_was_made_is_looked_up_if_it_has_changed_since(world: World) -> None:
    world.tripleseat.edit_event(FULL, status="TENTATIVE")
    assert verdict(world.sync(), FULL) == NOT_ELIGIBLE
    copy_ledger(world)
    world.tripleseat.edit_event(FULL, status="DEFINITE")
    assert verdict(next_run(world), FULL) == "injected"
    world.time.move(minutes=90)
    put_back(world)
    world.tripleseat.cancel_event(FULL)
    assert verdict(next_run(world), FULL) == CANCELLED


@pytest.mark.parametrize(("is_proved", "lookups"), [(True, 10), (False, 40)])
def test_cancelled_events_are_looked_up_together_and_once_until_they_change(
    tmp_path: Path, is_proved: bool, lookups: int
) -> None:
    """Together, once Revel has shown an order by such a search."""
    world = World(tmp_path, "full" if is_proved else "none")
    world.sync()
    for event_id in range(64000100, 64000140):
        world.add_event(event_id, lines=[("Coffee Urn", 1, 38)], status="LOST")
    assert (next_run(world).exit_status, len(world.revel_requests)) == (0, lookups)
    for minutes in (45, 200):
        assert (next_run(world, minutes).exit_status, world.looks, world.revel_requests) == (0, is_proved, [])
    for event_id in range(64000110, 64000118):
        world.tripleseat.edit_event(event_id, guest_count=9)
    assert (next_run(world).exit_status, len(world.revel_requests)) == (0, lookups / 5)
    assert (next_run(world).exit_status, world.revel_requests) == (0, [])


def test_a_run_over_another_location_looks_it_up_too(world: World) -> None:
    make_and_lose(world, "new")
    world.tripleseat.cancel_event(FULL)
    world.time.move(minutes=45)
    assert verdict(world.sync(only=["30502"]), FULL) == CANCELLED
    assert verdict(next_run(world), FULL) == "skipped ALREADY_INJECTED"


@pytest.mark.parametrize("narrowed", ["allowed", "only", ""])
def test_an_order_whose_event_is_gone_from_tripleseat_is_told_wherever_it_was(world: World, narrowed: str) -> None:
    if narrowed == "allowed":
        world.config["safety"]["allowed_locations"] = ["30501"]
    make_and_lose(world, "copy")
    del world.tripleseat.state.events[FULL]
    world.add_event(64000099, lines=[("Coffee Urn", 1, 38)])
    world.time.move(minutes=45)
    report = world.sync(only=["30501"] if narrowed == "only" else ())
    assert (verdict(report, FULL), report.exit_status) == (CANCELLED, 3)


def test_the_age_of_the_copy_does_not_matter(world: World) -> None:
    world.config["time_gate"] = {"opens_at": "11:00"}
    world.sync()
    assert verdict(next_run(world), FULL) == "skipped TOO_EARLY"
    copy_ledger(world)
    assert verdict(next_run(world), FULL) == "injected"
    world.tripleseat.cancel_event(FULL)
    put_back(world)
    assert (verdict(next_run(world, minutes=5), FULL), world.writes) == (CANCELLED, [])


@pytest.mark.parametrize(("status", "number", "seconds"), [("LOST", 80, 20), ("DEFINITE", 24, 10)])
def test_runs_that_are_cut_by_their_deadline_look_each_event_up_once_until_all_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, number: int, seconds: int
) -> None:
    world = World(tmp_path, "full")
    world.sync()
    yesterday = (world.time.now - timedelta(days=1)).date()
    events = [
        world.add_event(64000200 + each, lines=[("Coffee Urn", 1, 38)], day=yesterday, status=status)
        for each in range(number)
    ]
    world.config["sync"]["deadline_minutes"] = 5
    for wire in world.wires.values():
        monkeypatch.setattr(wire, "handle_request", slowed(world, wire.handle_request, seconds))
    left, missed = [len(events)], 0
    while len(left) == 1 or world.revel_requests:
        report = next_run(world)
        left.append(report.left)
        missed += report.summary["missed"]
        assert len(left) < 9
    assert left[1] > 0
    assert missed == (len(events) if status == "DEFINITE" else 0)


def slowed(
    world: World, handle: Callable[[httpx.Request], httpx.Response], seconds: int
) -> Callable[[httpx.Request], httpx.Response]:
    def handle_slowly(request: httpx.Request) -> httpx.Response:
        world.time.move(seconds=seconds)
        return handle(request)

    return handle_slowly


@pytest.mark.parametrize("is_made", [True, False])
def test_an_event_that_was_missed_when_the_copy_was_made_stays_missed_and_its_order_is_found_again(
    tmp_path: Path, is_made: bool
) -> None:
    world = World(tmp_path, "missed")
    assert find_outcome(world.sync(), MISSED).missed
    copy_ledger(world)
    if is_made:
        assert verdict(world.sync_event(MISSED, ignore_time_gate=True), MISSED) == "injected"
    put_back(world)
    assert next_run(world, minutes=200).still_missed == 1
    again = world.sync_event(MISSED, ignore_time_gate=True)
    assert verdict(again, MISSED) == ("skipped ALREADY_INJECTED" if is_made else "injected")
    assert world.flaws(MISSED) == []


@pytest.fixture
def taken_in(world: World) -> World:
    """A new ledger took in our order of five boxes, after its event got ten and was cancelled. It stands again."""
    world.rewrite_event(FULL, lines=[("Boxed Lunch Package", 5, 10)])
    make_and_lose(world, "new")
    world.rewrite_event(FULL, lines=[("Boxed Lunch Package", 10, 10)])
    world.tripleseat.cancel_event(FULL)
    assert verdict(next_run(world), FULL) == CANCELLED
    world.tripleseat.edit_event(FULL, status="DEFINITE")
    report = next_run(world)
    assert (verdict(report, FULL), report.exit_status) == (CHANGED, 3)
    assert next_run(world).exit_status == 0
    return world


def test_a_change_of_an_event_whose_order_was_taken_in_without_its_plan_is_told_and_listed(taken_in: World) -> None:
    taken_in.rewrite_event(FULL, lines=[("Boxed Lunch Package", 12, 10)])
    report = next_run(taken_in)
    assert (verdict(report, FULL), report.exit_status) == (CHANGED, 3)
    told = "after Revel order 5550101 was made: the event has changed: is that order still right?"
    assert find_outcome(report, FULL).text == told
    assert [next_run(taken_in).exit_status for _ in range(2)] == [0, 0]
    assert listed(taken_in) == ["CHANGED_AFTER_INJECTION"]


def test_the_loss_of_an_order_that_was_taken_in_without_its_plan_is_told(taken_in: World) -> None:
    taken_in.revel.state.rows["Order"][5550101]["deleted"] = True
    reports = [next_run(taken_in) for _ in range(6)]
    assert sorted(each.exit_status for each in reports) == [0] * 5 + [3]
    told = [find_outcome(each, FULL) for each in reports if each.exit_status]
    assert [each.reason for each in told] == ["CHANGED_AFTER_INJECTION"]
    assert told[0].text == "Revel order 5550101 was deleted or voided; if the event needs an order, enter it by hand"
    assert taken_in.writes == []


def test_a_twin_of_an_order_that_was_taken_in_without_its_plan_is_an_alarm(taken_in: World) -> None:
    clone(taken_in, local_id=f"Triple Seat_{FULL}")
    assert 14 in [next_run(taken_in).exit_status for _ in range(3)]


def test_an_order_that_was_taken_in_after_its_day_is_watched_once_its_event_is_postponed(world: World) -> None:
    world.rewrite_event(FULL, lines=[("Boxed Lunch Package", 5, 10)])
    make_and_lose(world, "new")
    world.rewrite_event(FULL, lines=[("Boxed Lunch Package", 10, 10)])
    world.time.move(days=1)
    assert verdict(next_run(world), FULL) == "skipped ALREADY_INJECTED"
    day = (world.time.now + timedelta(days=3)).date()
    world.tripleseat.edit_event(FULL, event_date_iso8601=f"{day}", event_date=f"{day:%m/%d/%Y}")
    report = next_run(world)
    assert (verdict(report, FULL), report.exit_status, world.writes) == (CHANGED, 3, [])
    assert next_run(world).exit_status == 0


def test_the_event_of_an_order_that_was_taken_in_after_its_day_is_told_if_it_vanishes(world: World) -> None:
    world.rewrite_event(FULL, lines=[("Boxed Lunch Package", 5, 10)])
    make_and_lose(world, "new")
    world.rewrite_event(FULL, lines=[("Boxed Lunch Package", 10, 10)])
    world.time.move(days=1)
    assert verdict(next_run(world), FULL) == "skipped ALREADY_INJECTED"
    del world.tripleseat.state.events[FULL]
    world.add_event(64000099, lines=[("Coffee Urn", 1, 38)], status="LOST")
    report = next_run(world)
    assert (verdict(report, FULL), report.exit_status) == (CANCELLED, 3)
    assert next_run(world).exit_status == 0


# An event that was held for an order in Revel


def at_lakeside(world: World) -> None:
    world.add_order(FULL, "Triple Seat_{}", establishment="/enterprise/Establishment/9/")


def of_ours_unfinished(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()
    world.lose_ledger()
    world.time.move(days=1)


@pytest.mark.parametrize("have", [at_lakeside, of_ours_unfinished])
def test_the_order_that_an_event_was_held_for_is_told_once_if_the_event_is_cancelled(
    world: World, have: Callable[[World], None]
) -> None:
    have(world)
    assert verdict(next_run(world), FULL) in {"held ORDER_EXISTS", "held ORDER_DIFFERS"}
    world.tripleseat.cancel_event(FULL)
    world.revel.faults.add("status", "GET", "/Order/", times=None, status=500)
    assert verdict(next_run(world), FULL) == "failed UPSTREAM_UNAVAILABLE"
    world.revel.faults.clear()
    report = next_run(world)
    assert (verdict(report, FULL), report.exit_status) == (CANCELLED, 3)
    assert (find_outcome(report, FULL).order_id, world.record(FULL)) == (
        str(next(iter(world.revel.state.rows["Order"]))),
        None,
    )
    assert [next_run(world).exit_status for _ in range(2)] == [0, 0]


def test_the_order_that_was_entered_for_a_held_event_is_told_and_listed_if_the_event_is_cancelled(world: World) -> None:
    world.rewrite_event(FULL, lines=[("Nothing known", 1, 38)])
    assert verdict(next_run(world), FULL) == "held UNMAPPED_ITEMS"
    world.add_order(FULL)
    world.tripleseat.cancel_event(FULL)
    assert (verdict(next_run(world), FULL), listed(world)) == (CANCELLED, ["CANCELLED_AFTER_INJECTION"])
    assert next_run(world).exit_status == 0


def test_two_orders_that_a_cancelled_event_was_held_for_stay_an_alarm(world: World) -> None:
    first, second = world.add_order(FULL), world.add_order(FULL)
    assert verdict(next_run(world), FULL) == "held DUPLICATE_ORDERS"
    world.tripleseat.cancel_event(FULL)
    for _ in range(2):
        report = next_run(world)
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
    world.revel.state.rows["Order"][second]["deleted"] = True
    report = next_run(world)
    assert (verdict(report, FULL), find_outcome(report, FULL).order_id) == (CANCELLED, str(first))
