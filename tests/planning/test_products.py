"""A line becomes a product by an operator's word or by its exact name, never by likeness."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.planning.make import CATALOGUE, FRESCA, LUNCH, POLICY, TACOS, make_catalogue, make_line
from tsrevel.planning.model import EstablishmentId, Line, ProductId, ProductMapping
from tsrevel.planning.products import (
    Catalogue,
    Match,
    MatchedBy,
    Product,
    Unmatched,
    match_id,
    match_line,
    match_name,
    normalise,
    possible_product_names,
    suggest,
)

HERE, ELSEWHERE = CATALOGUE.establishment, EstablishmentId(9)
RETIRED = ProductId(999)
TYPED = make_line("Taco Tower - carne asada", typed=True)
PICKED = make_line("Hot Cider", menu_item_id="120009")
NEAR_NAMES = st.text("aA \u00a0&;mp'\u2019\u00df-", max_size=8)


def unmatched(found: ProductId | Unmatched) -> Unmatched:
    """`found`, which must not be a product."""
    assert isinstance(found, Unmatched), found
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mac &amp; Cheese", "mac & cheese"),
        ("Mac &amp;amp; Cheese", "Mac & Cheese"),
        ("Chef\u2019s \u201cBest\u201d", 'Chef\'s "Best"'),
        ("Chef&rsquo;s Plate", "CHEF'S PLATE"),
        ("Caf\u00e9 au lait", "Cafe\u0301 au lait"),
        ("Agua\u00a0Fresca ", "  agua  fresca"),
        ("Crème\u200bbrûlée", "crèmebrûlée"),
        ("STRASSE", "straße"),
        ("½ Tray", "1⁄2 tray"),
        ("Chef's table \U0001f469\u200d\U0001f373", "chef's table \U0001f469\U0001f373"),
        ("\u200eAgua Fresca\u200f", "Agua Fresca"),
        ("\ufeffAgua\u00ad Fre\u2060sca\u061c", "Agua Fresca"),
        ("\u2066Agua\u2069 Fresca", "Agua Fresca"),
        ("\u2764\ufe0f Cake", "\u2764 Cake"),
        ("\u845b\U000e0100", "\u845b"),
        ("Tray &zwj;A&lrm;&shy;", "tray a"),
        ("\u034fA\u17b4\u180b", "a"),
    ],
)
def test_names_that_read_the_same_are_the_same(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), [("Taco Trio", "Taco Trios"), ("Café", "Cafe"), ("A-B", "A B")])
def test_names_that_read_otherwise_stay_apart(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@given(st.text() | NEAR_NAMES)
@example("&amp;amp;")
@example("&Amp;")
@example("&a\u200bmp;")
@example("&" + "amp;" * 200)
@example("\u01f0\u0345\u0301")
def test_normalising_twice_changes_nothing_more(name: str) -> None:
    assert normalise(normalise(name)) == normalise(name)


@pytest.mark.parametrize("name", ["", "  ", "\u200d", "\ufe0f\u200e", "&zwj;"])
def test_a_name_without_a_visible_character_matches_nothing(name: str) -> None:
    catalogue = make_catalogue("Boxed Lunch", "", "\u200d")
    assert catalogue.named(name) is None
    assert isinstance(match_line(make_line(name), POLICY, catalogue).found, Unmatched)


def test_a_product_listed_twice_counts_once() -> None:
    twice = [Product(LUNCH, "Boxed Lunch"), Product(LUNCH, "Boxed Lunch")]
    assert Catalogue.of(HERE, twice).named("Boxed Lunch") == LUNCH


def test_an_exact_name_is_a_match() -> None:
    assert match_line(make_line("BOXED  lunch"), POLICY, CATALOGUE).found == LUNCH


def test_a_similar_name_is_only_suggested() -> None:
    found = unmatched(match_line(make_line("Boxed Lunches"), POLICY, CATALOGUE).found)
    assert str(found) == "'Boxed Lunches' names no active product (similar: Boxed Lunch)"


def test_a_name_like_no_other_is_suggested_nothing() -> None:
    found = unmatched(match_name("Xylophone", CATALOGUE))
    assert str(found) == "'Xylophone' names no active product"


def test_at_most_three_names_are_suggested_and_the_best_comes_first() -> None:
    catalogue = make_catalogue("Taco Trip", "Taco Trios", "Taco Tri", "Taco Trio XL", "Soup")
    assert suggest("Taco Trios!", catalogue)[0] == "Taco Trios"
    assert len(suggest("Taco Trios!", catalogue)) == 3


def test_a_name_that_two_products_bear_is_no_match() -> None:
    found = unmatched(match_line(make_line("Taco Trio"), POLICY, make_catalogue("Taco Trio", "TACO TRIO")).found)
    assert str(found) == "'Taco Trio' names 2 products: 501, 502"


def test_of_a_typed_line_the_part_before_the_separator_may_be_the_product() -> None:
    line = make_line("TACO TRIO - Carne asada - hot", typed=True)
    assert possible_product_names(line, " - ") == (line.name, "TACO TRIO")
    assert match_line(line, POLICY, CATALOGUE).found == TACOS


def test_the_whole_name_is_tried_before_its_part() -> None:
    catalogue = make_catalogue("Taco Trio", "Taco Trio - Vegan")
    assert match_line(make_line("Taco Trio - Vegan", typed=True), POLICY, catalogue).found == 502


@pytest.mark.parametrize(("mapping", "product"), [("Taco Trio", 502), ("Taco Trio - Vegan", 501)])
def test_a_mapping_of_the_part_is_tried_after_the_whole_name(mapping: str, product: int) -> None:
    catalogue = make_catalogue("Taco Trio", "Taco Trio - Vegan")
    policy = replace(POLICY, products=(ProductMapping(HERE, ProductId(501), name=mapping),))
    assert match_line(make_line("Taco Trio - Vegan", typed=True), policy, catalogue).found == product


def test_a_menu_items_name_is_never_taken_apart() -> None:
    assert isinstance(match_line(make_line("Taco Trio - Vegan"), POLICY, CATALOGUE).found, Unmatched)


@pytest.mark.parametrize(("name", "separator"), [("Taco Trio", " - "), (" - hot", " - "), ("Taco - hot", "")])
def test_without_a_part_before_a_separator_only_the_whole_name_counts(name: str, separator: str) -> None:
    assert possible_product_names(make_line(name, typed=True), separator) == (name,)


def test_a_mapping_by_menu_item_beats_a_mapping_by_name_which_beats_the_name() -> None:
    by_name = ProductMapping(HERE, TACOS, name="boxed lunch")
    by_item = ProductMapping(HERE, FRESCA, menu_item_id="120001")
    line = make_line("Boxed Lunch", menu_item_id="120001")
    assert match_line(line, replace(POLICY, products=(by_name, by_item)), CATALOGUE).found == FRESCA
    assert match_line(line, replace(POLICY, products=(by_name,)), CATALOGUE).found == TACOS
    assert match_line(line, POLICY, CATALOGUE).found == LUNCH


def test_a_mapping_may_name_the_part_before_the_separator() -> None:
    policy = replace(POLICY, products=(ProductMapping(HERE, TACOS, name="Trio"),))
    assert match_line(make_line("TRIO - Carne asada", typed=True), policy, CATALOGUE).found == TACOS


def test_a_mapping_of_another_establishment_or_without_a_key_counts_for_nothing() -> None:
    products = (ProductMapping(ELSEWHERE, TACOS, name="Boxed Lunch"), ProductMapping(HERE, TACOS))
    assert match_line(make_line("Boxed Lunch"), replace(POLICY, products=products), CATALOGUE).found == LUNCH


def test_a_mapping_to_what_is_not_on_sale_is_no_match_even_where_the_name_is() -> None:
    policy = replace(POLICY, products=(ProductMapping(HERE, ProductId(999), name="Boxed Lunch"),))
    found = unmatched(match_line(make_line("Boxed Lunch"), policy, CATALOGUE).found)
    assert str(found) == "'Boxed Lunch' is mapped to 999, which is not an active product of establishment 8"


def test_mappings_that_contradict_each_other_are_no_match() -> None:
    products = tuple(ProductMapping(HERE, product, name="Boxed Lunch") for product in (LUNCH, TACOS))
    found = unmatched(match_line(make_line("Boxed Lunch"), replace(POLICY, products=products), CATALOGUE).found)
    assert str(found) == "'Boxed Lunch' is mapped to several products: 501, 502"


def test_mappings_that_say_the_same_twice_are_one() -> None:
    products = (ProductMapping(HERE, TACOS, name="Boxed Lunch"),) * 2
    assert match_line(make_line("Boxed Lunch"), replace(POLICY, products=products), CATALOGUE).found == TACOS


def test_a_product_given_by_id_must_be_on_sale() -> None:
    assert match_id("Fee", LUNCH, CATALOGUE) == LUNCH
    assert isinstance(match_id("Fee", ProductId(999), CATALOGUE), Unmatched)


@given(st.lists(NEAR_NAMES, max_size=8), NEAR_NAMES, st.booleans())
def test_an_unmapped_line_never_becomes_a_product_of_another_name(names: list[str], name: str, typed: bool) -> None:
    catalogue, line = make_catalogue(*names), make_line(name, typed=typed)
    found = match_line(line, POLICY, catalogue).found
    if not isinstance(found, Unmatched):
        bearers = [product for product, own in catalogue.names.items() if normalise(own) == normalise(name)]
        heads = {normalise(spoken) for spoken in possible_product_names(line, POLICY.name_separator)}
        assert normalise(catalogue.names[found]) in heads
        assert typed or bearers == [found]


def test_a_mapping_by_name_is_found_whatever_nobody_sees_on_either_side() -> None:
    mapping = ProductMapping(HERE, TACOS, name="\U0001f469\u200d\U0001f373 special")
    policy = replace(POLICY, products=(mapping,))
    for name in ("\U0001f469\U0001f373 Special", "\u200e\U0001f469\u200d\U0001f373\ufe0f  special"):
        assert match_line(make_line(name), policy, CATALOGUE).found == TACOS


def mapped(product: ProductId = RETIRED, **what: str) -> ProductMapping:
    return ProductMapping(HERE, product, **what)


@pytest.mark.parametrize(
    ("line", "mapping", "by", "name"),
    [
        (make_line("Boxed lunch"), None, MatchedBy.EXACT_NAME, "Boxed lunch"),
        (make_line("Taco Trio - mild", typed=True), None, MatchedBy.NAME_BEFORE_SEPARATOR, "Taco Trio"),
        (PICKED, {"name": "hot cider"}, MatchedBy.NAME, "Hot Cider"),
        (PICKED, {"menu_item_id": "120009"}, MatchedBy.MENU_ITEM, "Hot Cider"),
    ],
)
def test_a_line_tells_by_what_it_has_its_product(
    line: Line, mapping: dict[str, str] | None, by: MatchedBy, name: str
) -> None:
    mappings = (mapped(FRESCA, **mapping),) if mapping else ()
    product = FRESCA if mapping else CATALOGUE.named(name)
    assert product is not None
    assert match_line(line, replace(POLICY, products=mappings), CATALOGUE) == Match(by, name, product)


@pytest.mark.parametrize(
    ("line", "old", "name", "item"),
    [
        (PICKED, None, "Hot Cider", None),
        (PICKED, mapped(name="hot cider"), "Hot Cider", None),
        (PICKED, mapped(menu_item_id="120009"), "Hot Cider", "120009"),
        (PICKED, mapped(menu_item_id="1"), "Hot Cider", None),
        (PICKED, replace(mapped(menu_item_id="120009"), establishment=ELSEWHERE), "Hot Cider", None),
        (TYPED, None, "Taco Tower", None),
        (TYPED, mapped(name="taco tower"), "Taco Tower", None),
        (TYPED, mapped(name="taco tower - carne asada"), "Taco Tower - carne asada", None),
    ],
)
def test_a_mapping_so_named_is_heard(line: Line, old: ProductMapping | None, name: str, item: str | None) -> None:
    match = match_line(line, replace(POLICY, products=(old,) if old else ()), CATALOGUE)
    assert unmatched(match.found).name == line.name
    assert (match.name, match.by is MatchedBy.MENU_ITEM) == (name, item is not None)
    cure = mapped(LUNCH, menu_item_id=item) if item else mapped(LUNCH, name=name)
    assert match_line(line, replace(POLICY, products=(cure,)), CATALOGUE).found == LUNCH


def test_a_typed_line_whose_whole_name_means_two_products_is_best_mapped_by_its_part() -> None:
    match = match_line(TYPED, POLICY, make_catalogue(TYPED.name, TYPED.name))
    assert (unmatched(match.found).name, match.name) == (TYPED.name, "Taco Tower")
    policy = replace(POLICY, products=(mapped(LUNCH, name="Taco Tower"),))
    assert match_line(TYPED, policy, make_catalogue(TYPED.name, TYPED.name)).found == LUNCH
