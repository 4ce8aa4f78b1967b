"""A delivery says which event to look at; the order is made of the newer state, and never of a stale payload."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tsrevel.engine.deliveries import understand
from tsrevel.sandbox import Payment
from tsrevel.sandbox.day import FULL_CHARGES, FULL_LINES
from tsrevel.sandbox.documents import SampleLine

from ..world import World
from .conftest import EARLY, FULL, MISSED, PAID
from .deliveries import booking, deliver, delivery, encode, noted, partial, receiving, said, seat_requests

MOVED = 64000050
FULL_PATH = f"/v1/events/{FULL}"
CONTRACT: dict[str, Any] = {"lines": FULL_LINES, "charges": FULL_CHARGES, "payments": [Payment("200.00")]}
Change = Callable[[World], object]


def same_stamp(world: World, **changes: Any) -> None:
    """A change within the minute, or one that doesn't move `updated_at`, as those of documents needn't."""
    world.tripleseat.edit_event(FULL, updated_at=world.tripleseat.event(FULL)["updated_at"], **changes)


def rewrite_within_the_minute(world: World, **content: Any) -> None:
    stamp = world.tripleseat.event(FULL)["updated_at"]
    world.rewrite_event(FULL, **{**CONTRACT, **content})
    world.tripleseat.edit_event(FULL, updated_at=stamp)


STILL_DUE: dict[str, Change] = {
    "another amount": lambda world: world.rewrite_event(FULL, **{**CONTRACT, "lines": FULL_LINES[1:]}),
    "another amount, the same minute": lambda world: rewrite_within_the_minute(world, lines=FULL_LINES[1:]),
    "paid since": lambda world: rewrite_within_the_minute(world, payments=[Payment("200.00"), Payment("100.00")]),
    "a deposit taken back": lambda world: rewrite_within_the_minute(world, payments=[]),
}


@pytest.mark.parametrize("change", STILL_DUE.values(), ids=STILL_DUE)
def test_money_that_changed_since_the_delivery_is_the_order_s(world: World, change: Change) -> None:
    body = delivery(world, FULL)
    change(world)
    world.forget_requests()
    assert said(*deliver(world, body)) == "done"
    assert (world.flaws(FULL), seat_requests(world)) == ([], [FULL_PATH])


def gone_for_long(world: World) -> None:
    """It is gone, and its delivery came so long ago that TripleSeat no longer lags."""
    world.tripleseat.state.events.pop(FULL)
    world.time.move(minutes=15)


NO_MORE: dict[str, tuple[Change, str]] = {
    "lost": (lambda world: same_stamp(world, status="LOST"), "STATUS_NOT_ELIGIBLE"),
    "not sold yet": (lambda world: same_stamp(world, status="TENTATIVE"), "STATUS_NOT_ELIGIBLE"),
    "deleted": (lambda world: world.tripleseat.delete_event(FULL), "EVENT_DELETED"),
    "gone": (gone_for_long, "EVENT_DELETED"),
    "another day": (
        lambda world: same_stamp(
            world,
            event_date_iso8601="2026-12-20",
            event_start_iso8601="2026-12-20T11:00:00-08:00",
            event_date="12/20/2026",
        ),
        "TOO_EARLY",
    ),
    "a place without an entry": (
        lambda world: same_stamp(world, location_id=39999, site_id=19999, location={"id": 39999, "name": "Elsewhere"}),
        "LOCATION_NOT_MAPPED",
    ),
}


@pytest.mark.parametrize(("change", "reason"), NO_MORE.values(), ids=NO_MORE)
@pytest.mark.parametrize("trigger", ["UPDATE_EVENT", "CREATE_EVENT", "STATUS_CHANGE_EVENT"])
def test_an_event_that_is_not_due_any_more_makes_no_order(
    world: World, trigger: str, change: Change, reason: str
) -> None:
    body, received = delivery(world, FULL, trigger), world.time.now
    change(world)
    (answer,) = deliver(world, body, received=received)
    assert (answer.ok, said(answer), noted(world, answer)) == (True, f"not done {reason}", True)
    assert world.writes == []


def test_an_event_that_moved_to_another_place_is_made_an_order_there(world: World) -> None:
    body = delivery(world, FULL)
    same_stamp(world, location_id=30502, site_id=15692, location={"id": 30502, "name": "Lakeside", "site_id": 15692})
    (answer,) = deliver(world, body)
    assert (said(answer), answer.outcomes[0].location) == ("done", "Lakeside Bakery")
    assert [each["establishment"] for each in world.orders_of(FULL)] == ["/enterprise/Establishment/9/"]


def come_into_its_day(world: World) -> int:
    today = {"event_date_iso8601": "2026-12-12", "event_date": "12/12/2026"}
    world.tripleseat.edit_event(EARLY, **today, event_start_iso8601="2026-12-12T11:00:00-08:00")
    return EARLY


def be_sold(world: World) -> int:
    same_stamp(world, status="DEFINITE")
    return FULL


def be_restored(world: World) -> int:
    same_stamp(world, deleted_at=None)
    return FULL


@pytest.mark.parametrize(
    ("before", "happen"),
    [
        (lambda world: delivery(world, EARLY), come_into_its_day),
        (lambda world: delivery(world, FULL, status="TENTATIVE"), be_sold),
        (lambda world: delivery(world, FULL, "DELETE_EVENT", deleted_at="12/12/2026 9:00 AM"), be_restored),
        (lambda world: encode("DELETE_EVENT", event={"id": FULL}), be_restored),
        (lambda world: delivery(world, FULL, location_id=39999, site_id=19999), be_sold),
        (lambda world: delivery(world, FULL, documents=[], grand_total="0.00"), be_sold),
    ],
    ids=["came into its day", "was sold", "was restored", "was restored, told by its id", "was moved", "got lines"],
)
def test_a_stale_payload_never_hides_an_event_that_is_due_now(
    day: World, before: Callable[[World], bytes], happen: Callable[[World], int]
) -> None:
    body = before(day)
    event = happen(day)
    assert said(*deliver(day, body)) == "done"
    assert day.flaws(event) == []


@pytest.mark.parametrize("event", [FULL, EARLY, MISSED])
@pytest.mark.parametrize("trouble", ["refused", "500", "429"])
def test_while_tripleseat_can_not_be_asked_a_delivery_waits(day: World, event: int, trouble: str) -> None:
    body = delivery(day, event)
    if trouble == "refused":
        day.wires["tripleseat"].down = True
    else:
        day.tripleseat.faults.add("status", "GET", "/v1/events/", times=None, status=int(trouble))
    (answer,) = deliver(day, body)
    assert (said(answer), answer.exit_status, answer.may_pass) == ("not done UPSTREAM_UNAVAILABLE", 13, True)
    assert (noted(day, answer), day.writes) == (False, [])
    day.wires["tripleseat"].down = False
    day.tripleseat.faults.clear()
    assert said(*deliver(day, body)) == {
        FULL: "done", EARLY: "not done TOO_EARLY", MISSED: "not done EVENT_DAY_PASSED"
    }[event]  # fmt: skip


def test_a_complete_delivery_of_an_event_that_we_may_not_read_makes_no_order(world: World) -> None:
    body = delivery(world, FULL)
    world.tripleseat.forbidden.add(FULL)
    (answer,) = deliver(world, body)
    assert (answer.ok, said(answer), noted(world, answer)) == (True, "not done AUTHORIZATION_DENIED", True)
    assert world.writes == []


def test_a_dry_run_foresees_what_a_live_run_would_write(world: World) -> None:
    body = delivery(world, FULL)
    same_stamp(world, status="LOST")
    assert said(*deliver(world, body, dry_run=True)) == "not done STATUS_NOT_ELIGIBLE"


# Bookings and documents


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda world: same_stamp(world, status="LOST"), "STATUS_NOT_ELIGIBLE"),
        (gone_for_long, "EVENT_DELETED"),
    ],
    ids=["lost", "gone"],
)
def test_each_event_of_a_booking_is_read(day: World, change: Change, reason: str) -> None:
    events = [day.tripleseat.event(each) for each in (FULL, PAID)]
    body, received = booking(day, FULL, PAID, events=events), day.time.now
    change(day)
    (answer,) = deliver(day, body, received=received)
    assert (said(answer), noted(day, answer), day.flaws(PAID)) == (f"done {reason}", True, [])
    assert day.orders_of(FULL) == []


def book(world: World, *event_ids: int) -> None:
    """The events of FULL's booking in TripleSeat."""
    world.tripleseat.add_booking({**world.tripleseat.event(FULL)["booking"], "event_ids": list(event_ids)})


