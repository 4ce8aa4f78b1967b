"""Reads the lists of a Revel account: establishments, users, stations, payment types, discounts and products."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from tsrevel.errors import Refused, Unreadable
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.money import to_cents
from tsrevel.planning.products import Product
from tsrevel.revel.decode import Row, decode_id, decode_product, is_on_sale
from tsrevel.revel.paging import ANY_NUMBER, PAGE, decode_page, read_rows
from tsrevel.text import clean_text
from tsrevel.transport.api import ApiService

_FIELDS = "id,name,active,establishment,price,sku,barcode"
_LARGEST = Decimal(10) ** 9


Entry = TypeVar("Entry", "Establishment", "NamedRow")
_DINING = "id,establishment,dining_option"


@dataclass(frozen=True, slots=True)
class Establishment:
    """A Revel establishment. `timezone` is "" if Revel names none."""

    id: int
    name: str
    timezone: str
    active: bool


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A user, station, payment type or discount. `establishment` is None if it has none or several.

    `payment_type` is the field of that name in a payment type's row. It is not known whether an order's payment must
    name this number or the id (facts Revel 8).
    """

    id: int
    name: str
    active: bool = True
    establishment: EstablishmentId | None = None
    payment_type: int | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers by which a setting may name this row: its id, and a payment type's `payment_type`."""
        return tuple(dict.fromkeys((self.id, self.id if self.payment_type is None else self.payment_type)))


class Account(ApiService):
    """The lists of one Revel account. Methods raise what `ApiClient.read` raises. A 401 may concern only one list."""

    def establishments(self) -> tuple[Establishment, ...]:
        return self._all("Establishment", _decode_establishment, prefix="enterprise")

    def users(self) -> tuple[NamedRow, ...]:
        """Every user, active or not. The names are personal data of staff: show them, but never store them."""
        return self._all("User", _decode_named, prefix="enterprise")

    def stations(self, establishment: EstablishmentId) -> tuple[NamedRow, ...]:
        """The POS stations of an establishment, and the stations that Revel assigns to none or to several."""

        def fits(row: Row) -> bool:
            return _number(_only(row.get("establishment"))) in {None, establishment}

        filters = {"establishment": str(establishment)}
        rows = read_rows(self._client, "PosStation", filters, fits, most_strays=ANY_NUMBER)
        return tuple(_decoded(rows, _decode_named))

    def payment_types(self) -> tuple[NamedRow, ...]:
        return self._all("CustomPaymentType", _decode_payment_type)

    def dining_options(self, establishment: EstablishmentId) -> frozenset[int]:
        """The dining options on one page of the establishment's newest orders: Revel has no list of them (5.5)."""
        params = {"establishment": str(establishment), "order_by": "-id", "limit": str(PAGE), "fields": _DINING}
        page = decode_page(self._client.read("/resources/Order/", params), "Order")
        here = (row for row in page.rows if _number(row.get("establishment")) == establishment)
        return frozenset(option for row in here if (option := _number(row.get("dining_option"))) is not None)

    def discounts(self) -> tuple[NamedRow, ...]:
        return self._all("Discount", _decode_named)

    def products(self, establishment: EstablishmentId) -> tuple[Product, ...]:
        """Every product that the establishment has on sale (facts Revel 5.6), all pages."""
        filters = {"establishment": str(establishment), "active": "true", "fields": _FIELDS, "order_by": "id"}

        def fits(row: Row) -> bool:
            return is_on_sale(row, establishment)

        listed = read_rows(self._client, "Product", filters, fits, most_strays=ANY_NUMBER)
        found = (_decode_product(row, establishment) for row in listed)
        return tuple({product.id: product for product in found if product}.values())

    def product(self, establishment: EstablishmentId, product: ProductId) -> Product | None:
        """One product; None if the establishment doesn't have it on sale.

        Requests it by its id. If that returns no such product, reads the whole list.
        """
        try:
            row = self._client.read(f"/resources/Product/{product}/")
        except (Refused, Unreadable):
            row = None
        found = _decode_product(row, establishment) if isinstance(row, dict) else None
        if found and found.id == product:
            return found
        return next((each for each in self.products(establishment) if each.id == product), None)

    def can_read(self, resource: str) -> None:
        """Request one row of a resource that an order consists of. Raises what `ApiClient.read` raises."""
        decode_page(self._client.read(f"/resources/{resource}/", {"limit": "1"}), resource)

    def _all(
        self, resource: str, decode: Callable[[Row], Entry | None], prefix: str = "resources"
    ) -> tuple[Entry, ...]:
        return tuple(_decoded(read_rows(self._client, resource, {}, prefix=prefix), decode))


def _decode_product(row: Row, establishment: EstablishmentId) -> Product | None:
    """An active, named product of `establishment`, with clean texts; None for any other row."""
    product = decode_product(row, establishment)
    if product is None:
        return None
    try:
        price = Decimal(str(row.get("price")))
    except InvalidOperation:
        price = Decimal("NaN")
    cents = to_cents(price) if price.is_finite() and -_LARGEST < price < _LARGEST else None  # None: no price to show
    return Product(product.id, _clean(product.name), cents, _clean(row.get("sku")), _clean(row.get("barcode")))


def _clean(value: object) -> str:
    """Clean text with its HTML entities decoded."""
    return clean_text(html.unescape(str(value))) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _decoded(rows: Iterator[Row], decode: Callable[[Row], Entry | None]) -> Iterator[Entry]:
    return (entry for row in rows if (entry := decode(row)) is not None)


def _decode_establishment(row: Row) -> Establishment | None:
    found = _number(row.get("id"))
    if found is None:
        return None
    zone = row.get("timezone")
    return Establishment(found, _name(row), clean_text(zone) if isinstance(zone, str) else "", _is_active(row))


def _decode_named(row: Row) -> NamedRow | None:
    found, place = _number(row.get("id")), _number(_only(row.get("establishment")))
    if found is None:
        return None
    return NamedRow(found, _name(row), _is_active(row), None if place is None else EstablishmentId(place))


def _decode_payment_type(row: Row) -> NamedRow | None:
    told = _number(row.get("payment_type"))
    found = _decode_named(row if _number(row.get("id")) is not None else {**row, "id": told})
    return replace(found, payment_type=told) if found else None


def _only(value: object) -> object:
    """The entry of a list that has only one, None for any other list. Other values stay as they are."""
    if not isinstance(value, list):
        return value
    return value[0] if len(value) == 1 else None


def _number(value: object) -> int | None:
    """The number in an id or in a URI such as /enterprise/Establishment/4/."""
    found = decode_id(value)
    return int(found) if found.isdecimal() else None


def _name(row: Row) -> str:
    parts = (row.get("name"), row.get("username"), row.get("first_name"))
    return next((name for part in parts if isinstance(part, str) and (name := clean_text(part))), "")


def _is_active(row: Row) -> bool:
    return row.get("active") not in (False, "false", "False")  # no set: a value may not be hashable
