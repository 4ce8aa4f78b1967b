"""The invoice page: read where it is exactly as expected, refused where it isn't."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsrevel.errors import Unreadable
from tsrevel.tripleseat.invoice import decode_invoice, find_invoice_urls, may_open

SAMPLE = Path(__file__).with_name("sample-invoice.html").read_text(encoding="utf-8")
KEY = "0123456789abcdef0123456789abcdef01234567"
API = "https://api.tripleseat.com"
LOOPBACK = "http://127.0.0.1:8080"

ITEM_HEAD = "<tr><th>Qty. Qty</th><th>Description</th><th>Price</th><th>Total</th></tr>"
ITEM = "<tr><td>2</td><td>Lunch</td><td>$5.00</td><td>$10.00</td></tr>"
GRAND = "<table><tr><td>Grand Total</td><td>$10.00</td></tr></table>"


def page(rows: str = ITEM, rest: str = GRAND) -> str:
    return f"<html><body><table>{ITEM_HEAD}{rows}</table>{rest}</body></html>"


def test_the_sample_page_is_read_to_the_cent() -> None:
    found = decode_invoice(SAMPLE)
    assert [(str(line.quantity), line.name, str(line.price), str(line.total)) for line in found.lines] == [
        ("24", "Boxed Lunch Package - Turkey, ham or veggie sandwich, chips & cookie", "18.50", "444.00"),
        ("8", "TACO TRIO - Carne asada, cilantro & onion", "12.00", "96.00"),
        ("2", "AGUA FRESCA - One gallon, serves 12", "15.00", "30.00"),
        ("4", "Server (per hour)", "28.00", "112.00"),
    ]
    assert all(line.typed for line in found.lines)
    assert [(charge.name, str(charge.amount)) for charge in found.billing_totals] == [
        ("Service Charge", "112.08"),
        ("Sales Tax", "53.24"),
    ]
    assert (str(found.discounts_total), str(found.grand_total)) == ("9.60", "837.72")
    assert found.payments == ()


def test_sections_may_share_a_table() -> None:
    section = f'<tr><td colspan="4">BEVERAGES</td></tr>{ITEM_HEAD}'
    total = "<tr><td>Subtotal</td><td>$20.00</td></tr><tr><td>Food ($20.00)</td><td>$20.00</td></tr>"
    assert len(decode_invoice(page(ITEM + section + ITEM + total)).lines) == 2


def test_a_page_laid_out_with_tables_is_read_once() -> None:
    laid_out = f"<table><tr><td>{page()}</td><td><table><tr><td>x</td></tr></table></td></tr></table>"
    assert len(decode_invoice(laid_out).lines) == 1


def test_an_included_item_has_no_price() -> None:
    (line,) = decode_invoice(page("<tr><td>24</td><td>Napkins</td><td></td><td>&nbsp;</td></tr>")).lines
    assert (line.price, line.total) == (None, None)


@pytest.mark.parametrize("amount", ["-$3.00", "$3.00", "($3.00)", "$-3.00"])
def test_a_discount_is_what_comes_off_whatever_its_sign(amount: str) -> None:
    rest = f"<table><tr><td>Discount</td><td>{amount}</td></tr></table>{GRAND}"
    assert str(decode_invoice(page(rest=rest)).discounts_total) == "3.00"


def test_several_discounts_add_up_and_none_is_none() -> None:
    row = "<tr><td>Discount (10%)</td><td>-$3.00</td></tr>"
    assert str(decode_invoice(page(rest=f"<table>{row}{row}</table>{GRAND}")).discounts_total) == "6.00"
    assert decode_invoice(page()).discounts_total is None


CHARGE_HEAD = "<tr><th>Description</th><th>Percent</th><th>Total</th></tr>"


@pytest.mark.parametrize(
    "html",
    [
        "",
        "not a page",
        "<html><body><h1>This document is no longer available.</h1></body></html>",
        page(rest=""),
        page(rows=""),
        page(rows="<tr><td>2</td><td></td><td>$5.00</td><td>$10.00</td></tr>"),
        page(rows="<tr><td>two</td><td>Lunch</td><td>$5.00</td><td>$10.00</td></tr>"),
        page(rows="<tr><td>2</td><td>Lunch</td><td>$5.00</td><td>ten</td></tr>"),
        page(rows="<tr><td>2</td><td>Lunch</td><td>$10.00</td></tr>"),
        page(rows="<tr><td>2</td><td>Lunch</td><td>$5.00</td><td>$10.00</td><td>10%</td></tr>"),
        page(rows=ITEM + "<tr><td>with a note</td></tr>"),
        page(rows=ITEM + "<tr><td>Lunch</td><td>$5.00</td></tr>"),
        page(rest="<table><tr><td>Grand Total</td><td>ten</td></tr></table>"),
        page(rest="<table><tr><td>Grand Total</td><td></td></tr></table>"),
        page(rest=GRAND + GRAND.replace("$10.00", "$11.00")),
        page(rest=f"<table>{CHARGE_HEAD}<tr><td>Tax</td><td>9%</td><td></td></tr></table>{GRAND}"),
        page(rest=f"<table>{CHARGE_HEAD}<tr><td></td><td>9%</td><td>$1.00</td></tr></table>{GRAND}"),
        page(rest=f"<table>{CHARGE_HEAD}<tr><td>Tax</td><td>$1.00</td></tr></table>{GRAND}"),
        page(rest=f"<table><tr><td>Discount</td><td>some</td></tr></table>{GRAND}"),
        page().replace("Description", "Item"),
    ],
)
def test_anything_unexpected_makes_the_page_unreadable(html: str) -> None:
    with pytest.raises(Unreadable):
        decode_invoice(html)


@given(st.text(), st.integers(0, len(SAMPLE)))
def test_no_page_breaks_the_reader(noise: str, where: int) -> None:
    for html in (noise, SAMPLE[:where] + noise + SAMPLE[where:], SAMPLE[:where]):
        try:
            found = decode_invoice(html)
        except Unreadable:
            continue
        assert found.lines


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "selectolax.lexbor", None)
    with pytest.raises(Unreadable, match=r"'\.\[invoice\]'"):
        decode_invoice(page())


# Its address


@pytest.mark.parametrize(
    ("url", "base_url"),
    [
        (f"https://portal.tripleseat.com/doc/{KEY}/290001", API),
        (f"https://portal.tripleseat.com:443/doc/{KEY}/1", API),
        (f"{LOOPBACK}/doc/{KEY}/1", LOOPBACK),
    ],
)
def test_a_portal_page_may_be_opened(url: str, base_url: str) -> None:
    assert may_open(url, base_url)


@pytest.mark.parametrize(
    ("url", "base_url"),
    [
        (f"http://portal.tripleseat.com/doc/{KEY}/1", API),
        (f"https://portal.tripleseat.com:8443/doc/{KEY}/1", API),
        (f"https://portal.tripleseat.com.example.com/doc/{KEY}/1", API),
        (f"https://example.com/doc/{KEY}/1", API),
        (f"https://user:pw@portal.tripleseat.com/doc/{KEY}/1", API),
        (f"https://portal.tripleseat.com@example.com/doc/{KEY}/1", API),
        (f"https://portal.tripleseat.com/doc/{KEY}/1?next=x", API),
        (f"https://portal.tripleseat.com/doc/{KEY}/1#x", API),
        (f"https://portal.tripleseat.com/doc/{KEY[:-1]}/1", API),
        (f"https://portal.tripleseat.com/doc/{KEY}/x", API),
        (f"https://portal.tripleseat.com/doc/{KEY}/1/../2", API),
        (f"https://portal.tripleseat.com/doc/{KEY}/1\n", API),
        (f"https://portal.tripleseat.com:x/doc/{KEY}/1", API),
        ("https://[portal", API),
        ("", API),
        (f"{LOOPBACK}/doc/{KEY}/1", API),
        (f"https://portal.tripleseat.com/doc/{KEY}/1", LOOPBACK),
        (f"http://127.0.0.1:8081/doc/{KEY}/1", LOOPBACK),
        (f"https://127.0.0.1:8080/doc/{KEY}/1", LOOPBACK),
    ],
)
def test_no_other_page_may_be_opened(url: str, base_url: str) -> None:
    assert not may_open(url, base_url)


def urls(*views: Any) -> dict[int, str]:
    row = {"documents": [{"id": 7, "views": list(views)}]}
    return find_invoice_urls(row, API)


def test_the_first_view_called_invoice_is_the_one() -> None:
    first, second = (f"https://portal.tripleseat.com/doc/{KEY}/{number}" for number in (1, 2))
    views = [{"name": "Kitchen Sheet", "url": "x"}, {"name": "Final INVOICE", "url": first}]
    assert urls(*views, {"name": "Invoice", "url": second}) == {7: first}


@pytest.mark.parametrize("url", [None, 5, "", "javascript:alert(1)"])
def test_a_view_without_a_usable_address_is_none(url: Any) -> None:
    assert urls({"name": "Invoice", "url": url}, "x", None) == {}
