"""Reads Revel's resources, checks every returned row again, and writes a plan step by step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain

from tsrevel.errors import AnswerFault, OutcomeUnknown, Refused, TryNextRun, Unreadable
from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult
from tsrevel.planning.model import EstablishmentId, Labels, OrderId, Plan, ProductId, Step
from tsrevel.planning.products import Catalogue, Product
from tsrevel.revel.compare import compare_stored, has_amount, is_voided, shows_discount, shows_totals
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
    decode_payment,
    decode_products,
    decode_uuid,
    is_on_sale,
)
from tsrevel.revel.encode import encode_step
from tsrevel.revel.paging import ANY_NUMBER, UNSUPPORTED, FieldSelector, Fits, decode_page, read_rows
from tsrevel.transport.api import ApiClient, ApiService
from tsrevel.transport.responses import Json

_RESOURCES = {"order": "Order", "item": "OrderItem", "payment": "Payment", "history": "OrderHistory"}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The features that this Revel account supports (`doctor --assumptions`). Requests use no others.

    `in_filter_shown`: the account has shown an order that was searched for by `local_id__in`. Only then is its silence
    an answer. `name_shown`: the same for the exact filter `local_id`.
    """

    in_filter: bool = True
    in_filter_shown: bool = False
    name_shown: bool = False
    fields: bool = True
    product_sets: bool = True


ALL_CAPABILITIES = Capabilities()


