from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tsrevel.errors import ClaimConflict, ConflictCode
from tsrevel.ledger import PENDING, AuditKind, AuditRow, EventDrift, Ledger, OrderRecord
from tsrevel.planning.model import EventId, OrderId, Step
from tsrevel.planning.reasons import Reason

from .samples import EVENT, ORDER, RUN, START, TickingClock, differs, make_plan, make_run, raises

PLAN = make_plan()
FIRST_STEP, SECOND_STEP = PLAN.steps[:2]


def begin_writing(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, PLAN)
    ledger.orders.record(RUN, EVENT, FIRST_STEP, ORDER)


def state_of(ledger: Ledger) -> str | None:
    order = ledger.orders.get(EVENT)
    return order.state if order else None


def last_row(ledger: Ledger) -> AuditRow:
    return ledger.audit.rows(EVENT, limit=1)[0]


def test_an_event_never_claimed_is_unknown(ledger: Ledger) -> None:
    assert ledger.orders.get(EVENT) is None


def test_a_claim_keeps_the_plan_exactly_and_nothing_written_yet(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, PLAN)
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert (order.state, order.plan, order.order_id, order.receipts) == ("claimed", PLAN, None, {})
    assert (order.digest, order.cancelled, order.seen_plan, order.text) == (None, False, None, None)
    assert order.touched_at > START


def test_a_claim_without_receipts_is_replaced_by_a_newer_plan(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, PLAN)
    newer = make_plan(price=1300)
    ledger.orders.claim(RUN, newer)
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert order.plan == newer
    assert last_row(ledger).detail["was"] == "claimed"


def test_a_claim_with_a_receipt_is_never_replaced(ledger: Ledger) -> None:
    begin_writing(ledger)
    with raises(ClaimConflict, ConflictCode.WRONG_STATE):
        ledger.orders.claim(RUN, make_plan(price=1300))
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert order.plan == PLAN


def test_a_settled_order_is_never_claimed_again(ledger: Ledger) -> None:
    ledger.orders.settle(RUN, EVENT, ORDER, "digest-1")
    with raises(ClaimConflict, ConflictCode.WRONG_STATE):
        ledger.orders.claim(RUN, PLAN)


def test_a_disputed_order_is_never_claimed_again(ledger: Ledger) -> None:
    ledger.orders.dispute(RUN, EVENT, None, differs("two orders carry its local_id"))
    with raises(ClaimConflict, ConflictCode.WRONG_STATE):
        ledger.orders.claim(RUN, PLAN)


def test_a_claim_needs_a_run_that_began(ledger: Ledger) -> None:
    with raises(ClaimConflict, ConflictCode.BROKEN_RULE):
        ledger.orders.claim("run-9", PLAN)
    assert ledger.orders.get(EVENT) is None


def test_a_plan_with_one_uuid_twice_is_refused_whole(ledger: Ledger) -> None:
    with raises(ClaimConflict, ConflictCode.BROKEN_RULE):
        ledger.orders.claim(RUN, replace(PLAN, steps=(FIRST_STEP, FIRST_STEP)))
    assert ledger.orders.get(EVENT) is None
    assert ledger.audit.rows(EVENT) == ()


def facts_of(ledger: Ledger, uuid: str) -> dict[str, str]:
    """What of Revel's answer to a step is stored with its receipt."""
    with ledger.reading() as connection:
        row = connection.execute("SELECT facts FROM receipts WHERE event_id = ? AND uuid = ?", (EVENT, uuid)).fetchone()
    facts: dict[str, str] = json.loads(row["facts"])
    return facts


def test_the_receipt_of_the_order_step_gives_the_order_its_id(ledger: Ledger) -> None:
    begin_writing(ledger)
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert order.order_id == ORDER
    receipt, first = order.receipts[FIRST_STEP.uuid], ledger.queries.steps_of(EVENT)[0]
    assert (receipt.kind, receipt.revel_id, first.run_id) == ("order", ORDER, RUN)
    assert facts_of(ledger, FIRST_STEP.uuid) == {}
    assert first.recorded_at == order.touched_at


