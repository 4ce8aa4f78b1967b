"""What is half-written, voided, resolved, moved or misnamed: each told once, in the right place, as what it is."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import EventId, OrderId
from tsrevel.sandbox import Payment, SampleLine
from tsrevel.sandbox.day import FULL_CHARGES, FULL_LINES

from ..cli.bench import Shell
from .bench import Revel, reconcile
from .test_cases import EARLY, FULL, LOST, MISSED, PAID, UNMAPPED, found, only

OTHER = "00000000-0000-4000-8000-000000000009"
TOTAL = Decimal("124.00")
"""Of the event UNMAPPED in TripleSeat."""


@pytest.fixture
def alone(shell: Shell) -> Shell:
    """The sample day with its full event alone, whose order is half-written or made by each test."""
    for event in (PAID, UNMAPPED, EARLY, MISSED, LOST, LOST + 1):
        shell.world.tripleseat.state.events.pop(event)
    return shell


@pytest.fixture
def made(alone: Shell) -> Shell:
    alone.sync()
    assert reconcile(alone, "--json").status == 0
    return alone


def void(shell: Shell) -> None:
    """As a manager does at Revel, by hand."""
    revel = Revel(shell.world)
    for item in revel.parts("OrderItem", FULL):
        item["voided_date"] = "2026-12-12T11:00:00"
    for payment in revel.parts("Payment", FULL):
        payment["deleted"] = True
    sums = ("subtotal", "tax", "gratuity", "discount_amount", "final_total", "remaining_due")
    revel.order(FULL).update(dict.fromkeys(sums, Decimal(0)))


def resolve(shell: Shell, event: int = FULL, word: str = "done") -> None:
    shell.world.time.move(minutes=2)
    with shell.world.ledger() as ledger:
        ledger.events.resolve(EventId(str(event)), "done" if word == "done" else "ignored", "seen to", None)


# Half-written


@pytest.mark.parametrize("path", ["/Payment/", "/OrderItem/", "/OrderHistory/"])
@pytest.mark.parametrize("lost", [False, True])
def test_a_half_written_order_is_one_finding_and_no_alarm(alone: Shell, path: str, lost: bool) -> None:
    alone.world.revel.faults.add("status", "POST", path, times=None, status=502)
    alone.sync()
    if lost:
        alone.world.lose_ledger()
    ran = reconcile(alone, "--json")
    one = only(ran, FULL)
    assert (ran.status, one["kind"]) == (3, "order_unfinished")
    assert "isn't finished" in one["text"]


def test_a_sync_under_way_raises_no_alarm(alone: Shell) -> None:
    seen: list[tuple[int, list[str]]] = []

    def look() -> None:
        alone.world.forget_requests()
        ran = reconcile(alone, "--json")
        seen.append((ran.status, [each["kind"] for each in ran.answer["differences"]]))

    for moment in ("after POST /resources/Order/ ", "after POST /resources/OrderItem/", "after PATCH"):
        alone.world.at(moment, look)
    alone.sync()
    assert seen == [(3, ["order_unfinished"])] * 3
    assert reconcile(alone, "--json").status == 0


@pytest.mark.parametrize("moment", ["before GET /resources/Order/ ", "before GET /resources/Payment/", "after GET"])
@pytest.mark.parametrize("new", [True, False])
def test_orders_that_a_run_makes_meanwhile_agree(alone: Shell, moment: str, new: bool) -> None:
    """All of them, or one that was half-written before."""
    if not new:
        alone.world.revel.faults.add("status", "POST", "/OrderItem/", times=1, status=502)
        alone.sync()
        alone.world.time.move(minutes=45)
        assert only(reconcile(alone, "--json"), FULL)["kind"] == "order_unfinished"
    else:
        alone.sync()
        for number in range(3):
            alone.world.add_event(64000050 + number)
    with alone.world.ledger():  # another process has it open
        alone.world.at(moment, alone.world.sync)
        ran = reconcile(alone, "--json")
    assert alone.world.flaws(FULL) == []
    assert (ran.status, ran.answer["differences"]) == (0, [])


@pytest.mark.parametrize("moment", ["before GET /resources/Order/ ", "before GET /resources/OrderItem/"])
def test_an_order_that_a_person_names_meanwhile_agrees(alone: Shell, moment: str) -> None:
    event = alone.world.add_event(lines=[URN])
    sums = dict.fromkeys(("subtotal", "final_total", "remaining_due"), Decimal(30))
    number = alone.world.add_order(event, "777", printed=True, **sums)
    alone.sync_event(str(FULL))
    with alone.world.ledger():
        alone.world.at(moment, lambda: name(alone, event, number))
        ran = reconcile(alone, "--json")
    assert (ran.status, ran.answer["differences"]) == (0, [])


def test_nothing_is_read_twice_if_no_run_writes_meanwhile(made: Shell) -> None:
    made.world.forget_requests()
    assert reconcile(made).status == 0
    asked = [(each.path, tuple(sorted(each.query.items()))) for each in made.world.revel.requests]
    assert len(asked) == len(set(asked))


def test_what_is_doubled_in_a_half_written_order_still_alarms(alone: Shell) -> None:
    alone.world.revel.faults.add("status", "POST", "/OrderHistory/", times=None, status=502)
    alone.sync()
    revel = Revel(alone.world)
    revel.copy("Payment", revel.parts("Payment", FULL)[0])
    ran = reconcile(alone, "--json")
    assert (ran.status, {each["kind"] for each in found(ran, FULL)}) == (14, {"order_unfinished", "payment_doubled"})
    revel.copy("Order", revel.order(FULL), uuid=OTHER)
    assert "duplicate_orders" in {each["kind"] for each in found(reconcile(alone, "--json"), FULL)}


def test_a_finished_order_that_lost_its_print_mark_is_compared_all_the_same(made: Shell) -> None:
    made.world.revel.pos_touch(5550101)
    Revel(made.world).order(FULL)["printed"] = False
    ran = reconcile(made, "--json")
    assert (ran.status, {each["kind"] for each in found(ran, FULL)}) == (14, {"money"})


def test_an_order_whose_print_mark_revel_does_not_keep_agrees_as_for_the_run_that_made_it(alone: Shell) -> None:
    alone.world.revel.dropped_fields.add("printed")
    assert alone.sync().status == 0
    ran = reconcile(alone, "--json")
    assert (ran.status, ran.answer["differences"]) == (0, [])


def test_of_two_orders_that_the_ledger_lacks_none_is_promised_to_be_added(alone: Shell) -> None:
    for _ in range(2):
        alone.world.add_order(FULL)
    ran = reconcile(alone, "--json")
    kinds = {each["kind"] for each in found(ran, FULL)}
    assert "duplicate_orders" in kinds
    assert "order_not_in_ledger" not in kinds


def test_a_half_written_order_that_a_run_has_held_is_told_as_that(alone: Shell) -> None:
    alone.world.revel.faults.add("status", "POST", "/OrderHistory/", times=1, status=502)
    alone.world.at("before POST /resources/OrderHistory/", lambda: alone.world.revel.pos_touch(5550101))
    alone.sync()
    Revel(alone.world).order(FULL)["printed"] = False
    alone.world.time.move(minutes=45)
    alone.sync()
    [one] = found(reconcile(alone, "--json"), FULL)
    assert "unfinished" in one["text"]


# Cancelled


@pytest.mark.parametrize("gone", [False, True])
def test_a_cancelled_event_whose_order_was_voided_by_hand_is_explained(made: Shell, gone: bool) -> None:
    if gone:
        made.world.add_event(64000099, lines=[("Coffee Urn", 1, 38)], status="LOST")
        del made.world.tripleseat.state.events[FULL]
    else:
        made.world.tripleseat.cancel_event(FULL)
    made.sync()
    void(made)
    ran = reconcile(made, "--json")
    assert (ran.status, found(ran, FULL)) == (0, [])
    assert "5550101 is voided" in only(ran, FULL, among="notes")["text"]
    assert ran.answer["summary"]["orders"] == 0


def test_a_cancelled_event_with_money_left_is_that_alone(made: Shell) -> None:
    made.world.tripleseat.cancel_event(FULL)
    void(made)
    Revel(made.world).parts("Payment", FULL)[0]["deleted"] = False
    Revel(made.world).order(FULL)["remaining_due"] = Decimal("-200.00")
    ran = reconcile(made, "--json")
    assert (ran.status, only(ran, FULL)["kind"]) == (3, "event_cancelled")


def test_an_event_that_is_gone_is_told_as_sync_tells_it(made: Shell) -> None:
    made.world.add_event(64000099, lines=[("Coffee Urn", 1, 38)], status="LOST")
    del made.world.tripleseat.state.events[FULL]
    one = only(reconcile(made, "--json"), FULL)
    made.sync()
    assert (one["kind"], one["reason"]) == ("order_without_event", "CANCELLED_AFTER_INJECTION")
    assert (
        one["text"] == "deleted in TripleSeat; Revel order 5550101 still stands; if nobody wants it, void it in Revel"
    )


# Without a ledger, or with one that holds no plan


def test_an_adopted_order_is_compared_with_the_plan_it_was_adopted_with(made: Shell) -> None:
    made.world.lose_ledger()
    made.world.time.move(days=1)
    made.sync()
    assert reconcile(made, "--json").status == 0
    made.world.revel.pos_touch(5550101)
    ran = reconcile(made, "--json")
    assert (ran.status, only(ran, FULL)["ledger"]) == (14, "9.60")


def test_with_no_written_plan_no_one_says_that_revel_has_changed(made: Shell) -> None:
    made.world.rewrite_event(FULL, lines=FULL_LINES[1:], charges=FULL_CHARGES, payments=[Payment("100.00")])
    made.world.lose_ledger()
    made.world.time.move(days=1)
    made.sync()
    ran = reconcile(made, "--json")
    assert ran.status == 3
    assert found(ran, FULL)
    assert [each for each in found(ran, FULL) if "written" in each["text"] or each["ledger"]] == []


def test_a_lost_ledger_is_one_finding(made: Shell) -> None:
    made.world.lose_ledger()
    ran = reconcile(made, "--json")
    [one] = ran.answer["differences"]
    assert (ran.status, one["kind"], one["event_id"]) == (3, "ledger_missing", None)


# Resolved


def test_an_order_of_a_past_day_that_the_ledger_lacks_is_added_by_name(shell: Shell) -> None:
    """A run over its day doesn't look again for an event that the ledger has as missed."""
    shell.sync()
    ledger = shell.world.folder / "ledger.sqlite3"
    copy = ledger.read_bytes()
    assert shell.sync_event(str(MISSED), "--ignore-time-gate").status == 0
    shell.world.lose_ledger()
    ledger.write_bytes(copy)
    told = f"isn't in the ledger; `tsrevel sync-event {MISSED} --ignore-time-gate --config "
    assert told in only(reconcile(shell, "--json"), MISSED)["text"]


