"""What each pretend Revel resource looks like: its fields, links, filters and defaults (facts Revel 2.1, 3-5).

Data only. `numbers` are sent as JSON floats, `sixes` as strings with six decimals (facts Revel 2.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tsrevel.sandbox.wsgi import Json

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: `links` maps a field to the resource its URI must point at; `first_id` is where ids begin."""

    name: str
    first_id: int
    filters: frozenset[str]
    prefix: str = "/resources"
    orders: frozenset[str] = frozenset({"id"})
    links: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    read_only: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    sixes: frozenset[str] = frozenset()
    blank: Mapping[str, Any] = field(default_factory=dict)
    writable: bool = False

    def uri(self, row_id: int) -> str:
        """The row's own URI."""
        return f"{self.prefix}/{self.name}/{row_id}/"

    def fresh(self) -> Json:
        """A new row's defaults; lists are not shared between rows."""
        return {key: list(value) if isinstance(value, list) else value for key, value in self.blank.items()}


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


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
    required=(
        "final_total",
        "tax",
        "subtotal",
        "remaining_due",
        "surcharge",
        "created_at",
        "created_by",
        "establishment",
    ),
    read_only=_names(
        """id resource_uri reporting_id closed has_items has_history orderhistory version check_sum applied_discounts
        applied_taxes applied_service_fee package is_discounted running_tax_number"""
    ),
    numbers=_names(ORDER_NUMBERS) | _names("discount_amount discount_rule_amount"),
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
    required=(
        "order",
        "product",
        "station",
        "created_by",
        "quantity",
        "price",
        "tax_amount",
        "modifier_amount",
        "temp_sort",
        "tax_rate",
    ),
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
    required=("order", "establishment", "station", "payment_type", "amount", "created_by"),
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

ORDER_HISTORY = Resource(
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
    required=("order", "order_opened_by", "order_opened_at", "opened"),
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
PAYMENT_TYPE = Resource("CustomPaymentType", 200, frozenset(), blank={"name": "TripleSeat", "active": True})
ESTABLISHMENT = Resource(
    name="Establishment",
    first_id=1,
    filters=_names("id"),
    prefix="/enterprise",
    blank={"name": "", "timezone": "America/Los_Angeles", "active": True},
)
USER = Resource("User", 1, frozenset(), prefix="/enterprise", blank={"username": "api.user", "active": True})

RESOURCES = {
    resource.name: resource
    for resource in (
        ORDER,
        ORDER_ITEM,
        PAYMENT,
        ORDER_HISTORY,
        PRODUCT,
        STATION,
        DISCOUNT,
        PAYMENT_TYPE,
        ESTABLISHMENT,
        USER,
    )
}
