"""Orders that a person changed in Revel to what their changed events ask for: that is agreement, and no news."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tsrevel.engine.outcomes import RunReport
from tsrevel.insight.history import find_changed
from tsrevel.planning.model import EventId, OrderId
from tsrevel.sandbox import Payment, SampleLine

from ..world import World, find_outcome, verdict
from .conftest import FULL
from .test_resolved import resolve

ORDER = 5550101
ALREADY = "skipped ALREADY_INJECTED"
CHANGED, CANCELLED = "skipped CHANGED_AFTER_INJECTION", "skipped CANCELLED_AFTER_INJECTION"


def ask_for(world: World, boxes: int, name: str = "Boxed Lunch Package") -> None:
    world.rewrite_event(FULL, lines=[(name, boxes, 10)])


def correct(world: World, boxes: int, order: int = ORDER, *, item: bool = True) -> None:
    """Change the order in Revel to so many boxes, as a person does there. Without `item`: only its amounts."""
    total = Decimal(10 * boxes)
    world.revel.state.rows["Order"][order].update(subtotal=total, final_total=total, remaining_due=total)
    for row in world.revel.state.rows["OrderItem"].values():
        if item and row["order"].endswith(f"/{order}/"):
            row["quantity"] = Decimal(boxes)


def pay(world: World, amount: str, *, uuid: str = "00000000-0000-4000-8000-0000000000aa") -> None:
    """Take a payment of the order's balance at a station."""
    world.revel.add("Payment", None, order=f"/resources/Order/{ORDER}/", uuid=uuid, amount=Decimal(amount))
    world.revel.state.rows["Order"][ORDER]["remaining_due"] -= Decimal(amount)


def delete(world: World) -> None:
    world.revel.state.rows["Order"][ORDER]["deleted"] = True


def remove(world: World) -> None:
    del world.revel.state.rows["Order"][ORDER]


def void(world: World) -> None:
    correct(world, 0)


def call_off(world: World, how: str) -> None:
    if how == "deleted":
        world.add_event(64000099, lines=[("Coffee Urn", 1, 38)], status="LOST")
        del world.tripleseat.state.events[FULL]
    else:
        world.tripleseat.cancel_event(FULL)


def next_run(world: World) -> RunReport:
    world.time.move(minutes=45)
    world.forget_requests()
    return world.sync()


def look(report: RunReport) -> tuple[str, int]:
    return verdict(report, FULL), report.exit_status


@pytest.fixture
def made(world: World) -> World:
    """A world with one order of two boxes."""
    ask_for(world, 2)
    assert verdict(world.sync(), FULL) == "injected"
    world.time.move(minutes=45)
    return world


@pytest.mark.parametrize("looks", [1, 0])
def test_an_order_corrected_to_what_the_event_says_is_no_change(made: World, looks: int) -> None:
    """Whether the runs see it corrected after or together with the change of the event."""
    ask_for(made, 5)
    for _ in range(looks):
        assert look(next_run(made)) == (CHANGED, 3)
    correct(made, 5)
    for _ in range(2):
        report = next_run(made)
        assert (look(report), report.changed, find_outcome(report, FULL).news) == ((ALREADY, 0), 0, False)
    assert len(made.revel.requests) == 1


def test_an_order_that_was_changed_before_its_event_agrees_once_the_event_follows(made: World) -> None:
    correct(made, 5)
    assert look(next_run(made)) == (CHANGED, 3)
    ask_for(made, 5)
    assert [look(next_run(made)) for _ in range(2)] == [(ALREADY, 0)] * 2


@pytest.mark.parametrize("how", ["amounts", "half"])
def test_an_order_that_was_corrected_in_part_is_a_change(made: World, how: str) -> None:
    ask_for(made, 5)
    next_run(made)
    correct(made, 5 if how == "amounts" else 4, item=how == "half")
    assert [look(next_run(made)) for _ in range(2)] == [(CHANGED, 3), (ALREADY, 0)]


