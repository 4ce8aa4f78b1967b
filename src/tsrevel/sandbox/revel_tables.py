"""The pretend Revel's rows: the fields of each resource, accepted writes, filters and pages (facts Revel 2-5)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn
from urllib.parse import urlencode

from tsrevel.sandbox.app import AnswerError, Json, Request, copy_json, json_response

OUR_OWN = frozenset({"limit", "offset", "order_by", "fields", "expand", "format"})
DEFAULT_PAGE = 20


def select_rows(
    rows: list[Json],
    resource: Resource,
    request: Request,
    *,
    ignored: Collection[str],
    ignored_suffixes: Collection[str] = (),
    refuse_unknown: bool = False,
    ignore_order: bool = False,
) -> list[Json]:
    """The rows that pass the documented filters, in the requested order, by default by id.

    Undocumented filters, those in `ignored`, and those with one of `ignored_suffixes` have no effect. Raises
    AnswerError with 400 for a value that doesn't fit the field, and for undocumented ones if `refuse_unknown` is set.
    """
    for key, wanted in request.query:
        if key in OUR_OWN:
            continue
        name, _, suffix = key.partition("__")
        if name not in resource.filters or (suffix or "exact") not in TESTS:
            if refuse_unknown:
                raise _bad_request(f"The '{name}' field does not allow filtering.")
            continue
        if name not in ignored and suffix not in ignored_suffixes:
            rows = [row for row in rows if _passes(row.get(name), name, suffix or "exact", wanted, resource)]
    order = "" if ignore_order else request.first("order_by") or ""
    name = order.removeprefix("-")
    if name not in resource.orders:
        return sorted(rows, key=lambda row: int(row["id"]))
    empty_first = sorted(rows, key=lambda row: (row.get(name) is not None, row.get(name) or 0, row["id"]))
    return empty_first[::-1] if order.startswith("-") else empty_first


def one_page(rows: list[Json], request: Request, cap: int, *, repeats: bool = False) -> Json:
    """The list answer: at most `cap` rows, and `next` as a relative URL or null.

    `repeats`: every page has the rows of the first one.
    """
    offset = _whole_number(request, "offset", 0)
    limit = _whole_number(request, "limit", DEFAULT_PAGE)
    limit = cap if limit == 0 else min(limit, cap)
    following = offset + limit
    meta = {
        "limit": limit,
        "next": _page_url(request, limit, following) if following < len(rows) else None,
        "offset": offset,
        "previous": _page_url(request, limit, max(0, offset - limit)) if offset else None,
        "total_count": len(rows),
    }
    return {"meta": meta, "objects": rows[:limit] if repeats else rows[offset:following]}


def link_id(uri: object) -> int | None:
    """The id at the end of a URI; None for anything else."""
    if not isinstance(uri, str) or not uri.startswith("/"):
        return None
    last = uri.rstrip("/").rpartition("/")[2]
    return int(last) if last.isdigit() else None


def _passes(value: object, name: str, suffix: str, wanted: str, resource: Resource) -> bool:
    if suffix == "isnull":
        return TESTS[suffix](value, wanted)
    if name in resource.links or link_id(value) is not None:
        # Links are filtered by plain id. A URI failed at the real Revel (facts Revel 2.1).
        if not all(part.isdigit() for part in wanted.split(",")):
            raise _bad_request("Invalid resource lookup data provided (mismatched type).")
        value = link_id(value)
    if value is None:
        return False
    return TESTS[suffix](value, wanted)


def _equal(value: Any, wanted: str) -> bool:  # noqa: ANN401
    if isinstance(value, bool):
        return value == _truth(wanted)
    if isinstance(value, int | Decimal):
        return Decimal(value) == _decimal(wanted)
    return str(value) == wanted


def _compare(value: Any, wanted: str) -> int:  # noqa: ANN401
    """-1, 0 or 1. ISO wall times are compared as text."""
    if isinstance(value, int | Decimal):
        number = _decimal(wanted)
        return (value > number) - (value < number)
    return (str(value) > wanted) - (str(value) < wanted)


def _between(value: Any, wanted: str) -> bool:  # noqa: ANN401
    low, _, high = wanted.partition(",")
    return _compare(value, low) >= 0 and _compare(value, high) <= 0


TESTS: dict[str, Callable[[Any, str], bool]] = {
    "exact": _equal,
    "iexact": lambda value, wanted: str(value).lower() == wanted.lower(),
    "contains": lambda value, wanted: wanted in str(value),
    "icontains": lambda value, wanted: wanted.lower() in str(value).lower(),
    "startswith": lambda value, wanted: str(value).startswith(wanted),
    "istartswith": lambda value, wanted: str(value).lower().startswith(wanted.lower()),
    "endswith": lambda value, wanted: str(value).endswith(wanted),
    "iendswith": lambda value, wanted: str(value).lower().endswith(wanted.lower()),
    "in": lambda value, wanted: any(_equal(value, part) for part in wanted.split(",")),
    "gt": lambda value, wanted: _compare(value, wanted) > 0,
    "gte": lambda value, wanted: _compare(value, wanted) >= 0,
    "lt": lambda value, wanted: _compare(value, wanted) < 0,
    "lte": lambda value, wanted: _compare(value, wanted) <= 0,
    "range": _between,
    "isnull": lambda value, wanted: (value is None) == _truth(wanted),
}


def _page_url(request: Request, limit: int, offset: int) -> str:
    asked = {key: value for key, value in request.query if key not in ("limit", "offset")}
    query = sorted({**asked, "limit": str(limit), "offset": str(offset)}.items())
    return f"{request.path}?{urlencode(query)}"


def _whole_number(request: Request, name: str, default: int) -> int:
    given = request.first(name)
    if given is None:
        return default
    if not given.isdigit():
        raise _bad_request(f"Invalid {name} '{given}' provided. Please provide a positive integer >= 0.")
    return int(given)


def _truth(text: str) -> bool:
    return text.lower() in ("true", "1", "t")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _bad_request("Invalid resource lookup data provided (mismatched type).") from None


def _bad_request(text: str) -> AnswerError:
    return AnswerError(json_response({"error": text}, 400))


ZERO = Decimal(0)
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. `links`: field → the resource of its URI. `first_id`: the first generated id."""

    name: str
    first_id: int
    filters: Names
    prefix: str = "/resources"
    orders: Names = ("id",)
    links: Mapping[str, str] = field(default_factory=dict)
    required: Names = ()
    read_only: Names = ()
    numbers: Names = ()
    sixes: Names = ()
    blank: Mapping[str, Any] = field(default_factory=dict)
    writable: bool = False

    def uri(self, row_id: int) -> str:
        return f"{self.prefix}/{self.name}/{row_id}/"