@pytest.mark.parametrize("why", ["resolved", "not allowed", "held"])
def test_an_order_that_no_run_adds_is_said_to_wait(alone: Shell, why: str) -> None:
    """Somebody else made it after runs had decided to leave its event alone."""
    if why == "held":
        alone.world.rewrite_event(FULL, lines=[SampleLine("Nothing on the menu", 1, Decimal(38))])
    alone.sync(*([] if why == "held" else ["--dry-run"]))
    alone.world.add_order(FULL)
    if why == "resolved":
        resolve(alone)
    if why == "not allowed":
        alone.world.config["safety"]["allowed_locations"] = [30502]
    told = {
        "resolved": "runs leave it alone because a person resolved the event",
        "not allowed": "runs leave it alone: location 30501 is not allowed",
        "held": f"once the event can be planned, or run `tsrevel resolve {FULL} --as done --order ",
    }
    answer = reconcile(alone, "--json").answer
    texts = [each["text"] for each in (*answer["differences"], *answer["notes"]) if each["event_id"] == str(FULL)]
    assert any("isn't in the ledger" in each and told[why] in each for each in texts), texts


def test_a_resolved_cancellation_is_explained_until_the_event_changes_again(made: Shell) -> None:
    made.world.time.move(minutes=45)
    made.world.tripleseat.cancel_event(FULL)
    made.sync()
    assert only(reconcile(made, "--json"), FULL)["kind"] == "event_cancelled"
    resolve(made)
    ran = reconcile(made, "--json")
    assert (ran.status, only(ran, FULL, among="notes")["kind"]) == (0, "resolved")
    made.world.tripleseat.edit_event(FULL, status="DEFINITE", guest_count=99)
    made.world.rewrite_event(FULL, lines=FULL_LINES[1:])
    assert reconcile(made, "--json").status == 3