@pytest.mark.parametrize(
    ("now", "payload"),
    [((FULL, PAID), "verify"), ((PAID,), "verify"), ((), "verify"), ((FULL, PAID), "trust")],
    ids=str,
)
def test_a_booking_s_events_are_those_it_has_now_and_those_it_had_at_the_delivery(
    day: World, now: tuple[int, ...], payload: str
) -> None:
    day.config["tripleseat"]["payload"] = payload
    body = booking(day, FULL)
    book(day, *now)
    (answer,) = deliver(day, body)
    events = [FULL, *(each for each in now if each != FULL and payload == "verify")]
    assert [each.event_id for each in answer.outcomes] == [str(each) for each in events]
    assert [day.flaws(each) for each in events] == [[] for _ in events]


@pytest.mark.parametrize("status", [403, 404, 422, 500])
def test_the_events_that_a_delivered_booking_names_need_no_answer_about_the_booking(world: World, status: int) -> None:
    world.tripleseat.faults.add("status", "GET", "/v1/bookings/", times=None, status=status)
    assert said(*deliver(world, booking(world, FULL))) == "done"
    assert world.flaws(FULL) == []


# One edit, several deliveries, in any order


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_the_deliveries_of_one_edit_make_one_order_of_the_newest_state(day: World, order: tuple[int, ...]) -> None:
    old = delivery(day, FULL)
    day.time.move(minutes=1)
    day.rewrite_event(FULL, **{**CONTRACT, "lines": FULL_LINES[1:]})
    bodies = [old, delivery(day, FULL, "CHANGE_EVENT_GUEST_COUNTS"), booking(day, FULL)]
    with receiving(day) as receiver:
        receiver.to_come += [understand(bodies[each])[1] for each in order]
        answers = [receiver.take(bodies[each]) for each in order]
    assert [said(each) for each in answers] == ["done", *["not done ALREADY_INJECTED"] * 2]
    assert day.flaws(FULL) == []


