"""Which writes failed in several runs: a person is needed, because the next run would only try them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tsrevel.ledger import FAILED_AGAIN, AuditKind, EventResult, Ledger
from tsrevel.planning.model import EventId, Hold, OrderId
from tsrevel.planning.reasons import FailedWrite, Reason

from .samples import EVENT, ORDER, RUN, make_plan, make_run

PLAN = make_plan()
STEP = next(each for each in PLAN.steps if each.kind == "item")
RUNS = (RUN, "run-2", "run-3")


@pytest.fixture
def begun(ledger: Ledger) -> Ledger:
    """The order is written, and none of its items."""
    for each in RUNS[1:]:
        ledger.runs.begin(make_run(each))
    ledger.orders.claim(RUN, PLAN)
    ledger.orders.record(RUN, EVENT, PLAN.steps[0], ORDER)
    return ledger


def refuse(ledger: Ledger, *runs: str, answer: str | None = "400") -> None:
    for run in runs:
        ledger.orders.mark_sent(run, EVENT, STEP)
        ledger.orders.mark_not_applied(run, EVENT, STEP, answer)


def failed(ledger: Ledger) -> FailedWrite | None:
    return ledger.orders.failed_writes([EVENT, EventId("1")]).get(EVENT)


def test_a_write_that_revel_refused_in_two_runs_is_known_with_its_order_and_product(begun: Ledger) -> None:
    refuse(begun, *RUNS[:2])
    product = PLAN.items[STEP.number].product
    place = PLAN.location.establishment
    assert failed(begun) == FailedWrite("write of the item", 2, "400", ORDER, product, place)


def test_one_run_is_not_enough_however_often_it_tried(begun: Ledger) -> None:
    refuse(begun, RUN, RUN)
    assert failed(begun) is None


def test_a_write_that_never_reached_revel_is_not_refused(begun: Ledger) -> None:
    refuse(begun, *RUNS, answer=None)
    assert failed(begun) is None


def test_the_last_answer_counts_whether_it_refused_or_left_all_open(begun: Ledger) -> None:
    refuse(begun, RUN)
    begun.orders.mark_sent("run-2", EVENT, STEP)
    begun.orders.note_unanswered("run-2", EVENT, STEP, "500")
    known = failed(begun)
    assert known
    assert (known.runs, known.answer) == (2, "500")


OVERTAKING: dict[str, Callable[[Ledger], object]] = {
    "written": lambda ledger: ledger.orders.record(RUN, EVENT, STEP, "7"),
    "settled": lambda ledger: ledger.orders.settle(RUN, EVENT, ORDER, None),
    "disputed": lambda ledger: ledger.orders.dispute(RUN, EVENT, ORDER, Hold(Reason.ORDER_DIFFERS, "x")),
    "resolved": lambda ledger: ledger.events.resolve(EVENT, "done", "by hand", ORDER),
}


@pytest.mark.parametrize("happen", OVERTAKING.values(), ids=OVERTAKING)
def test_what_came_of_it_since_overtakes_it(begun: Ledger, happen: Callable[[Ledger], object]) -> None:
    refuse(begun, *RUNS)
    happen(begun)
    assert failed(begun) is None


OTHER = EventId("64000099")


def settle_another(ledger: Ledger) -> None:
    plan = replace(PLAN, event_id=OTHER)
    ledger.orders.claim(RUN, plan)
    ledger.orders.record(RUN, OTHER, plan.steps[0], OrderId("5550999"))
    ledger.orders.settle(RUN, OTHER, OrderId("5550999"), None)


def see(ledger: Ledger, run: str, status: str, reason: str | None) -> None:
    ledger.events.store_results(run, [EventResult(EVENT, None, status, reason, "", None)])


def fail(ledger: Ledger, run: str) -> None:
    ledger.audit.add(run, AuditKind.FAILED, EVENT)
    see(ledger, run, "failed", "EVENT_DATA_UNAVAILABLE")


def stuck(ledger: Ledger) -> bool:
    return EVENT in ledger.orders.stuck([EVENT, OTHER])


def test_an_event_fails_by_its_own_fault_once_another_order_was_finished_since(begun: Ledger) -> None:
    settle_another(begun)
    fail(begun, RUN)
    fail(begun, "run-2")
    assert stuck(begun)
    begun.orders.settle(RUN, EventId("64000099"), OrderId("5550999"), None)
    assert not stuck(begun)


def test_its_own_order_shows_nothing(begun: Ledger) -> None:
    fail(begun, RUN)
    begun.orders.settle(RUN, EVENT, ORDER, None)
    assert stuck(begun)


def test_what_failed_before_the_event_last_did_not_fail_does_not_count(begun: Ledger) -> None:
    fail(begun, RUN)
    settle_another(begun)
    see(begun, "run-2", "skipped", "TOO_EARLY")
    assert not stuck(begun)
    fail(begun, "run-3")
    assert stuck(begun)


def test_a_claim_that_was_dropped_leaves_what_failed_without_its_order(begun: Ledger) -> None:
    refuse(begun, *RUNS)
    begun.orders.release(RUN, EVENT, "Revel holds nothing of it")
    assert failed(begun) == FailedWrite("write of the item", 3, "400")


def test_of_another_plan_the_step_is_unknown(begun: Ledger) -> None:
    refuse(begun, *RUNS)
    begun.orders.release(RUN, EVENT, "Revel holds nothing of it")
    begun.orders.claim(RUN, replace(PLAN, steps=tuple(each for each in PLAN.steps if each.kind != "item")))
    assert failed(begun) == FailedWrite("write of the item", 3, "400")


def test_the_last_result_tells_whether_the_event_failed_again(begun: Ledger) -> None:
    for details in ((), FAILED_AGAIN):
        begun.events.store_results(RUN, [EventResult(EVENT, None, "failed", None, "", None, details=details)])
        assert begun.events.last_results([EVENT])[EVENT].repeated == bool(details)
