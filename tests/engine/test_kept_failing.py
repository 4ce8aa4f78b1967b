"""A service that keeps failing ends each `sync` with 13 until another order is finished, in whichever way it fails."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import time
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tsrevel.engine.outcomes import RunReport
from tsrevel.ledger import AuditKind
from tsrevel.planning.reasons import Reason

from ..cli.bench import Shell
from ..notify.post import Envelope, ToldWorld
from ..world import World, find_outcome, verdict
from .conftest import FULL
from .deliveries import deliver, delivery

ORDERS = ("POST", "/resources/Order/")
OTHER = 64000070


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, "full")


def fail(world: World, event: int | str = r"\d+", status: int = 500) -> None:
    """TripleSeat answers each read of that event, or of any, with that status."""
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{event}", times=None, status=status)


def statuses(world: World, runs: int, *, minutes: int = 45) -> list[int]:
    """The exit statuses of so many runs."""
    found = []
    for _ in range(runs):
        found.append(world.sync().exit_status)
        world.time.move(minutes=minutes)
    return found


def told(report: RunReport) -> tuple[int, Reason | None, bool]:
    return report.exit_status, report.reason, report.error is not None


def test_runs_of_ten_minutes_that_wait_for_a_write_in_doubt_end_no_failure(world: World) -> None:
    world.revel.faults.add("status", *ORDERS, times=None, status=500)
    assert statuses(world, 7, minutes=10) == [3, 3, 13, 13, 13, 13, 13]


def test_deliveries_that_send_the_write_before_each_run_hide_no_failure(world: World) -> None:
    world.revel.faults.add("status", *ORDERS, times=None, status=500)
    found = []
    for _ in range(3):
        deliver(world, delivery(world, FULL))
        world.time.move(minutes=5)
        found.append(world.sync().exit_status)
        world.time.move(minutes=40)
    assert found == [3, 13, 13]


def test_the_report_says_why_and_the_run_leaves_no_event_out(world: World) -> None:
    world.revel.faults.add("status", *ORDERS, times=None, status=500)
    assert told(world.sync()) == (3, None, False)
    for _ in range(2):
        world.time.move(minutes=45)
        report = world.sync()
        assert told(report) == (13, Reason.UPSTREAM_UNAVAILABLE, True)
        assert str(FULL) in str(report.error)
        with world.ledger() as ledger:
            assert AuditKind.LEFT_OUT not in {row.kind for row in ledger.audit.rows()}
    world.revel.faults.clear()
    world.time.move(minutes=45)
    assert told(world.sync()) == (0, None, False)


def test_a_dry_run_neither_counts_nor_ends_with_it(world: World) -> None:
    fail(world)
    assert [world.sync(dry_run=True).exit_status for _ in range(3)] == [3, 3, 3]
    assert statuses(world, 2) == [3, 13]
    assert world.sync(dry_run=True).exit_status == 3


def test_a_service_that_fails_in_two_ways_in_turn_is_one_failure(tmp_path: Path) -> None:
    world = ToldWorld(tmp_path, "full")
    found = []
    for run in range(6):
        world.tripleseat.faults.clear()
        fail(world, status=(500, 404)[run % 2])
        found.append(Shell(world).sync().status)
        world.time.move(minutes=45)
    assert found == [3, *[13] * 5]
    assert len(world.sendgrid.mails) == 2


@pytest.mark.parametrize("workers", [1, 3])
def test_an_order_that_the_run_made_before_the_failure_excuses_nothing(world: World, workers: int) -> None:
    world.config["sync"]["workers"] = workers
    world.add_event(OTHER, start=time(23))
    break_down = partial(world.revel.faults.add, "status", *ORDERS, times=None, status=500)
    world.at("after POST /resources/OrderHistory", break_down)
    first = world.sync()
    assert [verdict(first, each) for each in (FULL, OTHER)] == ["injected", "failed OUTCOME_UNKNOWN"]
    assert first.exit_status == 3
    world.time.move(minutes=45)
    assert statuses(world, 3) == [13, 13, 13]


def test_an_order_that_the_run_made_after_the_failure_shows_the_event_at_fault(world: World) -> None:
    world.add_event(OTHER, start=time(23))
    fail(world, FULL)
    assert statuses(world, 3) == [3, 3, 3]


def test_changed_events_that_cant_be_read_end_each_run_although_their_orders_are_made(world: World) -> None:
    more = [world.add_event(OTHER + n, start=time(20)) for n in range(2)]
    assert world.sync().exit_status == 0
    fail(world)
    for event in (FULL, *more):
        world.rewrite_event(event, lines=[("Coffee Urn", 2, 38)])
    world.time.move(minutes=45)
    assert statuses(world, 3) == [13, 13, 13]
    world.tripleseat.faults.clear()
    report = world.sync()
    assert {verdict(report, each) for each in (FULL, *more)} == {"skipped CHANGED_AFTER_INJECTION"}


def test_one_location_that_fails_while_another_gets_its_orders_is_no_outage(world: World) -> None:
    world.revel.faults.add("status", *ORDERS, times=1, status=503)
    found = []
    for number in range(3):
        fail(world, FULL)
        world.add_event(OTHER + number, lakeside=True, start=time(20))
        found.append(world.sync().exit_status)
        world.time.move(minutes=45)
    assert found == [3, 3, 3]


class Swallowing(httpx.BaseTransport):
    """Acknowledges each PATCH of an order and keeps nothing of it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH" and re.search(r"/Order/", request.url.path):
            return httpx.Response(202, json={})
        response: httpx.Response = self._inner.handle_request(request)
        return response


