"""With tripleseat.payload = "trust" a payload is believed as far as it goes, as the old service believed it."""

from __future__ import annotations

from typing import Any

import pytest

from tsrevel.engine.deliveries import understand
from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import EventId
from tsrevel.sandbox import Payment
from tsrevel.sandbox.day import FULL_CHARGES, FULL_LINES

from ..world import World, verdict
from .conftest import EARLY, FULL, LOST, PAID, TWINS
from .deliveries import booking, deliver, delivery, documents_without, encode, partial, receiving, said, seat_requests

FULL_PATH = f"/v1/events/{FULL}"
CONTRACT: dict[str, Any] = {"lines": FULL_LINES, "charges": FULL_CHARGES, "payments": [Payment("200.00")]}


@pytest.fixture(autouse=True)
def _trusting(world: World, day: World) -> None:
    for each in (world, day):
        each.config["tripleseat"]["payload"] = "trust"


def test_a_complete_payload_is_taken_at_its_word(world: World) -> None:
    name, lines = "Told by the delivery", [("Coffee Urn", 2, 38)]
    world.rewrite_event(FULL, lines=lines)
    body = delivery(world, FULL, name=name)
    world.rewrite_event(FULL, **CONTRACT)
    world.forget_requests()
    deliver(world, body)
    assert seat_requests(world) == []
    (order,) = world.orders_of(FULL)
    assert name in order["notes"]
    assert [each["quantity"] for each in world.revel.items_of(order["id"])] == [2]


@pytest.mark.parametrize("key", ["line_items", "payment_set", "financials"])
def test_without_its_money_the_event_is_fetched_and_the_payload_s_fields_win(world: World, key: str) -> None:
    body = delivery(world, FULL, name="Told by the delivery", documents=documents_without(world, FULL, key))
    world.forget_requests()
    assert said(*deliver(world, body)) == "done"
    assert seat_requests(world) == [FULL_PATH]
    assert "Told by the delivery" in world.orders_of(FULL)[0]["notes"]
    assert world.flaws(FULL) == []


def test_what_will_not_be_an_order_is_not_read_from_tripleseat(day: World) -> None:
    bodies = [delivery(day, event, documents=[]) for event in (EARLY, LOST)]
    day.forget_requests()
    assert [said(each) for each in deliver(day, *bodies)] == ["not done TOO_EARLY", "not done STATUS_NOT_ELIGIBLE"]
    assert day.tripleseat.requests == []
    assert day.revel.requests[0].query == {"limit": "1"}  # the time, before "early"
    lost = [each.query.get("uuid") for each in day.revel.requests[1:]]  # a new ledger might lack the cancelled one's
    assert lost == [order_uuid(EventId(str(LOST)))]


def test_a_payload_newer_than_what_the_poll_saw_is_believed(day: World) -> None:
    day.sync()
    day.tripleseat.edit_event(EARLY, event_date_iso8601="2026-12-12")
    day.forget_requests()
    assert said(*deliver(day, delivery(day, EARLY))) == "done"
    assert (seat_requests(day), day.flaws(EARLY)) == ([], [])


def test_two_in_a_row_that_fail_keep_nothing_waiting(day: World) -> None:
    day.wires["tripleseat"].down = True
    numbers = [day.tripleseat.event(each)["booking_id"] for each in (PAID, TWINS)]
    bodies = [encode("UPDATE_BOOKING", booking={"id": number}) for number in numbers]
    answers = deliver(day, *bodies, delivery(day, FULL), *bodies)
    assert [said(each) for each in answers][2] == "done"
    assert all("not tried" not in each.text for each in answers)


def test_a_payload_without_a_stamp_is_believed_of_an_unknown_event_only(day: World) -> None:
    body = partial(day, EARLY, "updated_at", event_date_iso8601="2026-12-12")
    day.sync()
    day.forget_requests()
    assert said(*deliver(day, body)) == "not done TOO_EARLY"
    assert seat_requests(day) == [f"/v1/events/{EARLY}"]


def test_what_is_over_stays_over_unless_the_payload_is_surely_newer(world: World) -> None:
    body = partial(world, FULL, "documents")
    world.tripleseat.edit_event(FULL, status="LOST", updated_at=world.tripleseat.event(FULL)["updated_at"])
    assert said(*deliver(world, body)) == "not done STATUS_NOT_ELIGIBLE"
    newer = partial(world, FULL, "documents", updated_at="12/31/2026 9:00 AM", status="DEFINITE")
    assert said(*deliver(world, newer)) == "done"


@pytest.mark.parametrize("trigger", ["UPDATE_EVENT", "CHANGE_EVENT_GUEST_COUNTS"])
def test_other_events_older_states_and_duplicates_cast_no_doubt(day: World, trigger: str) -> None:
    older = delivery(day, FULL, trigger)
    day.time.move(minutes=5)
    day.tripleseat.edit_event(FULL, guest_count=5)
    body = delivery(day, FULL)
    others = (body, older, delivery(day, PAID), booking(day, FULL), encode("CREATE_LEAD", lead={"id": FULL}))
    day.forget_requests()
    with receiving(day) as receiver:
        receiver.to_come += [understand(each)[1] for each in (body, *others)]
        assert said(receiver.take(body)) == "done"
    assert seat_requests(day) == []


@pytest.mark.parametrize("is_made_of_it", [True, False])
def test_a_payload_without_guests_or_contact_is_no_change_of_them(day: World, is_made_of_it: bool) -> None:
    missing = ("contact", "guest_count", "guaranteed_guest_count")
    if not is_made_of_it:
        day.sync()
        day.time.move(minutes=45)
        day.tripleseat.edit_event(FULL, description="No nuts, please.")
    told = said(*deliver(day, partial(day, FULL, *missing)))
    assert told == ("done" if is_made_of_it else "not done ALREADY_INJECTED")
    day.time.move(minutes=45)
    assert verdict(day.sync(), FULL) == "skipped ALREADY_INJECTED"
    day.time.move(minutes=45)
    day.tripleseat.edit_event(FULL, guest_count=60, guaranteed_guest_count=60)
    assert verdict(day.sync(), FULL) == "skipped CHANGED_AFTER_INJECTION"


@pytest.mark.parametrize("payload", ["trust", "verify"])
@pytest.mark.parametrize("of", ["document", "booking"])
def test_a_delivery_about_an_event_that_is_gone_tells_that_it_was_deleted(world: World, payload: str, of: str) -> None:
    world.config["tripleseat"]["payload"] = payload
    world.sync()
    document = encode("UPDATE_EVENT_DOCUMENT", document_layout={"id": 415, "event_id": FULL})
    body = document if of == "document" else booking(world, FULL)
    del world.tripleseat.state.events[FULL]
    (answer,) = deliver(world, body)
    assert (answer.outcomes[0].reason, answer.may_pass) == ("CANCELLED_AFTER_INJECTION", False)
