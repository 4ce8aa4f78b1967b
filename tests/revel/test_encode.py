"""The bodies of the stepwise writes, field by field (facts Revel 9.3 to 9.8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tsrevel.planning.model import Labels
from tsrevel.revel import encode
from tsrevel.revel.encode import (
    encode_discount,
    encode_history,
    encode_item,
    encode_order,
    encode_payment,
    encode_totals,
    wall_time,
)

from .conftest import LABELS, NOW, ORDER, PLACE, WALL, make_plan, step_of

FULL = make_plan(discount=230, paid=5000, tax=600, gratuity=1000)
SIGNED = {
    "created_by": "/enterprise/User/12/",
    "updated_by": "/enterprise/User/12/",
    "created_date": WALL,
    "updated_date": WALL,
}


def test_an_order_goes_out_undiscounted_and_owed_in_full() -> None:
    assert encode_order(FULL, LABELS, WALL) == {
        "uuid": ORDER,
        "local_id": "Triple Seat_64000001",
        "establishment": "/enterprise/Establishment/8/",
        **SIGNED,
        "created_at": "/resources/PosStation/21/",
        "last_updated_at": "/resources/PosStation/21/",
        "dining_option": 113,
        "pos_mode": "Q",
        "web_order": True,
        "call_name": "Jordan Example | (702) 555-0142",
        "notes": "TripleSeat event 64000001: lunch",
        "subtotal": 72.3,
        "tax": 6.0,
        "surcharge": 0,
        "final_total": 88.3,
        "remaining_due": 88.3,
        "gratuity": 10.0,
    }


def test_an_order_without_gratuity_sends_none() -> None:
    assert "gratuity" not in encode_order(make_plan(), Labels("", ""), WALL)


def test_an_item_carries_its_own_price_three_times_over() -> None:
    plan = make_plan()
    assert encode_item(plan, plan.items[0], "5550101", WALL) == {
        "uuid": plan.items[0].uuid,
        "order": "/resources/Order/5550101/",
        "product": "/resources/Product/8101/",
        "quantity": 3,
        "price": 24.1,
        "initial_price": 24.1,
        "price_to_display": 24.1,
        "tax_amount": 0,
        "tax_rate": 0,
        "modifier_amount": 0,
        "temp_sort": 0,
        "dining_option": 113,
        "station": "/resources/PosStation/21/",
        **SIGNED,
    }


def test_an_item_on_the_fallback_product_keeps_its_own_name_and_note() -> None:
    plan = make_plan(override="Ube Cake", note="1.5 x 20.00")
    body = encode_item(plan, plan.items[0], "5550101", WALL)
    assert (body["product_name_override"], body["special_request"]) == ("Ube Cake", "1.5 x 20.00")


def test_a_discount_names_its_reference_amount_reason_and_user() -> None:
    assert encode_discount(FULL) == {
        "discount": "/resources/Discount/3358/",
        "discount_amount": 2.3,
        "discount_rule_amount": 2.3,
        "discount_reason": "TripleSeat discount",
        "discounted_by": "/enterprise/User/12/",
    }


def test_a_payment_carries_text_amounts_and_a_plain_type() -> None:
    assert encode_payment(FULL, FULL.payments[0], "5550101", WALL) == {
        "uuid": FULL.payments[0].uuid,
        "order": "/resources/Order/5550101/",
        "establishment": "/enterprise/Establishment/8/",
        "station": "/resources/PosStation/21/",
        "payment_type": 236,
        "amount": "50.00",
        "tip": "0.00",
        "payment_date": WALL,
        **SIGNED,
    }


def test_totals_repeat_the_discounts_reference_and_never_its_amount() -> None:
    assert encode_totals(FULL, WALL) == {
        "subtotal": 72.3,
        "final_total": 86.0,
        "remaining_due": 36.0,
        "printed": True,
        "discount": "/resources/Discount/3358/",
        "updated_by": "/enterprise/User/12/",
        "updated_date": WALL,
    }


def test_totals_of_an_undiscounted_order_name_no_discount() -> None:
    assert "discount" not in encode_totals(make_plan(), WALL)


@pytest.mark.parametrize(("paid", "closed"), [(0, False), (5000, False), (7230, True)])
def test_history_is_closed_only_for_a_fully_paid_order(paid: int, closed: bool) -> None:
    plan = make_plan(paid=paid)
    body = {
        "uuid": step_of(plan, "history").uuid,
        "order": "/resources/Order/5550101/",
        "order_opened_by": "/enterprise/User/12/",
        "order_opened_at": "/resources/PosStation/21/",
        "opened": WALL,
    }
    assert encode_history(plan, step_of(plan, "history"), "5550101", WALL) == body | (
        {"closed": WALL} if closed else {}
    )


def test_no_body_holds_what_revel_refuses() -> None:
    bodies = [
        encode_order(FULL, LABELS, WALL),
        encode_item(FULL, FULL.items[0], "1", WALL),
        encode_discount(FULL),
        encode_payment(FULL, FULL.payments[0], "1", WALL),
        encode_totals(FULL, WALL),
        encode_history(FULL, step_of(FULL, "history"), "1", WALL),
    ]
    assert not {"id", "resource_uri"} & {key for body in bodies for key in body}


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        (NOW, "America/Los_Angeles", WALL),
        (NOW, "America/Denver", "2026-12-12T23:30:00"),
        (datetime(2026, 7, 1, 12, 0, 0, 654321, tzinfo=UTC), "America/Los_Angeles", "2026-07-01T05:00:00"),
        (datetime(2026, 7, 1, 12, 0, tzinfo=UTC), "America/Phoenix", "2026-07-01T05:00:00"),
    ],
)
def test_times_are_naive_wall_time_of_the_establishment(now: datetime, zone: str, expected: str) -> None:
    assert wall_time(now, replace(PLACE, timezone=zone)) == expected


@pytest.mark.parametrize("cents", [1, 10, 1999, 83772, 2_500_000, 999_999_999])
def test_money_prints_as_exact_cents(cents: int) -> None:
    plan = make_plan(quantity=1, unit_price=cents)
    price = encode.encode_item(plan, plan.items[0], "1", WALL)["price"]
    assert f"{price:.2f}" == f"{cents // 100}.{cents % 100:02d}"
    assert len(repr(price).partition(".")[2]) <= 2
