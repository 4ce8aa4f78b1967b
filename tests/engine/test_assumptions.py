"""An account that doesn't do what an order's safety rests on is never written to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult
from tsrevel.sandbox.app import LoggedRequest

from ..world import World
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


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        (AssumptionCode.REVEL_IN_FILTER, lambda each: any("__in" in key for key in each.query)),
        (AssumptionCode.REVEL_FIELDS, lambda each: "fields" in each.query),
        (AssumptionCode.REVEL_PRODUCT_SET, lambda each: "/set/" in each.path),
    ],
)
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
