"""Webhook deliveries through the engine: each once, and never a second order, whatever the payload tells."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tsrevel.errors import DeliveryUnreadable
from tsrevel.ledger import Ledger
from tsrevel.planning.model import EventId
from tsrevel.sandbox import Payment
from tsrevel.sandbox.day import FULL_CHARGES, FULL_LINES

from ..world import Died, World
from .conftest import EARLY, FULL, LOST, MISSED, PAID, TWINS, UNMAPPED
from .deliveries import booking, deliver, delivery, encode, noted, partial, receiving, said, seat_requests
from .test_upstream import fail_token_url

FULL_PATH = f"/v1/events/{FULL}"
CONTRACT: dict[str, Any] = {"lines": FULL_LINES, "charges": FULL_CHARGES, "payments": [Payment("200.00")]}


# One order, whoever comes first


def test_a_delivery_makes_the_order_and_the_poll_makes_no_other(world: World) -> None:
    (answer,) = deliver(world, delivery(world, FULL))
    assert (answer.ok, said(answer), answer.exit_status, answer.event_id) == (True, "done", 0, str(FULL))
    assert answer.outcomes[0].order_id == "5550101"
    assert world.flaws(FULL) == []
    written = len(world.writes)
    assert [each.reason for each in world.sync().outcomes] == ["ALREADY_INJECTED"]
    assert (world.flaws(FULL), len(world.writes)) == ([], written)


def test_the_poll_makes_the_order_and_the_delivery_makes_no_other(world: World) -> None:
    world.sync()
    written = len(world.writes)
    (answer,) = deliver(world, delivery(world, FULL))
    assert (said(answer), answer.exit_status) == ("not done ALREADY_INJECTED", 0)
    assert answer.outcomes[0].order_id == "5550101"
    assert (world.flaws(FULL), len(world.writes)) == ([], written)


def test_a_whole_day_of_deliveries_and_polls_makes_each_order_once(day: World) -> None:
    due = (FULL, PAID, TWINS)
    triggers = ("CREATE_EVENT", "UPDATE_EVENT", "CHANGE_EVENT_GUEST_COUNTS")
    deliver(day, *(delivery(day, event, trigger) for event in due for trigger in triggers))
    day.sync()
    deliver(day, *(booking(day, event) for event in due), *(delivery(day, event, "EVENT_UPDATED") for event in due))
    assert [day.flaws(event) for event in due] == [[], [], []]


def unstamped_document(world: World) -> bytes:
    return encode("UPDATE_EVENT_DOCUMENT", document_layout={"id": 415, "event_id": UNMAPPED})


def stamped_document(world: World) -> bytes:
    """Its stamp needn't move when the document is edited."""
    return partial(world, UNMAPPED, "documents", "grand_total")


def unstamped_booking(world: World) -> bytes:
    return booking(world, UNMAPPED)


@pytest.mark.parametrize("make", [unstamped_document, stamped_document, unstamped_booking])
def test_a_delivery_tells_of_another_change_if_it_came_after_the_same_one(
    day: World, make: Callable[[World], bytes]
) -> None:
    body, first = make(day), day.time.now
    assert said(*deliver(day, body)) == "not done UNMAPPED_ITEMS"
    day.time.move(minutes=2)
    assert said(*deliver(day, body, received=first)) == "not done DUPLICATE_EVENT"
    day.rewrite_event(UNMAPPED, **CONTRACT)
    corrected = day.time.now
    day.time.move(minutes=1)
    assert said(*deliver(day, body, received=corrected)) == "done"
    assert day.flaws(UNMAPPED) == []
    assert said(*deliver(day, body, received=corrected)) == "not done DUPLICATE_EVENT"


def test_a_booking_that_comes_again_while_the_first_is_read_is_read_again(day: World) -> None:
    """The events that the first read showed may be those of before the second change."""
    body, began = unstamped_booking(day), day.time.now
    day.at("before GET /v1/bookings/", lambda: day.time.move(seconds=20))
    assert said(*deliver(day, body)) == "not done UNMAPPED_ITEMS"
    day.rewrite_event(UNMAPPED, **CONTRACT)
    day.time.move(minutes=1)
    assert said(*deliver(day, body, received=began + timedelta(seconds=20))) == "done"


def test_an_order_that_a_delivery_left_half_made_is_finished_by_the_poll(world: World) -> None:
    body = delivery(world, FULL)
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        deliver(world, body)
    world.revive()
    world.sync()
    assert world.flaws(FULL) == []
    assert said(*deliver(world, body)) == "not done ALREADY_INJECTED"
    assert world.flaws(FULL) == []


