"""From TripleSeat's JSON to an event: what is taken over, what becomes a fault, what is unreadable."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsrevel.errors import Unreadable
from tsrevel.planning.model import Event
from tsrevel.planning.reasons import Reason
from tsrevel.sandbox import make_event
from tsrevel.transport.responses import UNUSABLE, decode_json
from tsrevel.tripleseat.decode import decode_event

SAMPLE = Path(__file__).with_name("sample-event.json")


def event(**fields: Any) -> Event:
    return decode_event({"id": 1, **fields})


def reasons(found: Event) -> list[Reason]:
    return [fault.reason for fault in found.faults]


def test_the_sample_event_is_read_as_it_stands() -> None:
    found = decode_event(decode_json(SAMPLE.read_bytes()))
    assert (found.id, found.status, found.deleted) == ("64000001", "DEFINITE", False)
    assert (found.location_id, found.site_id, found.location_name) == ("30501", "16001", "Sample Kitchen - Eastside")
    assert found.day == date(2026, 12, 12)
    assert found.starts_at == datetime.fromisoformat("2026-12-12T18:00:00-08:00")
    assert (found.contact_name, found.contact_phone) == ("Jordan Example", "(702) 555-0142")
    assert (found.guest_count, found.booking_id) == (24, "58000001")
    assert found.grand_total == Decimal("837.72")
    assert found.faults == ()


def test_the_sample_documents_are_read_deleted_ones_included() -> None:
    old, live = decode_event(decode_json(SAMPLE.read_bytes())).documents
    assert (old.id, old.deleted, live.id, live.deleted) == (41500001, True, 41500002, False)
    assert live.views == ("Invoice", "Kitchen Sheet")
    assert [(line.name, line.typed, line.menu_item_id) for line in live.lines] == [
        ("Boxed Lunch Package", False, "120001"),
        ("TACO TRIO - Carne asada, cilantro & onion", True, None),
        ("AGUA FRESCA - One gallon, serves 12", True, None),
        ("Server (per hour)", True, None),
    ]
    assert (live.discounts_total, live.grand_total) == (Decimal("9.6"), Decimal("837.72"))
    assert [(charge.name, charge.amount) for charge in live.billing_totals] == [
        ("Service Charge", Decimal("112.08")),
        ("Sales Tax", Decimal("53.24")),
    ]
    assert [(payment.amount, payment.paid) for payment in live.payments] == [
        (Decimal("200.0"), True),
        (Decimal("637.72"), False),
    ]


def test_a_wrapped_event_and_a_bare_one_are_the_same() -> None:
    bare = make_event(day=date(2026, 12, 12))
    assert decode_event(bare) == decode_event({"event": bare})


# Ids


@pytest.mark.parametrize("data", [None, [], "x", 5, {}, {"event": {}}, {"id": None}, {"id": ""}, {"id": "  "}])
def test_what_has_no_id_is_unreadable(data: Any) -> None:
    with pytest.raises(Unreadable):
        decode_event(data)


@pytest.mark.parametrize(
    "number",
    [
        True,
        [],
        {},
        "1/../2",
        "1 2",
        "a" * 65,
        Decimal("1.5"),
        UNUSABLE,
        Decimal("55.0"),
        10**19,
        "9" * 5000,
        10**40,
        Decimal("NaN"),
        Decimal("1E+999999999"),
    ],
)
def test_an_id_that_fits_no_path_is_unreadable(number: Any) -> None:
    with pytest.raises(Unreadable):
        event(id=number)


@pytest.mark.parametrize("number", [55, "55", " 55 "])
def test_ids_are_text_whatever_they_came_as(number: Any) -> None:
    found = event(id=number, location_id=number, site_id=number, booking_id=number)
    assert {found.id, found.location_id, found.site_id, found.booking_id} == {"55"}


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_null_and_empty_text_are_both_nothing(nothing: Any) -> None:
    keys = ("name", "status", "deleted_at", "location_id", "site_id", "booking_id", "grand_total", "documents")
    dates = ("event_date", "event_start_iso8601", "guest_count", "location", "contact", "booking")
    found = event(**dict.fromkeys(keys + dates, nothing))
    assert found == event()
    assert found.faults == ()


def test_a_location_named_only_in_its_object_counts() -> None:
    found = event(location={"id": 30501, "site_id": 15691, "name": " Pickup\u00a0Counter "})
    assert (found.location_id, found.site_id, found.location_name) == ("30501", "15691", "Pickup Counter")


# Days


@pytest.mark.parametrize(
    "text",
    [
        "12/8/2026",
        "12/08/2026",
        "12.8.2026",
        "12-8-2026",
        " 12/8/2026 ",
        "12/8/2026 6:00 PM",
        "2026-12-08",
        "2026-12-08T23:30:00-08:00",
    ],
)
def test_every_spelling_of_a_day_is_read(text: str) -> None:
    assert event(event_date=text).day == date(2026, 12, 8)


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "13/13/2026",
        "2/30/2026",
        "12/8/26",
        "12/8-2026",
        "2026-13-01",
        "9999-12-31",
        "1999-12-31",
        "12/8",
        7,
        [],
    ],
)
def test_a_day_that_is_there_and_unreadable_is_not_passed_over(text: Any) -> None:
    found = event(event_date_iso8601=text, event_date="12/8/2026")
    assert found.day is None
    assert reasons(found) == [Reason.INVALID_DATE_FORMAT]
    assert "event_date_iso8601" in found.faults[0].text


@pytest.mark.parametrize(
    "key", ["event_date_iso8601", "event_date", "start_date", "event_start_iso8601", "event_start"]
)
def test_the_first_key_that_is_filled_gives_the_day(key: str) -> None:
    keys = ["event_date_iso8601", "event_date", "start_date", "event_start_iso8601", "event_start"]
    later = keys[keys.index(key) + 1 :]
    found = event(**{key: "2026-12-08T18:00:00"}, **dict.fromkeys(later, "2026-12-09T18:00:00"))
    assert found.day == date(2026, 12, 8)
    assert found.faults == ()


def test_no_day_at_all_is_no_fault_here() -> None:
    assert event().day is None
    assert event().faults == ()


EVENING = datetime(2026, 12, 9, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("event_start_iso8601", "2026-12-08T23:30:00-08:00"),
        ("event_start_iso8601", "2026-12-09T07:30:00Z"),
        ("event_start_iso8601", "2026-12-09T16:30:00+09:00"),
        ("event_start", "2026-12-09T07:30:00Z"),
        ("event_start_utc", "2026-12-09T07:30:00Z"),
        ("event_start_utc", "2026-12-09T07:30:00"),
        ("event_start_utc", "2026-12-09 07:30:00 UTC"),
        ("event_start_utc", "12/9/2026 7:30 AM"),
        ("event_start_utc", "2026-12-08T23:30:00-08:00"),
    ],
)
def test_a_start_that_is_only_an_instant_has_no_day_before_its_location_is_known(key: str, text: str) -> None:
    found = event(**{key: text})
    assert (found.day, found.starts_at, found.faults) == (None, EVENING, ())


@pytest.mark.parametrize("key", ["event_date", "event_date_iso8601", "start_date"])
def test_a_date_that_is_told_is_the_day_whatever_the_instant(key: str) -> None:
    found = event(**{key: "2026-12-08"}, event_start_iso8601="2026-12-09T07:30:00Z", event_start_utc="2026-12-10")
    assert (found.day, found.starts_at, found.faults) == (date(2026, 12, 8), EVENING, ())


@pytest.mark.parametrize("text", ["2026-12-09", "soon", "2026-12-09T25:00:00Z", 1796800000])
def test_a_utc_start_that_is_no_instant_is_a_fault_where_nothing_else_tells_the_day(text: Any) -> None:
    assert reasons(event(event_start_utc=text)) == [Reason.INVALID_DATE_FORMAT]
    assert event(event_start_utc=text, event_date="12/8/2026").faults == ()


@pytest.mark.parametrize(
    ("told", "starts_at"),
    [
        ({"event_start_iso8601": "2026-12-08T18:00:00"}, "2026-12-08 18:00"),
        ({"event_start_iso8601": "12/8/2026 6:00 PM"}, "2026-12-08 18:00"),
        ({"event_start": "12/8/2026 6:00 PM"}, "2026-12-08 18:00"),
        ({"event_date": "12/8/2026", "event_start": "12/9/2026 12:30 am"}, "2026-12-09 00:30"),
        ({"event_date": "12/8/2026", "event_start_time": "6:00 PM"}, "2026-12-08 18:00"),
        ({"event_date": "12/8/2026", "event_start_time": "18:00"}, "2026-12-08 18:00"),
        ({"event_date": "12/8/2026", "event_start_time": "noon"}, None),
        ({"event_date": "12/8/2026", "event_start_time": "6 PM"}, None),
        ({"event_date": "12/8/2026", "event_start": "soon"}, None),
        ({"event_start": "12/8/2026", "event_start_time": "6:00 PM"}, "2026-12-08 18:00"),
        ({"event_start_iso8601": "2026-12-08"}, None),
    ],
)
def test_a_start_without_an_offset_is_local_time(told: dict[str, Any], starts_at: str | None) -> None:
    found = event(**told)
    expected = datetime.fromisoformat(starts_at) if starts_at else None
    assert (found.starts_at, found.day, found.faults) == (expected, date(2026, 12, 8), ())


def test_an_instant_counts_before_a_local_start() -> None:
    local = {"event_date": "12/8/2026", "event_start": "12/8/2026 6:00 PM", "event_start_time": "6:00 PM"}
    assert event(**local, event_start_utc="2026-12-09T07:30:00Z").starts_at == EVENING


@pytest.mark.parametrize("text", ["2026-12-08T25:00:00-08:00", "12/8/2026 6:70 PM", "soon"])
def test_an_unreadable_start_is_a_fault(text: str) -> None:
    found = event(event_date_iso8601="2026-12-08", event_start_iso8601=text)
    assert found.starts_at is None
    assert reasons(found) == [Reason.INVALID_DATE_FORMAT]


# Texts


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Chips &amp; dip", "Chips & dip"),
        ("  a\u00a0 b\t\nc ", "a b c"),
        ("&nbsp;x&nbsp;", "x"),
        ("<b>Bold</b><br/>move", "Bold move"),
        ("&lt;p class='x'&gt;Hi&lt;/p&gt;", "Hi"),
        ("fewer <3 or >2", "fewer <3 or >2"),
        ("nul\x00 soft\u00ad zero\u200b half\ud800", "nul soft zero half"),
        (12, "12"),
        (True, ""),
        ({}, ""),
    ],
)
def test_names_are_clean(raw: Any, clean: str) -> None:
    assert event(name=raw).name == clean


@pytest.mark.parametrize(("raw", "status"), [("definite", "DEFINITE"), (" Closed ", "CLOSED"), (None, "")])
def test_a_status_is_upper_case(raw: Any, status: str) -> None:
    assert event(status=raw).status == status


@pytest.mark.parametrize(("raw", "deleted"), [("11/3/2026 2:41 PM", True), (None, False), ("", False), (False, False)])
def test_an_event_is_deleted_once_it_says_when(raw: Any, deleted: bool) -> None:
    assert event(deleted_at=raw).deleted is deleted


PEOPLE: dict[str, Any] = {
    "contact": {"first_name": " Jordan ", "last_name": "O&#39;Example"},
    "account": {"name": "Example Widgets"},
    "booking": {"account": {"name": "Widgets of the booking"}},
    "post_as": "Board name",
    "name": "Event name",
}


@pytest.mark.parametrize("part", [None, "", " ", "\u200d"])
def test_a_contact_with_a_full_name_alone_is_called_by_it(part: str | None) -> None:
    contact = {"first_name": part, "last_name": part, "full_name": " Jordan  O&#39;Example"}
    assert event(**{**PEOPLE, "contact": contact}).contact_name == "Jordan O'Example"
    named = {**contact, "first_name": "Sam"}
    assert event(**{**PEOPLE, "contact": named}).contact_name == "Sam"


@pytest.mark.parametrize("status", ["definite", " DEFINITE ", "\u200eDefi\u200dnite\ufeff", "DEFINITE\ufe0f"])
def test_a_status_is_read_without_what_nobody_sees(status: str) -> None:
    assert event(status=status).status == "DEFINITE"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, ()),
        ({"currency": None, "currency_code": ""}, ()),
        ({"currency": "usd", "currency_code": "USD"}, ("usd", "USD")),
        ({"location": {"currency_code": "CAD"}}, ("CAD",)),
        ({"site": {"currency": {"code": "EUR", "name": "Euro"}}}, ("EUR",)),
        ({"location": {"site": {"currency": {"iso_code": "EUR"}}}}, ("EUR",)),
        ({"booking": {"currency": "CAD", "location": {"currency": "USD"}}}, ("CAD", "USD")),
        ({"documents": [{"id": 7, "currency": "CAD", "financials": {"currency_code": "EUR"}}]}, ("CAD", "EUR")),
        ({"documents": [{"id": 7, "payment_set": {"payments": [{"id": 1, "currency": "GBP"}]}}]}, ("GBP",)),
        ({"documents": [{"id": 7, "deleted_at": "11/3/2026", "currency": "CAD"}]}, ()),
        ({"currency": "Canadian dollars"}, ("Canadian dollars",)),
        ({"currency": 7}, ("7",)),
        ({"currency": ["USD"], "currency_code": True}, ()),
    ],
)
def test_every_currency_that_is_told_of_an_event_is_read(fields: dict[str, Any], told: tuple[str, ...]) -> None:
    found = event(**fields)
    assert (found.currencies, found.faults) == (told, ())


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        ([], "Jordan O'Example"),
        (["contact"], "Example Widgets"),
        (["contact", "account"], "Widgets of the booking"),
        (["contact", "account", "booking"], "Board name"),
        (["contact", "account", "booking", "post_as"], "Event name"),
    ],
)
def test_the_contact_is_the_best_name_there_is(missing: list[str], name: str) -> None:
    assert event(**{**PEOPLE, **dict.fromkeys(missing)}).contact_name == name


def test_the_first_phone_number_that_is_filled_counts() -> None:
    phones = [{"number": ""}, "garbage", {"number": "(702) 555-0142"}, {"number": "(702) 555-0143"}]
    found = event(contact={"phone_numbers": phones})
    assert (found.contact_phone, found.faults) == ("(702) 555-0142", ())


@pytest.mark.parametrize("garbage", [5, "x", ["x"], True])
def test_garbage_about_people_holds_no_order(garbage: Any) -> None:
    found = event(contact=garbage, account=garbage, booking=garbage, location=garbage, name="Lunch")
    assert (found.contact_name, found.contact_phone, found.faults) == ("Lunch", "", ())


# Counts and money of the event


@pytest.mark.parametrize(
    ("guaranteed", "expected", "guests"),
    [(20, 24, 20), (None, 24, 24), ("", "24", 24), (0, 24, 24), (None, None, None)],
)
def test_the_guaranteed_guests_come_before_the_expected_ones(guaranteed: Any, expected: Any, guests: Any) -> None:
    assert event(guaranteed_guest_count=guaranteed, guest_count=expected).guest_count == guests


@pytest.mark.parametrize(
    ("raw", "amount"),
    [
        ("837.72", "837.72"),
        (Decimal("837.72"), "837.72"),
        (300, "300"),
        ("300.0", "300"),
        ("1,225.50", "1225.5"),
        ("$1,225.50", "1225.5"),
        ("-$9.60", "-9.6"),
        ("$-9.60", "-9.6"),
        (" 5. ", "5"),
        (".5", "0.5"),
    ],
)
def test_money_is_read_whatever_it_came_as(raw: Any, amount: str) -> None:
    found = event(grand_total=raw)
    assert (found.grand_total, found.faults) == (Decimal(amount), ())


@pytest.mark.parametrize(
    "raw",
    [
        "NaN",
        "inf",
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        float("nan"),
        "9,60",
        "1.225,50",
        "1e3",
        "--5",
        "5-",
        "12 34",
        "$",
        "-",
        ".",
        "five",
        "١٢",
        True,
        [],
        {},
        10**12,
        Decimal("1E+999999999"),
        Decimal("1E-999999999"),
        "9" * 100,
    ],
)
def test_money_that_is_none_is_a_fault_that_shows_no_value(raw: Any) -> None:
    found = event(grand_total=raw)
    assert found.grand_total is None
    assert reasons(found) == [Reason.MISSING_DATA]
    assert re.search(r"event 1\b.*\bgrand_total\b", found.faults[0].text)
    assert found.faults == event(grand_total="something else").faults


@pytest.mark.parametrize("raw", ["many", -3, "2.5"])
def test_a_guest_count_that_is_none_is_left_out(raw: Any) -> None:
    found = event(guest_count=raw)
    assert (found.guest_count, reasons(found)) == (None, [])


# Anything at all

KEYS = sorted(
    set(re.findall(r'"([a-z0-9_]+)":', SAMPLE.read_text(encoding="utf-8"))) - {"owner", "creator", "updator", "event"}
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=True)
    | st.floats()
    | st.text()
    | st.sampled_from(["12/8/2026", "2026-12-08T18:00:00-08:00", "1,225.50", "paid", "refunded", "&nbsp;", "<b>"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=6),
    max_leaves=30,
)


@given(JSON)
def test_no_json_breaks_the_decoder(data: Any) -> None:
    try:
        found = decode_event(data)
    except Unreadable:
        return
    assert found.id


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(KEYS), JSON), JSON, JSON, JSON)
def test_garbage_in_the_fields_never_hides_an_event(fields: Any, lines: Any, totals: Any, payments: Any) -> None:
    document = {
        "id": 2,
        "line_items": [lines, {"description": "x", "price": lines}],
        "billing_totals": [totals],
        "payment_set": {"payments": [{"id": 1, "amount": payments, "paid_at": "1/1/2026"}, payments]},
    }
    found = decode_event({**fields, "documents": [document], "id": 1})
    assert [each.id for each in found.documents] == [2]
