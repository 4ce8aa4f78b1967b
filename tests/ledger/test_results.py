from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256

import pytest

from tsrevel.errors import ClaimConflict
from tsrevel.ledger import EventResult, Ledger
from tsrevel.planning.model import EventId, OrderId

from .samples import DAY, EVENT, ORDER, RUN, START, differs, make_plan, store_result

NAMES = ("Fruit Platter",)


def hold(
    event_id: EventId = EVENT, text: str = "Fruit Platter has no product", details: tuple[str, ...] = NAMES
) -> EventResult:
    return EventResult(event_id, DAY, "held", "UNMAPPED_ITEMS", text, "digest-1", details=details)


def see(ledger: Ledger, seen: EventResult) -> bool:
    return bool(ledger.events.store_results(RUN, [seen]))


def seen_at(ledger: Ledger) -> tuple[datetime, datetime]:
    """When the event was seen first and last."""
    known = ledger.queries.event_status(EVENT)
    assert known is not None
    return known.first_seen_at, known.last_seen_at


def test_a_first_result_is_news(ledger: Ledger) -> None:
    assert store_result(ledger, "held", "NO_LINE_ITEMS", text="none")
    result = ledger.events.last_results([EVENT])[EVENT]
    assert (result.day, result.status, result.reason, result.missed_at) == (DAY, "held", "NO_LINE_ITEMS", None)
    first, last = seen_at(ledger)
    assert first == last > START


def test_the_same_again_is_no_news_and_costs_no_audit_row(ledger: Ledger) -> None:
    see(ledger, hold())
    (first, last), rows = seen_at(ledger), ledger.audit.rows()
    assert not see(ledger, hold())
    again_first, again_last = seen_at(ledger)
    assert again_first == first
    assert again_last > last
    assert ledger.audit.rows() == rows


@pytest.mark.parametrize(
    "changed",
    [replace(hold(), status="failed"), replace(hold(), reason=None), hold(details=(*NAMES, "Cheese Platter"))],
    ids=["status", "reason", "details"],
)
def test_a_change_of_status_reason_or_details_is_news(ledger: Ledger, changed: EventResult) -> None:
    see(ledger, hold())
    assert see(ledger, changed)
    assert not see(ledger, changed)


def test_another_wording_is_no_news(ledger: Ledger) -> None:
    see(ledger, hold())
    assert not see(ledger, hold(text="Revel has no product named 'Fruit Platter'"))


def test_a_result_that_an_earlier_version_stored_is_no_news(ledger: Ledger) -> None:
    see(ledger, hold())
    as_before = {"hash": sha256(b"Fruit Platter has no product").hexdigest()}
    ledger._transactions.connection.execute("UPDATE sightings SET text_hash = :hash", as_before)
    assert not see(ledger, hold(text="Revel has no product named 'Fruit Platter'"))
    assert see(ledger, hold(details=("Cheese Platter",)))


def test_another_day_or_digest_alone_is_kept_but_no_news(ledger: Ledger) -> None:
    see(ledger, hold())
    assert not see(ledger, replace(hold(), day=None, digest="digest-2"))
    ledger.events.resolve(EVENT, "ignored", "a rehearsal", None)
    assert ledger.events.last_results([EVENT])[EVENT].day is None
    assert ledger.events.resolutions([EVENT])[EVENT].digest == "digest-2"


def test_a_missed_event_is_missed_at_the_first_time_only(ledger: Ledger) -> None:
    missed = EventResult(EVENT, DAY, "skipped", "EVENT_DAY_PASSED", "", None, missed=True)
    see(ledger, missed)
    first = ledger.events.last_results([EVENT])[EVENT].missed_at
    see(ledger, missed)
    see(ledger, hold())
    assert first is not None
    assert ledger.events.last_results([EVENT])[EVENT].missed_at == first
    assert [row.kind for row in ledger.audit.rows(EVENT)] == ["missed", "seen", "seen"]


