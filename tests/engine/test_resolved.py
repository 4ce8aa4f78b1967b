"""Events that a person has settled: no run holds them, fails them or writes for them, and a change is told once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tsrevel.ledger import Verdict
from tsrevel.planning.model import EventId, OrderId

from .. import older_rows
from ..world import Died, World, find_outcome, verdict
from .conftest import EARLY, FULL, MISSED, UNMAPPED
from .deliveries import deliver, delivery


def resolve(world: World, event_id: int, word: str, order_id: str | None = None) -> None:
    """Settle an event as a person does. Revel has the order that they name."""
    rows = world.revel.state.rows["Order"]
    if order_id and int(order_id) not in rows:
        rows[int(order_id)] = {**rows.pop(world.add_order(event_id, "by hand")), "id": int(order_id)}
    with world.ledger() as ledger:
        said: Verdict = "done" if word == "done" else "ignored"
        ledger.events.resolve(EventId(str(event_id)), said, "a note", OrderId(order_id) if order_id else None)


def reopen(world: World, event_id: int) -> None:
    with world.ledger() as ledger:
        ledger.events.reopen(EventId(str(event_id)), "")


@pytest.mark.parametrize(("word", "reason"), [("done", "ALREADY_INJECTED"), ("ignored", "STATUS_NOT_ELIGIBLE")])
def test_a_held_event_is_skipped_in_peace(day: World, word: str, reason: str) -> None:
    assert day.sync().exit_status == 3
    resolve(day, UNMAPPED, word)
    day.forget_requests()
    for _ in range(2):
        report = day.sync()
        outcome = find_outcome(report, UNMAPPED)
        assert (verdict(report, UNMAPPED), outcome.news, report.exit_status) == (f"skipped {reason}", False, 0)
        assert f"a person resolved it as {word}" in outcome.text
        assert ("or says what to check first" in outcome.text) is (word == "done")
    assert day.tripleseat.count(path=f"/v1/events/{UNMAPPED}") == 0
    assert day.writes == []


def test_a_finished_order_whose_event_is_refused_stays_settled_until_the_event_changes_again(world: World) -> None:
    world.sync()
    world.tripleseat.forbidden.add(FULL)
    for number in (50, 60):
        world.time.move(minutes=45)
        world.tripleseat.edit_event(FULL, guest_count=number)
        assert verdict(world.sync(), FULL) == "held AUTHORIZATION_DENIED"
        world.time.move(minutes=2)
        resolve(world, FULL, "done")
        for _ in range(2):
            report = world.sync()
            assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)
    world.tripleseat.forbidden.clear()
    assert verdict(world.sync(), FULL) == "skipped CHANGED_AFTER_INJECTION"


def test_an_event_that_is_ignored_before_its_day_is_never_made(day: World) -> None:
    resolve(day, FULL, "ignored")
    resolve(day, EARLY, "ignored")
    report = day.sync()
    assert verdict(report, FULL) == verdict(report, EARLY) == "skipped STATUS_NOT_ELIGIBLE"
    assert day.sync_event(FULL, ignore_time_gate=True).exit_status == 0
    assert day.orders_of(FULL) == []


@pytest.mark.parametrize("days", [1, 4, 40])
def test_opened_again_after_its_day_it_is_told_as_missed(day: World, days: int) -> None:
    day.sync()
    resolve(day, UNMAPPED, "ignored")
    resolve(day, MISSED, "ignored")
    for _ in range(days):
        day.time.move(days=1)
        day.sync()
    reopen(day, UNMAPPED)
    reopen(day, MISSED)
    with day.ledger() as ledger:
        assert {each.event_id for each in ledger.queries.waiting()} >= {str(MISSED), str(UNMAPPED)}
    report = day.sync()
    assert {each.event_id for each in report.outcomes if each.missed} >= {str(UNMAPPED), str(MISSED)}
    assert report.exit_status == 3
    assert not any(each.missed for each in day.sync().outcomes)
    with day.ledger() as ledger:
        assert {each.event_id for each in ledger.queries.missed()} >= {str(UNMAPPED), str(MISSED)}


def test_opened_again_it_is_made_after_all_and_once(world: World) -> None:
    resolve(world, FULL, "ignored")
    world.sync()
    reopen(world, FULL)
    assert verdict(world.sync(), FULL) == "injected"
    resolve(world, FULL, "done")
    reopen(world, FULL)
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"
    assert world.flaws(FULL) == []


def test_a_missed_event_raises_no_alarm_once_it_is_settled(day: World) -> None:
    day.sync()
    resolve(day, MISSED, "done", "999")
    report = day.sync()
    outcome = find_outcome(report, MISSED)
    assert (verdict(report, MISSED), outcome.order_id, outcome.missed) == ("skipped ALREADY_INJECTED", "999", False)


def test_a_disputed_order_is_left_to_the_person_who_settled_it(world: World) -> None:
    world.revel.dropped_fields.add("tax")
    assert world.sync().exit_status == 14
    resolve(world, FULL, "done")
    world.forget_requests()
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)
    assert find_outcome(report, FULL).order_id == "5550101"
    assert world.writes == []
    reopen(world, FULL)
    assert world.sync().exit_status == 14


@pytest.mark.parametrize("listed", [True, False])
def test_an_order_begun_is_not_finished_behind_the_persons_back(world: World, listed: bool) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()
    resolve(world, FULL, "ignored")
    world.forget_requests()
    if not listed:
        world.time.move(days=40)  # further than a run looks back to the first, which died
    report = world.sync()
    assert (report.exit_status, world.writes) == (0, [])
    assert [verdict(report, each.event_id) for each in report.outcomes] == ["skipped STATUS_NOT_ELIGIBLE"] * listed


def test_an_order_begun_is_finished_once_it_is_opened_again(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()
    resolve(world, FULL, "ignored")
    world.sync()
    reopen(world, FULL)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


RESOLVED = [("done", "999"), ("done", None), ("ignored", None)]


@pytest.mark.parametrize(("word", "order_id"), RESOLVED)
@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"grand_total": "500.00"}, "CHANGED_AFTER_INJECTION"),
        ({"event_date_iso8601": "2026-12-13", "event_date": "12/13/2026"}, "CHANGED_AFTER_INJECTION"),
        ({"status": "LOST"}, "CANCELLED_AFTER_INJECTION"),
    ],
)
def test_each_change_afterwards_is_told_once_with_exit_3(
    day: World, word: str, order_id: str | None, edit: dict[str, str], reason: str
) -> None:
    day.sync()
    resolve(day, UNMAPPED, word, order_id)
    assert day.sync().exit_status == 0
    day.time.move(minutes=45)
    day.tripleseat.edit_event(UNMAPPED, **edit)
    first, second = day.sync(), day.sync()
    assert verdict(first, UNMAPPED) == f"skipped {reason}"
    assert [find_outcome(each, UNMAPPED).news for each in (first, second)] == [True, False]
    assert f"a person resolved it as {word}" in find_outcome(first, UNMAPPED).text
    assert "--as open" not in find_outcome(first, UNMAPPED).text
    assert [(each.exit_status, each.changed) for each in (first, second)] == [(3, 1), (0, 0)]
    day.time.move(minutes=45)
    day.tripleseat.edit_event(UNMAPPED, guest_count=77)
    assert day.sync().exit_status == 3


def see_by_name(world: World) -> None:
    """Let a run see the event, but no listing: a listing alone tells of later changes."""
    world.sync_event(UNMAPPED)


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize(("word", "order_id"), RESOLVED)
def test_of_an_event_that_no_listing_had_shown_no_later_change_is_silent(
    day: World, word: str, order_id: str | None, seen: bool
) -> None:
    if seen:
        see_by_name(day)
    resolve(day, UNMAPPED, word, order_id)
    day.time.move(minutes=45)
    report = day.sync()
    assert (find_outcome(report, UNMAPPED).news, report.changed) == (False, 0)
    for edit in ({"grand_total": "500.00"}, {"grand_total": "600.00"}, {"status": "LOST"}):
        day.time.move(minutes=45)
        day.tripleseat.edit_event(UNMAPPED, **edit)
        assert [day.sync().changed for _ in range(2)] == [1, 0]


@pytest.mark.parametrize("seen", [True, False])
def test_a_change_between_the_resolution_and_the_first_listing_is_told(day: World, seen: bool) -> None:
    if seen:
        see_by_name(day)
    resolve(day, UNMAPPED, "done")
    day.time.move(minutes=45)
    day.tripleseat.edit_event(UNMAPPED, grand_total="500.00")
    assert [day.sync().changed for _ in range(2)] == [1, 0]


def test_an_event_that_was_edited_in_the_minute_of_its_resolution_has_not_changed(day: World) -> None:
    """TripleSeat's stamp has only minutes; a person has seen the event as it was."""
    day.tripleseat.edit_event(UNMAPPED, grand_total="500.00")
    resolve(day, UNMAPPED, "done")
    day.time.move(minutes=45)
    assert day.sync().changed == 0


