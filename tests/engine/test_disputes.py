"""What Revel shows isn't what was planned: held, never rewritten, and settled by itself once it has come right."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tsrevel.planning.identity import order_uuid, part_uuid
from tsrevel.planning.model import EventId, OrderId
from tsrevel.planning.reasons import Reason

from .. import older_rows
from ..world import Died, World, find_outcome, verdict
from .conftest import FULL, PAID

ORDER = 5550101


TOTALS_READ_BACK = ("after PATCH", "after PATCH", "after GET /resources/Order/")


def crash(world: World, *moments: str) -> None:
    """Let a run die at the last of these moments, each of which comes after the one before."""
    first, *others = moments

    def go_on() -> None:
        if others:
            world.at(others.pop(0), go_on)
        else:
            world.die()

    world.at(first, go_on)
    with pytest.raises(Died):
        world.sync()
    world.revive()
    world.forget_requests()


def correct(world: World, **fields: object) -> None:
    """A person puts the order right in Revel's console."""
    order = world.revel.state.rows["Order"][ORDER]
    order.update(fields)
    for row in order["applied_discounts"]:
        row["discount_amount"] = fields.get("discount_amount", row["discount_amount"])


LOST_FIELDS = {
    "tax": "tax is 0.00, not 53.24",
    "final_total": "total is 0.00, not 837.72",
    "subtotal": "subtotal is 0.00, not 794.08",
    "remaining_due": "balance is 0.00, not 637.72",
    "discount_amount": "discount is 0.00, not 9.60",
    "local_id": "local_id of its order is stored as nothing, not Triple Seat_64000001",
}


@pytest.mark.parametrize("field", [each for each in LOST_FIELDS if each not in {"final_total", "subtotal"}])
def test_a_field_that_revel_drops_is_a_mismatch_now_and_at_every_run(world: World, field: str) -> None:
    world.revel.dropped_fields.add(field)
    reports = [world.sync() for _ in range(3)]
    assert [(verdict(each, FULL), each.exit_status) for each in reports] == [("held AMOUNT_MISMATCH", 14)] * 3
    assert all(LOST_FIELDS[field] in find_outcome(each, FULL).text for each in reports)
    assert len({find_outcome(each, FULL).text for each in reports}) == 1
    assert all(find_outcome(each, FULL).news for each in reports)
    assert " of 10 parts are written" in find_outcome(reports[0], FULL).text  # so the console doesn't list the order
    assert len(world.writes) == {"local_id": 1, "discount_amount": 8}.get(field, 9)


def test_a_standing_dispute_is_written_down_once(world: World) -> None:
    world.revel.dropped_fields.add("tax")
    for _ in range(3):
        world.sync()
    with world.ledger() as ledger:
        assert [row.kind for row in ledger.audit.rows()].count("disputed") == 1


def test_a_mismatch_that_a_person_has_put_right_is_settled(world: World) -> None:
    world.revel.dropped_fields.add("tax")
    world.sync()
    correct(world, tax=Decimal("53.24"))
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("injected", 0)
    assert len(world.writes) == 10
    world.forget_requests()
    assert verdict(world.sync(), FULL) == "skipped ALREADY_INJECTED"


def test_a_mismatch_keeps_no_other_event_waiting(day: World) -> None:
    day.revel.dropped_fields.add("discount_amount")
    report = day.sync()
    assert verdict(report, FULL) == "held AMOUNT_MISMATCH"
    assert (verdict(report, PAID), report.exit_status) == ("injected", 14)


@pytest.mark.parametrize(
    "moment",
    [
        "before POST /resources/Payment/",
        "after POST /resources/Payment/",
        "before POST /resources/OrderHistory/",
        "after POST /resources/OrderHistory/",
        "totals read back",
    ],
)
def test_an_order_that_a_pos_recalculated_between_the_runs_is_held_and_never_rewritten(
    world: World, moment: str
) -> None:
    crash(world, *(TOTALS_READ_BACK if moment == "totals read back" else (moment,)))
    world.revel.pos_touch(ORDER)
    reports = [world.sync(), world.sync()]
    assert all(each.outcomes[0].status == "held" for each in reports)
    assert verdict(reports[0], FULL) == verdict(reports[1], FULL)
    assert [find_outcome(each, FULL).news for each in reports] == [True, False]
    assert world.writes == []


