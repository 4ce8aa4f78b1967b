from __future__ import annotations

from datetime import date, timedelta

import pytest

from tsrevel.ledger import ClaimConflict, EventResult, Ledger
from tsrevel.planning.model import EventId, OrderId

from .samples import DAY, EVENT, ORDER, RUN, START, differs, make_plan


def hold(event_id: EventId = EVENT, text: str = "Fruit Platter has no product") -> EventResult:
    return EventResult(event_id, DAY, "held", "UNMAPPED_ITEMS", text, "digest-1")


def see(ledger: Ledger, seen: EventResult) -> bool:
    return bool(ledger.see_many(RUN, [seen]))


def test_a_first_sighting_is_news(ledger: Ledger) -> None:
    assert ledger.see(
        RUN, EVENT, day=DAY, status="held", reason="NO_LINE_ITEMS", text="none", digest=None, missed=False
    )
    sighting = ledger.sightings([EVENT])[EVENT]
    assert (sighting.day, sighting.status, sighting.reason) == (DAY, "held", "NO_LINE_ITEMS")
    assert (sighting.digest, sighting.missed_at) == (None, None)
    assert sighting.first_seen_at == sighting.last_seen_at > START


def test_the_same_again_is_no_news_and_costs_no_audit_row(ledger: Ledger) -> None:
    see(ledger, hold())
    first, rows = ledger.sightings([EVENT])[EVENT], ledger.audit_rows()
    assert not see(ledger, hold())
    again = ledger.sightings([EVENT])[EVENT]
    assert again.first_seen_at == first.first_seen_at
    assert again.last_seen_at > first.last_seen_at
    assert ledger.audit_rows() == rows


@pytest.mark.parametrize(
    "changed",
    [
        EventResult(EVENT, DAY, "failed", "UNMAPPED_ITEMS", "Fruit Platter has no product", "digest-1"),
        EventResult(EVENT, DAY, "held", None, "Fruit Platter has no product", "digest-1"),
        hold(text="Two lines have no product"),
    ],
    ids=["status", "reason", "text"],
)
def test_a_change_of_status_reason_or_text_is_news(ledger: Ledger, changed: EventResult) -> None:
    see(ledger, hold())
    assert see(ledger, changed)
    assert not see(ledger, changed)


def test_another_day_or_digest_alone_is_kept_but_no_news(ledger: Ledger) -> None:
    see(ledger, hold())
    assert not see(
        ledger, EventResult(EVENT, None, "held", "UNMAPPED_ITEMS", "Fruit Platter has no product", "digest-2")
    )
    sighting = ledger.sightings([EVENT])[EVENT]
    assert (sighting.day, sighting.digest) == (None, "digest-2")


def test_a_missed_event_is_missed_at_the_first_time_only(ledger: Ledger) -> None:
    missed = EventResult(EVENT, DAY, "skipped", "EVENT_DAY_PASSED", "", None, missed=True)
    see(ledger, missed)
    first = ledger.sightings([EVENT])[EVENT].missed_at
    see(ledger, missed)
    see(ledger, hold())
    assert first is not None
    assert ledger.sightings([EVENT])[EVENT].missed_at == first
    assert [row.kind for row in ledger.audit_rows(EVENT)] == ["missed", "seen", "seen"]


def test_an_event_seen_before_can_turn_out_missed(ledger: Ledger) -> None:
    see(ledger, hold())
    see(ledger, EventResult(EVENT, DAY, "skipped", "EVENT_DAY_PASSED", "", None, missed=True))
    assert ledger.sightings([EVENT])[EVENT].missed_at is not None


def test_texts_are_kept_as_hashes_only(ledger: Ledger) -> None:
    see(ledger, hold(text="Ask Robin Example, 555-0100"))
    assert "Robin" not in "\n".join(ledger._connection.iterdump())
    assert len(ledger.sightings([EVENT])[EVENT].text_hash) == 64


def test_a_batch_names_the_news_in_it_and_is_one_transaction(ledger: Ledger) -> None:
    ids = [EventId(str(number)) for number in range(1000)]
    ledger.see_many(RUN, [hold(event_id) for event_id in ids])
    asked: list[str] = []
    ledger._connection.set_trace_callback(asked.append)
    news = ledger.see_many(RUN, [*(hold(event_id) for event_id in ids), hold(EVENT)])
    assert news == {EVENT}
    assert asked.count("COMMIT") == 1
    assert len(ledger.sightings(ids)) == 1000


def test_a_batch_for_a_run_that_never_began_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ClaimConflict):
        ledger.see_many("run-9", [hold()])
    assert ledger.sightings([EVENT]) == {}


def test_unsettled_events_are_those_waiting_or_in_trouble(ledger: Ledger) -> None:
    ledger.see_many(
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
    assert ledger.count_unsettled(DAY, DAY) == 5


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
    assert ledger.count_unsettled(first, last) == number


def test_an_event_with_an_order_is_not_unsettled_unless_it_is_half_done_or_disputed(ledger: Ledger) -> None:
    settled, foreign, claimed, disputed = (EventId(str(number)) for number in range(4))
    ledger.see_many(RUN, [hold(one) for one in (settled, foreign, claimed, disputed)])
    ledger.settle(RUN, settled, ORDER, None)
    ledger.note_foreign(RUN, foreign, OrderId("2"), "Triple Seat 1", None)
    ledger.claim(RUN, make_plan(claimed))
    ledger.dispute(RUN, disputed, None, differs())
    assert ledger.count_unsettled(DAY, DAY) == 2
