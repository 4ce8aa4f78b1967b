"""An account that doesn't keep an order's print mark (facts Revel 2.2, 3.8): its orders are whole all the same."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ..world import World, verdict
from .conftest import FULL
from .test_disputes import correct, crash

CONTRACTS: dict[str, dict[str, Any]] = {
    "unpaid": {},
    "paid": {"payments": [("50.00", True)]},
    "discounted": {"discount": "9.60"},
    "both": {"payments": [("50.00", True)], "discount": "9.60"},
}
"""What the totals change besides the mark: nothing, the balance, the total, or both."""
BEFORE_HISTORY = "before POST /resources/OrderHistory/"


def unmarked(folder: Path, contract: str = "unpaid") -> World:
    world = World(folder, "full")
    world.revel.dropped_fields.add("printed")
    world.rewrite_event(FULL, lines=[("Coffee Urn", 2, 38)], **CONTRACTS[contract])
    return world


def settled(world: World) -> bool:
    record = world.record(FULL)
    return record is not None and record.state == "settled"


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_mark_that_never_takes_holds_up_no_order(tmp_path: Path, contract: str) -> None:
    world = unmarked(tmp_path, contract)
    assert verdict(world.sync(), FULL) == "injected"
    assert (world.flaws(FULL), settled(world), max(world.time.naps) < 1) == (["printed"], True, True)
    world.forget_requests()
    assert (world.sync().exit_status, world.writes) == (0, [])


def test_a_mark_that_takes_at_the_second_patch_is_set(tmp_path: Path) -> None:
    world = unmarked(tmp_path)
    world.revel.dropped_fields.clear()
    world.revel.printed_needs_second_patch = True
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_a_mark_that_takes_late_holds_up_no_order(tmp_path: Path) -> None:
    world = unmarked(tmp_path)
    world.at(BEFORE_HISTORY, lambda: correct(world, printed=True))
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_acknowledged_totals_that_change_nothing_but_the_mark_hold_up_no_order(tmp_path: Path) -> None:
    world = unmarked(tmp_path)
    world.revel.dropped_fields.clear()
    world.revel.faults.add("not_applied", "PATCH")
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", ["printed"])


@pytest.mark.parametrize("contract", CONTRACTS)
def test_after_a_crash_an_unmarked_order_lacks_only_its_history(tmp_path: Path, contract: str) -> None:
    world = unmarked(tmp_path, contract)
    crash(world, BEFORE_HISTORY)
    world.time.move(minutes=16)
    assert verdict(world.sync(), FULL) == "injected"
    assert (world.writes, world.flaws(FULL), settled(world)) == (["POST OrderHistory"], ["printed"], True)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_totals_whose_answer_is_lost_are_sent_again_and_then_accepted(tmp_path: Path, contract: str) -> None:
    world = unmarked(tmp_path, contract)
    world.revel.faults.add("drop_after", "PATCH", after=1 if "discount" in CONTRACTS[contract] else 0)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.time.move(minutes=16)
    assert verdict(world.sync(), FULL) == "injected"
    assert (world.flaws(FULL), settled(world)) == (["printed"], True)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_new_ledger_finds_an_unmarked_order_complete(tmp_path: Path, contract: str) -> None:
    world = unmarked(tmp_path, contract)
    world.sync()
    world.lose_ledger()
    world.forget_requests()
    assert [verdict(world.sync(dry_run=dry_run), FULL) for dry_run in (True, False)] == ["skipped ALREADY_INJECTED"] * 2
    assert (world.writes, settled(world)) == ([], True)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_new_ledger_finishes_an_unmarked_order(tmp_path: Path, contract: str) -> None:
    world = unmarked(tmp_path, contract)
    crash(world, BEFORE_HISTORY)
    world.lose_ledger()
    assert verdict(world.sync(), FULL) == "injected"
    assert (world.flaws(FULL), settled(world)) == (["printed"], True)


def test_a_change_at_a_station_is_not_undone_where_the_mark_is_missing(tmp_path: Path) -> None:
    world = unmarked(tmp_path)
    crash(world, "after POST /resources/OrderHistory/")
    correct(world, remaining_due=Decimal(1))
    world.time.move(minutes=16)
    assert verdict(world.sync(), FULL) == "held ORDER_DIFFERS"
    correct(world, remaining_due=Decimal(76))
    assert verdict(world.sync(), FULL) == "injected"
    assert world.writes == []


def test_a_wrong_amount_is_a_mismatch_where_the_mark_is_missing(tmp_path: Path) -> None:
    world = unmarked(tmp_path)
    world.at("after PATCH", lambda: correct(world, tax=Decimal(1)))
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
    correct(world, tax=Decimal(0))
    assert verdict(world.sync(), FULL) == "injected"


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("status", [400, 500])
def test_an_unmarked_order_whose_history_row_fails_for_long_is_finished_once_it_can_be(
    tmp_path: Path, contract: str, status: int
) -> None:
    world = unmarked(tmp_path, contract)
    world.revel.faults.add("status", "POST", "/OrderHistory/", times=None, status=status)
    for _ in range(5):
        assert verdict(world.sync(), FULL).startswith("failed")
        world.time.move(minutes=20)
    world.revel.faults.clear()
    world.time.move(minutes=20)
    assert verdict(world.sync(), FULL) == "injected"
    assert (world.flaws(FULL), settled(world)) == (["printed"], True)