@pytest.mark.parametrize("amounts", [["50"], ["20"], ["20", "30"]], ids=["all", "a part", "twice"])
@pytest.mark.parametrize("when", ["after a run saw it corrected", "in the same run", "before it was corrected"])
def test_a_payment_at_a_station_is_no_change_of_a_corrected_order(made: World, when: str, amounts: list[str]) -> None:
    ask_for(made, 5)
    assert look(next_run(made)) == (CHANGED, 3)
    if when == "before it was corrected":
        pay(made, "20")
        assert look(next_run(made)) == (ALREADY, 0)
    correct(made, 5)
    if when == "before it was corrected":
        made.revel.state.rows["Order"][ORDER]["remaining_due"] = Decimal(30)
        assert look(next_run(made)) == (ALREADY, 0)
        amounts = ["30"]
    elif when != "in the same run":
        assert look(next_run(made)) == (ALREADY, 0)
    for number, amount in enumerate(amounts):
        pay(made, amount, uuid=f"00000000-0000-4000-8000-{number:012}")
    assert [look(next_run(made)) for _ in range(2)] == [(ALREADY, 0)] * 2
    assert len(made.revel.requests) == 1


@pytest.mark.parametrize("how", ["a balance that no payment lowered", "more than was due", "other items"])
def test_a_corrected_order_that_a_payment_alone_does_not_explain_is_a_change(made: World, how: str) -> None:
    ask_for(made, 5)
    next_run(made)
    correct(made, 5, item=how != "other items")
    pay(made, "60" if how == "more than was due" else "50")
    if how == "a balance that no payment lowered":
        made.revel.state.rows["Payment"].clear()
    assert look(next_run(made)) == (CHANGED, 3)


def test_a_payment_at_a_station_stands_for_none_that_the_event_had_recorded(made: World) -> None:
    """TripleSeat has another 10.00, and the station took 15.00: the order lacks the 10.00."""
    made.rewrite_event(FULL, lines=[("Boxed Lunch Package", 5, 10)], payments=[Payment("10.00")])
    next_run(made)
    correct(made, 5)
    pay(made, "15")
    assert look(next_run(made)) == (CHANGED, 3)
    made.revel.state.rows["Payment"].clear()
    made.revel.state.rows["Order"][ORDER]["remaining_due"] = Decimal(50)
    pay(made, "10")
    pay(made, "5", uuid="00000000-0000-4000-8000-0000000000bb")
    assert look(next_run(made)) == (ALREADY, 0)


def test_after_a_correction_each_further_change_is_told(made: World) -> None:
    ask_for(made, 5)
    next_run(made)
    correct(made, 5)
    next_run(made)
    ask_for(made, 6)
    assert look(next_run(made)) == (CHANGED, 3)
    correct(made, 6)
    assert look(next_run(made)) == (ALREADY, 0)
    correct(made, 7)
    assert look(next_run(made)) == (CHANGED, 3)
    correct(made, 2)
    report = next_run(made)
    assert (look(report), "again as tsrevel made it" in find_outcome(report, FULL).text) == ((CHANGED, 3), True)


def test_what_an_orders_amounts_do_not_show_is_not_taken_for_corrected(made: World) -> None:
    made.tripleseat.edit_event(FULL, event_date_iso8601="2026-12-13", event_date="12/13/2026")
    assert [look(next_run(made)) for _ in range(2)] == [(CHANGED, 3), (ALREADY, 0)]


@pytest.mark.parametrize("undo", [delete, remove, void])
@pytest.mark.parametrize("looks", [1, 0])
def test_a_cancelled_event_whose_order_was_taken_away_as_asked_is_no_change(
    made: World, undo: object, looks: int
) -> None:
    made.tripleseat.cancel_event(FULL)
    for _ in range(looks):
        assert look(next_run(made)) == (CANCELLED, 3)
    assert callable(undo)
    undo(made)
    assert [look(next_run(made)) for _ in range(2)] == [(ALREADY, 0)] * 2


def test_a_cancelled_event_is_told_of_the_order_by_hand_that_stands_in_place_of_ours(made: World) -> None:
    delete(made)
    next_run(made)
    number = made.add_order(FULL, "777")
    with made.ledger() as ledger:
        ledger.events.resolve(EventId(str(FULL)), "done", "entered by hand", OrderId(str(number)))
    made.time.move(minutes=45)
    made.tripleseat.cancel_event(FULL)
    report = next_run(made)
    assert look(report) == (CANCELLED, 3)
    assert told_to_stand(report) == [str(number)]
    assert find_outcome(report, FULL).order_id == str(number)


def told_to_stand(report: RunReport) -> list[str]:
    """The orders that still stand, according to the report of the cancelled event; and nothing else about orders."""
    parts = find_outcome(report, FULL).text.split("; ")
    (standing,) = [each for each in parts if each.startswith("Revel order") or "may still stand" in each]
    return standing.removeprefix("Revel order ").removesuffix(" still stands").split(", ")