# TripleSeat behind its own deliveries


def late_answer(world: World, **changes: Any) -> bytes:
    """A delivery of a state that TripleSeat's answers don't show yet."""
    before = world.tripleseat.event(FULL)
    world.time.move(minutes=5)
    world.rewrite_event(FULL, **{**CONTRACT, "lines": FULL_LINES[1:]})
    body = delivery(world, FULL, **changes)
    world.tripleseat.state.events[FULL].update(before)
    return body


def test_a_complete_delivery_that_tripleseat_is_behind_is_the_newer_state(world: World) -> None:
    body = late_answer(world)
    assert said(*deliver(world, body)) == "done"
    world.rewrite_event(FULL, **{**CONTRACT, "lines": FULL_LINES[1:]})
    assert world.flaws(FULL) == []


@pytest.mark.parametrize("over", [{"status": "LOST"}, {"deleted_at": "12/12/2026 9:00 AM"}], ids=str)
def test_what_a_newer_delivery_tells_lost_or_deleted_makes_no_order(world: World, over: dict[str, Any]) -> None:
    (answer,) = deliver(world, late_answer(world, **over))
    assert (answer.ok, answer.processed, world.writes) == (True, False, [])


def test_a_deletion_that_tripleseat_is_behind_makes_no_order(world: World) -> None:
    body = encode("DELETE_EVENT", event={"id": FULL, "updated_at": "12/12/2026 9:59 AM"})
    assert said(*deliver(world, body)) == "not done EVENT_DELETED"
    assert world.writes == []


def test_a_partial_delivery_that_tripleseat_is_behind_waits_until_it_has_caught_up(world: World) -> None:
    now = world.tripleseat.event(FULL)["updated_at"]
    world.time.move(minutes=5)
    world.tripleseat.edit_event(FULL, guest_count=5)
    body = partial(world, FULL, "documents")
    world.tripleseat.edit_event(FULL, updated_at=now)
    (answer,) = deliver(world, body)
    assert (said(answer), answer.exit_status, answer.may_pass) == ("not done EVENT_DATA_UNAVAILABLE", 3, True)
    assert "older state" in answer.text
    assert (noted(world, answer), world.writes) == (False, [])
    world.sync()
    assert said(*deliver(world, body)) == "not done ALREADY_INJECTED"
    assert world.flaws(FULL) == []


def moved_since(world: World, **since: Any) -> bytes:
    """The last delivery before an event in Denver moved to Los Angeles, whose clock reads an hour less."""
    world.add_event(MOVED, lakeside=True)
    world.tripleseat.edit_event(MOVED, updated_at="12/12/2026 10:58 AM")
    body = delivery(world, MOVED)
    world.time.move(minutes=10)
    world.tripleseat.state.events.pop(MOVED)
    world.add_event(MOVED, **since)
    world.tripleseat.edit_event(MOVED, updated_at="12/12/2026 10:10 AM")
    return body


def stamped_in_the_repeated_hour(world: World) -> bytes:
    """The last delivery before an edit 20 minutes later, at 1:10 for the second time."""
    world.time.now = datetime(2026, 11, 1, 8, 50, tzinfo=UTC)
    world.add_event(MOVED)
    world.tripleseat.edit_event(MOVED, updated_at="11/1/2026 1:50 AM")
    body = delivery(world, MOVED)
    world.time.move(minutes=20)
    world.rewrite_event(MOVED, **{**CONTRACT, "lines": FULL_LINES[1:]})
    return body


