"""A plain model of the service that tsrevel replaces: it sends that service's requests, event by event.

For each event: the event, the order look-up, the whole catalogue page by page, the order, its items, discount,
payment, finish, history, open (facts Revel 3, 5, 9; that service read the catalogue again for each event). Every
request opens its own connection. The model is as fast as possible: no framework, no logging, no retries, no pacing, and
certificates loaded once. Run: python baseline.py JOB.json
"""

from __future__ import annotations

import json
import ssl
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

Json = dict[str, Any]
PAGE = 250
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Services:
    """Both services. Every request opens a new connection."""

    def __init__(self, job: Json) -> None:
        self._seat_url, self._till_url = job["tripleseat"], job["revel"]
        self._seat = {"Authorization": f"Bearer {job['token']}", "Accept": "application/json"}
        self._till = {"API-AUTHENTICATION": job["key"], "Accept": "application/json"}

    def event(self, number: int) -> Json:
        """The event with its money."""
        url = f"{self._seat_url}/v1/events/{number}.json"
        found: Json = _ask("GET", url, self._seat, params={"show_financial": "true"})["event"]
        return found

    def rows(self, path: str, **filters: object) -> list[Json]:
        """Every row of a list, page by page."""
        rows: list[Json] = []
        url: str | None = f"{self._till_url}{path}"
        params: Json | None = {**filters, "limit": PAGE, "offset": 0}
        while url:
            page = _ask("GET", url, self._till, params=params)
            rows += page["objects"]
            following = page["meta"]["next"]
            url, params = (f"{self._till_url}{following}" if following else None), None
        return rows

    def write(self, method: str, path: str, body: Json) -> Json:
        """Revel's answer to a write."""
        answer: Json = _ask(method, f"{self._till_url}{path}", self._till, json=body)
        return answer


def _ask(method: str, url: str, headers: dict[str, str], **request: Any) -> Any:  # noqa: ANN401
    with httpx.Client(verify=TLS, trust_env=False, timeout=60) as client:
        return client.request(method, url, headers=headers, **request).raise_for_status().json()


def carry_over(services: Services, number: int, place: Json) -> None:
    """Make the order of one event, unless Revel has one."""
    event = services.event(number)
    local_id = f"Triple Seat {number}"
    if services.rows("/resources/Order/", establishment=place["establishment"], local_id=local_id):
        return
    products = services.rows("/resources/Product/", establishment=place["establishment"], active="true")
    prices = {row["name"].casefold(): row["resource_uri"] for row in products}
    document = event["documents"][-1]
    common = _common(place, event)
    order = services.write("POST", "/resources/Order/", _order(common, place, event, local_id))
    uri = order["resource_uri"]
    for line in document["line_items"]:
        product = prices[line["description"].casefold()]
        services.write("POST", "/resources/OrderItem/", _item(common, place, uri, product, line))
    _settle(services, common, place, uri, document)


def _settle(services: Services, common: Json, place: Json, uri: str, document: Json) -> None:
    """Send discount, payment, finish, history and open."""
    money = document["financials"]
    discount = {
        "discount": f"/resources/Discount/{place['discount']}/",
        "discount_amount": float(money["discounts_total"]),
        "discount_rule_amount": float(money["discounts_total"]),
        "discount_reason": "TripleSeat discount",
        "discounted_by": common["created_by"],
    }
    services.write("PATCH", uri, discount)
    paid = sum(Decimal(row["amount"]) for row in document["payment_set"]["payments"] if row["paid_at"])
    payment = {
        **common,
        "uuid": str(uuid4()),
        "order": uri,
        "establishment": _establishment(place),
        "station": _station(place),
        "payment_type": place["payment_type"],
        "amount": str(paid),
        "tip": "0.00",
        "payment_date": common["created_date"],
    }
    services.write("POST", "/resources/Payment/", payment)
    total = Decimal(money["grand_total"])
    subtotal = total + Decimal(money["discounts_total"])
    finish = {
        "subtotal": float(subtotal),
        "final_total": float(total),
        "remaining_due": float(total - paid),
        "discount": discount["discount"],
        "printed": True,
    }
    services.write("PATCH", uri, finish)
    opened = {"order_opened_by": common["created_by"], "order_opened_at": _station(place)}
    history = {"uuid": str(uuid4()), "order": uri, **opened, "opened": common["created_date"]}
    services.write("POST", "/resources/OrderHistory/", history)
    services.write("PATCH", uri, {"opened": common["created_date"]})  # Revel accepts and drops it (facts Revel 3.8)


def _common(place: Json, event: Json) -> Json:
    user = f"/enterprise/User/{place['user']}/"
    now = event["event_start_iso8601"][:19]
    return {"created_by": user, "updated_by": user, "created_date": now, "updated_date": now}


def _establishment(place: Json) -> str:
    return f"/enterprise/Establishment/{place['establishment']}/"


def _station(place: Json) -> str:
    return f"/resources/PosStation/{place['station']}/"


def _order(common: Json, place: Json, event: Json, local_id: str) -> Json:
    contact = event["contact"]
    return {
        **common,
        "uuid": str(uuid4()),
        "local_id": local_id,
        "establishment": _establishment(place),
        "created_at": _station(place),
        "last_updated_at": _station(place),
        "dining_option": place["dining_option"],
        "pos_mode": "Q",
        "web_order": True,
        "call_name": f"{contact['first_name']} {contact['last_name']} | {contact['phone_numbers'][0]['number']}",
        "notes": f"Event {event['id']}: {event['name']}",
        **dict.fromkeys(("subtotal", "tax", "surcharge", "final_total", "remaining_due"), 0),
    }


def _item(common: Json, place: Json, order: str, product: str, line: Json) -> Json:
    price = float(line["price"])
    return {
        **common,
        "uuid": str(uuid4()),
        "order": order,
        "product": product,
        "station": _station(place),
        "quantity": int(Decimal(line["quantity"])),
        "price": price,
        "initial_price": price,
        "price_to_display": price,
        **dict.fromkeys(("tax_amount", "tax_rate", "modifier_amount", "temp_sort"), 0),
        "dining_option": place["dining_option"],
    }


def main(job: Json) -> None:
    """Make the orders of all events in the job, one after another."""
    services = Services(job)
    for number, place in job["events"]:
        carry_over(services, number, job["places"][place])


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
