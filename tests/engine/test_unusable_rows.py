"""One row with an invalid number, or nested too deeply: its event is reported, and every other one is made."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tsrevel.engine.outcomes import Outcome
from tsrevel.planning.reasons import Reason, Status

from ..world import World

FULL, OTHER = 64000001, 64000050
PLANT = "PLANTED HERE"
BAD = [
    *("NaN", "Infinity", "-Infinity", "9" * 5000, "1e999999", "1e9999999999999999999"),
    *("[" * 5000 + "]" * 5000, '{"a":' * 2000 + "1" + "}" * 2000),
]


class Spoiler(httpx.BaseTransport):
    """Between us and a pretend service: what a text in an answer is replaced with, quotes and all."""

    def __init__(self, inner: httpx.BaseTransport, raw: str) -> None:
        self._inner, self._raw = inner, raw

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        body = response.read().replace(f'"{PLANT}"'.encode(), self._raw.encode())
        headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
        return httpx.Response(response.status_code, headers=headers, content=body)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, "full")


def spoil(world: World, raw: str, service: str = "tripleseat") -> None:
    world.wires[service] = Spoiler(world.wires[service], raw)  # type: ignore[assignment]


def outcomes(world: World) -> dict[str, Outcome]:
    return {each.event_id: each for each in world.sync().outcomes}


@pytest.mark.parametrize("raw", BAD, ids=lambda raw: raw[:8])
@pytest.mark.parametrize(
    "field", ["grand_total", "guest_count", "location_id", "custom_fields", "status", "deleted_at"]
)
def test_an_event_with_an_unusable_value_is_held_and_hides_no_other(world: World, raw: str, field: str) -> None:
    spoil(world, raw)
    world.tripleseat.edit_event(world.add_event(OTHER), **{field: PLANT})
    told = outcomes(world)
    assert told[str(FULL)].status is Status.INJECTED
    held = told[str(OTHER)]
    assert (held.status, held.reason) == (Status.HELD, Reason.MISSING_DATA)
    assert field in held.text
    assert world.orders_of(OTHER) == []


@pytest.mark.parametrize("raw", [*BAD[:6], "64000050.0", "6.4000050e7", "-0", "0", "99999999999999999999"])
def test_an_id_is_never_taken_from_what_is_none(world: World, raw: str) -> None:
    event = world.add_event(OTHER)
    world.tripleseat.edit_event(event, name=PLANT)
    wire = world.wires["tripleseat"]

    class Swapper(Spoiler):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            body = response.read().replace(b'"id": 64000050,', f'"id": {raw},'.encode())
            body = body.replace(b'"id":64000050,', f'"id":{raw},'.encode())
            return httpx.Response(response.status_code, headers=response.headers, content=body)

    world.wires["tripleseat"] = Swapper(wire, '"Party"')  # type: ignore[assignment]
    told = outcomes(world)
    assert told.pop(str(FULL)).status is Status.INJECTED
    (held,) = told.values()
    assert (held.status, held.reason) == (Status.HELD, Reason.MISSING_DATA)
    assert len(world.revel.orders) == 1


def test_an_event_whose_place_cannot_be_read_is_not_passed_over(world: World) -> None:
    world.config["safety"]["allowed_locations"] = [30501]
    spoil(world, "NaN")
    world.tripleseat.edit_event(FULL, location_id=PLANT, location=None)
    assert outcomes(world)[str(FULL)].status is Status.HELD


@pytest.mark.parametrize("raw", BAD, ids=lambda raw: raw[:8])
def test_a_named_event_with_an_unusable_value_is_reported_as_such(world: World, raw: str) -> None:
    spoil(world, raw)
    world.tripleseat.edit_event(FULL, grand_total=PLANT)
    (told,) = world.sync_event(FULL).outcomes
    assert (told.status, told.reason) == (Status.HELD, Reason.MISSING_DATA)


@pytest.mark.parametrize("raw", BAD, ids=lambda raw: raw[:8])
def test_a_count_of_pages_that_is_none_is_no_count(world: World, raw: str) -> None:
    class Counter(Spoiler):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = self._inner.handle_request(request)
            body = response.read().replace(b'"total_pages": 1', f'"total_pages": {raw}'.encode())
            body = body.replace(b'"total_pages":1', f'"total_pages":{raw}'.encode())
            headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
            return httpx.Response(response.status_code, headers=headers, content=body)

    world.wires["tripleseat"] = Counter(world.wires["tripleseat"], raw)  # type: ignore[assignment]
    assert outcomes(world)[str(FULL)].status is Status.INJECTED


@pytest.mark.parametrize("raw", BAD, ids=lambda raw: raw[:8])
def test_a_product_with_an_unusable_price_hides_no_other(world: World, raw: str) -> None:
    spoil(world, raw, "revel")
    world.revel.add("Product", None, name="Odd", price=PLANT, active=True, establishment="/enterprise/Establishment/8/")
    assert outcomes(world)[str(FULL)].status is Status.INJECTED


@pytest.mark.parametrize("raw", BAD, ids=lambda raw: raw[:8])
def test_a_finished_order_that_cannot_be_read_hides_no_other_change(world: World, raw: str) -> None:
    world.add_event(OTHER)
    assert [each.status for each in outcomes(world).values()] == [Status.INJECTED] * 2
    world.time.move(hours=1)
    rows = world.revel.state.rows["Order"]
    rows[world.orders_of(FULL)[0]["id"]]["final_total"] = PLANT
    rows[world.orders_of(OTHER)[0]["id"]]["deleted"] = True
    spoil(world, raw, "revel")
    assert outcomes(world)[str(OTHER)].reason is Reason.CHANGED_AFTER_INJECTION
