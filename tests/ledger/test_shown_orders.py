"""What Revel last showed of finished orders, and which of them are near."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tsrevel.ledger import AuditKind, EventDrift, Ledger, StationChange, StationReport
from tsrevel.planning.model import EventId, Hold
from tsrevel.planning.reasons import Reason

from .samples import DAY, EVENT, ORDER, RUN, make_plan, store_result

SHOWN = {"balance": "9.60", "discount": "0.00"}


def settle(ledger: Ledger, day: date | None = DAY) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.settle(RUN, EVENT, ORDER, "digest")
    store_result(ledger, "injected", None, day=day, digest="digest")


def test_a_finished_order_is_near_on_the_days_asked_for(ledger: Ledger) -> None:
    settle(ledger)
    for first, last, near in ((0, 0, True), (-2, 1, True), (1, 3, False), (-3, -1, False)):
        found = ledger.orders.finished_between(DAY + timedelta(days=first), DAY + timedelta(days=last))
        assert [each.event_id for each in found] == ([EVENT] if near else [])
    assert ledger.orders.finished_between(DAY, DAY, except_of={EVENT}) == ()


def test_an_order_that_is_not_finished_is_never_near(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    store_result(ledger, "failed", None)
    taken_in, foreign = EventId("1"), EventId("2")
    ledger.orders.settle(RUN, taken_in, ORDER, None)
    ledger.orders.mark_foreign(RUN, foreign, ORDER, "Triple Seat 2", None)
    for each in (taken_in, foreign):
        store_result(ledger, "skipped", None, each)
    assert {each.event_id for each in ledger.orders.finished_between(DAY, DAY)} == {taken_in, foreign}


def test_what_is_shown_is_kept_until_something_else_is(ledger: Ledger) -> None:
    settle(ledger)
    assert ledger.orders.shown([EVENT]) == {}
    ledger.orders.note_shown(RUN, EVENT, SHOWN, StationReport(StationChange.CHANGED, "total 1.00"))
    ledger.orders.note_shown(RUN, EVENT, {**SHOWN, "balance": "0.00"}, None)
    assert ledger.orders.shown([EVENT, EventId("1")]) == {EVENT: {**SHOWN, "balance": "0.00"}}
    rows = [row.detail for row in ledger.audit.rows(EVENT) if row.kind == AuditKind.ORDER_SHOWN]
    assert [(row.get("change"), row.get("text")) for row in rows] == [("changed", "total 1.00"), (None, None)]


@pytest.mark.parametrize("trouble", [None, Hold(Reason.UNMAPPED_ITEMS, "why", ("why \ud800",))])
def test_why_an_event_can_not_be_planned_is_kept_as_a_hash(ledger: Ledger, trouble: Hold | None) -> None:
    settle(ledger)
    ledger.orders.note_drift(RUN, EventDrift(EVENT, "other", trouble=trouble))
    record = ledger.orders.get(EVENT)
    assert record is not None
    assert (record.seen_trouble is None) is (trouble is None)
    assert "why" not in str(record)
