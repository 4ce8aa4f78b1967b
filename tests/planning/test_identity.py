"""What an order is called can be derived again from the event alone."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tests.planning.make import POLICY, make_document, make_event, make_line, make_payment, plan
from tsrevel.planning.identity import known_local_ids, local_id, order_uuid, part_uuid
from tsrevel.planning.model import EventId, Step

EVENT = EventId("64000001")


def test_an_orders_uuid_never_changes() -> None:
    assert order_uuid(EVENT) == "d57cc971-1d8d-5089-a8ae-d8f432bb487f"
    assert part_uuid(order_uuid(EVENT), "item", 3) == "f5af7413-dfc2-5b16-ad26-e1ac0054bcea"


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_two_events_share_a_uuid_only_when_they_are_one(one: int, other: int) -> None:
    same = order_uuid(EventId(str(one))) == order_uuid(EventId(str(other)))
    assert same == (one == other)


def test_a_step_is_named_by_its_kind_and_counted_where_there_may_be_several() -> None:
    steps = [Step("order", "a"), Step("item", "b", 1), Step("payment", "c"), Step("totals", "d")]
    assert [each.name for each in steps] == ["order", "item 2", "payment 1", "totals"]


def test_the_local_id_is_made_from_the_template() -> None:
    assert local_id(POLICY, EVENT) == "Triple Seat_64000001"
    assert len(local_id(POLICY, EVENT)) <= 22


def test_every_known_local_id_is_looked_up_ours_first_and_once() -> None:
    assert known_local_ids(POLICY, EVENT) == ("Triple Seat_64000001", "Triple Seat 64000001")
    twice = replace(POLICY, legacy_local_ids=(POLICY.local_id,))
    assert known_local_ids(twice, EVENT) == ("Triple Seat_64000001",)


def test_the_name_of_a_known_order_comes_first_and_once() -> None:
    assert known_local_ids(POLICY, EVENT, "Old 64000001")[:2] == ("Old 64000001", "Triple Seat_64000001")
    assert known_local_ids(POLICY, EVENT, "Triple Seat 64000001") == ("Triple Seat 64000001", "Triple Seat_64000001")


def test_the_steps_stand_in_the_order_of_the_writes() -> None:
    lines = (make_line(), make_line("Taco Trio"))
    document = make_document(*lines, discount="5.00", payments=[make_payment("4"), make_payment("6")])
    made = plan(make_event(document))
    kinds = [(step.kind, step.number) for step in made.steps]
    assert kinds == [
        ("order", 0),
        ("item", 0),
        ("item", 1),
        ("discount", 0),
        ("payment", 0),
        ("payment", 1),
        ("totals", 0),
        ("history", 0),
    ]


def test_a_plan_without_a_discount_or_payments_has_no_step_for_them() -> None:
    assert [step.kind for step in plan(make_event()).steps] == ["order", "item", "totals", "history"]


def test_each_step_carries_the_uuid_of_what_it_writes() -> None:
    made = plan(make_event(make_document(payments=[make_payment("4")])))
    by_kind = {step.kind: step.uuid for step in made.steps}
    assert (by_kind["order"], by_kind["item"], by_kind["payment"]) == (
        made.uuid,
        made.items[0].uuid,
        made.payments[0].uuid,
    )
    assert all(str(UUID(step.uuid)) == step.uuid for step in made.steps)
