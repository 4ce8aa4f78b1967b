"""Both pretend services at a fixed moment, each with an in-process client that may use it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tsrevel.sandbox import RevelSandbox, TripleSeatSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 12, 12, 18, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class Till:
    """A client of the pretend Revel with the few writes that most tests begin with."""

    def __init__(self, app: RevelSandbox) -> None:
        self.app = app
        headers = {"API-AUTHENTICATION": f"{app.api_key}:{app.api_secret}"}
        transport = httpx.WSGITransport(app=app)
        self.http = httpx.Client(transport=transport, base_url="http://revel.example.com", headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(path, params=query or None).json()

    def rows(self, resource: str, **query: Any) -> list[dict[str, Any]]:
        return list(self.get(f"/resources/{resource}/", **query)["objects"])

    def post(self, resource: str, body: dict[str, Any]) -> httpx.Response:
        return self.http.post(f"/resources/{resource}/", json=body)

    def patch(self, order_id: int, **values: Any) -> httpx.Response:
        return self.http.patch(f"/resources/Order/{order_id}/", json=values)

    def new_order(self, **changes: Any) -> dict[str, Any]:
        return dict(self.post("Order", order_body(**changes)).json())

    def new_item(self, order_id: int, **changes: Any) -> httpx.Response:
        return self.post("OrderItem", item_body(order_id, **changes))


def order_body(**changes: Any) -> dict[str, Any]:
    """The body of facts Revel 9.3; a change to None leaves the key out."""
    body = {
        "uuid": "0d6f2f6a-8b6e-5a52-9d0f-0a1b2c3d4e5f",
        "local_id": "Triple Seat_64000001",
        "establishment": "/enterprise/Establishment/8/",
        "created_by": "/enterprise/User/12/",
        "updated_by": "/enterprise/User/12/",
        "created_at": "/resources/PosStation/21/",
        "last_updated_at": "/resources/PosStation/21/",
        "created_date": "2026-12-12T10:00:00",
        "updated_date": "2026-12-12T10:00:00",
        "dining_option": 113,
        "pos_mode": "Q",
        "web_order": True,
        "subtotal": 110.5,
        "tax": 0,
        "surcharge": 0,
        "final_total": 100.5,
        "remaining_due": 100.5,
        **changes,
    }
    return {key: value for key, value in body.items() if value is not None}


def item_body(order_id: int, **changes: Any) -> dict[str, Any]:
    """The body of facts Revel 9.4."""
    return {
        "uuid": "4c8a1d52-1b3a-5f0e-8a77-b1c2d3e4f501",
        "order": f"/resources/Order/{order_id}/",
        "product": "/resources/Product/8101/",
        "quantity": 3,
        "price": 24.0,
        "initial_price": 24.0,
        "price_to_display": 24.0,
        "tax_amount": 0,
        "tax_rate": 0,
        "modifier_amount": 0,
        "temp_sort": 0,
        "dining_option": 113,
        "station": "/resources/PosStation/21/",
        "created_by": "/enterprise/User/12/",
        "updated_by": "/enterprise/User/12/",
        "created_date": "2026-12-12T10:00:00",
        "updated_date": "2026-12-12T10:00:00",
        **changes,
    }


def payment_body(order_id: int, **changes: Any) -> dict[str, Any]:
    """The body of facts Revel 9.6."""
    return {
        "uuid": "e2b7c9a4-5d6e-5c1b-9f20-a3b4c5d6e702",
        "order": f"/resources/Order/{order_id}/",
        "establishment": "/enterprise/Establishment/8/",
        "station": "/resources/PosStation/21/",
        "payment_type": 236,
        "amount": "100.50",
        "tip": "0.00",
        "payment_date": "2026-12-12T10:00:00",
        "created_by": "/enterprise/User/12/",
        **changes,
    }


def history_body(order_id: int) -> dict[str, Any]:
    """The body of facts Revel 9.8."""
    return {
        "uuid": "7f3d5b61-2a4c-5d8e-b9f0-c1d2e3f40503",
        "order": f"/resources/Order/{order_id}/",
        "order_opened_by": "/enterprise/User/12/",
        "order_opened_at": "/resources/PosStation/21/",
        "opened": "2026-12-12T10:00:00",
    }


DISCOUNT = {
    "discount": "/resources/Discount/3358/",
    "discount_amount": 10.0,
    "discount_rule_amount": 10.0,
    "discount_reason": "TripleSeat discount",
    "discounted_by": "/enterprise/User/12/",
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def naps() -> list[float]:
    """The seconds that a `slow` fault would have waited."""
    return []


@pytest.fixture
def revel(clock: Clock, naps: list[float]) -> RevelSandbox:
    app = RevelSandbox(clock, sleep=naps.append)
    app.add_establishment(8, "Special Events", "America/Los_Angeles")
    app.add("PosStation", 21, establishment="/enterprise/Establishment/8/")
    app.add("User", 12)
    app.add("Discount", 3358)
    app.add_product(8101, "Party Box Dozen", 8, "24.00", sku="0120")
    return app


@pytest.fixture
def till(revel: RevelSandbox) -> Iterator[Till]:
    client = Till(revel)
    with client.http:
        yield client


@pytest.fixture
def tripleseat(clock: Clock, naps: list[float]) -> TripleSeatSandbox:
    return TripleSeatSandbox(clock, sleep=naps.append)


@pytest.fixture
def seat(tripleseat: TripleSeatSandbox) -> Iterator[httpx.Client]:
    """A client with a token that works."""
    token = tripleseat.issue_tokens()["access_token"]
    transport = httpx.WSGITransport(app=tripleseat)
    with httpx.Client(
        transport=transport, base_url="http://seat.example.com", headers={"Authorization": f"Bearer {token}"}
    ) as client:
        yield client