def test_a_delivery_that_died_at_any_moment_is_taken_again_and_makes_one_order(tmp_path: Any) -> None:
    """Every eighth moment: `test_crashes` tries them all for the poll, through the same engine."""
    for moment in range(3, 80, 8):
        folder = tmp_path / str(moment)
        folder.mkdir()
        world = World(folder, "full")
        body = delivery(world, FULL)
        world.die_at(moment)
        try:
            deliver(world, body)
        except Died:
            world.revive()
        world.revive()
        world.time.move(minutes=45)
        deliver(world, body)
        assert world.flaws(FULL) == [], moment


# What the payload lacks


@pytest.mark.parametrize("missing", ["name", "status", "location", "documents", "grand_total", "contact"])
def test_whatever_is_missing_comes_from_the_api(world: World, missing: str) -> None:
    keys = {"location": ("location", "location_id", "site_id"), "contact": ("contact", "account", "post_as")}
    body = partial(world, FULL, *keys.get(missing, (missing,)))
    world.forget_requests()
    assert said(*deliver(world, body)) == "done"
    assert (seat_requests(world), world.flaws(FULL)) == ([FULL_PATH], [])


def test_a_document_update_may_tell_next_to_nothing(world: World) -> None:
    body = encode("UPDATE_EVENT_DOCUMENT", event={"id": FULL, "documents": [{"line_items": []}]})
    assert said(*deliver(world, body)) == "done"
    assert world.flaws(FULL) == []


@pytest.mark.parametrize("trigger", ["UPDATE_EVENT_DOCUMENT", "CREATE_EVENT_DOCUMENT"])
def test_a_document_layout_leads_to_its_event(world: World, trigger: str) -> None:
    (answer,) = deliver(world, encode(trigger, document_layout={"id": 415, "event_id": FULL}))
    assert (said(answer), answer.event_id) == ("done", str(FULL))
    assert world.flaws(FULL) == []


def test_a_payload_that_can_not_be_read_is_fetched(world: World) -> None:
    assert said(*deliver(world, delivery(world, FULL, event_date_iso8601="soon"))) == "done"
    assert world.flaws(FULL) == []


@pytest.mark.parametrize("odd", [5, "x", {"id": 5}, [None], ["x"], [{"id": None}], [{"id": 7, "line_items": 5}]])
def test_odd_documents_in_a_payload_spoil_nothing(world: World, odd: Any) -> None:
    (answer,) = deliver(world, delivery(world, FULL, documents=odd))
    assert answer.ok
    assert answer.exit_status in (0, 3)
    assert len(world.orders_of(FULL)) <= 1


@pytest.mark.parametrize("key", ["booking_id", "location_id", "site_id", "contact_id", "name"])
def test_text_that_is_no_text_spoils_nothing(day: World, key: str) -> None:
    (answer,) = deliver(day, delivery(day, UNMAPPED, **{key: "\ud800"}))
    assert (answer.ok, answer.exit_status) == (True, 3)


# Duplicates, and the order in which they arrive


def test_a_duplicate_costs_no_request_and_no_run(world: World) -> None:
    body, came = delivery(world, FULL), world.time.now
    first, again = deliver(world, body, body, received=came)
    assert (said(first), said(again)) == ("done", "not done DUPLICATE_EVENT")
    world.forget_requests()
    world.time.move(hours=5)
    (later,) = deliver(world, body, received=came)
    assert (later.ok, said(later), later.exit_status, later.may_pass) == (True, "not done DUPLICATE_EVENT", 0, False)
    assert later.event_id == str(FULL)
    assert (world.tripleseat.requests, world.revel.requests) == ([], [])
    with world.ledger() as ledger:
        assert len(ledger.runs.latest(10)) == 1