def test_a_resolved_change_is_explained_until_the_event_changes_again(made: Shell) -> None:
    told = []
    for lines in (FULL_LINES[1:], FULL_LINES[2:]):
        made.world.time.move(minutes=45)
        made.world.rewrite_event(FULL, lines=lines)
        made.sync()
        told.append(only(reconcile(made, "--json"), FULL))
        resolve(made)
        ran = reconcile(made, "--json")
        assert (ran.status, [each["kind"] for each in found(ran, FULL, among="notes")]) == (0, ["resolved"])
    assert {each["kind"] for each in told} == {"event_changed"}
    assert "changed since it was resolved" in told[1]["text"]


def flat(quantity: str, amount: str = "300.00") -> SampleLine:
    """A line with an amount of its own, whatever its quantity."""
    return SampleLine("Coffee Urn", quantity, None, total=amount)


def test_another_quantity_at_the_same_amount_of_a_line_is_a_difference(alone: Shell) -> None:
    alone.world.rewrite_event(FULL, lines=[flat("30.0")])
    alone.sync()
    alone.world.time.move(minutes=45)
    alone.world.rewrite_event(FULL, lines=[flat("80.0")])
    ran = reconcile(alone, "--json")
    assert (ran.status, only(ran, FULL)["kind"]) == (3, "event_changed")
    assert only(ran, FULL)["text"].endswith("30 x Coffee Urn for 300.00 → 80 x Coffee Urn for 300.00")


@pytest.mark.parametrize(("note", "kind"), [("80 x coffee urn", "corrected"), ("30 x Coffee Urn", "event_changed")])
def test_an_order_agrees_with_a_changed_line_once_its_text_has_the_new_quantity(
    alone: Shell, note: str, kind: str
) -> None:
    alone.world.rewrite_event(FULL, lines=[flat("30.0")])
    alone.sync()
    alone.world.time.move(minutes=45)
    alone.world.rewrite_event(FULL, lines=[flat("80.0", "400.00")])
    revel = Revel(alone.world)
    (item,) = revel.parts("OrderItem", FULL)
    item.update(price=Decimal(400), special_request=note)
    revel.order(FULL).update(dict.fromkeys(("subtotal", "final_total", "remaining_due"), Decimal(400)))
    ran = reconcile(alone, "--json")
    kinds = {each["kind"] for each in [*found(ran, FULL), *found(ran, FULL, among="notes")]}
    assert kind in kinds


@pytest.mark.parametrize(("boxes", "kinds"), [(2, {"event_changed", "item_changed", "money"}), (4, {"corrected"})])
def test_an_order_agrees_with_a_changed_quantity_at_the_same_amount_only_if_it_has_it(
    alone: Shell, boxes: int, kinds: set[str]
) -> None:
    alone.world.rewrite_event(FULL, lines=[("Boxed Lunch Package", 2, 10), ("Taco Trio", 1, 5)])
    alone.sync()
    alone.world.time.move(minutes=45)
    alone.world.rewrite_event(FULL, lines=[("Boxed Lunch Package", 4, 5), ("Taco Trio", 2, 5)])
    revel = Revel(alone.world)
    lunches, tacos = revel.parts("OrderItem", FULL)
    lunches.update(quantity=Decimal(boxes), price=Decimal(20) / boxes)
    tacos["quantity"] = Decimal(2)
    revel.order(FULL).update(dict.fromkeys(("subtotal", "final_total", "remaining_due"), Decimal(30)))
    ran = reconcile(alone, "--json")
    assert {each["kind"] for each in [*found(ran, FULL), *found(ran, FULL, among="notes")]} == kinds


@pytest.fixture
def cake(alone: Shell) -> Shell:
    """The full event's order is one cake, whose name stands only on the ticket."""
    alone.world.config["orders"] = {"unmapped_items": "fallback"}
    alone.world.config["locations"][0]["fallback_product"] = 8107
    alone.world.rewrite_event(FULL, lines=[("Ube Celebration Cake", 1, 86)])
    alone.sync()
    alone.world.time.move(minutes=45)
    return alone


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("held", [False, True])
def test_an_item_with_another_name_than_its_line_is_a_difference_and_no_alarm(
    cake: Shell, lost: bool, held: bool
) -> None:
    """Its event has another cake now, or a station has named another."""
    if lost:
        cake.world.lose_ledger()
        cake.world.rewrite_event(FULL, lines=[("Peanut Flan", 1, 86)])
    else:
        Revel(cake.world).parts("OrderItem", FULL)[0]["product_name_override"] = "Peanut Flan"
    if held:
        cake.sync()
    ran = reconcile(cake, "--json")
    [named] = [each for each in found(ran, FULL) if each["kind"] == "item_changed"]
    assert (ran.status, "on the ticket" in named["text"]) == (3, True)


def test_an_order_agrees_with_a_changed_line_once_its_item_has_the_new_name(cake: Shell) -> None:
    cake.world.rewrite_event(FULL, lines=[("Peanut Flan", 1, 86)])
    ran = reconcile(cake, "--json")
    assert (ran.status, only(ran, FULL)["kind"]) == (3, "event_changed")
    Revel(cake.world).parts("OrderItem", FULL)[0]["product_name_override"] = "Peanut flan"
    ran = reconcile(cake, "--json")
    assert (ran.status, only(ran, FULL, among="notes")["kind"]) == (0, "corrected")


