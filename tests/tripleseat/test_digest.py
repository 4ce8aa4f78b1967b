"""The fingerprint of a search result: what moves it and what must not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tsrevel.errors import Unreadable
from tsrevel.sandbox import make_event
from tsrevel.tripleseat.digest import (
    fingerprint,
    is_of_older_version,
    is_same_content,
    listing_digest,
    mark_fresh,
    read_stamps,
)

ROW = make_event(day=date(2026, 12, 12), charges=[("Sales Tax", "49.40")])


def digest(**changes: Any) -> str:
    return listing_digest({**ROW, **changes})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("status", "LOST"),
        ("deleted_at", "11/3/2026 2:41 PM"),
        ("updated_at", "12/10/2026 10:21 AM"),
        ("event_date_iso8601", "2026-12-13"),
        ("event_start_iso8601", "2026-12-12T19:00:00-08:00"),
        ("location_id", 30502),
        ("site_id", 15692),
        ("guest_count", 25),
        ("guaranteed_guest_count", 25),
        ("grand_total", "1.0"),
        ("actual_amount", "1.0"),
        ("amount_due", "1.0"),
        ("deposit_amount", "1.0"),
        ("document_ids", "1,2"),
        ("category_totals", []),
        ("billing_totals", [{"name": "Sales Tax", "total": "49.41"}]),
        ("billing_totals", [{"name": "Sales Tax", "total": "9.5%"}]),
        ("booking_id", 1),
        ("booking", {"id": 1, "updated_at": "12/10/2026 10:22 AM"}),
        ("name", "Another lunch"),
        ("contact", {**ROW["contact"], "last_name": "Sample"}),
        ("contact", {**ROW["contact"], "phone_numbers": [{"number": "(702) 555-0199"}]}),
        ("contact", None),
    ],
)
def test_what_bears_on_the_order_moves_it(key: str, value: Any) -> None:
    assert digest(**{key: value}) != digest()


@pytest.mark.parametrize("key", ["owner", "creator", "updator", "documents", "managers"])
def test_what_changes_by_itself_does_not_move_it(key: str) -> None:
    assert digest(**{key: {"login_count": 413}}) == digest()


@pytest.mark.parametrize("key", ["booking", "contact"])
def test_other_parts_of_the_booking_and_the_contact_do_not_move_it(key: str) -> None:
    assert digest(**{key: {**ROW[key], "login_count": 413}}) == digest()


@pytest.mark.parametrize("money", [300, "300", "300.0", "300.00", "$300.00", Decimal("300.0"), Decimal("3E+2")])
def test_the_spelling_of_money_does_not_move_it(money: Any) -> None:
    def spelt(value: Any) -> str:
        return digest(grand_total=value, billing_totals=[{"name": "Tax", "total": value}])

    assert spelt(money) == spelt("300.0")
    assert spelt("0.0") == spelt("-0") == spelt(0)


@pytest.mark.parametrize(
    ("key", "one", "other"),
    [
        ("location_id", 30501, "30501"),
        ("document_ids", "1,2", "2, 1"),
        ("document_ids", "1,2", [2, 1]),
        ("status", "definite", "DEFINITE"),
        ("deleted_at", None, ""),
        ("event_start", "", None),
        ("guest_count", 24, "24"),
    ],
)
def test_other_spellings_of_the_same_do_not_move_it(key: str, one: Any, other: Any) -> None:
    assert digest(**{key: one}) == digest(**{key: other})


def test_a_missing_key_is_an_empty_one() -> None:
    assert listing_digest({"id": 1}) == listing_digest({"id": 1, "deleted_at": None, "grand_total": ""})


def test_it_is_the_same_wrapped_and_for_keys_in_any_order() -> None:
    backwards = dict(reversed(ROW.items()))
    assert listing_digest({"event": backwards}) == digest()


def test_what_is_no_object_has_none() -> None:
    with pytest.raises(Unreadable):
        listing_digest([])


def test_its_first_part_is_what_an_older_version_stored() -> None:
    row = make_event(day=date(2026, 12, 12), id=64000001)
    older, _, _ = listing_digest(row).partition(".")
    assert older == "82e7d2d651c32c01850e62d1672468aa9bbb858775532637fe98c31d228265d8"
    assert (is_of_older_version(older), is_of_older_version(listing_digest(row))) == (True, False)


@pytest.mark.parametrize(
    ("stored", "now", "same"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.c", False),
        ("a.b", "c.b", False),
        ("a", "a.b", True),
        ("a", "c.b", False),
        ("a.b~", "a.b", True),
        ("a.b", "a.b~", True),
        ("a.b~", "a.c", False),
    ],
)
def test_digests_are_of_the_same_content_as_far_as_both_tell(stored: str, now: str, same: bool) -> None:
    assert is_same_content(stored, now) is same


def test_a_digest_read_in_the_minute_of_the_last_change_is_another_one() -> None:
    assert mark_fresh("a.b") != "a.b"


def test_the_stamps_are_the_events_and_its_bookings() -> None:
    row = {**ROW, "updated_at": "12/10/2026 10:21 AM", "booking": {"updated_at": "12/11/2026 9:00 AM"}}
    assert [f"{each:%m-%d %H:%M}" for each in read_stamps(row)] == ["12-10 10:21", "12-11 09:00"]
    assert read_stamps({"id": 1, "updated_at": "soon"}) == ()


def test_even_the_deepest_answer_has_a_fingerprint() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert fingerprint(deep)
