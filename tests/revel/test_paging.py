"""Lists with the needed fields alone: the same rows, and whole ones where Revel doesn't narrow as it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tsrevel.errors import Unreadable
from tsrevel.planning.model import OrderId, ProductId
from tsrevel.revel.client import Revel
from tsrevel.revel.paging import MOST_STRAYS
from tsrevel.sandbox import RevelSandbox

from .conftest import EIGHT, NOW, Answering, Recorder, connect

Bend = Callable[[httpx.Request, httpx.Response], httpx.Response]


class Bent(httpx.BaseTransport):
    """The sandbox, which answers a request with `fields` as `bend` has it."""

    def __init__(self, wire: Recorder, bend: Bend) -> None:
        self._wire, self._bend = wire, bend

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._wire.handle_request(request)
        return self._bend(request, answer) if "fields" in request.url.params else answer


def without(*names: str) -> Bend:
    """Rows come without these fields."""

    def bend(_request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        answer.read()
        page = answer.json()
        page["objects"] = [{key: row[key] for key in row if key not in names} for row in page["objects"]]
        return httpx.Response(200, json=page)

    return bend


def refusing(status: int) -> Bend:
    """A request for fields is refused."""
    return lambda _request, _answer: httpx.Response(status, json={"error": "no such field"})


WAYS: dict[str, Bend] = {
    "a 400": refusing(400),
    "no active": without("active", "local_id"),
    "no id": without("id"),
    "nothing at all": without("id", "name", "active", "establishment", "local_id", "uuid"),
}


def fields_of(wire: Recorder) -> list[bool]:
    return ["fields" in each for each in wire.queries]


def add_order(app: RevelSandbox) -> OrderId:
    row: dict[str, Any] = app.add("Order", None, establishment="/enterprise/Establishment/8/", local_id="Triple Seat 1")
    return OrderId(str(row["id"]))


def test_products_and_finished_orders_are_asked_for_by_field(app: RevelSandbox, wire: Recorder, revel: Revel) -> None:
    row = replace(revel.order(add_order(app)), updated=None, labels=None)
    wire.queries.clear()
    assert list(revel.catalogue(EIGHT).names.values()) == ["Boxed Lunch"]
    assert revel.orders_by_uuid([row.uuid])[row.uuid] == (row,)
    assert fields_of(wire)[:2] == [True, True]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_narrowed_is_read_whole_and_remembered(app: RevelSandbox, wire: Recorder, way: str) -> None:
    app.page_cap = 2
    for number in range(8102, 8106):
        app.add_product(number, f"Tray {number}", 8)
    revel = Revel(connect(Bent(wire, WAYS[way])), lambda: NOW)
    assert len(revel.catalogue(EIGHT).names) == 5
    assert fields_of(wire) == [True, False, False, False]
    revel.catalogue(EIGHT)
    assert fields_of(wire)[4:] == [False, False, False]
    uuid = revel.order(add_order(app)).uuid
    assert [each.local_id for each in revel.orders_by_uuid([uuid])[uuid]] == ["Triple Seat 1"]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 500, 501])
def test_whatever_revel_answers_to_the_fields_whole_rows_are_read(wire: Recorder, status: int) -> None:
    revel = Revel(connect(Bent(wire, refusing(status))), lambda: NOW)
    assert len(revel.catalogue(EIGHT).names) == 1
    assert fields_of(wire)[-1] is False


def nothing(_request: httpx.Request, _answer: httpx.Response) -> httpx.Response:
    """A request for fields shows no row."""
    return httpx.Response(200, json={"meta": {"next": None, "total_count": 0}, "objects": []})


def test_an_empty_list_of_fields_is_no_answer_until_one_has_shown_a_row(app: RevelSandbox, wire: Recorder) -> None:
    revel = Revel(connect(Bent(wire, nothing)), lambda: NOW)
    assert len(revel.catalogue(EIGHT).names) == 1
    assert fields_of(wire) == [True, False]
    wire.queries.clear()
    revel = Revel(connect(wire), lambda: NOW)
    uuid = revel.order(add_order(app)).uuid
    wire.queries.clear()
    for wanted in (uuid, "another"):
        revel.orders_by_uuid([wanted])
    assert fields_of(wire) == [True, True]


def test_a_list_that_ignores_its_filter_is_not_read_once_more_whole(app: RevelSandbox, wire: Recorder) -> None:
    for _ in range(MOST_STRAYS + 1):
        add_order(app)

    def ignore(request: httpx.Request) -> httpx.Response:
        url = request.url.copy_remove_param("uuid__in")
        return wire.handle_request(httpx.Request("GET", url, headers=request.headers))

    revel = Revel(connect(Answering(ignore)), lambda: NOW)
    assert revel.orders_by_uuid(["another"]) == {}
    assert fields_of(wire) == [True] * 5


@pytest.mark.parametrize("rows", [[], [{"id": 1}]])
def test_an_establishment_without_any_product_is_no_catalogue(rows: list[dict[str, Any]]) -> None:
    page = {"meta": {"next": None, "total_count": len(rows)}, "objects": rows}
    revel = Revel(connect(Answering(lambda _: httpx.Response(200, json=page))), lambda: NOW)
    with pytest.raises(Unreadable, match="no product on sale at establishment 8"):
        revel.catalogue(EIGHT)


def test_a_set_shows_the_active_products_of_the_place(app: RevelSandbox, revel: Revel) -> None:
    app.add_establishment(9, "Lakeside Bakery", "America/Denver")
    app.add_product(8102, "Gone", 8, active=False)
    app.add_product(8103, "Theirs", 9)
    found = revel.products_by_id(dict.fromkeys(map(ProductId, (8101, 8102, 8103, 8999)), EIGHT))
    assert [(each.id, each.name) for each in found.values()] == [(8101, "Boxed Lunch")]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403),
        httpx.Response(404),
        httpx.Response(500),
        httpx.Response(200, json=[]),
        httpx.Response(200, text="<p>"),
    ],
)
def test_a_set_that_is_not_told_shows_none(answer: httpx.Response) -> None:
    revel = Revel(connect(Answering(lambda _: answer)), lambda: NOW)
    assert revel.products_by_id({ProductId(8101): EIGHT}) == {}
