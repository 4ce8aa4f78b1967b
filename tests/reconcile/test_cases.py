"""What counts as agreement and what doesn't, one story at a time in the sample day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import EstablishmentId, EventId
from tsrevel.planning.money import Cents
from tsrevel.reconcile.model import ComparedSpan, ComparisonResult, EventComparison, Money, ReportLocation
from tsrevel.reconcile.summary import sum_up
from tsrevel.sandbox import Payment, SampleLine
from tsrevel.sandbox.day import FULL_CHARGES, FULL_LINES

from ..cli.bench import Ran, Shell
from ..older_rows import forget_contents
from ..world import World
from .bench import Revel, differences, reconcile

FULL, PAID, UNMAPPED, EARLY, MISSED, LOST, TWINS = range(64000001, 64000008)


def found(ran: Ran, event_id: int, *, among: str = "differences") -> list[dict[str, Any]]:
    """What was said of an event."""
    return [each for each in ran.answer[among] if each["event_id"] == str(event_id)]


def only(ran: Ran, event_id: int, *, among: str = "differences") -> dict[str, Any]:
    [one] = found(ran, event_id, among=among)
    return one


def test_what_was_held_and_what_was_missed_are_differences_with_their_reasons(shell: Shell) -> None:
    shell.sync()
    ran = reconcile(shell, "--json")
    assert ran.status == 3
    assert differences(ran) == [("event_without_order", str(UNMAPPED)), ("event_without_order", str(MISSED))]
    held, missed = only(ran, UNMAPPED), only(ran, MISSED)
    assert (held["reason"], held["tripleseat"], held["revel"]) == ("UNMAPPED_ITEMS", "124.00", "0.00")
    assert "Ube Celebration Cake" in held["text"]
    assert (missed["reason"], missed["category"]) == ("EVENT_DAY_PASSED", "time_gate")


def test_what_is_not_due_or_not_wanted_is_explained(shell: Shell) -> None:
    shell.sync()
    ran = reconcile(shell, "--json", "--from", "2026-12-12", "--to", "2026-12-18")
    assert (only(ran, EARLY, among="notes")["kind"], only(ran, EARLY, among="notes")["reason"]) == (
        "not_due",
        "TOO_EARLY",
    )
    assert only(ran, LOST, among="notes")["kind"] == "not_eligible"
    assert found(ran, EARLY) == found(ran, LOST) == []


def test_a_place_that_is_not_allowed_is_explained(shell: Shell) -> None:
    shell.world.config["safety"]["allowed_locations"] = [30502]
    shell.sync()
    ran = reconcile(shell, "--json")
    assert (ran.status, only(ran, FULL, among="notes")["kind"]) == (0, "not_allowed")


def test_a_place_without_an_entry_is_a_difference(shell: Shell) -> None:
    del shell.world.config["locations"][1]
    shell.sync()
    ran = reconcile(shell, "--json")
    place = only(ran, PAID)
    assert (place["reason"], place["location"], place["establishment"]) == (
        "LOCATION_NOT_MAPPED",
        "Lakeside Bakery",
        None,
    )


@pytest.mark.parametrize("verdict", ["done", "ignored"])
def test_what_a_person_resolved_is_explained(shell: Shell, verdict: Any) -> None:
    shell.sync()
    with shell.world.ledger() as ledger:
        for event in (UNMAPPED, MISSED):
            ledger.events.resolve(EventId(str(event)), verdict, "entered by hand", None)
    ran = reconcile(shell, "--json")
    assert (ran.status, differences(ran)) == (0, [])
    assert only(ran, MISSED, among="notes")["text"].startswith(f"resolved as {verdict}: ")


def test_what_is_due_and_not_written_yet_says_so(shell: Shell) -> None:
    ran = reconcile(shell, "--json")
    assert ran.status == 3
    assert (only(ran, FULL)["reason"], "the next live `sync` makes it" in only(ran, FULL)["text"]) == (None, True)


def test_an_order_that_others_made_is_compared_by_its_money(shell: Shell) -> None:
    number = shell.world.add_order(PAID, establishment="/enterprise/Establishment/9/", final_total=Decimal("254.80"))
    shell.sync()
    ran = reconcile(shell, "--json")
    assert only(ran, PAID, among="notes")["kind"] == "made_elsewhere"
    fields = {each["field"]: (each["tripleseat"], each["revel"]) for each in found(ran, PAID)}
    assert fields["items"] == ("254.80", "0.00")
    assert fields["payments"] == ("254.80", "0.00")
    assert {tuple(each["revel_order_ids"]) for each in found(ran, PAID)} == {(str(number),)}


def test_one_of_theirs_at_another_place_is_an_alarm(shell: Shell) -> None:
    shell.world.add_order(PAID)
    ran = reconcile(shell, "--json")
    assert ran.status == 14
    assert "wrong_establishment" in {each["kind"] for each in found(ran, PAID)}


def test_an_order_that_was_corrected_by_hand_to_what_the_event_is_now_agrees(shell: Shell) -> None:
    event = shell.world.add_event(lines=[("Agua Fresca", 2, "15.00")])
    shell.sync()
    shell.world.rewrite_event(event, lines=[("Agua Fresca", 3, "15.00")])
    assert only(reconcile(shell, "--json"), event)["kind"] == "event_changed"
    revel = Revel(shell.world)
    revel.parts("OrderItem", event)[0]["quantity"] = 3
    revel.order(event).update(subtotal=Decimal(45), final_total=Decimal(45), remaining_due=Decimal(45))
    ran = reconcile(shell, "--json")
    assert found(ran, event) == []
    assert only(ran, event, among="notes")["kind"] == "corrected"


@pytest.mark.parametrize("resolved", [False, True])
@pytest.mark.parametrize("amount", [45, 20])
def test_a_payment_that_a_station_took_of_a_corrected_order_is_all_that_is_told(
    shell: Shell, amount: int, resolved: bool
) -> None:
    event = shell.world.add_event(lines=[("Agua Fresca", 2, "15.00")])
    shell.sync()
    shell.world.rewrite_event(event, lines=[("Agua Fresca", 3, "15.00")])
    revel = Revel(shell.world)
    revel.parts("OrderItem", event)[0]["quantity"] = 3
    revel.order(event).update(subtotal=Decimal(45), final_total=Decimal(45), remaining_due=Decimal(45))
    if resolved:
        resolve(shell, event)
    take_payment(shell, event, amount)
    ran = reconcile(shell, "--json")
    taken = only(ran, event)
    assert (ran.status, taken["kind"], taken["revel"]) == (3, "payment_extra", f"{amount}.00")
    assert only(ran, event, among="notes")["kind"] == "corrected"


@pytest.mark.parametrize(
    ("what", "again"),
    [("item", set()), ("establishment", set()), ("discount", {"money"}), ("payment", {"money", "payment_changed"})],
)
def test_a_payment_at_a_station_ends_no_resolution_but_of_what_it_may_have_changed(
    shell: Shell, what: str, again: set[str]
) -> None:
    """Opening an order at a station may recalculate its discount and charges (facts Revel 3.7), never its items."""
    shell.sync()
    revel = Revel(shell.world)
    if what == "item":
        revel.parts("OrderItem", FULL)[0]["product"] = "/resources/Product/8102/"
    elif what == "establishment":
        revel.order(FULL)["establishment"] = "/enterprise/Establishment/9/"
    elif what == "discount":
        revel.order(FULL).update(discount_amount=Decimal(0), final_total=Decimal("847.32"))
    else:
        revel.parts("Payment", FULL)[0]["amount"] = "199.00"
    resolve(shell, FULL)
    assert found(reconcile(shell, "--json"), FULL) == []
    take_payment(shell, FULL, 100)
    told = {each["kind"] for each in found(reconcile(shell, "--json"), FULL)}
    assert told == {"payment_extra", *again}


def resolve(shell: Shell, event: int) -> None:
    shell.world.time.move(minutes=2)
    with shell.world.ledger() as ledger:
        ledger.events.resolve(EventId(str(event)), "done", "seen to", None)


def take_payment(shell: Shell, event: int, amount: int) -> None:
    """A station takes a payment of the balance, a while later, which changes the order's stamp."""
    shell.world.time.move(minutes=90)
    revel, at = Revel(shell.world), f"{shell.world.time.now - timedelta(hours=8):%Y-%m-%dT%H:%M:%S}"
    order = revel.order(event)
    link = f"/resources/Order/{order['id']}/"
    uuid = "00000000-0000-4000-8000-000000000009"
    shell.world.revel.add("Payment", None, order=link, uuid=uuid, amount=f"{amount}.00", updated_date=at)
    order.update(remaining_due=order["remaining_due"] - amount, updated_date=at)