@pytest.mark.parametrize("prefix", [True, False])
def test_a_cancelled_event_is_told_of_exactly_the_orders_that_stand(made: World, prefix: bool) -> None:
    """Ours and a named one are gone, of which one number may begin with the other. One by hand has our name."""
    named = name_another(made)
    if prefix:
        rows = made.revel.state.rows["Order"]
        named = int(f"{ORDER}7")
        rows[named] = {**rows[ORDER], "id": named, "resource_uri": f"/resources/Order/{named}/", "local_id": "913"}
        resolve(made, FULL, "done", str(named))
    delete(made)
    next_run(made)
    by_hand = made.add_order(FULL, "Triple Seat {}")
    for row in made.revel.state.rows["Order"].values():
        row["deleted"] = row["id"] != by_hand
    made.tripleseat.cancel_event(FULL)
    report = next_run(made)
    assert (look(report), told_to_stand(report)) == ((CANCELLED, 3), [str(by_hand)])


def test_a_cancelled_event_is_told_of_the_order_that_nobody_named(made: World) -> None:
    delete(made)
    next_run(made)
    by_hand = made.add_order(FULL, "Triple Seat {}")
    resolve(made, FULL, "done")
    next_run(made)
    made.tripleseat.cancel_event(FULL)
    report = next_run(made)
    assert (look(report), told_to_stand(report)) == ((CANCELLED, 3), [str(by_hand)])


def test_a_changed_event_is_told_of_the_named_order_that_stands(made: World) -> None:
    delete(made)
    next_run(made)
    named = name_another(made)
    ask_for(made, 5)
    report = next_run(made)
    told = find_outcome(report, FULL)
    assert (look(report), told.order_id) == ((CHANGED, 3), str(named))
    assert told.text.startswith(f"after Revel order {named} was made: ")


@pytest.mark.parametrize("undo", [delete, remove, void])
@pytest.mark.parametrize("how", ["cancelled", "deleted"])
def test_a_cancelled_event_is_told_if_an_order_that_nobody_named_may_stand_in_place_of_ours(
    made: World, undo: Callable[[World], None], how: str
) -> None:
    undo(made)
    next_run(made)
    resolve(made, FULL, "done")
    assert look(next_run(made)) == (ALREADY, 0)
    call_off(made, how)
    report = next_run(made)
    assert look(report) == (CANCELLED, 3)
    text = "Revel order 5550101 was gone, but one that replaced it may still stand"
    assert text in find_outcome(report, FULL).text
    for resolved in (False, True):
        if resolved:
            resolve(made, FULL, "done")
        assert next_run(made).exit_status == 0
        with made.ledger() as ledger:
            assert [each.text.partition("; ")[2] for each in find_changed(ledger)] == [text] * (not resolved)


@pytest.mark.parametrize("undo", [delete, remove, void])
@pytest.mark.parametrize("how", ["cancelled", "deleted"])
@pytest.mark.parametrize("word", ["ignored", "done before it was gone", "not at all"])
def test_a_cancelled_event_is_no_change_if_no_order_can_stand_in_place_of_ours(
    made: World, undo: Callable[[World], None], how: str, word: str
) -> None:
    if word == "done before it was gone":
        resolve(made, FULL, "done")
    undo(made)
    next_run(made)
    if word == "ignored":
        resolve(made, FULL, "ignored")
    call_off(made, how)
    assert next_run(made).exit_status == 0
    with made.ledger() as ledger:
        assert list(find_changed(ledger)) == []


def test_a_cancelled_event_whose_order_was_only_made_cheaper_is_a_change(made: World) -> None:
    made.tripleseat.cancel_event(FULL)
    next_run(made)
    correct(made, 1)
    assert look(next_run(made)) == (CHANGED, 3)


def name_another(world: World) -> int:
    """Enter another order by hand, under a number of its own, and name it for the event."""
    number = world.add_order(FULL, "912", final_total=Decimal(50), remaining_due=Decimal(50))
    with world.ledger() as ledger:
        ledger.events.resolve(EventId(str(FULL)), "done", "entered by hand", OrderId(str(number)))
    return number


@pytest.mark.parametrize("undo", [delete, remove, void])
@pytest.mark.parametrize("grown", [True, False])
def test_an_order_that_is_gone_is_no_change_if_a_person_named_another_one_that_stands(
    made: World, undo: Callable[[World], None], grown: bool
) -> None:
    if grown:
        ask_for(made, 5)
        assert look(next_run(made)) == (CHANGED, 3)
    undo(made)
    name_another(made)
    assert [look(next_run(made)) for _ in range(3)] == [(ALREADY, 0)] * 3


