"""Products as a person chooses between them: with price, SKU and barcode (facts Revel 5.6)."""

from __future__ import annotations

import html
from decimal import Decimal, InvalidOperation

from tsrevel.errors import Refused, Unreadable
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.money import Cents, to_cents
from tsrevel.planning.products import RevelProduct
from tsrevel.revel.decode import Row, decode_product, is_on_sale
from tsrevel.revel.paging import ANY_NUMBER, read_rows
from tsrevel.text import clean_text
from tsrevel.transport.client import ApiClient

_FIELDS = "id,name,active,establishment,price,sku,barcode"
_LARGEST = Decimal(10) ** 9


def read_products(channel: ApiClient, establishment: EstablishmentId) -> tuple[RevelProduct, ...]:
    """Every active product of the establishment, all pages. Raises what `ApiClient.read` raises."""
    filters = {"establishment": str(establishment), "active": "true", "fields": _FIELDS, "order_by": "id"}

    def fits(row: Row) -> bool:
        return is_on_sale(row, establishment)

    listed = read_rows(channel, "Product", filters, fits, most_strays=ANY_NUMBER)
    rows = (decode_revel_product(row, establishment) for row in listed)
    return tuple({offer.id: offer for offer in rows if offer is not None}.values())


def find_product(channel: ApiClient, establishment: EstablishmentId, product: ProductId) -> RevelProduct | None:
    """The product if the establishment has it on sale, else None. Asked for by itself; else the whole list is read."""
    try:
        row = channel.read(f"/resources/Product/{product}/")
    except (Refused, Unreadable):
        row = None
    found = decode_revel_product(row, establishment) if isinstance(row, dict) else None
    if found and found.id == product:
        return found
    return next((each for each in read_products(channel, establishment) if each.id == product), None)


def decode_revel_product(row: Row, establishment: EstablishmentId) -> RevelProduct | None:
    """An active, named product of `establishment`, its texts fit to be shown; None for any other row."""
    product = decode_product(row, establishment)
    if product is None:
        return None
    return RevelProduct(
        product.id, _clean(product.name), _price(row), _clean(row.get("sku")), _clean(row.get("barcode"))
    )


def _clean(value: object) -> str:
    """Entities decoded, and clean."""
    text = html.unescape(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return clean_text(text)


def _price(row: Row) -> Cents | None:
    """The price, None where there is none to be shown."""
    try:
        price = Decimal(str(row.get("price")))
    except InvalidOperation:
        return None
    return to_cents(price) if price.is_finite() and -_LARGEST < price < _LARGEST else None
