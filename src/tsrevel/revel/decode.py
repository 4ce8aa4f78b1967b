"""Turns Revel's rows (facts Revel 3.2, 5, 9) into typed values. Raises Unreadable for a row that can't be trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from tsrevel.errors import Unreadable
from tsrevel.planning.model import AmountName, EstablishmentId, Labels, OrderId, ProductId
from tsrevel.planning.money import ZERO, Cents, to_cents, to_decimal
from tsrevel.planning.products import Product
from tsrevel.text import clean_texts, exact_text
from tsrevel.transport.responses import Json

Row = Mapping[str, Json]

_LARGEST = Decimal(10) ** 12
_LONGEST_ID = 19
"""Digits."""
_UUID = re.compile(r"[0-9a-f]{32}")


AMOUNT_FIELDS: Mapping[AmountName, str] = {
    "subtotal": "subtotal",
    "discount": "discount_amount",
    "tax": "tax",
    "gratuity": "gratuity",
    "total": "final_total",
    "balance": "remaining_due",
}
"""The field of an Order that holds each amount (facts Revel 3.2)."""
ORDER_FIELDS = (
    *("id", "uuid", "local_id", "establishment", *AMOUNT_FIELDS.values()),
    *("printed", "deleted", "discount", "applied_discounts", "has_history", "orderhistory"),
)
PRODUCT_FIELDS = ("id", "name", "active", "establishment")
"""The fields to request of an Order and of a Product. Whole rows have all of them (facts Revel 3.2, 5.6)."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order in Revel. Amounts are in cents; an absent or null amount counts as zero.

    `discounted`: it refers to a discount of any amount; `discount_id` is the order's own one, and `applied` the sum of
    its applied ones. That, `has_history` and `histories` (the number of history rows) are None if unknown. `begun` is
    the time of its first write, and `updated` of its last change, by the establishment's wall clock (facts Revel 2.4);
    None if unreadable. `labels` are None if the row lacks them, as in a list.
    """

    id: OrderId
    uuid: str
    local_id: str
    establishment: EstablishmentId | None
    amounts: Mapping[AmountName, Cents]
    printed: bool
    deleted: bool = False
    discounted: bool = False
    discount_id: int = 0
    applied: Cents | None = None
    has_history: bool | None = None
    histories: int | None = None
    begun: datetime | None = None
    updated: datetime | None = None
    labels: Labels | None = field(default=None, repr=False)

    @property
    def is_finished(self) -> bool:
        """Whether it has its history row, the last step. Where that isn't shown, the print mark counts."""
        return self.printed if self.has_history is None else self.has_history

    @property
    def written(self) -> date | None:
        """The day on which it was written; None if unreadable."""
        return self.begun.date() if self.begun else None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An order item in Revel. `updated` is the time of its last change, and voiding is one.

    On the ticket, `name` replaces the product's name, and `note` is the text beside it (facts Revel 5.1).
    """

    id: str
    uuid: str
    order: str
    product: ProductId | None
    quantity: Decimal
    price: Cents
    voided: bool
    updated: datetime | None = None
    name: str = ""
    note: str = ""

    @property
    def amount(self) -> Cents:
        return to_cents(self.quantity * to_decimal(self.price))


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment in Revel. `refunded`: the money was given back (facts Revel 5.2). `updated` as in `OrderRow`.

    `kind`: its payment type; "" if the row lacks it. An absent `tip` counts as zero.
    """

    id: str
    uuid: str
    order: str
    amount: Cents
    deleted: bool
    refunded: bool = False
    updated: datetime | None = None
    kind: str = ""
    tip: Cents = ZERO

    @property
    def counts(self) -> bool:
        """Whether the money was paid and not given back."""
        return not self.deleted and not self.refunded


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """An order history row: without one the order is invisible in the console (facts Revel 3.8)."""

    id: str
    uuid: str
    order: str


def decode_order(row: Json) -> OrderRow:
    """Decode an Order row, or the answer to the write of one."""
    fields, number = _open(row, "Order")
    discount = decode_id(fields.get("discount"))
    amounts = [_number(fields, key, f"Order {number}") for key in AMOUNT_FIELDS.values()]
    return OrderRow(
        id=OrderId(number),
        uuid=decode_uuid(fields.get("uuid")),
        local_id=exact_text(str(name)) if isinstance(name := fields.get("local_id"), str | int | Decimal) else "",
        establishment=_establishment(fields),
        amounts=dict(zip(AMOUNT_FIELDS, map(to_cents, amounts), strict=True)),
        printed=fields.get("printed") is True,
        deleted=fields.get("deleted") is True,
        discounted=bool(discount or fields.get("applied_discounts")),
        discount_id=int(discount or 0),
        applied=_sum_applied(fields, number),
        has_history=history if isinstance(history := fields.get("has_history"), bool) else None,
        histories=len(rows) if isinstance(rows := fields.get("orderhistory"), list) else None,
        begun=begun if (begun := _stamp(fields, "created_date")) and begun.year > 1 else None,
        updated=_stamp(fields, "updated_date"),
        labels=_labels(fields),
    )


def _sum_applied(fields: Row, number: str) -> Cents | None:
    """The sum of the order's applied discounts (facts Revel 3.7); None unless each row that it lists has an amount."""
    rows = listed if isinstance(listed := fields.get("applied_discounts"), list) else []
    told = [row for row in rows if isinstance(row, dict) and row.get("discount_amount") not in (None, "")]
    if not told or len(told) < len(rows):
        return None
    return Cents(sum(_money(row, "discount_amount", f"a discount of Order {number}") for row in told))


