"""A person who maps a name is shown the likeliest products first, and why each may be meant."""

from __future__ import annotations

import random
from time import process_time

import pytest

from tsrevel.planning.model import ProductId
from tsrevel.planning.money import Cents
from tsrevel.planning.products import LEAST_SCORE, MOST_SUGGESTED, Product, Suggestion, SuggestionIndex, split_words

NAMES = (
    "Coffee Urn",
    "Morning Pastry Tray",
    "Taco Trio",
    "Salt &amp; Vinegar Chips",
    "Crème Brûlée",
    "Mac & Cheese Tray",
    "Cappuccino",
    "Chef’s Choice Platter",
)


def shelf(*names: str) -> SuggestionIndex:
    return SuggestionIndex(Product(ProductId(100 + n), name) for n, name in enumerate(names or NAMES))


def best(name: str, *names: str) -> Suggestion:
    return shelf(*names).rank(name)[0]


@pytest.mark.parametrize(
    ("name", "meant", "why"),
    [
        ("coffee  URN", "Coffee Urn", "same name"),
        ("Urn, coffee", "Coffee Urn", "same words"),
        ("Salt and Vinegar Chip", "Salt &amp; Vinegar Chips", "same words"),
        ("Creme Brulee", "Crème Brûlée", "same words"),
        ("Pastries: morning tray", "Morning Pastry Tray", "shared words: morning, tray"),
        ("Taco Trio - Carne asada & cilantro", "Taco Trio", "same beginning"),
        ("Capuccino", "Cappuccino", "similar spelling"),
        ("Kapucino", "Cappuccino", "similar spelling"),
    ],
)
def test_the_likeliest_comes_first_and_says_why(name: str, meant: str, why: str) -> None:
    found = best(name)
    assert (found.offer.name, why in found.why) == (meant, True)


def test_the_closer_a_name_the_higher_its_score() -> None:
    scores = [
        best(name).score
        for name in ("Coffee Urn", "Urns of coffee", "Coffee Urn, five gallons", "Iced coffee, sweet and strong")
    ]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)
    assert scores[0] == 100 > scores[1] == 95


def test_a_name_like_nothing_has_no_candidates() -> None:
    assert shelf().rank("Xylophone") == ()
    assert shelf().rank("Ω") == ()
    assert SuggestionIndex(()).rank("Coffee Urn") == ()
    assert all(each.score >= LEAST_SCORE for each in shelf().rank("tray of things that nobody here has ever sold"))


def test_a_name_without_words_is_no_trouble() -> None:
    assert shelf("Coffee Urn", "***").rank("!!!") == ()


@pytest.mark.parametrize(("sku", "barcode", "said"), [("A-0815", "", "SKU A-0815"), ("", "04711", "barcode 04711")])
def test_a_code_in_the_name_counts_more_than_its_words(sku: str, barcode: str, said: str) -> None:
    offers = [Product(ProductId(1), "Lunch Box 2"), Product(ProductId(2), "Tray", sku=sku, barcode=barcode)]
    first, second = SuggestionIndex(offers).rank(f"Lunch Box 2 deluxe ({sku or barcode})")
    assert first.offer.id == 2
    assert first.why == (f"{said} in the name",)
    assert first.score == 98 > second.score


def test_a_short_code_is_no_code() -> None:
    offer = Product(ProductId(2), "Tray", sku="2")
    assert SuggestionIndex([offer]).rank("Lunch Box 2") == ()


def test_the_price_decides_between_equals() -> None:
    offers = [Product(ProductId(n), "Lunch Box", Cents(price)) for n, price in ((1, 1200), (2, 1850), (3, 0))]
    first, *others = SuggestionIndex(offers).rank("Box of lunch", {Cents(1850), Cents(0)})
    assert (first.offer.id, first.score, first.why) == (2, 98, ("same words", "same price"))
    assert [(each.offer.id, each.score) for each in others] == [(1, 95), (3, 95)]


def test_two_products_of_that_very_name_are_both_shown() -> None:
    found = SuggestionIndex([Product(ProductId(7), "Taco Trio"), Product(ProductId(5), "TACO TRIO")]).rank("Taco trio")
    assert [(each.offer.id, each.score) for each in found] == [(5, 100), (7, 100)]


def test_no_more_are_shown_than_a_person_reads() -> None:
    found = shelf(*(f"Lunch Box {n}" for n in range(50))).rank("Lunch Box")
    assert len(found) == MOST_SUGGESTED
    assert len(shelf(*(f"Lunch Box {n}" for n in range(50))).rank("Lunch Box", most=2)) == 2


def test_the_order_of_the_catalogue_changes_nothing() -> None:
    offers = [Product(ProductId(n), name) for n, name in enumerate(NAMES * 3)]
    expected = SuggestionIndex(offers).rank("Tray of morning pastries and chips")
    for seed in range(5):
        shuffled = offers[:]
        random.Random(seed).shuffle(shuffled)
        assert SuggestionIndex(shuffled).rank("Tray of morning pastries and chips") == expected


def test_words_are_compared_without_accents_plurals_and_fillers() -> None:
    assert split_words("The Chef’s Choice of Glass &amp; Brûlées, the CHEFS") == ("chef", "choice", "glass", "brulee")
    assert split_words("The Of") == ("the", "of")


def ranking_seconds(products: int) -> float:
    """CPU seconds to index a catalogue of that size and rank 20 names."""
    words = [f"{start}{end}" for start in ("cof", "tac", "lun", "bag", "mor", "veg") for end in "abcdefghij"]
    pick = random.Random(1)
    offers = [Product(ProductId(n), " ".join(pick.sample(words, 3))) for n in range(products)]
    began = process_time()
    index = SuggestionIndex(offers)
    for _ in range(20):
        assert index.rank(" ".join(pick.sample(words, 3)))
    return process_time() - began


def test_ranking_takes_no_longer_than_in_proportion_to_the_catalogue() -> None:
    """35,000 products is the largest catalogue (facts Revel 5.6)."""
    assert ranking_seconds(35_000) < 3 * 10 * ranking_seconds(3_500)