@dataclass(frozen=True, slots=True)
class Contents:
    """One order's rows in Revel. Unrequested parts are empty, and an unrequested `order` is None."""

    order: OrderRow | None
    items: tuple[ItemRow, ...] = ()
    payments: tuple[PaymentRow, ...] = ()
    history: tuple[HistoryRow, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteResult:
    """A written row: its id, and in `difference` how it differs from what was sent, if it does.

    `renamed`: its uuid differs, so it can't be distinguished from somebody else's row. `doubled`: the event has several
    orders.
    """

    id: str
    difference: str | None = None
    renamed: bool = False
    doubled: bool = False


class Revel(ApiService):
    """Reads and writes one Revel account. Raises what `ApiClient` raises.

    `observed`: what requests have shown of this account, as `doctor --assumptions` would tell it.
    `write` raises OutcomeUnknown if the answer doesn't show the row that it wrote. Call `seek` then, before sending it
    again (facts Revel 2.3).
    """

    def __init__(
        self, client: ApiClient, clock: Callable[[], datetime], capabilities: Capabilities = ALL_CAPABILITIES
    ) -> None:
        super().__init__(client)
        self._clock = clock
        self._can = capabilities
        self._expands = True
        self.observed: dict[AssumptionCode, AssumptionAnswer] = {}
        self._fields = FieldSelector(narrows=capabilities.fields)

    @property
    def has_shown_batches(self) -> bool:
        """Whether the account has shown an order that was searched for by `local_id__in`."""
        return self._can.in_filter_shown

    @property
    def finds_by_name(self) -> bool:
        """Whether `find_orders` now uses a filter that has shown an order. Only then is its silence an answer."""
        return self._can.name_shown or (self._can.in_filter and self._can.in_filter_shown)

    def ask_the_time(self) -> None:
        """Send a cheap request, to read the Date of its answer."""
        self._client.read("/resources/Order/", {"limit": "1"})

    def catalogue(self, establishment: EstablishmentId) -> Catalogue:
        """Every active product of the establishment, all pages (facts Revel 5.6). Raises Unreadable if it has none."""
        filters = {"establishment": str(establishment), "active": "true", "order_by": "id"}

        def read(fields: Sequence[str]) -> list[Product]:
            rows = read_rows(self._client, "Product", filters, fits, most_strays=ANY_NUMBER, fields=fields)
            return decode_products(rows, establishment)

        fits = partial(is_on_sale, establishment=establishment)
        products = self._fields.rows("Product", PRODUCT_FIELDS, read)
        if not products:
            text = f"Revel lists no product on sale at establishment {establishment}; check the key's right to Product"
            raise Unreadable(text)
        return Catalogue.of(establishment, products)

    def products_by_id(self, products: Mapping[ProductId, EstablishmentId]) -> dict[ProductId, Product]:
        """The given products that are active at their establishments now, by id, in one request.

        Empty if Revel doesn't answer or doesn't support sets (facts Revel 2.1: documented, but never seen).
        """
        if not self._can.product_sets:
            return {}
        path = f"/resources/Product/set/{';'.join(map(str, products))}/"
        try:
            rows = decode_page(self._client.read(path), "Product").rows
        except (*UNSUPPORTED, TryNextRun):
            return {}
        found = ((product, at) for at in set(products.values()) for product in decode_products(rows, at))
        return {product.id: product for product, at in found if products.get(product.id) == at}

    def find_orders(self, uuid: str, local_ids: tuple[str, ...]) -> tuple[OrderRow, ...]:
        """Every order of the account with one of `local_ids`: it may be at a location that the event has left since.

        `uuid` isn't searched for, but a returned row with it counts even if it has another `local_id`. Sends one
        request if Revel supports `__in` (facts Revel 2.1). If it doesn't, or shows nothing and has never shown an order
        so, sends one for each id.
        """
        is_silent = False
        if self._can_search(local_ids):
            try:
                found = self._orders({"local_id__in": ",".join(local_ids)}, uuid, local_ids)
            except UNSUPPORTED:
                self._can = replace(self._can, in_filter=False)  # not asked again in this run
            else:
                self._note_shown(found)
                if found or self._can.in_filter_shown:
                    return found
                is_silent = True
        shown = self._find_named(uuid, local_ids)
        if any(row.local_id in local_ids for row in shown) and not self._can.name_shown:
            self._can = replace(self._can, name_shown=True)
            self._note_holds(AssumptionCode.REVEL_FINDS_BY_LOCAL_ID, "a run has found an order by its local_id")
        if is_silent:
            self._compare_searches(shown, local_ids)
        return shown

    def _find_named(self, uuid: str, local_ids: tuple[str, ...]) -> tuple[OrderRow, ...]:
        """Every order with one of `local_ids`, or a returned one with the uuid. One request for each id."""
        found = (self._orders({"local_id": each}, uuid, local_ids) for each in local_ids)
        return tuple({row.id: row for rows in found for row in rows}.values())

    def doubt_names(self) -> None:
        """Believe no silence of a search by name any more, because one didn't show an order that stands."""
        self._can = replace(self._can, in_filter_shown=False, name_shown=False)

    def _compare_searches(self, shown: Iterable[OrderRow], local_ids: tuple[str, ...]) -> None:
        """Note it if `local_id__in` doesn't show an order that the exact filter shows. Then it isn't used any more."""
        named = [row for row in shown if row.local_id in local_ids]
        if not named:
            return
        with suppress(*UNSUPPORTED):
            if not self._orders({"local_id__in": ",".join(local_ids)}, "", local_ids):
                self._can = replace(self._can, in_filter=False)
                text = f"the exact filter finds Revel order {named[0].id} by its local_id, and local_id__in doesn't"
                self._note_failed(AssumptionCode.REVEL_IN_FILTER, text)

    def note_unfound(self, row: OrderRow) -> None:
        """Note that no search for its uuid shows this order, although it stands."""
        text = f"a search for the uuid of Revel order {row.id} doesn't find it"
        self._note_failed(AssumptionCode.REVEL_FINDS_BY_UUID, text)

    def note_unnamed(self, order: OrderId) -> None:
        """Note that no search for its `local_id` shows this order, although it stands."""
        text = f"a search for the local_id of Revel order {order} doesn't find it"
        self._note_failed(AssumptionCode.REVEL_FINDS_BY_LOCAL_ID, text)

    def taken_names(self, local_ids: Collection[str], uuids: Collection[str]) -> frozenset[str] | None:
        """Every `local_id` and uuid of the orders that have one of these names, deleted orders included.

        Sends one request for each kind (facts Revel 2.1), because an order may have lost its `local_id`. None if
        unknown, because Revel refuses, doesn't answer or lists everything.
        """

        def fits(row: Row) -> bool:
            return str(row.get("local_id")) in local_ids or decode_uuid(row.get("uuid")) in uuids

        if not self._can_search(local_ids):
            return None
        asked = {"local_id__in": ",".join(local_ids)}, {"uuid__in": ",".join(uuids)}
        try:
            rows = [row for each in asked for row in self._rows("Order", each, fits)]
        except (*UNSUPPORTED, TryNextRun):
            return None
        return frozenset(name for row in rows for name in (str(row.get("local_id")), decode_uuid(row.get("uuid"))))

    def find_by_uuid(self, uuid: str) -> tuple[OrderRow, ...]:
        """Every order of the account with that uuid: Revel may allow several (facts Revel 3.3)."""
        return self._orders({"uuid": uuid}, uuid, ())

    def orders_by_uuid(self, uuids: Sequence[str]) -> dict[str, tuple[OrderRow, ...]]:
        """The orders by uuid, in one request. A uuid without an order is missing; one may have several.

        Empty if Revel doesn't support `__in` (facts Revel 2.1).
        """
        orders = self._list_orders("uuid", uuids, lambda row: decode_uuid(row.get("uuid")) in uuids)
        return {uuid: found for uuid in uuids if (found := tuple(row for row in orders if row.uuid == uuid))}

    def orders_by_local_id(self, local_ids: Sequence[str]) -> dict[str, tuple[OrderRow, ...]]:
        """The same by `local_id`. Also empty if one of them contains a comma."""
        orders = self._list_orders("local_id", local_ids, lambda row: str(row.get("local_id")) in local_ids)
        return {name: found for name in local_ids if (found := tuple(row for row in orders if row.local_id == name))}

    def orders_by_id(self, ids: Collection[OrderId]) -> dict[OrderId, OrderRow]:
        """The same by id."""
        return {row.id: row for row in self._list_orders("id", list(ids), lambda row: decode_id(row.get("id")) in ids)}

    def find_by_id(self, order: OrderId) -> OrderRow | None:
        """The order with that id; None if Revel answers 404."""
        try:
            return self.order(order)
        except Refused as refused:
            if refused.status != 404:
                raise
            return None

    def order(self, order: OrderId) -> OrderRow:
        row = decode_order(self._client.read(f"/resources/Order/{order}/"))
        if row.id != order:
            raise Unreadable(f"Revel: the request for order {order} returned order {row.id}", AnswerFault.OTHER_OBJECT)
        return row

    def contents(self, order: OrderId) -> Contents:
        """The order and all its parts, read now."""
        return Contents(
            self.order(order),
            tuple(map(decode_item, self._parts("OrderItem", order))),
            tuple(map(decode_payment, self._parts("Payment", order))),
            tuple(map(decode_history, self._parts("OrderHistory", order))),
        )

    def standing(self, rows: Iterable[OrderRow]) -> tuple[OrderRow, ...]:
        """The orders that are neither deleted nor voided."""
        return tuple(row for row in {row.id: row for row in rows}.values() if not self.is_gone(row))

    def doubles(self, rows: Iterable[OrderRow]) -> list[OrderRow]:
        """The standing orders of one event by id, if there are several; else none."""
        live = {row.id: row for row in rows if not row.deleted}
        found = sorted(self.standing(live.values()), key=lambda row: row.id) if len(live) > 1 else []
        return found if len(found) > 1 else []

    def is_gone(self, row: OrderRow | None) -> bool:
        """Whether the order was deleted or voided. A station can only void. One with an amount costs no request."""
        if row is None or row.deleted:
            return True
        if has_amount(row):
            return False
        try:
            items = self.items(row.id).items
            if not is_voided(row, items, ()):
                return False
            return is_voided(row, items, self.money(row.id, payments=True, discount=False).payments)
        except Unreadable:  # nothing shows that it was
            return False

    def items(self, order: OrderId) -> Contents:
        """Only the order's items, read now."""
        return Contents(None, tuple(map(decode_item, self._parts("OrderItem", order))))

    def history(self, order: OrderId) -> Contents:
        """Only the order's history rows, read now."""
        return Contents(None, history=tuple(map(decode_history, self._parts("OrderHistory", order))))

    def money(self, order: OrderId, *, payments: bool, discount: bool) -> Contents:
        """The order's payments if `payments`, and the order itself if `discount`, in one request if possible.

        `expand` inlines the order in each of its payments. That is documented (facts Revel 2.1), but never seen.
        """
        rows: list[Row] = []
        if payments and self._expands:
            with suppress(*UNSUPPORTED):
                rows = list(self._parts("Payment", order, expand="order"))
        if payments and not rows:  # Revel has none, or can't expand
            rows = list(self._parts("Payment", order))
            self._expands = self._expands and not rows
        orders = (row.get("order") for row in rows)
        inlined = next((each for each in orders if isinstance(each, dict) and each.keys() >= set(ORDER_FIELDS)), None)
        row = decode_order(inlined) if inlined else self.order(order) if discount else None
        return Contents(row, payments=tuple(map(decode_payment, rows)))

    def write(
        self, plan: Plan, step: Step, order: OrderId, labels: Labels, begun: datetime | None = None
    ) -> WriteResult:
        """Write one step of the plan. `order` is the order's id, '' for the step that makes the order.

        All its parts get the time `begun`, so that no report has them on another day than the order. None: now.
        """
        at = begun if begun and step.kind != "totals" else self._clock()  # the totals only change the order
        body = encode_step(plan, step, order, labels, at)
        if step.kind not in {"discount", "totals"}:
            answer = self._client.write("POST", f"/resources/{_RESOURCES[step.kind]}/", body, plan.location)
            return _written(plan, step, answer)
        path = f"/resources/Order/{order}/"
        answer = self._client.write("PATCH", path, body, plan.location)
        if step.kind == "totals" and isinstance(answer, dict) and answer.get("printed") is False:
            answer = self._client.write("PATCH", path, body, plan.location)  # sometimes needed twice (facts Revel 3.8)
        if not isinstance(answer, dict) or decode_id(answer.get("id")) != order:
            raise OutcomeUnknown(f"Revel: the answer to a PATCH of order {order} isn't that order")
        return WriteResult(order)

    def seek(self, plan: Plan, step: Step, order: OrderId, row_id: str | None = None) -> WriteResult | None:
        """Find the row that `step` writes: by `row_id`, by uuid, then among the order's rows. None if it isn't there.

        An order with our `local_id`, or the order's row with that id, and another uuid counts as written and renamed:
        there was none before the step was sent.
        """
        if step.kind in {"discount", "totals"}:
            shows = shows_discount if step.kind == "discount" else shows_totals
            return WriteResult(order) if shows(plan, self.order(order)) else None
        if step.kind == "order":
            return self._seek_order(plan)

        def fits(row: Row) -> bool:
            return decode_uuid(row.get("uuid")) == step.uuid

        def is_renamed(row: Row) -> bool:  # Revel may also have given the id to another part that we sent
            is_other = any(decode_uuid(row.get("uuid")) == each.uuid for each in plan.steps)
            return decode_id(row.get("order")) == order and not is_other

        resource = _RESOURCES[step.kind]
        by_id = self._row(resource, row_id) if row_id else ()
        ours = (row for row in by_id if fits(row) or is_renamed(row))
        rows = chain(self._rows(resource, {"uuid": step.uuid}, fits), self._parts(resource, order))
        found = next(chain(ours, filter(fits, rows)), None)
        return None if found is None else _written(plan, step, found)

    def _seek_order(self, plan: Plan) -> WriteResult | None:
        """A deleted order of ours counts as written: it must not be made again."""
        rows = self._orders({"local_id": plan.local_id}, plan.uuid, (plan.local_id,))
        ours = [row for row in rows if row.uuid == plan.uuid] or list(self.find_by_uuid(plan.uuid))
        own = min(ours, key=lambda row: row.deleted, default=None)
        doubles = self.doubles((*rows, *ours))
        if own and doubles:
            return WriteResult(own.id, tell_doubles(doubles, plan.uuid), doubled=True)
        if own:
            return WriteResult(own.id)
        stranger = next(iter(self.standing(rows)), None)
        return WriteResult(stranger.id, tell_renamed(plan.steps[0]), renamed=True) if stranger else None

    def _row(self, resource: str, row_id: str) -> Iterator[Row]:
        """The row with that id; nothing if Revel answers 404."""
        try:
            row = self._client.read(f"/resources/{resource}/{row_id}/")
        except Refused as refused:
            if refused.status != 404:
                raise
            return
        if not isinstance(row, dict) or decode_id(row.get("id")) != row_id:
            raise Unreadable(f"Revel: the answer for {resource} {row_id} isn't that row", AnswerFault.OTHER_OBJECT)
        yield row

    def _parts(self, resource: str, order: OrderId, **more: str) -> Iterator[Row]:
        def fits(row: Row) -> bool:
            return decode_id(row.get("order")) == order

        return self._rows(resource, {"order": order, **more}, fits)

    def _orders(self, filters: dict[str, str], uuid: str, local_ids: tuple[str, ...]) -> tuple[OrderRow, ...]:
        def fits(row: Row) -> bool:
            return str(row.get("local_id")) in local_ids or decode_uuid(row.get("uuid")) == uuid

        return tuple(map(decode_order, self._rows("Order", filters, fits)))

    def _list_orders(self, key: str, values: Sequence[str], fits: Fits) -> tuple[OrderRow, ...]:
        """The orders with one of these values, with only the needed fields; empty if Revel can't be asked for them.

        After a refusal nothing is asked by `__in` in this run, unless the account has shown orders so: then one row of
        this answer may be at fault.
        """

        def read(fields: Sequence[str]) -> Iterator[OrderRow]:
            for row in read_rows(self._client, "Order", {f"{key}__in": ",".join(values)}, fits, fields=fields):
                with suppress(Unreadable):  # an unreadable row must not hide the others
                    yield decode_order(row)

        if not self._can_search(values):
            return ()
        try:
            found = self._fields.rows("Order", ORDER_FIELDS, read)
        except UNSUPPORTED:
            self._can = replace(self._can, in_filter=self._can.in_filter_shown)
            return ()
        if key == "local_id":
            self._note_shown(found)
        return found

    def _can_search(self, values: Iterable[str]) -> bool:
        """Whether orders may be searched for by `__in`, which separates its values by commas."""
        return self._can.in_filter and not any("," in value for value in values)

    def _note_failed(self, code: AssumptionCode, text: str) -> None:
        self.observed[code] = AssumptionAnswer(code, AssumptionResult.FAILS, text)
        self._client.warn_once(f"{code}: {text}")

    def _note_shown(self, found: Collection[OrderRow]) -> None:
        if found and not self._can.in_filter_shown:
            self._can = replace(self._can, in_filter_shown=True)
            self._note_holds(AssumptionCode.REVEL_IN_FILTER, "a run has found an order by local_id__in")

    def _note_holds(self, code: AssumptionCode, text: str) -> None:
        self.observed[code] = AssumptionAnswer(code, AssumptionResult.HOLDS, text)

    def _rows(self, resource: str, filters: dict[str, str], fits: Fits = lambda _: True) -> Iterator[Row]:
        return read_rows(self._client, resource, filters, fits)


def tell_doubles(orders: Sequence[OrderRow], uuid: str) -> str:
    """The message about an event with several orders. `uuid`: that of the order that tsrevel makes of it."""
    own = [row.id for row in orders if row.uuid == uuid]
    told = ", ".join(f"{row.id} (made by tsrevel)" if row.id in own else row.id for row in orders)
    kept = own[0] if len(own) == 1 else "one"
    return f"Revel has {len(orders)} orders of this event: {told}; keep {kept}, and delete or void the rest in Revel"


def tell_renamed(step: Step) -> str:
    """The message about a row that has another uuid in Revel than tsrevel sent."""
    what = {"order": "it", "history": "its history row"}.get(step.kind, f"its {step.name}")
    return f"Revel stores {what} under another uuid than tsrevel sent"


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
