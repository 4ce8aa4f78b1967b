"""The account's own answers: the last of each is stored, and none is forgotten because it couldn't be asked again."""

from __future__ import annotations

from datetime import timedelta

from tsrevel.ledger import Ledger
from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult
from tsrevel.planning.model import EventId, OrderId

from .samples import EVENT, RUN, make_plan, raw

UUID, PAGES = AssumptionCode.REVEL_FINDS_BY_UUID, AssumptionCode.REVEL_NEXT_PAGE
HOLDS, FAILS, UNTOLD = AssumptionResult.HOLDS, AssumptionResult.FAILS, AssumptionResult.UNTOLD


def results(ledger: Ledger) -> dict[AssumptionCode, AssumptionResult]:
    return {each.code: each.result for each in ledger.assumptions.answers()}


def test_the_last_answer_stands(ledger: Ledger) -> None:
    ledger.assumptions.store([AssumptionAnswer(UUID, FAILS, "another order came"), AssumptionAnswer(PAGES, HOLDS, "")])
    before = ledger.assumptions.answers()
    ledger.assumptions.store([AssumptionAnswer(UUID, HOLDS, "order 5550101 came")])
    assert results(ledger) == {UUID: HOLDS, PAGES: HOLDS}
    after = ledger.assumptions.answers()
    assert [each.detail for each in after] == ["order 5550101 came", ""]
    assert before[0].tested_at
    assert after[0].tested_at
    assert after[0].tested_at - before[0].tested_at > timedelta()


def test_an_answer_that_cant_be_told_leaves_the_one_before(ledger: Ledger) -> None:
    ledger.assumptions.store([AssumptionAnswer(UUID, FAILS, "another order came")])
    ledger.assumptions.store([AssumptionAnswer(UUID, UNTOLD, "no order is known")])
    assert results(ledger) == {UUID: FAILS}


def test_each_test_is_a_row_of_the_audit(ledger: Ledger) -> None:
    ledger.assumptions.store([AssumptionAnswer(UUID, FAILS, "seen"), AssumptionAnswer(PAGES, UNTOLD, "not seen")])
    ledger.assumptions.store([AssumptionAnswer(PAGES, UNTOLD, "not seen")])
    rows = [row for row in ledger.audit.rows() if row.kind == "assumptions_tested"]
    assert [dict(row.detail) for row in rows] == [{"REVEL_FINDS_BY_UUID": "doesn't hold"}]


def test_an_assumption_of_another_version_is_left_out(ledger: Ledger) -> None:
    ledger.assumptions.store([AssumptionAnswer(UUID, HOLDS, "seen")])
    with raw(ledger.path) as connection:
        connection.execute("INSERT INTO assumptions VALUES ('GONE', 'holds', '', '2026-01-01T00:00:00.000000+00:00')")
        connection.commit()
    assert results(ledger) == {UUID: HOLDS}


def test_the_orders_that_were_written_last_come_first(ledger: Ledger) -> None:
    assert ledger.assumptions.known_orders(2) == ()
    for number, event_id in enumerate((EVENT, EventId("2"), EventId("3"))):
        plan = make_plan(event_id)
        ledger.orders.claim(RUN, plan)
        ledger.orders.record(RUN, event_id, plan.steps[0], f"{number}", seen=number == 1)
    ledger.orders.claim(RUN, make_plan(EventId("4")))
    ledger.orders.mark_foreign(RUN, EventId("5"), OrderId("9"), "by hand")
    newest, found, *rest = ledger.assumptions.known_orders(3)
    assert [each.order_id for each in rest] == ["0"]
    plan = make_plan(EventId("3"))
    sent = (newest.uuid, newest.local_id, newest.total, newest.timezone)
    assert sent == (plan.uuid, plan.local_id, plan.final_total, plan.location.timezone)
    assert newest.order_id == "2"
    assert newest.written_at is not None
    assert found.written_at is None


def test_a_rehearsal_is_a_row_of_the_audit(ledger: Ledger) -> None:
    assert ledger.assumptions.rehearsals() == ()
    ledger.assumptions.store_rehearsal(EVENT, {"total_agrees": "yes"})
    (only,) = ledger.assumptions.rehearsals()
    assert (only.event_id, dict(only.facts)) == (EVENT, {"total_agrees": "yes"})
    assert [row.kind for row in ledger.audit.rows(EVENT)] == ["rehearsed"]
