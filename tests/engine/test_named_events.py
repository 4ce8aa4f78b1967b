"""`sync-event`: the same for named events, fetched one by one."""

from __future__ import annotations

from datetime import date

import pytest

from tsrevel.ledger import RunRecord
from tsrevel.planning.model import EventId, OrderId
from tsrevel.planning.reasons import Reason, Status

from ..world import Died, World, find_outcome, verdict
from .conftest import EARLY, FULL, MISSED, PAID, UNMAPPED


def test_a_named_event_is_injected_without_any_listing(day: World) -> None:
    report = day.sync_event(FULL)
    assert (report.mode, report.summary["queried"], verdict(report, FULL)) == ("single", 1, "injected")
    assert day.flaws(FULL) == []
    assert day.tripleseat.count(path="search") == 0
    assert len(day.revel.orders) == 1


def test_an_event_named_twice_is_one(day: World) -> None:
    assert len(day.sync_event(FULL, FULL, PAID).outcomes) == 2
    assert len(day.orders_of(FULL)) == 1


def test_a_named_event_that_is_done_is_not_done_again(day: World) -> None:
    day.sync()
    report = day.sync_event(FULL)
    assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)
    assert len(day.orders_of(FULL)) == 1


def test_a_named_event_keeps_to_the_time_gate_unless_told_otherwise(day: World) -> None:
    report = day.sync_event(EARLY, MISSED)
    assert [verdict(report, each) for each in (EARLY, MISSED)] == ["skipped TOO_EARLY", "skipped EVENT_DAY_PASSED"]
    report = day.sync_event(EARLY, MISSED, ignore_time_gate=True)
    assert [verdict(report, each) for each in (EARLY, MISSED)] == ["injected"] * 2
    assert [day.flaws(each) for each in (EARLY, MISSED)] == [[], []]


def test_a_named_event_may_be_tried_dry(day: World) -> None:
    report = day.sync_event(EARLY, ignore_time_gate=True, dry_run=True)
    assert (verdict(report, EARLY), day.writes) == ("planned", [])


def test_a_named_event_keeps_to_the_allowed_locations(day: World) -> None:
    assert verdict(day.sync_event(FULL, only=["30502"]), FULL) == "skipped LOCATION_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("status", "expected", "exit_status"),
    [
        (404, "failed EVENT_DATA_UNAVAILABLE", 2),
        (403, "held AUTHORIZATION_DENIED", 3),
        (500, "failed UPSTREAM_UNAVAILABLE", 13),
    ],
)
def test_a_named_event_that_tripleseat_does_not_hand_out_is_told(
    day: World, status: int, expected: str, exit_status: int
) -> None:
    day.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=None, status=status)
    report = day.sync_event(FULL)
    assert (verdict(report, FULL), report.exit_status) == (expected, exit_status)


def test_a_named_event_that_does_not_exist_keeps_the_others_going(day: World) -> None:
    report = day.sync_event(1, FULL)
    assert [verdict(report, each) for each in (1, FULL)] == ["failed EVENT_DATA_UNAVAILABLE", "injected"]
    assert report.exit_status == 2


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_id_that_names_no_event_leaves_nothing_in_the_ledger(day: World, *, dry_run: bool) -> None:
    day.sync_event(1, dry_run=dry_run)
    with day.ledger() as ledger:
        assert ledger.events.retryable() == ()
        assert ledger.events.last_results([EventId("1")]) == {}


def test_an_event_that_the_ledger_knows_was_deleted_if_tripleseat_has_lost_it(day: World) -> None:
    day.sync()
    with day.ledger() as ledger:
        ledger.events.resolve(EventId("64000099"), "ignored", "never seen", None)
    for event in (FULL, UNMAPPED):
        day.tripleseat.state.events.pop(event)
    report = day.sync_event(FULL, UNMAPPED, 64000099)
    deleted = ["CANCELLED_AFTER_INJECTION", "EVENT_DELETED", "STATUS_NOT_ELIGIBLE"]
    assert [each.reason for each in report.outcomes] == deleted
    assert report.exit_status == 3
    assert day.sync_event(FULL, UNMAPPED, 64000099).exit_status == 0