def test_a_payment_taken_at_the_till_is_told_without_alarm(shell: Shell) -> None:
    shell.sync()
    revel = Revel(shell.world)
    payment = revel.parts("Payment", FULL)[0]
    revel.copy("Payment", payment, uuid="00000000-0000-4000-8000-000000000009", amount="637.72")
    revel.order(FULL)["remaining_due"] = Decimal(0)
    ran = reconcile(shell, "--json")
    taken = only(ran, FULL)
    assert (ran.status, taken["kind"], taken["revel"]) == (3, "payment_extra", "637.72")


def pay(shell: Shell, event: int, *amounts: str, balance: str) -> None:
    """Stations take these payments of the event's order."""
    revel = Revel(shell.world)
    order = revel.order(event)
    for amount in amounts:
        shell.world.revel.add("Payment", None, order=order["resource_uri"], amount=Decimal(amount))
    order["remaining_due"] = Decimal(balance)


@pytest.fixture
def unpaid(shell: Shell) -> tuple[Shell, int]:
    """A shell whose settings record no payments, and an event of 30.00 with its order."""
    shell.world.config["orders"] = {"payments": "none"}
    event = shell.world.add_event(lines=[("Agua Fresca", 2, "15.00")])
    shell.sync()
    assert found(reconcile(shell, "--json"), event) == []
    return shell, event


