"""Reads many orders at once, to compare whole days. Checks every returned row again (facts Revel 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from tsrevel.errors import Refused, Unreadable
from tsrevel.planning.model import EstablishmentId, OrderId
from tsrevel.revel.client import Contents
from tsrevel.revel.decode import (
    AMOUNT_FIELDS,
    ItemRow,
    OrderRow,
    PaymentRow,
    Row,
    decode_day,
    decode_id,
    decode_item,
    decode_order,
    decode_payment,
    decode_uuid,
)
from tsrevel.revel.paging import UNSUPPORTED, Fits, read_rows
from tsrevel.transport.api import ApiClient
from tsrevel.transport.responses import Json

PartT = TypeVar("PartT", ItemRow, PaymentRow)
BATCH = 50
"""Values in one `__in`. 200 worked live (facts Revel 5.1); fewer keep the address short."""


@dataclass(frozen=True, slots=True)
class DatedOrder:
    """An order, and the day on which it was written, by the establishment's wall clock (facts Revel 2.4)."""

    order: OrderRow
    day: date


class OrderSearch:
    """Finds orders of one account in bulk. Every method raises what `ApiClient.read` raises, and Unreadable.

    `in_filter`: whether the account may support `__in`. `unreadable`: why orders found so far, or parts of them, can't
    be read. Such an order has no amounts, or lacks that part, so it can't be compared.
    """

    def __init__(self, client: ApiClient, *, in_filter: bool = True) -> None:
        self._client = client
        self._in_filter = in_filter
        self._one_by_one: set[str] = set()
        self.unreadable: dict[OrderId, str] = {}

    def find(self, uuids: Collection[str], local_ids: Collection[str]) -> tuple[OrderRow, ...]:
        """Every order of the account with one of these uuids or `local_ids`, deleted ones included."""
        names, numbers = frozenset(local_ids), frozenset(uuids)
        rows = [
            *self._each("Order", "local_id", local_ids, lambda row: str(row.get("local_id")) in names),
            *self._each("Order", "uuid", uuids, lambda row: decode_uuid(row.get("uuid")) in numbers),
        ]
        return tuple({order.id: order for order in map(self._decode_order, rows)}.values())

    def find_by_id(self, order: OrderId) -> OrderRow | None:
        """The order with that id; None if Revel answers 404 or returns another order."""
        try:
            row = self._decode_order(self._client.read(f"/resources/Order/{order}/"))
        except Refused as refused:
            if refused.status != 404:
                raise
            return None
        return row if row.id == order else None

    def list_written(
        self, establishment: EstablishmentId, first: date, last: date, prefixes: Collection[str]
    ) -> tuple[DatedOrder, ...]:
        """The establishment's orders written on these days (both included) whose `local_id` begins with a prefix.

        An order without a readable date counts for the last day, so it is never missed. Requests the orders by prefix.
        If Revel refuses that filter, or ignores it and the list is long, requests all orders of these days.
        """
        days = {"created_date__gte": f"{first}T00:00:00", "created_date__lt": f"{last + timedelta(days=1)}T00:00:00"}
        span = {"establishment": str(establishment), **days, "order_by": "id"}

        def fits(row: Row) -> bool:
            return (
                decode_id(row.get("establishment")) == str(establishment) and first <= (decode_day(row) or last) <= last
            )

        found: dict[OrderId, DatedOrder] = {}
        for prefix in prefixes:
            for row in self._beginning_with(prefix, span, fits):
                order = self._decode_order(row)
                found[order.id] = DatedOrder(order, decode_day(row) or last)
        return tuple(found.values())

    def contents(self, orders: Sequence[OrderRow]) -> dict[OrderId, Contents]:
        """The items and payments of these orders, and the orders themselves. History rows aren't requested."""
        ids = [order.id for order in orders]
        items: dict[str, list[ItemRow]] = {}
        payments: dict[str, list[PaymentRow]] = {}
        for item in self._decode_parts(decode_item, self._parts("OrderItem", ids)):
            items.setdefault(item.order, []).append(item)
        for payment in self._decode_parts(decode_payment, self._parts("Payment", ids)):
            payments.setdefault(payment.order, []).append(payment)
        return {
            order.id: Contents(order, tuple(items.get(order.id, ())), tuple(payments.get(order.id, ())))
            for order in orders
        }

    def _decode_order(self, row: Json) -> OrderRow:
        try:
            order = decode_order(row)
        except Unreadable as error:
            if not isinstance(row, dict):
                raise
            amounts = {*AMOUNT_FIELDS.values(), "applied_discounts"}
            order = decode_order({key: row[key] for key in row if key not in amounts})
            self.unreadable[order.id] = str(error)
        else:
            self.unreadable.pop(order.id, None)
        return order

    def _decode_parts(self, decode: Callable[[Row], PartT], rows: Iterable[Row]) -> Iterator[PartT]:
        for row in rows:
            try:
                yield decode(row)
            except Unreadable as error:
                self.unreadable[OrderId(decode_id(row.get("order")))] = str(error)

    def _beginning_with(self, prefix: str, span: dict[str, str], fits: Fits) -> list[Row]:
        def begins(row: Row) -> bool:
            return fits(row) and str(row.get("local_id")).startswith(prefix)

        try:
            return list(read_rows(self._client, "Order", {**span, "local_id__startswith": prefix}, begins))
        except UNSUPPORTED:
            return list(filter(begins, read_rows(self._client, "Order", span, fits)))

    def _parts(self, resource: str, orders: Sequence[OrderId]) -> Iterator[Row]:
        wanted = frozenset(orders)
        return self._each(resource, "order", orders, lambda row: decode_id(row.get("order")) in wanted)

    def _each(self, resource: str, key: str, values: Collection[str], fits: Fits) -> Iterator[Row]:
        """The rows that fit, each once: in batches if Revel supports `__in`, else with one request for each value."""
        seen: set[str] = set()
        once = list(dict.fromkeys(values))
        for batch in (once[start : start + BATCH] for start in range(0, len(once), BATCH)):
            for row in self._batch(resource, key, batch, fits):
                if str(row.get("id")) not in seen:
                    seen.add(str(row.get("id")))
                    yield row

    def _batch(self, resource: str, key: str, batch: Sequence[str], fits: Fits) -> list[Row]:
        name = f"{resource}.{key}"
        if self._in_filter and name not in self._one_by_one and not any("," in value for value in batch):
            try:
                return list(read_rows(self._client, resource, {f"{key}__in": ",".join(batch)}, fits))
            except UNSUPPORTED:
                self._one_by_one.add(name)  # a server that doesn't know `__in` refuses it, or lists everything
        return [row for value in batch for row in read_rows(self._client, resource, {key: value}, fits)]
