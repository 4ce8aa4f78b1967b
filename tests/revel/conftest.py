"""A plan, and Revel's client at the pretend Revel in-process, with every body it sends kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from tsrevel.planning.identity import list_steps, order_uuid, part_uuid
from tsrevel.planning.model import (
    EstablishmentId,
    EventId,
    Item,
    Labels,
    Location,
    LocationId,
    Plan,
    PlannedPayment,
    ProductId,
    Step,
)
from tsrevel.planning.money import Cents
from tsrevel.revel.client import Revel
from tsrevel.sandbox import RevelSandbox
from tsrevel.transport.api import ApiClient, FixedHeaders
from tsrevel.transport.client import RateLimiter, Sender
from tsrevel.transport.write_gate import WriteGate

NOW = datetime(2026, 12, 13, 6, 30, tzinfo=UTC)
"""22:30 of the day before in Los Angeles."""
WALL = "2026-12-12T22:30:00"
EIGHT = EstablishmentId(8)
LABELS = Labels("Jordan Example | (702) 555-0142", "TripleSeat event 64000001: lunch")
PLACE = Location(
    name="Special Events",
    tripleseat_location=LocationId("30501"),
    tripleseat_site=None,
    establishment=EIGHT,
    timezone="America/Los_Angeles",
    user=12,
    station=21,
    dining_option=113,
    payment_type=236,
    discount=3358,
)
ORDER = order_uuid(EventId("64000001"))


def make_plan(discount: int = 0, paid: int = 0, tax: int = 0, gratuity: int = 0, **item: Any) -> Plan:
    """One item of 3 x 24.10, and as asked in cents."""
    values: dict[str, Any] = {"product": ProductId(8101), "quantity": 3, "unit_price": Cents(2410), "line": "Lunch"}
    items = (Item(uuid=part_uuid(ORDER, "item"), **{**values, **item}),)
    payments = (PlannedPayment(part_uuid(ORDER, "payment"), Cents(paid)),) if paid else ()
    return Plan(
        event_id=EventId("64000001"),
        day=date(2026, 12, 12),
        location=PLACE,
        local_id="Triple Seat_64000001",
        uuid=ORDER,
        items=items,
        discount=Cents(discount),
        tax=Cents(tax),
        gratuity=Cents(gratuity),
        payments=payments,
        steps=list_steps(ORDER, items, payments, discounted=bool(discount)),
    )


def step_of(plan: Plan, kind: str) -> Step:
    """The first step of that kind."""
    return next(step for step in plan.steps if step.kind == kind)


@dataclass
class Recorder(httpx.BaseTransport):
    """The sandbox in-process. `bodies` are what was sent, `queries` what was asked."""

    app: RevelSandbox
    bodies: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.content:
            self.bodies.append((request.method, request.url.path, json.loads(request.content)))
        else:
            self.queries.append(dict(request.url.params))
        try:
            return httpx.WSGITransport(app=self.app).handle_request(request)
        except ConnectionError as cut:
            raise httpx.ReadError("cut", request=request) from cut


class Answering(httpx.BaseTransport):
    """A service that answers as `answer` says."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request)


@pytest.fixture
def app() -> RevelSandbox:
    app = RevelSandbox(lambda: NOW, sleep=lambda _: None)
    app.add_establishment(8, "Special Events", "America/Los_Angeles")
    app.add("PosStation", 21, establishment="/enterprise/Establishment/8/")
    app.add("User", 12)
    app.add("Discount", 3358)
    app.add_product(8101, "Boxed Lunch", 8, "24.00")
    return app


@pytest.fixture
def wire(app: RevelSandbox) -> Recorder:
    return Recorder(app)


def connect(transport: httpx.BaseTransport) -> ApiClient:
    """A channel to `transport` that waits for nothing."""
    sender = Sender(
        "Revel",
        "http://127.0.0.1:8002",
        rate_limiter=RateLimiter(1_000_000, lambda: 0.0, lambda _: None),
        clock=lambda: NOW,
        gate=WriteGate(dry_run=False, sandbox=True),
        transport=transport,
    )
    key = FixedHeaders({"API-AUTHENTICATION": "sandbox-key:sandbox-secret"})
    return ApiClient(sender, sleep=lambda _: None, authentication=key)


@pytest.fixture
def revel(wire: Recorder) -> Iterator[Revel]:
    channel = connect(wire)
    yield Revel(channel, lambda: NOW)
    channel.sender.close()
