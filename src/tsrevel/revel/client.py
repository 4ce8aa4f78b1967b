"""Revel's resources: what is there (every returned row re-checked here), and one write for each step of a plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tsrevel.errors import AnswerFault, OutcomeUnknown, Refused, TryNextRun, Unreadable
from tsrevel.planning.model import EstablishmentId, Labels, OrderId, Plan, ProductId, Step
from tsrevel.planning.products import Catalogue, Product
from tsrevel.revel.compare import compare_stored, shows_discount, shows_totals
from tsrevel.revel.decode import (
    ORDER_FIELDS,
    PRODUCT_FIELDS,
    HistoryRow,
    ItemRow,
    OrderRow,
    PaymentRow,
    Row,
    decode_history,
    decode_id,
    decode_item,
    decode_order,
    decode_page,
    decode_payment,
    decode_product,
    decode_uuid,
    is_on_sale,
)
from tsrevel.revel.encode import encode_step
from tsrevel.revel.paging import ANY_NUMBER, FieldSelector, Fits, lacks, read_rows
from tsrevel.transport.client import ApiClient
from tsrevel.transport.responses import Json
from tsrevel.transport.write_gate import WriteScope

_RESOURCES = {"order": "Order", "item": "OrderItem", "payment": "Payment", "history": "OrderHistory"}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this Revel account is known to honour (`doctor --assumptions`). What isn't honoured isn't asked for."""

    in_filter: bool = True
    fields: bool = True
    product_sets: bool = True


ALL_CAPABILITIES = Capabilities()


