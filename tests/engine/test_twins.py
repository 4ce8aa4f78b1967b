"""An order or a part that is there twice is told in the very run that can see it, and nothing more is written to it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tsrevel.engine import after_injection
from tsrevel.engine.outcomes import CHANGES, RunReport
from tsrevel.planning.model import EventId

from ..world import World, find_outcome, verdict
from .conftest import FULL
from .test_lost_answers import STEPS
from .test_unsupported import UNSUPPORTED, bend, searches_for_several
from .way import Way


@pytest.fixture
def way(world: World) -> Way:
    return Way(world)


def clone(world: World, resource: str = "Order", **fields: object) -> int:
    """Another row like the newest one; the id of it."""
    row = world.revel.state.rows[resource][max(world.revel.state.rows[resource])]
    left_out = {"id", "resource_uri", *fields}
    return int(world.revel.add(resource, None, **{k: v for k, v in row.items() if k not in left_out}, **fields)["id"])


def test_an_order_that_a_proxy_sent_twice_is_an_alarm_in_that_run_and_in_each_later_one(world: World, way: Way) -> None:
    way.double("/Order/")
    for _ in range(3):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
        assert find_outcome(report, FULL).alarm
        world.time.move(minutes=45)
    assert "POST OrderHistory" not in world.writes


@pytest.mark.parametrize("workers", [1, 4])
def test_nothing_is_put_into_an_order_that_a_proxy_sent_twice(world: World, way: Way, workers: int) -> None:
    world.config["sync"] = {**world.config.get("sync", {}), "workers": workers}
    way.double("/Order/")
    assert (verdict(world.sync(), FULL), world.writes) == ("held DUPLICATE_ORDERS", ["POST Order"] * 2)


def test_a_twin_proves_nothing_while_revel_hides_our_order(world: World) -> None:
    world.rewrite_event(FULL, lines=[("Coffee Urn", 2, 38)])
    orders, hidden = world.revel.state.rows["Order"], list[Any]()

    def swap() -> None:
        twin = clone(world)
        ours = next(each for each in orders if each != twin)
        hidden.append(orders.pop(ours))

    world.at("after PATCH", swap)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("failed OUTCOME_UNKNOWN", 3)
    assert "POST OrderHistory" not in world.writes
    orders[hidden[0]["id"]] = hidden[0]
    world.time.move(minutes=45)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)


def test_once_the_twin_is_deleted_ours_is_finished(world: World, way: Way) -> None:
    way.double("/Order/")
    world.sync()
    twin = next(order for order in world.revel.orders if not world.revel.items_of(order["id"]))
    world.revel.state.rows["Order"][twin["id"]]["deleted"] = True
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("injected", 0)
    del world.revel.state.rows["Order"][twin["id"]]
    assert world.flaws(FULL) == []


@pytest.mark.parametrize("step", ["first item", "payment", "history"])
def test_a_part_that_a_proxy_sent_twice_is_an_alarm_in_that_run(world: World, way: Way, step: str) -> None:
    way.double(STEPS[step][1])
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
        assert "twice" in find_outcome(report, FULL).text


@pytest.mark.parametrize(
    "moment", ["after POST /resources/Order/", "after POST .*Payment", "after PATCH", "after POST .*History"]
)
@pytest.mark.parametrize("names", [{}, {"uuid": "11111111-2222-4333-8444-555555555555"}])
def test_a_twin_that_another_machine_makes_meanwhile_is_an_alarm_in_that_run(
    world: World, moment: str, names: dict[str, Any]
) -> None:
    world.at(moment, lambda: clone(world, **names))
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
    ours, kept = ("", "5550101") if names else (" (made by tsrevel)", "one")
    assert f": 5550101 (made by tsrevel), 5550102{ours}; keep {kept}, and" in find_outcome(report, FULL).text


@pytest.mark.parametrize("names", [{}, {"local_id": None}])
def test_a_twin_of_a_finished_order_is_an_alarm_in_every_run(world: World, names: dict[str, Any]) -> None:
    assert verdict(world.sync(), FULL) == "injected"
    twin = clone(world, **names)
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
        world.time.move(minutes=45)
    world.revel.state.rows["Order"][twin]["deleted"] = True
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


OTHER_UUID = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize("idle", range(4))
@pytest.mark.parametrize(
    "names",
    [
        {"local_id": None},
        {"local_id": "77"},
        {"uuid": OTHER_UUID},
        {"uuid": None},
        {"uuid": OTHER_UUID, "local_id": f"Triple Seat {FULL}"},
    ],
    ids=["our uuid alone", "our uuid and another name", "our name", "our name and no uuid", "a legacy name"],
)
def test_a_twin_made_at_any_time_later_shows_within_three_runs_and_then_in_each_until_it_is_deleted(
    world: World, names: dict[str, Any], idle: int
) -> None:
    for _ in range(1 + idle):
        assert later(world).exit_status == 0
    twin = clone(world, **names)
    while later(world).exit_status == 0:
        idle += 1
        assert idle < 6
    for _ in range(4):
        report = later(world)
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
        assert f"5550101 (made by tsrevel), {twin}" in find_outcome(report, FULL).text
    world.revel.state.rows["Order"][twin]["deleted"] = True
    for _ in range(3):
        report = later(world)
        assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)
    assert len(world.revel.requests) == 1


@pytest.mark.parametrize("names", [{"uuid": OTHER_UUID}, {"local_id": None}], ids=["our name", "our uuid"])
@pytest.mark.parametrize(
    ("change", "reason", "what"),
    [
        ({"guest_count": 99}, "CHANGED_AFTER_INJECTION", "→ 99"),
        ({"status": "LOST"}, "CANCELLED_AFTER_INJECTION", "status LOST"),
    ],
    ids=["changed", "cancelled"],
)
def test_a_change_of_the_event_is_told_beside_the_twin_and_as_a_change_once_that_is_deleted(
    world: World, names: dict[str, Any], change: dict[str, Any], reason: str, what: str
) -> None:
    later(world)
    twin = clone(world, **names)
    while later(world).exit_status == 0:
        pass
    world.tripleseat.edit_event(FULL, **change)
    for _ in range(3):
        report = later(world)
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
        assert what in find_outcome(report, FULL).text
    world.revel.state.rows["Order"][twin]["deleted"] = True
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == (f"skipped {reason}", 3)
    for _ in range(3):
        report = later(world)
        assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


def test_a_known_twin_is_told_by_a_run_over_the_named_event_as_well(world: World) -> None:
    later(world)
    twin = clone(world, uuid=OTHER_UUID)
    assert (verdict(world.sync_event(FULL), FULL), world.looks) == ("skipped ALREADY_INJECTED", 0)
    while later(world).exit_status == 0:
        pass
    for _ in range(2):
        report = world.sync_event(FULL)
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
        assert later(world).exit_status == 14
    world.revel.state.rows["Order"][twin]["deleted"] = True
    for _ in range(2):
        report = world.sync_event(FULL)
        assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


def be_known(world: World, **names: Any) -> int:
    """A twin that a run has reported; the id of it."""
    later(world)
    twin = clone(world, **names)
    while later(world).exit_status == 0:
        pass
    return twin


@pytest.mark.parametrize("status", [503, 403, 404])
def test_a_known_twin_is_an_alarm_also_in_runs_that_can_not_read_its_event(world: World, status: int) -> None:
    be_known(world, uuid=OTHER_UUID)
    for number in range(6):
        world.tripleseat.edit_event(FULL, guest_count=100 + number)
        if number % 2:
            world.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=None, status=status)
        report = later(world)
        world.tripleseat.faults.clear()
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
        assert ("TripleSeat" if number % 2 else f"→ {100 + number}") in find_outcome(report, FULL).text


def test_a_known_twin_is_an_alarm_again_in_the_first_run_that_can_ask_revel(world: World) -> None:
    twin = be_known(world, uuid=OTHER_UUID)
    for _ in range(3):
        world.revel.faults.add("status", "GET", "/Order/", times=None, status=500)
        assert later(world).exit_status == 0
        world.revel.faults.clear()
        assert later(world).exit_status == 14
    world.revel.state.rows["Order"][twin]["deleted"] = True
    assert [later(world).exit_status for _ in range(3)] == [0, 0, 0]
    assert len(world.revel.requests) == 1


@pytest.mark.parametrize("answer", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_a_known_twin_stays_an_alarm_though_revel_can_no_longer_list_several(
    world: World, answer: httpx.Response
) -> None:
    be_known(world, uuid=OTHER_UUID)
    bend(world, lambda request, _: answer if searches_for_several(request) else None)
    assert [later(world).exit_status for _ in range(3)] == [14] * 3


def test_a_known_twin_that_can_not_be_read_for_some_runs_is_an_alarm_in_each_one_after_that(world: World) -> None:
    twin = be_known(world, uuid=OTHER_UUID)
    row = world.revel.state.rows["Order"][twin]
    total, row["final_total"] = row["final_total"], "many"
    for _ in range(3):
        later(world)
    row["final_total"] = total
    assert [later(world).exit_status for _ in range(3)] == [14] * 3


@pytest.mark.parametrize("resolved", [False, True])
def test_a_twin_of_long_ago_stays_listed_until_a_run_over_its_event_sees_that_it_is_gone(
    world: World, resolved: bool
) -> None:
    twin = be_known(world, uuid=OTHER_UUID)
    for _ in range(after_injection.DAYS_AFTER + 2):
        world.time.move(days=1)
        world.sync()
    if resolved:
        with world.ledger() as ledger:
            ledger.events.resolve(EventId(str(FULL)), "done", "looked", None)
    world.tripleseat.edit_event(FULL, event_notes="listed once more")
    assert (verdict(later(world), FULL), later(world).exit_status) == ("held DUPLICATE_ORDERS", 14)
    world.time.move(days=3)
    assert later(world).exit_status == 14
    world.time.move(days=9)
    world.revel.state.rows["Order"][twin]["deleted"] = True
    with world.ledger() as ledger:
        assert len(ledger.queries.held_or_failed()) == 1
    assert find_outcome(world.sync_event(FULL), FULL).status == "skipped"
    with world.ledger() as ledger:
        assert ledger.queries.held_or_failed() == ()


def test_a_twin_of_an_event_that_is_not_listed_is_no_longer_listed_as_held_once_it_is_gone(world: World) -> None:
    ahead = (world.time.now + timedelta(days=9)).date()
    event = world.add_event(day=ahead, lines=[("Coffee Urn", 1, 38)])
    world.sync_event(event, ignore_time_gate=True)
    world.time.move(days=3)
    twin = clone(world)
    assert (verdict(later(world), event), later(world).exit_status) == ("held DUPLICATE_ORDERS", 14)
    world.revel.state.rows["Order"][twin]["deleted"] = True
    assert verdict(later(world), event) == "skipped ALREADY_INJECTED"
    with world.ledger() as ledger:
        assert ledger.queries.held_or_failed() == ()


@pytest.mark.parametrize("number", range(3))
def test_a_known_twin_comes_before_other_orders(world: World, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    events = [world.add_event(64000060 + each, lines=[("Coffee Urn", 1, 38)]) for each in range(6)]
    be_known(world, local_id=f"Triple Seat_{events[number]}", uuid=OTHER_UUID)
    monkeypatch.setattr(after_injection, "MOST", 2)
    for _ in range(4):
        assert verdict(later(world), events[number]) == "held DUPLICATE_ORDERS"


@pytest.mark.parametrize("status", [503, 403])
def test_that_its_order_is_gone_is_told_beside_an_event_that_can_not_be_read_and_again_afterwards(
    world: World, status: int
) -> None:
    later(world)
    world.tripleseat.edit_event(FULL, guest_count=99)
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=None, status=status)
    before = later(world)
    world.revel.state.rows["Order"][5550101]["deleted"] = True
    reports = [later(world) for _ in range(2)]
    for report in reports:
        again = 13 if status == 503 else before.exit_status
        assert (verdict(report, FULL), report.exit_status) == (verdict(before, FULL), again)
        assert "Revel order 5550101 was changed in Revel: it was deleted" in find_outcome(report, FULL).text
    world.tripleseat.faults.clear()
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("skipped CHANGED_AFTER_INJECTION", 3)
    assert all(each in find_outcome(report, FULL).text for each in ("→ 99", "it was deleted"))
    assert later(world).exit_status == 0


# A write that arrives late, after its order was sent again and finished


@pytest.fixture
def resent(world: World, way: Way) -> World:
    """Its order's POST got no answer and was sent again after the doubt. Once the order was made, the first arrived."""
    way.lose("POST", "/Order/", 500, late=45 * 60)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.time.move(minutes=20)
    assert verdict(world.sync(), FULL) == "injected"
    world.time.move(minutes=30)
    way.arrive()
    return world