def test_an_item_with_more_text_than_its_plan_is_no_difference(made: Shell) -> None:
    """Kitchens write there what guests ask for."""
    Revel(made.world).parts("OrderItem", FULL)[0]["special_request"] = "no nuts"
    assert reconcile(made, "--json").status == 0


def test_a_resolved_difference_at_revel_is_explained_until_the_order_changes_again(made: Shell) -> None:
    made.world.revel.pos_touch(5550101)
    assert reconcile(made, "--json").status == 14
    resolve(made)
    assert reconcile(made, "--json").status == 0
    made.world.time.move(minutes=5)
    Revel(made.world).parts("OrderItem", FULL)[0]["voided_date"] = "2026-12-12T10:30:00"
    ran = reconcile(made, "--json")
    assert (ran.status, "changed since it was resolved" in found(ran, FULL)[0]["text"]) == (14, True)


def test_two_orders_for_one_event_are_never_resolved_away(made: Shell) -> None:
    revel = Revel(made.world)
    revel.copy("Order", revel.order(FULL), uuid=OTHER)
    resolve(made)
    ran = reconcile(made, "--json")
    assert (ran.status, "duplicate_orders" in {each["kind"] for each in found(ran, FULL)}) == (14, True)


@pytest.mark.parametrize("word", ["done", "ignored"])
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(
    "edit", [{"grand_total": "500.00"}, {"event_date_iso8601": "2026-12-11", "event_date": "12/11/2026"}]
)
def test_a_resolved_event_without_an_order_agrees_until_it_changes(
    shell: Shell, word: str, told: bool, edit: dict[str, str]
) -> None:
    """Until it is resolved again, even after a run has told the change."""
    shell.sync()
    resolve(shell, UNMAPPED, word)
    assert found(reconcile(shell, "--json"), UNMAPPED) == []
    shell.world.time.move(minutes=45)
    shell.world.tripleseat.edit_event(UNMAPPED, **edit)
    if told:
        assert shell.sync().status == 3
    one = only(reconcile(shell, "--json"), UNMAPPED)
    assert (one["kind"], f"changed since it was resolved as {word}" in one["text"]) == ("event_without_order", True)
    shell.sync()
    resolve(shell, UNMAPPED, word)
    assert found(reconcile(shell, "--json"), UNMAPPED) == []


@pytest.mark.parametrize("touched", [True, False])
@pytest.mark.parametrize("event", [FULL, UNMAPPED])
def test_a_definite_event_is_not_cancelled_by_other_eligible_statuses(shell: Shell, event: int, touched: bool) -> None:
    shell.sync()
    resolve(shell, UNMAPPED)
    assert found(reconcile(shell, "--json"), event) == []
    shell.world.config["tripleseat"] |= {"eligible_statuses": ["CLOSED"]}
    if touched:
        shell.world.tripleseat.edit_event(event, guest_count=3)
    kinds = [each["kind"] for each in found(reconcile(shell, "--json"), event)]
    assert "event_cancelled" not in kinds
    assert kinds == [] or (event, touched) == (UNMAPPED, True)


@pytest.mark.parametrize("told", [True, False])
def test_a_cancelled_event_may_leave_an_order_by_hand_that_nobody_named(shell: Shell, told: bool) -> None:
    shell.sync()
    resolve(shell, UNMAPPED)
    shell.world.time.move(minutes=45)
    shell.world.tripleseat.cancel_event(UNMAPPED)
    if told:
        shell.sync()
    one = only(reconcile(shell, "--json"), UNMAPPED)
    assert (one["kind"], one["reason"]) == ("event_cancelled", "CANCELLED_AFTER_INJECTION")
    assert "if its order was entered by hand, void it in Revel" in one["text"]
    shell.sync()
    resolve(shell, UNMAPPED)
    assert found(reconcile(shell, "--json"), UNMAPPED) == []


@pytest.mark.parametrize("told", [True, False])
def test_a_deleted_event_may_leave_an_order_by_hand_too(shell: Shell, told: bool) -> None:
    shell.sync()
    resolve(shell, UNMAPPED)
    del shell.world.tripleseat.state.events[UNMAPPED]
    if told:
        assert shell.sync().status == 3
    one = only(reconcile(shell, "--json"), UNMAPPED)
    assert (one["kind"], "deleted in TripleSeat" in one["text"]) == ("event_cancelled", True)
    shell.sync()
    resolve(shell, UNMAPPED)
    assert found(reconcile(shell, "--json"), UNMAPPED) == []


def delete(shell: Shell) -> None:
    Revel(shell.world).order(FULL)["deleted"] = True


def take_from_tripleseat(shell: Shell) -> None:
    """It is no longer there, and the listing isn't empty."""
    shell.world.add_event(64000099, lines=[("Coffee Urn", 1, 38)], status="LOST")
    del shell.world.tripleseat.state.events[FULL]


@pytest.mark.parametrize("undo", [delete, void])
@pytest.mark.parametrize(("is_deleted", "told"), [(True, True), (False, True), (False, False)])
def test_a_cancelled_event_may_leave_an_order_by_hand_in_place_of_ours_that_nobody_named(
    made: Shell, undo: Callable[[Shell], None], is_deleted: bool, told: bool
) -> None:
    made.world.time.move(minutes=45)
    undo(made)
    assert made.sync().status == 3
    resolve(made)
    made.world.time.move(minutes=45)
    if is_deleted:
        take_from_tripleseat(made)
    else:
        made.world.tripleseat.cancel_event(FULL)
    if told:
        made.sync()
    one = only(reconcile(made, "--json"), FULL)
    assert (one["kind"], one["reason"]) == ("event_cancelled", "CANCELLED_AFTER_INJECTION")
    assert "if its order was entered by hand, void it in Revel" in one["text"]
    made.sync()
    resolve(made)
    assert found(reconcile(made, "--json"), FULL) == []