def test_a_discount_that_a_pos_wiped_before_it_was_acknowledged_is_not_written_again(world: World) -> None:
    crash(world, "after PATCH")
    world.revel.pos_touch(ORDER)
    report = world.sync()
    assert verdict(report, FULL) == "held ORDER_DIFFERS"
    assert "a POS station may have opened it" in find_outcome(report, FULL).text
    assert world.writes == []


def test_an_order_that_a_pos_recalculated_and_a_person_put_right_is_settled(world: World) -> None:
    crash(world, *TOTALS_READ_BACK)
    before = world.revel.order(ORDER)
    world.revel.pos_touch(ORDER)
    assert verdict(world.sync(), FULL) == "held ORDER_DIFFERS"
    correct(world, **{key: before[key] for key in ("discount_amount", "final_total", "remaining_due")})
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])
    assert world.writes == ["POST OrderHistory"]


@pytest.mark.parametrize(
    ("paid", "balance", "expected"),
    [
        ("637.72", "0.00", ("injected", 0)),
        ("100.00", "537.72", ("injected", 0)),
        ("700.00", "-62.28", ("held ORDER_DIFFERS", 3)),
        ("100.00", "637.72", ("held ORDER_DIFFERS", 3)),
    ],
    ids=["in full", "in part", "too much", "and the balance stayed"],
)
def test_a_mismatch_that_a_person_has_put_right_is_settled_though_the_guest_has_paid_at_a_station_since(
    world: World, paid: str, balance: str, expected: tuple[str, int]
) -> None:
    crash(world, "after POST /resources/OrderHistory/")
    world.revel.pos_touch(ORDER)
    world.sync()
    correct(world, discount_amount=Decimal("9.6"), final_total=Decimal("837.72"), remaining_due=Decimal(balance))
    row = next(iter(world.revel.state.rows["Payment"].values()))
    left_out = {"id", "resource_uri", "uuid", "amount"}
    world.revel.add("Payment", None, **{k: v for k, v in row.items() if k not in left_out}, amount=paid)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == expected
    if expected == ("injected", 0):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("skipped ALREADY_INJECTED", 0)


def test_a_finding_stands_until_all_of_the_order_is_right(world: World) -> None:
    crash(world, "after POST /resources/OrderHistory/")
    items = world.revel.state.rows["OrderItem"].copy()
    world.revel.pos_touch(ORDER)
    first = find_outcome(world.sync(), FULL)
    money = {"discount_amount": Decimal("9.6"), "final_total": Decimal("837.72"), "remaining_due": Decimal("637.72")}
    correct(world, **money, tax=Decimal(1))
    assert find_outcome(world.sync(), FULL) == replace(first, news=False, fresh=False)
    correct(world, tax=Decimal("53.24"))
    world.revel.state.rows["OrderItem"].clear()
    assert find_outcome(world.sync(), FULL) == replace(first, news=False, fresh=False)
    world.revel.state.rows["OrderItem"].update(items)
    assert verdict(world.sync(), FULL) == "injected"
    assert world.writes == []


def test_a_dry_run_repeats_the_finding_without_a_request(world: World) -> None:
    world.revel.dropped_fields.add("tax")
    live = world.sync()
    world.forget_requests()
    dry = world.sync(dry_run=True)
    assert (find_outcome(dry, FULL).text, dry.exit_status) == (find_outcome(live, FULL).text, 14)
    assert world.revel.requests == []


def test_a_dispute_of_which_the_ledger_knows_no_reason_is_held_all_the_same(world: World) -> None:
    world.revel.dropped_fields.add("tax")
    world.sync()
    with world.ledger() as ledger:
        path, run_id = world.settings().ledger_path, f"{1:08x}{0:024x}"
        older_rows.dispute(ledger, path, run_id, EventId(str(FULL)), OrderId(str(ORDER)), "looked at by hand")
    report = world.sync()
    assert (verdict(report, FULL), find_outcome(report, FULL).text) == ("held ORDER_DIFFERS", "looked at by hand")


