"""Lines, discounts and charges, to the cent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.planning.make import (
    CATALOGUE,
    DELIVERY,
    LUNCH,
    POLICY,
    make_catalogue,
    make_document,
    make_line,
    without_details,
)
from tsrevel.planning.billing import (
    Charges,
    Portion,
    check_money,
    document_discount,
    line_amount,
    order_portion,
    reduce_portion,
    sort_charges,
    spread_discount,
)
from tsrevel.planning.model import CHARGE_FIELDS, ChargeRule, Document, Hold, Line, ProductId
from tsrevel.planning.money import Cents
from tsrevel.planning.reasons import Reason, Status, advise

NO_FIELDS: dict[str, Cents] = dict.fromkeys(CHARGE_FIELDS, Cents(0))


def objection(document: Document, event_total: str | None = None) -> str:
    """Why the money doesn't add up, as it must not."""
    found = check_money(document, None if event_total is None else Decimal(event_total))
    assert found is not None
    assert found.reason is Reason.AMOUNT_MISMATCH
    return found.text


@pytest.mark.parametrize(
    ("line", "cents"),
    [
        (make_line(quantity="24", price="18.5", total="444.0"), 44400),
        (make_line(quantity="24", price="18.5", total="400.0"), 40000),
        (make_line(quantity="24", price="18.5", total=None), 44400),
        (make_line(quantity=None, price="18.5", total=None), 1850),
        (make_line(quantity="0", price="18.5", total=None), 0),
        (make_line(quantity="24", price=None, total=None), 0),
    ],
)
def test_a_line_comes_to_its_total_or_else_to_quantity_times_price(line: Line, cents: int) -> None:
    assert line_amount(line) == cents


@pytest.mark.parametrize(
    ("line", "portion"),
    [
        (make_line(quantity="24.0", price="18.5"), Portion(24, Cents(1850))),
        (make_line(quantity="12", price=None, total=None), Portion(12, Cents(0))),
        (make_line(quantity="1", price="18.5", total="17.00"), Portion(1, Cents(1700))),
        (make_line(quantity=None, price="18.5"), Portion(1, Cents(1850))),
        (make_line("Tray", "2.50", "10.00"), Portion(1, Cents(2500), "2.5 x Tray")),
        (make_line("Tray", "3", "10.00", "29.99"), Portion(1, Cents(2999), "3 x Tray")),
        (make_line("Tray", "100", "10.00", "900"), Portion(1, Cents(90000), "100 x Tray")),
        (make_line("Tray", "3", "0.335", "1.01"), Portion(1, Cents(101), "3 x Tray")),
        (make_line("Tray", "2", "10.001", "20.00"), Portion(1, Cents(2000), "2 x Tray")),
        (make_line("Tray", "0", "10.00", "10.00"), Portion(1, Cents(1000), "0 x Tray")),
        (make_line("Tray", "-2", "-5.00", "10.00"), Portion(1, Cents(1000), "-2 x Tray")),
        (make_line("Tray", "0", "10.00"), None),
    ],
)
def test_a_line_becomes_units_at_a_price_or_one_item_with_its_quantity_in_the_text(
    line: Line, portion: Portion | None
) -> None:
    assert order_portion(line) == portion


def test_a_reduction_that_divides_evenly_leaves_one_price() -> None:
    assert reduce_portion(Portion(4, Cents(1000)), Cents(400)) == (Portion(4, Cents(900)),)


def test_a_reduction_that_does_not_divide_splits_the_portion_by_a_cent() -> None:
    parts = reduce_portion(Portion(3, Cents(1000), "note"), Cents(100))
    assert [(part.quantity, part.unit_price, part.note) for part in parts] == [(1, 966, "note"), (2, 967, "note")]


def test_a_reduction_by_everything_leaves_a_free_portion() -> None:
    assert reduce_portion(Portion(3, Cents(1000)), Cents(3000)) == (Portion(3, Cents(0)),)


@pytest.mark.parametrize(
    ("document", "cents"),
    [
        (make_document(discount="9.6"), 960),
        (make_document(discount="-9.6"), 960),
        (make_document(), 0),
        (make_document(make_line(discount="1.00"), make_line(discount="-2.00"), make_line()), 300),
        (make_document(make_line(discount="1.00"), discount="0.0"), 0),
    ],
)
def test_a_documents_discount_is_its_own_or_the_sum_of_its_lines_whatever_the_sign(
    document: Document, cents: int
) -> None:
    assert document_discount(document) == cents


def test_each_line_bears_the_discount_it_names_where_that_adds_up() -> None:
    document = make_document(make_line(), make_line(discount="-4.00"), discount="4.00")
    assert spread_discount(document, Cents(400)) == [0, 400]


def test_a_discount_that_the_lines_do_not_explain_is_spread_over_all() -> None:
    document = make_document(make_line(), make_line(discount="20"), discount="4.00")
    assert spread_discount(document, Cents(400)) == [200, 200]


def test_no_line_bears_more_than_it_comes_to() -> None:
    document = make_document(make_line(price="2.00", discount="4.00"), make_line(price="6.00"), discount="4.00")
    assert spread_discount(document, Cents(400)) == [100, 300]