def leave_half_written(world: World) -> None:
    world.revel.faults.add("status", "POST", "/OrderItem/", times=None, after=1, status=400)


def let_it_be_disputed(world: World) -> None:
    world.revel.dropped_fields.add("tax")


@pytest.mark.parametrize("trouble", [leave_half_written, let_it_be_disputed])
@pytest.mark.parametrize("how", ["not at all", "by name", "by a delivery"])
@pytest.mark.parametrize("is_changed", [False, True])
def test_an_order_begun_tells_the_changes_since_its_plan_however_its_event_was_looked_at_before_it_was_resolved(
    world: World, trouble: Callable[[World], None], how: str, is_changed: bool
) -> None:
    trouble(world)
    world.sync()
    world.time.move(minutes=45)
    if how == "by name":
        world.sync_event(FULL)
    if how == "by a delivery":
        deliver(world, delivery(world, FULL))
    if is_changed:
        world.tripleseat.edit_event(FULL, grand_total="900.00")
    world.time.move(minutes=5)
    resolve(world, FULL, "done", "5550101")
    world.time.move(minutes=5)
    assert [world.sync().changed for _ in range(2)] == [int(is_changed), 0]


@pytest.mark.parametrize("is_resolved", [True, False])
def test_an_order_begun_whose_hash_an_older_version_lost_tells_only_later_changes(
    world: World, is_resolved: bool
) -> None:
    let_it_be_disputed(world)
    world.sync()
    world.time.move(minutes=45)
    if is_resolved:
        resolve(world, FULL, "done")
    older_rows.blank_digests(world.folder / "ledger.sqlite3")
    if not is_resolved:
        resolve(world, FULL, "done")
    world.time.move(minutes=45)
    assert world.sync().changed == 0
    world.tripleseat.edit_event(FULL, grand_total="900.00")
    assert [world.sync().changed for _ in range(2)] == [1, 0]