@pytest.mark.parametrize(("amounts", "balance"), [(["30.00"], "0.00"), (["10.00", "10.00"], "10.00")])
def test_a_payment_taken_at_the_till_is_explained_while_no_payment_comes_from_tripleseat(
    unpaid: tuple[Shell, int], amounts: list[str], balance: str
) -> None:
    shell, event = unpaid
    pay(shell, event, *amounts, balance=balance)
    for _ in range(2):
        ran = reconcile(shell, "--json")
        assert found(ran, event) == []
        assert [each["revel"] for each in found(ran, event, among="notes")] == amounts
        assert [each for each in ran.answer["differences"] if each["event_id"] is None] == []
        shell.world.rewrite_event(event, lines=[("Agua Fresca", 2, "15.00")], payments=[Payment("30.00")])


@pytest.mark.parametrize(("amounts", "balance"), [(["30.00", "10.00"], "-10.00"), (["10.00"], "30.00")])
def test_a_payment_that_was_too_much_or_that_the_balance_lacks_is_told_all_the_same(
    unpaid: tuple[Shell, int], amounts: list[str], balance: str
) -> None:
    shell, event = unpaid
    pay(shell, event, *amounts, balance=balance)
    assert {each["kind"] for each in found(reconcile(shell, "--json"), event)} == {"payment_extra"}


def test_a_day_agrees_whose_orders_were_all_paid_at_the_till_while_no_payment_comes_from_tripleseat(
    unpaid: tuple[Shell, int],
) -> None:
    shell, event = unpaid
    for other in (UNMAPPED, MISSED):
        shell.world.tripleseat.state.events.pop(other)
    pay(shell, event, "30.00", balance="0.00")
    ran = reconcile(shell, "--json")
    days = [day for place in ran.answer["locations"] for day in place["days"]]
    assert (ran.status, ran.answer["differences"], all(day["agrees"] for day in days)) == (0, [], True)


def test_an_order_that_others_made_may_be_paid_while_no_payment_comes_from_tripleseat(shell: Shell) -> None:
    shell.world.config["orders"] = {"payments": "none"}
    paid = Decimal("254.80")
    number = shell.world.add_order(
        PAID, establishment="/enterprise/Establishment/9/", subtotal=paid, final_total=paid, remaining_due=Decimal(0)
    )
    shell.world.revel.add("Payment", None, order=f"/resources/Order/{number}/", amount=paid)
    shell.sync()
    assert found(reconcile(shell, "--json"), PAID) == []


