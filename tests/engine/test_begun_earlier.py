"""An order that was begun, and whose event changed while the ledger was lost: finished as it should be, or held."""

from __future__ import annotations

from typing import Any

import pytest

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL
from .test_after_injection import CONTRACT
from .test_disputes import correct as put_right

ORDER_ONLY = "after POST /resources/Order/"


def begin(world: World, moment: str = ORDER_ONLY) -> None:
    """A run dies at that moment, and its ledger is lost."""
    world.at(moment, world.die)
    with pytest.raises(Died):
        world.sync()
    world.lose_ledger()
    world.forget_requests()


def postpone(world: World, day: int = 13) -> None:
    world.tripleseat.edit_event(FULL, event_date_iso8601=f"2026-12-{day}", event_date=f"12/{day}/2026")


def check_held(world: World, expected: str) -> None:
    for dry_run in (True, False, False):
        report = world.sync(dry_run=dry_run)
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 3)
        assert expected in find_outcome(report, FULL).text
    assert world.writes == []


@pytest.mark.parametrize("moment", [ORDER_ONLY, "before POST /resources/Payment/", "before POST /resources/OrderHis"])
def test_an_order_begun_on_an_earlier_day_than_its_events_is_held(world: World, moment: str) -> None:
    begin(world, moment)
    postpone(world)
    world.time.move(days=1)
    check_held(world, "it was begun on 2026-12-12, but its event is on 2026-12-13 now")


@pytest.mark.parametrize(
    ("charges", "expected"),
    [
        ([CONTRACT["charges"][0], ("Sales Tax", "60.00")], "its tax is 53.24, not 60.00"),
        ([*CONTRACT["charges"], ("Gratuity", "5.00")], "its gratuity is 0.00, not 5.00"),
    ],
)
def test_an_order_begun_with_another_tax_or_gratuity_is_held_before_anything_is_added(
    world: World, charges: Any, expected: str
) -> None:
    world.config["charges"].append({"match": "Gratuity", "as": "gratuity"})
    begin(world)
    world.rewrite_event(FULL, **{**CONTRACT, "charges": charges})
    check_held(world, expected)


LABELS: dict[str, dict[str, Any]] = {
    "guests": {"guaranteed_guest_count": 99, "guest_count": 99},
    "name": {"name": "Example Widgets breakfast"},
    "contact": {"contact": {"first_name": "Robin", "last_name": "Example"}},
}


@pytest.mark.parametrize("what", LABELS)
def test_an_order_begun_with_other_labels_is_finished_and_told_once(world: World, what: str) -> None:
    begin(world)
    world.tripleseat.edit_event(FULL, **LABELS[what])
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("injected CHANGED_AFTER_INJECTION", 3)
    assert "correct its notes and call name there" in find_outcome(report, FULL).text
    assert world.flaws(FULL) == []
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


@pytest.mark.parametrize("days", [0, 1])
def test_an_order_begun_on_its_events_day_is_finished_whenever_that_is(world: World, days: int) -> None:
    begin(world)
    world.time.move(days=days)
    report = world.sync_event(FULL, ignore_time_gate=True)
    assert (verdict(report, FULL), report.exit_status) == ("injected", 0)
    assert world.flaws(FULL) == []


def test_an_order_begun_while_the_gate_was_open_is_finished_on_a_later_day(world: World) -> None:
    world.config["time_gate"] = {"days_before": 1}
    postpone(world)
    begin(world)
    world.time.move(days=1)
    assert verdict(world.sync(), FULL) == "injected"


def test_an_order_begun_today_by_hand_for_a_later_day_is_finished(world: World) -> None:
    postpone(world, 19)
    world.at(ORDER_ONLY, world.die)
    with pytest.raises(Died):
        world.sync_event(FULL, ignore_time_gate=True)
    world.lose_ledger()
    assert verdict(world.sync_event(FULL, ignore_time_gate=True), FULL) == "injected"


def test_an_order_made_early_by_hand_that_a_person_put_right_is_settled_on_a_later_day(world: World) -> None:
    """This ledger knows that it was to be on that day."""
    postpone(world, 19)
    world.revel.dropped_fields.add("tax")
    assert verdict(world.sync_event(FULL, ignore_time_gate=True), FULL) == "held AMOUNT_MISMATCH"
    world.revel.dropped_fields.clear()
    put_right(world, tax=53.24)
    world.time.move(days=1)
    assert verdict(world.sync_event(FULL, ignore_time_gate=True), FULL) == "injected"