def test_an_event_can_be_missed_again_on_another_day(ledger: Ledger) -> None:
    missed = EventResult(EVENT, DAY, "skipped", "EVENT_DAY_PASSED", "", None, missed=True)
    other = replace(missed, day=DAY + timedelta(days=7))
    see(ledger, missed)
    see(ledger, other)
    last = ledger.events.last_results([EVENT])[EVENT]
    assert (last.was_missed_on(missed.day), last.was_missed_on(other.day)) == (False, True)
    assert [row.kind for row in ledger.audit.rows(EVENT)].count("missed") == 2
    see(ledger, replace(other, day=DAY, missed=False))
    assert ledger.events.last_results([EVENT])[EVENT].missed_at is None


def test_an_event_seen_before_can_turn_out_missed(ledger: Ledger) -> None:
    see(ledger, hold())
    see(ledger, EventResult(EVENT, DAY, "skipped", "EVENT_DAY_PASSED", "", None, missed=True))
    assert ledger.events.last_results([EVENT])[EVENT].missed_at is not None


def test_neither_texts_nor_details_are_kept(ledger: Ledger) -> None:
    see(ledger, hold(text="Ask Robin Example, 555-0100", details=("Robin Example",)))
    assert "Robin" not in "\n".join(ledger._transactions.connection.iterdump())


def test_a_batch_names_the_news_in_it_and_is_one_transaction(ledger: Ledger) -> None:
    ids = [EventId(str(number)) for number in range(1000)]
    ledger.events.store_results(RUN, [hold(event_id) for event_id in ids])
    asked: list[str] = []
    ledger._transactions.connection.set_trace_callback(asked.append)
    news = ledger.events.store_results(RUN, [*(hold(event_id) for event_id in ids), hold(EVENT)])
    assert news == {EVENT}
    assert asked.count("COMMIT") == 1
    assert len(ledger.events.last_results(ids)) == 1000


def test_a_batch_for_a_run_that_never_began_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ClaimConflict):
        ledger.events.store_results("run-9", [hold()])
    assert ledger.events.last_results([EVENT]) == {}


def test_unsettled_events_are_those_waiting_or_in_trouble(ledger: Ledger) -> None:
    ledger.events.store_results(
        RUN,
        [
            EventResult(EventId("1"), DAY, "held", "NO_LINE_ITEMS", "", None),
            EventResult(EventId("2"), DAY, "failed", "UPSTREAM_UNAVAILABLE", "", None),
            EventResult(EventId("3"), DAY, "planned", None, "", None),
            EventResult(EventId("4"), DAY, "skipped", "TOO_EARLY", "", None),
            EventResult(EventId("5"), DAY, "skipped", "RUN_LIMIT_REACHED", "", None),
            EventResult(EventId("6"), DAY, "skipped", "STATUS_NOT_ELIGIBLE", "", None),
            EventResult(EventId("7"), DAY, "injected", None, "", None),
            EventResult(EventId("8"), None, "held", "MISSING_DATA", "", None),
        ],
    )
    assert len(ledger.events.unsettled(DAY, DAY, DAY)) == 5


@pytest.mark.parametrize(
    ("first", "last", "number"),
    [
        (DAY, DAY, 1),
        (DAY - timedelta(days=3), DAY, 1),
        (DAY, date(2026, 1, 3), 1),
        (DAY + timedelta(days=1), date(2026, 1, 3), 0),
        (date(2025, 1, 1), DAY - timedelta(days=1), 0),
    ],
)
def test_both_ends_of_the_unsettled_days_count(ledger: Ledger, first: date, last: date, number: int) -> None:
    see(ledger, hold())
    assert len(ledger.events.unsettled(first, last, first)) == number


def test_an_event_with_an_order_is_not_unsettled_unless_it_is_half_done_or_disputed(ledger: Ledger) -> None:
    settled, foreign, claimed, disputed = (EventId(str(number)) for number in range(4))
    ledger.events.store_results(RUN, [hold(one) for one in (settled, foreign, claimed, disputed)])
    ledger.orders.settle(RUN, settled, ORDER, None)
    ledger.orders.mark_foreign(RUN, foreign, OrderId("2"), "Triple Seat 1")
    ledger.orders.claim(RUN, make_plan(claimed))
    ledger.orders.dispute(RUN, disputed, None, differs())
    assert len(ledger.events.unsettled(DAY, DAY, DAY)) == 2