@pytest.mark.parametrize("order_id", ["999", None])
def test_an_event_that_is_deleted_after_it_was_resolved_is_told_once(day: World, order_id: str | None) -> None:
    day.sync()
    resolve(day, UNMAPPED, "done", order_id)
    day.sync()
    event = day.tripleseat.state.events.pop(UNMAPPED)
    report = day.sync()
    assert (verdict(report, UNMAPPED), report.exit_status) == ("skipped CANCELLED_AFTER_INJECTION", 3)
    for again in (False, True):
        if again:
            resolve(day, UNMAPPED, "done")
        day.forget_requests()
        assert str(UNMAPPED) not in {each.event_id for each in day.sync().outcomes}
        assert day.tripleseat.count(path=f"/v1/events/{UNMAPPED}") == 0
    day.tripleseat.state.events[UNMAPPED] = event
    assert verdict(day.sync(), UNMAPPED) == "skipped CHANGED_AFTER_INJECTION"


@pytest.mark.parametrize("fault", [None, 403, 500])
def test_a_resolved_event_that_only_the_listing_leaves_out_is_let_be(day: World, fault: int | None) -> None:
    day.sync()
    resolve(day, UNMAPPED, "done")
    day.tripleseat.hide_event(UNMAPPED, lookups=2)
    if fault:
        day.tripleseat.faults.add("status", "GET", f"/v1/events/{UNMAPPED}", times=9, status=fault)
    report = day.sync()
    assert (verdict(report, UNMAPPED), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


def test_an_ignored_event_that_is_deleted_needs_nothing(day: World) -> None:
    day.sync()
    resolve(day, UNMAPPED, "ignored")
    del day.tripleseat.state.events[UNMAPPED]
    assert day.sync().exit_status == 0


def test_a_state_that_a_dry_run_sees_first_is_noted_by_the_next_live_run(day: World) -> None:
    resolve(day, UNMAPPED, "done")
    day.time.move(minutes=45)
    day.sync(dry_run=True)
    day.tripleseat.edit_event(UNMAPPED, grand_total="500.00")
    assert [day.sync().changed for _ in range(2)] == [1, 0]


@pytest.mark.parametrize("is_older", [True, False])
def test_an_unchanged_event_is_no_change_though_an_older_version_or_a_run_in_its_minute_read_it(
    day: World, is_older: bool
) -> None:
    if not is_older:
        day.tripleseat.edit_event(UNMAPPED, description="No nuts, please.")
    day.sync()
    resolve(day, UNMAPPED, "done")
    if is_older:
        older_rows.cut_digests(day.folder / "ledger.sqlite3")
    for _ in range(2):
        day.time.move(minutes=45)
        report = day.sync()
        assert (verdict(report, UNMAPPED), report.exit_status) == ("skipped ALREADY_INJECTED", 0)
        assert not find_outcome(report, UNMAPPED).news


def test_a_dry_run_does_not_take_a_change_for_told(day: World) -> None:
    day.sync()
    resolve(day, UNMAPPED, "ignored")
    day.tripleseat.edit_event(UNMAPPED, grand_total="500.00")
    assert [find_outcome(day.sync(dry_run=dry), UNMAPPED).news for dry in (True, False, False)] == [True, True, False]


def test_a_finished_order_goes_on_to_be_watched(world: World) -> None:
    world.sync()
    resolve(world, FULL, "done")
    world.time.move(minutes=45)
    world.tripleseat.edit_event(FULL, status="LOST")
    assert verdict(world.sync(), FULL) == "skipped CANCELLED_AFTER_INJECTION"


def test_a_row_that_cannot_even_be_read_can_be_settled(day: World) -> None:
    day.tripleseat.edit_event(UNMAPPED, location_id={"odd": 1}, event_date_iso8601=["odd"])
    report = day.sync()
    held = find_outcome(report, UNMAPPED)
    assert held.status == "held"
    resolve(day, UNMAPPED, "ignored")
    assert verdict(day.sync(), UNMAPPED) == "skipped STATUS_NOT_ELIGIBLE"


def test_nothing_to_be_tried_again_is_left_of_it(day: World) -> None:
    day.sync()
    resolve(day, UNMAPPED, "ignored")
    with day.ledger() as ledger:
        assert ledger.events.retryable() == ()


def test_a_cancellation_that_no_search_lists_is_told_once(day: World) -> None:
    assert day.sync().exit_status == 3
    resolve(day, UNMAPPED, "done", "999")
    day.tripleseat.state.hidden[UNMAPPED] = 99
    day.tripleseat.cancel_event(UNMAPPED)
    reports = [day.sync() for _ in range(3)]
    assert [each.exit_status for each in reports] == [3, 0, 0]
    told = find_outcome(reports[0], UNMAPPED)
    assert (told.reason, "Revel order 999" in told.text) == ("CANCELLED_AFTER_INJECTION", True)


def test_a_cancelled_event_with_a_disputed_order_and_a_named_one_is_told_of_both(world: World) -> None:
    world.revel.dropped_fields.add("tax")
    assert world.sync().exit_status == 14
    resolve(world, FULL, "done", "777")
    assert world.sync().exit_status == 0
    world.tripleseat.cancel_event(FULL)
    text = find_outcome(world.sync(), FULL).text
    assert "Revel order 777, which a person named, may still stand, and so may Revel order 5550101" in text
