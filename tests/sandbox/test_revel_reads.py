"""How the pretend Revel lets itself be read (facts Revel 1, 2.1, 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.conftest import order_body

if TYPE_CHECKING:
    from tests.sandbox.conftest import Till
    from tsrevel.sandbox import RevelSandbox


def test_a_wrong_key_gets_401_with_an_empty_body(till: Till) -> None:
    answer = till.http.get("/resources/Order/", headers={"API-AUTHENTICATION": "sandbox-key:wrong"})
    assert (answer.status_code, answer.content) == (401, b"")


def test_a_right_can_be_missing_for_one_resource_only(till: Till, revel: RevelSandbox) -> None:
    revel.denied_resources = {"Payment"}
    assert till.http.get("/resources/Payment/").status_code == 401
    assert till.http.get("/resources/Order/").status_code == 200


def test_lists_come_under_objects_with_a_meta_block(till: Till) -> None:
    answer = till.get("/resources/Product/", establishment=8)
    assert set(answer) == {"meta", "objects"}
    assert answer["meta"] == {"limit": 20, "next": None, "offset": 0, "previous": None, "total_count": 1}


def test_pages_are_capped_below_what_was_asked_and_next_is_a_relative_url(till: Till, revel: RevelSandbox) -> None:
    for n in range(4):
        revel.add_product(9000 + n, f"Tray {n}", 8)
    revel.page_cap = 2
    meta = till.get("/resources/Product/", establishment=8, limit=100)["meta"]
    assert meta["limit"] == 2
    assert meta["next"] == "/resources/Product/?establishment=8&limit=2&offset=2"
    seen, url = [], meta["next"]
    while url:
        page = till.get(url)
        seen += [row["id"] for row in page["objects"]]
        url = page["meta"]["next"]
    assert seen == [9001, 9002, 9003]


def test_filters_that_a_resource_does_not_document_are_ignored_in_silence(till: Till) -> None:
    order = till.new_order()
    till.new_item(order["id"])
    assert len(till.rows("OrderItem", establishment=99)) == 1
    assert len(till.rows("Order", nonsense=1)) == 1


def test_a_documented_filter_can_be_made_to_be_ignored_too(till: Till, revel: RevelSandbox) -> None:
    till.new_order()
    assert till.rows("Order", local_id="TS-other") == []
    revel.ignored_filters = {"local_id"}
    assert len(till.rows("Order", local_id="TS-other")) == 1


def test_unknown_filters_can_be_made_to_be_refused(till: Till, revel: RevelSandbox) -> None:
    revel.refuses_unknown_filters = True
    assert till.http.get("/resources/Order/?nonsense=1").status_code == 400


def test_links_are_filtered_by_plain_id_and_never_by_uri(till: Till) -> None:
    till.new_order()
    assert len(till.rows("Order", establishment=8)) == 1
    assert till.rows("Order", establishment=9) == []
    assert (
        till.http.get("/resources/Order/", params={"establishment": "/enterprise/Establishment/8/"}).status_code == 400
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"created_date__gte": "2026-12-12T10:00:00"}, True),
        ({"created_date__lt": "2026-12-12T10:00:00"}, False),
        ({"created_date__range": "2026-12-12,2026-12-13"}, True),
        ({"id__in": "1,5550101"}, True),
        ({"local_id__startswith": "Triple Seat"}, True),
        ({"local_id__iexact": "triple seat_64000001"}, True),
        ({"local_id__contains": "6400000"}, True),
        ({"pickup_time__isnull": "false"}, False),
        ({"closed": "true"}, False),
        ({"closed": "false"}, True),
        ({"establishment__in": "7,8"}, True),
    ],
)
def test_filter_suffixes_work(till: Till, query: dict[str, str], found: bool) -> None:
    till.new_order()
    assert bool(till.rows("Order", **query)) is found


def test_inactive_products_come_too_unless_asked_otherwise(till: Till, revel: RevelSandbox) -> None:
    revel.add_product(8001, "Party Box Dozen", 8, active=False)
    assert [row["id"] for row in till.rows("Product", name="Party Box Dozen")] == [8001, 8101]
    assert [row["id"] for row in till.rows("Product", active="true")] == [8101]


def test_skus_are_text_and_keep_their_leading_zeros(till: Till) -> None:
    assert len(till.rows("Product", sku="0120")) == 1
    assert till.rows("Product", sku="120") == []


def test_rows_are_sorted_only_by_fields_that_allow_it(till: Till) -> None:
    for n in (3, 1, 2):
        till.post("Order", order_body(created_date=f"2026-12-0{n}T10:00:00", uuid=f"order-{n}"))
    assert [row["uuid"][-1] for row in till.rows("Order", order_by="-created_date")] == ["3", "2", "1"]
    assert [row["uuid"][-1] for row in till.rows("Order", order_by="uuid")] == ["3", "1", "2"]


def test_fields_narrow_and_expand_inlines_one_level(till: Till) -> None:
    order = till.new_order()
    row = till.get(f"/resources/Order/{order['id']}/", fields="id,establishment", expand="establishment")
    assert set(row) == {"id", "establishment"}
    assert row["establishment"]["timezone"] == "America/Los_Angeles"


def test_several_rows_can_be_read_as_a_set(till: Till) -> None:
    order = till.new_order()
    answer = till.get(f"/resources/Order/set/{order['id']};77/")
    assert [row["id"] for row in answer["objects"]] == [order["id"]]
    assert answer["not_found"] == ["77"]


def test_a_get_without_its_slash_is_redirected_and_a_post_is_lost(till: Till) -> None:
    answer = till.http.get("/resources/Order?limit=1")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/resources/Order/?limit=1")
    assert till.http.post("/resources/Order", json=order_body()).status_code == 404


def test_establishments_and_users_live_under_enterprise(till: Till) -> None:
    assert till.get("/enterprise/User/")["objects"][0]["active"] is True
    assert till.get("/enterprise/Establishment/8/")["timezone"] == "America/Los_Angeles"
    assert till.get("/resources/Establishment/8/")["id"] == 8


def test_a_row_that_is_not_there_is_404(till: Till) -> None:
    assert till.http.get("/resources/Order/1/").status_code == 404
    assert till.http.get("/resources/Nothing/").headers["Content-Type"].startswith("text/html")


def test_every_request_is_logged_for_counting(till: Till, revel: RevelSandbox) -> None:
    till.rows("Order", local_id="TS-1")
    entry = revel.requests[-1]
    assert (entry.method, entry.path, entry.query, entry.status) == (
        "GET",
        "/resources/Order/",
        {"local_id": "TS-1"},
        200,
    )
    assert revel.count("GET", r"/Order/$") == 1
