"""Finding events and reading one, against the pretend TripleSeat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tsrevel.errors import AnswerFault, Forbidden, IncompleteSearch, Refused, Unavailable, Unreadable
from tsrevel.planning.identity import NAMELESS
from tsrevel.planning.model import EventId
from tsrevel.planning.reasons import Reason
from tsrevel.sandbox import TripleSeatSandbox, make_document, make_event
from tsrevel.tripleseat.auth import RotatingToken
from tsrevel.tripleseat.client import FULL_PAGE, MOST_PAGES, Found, TripleSeat

from .conftest import BASE_URL, Clock, Wire, open_channel

DAY = date(2026, 12, 12)
ANY = EventId("64000001")


def add_events(seat: TripleSeatSandbox, count: int) -> None:
    for number in range(1, count + 1):
        seat.add_event(make_event(id=64000000 + number, day=DAY))


def ids(found: list[Found]) -> list[str]:
    return [each.id for each in found]


def pages(seat: TripleSeatSandbox) -> int:
    return seat.count("GET", "/v1/events/search")


def answer_search(seat: TripleSeatSandbox, body: Any, times: int | None = 1) -> None:
    seat.faults.add("wrong_shape", path="/v1/events/search", body=body, times=times)


# Searching


def test_a_search_by_day_finds_the_events_of_those_days(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    for number, day in enumerate([date(2026, 12, 11), DAY, date(2026, 12, 13)], 1):
        seat.add_event(make_event(id=number, day=day))
    (found,) = tripleseat.search_by_day(DAY, DAY)
    assert found.event
    assert (found.id, found.event.day, found.problem) == ("2", DAY, None)
    assert len(found.digest) == 64 + 1 + 64


@pytest.mark.parametrize(("day", "told"), [(10, True), (11, False), (13, False), (14, True)])
def test_only_an_event_that_is_more_than_a_day_off_is_warned_of(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, day: int, told: bool
) -> None:
    """A night's event ends on the next day: a search that matches by overlap lists it in every run."""
    rows = [{"id": 1, "event_date_iso8601": f"2026-12-{day}"}, {"id": 2, "event_date_iso8601": "2026-12-12"}]
    answer_search(seat, {"total_pages": 1, "results": rows})
    assert (ids(tripleseat.search_by_day(DAY, DAY)), "day" in tripleseat.search_warnings) == (["2"], told)