def pay_at_station(world: World) -> None:
    """The guest pays the rest of the first order at a station."""
    order = world.revel.state.rows["Order"][5550101]
    clone(world, "Payment", amount=str(order["remaining_due"]), uuid=OTHER_UUID)
    order["remaining_due"] = Decimal(0)


def test_an_order_that_arrives_late_is_an_alarm_in_every_run_and_no_order_is_made_once_more(resent: World) -> None:
    for _ in range(3):
        report = later(resent)
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
    resent.revel.state.rows["Order"][5550102]["deleted"] = True
    for _ in range(3):
        report = later(resent)
        assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)
    assert resent.looks == len(resent.revel.requests) == 1


def test_once_the_late_order_is_deleted_a_payment_at_a_station_is_no_alarm(resent: World) -> None:
    assert later(resent).exit_status == 14
    resent.revel.state.rows["Order"][5550102]["deleted"] = True
    pay_at_station(resent)
    assert [later(resent).exit_status for _ in range(2)] == [0, 0]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_resolution_ends_no_alarm_of_an_order_that_arrived_late_until_one_is_left(resent: World, when: str) -> None:
    if when == "after":
        assert later(resent).exit_status == 14
    with resent.ledger() as ledger:
        ledger.events.resolve(EventId(str(FULL)), "done", "seen", None)
    assert [later(resent).exit_status for _ in range(4)] == [14] * 4
    resent.revel.state.rows["Order"][5550102]["deleted"] = True
    assert [later(resent).exit_status for _ in range(2)] == [0, 0]


