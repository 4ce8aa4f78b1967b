"""A pretend Revel, as a WSGI app: the resources that a connector needs, with the quirks of facts Revel 10.

It stores everything in memory. Like the real one, it accepts duplicates, drops unknown keys and ignores unknown
filters. Its methods return rows with money as Decimal.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from tsrevel.sandbox.app import Json, Request, Response, SandboxApp, copy_json, html_response, json_response, utc_now
from tsrevel.sandbox.revel_tables import (
    RESOURCES,
    ZERO,
    Resource,
    Tables,
    accept_changes,
    link_id,
    one_page,
    refuse,
    select_rows,
    six,
)

DEFAULT_TAX_RATE = "8.3750"
PATH = re.compile(r"/(resources|enterprise)/([A-Za-z]+)(?:/(?:(\d+)|set/([\d;]+)))?(/?)")
NOT_FOUND = html_response("<!doctype html><h1>Not Found</h1>", 404)


class RevelSandbox(SandboxApp[Tables]):
    """The pretend Revel. Its methods return copies of rows, oldest first. Its quirks may be set at any time.

    - `page_cap` 250: the most rows on a page, even if more are requested
    - `ignored_filters`: documented filters to ignore (`{"local_id"}`)
    - `refuses_unknown_filters`: answer 400 for undocumented filters instead of ignoring them
    - `refuse_duplicate_uuid`: refuse a second POST with the same uuid instead of making a twin
    - `replaces_uuids`: resources whose new rows get another uuid than was sent
    - `spells_uuids`: the form of a new row's uuid, such as `"{uuid.hex}"`; "" as it was sent
    - `printed_needs_second_patch`: ignore an order's first PATCH of `printed`
    - `dropped_fields`: fields that every write silently drops (`{"pickup_time", "remaining_due"}`)
    - `denied_resources`: resources that answer 401 because the key has no right to them
    - `ignored_suffixes`: filter suffixes to ignore (`{"in"}`)
    - `lists_all_for_unknown`: list every row for a uuid that no row has
    - `ignores_fields`, `ignores_order`: ignore `fields` and `order_by`
    - `repeats_pages`: every page of a list has the rows of the first one
    - `knows_sets`: whether one request may return several rows by their ids
    - `spells_money`: the form of money, such as `"USD {amount:,.2f}"`; "" as in facts Revel 2.4
    - `shows_utc`: show times in UTC instead of as they were sent
    """

    def __init__(self, clock: Callable[[], datetime] = utc_now, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(Tables(), clock, sleep)
        self.api_key = "sandbox-key"
        self.api_secret = "sandbox-secret"  # noqa: S105 - invented
        self.page_cap = 250
        self.ignored_filters: set[str] = set()
        self.refuses_unknown_filters = False
        self.refuse_duplicate_uuid = False
        self.replaces_uuids: set[str] = set()
        self.spells_uuids = ""
        self.printed_needs_second_patch = False
        self.dropped_fields: set[str] = set()
        self.denied_resources: set[str] = set()
        self.ignored_suffixes: set[str] = set()
        self.lists_all_for_unknown = False
        self.ignores_fields = False
        self.ignores_order = False
        self.repeats_pages = False
        self.knows_sets = True
        self.spells_money = ""
        self.shows_utc = False

    # For tests and the demo

    def add(self, resource: str, row_id: int | None = None, **values: object) -> Json:
        """Insert a row without checks, and return a copy. Clients get Decimal values as JSON numbers."""
        with self.lock:
            return copy_json(self._insert(RESOURCES[resource], dict(values), row_id))

    def add_establishment(self, row_id: int, name: str, zone: str) -> Json:
        """Insert an establishment in the IANA zone `zone`."""
        return self.add("Establishment", row_id, name=name, timezone=zone)

    def add_product(
        self, row_id: int, name: str, establishment: int, price: Decimal | str = "0", **more: object
    ) -> Json:
        """Insert a product of one establishment. `more` are other fields (`active`, `sku`, `barcode`...)."""
        uri = RESOURCES["Establishment"].uri(establishment)
        return self.add("Product", row_id, name=name, establishment=uri, price=Decimal(price), **more)

    @property
    def orders(self) -> list[Json]:
        with self.lock:
            return copy_json(list(self.state.rows["Order"].values()))

    def order(self, order_id: int) -> Json:
        with self.lock:
            return copy_json(self.state.rows["Order"][order_id])

    def items_of(self, order_id: int) -> list[Json]:
        return self._rows_of("OrderItem", order_id)

    def payments_of(self, order_id: int) -> list[Json]:
        return self._rows_of("Payment", order_id)

    def history_of(self, order_id: int) -> list[Json]:
        return self._rows_of("OrderHistory", order_id)

    def _rows_of(self, resource: str, order_id: int) -> list[Json]:
        with self.lock:
            return copy_json(self.state.linked(resource, "order", order_id))

    def visible_in_console(self) -> list[Json]:
        """The orders in the console's Order History: those with a history row (facts 3.8)."""
        return [order for order in self.orders if order["has_history"]]

    def pos_touch(self, order_id: int, station: int = 35, user: int = 88) -> None:
        """Let a POS station open the order, which wipes the discount and raises the balance (facts 3.7, 9.9)."""
        with self.lock:
            order = self.state.rows["Order"][order_id]
            order["final_total"] += order["discount_amount"] or ZERO
            if order["discount"] is not None or order["applied_discounts"]:
                order["discount_amount"] = order["discount_rule_amount"] = ZERO
            for row in order["applied_discounts"]:
                row.update(discount_amount=six(ZERO), rule_amount=six(ZERO), rule_type=0, qty=0)
            paid = sum((Decimal(row["amount"]) for row in self.state.linked("Payment", "order", order_id)), ZERO)
            order["remaining_due"] = order["final_total"] - paid
            order["version"] = int(order["version"]) + 2
            order["check_sum"] = f"{order_id:032x}"
            order["running_tax_number"] = 0
            order["last_updated_at"] = RESOURCES["PosStation"].uri(station)
            order["updated_by"] = RESOURCES["User"].uri(user)
            order["updated_date"] = self._wall_time(order)

    def conceal(self, response: Response, lookups: int) -> None:
        """Hide the saved row from the next `lookups` look-ups."""
        row = json.loads(response.body or b"{}")
        if "resource_uri" in row:
            resource = str(row["resource_uri"]).strip("/").split("/")[1]
            self.state.hidden[resource, row["id"]] = lookups

    # For clients

    def respond(self, request: Request) -> Response:
        """Answer one request (facts 1, 2, 3)."""
        if request.headers.get("api-authentication") != f"{self.api_key}:{self.api_secret}":
            return Response(401)
        match = PATH.fullmatch(request.path)
        resource = RESOURCES.get(match[2]) if match else None
        # Establishment and User answer under /resources/ too (facts 5.7).
        if match is None or resource is None or match[1] not in ("resources", resource.prefix.strip("/")):
            return NOT_FOUND
        if resource.name in self.denied_resources:
            return Response(401)
        if not match[5]:
            if request.method != "GET":
                return NOT_FOUND
            # A GET without its last slash is redirected. Other methods aren't (facts 2.2).
            query = "&".join(f"{key}={value}" for key, value in request.query)
            return Response(301, headers=(("Location", f"{request.path}/" + (f"?{query}" if query else "")),))
        row_id = int(match[3]) if match[3] else None
        if request.method == "GET":
            return self._read(resource, row_id, match[4], request)
        allowed = "POST" if row_id is None and match[4] is None else "PATCH"
        if not resource.writable or request.method != allowed:
            return Response(405)
        body = request.json_object()
        if body is None or not request.headers["content-type"].startswith("application/json"):
            return json_response({"error": "The body could not be read as JSON."}, 400)
        return self._create(resource, body) if row_id is None else self._change(resource, row_id, body)

    def _read(self, resource: Resource, row_id: int | None, batch: str | None, request: Request) -> Response:
        if row_id is not None:
            row = self._find(resource, row_id)
            return json_response(self._shown(row, request)) if row else Response(404)
        if batch is not None and not self.knows_sets:
            return NOT_FOUND
        if batch is not None:
            wanted = [part for part in batch.split(";") if part]
            found = [row for part in wanted if (row := self._find(resource, int(part)))]
            missing = [part for part in wanted if int(part) not in {row["id"] for row in found}]
            answer: Json = {"objects": [self._shown(row, request) for row in found]}
            return json_response({**answer, "not_found": missing} if missing else answer)
        everything = list(self.state.rows[resource.name].values())
        rows = select_rows(
            everything,
            resource,
            request,
            ignored=self.ignored_filters,
            ignored_suffixes=self.ignored_suffixes,
            refuse_unknown=self.refuses_unknown_filters,
            ignore_order=self.ignores_order,
        )
        if self.lists_all_for_unknown and not rows and request.first("uuid"):
            rows = everything
        seen = [row for row in rows if self.state.is_seen(resource.name, row["id"])]
        page = one_page(seen, request, self.page_cap, repeats=self.repeats_pages)
        page["objects"] = [self._shown(row, request) for row in page["objects"]]
        return json_response(page)

    def _find(self, resource: Resource, row_id: int) -> Json | None:
        row = self.state.rows[resource.name].get(row_id)
        return row if row is not None and self.state.is_seen(resource.name, row_id) else None

    def _shown(self, row: Json, request: Request) -> Json:
        """The row as requested: `expand` replaces URIs by linked rows, `fields` selects keys."""
        shown = self._spelled(row)
        for name in request.listed("expand"):
            if isinstance(shown.get(name), str):
                linked = self.state.follow(shown[name])
                shown[name] = self._spelled(linked) if linked else shown[name]
        wanted = [] if self.ignores_fields else request.listed("fields")
        return {key: value for key, value in shown.items() if key in wanted} if wanted else shown

    def _spelled(self, row: Json) -> Json:
        """A copy of the row with money and times in the forms set by the quirks."""
        shown = dict(row)
        if self.spells_money:
            resource = RESOURCES[row["resource_uri"].strip("/").split("/")[1]]
            for name in (*resource.numbers, *resource.sixes):
                if shown.get(name) is not None:
                    shown[name] = self.spells_money.format(amount=Decimal(str(shown[name])))
        if self.shows_utc:
            order = row if "applied_taxes" in row and "local_id" in row else self.state.follow(str(row.get("order")))
            zone = self._zone(order or row)
            for name in ("created_date", "updated_date"):
                if shown.get(name):
                    wall = datetime.fromisoformat(shown[name]).replace(tzinfo=zone)
                    shown[name] = wall.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return shown

    def _create(self, resource: Resource, body: Json) -> Response:
        if sent := [name for name in ("id", "resource_uri") if name in body]:
            refuse(resource, dict.fromkeys(sent, "This field may not be sent."))
        if missing := [name for name in resource.required if body.get(name) is None]:
            refuse(resource, dict.fromkeys(missing, "This field is required."))
        values = accept_changes(self.state, resource, body, self.dropped_fields)
        rows = self.state.rows[resource.name].values()
        if self.refuse_duplicate_uuid and any(row["uuid"] == values.get("uuid") for row in rows):
            refuse(resource, {"uuid": "A row with this uuid already exists."})
        if resource.name in self.replaces_uuids:
            values["uuid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, str(values.get("uuid"))))
        if self.spells_uuids and "uuid" in values:
            values["uuid"] = self.spells_uuids.format(uuid=uuid.UUID(str(values["uuid"])))
        row = self._insert(resource, values)
        return json_response(self._spelled(row), 201, (("Location", row["resource_uri"]),))

    def _insert(self, resource: Resource, values: Json, row_id: int | None = None) -> Json:
        """Insert a row, and make the changes that Revel makes on its own."""
        row = self.state.insert(resource, values, row_id)
        match resource.name:
            case "Order":
                self._add_default_tax(row)
                if row["discount"] is not None:
                    self._apply_discount(row)
            case "OrderItem":  # it marks its order and copies its `local_id` (facts 3.1, 3.4)
                order = self.state.follow(row["order"]) or {}
                order["has_items"] = True
                row["order_local_id"] = order.get("local_id")
            case "OrderHistory":  # it makes its order visible in the console (facts 3.8)
                order = self.state.follow(row["order"]) or {}
                order["has_history"] = True
                order.setdefault("orderhistory", []).append(row["resource_uri"])
        return row

    def _add_default_tax(self, order: Json) -> None:
        """A new order gets a tax row, while its `tax` stays as sent (facts 3.5)."""
        number = self.state.next_id("AppliedTaxOrder", 771001)
        order["applied_taxes"] = [
            {
                "id": number,
                "uuid": str(uuid.UUID(int=number)),
                "name": "Default Tax",
                "tax_rate": DEFAULT_TAX_RATE,
                "tax_type": 0,
                "tax_table": None,
                "rounding_type": None,
                "is_prevailing": True,
                "on_full_price": True,
                "order": order["resource_uri"],
                "resource_uri": f"/resources/AppliedTaxOrder/{number}/",
            }
        ]

    def _apply_discount(self, order: Json) -> None:
        """Make or update the order's applied discount row. Without items, it is zero (facts 3.7)."""
        if not order["has_items"]:
            order["discount_amount"] = order["discount_rule_amount"] = ZERO
        order["is_discounted"] = True
        if not order["applied_discounts"]:
            number = self.state.next_id("AppliedDiscountOrder", 31001)
            row = {
                "id": number,
                "uuid": str(uuid.UUID(int=number)),
                "order": order["resource_uri"],
                "discount": None,
                "name": None,
                "discount_amount": None,
                "rule_amount": None,
                "rule_type": None,
                "qty": None,
                "discount_function": 0,
                "stackable_type": 0,
                "taxed": False,
                "tax_amount_included": six(ZERO),
                "discount_code": None,
                "discounted_by": None,
                "resource_uri": f"/resources/AppliedDiscountOrder/{number}/",
            }
            order["applied_discounts"] = [row]
        for row in order["applied_discounts"]:
            row["discount"] = order["discount"]
            row["name"] = order["discount_reason"]
            row["discount_amount"] = six(order["discount_amount"] or ZERO)
            row["rule_amount"] = six(order["discount_rule_amount"] or ZERO)

    def _change(self, resource: Resource, row_id: int, body: Json) -> Response:
        row = self.state.rows[resource.name].get(row_id)
        if row is None:
            return Response(404)
        values = accept_changes(self.state, resource, body, self.dropped_fields)
        if resource.name != "Order":
            row.update(values)
            return json_response(self._spelled(row), 202)
        if self.printed_needs_second_patch and "printed" in values and row_id not in self.state.printed_ignored:
            self.state.printed_ignored.add(row_id)
            del values["printed"]
        self._change_order(row, values)
        if "updated_date" not in values:
            row["updated_date"] = self._wall_time(row)
        return json_response(self._spelled(row), 202)

    def _change_order(self, order: Json, values: Json) -> None:
        """Apply the accepted values of a PATCH (facts 3.7, 9.5, 9.7)."""
        end_step = "final_total" in values
        discounted = bool(order["applied_discounts"])
        order.update(values)
        order["version"] = max(int(order["version"]), 2)
        if end_step and discounted and "discount" not in values:
            order["discount"] = None  # the end step loses a reference that it leaves out
        elif values.get("discount") is not None or "discount_amount" in values:
            if end_step and discounted and "discount_amount" in values:
                # Repeated in the end step it "upset the figure". No source says how, so it is doubled here.
                order["discount_amount"] = (order["discount_amount"] or ZERO) * 2
            if not discounted or "discount_amount" in values:
                self._apply_discount(order)

    def _wall_time(self, order: Json) -> str:
        """The establishment's wall time now, without offset (facts 2.4)."""
        return self.clock().astimezone(self._zone(order)).strftime("%Y-%m-%dT%H:%M:%S")

    def _zone(self, order: Json) -> ZoneInfo:
        establishment = self.state.rows["Establishment"].get(link_id(order.get("establishment")) or 0, {})
        return ZoneInfo(str(establishment.get("timezone") or "UTC"))
