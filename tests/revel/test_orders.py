"""Many orders at once: every row checked again, batches given up where Revel won't have them, nothing left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import httpx
import pytest

from tsrevel.errors import Refused, Unavailable, Unreadable
from tsrevel.planning.model import OrderId
from tsrevel.revel.orders import BATCH, OrderSearch
from tsrevel.revel.paging import MOST_STRAYS
from tsrevel.sandbox import RevelSandbox

from .conftest import EIGHT, Answering, Recorder, connect
from .test_reading import add_order

DAY = date(2026, 12, 12)
PREFIXES = ("Triple Seat ", "Triple Seat_")


@pytest.fixture
def books(wire: Recorder) -> Iterator[OrderSearch]:
    channel = connect(wire)
    yield OrderSearch(channel)
    channel.sender.close()


def names(count: int) -> list[str]:
    return [f"Triple Seat_{number}" for number in range(count)]


def test_many_names_go_in_few_requests(app: RevelSandbox, books: OrderSearch, wire: Recorder) -> None:
    made = {add_order(app, name) for name in names(BATCH + 1)}
    add_order(app, "1207")
    assert {row.id for row in books.find([], names(BATCH + 1))} == made
    assert ["local_id__in" in query for query in wire.queries] == [True, True]


def test_an_order_is_found_by_name_or_by_uuid_and_comes_once(app: RevelSandbox, books: OrderSearch) -> None:
    uuid = "0d6f2f6a-8b6e-5a52-9d0f-0a1b2c3d4e5f"
    one = add_order(app, "Triple Seat_1", uuid=uuid)
    other = add_order(app, "1207", uuid=uuid.upper())
    assert sorted(row.id for row in books.find([uuid], ["Triple Seat_1"])) == [one]
    app.ignored_filters = {"uuid"}
    assert sorted(row.id for row in books.find([uuid], ["Triple Seat_1"])) == [one, other]


def test_a_name_with_a_comma_is_asked_for_by_itself(app: RevelSandbox, books: OrderSearch, wire: Recorder) -> None:
    made = add_order(app, "Triple Seat, 1")
    assert [row.id for row in books.find([], ["Triple Seat, 1"])] == [made]
    assert [query.get("local_id") for query in wire.queries] == ["Triple Seat, 1"]


def test_after_one_refusal_batches_are_given_up(app: RevelSandbox) -> None:
    made = {add_order(app, name) for name in names(BATCH * 2)}
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        if "local_id__in" in request.url.params:
            return httpx.Response(400, json={"error": "no"})
        return httpx.WSGITransport(app=app).handle_request(request)

    found = OrderSearch(connect(Answering(answer))).find([], names(BATCH * 2))
    assert {row.id for row in found} == made
    assert sum("local_id__in" in query for query in asked) == 1


def test_a_service_that_fails_is_never_an_empty_list(app: RevelSandbox, books: OrderSearch) -> None:
    app.faults.add("status", "GET", times=None)
    with pytest.raises(Unavailable):
        books.find([], names(1))


def test_only_orders_of_the_place_the_days_and_the_name_are_listed(app: RevelSandbox, books: OrderSearch) -> None:
    ours = add_order(app, "Triple Seat_1", created_date="2026-12-12T23:59:59")
    add_order(app, "1207", created_date="2026-12-12T12:00:00")
    add_order(app, "Triple Seat_2", created_date="2026-12-13T00:00:00")
    add_order(app, "Triple Seat_3", created_date="2026-12-12T12:00:00", establishment="/enterprise/Establishment/9/")
    for ignored in (set[str](), {"local_id"}, {"created_date", "establishment", "local_id"}):
        app.ignored_filters = ignored
        assert [each.order.id for each in books.list_written(EIGHT, DAY, DAY, PREFIXES)] == [ours]


def test_a_row_with_an_impossible_date_is_not_passed_over(app: RevelSandbox, books: OrderSearch) -> None:
    strange = add_order(app, "Triple Seat_1", created_date="0000-00-00T00:00:00")
    app.ignored_filters = {"created_date"}
    [found] = books.list_written(EIGHT, DAY, DAY, PREFIXES)
    assert (found.order.id, found.day) == (strange, DAY)


def test_where_the_name_filter_is_useless_all_of_the_days_are_read(app: RevelSandbox, books: OrderSearch) -> None:
    ours = add_order(app, "Triple Seat_1", created_date="2026-12-12T12:00:00")
    for number in range(MOST_STRAYS + 1):
        add_order(app, str(number), created_date="2026-12-12T12:00:00")
    app.ignored_filters = {"local_id"}
    assert [each.order.id for each in books.list_written(EIGHT, DAY, DAY, PREFIXES)] == [ours]
    app.ignored_filters = {"local_id", "created_date"}
    for _ in range(MOST_STRAYS + 1):
        add_order(app, "77", created_date="2026-01-12T12:00:00")
    with pytest.raises(Unreadable):
        books.list_written(EIGHT, DAY, DAY, PREFIXES)


def test_each_order_gets_its_own_parts(app: RevelSandbox, books: OrderSearch) -> None:
    orders = [add_order(app, name) for name in names(3)]
    for number, order in enumerate(orders):
        for _ in range(number):
            link = f"/resources/Order/{order}/"
            app.add("OrderItem", None, order=link, product="/resources/Product/8101/", quantity=1, price=Decimal(1))
            app.add("Payment", None, order=link, amount="1.00")
    found = books.contents(books.find([], names(3)))
    parts = [(len(found[OrderId(each)].items), len(found[OrderId(each)].payments)) for each in orders]
    assert parts == [(0, 0), (1, 1), (2, 2)]


def test_an_order_by_its_id_or_none_where_there_is_none(app: RevelSandbox, books: OrderSearch) -> None:
    made = OrderId(add_order(app, "Triple Seat_1"))
    found = books.find_by_id(made)
    assert found
    assert found.id == made
    assert books.find_by_id(OrderId("77")) is None
    app.faults.add("status", "GET", "/Order/", status=418)
    with pytest.raises(Refused):
        books.find_by_id(made)