def test_an_order_that_arrived_late_is_an_alarm_in_every_run_though_its_event_is_not_listed_any_more(
    resent: World,
) -> None:
    resent.time.move(days=9)
    assert [later(resent).exit_status for _ in range(2)] == [14, 14]
    resent.revel.state.rows["Order"][5550102]["deleted"] = True
    assert [later(resent).exit_status for _ in range(2)] == [0, 0]


def test_a_dry_run_tells_an_order_that_arrived_late_and_stores_nothing(resent: World) -> None:
    before = resent.record(FULL)
    report = resent.sync(dry_run=True)
    assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
    resent.revel.state.rows["Order"][5550102]["deleted"] = True
    assert verdict(resent.sync(dry_run=True), FULL) == "skipped ALREADY_INJECTED"
    assert resent.record(FULL) == before


@pytest.mark.parametrize("change", [{"guest_count": 99}, {"status": "LOST"}], ids=["changed", "cancelled"])
def test_a_change_of_the_event_is_told_beside_the_order_that_arrived_late_and_as_a_change_after_it(
    resent: World, change: dict[str, Any]
) -> None:
    resent.tripleseat.edit_event(FULL, **change)
    for _ in range(2):
        report = later(resent)
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
        assert ("→ 99" if "guest_count" in change else "status LOST") in find_outcome(report, FULL).text
    resent.revel.state.rows["Order"][5550102]["deleted"] = True
    report = later(resent)
    assert (find_outcome(report, FULL).reason in CHANGES, report.exit_status) == (True, 3)
    assert later(resent).exit_status == 0


