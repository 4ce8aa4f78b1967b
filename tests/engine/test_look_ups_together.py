"""Many events are looked up in one request, and only a fresh "none" of it is ever used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tsrevel.engine import catalogs, perform, prepare, work_queue
from tsrevel.planning.reasons import Reason

from ..world import MORNING, Died, World, find_outcome, verdict
from .conftest import FULL

FIRST = 64000050
EVENTS = [FIRST + number for number in range(4)]


@pytest.fixture
def full(world: World) -> World:
    """A ledger that isn't new, and four new events."""
    assert verdict(world.sync(), FULL) == "injected"
    for each in EVENTS:
        world.add_event(each, lines=[("Coffee Urn", 1, 38)])
    world.forget_requests()
    return world


def lookups(world: World) -> list[int]:
    """How many names each look-up asked for; the read-backs left out, which come after a write."""
    requests = list(world.revel.requests)
    asked = [
        each.query
        for before, each in zip([None, *requests], requests, strict=False)
        if each.method == "GET" and "/Order/" in each.path and not (before and before.method != "GET")
    ]
    return [each["local_id__in"].count(",") + 1 for each in asked if "local_id__in" in each]


def verdicts(world: World) -> list[str]:
    report = world.sync()
    return [verdict(report, each) for each in EVENTS]


def test_new_events_are_looked_up_together(full: World) -> None:
    assert verdicts(full) == ["injected"] * 4
    assert lookups(full) == [8]
    assert [full.flaws(each) for each in EVENTS] == [[]] * 4


def failing(work: Callable[..., Any], event: int) -> Callable[..., Any]:
    """`work`, with a fault for that event: `work` gets the event, or what was found of it, among its arguments."""

    def fail(*given: Any, **more: Any) -> Any:
        if any(str(event) == getattr(getattr(each, "event", each), "id", None) for each in given):
            raise KeyError("a fault of ours")
        return work(*given, **more)

    return fail


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (prepare, "fetch_whole"),
        (prepare, "screen"),
        (catalogs, "plan_order"),
        (work_queue, "triage"),
        (perform, "triage"),
    ],
    ids=["fetch", "screen", "plan", "queue", "decide"],
)
def test_a_fault_of_ours_in_one_event_of_a_batch_is_its_own(
    full: World, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, number: int
) -> None:
    monkeypatch.setattr(module, name, failing(getattr(module, name), EVENTS[number]))
    report = full.sync()
    failed = EVENTS[number] if module is not work_queue else None  # that one is decided on once more
    expected = {each: "failed" if each == failed else "injected" for each in EVENTS}
    assert {each: find_outcome(report, each).status for each in EVENTS} == expected
    assert failed is None or "a fault in tsrevel" in find_outcome(report, failed).text


def test_one_event_is_looked_up_alone(world: World) -> None:
    world.sync()
    world.forget_requests()
    world.add_event(FIRST, lines=[("Coffee Urn", 1, 38)])
    assert verdict(world.sync(), FIRST) == "injected"
    assert lookups(world) == [2]


def test_events_of_a_new_ledger_are_looked_up_one_by_one(full: World) -> None:
    full.lose_ledger()
    assert verdicts(full) == ["injected"] * 4
    assert lookups(full) == [2] * 6, "each, and the one that is there is read back"


@pytest.mark.parametrize("events", [EVENTS, EVENTS[:1]])
def test_ours_are_found_though_revel_lost_their_local_ids(full: World, events: list[int]) -> None:
    copy = (full.folder / "ledger.sqlite3").read_bytes()
    full.sync()
    for order in full.revel.state.rows["Order"].values():
        order["local_id"] = None
    full.lose_ledger()
    (full.folder / "ledger.sqlite3").write_bytes(copy)
    for gone in set(EVENTS) - set(events):
        del full.tripleseat.state.events[gone]
    report = full.sync()
    assert [verdict(report, each) for each in events] == ["held ORDER_DIFFERS"] * len(events)
    assert len(full.revel.orders) == 1 + len(EVENTS)