def test_a_recorded_payment_that_was_changed_at_revel_is_told_though_none_come_from_tripleseat_now(
    shell: Shell,
) -> None:
    shell.sync()
    shell.world.config["orders"] = {"payments": "none"}
    revel = Revel(shell.world)
    revel.parts("Payment", FULL)[0]["amount"] = "100.00"
    revel.order(FULL)["remaining_due"] = Decimal("737.72")
    assert "payment_changed" in {each["kind"] for each in found(reconcile(shell, "--json"), FULL)}


def test_an_order_of_ours_that_the_ledger_does_not_know_is_told(shell: Shell) -> None:
    shell.sync()
    shell.world.lose_ledger()
    shell.sync_event(str(EARLY))
    ran = reconcile(shell, "--json")
    assert {each["kind"] for each in found(ran, FULL)} == {"order_not_in_ledger"}


def test_an_order_whose_name_was_changed_is_found_by_its_uuid(shell: Shell) -> None:
    shell.sync()
    Revel(shell.world).order(FULL)["local_id"] = "1207"
    ran = reconcile(shell, "--json")
    assert only(ran, FULL)["kind"] == "wrong_local_id"


def test_an_order_without_an_event_counts_once_although_two_locations_share_its_establishment(shell: Shell) -> None:
    shell.sync()
    revel, locations = Revel(shell.world), shell.world.config["locations"]
    first = next(each for each in locations if each["revel_establishment"] == 8)
    locations.append({**first, "name": "Garden Room", "tripleseat_location": 39999})
    revel.copy("Order", revel.order(FULL), uuid="00000000-0000-4000-8000-000000000009", local_id="Triple Seat_abc")
    ran = reconcile(shell, "--json")
    assert [each["kind"] for each in ran.answer["differences"] if not each["event_id"]] == ["order_without_event"]
    days = [day for location in ran.answer["locations"] for day in location["days"]]
    assert sum(day["whole"]["revel"]["orders"] for day in days) == len(shell.world.revel.orders)


def test_an_unfinished_order_is_told(shell: Shell) -> None:
    shell.sync()
    Revel(shell.world).order(FULL)["has_history"] = False
    assert only(reconcile(shell, "--json"), FULL)["kind"] == "order_unfinished"


def test_an_order_begun_by_a_run_that_died_is_told(shell: Shell) -> None:
    shell.world.at("before PATCH", lambda: setattr(shell.world.wires["revel"], "down", True))
    shell.sync()
    shell.world.wires["revel"].down = False
    kinds = {each["kind"] for each in reconcile(shell, "--json").answer["differences"]}
    assert "order_unfinished" in kinds


def test_an_event_that_is_gone_from_tripleseat_leaves_its_order_without_one(shell: Shell) -> None:
    shell.sync()
    del shell.world.tripleseat.state.events[FULL]
    gone = only(reconcile(shell, "--json"), FULL)
    assert (gone["kind"], gone["date"], gone["location"]) == ("order_without_event", "2026-12-12", "Special Events")


def test_where_event_and_order_are_both_gone_they_agree(shell: Shell) -> None:
    shell.sync()
    del shell.world.tripleseat.state.events[FULL]
    Revel(shell.world).order(FULL)["deleted"] = True
    ran = reconcile(shell, "--json")
    assert (found(ran, FULL), only(ran, FULL, among="notes")["kind"]) == ([], "not_eligible")


def test_a_cancelled_event_whose_order_was_voided_agrees(shell: Shell) -> None:
    shell.sync()
    shell.world.tripleseat.edit_event(FULL, status="LOST")
    Revel(shell.world).order(FULL)["deleted"] = True
    ran = reconcile(shell, "--json")
    assert (found(ran, FULL), only(ran, FULL, among="notes")["kind"]) == ([], "not_eligible")


