"""Our order, and a ledger that is lost or was put back: nothing is written twice, and none is counted as made again."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL
from .test_after_injection import CONTRACT
from .test_disputes import correct
from .test_twins import clone

FOUND, DIFFERS = ("skipped ALREADY_INJECTED", 0), ("held ORDER_DIFFERS", 3)


def look(world: World, **flags: Any) -> tuple[str, int]:
    report = world.sync(**flags)
    return verdict(report, FULL), report.exit_status


def die_at(world: World, moment: str) -> None:
    world.at(moment, world.die)
    with pytest.raises(Died):
        world.sync()
    world.revive()


def pay(world: World, paid: str, balance: str) -> None:
    """A guest pays at a station."""
    clone(world, "Payment", uuid="00000000-0000-4000-8000-0000000000aa", amount=paid)
    correct(world, remaining_due=Decimal(balance))


def ledger_files(folder: Path) -> list[Path]:
    return sorted(each for each in folder.glob("ledger.sqlite3*") if each.is_file())


# A part that was under way


@pytest.mark.parametrize("resource", ["OrderItem", "Payment", "OrderHistory"])
def test_a_part_that_arrives_after_the_ledger_was_lost_is_an_alarm_in_every_run(world: World, resource: str) -> None:
    die_at(world, f"before POST /resources/{resource}/")
    world.lose_ledger()
    assert look(world) == ("injected", 0)
    clone(world, resource)
    world.time.move(minutes=16)
    assert [look(world) for _ in range(3)] == [("held AMOUNT_MISMATCH", 14)] * 3


@pytest.mark.parametrize("resource", ["Payment", "OrderHistory"])
def test_a_part_that_arrives_after_an_older_ledger_was_put_back_is_an_alarm_in_every_run(
    world: World, resource: str
) -> None:
    def keep() -> None:
        kept.mkdir()
        for each in ledger_files(world.folder):
            shutil.copy(each, kept)

    kept = world.folder / "kept"
    world.at("before POST /resources/OrderItem/", keep)
    die_at(world, f"before POST /resources/{resource}/")
    world.lose_ledger()
    for each in ledger_files(kept):
        shutil.copy(each, world.folder)
    assert look(world) == ("injected", 0)
    clone(world, resource)
    world.time.move(minutes=16)
    assert [look(world) for _ in range(3)] == [("held AMOUNT_MISMATCH", 14)] * 3


def test_an_order_that_a_new_ledger_finished_is_checked_once_more_and_then_let_be(world: World) -> None:
    die_at(world, "before POST /resources/Payment/")
    world.lose_ledger()
    world.sync()
    world.time.move(minutes=16)
    requests = []
    for _ in range(2):
        world.forget_requests()
        assert look(world) == FOUND
        requests.append(len(world.revel_requests))
    assert requests[0] > requests[1] == 0


def test_an_order_that_was_interrupted_between_two_writes_is_not_checked_once_more(world: World) -> None:
    die_at(world, "after GET /resources/OrderItem/")  # all of its items are answered and read back
    assert look(world) == ("injected", 0)
    world.time.move(minutes=16)
    world.forget_requests()
    assert look(world) == FOUND
    assert world.revel_requests == []


# An order that is whole


@pytest.mark.parametrize("printed", [True, False])
@pytest.mark.parametrize(("paid", "balance"), [("637.72", "0.00"), ("100.00", "537.72")], ids=["in full", "in part"])
def test_an_order_that_a_guest_has_paid_at_a_station_is_found_complete_by_a_new_ledger(
    world: World, paid: str, balance: str, printed: bool
) -> None:
    world.sync()
    pay(world, paid, balance)
    correct(world, printed=printed)
    world.lose_ledger()
    world.forget_requests()
    assert [look(world, dry_run=True), *(look(world) for _ in range(3))] == [FOUND] * 4
    assert world.writes == []
    record = world.record(FULL)
    assert record
    assert (record.state, record.order_id, record.plan is None) == ("settled", "5550101", False)


@pytest.mark.parametrize(
    ("paid", "balance"), [("700.00", "-62.28"), ("100.00", "637.72")], ids=["too much", "and the balance stayed"]
)
def test_an_order_that_a_guest_has_paid_wrongly_at_a_station_is_held_by_a_new_ledger(
    world: World, paid: str, balance: str
) -> None:
    world.sync()
    pay(world, paid, balance)
    world.lose_ledger()
    assert [look(world, dry_run=True), *(look(world) for _ in range(2))] == [DIFFERS] * 3


def test_an_order_of_yesterday_that_a_guest_has_paid_at_a_station_gets_its_plan_back(world: World) -> None:
    world.sync()
    pay(world, "637.72", "0.00")
    world.lose_ledger()
    world.time.move(days=1)
    assert look(world) == FOUND
    record = world.record(FULL)
    assert record
    assert record.plan
    assert len(record.receipts) == len(record.plan.steps)


def test_a_held_order_that_a_person_puts_right_is_not_counted_as_made_by_a_ledger_that_sent_nothing(
    world: World,
) -> None:
    world.sync()
    world.lose_ledger()
    correct(world, remaining_due=Decimal(1))
    assert look(world) == DIFFERS
    correct(world, remaining_due=Decimal("637.72"))
    assert [look(world) for _ in range(2)] == [FOUND] * 2


# An order that lacks its print mark


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("tax", "its total is 837.72, not 844.48"),
        ("gratuity", "its total is 837.72, not 842.72"),
        ("balance", "its balance is 1.00, not 637.72"),
    ],
)
def test_a_finished_order_without_its_print_mark_is_held_before_it_is_written_to(
    world: World, change: str, expected: str
) -> None:
    world.config["charges"].append({"match": "Gratuity", "as": "gratuity"})
    world.sync()
    correct(world, printed=False)
    world.lose_ledger()
    world.forget_requests()
    service, tax = CONTRACT["charges"]
    match change:
        case "tax":
            world.rewrite_event(FULL, **{**CONTRACT, "charges": [service, ("Sales Tax", "60.00")]})
        case "gratuity":
            world.rewrite_event(FULL, **{**CONTRACT, "charges": [service, tax, ("Gratuity", "5.00")]})
        case "balance":
            correct(world, remaining_due=Decimal(1))
    for dry_run in (True, False, False):
        report = world.sync(dry_run=dry_run)
        assert (verdict(report, FULL), report.exit_status) == DIFFERS
        assert expected in find_outcome(report, FULL).text
    assert world.writes == []


def test_a_finished_order_without_its_print_mark_is_found_complete_if_all_else_is_right(world: World) -> None:
    world.sync()
    correct(world, printed=False)
    world.lose_ledger()
    world.forget_requests()
    assert look(world) == FOUND
    assert world.writes == []


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