def test_a_search_by_update_finds_the_events_that_changed(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    add_events(seat, 3)
    seat.edit_event(64000002, guest_count=30)
    assert ids(tripleseat.search_by_update(DAY, DAY)) == ["64000002"]


def test_a_search_asks_for_both_ends_in_a_steady_order_and_for_every_status(
    tripleseat: TripleSeat, seat: TripleSeatSandbox
) -> None:
    seat.add_event(make_event(day=DAY, status="LOST"))
    assert ids(tripleseat.search_by_day(date(2026, 12, 5), DAY)) == ["64000001"]
    tripleseat.search_by_update(DAY, DAY)
    by_day, by_update = (dict(request.query) for request in seat.requests)
    steady = {"order": "created_at", "sort_direction": "asc", "page": "1"}
    assert by_day == {"event_start_date": "12/05/2026", "event_end_date": "12/12/2026", **steady}
    span = {"event_updated_start_date": "12/12/2026", "event_updated_end_date": "12/12/2026"}
    assert by_update == {**span, **steady}


def test_every_page_is_read_and_no_more(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.page_size = 2
    add_events(seat, 5)
    assert len(tripleseat.search_by_day(DAY, DAY)) == 5
    assert pages(seat) == 3


def test_an_empty_search_is_one_page(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    assert tripleseat.search_by_day(DAY, DAY) == []
    assert pages(seat) == 1


@pytest.mark.parametrize("total", [{}, {"total_pages": None}, {"total_pages": "lots"}, {"total_pages": 0}])
def test_a_page_that_brings_nothing_new_is_the_end(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, total: dict[str, Any]
) -> None:
    answer_search(seat, {**total, "results": [{"id": 1}, {"id": 2}]}, times=None)
    assert ids(tripleseat.search_by_day(DAY, DAY)) == ["1", "2"]
    assert pages(seat) == 2


def test_the_number_of_pages_may_be_text(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    answer_search(seat, {"total_pages": "1", "results": [{"id": 1}]})
    assert ids(tripleseat.search_by_day(DAY, DAY)) == ["1"]
    assert pages(seat) == 1


def test_an_event_on_two_pages_counts_once_as_last_seen(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    answer_search(seat, {"total_pages": 2, "results": [{"id": 1, "name": "before"}]})
    answer_search(seat, {"total_pages": 2, "results": [{"id": "1", "name": "after"}, {"id": 2}]})
    first, second = tripleseat.search_by_day(DAY, DAY)
    assert first.event
    assert (first.event.name, second.id) == ("after", "2")


def test_wrapped_results_are_unwrapped(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    add_events(seat, 2)
    plain = tripleseat.search_by_day(DAY, DAY)
    seat.wraps_results = True
    assert tripleseat.search_by_day(DAY, DAY) == plain


@pytest.mark.parametrize("row", [None, "x", [], {}, {"id": ""}, {"event": {"name": "x"}}])
def test_a_malformed_row_hides_no_other(tripleseat: TripleSeat, seat: TripleSeatSandbox, row: Any) -> None:
    answer_search(seat, {"total_pages": 1, "results": [{"id": 1}, row, {"id": 2}]})
    first, broken, second = tripleseat.search_by_day(DAY, DAY)
    assert (first.id, second.id) == ("1", "2")
    assert broken.id == f"{NAMELESS}{broken.digest[:8]}"
    assert broken.event is None
    assert broken.problem


def test_a_page_of_malformed_rows_does_not_end_the_search(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    answer_search(seat, {"total_pages": 2, "results": [{"name": "no id"}]})
    answer_search(seat, {"total_pages": 2, "results": [{"id": 2}]})
    nameless, event = ids(tripleseat.search_by_day(DAY, DAY))
    assert nameless.startswith(NAMELESS)
    assert event == "2"


@pytest.mark.parametrize("body", [[], {}, {"results": None}, {"results": {}}, {"error": "no"}, "x"])
def test_a_search_without_results_is_unreadable(tripleseat: TripleSeat, seat: TripleSeatSandbox, body: Any) -> None:
    answer_search(seat, body)
    with pytest.raises(Unreadable):
        tripleseat.search_by_day(DAY, DAY)


def test_a_search_without_an_end_is_unreadable(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    for number in range(MOST_PAGES):
        answer_search(seat, {"total_pages": 10**6, "results": [{"id": number}]})
    with pytest.raises(Unreadable) as caught:
        tripleseat.search_by_day(DAY, DAY)
    assert caught.value.fault is AnswerFault.INCOMPLETE_LIST


@pytest.mark.parametrize("body", [{"success": False, "error": "No user"}, {"error_message": "No user"}])
def test_an_error_with_the_status_of_a_success_is_quoted(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, body: dict[str, Any]
) -> None:
    answer_search(seat, body)
    with pytest.raises(Unreadable, match="answered 200 with an error: No user") as caught:
        tripleseat.search_by_day(DAY, DAY)
    assert caught.value.fault is AnswerFault.ERROR_MESSAGE


@pytest.mark.parametrize("search", [TripleSeat.search_by_day, TripleSeat.search_by_update])
@pytest.mark.parametrize("pages", [2, 3])
def test_a_second_page_that_repeats_the_first_ends_a_search_that_may_lack_events(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, search: Callable[[TripleSeat, date, date], list[Found]], pages: int
) -> None:
    for _ in range(2):
        answer_search(seat, {"total_pages": pages, "results": [{"id": 1}, {"id": 2}]})
    with pytest.raises(IncompleteSearch) as caught:
        search(tripleseat, DAY, DAY)
    assert [each.id for each in caught.value.found if isinstance(each, Found)] == ["1", "2"]
    assert len(seat.requests) == 2


@pytest.mark.parametrize(("rows", "is_whole"), [(FULL_PAGE, False), (FULL_PAGE - 1, True)])
def test_a_later_page_that_repeats_is_the_end_unless_it_is_full(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, rows: int, *, is_whole: bool
) -> None:
    first, last = range(1, FULL_PAGE + 1), range(101, 101 + rows)
    for page in (first, last, last):
        answer_search(seat, {"total_pages": 9, "results": [{"id": number} for number in page]})
    if is_whole:
        assert len(tripleseat.search_by_day(DAY, DAY)) == FULL_PAGE + rows
    else:
        with pytest.raises(IncompleteSearch):
            tripleseat.search_by_day(DAY, DAY)
    assert len(seat.requests) == 3


@pytest.mark.parametrize(("rows", "is_whole"), [(FULL_PAGE, False), (FULL_PAGE - 1, True)])
def test_a_repeated_page_is_the_end_unless_it_is_full_where_nobody_counts_the_pages(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, rows: int, *, is_whole: bool
) -> None:
    for _ in range(2):
        answer_search(seat, {"results": [{"id": number} for number in range(1, rows + 1)]})
    if is_whole:
        assert len(tripleseat.search_by_day(DAY, DAY)) == rows
    else:
        with pytest.raises(IncompleteSearch):
            tripleseat.search_by_day(DAY, DAY)


def test_a_number_of_pages_that_shrinks_below_those_read_ends_no_search(
    tripleseat: TripleSeat, seat: TripleSeatSandbox
) -> None:
    for pages, number in ((3, 1), (1, 2), (1, 3), (1, 3)):
        answer_search(seat, {"total_pages": pages, "results": [{"id": number}]})
    assert ids(tripleseat.search_by_day(DAY, DAY)) == ["1", "2", "3"]


def answer_pages(seat: TripleSeatSandbox, *pages: tuple[int, ...]) -> None:
    """Answer with these ids, a page each."""
    for page in pages:
        answer_search(seat, {"total_pages": len(pages), "results": [{"id": number} for number in page]})


def test_pages_that_overlap_are_read_once(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    answer_pages(seat, (1, 2), (2, 4))
    assert ids(tripleseat.search_by_day(DAY, DAY)) == ["1", "2", "4"]
    assert len(seat.requests) == 2


def answer_empty_page(seat: TripleSeatSandbox, pages: int) -> None:
    """Let the next page be empty, however often it is read."""
    for _ in range(2):
        answer_search(seat, {"total_pages": pages, "results": []})


def test_an_empty_page_before_the_last_ends_no_search(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    answer_empty_page(seat, 4)
    answer_search(seat, {"total_pages": 4, "results": [{"id": 1}, {"id": 2}]})
    answer_empty_page(seat, 4)
    answer_search(seat, {"total_pages": 4, "results": [{"id": 3}]})
    assert ids(tripleseat.search_by_day(DAY, DAY)) == ["1", "2", "3"]
    assert tripleseat.search_warnings == {}
    assert [each.query["page"] for each in seat.requests] == ["1", "1", "2", "3", "3", "4"]


def test_a_page_that_is_empty_by_a_slip_hides_no_event(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    answer_search(seat, {"total_pages": 2, "results": []})
    answer_search(seat, {"total_pages": 2, "results": [{"id": 1}]})
    answer_search(seat, {"total_pages": 2, "results": [{"id": 2}]})
    assert ids(tripleseat.search_by_day(DAY, DAY)) == ["1", "2"]


def test_events_behind_many_empty_pages_are_found(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    answer_search(seat, {"total_pages": 27, "results": [{"id": 1}]})
    for _ in range(26):
        answer_search(seat, {"total_pages": 27, "results": []})
    answer_search(seat, {"total_pages": 27, "results": [{"id": 2}]})
    assert ids(tripleseat.search_by_day(DAY, DAY)) == ["1", "2"]
    assert len(seat.requests) == 28, "only the first empty page is read twice"


@pytest.mark.parametrize("total", [{"total_pages": 2}, {"total_pages": 1}, {}])
def test_an_empty_last_page_is_the_end_as_an_event_may_have_gone_meanwhile(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, total: dict[str, int]
) -> None:
    answer_search(seat, {"total_pages": 2, "results": [{"id": 1}, {"id": 2}]})
    answer_search(seat, {**total, "results": []})
    assert ids(tripleseat.search_by_day(DAY, DAY)) == ["1", "2"]
    assert tripleseat.search_warnings == {}


def test_a_page_that_stays_away_fails_the_whole_search(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.page_size = 2
    add_events(seat, 3)
    seat.faults.add("status", path="search", status=503, times=None, after=1)
    with pytest.raises(Unavailable):
        tripleseat.search_by_day(DAY, DAY)


# One event


def test_an_event_comes_with_its_money(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.add_event(make_event(day=DAY, charges=[("Sales Tax", "49.40")], payments=[("200.00", True)]))
    event = tripleseat.event(ANY)
    (document,) = event.documents
    assert event.id == ANY
    assert len(document.lines) == len(document.billing_totals) == len(document.payments) == 1
    assert dict(seat.requests[-1].query) == {"show_financial": "true"}
    assert len(seat.requests) == 1


def test_an_event_that_is_not_there_is_refused_as_such(tripleseat: TripleSeat) -> None:
    with pytest.raises(Refused) as caught:
        tripleseat.event(ANY)
    assert caught.value.status == 404


def test_another_event_than_the_one_asked_for_is_unreadable(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.add_event(make_event(day=DAY))
    seat.faults.add("wrong_shape", path="/v1/events/", body={"event": {"id": 5}})
    with pytest.raises(Unreadable) as caught:
        tripleseat.event(ANY)
    assert caught.value.fault is AnswerFault.OTHER_OBJECT


@pytest.mark.parametrize("kind", ["html", "truncated"])
def test_an_event_that_can_not_be_read_is_unreadable(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, kind: str
) -> None:
    seat.add_event(make_event(day=DAY))
    seat.faults.add(kind, path="/v1/events/")
    with pytest.raises(Unreadable):
        tripleseat.event(ANY)


def test_a_connection_that_is_cut_is_tried_again(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.add_event(make_event(day=DAY))
    seat.faults.add("drop_before", path="/v1/events/", times=3)
    assert tripleseat.event(ANY).id == ANY


def test_an_id_is_never_more_than_one_part_of_a_path(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    with pytest.raises(Refused):
        tripleseat.event(EventId("../sites?x=1"))
    assert seat.requests[-1].path == "/v1/events/../sites?x=1"


# Its booking

LINES = [("Boxed Lunch", 2, "18.50")]


def add_bare_event(seat: TripleSeatSandbox, **booking: Any) -> None:
    """An event whose documents have no lines, in a booking with those changes."""
    event = make_event(day=DAY, documents=[make_document(7)])
    seat.add_event(event)
    seat.add_booking({**event["booking"], "documents": [make_document(8, lines=LINES)], **booking})


def test_the_documents_of_a_booking_of_this_event_alone_are_taken(
    tripleseat: TripleSeat, seat: TripleSeatSandbox
) -> None:
    add_bare_event(seat)
    (document,) = tripleseat.event(ANY).documents
    assert (document.id, len(document.lines)) == (8, 1)


def test_a_deposit_on_the_events_own_document_stays_beside_the_bookings(
    tripleseat: TripleSeat, seat: TripleSeatSandbox
) -> None:
    event = make_event(day=DAY, documents=[make_document(7, payments=[("50.00",)], grand_total="0")])
    seat.add_event(event)
    seat.add_booking({**event["booking"], "documents": [make_document(8, lines=LINES)]})
    order, deposit = tripleseat.event(ANY).documents
    assert (order.id, deposit.id, [str(payment.amount) for payment in deposit.payments]) == (8, 7, ["50.0"])


@pytest.mark.parametrize(
    "booking",
    [
        {"event_ids": [64000001, 64000002]},
        {"event_ids": [64000002]},
        {"event_ids": []},
        {"deleted_at": "11/3/2026 2:41 PM"},
        {"documents": [make_document(8)]},
        {"documents": [make_document(8, lines=LINES, deleted_at="11/3/2026 2:41 PM")]},
    ],
)
def test_any_other_booking_is_left_alone(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, booking: dict[str, Any]
) -> None:
    add_bare_event(seat, **booking)
    (document,) = tripleseat.event(ANY).documents
    assert (document.id, document.lines) == (7, ())


@pytest.mark.parametrize("status", [403, 404])
def test_a_booking_out_of_reach_is_normal(tripleseat: TripleSeat, seat: TripleSeatSandbox, status: int) -> None:
    add_bare_event(seat)
    seat.faults.add("status", path="/v1/bookings/", status=status)
    assert [document.id for document in tripleseat.event(ANY).documents] == [7]


def test_a_booking_that_gives_no_answer_is_not_passed_over(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    add_bare_event(seat)
    seat.faults.add("status", path="/v1/bookings/", status=500, times=None)
    with pytest.raises(Unavailable):
        tripleseat.event(ANY)


@pytest.mark.parametrize("body", [{"booking": {"id": 5, "event_ids": [64000001]}}, [], {"error": "odd"}])
def test_another_booking_than_the_one_asked_for_is_unreadable(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, body: Any
) -> None:
    add_bare_event(seat)
    seat.faults.add("wrong_shape", path="/v1/bookings/", body=body)
    with pytest.raises(Unreadable):
        tripleseat.event(ANY)


def test_a_booking_is_refused_with_any_other_status(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    add_bare_event(seat)
    seat.faults.add("status", path="/v1/bookings/", status=400)
    with pytest.raises(Refused):
        tripleseat.event(ANY)


def test_lines_that_can_not_be_read_are_not_replaced_by_the_bookings(
    tripleseat: TripleSeat, seat: TripleSeatSandbox
) -> None:
    add_bare_event(seat)
    seat.edit_event(64000001, documents=[{**make_document(7), "line_items": "odd"}])
    (document,) = tripleseat.event(ANY).documents
    assert [fault.reason for fault in document.faults] == [Reason.MISSING_DATA]
    assert seat.count(path="bookings") == 0


def test_an_event_without_a_booking_asks_for_none(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.add_event({**make_event(day=DAY, documents=[]), "booking_id": None, "booking": None})
    assert tripleseat.event(ANY).documents == ()
    assert len(seat.requests) == 1


# Its invoice page


@pytest.fixture
def page_reader(wire: Wire, clock: Clock, access: RotatingToken) -> TripleSeat:
    return TripleSeat(open_channel(wire, clock, access), access, base_url=BASE_URL, invoice_fallback=True)


def add_page_only_event(seat: TripleSeatSandbox, **parts: Any) -> None:
    order = {"lines": LINES, "charges": [("Sales Tax", "3.00")], "payments": [("10.00", True)], **parts}
    seat.add_invoice_only_event(make_event(day=DAY, **order))


def test_lines_come_from_the_invoice_page_where_the_json_has_none(
    page_reader: TripleSeat, seat: TripleSeatSandbox
) -> None:
    add_page_only_event(seat, discount="5.00")
    (document,) = page_reader.event(ANY).documents
    assert [(line.name, str(line.quantity), str(line.total)) for line in document.lines] == [
        ("Boxed Lunch", "2", "37.00")
    ]
    assert [(charge.name, str(charge.amount)) for charge in document.billing_totals] == [("Sales Tax", "3.00")]
    assert (str(document.discounts_total), str(document.grand_total)) == ("5.00", "35.00")
    assert [str(payment.amount) for payment in document.payments] == ["10.0"]
    assert document.faults == ()
    assert seat.count(path="/doc/") == 1


def test_an_event_is_the_same_when_it_is_read_again_after_its_page(
    page_reader: TripleSeat, seat: TripleSeatSandbox
) -> None:
    add_page_only_event(seat)
    assert page_reader.event(ANY) == page_reader.event(ANY)


def test_the_invoice_page_is_left_alone_unless_asked_for(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    add_page_only_event(seat)
    assert tripleseat.event(ANY).documents[0].lines == ()
    assert seat.count(path="/doc/") == 0


def test_the_invoice_page_is_left_alone_where_the_json_has_lines(
    page_reader: TripleSeat, seat: TripleSeatSandbox
) -> None:
    seat.add_event(make_event(day=DAY))
    page_reader.event(ANY)
    assert len(seat.requests) == 1


def test_an_invoice_page_elsewhere_is_never_opened(page_reader: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.portal = "https://portal.tripleseat.com"
    add_page_only_event(seat)
    assert page_reader.event(ANY).documents[0].lines == ()
    assert seat.count(path="/doc/") == 0


def test_an_invoice_page_of_a_deleted_document_is_never_opened(
    page_reader: TripleSeat, seat: TripleSeatSandbox
) -> None:
    documents = [make_document(7, lines=LINES, deleted_at="11/3/2026 2:41 PM")]
    add_page_only_event(seat, documents=documents)
    page_reader.event(ANY)
    assert seat.count(path="/doc/") == 0


@pytest.mark.parametrize("status", [302, 401, 403, 404, 410])
def test_an_invoice_page_that_is_closed_is_a_fault_of_its_document(
    page_reader: TripleSeat, seat: TripleSeatSandbox, status: int
) -> None:
    add_page_only_event(seat)
    seat.faults.add("status", path="/doc/", status=status)
    (fault,) = page_reader.event(ANY).documents[0].faults
    assert fault.reason is Reason.NO_LINE_ITEMS
    assert "/doc/" not in fault.text


def test_an_invoice_page_that_the_portal_cannot_show_now_is_read_again_by_a_later_run(
    page_reader: TripleSeat, seat: TripleSeatSandbox
) -> None:
    add_page_only_event(seat)
    seat.faults.add("status", path="/doc/", status=503, times=None)
    with pytest.raises(Unavailable):
        page_reader.event(ANY)


def test_an_invoice_page_with_another_total_is_a_fault(page_reader: TripleSeat, seat: TripleSeatSandbox) -> None:
    add_page_only_event(seat)
    document = seat.event(64000001)["documents"][0]
    seat.edit_event(64000001, documents=[{**document, "financials": {"grand_total": "41.0"}}])
    (found,) = page_reader.event(ANY).documents
    assert [fault.reason for fault in found.faults] == [Reason.AMOUNT_MISMATCH]


def test_a_forbidden_event_is_forbidden(page_reader: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.forbidden.add(64000001)
    with pytest.raises(Forbidden):
        page_reader.event(ANY)


def test_nothing_but_reads_is_ever_sent(page_reader: TripleSeat, seat: TripleSeatSandbox) -> None:
    add_page_only_event(seat)
    page_reader.search_by_day(DAY, DAY)
    page_reader.search_by_update(DAY, DAY)
    page_reader.event(ANY)
    assert {request.method for request in seat.requests} == {"GET"}
