"""The last resort: lines and money from a document's portal page, where the JSON has none (facts TripleSeat 4).

Customers edit the page's template freely, so whatever is not exactly as expected makes the page `Unreadable`. Its
address is a secret: it is neither logged nor shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem, Unreadable
from tsrevel.planning.model import Document, Fault
from tsrevel.planning.reasons import Reason
from tsrevel.transport.network import is_loopback
from tsrevel.tripleseat.fields import Fields, clean_text
from tsrevel.tripleseat.invoice_rows import InvoiceReader

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode  # an extra, which may not be installed

_PORTAL = "portal.tripleseat.com"
_PATH = re.compile(r"/doc/[0-9a-f]{40}/[0-9]+")


def find_invoice_urls(event: Fields, base_url: str) -> Mapping[int, str]:
    """By document id, the address of the first view called something with "invoice", where it may be opened.

    Only the portal may; where the API itself is on loopback, only that same origin.
    """
    found: dict[int, str] = {}
    for document in event.quiet().rows("documents", "document"):
        number = document.number("id")
        views = (view for view in document.rows("views", "view") if "invoice" in view.text("name").lower())
        url = next((view.row.get("url") for view in views), None)
        if number is not None and isinstance(url, str) and may_open(url, base_url):
            found[int(number)] = url
    return found


def may_open(url: str, base_url: str) -> bool:
    """Whether `url` is a portal page that we may ask for, the API being at `base_url`."""
    try:
        page, api = urlsplit(url), urlsplit(base_url)
        ours = _origin(page) == _origin(api) if is_loopback(api.hostname or "") else _is_portal(page)
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not (page.query or page.fragment or page.username or page.password)
    return ours and plain and _PATH.fullmatch(page.path) is not None


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port


def _is_portal(page: SplitResult) -> bool:
    return page.scheme == "https" and page.hostname == _PORTAL and page.port in {None, 443}


def complete_from_page(document: Document, html: str) -> Document:
    """`document` with the lines and money of its page; its payments, which the page doesn't tell, stay.

    A grand total that differs from the JSON's is a fault. Raises like `decode_invoice`.
    """
    page = decode_invoice(html)
    faults = document.faults
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

    Raises Unreadable for anything unexpected; ConfigError where the extra for reading pages isn't installed.
    """
    page = InvoiceReader()
    table = 0
    for number, cells in _rows(html):
        if number != table:
            table = number
            page.start_table()
        page.read_row(cells)
    if page.grand_total is None or not page.lines:
        raise Unreadable("TripleSeat: an invoice page lacks item rows or a grand total; give the document its lines")
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


def _rows(html: str) -> list[tuple[int, list[str]]]:
    """Each row of each innermost table, as its cells' texts, with the number of its table."""
    try:
        from selectolax.lexbor import LexborHTMLParser
    except ImportError as error:
        raise _missing_extra() from error
    return [
        (_table_of(row), [clean_text(cell.text(deep=True, separator=" ")) for cell in row.css("td, th")])
        for row in LexborHTMLParser(html).css("tr")
        if row.css_first("table") is None
    ]


def _table_of(row: LexborNode) -> int:
    node = row.parent
    while node is not None and node.tag != "table":
        node = node.parent
    return node.mem_id if node is not None else 0


def _missing_extra() -> ConfigError:
    remedy = "Run pip install 'tsrevel[invoice]', or set it to false."
    key, message = "tripleseat.invoice_fallback", "needs the extra `invoice`"
    return ConfigError((ConfigProblem(ConfigCode.EXTRA_MISSING, key, "settings", message, remedy),))