def test_a_revel_that_knows_no_list_of_uuids_is_asked_for_one_by_one(full: World) -> None:
    full.revel.faults.add("status", "GET", "/resources/Order/", after=1, status=400)
    assert verdicts(full) == ["injected"] * 4
    assert lookups(full)[:2] == [8, 2]


@pytest.mark.parametrize("local_id", ["Triple Seat {}", "Triple Seat_{}"])
@pytest.mark.parametrize("number", range(4))
def test_an_order_that_is_there_is_looked_at_again_and_left_alone(full: World, local_id: str, number: int) -> None:
    full.add_order(EVENTS[number], local_id)
    expected = ["injected"] * 4
    expected[number] = "skipped ORDER_EXISTS"
    assert verdicts(full) == expected
    assert len(full.orders_of(EVENTS[number])) == 1


def test_two_orders_are_still_two(full: World) -> None:
    full.add_order(EVENTS[1], "Triple Seat {}")
    full.add_order(EVENTS[1], "Triple Seat_{}")
    assert verdicts(full)[1] == "held DUPLICATE_ORDERS"


def test_a_deleted_order_is_still_seen(full: World) -> None:
    full.add_order(EVENTS[1], deleted=True)
    assert verdicts(full)[1] == "held ORDER_EXISTS"


@pytest.mark.parametrize("fault", ["400", "500", "404", "html", "wrong_shape", "truncated", "drop_before"])
def test_a_request_for_many_that_fails_means_nothing(full: World, fault: str) -> None:
    full.add_order(EVENTS[1])
    details: dict[str, Any] = {"status": int(fault)} if fault.isdigit() else {}
    details |= {"body": {"objects": ["none"]}} if fault == "wrong_shape" else {}
    kind = "status" if fault.isdigit() else fault
    full.revel.faults.add(
        kind, "GET", "/resources/Order/", times=3 if fault in {"500", "drop_before"} else 1, **details
    )
    assert verdicts(full) == ["injected", "skipped ORDER_EXISTS", "injected", "injected"]


def test_a_list_of_everything_shows_what_is_there_all_the_same(full: World) -> None:
    for number in range(30):
        full.add_order(70000000 + number)
    full.add_order(EVENTS[2])
    full.revel.ignored_filters.add("local_id")
    assert verdicts(full) == ["injected", "injected", "skipped ORDER_EXISTS", "injected"]


@pytest.mark.parametrize(("seconds", "asked"), [(10, [8]), (50, [8]), (61, [8, 4, 2])])
def test_an_answer_of_long_ago_is_asked_for_again(full: World, seconds: int, asked: list[int]) -> None:
    full.at(r"after POST /resources/OrderHistory/", lambda: full.time.move(seconds=seconds))
    assert verdicts(full) == ["injected"] * 4
    assert lookups(full) == asked


def test_an_order_made_meanwhile_is_seen_once_the_answer_is_old(full: World) -> None:
    def turn_up() -> None:
        full.add_order(EVENTS[1])
        full.time.move(seconds=61)

    full.at(r"after POST /resources/OrderHistory/", turn_up)
    assert verdicts(full) == ["injected", "skipped ORDER_EXISTS", "injected", "injected"]


def test_the_last_event_of_an_old_answer_is_looked_up_alone(full: World) -> None:
    for each in EVENTS[2:]:
        del full.tripleseat.state.events[each]
    full.at(r"after POST /resources/OrderHistory/", lambda: full.time.move(seconds=61))
    full.sync()
    assert lookups(full) == [4, 2]


def test_an_order_begun_is_never_taken_for_absent(full: World) -> None:
    full.at("after POST /resources/OrderItem/", full.die)
    with pytest.raises(Died):
        full.sync()
    full.forget_requests()
    full.time.move(hours=1)
    assert verdicts(full) == ["injected"] * 4
    assert 2 in lookups(full)
    assert [full.flaws(each) for each in EVENTS] == [[]] * 4


