"""Breaks assumptions that a client may make about the two services, each by its name."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta

from tsrevel.sandbox.app import Json
from tsrevel.sandbox.revel import RevelSandbox
from tsrevel.sandbox.tripleseat import TripleSeatSandbox

SMALL_PAGE = 3
"""Events on a search page while pages are broken, so a sample day has several pages."""
_SMALL_CAP = 10
_UUID_RESOURCES = ("Order", "OrderItem", "Payment", "OrderHistory")


def break_services(tripleseat: TripleSeatSandbox, revel: RevelSandbox, *names: str) -> None:
    """Let the services differ from the known facts. `names` are keys of BREAKS; KeyError for others.

    Some breaks change existing rows, so seed the services first.
    """
    for name in names:
        BREAKS[name](tripleseat, revel)


def _replace_uuids(_: TripleSeatSandbox, revel: RevelSandbox) -> None:
    revel.replaces_uuids |= set(_UUID_RESOURCES)
    for resource in _UUID_RESOURCES:
        for row in revel.state.rows[resource].values():
            row["uuid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, str(row["uuid"])))


def _ignore_filter(name: str) -> Callable[[TripleSeatSandbox, RevelSandbox], None]:
    return lambda _, revel: revel.ignored_filters.add(name)


def _set_revel(name: str, value: object) -> Callable[[TripleSeatSandbox, RevelSandbox], None]:
    return lambda _, revel: setattr(revel, name, value)


def _set_tripleseat(name: str, value: object) -> Callable[[TripleSeatSandbox, RevelSandbox], None]:
    return lambda tripleseat, _: setattr(tripleseat, name, value)


def _repeat_first_page(tripleseat: TripleSeatSandbox, _: RevelSandbox) -> None:
    tripleseat.repeats_first_page = True
    tripleseat.page_size = SMALL_PAGE


def _each_live_document(tripleseat: TripleSeatSandbox, change: Callable[[Json, Json], None]) -> None:
    for event in tripleseat.state.events.values():
        for document in list(event["documents"]):
            if not document["deleted_at"]:
                change(event, document)


def _add_charge(tripleseat: TripleSeatSandbox, _: RevelSandbox) -> None:
    def change(_event: Json, document: Json) -> None:
        charge = {"billing_id": 990099, "description": "Harbor Levy", "value": "1.00", "total_price": "1.00"}
        document["billing_totals"] = [*document["billing_totals"], charge]

    _each_live_document(tripleseat, change)


def _rename_payment_states(tripleseat: TripleSeatSandbox, _: RevelSandbox) -> None:
    def change(_event: Json, document: Json) -> None:
        row = {"id": document["id"] * 10, "amount": "1.00", "state": "earmarked", "paid_at": None}
        known = document["payment_set"] or {"payments": []}
        payments = [{**each, "state": "earmarked"} for each in known["payments"]]
        document["payment_set"] = {**known, "payments": payments or [row]}

    _each_live_document(tripleseat, change)


def _leave_updated_at(tripleseat: TripleSeatSandbox, _: RevelSandbox) -> None:
    for event in tripleseat.state.events.values():
        event["updated_at"] = event["created_at"]


def _add_rival_document(tripleseat: TripleSeatSandbox, _: RevelSandbox) -> None:
    def change(event: Json, document: Json) -> None:
        lines = [
            {**line, "display_name": f"{line['display_name'] or line['description']} II"}
            for line in document["line_items"]
        ]
        event["documents"].append({**document, "id": document["id"] + 5_000_000, "line_items": lines})

    _each_live_document(tripleseat, change)


def _disable_webhooks(tripleseat: TripleSeatSandbox, _: RevelSandbox) -> None:
    for site in tripleseat.state.zones:
        tripleseat.add_webhook(site, disabled_at="11/3/2026 2:41 PM", failed_count=25)


BREAKS: Mapping[str, Callable[[TripleSeatSandbox, RevelSandbox], None]] = {
    "uuid-kept": _replace_uuids,
    "uuid-filter": _ignore_filter("uuid"),
    "local-id-filter": _ignore_filter("local_id"),
    "unknown-uuid": _set_revel("lists_all_for_unknown", value=True),
    "in-filter": lambda _, revel: revel.ignored_suffixes.add("in"),
    "unknown-filter": _set_revel("refuses_unknown_filters", value=True),
    "establishment-filter": _ignore_filter("establishment"),
    "fields": _set_revel("ignores_fields", value=True),
    "page-limit": _set_revel("page_cap", _SMALL_CAP),
    "next-page": _set_revel("repeats_pages", value=True),
    "page-order": _set_revel("ignores_order", value=True),
    "product-set": _set_revel("knows_sets", value=False),
    "numbers": _set_revel("spells_money", "USD {amount:,.2f}"),
    "local-time": _set_revel("shows_utc", value=True),
    "clock": _set_revel("clock_ahead", timedelta(hours=2)),
    "event-dates": lambda tripleseat, _: tripleseat.ignored_ranges.add("event"),
    "update-dates": lambda tripleseat, _: tripleseat.ignored_ranges.add("updated_at"),
    "order": _set_tripleseat("ignores_order", value=True),
    "pages": _repeat_first_page,
    "updated-at": _leave_updated_at,
    "financials": _set_tripleseat("ignores_show_financial", value=True),
    "charges": _add_charge,
    "payment-states": _rename_payment_states,
    "documents": _add_rival_document,
    "webhooks": _disable_webhooks,
}
"""Name → function that breaks the assumption."""