@pytest.mark.parametrize("word", ["ignored", "done"])
@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_cancelled_event_leaves_no_order_if_nobody_replaced_ours_or_it_was_taken_away_later(
    made: Shell, word: str, is_deleted: bool
) -> None:
    made.world.time.move(minutes=45)
    if word == "ignored":
        delete(made)
        made.sync()
    resolve(made, FULL, word)
    made.world.time.move(minutes=45)
    if is_deleted:
        take_from_tripleseat(made)
    else:
        made.world.tripleseat.cancel_event(FULL)
    made.sync()
    delete(made)
    made.sync()
    assert found(reconcile(made, "--json"), FULL) == []


def test_a_cancelled_event_that_nobody_wanted_leaves_nothing(shell: Shell) -> None:
    shell.sync()
    resolve(shell, UNMAPPED, "ignored")
    shell.world.time.move(minutes=45)
    shell.world.tripleseat.cancel_event(UNMAPPED)
    assert found(reconcile(shell, "--json"), UNMAPPED) == []


# The order that a person named


def enter(shell: Shell, event: int = UNMAPPED, **fields: object) -> int:
    """An order by hand under a name of its own, which the event's resolution names."""
    number = shell.world.add_order(event, "777", **{"final_total": TOTAL, "subtotal": TOTAL, **fields})
    shell.world.time.move(minutes=2)
    name(shell, event, number)
    return number


def test_a_named_order_counts_as_the_events(shell: Shell) -> None:
    shell.sync()
    number = enter(shell)
    ran = reconcile(shell, "--json")
    assert found(ran, UNMAPPED) == []
    notes = [each["text"] for each in found(ran, UNMAPPED, among="notes")]
    assert f"a person named Revel order {number}" in notes
    day = ran.answer["locations"][0]["days"][-1]
    assert "not_in_ledger" not in {each["kind"] for each in day["unmatched"]}


def test_a_named_order_with_another_total_is_a_difference_until_it_is_corrected(shell: Shell) -> None:
    """A typing mistake: the resolution can't explain it."""
    shell.sync()
    number = enter(shell, final_total=Decimal("1240.00"))
    ran = reconcile(shell, "--json")
    one = only(ran, UNMAPPED)
    assert (ran.status, one["kind"], one["tripleseat"], one["revel"]) == (3, "money", "124.00", "1240.00")
    assert "correct the order in Revel, or name the right one" in one["text"]
    shell.world.revel.state.rows["Order"][number]["final_total"] = TOTAL
    assert found(reconcile(shell, "--json"), UNMAPPED) == []


def test_a_named_order_at_another_establishment_is_a_difference(shell: Shell) -> None:
    shell.world.rewrite_event(UNMAPPED, lines=FULL_LINES[:1])
    total = Decimal(shell.world.tripleseat.event(UNMAPPED)["grand_total"])
    enter(shell, establishment="/enterprise/Establishment/9/", final_total=total, subtotal=total, remaining_due=total)
    one = only(reconcile(shell, "--json"), UNMAPPED)
    assert (one["kind"], "at establishment 9, not 8" in one["text"]) == ("wrong_establishment", True)


@pytest.mark.parametrize("told", [True, False])
def test_a_named_order_is_compared_with_the_event_as_it_is_now(shell: Shell, told: bool) -> None:
    shell.world.rewrite_event(UNMAPPED, lines=FULL_LINES[:1])
    total = Decimal(shell.world.tripleseat.event(UNMAPPED)["grand_total"])
    number = enter(shell, final_total=total, subtotal=total, remaining_due=total)
    shell.sync()
    assert found(reconcile(shell, "--json"), UNMAPPED) == []
    shell.world.time.move(minutes=45)
    shell.world.rewrite_event(UNMAPPED, lines=FULL_LINES[:3:2])
    if told:
        shell.sync()
    kinds = {each["kind"] for each in found(reconcile(shell, "--json"), UNMAPPED)}
    assert kinds == {"money"}
    new = Decimal(shell.world.tripleseat.event(UNMAPPED)["grand_total"])
    shell.world.revel.state.rows["Order"][number].update(final_total=new, subtotal=new, remaining_due=new)
    assert found(reconcile(shell, "--json"), UNMAPPED) == []


FEE = ("Service Charge", "5.00")
"""A billing total that is written as an item."""
URN = ("Coffee Urn", 2, "15.00")


def add_item(shell: Shell, order: int, product: str, quantity: int, price: str) -> None:
    """An item that somebody adds at a station, under a uuid of its own."""
    rows = shell.world.revel.state.rows
    number = next(row["id"] for row in rows["Product"].values() if row["name"] == product and row["id"] // 100 == 81)
    shell.world.revel.add(
        "OrderItem",
        None,
        order=f"/resources/Order/{order}/",
        product=f"/resources/Product/{number}/",
        quantity=Decimal(quantity),
        price=Decimal(price),
        uuid=f"00000000-0000-4000-8000-{number:012}",
    )


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("items", "amounts"),
    [
        ([URN, ("Fruit Platter", 1, "5.00")], {}),  # the fee under another product
        ([("Coffee Urn", 2, "10.00"), ("Service Charge", 1, "5.00")], {}),  # the rest are modifiers
        ([("Boxed Lunch Package", 1, "35.00")], {}),
        ([], {}),
        ([URN], {"subtotal": Decimal(30), "gratuity": Decimal(5)}),  # the fee as a gratuity
    ],
)
def test_an_order_by_others_agrees_however_the_sum_of_lines_and_charges_is_made_up(
    alone: Shell, items: list[tuple[str, int, str]], amounts: dict[str, Decimal], named: bool
) -> None:
    event = alone.world.add_event(lines=[URN], charges=[FEE])
    sums = dict.fromkeys(("subtotal", "final_total", "remaining_due"), Decimal(35))
    number = alone.world.add_order(event, "777" if named else "Triple Seat {}", printed=True, **{**sums, **amounts})
    for item in items:
        add_item(alone, number, *item)
    if named:
        name(alone, event, number)
    assert alone.sync().status == 0
    ran = reconcile(alone, "--json")
    assert (ran.status, ran.answer["differences"]) == (0, [])