@pytest.mark.parametrize("how", ["changed", "cancelled", "corrected", "tax"])
def test_sums_that_a_person_settled_are_not_said_to_agree(tmp_path: Path, how: str) -> None:
    world = World(tmp_path)
    world.tripleseat.state.events.clear()
    shell = Shell(world)
    event = world.add_event(lines=[("Agua Fresca", 2, "15.00")])
    shell.sync()
    assert "agree to the cent" in reconcile(shell).out
    revel = Revel(world)
    if how == "cancelled":
        world.tripleseat.edit_event(event, status="LOST")
    elif how == "tax":  # the total stays
        revel.order(event)["tax"] = Decimal("1.50")
    else:
        world.rewrite_event(event, lines=[("Agua Fresca", 3, "15.00")])
    shell.sync()
    if how == "corrected":
        revel.parts("OrderItem", event)[0]["quantity"] = 3
        revel.order(event).update(subtotal=Decimal(45), final_total=Decimal(45), remaining_due=Decimal(45))
    else:
        resolve(shell, event)
    ran = reconcile(shell, "--json")
    [day] = [
        day for place in ran.answer["locations"] for day in place["days"] if day["revel"]["orders"] or day["unmatched"]
    ]
    assert (ran.status, ran.answer["differences"], day["agrees"]) == (0, [], False)
    page = tmp_path / "page.html"
    text = reconcile(shell, "--html", str(page)).out
    assert [line for line in text.splitlines() if f"event {event}" in line] != []
    assert "1 difference" in text
    assert "other finding" not in text
    for each in (text, page.read_text()):
        assert ("agree to the cent" in each, "their sums differ" in each) == (False, True)


def test_an_order_for_an_event_of_another_week_is_no_business_of_this_one(shell: Shell) -> None:
    shell.sync_event("--ignore-time-gate", str(EARLY))
    assert found(reconcile(shell, "--json"), EARLY) == []
    ran = reconcile(shell, "--json", "--from", "2026-12-18", "--to", "2026-12-18")
    assert (ran.status, ran.answer["summary"]["orders"]) == (0, 1)


def test_a_station_of_its_own_numbering_is_not_taken_for_ours(shell: Shell) -> None:
    shell.world.config["orders"] = {"legacy_local_ids": ["{event_id}"]}
    shell.world.add_order(0, "64777777", created_date="2026-12-12T09:00:00")
    ours = order_uuid(EventId("64777778"))
    shell.world.add_order(0, "64777778", created_date="2026-12-12T09:00:00", uuid=ours)
    ran = reconcile(shell, "--json")
    strangers = [each["event_id"] for each in ran.answer["differences"] if each["kind"] == "order_without_event"]
    assert strangers == ["64777778"]


def test_each_location_has_its_own_today(shell: Shell) -> None:
    shell.world.time.now = shell.world.time.now.replace(day=13, hour=7, minute=30)  # 23:30 and 00:30
    ran = reconcile(shell, "--json")
    last = {place["location"]: place["days"][-1]["date"] for place in ran.answer["locations"]}
    assert last == {"Special Events": "2026-12-12", "Lakeside Bakery": "2026-12-13"}
    assert {len(place["days"]) for place in ran.answer["locations"]} == {7}


def test_one_end_of_the_days_is_enough(shell: Shell) -> None:
    def days(*argv: str) -> tuple[str, str]:
        answer = reconcile(shell, "--json", *argv).answer
        return answer["from"], answer["to"]

    assert days("--from", "2026-12-10") == ("2026-12-10", "2026-12-12")
    assert days("--to", "2026-12-10") == ("2026-12-04", "2026-12-10")
    later = (date(2026, 12, 12) + timedelta(days=9)).isoformat()
    assert days("--from", later) == (later, later)


def test_a_row_that_tripleseat_garbles_is_told_and_hides_no_other(shell: Shell) -> None:
    shell.sync()
    shell.world.tripleseat.edit_event(LOST, id=0)
    ran = reconcile(shell, "--json")
    assert ("event_unreadable" in {each["kind"] for each in ran.answer["differences"]}, found(ran, FULL)) == (True, [])