def test_a_dispute_that_an_older_version_stored_keeps_its_reason(world: World) -> None:
    world.revel.dropped_fields.add("tax")
    before = find_outcome(world.sync(), FULL)
    with world.ledger() as ledger:
        path, run_id = world.settings().ledger_path, f"{1:08x}{0:024x}"
        stored = f"{before.reason}: {before.text}"
        older_rows.dispute(ledger, path, run_id, EventId(str(FULL)), OrderId(str(ORDER)), stored)
    report = world.sync()
    after = find_outcome(report, FULL)
    assert (after.reason, after.text, after.alarm) == (Reason.AMOUNT_MISMATCH, before.text, True)
    assert (after.fresh, report.exit_status) == (False, 14)


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        ("item", {"id": 7700001, "price": 1.0}, "price of its item 1 is stored as 1.00, not 18.50"),
        ("item", {"id": 7700001, "quantity": "3.000"}, "quantity of its item 1 is stored as 3, not 24"),
        ("item", {"id": 7700001, "product": None}, "product of its item 1 is stored as None, not 8101"),
        ("payment", {"id": 8800001, "amount": "1.000000"}, "amount of its payment 1 is stored as 1.00, not 200.00"),
    ],
)
def test_a_part_that_revel_stores_otherwise_stops_the_order_and_stays_held(
    world: World, kind: str, answer: dict[str, Any], said: str
) -> None:
    uuid = part_uuid(order_uuid(EventId(str(FULL))), kind)
    world.revel.faults.add("wrong_shape", "POST", f"(?i){kind}/$", body={"uuid": uuid, **answer})
    reports = [world.sync(), world.sync()]
    assert [(verdict(each, FULL), each.exit_status) for each in reports] == [("held AMOUNT_MISMATCH", 14)] * 2
    assert all(said in find_outcome(each, FULL).text for each in reports)
    assert len(world.writes) == (2 if kind == "item" else 8)


def test_a_pos_that_opens_the_order_before_its_discount_is_written_does_no_harm(world: World) -> None:
    world.at("before PATCH", lambda: world.revel.pos_touch(ORDER))
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


@pytest.mark.parametrize(("moment", "writes"), [("before POST /resources/Payment/", 8), ("before POST .*History", 10)])
def test_a_pos_that_opens_the_order_while_it_is_written_is_caught_by_a_read_back(
    world: World, moment: str, writes: int
) -> None:
    world.at(moment, lambda: world.revel.pos_touch(ORDER))
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
    assert len(world.writes) == writes


def test_a_pos_that_opens_the_order_while_it_is_taken_up_is_caught_by_the_read_back(world: World) -> None:
    crash(world, "after POST /resources/Payment/")
    world.at("before PATCH", lambda: world.revel.pos_touch(ORDER))
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
    world.forget_requests()
    world.sync()
    assert world.writes == []


STRANGE: dict[str, tuple[str, dict[str, Any]]] = {
    "an item of another price": ("OrderItem", {"price": Decimal(1)}),
    "an item of another product": ("OrderItem", {"product": "/resources/Product/8102/"}),
    "an item of another quantity": ("OrderItem", {"quantity": 1}),
    "a voided item": ("OrderItem", {"voided_date": "2026-12-12T10:00:00"}),
    "a deleted item": ("OrderItem", {"deleted": True}),
    "an item nobody planned": ("OrderItem", {"uuid": "11111111-2222-4333-8444-555555555555"}),
    "a deleted payment": ("Payment", {"deleted": True}),
    "a payment of another amount": ("Payment", {"amount": "1.000000"}),
}


@pytest.mark.parametrize("change", STRANGE)
def test_a_half_written_order_that_somebody_changed_is_held(world: World, change: str) -> None:
    resource, fields = STRANGE[change]
    crash(world, "after POST /resources/Payment/")
    next(iter(world.revel.state.rows[resource].values())).update(fields)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == (
        "held ORDER_DIFFERS",
        14 if change == "an item nobody planned" else 3,
    )
    assert world.writes == []


@pytest.mark.parametrize("resource", ["OrderItem", "Payment"])
def test_a_part_that_is_there_twice_is_held(world: World, resource: str) -> None:
    crash(world, "after POST /resources/Payment/")
    row = next(iter(world.revel.state.rows[resource].values()))
    world.revel.add(resource, None, **{key: value for key, value in row.items() if key not in {"id", "resource_uri"}})
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("held AMOUNT_MISMATCH", 14)
    assert "twice" in find_outcome(report, FULL).text