@pytest.mark.parametrize(
    ("amounts", "fields"),
    [
        ({"subtotal": Decimal(34)}, {"items": ("35.00", "34.00")}),
        ({"subtotal": Decimal(30), "gratuity": Decimal(4)}, {"items": ("35.00", "30.00"), "charges": ("0.00", "4.00")}),
        ({"subtotal": Decimal(30), "tax": Decimal(5)}, {"items": ("35.00", "30.00"), "tax": ("0.00", "5.00")}),
        ({"subtotal": Decimal(0)}, {"items": ("35.00", "0.00")}),
        ({"final_total": Decimal(36)}, {"total": ("35.00", "36.00")}),
    ],
)
def test_an_order_by_others_with_another_sum_is_told_as_itself(
    alone: Shell, amounts: dict[str, Decimal], fields: dict[str, tuple[str, str]]
) -> None:
    event = alone.world.add_event(lines=[URN], charges=[FEE])
    sums = dict.fromkeys(("subtotal", "final_total", "remaining_due"), Decimal(35))
    alone.world.add_order(event, "Triple Seat {}", printed=True, **{**sums, **amounts})
    alone.sync()
    ran = reconcile(alone, "--json")
    assert ran.status == 14
    assert {each["field"]: (each["tripleseat"], each["revel"]) for each in found(ran, event)} == fields
    assert [each for each in ran.answer["differences"] if each["event_id"] != str(event)] == []


@pytest.mark.parametrize("before", [[], [FEE]])
@pytest.mark.parametrize("more", [[], [("Fruit Platter", 1, "20.00")]])
def test_an_order_to_which_a_new_charge_or_line_was_added_by_hand_agrees(
    alone: Shell, before: list[tuple[str, str]], more: list[tuple[str, int, str]]
) -> None:
    event = alone.world.add_event(lines=[URN], charges=before)
    alone.sync()
    alone.world.time.move(minutes=45)
    alone.world.rewrite_event(event, lines=[*more, URN], charges=[FEE])
    [order] = alone.world.orders_of(event)
    for item in more:
        add_item(alone, order["id"], *item)
    if not before:
        add_item(alone, order["id"], "Service Charge", 1, "5.00")
    total = Decimal(alone.world.tripleseat.event(event)["grand_total"])
    Revel(alone.world).order(event).update(dict.fromkeys(("subtotal", "final_total", "remaining_due"), total))
    assert alone.sync().status == 0
    ran = reconcile(alone, "--json")
    assert (ran.status, ran.answer["differences"]) == (0, [])


@pytest.mark.parametrize("how", ["deleted", "gone"])
def test_a_named_order_that_stands_no_more_leaves_the_event_without_one(shell: Shell, how: str) -> None:
    shell.sync()
    number = enter(shell)
    if how == "deleted":
        shell.world.revel.state.rows["Order"][number]["deleted"] = True
    else:
        del shell.world.revel.state.rows["Order"][number]
    ran = reconcile(shell, "--json")
    one = only(ran, UNMAPPED)
    assert (ran.status, one["kind"], one["revel_order_ids"]) == (3, "order_gone", [str(number)])
    assert f"a person named Revel order {number} for it" in one["text"]
    shell.world.tripleseat.cancel_event(UNMAPPED)
    assert found(reconcile(shell, "--json"), UNMAPPED) == []


def test_the_named_order_of_a_cancelled_event_still_stands(made: Shell) -> None:
    """Ours was deleted by mistake, so somebody entered it again."""
    Revel(made.world).order(FULL)["deleted"] = True
    row = {key: Revel(made.world).order(FULL)[key] for key in ("final_total", "subtotal", "tax", "remaining_due")}
    number = enter(made, FULL, **row)
    made.world.time.move(minutes=45)
    made.world.tripleseat.cancel_event(FULL)
    one = only(reconcile(made, "--json"), FULL)
    assert (one["kind"], f"Revel order {number} still stands" in one["text"]) == ("event_cancelled", True)


# Voided, and entered again


def amounts_of(shell: Shell) -> dict[str, Decimal]:
    """Those of our order, before it is voided."""
    row = Revel(shell.world).order(FULL)
    names = ("subtotal", "tax", "gratuity", "discount_amount", "final_total", "remaining_due")
    return {name: row[name] for name in names}


def enter_again(shell: Shell, number_or_name: str = "777", *, at: int = 8) -> int:
    """The full event's order once more, as tsrevel had written it, by hand and under another uuid."""
    where = f"/enterprise/Establishment/{at}/"
    number = shell.world.add_order(FULL, number_or_name, establishment=where, printed=True, **amounts_of(shell))
    link = f"/resources/Order/{number}/"
    for resource in ("OrderItem", "Payment"):
        for place, row in enumerate(Revel(shell.world).parts(resource, FULL)):
            Revel(shell.world).copy(resource, row, order=link, uuid=f"00000000-0000-4000-8000-{place:012}")
    return number


def test_an_order_that_was_voided_for_a_named_one_is_no_second_order(made: Shell) -> None:
    number = enter_again(made)
    void(made)
    made.world.time.move(minutes=2)
    name(made, FULL, number)
    ran = reconcile(made, "--json")
    assert (ran.status, ran.answer["differences"], ran.answer["summary"]["orders"]) == (0, [], 1)


def test_after_a_move_the_order_that_was_named_at_the_new_establishment_agrees(made: Shell) -> None:
    lakeside = next(each for each in made.world.config["locations"] if each["revel_establishment"] == 9)
    made.world.time.move(minutes=45)
    made.world.tripleseat.edit_event(FULL, location_id=lakeside["tripleseat_location"])
    assert made.sync().status == 3
    number = enter_again(made, at=9)
    void(made)
    made.world.time.move(minutes=2)
    name(made, FULL, number)
    ran = reconcile(made, "--json")
    assert (ran.status, ran.answer["differences"], ran.answer["summary"]["orders"]) == (0, [], 1)
    made.world.revel.state.rows["Order"][number].update(final_total=Decimal(1))
    assert {each["kind"] for each in found(reconcile(made, "--json"), FULL)} == {"money"}