def test_of_an_order_that_another_one_replaced_each_change_of_the_event_is_told(made: World) -> None:
    void(made)
    name_another(made)
    ask_for(made, 5)
    report = next_run(made)
    assert look(report) == (CHANGED, 3)
    text = find_outcome(report, FULL).text
    assert ("total 20.00 → 50.00" in text, "changed in Revel" in text) == (True, False)
    assert look(next_run(made)) == (ALREADY, 0)
    made.tripleseat.cancel_event(FULL)
    assert [look(next_run(made)) for _ in range(2)] == [(CANCELLED, 3), (ALREADY, 0)]


@pytest.mark.parametrize("how", ["deleted", "voided"])
def test_an_order_that_is_gone_together_with_the_named_one_is_told(made: World, how: str) -> None:
    number = name_another(made)
    delete(made)
    row = made.revel.state.rows["Order"][number]
    row.update({"deleted": True} if how == "deleted" else dict.fromkeys(("final_total", "remaining_due"), Decimal(0)))
    item = {
        "product": "/resources/Product/1/",
        "quantity": 5,
        "price": Decimal(10),
        "voided_date": "2026-12-12T11:00:00",
    }
    made.revel.add("OrderItem", None, order=f"/resources/Order/{number}/", **item)
    assert look(next_run(made)) == (CHANGED, 3)


def test_a_cancelled_event_is_told_of_its_order_that_stands_again(made: World) -> None:
    made.tripleseat.cancel_event(FULL)
    next_run(made)
    void(made)
    assert look(next_run(made)) == (ALREADY, 0)
    correct(made, 2)
    report = next_run(made)
    assert look(report) == (CANCELLED, 3)
    text = find_outcome(report, FULL).text
    assert f"its event is cancelled: if nobody wants Revel order {ORDER}, void it in Revel" in text
    assert "again as tsrevel made it" not in text
    assert look(next_run(made)) == (ALREADY, 0)


def test_an_order_that_is_deleted_though_its_event_stands_is_a_change(made: World) -> None:
    ask_for(made, 5)
    next_run(made)
    delete(made)
    assert look(next_run(made)) == (CHANGED, 3)


def test_an_event_that_stands_again_after_its_order_was_deleted_is_a_change(made: World) -> None:
    made.tripleseat.cancel_event(FULL)
    next_run(made)
    delete(made)
    next_run(made)
    made.tripleseat.edit_event(FULL, status="DEFINITE")
    assert look(next_run(made)) == (CHANGED, 3)


def test_a_dry_run_takes_note_of_no_correction(made: World) -> None:
    ask_for(made, 5)
    next_run(made)
    correct(made, 5)
    assert verdict(made.sync(dry_run=True), FULL) == ALREADY
    correct(made, 4)
    assert look(next_run(made)) == (CHANGED, 3)


AFTERWARDS: dict[str, tuple[dict[str, Any], str]] = {
    "day": ({"event_date_iso8601": "2026-12-13", "event_date": "12/13/2026"}, "date 2026-12-12 → 2026-12-13"),
    "guests": ({"guaranteed_guest_count": 99, "guest_count": 99}, "guests"),
}


@pytest.mark.parametrize("what", AFTERWARDS)
@pytest.mark.parametrize("together", [False, True])
def test_a_change_that_the_amounts_do_not_show_is_told_though_the_order_was_corrected(
    made: World, what: str, together: bool
) -> None:
    """Whether it comes after the correction or together with the change that was corrected."""
    edits, expected = AFTERWARDS[what]
    ask_for(made, 5)
    if not together:
        next_run(made)
        correct(made, 5)
        next_run(made)
    made.tripleseat.edit_event(FULL, **edits)
    if together:
        correct(made, 5)
    report = next_run(made)
    assert look(report) == (CHANGED, 3)
    text = find_outcome(report, FULL).text
    assert (expected in text, "total" in text, "changed in Revel" in text) == (True, False, False)
    assert look(next_run(made)) == (ALREADY, 0)


