"""`map products`: the product that a name is to be mapped to is found by words of its own name."""

from __future__ import annotations

from typing import Any

import pytest

from .bench import Ran, Shell


@pytest.fixture(autouse=True)
def menu(shell: Shell) -> None:
    shell.world.revel.add_product(8300, "Cr\u00e8me Br\u00fbl\u00e9e &amp; Berries", 8, "9.50")
    shell.world.revel.add_product(8301, "CREME DE CASSIS", 9, "1250.00")


def run(shell: Shell, *argv: str) -> Ran:
    return shell.run("map", "products", *argv, "--config", str(shell.write_config()))


def found(shell: Shell, *argv: str) -> list[tuple[str, str, str | None]]:
    answer: dict[str, Any] = run(shell, *argv, "--json").answer
    return [(each["product"], each["establishment"], each["price"]) for each in answer["products"]]


@pytest.mark.parametrize("text", ["creme brulee", "BR\u00dbL\u00c9E  cr\u00e8me", "brul creme", "berries & br"])
def test_all_words_must_be_in_the_name_whatever_their_case_accents_and_order(shell: Shell, text: str) -> None:
    assert found(shell, text) == [("8300", "8", "9.50")]


def test_every_establishment_is_searched_unless_one_is_named(shell: Shell) -> None:
    both = [("8300", "8", "9.50"), ("8301", "9", "1250.00")]
    assert found(shell, "creme") == both
    assert found(shell, "creme", "--establishment", "9") == both[1:]
    assert found(shell, "creme", "--location", "special events") == both[:1]
    assert found(shell, "creme", "--location", "30502") == both[1:]
    for argv in (["--establishment", "7"], ["--location", "Nowhere"], ["--establishment", "8", "--location", "30501"]):
        assert run(shell, "creme", *argv).status == 2


def test_products_are_listed_with_id_name_price_and_establishment(shell: Shell) -> None:
    ran = run(shell, "creme")
    assert (ran.status, ran.lines[0].split()) == (0, ["Product", "Name", "Price", "Establishment"])
    assert ran.lines[2].split() == ["8301", "CREME", "DE", "CASSIS", "1,250.00", "9", "(Lakeside", "Bakery)"]
    assert "Br\u00fbl\u00e9e & Berries" in ran.lines[1]
    assert ran.lines[3] == "2 active products with 'creme' in the name"


def test_a_name_that_nothing_has_is_no_failure(shell: Shell) -> None:
    ran = run(shell, "creme tea")
    assert (ran.status, ran.lines) == (0, ["0 active products with 'creme tea' in the name"])
    assert run(shell, " ").status == 2


def test_while_disabled_nothing_can_be_asked(shell: Shell) -> None:
    shell.environ["ENABLE_CONNECTOR"] = "false"
    assert run(shell, "urn").status == 3
    assert shell.requests == 0


def test_a_service_that_is_down_is_told(shell: Shell) -> None:
    shell.world.wires["revel"].down = True
    assert run(shell, "urn").status == 13
