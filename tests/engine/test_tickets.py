"""What an order's ticket says besides its amounts: the quantity of each item."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tsrevel.sandbox import SampleLine

from ..world import World
from .test_changed_settings import change, give, set_sums, write
from .test_corrected import ALREADY, CHANGED, look, next_run

TACO, TACOS = ("Taco Trio", 1, 5), ("Taco Trio", 2, 5)


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
