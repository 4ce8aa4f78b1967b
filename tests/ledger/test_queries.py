"""What a person asks of the ledger: what is in trouble, missed, coming, begun, settled by hand, and what happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tsrevel.ledger import EventResult, Ledger, LedgerView, open_view
from tsrevel.planning.model import EventId, Hold, OrderId
from tsrevel.planning.reasons import Reason

from .samples import DAY, EVENT, ORDER, RUN, make_plan, make_run, store_result

OTHER = EventId("55521610")


@pytest.fixture
def view(path: Path, ledger: Ledger) -> Iterator[LedgerView]:
    """The ledger as another process sees it, while it changes."""
    assert ledger.path == path
    opened = open_view(path, "sandbox")
    assert opened is not None
    with opened:
        yield opened


def see(
    ledger: Ledger,
    status: str,
    reason: str | None,
    event_id: EventId = EVENT,
    *,
    run_id: str = RUN,
    day: date | None = DAY,
    missed: bool = False,
    order_id: OrderId | None = None,
) -> None:
    ledger.events.store_results(
        run_id, [EventResult(event_id, day, status, reason, "why", None, missed, order_id=order_id, location="Bakery")]
    )


def test_trouble_is_told_since_it_began(ledger: Ledger, view: LedgerView) -> None:
    see(ledger, "skipped", "TOO_EARLY")
    see(ledger, "held", "UNMAPPED_ITEMS")
    began = view.queries.held_or_failed()[0].last_seen_at
    see(ledger, "held", "UNMAPPED_ITEMS")
    see(ledger, "held", "AMOUNT_MISMATCH")
    see(ledger, "failed", "UPSTREAM_UNAVAILABLE", OTHER, day=None)
    other, one = view.queries.held_or_failed()
    assert (one.event_id, one.day, one.location) == (EVENT, DAY, "Bakery")
    assert (one.status, one.reason) == ("held", "AMOUNT_MISMATCH")
    assert began >= one.since > one.first_seen_at
    assert one.last_seen_at > one.since
    assert (other.event_id, other.day, other.status) == (OTHER, None, "failed")


def test_what_was_resolved_is_no_trouble_and_nothing_to_wait_for(ledger: Ledger, view: LedgerView) -> None:
    see(ledger, "held", "UNMAPPED_ITEMS")
    see(ledger, "skipped", "EVENT_DAY_PASSED", OTHER, missed=True)
    ledger.orders.claim(RUN, make_plan())
    for event_id in (EVENT, OTHER):
        ledger.events.resolve(event_id, "ignored", "called off", None)
    assert (view.queries.held_or_failed(), view.queries.missed(), view.queries.waiting()) == ((), (), ())
    assert view.queries.open_orders() == ()


def test_what_runs_report_of_a_finished_order_after_its_event_was_resolved_is_trouble(
    ledger: Ledger, view: LedgerView
) -> None:
    see(ledger, "held", "AMOUNT_MISMATCH")
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    ledger.events.resolve(EVENT, "done", "seen", None)
    assert view.queries.held_or_failed() == ()
    see(ledger, "held", "AMOUNT_MISMATCH")
    assert [each.event_id for each in view.queries.held_or_failed()] == [EVENT]


def test_resolutions_are_told_of_one_or_of_all(ledger: Ledger, view: LedgerView) -> None:
    ledger.events.resolve(EVENT, "done", "by hand", ORDER)
    ledger.events.resolve(OTHER, "ignored", "called off", None)
    assert [each.event_id for each in view.events.all_resolutions()] == [OTHER, EVENT]
    assert [each.note for each in view.events.resolutions([EVENT]).values()] == ["by hand"]


def test_missed_events_stay_until_they_have_an_order(ledger: Ledger, view: LedgerView) -> None:
    see(ledger, "skipped", "EVENT_DAY_PASSED", missed=True)
    see(ledger, "skipped", "EVENT_DAY_PASSED")
    assert [each.missed_at is not None for each in view.queries.missed()] == [True]
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    assert view.queries.missed() == ()


def test_what_is_coming_is_told_by_its_days(ledger: Ledger, view: LedgerView) -> None:
    see(ledger, "skipped", "TOO_EARLY", day=date(2026, 1, 9))
    see(ledger, "skipped", "RUN_LIMIT_REACHED", OTHER)
    see(ledger, "skipped", "ALREADY_INJECTED", EventId("3"))
    assert [each.event_id for each in view.queries.waiting()] == [OTHER, EVENT]


def test_orders_begun_are_told_with_how_far_they_are(ledger: Ledger, view: LedgerView) -> None:
    plan = make_plan()
    ledger.orders.claim(RUN, plan)
    ledger.orders.record(RUN, EVENT, plan.steps[0], ORDER)
    ledger.orders.dispute(RUN, OTHER, OrderId("7"), Hold(Reason.DUPLICATE_ORDERS, "two of them"))
    begun, disputed = view.queries.open_orders()
    assert (begun.state, begun.order_id, begun.receipts, begun.steps) == ("claimed", ORDER, 1, len(plan.steps))
    assert (begun.day, begun.location, begun.total) == (DAY, "Special Events", plan.final_total)
    assert (disputed.state, disputed.dispute, disputed.total) == ("disputed", "DUPLICATE_ORDERS: two of them", None)


def test_steps_are_told_with_and_without_their_receipts(ledger: Ledger, view: LedgerView) -> None:
    plan = make_plan()
    ledger.orders.claim(RUN, plan)
    ledger.orders.record(RUN, EVENT, plan.steps[0], ORDER)
    first, *others = view.queries.steps_of(EVENT)
    assert (first.kind, first.uuid, first.written, first.revel_id, first.run_id) == (
        "order",
        plan.uuid,
        True,
        ORDER,
        RUN,
    )
    assert first.recorded_at is not None
    assert {(each.written, each.revel_id, each.recorded_at) for each in others} == {(False, None, None)}
    assert view.queries.steps_of(OTHER) == ()


def test_attempts_are_told_by_event_and_by_run(ledger: Ledger, view: LedgerView) -> None:
    see(ledger, "failed", "UPSTREAM_UNAVAILABLE")
    ledger.runs.begin(make_run("run-2"))
    see(ledger, "injected", None, run_id="run-2", order_id=ORDER)
    see(ledger, "held", "UNMAPPED_ITEMS", OTHER, run_id="run-2")
    told = [(each.run_id, each.status, each.order_id) for each in view.queries.attempts_at(EVENT)]
    assert told == [(RUN, "failed", None), ("run-2", "injected", ORDER)]
    assert [each.event_id for each in view.queries.attempts_in(["run-2"])] == [EVENT, OTHER]


def test_what_a_run_first_found_missed_or_changed_is_told_with_its_attempts(ledger: Ledger, view: LedgerView) -> None:
    see(ledger, "held", "UNMAPPED_ITEMS")
    ledger.runs.begin(make_run("run-2"))
    ledger.orders.settle("run-2", OTHER, ORDER, None)
    see(ledger, "skipped", "CHANGED_AFTER_INJECTION", OTHER, run_id="run-2")
    see(ledger, "skipped", "EVENT_DAY_PASSED", missed=True, run_id="run-2")
    see(ledger, "held", "UNMAPPED_ITEMS", EventId("9"), run_id="run-2")
    see(ledger, "skipped", "TOO_EARLY", EventId("10"), run_id="run-2")
    ledger.runs.begin(make_run("run-3"))
    see(ledger, "skipped", "EVENT_DAY_PASSED", missed=True, run_id="run-3")
    told = {
        run: [(each.event_id, each.status, each.reason, each.order_id) for each in view.queries.attempts_in([run])]
        for run in (RUN, "run-2", "run-3")
    }
    assert told == {
        RUN: [(EVENT, "held", "UNMAPPED_ITEMS", None)],
        "run-2": [
            ("9", "held", "UNMAPPED_ITEMS", None),
            (OTHER, "skipped", "CHANGED_AFTER_INJECTION", ORDER),
            (EVENT, "skipped", "EVENT_DAY_PASSED", None),
        ],
        "run-3": [],
    }
    assert len(view.queries.attempts_in([RUN, "run-2", "run-3"])) == 4


def test_how_an_event_stands_is_told_resolved_or_not(ledger: Ledger) -> None:
    assert ledger.queries.event_status(EVENT) is None
    see(ledger, "held", "UNMAPPED_ITEMS")
    ledger.events.resolve(EVENT, "ignored", "called off", None)
    standing = ledger.queries.event_status(EVENT)
    assert standing is not None
    assert (standing.status, standing.reason, standing.location) == ("held", "UNMAPPED_ITEMS", "Bakery")


def test_a_place_once_known_is_not_forgotten(ledger: Ledger) -> None:
    see(ledger, "held", "UNMAPPED_ITEMS")
    store_result(ledger, "failed", None)
    standing = ledger.queries.event_status(EVENT)
    assert standing is not None
    assert standing.location == "Bakery"


def test_the_events_seen_last_are_found_by_how_their_ids_begin(ledger: Ledger, view: LedgerView) -> None:
    see(ledger, "held", "UNMAPPED_ITEMS")
    see(ledger, "injected", None, OTHER, day=None)
    see(ledger, "held", "NO_LINE_ITEMS", EventId("%"))
    ledger.runs.begin(replace(make_run("run-dry"), dry_run=True))
    dry = [EventResult(each, DAY, "held", "NO_DOCUMENT", "why", None) for each in (EVENT, EventId("7"))]
    ledger.events.store_dry_results("run-dry", dry)
    found = view.queries.recent_events("", 10)
    assert found[0] == (EventId("7"), f"{DAY} held NO_DOCUMENT")
    assert dict(found) == {
        EVENT: f"{DAY} held UNMAPPED_ITEMS",
        OTHER: "injected",
        "%": f"{DAY} held NO_LINE_ITEMS",
        "7": f"{DAY} held NO_DOCUMENT",
    }
    assert found[-1][0] == EVENT
    assert [event_id for event_id, _ in view.queries.recent_events("5552161", 10)] == [OTHER]
    assert [event_id for event_id, _ in view.queries.recent_events("%", 10)] == ["%"]
    assert len(view.queries.recent_events("", 2)) == 2


def test_a_run_s_orders_are_added_up_by_currency_where_their_plans_are_kept(ledger: Ledger, view: LedgerView) -> None:
    third = make_plan(EventId("55521612"))
    abroad = replace(third, location=replace(third.location, currency="GBP"))
    plans = [make_plan(EVENT), make_plan(OTHER), abroad]
    for plan in plans:
        ledger.orders.claim(RUN, plan)
        see(ledger, "injected", None, plan.event_id, order_id=ORDER)
    assert view.queries.totals_of([RUN, "run-2"]) == {
        RUN: {"USD": plans[0].final_total + plans[1].final_total, "GBP": abroad.final_total}
    }
    ledger._transactions.connection.execute(
        "UPDATE orders SET plan = NULL, state = 'foreign' WHERE event_id = ?", (OTHER,)
    )
    assert view.queries.totals_of([RUN]) == {}