def test_once_a_twin_found_by_the_last_read_back_is_deleted_a_payment_at_a_station_is_no_alarm(world: World) -> None:
    world.at("after POST .*History", lambda: clone(world))
    assert verdict(world.sync(), FULL) == "held DUPLICATE_ORDERS"
    world.revel.state.rows["Order"][5550102]["deleted"] = True
    pay_at_station(world)
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("injected", 0)
    assert world.writes == []
    assert [later(world).exit_status for _ in range(2)] == [0, 0]


@pytest.fixture
def with_late_part(world: World, way: Way, resource: str) -> World:
    """A part's POST got no answer and was sent again after the doubt. Once the order was made, the first arrived."""
    way.lose("POST", f"/{resource}/", 500, late=45 * 60)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.time.move(minutes=20)
    assert verdict(world.sync(), FULL) == "injected"
    world.time.move(minutes=30)
    way.arrive()
    return world


def end_part(world: World, resource: str) -> None:
    """A person voids the item, or refunds the payment, that arrived last."""
    row = world.revel.state.rows[resource][max(world.revel.state.rows[resource])]
    row |= {"voided_date": "2026-12-12T12:00:00"} if resource == "OrderItem" else {"refunded": True}


@pytest.mark.parametrize("resource", ["OrderItem", "Payment"])
def test_a_part_that_arrives_late_is_an_alarm_until_it_is_taken_back_and_a_payment_at_a_station_is_none(
    with_late_part: World, resource: str
) -> None:
    world = with_late_part
    for _ in range(3):
        report = later(world)
        assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
        assert "twice" in find_outcome(report, FULL).text
    end_part(world, resource)
    pay_at_station(world)
    for _ in range(2):
        report = later(world)
        assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


