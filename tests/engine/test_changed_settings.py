"""Settings that change after an order was made: a run tells what changes in the event, and nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import tomli_w

from tsrevel.sandbox import Payment, SampleLine

from ..world import World, find_outcome
from .conftest import FULL
from .test_corrected import ALREADY, CHANGED, ORDER, look, next_run
from .test_lost_answers import STEPS

BOX, PLATTER, URN = ("Boxed Lunch Package", 2, 10), ("Fruit Platter", 3, 10), ("Coffee Urn", 1, 10)


def write(world: World, *lines: Any, **content: Any) -> None:
    world.rewrite_event(FULL, lines=lines, **content)


def product(world: World, name: str, establishment: int = 8) -> int:
    rows = world.revel.state.rows["Product"].values()
    return int(next(each["id"] for each in rows if (each["name"], each["active"]) == (name, True)
                    and each["establishment"].endswith(f"/{establishment}/")))  # fmt: skip


def give(world: World, **products: str) -> None:
    """Map each line of that name to the product of that name, as `map set` does."""
    rows = [{"establishment": 8, "name": line, "product": product(world, name)} for line, name in products.items()]
    (world.folder / "mappings.toml").write_text(tomli_w.dumps({"product": rows}))


def change(world: World, number: int, **values: object) -> None:
    """Change the order's item of that number, as a person does in Revel."""
    list(world.revel.state.rows["OrderItem"].values())[number].update(values)


def add(world: World, name: str, quantity: int, price: int) -> None:
    """Add an item to the order in Revel, as a person does there."""
    values = {"quantity": Decimal(quantity), "price": Decimal(price), "order": f"/resources/Order/{ORDER}/"}
    world.revel.add("OrderItem", None, product=f"/resources/Product/{product(world, name)}/", **values)


def set_sums(world: World, subtotal: int, total: int) -> None:
    order = world.revel.state.rows["Order"][ORDER]
    order.update(subtotal=Decimal(subtotal), final_total=Decimal(total), remaining_due=Decimal(total))


def forget_discounts(world: World) -> None:
    """Let only the lines tell their discounts, not the document."""
    documents = world.tripleseat.event(FULL)["documents"]
    bare = [{**each, "financials": {**each["financials"], "discounts_total": None}} for each in documents]
    world.tripleseat.edit_event(FULL, documents=bare)


def tell(world: World) -> str:
    """What the next run tells of the event, and the one after it no more."""
    report = next_run(world)
    assert look(report) == (CHANGED, 3)
    return find_outcome(report, FULL).text.partition(": ")[2]


def test_an_order_with_its_old_product_agrees_though_its_line_is_mapped_to_another(world: World) -> None:
    give(world, Mystery="Fruit Platter")
    write(world, ("Mystery", 2, 10))
    world.sync()
    give(world, Mystery="Coffee Urn")
    write(world, ("Mystery", 3, 10))
    assert tell(world) == "total 20.00 → 30.00; Mystery 2 → 3"
    change(world, 0, quantity=Decimal(3))
    set_sums(world, 30, 30)
    assert [look(next_run(world)) for _ in range(2)] == [(ALREADY, 0)] * 2


@pytest.mark.parametrize("which", ["old", "new", "third"])
def test_an_item_that_was_entered_anew_may_have_its_lines_old_or_new_product_but_no_other(
    world: World, which: str
) -> None:
    products = {"old": "Fruit Platter", "new": "Coffee Urn", "third": "Boxed Lunch Package"}
    give(world, Mystery="Fruit Platter")
    write(world, ("Mystery", 2, 10))
    world.sync()
    give(world, Mystery="Coffee Urn")
    write(world, ("Mystery", 3, 10))
    tell(world)
    change(world, 0, voided_date="2026-12-12T11:00:00")
    add(world, products[which], 3, 10)
    set_sums(world, 30, 30)
    assert look(next_run(world)) == ((CHANGED, 3) if which == "third" else (ALREADY, 0))


def test_an_order_agrees_though_the_products_of_two_lines_were_swapped_in_the_mappings(world: World) -> None:
    give(world, One="Fruit Platter", Two="Coffee Urn")
    write(world, ("One", 2, 10), ("Two", 2, 10))
    world.sync()
    give(world, One="Coffee Urn", Two="Fruit Platter")
    write(world, ("One", 3, 10), ("Two", 2, 10))
    tell(world)
    change(world, 0, quantity=Decimal(3))
    set_sums(world, 50, 50)
    assert look(next_run(world)) == (ALREADY, 0)


def test_another_way_of_discounts_is_not_told_as_a_change_of_the_event(world: World) -> None:
    write(world, BOX, PLATTER, discount=5)
    world.sync()
    world.config["orders"] = {"discounts": "prices"}
    write(world, BOX, PLATTER, URN, discount=5)
    assert tell(world) == "total 45.00 → 55.00; line added: 1 x Coffee Urn at 10.00"
    add(world, "Coffee Urn", 1, 10)
    set_sums(world, 60, 55)
    assert [look(next_run(world)) for _ in range(2)] == [(ALREADY, 0)] * 2