def _names(text: str) -> Names:
    return tuple(text.split())


def _blank(text: str, value: object) -> Json:
    return dict.fromkeys(text.split(), value)


PEOPLE = {"created_by": "User", "updated_by": "User"}

ORDER_NUMBERS = """subtotal tax final_total remaining_due surcharge surcharge_excluded taxable_surcharge
    taxable_surcharge_excluded prevailing_tax prevailing_surcharge service_charge gratuity smartpay_tip
    smartpay_gratuity rounding_delta tax_excluded_amount tax_rebate crv_value crv_taxed"""
ORDER_NULLS = """reporting_id running_tax_number customer device_id external_sync check_sum pickup_time invoice_date
    delivery_clock_in delivery_clock_out gratuity_type auto_grat_pct tax_country discount discount_amount
    discount_rule_amount discount_rule_type discount_reason discount_code discounted_by exchange_discount
    deleted_discounts call_name call_number number_of_people notes table table_owner vehicle dining_option
    delivery_address delivery_distance delivery_duration delivery_employee billing_address billing_zip_code local_id
    updated_by last_updated_at created_date updated_date registry_data"""
ORDER_FLAGS = """closed printed sent deleted is_unpaid is_invoice is_readonly is_discounted has_items has_history asap
    web_order smart_order exchanged discount_taxed"""
ORDER_SIXES = """discount_total_amount service_fee_tax service_fee_taxed service_fee_untaxed discount_tax_amount
    discount_tax_amount_included discount_nontaxable_surcharge_included"""