@pytest.mark.parametrize(
    ("note", "expected"), [("80 x Coffee Urn", (ALREADY, 0)), ("30 x Coffee Urn", (CHANGED, 3)), ("", (CHANGED, 3))]
)
def test_an_order_agrees_with_another_quantity_at_a_flat_price_only_if_its_text_has_it(
    world: World, note: str, expected: tuple[str, int]
) -> None:
    world.rewrite_event(FULL, lines=[SampleLine("Coffee Urn", "30", None, total="300.00")])
    world.sync()
    world.rewrite_event(FULL, lines=[SampleLine("Coffee Urn", "80", None, total="400.00")])
    assert look(next_run(world)) == (CHANGED, 3)
    (item,) = world.revel.state.rows["OrderItem"].values()
    item.update(price=Decimal(400), special_request=note)
    world.revel.state.rows["Order"][ORDER].update(
        dict.fromkeys(("subtotal", "final_total", "remaining_due"), Decimal(400))
    )
    assert look(next_run(world)) == expected


FREE: dict[str, dict[str, Any]] = {
    "all of it off": {"lines": [("Boxed Lunch Package", 2, 10)], "discount": 20},
    "at 0.00": {"lines": [SampleLine("Boxed Lunch Package", 5, 10, total="0.00")]},
    "without a price": {"lines": [SampleLine("Boxed Lunch Package", 5, None)]},
}


def take_off_everything(world: World) -> None:
    """A manager gives the order away at a station: its lines stand."""
    world.revel.state.rows["Order"][ORDER].update(discount_amount=Decimal(20), final_total=0, remaining_due=0)


@pytest.mark.parametrize("how", ["order", "prices"])
@pytest.mark.parametrize("what", FREE)
@pytest.mark.parametrize("gone", [False, True])
def test_a_cancelled_event_is_told_though_its_order_was_free_from_the_start(
    world: World, what: str, how: str, gone: bool
) -> None:
    world.config["orders"] = {"discounts": how}
    world.rewrite_event(FULL, **FREE[what])
    assert verdict(world.sync(), FULL) == "injected"
    if gone:
        world.tripleseat.delete_event(FULL)
    else:
        world.tripleseat.cancel_event(FULL)
    assert look(next_run(world)) == (CANCELLED, 3)
    assert look(next_run(world)) == (ALREADY, 0)
    with world.ledger() as ledger:
        assert "order_agrees" not in {each.kind for each in ledger.audit.rows(EventId(str(FULL)))}


def test_a_cancelled_event_is_told_though_its_order_was_made_free_at_a_station(made: World) -> None:
    take_off_everything(made)
    next_run(made)
    made.tripleseat.cancel_event(FULL)
    assert look(next_run(made)) == (CANCELLED, 3)


def test_a_cancelled_event_whose_order_has_lost_its_amounts_but_not_its_lines_is_told(made: World) -> None:
    made.tripleseat.cancel_event(FULL)
    next_run(made)
    take_off_everything(made)
    assert look(next_run(made)) == (CHANGED, 3)


@pytest.mark.parametrize("how", ["voided", "deleted"])
@pytest.mark.parametrize("what", FREE)
def test_a_cancelled_event_whose_free_order_was_taken_away_is_no_change(world: World, what: str, how: str) -> None:
    world.rewrite_event(FULL, **FREE[what])
    world.sync()
    world.tripleseat.cancel_event(FULL)
    if how == "deleted":
        delete(world)
    else:
        world.revel.state.rows["Order"][ORDER].update(subtotal=0, discount_amount=0)
        for row in world.revel.state.rows["OrderItem"].values():
            row["voided_date"] = "2026-12-12T11:00:00"
    assert [look(next_run(world)) for _ in range(2)] == [(ALREADY, 0)] * 2


def test_a_cancelled_event_whose_voided_order_holds_a_payment_is_told(made: World) -> None:
    void(made)
    made.revel.add("Payment", None, order=f"/resources/Order/{ORDER}/", amount=Decimal("20.00"))
    made.tripleseat.cancel_event(FULL)
    assert look(next_run(made)) == (CANCELLED, 3)


@pytest.mark.parametrize(("quantity", "price", "total"), [("2.5", "3.33", "8.33"), ("1.5", "3.35", "5.03")])
@pytest.mark.parametrize(
    ("note", "expected"), [("{} x Boxed Lunch Package", (ALREADY, 0)), ("", (ALREADY, 0)), ("2 x Box", (CHANGED, 3))]
)
def test_an_order_agrees_with_a_decimal_quantity_whose_amount_is_rounded(
    world: World, quantity: str, price: str, total: str, note: str, expected: tuple[str, int]
) -> None:
    """Half a cent counts as a whole one, as in every other sum. Only a text may contradict the quantity."""
    world.rewrite_event(FULL, lines=[SampleLine("Boxed Lunch Package", 2, price)])
    world.sync()
    world.rewrite_event(FULL, lines=[SampleLine("Boxed Lunch Package", quantity, price, total=total)])
    assert look(next_run(world)) == (CHANGED, 3)
    (item,) = world.revel.state.rows["OrderItem"].values()
    item.update(quantity=Decimal(quantity), special_request=note.format(quantity))
    world.revel.state.rows["Order"][ORDER].update(
        dict.fromkeys(("subtotal", "final_total", "remaining_due"), Decimal(total))
    )
    assert look(next_run(world)) == expected