def test_a_discount_that_was_spread_over_prices_is_not_told_as_a_new_one(world: World) -> None:
    world.config["orders"] = {"discounts": "prices"}
    write(world, BOX, PLATTER, discount=5)
    world.sync()
    world.config["orders"] = {"discounts": "order"}
    write(world, BOX, PLATTER, URN, discount=5)
    text = tell(world)
    assert ("total 45.00 → 55.00" in text, "discount" in text) == (True, False)


def test_a_discount_of_lines_that_was_spread_over_prices_is_not_told_as_a_new_one(world: World) -> None:
    world.config["orders"] = {"discounts": "prices"}
    box = SampleLine("Boxed Lunch Package", 2, 10, discount="5.00")
    write(world, box, PLATTER)
    forget_discounts(world)
    world.sync()
    world.config["orders"] = {"discounts": "order"}
    write(world, box, PLATTER, URN)
    forget_discounts(world)
    assert tell(world) == "total 45.00 → 55.00; line added: 1 x Coffee Urn at 10.00"


def test_a_discount_that_was_spread_over_prices_is_not_told_as_a_new_one_though_the_tax_changed(world: World) -> None:
    world.config["orders"] = {"discounts": "prices"}
    write(world, BOX, PLATTER, discount=5, charges=[("Sales Tax", "4.00")])
    world.sync()
    world.config["orders"] = {"discounts": "order"}
    write(world, BOX, PLATTER, URN, discount=5, charges=[("Sales Tax", "5.00")])
    text = tell(world)
    assert ("total 49.00 → 60.00" in text, "discount" in text) == (True, False)


@pytest.mark.parametrize(("before", "after"), [(0, 5), (5, 0), (5, 8)])
@pytest.mark.parametrize("now", ["order", "prices"])
def test_another_discount_is_told_whatever_the_settings_say_now(
    world: World, before: int, after: int, now: str
) -> None:
    write(world, BOX, discount=before)
    world.sync()
    world.config["orders"] = {"discounts": now}
    write(world, BOX, discount=after)
    text = tell(world)
    assert f"total {20 - before}.00 → {20 - after}.00" in text
    assert (f"discount {before}.00 → {after}.00" in text) is (now == "order" or before > 0)


OPTIONS = ("recorded", "invoice_total", "none")


@pytest.mark.parametrize("now", OPTIONS)
@pytest.mark.parametrize("then", OPTIONS)
def test_another_way_of_payments_is_not_told_as_a_change_of_the_event(world: World, then: str, now: str) -> None:
    world.config["orders"] = {"payments": then}
    write(world, BOX, payments=[Payment("5.00")])
    world.sync()
    world.config["orders"] = {"payments": now}
    write(world, BOX, URN, payments=[Payment("5.00")])
    paid = {"invoice_total": "; payments 20.00 → 30.00"}.get(then, "")
    assert tell(world) == f"total 20.00 → 30.00{paid}; line added: 1 x Coffee Urn at 10.00"


def test_a_new_payment_is_told_although_payments_are_no_longer_recorded(world: World) -> None:
    write(world, BOX, payments=[Payment("5.00")])
    world.sync()
    world.config["orders"] = {"payments": "none"}
    write(world, BOX, payments=[Payment("5.00"), Payment("7.00")])
    assert tell(world) == "payments 5.00 → 12.00"


@pytest.mark.parametrize("looks", [0, 1])
def test_another_establishment_in_the_settings_is_not_told_as_a_move_of_the_event(world: World, looks: int) -> None:
    write(world, BOX)
    world.sync()
    world.config["locations"][0]["revel_establishment"] = 9
    for _ in range(looks):
        assert look(next_run(world)) == (ALREADY, 0)
    write(world, BOX, URN)
    assert tell(world) == "total 20.00 → 30.00; line added: 1 x Coffee Urn at 10.00"
    add(world, "Coffee Urn", 1, 10)
    set_sums(world, 30, 30)
    assert look(next_run(world)) == (ALREADY, 0)


def test_a_location_that_left_the_settings_is_not_told_as_a_move_of_the_event(world: World) -> None:
    write(world, BOX)
    world.sync()
    del world.config["locations"][0]
    write(world, BOX, URN)
    assert tell(world) == "total 20.00 → 30.00; line added: 1 x Coffee Urn at 10.00"


def test_a_discount_that_left_its_location_is_still_compared(world: World) -> None:
    write(world, BOX, discount=5)
    world.sync()
    world.config["locations"][0]["discount"] = 0
    world.config["orders"] = {"discounts": "prices"}
    write(world, BOX, discount=8)
    assert tell(world) == "total 15.00 → 12.00; discount 5.00 → 8.00"