ORDER = Resource(
    name="Order",
    first_id=5550101,
    filters=_names(
        """id uuid local_id establishment customer created_by created_date updated_date pickup_time dining_option
        call_name call_number closed printed web_order has_items has_history is_invoice device_id delivery_employee
        external_sync registry_data running_tax_number"""
    ),
    orders=_names("id created_date updated_date pickup_time running_tax_number"),
    links={
        **PEOPLE,
        "establishment": "Establishment",
        "created_at": "PosStation",
        "last_updated_at": "PosStation",
        "discount": "Discount",
        "discounted_by": "User",
    },
    required=_names("final_total tax subtotal remaining_due surcharge created_at created_by establishment"),
    read_only=_names(
        """id resource_uri reporting_id closed has_items has_history orderhistory version check_sum applied_discounts
        applied_taxes applied_service_fee package is_discounted running_tax_number"""
    ),
    numbers=_names(f"{ORDER_NUMBERS} discount_amount discount_rule_amount"),
    sixes=_names(ORDER_SIXES),
    blank={
        **_blank(ORDER_NUMBERS, ZERO),
        **_blank(ORDER_NULLS, None),
        **_blank(ORDER_FLAGS, False),
        **_blank(ORDER_SIXES, "0.000000"),
        "version": 1,
        "kitchen_status": 0,
        "tax_rounding_model": 0,
        "pos_mode": "Q",
        "applied_discounts": [],
        "applied_taxes": [],
        "applied_service_fee": [],
        "orderhistory": [],
        "package": [],
    },
    writable=True,
)

ORDER_ITEM = Resource(
    name="OrderItem",
    first_id=7700001,
    filters=_names(
        "id uuid order product created_date updated_date voided_date catering_complete catering_delivery_date"
    ),
    links={**PEOPLE, "order": "Order", "product": "Product", "station": "PosStation"},
    required=_names("order product station created_by quantity price tax_amount modifier_amount temp_sort tax_rate"),
    read_only=_names("id resource_uri order_local_id modifieritems applied_taxes is_voided pure_sales taxed_flag"),
    numbers=_names("price initial_price tax_amount modifier_amount tax_rate discount_amount"),
    sixes=_names("price_to_display"),
    blank={
        **_blank(
            """updated_by created_date updated_date special_request product_name_override initial_price
            price_to_display pure_sales taxed_flag seat_number course_number catering_delivery_date voided_by
            voided_date voided_reason is_voided discount discount_amount discount_reason dining_option
            order_local_id""",
            None,
        ),
        **_blank("printed sent deleted catering_complete", value=False),
        "cost": "0.0000",
        "modifieritems": [],
        "applied_taxes": [],
    },
    writable=True,
)

PAYMENT = Resource(
    name="Payment",
    first_id=8800001,
    filters=_names("uuid order establishment station transaction_id refund_transaction_id created_date updated_date"),
    links={**PEOPLE, "order": "Order", "establishment": "Establishment", "station": "PosStation"},
    required=_names("order establishment station payment_type amount created_by"),
    read_only=_names("id resource_uri"),
    sixes=_names("amount tip gratuity amount_authorized"),
    blank={
        **_blank(
            """updated_by created_date updated_date payment_date transaction_id transaction_status
            transaction_captured processor_accepted executed bill other_payment_type amount_authorized card_type
            refund_transaction_id""",
            None,
        ),
        **_blank("online refunded deleted exchanged", value=False),
        **_blank("tip gratuity", "0.000000"),
    },
    writable=True,
)

HISTORY = Resource(
    name="OrderHistory",
    first_id=880012,
    filters=_names("uuid order opened closed"),
    links={
        "order": "Order",
        "order_opened_by": "User",
        "order_closed_by": "User",
        "order_opened_at": "PosStation",
        "order_closed_at": "PosStation",
    },
    required=_names("order order_opened_by order_opened_at opened"),
    read_only=_names("id resource_uri"),
    blank=_blank("closed order_closed_by order_closed_at", None),
    writable=True,
)

PRODUCT = Resource(
    name="Product",
    first_id=9001,
    filters=_names("name barcode sku category active establishment display_online"),
    orders=_names("id sorting"),
    numbers=_names("price"),
    blank={
        **_blank("barcode productclass establishment is_combo point_value sorting", None),
        "sku": "",
        "price": ZERO,
        "cost": "0.0000",
        "active": True,
        "category": "/products/ProductCategory/31/",
        "display_online": True,
        "dining_options": "",
        "updated_date": "2026-02-11T17:40:21.004512",
    },
)
STATION = Resource("PosStation", 21, _names("establishment"), blank={"name": "Station", "establishment": None})
DISCOUNT = Resource(
    name="Discount",
    first_id=410,
    filters=_names("establishment"),
    blank={
        **_blank("barcode establishment discount_amount", None),
        **_blank("discount_type application_type qualification_type", 0),
        "name": "Open discount",
        "active": True,
        "auto_apply": False,
    },
)
PAYMENT_TYPE = Resource("CustomPaymentType", 200, (), blank={"name": "TripleSeat", "active": True})
ESTABLISHMENT = Resource(
    name="Establishment",
    first_id=1,
    filters=_names("id"),
    prefix="/enterprise",
    blank={"name": "", "timezone": "America/Los_Angeles", "active": True},
)
USER = Resource("User", 1, (), prefix="/enterprise", blank={"username": "api.user", "active": True})

