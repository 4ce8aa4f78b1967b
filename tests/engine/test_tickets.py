"""What an order's ticket says besides its amounts: the quantity of each item, its name and its text."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tsrevel.sandbox import SampleLine

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL
from .test_changed_settings import add, change, give, product, set_sums, write
from .test_corrected import ALREADY, CHANGED, look, next_run

TACO, TACOS = ("Taco Trio", 1, 5), ("Taco Trio", 2, 5)
UBE, FLAN = ("Ube Celebration Cake", 1, 86), ("Peanut Flan", 1, 86)


@pytest.mark.parametrize("looks", [0, 1])
@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ({}, (CHANGED, 3)),
        ({"quantity": 4, "price": 5}, (ALREADY, 0)),
        ({"quantity": 1, "price": 20}, (CHANGED, 3)),
        ({"quantity": 1, "price": 20, "special_request": "4 x boxed lunch package"}, (ALREADY, 0)),
        ({"quantity": 1, "price": 20, "special_request": "2 x Boxed Lunch Package"}, (CHANGED, 3)),
        ({"quantity": 4, "price": 5, "special_request": "no nuts"}, (ALREADY, 0)),
    ],
)
def test_an_order_agrees_only_if_each_line_has_its_quantity_though_its_amount_stayed(
    world: World, looks: int, boxes: dict[str, object], expected: tuple[str, int]
) -> None:
    """2 boxes at 10.00 became 4 at 5.00, and one taco two. A person corrects the tacos, and the boxes like that."""
    write(world, ("Boxed Lunch Package", 2, 10), TACO)
    world.sync()
    write(world, ("Boxed Lunch Package", 4, 5), TACOS)
    for _ in range(looks):
        assert look(next_run(world)) == (CHANGED, 3)
    change(world, 0, **{key: Decimal(each) if isinstance(each, int) else each for key, each in boxes.items()})
    change(world, 1, quantity=Decimal(2))
    set_sums(world, 30, 30)
    assert look(next_run(world)) == expected


@pytest.mark.parametrize(("quantity", "expected"), [(3, (ALREADY, 0)), (2, (CHANGED, 3))])
def test_the_quantity_counts_of_a_line_that_the_settings_give_another_product(
    world: World, quantity: int, expected: tuple[str, int]
) -> None:
    give(world, Mystery="Fruit Platter")
    write(world, ("Mystery", 2, 15), TACO)
    world.sync()
    give(world, Mystery="Coffee Urn")
    write(world, ("Mystery", 3, 10), TACOS)
    next_run(world)
    change(world, 0, quantity=Decimal(quantity), price=Decimal(30) / quantity)
    change(world, 1, quantity=Decimal(2))
    set_sums(world, 40, 40)
    assert look(next_run(world)) == expected


def test_a_free_lines_quantity_counts(world: World) -> None:
    write(world, SampleLine("Fruit Platter", 5, None), TACO)
    world.sync()
    write(world, SampleLine("Fruit Platter", 6, None), TACOS)
    next_run(world)
    change(world, 1, quantity=Decimal(2))
    set_sums(world, 10, 10)
    assert look(next_run(world)) == (CHANGED, 3)


@pytest.fixture
def fallback(world: World) -> World:
    """A world in which a line without a product gets the fallback product, with its own name on the ticket."""
    world.config["orders"] = {"unmapped_items": "fallback"}
    world.config["locations"][0]["fallback_product"] = product(world, "Coffee Urn")
    return world


def begin(world: World, *lines: object) -> None:
    """A run dies after the first item."""
    write(world, *lines)
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.forget_requests()


@pytest.mark.parametrize("half", [True, False])
def test_an_order_whose_line_became_another_of_the_same_price_is_held_though_the_ledger_is_lost(
    fallback: World, half: bool
) -> None:
    if half:
        begin(fallback, UBE, TACO)
    else:
        write(fallback, UBE, TACO)
        fallback.sync()
    fallback.lose_ledger()
    fallback.forget_requests()
    write(fallback, FLAN, TACO)
    for dry_run in (True, False, False):
        report = fallback.sync(dry_run=dry_run)
        assert look(report) == ("held ORDER_DIFFERS", 3)
        assert "isn't named 'Peanut Flan' on the ticket" in find_outcome(report, FULL).text
        fallback.time.move(minutes=45)
    assert fallback.writes == []


def test_an_order_held_for_its_name_is_settled_once_a_person_has_corrected_that(fallback: World) -> None:
    write(fallback, UBE, TACO)
    fallback.sync()
    fallback.lose_ledger()
    write(fallback, FLAN, TACO)
    next_run(fallback)
    change(fallback, 0, product_name_override="Peanut flan")
    assert look(next_run(fallback)) == ("skipped ALREADY_INJECTED", 0)


def test_an_order_whose_noted_quantity_became_another_at_the_same_price_is_held_though_the_ledger_is_lost(
    world: World,
) -> None:
    write(world, SampleLine("Coffee Urn", "30", None, total="300.00"))
    world.sync()
    world.lose_ledger()
    write(world, SampleLine("Coffee Urn", "80", None, total="300.00"))
    report = next_run(world)
    assert look(report) == ("held ORDER_DIFFERS", 3)
    assert "lacks the text '80 x Coffee Urn' on the ticket" in find_outcome(report, FULL).text


@pytest.mark.parametrize("texts", [{"product_name_override": None}, {"product_name_override": "UBE celebration  cake"},
                                   {"special_request": "no nuts"}])  # fmt: skip
def test_an_order_whose_name_is_absent_or_the_same_is_found_complete(fallback: World, texts: dict[str, object]) -> None:
    write(fallback, UBE, TACO)
    fallback.sync()
    fallback.lose_ledger()
    change(fallback, 0, **texts)
    assert look(next_run(fallback)) == (ALREADY, 0)


def test_a_name_that_revel_shortens_does_not_stop_its_order(fallback: World) -> None:
    fallback.at("after POST /resources/OrderItem/", lambda: change(fallback, 0, product_name_override="Ube Cel"))
    write(fallback, UBE, TACO)
    assert verdict(fallback.sync(), FULL) == "injected"


@pytest.mark.parametrize(
    ("name", "expected"), [("Ube Celebration Cake", (CHANGED, 3)), ("peanut flan", (ALREADY, 0)), (None, (ALREADY, 0))]
)
def test_an_order_agrees_only_if_no_item_has_the_name_of_a_line_that_is_gone(
    fallback: World, name: str | None, expected: tuple[str, int]
) -> None:
    write(fallback, UBE, TACO)
    fallback.sync()
    write(fallback, FLAN, TACOS)
    next_run(fallback)
    change(fallback, 0, product_name_override=name)
    change(fallback, 1, quantity=Decimal(2))
    set_sums(fallback, 96, 96)
    assert look(next_run(fallback)) == expected


def test_of_two_lines_with_the_fallback_product_each_name_counts_once(fallback: World) -> None:
    write(fallback, UBE, FLAN, TACO)
    fallback.sync()
    write(fallback, UBE, UBE, TACOS)
    next_run(fallback)
    change(fallback, 2, quantity=Decimal(2))
    set_sums(fallback, 182, 182)
    assert look(next_run(fallback)) == (CHANGED, 3)


@pytest.mark.parametrize("first", ["mapped", "fallback"])
def test_an_order_agrees_though_its_line_has_lost_or_got_a_product_of_its_own(fallback: World, first: str) -> None:
    give(fallback, Mystery="Fruit Platter") if first == "mapped" else None
    write(fallback, ("Mystery", 2, 10), UBE)
    fallback.sync()
    (fallback.folder / "mappings.toml").unlink() if first == "mapped" else give(fallback, Mystery="Fruit Platter")
    write(fallback, ("Mystery", 3, 10), UBE)
    next_run(fallback)
    change(fallback, 0, quantity=Decimal(3))
    set_sums(fallback, 116, 116)
    assert look(next_run(fallback)) == (ALREADY, 0)


def test_an_item_that_was_entered_anew_without_a_name_fits_its_line(fallback: World) -> None:
    write(fallback, UBE, TACO)
    fallback.sync()
    write(fallback, ("Peanut Flan", 2, 40), TACO)
    next_run(fallback)
    change(fallback, 0, voided_date="2026-12-12T11:00:00")
    add(fallback, "Coffee Urn", 2, 40)
    set_sums(fallback, 85, 85)
    assert look(next_run(fallback)) == (ALREADY, 0)