@pytest.mark.parametrize(
    ("resource", "field"),
    [("OrderItem", "price"), ("OrderItem", "quantity"), ("Payment", "amount"), ("Order", "final_total")],
)
def test_an_order_with_a_row_that_can_not_be_read_is_named_and_hides_no_other(
    shell: Shell, resource: str, field: str
) -> None:
    shell.sync()
    revel = Revel(shell.world)
    row = revel.order(FULL) if resource == "Order" else revel.parts(resource, FULL)[0]
    row[field] = "many"
    revel.order(PAID)["final_total"] = Decimal("99.00")
    ran = reconcile(shell, "--json")
    finding = only(ran, FULL)
    assert (ran.status, finding["kind"], [each["kind"] for each in found(ran, PAID)]) == (
        14,
        "order_unreadable",
        ["money"],
    )
    assert f"{field} of {resource} {row['id']} is not a number" in finding["text"]
    assert finding["revel_order_ids"] == [str(revel.order(FULL)["id"])]
    days = ran.answer["locations"][0]["days"]
    apart = [each for day in days for each in day["unmatched"] if each["kind"] == "order_unreadable"]
    assert [each["ledger"]["total"] for each in apart] == ["837.72"]
    with shell.world.ledger() as ledger:
        ledger.events.resolve(EventId(str(FULL)), "done", "compared by hand", None)
    assert only(reconcile(shell, "--json"), FULL, among="notes")["kind"] == "resolved"


def test_an_event_that_is_listed_and_not_handed_out_is_told_and_its_order_still_compared(shell: Shell) -> None:
    shell.sync()
    shell.world.revel.pos_touch(5550103)
    shell.world.tripleseat.faults.add("status", "GET", f"/events/{FULL}", times=None, status=403)
    ran = reconcile(shell, "--json")
    assert (ran.status, {each["kind"] for each in found(ran, FULL)}) == (14, {"event_unreadable", "money"})


def test_what_follows_from_a_difference_is_not_told_again(shell: Shell) -> None:
    shell.sync()
    order = Revel(shell.world).order(FULL)
    order.update(tax=order["tax"] + 1, final_total=order["final_total"] + 1, remaining_due=order["remaining_due"] + 1)
    assert [each["field"] for each in found(reconcile(shell, "--json"), FULL)] == ["tax"]


def test_no_day_agrees_whose_sums_do_not() -> None:
    spot, day = ReportLocation("Special Events", EstablishmentId(8), "America/Los_Angeles"), date(2026, 12, 12)
    case = EventComparison(EventId("1"), day, spot)
    verdict = ComparisonResult(
        case, (), Money(total=Cents(100)), None, (Money(total=Cents(99)),), (spot.establishment,)
    )
    report = sum_up([verdict], (ComparedSpan(spot, day, day),), datetime(2026, 12, 12, tzinfo=UTC), has_ledger=False)
    [(_, finding)] = report.differences
    assert (report.exit_status, finding.field, finding.event_id) == (14, "total", None)


def void(revel: Revel) -> None:
    revel.parts("OrderItem", FULL)[0]["voided_date"] = "2026-12-12T11:00:00"


def write_twice(revel: Revel) -> None:
    revel.copy("OrderItem", revel.parts("OrderItem", FULL)[0])


def pay_less(revel: Revel) -> None:
    revel.parts("Payment", FULL)[0]["amount"] = "199.99"


def pay_twice(revel: Revel) -> None:
    revel.copy("Payment", revel.parts("Payment", FULL)[0])


def forget_what_is_due(revel: Revel) -> None:
    revel.order(FULL)["remaining_due"] = Decimal(0)


@pytest.mark.parametrize(
    ("spoil", "kind", "planned", "shown"),
    [
        (void, "item_missing", "444.00", "0.00"),
        (write_twice, "item_extra", "444.00", "888.00"),
        (pay_less, "payment_changed", "200.00", "199.99"),
        (pay_twice, "payment_doubled", "200.00", "400.00"),
        (forget_what_is_due, "money", "637.72", "0.00"),
    ],
)
def test_each_part_of_an_order_is_compared_to_the_cent(
    shell: Shell, spoil: Callable[[Revel], None], kind: str, planned: str, shown: str
) -> None:
    shell.sync()
    spoil(Revel(shell.world))
    ran = reconcile(shell, "--json")
    one = only(ran, FULL)
    assert (ran.status, one["kind"]) == (14, kind)
    assert (one["tripleseat"], one["ledger"], one["revel"]) == (planned, planned, shown)