RESOURCES = {
    each.name: each
    for each in (ORDER, ORDER_ITEM, PAYMENT, HISTORY, PRODUCT, STATION, DISCOUNT, PAYMENT_TYPE, ESTABLISHMENT, USER)
}

OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
SIX = Decimal("0.000001")


@dataclass(slots=True)
class Tables:
    """Every row, by resource and id. `hidden`: row → how many more look-ups don't show it."""

    rows: dict[str, dict[int, Json]] = field(default_factory=lambda: {name: {} for name in RESOURCES})
    issued: dict[str, int] = field(default_factory=dict)
    hidden: dict[tuple[str, int], int] = field(default_factory=dict)
    printed_ignored: set[int] = field(default_factory=set)

    def next_id(self, name: str, first: int) -> int:
        """The next free number of a series that begins at `first`."""
        number = self.issued.get(name, first - 1) + 1
        self.issued[name] = number
        return number

    def insert(self, resource: Resource, values: Json, row_id: int | None = None) -> Json:
        """Store a new row of accepted values, with the resource's defaults for the others."""
        number = row_id if row_id is not None else self.next_id(resource.name, resource.first_id)
        row = {
            "id": number,
            "uuid": str(uuid.UUID(int=number)),
            **copy_json(resource.blank),
            **values,
            "resource_uri": resource.uri(number),
        }
        self.rows[resource.name][number] = row
        return row

    def follow(self, uri: str) -> Json | None:
        """The row of a URI. Establishment and User are under both prefixes."""
        parts = uri.strip("/").split("/")
        number = link_id(uri)
        if len(parts) != 3 or parts[1] not in self.rows or number is None:
            return None
        return self.rows[parts[1]].get(number)

    def linked(self, resource: str, name: str, target_id: int) -> list[Json]:
        """The rows of a resource whose link `name` refers to `target_id`, oldest first."""
        return [row for row in self.rows[resource].values() if link_id(row.get(name)) == target_id]

    def is_seen(self, resource: str, row_id: int) -> bool:
        """Whether a look-up shows the row. If not, the look-up is counted."""
        left = self.hidden.get((resource, row_id), 0)
        if left:
            self.hidden[resource, row_id] = left - 1
        return not left


def accept_changes(tables: Tables, resource: Resource, body: Json, dropped: Collection[str]) -> Json:
    """The values of a PATCH or POST to store, in their stored form.

    Keys that the resource doesn't have, that are read-only, or that are in `dropped` are silently left out.
    """
    known = {*resource.blank, *resource.required, *resource.links, "uuid"}.difference(resource.read_only)
    kept = {key: value for key, value in body.items() if key in known and key not in dropped}
    for name, target_name in resource.links.items():
        uri = kept.get(name)
        if uri is None:
            continue
        target, number = RESOURCES[target_name], link_id(uri)
        if number is None or uri not in (target.uri(number), f"/resources/{target_name}/{number}/"):
            refuse(resource, {name: f"A URI of {target_name} is expected."})
        if number not in tables.rows[target_name]:
            text = f"{target_name} matching query does not exist."
            raise AnswerError(json_response({"error_message": text, "traceback": "Traceback ..."}, 500))
    return {name: _stored(resource, name, value) for name, value in kept.items()}


def refuse(resource: Resource, reasons: dict[str, str]) -> NoReturn:
    """Raise 400 with the reasons by field, under the resource's name (shape: facts Revel 9.3, not captured)."""
    fields = {name: [reason] for name, reason in reasons.items()}
    raise AnswerError(json_response({resource.name: fields}, 400))


def six(amount: Decimal) -> str:
    return f"{amount.quantize(SIX):f}"


def _stored(resource: Resource, name: str, value: object) -> object:
    if value is None:
        return None
    if name in resource.numbers or name in resource.sixes:
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            refuse(resource, {name: "A number is expected."})
        return amount if name in resource.numbers else six(amount)
    if name.endswith("_date") or name in ("opened", "closed", "pickup_time"):
        # An offset is dropped, not applied: the console shows the wall time as written (facts Revel 2.4).
        return OFFSET.sub("", str(value))
    return value
