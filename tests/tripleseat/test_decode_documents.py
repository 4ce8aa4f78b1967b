"""Documents: lines, billing totals and payments (facts TripleSeat 3.3)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from tsrevel.planning.model import Document, Line
from tsrevel.planning.reasons import Reason
from tsrevel.tripleseat.decode import decode_event


def document(event: dict[str, Any] | None = None, **fields: Any) -> Document:
    (found,) = decode_event({"id": 1, **(event or {}), "documents": [{"id": 7, **fields}]}).documents
    return found


def lines(*rows: Any) -> tuple[Line, ...]:
    return document(line_items=list(rows)).lines


# Lines


def test_a_menu_line_is_named_by_what_it_displays() -> None:
    (line,) = lines({"display_name": "Boxed Lunch", "description": "chips &amp; cookie", "menu_item_id": 120001})
    assert (line.name, line.typed, line.menu_item_id) == ("Boxed Lunch", False, "120001")


@pytest.mark.parametrize("display_name", [None, "", "  ", "&nbsp;"])
def test_a_typed_line_is_named_by_its_description(display_name: Any) -> None:
    (line,) = lines({"display_name": display_name, "description": "TACO TRIO - Carne asada"})
    assert (line.name, line.typed) == ("TACO TRIO - Carne asada", True)


@pytest.mark.parametrize("nothing", [None, "", "0.0", 0])
def test_a_blank_line_is_left_out(nothing: Any) -> None:
    found = document(line_items=[{"description": "", "quantity": "1.0", "price": nothing, "total_price": nothing}])
    assert (found.lines, found.faults) == ((), ())


def test_a_line_without_a_price_is_kept() -> None:
    (line,) = lines({"description": "Napkins", "quantity": "24.0", "price": None, "total_price": None})
    assert (line.price, line.total, line.quantity) == (None, None, Decimal(24))


@pytest.mark.parametrize("key", ["price", "total_price", "discount"])
def test_an_amount_without_a_name_is_a_fault(key: str) -> None:
    found = document(line_items=[{"description": " ", key: "12.0"}])
    assert [line.name for line in found.lines] == ["Unnamed item"]
    assert [fault.reason for fault in found.faults] == [Reason.MISSING_DATA]
    assert "line 1 of document 7" in found.faults[0].text


def test_lines_come_in_the_order_of_their_sections_and_positions() -> None:
    def row(name: str, section: Any, position: Any, number: Any) -> dict[str, Any]:
        return {"description": name, "section_position": section, "position": position, "id": number}

    found = lines(
        row("last", None, None, 1), row("d", 1, 0, 2), row("c", 0, "10", 3), row("b", 0, "9", 5), row("a", "0", 9, 4)
    )
    assert [line.name for line in found] == ["a", "b", "c", "d", "last"]


def test_a_document_without_line_items_has_no_lines() -> None:
    assert document().lines == ()
    assert document(line_items=None).faults == ()


@pytest.mark.parametrize("garbage", ["x", {}, 5, True])
def test_line_items_that_are_no_list_are_a_fault(garbage: Any) -> None:
    (fault,) = document(line_items=garbage).faults
    assert fault.reason is Reason.MISSING_DATA
    assert re.search(r"document 7\b.*\bline_items\b", fault.text)


@pytest.mark.parametrize("garbage", [None, "x", 5, []])
def test_a_line_that_is_no_object_is_a_fault(garbage: Any) -> None:
    found = document(line_items=[garbage, {"description": "Napkins"}])
    assert [line.name for line in found.lines] == ["Napkins"]
    (fault,) = found.faults
    assert fault.reason is Reason.MISSING_DATA
    assert re.search(r"document 7\b.*\bline 1\b", fault.text)


@pytest.mark.parametrize("key", ["quantity", "price", "total_price", "discount", "menu_item_id"])
def test_what_can_not_be_read_of_a_line_is_a_fault_of_its_document(key: str) -> None:
    found = document(line_items=[{"description": "Jordan's secret", key: {"x": "Jordan"}}])
    assert [fault.reason for fault in found.faults] == [Reason.MISSING_DATA]
    assert key in found.faults[0].text
    assert "Jordan" not in found.faults[0].text


# Totals

EVENT_TOTALS = {"grand_total": "50.0", "billing_totals": [{"name": "Sales Tax", "total": "4.0"}]}


@pytest.mark.parametrize("missing", [{}, {"billing_totals": None}])
def test_the_events_billing_totals_stand_in_for_missing_ones(missing: dict[str, Any]) -> None:
    (charge,) = document(EVENT_TOTALS, **missing).billing_totals
    assert (charge.name, charge.amount) == ("Sales Tax", Decimal("4.0"))


def test_an_empty_list_of_billing_totals_means_none() -> None:
    assert document(EVENT_TOTALS, billing_totals=[]).billing_totals == ()


@pytest.mark.parametrize("missing", [{}, {"financials": None}, {"financials": {"grand_total": ""}}])
def test_the_events_grand_total_stands_in_for_a_missing_one(missing: dict[str, Any]) -> None:
    assert document(EVENT_TOTALS, **missing).grand_total == Decimal("50.0")


def test_a_grand_total_of_zero_is_not_missing() -> None:
    assert document(EVENT_TOTALS, financials={"grand_total": "0.0"}).grand_total == 0


def test_a_charge_without_an_amount_is_left_out_and_one_without_a_name_is_a_fault() -> None:
    rows = [{"description": "Fee", "total_price": None}, {"description": "", "total_price": "0.0"}]
    found = document(billing_totals=[*rows, {"total_price": "5.0"}])
    assert [charge.amount for charge in found.billing_totals] == [Decimal("5.0")]
    (fault,) = found.faults
    assert fault.reason is Reason.MISSING_DATA
    assert "billing total 3 of document 7" in fault.text


def test_money_that_is_no_object_is_a_fault() -> None:
    found = document(financials="lots", payment_set="lots")
    assert [fault.reason for fault in found.faults] == [Reason.MISSING_DATA]
    assert [fault.reason for fault in found.payment_faults] == [Reason.MISSING_DATA]


# The documents themselves


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": "x"}, {"id": 1.5}, {"id": True}, "x", None])
def test_a_document_without_an_id_is_a_fault_of_the_event(row: Any) -> None:
    found = decode_event({"id": 1, "documents": [row]})
    assert found.documents == ()
    assert found.faults


def test_a_fault_of_one_document_is_not_one_of_another() -> None:
    bad, good = decode_event({"id": 1, "documents": [{"id": 7, "line_items": 5}, {"id": "8"}]}).documents
    assert bad.faults
    assert good.faults == ()
    assert good.id == 8
