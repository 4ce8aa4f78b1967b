"""An order that somebody else made: watched while its event is ahead, and let go when a person opens the event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from tsrevel.engine import after_injection
from tsrevel.engine.outcomes import RunReport
from tsrevel.insight.history import find_changed
from tsrevel.ledger import Verdict
from tsrevel.planning.model import EventId
from tsrevel.sandbox import LAKESIDE_BAKERY

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL
from .test_twins import void as void_order

EXISTS, CHANGED = "skipped ORDER_EXISTS", "skipped CHANGED_AFTER_INJECTION"
CANCELLED = "skipped CANCELLED_AFTER_INJECTION"
EVENT = EventId(str(FULL))


def later(world: World, **options: object) -> RunReport:
    """The next run, three quarters of an hour later."""
    world.time.move(minutes=45)
    world.forget_requests()
    return world.sync(**options)  # type: ignore[arg-type]


def until_told(world: World, runs: int = 3) -> RunReport:
    """The first of the next `runs` runs that reports something, else the last."""
    for _ in range(runs - 1):
        report = later(world)
        if report.exit_status:
            return report
    return later(world)


def quiet(world: World, runs: int = 6) -> bool:
    """Whether the next runs report nothing of the event."""
    reports = [later(world) for _ in range(runs)]
    return {(verdict(each, FULL), each.exit_status) for each in reports} == {(EXISTS, 0)}


def open_again(world: World) -> bool:
    with world.ledger() as ledger:
        return ledger.events.reopen(EVENT, "order wanted")


def order_of(world: World) -> int:
    return next(iter(world.revel.state.rows["Order"]))


def delete(world: World) -> None:
    world.revel.state.rows["Order"][order_of(world)]["deleted"] = True


def vanish(world: World) -> None:
    world.revel.state.rows["Order"].clear()


def empty(world: World, *, voided: bool) -> int:
    """Let the order come to nothing: all of it voided, as a station does, or all of it free. The id of its item."""
    order = order_of(world)
    world.revel.state.rows["Order"][order].update(
        dict.fromkeys(("subtotal", "final_total", "remaining_due"), Decimal(0))
    )
    item = {"product": "/resources/Product/1/", "quantity": 1, "price": Decimal(38 if voided else 0)}
    when = "2026-12-12T11:00:00" if voided else None
    return int(world.revel.add("OrderItem", None, order=f"/resources/Order/{order}/", voided_date=when, **item)["id"])


def void(world: World) -> None:
    empty(world, voided=True)


@pytest.fixture(params=["Triple Seat {}", "Triple Seat_{}"], ids=["legacy name", "our name"])
def found(world: World, request: pytest.FixtureRequest) -> World:
    """A world in which a run found an order that somebody else made."""
    world.add_order(FULL, request.param)
    assert verdict(world.sync(), FULL) == EXISTS
    return world


@pytest.mark.parametrize(
    ("loss", "what"), [(delete, "was deleted or voided"), (void, "was deleted or voided"), (vanish, "is gone")]
)
def test_that_it_is_gone_is_told_once_with_what_to_do(found: World, loss: Callable[[World], None], what: str) -> None:
    order = order_of(found)
    loss(found)
    report = until_told(found)
    told = find_outcome(report, FULL)
    assert (verdict(report, FULL), told.news, report.exit_status) == (CHANGED, True, 3)
    assert told.text == (
        f"Revel order {order}, which someone else made, {what}. If the event needs an order, run `tsrevel resolve "
        f'{FULL} --as open --note "order wanted"`: the next run makes it'
    )
    assert quiet(found)
    assert found.writes == []


@pytest.mark.parametrize("loss", [delete, void, vanish])
@pytest.mark.parametrize("told", [True, False])
def test_opened_again_the_next_run_makes_the_order(found: World, loss: Callable[[World], None], told: bool) -> None:
    loss(found)
    if told:
        until_told(found)
    assert open_again(found)
    assert verdict(later(found), FULL) == "injected"
    rows = found.revel.state.rows["Order"]
    found.revel.state.rows["Order"] = {k: v for k, v in rows.items() if v["final_total"] > 1 and not v["deleted"]}
    assert found.flaws(FULL) == []
    for _ in range(6):
        report = later(found)
        assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


def test_with_more_orders_than_a_run_checks_each_is_checked_by_some_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [FULL, world.add_event()]
    for event in events:
        world.add_order(event)
    world.sync()
    monkeypatch.setattr(after_injection, "MOST", 1)
    vanish(world)
    reports = [later(world) for _ in range(16)]
    assert [sum(verdict(each, event) == CHANGED for each in reports) for event in events] == [1, 1]


def test_opened_again_while_it_stands_it_is_found_again(found: World) -> None:
    assert open_again(found)
    assert quiet(found)
    assert found.writes == []


def test_opened_again_and_deleted_by_a_person_who_wants_none_it_stays_away_once_told(found: World) -> None:
    assert open_again(found)
    assert quiet(found, 1)
    delete(found)
    assert verdict(until_told(found), FULL) == CHANGED
    assert quiet(found)


@pytest.mark.parametrize("name", ["Triple Seat {}", "Triple Seat_{}"])
@pytest.mark.parametrize("days", [0, 1])
@pytest.mark.parametrize("loss", [delete, void])
def test_an_order_that_was_gone_before_tsrevel_saw_it_still_needs_a_person(
    world: World, loss: Callable[[World], None], days: int, name: str
) -> None:
    world.add_order(FULL, name)
    loss(world)
    world.time.move(days=days)
    assert open_again(world) is False
    for _ in range(2):
        report = later(world)
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_EXISTS", 3)
    assert world.writes == []


@pytest.mark.parametrize("days", [0, 1])
def test_our_order_that_was_voided_and_that_a_new_ledger_lacks_needs_a_person(world: World, days: int) -> None:
    assert verdict(world.sync(), FULL) == "injected"
    void_order(world, order_of(world))
    world.lose_ledger()
    world.time.move(days=days)
    report = later(world)
    assert (verdict(report, FULL), report.exit_status, world.writes) == ("held ORDER_EXISTS", 3, [])


def test_an_order_that_is_free_stands(world: World) -> None:
    world.add_order(FULL)
    item = empty(world, voided=False)
    assert verdict(world.sync(), FULL) == EXISTS
    assert quiet(world)
    world.revel.state.rows["OrderItem"][item]["voided_date"] = "2026-12-12T11:00:00"
    assert verdict(until_told(world), FULL) == CHANGED
    assert quiet(world)


def test_another_order_that_is_deleted_since_still_holds_the_event(found: World) -> None:
    delete(found)
    until_told(found)
    assert open_again(found)
    found.add_order(FULL, deleted=True)
    report = later(found)
    assert verdict(report, FULL) == "held ORDER_EXISTS"
    assert str(order_of(found)) not in find_outcome(report, FULL).text


def test_opened_again_by_a_run_that_died_before_its_first_write_it_is_made_later(found: World) -> None:
    delete(found)
    assert open_again(found)
    found.revel.faults.add("status", "POST", "/resources/Order/", status=503)
    assert verdict(later(found), FULL) == "failed OUTCOME_UNKNOWN"
    assert verdict(later(found), FULL) == "injected"


def test_that_it_stands_again_is_told_and_nothing_after_that(found: World) -> None:
    delete(found)
    until_told(found)
    found.revel.state.rows["Order"][order_of(found)]["deleted"] = False
    report = until_told(found)
    assert (verdict(report, FULL), report.exit_status) == (CHANGED, 3)
    assert find_outcome(report, FULL).text.endswith("which someone else made, stands again")
    assert quiet(found)


@pytest.mark.parametrize("name", ["Triple Seat {}", "Triple Seat_{}"])
def test_another_order_in_its_place_is_as_good(found: World, name: str) -> None:
    delete(found)
    found.add_order(FULL, name)
    assert quiet(found)


@pytest.mark.parametrize("name", ["Triple Seat {}", "Triple Seat_{}"])
def test_a_second_order_beside_it_is_an_alarm_until_one_is_deleted(found: World, name: str) -> None:
    twin = found.add_order(FULL, name)
    assert verdict(until_told(found), FULL) == "held DUPLICATE_ORDERS"
    for _ in range(3):
        report = later(found)
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
    found.revel.state.rows["Order"][twin]["deleted"] = True
    assert quiet(found)


def test_one_that_lost_its_name_stands(found: World) -> None:
    found.revel.state.rows["Order"][order_of(found)]["local_id"] = "77"
    assert quiet(found)


@pytest.mark.parametrize(("kind", "status"), [("status", 503), ("status", 400), ("html", 200)])
def test_a_look_that_fails_does_not_mean_that_it_is_gone(found: World, kind: str, status: int) -> None:
    found.revel.faults.add(kind, "GET", "/resources/Order/$", times=None, status=status)
    assert quiet(found)


def test_where_revel_ignores_the_filter_it_is_not_gone_either(found: World) -> None:
    found.revel.ignored_filters = {"local_id"}
    for number in range(1005):
        found.revel.add("Order", None, local_id=str(number))
    assert quiet(found, 3)
    order = order_of(found)
    row = found.revel.state.rows["Order"].pop(order)
    assert quiet(found, 3)
    found.revel.state.rows["Order"][order] = {**row, "deleted": True}
    assert verdict(until_told(found), FULL) == CHANGED


def test_once_its_day_has_passed_nobody_needs_it(found: World) -> None:
    found.time.move(days=1)
    delete(found)
    assert quiet(found, 3)
    assert found.revel.requests == []


def test_a_cancelled_event_needs_it_no_more(found: World) -> None:
    found.tripleseat.cancel_event(FULL)
    delete(found)
    assert verdict(later(found), FULL) == CANCELLED
    assert quiet(found)


def test_a_run_that_leaves_out_its_location_does_not_look_at_it(found: World) -> None:
    delete(found)
    for _ in range(3):
        later(found, only=("30502",))
        assert found.revel.requests == []


def test_a_dry_run_tells_and_stores_nothing(found: World) -> None:
    delete(found)
    assert CHANGED in [verdict(later(found, dry_run=True), FULL) for _ in range(3)]
    with found.ledger() as ledger:
        assert ledger.orders.shown([EVENT]) == {}
    assert verdict(until_told(found), FULL) == CHANGED


def test_an_idle_run_asks_revel_once_at_most(found: World) -> None:
    other = found.add_event(lines=[("Coffee Urn", 1, 38)])
    assert verdict(later(found), other) == "injected"
    for _ in range(6):
        assert verdict(later(found), FULL) == EXISTS
        assert len(found.revel.requests) == 1


def test_a_changed_event_is_told_once_a_change(found: World) -> None:
    order = order_of(found)
    for total in ("900.00", "1000.00"):
        found.tripleseat.edit_event(FULL, grand_total=total)
        report = later(found)
        assert (verdict(report, FULL), report.exit_status) == (CHANGED, 3)
        told = f"after someone else made Revel order {order}: the event has changed: is that order still right?"
        assert find_outcome(report, FULL).text == told
        assert quiet(found, 2)


def test_a_cancelled_event_is_told_once_and_so_is_its_return(found: World) -> None:
    order = order_of(found)
    found.tripleseat.cancel_event(FULL)
    report = later(found)
    assert (verdict(report, FULL), report.exit_status) == (CANCELLED, 3)
    told = f"Revel order {order}, which someone else made, may still stand; if nobody wants it, void it in Revel"
    assert find_outcome(report, FULL).text.endswith(told)
    assert quiet(found)
    found.tripleseat.edit_event(FULL, status="DEFINITE")
    report = later(found)
    assert (verdict(report, FULL), report.exit_status) == (CHANGED, 3)
    assert "it had been cancelled and is DEFINITE again" in find_outcome(report, FULL).text
    assert quiet(found)


def test_an_event_that_stands_again_after_the_order_was_voided_is_told_that_it_is_gone(found: World) -> None:
    found.tripleseat.cancel_event(FULL)
    assert verdict(later(found), FULL) == CANCELLED
    delete(found)
    assert quiet(found)
    found.tripleseat.edit_event(FULL, status="DEFINITE")
    told = [find_outcome(later(found), FULL) for _ in range(4)]
    assert any("it had been cancelled and is DEFINITE again" in each.text for each in told)
    assert any("was deleted or voided. If the event needs an order, run" in each.text for each in told)
    assert quiet(found)


@pytest.mark.parametrize("word", ["done", "ignored"])
def test_a_cancelled_event_whose_order_was_gone_is_listed_if_another_one_may_have_replaced_it(
    found: World, word: Verdict
) -> None:
    delete(found)
    assert until_told(found).exit_status == 3
    with found.ledger() as ledger:
        ledger.events.resolve(EVENT, word, "seen to", None)
    found.time.move(minutes=45)
    found.tripleseat.cancel_event(FULL)
    assert verdict(later(found), FULL) == CANCELLED
    with found.ledger() as ledger:
        listed = [each.text for each in find_changed(ledger)]
    assert ["one that replaced it may still stand" in each for each in listed] == [True] * (word == "done")


def test_an_event_without_a_status_waits_for_one(found: World) -> None:
    found.tripleseat.edit_event(FULL, status="")
    assert quiet(found, 2)
    found.tripleseat.edit_event(FULL, status="DEFINITE", grand_total="900.00")
    assert verdict(later(found), FULL) == CHANGED


def test_changes_of_event_and_order_are_told_together(found: World) -> None:
    later(found)
    delete(found)
    found.tripleseat.edit_event(FULL, grand_total="900.00")
    told = find_outcome(later(found), FULL).text
    if "was deleted" not in told:
        assert "the event has changed" in told
        told += find_outcome(until_told(found), FULL).text
    assert "the event has changed" in told
    assert "was deleted" in told
    assert quiet(found)


@pytest.mark.parametrize("way", ["named", "missed"])
def test_the_first_listing_after_it_was_found_otherwise_is_the_one_to_compare_with(world: World, way: str) -> None:
    world.add_order(FULL)
    if way == "named":
        assert verdict(world.sync_event(FULL), FULL) == EXISTS
    else:
        world.time.move(days=1)
        assert verdict(world.sync(), FULL) == EXISTS
    assert quiet(world, 2)
    world.tripleseat.edit_event(FULL, grand_total="900.00")
    assert verdict(later(world), FULL) == CHANGED
    assert quiet(world, 2)


def test_a_named_event_that_is_cancelled_is_told_and_not_once_more_when_it_is_listed(found: World) -> None:
    found.tripleseat.cancel_event(FULL)
    assert verdict(found.sync_event(FULL), FULL) == CANCELLED
    assert verdict(found.sync_event(FULL), FULL) == EXISTS
    assert quiet(found, 2)


def test_an_event_that_is_moved_to_another_day_is_looked_at_again_on_that_day(found: World) -> None:
    day = (found.time.now + timedelta(days=5)).date().isoformat()
    found.tripleseat.edit_event(FULL, event_date_iso8601=day)
    assert verdict(later(found), FULL) == CHANGED
    delete(found)
    found.time.move(days=5)
    assert verdict(until_told(found), FULL) == CHANGED


# A run that died after its claim


@pytest.fixture
def claimed(world: World) -> World:
    """The event was claimed and nothing of its order is at Revel; 45 minutes later somebody has entered one by hand."""
    world.at("before POST /resources/Order/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()
    world.add_order(FULL)
    world.time.move(minutes=45)
    return world


@pytest.mark.parametrize("mapped", [True, False])
def test_an_event_that_moved_since_it_was_claimed_is_held_if_somebody_elses_order_stands_at_the_old_place(
    claimed: World, mapped: bool
) -> None:
    claimed.tripleseat.edit_event(FULL, location_id=LAKESIDE_BAKERY.location_id, site_id=LAKESIDE_BAKERY.site_id)
    if not mapped:
        del claimed.config["locations"][1]
    for _ in range(2):
        report = later(claimed)
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_EXISTS", 3)
        assert "is at establishment 8; was the event moved?" in find_outcome(report, FULL).text
    assert claimed.writes == []


def test_an_event_that_moved_since_it_was_claimed_is_left_alone_if_somebody_elses_order_stands_at_the_new_place(
    claimed: World,
) -> None:
    claimed.tripleseat.edit_event(FULL, location_id=LAKESIDE_BAKERY.location_id, site_id=LAKESIDE_BAKERY.site_id)
    claimed.revel.state.rows["Order"][order_of(claimed)]["establishment"] = "/enterprise/Establishment/9/"
    assert verdict(later(claimed), FULL) == EXISTS
    assert quiet(claimed, 2)


def test_a_change_right_after_somebody_elses_order_was_found_in_place_of_a_claim_is_told(claimed: World) -> None:
    assert verdict(later(claimed), FULL) == EXISTS
    claimed.tripleseat.edit_event(FULL, grand_total="900.00")
    assert verdict(later(claimed), FULL) == CHANGED
    assert quiet(claimed, 2)


def test_an_event_that_was_cancelled_since_it_was_claimed_is_told_if_somebody_elses_order_stands(
    claimed: World,
) -> None:
    claimed.tripleseat.cancel_event(FULL)
    assert CANCELLED in [verdict(later(claimed), FULL) for _ in range(2)]
    assert quiet(claimed, 2)


def move(world: World) -> None:
    """The event moves to the other location."""
    place = LAKESIDE_BAKERY
    world.tripleseat.edit_event(FULL, location_id=place.location_id, site_id=place.site_id)


def test_a_move_between_the_look_at_a_named_event_and_its_first_listing_is_told(world: World) -> None:
    world.add_order(FULL)
    assert verdict(world.sync_event(FULL), FULL) == EXISTS
    world.time.move(minutes=5)
    move(world)
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == (CHANGED, 3)
    assert quiet(world)


@pytest.fixture
def begun(world: World) -> World:
    """A run died before its first write. Then someone entered the order, and the event moved to the other location."""
    world.at("before POST /resources/Order/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()
    world.add_order(FULL)
    move(world)
    return world


def test_an_order_begun_is_judged_by_the_place_of_its_event_now_though_no_search_lists_it(begun: World) -> None:
    yesterday = begun.time.now.date() - timedelta(days=1)
    for options in ({"first": yesterday, "last": yesterday}, {}):
        report = later(begun, **options)
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_EXISTS", 3)
    assert begun.writes == []


def test_an_order_begun_waits_for_its_event_while_tripleseat_is_down(begun: World) -> None:
    begun.wires["tripleseat"].down = True
    assert verdict(later(begun), FULL) == "failed EVENT_DATA_UNAVAILABLE"
    begun.wires["tripleseat"].down = False
    assert verdict(later(begun), FULL) == "held ORDER_EXISTS"


def test_an_order_begun_waits_for_an_event_that_cant_be_read(begun: World) -> None:
    yesterday = begun.time.now.date() - timedelta(days=1)
    for status, expected in ((403, "failed EVENT_DATA_UNAVAILABLE"), (503, "failed EVENT_DATA_UNAVAILABLE")):
        begun.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=None, status=status)
        assert verdict(later(begun, first=yesterday, last=yesterday), FULL) == expected
        begun.tripleseat.faults.clear()
    assert verdict(later(begun), FULL) == "held ORDER_EXISTS"


def test_an_event_that_vanishes_from_tripleseat_is_told_once_and_listed(found: World) -> None:
    found.add_event(lines=[("Coffee Urn", 1, 38)], status="LOST")
    event = found.tripleseat.state.events.pop(FULL)
    report = later(found)
    assert (verdict(report, FULL), report.exit_status) == (CANCELLED, 3)
    assert find_outcome(report, FULL).location == "Special Events"
    with found.ledger() as ledger:
        assert [each.event_id for each in find_changed(ledger)] == [EVENT]
    reports = [later(found) for _ in range(3)]
    assert [each.exit_status for each in reports] == [0] * 3
    found.tripleseat.state.events[FULL] = event
    assert verdict(later(found), FULL) == CHANGED


@pytest.mark.parametrize("status", [403, 503])
def test_an_event_that_the_search_lacks_and_that_cant_be_read_keeps_it(found: World, status: int) -> None:
    found.add_event(lines=[("Coffee Urn", 1, 38)], status="LOST")
    event = found.tripleseat.state.events[FULL]
    found.tripleseat.state.hidden[FULL] = 99
    found.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=None, status=status)
    assert quiet(found, 2)
    assert event