@pytest.mark.parametrize("resource", ["OrderItem"])
def test_a_person_who_can_not_take_back_a_late_part_ends_its_alarm_by_resolving_the_event(
    with_late_part: World,
) -> None:
    world = with_late_part
    with world.ledger() as ledger:
        ledger.events.resolve(EventId(str(FULL)), "done", "seen before it arrived", None)
    assert [later(world).exit_status for _ in range(2)] == [14, 14]
    with world.ledger() as ledger:
        ledger.events.resolve(EventId(str(FULL)), "done", "the item stays", None)
    assert [later(world).exit_status for _ in range(2)] == [0, 0]


def later(world: World) -> RunReport:
    """The next run, three quarters of an hour later."""
    world.time.move(minutes=45)
    world.forget_requests()
    return world.sync()


def test_each_run_asks_once_and_of_three_one_at_least_by_uuid_and_one_by_local_id(world: World) -> None:
    later(world)
    ways = []
    for _ in range(9):
        later(world)
        (request,) = world.revel.requests
        ways.append(next(iter({"uuid__in", "local_id__in"} & request.query.keys())))
    assert all(len(set(ways[start : start + 3])) == 2 for start in range(7))
    assert all(len(set(ways[start::2])) == 2 for start in range(2))


def test_all_names_have_their_turn_where_they_do_not_fit_into_one_address(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [FULL, *(world.add_event(64000050 + number, lines=[("Coffee Urn", 1, 38)]) for number in range(3))]
    later(world)
    monkeypatch.setattr(after_injection, "MOST_NAMES", 6)
    for event in events:
        world.add_order(event, "Triple Seat {}")
    told = set()
    for _ in range(6):
        told |= {each.event_id for each in later(world).outcomes if each.reason == "DUPLICATE_ORDERS"}
    assert told == {str(each) for each in events}


def test_the_address_that_names_local_ids_is_no_longer_than_the_one_that_names_uuids() -> None:
    def length(key: str, values: list[str]) -> int:
        return len(str(httpx.URL("https://acme.revelup.com/resources/Order/", params={key: ",".join(values)})))

    names = [f"Triple Seat {55521609 + number}" for number in range(after_injection.MOST_NAMES)]
    assert length("local_id__in", names) <= length("uuid__in", [OTHER_UUID] * after_injection.BATCH)


@pytest.mark.parametrize("idle", range(3))
@pytest.mark.parametrize("fault", ["refused", "ignored", "forgotten"])
def test_an_order_is_watched_whichever_filter_revel_does_not_know(world: World, fault: str, idle: int) -> None:
    for _ in range(1 + idle):
        later(world)
    if fault == "refused":
        world.revel.faults.add("status", "GET", "/resources/Order/$", times=None, status=400)
    elif fault == "ignored":
        world.revel.ignored_filters = {"local_id"}
        for number in range(1005):
            world.revel.add("Order", None, local_id=str(number))
    else:
        world.revel.state.rows["Order"][5550101]["local_id"] = None
    world.revel.pos_touch(5550101)
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("skipped CHANGED_AFTER_INJECTION", 3)
    assert "it no longer exists" not in find_outcome(report, FULL).text


def test_another_event_s_order_is_no_twin(world: World) -> None:
    other = world.add_event(lines=[("Coffee Urn", 1, 38)])
    later(world)
    world.revel.ignored_filters = {"local_id", "uuid"}
    for _ in range(4):
        report = later(world)
        assert [verdict(report, each) for each in (FULL, other)] == ["skipped ALREADY_INJECTED"] * 2


def test_once_ours_is_deleted_the_other_order_is_no_twin(world: World) -> None:
    later(world)
    clone(world, uuid=OTHER_UUID)
    while later(world).exit_status == 0:
        pass
    world.revel.state.rows["Order"][5550101]["deleted"] = True
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("skipped CHANGED_AFTER_INJECTION", 3)
    assert later(world).exit_status == 0


SUMS = ("subtotal", "tax", "gratuity", "discount_amount", "final_total", "remaining_due")


def clone_whole(world: World, **fields: Any) -> int:
    """Another order like the newest one, with its items and its history row."""
    number = max(world.revel.state.rows["Order"])
    twin = clone(world, orderhistory=[], **fields)
    for resource in ("OrderItem", "OrderHistory"):
        for row in list(world.revel.state.rows[resource].values()):
            if row["order"] == f"/resources/Order/{number}/":
                copied = {k: v for k, v in row.items() if k not in {"id", "resource_uri", "order"}}
                world.revel.add(resource, None, **copied, order=f"/resources/Order/{twin}/")
    return twin


def void(world: World, order: int) -> None:
    """Void all of an order, as a station does: it can't delete one."""
    link = f"/resources/Order/{order}/"
    world.revel.state.rows["Order"][order].update(dict.fromkeys(SUMS, Decimal(0)))
    for row in world.revel.state.rows["OrderItem"].values():
        if row["order"] == link:
            row["voided_date"] = "2026-12-12T11:00:00"
    for row in world.revel.state.rows["Payment"].values():
        if row["order"] == link:
            row["deleted"] = True


@pytest.mark.parametrize("names", [{}, {"uuid": OTHER_UUID}, {"local_id": None}], ids=["both", "our name", "our uuid"])
def test_a_twin_that_was_voided_is_none_any_more(world: World, names: dict[str, Any]) -> None:
    later(world)
    twin = clone_whole(world, **names)
    while later(world).exit_status == 0:
        pass
    void(world, twin)
    for _ in range(4):
        report = later(world)
        assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)
    assert len(world.revel.requests) <= 6


