"""A write whose answer is lost is settled by looking, never by sending it again first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import EventId

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL

STEPS = {
    "order": ("POST", "/resources/Order/", 0),
    "first item": ("POST", "/OrderItem/", 0),
    "last item": ("POST", "/OrderItem/", 4),
    "discount": ("PATCH", "/resources/Order/", 0),
    "payment": ("POST", "/Payment/", 0),
    "totals": ("PATCH", "/resources/Order/", 1),
    "history": ("POST", "/OrderHistory/", 0),
}
WRITTEN: dict[str, tuple[str, dict[str, Any]]] = {
    "cut": ("drop_after", {}),
    "500": ("status_after", {"status": 500, "body": {"error_message": "Traceback"}}),
    "truncated": ("truncated", {}),
    "login page": ("html", {"applied": True}),
    "wrong shape": ("wrong_shape", {}),
    "200 for 201": ("status_after", {"status": 200, "body": {"id": 1}}),
}
UNWRITTEN: dict[str, tuple[str, dict[str, Any]]] = {
    "cut": ("drop_before", {}),
    "500": ("status", {"status": 500}),
    "login page": ("html", {}),
    "redirect": ("status", {"status": 302, "headers": {"Location": "/login"}}),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("loss", WRITTEN)
def test_a_write_that_was_applied_is_found_and_never_sent_twice(world: World, step: str, loss: str) -> None:
    method, path, after = STEPS[step]
    kind, details = WRITTEN[loss]
    world.revel.faults.add(kind, method, path, after=after, **details)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("injected", 0)
    assert world.flaws(FULL) == []
    assert len(world.writes) == 10


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("loss", UNWRITTEN)
def test_a_write_that_may_not_have_been_applied_is_not_sent_again_for_a_quarter_of_an_hour(
    world: World, step: str, loss: str
) -> None:
    method, path, after = STEPS[step]
    kind, details = UNWRITTEN[loss]
    world.revel.faults.add(kind, method, path, after=after, **details)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    sent = len(world.writes)
    assert (verdict(world.sync(), FULL), len(world.writes)) == ("failed OUTCOME_UNKNOWN", sent)
    world.time.move(minutes=15)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])
    assert len(world.writes) == 10 + 1


@pytest.mark.parametrize("step", ["order", "first item", "last item", "payment", "history"])
def test_a_part_out_of_sight_for_a_moment_is_looked_for_twice(world: World, step: str) -> None:
    method, path, after = STEPS[step]
    world.revel.faults.add("drop_after", method, path, after=after)
    world.at("cut", lambda: hide_newest(world, step))
    report = world.sync()
    assert verdict(report, FULL) == "injected"
    assert (world.flaws(FULL), len(world.writes)) == ([], 10)


@pytest.mark.parametrize("step", ["order", "first item", "payment", "history"])
def test_an_applied_write_that_stays_out_of_sight_is_not_doubled_by_the_next_run(world: World, step: str) -> None:
    method, path, after = STEPS[step]
    world.revel.faults.add("invisible", method, path, after=after, lookups=2)
    world.at(f"after {method} .*{path}", lambda: setattr(world.wires["revel"], "down", True))
    world.sync()
    world.wires["revel"].down = False
    for _ in range(3):
        world.time.move(minutes=30)
        world.sync()
    assert (world.flaws(FULL), len(world.writes)) == ([], 10)


def time_out() -> None:
    raise httpx.ReadTimeout("timed out")


@pytest.mark.parametrize("step", STEPS)
def test_a_write_that_timed_out_may_be_applied_late_so_the_next_run_only_looks(world: World, step: str) -> None:
    method, path, after = STEPS[step]
    if after:
        world.at(f"before {method} .*{path}", lambda: world.at(f"before {method} .*{path}", time_out))
    else:
        world.at(f"before {method} .*{path}", time_out)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.forget_requests()
    world.time.move(minutes=5)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    assert (len(world.revel_requests) > 0, world.writes) == (True, [])
    world.time.move(minutes=15)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_an_order_that_was_applied_long_after_its_write_timed_out_is_taken_up(world: World) -> None:
    world.at("before POST /resources/Order/", time_out)
    world.sync()
    money = {key: Decimal("847.32") for key in ("final_total", "remaining_due")}
    money |= {"subtotal": Decimal("794.08"), "tax": Decimal("53.24")}
    world.time.move(minutes=10)
    world.add_order(FULL, "Triple Seat_{}", uuid=order_uuid(EventId(str(FULL))), **money)
    world.time.move(minutes=35)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


@pytest.mark.parametrize("kind", ["status", "status_after"])
def test_a_gateway_that_timed_out_is_let_rest_as_well(world: World, kind: str) -> None:
    world.revel.faults.add(kind, "POST", "/OrderItem/", status=504)
    for _ in range(2):
        world.sync()
        world.time.move(minutes=20)
    assert world.flaws(FULL) == []


def hide_newest(world: World, step: str) -> None:
    """Keep the row that `step` has just written out of the next look-up."""
    resource = STEPS[step][1].strip("/").split("/")[-1].removeprefix("resources/")
    row = max(world.revel.state.rows[resource])
    world.revel.state.hidden[resource, row] = 1


@pytest.mark.parametrize("step", STEPS)
def test_a_lookup_that_fails_after_a_lost_answer_leaves_all_to_the_next_run(world: World, step: str) -> None:
    method, path, after = STEPS[step]
    world.revel.faults.add("drop_after", method, path, after=after)
    world.revel.faults.add("status", "GET", "Order/$|/Order/5550101/|OrderItem|Payment|History", after=1, times=8)
    first = world.sync()
    assert find_outcome(first, FULL).status == "failed"
    world.revel.faults.clear()
    assert verdict(world.sync(), FULL) == "injected"
    assert (world.flaws(FULL), len(world.writes)) == ([], 10)


@pytest.mark.parametrize("step", STEPS)
def test_a_refused_connection_in_the_middle_is_no_harm(world: World, step: str) -> None:
    method, path, after = STEPS[step]
    for _ in range(after):
        world.at(f"before {method} .*{path}", lambda: None)
    seen = []

    def refuse() -> None:
        seen.append(step)
        world.wires["revel"].down = True

    world.at(f"before {method} .*{path}", refuse)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("failed UPSTREAM_UNAVAILABLE", 3)
    world.wires["revel"].down = False
    assert verdict(world.sync(), FULL) == "injected"
    assert (world.flaws(FULL), len(world.writes), seen) == ([], 10, [step])


@pytest.mark.parametrize("step", ["order", "discount", "payment"])
def test_a_throttled_write_is_sent_again_after_the_wait_it_was_told(world: World, step: str) -> None:
    method, path, after = STEPS[step]
    world.revel.faults.add("status", method, path, after=after, status=429, headers={"Retry-After": "7"})
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])
    assert 7.0 in world.time.naps


@pytest.mark.parametrize("step", ["order", "last item", "totals"])
def test_a_refused_write_stops_the_event_and_is_tried_by_the_next_run(world: World, step: str) -> None:
    method, path, after = STEPS[step]
    world.revel.faults.add("status", method, path, after=after, status=400, body={"Order": {"tax": ["Required."]}})
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("failed UPSTREAM_UNAVAILABLE", 3)
    assert "Order.tax" in find_outcome(report, FULL).text
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


@pytest.mark.parametrize("step", STEPS)
def test_what_was_acknowledged_and_not_kept_is_written_again_once_two_runs_have_missed_it(
    world: World, step: str
) -> None:
    method, path, after = STEPS[step]
    world.revel.faults.add("not_applied", method, path, after=after)
    world.sync()
    if step == "order":
        world.sync()
    assert not any(order["printed"] and step != "history" for order in world.orders_of(FULL))
    sent = len(world.writes)
    world.time.move(minutes=13)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    assert len(world.writes) == sent
    world.time.move(minutes=2)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


@pytest.mark.parametrize("step", ["first item", "payment", "history"])
def test_a_part_that_was_acknowledged_and_is_not_in_sight_after_a_crash_is_not_written_at_once(
    world: World, step: str
) -> None:
    method, path, after = STEPS[step]
    world.revel.faults.add("not_applied", method, path, after=after)
    read_backs = {"first item": "OrderItem", "payment": "Payment", "history": "/resources/Order/5550101/"}
    read_back = f"before GET .*{read_backs[step]}"
    world.at(f"after {method} .*{path}", lambda: world.at(read_back, world.die))
    with pytest.raises(Died):
        world.sync()
    sent = len(world.writes)
    for _ in range(2):
        assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    assert len(world.writes) == sent


def test_an_order_that_was_written_to_and_is_gone_is_left_to_a_person(world: World) -> None:
    world.at("after POST /resources/Payment/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.revel.state.rows["Order"].clear()
    sent = len(world.writes)
    verdicts = []
    for _ in range(3):
        verdicts.append(verdict(world.sync(), FULL))
        world.time.move(minutes=45)
    assert verdicts == ["failed OUTCOME_UNKNOWN", "held ORDER_EXISTS", "held ORDER_EXISTS"]
    assert (len(world.writes), world.orders_of(FULL)) == (sent, [])


def test_an_order_that_the_look_ups_miss_is_found_by_its_id(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.revel.faults.add("wrong_shape", "GET", "/resources/Order/$", times=2, body={"objects": [], "meta": {}})
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_another_order_under_the_acknowledged_id_is_not_ours(world: World) -> None:
    world.revel.faults.add("not_applied", "POST", "/resources/Order/")
    world.sync()
    other = world.add_order(FULL, "Somebody's {}")
    assert str(other) == getattr(world.record(FULL), "order_id", None)
    for _ in range(2):
        world.sync()
        world.time.move(minutes=45)
    assert world.flaws(FULL) == []
    assert world.revel.items_of(other) == []


def test_a_late_write_whose_look_up_fails_as_well_is_let_rest(world: World) -> None:
    def time_out_and_go_down() -> None:
        world.wires["revel"].down = True
        raise httpx.ReadTimeout("timed out")

    world.at("before POST .*/OrderItem/", time_out_and_go_down)
    assert verdict(world.sync(), FULL) == "failed UPSTREAM_UNAVAILABLE"
    world.wires["revel"].down = False
    sent = len(world.writes)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    assert len(world.writes) == sent
    world.time.move(minutes=16)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_what_was_sent_again_is_looked_at_once_more_and_then_never(world: World) -> None:
    world.revel.faults.add("drop_before", "POST", "/OrderItem/")
    world.sync()
    world.time.move(minutes=15)
    assert verdict(world.sync(), FULL) == "injected"
    world.time.move(minutes=45)
    world.forget_requests()
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"
    assert 0 < len(world.revel_requests) <= 7
    world.forget_requests()
    world.sync()
    assert world.revel_requests == []