def test_a_twin_that_was_voided_is_no_second_order(made: Shell) -> None:
    revel = Revel(made.world)
    number = enter_again(made, "Triple Seat_{}")
    assert "duplicate_orders" in {each["kind"] for each in found(reconcile(made, "--json"), FULL)}
    for resource, field in (("OrderItem", "voided_date"), ("Payment", "deleted")):
        for row in revel.rows[resource].values():
            if row["order"] == f"/resources/Order/{number}/":
                row[field] = "2026-12-12T11:00:00" if field == "voided_date" else True
    revel.rows["Order"][number].update(dict.fromkeys(amounts_of(made), Decimal(0)))
    ran = reconcile(made, "--json")
    assert (ran.status, ran.answer["differences"], ran.answer["summary"]["orders"]) == (0, [], 1)


def test_a_twin_without_any_item_is_a_second_order(made: Shell) -> None:
    made.world.add_order(FULL, "Triple Seat_{}", final_total=Decimal(0))
    ran = reconcile(made, "--json")
    assert (ran.status, "duplicate_orders" in {each["kind"] for each in found(ran, FULL)}) == (14, True)


def test_that_the_ledgers_order_was_voided_for_one_that_nobody_named_is_told_without_alarm(made: Shell) -> None:
    number = enter_again(made, "Triple Seat {}")
    void(made)
    ran = reconcile(made, "--json")
    one = only(ran, FULL)
    assert (ran.status, one["kind"]) == (3, "ledger_differs")
    assert f"which was voided, but Revel shows order {number}" in one["text"]


def test_a_voided_order_is_told_if_no_other_one_stands(made: Shell) -> None:
    void(made)
    ran = reconcile(made, "--json")
    assert (ran.status, "item_missing" in {each["kind"] for each in found(ran, FULL)}) == (14, True)


# One order for two events


def name(shell: Shell, event: int, order: int) -> None:
    """Resolve an event with the number of an order, unchecked, as while Revel is down."""
    with shell.world.ledger() as ledger:
        ledger.events.resolve(EventId(str(event)), "done", "entered by hand", OrderId(str(order)))


@pytest.mark.parametrize("days", [0, 20])
@pytest.mark.parametrize("renamed", [False, True])
def test_an_event_resolved_with_another_events_order_has_none_and_that_is_told(
    shell: Shell, days: int, renamed: bool
) -> None:
    """The other event may be on a day that isn't compared."""
    shell.sync()
    number = Revel(shell.world).order(FULL)["id"]
    if renamed:
        Revel(shell.world).order(FULL)["local_id"] = "renamed"
    name(shell, UNMAPPED, number)
    if days:
        shell.world.tripleseat.edit_event(UNMAPPED, event_date_iso8601="2026-12-30", event_date="12/30/2026")
        argv = ["--from", "2026-12-29", "--to", "2026-12-31"]
    else:
        argv = []
    ran = reconcile(shell, "--json", *argv)
    one = only(ran, UNMAPPED)
    assert (ran.status, one["kind"], one["revel_order_ids"]) == (3, "shared_order", [str(number)])
    assert f"Revel order {number} stands for two events, this one and {FULL}" in one["text"]
    assert f"tsrevel resolve {UNMAPPED} --as done --order ID" in one["text"]
    assert "shared_order" not in {each["kind"] for each in found(ran, FULL)}


def test_an_order_by_hand_that_people_named_for_two_events_is_told_for_both(shell: Shell) -> None:
    shell.sync()
    number = shell.world.add_order(UNMAPPED, "777", final_total=TOTAL)
    name(shell, UNMAPPED, number)
    assert found(reconcile(shell, "--json"), UNMAPPED) == []
    name(shell, MISSED, number)
    ran = reconcile(shell, "--json")
    assert [only(ran, event)["kind"] for event in (UNMAPPED, MISSED)] == ["shared_order"] * 2


@pytest.mark.parametrize(
    ("gone", "expected"), [(False, {"shared_order"}), (True, {"shared_order", "order_gone"})], ids=["day", "deleted"]
)
def test_an_order_that_people_named_for_two_events_is_told_though_it_counts_for_neither(
    shell: Shell, gone: bool, expected: set[str]
) -> None:
    """One of the two may be on a day that isn't compared, or the order may be gone."""
    shell.sync()
    number = shell.world.add_order(UNMAPPED, "777", final_total=TOTAL)
    name(shell, UNMAPPED, number)
    name(shell, MISSED, number)
    days: list[str] = []
    if gone:
        shell.world.revel.state.rows["Order"][number]["deleted"] = True
    else:
        shell.world.tripleseat.edit_event(UNMAPPED, event_date_iso8601="2026-12-30", event_date="12/30/2026")
        days = ["--from", "2026-12-29", "--to", "2026-12-31"]
    assert {each["kind"] for each in found(reconcile(shell, "--json", *days), UNMAPPED)} == expected


def test_an_order_that_the_ledger_has_for_two_events_is_told_for_the_one_whose_uuid_it_lacks(shell: Shell) -> None:
    shell.sync()
    order = Revel(shell.world).order(FULL)
    order["local_id"] = f"Triple Seat_{UNMAPPED}"
    with shell.world.ledger() as ledger:
        run = ledger.runs.latest(1)[0].run_id
        ledger.orders.mark_foreign(run, EventId(str(UNMAPPED)), OrderId(str(order["id"])), "x")
    ran = reconcile(shell, "--json")
    assert "shared_order" in {each["kind"] for each in found(ran, UNMAPPED)}
    assert {each["kind"] for each in found(ran, FULL)} == {"wrong_local_id"}


def test_a_named_order_that_can_not_be_read_hides_no_other_event(shell: Shell) -> None:
    shell.sync()
    number = shell.world.add_order(UNMAPPED, "777")
    shell.world.revel.state.rows["Order"][number]["final_total"] = "many"
    name(shell, UNMAPPED, number)
    ran = reconcile(shell, "--json")
    assert (ran.status, only(ran, MISSED)["kind"]) == (3, "event_without_order")
    assert only(ran, UNMAPPED)["kind"] == "order_unreadable"