def _add_paid(world: World) -> int:
    return world.add_event(OTHER, start=time(20), lines=[("Coffee Urn", 1, 38)], payments=[("38.00", True)])


@pytest.mark.parametrize("add", [lambda _: FULL, _add_paid], ids=["discount", "totals"])
def test_a_change_that_revel_acknowledges_and_never_keeps_is_told_twice_and_ends_each_run(
    tmp_path: Path, add: Callable[[World], int]
) -> None:
    world = ToldWorld(tmp_path, "full")
    event = add(world)
    if event != FULL:
        del world.tripleseat.state.events[FULL]
    world.wires["revel"] = Swallowing(world.wires["revel"])  # type: ignore[assignment]
    found = []
    for _ in range(4):
        found.append(Shell(world).sync().status)
        world.time.move(minutes=45)
    assert found == [3, 13, 13, 13]
    assert ["NEEDS A PERSON" in Envelope(each).text.upper() for each in world.sendgrid.mails] == [False, True]


# The second mail


def test_a_first_failure_after_good_runs_is_told_as_such(tmp_path: Path) -> None:
    world = ToldWorld(tmp_path, "unmapped")
    shell, event = Shell(world), next(iter(world.tripleseat.state.events))
    fail(world, event)
    shell.sync()
    world.tripleseat.faults.clear()
    world.time.move(minutes=45)
    shell.sync()
    fail(world, event)
    world.tripleseat.edit_event(event, name="Renamed")
    world.time.move(minutes=45)
    shell.sync()
    first, _held, last = (Envelope(each).text.upper() for each in world.sendgrid.mails)
    for each in (first, last):
        assert "NEEDS A PERSON" not in each


def test_a_failure_that_repeats_is_told_as_such_although_nobody_was_told_the_first(tmp_path: Path) -> None:
    world = ToldWorld(tmp_path, "full")
    world.config["email"]["on"] = ["held"]
    fail(world)
    Shell(world).sync()
    world.config["email"]["on"] = ["held", "failed"]
    world.time.move(minutes=45)
    Shell(world).sync()
    (mail,) = world.sendgrid.mails
    assert "NEEDS A PERSON" in Envelope(mail).text.upper()


def test_deliveries_between_the_runs_cause_no_further_mail(tmp_path: Path) -> None:
    world = ToldWorld(tmp_path, "full")
    fail(world)
    for _ in range(4):
        Shell(world).sync()
        world.time.move(minutes=20)
        Shell(world).sync_event(str(FULL))
        world.time.move(minutes=25)
    assert len(world.sendgrid.mails) == 2


def test_a_run_that_only_waits_says_so_and_is_no_second_failure(world: World) -> None:
    world.revel.faults.add("status", *ORDERS, times=None, status=500)
    world.sync()
    world.time.move(minutes=5)
    outcome = find_outcome(world.sync(), FULL)
    assert (outcome.reason, outcome.repeated) == (Reason.OUTCOME_UNKNOWN, False)


def test_status_history_and_explain_give_the_advice_for_a_failure_that_repeats(world: World) -> None:
    fail(world)
    shell = Shell(world)
    config = ("--config", str(shell.write_config()), "--json")
    for again in (False, True):
        shell.sync()
        world.time.move(minutes=45)
        (failed,) = json.loads(shell.run("status", *config).out)["failed"]
        assert failed["advice"].startswith("wait for the next run") is not again
        for command in (("history", str(FULL)), ("explain", str(FULL), "--offline")):
            assert json.dumps(failed["advice"]) in shell.run(*command, *config).out
