"""What dry runs found, changes that nobody has settled, contents of events, and events that a listing lacked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tsrevel.errors import LedgerCode, LedgerDamaged
from tsrevel.ledger import FAILED_AGAIN, ContentHashes, EventDrift, EventResult, Ledger, hash_of_content
from tsrevel.planning.changes import EventDetails
from tsrevel.planning.identity import NAMELESS
from tsrevel.planning.model import EventId, Hold
from tsrevel.planning.reasons import Reason

from ..planning.make import make_event
from .samples import DAY, EVENT, ORDER, RUN, make_plan, raises, raw


def seen(event_id: str = EVENT, **more: Any) -> EventResult:
    given = {"day": DAY, "status": "held", "reason": "UNMAPPED_ITEMS", "text": "no product", "digest": None, **more}
    return EventResult(event_id=EventId(event_id), **given)


def dry_ids(ledger: Ledger) -> list[EventId]:
    return [each.event_id for each in ledger.queries.dry_findings()]


def test_a_dry_finding_is_news_once_and_again_when_it_changes(ledger: Ledger) -> None:
    assert ledger.events.store_dry_results(RUN, [seen()]) == {EVENT}
    assert ledger.events.store_dry_results(RUN, [seen()]) == frozenset()
    assert ledger.events.store_dry_results(RUN, [seen(details=("another",), day=None, missed=True)]) == {EVENT}
    assert ledger.events.last_results([EVENT]) == {}


def test_a_live_sighting_ends_a_dry_one(ledger: Ledger) -> None:
    ledger.events.store_dry_results(RUN, [seen()])
    ledger.events.store_results(RUN, [seen(status="skipped", reason="TOO_EARLY")])
    assert dry_ids(ledger) == []
    assert ledger.events.store_dry_results(RUN, [seen()]) == {EVENT}


def test_what_a_live_run_knows_in_the_same_state_is_no_dry_finding(ledger: Ledger) -> None:
    passed = {"status": "skipped", "reason": "EVENT_DAY_PASSED"}
    ledger.events.store_results(RUN, [seen(), seen("77", **passed, missed=True), seen("78", **passed)])
    assert ledger.events.store_dry_results(RUN, [seen(), seen("77", **passed), seen("78", **passed, missed=True)]) == {
        "78"
    }
    assert dry_ids(ledger) == ["78"]


def test_a_dry_finding_ends_once_it_is_again_what_a_live_run_knows(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen()])
    assert ledger.events.store_dry_results(RUN, [seen(reason="UNKNOWN_LOCATION")]) == {EVENT}
    assert dry_ids(ledger) == [EVENT]
    assert ledger.events.store_dry_results(RUN, [seen()]) == frozenset()
    assert dry_ids(ledger) == []


def test_other_details_are_news_to_a_dry_run_but_the_event_is_listed_once(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen()])
    assert ledger.events.store_dry_results(RUN, [seen(details=("another product",))]) == {EVENT}
    assert ledger.events.store_dry_results(RUN, [seen(details=("another product",))]) == frozenset()
    assert dry_ids(ledger) == []


def test_trouble_that_a_run_did_not_look_into_stands(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen()])
    left = seen(status="failed", reason="UPSTREAM_UNAVAILABLE", looked_into=False)
    assert ledger.events.store_results(RUN, [left]) == frozenset()
    assert ledger.events.last_results([EVENT])[EVENT].status == "held"
    assert ledger.events.unsuccessful_in(RUN) == (EVENT,)
    assert ledger.events.store_results(RUN, [replace(left, looked_into=True)]) == {EVENT}


MISSED: dict[str, Any] = {"status": "skipped", "reason": "EVENT_DAY_PASSED"}
LEFT: dict[str, dict[str, Any]] = {
    "paused": {"status": "skipped", "reason": "CONNECTOR_DISABLED", "looked_into": False},
    "limited": {"status": "skipped", "reason": "RUN_LIMIT_REACHED", "looked_into": False},
    "stopped": {"status": "failed", "reason": "AUTHORIZATION_DENIED", "looked_into": False},
}


@pytest.mark.parametrize("why", LEFT)
@pytest.mark.parametrize("day", [DAY, None])
def test_a_missed_event_that_a_run_did_not_look_into_stays_missed(ledger: Ledger, why: str, day: date | None) -> None:
    ledger.events.store_results(RUN, [seen(**MISSED, missed=True)])
    assert ledger.events.store_results(RUN, [seen(**LEFT[why], day=day)]) == frozenset()
    assert [each.event_id for each in ledger.queries.missed()] == [EVENT]
    ledger.events.store_results(RUN, [seen(**LEFT[why] | {"looked_into": True})])
    assert ledger.queries.missed() == ()


def test_a_missed_event_that_moved_to_another_day_is_no_longer_missed(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen(**MISSED, missed=True)])
    moved = seen(**LEFT["paused"], day=DAY + timedelta(days=1))
    assert ledger.events.store_results(RUN, [moved]) == {EVENT}
    assert ledger.queries.missed() == ()


def test_a_day_that_passed_without_a_report_is_not_kept_as_missed(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen(**MISSED)])
    assert ledger.events.store_results(RUN, [seen(**LEFT["paused"])]) == {EVENT}


@pytest.mark.parametrize("waiting", [("skipped", "TOO_EARLY"), ("skipped", "RUN_LIMIT_REACHED"), ("planned", None)])
def test_what_waits_stays_due_while_runs_are_paused(ledger: Ledger, waiting: tuple[str, str | None]) -> None:
    status, reason = waiting
    ledger.events.store_results(RUN, [seen(status=status, reason=reason)])
    assert ledger.events.store_results(RUN, [seen(**LEFT["paused"])]) == frozenset()
    assert [each.reason for each in ledger.queries.waiting()] == [reason or "REOPENED"]
    assert ledger.events.store_results(RUN, [seen(**LEFT["stopped"])]) == {EVENT}


@pytest.mark.parametrize("why", LEFT)
def test_what_a_dry_run_found_stays_until_a_run_looks_into_the_event(ledger: Ledger, why: str) -> None:
    ledger.events.store_dry_results(RUN, [seen(), seen("77", **MISSED, missed=True)])
    for store in (ledger.events.store_dry_results, ledger.events.store_results):
        store(RUN, [seen(**LEFT[why]), seen("77", **LEFT[why])])
        assert set(dry_ids(ledger)) == {EVENT, "77"}
    ledger.events.store_results(RUN, [seen(status="skipped", reason="TOO_EARLY")])
    assert dry_ids(ledger) == ["77"]


def test_what_waits_gives_way_to_what_a_run_did_not_look_into(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen(status="skipped", reason="TOO_EARLY")])
    assert ledger.events.store_results(
        RUN, [seen(status="skipped", reason="RUN_LIMIT_REACHED", looked_into=False)]
    ) == {EVENT}
    assert ledger.events.store_results(
        RUN, [seen("77", status="skipped", reason="RUN_LIMIT_REACHED", looked_into=False)]
    ) == {"77"}


def test_what_failed_and_is_left_to_the_next_run_does_not_wait(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen(status="failed", reason="RUN_LIMIT_REACHED")])
    assert [each.event_id for each in ledger.queries.held_or_failed()] == [EVENT]
    assert ledger.queries.waiting() == ()


def test_a_failure_that_repeats_is_told_from_a_first_one(ledger: Ledger) -> None:
    for details in ((), FAILED_AGAIN):
        ledger.events.store_results(RUN, [seen(status="failed", details=details)])
        assert [each.repeated for each in ledger.queries.held_or_failed()] == [details == FAILED_AGAIN]


def test_a_result_keeps_the_time_when_a_run_last_looked_into_the_event(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen(status="failed")])
    looked = ledger.events.last_results([EVENT])[EVENT].seen_at
    assert looked is not None
    ledger.events.store_results(RUN, [seen(**LEFT["limited"])])
    assert ledger.events.last_results([EVENT])[EVENT].seen_at == looked


def test_that_a_listing_lacks_an_event_is_kept_until_it_is_listed_again(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen(unlisted=True)])
    first = ledger.events.last_results([EVENT])[EVENT].unlisted_at
    ledger.events.store_results(RUN, [seen(unlisted=True)])
    ledger.events.store_results(RUN, [seen()])
    assert first is not None
    assert ledger.events.last_results([EVENT])[EVENT].unlisted_at == first
    ledger.events.store_results(RUN, [seen(digest="listed")])
    assert ledger.events.last_results([EVENT])[EVENT].unlisted_at is None


def test_unsettled_events_come_by_urgency_and_without_those_that_have_no_id(ledger: Ledger) -> None:
    days = {"1": DAY - timedelta(days=1), "2": DAY, f"{NAMELESS}1": DAY, "3": DAY + timedelta(days=9)}
    for number, day in days.items():
        ledger.events.store_results(RUN, [seen(number, day=day)])
    ledger.events.store_results(RUN, [seen("4")])
    ledger.events.store_results(RUN, [seen("2")])
    found = ledger.events.unsettled(DAY - timedelta(days=2), DAY, DAY)
    assert found == ("4", "2", "1")


def test_the_content_of_an_event_is_the_same_whatever_does_not_bear_on_its_order() -> None:
    event = make_event()
    assert hash_of_content(event) == hash_of_content(replace(event, name="x", guest_count=9, status="CLOSED"))
    assert hash_of_content(event) != hash_of_content(replace(event, day=None))


def test_the_instant_of_an_event_is_part_of_its_content_only_if_it_decides_the_day() -> None:
    event = make_event()
    later = replace(event, starts_at=event.starts_at + timedelta(days=1)) if event.starts_at else event
    assert later != event
    assert hash_of_content(event) == hash_of_content(later)
    assert hash_of_content(replace(event, day=None)) != hash_of_content(replace(later, day=None))


def test_contents_are_kept_and_begin_anew_with_another_order(ledger: Ledger) -> None:
    assert ledger.orders.contents([EVENT]) == {}
    ledger.orders.note_content(RUN, EVENT, "one")
    assert ledger.orders.contents([EVENT]) == {EVENT: ContentHashes("one", None)}
    ledger.orders.note_content(RUN, EVENT, "two")
    assert ledger.orders.contents([EVENT]) == {EVENT: ContentHashes("two", None)}


def test_a_change_is_open_until_it_is_resolved(ledger: Ledger) -> None:
    told = seen(status="skipped", reason="CHANGED_AFTER_INJECTION", news=True)
    quiet = seen("78", status="skipped", reason="CHANGED_AFTER_INJECTION")
    ledger.events.store_results(
        RUN, [told, quiet, seen("79", news=True), replace(told, event_id=EventId("80"), day=None)]
    )
    assert {each.event_id: each.day for each in ledger.queries.open_changes()} == {"80": None, EVENT: DAY}
    ledger.events.resolve(EVENT, "done", "by hand", None)
    assert [each.event_id for each in ledger.queries.open_changes()] == ["80"]


def test_dry_findings_are_listed_while_they_are_trouble(ledger: Ledger) -> None:
    passed = {"status": "skipped", "reason": "EVENT_DAY_PASSED", "missed": True}
    ledger.events.store_dry_results(
        RUN, [seen("1"), seen("2", **passed), seen("3", status="planned", reason=None), seen("4")]
    )
    ledger.events.resolve(EventId("4"), "ignored", "a test", None)
    assert [each.event_id for each in ledger.queries.dry_findings()] == ["1", "2"]


def test_what_was_told_of_a_change_is_compared_with_its_content_next_time(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.settle(RUN, EVENT, ORDER, "digest")
    ledger.orders.note_content(RUN, EVENT, "made")
    ledger.orders.note_drift(
        RUN, EventDrift(EVENT, "two", trouble=Hold(Reason.UNMAPPED_ITEMS, "no product"), content="seen")
    )
    assert ledger.orders.contents([EVENT]) == {EVENT: ContentHashes("made", "seen")}
    ledger.orders.note_drift(RUN, EventDrift(EVENT, "three", keeps_trouble=True))
    record = ledger.orders.get(EVENT)
    assert record
    assert record.seen_trouble
    assert ledger.orders.contents([EVENT]) == {EVENT: ContentHashes("made", "seen")}


OLDER, NEWER = EventDetails(day="2026-12-12"), EventDetails(day="2026-12-19", total="30.00")


def test_details_are_kept_beside_each_content(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.note_content(RUN, EVENT, "made", OLDER)
    made = ledger.orders.contents([EVENT])[EVENT]
    assert (made.last, made.last_details) == ("made", OLDER)
    ledger.orders.note_drift(RUN, EventDrift(EVENT, "digest", content="seen", details=NEWER))
    assert ledger.orders.contents([EVENT]) == {EVENT: ContentHashes("made", "seen", OLDER, NEWER)}
    seen = ledger.orders.contents([EVENT])[EVENT]
    assert (seen.last, seen.last_details) == ("seen", NEWER)


@pytest.mark.parametrize(("content", "known"), [("made", NEWER), ("another", None)])
def test_details_that_an_older_version_did_not_store_are_learnt_while_the_content_is_the_same(
    ledger: Ledger, content: str, known: EventDetails | None
) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.note_content(RUN, EVENT, "made")
    ledger.orders.note_drift(RUN, EventDrift(EVENT, "digest", content=content, details=NEWER))
    assert ledger.orders.contents([EVENT]) == {EVENT: ContentHashes("made", content, known, NEWER)}


def test_unreadable_details_are_damage(ledger: Ledger, path: Path) -> None:
    ledger.orders.note_content(RUN, EVENT, "made", OLDER)
    with raw(path) as connection:
        connection.execute("UPDATE event_contents SET made = 'made {'")
    with raises(LedgerDamaged, LedgerCode.UNREADABLE_SNAPSHOT, match="details of an event"):
        ledger.orders.contents([EVENT])
