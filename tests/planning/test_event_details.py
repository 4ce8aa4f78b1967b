"""What people are told of an event that changed and has no plan to compare."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.planning.make import DAY, NOON, make_document, make_event, make_line, make_payment
from tsrevel.planning.changes import (
    EventDetails,
    describe_content,
    describe_labels,
    details_of,
    fill_unknown,
    without_labels,
)
from tsrevel.planning.model import Document, Event

ZONE = ZoneInfo("America/Los_Angeles")
LINES = (make_line("Boxed Lunch", "2"), make_line("Taco Trio"))
CONTRACT = make_document(*LINES, charges={"Tax": "1.00"}, discount="2.00", payments=[make_payment("5.00")])
EVENT = make_event(CONTRACT)


def describe(now: Event, before: Event = EVENT) -> list[str]:
    return describe_content(details_of(before, ZONE), details_of(now, ZONE))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (make_event(CONTRACT, day=DAY + timedelta(days=7)), ["date 2026-12-12 → 2026-12-19"]),
        (make_event(CONTRACT, day=None, starts_at=None), ["date 2026-12-12 → none"]),
        (make_event(CONTRACT, location_id="30777"), ["TripleSeat location 30501 → 30777"]),
        (make_event(CONTRACT, location_id=None), ["TripleSeat location 30501 → 15691"]),
        (make_event(CONTRACT, location_id=None, site_id=None), ["TripleSeat location 30501 → none"]),
        (make_event(CONTRACT, grand_total="500.00"), ["grand total 29.00 → 500.00"]),
        (make_event(replace(CONTRACT, payments=())), ["payments 5.00 → 0.00"]),
        (make_event(replace(CONTRACT, lines=LINES[1:])), ["its lines have changed"]),
        (make_event(replace(CONTRACT, billing_totals=())), ["its taxes, fees or discounts have changed"]),
        (make_event(replace(CONTRACT, discounts_total=None)), ["its taxes, fees or discounts have changed"]),
    ],
)
def test_each_part_that_changed_is_told(now: Event, expected: list[str]) -> None:
    assert describe(now) == expected


@pytest.mark.parametrize("part", ["name", "quantity", "price", "total", "discount"])
def test_any_part_of_a_line_is_part_of_the_lines(part: str) -> None:
    changes: dict[str, Any] = {part: "Agua Fresca" if part == "name" else Decimal("7.00")}
    line = replace(LINES[0], **changes)
    assert describe(make_event(replace(CONTRACT, lines=(line, LINES[1])))) == ["its lines have changed"]


def test_the_documents_totals_stand_for_an_event_without_one() -> None:
    before, now = (make_event(make_document(grand_total=each), grand_total=None) for each in ("10.00", "11.00"))
    assert describe(now, before) == ["grand total 10.00 → 11.00"]
    neither = make_event(make_document(grand_total=None), grand_total=None)
    assert describe(neither, before) == ["grand total 10.00 → none"]


@pytest.mark.parametrize(
    "same",
    [
        replace(CONTRACT, id=9, title="Contract: 9", views=("Invoice",)),
        replace(CONTRACT, lines=LINES[::-1]),
        replace(CONTRACT, lines=(replace(LINES[0], name="boxed  LUNCH", menu_item_id="1"), LINES[1])),
        replace(CONTRACT, payments=(*CONTRACT.payments, make_payment("9.00", paid=False))),
    ],
)
def test_what_bears_on_nothing_is_no_change(same: Document) -> None:
    gone = make_document(make_line("Agua Fresca"), deleted=True, payments=[make_payment("7.00")])
    assert describe(make_event(same, gone, grand_total="29.00")) == []


def test_a_payment_on_two_documents_counts_once_and_less_its_refund() -> None:
    refunded = replace(CONTRACT.payments[0], refunded=CONTRACT.payments[0].amount / 2)
    now = replace(CONTRACT, payments=(refunded,))
    both = make_event(now, replace(now, id=2))
    assert [each for each in describe(both) if each.startswith("payments")] == ["payments 5.00 → 2.50"]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (replace(EVENT, starts_at=NOON + timedelta(hours=6)), ["start 12:00 → 18:00"]),
        (replace(EVENT, starts_at=NOON + timedelta(hours=13)), ["start 12:00 → 2026-12-13 01:00"]),
        (replace(EVENT, starts_at=None), ["start 12:00 → none"]),
        (replace(EVENT, starts_at=NOON.astimezone(ZONE).replace(tzinfo=None)), []),
        (replace(EVENT, guest_count=60), ["guests 24 → 60"]),
        (replace(EVENT, guest_count=None), ["guests 24 → none"]),
        (replace(EVENT, name="Another lunch"), ["its name has changed"]),
        (replace(EVENT, contact_name="Robin Example"), ["its contact has changed"]),
        (replace(EVENT, contact_phone="(702) 555-0199"), ["its contact has changed"]),
        (replace(EVENT, name=EVENT.name.upper(), contact_phone="702.555.0142"), []),
        (replace(EVENT, name="", contact_name="", contact_phone=""), []),
        (replace(EVENT, day=DAY + timedelta(days=1), starts_at=NOON + timedelta(days=1)), []),
    ],
)
def test_what_the_orders_labels_say_is_told_without_a_name_or_a_phone(now: Event, expected: list[str]) -> None:
    assert describe_labels(details_of(EVENT, ZONE), details_of(now, ZONE)) == expected


def test_without_a_time_zone_there_is_no_start() -> None:
    assert details_of(EVENT, None).start == ""


def test_unknown_details_are_the_last_known_ones() -> None:
    known = details_of(EVENT, ZONE)
    assert fill_unknown(without_labels(known), known) == known
    assert fill_unknown(known, EventDetails(day="2026-12-01")) == known


def test_no_detail_names_a_person() -> None:
    assert not [each for each in ("Jordan", "555", "Widgets") if each in str(details_of(EVENT, ZONE))]


def test_what_an_older_version_did_not_store_is_no_change() -> None:
    assert describe_content(EventDetails(day="2026-12-12"), details_of(EVENT, ZONE)) == []