def test_the_receipt_of_another_step_leaves_the_order_id_alone(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.record(RUN, EVENT, SECOND_STEP, None)
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert order.order_id == ORDER
    assert list(order.receipts) == [FIRST_STEP.uuid, SECOND_STEP.uuid]


def test_another_receipt_for_the_same_step_wins_and_the_audit_keeps_both(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.record(RUN, EVENT, FIRST_STEP, "5550102", seen=True)
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert order.order_id == "5550102"
    assert facts_of(ledger, FIRST_STEP.uuid) == {"seen": "at Revel"}
    replaced = last_row(ledger)
    assert replaced.kind == "receipt_replaced"
    assert (replaced.detail["was"], replaced.detail["revel_id"]) == (ORDER, "5550102")
    assert ledger.orders.acknowledged_again(EVENT) == frozenset()  # a row that was seen is no answer


def test_a_step_that_was_answered_twice_is_known(ledger: Ledger) -> None:
    begin_writing(ledger)
    for revel_id in ("7700001", "7700002"):
        ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)
        ledger.orders.record(RUN, EVENT, SECOND_STEP, revel_id)
    assert ledger.orders.acknowledged_again(EVENT) == {SECOND_STEP.uuid}


@pytest.mark.parametrize(
    "step",
    [
        Step("item", "00000000-0000-5000-8000-000000000000"),
        Step("item", FIRST_STEP.uuid),
        Step("item", SECOND_STEP.uuid, 1),
    ],
    ids=["unknown uuid", "other kind", "other number"],
)
def test_a_receipt_for_a_step_that_was_not_claimed_is_refused(ledger: Ledger, step: Step) -> None:
    ledger.orders.claim(RUN, PLAN)
    with raises(ClaimConflict, ConflictCode.NO_SUCH_STEP):
        ledger.orders.record(RUN, EVENT, step, "1")


def test_settling_keeps_plan_receipts_and_digest(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.settle(RUN, EVENT, ORDER, "digest-1")
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert (order.state, order.plan, order.order_id, order.digest) == ("settled", PLAN, ORDER, "digest-1")
    assert FIRST_STEP.uuid in order.receipts
    assert last_row(ledger).detail == {"was": "claimed", "order_id": ORDER, "digest": "digest-1"}


def test_an_order_found_complete_is_settled_without_a_claim(ledger: Ledger) -> None:
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert (order.state, order.plan, order.digest) == ("settled", None, None)


def test_a_dispute_keeps_the_claim_and_says_why(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.dispute(RUN, EVENT, None, differs("it holds a product that was never planned"))
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert (order.state, order.plan, order.order_id) == ("disputed", PLAN, ORDER)
    assert order.reason is Reason.ORDER_DIFFERS
    assert order.text == "it holds a product that was never planned"
    fact = ledger.audit.rows(EVENT)[-1]
    assert (fact.kind, fact.detail["reason"]) == (AuditKind.DISPUTED, Reason.ORDER_DIFFERS)


def test_a_dispute_is_ended_by_settling(ledger: Ledger) -> None:
    ledger.orders.dispute(RUN, EVENT, OrderId("1"), differs())
    ledger.orders.settle(RUN, EVENT, ORDER, "digest-1")
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert (order.state, order.order_id, order.reason, order.text) == ("settled", ORDER, None, None)


def test_somebody_elses_order_is_noted_without_a_plan(ledger: Ledger) -> None:
    ledger.orders.mark_foreign(RUN, EVENT, ORDER, "Triple Seat 55521609", "digest-1")
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert (order.state, order.plan, order.order_id, order.digest) == ("foreign", None, ORDER, "digest-1")
    assert order.local_id == "Triple Seat 55521609"


def test_somebody_elses_order_takes_the_place_of_a_claim_of_which_nothing_was_written(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, PLAN)
    ledger.orders.mark_foreign(RUN, EVENT, ORDER, "Triple Seat 55521609")
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert (order.state, order.plan) == ("foreign", None)
    with pytest.raises(ClaimConflict):
        ledger.orders.record(RUN, EVENT, FIRST_STEP, "1")


def test_a_half_written_order_never_turns_into_somebody_elses(ledger: Ledger) -> None:
    begin_writing(ledger)
    with raises(ClaimConflict, ConflictCode.WRONG_STATE):
        ledger.orders.mark_foreign(RUN, EVENT, OrderId("1"), "Triple Seat 55521609")
    assert state_of(ledger) == "claimed"


def test_somebody_elses_order_is_never_settled_as_ours(ledger: Ledger) -> None:
    ledger.orders.mark_foreign(RUN, EVENT, ORDER, "Triple Seat 55521609")
    with raises(ClaimConflict, ConflictCode.WRONG_STATE):
        ledger.orders.settle(RUN, EVENT, ORDER, None)


def test_noting_somebody_elses_order_again_keeps_that_it_was_cancelled(ledger: Ledger) -> None:
    ledger.orders.mark_foreign(RUN, EVENT, ORDER, "Triple Seat 55521609")
    ledger.orders.note_drift(RUN, EventDrift(EVENT, "digest-2", cancelled=True))
    ledger.orders.mark_foreign(RUN, EVENT, ORDER, "Triple Seat 55521609")
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert order.cancelled


def test_a_released_claim_is_gone_with_its_receipts_but_not_from_the_audit(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.release(RUN, EVENT, "Revel holds nothing under its uuid")
    assert ledger.orders.get(EVENT) is None
    assert [row.kind for row in ledger.audit.rows(EVENT)] == ["claimed", "recorded", "released"]
    ledger.orders.claim(RUN, PLAN)
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert order.receipts == {}


def test_a_settled_order_is_never_released(ledger: Ledger) -> None:
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    with raises(ClaimConflict, ConflictCode.WRONG_STATE):
        ledger.orders.release(RUN, EVENT, "nothing there")
    assert state_of(ledger) == "settled"


def test_what_was_never_claimed_can_not_be_released(ledger: Ledger) -> None:
    with raises(ClaimConflict, ConflictCode.NO_ORDER):
        ledger.orders.release(RUN, EVENT, "nothing there")


def test_a_remembered_change_stands_beside_the_claimed_plan(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.settle(RUN, EVENT, ORDER, "digest-1")
    changed = make_plan(price=1300)
    ledger.orders.note_drift(RUN, EventDrift(EVENT, "digest-2", changed))
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert (order.plan, order.seen_plan, order.digest) == (PLAN, changed, "digest-2")
    assert order.cancelled is False


def test_remembering_less_forgets_nothing(ledger: Ledger) -> None:
    ledger.orders.settle(RUN, EVENT, ORDER, "digest-1")
    ledger.orders.note_drift(RUN, EventDrift(EVENT, "digest-2", PLAN, cancelled=True))
    ledger.orders.note_drift(RUN, EventDrift(EVENT, "digest-3", cancelled=True))
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert (order.seen_plan, order.cancelled, order.digest) == (PLAN, True, "digest-3")


def test_a_cancellation_can_be_taken_back(ledger: Ledger) -> None:
    ledger.orders.settle(RUN, EVENT, ORDER, "digest-1")
    ledger.orders.note_drift(RUN, EventDrift(EVENT, "digest-2", cancelled=True))
    ledger.orders.note_drift(RUN, EventDrift(EVENT, "digest-3", cancelled=False))
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert order.cancelled is False


@pytest.mark.parametrize("is_finished", [True, False])
def test_of_an_order_begun_the_hash_of_its_event_stays_if_the_event_was_not_listed(
    ledger: Ledger, is_finished: bool
) -> None:
    ledger.orders.claim(RUN, PLAN, "digest-1")
    if is_finished:
        ledger.orders.settle(RUN, EVENT, ORDER, "digest-1")
    ledger.orders.note_drift(RUN, EventDrift(EVENT, ""))
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert order.digest == ("" if is_finished else "digest-1")


def test_an_unknown_order_can_not_be_remembered(ledger: Ledger) -> None:
    with raises(ClaimConflict, ConflictCode.NO_ORDER):
        ledger.orders.note_drift(RUN, EventDrift(EVENT, "digest-1"))


def test_counts_name_every_state(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.settle(RUN, EventId("2"), OrderId("2"), None)
    ledger.orders.settle(RUN, EventId("3"), OrderId("3"), None)
    assert ledger.orders.count_by_state() == {"claimed": 1, "settled": 2, "disputed": 0, "foreign": 0}


def test_a_thousand_orders_are_found_in_three_queries(ledger: Ledger) -> None:
    ids = [EventId(str(number)) for number in range(1000)]
    for event_id in ids:
        ledger.orders.claim(RUN, make_plan(event_id))
    asked: list[str] = []
    ledger._transactions.connection.set_trace_callback(asked.append)
    found = ledger.orders.find([*ids, EventId("absent")])
    assert found.keys() == set(ids)
    assert found[ids[7]].plan == make_plan(ids[7])
    assert len([sql for sql in asked if "SELECT" in sql and not sql.startswith("--")]) == 3


def test_every_change_of_an_order_is_in_the_audit(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.dispute(RUN, EVENT, ORDER, differs())
    ledger.orders.settle(RUN, EVENT, ORDER, "digest-1")
    ledger.orders.note_drift(RUN, EventDrift(EVENT, "digest-2"))
    kinds = [row.kind for row in ledger.audit.rows(EVENT)]
    assert kinds == ["claimed", "recorded", "disputed", "settled", "remembered"]
    ledger.audit.verify()


def test_a_later_run_may_go_on_where_an_earlier_one_stopped(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.runs.begin(make_run("run-2"))
    ledger.orders.record("run-2", EVENT, SECOND_STEP, "9001")
    assert [step.run_id for step in ledger.queries.steps_of(EVENT) if step.written] == [RUN, "run-2"]


def test_unfinished_orders_are_the_claimed_ones_oldest_first(ledger: Ledger) -> None:
    older, newer, done = EventId("9"), EventId("1"), EventId("5")
    for event_id in (older, newer, done):
        ledger.orders.claim(RUN, make_plan(event_id))
    ledger.orders.settle(RUN, done, ORDER, None)
    ledger.orders.dispute(RUN, EVENT, None, differs())
    assert [order.event_id for order in ledger.orders.unfinished()] == [older, newer]


def written(ledger: Ledger) -> OrderRecord:
    order = ledger.orders.get(EVENT)
    assert order is not None
    return order


def test_a_step_is_pending_from_its_sending_for_a_quarter_of_an_hour(ledger: Ledger) -> None:
    begin_writing(ledger)
    assert (written(ledger).pending_until, written(ledger).pending(START)) == (None, frozenset())
    ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)
    assert last_row(ledger).kind == "sent"
    order = written(ledger)
    until = order.sent[SECOND_STEP.uuid] + PENDING
    assert order.pending_until == until
    assert order.unanswered == {SECOND_STEP.uuid}
    assert order.pending(until - timedelta(seconds=1)) == {SECOND_STEP.uuid}
    assert order.pending(until) == frozenset()


def test_a_receipt_answers_its_own_step_alone(ledger: Ledger) -> None:
    begin_writing(ledger)
    for step in make_plan().steps[1:3]:
        ledger.orders.mark_sent(RUN, EVENT, step)
    ledger.orders.record(RUN, EVENT, SECOND_STEP, "7700001")
    order = written(ledger)
    assert order.unanswered == {make_plan().steps[2].uuid}
    assert SECOND_STEP.uuid in order.sent


def test_what_was_surely_not_applied_counts_as_never_sent(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)
    ledger.orders.mark_not_applied(RUN, EVENT, SECOND_STEP)
    assert (written(ledger).sent, written(ledger).recheck_at) == ({}, None)
    ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)
    assert written(ledger).recheck_at is None


def test_what_is_sent_again_is_looked_at_once_more(ledger: Ledger) -> None:
    begin_writing(ledger)
    for _ in range(2):
        ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)
    order = written(ledger)
    assert order.recheck_at == order.pending_until


def test_an_acknowledged_step_that_is_not_shown_is_pending_from_its_sending(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)
    ledger.orders.record(RUN, EVENT, SECOND_STEP, "7700001")
    before = written(ledger).sent
    ledger.orders.mark_missing(RUN, EVENT, [SECOND_STEP])
    order = written(ledger)
    assert order.sent == before
    assert order.unanswered == {SECOND_STEP.uuid}
    assert last_row(ledger).kind == "not_shown"


def test_one_that_was_sent_long_ago_is_pending_from_now_on(ledger: Ledger, clock: TickingClock) -> None:
    begin_writing(ledger)
    ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)
    ledger.orders.record(RUN, EVENT, SECOND_STEP, "7700001")
    clock.now += timedelta(hours=1)
    ledger.orders.mark_missing(RUN, EVENT, [SECOND_STEP])
    until = written(ledger).pending_until
    assert until is not None
    assert until > clock.now + PENDING - timedelta(seconds=5)


def test_what_was_sent_by_a_clock_that_was_fast_counts_from_now(ledger: Ledger, clock: TickingClock) -> None:
    begin_writing(ledger)
    clock.now += timedelta(hours=26)
    ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)
    clock.now -= timedelta(hours=26)
    ledger.orders.correct_clock(RUN, EVENT)
    until = written(ledger).pending_until
    assert until is not None
    assert until <= clock.now + PENDING
    rows = len(ledger.audit.rows())
    clock.now += timedelta(minutes=1)
    ledger.orders.correct_clock(RUN, EVENT)
    assert len(ledger.audit.rows()) == rows


def test_a_settled_order_has_nothing_pending(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    assert written(ledger).pending_until is None
    ledger.orders.dispute(RUN, EVENT, ORDER, differs())
    assert written(ledger).pending_until is None


def test_an_event_of_which_something_was_sent_before_is_looked_at_once_more(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.mark_sent(RUN, EVENT, make_plan().steps[0])
    ledger.orders.release(RUN, EVENT, "Revel holds nothing of it")
    ledger.orders.claim(RUN, make_plan())
    assert written(ledger).recheck_at is not None


def test_one_that_was_surely_not_applied_is_not(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.mark_sent(RUN, EVENT, make_plan().steps[0])
    ledger.orders.mark_not_applied(RUN, EVENT, make_plan().steps[0])
    ledger.orders.claim(RUN, make_plan())
    assert written(ledger).recheck_at is None


def test_a_step_that_the_claimed_plan_does_not_have_is_not_sent(ledger: Ledger) -> None:
    with raises(ClaimConflict, ConflictCode.NO_SUCH_STEP):
        ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)


def test_a_settled_order_is_unfinished_again_once_it_is_due_to_be_looked_at(ledger: Ledger) -> None:
    begin_writing(ledger)
    ledger.orders.recheck(RUN, EVENT, START - timedelta(minutes=1))
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    assert [order.event_id for order in ledger.orders.unfinished()] == [EVENT]
    assert last_row(ledger).kind == "settled"
    ledger.orders.recheck(RUN, EVENT, START + PENDING)
    assert ledger.orders.unfinished() == ()
    ledger.orders.recheck(RUN, EVENT, START + timedelta(days=1))
    assert [order.event_id for order in ledger.orders.unfinished()] == [EVENT], "a fast clock stored that"
    ledger.orders.recheck(RUN, EVENT, None)
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert (order.state, order.recheck_at) == ("settled", None)


def test_an_order_never_claimed_can_not_be_looked_at_again(ledger: Ledger) -> None:
    with raises(ClaimConflict, ConflictCode.NO_ORDER):
        ledger.orders.recheck(RUN, EVENT, START)


def test_that_something_was_sent_is_known_though_its_claim_was_dropped(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    assert not ledger.orders.was_sent(EVENT)
    ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)
    ledger.orders.release(RUN, EVENT, "Revel holds nothing of it")
    assert ledger.orders.was_sent(EVENT)


def test_what_was_surely_not_applied_was_never_sent(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.mark_sent(RUN, EVENT, SECOND_STEP)
    ledger.orders.mark_not_applied(RUN, EVENT, SECOND_STEP)
    assert not ledger.orders.was_sent(EVENT)


def test_the_events_of_an_order_are_found_by_its_id(ledger: Ledger) -> None:
    assert ledger.orders.events_of(ORDER) == ()
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    assert ledger.orders.events_of(ORDER) == (EVENT,)
