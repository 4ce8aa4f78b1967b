"""A Revel that keeps other uuids than were sent, or writes them otherwise, gets no order twice and no part again."""

from __future__ import annotations

import pytest

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL
from .test_lost_answers import STEPS

SPELLINGS = ("{uuid.hex}", "{{{uuid}}}", "{uuid.urn}", "{{{uuid.hex}}}")
RESOURCES = {"order": "Order", "first item": "OrderItem", "payment": "Payment", "history": "OrderHistory"}


@pytest.mark.parametrize("spelling", [*SPELLINGS, "upper"])
def test_uuids_are_the_same_however_they_are_written(world: World, spelling: str) -> None:
    if spelling == "upper":
        for moment in ("Order", "OrderItem", "Payment", "OrderHistory"):
            for _ in range(5):
                world.at(f"after POST /resources/{moment}/", lambda: capitals(world))
    else:
        world.revel.spells_uuids = spelling
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


def capitals(world: World) -> None:
    for resource in RESOURCES.values():
        for row in world.revel.state.rows[resource].values():
            row["uuid"] = str(row["uuid"]).upper()


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("step", STEPS)
def test_a_lost_answer_is_found_however_its_uuid_is_written(world: World, step: str, spelling: str) -> None:
    world.revel.spells_uuids = spelling
    method, path, after = STEPS[step]
    world.revel.faults.add("drop_after", method, path, after=after)
    assert (verdict(world.sync(), FULL), world.flaws(FULL), len(world.writes)) == ("injected", [], 10)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_order_begun_is_finished_however_its_uuid_is_written(world: World, spelling: str) -> None:
    world.revel.spells_uuids = spelling
    world.at("after POST /resources/Payment/", world.die)
    with pytest.raises(Died):
        world.sync()
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


@pytest.mark.parametrize("step", RESOURCES)
def test_a_uuid_that_is_not_kept_holds_the_order_with_an_alarm_now_and_in_each_later_run(
    world: World, step: str
) -> None:
    world.revel.replaces_uuids.add(RESOURCES[step])
    writes, texts = [], set()
    for _ in range(3):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 14)
        assert "under another uuid than tsrevel sent" in find_outcome(report, FULL).text
        writes.append(len(world.writes))
        world.time.move(minutes=45)
        texts.add(find_outcome(report, FULL).text)
    assert len(set(writes)) == 1
    assert len(world.orders_of(FULL)) == 1
    (text,) = texts
    assert ("is unfinished" in text) is (step != "history")


@pytest.mark.parametrize("step", ["order", "first item", "payment"])
@pytest.mark.parametrize("kind", ["drop_after", "wrong_shape"])
def test_the_same_where_the_answer_is_lost(world: World, step: str, kind: str) -> None:
    world.revel.replaces_uuids.add(RESOURCES[step])
    world.revel.faults.add(kind, "POST", f"/{RESOURCES[step]}/")
    for _ in range(3):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 14)
        world.time.move(minutes=45)
    assert world.writes.count(f"POST {RESOURCES[step]}") == 1


@pytest.mark.parametrize("step", RESOURCES)
def test_the_same_where_the_process_died(world: World, step: str) -> None:
    world.revel.replaces_uuids.add(RESOURCES[step])
    world.at(f"after POST /resources/{RESOURCES[step]}/", world.die)
    with pytest.raises(Died):
        world.sync()
    for _ in range(3):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 14)
        world.time.move(minutes=45)
    assert world.writes.count(f"POST {RESOURCES[step]}") == 1


@pytest.mark.parametrize("step", ["first item", "payment", "history"])
def test_with_the_ledger_lost_as_well_no_part_is_written_again(world: World, step: str) -> None:
    world.revel.replaces_uuids.add(RESOURCES[step])
    world.sync()
    world.lose_ledger()
    world.time.move(minutes=45)
    for _ in range(2):
        assert verdict(world.sync(), FULL) == "held ORDER_DIFFERS"
    assert world.writes.count(f"POST {RESOURCES[step]}") == 1


def test_an_answer_that_repeats_our_uuid_does_not_prove_that_it_was_kept(world: World) -> None:
    def rename() -> None:
        for row in world.revel.state.rows["Order"].values():
            row["uuid"] = "11111111-2222-4333-8444-555555555555"

    world.at("after POST /resources/Order/", rename)
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 14)


def test_an_order_under_our_local_id_is_somebody_elses_while_ours_was_never_sent(world: World) -> None:
    world.add_order(FULL, "Triple Seat_{}")
    assert verdict(world.sync(), FULL) == "skipped ORDER_EXISTS"


def test_nor_is_it_ours_where_ours_was_refused(world: World) -> None:
    world.revel.faults.add("status", "POST", "/Order/", status=400)
    world.sync()
    world.add_order(FULL, "Triple Seat_{}")
    assert verdict(world.sync(), FULL) == "skipped ORDER_EXISTS"


@pytest.mark.parametrize("moment", ["on the day", "the day after"])
def test_an_order_that_came_late_under_another_uuid_is_ours_though_its_claim_was_dropped(
    world: World, moment: str
) -> None:
    world.revel.faults.add("status", "POST", "/Order/", status=504)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.time.move(minutes=16)
    assert verdict(world.sync(max_orders=0), FULL) == "skipped RUN_LIMIT_REACHED"
    world.add_order(FULL, local_id="Triple Seat_{}")
    world.time.move(days=1 if moment == "the day after" else 0)
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 14)


def test_an_order_under_our_name_is_somebody_else_s_where_ours_was_surely_never_applied(world: World) -> None:
    world.revel.faults.add("status", "POST", "/Order/", status=400)
    assert verdict(world.sync(), FULL) == "failed UPSTREAM_UNAVAILABLE"
    world.add_order(FULL, local_id="Triple Seat_{}")
    assert verdict(world.sync(), FULL) == "skipped ORDER_EXISTS"
