"""An event as a delivery tells it: how far it can be used, and how the API fills what it lacks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsrevel.errors import AnswerFault, Unreadable
from tsrevel.sandbox import Payment, TripleSeatSandbox, make_document, make_event
from tsrevel.tripleseat.client import TripleSeat
from tsrevel.tripleseat.payload import DeliverySubject, fill, is_older, read_event_ids, read_subject, read_told

DAY = date(2026, 12, 12)
STAMP = datetime(2026, 12, 9, 10, 21)  # noqa: DTZ001 (TripleSeat's stamps have no zone)


def whole(**changes: Any) -> dict[str, Any]:
    """A payload with everything in it."""
    event: dict[str, Any] = make_event(day=DAY, payments=[Payment("200.00")])
    return {**event, **changes}


def without(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


def with_document(**changes: Any) -> dict[str, Any]:
    (document,) = whole()["documents"]
    return whole(documents=[{**document, **changes}])


def document_without(key: str) -> dict[str, Any]:
    (document,) = whole()["documents"]
    return whole(documents=[without(document, key)])


# How far a payload can be used


def test_a_whole_payload_is_placed_and_priced() -> None:
    told = read_told(whole())
    assert (told.placed, told.priced) == (True, True)
    assert (told.event.id, told.event.updated, told.event.day) == ("64000001", STAMP, DAY)


def test_a_wrapped_payload_is_the_same() -> None:
    assert read_told({"event": whole()}) == read_told(whole())


@pytest.mark.parametrize("missing", [None, ""])
@pytest.mark.parametrize("key", ["name", "status"])
def test_without_name_or_status_it_is_not_placed(key: str, missing: Any) -> None:
    assert not read_told(whole(**{key: missing})).placed
    assert not read_told(without(whole(), key)).placed


def test_without_a_day_it_is_not_placed() -> None:
    days = ("event_date_iso8601", "event_start_iso8601", "event_date", "start_date", "event_start")
    assert not read_told(without(whole(), *days)).placed
    assert read_told(without(whole(), *days[1:])).placed


def test_a_location_and_its_site_place_it() -> None:
    bare = without(whole(), "location", "location_id", "site_id")
    assert not any(read_told({**bare, **each}).placed for each in ({}, {"location_id": 1}, {"site_id": 2}))
    assert read_told({**bare, "location_id": 1, "site_id": 2}).placed
    assert read_told({**bare, "location": {"id": 1, "site_id": 2}}).placed


def test_what_can_not_be_read_is_not_placed() -> None:
    assert not read_told(whole(event_date_iso8601="soon")).placed
    assert not read_told(whole(guaranteed_guest_count=5, grand_total="much")).placed


@pytest.mark.parametrize("key", ["line_items", "financials", "payment_set"])
def test_a_document_without_its_money_is_not_priced(key: str) -> None:
    told = read_told(document_without(key))
    assert (told.placed, told.priced) == (True, False)


def test_a_document_without_lines_is_not_priced() -> None:
    assert not read_told(with_document(line_items=[])).priced
    assert not read_told(whole(documents=[])).priced
    assert not read_told(without(whole(), "documents")).priced
    assert not read_told(whole(documents="gone")).priced


def test_no_payments_asked_for_is_a_price_all_the_same() -> None:
    assert read_told(with_document(payment_set=None)).priced


def test_a_deleted_document_needs_no_money() -> None:
    live = whole()["documents"]
    gone = {"id": 1, "deleted_at": "11/1/2026 9:00 AM"}
    assert read_told(whole(documents=[gone, *live])).priced
    assert not read_told(whole(documents=[{**live[0], **gone}])).priced


@pytest.mark.parametrize("key", ["line_items", "financials"])
def test_money_that_is_null_is_no_price(key: str) -> None:
    assert not read_told(with_document(**{key: None})).priced


def test_what_is_printed_must_be_told() -> None:
    assert not read_told(without(whole(), "event_start_iso8601")).priced
    assert not read_told(without(whole(), "guest_count", "guaranteed_guest_count")).priced
    assert read_told(without(whole(), "guaranteed_guest_count")).priced


HERE = whole()["documents"][0]["id"]


@pytest.mark.parametrize(
    "listed",
    [
        f"{HERE},999",
        f"{HERE}; 999",
        [HERE, 999],
        [str(HERE), "999"],
        [{"id": HERE}, {"id": 999}],
        [HERE, None],
        [HERE, True],
        999,
        {"ids": [HERE]},
        True,
    ],
)
def test_a_document_that_is_only_listed_is_not_priced(listed: Any) -> None:
    assert not read_told(whole(document_ids=listed)).priced


@pytest.mark.parametrize(
    "listed", [f"{HERE}", f" {HERE}, ", [HERE], [str(HERE)], [{"id": HERE}], HERE, "", " ", [], None]
)
def test_with_every_listed_document_it_is_priced(listed: Any) -> None:
    assert read_told(whole(document_ids=listed)).priced
    assert read_told(without(whole(), "document_ids")).priced


def test_without_a_grand_total_it_is_not_priced() -> None:
    assert not read_told(whole(grand_total=None)).priced


def test_somebody_to_call_is_part_of_the_price() -> None:
    nobody = without(whole(), "contact", "account", "post_as")
    assert not read_told(nobody).priced
    assert read_told({**nobody, "account": {"id": 1, "name": "Example Widgets"}}).priced


@pytest.mark.parametrize("row", [None, [], "x", {}, {"id": None}, {"id": "1/2"}])
def test_without_an_id_nothing_is_told(row: Any) -> None:
    with pytest.raises(Unreadable):
        read_told(row)


# What a delivery is about


def test_a_delivery_is_about_its_event_or_booking() -> None:
    assert read_subject("event", {"id": 5, "updated_at": "12/9/2026 10:21 AM"}) == DeliverySubject("event", "5", STAMP)
    assert read_subject("booking", {"id": "58", "updated_at": None}) == DeliverySubject("booking", "58", None)


def test_a_document_layout_is_about_its_event() -> None:
    row = {"id": 9, "event_id": 5, "updated_at": "12/9/2026 10:21 AM"}
    assert read_subject("document_layout", row) == DeliverySubject("event", "5", None)


@pytest.mark.parametrize(("root", "row"), [("event", {}), ("booking", {"event_id": 5}), ("document_layout", {"id": 5})])
def test_without_an_id_it_is_about_nothing(root: str, row: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_subject(root, row)


@pytest.mark.parametrize(
    ("booking", "expected"),
    [
        ({}, ()),
        ({"event_ids": None, "events": None}, ()),
        ({"event_ids": []}, ()),
        ({"event_ids": [1, "2", 3, 1]}, ("1", "2", "3")),
        ({"events": [{"id": 1}, {"event": {"id": 2}}, {"id": "1"}]}, ("1", "2")),
        ({"event_ids": [1], "events": [{"id": 2}]}, ("1",)),
        ({"event_ids": "1,2", "events": [{"id": 2}]}, ("2",)),
        ({"events": 5}, ()),
        ({"events": True}, ()),
        ({"events": "1,2"}, ()),
        ({"events": {"id": 5}}, ()),
    ],
)
def test_the_events_of_a_booking(booking: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert read_event_ids(booking) == expected


@pytest.mark.parametrize(
    "booking", [{"event_ids": [None]}, {"event_ids": ["1/2"]}, {"events": [5]}, {"events": [{"name": "x"}]}]
)
def test_an_event_of_a_booking_needs_an_id(booking: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_event_ids(booking)


# Older or newer


def test_only_what_is_surely_earlier_is_older() -> None:
    later = STAMP + timedelta(minutes=1)
    assert is_older(STAMP, later)
    assert not is_older(STAMP, STAMP)
    assert not is_older(later, STAMP)
    assert is_older(STAMP.replace(tzinfo=UTC), later.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("one", "other"), [(None, STAMP), (STAMP, None), (None, None), (STAMP, datetime(2027, 1, 1, tzinfo=UTC))]
)
def test_what_can_not_be_compared_is_not_older(one: datetime | None, other: datetime | None) -> None:
    assert not is_older(one, other)
    assert not is_older(other, one)


# Filling


def test_the_payload_s_own_fields_win() -> None:
    assert fill({"id": 1, "name": "told", "guest_count": 0}, {"id": 1, "name": "known", "guest_count": 5}) == {
        "id": 1,
        "name": "told",
        "guest_count": 0,
    }


@pytest.mark.parametrize("absent", [None, "", " \n", [], {}])
def test_what_is_absent_comes_from_the_api(absent: Any) -> None:
    known = {"id": 1, "name": "known", "contact": {"id": 2}, "documents": [{"id": 3}]}
    told = {"id": 1, "name": absent, "contact": absent, "documents": absent}
    assert fill(told, known) == known
    assert fill({"id": 1}, known) == known


def test_false_and_zero_are_not_absent() -> None:
    assert fill({"a": False, "b": 0}, {"a": True, "b": 1}) == {"a": False, "b": 0}


def test_documents_are_matched_by_their_ids() -> None:
    told = {"documents": [{"id": "2", "line_items": [], "title": "told"}]}
    known = {"documents": [{"id": 1, "title": "one"}, {"id": 2, "line_items": ["x"], "title": "two", "views": []}]}
    assert fill(told, known)["documents"] == [
        {"id": 2, "line_items": ["x"], "title": "told", "views": []} | {"id": "2"},
        {"id": 1, "title": "one"},
    ]


def test_a_document_that_the_api_does_not_know_stays() -> None:
    assert fill({"documents": [{"id": 7}]}, {"documents": [{"id": 1}]})["documents"] == [{"id": 7}, {"id": 1}]


@pytest.mark.parametrize("garbage", [None, 5, True, "x", {}, {"id": 1}, ["x", None]])
def test_garbage_from_the_api_fills_nothing(garbage: Any) -> None:
    assert fill({"documents": [{"id": 7}]}, {"documents": garbage})["documents"] == [{"id": 7}]


def test_garbage_in_the_payload_is_left_to_the_decoder() -> None:
    assert fill({"documents": ["x", {"id": 1}]}, {"documents": [{"id": 1, "a": 2}]})["documents"] == [
        "x",
        {"id": 1, "a": 2},
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "a", "documents"]), inner),
    max_leaves=8,
)
ROWS = st.dictionaries(st.sampled_from(["id", "a", "documents"]), JSON)


@given(ROWS, ROWS)
def test_nothing_told_is_lost_and_nothing_raises(told: dict[str, Any], known: dict[str, Any]) -> None:
    filled = fill(told, known)
    assert set(known) <= set(filled) <= {*told, *known}
    if isinstance(told.get("a"), int):
        assert filled["a"] == told["a"]


# Filled by the service


def test_an_event_is_filled_with_what_the_service_knows(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.add_event(whole())
    event = tripleseat.filled(read_told({"id": 64000001, "name": "Told", "documents": [{"id": 640000011}]}))
    assert (event.name, event.day, event.contact_name) == ("Told", DAY, "Jordan Example")
    assert len(event.documents) == 1
    assert event.documents[0].lines


def test_where_the_service_knows_better_nothing_told_counts(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.add_event(whole(name="Known", updated_at="12/9/2026 10:22 AM"))
    assert tripleseat.filled(read_told(whole(name="Told"))).name == "Known"
    seat.edit_event(64000001, updated_at="12/9/2026 10:21 AM")
    assert tripleseat.filled(read_told(whole(name="Told"))).name == "Told"


def test_a_filled_event_without_lines_has_those_of_its_booking(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    event = make_event(day=DAY, documents=[])
    seat.add_event(event)
    contract = make_document(lines=[("Coffee Urn", 1, 38)])
    seat.add_booking({**event["booking"], "documents": [contract]})
    filled = tripleseat.filled(read_told({"id": 64000001, "name": "Told"}))
    assert (filled.name, [line.name for line in filled.documents[0].lines]) == ("Told", ["Coffee Urn"])


def test_another_event_than_the_one_told_fills_nothing(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.add_event(whole())
    seat.faults.add("wrong_shape", path="/v1/events/64000001", body={"event": {"id": 2}})
    with pytest.raises(Unreadable) as caught:
        tripleseat.filled(read_told({"id": 64000001}))
    assert caught.value.fault is AnswerFault.OTHER_OBJECT


def test_the_events_of_a_booking_are_asked_for(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    event = whole()
    seat.add_event(event)
    assert tripleseat.events_of_booking(str(event["booking_id"])) == ("64000001",)
