"""Our order, and a ledger that is lost or was put back: nothing is written twice, and none is counted as made again."""

from __future__ import annotations

from typing import Any

import pytest

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL
from .test_disputes import correct

FOUND, DIFFERS = ("skipped ALREADY_INJECTED", 0), ("held ORDER_DIFFERS", 3)


def look(world: World, **flags: Any) -> tuple[str, int]:
    report = world.sync(**flags)
    return verdict(report, FULL), report.exit_status


def die_at(world: World, moment: str) -> None:
    world.at(moment, world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()


# An order under an older name


def rename(world: World) -> None:
    """Another `orders.local_id` in the settings, as the documentation says: the older one is still known."""
    names = ["Triple Seat_{event_id}", "Triple Seat {event_id}"]
    world.config["orders"] = {"local_id": "TS-{event_id}", "legacy_local_ids": names}


@pytest.mark.parametrize("days", [0, 1], ids=["on its day", "a day later"])
def test_an_order_under_an_older_known_name_is_found_complete_by_a_new_ledger(world: World, days: int) -> None:
    world.sync()
    rename(world)
    world.lose_ledger()
    world.time.move(days=days)
    assert [look(world, dry_run=True), *(look(world) for _ in range(3))] == [FOUND] * 4
    record = world.record(FULL)
    assert record
    assert record.plan
    assert record.plan.local_id == f"Triple Seat_{FULL}"


@pytest.mark.parametrize("moment", ["after POST /resources/Order/", "before POST /resources/OrderHistory/"])
def test_an_order_begun_under_an_older_known_name_is_finished_by_a_new_ledger(world: World, moment: str) -> None:
    die_at(world, moment)
    rename(world)
    world.lose_ledger()
    assert look(world) == ("injected", 0)
    assert world.flaws(FULL) == []
    world.time.move(minutes=45)
    assert look(world) == FOUND


def test_an_order_under_a_name_that_nobody_knows_is_held_by_a_new_ledger(world: World) -> None:
    world.sync()
    world.lose_ledger()
    correct(world, local_id="17")
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == DIFFERS
        assert "its local_id differs" in find_outcome(report, FULL).text


def test_a_change_of_the_event_is_told_of_an_order_under_an_older_known_name(world: World) -> None:
    world.sync()
    rename(world)
    world.lose_ledger()
    world.sync()
    world.rewrite_event(FULL, lines=[("Coffee Urn", 1, 38)])
    world.time.move(minutes=45)
    assert [look(world) for _ in range(2)] == [("skipped CHANGED_AFTER_INJECTION", 3), FOUND]