def test_an_event_that_can_no_longer_be_planned_says_why(shell: Shell) -> None:
    shell.sync()
    shell.world.rewrite_event(FULL, lines=[("Ube Celebration Cake", 1, "86.00")])
    one = only(reconcile(shell, "--json"), FULL)
    assert (one["kind"], one["tripleseat"], one["revel"]) == ("event_changed", "86.00", "837.72")
    assert "UNMAPPED_ITEMS" in one["text"]


def retire_a_product(world: World) -> None:
    rows = world.revel.state.rows["Product"].values()
    agua = next(row for row in rows if row["name"] == "Agua Fresca" and "/8/" in row["establishment"])
    agua["active"] = False


def lower_the_limit(world: World) -> None:
    world.config["safety"]["max_order_total"] = "100.00"


def charge_otherwise(world: World) -> None:
    [charge] = [each for each in world.config["charges"] if each["match"] == "Service Charge"]
    charge["as"] = "gratuity"
    del charge["product_name"]


def forget_a_charge(world: World) -> None:
    world.config["charges"] = [each for each in world.config["charges"] if each["match"] != "Service Charge"]


def write_no_payments(world: World) -> None:
    world.config["orders"] = {"payments": "none"}


def remove_the_location(world: World) -> None:
    world.config["locations"] = [each for each in world.config["locations"] if each["revel_establishment"] != 8]


def allow_another_location(world: World) -> None:
    world.config["safety"]["allowed_locations"] = [30502]


def allow_another_and_remove_the_location(world: World) -> None:
    allow_another_location(world)
    remove_the_location(world)


_HOLDING = [retire_a_product, lower_the_limit, forget_a_charge, remove_the_location]
_OTHER = [charge_otherwise, write_no_payments, allow_another_location, allow_another_and_remove_the_location]


@pytest.mark.parametrize("change", [*_HOLDING, *_OTHER])
def test_a_change_on_our_side_is_no_change_of_an_event_that_has_its_order(
    tmp_path: Path, change: Callable[[World], None]
) -> None:
    world = World(tmp_path, "full")
    shell = Shell(world)
    world.sync()
    change(world)
    assert shell.sync().status == 0
    ran = reconcile(shell, "--json")
    assert (ran.status, ran.answer["differences"]) == (0, [])
    [day] = [day for place in ran.answer["locations"] for day in place["days"] if day["revel"]["orders"]]
    assert day["agrees"]


@pytest.mark.parametrize("change", _HOLDING)
def test_a_change_on_our_side_is_none_of_the_event_in_an_older_ledger_either(
    tmp_path: Path, change: Callable[[World], None]
) -> None:
    world = World(tmp_path, "full")
    shell = Shell(world)
    world.sync()
    forget_contents(tmp_path / "ledger.sqlite3")
    change(world)
    assert reconcile(shell, "--json").status == 0


@pytest.mark.parametrize("change", _HOLDING)
def test_an_event_that_has_changed_and_cannot_be_planned_any_more_is_told(
    tmp_path: Path, change: Callable[[World], None]
) -> None:
    world = World(tmp_path, "full")
    shell = Shell(world)
    world.sync()
    lines = [*FULL_LINES[:-1], SampleLine("Coffee Urn", 3, "40.00")]
    world.rewrite_event(FULL, lines=lines, charges=FULL_CHARGES, payments=[Payment("200.00")])
    change(world)
    ran = reconcile(shell, "--json")
    assert (ran.status, only(ran, FULL)["kind"]) == (3, "event_changed")


def test_an_order_of_others_for_an_event_that_cannot_be_planned_is_compared_by_its_total(shell: Shell) -> None:
    shell.world.add_order(UNMAPPED)
    said = {each["kind"]: each for each in found(reconcile(shell, "--json"), UNMAPPED)}
    assert (said["money"]["tripleseat"], said["money"]["revel"]) == ("124.00", "1.00")
    assert said["event_changed"]["reason"] == "UNMAPPED_ITEMS"


def test_what_the_last_run_failed_at_is_told_with_its_reason(shell: Shell) -> None:
    shell.world.revel.faults.add("status", "POST", "/Order/", times=None)
    shell.sync()
    shell.world.revel.faults.clear()
    assert only(reconcile(shell, "--json"), FULL)["reason"] in {"UPSTREAM_UNAVAILABLE", "OUTCOME_UNKNOWN"}
