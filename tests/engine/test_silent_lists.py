"""A list of an order's parts that shows none of them, or lags, never makes a run send a part again and again."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from ..world import Died, World, verdict
from .conftest import FULL
from .test_disputes import correct
from .test_twins import OTHER_UUID
from .test_unsupported import bend, silent
from .test_watch import next_run

Asks = Callable[[httpx.Request], bool]
RESOURCES = ["OrderItem", "Payment"]


def reads(resource: str, *, by: str | None = None) -> Asks:
    """Whether the request reads that resource: by this filter, or in any way."""
    path = f"/resources/{resource}/"
    if by is None:
        return lambda request: request.method == "GET" and request.url.path.startswith(path)
    return lambda request: request.method == "GET" and request.url.path == path and by in request.url.params


def numbers_of_parts(world: World) -> tuple[int, int]:
    order = int(world.orders_of(FULL)[0]["id"])
    return len(world.revel.items_of(order)), len(world.revel.payments_of(order))


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_part_that_revel_has_and_does_not_list_is_never_sent_again(tmp_path: Path, resource: str) -> None:
    world = World(tmp_path, "full")
    bend(world, silent(reads(resource, by="order")))
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    written = numbers_of_parts(world)
    for _ in range(3):
        report = next_run(world)
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 14)
        assert numbers_of_parts(world) == written
    bend(world, lambda _request, _response: None)
    assert verdict(next_run(world), FULL) == "injected"
    assert world.flaws(FULL) == []


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_part_that_revel_acknowledges_and_never_shows_is_sent_again_once(tmp_path: Path, resource: str) -> None:
    def hide(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        if not reads(resource)(request):
            return None
        is_list = request.url.path == f"/resources/{resource}/"
        return silent(lambda _: True)(request, response) if is_list else httpx.Response(404, json={})

    world = World(tmp_path, "full")
    bend(world, hide)
    world.sync()
    once = numbers_of_parts(world)
    assert verdict(next_run(world), FULL) == "failed OUTCOME_UNKNOWN"
    twice = (once[0], 2 * once[1]) if resource == "Payment" else (2 * once[0], once[1])
    for _ in range(3):
        assert numbers_of_parts(world) == twice
        report = next_run(world)
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 14)


@pytest.mark.parametrize("answer", [httpx.Response(405, json={}), httpx.Response(200, json={})])
@pytest.mark.parametrize("resource", RESOURCES)
def test_a_failed_search_for_a_part_is_no_proof_that_it_is_missing(
    tmp_path: Path, resource: str, answer: httpx.Response
) -> None:
    def refuse(request: httpx.Request, response: httpx.Response) -> httpx.Response | None:
        if reads(resource, by="order")(request):
            return silent(lambda _: True)(request, response)
        return answer if reads(resource)(request) else None

    world = World(tmp_path, "full")
    bend(world, refuse)
    world.sync()
    written = numbers_of_parts(world)
    is_refused = answer.status_code == 405  # which is no sign that Revel is down
    for _ in range(2):
        assert next_run(world).exit_status == (3 if is_refused else 13)
        assert numbers_of_parts(world) == written


@pytest.mark.parametrize("resource", [*RESOURCES, "OrderHistory"])
def test_a_part_whose_answer_was_lost_is_searched_for_by_its_uuid_before_it_is_sent_again(
    tmp_path: Path, resource: str
) -> None:
    def die_at_its_write(request: httpx.Request, _: httpx.Response) -> httpx.Response | None:
        if request.method == "POST" and request.url.path == f"/resources/{resource}/":
            raise Died
        return None

    world = World(tmp_path, "full")
    bend(world, die_at_its_write)
    with pytest.raises(Died):
        world.sync()
    bend(world, silent(reads(resource, by="order")))
    report = next_run(world)
    assert (verdict(report, FULL), world.writes) == ("held ORDER_DIFFERS", [])


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_part_that_revel_stores_under_another_uuid_and_does_not_list_is_never_sent_again(
    tmp_path: Path, resource: str
) -> None:
    world = World(tmp_path, "full")
    bend(world, silent(lambda request: reads(resource)(request) and request.url.path == f"/resources/{resource}/"))
    world.sync()
    written = numbers_of_parts(world)
    for row in world.revel.state.rows[resource].values():
        row["uuid"] = OTHER_UUID
    report = next_run(world)
    assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 14)
    assert numbers_of_parts(world) == written


@pytest.mark.parametrize(
    ("kept", "fields"),
    [
        (0, {"discount_amount": Decimal("9.60")}),
        (1, {"final_total": Decimal("837.72"), "remaining_due": Decimal("637.72"), "printed": True}),
    ],
    ids=["discount", "totals"],
)
def test_a_change_that_revel_acknowledges_and_never_keeps_is_sent_again_once(
    tmp_path: Path, kept: int, fields: dict[str, object]
) -> None:
    world = World(tmp_path, "full")
    world.revel.faults.add("not_applied", "PATCH", after=kept, times=None)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    assert verdict(next_run(world), FULL) == "failed OUTCOME_UNKNOWN"
    assert set(world.writes) == {"PATCH Order"}
    for _ in range(3):
        report = next_run(world)
        assert (verdict(report, FULL), report.exit_status, world.writes) == ("held ORDER_DIFFERS", 14, [])
    world.revel.faults.clear()
    correct(world, **fields)
    assert (verdict(next_run(world), FULL), world.flaws(FULL)) == ("injected", [])
