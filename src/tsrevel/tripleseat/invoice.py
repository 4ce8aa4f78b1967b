"""The last resort: reads lines and money from a document's portal page if the JSON has none (facts TripleSeat 4).

Customers edit the page's template freely, so anything unexpected makes the page `Unreadable`. The page's address is a
secret: it is neither logged nor shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from tsrevel.errors import Unreadable
from tsrevel.planning.model import BillingTotal, Document, Fault, Line
from tsrevel.planning.reasons import Reason
from tsrevel.text import install_extra
from tsrevel.transport.network import is_loopback
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.fields import objects_at, read_number, read_text

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_ITEM_HEAD = re.compile(r"(?:qty\.? )+description price total", re.IGNORECASE)
_CHARGE_HEAD = ["description", "percent", "total"]
_TOTAL_LABEL = re.compile(r"(?:sub ?total|discounts?|grand total|amount due)\b|.*\(\$?[0-9.,]+\)$", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\((\$?[0-9.,]+)\)")


@dataclass(slots=True)
class InvoiceReader:
    """Collects what the rows of a page contain. `below` is the kind of head above the next row."""

    lines: list[Line] = field(default_factory=list)
    charges: list[BillingTotal] = field(default_factory=list)
    discount: Decimal | None = None
    grand_total: Decimal | None = None
    below: Literal["items", "charges", None] = None

    def read_row(self, cells: list[str]) -> None:
        """Read one row, given as the texts of its cells."""
        if not any(cells):
            return
        if _ITEM_HEAD.fullmatch(" ".join(cells)):
            self.below = "items"
        elif [cell.lower() for cell in cells] == _CHARGE_HEAD:
            self.below = "charges"
        elif len(cells) == 2 and (self.below is None or _TOTAL_LABEL.match(cells[0])):
            self.below = None
            self._read_total(*cells)
        elif self.below == "items":
            self._read_item(cells)
        elif self.below == "charges":
            self._read_charge(cells)

    def _read_item(self, cells: list[str]) -> None:
        if len(cells) == 1 and cells[0].isupper():
            return  # the name of a section (facts TripleSeat 4)
        if len(cells) != 4 or not cells[1]:
            raise _unexpected("an item row")
        quantity, price, total = (_amount(cell, "an item row") for cell in (cells[0], cells[2], cells[3]))
        self.lines.append(Line(cells[1], quantity, price, total, typed=True))

    def _read_charge(self, cells: list[str]) -> None:
        amount = _amount(cells[2], "a charge") if len(cells) == 3 and cells[0] else None
        if amount is None:
            raise _unexpected("a charge")
        self.charges.append(BillingTotal(cells[0], amount))

    def _read_total(self, label: str, text: str) -> None:
        name = label.lower().rstrip(":")
        if name == "grand total":
            amount = _amount(text, "the grand total")
            if amount is None or self.grand_total not in (None, amount):
                raise _unexpected("the grand total")
            self.grand_total = amount
        elif name.startswith("discount"):
            amount = _amount(text, "the discount")
            self.discount = (self.discount or Decimal(0)) + abs(amount or Decimal(0))


def _amount(text: str, where: str) -> Decimal | None:
    """The amount in a cell, negative if it is in brackets; None for an empty cell."""
    if not text:
        return None
    amount = read_number(_IN_BRACKETS.sub(r"-\1", text))
    if amount is None:
        raise _unexpected(where)
    return amount


def _unexpected(where: str) -> Unreadable:
    return Unreadable(f"{where} of its invoice page is unexpected; add the lines to the document itself")


_PORTAL = "portal.tripleseat.com"
_PATH = re.compile(r"/doc/[0-9a-f]{40}/[0-9]+")


def find_invoice_urls(event: Mapping[str, Json], base_url: str) -> dict[int, str]:
    """By document id, the address of the first view with "invoice" in its name, if `may_open` allows it."""
    found: dict[int, str] = {}
    for document in objects_at(event, "documents"):
        number = read_number(document.get("id"))
        views = (view for view in objects_at(document, "views") if "invoice" in read_text(view.get("name")).lower())
        url = next((view.get("url") for view in views), None)
        if number is not None and isinstance(url, str) and may_open(url, base_url):
            found[int(number)] = url
    return found


def may_open(url: str, base_url: str) -> bool:
    """Whether `url` is a page of the portal; if the API at `base_url` is on loopback, a page of the API's origin."""
    try:
        page, api = urlsplit(url), urlsplit(base_url)
        if is_loopback(api.hostname or ""):
            ours = (page.scheme, page.hostname, page.port) == (api.scheme, api.hostname, api.port)
        else:
            ours = page.scheme == "https" and page.hostname == _PORTAL and page.port in {None, 443}
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not (page.query or page.fragment or page.username or page.password)
    return ours and plain and _PATH.fullmatch(page.path) is not None


def complete_from_page(document: Document, html: str) -> Document:
    """`document` with the lines and money of its page. Its payments stay, because the page has none.

    A page that can't be read is a fault, and so is a grand total that differs from the JSON's.
    """
    faults = document.faults
    try:
        page = decode_invoice(html)
    except Unreadable as error:
        text = f"document {document.id}: {error}"
        return replace(document, faults=(*faults, Fault(Reason.NO_LINE_ITEMS, text)))
    if document.grand_total is not None and document.grand_total != page.grand_total:
        text = f"document {document.id}: its invoice page shows another grand total than TripleSeat's data"
        faults = (*faults, Fault(Reason.AMOUNT_MISMATCH, f"{text}; publish the document again"))
    return replace(
        document,
        lines=page.lines,
        billing_totals=page.billing_totals,
        discounts_total=page.discounts_total,
        grand_total=page.grand_total,
        faults=faults,
    )


def decode_invoice(html: str) -> Document:
    """The lines, charges, discount and grand total that an invoice page shows; id 0, no payments.

    Raises Unreadable for anything unexpected, and if the extra for reading pages isn't installed.
    """
    try:
        from selectolax.lexbor import LexborHTMLParser
    except ImportError as error:
        remedy = f"{install_extra('invoice')}, or set tripleseat.invoice_fallback to false"
        text = f"only its invoice page has the lines, and tsrevel lacks the extra to read it; {remedy}"
        raise Unreadable(text) from error
    page = InvoiceReader()
    table = 0
    for row in LexborHTMLParser(html).css("tr"):
        if row.css_first("table") is not None:
            continue  # only the innermost tables count
        number = _table_of(row)
        if number != table:
            table = number
            page.below = None  # a new table: no head yet
        page.read_row([read_text(cell.text(deep=True, separator=" ")) for cell in row.css("td, th")])
    if page.grand_total is None or not page.lines:
        raise Unreadable("its invoice page lacks item rows or a grand total; add the lines to the document itself")
    return Document(
        id=0,
        title="",
        views=(),
        deleted=False,
        lines=tuple(page.lines),
        billing_totals=tuple(page.charges),
        discounts_total=page.discount,
        grand_total=page.grand_total,
        payments=(),
    )


def _table_of(row: LexborNode) -> int:
    node = row.parent
    while node is not None and node.tag != "table":
        node = node.parent
    return node.mem_id if node is not None else 0
