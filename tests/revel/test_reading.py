"""Lists: capped pages to the end, repeated rows once, and every row checked again, as filters may be ignored."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any

import httpx
import pytest

from tsrevel.errors import AnswerFault, CredentialsRefused, Refused, Unreadable
from tsrevel.planning.identity import part_uuid
from tsrevel.planning.model import OrderId
from tsrevel.revel import paging
from tsrevel.revel.client import Contents, Revel
from tsrevel.sandbox import RevelSandbox

from .conftest import EIGHT, NOW, ORDER, Answering, Recorder, connect, make_plan, step_of

OURS, LEGACY = "Triple Seat_64000001", "Triple Seat 64000001"


def add_order(app: RevelSandbox, local_id: str, **fields: Any) -> str:
    row = app.add(
        "Order",
        None,
        **{"establishment": "/enterprise/Establishment/8/", "final_total": Decimal(1), "local_id": local_id, **fields},
    )
    return str(row["id"])


def paged(*pages: dict[str, Any]) -> Revel:
    """A client at a service that answers these pages, the last one for ever."""
    left = list(pages)

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=left.pop(0) if len(left) > 1 else left[0])

    return Revel(connect(Answering(answer)), lambda: NOW)


def product(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"P{number}", "active": True, "establishment": "/enterprise/Establishment/8/"}


def test_pages_smaller_than_asked_are_followed_to_the_end(revel: Revel, app: RevelSandbox, wire: Recorder) -> None:
    for number in range(1, 35):
        app.add_product(number, f"Product {number}", 8)
    app.page_cap = 10
    catalogue = revel.catalogue(EIGHT)
    assert len(catalogue.names) == 35
    assert [each["offset"] for each in wire.queries] == ["0", "10", "20", "30"]


def test_inactive_rows_and_other_places_are_dropped_though_the_filters_are_ignored(
    revel: Revel, app: RevelSandbox
) -> None:
    app.add_product(8001, "Boxed Lunch", 8, active=False)
    app.add_product(9001, "Boxed Lunch", 9)
    app.ignored_filters |= {"active", "establishment"}
    assert revel.catalogue(EIGHT).names == {8101: "Boxed Lunch"}


def test_a_row_that_comes_twice_counts_once() -> None:
    meta = {"next": "/resources/Product/?offset=2", "total_count": 3}
    revel = paged(
        {"meta": meta, "objects": [product(1), product(2)]},
        {"meta": {"next": None, "total_count": 3}, "objects": [product(2), product(3)]},
    )
    assert set(revel.catalogue(EIGHT).names) == {1, 2, 3}


def test_a_missing_next_is_made_up_for_by_the_count() -> None:
    revel = paged(
        {"meta": {"next": None, "total_count": 3}, "objects": [product(1), product(2)]},
        {"meta": {"next": None, "total_count": 3}, "objects": [product(3)]},
    )
    assert set(revel.catalogue(EIGHT).names) == {1, 2, 3}


def test_a_count_that_is_never_reached_ends_with_a_page_that_brings_nothing_new() -> None:
    revel = paged({"meta": {"next": None, "total_count": 9}, "objects": [product(1)]})
    assert set(revel.catalogue(EIGHT).names) == {1}


def test_an_empty_page_that_counts_rows_is_no_answer() -> None:
    revel = paged({"meta": {"next": None, "total_count": 1}, "objects": []})
    with pytest.raises(Unreadable) as caught:
        revel.find_orders(ORDER, (OURS,))
    assert caught.value.fault is AnswerFault.INCOMPLETE_LIST


def test_a_list_without_meta_is_one_page() -> None:
    assert set(paged({"objects": [product(1)]}).catalogue(EIGHT).names) == {1}


def test_a_list_that_promises_more_and_repeats_itself_is_no_answer() -> None:
    page = {"meta": {"next": "/resources/Product/?offset=1", "total_count": 99}, "objects": [product(1)]}
    with pytest.raises(Unreadable) as caught:
        paged(page).catalogue(EIGHT)
    assert caught.value.fault is AnswerFault.INCOMPLETE_LIST


def test_an_endless_list_ends_in_an_error() -> None:
    numbers = count(1)

    def answer(_request: httpx.Request) -> httpx.Response:
        meta = {"next": "/resources/Product/?offset=1"}
        return httpx.Response(200, json={"meta": meta, "objects": [product(next(numbers))]})

    with pytest.raises(Unreadable) as caught:
        Revel(connect(Answering(answer)), lambda: NOW).catalogue(EIGHT)
    assert caught.value.fault is AnswerFault.INCOMPLETE_LIST
    assert next(numbers) == 2 * paging.MOST_PAGES + 1  # by field, and whole


def test_one_request_finds_an_order_by_any_of_its_names(revel: Revel, app: RevelSandbox, wire: Recorder) -> None:
    wanted = {add_order(app, OURS, uuid=ORDER), add_order(app, LEGACY)}
    add_order(app, "17")
    assert {row.id for row in revel.find_orders(ORDER, (OURS, LEGACY))} == wanted
    assert len(wire.queries) == 1


def test_a_server_that_refuses_the_list_filter_is_asked_for_each_name(
    app: RevelSandbox, wire: Recorder, revel: Revel
) -> None:
    order = add_order(app, LEGACY)
    app.faults.add("status", "GET", "/resources/Order/", status=400)
    assert [row.id for row in revel.find_orders(ORDER, (OURS, LEGACY))] == [order]
    assert [each.get("local_id") for each in wire.queries[1:]] == [OURS, LEGACY]


def test_a_server_that_lists_everything_instead_is_asked_for_each_name() -> None:
    strangers = [{"id": number, "local_id": str(number)} for number in range(paging.MOST_STRAYS + 1)]
    ours = {"id": 5550101, "uuid": ORDER, "local_id": OURS}

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        rows = strangers if "local_id__in" in asked else [ours] * (asked["local_id"] == OURS)
        return httpx.Response(200, json={"objects": rows})

    revel = Revel(connect(Answering(answer)), lambda: NOW)
    assert [row.id for row in revel.find_orders(ORDER, (OURS, LEGACY))] == ["5550101"]


def test_a_server_that_ignores_every_filter_gives_no_answer() -> None:
    strangers = [{"id": number, "local_id": str(number)} for number in range(paging.MOST_STRAYS + 1)]
    revel = Revel(connect(Answering(lambda _: httpx.Response(200, json={"objects": strangers}))), lambda: NOW)
    with pytest.raises(Unreadable) as caught:
        revel.find_orders(ORDER, (OURS, LEGACY))
    assert caught.value.fault is AnswerFault.IGNORED_FILTER


def test_a_name_with_a_comma_is_asked_for_by_itself(app: RevelSandbox, wire: Recorder, revel: Revel) -> None:
    order = add_order(app, "TS,1")
    assert [row.id for row in revel.find_orders(ORDER, ("TS,1",))] == [order]
    assert [each["local_id"] for each in wire.queries] == ["TS,1"]


def test_an_order_found_by_two_names_is_one(app: RevelSandbox, revel: Revel) -> None:
    app.faults.add("status", "GET", "/resources/Order/", status=400)
    order = add_order(app, OURS, uuid=ORDER)
    assert [row.id for row in revel.find_orders(ORDER, (OURS, LEGACY))] == [order]


def test_strangers_are_not_taken_for_ours_where_the_filter_is_ignored(app: RevelSandbox, revel: Revel) -> None:
    for number in range(300):
        add_order(app, f"Triple Seat_{number}")
    app.ignored_filters |= {"local_id", "uuid"}
    assert revel.find_orders(ORDER, (OURS, LEGACY)) == ()
    assert revel.find_by_uuid(ORDER) == ()
    order = add_order(app, OURS, uuid=ORDER.upper())
    assert [row.id for row in revel.find_orders(ORDER, (OURS, LEGACY))] == [order]
    assert [row.id for row in revel.find_by_uuid(ORDER)] == [order]


def test_a_refusal_of_every_name_is_told(app: RevelSandbox, revel: Revel) -> None:
    app.faults.add("status", "GET", "/resources/Order/", status=400, times=None)
    with pytest.raises(Refused):
        revel.find_orders(ORDER, (OURS, LEGACY))


def test_a_refused_key_is_told(app: RevelSandbox, revel: Revel) -> None:
    app.denied_resources.add("Order")
    with pytest.raises(CredentialsRefused):
        revel.find_orders(ORDER, (OURS, LEGACY))


def test_an_order_comes_with_its_own_parts_only(app: RevelSandbox, revel: Revel) -> None:
    orders = [add_order(app, f"{number}") for number in range(2)]
    for order in orders:
        uri = f"/resources/Order/{order}/"
        for resource in ("OrderItem", "Payment", "OrderHistory"):
            app.add(resource, None, order=uri)
    app.ignored_filters.add("order")
    contents = revel.contents(OrderId(orders[1]))
    assert contents.order == revel.order(OrderId(orders[1]))
    assert [len(each) for each in (contents.items, contents.payments, contents.history)] == [1, 1, 1]
    assert contents.items[0].order == contents.payments[0].order == contents.history[0].order == orders[1]


def test_a_row_that_a_page_repeats_is_one(app: RevelSandbox, revel: Revel) -> None:
    order = add_order(app, OURS)
    item = app.add("OrderItem", None, order=f"/resources/Order/{order}/")
    app.faults.add("wrong_shape", "GET", "/OrderItem/", body={"objects": [item, item], "meta": {"total_count": 1}})
    assert len(revel.items(OrderId(order)).items) == 1


def test_the_items_of_an_order_are_one_request(app: RevelSandbox, wire: Recorder, revel: Revel) -> None:
    order = add_order(app, OURS)
    app.add("OrderItem", None, order=f"/resources/Order/{order}/")
    contents = revel.items(OrderId(order))
    assert (contents.order, len(contents.items), len(wire.queries)) == (None, 1, 1)


def test_the_payments_of_an_order_bring_it_along(app: RevelSandbox, wire: Recorder, revel: Revel) -> None:
    order = add_order(app, OURS, final_total=Decimal("8.5"))
    app.add("Payment", None, order=f"/resources/Order/{order}/", amount="2.000000")
    money = revel.money(OrderId(order), payments=True, discount=True)
    assert len(wire.queries) == 1
    assert (money.order, money.payments[0].amount) == (revel.order(OrderId(order)), 200)


@pytest.mark.parametrize("status", [None, 400])
@pytest.mark.parametrize("discount", [True, False])
def test_an_order_that_is_not_inlined_is_asked_for_if_need_be(
    app: RevelSandbox, revel: Revel, status: int | None, discount: bool
) -> None:
    order = add_order(app, OURS)
    payment = app.add("Payment", None, order=f"/resources/Order/{order}/")
    if status:
        app.faults.add("status", "GET", "/Payment/", status=status)
    app.faults.add("wrong_shape", "GET", "/Payment/", body={"objects": [payment], "meta": {"total_count": 1}})
    money = revel.money(OrderId(order), payments=True, discount=discount)
    assert (money.order is not None, len(money.payments)) == (discount, 1)


def test_of_an_order_without_payments_only_the_discount_is_asked_for(
    app: RevelSandbox, wire: Recorder, revel: Revel
) -> None:
    order = OrderId(add_order(app, OURS))
    assert revel.money(order, payments=False, discount=True) == Contents(revel.order(order))
    assert revel.money(order, payments=False, discount=False) == Contents(None)


def test_an_order_is_found_by_its_id_or_is_not_there(app: RevelSandbox, revel: Revel) -> None:
    order = add_order(app, OURS)
    found = revel.find_by_id(OrderId(order))
    assert found is not None
    assert found.local_id == OURS
    assert revel.find_by_id(OrderId("17")) is None
    app.faults.add("status", "GET", "/resources/Order/17/", status=400)
    with pytest.raises(Refused):
        revel.find_by_id(OrderId("17"))


def test_another_order_than_asked_for_is_unreadable(app: RevelSandbox, revel: Revel) -> None:
    order = add_order(app, OURS)
    app.faults.add("wrong_shape", "GET", f"/resources/Order/{order}/", body={"id": 1})
    with pytest.raises(Unreadable) as caught:
        revel.order(OrderId(order))
    assert caught.value.fault is AnswerFault.OTHER_OBJECT


@pytest.mark.parametrize("resource", ["order", "item", "payment", "history"])
def test_a_written_part_is_sought_by_its_own_uuid(app: RevelSandbox, revel: Revel, resource: str) -> None:
    plan = make_plan(paid=100)
    step = step_of(plan, resource)
    names = {"order": "Order", "item": "OrderItem", "payment": "Payment", "history": "OrderHistory"}
    assert revel.seek(plan, step, OrderId("1")) is None
    app.ignored_filters.add("uuid")
    app.add(names[resource], None, uuid=part_uuid(ORDER, "stranger"), order="/resources/Order/1/")
    assert revel.seek(plan, step, OrderId("1")) is None


@pytest.mark.parametrize(
    ("fields", "discount", "totals"),
    [
        ({}, False, False),
        ({"discount_amount": Decimal("2.3")}, True, False),
        ({"subtotal": Decimal("72.3"), "final_total": Decimal(70), "remaining_due": Decimal(70)}, False, False),
        (
            {
                "discount_amount": Decimal("2.3"),
                "subtotal": Decimal("72.3"),
                "final_total": Decimal(70),
                "remaining_due": Decimal(70),
            },
            True,
            False,
        ),
        (
            {
                "discount_amount": Decimal("2.3"),
                "subtotal": Decimal("72.3"),
                "final_total": Decimal(70),
                "remaining_due": Decimal(70),
                "printed": True,
            },
            True,
            True,
        ),
    ],
)
def test_a_change_of_the_order_is_sought_in_the_order(
    app: RevelSandbox, revel: Revel, fields: dict[str, Any], discount: bool, totals: bool
) -> None:
    plan = make_plan(discount=230)
    order = OrderId(add_order(app, OURS, **fields))
    found: Callable[[str], bool] = lambda kind: revel.seek(plan, step_of(plan, kind), order) is not None  # noqa: E731
    assert (found("discount"), found("totals")) == (discount, totals)
