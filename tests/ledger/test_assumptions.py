"""The account's own answers: the last of each is stored, and none is forgotten because it couldn't be asked again."""

from __future__ import annotations

from datetime import timedelta

from tsrevel.ledger import Ledger
from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult

from .samples import raw

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
