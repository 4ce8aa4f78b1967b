"""A person's word on an event: stored, audited, taken back, and heeded by all that asks what is still to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tsrevel.errors import ClaimConflict, ConflictCode
from tsrevel.ledger import EventResult, Ledger, StationChange, StationReport
from tsrevel.planning.model import EventId, Hold, OrderId
from tsrevel.planning.reasons import Reason

from .samples import DAY, EVENT, ORDER, RUN, make_plan, raises

OTHER = EventId("55521610")


def hold(ledger: Ledger, event_id: EventId = EVENT, digest: str | None = "old") -> None:
    ledger.events.store_results(
        RUN, [EventResult(event_id, DAY, "held", "UNMAPPED_ITEMS", "a cake", digest, location="Bakery")]
    )


def test_it_is_kept_with_its_note_its_order_and_the_state_of_the_event(ledger: Ledger) -> None:
    hold(ledger)
    ledger.events.resolve(EVENT, "done", "entered by hand", OrderId("12"))
    found = ledger.events.resolutions([EVENT, OTHER])
    assert list(found) == [EVENT]
    one = found[EVENT]
    assert (one.verdict, one.note, one.order_id, one.digest) == ("done", "entered by hand", "12", "old")
    assert one.resolved_at.tzinfo == UTC


def test_a_later_word_replaces_the_earlier_and_the_audit_keeps_both(ledger: Ledger) -> None:
    ledger.events.resolve(EVENT, "done", "first", OrderId("12"))
    ledger.events.resolve(EVENT, "ignored", "second", None)
    one = ledger.events.resolutions([EVENT])[EVENT]
    assert (one.verdict, one.note, one.order_id, one.digest) == ("ignored", "second", "12", None)
    assert (one.orders, one.was_done, one.may_have_order) == (("12",), True, True)
    told = [(row.kind, dict(row.detail), row.run_id) for row in ledger.audit.rows(EVENT)]
    assert told == [
        ("resolved", {"verdict": "done", "note": "first", "order_id": "12"}, None),
        ("resolved", {"verdict": "ignored", "note": "second"}, None),
    ]
    ledger.audit.verify()


def test_once_opened_again_what_was_named_before_is_forgotten(ledger: Ledger) -> None:
    for order in ("12", "13", "12"):
        ledger.events.resolve(EVENT, "done", "by hand", OrderId(order))
    assert ledger.events.resolutions([EVENT])[EVENT].orders == ("12", "13")
    ledger.events.reopen(EVENT, "both deleted")
    ledger.events.resolve(EVENT, "ignored", "called off", None)
    one = ledger.events.resolutions([EVENT])[EVENT]
    assert (one.order_id, one.orders, one.was_done, one.may_have_order) == (None, (), False, False)


GONE: dict[str, dict[str, str]] = {
    "gone": {"there": "no", "deleted": "no", "total": "837.72", "balance": "637.72"},
    "deleted": {"there": "yes", "deleted": "yes", "total": "837.72", "balance": "637.72"},
    "voided": {"there": "yes", "deleted": "no", "total": "0.00", "balance": "0.00"},
}


@pytest.mark.parametrize("how", GONE)
def test_it_knows_whether_a_run_had_told_before_that_the_order_was_gone(ledger: Ledger, how: str) -> None:
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    ledger.events.resolve(EVENT, "done", "before anything was told", None)
    known = []
    for shown in (GONE["gone"] | {"there": "yes"}, GONE[how]):
        ledger.orders.note_shown(RUN, EVENT, shown, StationReport(StationChange.CHANGED, how))
        known.append(ledger.events.resolutions([EVENT])[EVENT].order_was_gone)
        ledger.events.resolve(EVENT, "done", "seen to", None)
        known.append(ledger.events.resolutions([EVENT])[EVENT].order_was_gone)
    assert known == [False, False, False, True]
    assert ledger.events.resolutions([EVENT])[EVENT].may_replace
    ledger.events.resolve(EVENT, "ignored", "not wanted", None)
    assert not ledger.events.resolutions([EVENT])[EVENT].may_replace


def test_it_can_be_taken_back_once(ledger: Ledger) -> None:
    ledger.events.resolve(EVENT, "ignored", "wrong guest", None)
    assert [ledger.events.reopen(EVENT, "a slip"), ledger.events.reopen(EVENT, "again")] == [True, False]
    assert ledger.events.resolutions([EVENT]) == {}
    assert [row.kind for row in ledger.audit.rows(EVENT)] == ["resolved", "reopened"]


def test_opening_it_again_forgets_somebody_elses_order_and_what_was_told_of_it(ledger: Ledger) -> None:
    ledger.orders.mark_foreign(RUN, EVENT, ORDER, "Triple Seat 55521609", "old")
    ledger.orders.note_shown(RUN, EVENT, {"there": "no"}, StationReport(StationChange.CHANGED, "it is gone"))
    changed = EventResult(EVENT, DAY, "skipped", "CHANGED_AFTER_INJECTION", "it is gone", "old", news=True)
    ledger.events.store_results(RUN, [changed])
    assert ledger.orders.dropped(EVENT) == frozenset()
    assert ledger.events.reopen(EVENT, "")
    assert ledger.orders.get(EVENT) is None
    assert ledger.orders.shown([EVENT]) == {}
    assert ledger.queries.open_changes() == ()
    assert ledger.orders.dropped(EVENT) == {ORDER}
    assert ledger.orders.dropped(OTHER) == frozenset()
    assert not ledger.events.reopen(EVENT, "again")
    detail = ledger.audit.rows(EVENT)[-1].detail
    assert detail["text"] == f"someone else's Revel order {ORDER} no longer counts; a person opened the event again"


def test_opening_it_again_takes_back_a_persons_word_and_somebody_elses_order_together(ledger: Ledger) -> None:
    ledger.orders.mark_foreign(RUN, EVENT, ORDER, "Triple Seat 55521609")
    ledger.events.resolve(EVENT, "done", "by hand", None)
    assert ledger.events.reopen(EVENT, "order wanted")
    assert [row.kind for row in ledger.audit.rows(EVENT)] == ["foreign", "resolved", "reopened", "released"]
    assert ledger.audit.rows(EVENT)[-1].detail["text"].endswith(": order wanted")


def test_opened_again_it_waits_for_the_next_run_whenever_its_day_was(ledger: Ledger) -> None:
    missed = EventResult(EVENT, DAY, "skipped", "EVENT_DAY_PASSED", "late", None, True)
    ledger.events.store_results(RUN, [missed])
    ledger.events.resolve(EVENT, "ignored", "not wanted", None)
    far = DAY + timedelta(days=90)
    assert ledger.events.left_behind(far, far) == ()
    ledger.events.reopen(EVENT, "wanted after all")
    assert ledger.events.left_behind(far, far) == (EVENT,)
    [waiting] = ledger.queries.waiting()
    assert (waiting.event_id, waiting.status, waiting.reason) == (EVENT, "skipped", "REOPENED")
    assert ledger.queries.event_status(EVENT) == waiting
    assert [text for _, text in ledger.queries.recent_events("", 9)] == [f"{DAY} skipped REOPENED"]
    assert not ledger.events.last_results([EVENT])[EVENT].was_missed_on(DAY)
    ledger.events.store_results(RUN, [missed])
    assert ledger.events.left_behind(far, far) == ()


def test_opening_it_again_leaves_an_order_of_ours_alone(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    assert not ledger.events.reopen(EVENT, "x")
    assert ledger.orders.get(EVENT) is not None


def test_a_change_that_was_told_is_noted(ledger: Ledger) -> None:
    hold(ledger)
    ledger.events.resolve(EVENT, "ignored", "called off", None)
    ledger.events.note_listed(RUN, EVENT, "new", changed=True)
    assert ledger.events.resolutions([EVENT])[EVENT].digest == "new"


def test_a_state_that_is_seen_first_afterwards_is_noted(ledger: Ledger) -> None:
    hold(ledger, digest=None)
    ledger.events.resolve(EVENT, "ignored", "called off", None)
    ledger.events.note_listed(RUN, EVENT, "first", changed=False)
    assert ledger.events.resolutions([EVENT])[EVENT].digest == "first"
    assert [row.kind for row in ledger.audit.rows(EVENT)][-1] == "seen_after_resolution"


def test_events_that_people_resolved_as_done_are_found_by_their_day(ledger: Ledger) -> None:
    for event in (EVENT, OTHER, EventId("7"), EventId("8")):
        hold(ledger, event)
    ledger.events.resolve(EVENT, "done", "entered by hand", None)
    ledger.events.resolve(OTHER, "ignored", "called off", None)
    ledger.orders.mark_foreign(RUN, EventId("7"), ORDER, "Triple Seat_7")
    ledger.events.resolve(EventId("7"), "done", "seen to", None)
    assert list(ledger.events.resolved_between(DAY, DAY)) == [EVENT]
    assert ledger.events.resolved_between(DAY + timedelta(days=1), DAY + timedelta(days=2)) == {}


def test_that_a_person_corrected_an_order_is_in_the_audit(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    ledger.orders.note_shown(RUN, EVENT, {"total": "20.00"}, None, agrees="total 10.00 → 20.00")
    told = [(row.kind, row.detail.get("text")) for row in ledger.audit.rows(EVENT)][-2:]
    assert told == [("order_shown", None), ("order_agrees", "total 10.00 → 20.00")]


def tell_change(ledger: Ledger, reason: str = "CHANGED_AFTER_INJECTION") -> None:
    ledger.events.store_results(RUN, [EventResult(EVENT, DAY, "skipped", reason, "a cake more", "new", news=True)])


def open_changes(ledger: Ledger) -> list[str]:
    return [each.reason for each in ledger.queries.open_changes(EVENT)]


def test_the_change_that_a_word_settled_is_open_again_once_it_is_taken_back(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    tell_change(ledger)
    told_at = ledger.queries.open_changes()[0].told_at
    for _ in range(2):
        ledger.events.resolve(EVENT, "done", "deleted in Revel", None)
        assert open_changes(ledger) == []
    ledger.events.reopen(EVENT, "")
    assert [(each.event_id, each.told_at) for each in ledger.queries.open_changes()] == [(EVENT, told_at)]
    ledger.events.resolve(EVENT, "done", "deleted in Revel", None)
    tell_change(ledger, "CANCELLED_AFTER_INJECTION")
    ledger.events.reopen(EVENT, "")
    assert open_changes(ledger) == ["CANCELLED_AFTER_INJECTION"]
    ledger.audit.verify()


def test_what_was_settled_before_it_was_last_open_stays_settled(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    tell_change(ledger)
    ledger.events.resolve(EVENT, "done", "changed in Revel", None)
    ledger.events.reopen(EVENT, "")
    with ledger.changing(None) as change:
        change.execute("DELETE FROM open_changes")
    ledger.events.resolve(EVENT, "done", "again", None)
    ledger.events.reopen(EVENT, "")
    assert open_changes(ledger) == []


def test_without_an_order_no_change_is_left_of_a_word_that_is_taken_back(ledger: Ledger) -> None:
    hold(ledger)
    ledger.events.resolve(EVENT, "done", "entered by hand", None)
    tell_change(ledger)
    assert open_changes(ledger) == ["CHANGED_AFTER_INJECTION"]
    ledger.events.reopen(EVENT, "")
    assert open_changes(ledger) == []


def test_it_is_no_longer_to_be_tried_again_nor_waited_for(ledger: Ledger) -> None:
    hold(ledger)
    hold(ledger, OTHER)
    ledger.events.resolve(EVENT, "ignored", "called off", None)
    assert ledger.events.retryable() == (OTHER,)
    assert len(ledger.events.unsettled(DAY, DAY, DAY)) == 1


def test_an_order_begun_is_not_taken_up_again_until_it_is_opened(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.events.resolve(EVENT, "done", "finished by hand", None)
    assert ledger.orders.unfinished() == ()
    ledger.events.reopen(EVENT, "")
    assert [(each.event_id, each.is_finished) for each in ledger.orders.unfinished()] == [(EVENT, False)]


@pytest.mark.parametrize("state", ["claimed", "disputed"])
def test_of_an_order_begun_it_keeps_the_state_of_the_event_that_the_order_was_planned_from(
    ledger: Ledger, state: str
) -> None:
    ledger.orders.claim(RUN, make_plan(), "planned")
    if state == "disputed":
        ledger.orders.dispute(RUN, EVENT, ORDER, Hold(Reason.AMOUNT_MISMATCH, "its tax is 0.00"))
    hold(ledger, digest="changed")
    ledger.events.resolve(EVENT, "done", "finished by hand", None)
    assert ledger.events.resolutions([EVENT])[EVENT].digest == "planned"
    ledger.events.resolve(EVENT, "done", "finished by hand, as order 12", OrderId("12"))
    assert ledger.events.resolutions([EVENT])[EVENT].digest == "planned"
    ledger.events.note_listed(RUN, EVENT, "changed", changed=True)
    ledger.events.resolve(EVENT, "done", "changed by hand, too", None)
    assert ledger.events.resolutions([EVENT])[EVENT].digest == "changed"


def test_of_an_order_planned_from_an_unknown_state_it_keeps_the_last_state_of_the_event(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    hold(ledger, digest="listed")
    ledger.events.resolve(EVENT, "done", "finished by hand", None)
    assert ledger.events.resolutions([EVENT])[EVENT].digest == "listed"


def test_a_finished_order_is_still_looked_at_again(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    ledger.orders.recheck(RUN, EVENT, datetime(2020, 1, 1, tzinfo=UTC))
    ledger.events.resolve(EVENT, "done", "all well", None)
    assert [each.event_id for each in ledger.orders.unfinished()] == [EVENT]


@pytest.mark.parametrize(
    ("reason", "again"), [("AMOUNT_MISMATCH", []), ("DUPLICATE_ORDERS", [EVENT]), ("TOO_EARLY", [EVENT])]
)
def test_a_person_who_was_told_of_a_doubled_part_settles_that_but_no_second_order(
    ledger: Ledger, reason: str, again: list[EventId]
) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    ledger.orders.recheck(RUN, EVENT, datetime(2020, 1, 1, tzinfo=UTC))
    ledger.events.store_results(RUN, [EventResult(EVENT, DAY, "held", reason, "", None)])
    ledger.events.resolve(EVENT, "done", "all well", None)
    assert [each.event_id for each in ledger.orders.unfinished()] == again


def test_an_order_is_never_claimed_for_an_event_that_a_person_has_settled(ledger: Ledger) -> None:
    ledger.events.resolve(EVENT, "ignored", "called off", None)
    with raises(ClaimConflict, ConflictCode.RESOLVED):
        ledger.orders.claim(RUN, make_plan())
    assert ledger.orders.get(EVENT) is None


def test_the_report_that_its_named_orders_are_gone_holds_until_one_stands_or_is_named_again(ledger: Ledger) -> None:
    ledger.events.resolve(EVENT, "done", "by hand", ORDER)

    def gone() -> str:
        return ledger.events.resolutions([EVENT])[EVENT].named_gone

    known = [gone()]
    for change in (StationChange.CHANGED, StationChange.UNDONE, StationChange.CHANGED):
        ledger.events.note_named_orders(RUN, EVENT, StationReport(change, str(change)))
        known.append(gone())
    ledger.events.resolve(EVENT, "done", "by hand again", ORDER)
    assert [*known, gone()] == ["", "changed", "", "changed", ""]


def test_it_knows_whether_the_events_own_order_is_gone(ledger: Ledger) -> None:
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    ledger.events.resolve(EVENT, "done", "by hand", OrderId("12"))
    known = [ledger.events.resolutions([EVENT])[EVENT].order_is_gone]
    ledger.orders.note_shown(RUN, EVENT, GONE["deleted"], None)
    assert [*known, ledger.events.resolutions([EVENT])[EVENT].order_is_gone] == [False, True]
    for word in ("no", "yes"):
        ledger.orders.note_shown(RUN, EVENT, GONE["voided"] | {"gone": word}, None)
        assert ledger.events.resolutions([EVENT])[EVENT].order_is_gone is (word == "yes")
        assert ledger.orders.shown([EVENT]) == {EVENT: GONE["voided"]}