def test_once_the_right_order_is_named_it_is_explained(shell: Shell) -> None:
    shell.sync()
    name(shell, UNMAPPED, Revel(shell.world).order(FULL)["id"])
    name(shell, UNMAPPED, shell.world.add_order(UNMAPPED, "777", final_total=TOTAL))
    assert found(reconcile(shell, "--json"), UNMAPPED) == []


# Money in its place


def test_revels_money_is_counted_where_revel_has_it(made: Shell) -> None:
    Revel(made.world).order(FULL)["establishment"] = "/enterprise/Establishment/9/"
    ran = reconcile(made, "--json")
    days = {place["establishment"]: place["days"][-1] for place in ran.answer["locations"]}
    [here], [there] = days["8"]["unmatched"], days["9"]["unmatched"]
    assert here["kind"] == there["kind"] == "other_location"
    assert (here["tripleseat"]["total"], here["revel"]["total"]) == ("837.72", "0.00")
    assert (there["tripleseat"]["total"], there["revel"]["total"]) == ("0.00", "837.72")
    assert days["9"]["agrees"] is False
    one = only(ran, FULL)
    assert (one["kind"], one["tripleseat"], one["revel"]) == ("wrong_establishment", "837.72", "837.72")
    assert "order at another location (1)" in reconcile(made).out


def test_an_order_at_a_place_that_no_setting_names_is_counted_there(made: Shell) -> None:
    Revel(made.world).order(FULL)["establishment"] = "/enterprise/Establishment/71/"
    places = reconcile(made, "--json").answer["locations"]
    assert places[-1]["establishment"] == "71"


def test_a_payment_under_another_uuid_that_lowers_nothing_is_the_same_one_again(made: Shell) -> None:
    revel = Revel(made.world)
    revel.copy("Payment", revel.parts("Payment", FULL)[0], uuid=OTHER)
    ran = reconcile(made, "--json")
    assert (ran.status, only(ran, FULL)["kind"]) == (14, "payment_doubled")


def test_a_payment_of_the_same_amount_that_lowers_what_is_due_was_taken_at_a_till(made: Shell) -> None:
    revel = Revel(made.world)
    revel.copy("Payment", revel.parts("Payment", FULL)[0], uuid=OTHER)
    revel.order(FULL)["remaining_due"] -= Decimal(200)
    ran = reconcile(made, "--json")
    assert (ran.status, only(ran, FULL)["kind"]) == (3, "payment_extra")


def test_a_payment_that_was_refunded_at_revel_does_not_count(made: Shell) -> None:
    revel = Revel(made.world)
    revel.parts("Payment", FULL)[0]["refunded"] = True
    revel.order(FULL)["remaining_due"] += Decimal(200)
    ran = reconcile(made, "--json")
    one = only(ran, FULL)
    assert (ran.status, one["kind"], "was refunded in Revel" in one["text"]) == (14, "payment_missing", True)
    assert ran.answer["locations"][0]["days"][-1]["revel"]["payments"] == "0.00"


def test_a_refund_in_tripleseat_is_told_as_one(made: Shell) -> None:
    refunded = [Payment("200.00", refunded="50.00")]
    made.world.rewrite_event(FULL, lines=FULL_LINES, charges=FULL_CHARGES, payments=refunded)
    assert "payments 200.00 → 150.00 (50.00 refunded)" in only(reconcile(made, "--json"), FULL)["text"]


def test_an_event_that_cannot_be_planned_stands_apart_with_its_total(made: Shell) -> None:
    made.world.rewrite_event(FULL, lines=[("Ube Celebration Cake", 1, "86.00")])
    day = reconcile(made, "--json").answer["locations"][0]["days"][-1]
    assert (day["tripleseat"]["total"], day["revel"]["total"]) == ("0.00", "0.00")
    [apart] = [each for each in day["unmatched"] if each["kind"] == "not_plannable"]
    totals = [apart[side]["total"] for side in ("tripleseat", "ledger", "revel")]
    assert totals == ["86.00", "837.72", "837.72"]


# Orders and events that can't be told


def test_one_event_that_tripleseat_cannot_hand_out_hides_no_other(shell: Shell) -> None:
    shell.sync()
    shell.world.tripleseat.faults.add("status", "GET", f"/events/{FULL}", times=None, status=500)
    ran = reconcile(shell, "--json")
    assert (ran.status, only(ran, FULL)["kind"], found(ran, PAID)) == (3, "event_unreadable", [])


def test_where_tripleseat_hands_out_none_nothing_is_compared(shell: Shell) -> None:
    shell.sync()
    shell.world.tripleseat.faults.add("status", "GET", r"/events/\d+", times=None, status=500)
    assert reconcile(shell, "--json").status == 13


@pytest.mark.parametrize("name", ["Triple Seat_770002 ", "Triple Seat_99x", "Triple Seat_"])
def test_an_order_named_nearly_as_ours_is_told_without_an_event(made: Shell, name: str) -> None:
    number = made.world.add_order(
        0, name, created_date="2026-12-12T09:00:00", establishment="/enterprise/Establishment/8/"
    )
    ran = reconcile(made, "--json")
    [one] = ran.answer["differences"]
    assert (ran.status, one["kind"], one["event_id"]) == (3, "order_without_event", None)
    assert (one["revel_order_ids"], repr(name) in one["text"]) == ([str(number)], True)


def test_our_order_under_such_a_name_is_told_once(made: Shell) -> None:
    Revel(made.world).order(FULL)["local_id"] = f"Triple Seat_{FULL}x"
    ran = reconcile(made, "--json")
    assert [each["kind"] for each in ran.answer["differences"]] == ["wrong_local_id"]


def test_an_order_of_the_ledgers_whose_uuid_was_changed_is_still_ours(made: Shell) -> None:
    order = Revel(made.world).order(FULL)
    assert order["uuid"] == order_uuid(EventId(str(FULL)))
    order["uuid"] = OTHER
    ran = reconcile(made, "--json")
    assert (ran.status, only(ran, FULL)["kind"], found(ran, FULL, among="notes")) == (3, "ledger_differs", [])
