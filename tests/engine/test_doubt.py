"""A write whose outcome isn't known is in doubt for a quarter of an hour from its sending, whatever was answered.

In that time it is looked for and never sent again: not by the same run, not by one seconds later, not by the next
delivery.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import httpx
import pytest

from tsrevel.engine.context import RunState
from tsrevel.engine.fetch import NamedEvent
from tsrevel.engine.run import take_up
from tsrevel.planning.model import EventId

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL
from .test_lost_answers import STEPS
from .way import Way

LOSSES: dict[str, int | type[httpx.RequestError]] = {
    **{str(status): status for status in (302, 408, 460, 499, 500, 501, 502, 503, 504, 507, 520, 522, 524, 599)},
    "reset": httpx.ReadError,
    "cut": httpx.RemoteProtocolError,
    "timeout": httpx.ReadTimeout,
    "write timeout": httpx.WriteTimeout,
    "write error": httpx.WriteError,
}


@pytest.fixture
def way(world: World) -> Way:
    return Way(world)


def later_runs(world: World, way: Way, *pauses: float) -> list[str]:
    verdicts = []
    for pause in pauses:
        world.time.move(seconds=pause)
        way.arrive()
        verdicts.append(verdict(world.sync(), FULL))
    return verdicts


@pytest.mark.parametrize("loss", LOSSES)
def test_an_order_that_is_applied_minutes_late_is_never_made_twice(world: World, way: Way, loss: str) -> None:
    way.lose("POST", "/Order/", LOSSES[loss], late=14 * 60)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    assert later_runs(world, way, 1, 5, 120) == ["failed OUTCOME_UNKNOWN"] * 3
    assert world.orders_of(FULL) == []
    assert later_runs(world, way, 12 * 60) == ["injected"]
    assert world.flaws(FULL) == []


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("loss", ["500", "502", "524", "reset"])
@pytest.mark.parametrize("late", [20, 14 * 60])
def test_no_step_that_is_applied_late_is_written_twice(world: World, way: Way, step: str, loss: str, late: int) -> None:
    method, path, after = STEPS[step]
    way.lose(method, path, LOSSES[loss], late=late, after=after)
    first = verdict(world.sync(), FULL)
    assert first == ("injected" if late == 20 else "failed OUTCOME_UNKNOWN")
    later_runs(world, way, 1, 5, 60)
    assert later_runs(world, way, 15 * 60)[0] in {"injected", "skipped ALREADY_INJECTED"}
    assert world.flaws(FULL) == []


def test_in_one_invocation_an_event_in_doubt_is_not_tried_again(world: World, way: Way) -> None:
    way.lose("POST", "/Order/", 500, late=14 * 60)
    with world.open_run() as ctx:
        state, events = RunState.begin(ctx), [NamedEvent(EventId(str(FULL)))]
        first = take_up(ctx, state, events)
        world.forget_requests()
        later = []
        for run_id in ("second", "third"):
            ctx, state = replace(ctx, run_id=run_id), state.of_next_run()
            later.append(take_up(ctx, state, events))
    assert [verdict(each, FULL) for each in (first, *later)] == ["failed OUTCOME_UNKNOWN"] * 3
    assert [each for each in world.revel_requests if "Order" in each] == []


@pytest.mark.parametrize("refusal", [400, 404, 409, 422])
def test_a_write_that_was_refused_is_sent_again_by_the_next_run_at_once(world: World, refusal: int) -> None:
    world.revel.faults.add("status", "POST", "/OrderItem/", status=refusal)
    assert verdict(world.sync(), FULL) == "failed UPSTREAM_UNAVAILABLE"
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_a_write_that_was_surely_never_sent_is_sent_by_the_next_run_at_once(
    world: World, kind: type[httpx.RequestError]
) -> None:
    def refuse() -> None:
        raise kind("no connection")

    world.at("before POST .*/OrderItem/", refuse)
    assert verdict(world.sync(), FULL) == "failed UPSTREAM_UNAVAILABLE"
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_a_dead_process_and_a_slow_write_make_no_second_order_however_soon_the_next_run_is(
    world: World, way: Way
) -> None:
    def die(_request: httpx.Request) -> httpx.Response:
        raise Died

    way.lose("POST", "/Order/", 500, late=10 * 60)
    way._losses[0].answer = die
    with pytest.raises(Died):
        world.sync()
    assert later_runs(world, way, 0.1, 1, 5, 60) == ["failed OUTCOME_UNKNOWN"] * 4
    assert verdict(world.sync_event(FULL, ignore_time_gate=True), FULL) == "failed OUTCOME_UNKNOWN"
    assert later_runs(world, way, 9 * 60) == ["injected"]
    assert world.flaws(FULL) == []


def test_the_ledger_says_until_when_it_is_in_doubt(world: World, way: Way) -> None:
    way.lose("POST", "/Order/", 500, late=14 * 60)
    began = world.time.now
    world.sync()
    record = world.record(FULL)
    assert record is not None
    assert record.pending_until is not None
    assert 14 * 60 < (record.pending_until - began).total_seconds() < 16 * 60


@pytest.mark.parametrize("hours", [1, 26])
def test_a_clock_set_back_does_not_stretch_a_doubt(world: World, way: Way, hours: int) -> None:
    way.lose("POST", "/Order/", 500, late=10**6)
    world.sync()
    world.time.move(hours=-hours)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.time.move(minutes=15)
    report = world.sync_event(FULL, ignore_time_gate=True)
    assert (verdict(report, FULL), world.flaws(FULL)) == ("injected", [])


# 429


@pytest.mark.parametrize("step", ["order", "first item", "last item", "payment", "history"])
def test_a_throttled_write_that_was_applied_all_the_same_is_not_sent_again(world: World, step: str) -> None:
    method, path, after = STEPS[step]
    world.revel.faults.add("status_after", method, path, after=after, status=429)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])
    assert len(world.writes) == 10


@pytest.mark.parametrize("step", ["order", "first item", "payment", "history"])
def test_a_throttled_write_that_is_applied_during_the_wait_is_not_sent_again(world: World, way: Way, step: str) -> None:
    method, path, after = STEPS[step]
    way.lose(method, path, 429, late=0.3, after=after)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


@pytest.mark.parametrize("step", ["order", "first item", "last item", "payment", "history"])
@pytest.mark.parametrize("seconds", [2, 5, 25])
def test_a_throttled_write_that_lists_show_late_is_not_sent_again(
    world: World, way: Way, step: str, seconds: int
) -> None:
    method, path, after = STEPS[step]
    way.lag = timedelta(seconds=seconds)
    world.revel.faults.add("status_after", method, path, after=after, status=429)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])
    assert len(world.writes) == 10


def test_a_write_that_is_throttled_to_the_end_is_in_doubt_as_well(world: World) -> None:
    world.revel.faults.add("status", "POST", "/Payment/", times=4, status=429)
    assert verdict(world.sync(), FULL) == "failed UPSTREAM_UNAVAILABLE"
    assert world.writes.count("POST Payment") == 4
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.time.move(minutes=15)
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_no_wait_for_a_throttled_write_reaches_beyond_the_deadline(world: World) -> None:
    world.config["sync"] = {**world.config.get("sync", {}), "deadline_minutes": 1}
    world.revel.faults.add("status", "POST", "/OrderItem/", times=None, status=429, headers={"Retry-After": "40"})
    began = world.time.now
    assert verdict(world.sync(), FULL) == "failed UPSTREAM_UNAVAILABLE"
    assert (world.time.now - began).total_seconds() <= 60


# Lists that lag


@pytest.mark.parametrize("seconds", [1, 3, 10, 29])
def test_lists_that_lag_make_an_order_in_one_run(world: World, way: Way, seconds: int) -> None:
    way.lag = timedelta(seconds=seconds)
    assert (verdict(world.sync(), FULL), world.flaws(FULL), len(world.writes)) == ("injected", [], 10)
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_lists_that_lag_for_minutes_leave_it_to_a_later_run_and_double_nothing(world: World, way: Way) -> None:
    way.lag = timedelta(minutes=2)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    for _ in range(6):
        world.time.move(minutes=5)
        world.sync()
    assert (world.flaws(FULL), len(world.writes)) == ([], 10)


def test_nobody_waits_for_every_order_where_none_comes_into_sight(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    del world.tripleseat.state.events[FULL]
    for number in range(24):
        world.add_event(64000050 + number, start=time(12, number), lines=[("Coffee Urn", 1, 38)])
    for number in range(12):  # every other write: an outage would end the run
        world.revel.faults.add("status", "POST", "/resources/Order/", after=number, status=500)
    began = world.time.now
    report = world.sync()
    assert Counter(each.reason for each in report.outcomes) == {"OUTCOME_UNKNOWN": 12, None: 12}
    assert (world.time.now - began).total_seconds() < 12 * 31 / 2


def test_what_is_told_of_an_event_in_doubt_says_what_happened_and_what_will(world: World, way: Way) -> None:
    way.lose("POST", "/Order/", 500, late=14 * 60)
    assert "a later run checks again" in find_outcome(world.sync(), FULL).text
    assert "nothing is sent again before 2026-12-12 18:1" in find_outcome(world.sync(), FULL).text
