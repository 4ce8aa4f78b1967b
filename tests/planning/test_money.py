"""Rounding happens once, and nothing is lost when an amount is shared out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsrevel.planning.money import Cents, allocate, show, show_grouped, to_cents, to_decimal, total

weights = st.lists(st.integers(0, 10**9).map(Cents), max_size=12)


@st.composite
def shareable(draw: st.DrawFn) -> tuple[Cents, list[Cents]]:
    """An amount and weights that can bear it."""
    drawn = draw(weights)
    return Cents(draw(st.integers(0, sum(drawn)))), drawn


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("837.72", 83772), ("9.6", 960), ("0.005", 1), ("0.004999", 0), ("-0.005", -1), ("-9.60", -960), ("1E+3", 100000)],
)
def test_an_amount_becomes_whole_cents_with_halves_away_from_zero(amount: str, cents: int) -> None:
    assert to_cents(Decimal(amount)) == cents


@pytest.mark.parametrize(("cents", "text"), [(0, "0.00"), (5, "0.05"), (83772, "837.72"), (-960, "-9.60")])
def test_cents_are_shown_with_exactly_two_decimals(cents: int, text: str) -> None:
    assert show(Cents(cents)) == text


@pytest.mark.parametrize(
    ("cents", "text"), [(5, "0.05"), (99999, "999.99"), (2499999, "24,999.99"), (-123456789, "-1,234,567.89")]
)
def test_people_read_thousands_apart(cents: int, text: str) -> None:
    assert show_grouped(Cents(cents)) == text


@given(st.integers(-(10**15), 10**15).map(Cents))
def test_cents_survive_the_way_to_decimals_and_back(cents: Cents) -> None:
    assert to_cents(to_decimal(cents)) == cents


def test_the_sum_of_nothing_is_nothing() -> None:
    assert total([]) == 0


def test_nothing_is_shared_out_among_weights_of_nothing() -> None:
    assert allocate(Cents(0), [Cents(0), Cents(0)]) == [0, 0]


def test_the_odd_cent_goes_to_the_largest_remainder_and_then_to_the_first() -> None:
    assert allocate(Cents(100), [Cents(100), Cents(100), Cents(100)]) == [34, 33, 33]
    assert allocate(Cents(10), [Cents(33), Cents(67)]) == [3, 7]


@given(shareable())
def test_shares_add_up_and_never_exceed_their_weights(case: tuple[Cents, list[Cents]]) -> None:
    amount, drawn = case
    shares = allocate(amount, drawn)
    assert sum(shares) == amount
    assert all(0 <= share <= weight for share, weight in zip(shares, drawn, strict=True))


@given(shareable())
def test_sharing_out_twice_gives_the_same_shares(case: tuple[Cents, list[Cents]]) -> None:
    assert allocate(*case) == allocate(*case)
