"""The process may die at any moment: whatever it left behind, the next run makes exactly one complete order of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tsrevel.engine.outcomes import RunReport
from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import EventId

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL, PAID


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], World]:
    """Makes one world after another, each in a folder of its own."""
    numbers = itertools.count()

    def make() -> World:
        place = tmp_path / str(next(numbers))
        place.mkdir()
        return World(place, "full")

    return make


def count_moments(world: World) -> int:
    world.sync()
    return len(world.moments)


def crash_at(world: World, moment: int) -> None:
    world.die_at(moment)
    with pytest.raises(Died):
        world.sync()
    world.revive()


def finish(world: World) -> RunReport:
    """The run that finishes the order: this one, or one a quarter of an hour later where a write is in doubt."""
    sent = len(world.writes)
    report = world.sync()
    if verdict(report, FULL) != "failed OUTCOME_UNKNOWN":
        return report
    order = [each for each in world.writes[sent:] if each == "POST Order"]
    assert order == [], "a write whose outcome isn't known was sent again"
    world.time.move(minutes=15)
    return world.sync()


def test_a_crash_at_any_request_or_commit_ends_with_exactly_one_complete_order(fresh: Callable[[], World]) -> None:
    moments = count_moments(fresh())
    assert moments > 60
    for moment in range(1, moments + 1):
        world = fresh()
        crash_at(world, moment)
        report = finish(world)
        assert (moment, world.flaws(FULL), report.exit_status) == (moment, [], 0)
        with world.ledger() as ledger:
            ledger.audit.verify()


def test_a_crash_and_a_lost_ledger_at_any_moment_still_end_with_exactly_one_order(fresh: Callable[[], World]) -> None:
    for moment in range(1, count_moments(fresh()) + 1, 7):
        world = fresh()
        crash_at(world, moment)
        world.lose_ledger()
        assert (moment, world.sync().exit_status, world.flaws(FULL)) == (moment, 0, [])


def test_crash_after_crash_ends_with_exactly_one_complete_order(fresh: Callable[[], World]) -> None:
    for stride in (7, 11, 16, 23):
        world = fresh()
        for _ in range(200):
            world.die_at(stride)
            try:
                report = world.sync()
            except Died:
                stride += 1
                continue
            if report.exit_status == 0:
                break
            world.time.move(minutes=15)
        assert (stride, world.flaws(FULL)) == (stride, [])


def test_a_crash_while_one_event_is_written_leaves_the_other_to_the_next_run(tmp_path: Path) -> None:
    world = World(tmp_path, "full", "paid")
    world.at("after PATCH", world.die)
    with pytest.raises(Died):
        world.sync()
    world.sync()
    assert [world.flaws(each) for each in (FULL, PAID)] == [[], []]


def test_a_rerun_at_once_sends_nothing_again_that_the_dead_process_had_under_way(world: World) -> None:
    world.at("before POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    sent = len(world.writes)
    report = world.sync()
    assert (verdict(report, FULL), len(world.writes)) == ("failed OUTCOME_UNKNOWN", sent)
    record = world.record(FULL)
    assert record is not None
    assert record.pending_until is not None
    world.time.move(minutes=15)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_what_the_dead_process_had_under_way_and_is_there_is_gone_on_with_at_once(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.time.naps.clear()
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])
    assert max(world.time.naps, default=0) < 1


@pytest.mark.parametrize("minutes", [-60 * 26, -60, 0.1, 14])
def test_whatever_the_clock_says_a_rerun_does_not_take_what_was_under_way_for_lost(
    world: World, minutes: float
) -> None:
    world.at("before POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    sent = len(world.writes)
    world.time.move(minutes=minutes)
    assert (verdict(world.sync(), FULL), len(world.writes)) == ("failed OUTCOME_UNKNOWN", sent)
    world.time.move(minutes=15)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


@pytest.mark.parametrize(("resource", "number"), [("OrderItem", 1), ("Payment", 1), ("OrderHistory", 1)])
@pytest.mark.parametrize("listed", [True, False])
def test_a_part_that_a_dead_process_doubled_after_all_is_an_alarm_a_quarter_of_an_hour_later(
    world: World, resource: str, number: int, listed: bool
) -> None:
    world.at(f"before POST /resources/{resource}/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.time.move(minutes=15)
    assert verdict(world.sync(), FULL) == "injected"
    row = next(iter(world.revel.state.rows[resource].values()))
    world.revel.add(resource, None, **{key: value for key, value in row.items() if key not in {"id", "resource_uri"}})
    world.time.move(minutes=16)
    if not listed:
        world.add_event(lines=[("Coffee Urn", 1, 38)])
        del world.tripleseat.state.events[FULL]
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
        assert "twice" in find_outcome(report, FULL).text
        if not listed:
            break


def test_an_order_that_a_dead_process_doubled_after_all_is_an_alarm(world: World) -> None:
    world.at("before POST /resources/Order/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.time.move(minutes=15)
    assert verdict(world.sync(), FULL) == "injected"
    world.add_order(FULL, "Triple Seat_{}", uuid=world.orders_of(FULL)[0]["uuid"])
    world.time.move(minutes=16)
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)


@pytest.mark.parametrize("listed", [True, False])
def test_an_order_that_was_interrupted_is_looked_at_once_more_and_then_let_be(world: World, listed: bool) -> None:
    world.at("before POST /resources/Payment/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.time.move(minutes=15)
    assert verdict(world.sync(), FULL) == "injected"
    world.time.move(minutes=16)
    if not listed:
        world.add_event(lines=[("Coffee Urn", 1, 38)])
        del world.tripleseat.state.events[FULL]
    world.revel.pos_touch(5550101)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped CHANGED_AFTER_INJECTION", 3)
    world.forget_requests()
    world.sync()
    assert world.revel_requests == []


def test_an_order_that_was_interrupted_and_deleted_since_is_let_be(world: World) -> None:
    world.at("before POST /resources/Payment/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.time.move(minutes=15)
    world.sync()
    world.time.move(minutes=16)
    world.revel.state.rows["Order"][5550101]["deleted"] = True
    assert verdict(world.sync(), FULL) == "skipped CHANGED_AFTER_INJECTION"
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_a_crash_before_the_first_write_plans_the_event_anew(world: World) -> None:
    world.at("before POST /resources/Order/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.time.move(minutes=15)
    world.rewrite_event(FULL, lines=[("Coffee Urn", 1, 38)])
    world.sync()
    assert world.flaws(FULL) == []
    assert world.orders_of(FULL)[0]["final_total"] == 38


def test_a_half_written_order_is_finished_as_it_was_claimed_though_the_event_changed(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.rewrite_event(FULL, lines=[("Coffee Urn", 1, 38)])
    report = world.sync()
    assert world.orders_of(FULL)[0]["final_total"] == Decimal("837.72")
    assert verdict(report, FULL) == "injected CHANGED_AFTER_INJECTION"
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


SINCE: dict[str, tuple[dict[str, Any] | None, str, str]] = {
    "cancelled": ({"status": "LOST"}, "CANCELLED", "Revel order 5550101 still stands"),
    "deleted": ({"deleted_at": "12/12/2026 10:01 AM"}, "CANCELLED", "Revel order 5550101 still stands"),
    "gone": (None, "CANCELLED", "Revel order 5550101 still stands"),
    "on another day": ({"event_date_iso8601": "2026-12-19"}, "CHANGED", "date 2026-12-12 → 2026-12-19"),
    "elsewhere": ({"location_id": 30502, "site_id": 15692}, "CHANGED", "(establishment 8 → 9)"),
    "nowhere": ({"location_id": 30777, "site_id": 15999}, "CHANGED", "moved to TripleSeat location 30777"),
    "with other guests": ({"guest_count": 60, "guaranteed_guest_count": 60}, "CHANGED", "→ 60"),
}


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("what", SINCE)
def test_the_run_that_finishes_an_order_tells_what_became_of_its_event_since(
    world: World, what: str, named: bool
) -> None:
    world.revel.faults.add("status", "POST", "/Payment/", status=503)
    world.add_event(lines=[("Coffee Urn", 1, 38)])
    assert find_outcome(world.sync(), FULL).status == "failed"
    world.time.move(minutes=45)
    edits, reason, text = SINCE[what]
    if edits is None:
        del world.tripleseat.state.events[FULL]
    else:
        world.tripleseat.edit_event(FULL, **edits)
    report = world.sync_event(FULL) if named and edits else world.sync()
    outcome = find_outcome(report, FULL)
    assert (verdict(report, FULL), report.exit_status) == (f"injected {reason}_AFTER_INJECTION", 3)
    assert (outcome.order_id, text in outcome.text) == ("5550101", True)
    order = world.orders_of(FULL)[0]
    assert (order["printed"], order["final_total"]) == (True, Decimal("837.72"))
    with world.ledger() as ledger:
        assert [(each.event_id, each.reason) for each in ledger.queries.open_changes()] == [
            (str(FULL), f"{reason}_AFTER_INJECTION")
        ]
    world.time.move(minutes=45)
    assert world.sync().exit_status == 0


def test_an_order_is_finished_though_its_event_can_not_be_read_and_the_next_run_tells_its_change(world: World) -> None:
    world.revel.faults.add("status", "POST", "/Payment/", status=503)
    world.sync()
    world.time.move(minutes=45)
    world.rewrite_event(FULL, lines=[("Coffee Urn", 1, 38)])
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=None, status=500)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("injected", 0)
    world.tripleseat.faults.clear()
    world.time.move(minutes=45)
    assert verdict(world.sync(), FULL) == "skipped CHANGED_AFTER_INJECTION"


def test_an_order_whose_event_did_not_change_since_is_finished_and_compared_in_the_same_run(world: World) -> None:
    world.revel.faults.add("status", "POST", "/Payment/", status=503)
    world.sync()
    world.time.move(minutes=45)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("injected", 0)
    world.time.move(minutes=45)
    world.forget_requests()
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"
    assert world.tripleseat.count(path=f"/v1/events/{FULL}") == 0


def test_an_order_begun_whose_event_is_no_longer_listed_is_finished(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.add_event(lines=[("Coffee Urn", 1, 38)])
    event = world.tripleseat.event(FULL)
    del world.tripleseat.state.events[FULL]
    report = world.sync()
    assert [each.status for each in report.outcomes if each.event_id == str(FULL)] == ["injected"]
    world.tripleseat.add_event(event)
    assert world.flaws(FULL) == []


def test_a_half_written_order_of_a_passed_day_is_no_quiet_skip_though_the_ledger_is_lost(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.lose_ledger()
    world.time.move(days=1)
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 3)
    assert verdict(world.sync_event(FULL, ignore_time_gate=True), FULL) == "injected"
    assert world.flaws(FULL) == []


def test_an_order_of_a_passed_day_that_lacks_its_history_row_is_no_finished_one(world: World) -> None:
    world.at("before POST /resources/OrderHistory/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.lose_ledger()
    world.time.move(days=1)
    assert verdict(world.sync(), FULL) == "held ORDER_DIFFERS"
    assert verdict(world.sync_event(FULL, ignore_time_gate=True), FULL) == "injected"
    assert world.flaws(FULL) == []


def test_an_order_begun_that_is_no_longer_listed_is_accounted_for_while_revel_is_down(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.add_event(lines=[("Coffee Urn", 1, 38)])
    del world.tripleseat.state.events[FULL]
    world.wires["revel"].down = True
    report = world.sync()
    assert verdict(report, FULL) == "failed UPSTREAM_UNAVAILABLE"
    assert find_outcome(report, FULL).order_id == "5550101"


@pytest.mark.parametrize("gone", [True, False])
def test_a_claim_of_which_nothing_is_at_revel_is_dropped_when_its_event_is_no_longer_listed(
    world: World, gone: bool
) -> None:
    world.at("before POST /resources/Order/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.add_event(lines=[("Coffee Urn", 1, 38)])
    if gone:
        del world.tripleseat.state.events[FULL]
    else:
        world.tripleseat.hide_event(FULL, lookups=4)
    assert "failed OUTCOME_UNKNOWN" in {f"{each.status} {each.reason}" for each in world.sync().outcomes}
    world.time.move(minutes=15)
    report = world.sync()
    said = [f"{each.status} {each.reason}" for each in report.outcomes if each.event_id == str(FULL)]
    assert said == (["skipped EVENT_DELETED"] if gone else ["injected None"])
    assert len(world.orders_of(FULL)) == (0 if gone else 1)


def test_an_order_begun_is_finished_though_its_day_has_passed(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.time.move(days=10)
    world.add_event(lines=[("Coffee Urn", 1, 38)])
    world.sync()
    assert world.flaws(FULL) == []


def test_an_order_that_turns_up_after_its_event_was_called_off_is_not_forgotten(world: World) -> None:
    world.at("before POST /resources/Order/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.tripleseat.cancel_event(FULL)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    money = {key: Decimal("847.32") for key in ("final_total", "remaining_due")}
    money |= {"subtotal": Decimal("794.08"), "tax": Decimal("53.24")}
    world.add_order(FULL, "Triple Seat_{}", uuid=order_uuid(EventId(str(FULL))), **money)
    world.time.move(minutes=45)
    assert verdict(world.sync(), FULL) == "injected CANCELLED_AFTER_INJECTION"
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_a_claim_of_which_nothing_turned_up_is_dropped_in_the_end(world: World) -> None:
    world.at("before POST /resources/Order/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.tripleseat.cancel_event(FULL)
    for _ in range(2):
        world.sync()
        world.time.move(minutes=45)
    assert world.record(FULL) is None
