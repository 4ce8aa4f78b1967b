"""Copies of events that are to be tried again: exact, without customer data, and gone once they are done with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsrevel.errors import LedgerCode, LedgerDamaged
from tsrevel.ledger import EventResult, Ledger
from tsrevel.ledger.plan_json import decode_snapshot, encode_snapshot
from tsrevel.planning.model import BillingTotal, Event, EventId, Fault, Line, PaymentRecord
from tsrevel.planning.reasons import Reason

from ..planning.make import make_document, make_event
from .samples import DAY, EVENT, RUN, raises, raw

PRIVATE = ["Robin Example", "Jordan", "(702) 555-0142", "Avery Sample"]
WRITTEN_BEFORE = (
    '{"id":"55521609","name":"","status":"DEFINITE","deleted":false,"location_id":"30501","site_id":"15691",'
    '"location_name":"Sample Kitchen","day":"2026-12-12","starts_at":"2026-12-12T18:00:00.123456-08:00",'
    '"guest_count":24,"contact_name":"","contact_phone":"","grand_total":"444.000","booking_id":"58000001",'
    '"documents":[{"id":1,"title":"Contract & Event Order: 41500002","views":["Invoice","Kitchen Sheet"],'
    '"deleted":false,"lines":[{"name":"Boxed Lunch","quantity":"24.0","price":"18.50","total":"444.000",'
    '"discount":"9.60","menu_item_id":"120001","typed":false},{"name":"TACO TRIO - Carne asada","quantity":null,'
    '"price":null,"total":null,"discount":null,"menu_item_id":null,"typed":true}],'
    '"billing_totals":[{"name":"Sales Tax","amount":"53.24"},{"name":"Odd","amount":"1E+2"}],'
    '"discounts_total":"9.6","grand_total":"444.000","payments":[{"id":"77","amount":"200.0","paid":true,'
    '"refunded":"0.01"}],"faults":[{"reason":"MISSING_DATA","text":"line 3: price is not a number"}]}],'
    '"updated":"2026-12-09T10:21:00","faults":[{"reason":"INVALID_DATE_FORMAT","text":"event_start is no date"}]}'
)
"""`rich_event` as it was kept while pydantic wrote the copies."""
STAMP = datetime(2026, 12, 9, 10, 21)  # noqa: DTZ001 (TripleSeat's stamps have no zone)


def rich_event() -> Event:
    """An event in which every field holds something."""
    document = make_document(
        Line("Boxed Lunch", Decimal("24.0"), Decimal("18.50"), Decimal("444.000"), Decimal("9.60"), "120001"),
        Line("TACO TRIO - Carne asada", None, None, None, typed=True),
        payments=[PaymentRecord("77", Decimal("200.0"), paid=True, refunded=Decimal("0.01"))],
        title="Avery Sample | Contract & Event Order: 41500002",
        views=("Invoice", "Kitchen Sheet"),
        faults=(Fault(Reason.MISSING_DATA, "line 3: price is not a number"),),
    )
    billing = (BillingTotal("Sales Tax", Decimal("53.24")), BillingTotal("Odd", Decimal("1E+2")))
    event = make_event(replace(document, billing_totals=billing, discounts_total=Decimal("9.6")), number=EVENT)
    return replace(
        event,
        name="Robin Example's birthday",
        starts_at=datetime(2026, 12, 12, 18, 0, 0, 123456, tzinfo=timezone(-timedelta(hours=8))),
        updated=STAMP,
        booking_id="58000001",
        faults=(Fault(Reason.INVALID_DATE_FORMAT, "event_start is no date"),),
    )


def bare(event: Event) -> Event:
    """The event as it may be kept."""
    documents = tuple(replace(each, title=each.title.rpartition(" | ")[2]) for each in event.documents)
    return replace(event, name="", contact_name="", contact_phone="", documents=documents)


def seen(status: str = "held", event: Event | None = None, **more: object) -> EventResult:
    row = EventResult(EVENT, DAY, status, "UNMAPPED_ITEMS", "", None, event=event)
    return replace(row, **more)  # type: ignore[arg-type]


def test_a_copy_comes_back_equal_but_for_names(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [seen(event=rich_event())])
    assert ledger.events.snapshot(EVENT) == bare(rich_event())


def test_numbers_and_moments_come_back_to_the_last_digit() -> None:
    event = rich_event()
    again = decode_snapshot(encode_snapshot(event))
    lines, billing = again.documents[0].lines, again.documents[0].billing_totals
    assert [str(lines[0].price), str(lines[0].total), str(billing[1].amount)] == ["18.50", "444.000", "1E+2"]
    assert isinstance(lines[0].quantity, Decimal)
    assert again.starts_at is not None
    assert again.starts_at.utcoffset() == timedelta(hours=-8)
    assert (again.starts_at, again.updated, again.day) == (event.starts_at, STAMP, event.day)
    assert again.updated is not None
    assert again.updated.tzinfo is None
    assert again.faults[0].reason is Reason.INVALID_DATE_FORMAT


def test_a_copy_holds_no_customer_and_no_staff() -> None:
    text = encode_snapshot(rich_event())
    assert [word for word in PRIVATE if word in text] == []
    assert "Contract & Event Order: 41500002" in text


def test_a_copy_that_an_earlier_version_wrote_is_read_too() -> None:
    assert decode_snapshot(WRITTEN_BEFORE) == bare(rich_event())


def test_a_title_of_its_own_is_kept() -> None:
    event = make_event(make_document(title="Contract"))
    assert decode_snapshot(encode_snapshot(event)).documents[0].title == "Contract"


def test_an_event_with_nothing_in_it_has_a_copy_too() -> None:
    event = replace(make_event(), day=None, starts_at=None, grand_total=None, documents=(), guest_count=None)
    assert decode_snapshot(encode_snapshot(event)) == bare(event)


AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(AMOUNTS, TEXT, st.datetimes(timezones=st.just(UTC)), st.datetimes() | st.none())
def test_every_amount_text_and_moment_survives(
    amount: Decimal, text: str, start: datetime, updated: datetime | None
) -> None:
    document = make_document(Line(text, amount, amount, amount), grand_total=None, title="")
    event = replace(make_event(document), starts_at=start, updated=updated, grand_total=amount)
    again = decode_snapshot(encode_snapshot(event))
    assert again == bare(event)
    assert again.grand_total is not None
    assert again.grand_total.as_tuple() == amount.as_tuple()


@pytest.mark.parametrize("status", ["held", "failed"])
def test_a_copy_is_kept_while_an_event_is_to_be_tried_again(ledger: Ledger, status: str) -> None:
    ledger.events.store_results(RUN, [seen(status, rich_event())])
    ledger.events.store_results(RUN, [seen("failed")])
    assert ledger.events.snapshot(EVENT) == bare(rich_event())


def test_a_later_copy_replaces_the_one_before(ledger: Ledger) -> None:
    later = replace(rich_event(), guest_count=99)
    ledger.events.store_results(RUN, [seen(event=rich_event())])
    ledger.events.store_results(RUN, [seen("failed", later)])
    assert ledger.events.snapshot(EVENT) == bare(later)


@pytest.mark.parametrize("status", ["injected", "skipped", "planned"])
def test_a_copy_is_dropped_once_it_is_done_with(ledger: Ledger, status: str) -> None:
    ledger.events.store_results(RUN, [seen(event=rich_event())])
    ledger.events.store_results(RUN, [seen(status, rich_event())])
    assert ledger.events.snapshot(EVENT) is None


def test_there_is_no_copy_of_what_was_never_seen_whole(ledger: Ledger) -> None:
    assert ledger.events.snapshot(EVENT) is None
    ledger.events.store_results(RUN, [seen()])
    assert ledger.events.snapshot(EVENT) is None
    assert ledger.events.snapshot(EventId("1")) is None


DAMAGED = {
    "empty": "{}",
    "not JSON": "not JSON",
    "nothing but an id": '{"id": "1"}',
    "a list": "[]",
    "no day": WRITTEN_BEFORE.replace('"2026-12-12"', '"soon"'),
    "no number": WRITTEN_BEFORE.replace('"18.50"', '"NaN"'),
    "no end": WRITTEN_BEFORE.replace('"0.01"', '"Infinity"'),
    "too deep": WRITTEN_BEFORE.replace('{"id":', '{"more":' + "[" * 100_000 + "]" * 100_000 + ',"id":', 1),
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_copy_that_can_not_be_read_is_damage(ledger: Ledger, text: str) -> None:
    ledger.events.store_results(RUN, [seen(event=rich_event())])
    with raw(ledger.path) as connection:
        connection.execute("UPDATE sightings SET snapshot = ?", (text,))
    with raises(LedgerDamaged, LedgerCode.UNREADABLE_SNAPSHOT) as caught:
        ledger.events.snapshot(EVENT)
    assert caught.value.exit_status == 14
