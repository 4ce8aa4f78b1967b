"""Deliveries that TripleSeat has overtaken, or that are not the only ones at hand: what is believed of them."""

from __future__ import annotations

from typing import Any

import pytest

from tsrevel.engine.deliveries import understand

from ..world import World
from .conftest import EARLY, FULL, PAID
from .deliveries import (
    booking,
    deliver,
    delivery,
    documents_without,
    encode,
    noted,
    partial,
    receiving,
    said,
    seat_requests,
)


@pytest.fixture(autouse=True, params=["verify", "trust"])
def _believing(world: World, day: World, request: pytest.FixtureRequest) -> None:
    """Whichever way payloads are taken, none brings an older state back."""
    for each in (world, day):
        each.config["tripleseat"]["payload"] = request.param


def without_documents(world: World, **changes: str) -> bytes:
    return partial(world, FULL, "documents", **changes)


def test_a_deletion_older_than_what_is_known_is_looked_into(day: World) -> None:
    body = delivery(day, EARLY, "DELETE_EVENT")
    day.time.move(minutes=5)
    day.tripleseat.edit_event(EARLY, guest_count=5)
    day.sync()
    assert said(*deliver(day, body)) == "not done TOO_EARLY"


def bodies_about(world: World) -> list[bytes]:
    """What names an event: itself with much or nothing of it, a document of it, its booking."""
    document = encode("CREATE_EVENT_DOCUMENT", document_layout={"id": 415, "event_id": FULL})
    return [
        without_documents(world),
        partial(world, FULL, "status"),
        encode("CREATE_EVENT", event={"id": FULL}),
        document,
        booking(world, FULL),
    ]


@pytest.mark.parametrize("number", range(5))
def test_an_event_that_tripleseat_does_not_have_yet_is_read_again(world: World, number: int) -> None:
    body, received = bodies_about(world)[number], world.time.now
    event = world.tripleseat.state.events.pop(FULL)
    world.time.move(minutes=14)
    for _ in range(2):
        (answer,) = deliver(world, body, received=received)
        assert (said(answer), answer.exit_status, answer.may_pass) == ("not done EVENT_DATA_UNAVAILABLE", 3, True)
    world.tripleseat.state.events[FULL] = event
    assert said(*deliver(world, body, received=received)) == "done"
    assert world.flaws(FULL) == []


def test_an_order_is_not_reported_as_cancelled_while_its_delivery_shows_the_event(world: World) -> None:
    world.sync()
    world.time.move(minutes=5)
    world.tripleseat.edit_event(FULL, guest_count=5)
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", status=404)
    body = partial(world, FULL, "status")
    assert said(*deliver(world, body)) == "not done EVENT_DATA_UNAVAILABLE"
    assert said(*deliver(world, body)) == "done CHANGED_AFTER_INJECTION"


@pytest.mark.parametrize("number", range(5))
def test_an_event_that_is_gone_15_minutes_after_its_delivery_came_was_deleted(world: World, number: int) -> None:
    body, received = bodies_about(world)[number], world.time.now
    world.tripleseat.state.events.pop(FULL)
    deliver(world, body, received=received)
    world.time.move(minutes=15)
    (answer,) = deliver(world, body, received=received)
    assert (said(answer), answer.exit_status, answer.may_pass) == ("not done EVENT_DELETED", 0, False)
    assert noted(world, answer)
    assert world.orders_of(FULL) == []


@pytest.mark.parametrize("changes", [{"status": "LOST"}, {"deleted_at": "12/12/2026 9:00 AM"}], ids=str)
def test_an_event_that_its_delivery_tells_to_be_over_is_gone_at_once(world: World, changes: dict[str, str]) -> None:
    body = partial(world, FULL, "name", **changes)
    world.tripleseat.state.events.pop(FULL)
    assert said(*deliver(world, body)) == "not done EVENT_DELETED"


def test_the_deletion_of_an_event_that_is_gone_counts_at_once(world: World) -> None:
    body = encode("DELETE_EVENT", event={"id": FULL})
    world.tripleseat.state.events.pop(FULL)
    for answer in deliver(world, body):
        assert (said(answer), answer.exit_status, answer.may_pass) == ("not done EVENT_DELETED", 0, False)
        assert noted(world, answer)
    assert world.orders_of(FULL) == []


@pytest.mark.parametrize("has_order", [False, True])
def test_a_delivery_from_before_a_deletion_that_is_known_does_not_wait(world: World, *, has_order: bool) -> None:
    if has_order:
        world.sync()
    body = partial(world, FULL, "name")
    deletion = delivery(world, FULL, "DELETE_EVENT")
    world.tripleseat.state.events.pop(FULL)
    _, answer = deliver(world, deletion, body)
    assert (said(answer), answer.exit_status) == (f"not done {'ALREADY_INJECTED' if has_order else 'EVENT_DELETED'}", 0)


def test_a_search_that_lacks_a_new_event_does_not_end_the_wait_for_it(world: World) -> None:
    body, received = encode("CREATE_EVENT", event={"id": FULL}), world.time.now
    event = world.tripleseat.state.events.pop(FULL)
    deliver(world, body, received=received)
    world.sync()
    assert said(*deliver(world, body, received=received)) == "not done EVENT_DATA_UNAVAILABLE"
    world.tripleseat.state.events[FULL] = event
    assert said(*deliver(world, body, received=received)) == "done"