@dataclass(frozen=True, slots=True)
class Contents:
    """What Revel holds of one order, as far as it was asked for. `order` is None where it wasn't."""

    order: OrderRow | None
    items: tuple[ItemRow, ...] = ()
    payments: tuple[PaymentRow, ...] = ()
    history: tuple[HistoryRow, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What a write left at Revel: the row's id, and how it differs from what was sent, where it shows that it does.

    `renamed`: what differs is the uuid, so that the row can't be told from somebody else's any more. `doubled`: the
    event has another order.
    """

    id: str
    difference: str | None = None
    renamed: bool = False
    doubled: bool = False


class Revel:
    """Reads and writes of one Revel account.

    Raises what `ApiClient` raises. A write whose answer doesn't show what it wrote raises OutcomeUnknown: settle it
    with `seek`, never by sending it again first (facts Revel 2.3).
    """

    def __init__(
        self, channel: ApiClient, clock: Callable[[], datetime], capabilities: Capabilities = ALL_CAPABILITIES
    ) -> None:
        self._channel = channel
        self._clock = clock
        self._can = capabilities
        self._narrower = FieldSelector(narrows=capabilities.fields)

    @property
    def skew(self) -> float | None:
        """Seconds by which Revel's clock is ahead of ours; None where no answer said."""
        return self._channel.skew

    @property
    def answered(self) -> bool:
        return self._channel.answered

    def stop(self) -> None:
        """Let no further request go out."""
        self._channel.stop()

    def ask_the_time(self) -> None:
        """Ask for something cheap, for the Date of its answer."""
        self._channel.read("/resources/Order/", {"limit": "1"})

    def catalogue(self, establishment: EstablishmentId) -> Catalogue:
        """Every active product of the establishment, all pages (facts Revel 5.6)."""
        filters = {"establishment": str(establishment), "active": "true", "order_by": "id"}

        def read(more: dict[str, str]) -> Iterator[Row]:
            def fits(row: Row) -> bool:
                return is_on_sale(row, establishment) or lacks(row, more)

            return read_rows(self._channel, "Product", {**filters, **more}, fits, most_strays=ANY_NUMBER)

        rows = self._narrower.rows("Product", PRODUCT_FIELDS, read, lambda row: decode_product(row, establishment))
        return Catalogue.of(establishment, (product for product in rows if product is not None))

    def products_by_id(self, products: Mapping[ProductId, EstablishmentId]) -> dict[ProductId, Product]:
        """Those of `products` that Revel shows as active at their establishments, as they stand, in one request.

        Shows none where Revel doesn't answer, or knows no sets (facts Revel 2.1: they are documented, not seen).
        """
        if not self._can.product_sets:
            return {}
        path = f"/resources/Product/set/{';'.join(map(str, products))}/"
        try:
            rows = decode_page(self._channel.read(path), "Product").rows
        except (Refused, TryNextRun):  # a server that doesn't know sets may answer 500 as well as 404
            return {}
        found = ((decode_product(row, at), at) for row in rows for at in set(products.values()))
        return {product.id: product for product, at in found if product and products.get(product.id) == at}

    def find_orders(self, uuid: str, local_ids: tuple[str, ...]) -> tuple[OrderRow, ...]:
        """Every order of the account with one of `local_ids`: an event's order may be at a location it was moved from.

        One request where Revel honours `__in` (facts Revel 2.1), else one for each id.
        """
        if self._can.in_filter and not any("," in local_id for local_id in local_ids):
            try:
                return self._orders({"local_id__in": ",".join(local_ids)}, uuid, local_ids)
            except (Refused, Unreadable):
                pass  # a server that doesn't know `__in` refuses it, or lists everything: ask for each id by itself
        found = {row.id: row for each in local_ids for row in self._orders({"local_id": each}, uuid, local_ids)}
        return tuple(found.values())

    def taken_names(self, local_ids: Collection[str], uuids: Collection[str]) -> frozenset[str] | None:
        """Those of `local_ids` and `uuids` that orders of the account have, deleted ones included.

        One request for each kind (facts Revel 2.1): a `local_id` may have been lost, or set otherwise. None where Revel
        refuses, doesn't answer or lists everything: then nothing is known of any of them.
        """

        def fits(row: Row) -> bool:
            return str(row.get("local_id")) in local_ids or decode_uuid(row.get("uuid")) in uuids

        if not self._can.in_filter or any("," in local_id for local_id in local_ids):
            return None
        asked = {"local_id__in": ",".join(local_ids)}, {"uuid__in": ",".join(uuids)}
        try:
            rows = [row for each in asked for row in self._rows("Order", each, fits)]
        except (Refused, TryNextRun):
            return None
        return frozenset(name for row in rows for name in (str(row.get("local_id")), decode_uuid(row.get("uuid"))))

    def find_by_uuid(self, uuid: str) -> tuple[OrderRow, ...]:
        """Every order of the account with that uuid: Revel may not keep it unique (facts Revel 3.3)."""
        return self._orders({"uuid": uuid}, uuid, ())

    def orders_by_uuid(self, uuids: Sequence[str]) -> dict[str, tuple[OrderRow, ...]]:
        """Every order with one of these uuids, in one request, by its uuid: several where one is there twice.

        Shows none where Revel doesn't know `__in` (facts Revel 2.1).
        """

        if not self._can.in_filter:
            return {}

        def decode(row: Row) -> OrderRow | None:
            try:
                return decode_order(row)
            except Unreadable:
                return None  # it doesn't hide the others

        def read(more: dict[str, str]) -> Iterator[Row]:
            def fits(row: Row) -> bool:
                return decode_uuid(row.get("uuid")) in uuids or lacks(row, more)

            return self._rows("Order", {"uuid__in": ",".join(uuids), **more}, fits)

        try:
            rows = self._narrower.rows("Order", ORDER_FIELDS, read, decode)
        except (Refused, Unreadable):
            return {}
        orders = [row for row in rows if row]
        return {uuid: found for uuid in uuids if (found := tuple(row for row in orders if row.uuid == uuid))}

    def find_by_id(self, order: OrderId) -> OrderRow | None:
        """The order with that id; None where Revel says that there is none."""
        try:
            return self.order(order)
        except Refused as refused:
            if refused.status != 404:
                raise
            return None

    def order(self, order: OrderId) -> OrderRow:
        row = decode_order(self._channel.read(f"/resources/Order/{order}/"))
        if row.id != order:
            raise Unreadable(f"Revel: the request for order {order} returned order {row.id}", AnswerFault.OTHER_OBJECT)
        return row

    def contents(self, order: OrderId) -> Contents:
        """The order and all its parts as they stand."""
        return Contents(
            self.order(order),
            tuple(map(decode_item, self._parts("OrderItem", order))),
            tuple(map(decode_payment, self._parts("Payment", order))),
            tuple(map(decode_history, self._parts("OrderHistory", order))),
        )

    def items(self, order: OrderId) -> Contents:
        """The order's items as they stand, and nothing else of it."""
        return Contents(None, tuple(map(decode_item, self._parts("OrderItem", order))))

    def history(self, order: OrderId) -> Contents:
        """The order's history rows as they stand, and nothing else of it."""
        return Contents(None, history=tuple(map(decode_history, self._parts("OrderHistory", order))))

    def money(self, order: OrderId, *, payments: bool, discount: bool) -> Contents:
        """The order's payments, and the order itself where it is asked for its discount, in one request if possible.

        `expand` inlines the order in each of its payments; that is documented (facts Revel 2.1), not seen.
        """
        rows: list[Row] = []
        if payments:
            try:
                rows = list(self._parts("Payment", order, expand="order"))
            except Refused:
                rows = list(self._parts("Payment", order))
        inlined = next((row["order"] for row in rows if isinstance(row.get("order"), dict)), None)
        row = decode_order(inlined) if inlined else self.order(order) if discount else None
        return Contents(row, payments=tuple(map(decode_payment, rows)))

    def write(self, plan: Plan, step: Step, order: OrderId, labels: Labels) -> WriteResult:
        """Write one step of the plan. `order` is '' for the order itself."""
        place = WriteScope(plan.location.tripleseat_location, plan.location.tripleseat_site)
        body = encode_step(plan, step, order, labels, self._clock())
        if step.kind not in {"discount", "totals"}:
            answer = self._channel.write("POST", f"/resources/{_RESOURCES[step.kind]}/", body, place)
            return _written(plan, step, answer)
        path = f"/resources/Order/{order}/"
        answer = self._channel.write("PATCH", path, body, place)
        if step.kind == "totals" and isinstance(answer, dict) and answer.get("printed") is False:
            answer = self._channel.write("PATCH", path, body, place)  # sometimes needed twice (facts Revel 3.8)
        if not isinstance(answer, dict) or decode_id(answer.get("id")) != order:
            raise OutcomeUnknown(f"Revel: the answer to a PATCH of order {order} isn't that order")
        return WriteResult(order)

    def seek(self, plan: Plan, step: Step, order: OrderId) -> WriteResult | None:
        """What `step` writes, if it is there: by its uuid, and by what it belongs to, as a uuid may be kept otherwise.

        An order that has our `local_id` and another uuid counts as written and renamed: before the step was sent there
        was none.
        """
        if step.kind in {"discount", "totals"}:
            shows = shows_discount if step.kind == "discount" else shows_totals
            return WriteResult(order) if shows(plan, self.order(order)) else None
        if step.kind == "order":
            return self._seek_order(plan)

        def fits(row: Row) -> bool:
            return decode_uuid(row.get("uuid")) == step.uuid

        resource = _RESOURCES[step.kind]
        rows = self._rows(resource, {"uuid": step.uuid}, fits)
        found = next(rows, None) or next(filter(fits, self._parts(resource, order)), None)
        return None if found is None else _written(plan, step, found)

    def _seek_order(self, plan: Plan) -> WriteResult | None:
        """A deleted one of ours was written all the same: it isn't to be made again."""
        rows = self._orders({"local_id": plan.local_id}, plan.uuid, (plan.local_id,))
        ours = [row for row in rows if row.uuid == plan.uuid] or list(self.find_by_uuid(plan.uuid))
        standing = {row.id: row for row in (*rows, *ours) if not row.deleted}
        own = min(ours, key=lambda row: row.deleted, default=None)
        if own and len(standing) > 1:
            return WriteResult(own.id, tell_doubles(standing), doubled=True)
        if own:
            return WriteResult(own.id)
        stranger = next(iter(standing.values()), None)
        return WriteResult(stranger.id, tell_renamed(plan.steps[0]), renamed=True) if stranger else None

    def _parts(self, resource: str, order: OrderId, **more: str) -> Iterator[Row]:
        def fits(row: Row) -> bool:
            return decode_id(row.get("order")) == order

        return self._rows(resource, {"order": order, **more}, fits)

    def _orders(self, filters: dict[str, str], uuid: str, local_ids: tuple[str, ...]) -> tuple[OrderRow, ...]:
        def fits(row: Row) -> bool:
            return str(row.get("local_id")) in local_ids or decode_uuid(row.get("uuid")) == uuid

        found = {row.id: row for row in map(decode_order, self._rows("Order", filters, fits))}
        return tuple(found.values())

    def _rows(self, resource: str, filters: dict[str, str], fits: Fits = lambda _: True) -> Iterator[Row]:
        return read_rows(self._channel, resource, filters, fits)


def tell_doubles(order_ids: Iterable[str]) -> str:
    """What is wrong where an event has several orders."""
    ids = sorted(order_ids)
    return f"Revel holds {len(ids)} orders for it: {', '.join(ids)}; delete the wrong ones in Revel"


def tell_renamed(step: Step) -> str:
    """What is wrong with a row that Revel keeps under another uuid than was sent."""
    what = {"order": "it", "history": "its history row"}.get(step.kind, f"its {step.kind} {step.number + 1}")
    return f"{what} has another uuid at Revel than tsrevel sent"


def _written(plan: Plan, step: Step, answer: Json) -> WriteResult:
    found = decode_id(answer.get("id")) if isinstance(answer, dict) else ""
    if not found or not answer.get("uuid"):
        raise OutcomeUnknown(f"Revel: the answer to writing the {step.kind} doesn't show it")
    kept = decode_uuid(answer["uuid"])
    if kept != step.uuid and len(kept) == len(step.uuid) and kept.count("-") == step.uuid.count("-"):
        return WriteResult(found, tell_renamed(step), renamed=True)
    if kept != step.uuid:
        raise OutcomeUnknown(f"Revel: the answer to writing the {step.kind} shows another row")
    try:
        return WriteResult(found, compare_stored(plan, step, answer))
    except Unreadable as error:
        raise OutcomeUnknown(f"{error}, in the answer to writing the {step.kind}") from error