def test_a_document_that_adds_up_is_not_held() -> None:
    document = make_document(
        make_line(quantity="3"), charges={"Sales Tax": "2.85", "Service Charge": "6.00"}, discount="1.50"
    )
    assert check_money(document, Decimal("37.35")) is None
    assert check_money(document, None) is None


def test_a_document_without_a_grand_total_is_held() -> None:
    found = check_money(make_document(number=41, grand_total=None), None)
    assert without_details(found) == Hold(
        Reason.MISSING_DATA,
        "document 41 has no grand total, so its lines can't be checked; publish it again in TripleSeat",
    )


def test_a_cent_too_many_holds_the_event_and_shows_the_sum() -> None:
    document = make_document(charges={"Sales Tax": "0.95"}, discount="1.00", grand_total="9.96")
    assert objection(document) == (
        "lines 10.00 - discounts 1.00 + billing totals 0.95 = 9.95, not the grand total 9.96"
    )


def test_a_document_that_says_otherwise_than_the_event_is_held() -> None:
    assert objection(make_document(number=41), "12.00") == "document 41 says 10.00, the event 12.00"


def test_a_negative_line_is_held_by_its_name() -> None:
    document = make_document(make_line(), make_line("Loyalty", "1", "-5.00"))
    assert objection(document) == "line 'Loyalty' is below zero; enter it as a discount in TripleSeat"


def test_a_negative_charge_is_held() -> None:
    document = make_document(charges={"Sales Tax": "-1.00"})
    assert objection(document) == "a billing total is below zero; enter it as a discount in TripleSeat"


def test_a_discount_above_the_lines_is_held() -> None:
    document = make_document(charges={"Sales Tax": "5.00"}, discount="10.01")
    assert objection(document) == "the discount 10.01 is more than the lines 10.00"


def test_charges_are_sorted_by_the_rules_and_added_up_within_their_kind() -> None:
    charges = {"SALES  TAX": "1.00", "Service Charge": "2.00", "Delivery Fee": "3.00", "Card Fee": "4.00"}
    found = sort_charges(make_document(charges=charges), POLICY, CATALOGUE)
    fields = {"tax": Cents(100), "gratuity": Cents(200)}
    assert found == Charges(fields, (("Delivery Fee", DELIVERY, Cents(300)),))


def test_several_charges_of_one_kind_are_one_sum() -> None:
    policy = replace(POLICY, charges=(ChargeRule("State Tax", "tax"), ChargeRule("City Tax", "tax")))
    found = sort_charges(make_document(charges={"State Tax": "1.00", "City Tax": "0.25"}), policy, CATALOGUE)
    assert found == Charges(NO_FIELDS | {"tax": Cents(125)})


def test_a_charge_that_no_rule_names_holds_the_event() -> None:
    found = sort_charges(make_document(charges={"Admin Fee": "4.00"}), POLICY, CATALOGUE)
    assert without_details(found) == Hold(
        Reason.UNKNOWN_CHARGE, "no [[charges]] entry has the name 'Admin Fee' (4.00); add one"
    )


def test_a_charge_of_nothing_needs_no_rule() -> None:
    assert sort_charges(make_document(charges={"Admin Fee": "0.0"}), POLICY, CATALOGUE) == Charges(NO_FIELDS)


@pytest.mark.parametrize(
    ("rule", "product"),
    [
        (ChargeRule("Delivery", "item", product=LUNCH), LUNCH),
        (ChargeRule("Delivery", "item", product_name="boxed lunch"), LUNCH),
        (ChargeRule("Delivery", "item"), DELIVERY),
    ],
)
def test_a_charge_becomes_the_product_that_its_rule_or_its_name_says(rule: ChargeRule, product: ProductId) -> None:
    found = sort_charges(make_document(charges={"Delivery": "3.00"}), replace(POLICY, charges=(rule,)), CATALOGUE)
    assert found == Charges(NO_FIELDS, (("Delivery", product, Cents(300)),))


@pytest.mark.parametrize(
    "rule", [ChargeRule("Fee", "item", product=ProductId(999)), ChargeRule("Fee", "item", product_name="Fee")]
)
def test_a_charge_without_a_product_on_sale_holds_the_event(rule: ChargeRule) -> None:
    document = make_document(charges={"Fee": "3.00"})
    found = sort_charges(document, replace(POLICY, charges=(rule,)), make_catalogue("Boxed Lunch"))
    assert isinstance(found, Hold)
    assert found.reason is Reason.UNMAPPED_ITEMS
    assert found.text.startswith("charge 'Fee' has no product at establishment 8: ")
    assert "[[charges]]" in advise("777", Status.HELD, found.reason)


def test_a_line_with_a_negative_quantity_is_held_though_its_total_is_not() -> None:
    document = make_document(make_line(quantity="-2", price="5.00", total="10.00"))
    held = check_money(document, None)
    assert held is not None
    assert held.reason is Reason.AMOUNT_MISMATCH