def stamped_in_utc(world: World) -> bytes:
    """A delivery whose stamp isn't by the site's clock, before an edit ten minutes later."""
    world.add_event(MOVED)
    body = delivery(world, MOVED, updated_at=world.time.now.strftime("%m/%d/%Y %I:%M %p"))
    world.time.move(minutes=10)
    world.rewrite_event(MOVED, **{**CONTRACT, "lines": FULL_LINES[1:]})
    return body


def from_a_place_without_an_entry(world: World) -> bytes:
    """A delivery of an event whose place, and so its zone, isn't known."""
    world.add_event(MOVED)
    elsewhere = {"location_id": 39999, "site_id": 19999, "updated_at": "12/12/2026 9:30 AM"}
    world.tripleseat.edit_event(MOVED, **elsewhere)
    return delivery(world, MOVED, updated_at="12/12/2026 9:40 AM")


NOT_COMPARABLE: dict[str, tuple[Callable[[World], bytes], str]] = {
    "moved to another zone": (moved_since, "done"),
    "in the hour that clocks repeat": (stamped_in_the_repeated_hour, "done"),
    "stamped in another zone": (stamped_in_utc, "done"),
    "from a place without an entry": (from_a_place_without_an_entry, "not done LOCATION_NOT_MAPPED"),
}


@pytest.mark.parametrize(("make", "then"), NOT_COMPARABLE.values(), ids=NOT_COMPARABLE)
def test_a_payload_that_only_seems_newer_waits_and_then_tripleseat_s_state_counts(
    world: World, make: Callable[[World], bytes], then: str
) -> None:
    body = make(world)
    received = world.time.now
    for minutes in (1, 13):
        world.time.move(minutes=minutes)
        (answer,) = deliver(world, body, received=received)
        assert (said(answer), answer.may_pass) == ("not done EVENT_DATA_UNAVAILABLE", True)
    assert world.writes == []
    world.time.move(minutes=1)
    (answer,) = deliver(world, body, received=received)
    assert (said(answer), noted(world, answer)) == (then, True)
    assert (world.flaws(MOVED) if then == "done" else world.writes) == []


def test_a_late_delivery_makes_no_order_of_an_event_that_is_held_where_it_moved_to(world: World) -> None:
    late = moved_since(world, lines=[SampleLine("No Such Thing At All", 1, "77.00")])
    assert said(*deliver(world, delivery(world, MOVED))) == "not done UNMAPPED_ITEMS"
    deliver(world, late)
    world.time.move(minutes=15)
    assert said(*deliver(world, late, received=world.time.now - timedelta(minutes=15))) == "not done UNMAPPED_ITEMS"
    assert world.writes == []


def test_a_late_deletion_in_another_zone_makes_no_restored_event_lose_its_order(world: World) -> None:
    moved_since(world)
    stamp, denver = "12/12/2026 10:59 AM", {"location_id": 30502, "site_id": 15692}
    body = encode("DELETE_EVENT", event={"id": MOVED, "updated_at": stamp, **denver})
    assert deliver(world, body)[0].may_pass
    assert said(*deliver(world, body, received=world.time.now - timedelta(minutes=15))) == "done"


def test_a_delivery_that_came_long_ago_waits_no_longer_for_tripleseat(world: World) -> None:
    body = late_answer(world)
    (answer,) = deliver(world, body, received=world.time.now - timedelta(minutes=15))
    assert (said(answer), world.flaws(FULL)) == ("done", [])


def test_a_partial_delivery_waits_no_longer_than_tripleseat_may_lag(world: World) -> None:
    body = partial(world, FULL, "documents", updated_at="12/12/2026 9:59 AM")
    assert deliver(world, body)[0].may_pass
    (answer,) = deliver(world, body, received=world.time.now - timedelta(minutes=15))
    assert (said(answer), noted(world, answer), world.flaws(FULL)) == ("done", True, [])


def test_seconds_make_no_delivery_newer_than_an_answer_to_the_minute(world: World) -> None:
    at = "2026-12-12T09:00:{:02}-08:00"
    body = delivery(world, FULL, updated_at=at.format(59))
    world.tripleseat.edit_event(FULL, status="LOST", updated_at=at.format(0))
    assert said(*deliver(world, body)) == "not done STATUS_NOT_ELIGIBLE"


# What tells deliveries apart


def test_a_corrected_delivery_of_the_same_minute_is_no_duplicate(world: World) -> None:
    first, came = delivery(world, FULL), world.time.now
    assert said(*deliver(world, first)) == "done"
    rewrite_within_the_minute(world, lines=FULL_LINES[1:])
    corrected = delivery(world, FULL)
    assert said(*deliver(world, corrected)) == "done CHANGED_AFTER_INJECTION"
    assert [said(each) for each in deliver(world, first, corrected, received=came)] == ["not done DUPLICATE_EVENT"] * 2