def test_a_twin_whose_items_can_not_be_read_stays_an_alarm_and_leaves_other_orders_checked(world: World) -> None:
    later(world)
    other = world.add_event(lines=[("Coffee Urn", 1, 38)])
    later(world)
    twin = clone_whole(world)
    void(world, twin)
    (item,) = (row for row in world.revel.state.rows["OrderItem"].values() if row["order"].endswith(f"/{twin}/"))
    item["price"] = "many"
    for _ in range(3):
        assert verdict(later(world), other) == "held DUPLICATE_ORDERS"
    world.revel.pos_touch(5550101)
    assert verdict(later(world), FULL) == "skipped CHANGED_AFTER_INJECTION"


def test_two_orders_of_a_cancelled_event_that_were_both_voided_are_no_twins(world: World) -> None:
    later(world)
    twin = clone_whole(world)
    assert later(world).exit_status == 14
    void(world, twin)
    void(world, 5550101)
    world.tripleseat.cancel_event(FULL)
    assert [later(world).exit_status for _ in range(4)] == [0] * 4


def test_a_twin_without_any_item_is_an_alarm_though_it_has_no_amount(world: World) -> None:
    later(world)
    world.revel.state.rows["Order"][clone(world)].update(dict.fromkeys(SUMS, Decimal(0)))
    assert later(world).exit_status == 14


def test_an_order_that_arrived_late_is_no_alarm_once_it_was_voided(resent: World) -> None:
    assert later(resent).exit_status == 14
    resent.revel.add("OrderItem", None, order="/resources/Order/5550102/", quantity=1, price=1)
    void(resent, 5550102)
    assert [later(resent).exit_status for _ in range(3)] == [0] * 3