def test_the_same_state_under_another_trigger_is_no_duplicate(world: World) -> None:
    answers = deliver(world, delivery(world, FULL), delivery(world, FULL, "STATUS_CHANGE_EVENT"))
    assert [said(each) for each in answers] == ["done", "not done ALREADY_INJECTED"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_deliveries_in_any_order_make_one_order_and_report_no_change(world: World, order: tuple[int, ...]) -> None:
    bodies = []
    for guests in (10, 20, 24):
        world.time.move(minutes=1)
        world.tripleseat.edit_event(FULL, guest_count=guests, description=f"for {guests}")
        bodies.append(delivery(world, FULL))
    answers = deliver(world, *(bodies[each] for each in order))
    assert [said(each) for each in answers] == ["done", *["not done ALREADY_INJECTED"] * 2]
    assert world.flaws(FULL) == []


@pytest.mark.parametrize("minutes", [0, 1])
def test_an_older_contract_that_arrives_late_is_no_change(world: World, minutes: int) -> None:
    world.rewrite_event(FULL, **{**CONTRACT, "lines": FULL_LINES[1:]})
    old = delivery(world, FULL)
    world.time.move(minutes=minutes)
    world.rewrite_event(FULL, **CONTRACT)
    new = delivery(world, FULL, "UPDATE_EVENT_DOCUMENT")
    assert [said(each) for each in deliver(world, new, old)] == ["done", "not done ALREADY_INJECTED"]
    assert [each.reason for each in world.sync().outcomes] == ["ALREADY_INJECTED"]
    assert world.flaws(FULL) == []


# After injection


def test_a_change_is_reported_once(world: World) -> None:
    world.sync()
    world.time.move(minutes=5)
    world.rewrite_event(FULL, **{**CONTRACT, "lines": FULL_LINES[1:]})
    first, second = deliver(world, delivery(world, FULL), delivery(world, FULL, "UPDATE_EVENT_DOCUMENT"))
    assert (said(first), first.exit_status) == ("done CHANGED_AFTER_INJECTION", 3)
    assert said(second) == "not done ALREADY_INJECTED"
    assert [each.reason for each in world.sync().outcomes] == ["ALREADY_INJECTED"]


def cancel(world: World) -> bytes:
    world.tripleseat.cancel_event(FULL)
    return delivery(world, FULL, "STATUS_CHANGE_EVENT")


def delete(world: World) -> bytes:
    world.tripleseat.delete_event(FULL)
    return delivery(world, FULL, "DELETE_EVENT")


def delete_in_few_words(world: World) -> bytes:
    world.tripleseat.delete_event(FULL)
    return encode("DELETE_EVENT", event={"id": FULL, "name": "x", "event_date": "soon"})


@pytest.mark.parametrize("undo", [cancel, delete, delete_in_few_words])
def test_a_cancellation_is_reported_once_and_the_order_stands(world: World, undo: Any) -> None:
    world.sync()
    world.time.move(minutes=5)
    body = undo(world)
    world.forget_requests()
    (answer,) = deliver(world, body)
    assert (said(answer), answer.exit_status) == ("done CANCELLED_AFTER_INJECTION", 3)
    assert [each.order_id for each in answer.outcomes] == ["5550101"]
    assert (seat_requests(world), world.revel.requests) == ([FULL_PATH], [])
    assert said(*deliver(world, body)) == "not done DUPLICATE_EVENT"
    assert said(*deliver(world, delivery(world, FULL))) == "not done ALREADY_INJECTED"
    assert [each.reason for each in world.sync().outcomes] == ["ALREADY_INJECTED"]
    assert len(world.orders_of(FULL)) == 1


# Bookings


def told_by_ids(world: World) -> bytes:
    return booking(world, FULL, PAID)


def told_by_events(world: World) -> bytes:
    return booking(world, FULL, event_ids=None, events=[{"id": FULL}, {"event": {"id": PAID}}])


def told_by_nothing(world: World) -> bytes:
    held = world.tripleseat.event(FULL)["booking"]
    world.tripleseat.add_booking({**held, "event_ids": [FULL, PAID]})
    return booking(world, FULL, event_ids=None)


def told_by_garbage(world: World) -> bytes:
    told_by_nothing(world)
    return booking(world, FULL, event_ids="x", events=5)


@pytest.mark.parametrize("tell", [told_by_ids, told_by_events, told_by_nothing, told_by_garbage])
def test_a_booking_leads_to_each_of_its_events(day: World, tell: Any) -> None:
    (answer,) = deliver(day, tell(day))
    assert [each.event_id for each in answer.outcomes] == [str(FULL), str(PAID)]
    assert (said(answer), answer.event_id, day.flaws(FULL), day.flaws(PAID)) == ("done", None, [], [])


def test_of_a_booking_the_first_reason_is_told_and_the_gravest_status(day: World) -> None:
    (answer,) = deliver(day, booking(day, FULL, LOST, UNMAPPED))
    assert (said(answer), answer.exit_status) == ("done STATUS_NOT_ELIGIBLE", 3)
    assert noted(day, answer)


def test_a_booking_without_events_is_told(day: World) -> None:
    number = day.tripleseat.event(FULL)["booking_id"]
    day.tripleseat.add_booking({**day.tripleseat.event(FULL)["booking"], "event_ids": []})
    (answer,) = deliver(day, encode("CREATE_BOOKING", booking={"id": number}))
    assert (said(answer), answer.exit_status, noted(day, answer)) == ("not done MISSING_DATA", 0, True)


def test_a_booking_of_which_an_event_fails_may_be_taken_again(day: World) -> None:
    day.tripleseat.faults.add("status", "GET", f"/v1/events/{PAID}", times=None, status=500)
    body = booking(day, FULL, PAID)
    (answer,) = deliver(day, body)
    assert (answer.may_pass, noted(day, answer)) == (True, False)
    day.tripleseat.faults.clear()
    assert said(*deliver(day, body)) == "done ALREADY_INJECTED"
    assert (day.flaws(FULL), day.flaws(PAID)) == ([], [])


# What TripleSeat refuses, and what is down


def test_an_event_that_is_denied_is_acknowledged_and_not_tried_again(world: World) -> None:
    world.tripleseat.forbidden.add(FULL)
    body = partial(world, FULL, "documents")
    (answer,) = deliver(world, body)
    assert (answer.ok, said(answer), answer.exit_status) == (True, "not done AUTHORIZATION_DENIED", 3)
    assert (answer.may_pass, noted(world, answer)) == (False, True)
    assert said(*deliver(world, body)) == "not done DUPLICATE_EVENT"


def test_a_booking_that_is_denied_is_acknowledged_and_keeps_nothing_waiting(day: World) -> None:
    number = day.tripleseat.event(FULL)["booking_id"]
    day.tripleseat.forbidden.add(number)
    denied, other = deliver(day, encode("UPDATE_BOOKING", booking={"id": number}), delivery(day, PAID))
    assert (denied.ok, said(denied), denied.exit_status) == (True, "not done AUTHORIZATION_DENIED", 3)
    assert (noted(day, denied), said(other)) == (True, "done")


def test_a_refused_token_stops_the_rest_and_they_may_be_taken_again(day: World) -> None:
    day.tripleseat.faults.add("status", "GET", "/v1/", times=None, status=401)
    bodies = [partial(day, event, "documents") for event in (FULL, PAID)]
    day.forget_requests()
    first, second = deliver(day, *bodies)
    assert [first.exit_status, second.exit_status] == [12, 12]
    assert [said(first), said(second)] == ["not done AUTHORIZATION_DENIED"] * 2
    assert all(each.ok and each.may_pass and not noted(day, each) for each in (first, second))
    assert day.tripleseat.count(path=str(PAID)) == 0
    day.tripleseat.faults.clear()
    assert [said(each) for each in deliver(day, *bodies)] == ["done", "done"]


def test_a_refused_token_stops_bookings_too(day: World) -> None:
    day.tripleseat.faults.add("status", "GET", "/v1/", times=None, status=401)
    number = day.tripleseat.event(FULL)["booking_id"]
    first, second = deliver(day, encode("UPDATE_BOOKING", booking={"id": number}), delivery(day, PAID))
    assert [each.exit_status for each in (first, second)] == [12, 12]
    assert all(each.may_pass for each in (first, second))
    assert day.revel.requests == []


def test_three_in_a_row_that_find_tripleseat_down_keep_the_rest_waiting(day: World) -> None:
    day.wires["tripleseat"].down = True
    bodies = [partial(day, event, "documents") for event in (FULL, PAID, TWINS)]
    bodies.append(delivery(day, FULL, "CREATE_EVENT"))
    answers = deliver(day, *bodies)
    assert [each.exit_status for each in answers] == [13] * 4
    assert [said(each) for each in answers] == ["not done UPSTREAM_UNAVAILABLE"] * 4
    assert all(each.may_pass and not noted(day, each) for each in answers)
    assert answers[3].event_id == str(FULL)
    assert "not tried" in answers[3].text
    assert day.orders_of(FULL) == []
    day.wires["tripleseat"].down = False
    deliver(day, *bodies)
    assert [day.flaws(each) for each in (FULL, PAID, TWINS)] == [[], [], []]


@pytest.mark.parametrize("lead", ["event", "booking"])
def test_several_deliveries_about_one_failing_event_keep_no_other_waiting(day: World, lead: str) -> None:
    day.tripleseat.faults.add("status", "GET", FULL_PATH, times=None, status=500)
    triggers = ("CREATE_EVENT", "UPDATE_EVENT", "CHANGE_EVENT_GUEST_COUNTS", "CHANGE_EVENT_DATETIME")
    bodies = [delivery(day, FULL, each) for each in triggers]
    if lead == "booking":
        bodies[1:3] = [booking(day, FULL, trigger=each) for each in ("UPDATE_BOOKING", "CREATE_BOOKING")]
    *failed, made = deliver(day, *bodies, delivery(day, PAID))
    statuses = [13] * 4 if lead == "event" else [13, 3, 3, 3]  # TripleSeat answers for the booking
    assert [(each.exit_status, each.may_pass, each.untried) for each in failed] == [(n, True, False) for n in statuses]
    assert (said(made), day.flaws(PAID)) == ("done", [])


def test_three_in_a_row_whose_writes_are_lost_keep_the_rest_waiting(day: World) -> None:
    day.revel.faults.add("status", "POST", "/resources/", times=None, status=503)
    extra = day.add_event()
    *tried, last = deliver(day, *(delivery(day, each) for each in (FULL, PAID, TWINS, extra)))
    assert [(said(each), each.exit_status) for each in tried] == [("not done OUTCOME_UNKNOWN", n) for n in (3, 3, 13)]
    assert (last.untried, last.exit_status, len(day.writes)) == (True, 13, 3)


def test_a_token_url_that_is_down_keeps_the_delivery(world: World) -> None:
    fail_token_url(world)
    (answer,) = deliver(world, delivery(world, FULL))
    assert (said(answer), answer.may_pass, answer.exit_status) == ("not done UPSTREAM_UNAVAILABLE", True, 13)


def test_revel_down_keeps_the_delivery(world: World) -> None:
    world.wires["revel"].down = True
    body = delivery(world, FULL)
    (answer,) = deliver(world, body)
    assert (said(answer), answer.may_pass, answer.exit_status) == ("not done UPSTREAM_UNAVAILABLE", True, 13)
    world.wires["revel"].down = False
    assert said(*deliver(world, body)) == "done"


def test_a_duplicate_is_told_as_one_though_the_rest_is_waiting(day: World) -> None:
    done, came = delivery(day, FULL), day.time.now
    deliver(day, done)
    day.wires["tripleseat"].down = True
    others = [partial(day, each, "documents") for each in (PAID, TWINS, UNMAPPED)]
    answers = deliver(day, *others, done, received=came)
    assert said(answers[3]) == "not done DUPLICATE_EVENT"


# The locks of a run


def test_the_most_orders_of_a_run_hold_over_a_whole_invocation(day: World) -> None:
    bodies = [delivery(day, each) for each in (FULL, PAID, TWINS)]
    answers = deliver(day, *bodies, max_orders=2)
    assert [said(each) for each in answers] == ["done", "done", "not done RUN_LIMIT_REACHED"]
    assert (answers[2].may_pass, answers[2].exit_status, noted(day, answers[2])) == (True, 0, False)
    assert len(day.revel.orders) == 2
    assert said(*deliver(day, bodies[2], max_orders=2)) == "done"


def test_the_deadline_of_a_run_holds_over_a_whole_invocation(day: World) -> None:
    day.config["sync"] = {**day.config.get("sync", {}), "deadline_minutes": 3}
    day.at("after GET .*Order", lambda: day.time.move(seconds=165))
    first, second = deliver(day, delivery(day, FULL), delivery(day, PAID))
    assert (said(first), said(second)) == ("done", "not done RUN_LIMIT_REACHED")
    assert (second.may_pass, noted(day, second), day.orders_of(PAID)) == (True, False, [])


def test_a_change_that_there_is_no_time_to_compare_is_left_for_later(world: World) -> None:
    world.sync()
    world.config["sync"] = {**world.config.get("sync", {}), "deadline_minutes": 3}
    world.rewrite_event(FULL, lines=[("Boxed Lunch Package", 3, 10)])
    body = delivery(world, FULL)
    world.at(f"after GET /v1/events/{FULL}", lambda: world.time.move(seconds=165))
    (answer,) = deliver(world, body)
    assert (said(answer), answer.may_pass, noted(world, answer)) == ("not done RUN_LIMIT_REACHED", True, False)
    assert said(*deliver(world, body)) == "done CHANGED_AFTER_INJECTION"


def test_the_time_gate_is_kept(day: World) -> None:
    answers = deliver(day, delivery(day, EARLY), delivery(day, MISSED))
    assert [said(each) for each in answers] == ["not done TOO_EARLY", "not done EVENT_DAY_PASSED"]
    assert [(each.ok, each.exit_status, noted(day, each)) for each in answers] == [(True, 0, True), (True, 3, True)]
    assert day.writes == []


def test_the_allowed_locations_are_kept(world: World) -> None:
    world.config["safety"]["allowed_locations"] = [30502]
    assert said(*deliver(world, delivery(world, FULL))) == "not done LOCATION_NOT_ALLOWED"
    assert world.revel.requests == []


def test_a_dry_run_writes_nothing_and_remembers_no_delivery(world: World) -> None:
    body = delivery(world, FULL)
    (answer,) = deliver(world, body, dry_run=True)
    assert (answer.outcomes[0].status, answer.processed, world.writes) == ("planned", False, [])
    with world.ledger() as ledger:
        assert ledger._transactions.connection.execute("SELECT count(*) FROM deliveries").fetchone()[0] == 0
        assert ledger.events.last_results([EventId(str(FULL))]) == {}
        assert all(row.kind in ("run_begun", "seen_dry", "run_finished") for row in ledger.audit.rows())
    assert said(*deliver(world, body)) == "done"


def test_a_dry_run_notes_no_refusal_and_nothing_that_is_not_acted_on(world: World) -> None:
    deliver(world, encode("CREATE_LEAD", lead={"id": 1}), dry_run=True)
    assert rows(world) == []
    deliver(world, encode("CREATE_LEAD", lead={"id": 1}))
    assert rows(world) == ["delivery"]


def rows(world: World) -> list[str]:
    with world.ledger() as ledger:
        return [row.kind for row in ledger.audit.rows()]


def test_all_runs_of_an_invocation_share_their_correlation_id(day: World) -> None:
    deliver(day, delivery(day, FULL), delivery(day, PAID), encode("CREATE_LEAD"))
    with day.ledger() as ledger:
        runs = ledger.runs.latest(10)
        ledger.audit.verify()
    assert len({run.run_id for run in runs}) == 2
    assert {(run.correlation_id, run.mode, run.exit_status) for run in runs} == {("sync-00000001", "single", 0)}


def test_the_audit_says_of_each_delivery_whether_it_was_signed(day: World) -> None:
    deliver(day, delivery(day, FULL))
    deliver(day, delivery(day, PAID), encode("CREATE_LEAD"), signed=False)
    with day.ledger() as ledger:
        told = [row.detail["signed"] for row in ledger.audit.rows() if row.kind == "delivery"]
    assert told == ["yes", "no", "no"]


@pytest.mark.parametrize("raw", [b"", b"<html>", b"{}", encode("UPDATE_EVENT"), encode("UPDATE_EVENT", event={})])
def test_nothing_of_what_can_not_be_read_reaches_the_engine(world: World, raw: bytes) -> None:
    world.forget_requests()
    with receiving(world) as receiver:
        with pytest.raises(DeliveryUnreadable):
            receiver.take(raw)
        assert receiver.ctx.ledger.runs.latest(10) == ()
        assert receiver.ctx.ledger.audit.rows() == ()
    assert (world.tripleseat.requests, world.revel.requests) == ([], [])


def test_nothing_of_a_customer_gets_into_the_ledger(day: World) -> None:
    deliver(day, *(delivery(day, event) for event in (FULL, PAID, UNMAPPED, EARLY)), booking(day, TWINS))
    with day.ledger() as ledger:
        kept = dump(ledger)
    event = day.tripleseat.event(UNMAPPED)
    private = ["Jordan", "555-0142", event["name"], "Avery Sample", json.dumps(event["contact"])]
    assert [word for word in private if word in kept] == []


def dump(ledger: Ledger) -> str:
    return "\n".join(ledger._transactions.connection.iterdump())


def test_a_booking_of_many_events_ends_with_the_deadline(day: World) -> None:
    day.config["sync"] = {**day.config.get("sync", {}), "deadline_minutes": 1}
    booking = {"id": 77, "event_ids": [64_100_000 + number for number in range(600)], "documents": [], "events": []}
    body = json.dumps({"webhook_trigger_type": "UPDATE_BOOKING", "booking": booking}).encode()
    began = day.time.now
    (answer,) = deliver(day, body)
    assert (day.time.now - began).total_seconds() <= 61
    assert len(answer.outcomes) == 600
    assert answer.outcomes[-1].reason == "RUN_LIMIT_REACHED"
    assert (answer.may_pass, noted(day, answer)) == (True, False)
