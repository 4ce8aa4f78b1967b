"""An account that doesn't do what an order's safety rests on is never written to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult
from tsrevel.sandbox.app import LoggedRequest

from ..cli.bench import Shell
from ..world import Wire, World
from .conftest import FULL


def answer(world: World, code: AssumptionCode, result: AssumptionResult = AssumptionResult.FAILS) -> None:
    with world.ledger() as ledger:
        ledger.assumptions.store([AssumptionAnswer(code, result, "seen in this account")])


@pytest.mark.parametrize("code", [AssumptionCode.REVEL_UUID_KEPT, AssumptionCode.TRIPLESEAT_EVENT_DATES])
def test_where_a_critical_one_fails_nothing_is_asked_and_nothing_written(tmp_path: Path, code: AssumptionCode) -> None:
    world = World(tmp_path, "full")
    answer(world, code)
    for report in (world.sync(), world.sync_event(FULL)):
        assert (report.exit_status, report.summary["queried"]) == (10, 0)
        assert report.error
        assert code in report.error
        assert "safety.accepted_assumptions" in report.error
    assert set(world.moments) <= {"clock"}


def test_a_dry_run_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    answer(world, AssumptionCode.REVEL_UUID_KEPT)
    assert world.sync_event(FULL, dry_run=True).summary["planned"] == 1


def test_one_that_is_accepted_in_the_settings_stops_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    answer(world, AssumptionCode.REVEL_UUID_KEPT)
    world.config["safety"]["accepted_assumptions"] = ["revel_uuid_kept"]
    assert world.sync().summary["injected"] == 1


def test_one_that_isnt_critical_stops_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    answer(world, AssumptionCode.REVEL_PRODUCT_SET)
    assert world.sync().summary["injected"] == 1


def test_once_it_holds_runs_write_again(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    answer(world, AssumptionCode.REVEL_UUID_KEPT)
    assert world.sync().exit_status == 10
    answer(world, AssumptionCode.REVEL_UUID_KEPT, AssumptionResult.HOLDS)
    assert world.sync().summary["injected"] == 1


class WithoutSets(Wire):
    """Revel in an account that finds nothing by `__in`."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if any(name.endswith("__in") for name in request.url.params):
            meta = {"limit": 250, "next": None, "offset": 0, "previous": None, "total_count": 0}
            return httpx.Response(200, json={"meta": meta, "objects": []}, request=request)
        return super().handle_request(request)


_ASKED = [
    (AssumptionCode.REVEL_IN_FILTER, lambda each: any("__in" in key for key in each.query)),
    (AssumptionCode.REVEL_FIELDS, lambda each: "fields" in each.query),
    (AssumptionCode.REVEL_PRODUCT_SET, lambda each: "/set/" in each.path),
]


@pytest.mark.parametrize(("code", "asked"), _ASKED)
def test_what_the_account_doesnt_honour_isnt_asked_for(
    tmp_path: Path, code: AssumptionCode, asked: Callable[[LoggedRequest], bool]
) -> None:
    world = World(tmp_path, "full")
    for number in (64000050, 64000051):
        world.sync_event(world.add_event(number))
    assert any(map(asked, world.revel.requests))
    answer(world, code)
    world.forget_requests()
    assert world.sync().summary["injected"] == 1
    assert world.flaws(FULL) == []
    assert not any(map(asked, world.revel.requests))


@pytest.mark.parametrize(("code", "asked"), _ASKED)
@pytest.mark.parametrize("command", [("reconcile",), ("explain", str(FULL)), ("explain", "64000050")])
def test_commands_that_only_read_dont_ask_for_it_either(
    tmp_path: Path, code: AssumptionCode, asked: Callable[[LoggedRequest], bool], command: tuple[str, ...]
) -> None:
    world = World(tmp_path, "full")
    world.sync()
    world.add_event(64000050)
    answer(world, code)
    world.forget_requests()
    assert Shell(world).run(*command, "--config", str(world.write_config())).status in {0, 3}
    assert world.revel.requests
    assert not any(map(asked, world.revel.requests))


def test_reconcile_and_explain_find_the_parts_and_the_twin_of_an_order_without_sets(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    shell = Shell(world)
    world.sync()
    world.wires["revel"] = WithoutSets(world.revel, "Revel", lambda _: None)
    answer(world, AssumptionCode.REVEL_IN_FILTER)
    config = "--config", str(world.write_config())
    assert shell.run("reconcile", "--json", *config).status == 0
    [order] = world.orders_of(FULL)
    world.add_order(FULL, order["local_id"])
    compared = shell.run("reconcile", "--json", *config)
    assert compared.status == 14
    assert "duplicate_orders" in {each["kind"] for each in compared.answer["differences"]}
    assert shell.run("explain", str(FULL), "--json", *config).answer["reason"] == "DUPLICATE_ORDERS"