def decode_day(row: Row) -> date | None:
    """The day of `created_date`; None for the rare row with an impossible one (facts Revel 2.4)."""
    try:
        return date.fromisoformat(str(row.get("created_date"))[:10])
    except ValueError:
        return None


def decode_item(row: Json) -> ItemRow:
    """Decode an OrderItem row. `is_voided` is always null, so it reads `voided_date` (facts Revel 5.1)."""
    fields, number = _open(row, "OrderItem")
    product = decode_id(fields.get("product"))
    return ItemRow(
        id=number,
        uuid=decode_uuid(fields.get("uuid")),
        order=decode_id(fields.get("order")),
        product=ProductId(int(product)) if product else None,
        quantity=_number(fields, "quantity", f"OrderItem {number}"),
        price=_money(fields, "price", f"OrderItem {number}"),
        voided=bool(fields.get("voided_date")) or fields.get("deleted") is True,
        updated=_stamp(fields, "updated_date", "voided_date"),
        name=str(fields.get("product_name_override") or ""),
        note=str(fields.get("special_request") or ""),
    )


def decode_payment(row: Json) -> PaymentRow:
    fields, number = _open(row, "Payment")
    return PaymentRow(
        id=number,
        uuid=decode_uuid(fields.get("uuid")),
        order=decode_id(fields.get("order")),
        amount=_money(fields, "amount", f"Payment {number}"),
        deleted=fields.get("deleted") is True,
        refunded=fields.get("refunded") is True,
        updated=_stamp(fields, "updated_date"),
        kind=decode_id(fields.get("payment_type")),
        tip=_money(fields, "tip", f"Payment {number}"),
    )


def decode_history(row: Json) -> HistoryRow:
    fields, number = _open(row, "OrderHistory")
    return HistoryRow(number, decode_uuid(fields.get("uuid")), decode_id(fields.get("order")))


def decode_products(rows: Iterable[Row], establishment: EstablishmentId) -> list[Product]:
    """The active, named Products of `establishment` among `rows`: filters may be ignored (facts Revel 2.1)."""
    found = [
        (ProductId(int(product)), name)
        for row in rows
        if is_on_sale(row, establishment)
        and (product := decode_id(row.get("id")))
        and isinstance(name := row.get("name"), str)
    ]
    names = clean_texts([name for _, name in found])
    return [Product(product, name) for (product, _), name in zip(found, names, strict=True) if name]


def decode_product(row: Row, establishment: EstablishmentId) -> Product | None:
    """The row as a Product; None if it isn't an active, named one of `establishment`."""
    return next(iter(decode_products((row,), establishment)), None)


def is_on_sale(fields: Row, establishment: EstablishmentId) -> bool:
    """Whether the Product is active and belongs to the establishment."""
    return fields.get("active") is True and _establishment(fields) == establishment


def decode_id(value: Json) -> str:
    """The id in a foreign key: a URI, a plain number or an expanded object (facts Revel 2.2); '' for anything else.

    A decimal number is no id, nor is a number with more digits than any id.
    """
    if isinstance(value, dict):
        value = value.get("id")
    if not isinstance(value, int | str):
        return ""
    last = str(value).rstrip("/").rpartition("/")[2]
    return last if last.isascii() and last.isdigit() and len(last) <= _LONGEST_ID else ""


def decode_uuid(value: Json) -> str:
    """A uuid as 36 lower-case characters. It may come in capitals, with braces or `urn:uuid:`, or without dashes.

    Any other text is returned in lower case; '' for None.
    """
    text = "" if value is None else str(value).strip().lower()
    digits = text.removeprefix("urn:").removeprefix("uuid:").strip("{}").replace("-", "")
    if _UUID.fullmatch(digits) is None:
        return text
    return "-".join(digits[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))


def _open(row: Json, resource: str) -> tuple[Row, str]:
    """The row's fields and its id."""
    if not isinstance(row, dict):
        raise Unreadable(f"Revel: a row of {resource} is not an object")
    found = decode_id(row.get("id"))
    if not found:
        raise Unreadable(f"Revel: no id in a row of {resource}")
    return row, found


def _establishment(fields: Row) -> EstablishmentId | None:
    found = decode_id(fields.get("establishment"))
    return EstablishmentId(int(found)) if found else None


def _labels(fields: Row) -> Labels | None:
    if not {"call_name", "notes"} <= fields.keys():
        return None
    return Labels(call_name=str(fields["call_name"] or ""), notes=str(fields["notes"] or ""))


def _stamp(fields: Row, *keys: str) -> datetime | None:
    """The latest of these times, naive. None if there is none, or if one can't be read."""
    told = [fields[key] for key in keys if fields.get(key)]
    try:
        return max((datetime.fromisoformat(str(each)).replace(tzinfo=None) for each in told), default=None)
    except ValueError:
        return None


def _number(fields: Row, key: str, row: str) -> Decimal:
    """Money and quantities come as floats, as strings with six decimals, or null (facts Revel 2.4).

    `row`: the resource and the id, for a person who has to find the row.
    """
    value = fields.get(key)
    if value is not None and not isinstance(value, str | int | float | Decimal):
        raise Unreadable(f"Revel: {key} of {row} is not a number")
    try:
        number = Decimal(str(value)) if value not in (None, "") else Decimal(0)
    except InvalidOperation as error:
        raise Unreadable(f"Revel: {key} of {row} is not a number") from error
    if not number.is_finite() or not -_LARGEST < number < _LARGEST:  # compared, not abs(): that can overflow
        raise Unreadable(f"Revel: {key} of {row} is not an amount")
    return number


def _money(fields: Row, key: str, row: str) -> Cents:
    number = _number(fields, key, row)
    return to_cents(number) if number else ZERO