def test_a_deleted_event_that_an_empty_listing_lacks_is_settled_by_its_id(world: World) -> None:
    world.rewrite_event(FULL, lines=[("Nobody knows", 1, 5)])
    assert verdict(world.sync(), FULL) == "held UNMAPPED_ITEMS"
    world.tripleseat.state.events.pop(FULL)
    assert world.sync().exit_status == 13
    assert [world.sync_event(FULL).exit_status, world.sync().exit_status] == [0, 0]


def test_a_named_event_that_comes_as_garbage_is_told(day: World) -> None:
    day.tripleseat.faults.add("html", "GET", f"/v1/events/{FULL}", times=None)
    assert verdict(day.sync_event(FULL), FULL) == "failed EVENT_DATA_UNAVAILABLE"


def test_a_refused_token_ends_the_run_with_twelve(day: World) -> None:
    day.tripleseat.faults.add("status", "GET", "/v1/events/", times=None, status=401)
    report = day.sync_event(FULL)
    assert (report.exit_status, report.success) == (12, False)
    assert [(each.status, each.reason) for each in report.outcomes] == [(Status.FAILED, Reason.AUTHORIZATION_DENIED)]


def test_a_named_event_that_was_begun_is_finished(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    assert verdict(world.sync_event(FULL), FULL) == "injected"
    assert world.flaws(FULL) == []


def test_a_named_event_that_has_changed_is_reported(world: World) -> None:
    world.sync()
    world.rewrite_event(FULL, lines=[("Coffee Urn", 1, 38)])
    assert verdict(world.sync_event(FULL), FULL) == "skipped CHANGED_AFTER_INJECTION"
    assert verdict(world.sync_event(FULL), FULL) == "skipped ALREADY_INJECTED"
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_a_held_named_event_says_why(day: World) -> None:
    report = day.sync_event(UNMAPPED)
    assert (verdict(report, UNMAPPED), report.exit_status) == ("held UNMAPPED_ITEMS", 3)
    assert "Ube Celebration Cake" in find_outcome(report, UNMAPPED).text


def test_a_span_of_days_may_be_asked_for(day: World) -> None:
    report = day.sync(first=date(2026, 12, 11), last=date(2026, 12, 11))
    assert [each.event_id for each in report.outcomes] == [str(MISSED)]
    report = day.sync(first=date(2026, 12, 18), last=date(2026, 12, 18))
    assert [each.event_id for each in report.outcomes] == [str(EARLY)]


def test_one_end_of_a_span_is_enough(day: World) -> None:
    found = {each.event_id for each in day.sync(first=date(2026, 12, 18)).outcomes}
    assert found == {str(EARLY)}
    found = {each.event_id for each in day.sync(last=date(2026, 12, 11)).outcomes}
    assert str(MISSED) in found
    assert str(EARLY) not in found


def test_an_order_is_not_made_from_a_state_older_than_the_search_shows(world: World) -> None:
    old = world.tripleseat.event(FULL)
    world.time.move(minutes=5)
    world.rewrite_event(FULL, lines=[("Coffee Urn", 1, 50)])
    world.tripleseat.faults.add("wrong_shape", "GET", f"/v1/events/{FULL}", body={"event": old})
    report = world.sync()
    assert (verdict(report, FULL), world.writes) == ("failed EVENT_DATA_UNAVAILABLE", [])
    assert verdict(world.sync(), FULL) == "injected"
    assert world.flaws(FULL) == []


def test_an_event_that_is_gone_as_is_the_order_that_was_begun_for_it_was_deleted(world: World) -> None:
    world.at("before POST /resources/Order/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.tripleseat.state.events.pop(FULL)
    world.time.move(minutes=45)
    world.add_event(lines=[("Coffee Urn", 1, 38)])  # else nothing is listed
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped EVENT_DELETED", 0)


def test_an_order_without_a_plan_shows_that_its_event_is_known(world: World) -> None:
    event = EventId("64000090")
    with world.ledger() as ledger:
        ledger.runs.begin(RunRecord("run-0", "sync-run-0", "bulk", dry_run=False, started_at=world.time.now))
        ledger.orders.settle("run-0", event, OrderId("5550199"), None)
    assert world.sync_event(event).exit_status == 3


def test_only_the_person_who_typed_an_id_is_asked_to_check_it(day: World) -> None:
    day.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=None, status=404)
    assert "check the id" in find_outcome(day.sync_event(FULL), FULL).text
    listed = find_outcome(day.sync(), FULL)
    assert (listed.status, listed.reason) == ("failed", "EVENT_DATA_UNAVAILABLE")
    assert ("check the id" in listed.text, "still lists" in listed.text) == (False, True)


@pytest.mark.parametrize(
    ("status", "expected"), [(503, "failed UPSTREAM_UNAVAILABLE"), (401, "failed AUTHORIZATION_DENIED")]
)
def test_a_named_event_that_fails_at_revel_has_the_day_and_place_that_tripleseat_told(
    day: World, status: int, expected: str
) -> None:
    day.revel.faults.add("status", "GET", "/", times=99, status=status)
    told = find_outcome(day.sync_event(FULL), FULL)
    assert (f"{told.status} {told.reason}", told.day, told.location, told.establishment) == (
        expected,
        date(2026, 12, 12),
        "Special Events",
        8,
    )
    assert told.name


@pytest.mark.parametrize("others", [True, False])
def test_a_named_event_that_failed_at_revel_and_that_no_search_lists_is_missed_by_the_next_run(
    world: World, others: bool
) -> None:
    """The ledger expects it on its day: an empty listing is an error, and in another one it isn't forgotten."""
    if others:
        world.add_event(64000099)
    world.revel.faults.add("status", "GET", "/", times=99, status=503)
    world.sync_event(FULL)
    world.revel.faults.clear()
    world.tripleseat.unlisted = {FULL}
    report = world.sync()
    assert (report.error is None) == others
    assert not others or verdict(report, FULL) == "injected"
    assert others or report.exit_status == 13


def test_a_named_event_that_could_not_be_read_is_read_by_the_next_run(world: World) -> None:
    world.add_event(64000099)
    world.tripleseat.unlisted = {FULL}
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=99, status=500)
    assert find_outcome(world.sync_event(FULL), FULL).day is None
    assert verdict(world.sync(), FULL) == "failed UPSTREAM_UNAVAILABLE"
    world.tripleseat.faults.clear()
    assert verdict(world.sync(), FULL) == "injected"


@pytest.mark.parametrize("fault", ["failed", "held"])
def test_a_missed_event_is_missed_once_more_after_a_person_tried_it_in_vain(day: World, fault: str) -> None:
    """No run tries it again by itself, whatever the report of the failure says."""
    assert find_outcome(day.sync(), MISSED).missed
    assert not find_outcome(day.sync(), MISSED).missed
    if fault == "failed":
        day.revel.faults.add("status", "GET", "/", times=99, status=503)
    else:
        day.rewrite_event(MISSED, lines=[("Nobody's product", 1, 10)])
    assert find_outcome(day.sync_event(MISSED, ignore_time_gate=True), MISSED).status == fault
    day.revel.faults.clear()
    first, second = (find_outcome(day.sync(), MISSED) for _ in range(2))
    assert [(each.status, each.reason, each.missed) for each in (first, second)] == [
        (Status.SKIPPED, Reason.EVENT_DAY_PASSED, True),
        (Status.SKIPPED, Reason.EVENT_DAY_PASSED, False),
    ]
