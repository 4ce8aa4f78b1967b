"""The table of assumptions: each has its fact, and the critical ones are those that an order's safety rests on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tsrevel.planning.assumptions import (
    ASSUMPTIONS,
    AssumptionAnswer,
    AssumptionCode,
    AssumptionResult,
    advise_on,
    describe_failed,
    find_critical,
    summarize,
)

UUID, SETS = AssumptionCode.REVEL_UUID_KEPT, AssumptionCode.REVEL_PRODUCT_SET


def test_every_code_has_its_row() -> None:
    assert list(ASSUMPTIONS) == list(AssumptionCode)


def test_the_critical_ones_are_those_that_an_order_rests_on() -> None:
    assert {code for code, row in ASSUMPTIONS.items() if row.critical} == {
        AssumptionCode.REVEL_UUID_KEPT,
        AssumptionCode.REVEL_FINDS_BY_UUID,
        AssumptionCode.REVEL_FINDS_BY_LOCAL_ID,
        AssumptionCode.REVEL_FINDS_NONE_FOR_UNKNOWN,
        AssumptionCode.REVEL_NEXT_PAGE,
        AssumptionCode.REVEL_NUMBERS,
        AssumptionCode.REVEL_LOCAL_TIME,
        AssumptionCode.TRIPLESEAT_EVENT_DATES,
        AssumptionCode.TRIPLESEAT_PAGES,
    }


@pytest.mark.parametrize(
    ("code", "result", "accepted", "stops"),
    [
        (UUID, AssumptionResult.FAILS, (), True),
        (UUID, AssumptionResult.FAILS, (UUID,), False),
        (UUID, AssumptionResult.UNTOLD, (), False),
        (UUID, AssumptionResult.HOLDS, (), False),
        (SETS, AssumptionResult.FAILS, (), False),
    ],
)
def test_a_critical_one_that_failed_and_wasnt_accepted_stops_runs(
    code: AssumptionCode, result: AssumptionResult, accepted: tuple[AssumptionCode, ...], stops: bool
) -> None:
    answer = AssumptionAnswer(code, result, "seen")
    assert find_critical([answer], accepted) == ((answer,) if stops else ())


def test_a_failed_one_says_what_was_seen_and_when() -> None:
    failed = AssumptionAnswer(UUID, AssumptionResult.FAILS, "order 1 has another uuid")
    told = "REVEL_UUID_KEPT: order 1 has another uuid (`tsrevel doctor --assumptions`"
    assert describe_failed(failed) == f"{told})"
    assert describe_failed(replace(failed, tested_at=datetime(2026, 12, 12, tzinfo=UTC))) == f"{told}, 2026-12-12)"


def test_whoever_may_accept_failed_ones_is_told_to_check_them_first() -> None:
    assert advise_on([AssumptionAnswer(code, AssumptionResult.FAILS, "seen") for code in (UUID, SETS)]) == (
        "ask the service's support about REVEL_UUID_KEPT, REVEL_PRODUCT_SET; add REVEL_UUID_KEPT, REVEL_PRODUCT_SET to "
        "safety.accepted_assumptions only if you have checked that it does no harm in your account"
    )


def test_the_answers_in_one_line() -> None:
    at = datetime(2026, 12, 12, tzinfo=UTC)
    holds = [AssumptionAnswer(code, AssumptionResult.HOLDS, "seen", at) for code in AssumptionCode]
    assert summarize([]) == "never tested; run `tsrevel doctor --assumptions`"
    assert summarize(holds) == f"{len(holds)} of {len(holds)} hold (tested 2026-12-12)"
    some = [AssumptionAnswer(UUID, AssumptionResult.FAILS, "seen"), *holds[1:3]]
    assert summarize(some) == f"2 of {len(holds)} hold, 1 fails, {len(holds) - 3} not tested (tested 2026-12-12)"
    assert summarize(some[:1]).endswith("not tested")
    observed = AssumptionAnswer(AssumptionCode.REVEL_IN_FILTER, AssumptionResult.HOLDS, "seen")
    assert summarize([observed]) == "never tested (runs noticed that 1 holds); run `tsrevel doctor --assumptions`"
    fails = AssumptionAnswer(AssumptionCode.REVEL_FIELDS, AssumptionResult.FAILS, "seen")
    assert summarize([observed, fails]).startswith("never tested (runs noticed that 1 holds and 1 fails);")