def test_a_half_written_order_with_another_discount_is_held(world: World) -> None:
    crash(world, "after PATCH")
    correct(world, discount_amount=Decimal(3))
    assert "its discount is 3.00, not 9.60" in find_outcome(world.sync(), FULL).text


def test_a_half_written_order_with_another_local_id_is_held(world: World) -> None:
    crash(world, "after PATCH")
    correct(world, local_id="17")
    assert "its local_id differs" in find_outcome(world.sync(), FULL).text
    assert world.writes == []


def test_an_item_removed_from_a_finished_order_is_not_written_again(world: World) -> None:
    crash(world, "after POST /resources/OrderHistory/")
    rows = world.revel.state.rows["OrderItem"]
    del rows[min(rows)]
    report = world.sync()
    assert verdict(report, FULL) == "held ORDER_DIFFERS"
    assert "its item 1 is missing although it is finished" in find_outcome(report, FULL).text
    assert world.writes == []


def test_a_half_written_order_that_a_person_replaced_by_their_own_is_left_to_a_person(world: World) -> None:
    crash(world, "after POST /resources/OrderItem/")
    world.revel.state.rows["Order"].clear()
    world.add_order(FULL)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.time.move(minutes=15)
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 3)
    assert world.writes == []


def test_a_dispute_without_receipts_that_a_person_replaced_is_left_to_a_person(world: World) -> None:
    world.sync()
    world.lose_ledger()
    world.rewrite_event(FULL, lines=[("Coffee Urn", 1, 38)])
    assert verdict(world.sync(), FULL) == "held ORDER_DIFFERS"
    world.revel.state.rows["Order"].clear()
    world.add_order(FULL)
    assert verdict(world.sync(), FULL) == "held ORDER_DIFFERS"


def test_a_disputed_order_that_a_person_replaced_by_their_own_is_left_to_a_person(world: World) -> None:
    world.revel.dropped_fields.add("tax")
    world.sync()
    world.revel.state.rows["Order"].clear()
    world.add_order(FULL)
    report = world.sync()
    assert (verdict(report, FULL), report.exit_status) == ("held ORDER_DIFFERS", 3)


def test_an_order_of_somebody_else_made_after_our_claim_is_left_alone(world: World) -> None:
    crash(world, "before POST /resources/Order/")
    world.add_order(FULL)
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.time.move(minutes=15)
    assert verdict(world.sync(), FULL) == "skipped ORDER_EXISTS"
    assert verdict(world.sync(), FULL) == "skipped ORDER_EXISTS"
    assert world.writes == []


def test_an_order_of_ours_that_was_deleted_at_revel_is_not_made_again(world: World) -> None:
    world.sync()
    world.lose_ledger()
    correct(world, deleted=True)
    world.forget_requests()
    for _ in range(2):
        report = world.sync()
        assert (verdict(report, FULL), report.exit_status) == ("held ORDER_EXISTS", 3)
    assert world.writes == []


def test_a_half_written_order_that_was_deleted_at_revel_is_not_finished(world: World) -> None:
    crash(world, "after POST /resources/Payment/")
    correct(world, deleted=True)
    assert verdict(world.sync(), FULL) == "held ORDER_EXISTS"
    assert world.writes == []


def test_of_two_orders_a_deleted_one_does_not_count(world: World) -> None:
    world.add_order(FULL, deleted=True)
    world.add_order(FULL)
    assert verdict(world.sync(), FULL) == "skipped ORDER_EXISTS"


def test_an_order_is_printed_even_where_the_first_try_is_not_taken(world: World) -> None:
    world.revel.printed_needs_second_patch = True
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_an_order_is_printed_even_where_the_first_try_is_not_taken_and_its_answer_lost(world: World) -> None:
    world.revel.printed_needs_second_patch = True
    world.revel.faults.add("drop_after", "PATCH", after=1)
    world.sync()
    world.time.move(minutes=15)
    world.sync()
    assert world.flaws(FULL) == []


def test_an_order_whose_print_mark_never_takes_is_no_dispute(world: World) -> None:
    world.revel.dropped_fields.add("printed")
    assert verdict(world.sync(), FULL) == "injected"
    assert world.flaws(FULL) == ["printed"]
