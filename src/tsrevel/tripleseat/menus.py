"""Reads the menus of a TripleSeat account, because lines begin with their items' names (facts TripleSeat 3.5).

The keys are documented, but not how lists are wrapped: a list may be bare, or under `menus` or `results`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from tsrevel.errors import AnswerFault, Unreadable
from tsrevel.planning.model import LocationId, SiteId
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.decode import unwrap, usable_id
from tsrevel.tripleseat.fields import is_filled, objects_at, read_id, read_text

Read = Callable[[str, Mapping[str, str]], Json]


@dataclass(frozen=True, slots=True)
class MenuItem:
    """An item of a menu. A line made from it has this id, and at first this name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu in use at `locations`, or at all locations of `site`, or everywhere."""

    id: str
    name: str
    site: SiteId | None
    locations: frozenset[LocationId]
    items: tuple[MenuItem, ...]

    def is_for(self, location: LocationId | None, site: SiteId | None) -> bool:
        """Whether it is offered at a location, or at some location of a site."""
        if self.locations and location is not None:
            return location in self.locations
        return self.site is None or site is None or self.site == site


def read_menus(read: Read) -> tuple[Menu, ...]:
    """Every menu in use, with its items. A menu that is listed without items is requested separately.

    Raises what `read` raises, and Unreadable if the answer isn't a list of menus.
    """
    answer = read("/v1/menus", {})
    rows = answer.get("menus", answer.get("results")) if isinstance(answer, dict) else answer
    if not isinstance(rows, list):
        raise Unreadable("TripleSeat: the menus are not a list")
    listed = [(usable_id(row), row) for row in (unwrap(each, "menu") for each in rows)]
    return tuple(_complete(number, row, read) for number, row in listed if not is_filled(row.get("disabled")))


def _complete(number: str, menu: dict[str, Json], read: Read) -> Menu:
    if not menu.get("menu_items"):
        row = unwrap(read(f"/v1/menus/{quote(number, safe='')}", {}), "menu")
        if usable_id(row) != number:
            raise Unreadable(
                f"TripleSeat: the request for menu {number} returned another menu", AnswerFault.OTHER_OBJECT
            )
        menu = {**menu, **row}
    site, places = read_id(menu.get("site_id")), menu.get("location_ids")
    ids = [read_id(each) for each in places] if isinstance(places, list) else []
    items = ((read_id(item.get("id")), _name(item)) for item in objects_at(menu, "menu_items"))
    return Menu(
        number,
        _name(menu),
        SiteId(site) if site else None,
        frozenset(LocationId(each) for each in ids if each),
        tuple(MenuItem(item, name) for item, name in items if item and name),
    )


def _name(row: dict[str, Json]) -> str:
    return read_text(row.get("display_name")) or read_text(row.get("internal_name"))