def test_an_order_is_finished_once_its_twin_was_voided(world: World, way: Way) -> None:
    world.at("after POST .*History", lambda: clone_whole(world))
    assert verdict(world.sync(), FULL) == "held DUPLICATE_ORDERS"
    void(world, 5550102)
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("injected", 0)
    assert [later(world).exit_status for _ in range(3)] == [0] * 3


def test_a_history_row_that_turns_up_twice_after_the_run_is_an_alarm_in_every_later_one(world: World) -> None:
    assert verdict(world.sync(), FULL) == "injected"
    twin = clone(world, "OrderHistory")
    (order,) = world.revel.state.rows["Order"].values()
    order["orderhistory"].append(f"/resources/OrderHistory/{twin}/")
    for _ in range(2):
        world.time.move(minutes=45)
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
        assert "history row twice" in find_outcome(report, FULL).text
    del world.revel.state.rows["OrderHistory"][twin]
    order["orderhistory"].pop()
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("skipped ALREADY_INJECTED", [])


def test_a_second_history_row_is_settled_by_a_person(world: World) -> None:
    world.sync()
    (order,) = world.revel.state.rows["Order"].values()
    order["orderhistory"].append(f"/resources/OrderHistory/{clone(world, 'OrderHistory')}/")
    assert later(world).exit_status == 14
    with world.ledger() as ledger:
        ledger.events.resolve(EventId(str(FULL)), "done", "the row stays", None)
    report = later(world)
    assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)
    with world.ledger() as ledger:
        ledger.events.reopen(EventId(str(FULL)), "")
    assert later(world).exit_status == 14


def test_a_history_row_that_a_station_adds_is_no_twin(world: World) -> None:
    world.sync()
    row = clone(world, "OrderHistory", uuid="11111111-2222-4333-8444-555555555555")
    (order,) = world.revel.state.rows["Order"].values()
    order["orderhistory"].append(f"/resources/OrderHistory/{row}/")
    world.time.move(minutes=45)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


def test_two_machines_with_a_ledger_each_are_told_by_both(world: World) -> None:
    def make_another() -> None:
        clone(world)

    world.at("after POST /resources/Order/", make_another)
    assert world.sync().exit_status == 14
    world.lose_ledger()
    assert world.sync().exit_status == 14


def test_looking_for_a_twin_costs_a_normal_order_no_request_more(world: World) -> None:
    world.sync()
    assert len(world.revel_requests) <= 22  # the first order of an account


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("fault", ["down", "503", "404"])
def test_a_whole_order_that_cannot_be_checked_for_doubled_parts_is_no_failure(
    world: World, fault: str, named: bool
) -> None:
    def run() -> RunReport:
        world.time.move(minutes=45)
        return world.sync_event(FULL) if named else world.sync()

    world.revel.faults.add("drop_before", "POST", "/OrderItem/")
    assert verdict(run(), FULL) == "failed OUTCOME_UNKNOWN"
    assert verdict(run(), FULL) == "injected"
    if fault == "down":
        world.wires["revel"].down = True
    else:
        world.revel.faults.add("status", "GET", "/OrderItem/", times=None, status=int(fault))
    for report in (run(), run()):
        assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)
        assert any("parts sent twice" in each for each in report.warnings)
    world.wires["revel"].down = False
    world.revel.faults.clear()
    record = world.record(FULL)
    assert record is not None
    assert record.recheck_at is not None
    assert run().warnings == ()
    record = world.record(FULL)
    assert record is not None
    assert record.recheck_at is None


def test_a_doubled_part_stays_an_alarm_while_revel_cannot_be_asked(world: World) -> None:
    world.revel.faults.add("drop_before", "POST", "/OrderItem/")
    world.sync()
    world.time.move(minutes=16)
    world.sync()
    clone(world, "OrderItem")
    world.time.move(minutes=16)
    assert verdict(world.sync(), FULL) == "held AMOUNT_MISMATCH"
    world.revel.faults.add("status", "GET", "/OrderItem/", times=None, status=503)
    assert verdict(world.sync(), FULL) == "failed UPSTREAM_UNAVAILABLE"
    world.revel.faults.clear()
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
