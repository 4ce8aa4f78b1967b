"""What the pretend Revel takes, loses and recalculates (facts Revel 2.2-2.4, 3, 9, 10)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.conftest import DISCOUNT, history_body, order_body, payment_body

if TYPE_CHECKING:
    from tests.sandbox.conftest import Till
    from tsrevel.sandbox import RevelSandbox

REQUIRED = ["final_total", "tax", "subtotal", "remaining_due", "surcharge", "created_at", "created_by", "establishment"]


@pytest.mark.parametrize("missing", REQUIRED)
def test_an_order_without_a_required_field_is_refused_by_name(till: Till, revel: RevelSandbox, missing: str) -> None:
    answer = till.post("Order", order_body(**{missing: None}))
    assert answer.status_code == 400
    assert answer.json() == {"Order": {missing: ["This field is required."]}}
    assert revel.orders == []


@pytest.mark.parametrize("key", ["id", "resource_uri"])
def test_an_order_may_not_bring_its_own_id(till: Till, key: str) -> None:
    assert till.post("Order", order_body(**{key: "5"})).status_code == 400


def test_a_new_order_answers_201_with_floats_strings_and_nulls(till: Till) -> None:
    answer = till.post("Order", order_body())
    order = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == order["resource_uri"] == "/resources/Order/5550101/"
    assert (order["subtotal"], order["tax"], type(order["tax"])) == (110.5, 0.0, float)
    assert order["discount_total_amount"] == "0.000000"
    assert order["discount_amount"] is order["reporting_id"] is order["check_sum"] is None
    assert len(order) > 95
    assert not {"items", "payments", "status", "total", "opened", "station", "pos_station"} & set(order)


def test_a_default_tax_row_is_attached_while_tax_stays_as_sent(till: Till) -> None:
    order = till.new_order()
    assert order["applied_taxes"][0]["tax_rate"] == "8.3750"
    assert order["tax"] == 0.0


def test_unknown_and_read_only_keys_are_dropped_in_silence(till: Till) -> None:
    order = till.new_order(opened="2026-12-12T10:00:00", station="/x/", reporting_id=7, closed=True, has_history=True)
    assert "opened" not in order
    assert (order["reporting_id"], order["closed"], order["has_history"]) == (None, False, False)


def test_any_field_can_be_made_to_vanish(till: Till, revel: RevelSandbox) -> None:
    revel.dropped_fields = {"remaining_due"}
    order = till.new_order()
    assert order["remaining_due"] == 0.0


def test_a_link_to_nothing_is_a_500_with_an_error_message(till: Till, revel: RevelSandbox) -> None:
    answer = till.post("Order", order_body(created_by="/enterprise/User/99/"))
    assert answer.status_code == 500
    assert "User" in answer.json()["error_message"]
    assert revel.orders == []


@pytest.mark.parametrize("link", [8, "8", "/resources/PosStation/21/"])
def test_a_link_that_is_no_uri_of_its_kind_is_refused(till: Till, link: object) -> None:
    assert till.post("Order", order_body(establishment=link)).status_code == 400


def test_the_same_local_id_and_uuid_make_a_twin(till: Till, revel: RevelSandbox) -> None:
    till.new_order()
    till.new_order()
    assert len(revel.orders) == 2


def test_a_repeated_uuid_can_be_made_to_be_refused(till: Till, revel: RevelSandbox) -> None:
    revel.refuse_duplicate_uuid = True
    till.new_order()
    assert till.post("Order", order_body(local_id="TS-2")).status_code == 400


def test_an_offset_in_a_date_is_lost_and_not_applied(till: Till) -> None:
    assert till.new_order(created_date="2026-12-12T23:52:18Z")["created_date"] == "2026-12-12T23:52:18"
    assert till.new_order(created_date="2026-12-12T15:52:18-08:00")["created_date"] == "2026-12-12T15:52:18"


def test_an_item_marks_its_order_and_mirrors_its_local_id(till: Till, revel: RevelSandbox) -> None:
    order = till.new_order()
    item = till.new_item(order["id"]).json()
    assert item["order_local_id"] == "Triple Seat_64000001"
    assert (item["price"], item["price_to_display"], item["cost"]) == (24.0, "24.000000", "0.0000")
    assert item["is_voided"] is None
    assert revel.order(order["id"])["has_items"] is True
    assert len(revel.items_of(order["id"])) == 1


def test_an_item_must_carry_its_numbers_even_when_they_are_zero(till: Till) -> None:
    order = till.new_order()
    assert till.new_item(order["id"], tax_rate=None).json() == {"OrderItem": {"tax_rate": ["This field is required."]}}


def test_a_payment_changes_neither_what_is_due_nor_closed(till: Till, revel: RevelSandbox) -> None:
    order = till.new_order()
    payment = till.post("Payment", payment_body(order["id"])).json()
    assert (payment["amount"], payment["payment_type"]) == ("100.500000", 236)
    after = revel.order(order["id"])
    assert (after["remaining_due"], after["closed"]) == (Decimal("100.5"), False)
    assert len(revel.payments_of(order["id"])) == 1


def test_only_orders_with_history_show_in_the_console(till: Till, revel: RevelSandbox) -> None:
    order = till.new_order()
    assert revel.visible_in_console() == []
    history = till.post("OrderHistory", history_body(order["id"])).json()
    (shown,) = revel.visible_in_console()
    assert shown["orderhistory"] == [history["resource_uri"]]
    assert revel.history_of(order["id"])[0]["closed"] is None


def test_a_patch_answers_202_and_closed_is_ignored(till: Till) -> None:
    order = till.new_order()
    answer = till.patch(order["id"], closed=True, remaining_due=0, printed=True)
    assert answer.status_code == 202
    changed = answer.json()
    assert (changed["closed"], changed["printed"], changed["remaining_due"], changed["version"]) == (
        False,
        True,
        0.0,
        2,
    )


def test_printed_can_need_a_second_patch(till: Till, revel: RevelSandbox) -> None:
    revel.printed_needs_second_patch = True
    order = till.new_order()
    assert till.patch(order["id"], printed=True).json()["printed"] is False
    assert till.patch(order["id"], printed=True).json()["printed"] is True


def test_a_discount_before_the_items_is_applied_as_zero(till: Till) -> None:
    order = till.new_order()
    changed = till.patch(order["id"], **DISCOUNT).json()
    assert changed["discount_amount"] == 0.0
    assert changed["applied_discounts"][0]["discount_amount"] == "0.000000"


def test_a_discount_after_the_items_makes_an_applied_row(till: Till) -> None:
    order = till.new_order()
    till.new_item(order["id"])
    changed = till.patch(order["id"], **DISCOUNT).json()
    (row,) = changed["applied_discounts"]
    assert (changed["discount_amount"], changed["is_discounted"]) == (10.0, True)
    assert (row["discount_amount"], row["rule_amount"]) == ("10.000000", "10.000000")
    assert row["rule_type"] is row["qty"] is None


def test_the_same_discount_patch_twice_changes_nothing(till: Till) -> None:
    order = till.new_order()
    till.new_item(order["id"])
    once = till.patch(order["id"], **DISCOUNT).json()
    assert till.patch(order["id"], **DISCOUNT).json() == once


def test_the_end_step_loses_a_discount_reference_that_it_leaves_out(till: Till) -> None:
    order = till.new_order()
    till.new_item(order["id"])
    till.patch(order["id"], **DISCOUNT)
    kept = till.patch(order["id"], subtotal=110.5, final_total=100.5, discount=DISCOUNT["discount"]).json()
    assert (kept["discount"], kept["discount_amount"]) == ("/resources/Discount/3358/", 10.0)
    assert till.patch(order["id"], subtotal=110.5, final_total=100.5).json()["discount"] is None


def test_an_amount_repeated_in_the_end_step_upsets_the_figure(till: Till) -> None:
    order = till.new_order()
    till.new_item(order["id"])
    till.patch(order["id"], **DISCOUNT)
    assert till.patch(order["id"], final_total=100.5, **DISCOUNT).json()["discount_amount"] != 10.0


def test_a_reference_alone_marks_an_undiscounted_order_as_discounted(till: Till) -> None:
    order = till.new_order()
    till.new_item(order["id"])
    changed = till.patch(order["id"], final_total=100.5, discount=DISCOUNT["discount"]).json()
    assert (changed["is_discounted"], changed["discount_amount"]) == (True, None)


def test_a_pos_that_opens_an_order_wipes_its_discount(till: Till, revel: RevelSandbox) -> None:
    order = till.new_order()
    till.new_item(order["id"])
    till.patch(order["id"], **DISCOUNT)
    till.post("Payment", payment_body(order["id"]))
    till.patch(order["id"], final_total=100.5, remaining_due=0, discount=DISCOUNT["discount"])
    revel.pos_touch(order["id"])
    touched = till.get(f"/resources/Order/{order['id']}/")
    assert (touched["discount_amount"], touched["final_total"], touched["remaining_due"]) == (0.0, 110.5, 10.0)
    assert (touched["version"], len(touched["check_sum"]), touched["updated_date"]) == (4, 32, "2026-12-12T10:00:00")
    assert touched["last_updated_at"] == "/resources/PosStation/35/"
    row = touched["applied_discounts"][0]
    assert (row["discount_amount"], row["rule_type"], row["qty"]) == ("0.000000", 0, 0)


def test_a_pos_shows_what_an_order_created_as_paid_really_owes(till: Till, revel: RevelSandbox) -> None:
    order = till.new_order(remaining_due=0)
    revel.pos_touch(order["id"])
    assert revel.order(order["id"])["remaining_due"] == Decimal("100.5")


def test_what_is_read_only_can_not_be_written(till: Till) -> None:
    assert till.post("Product", {"name": "Tray"}).status_code == 405
    assert till.http.delete("/resources/Order/1/").status_code == 405


def test_a_body_that_is_not_json_is_refused(till: Till) -> None:
    headers = {"Content-Type": "application/json"}
    assert till.http.post("/resources/Order/", content=b"{", headers=headers).status_code == 400
    assert till.http.post("/resources/Order/", data={"uuid": "1"}).status_code == 400


def test_a_null_in_a_number_field_counts_as_missing(till: Till, revel: RevelSandbox) -> None:
    body = {**order_body(), "tax": None}
    assert till.post("Order", body).status_code == 400
    assert till.post("Order", order_body(tax="much")).status_code == 400
    assert revel.orders == []