def test_left_behind_are_failed_events_and_those_that_waited_until_their_day_had_passed(ledger: Ledger) -> None:
    past, ahead, long_ago = DAY - timedelta(days=3), DAY + timedelta(days=9), DAY - timedelta(days=40)
    results = {
        "1": (past, "skipped", "TOO_EARLY"),
        "2": (past, "skipped", "RUN_LIMIT_REACHED"),
        "3": (past, "skipped", "CONNECTOR_DISABLED"),
        "4": (past, "failed", "UPSTREAM_UNAVAILABLE"),
        "5": (ahead, "failed", "UPSTREAM_UNAVAILABLE"),
        "6": (ahead, "skipped", "TOO_EARLY"),
        "7": (past, "held", "NO_LINE_ITEMS"),
        "8": (past, "skipped", "EVENT_DAY_PASSED"),
        "9": (long_ago, "failed", "UPSTREAM_UNAVAILABLE"),
        "10": (DAY, "skipped", "TOO_EARLY"),
        "11": (None, "failed", "UPSTREAM_UNAVAILABLE"),
    }
    told = (EventResult(EventId(each), *result, "", None) for each, result in results.items())
    ledger.events.store_results(RUN, told)
    assert sorted(map(int, ledger.events.left_behind(DAY - timedelta(days=31), DAY))) == [1, 2, 3, 4, 5, 11]


def test_a_failed_event_of_unknown_day_is_left_behind_from_the_day_of_the_first_attempt_on(ledger: Ledger) -> None:
    unread = EventResult(EventId("1"), None, "failed", "UPSTREAM_UNAVAILABLE", "", None)
    ledger.events.store_results(RUN, [unread])
    tried = START.date()
    for since, expected in ((tried, ("1",)), (tried + timedelta(days=1), ())):
        assert ledger.events.left_behind(since, tried) == expected


def test_a_failed_event_with_a_finished_order_is_left_behind_until_a_person_resolves_it(ledger: Ledger) -> None:
    failed, waited = (
        EventResult(EventId("1"), DAY, "failed", "UPSTREAM_UNAVAILABLE", "", None),
        EventResult(EventId("2"), DAY, "skipped", "TOO_EARLY", "", None),
    )
    ledger.events.store_results(RUN, [failed, waited])
    for each in (failed, waited):
        ledger.orders.settle(RUN, each.event_id, OrderId(f"50{each.event_id}"), None)
    assert ledger.events.left_behind(DAY, DAY + timedelta(days=1)) == ("1",)
    ledger.events.resolve(EventId("1"), "done", "checked by hand", None)
    assert ledger.events.left_behind(DAY, DAY + timedelta(days=1)) == ()


def test_an_event_is_doubled_from_the_report_of_several_orders_until_one_is_left(ledger: Ledger) -> None:
    other = EventId("1")
    for event in (EVENT, other):
        store_result(ledger, "held", "DUPLICATE_ORDERS", event)
        store_result(ledger, "failed", "UPSTREAM_UNAVAILABLE", event)
    assert ledger.events.doubled([EVENT, other, EventId("2")]) == {EVENT, other}
    ledger.events.note_twin_gone(RUN, EVENT)
    assert ledger.events.doubled([EVENT, other]) == {other}
    store_result(ledger, "held", "DUPLICATE_ORDERS")
    assert ledger.events.doubled([EVENT]) == {EVENT}


def test_that_another_ledger_made_an_order_stays_open_until_its_event_is_resolved(ledger: Ledger) -> None:
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    ledger.events.report_lost_ledger(RUN, EventResult(EVENT, DAY, "skipped", "LEDGER_LOST", "another one", None))
    assert [(each.event_id, each.reason) for each in ledger.queries.open_changes()] == [(EVENT, "LEDGER_LOST")]
    ledger.events.resolve(EVENT, "done", "ledger checked", None)
    assert ledger.queries.open_changes() == ()
