"""Menus: which there are, where they are for, and what is on them (facts TripleSeat 3.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tsrevel.errors import Refused, Unreadable
from tsrevel.planning.model import LocationId, SiteId
from tsrevel.sandbox import TripleSeatSandbox
from tsrevel.tripleseat.account import Menu, MenuItem
from tsrevel.tripleseat.client import TripleSeat

ITEMS = {120001: "Boxed Lunch &amp; Drink", 120009: "Hot Cider"}


def answer(seat: TripleSeatSandbox, body: Any, path: str = "/v1/menus") -> None:
    seat.faults.add("wrong_shape", path=path, body=body)


def test_a_menu_tells_its_place_and_its_items(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.add_menu(7, "Winter", ITEMS, site_id=15691, location_ids=[30501, "30502"])
    (menu,) = tripleseat.menus()
    places = frozenset({LocationId("30501"), LocationId("30502")})
    items = (MenuItem("120001", "Boxed Lunch & Drink"), MenuItem("120009", "Hot Cider"))
    assert menu == Menu("7", "Winter", SiteId("15691"), places, items)


def test_a_menu_listed_with_its_items_needs_no_second_look(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    answer(seat, {"menus": [{"menu": {"id": 7, "menu_items": [{"id": 1, "internal_name": "Cider"}, {"id": 2}, {}]}}]})
    assert tripleseat.menus() == (Menu("7", "", None, frozenset(), (MenuItem("1", "Cider"),)),)
    assert seat.count("GET", "/v1/menus/7") == 0


def test_a_menu_that_is_switched_off_is_left_out(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.add_menu(7, "Winter", ITEMS, disabled=True)
    assert tripleseat.menus() == ()


def test_an_account_without_menus_has_none(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    assert tripleseat.menus() == ()
    answer(seat, {"results": []})
    assert tripleseat.menus() == ()


@pytest.mark.parametrize("body", [{"menus": None}, {"menu_items": []}, [{"menu": {"display_name": "no id"}}], [7]])
def test_an_answer_that_is_no_list_of_menus_is_unreadable(
    tripleseat: TripleSeat, seat: TripleSeatSandbox, body: Any
) -> None:
    answer(seat, body)
    with pytest.raises(Unreadable):
        tripleseat.menus()


def test_another_menu_than_the_one_asked_for_is_unreadable(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    seat.add_menu(7, "Winter", ITEMS)
    answer(seat, {"menu": {"id": 8}}, "/v1/menus/7")
    with pytest.raises(Unreadable):
        tripleseat.menus()


def test_a_menu_gone_meanwhile_is_refused(tripleseat: TripleSeat, seat: TripleSeatSandbox) -> None:
    answer(seat, [{"id": 99}])
    with pytest.raises(Refused):
        tripleseat.menus()


@pytest.mark.parametrize(
    ("site", "locations", "expected"),
    [(None, (), True), ("15691", (), True), ("1", (), False), (None, ("30501",), True), ("15691", ("2",), False)],
)
def test_a_menu_is_for_its_locations_or_its_site(site: str | None, locations: tuple[str, ...], expected: bool) -> None:
    menu = Menu("7", "", SiteId(site) if site else None, frozenset(map(LocationId, locations)), ())
    assert menu.is_for(LocationId("30501"), SiteId("15691")) is expected
    assert menu.is_for(None, SiteId("15691")) is (site in {None, "15691"})
