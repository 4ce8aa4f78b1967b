"""Rows as Revel sends them: floats, text with six decimals, null, foreign keys in three forms (facts Revel 2.4, 9)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tsrevel.errors import AnswerFault, Unreadable
from tsrevel.planning.model import Labels, ProductId
from tsrevel.planning.products import Product
from tsrevel.revel.decode import (
    decode_history,
    decode_id,
    decode_item,
    decode_order,
    decode_payment,
    decode_product,
)
from tsrevel.revel.paging import decode_page

from .conftest import EIGHT

ORDER: dict[str, Any] = {
    "id": 5550101,
    "uuid": "0D6F2F6A-8B6E-5A52-9D0F-0A1B2C3D4E5F",
    "local_id": "Triple Seat_44100123",
    "establishment": "/enterprise/Establishment/8/",
    "subtotal": Decimal("110.5"),
    "tax": Decimal("0.0"),
    "gratuity": None,
    "discount_amount": "10.000000",
    "final_total": Decimal("100.5"),
    "remaining_due": 0,
    "printed": True,
}


def test_an_order_mixes_floats_six_decimals_and_nulls() -> None:
    row = decode_order(ORDER)
    assert (row.id, row.uuid, row.establishment, row.printed) == (
        "5550101",
        "0d6f2f6a-8b6e-5a52-9d0f-0a1b2c3d4e5f",
        8,
        True,
    )
    money = {"subtotal": 11050, "tax": 0, "gratuity": 0, "discount": 1000, "total": 10050, "balance": 0}
    assert row.amounts == money


def test_an_order_of_which_only_the_id_is_known_is_worth_nothing() -> None:
    row = decode_order({"id": "7"})
    assert (row.uuid, row.local_id, row.establishment, row.amounts["total"], row.printed) == ("", "", None, 0, False)


@pytest.mark.parametrize(
    ("sent", "cents"),
    [
        (Decimal("7.5"), 750),
        ("7.500000", 750),
        (7, 700),
        ("", 0),
        (None, 0),
        ("-3.25", -325),
        (Decimal("1E+2"), 10000),
        ("18.7599999", 1876),
    ],
)
def test_money_comes_in_many_forms(sent: object, cents: int) -> None:
    assert decode_order({**ORDER, "subtotal": sent}).amounts["subtotal"] == cents


@pytest.mark.parametrize(
    ("rows", "cents"),
    [
        ([{"discount_amount": "10.000000"}, {"discount_amount": 2.5}], 1250),
        ([{"discount_amount": "0.000000"}], 0),
        ([{"discount_amount": "10.000000"}, {"discount_amount": None}], None),
        (["/resources/AppliedDiscountOrder/31001/"], None),
        ([], None),
        (None, None),
    ],
)
def test_the_applied_discounts_add_up_where_each_has_its_amount(rows: object, cents: int | None) -> None:
    row = decode_order({**ORDER, "applied_discounts": rows})
    assert (row.applied, row.amounts["discount"]) == (cents, 1000)


@pytest.mark.parametrize("sent", ["twelve", "NaN", "Infinity", "-Infinity", "1e30", [], {}, True])
def test_what_is_no_money_is_unreadable(sent: object) -> None:
    with pytest.raises(Unreadable):
        decode_order({**ORDER, "subtotal": sent})


@pytest.mark.parametrize("decode", [decode_order, decode_item, decode_payment, decode_history])
@pytest.mark.parametrize("row", [None, [], "row", {}, {"id": None}, {"id": "x"}, {"id": -1}], ids=repr)
def test_a_row_without_an_id_is_unreadable(decode: Any, row: object) -> None:
    with pytest.raises(Unreadable):
        decode(row)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/resources/Order/5550101/", "5550101"),
        ("/resources/Order/5550101", "5550101"),
        (5550101, "5550101"),
        ("5550101", "5550101"),
        ({"id": 5550101, "resource_uri": "/resources/Order/5550101/"}, "5550101"),
        ({}, ""),
        (None, ""),
        ("", ""),
        ("/resources/Order/new/", ""),
        ("٣", ""),
    ],
)
def test_a_foreign_key_is_a_uri_a_number_or_an_expanded_row(value: object, expected: str) -> None:
    assert decode_id(value) == expected


def test_an_item_tells_product_quantity_price_and_order() -> None:
    row = decode_item(
        {
            "id": 1,
            "uuid": "A",
            "order": {"id": 7},
            "product": "/resources/Product/9001/",
            "quantity": "3.0",
            "price": Decimal("24.0"),
            "is_voided": None,
            "voided_date": None,
        }
    )
    assert (row.order, row.product, row.price, row.voided) == ("7", 9001, 2400, False)
    assert row.quantity == 3


@pytest.mark.parametrize("mark", [{"voided_date": "2031-03-04T10:00:00"}, {"deleted": True}])
def test_an_item_is_voided_by_its_date_or_deleted(mark: dict[str, object]) -> None:
    assert decode_item({"id": 1, **mark}).voided


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({}, ("", "")),
        ({"product_name_override": None, "special_request": None}, ("", "")),
        ({"product_name_override": "Ube Cake", "special_request": "no nuts"}, ("Ube Cake", "no nuts")),
    ],
)
def test_an_item_tells_its_name_and_text_on_the_ticket(texts: dict[str, object], expected: tuple[str, str]) -> None:
    row = decode_item({"id": 1, **texts})
    assert (row.name, row.note) == expected


def test_an_item_without_a_product_has_none() -> None:
    assert decode_item({"id": 1}).product is None


def test_a_payment_tells_its_amount() -> None:
    row = decode_payment({"id": 1, "uuid": "B", "order": "/resources/Order/7/", "amount": "100.500000"})
    assert (row.uuid, row.order, row.amount, row.deleted) == ("b", "7", 10050, False)
    assert decode_payment({"id": 1, "deleted": True}).deleted
    typed = decode_payment({"id": 1, "payment_type": 236, "tip": "1.500000"})
    assert (row.kind, row.tip, typed.kind, typed.tip) == ("", 0, "236", 150)


PRODUCT: dict[str, Any] = {
    "id": 9001,
    "name": "Party Box",
    "active": True,
    "establishment": "/enterprise/Establishment/8/",
}


def test_an_active_product_of_the_establishment_is_one() -> None:
    assert decode_product(PRODUCT, EIGHT) == Product(ProductId(9001), "Party Box")


@pytest.mark.parametrize(
    "change",
    [
        {"active": False},
        {"active": None},
        {"active": "true"},
        {"establishment": "/enterprise/Establishment/9/"},
        {"establishment": None},
        {"name": None},
        {"name": "  "},
        {"id": None},
    ],
    ids=repr,
)
def test_any_other_product_row_is_dropped(change: dict[str, object]) -> None:
    assert decode_product({**PRODUCT, **change}, EIGHT) is None


@pytest.mark.parametrize(
    "answer", [None, [], "text", {}, {"results": []}, {"objects": None}, {"objects": {}}, {"objects": [1]}], ids=repr
)
def test_a_list_without_objects_is_unreadable(answer: object) -> None:
    with pytest.raises(Unreadable) as caught:
        decode_page(answer, "Order")
    assert caught.value.fault is AnswerFault.UNEXPECTED_CONTENT


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"next": "/resources/Order/?offset=2", "total_count": 3}, ("/resources/Order/?offset=2", 3)),
        ({"next": None, "total_count": "3"}, (None, None)),
        ({"next": ""}, (None, None)),
        (None, (None, None)),
        ("meta", (None, None)),
    ],
)
def test_a_page_says_what_follows_and_how_many_there_are(meta: object, expected: tuple[object, object]) -> None:
    page = decode_page({"meta": meta, "objects": []}, "Order")
    assert (page.next, page.total) == expected


def test_an_orders_labels_are_unknown_unless_the_row_has_both() -> None:
    assert decode_order({"id": 7, "call_name": "Jordan"}).labels is None
    assert decode_order({"id": 7, "call_name": "Jordan", "notes": None}).labels == Labels("Jordan", "")