def test_an_event_that_tripleseat_answers_badly_for_is_kept_waiting(world: World) -> None:
    body = without_documents(world)
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{FULL}", times=None, status=422)
    (answer,) = deliver(world, body)
    assert (said(answer), answer.may_pass) == ("not done EVENT_DATA_UNAVAILABLE", True)


def test_a_booking_that_is_gone_15_minutes_after_its_delivery_came_has_no_events(day: World) -> None:
    body, received = encode("UPDATE_BOOKING", booking={"id": 99}), day.time.now
    (answer,) = deliver(day, body, received=received)
    assert (said(answer), answer.exit_status, answer.may_pass) == ("not done EVENT_DATA_UNAVAILABLE", 3, True)
    day.time.move(minutes=15)
    (answer,) = deliver(day, body, received=received)
    assert (said(answer), answer.exit_status, noted(day, answer)) == ("not done MISSING_DATA", 0, True)


def test_a_booking_that_tripleseat_answers_badly_for_is_kept_waiting(day: World) -> None:
    day.tripleseat.faults.add("status", "GET", "/v1/bookings/99", times=None, status=422)
    (answer,) = deliver(day, encode("UPDATE_BOOKING", booking={"id": 99}))
    assert (answer.exit_status, answer.may_pass) == (3, True)


def test_a_booking_whose_events_can_not_be_read_is_fetched(day: World) -> None:
    world, number = day, day.tripleseat.event(PAID)["booking_id"]
    world.tripleseat.add_booking({**world.tripleseat.event(PAID)["booking"], "event_ids": [PAID]})
    assert said(*deliver(world, booking(world, PAID, event_ids=["?"]))) == "done"
    assert f"/v1/bookings/{number}" in seat_requests(world)


def test_a_change_that_a_delivery_told_is_told_once_and_the_next_one_too(world: World) -> None:
    world.sync()
    for guests, delivered in ((5, True), (6, False)):
        world.time.move(minutes=5)
        world.rewrite_event(FULL, lines=[("Coffee Urn", guests, 38)])
        outcome = deliver(world, delivery(world, FULL))[0].outcomes[0] if delivered else world.sync().outcomes[0]
        assert outcome.reason == "CHANGED_AFTER_INJECTION"
    assert [each.reason for each in world.sync().outcomes] == ["ALREADY_INJECTED"]


def test_a_payload_older_than_what_the_poll_saw_is_not_believed(day: World) -> None:
    body = delivery(day, EARLY, event_date_iso8601="2026-12-12", name="Told long ago")
    day.tripleseat.edit_event(EARLY, guest_count=5)
    day.sync()
    day.forget_requests()
    assert said(*deliver(day, body)) == "not done TOO_EARLY"
    assert seat_requests(day) == [f"/v1/events/{EARLY}"]


def test_a_payload_older_than_what_the_api_says_is_not_believed(world: World) -> None:
    body = delivery(world, FULL, name="Told long ago", documents=documents_without(world, FULL, "line_items"))
    world.tripleseat.edit_event(FULL, guest_count=5)
    assert said(*deliver(world, body)) == "done"
    assert "Told long ago" not in world.orders_of(FULL)[0]["notes"]


def test_an_event_cancelled_within_the_minute_is_not_made_an_order(world: World) -> None:
    body = delivery(world, FULL)
    world.tripleseat.edit_event(FULL, status="LOST", updated_at=world.tripleseat.event(FULL)["updated_at"])
    world.sync()
    assert said(*deliver(world, body)) == "not done STATUS_NOT_ELIGIBLE"
    assert world.orders_of(FULL) == []


@pytest.mark.parametrize("content", [{}, {"name": "x", "deleted_at": "12/12/2026 9:00 AM"}])
def test_an_event_told_deleted_is_not_made_an_order_by_a_delivery_that_comes_late(
    world: World, content: dict[str, Any]
) -> None:
    body = delivery(world, FULL)
    world.tripleseat.delete_event(FULL)
    answers = deliver(world, encode("DELETE_EVENT", event={"id": FULL, **content}), body)
    assert [said(each) for each in answers] == ["not done EVENT_DELETED"] * 2
    assert world.orders_of(FULL) == []


def test_a_stamp_that_the_api_told_meanwhile_counts(world: World) -> None:
    first = delivery(world, FULL, documents=documents_without(world, FULL, "line_items"))
    world.time.move(minutes=5)
    world.tripleseat.edit_event(FULL, guest_count=5)
    second = delivery(world, FULL)
    world.time.move(minutes=5)
    world.tripleseat.cancel_event(FULL)
    answers = deliver(world, first, second)
    assert [said(each) for each in answers] == ["not done STATUS_NOT_ELIGIBLE"] * 2
    assert world.orders_of(FULL) == []


# Several deliveries at hand


def test_of_two_states_at_hand_none_is_believed_before_tripleseat(world: World) -> None:
    old = delivery(world, FULL, name="Told first")
    world.time.move(minutes=5)
    world.tripleseat.edit_event(FULL, guest_count=5)
    new = delivery(world, FULL)
    with receiving(world) as receiver:
        receiver.to_come += [understand(each)[1] for each in (old, new)]
        assert [said(receiver.take(each)) for each in (old, new)] == ["done", "not done ALREADY_INJECTED"]
    assert "Told first" not in world.orders_of(FULL)[0]["notes"]


def test_a_deletion_that_is_not_the_last_word_is_looked_into(world: World) -> None:
    gone = delivery(world, FULL, "DELETE_EVENT")
    with receiving(world) as receiver:
        receiver.to_come += [understand(each)[1] for each in (gone, delivery(world, FULL))]
        assert said(receiver.take(gone)) == "done"