def test_an_event_that_moves_is_compared_at_the_establishment_that_the_settings_give_it_now(world: World) -> None:
    write(world, BOX)
    world.sync()
    world.tripleseat.edit_event(FULL, location_id=30502, site_id=15692)
    text = tell(world)
    assert text.startswith("location Special Events → Lakeside Bakery (establishment 8 → 9)")


# An order that was begun before they changed


def place(world: World) -> dict[str, Any]:
    entry: dict[str, Any] = world.config["locations"][0]
    return entry


def refuse(world: World, step: str) -> None:
    """A run whose write of that step Revel refuses, and with it nothing after that."""
    method, path, after = STEPS[step]
    world.revel.faults.add("status", method, path, after=after, times=1, status=400)
    assert look(world.sync())[0] == "failed UPSTREAM_UNAVAILABLE"
    world.revel.faults.clear()


def written(world: World, resource: str, key: str) -> list[int]:
    """The ids that Revel's rows have under that key."""
    return [int(str(row[key]).rstrip("/").rpartition("/")[2]) for row in world.revel.state.rows[resource].values()]


@pytest.mark.parametrize(
    ("setting", "step", "resource", "key"),
    [
        ("payment_type", "payment", "Payment", "payment_type"),
        ("station", "payment", "Payment", "station"),
        ("user", "payment", "Payment", "created_by"),
        ("discount", "discount", "Order", "discount"),
        ("user", "history", "OrderHistory", "order_opened_by"),
        ("station", "history", "OrderHistory", "order_opened_at"),
    ],
)
def test_a_refused_write_goes_out_with_the_setting_that_was_corrected_since(
    world: World, setting: str, step: str, resource: str, key: str
) -> None:
    right, place(world)[setting] = place(world)[setting], world.config["locations"][1][setting]
    refuse(world, step)
    place(world)[setting] = right
    assert look(world.sync()) == ("injected", 0)
    assert written(world, resource, key) == [right]
    assert world.flaws(FULL) == []


def test_what_is_written_already_stays_as_it_was_and_the_rest_follows_the_settings(world: World) -> None:
    then = place(world)["dining_option"]
    refuse(world, "last item")
    place(world)["dining_option"] = 777
    assert look(world.sync()) == ("injected", 0)
    assert written(world, "OrderItem", "dining_option") == [then] * 4 + [777]
    assert written(world, "Order", "dining_option") == [then]


def test_an_order_keeps_the_discount_that_it_has_whatever_the_settings_say_now(world: World) -> None:
    place(world)["discount"] = 999
    refuse(world, "discount")
    place(world)["discount"] = 3358
    refuse(world, "totals")
    place(world)["discount"] = 777
    assert look(world.sync()) == ("injected", 0)
    assert (written(world, "Order", "discount"), world.flaws(FULL)) == ([3358], [])


def test_a_new_ledger_keeps_the_discount_that_an_order_has(world: World) -> None:
    then = place(world)["discount"]
    refuse(world, "totals")
    world.lose_ledger()
    place(world)["discount"] = 777
    assert look(world.sync()) == ("injected", 0)
    assert (written(world, "Order", "discount"), world.flaws(FULL)) == ([then], [])


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_write_whose_answer_was_lost_keeps_its_content_whatever_the_settings_say_now(world: World, kind: str) -> None:
    then = place(world)["payment_type"]
    world.revel.faults.add(kind, "POST", "/resources/Payment/", times=1)
    world.sync()
    place(world)["payment_type"] = 777
    world.time.move(minutes=45)
    world.sync()
    assert (written(world, "Payment", "payment_type"), world.flaws(FULL)) == ([then], [])


@pytest.mark.parametrize("change", ["another establishment", "no entry", "no payment type"])
def test_an_order_is_finished_as_it_was_begun_if_its_place_has_no_such_setting_any_more(
    world: World, change: str
) -> None:
    then = place(world)["payment_type"]
    refuse(world, "payment")
    match change:
        case "another establishment":
            place(world).update(revel_establishment=77, payment_type=777)
        case "no entry":
            del world.config["locations"][0]
        case "no payment type":
            del place(world)["payment_type"]
    world.sync()
    assert (written(world, "Payment", "payment_type"), world.flaws(FULL)) == ([then], [])


def test_an_order_at_a_site_follows_the_entry_of_its_site(world: World) -> None:
    entry = place(world)
    del entry["tripleseat_location"]
    entry["tripleseat_site"] = 15691
    entry["payment_type"] = 999
    refuse(world, "payment")
    entry["payment_type"] = 236
    assert look(world.sync()) == ("injected", 0)
    assert written(world, "Payment", "payment_type") == [236]