@pytest.mark.parametrize(
    ("by_clock", "by_instant", "fresh"),
    [(0, 0, True), (59, 59, True), (60, 1, False), (1, 60, False), (-1, 1, False), (1, -1, False), (3600, 3600, False)],
)
def test_an_answer_is_fresh_by_both_clocks_or_not_at_all(
    full: World, by_clock: float, by_instant: float, fresh: bool
) -> None:
    now, instant = [MORNING], [100.0]
    with full.open_run() as ctx:
        ctx = replace(ctx, system=replace(ctx.system, clock=lambda: now[0], monotonic=lambda: instant[0]))
        asked = ctx.moment()
        now[0] += timedelta(seconds=by_clock)
        instant[0] += by_instant
        assert ctx.is_fresh(asked) is fresh


def test_names_with_commas_are_looked_up_one_by_one(full: World) -> None:
    full.config["orders"] = {"local_id": "TS,{event_id}"}
    assert verdicts(full) == ["injected"] * 4
    assert lookups(full) == []


def test_a_dry_run_looks_them_up_together_too(full: World) -> None:
    report = full.sync(dry_run=True)
    assert [find_outcome(report, each).status for each in EVENTS] == ["planned"] * 4
    assert lookups(full) == [8]


def test_many_events_are_several_requests(full: World) -> None:
    for number in range(4, 20):
        full.add_event(FIRST + number, lines=[("Coffee Urn", 1, 38)])
    full.sync()
    assert lookups(full) == [16, 16, 8], "a batch of eight, another, and four"
    assert len(full.revel.orders) == 21


# Events that can't be planned


UNPLANNED = [("Nothing on the menu", 1, 38)]


def test_new_holds_are_looked_up_together_and_once(full: World) -> None:
    for each in EVENTS:
        full.rewrite_event(each, lines=UNPLANNED)
    full.add_order(EVENTS[0])
    assert verdicts(full) == ["skipped ORDER_EXISTS", *["held UNMAPPED_ITEMS"] * 3]
    assert lookups(full)[0] == 8
    full.forget_requests()
    assert verdicts(full) == ["skipped ORDER_EXISTS", *["held UNMAPPED_ITEMS"] * 3]
    assert full.looks == 1, "one look at the order that somebody else made"
    full.rewrite_event(EVENTS[1], lines=[("Coffee Urn", 1, 38)])
    assert verdict(full.sync(), EVENTS[1]) == "injected"


def test_an_order_of_ours_whose_event_cannot_be_planned_is_named_and_never_doubled(full: World) -> None:
    event = EVENTS[0]
    full.sync()
    (order,) = full.orders_of(event)
    full.lose_ledger()
    full.rewrite_event(event, lines=UNPLANNED)
    for _ in range(2):
        report = full.sync()
        assert verdict(report, event) == "held ORDER_DIFFERS"
        assert find_outcome(report, event).order_id == str(order["id"])
    full.rewrite_event(event, lines=[("Coffee Urn", 1, 38)])
    assert verdict(full.sync(), event) == "skipped ALREADY_INJECTED"
    assert len(full.orders_of(event)) == 1


def test_a_half_written_order_of_ours_whose_event_cannot_be_planned_is_called_unfinished(world: World) -> None:
    world.at("before POST /resources/OrderItem", world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()
    world.lose_ledger()
    world.time.move(minutes=45)
    world.rewrite_event(FULL, lines=UNPLANNED)
    outcome = find_outcome(world.sync(), FULL)
    assert (outcome.reason, "is unfinished" in outcome.text) == (Reason.ORDER_DIFFERS, True)


def test_a_twin_of_an_event_that_cannot_be_planned_stays_an_alarm(full: World) -> None:
    full.rewrite_event(EVENTS[0], lines=UNPLANNED)
    for _ in range(2):
        full.add_order(EVENTS[0])
    for _ in range(2):
        report = full.sync()
        assert (verdict(report, EVENTS[0]), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