BACK = "it is again as the order was made"


def swap(world: World, product: str = "Coffee Urn", line: str = "Boxed Lunch Package") -> None:
    """Put another product in place of the order's only one, as a person does in Revel. The amounts stay."""
    ids = {
        row["name"]: row["id"] for row in world.revel.state.rows["Product"].values() if "/8/" in row["establishment"]
    }
    for row in world.revel.state.rows["OrderItem"].values():
        row["product"] = row["product"].replace(str(ids[line]), str(ids[product]))


def told_back(world: World) -> str:
    """What the next run tells of the event, which is again as its order was made."""
    report = next_run(world)
    assert look(report) == (CHANGED, 3)
    text = find_outcome(report, FULL).text
    assert BACK in text
    assert look(next_run(world)) == (ALREADY, 0)
    return text


def test_a_change_that_is_taken_back_is_told_with_the_order_that_is_right_again(made: World) -> None:
    ask_for(made, 5)
    next_run(made)
    ask_for(made, 2)
    text = told_back(made)
    assert "total 50.00 → 20.00" in text
    assert text.endswith(f"{BACK}, and so is Revel order {ORDER}")


@pytest.mark.parametrize("looks", [1, 0])
def test_a_change_that_is_taken_back_after_the_order_followed_it_says_how_that_differs(made: World, looks: int) -> None:
    ask_for(made, 5)
    next_run(made)
    correct(made, 5)
    for _ in range(looks):
        assert look(next_run(made)) == (ALREADY, 0)
    ask_for(made, 2)
    text = told_back(made)
    assert "total 20.00 → 50.00" in text
    assert "and so is" not in text


def test_a_change_that_is_taken_back_together_with_the_order_that_followed_it_says_so(made: World) -> None:
    ask_for(made, 5)
    next_run(made)
    correct(made, 5)
    next_run(made)
    ask_for(made, 2)
    correct(made, 2)
    text = told_back(made)
    assert "it is again as tsrevel made it" in text


def test_a_change_that_is_taken_back_says_that_the_orders_items_differ_though_its_amounts_do_not(made: World) -> None:
    ask_for(made, 2, "Coffee Urn")
    next_run(made)
    swap(made)
    next_run(made)
    ask_for(made, 2)
    text = told_back(made)
    assert f"Revel order {ORDER} doesn't have the items that tsrevel wrote" in text


def test_a_cancellation_that_is_taken_back_is_told_with_the_order_that_is_right_again(made: World) -> None:
    made.tripleseat.cancel_event(FULL)
    next_run(made)
    made.tripleseat.edit_event(FULL, status="DEFINITE")
    assert told_back(made).endswith(f"{BACK}, and so is Revel order {ORDER}")


def test_a_cancellation_that_is_taken_back_after_the_order_was_deleted_says_that(made: World) -> None:
    made.tripleseat.cancel_event(FULL)
    next_run(made)
    delete(made)
    next_run(made)
    made.tripleseat.edit_event(FULL, status="DEFINITE")
    assert told_back(made).endswith(f"{BACK}, but Revel order {ORDER} isn't: it was deleted")


@pytest.mark.parametrize("looks", [1, 0])
def test_an_order_that_was_only_paid_is_still_as_it_was_made(made: World, looks: int) -> None:
    ask_for(made, 5)
    next_run(made)
    made.revel.state.rows["Order"][ORDER]["remaining_due"] = Decimal(5)
    for _ in range(looks):
        next_run(made)
    ask_for(made, 2)
    assert told_back(made).endswith(f"{BACK}, and so is Revel order {ORDER}")


def test_a_change_that_is_taken_back_only_in_part_is_not_told_as_made(made: World) -> None:
    ask_for(made, 5)
    made.tripleseat.edit_event(FULL, guaranteed_guest_count=99, guest_count=99)
    next_run(made)
    ask_for(made, 2)
    assert BACK not in find_outcome(next_run(made), FULL).text
    made.tripleseat.edit_event(FULL, guaranteed_guest_count=24, guest_count=24)
    assert told_back(made).endswith(f"{BACK}, and so is Revel order {ORDER}")
