"""The menus of a TripleSeat account, as a source of names that lines will have (facts TripleSeat 3.5).

Only their keys are documented, not how lists are wrapped: lists are taken bare, or under `menus` or `results`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from tsrevel.errors import AnswerFault, Unreadable
from tsrevel.planning.model import LocationId, SiteId
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.decode import unwrap, usable_id
from tsrevel.tripleseat.fields import Fields, read_id

Read = Callable[[str, Mapping[str, str]], Json]


@dataclass(frozen=True, slots=True)
class MenuItem:
    """Something that can be put on an event: its lines carry this id, and this name for a start."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu that is in use, and where: at `locations`, or at all of `site`, or everywhere."""

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
    """Every menu in use, with its items; a menu listed without any is asked for by itself.

    Raises what `read` raises, and Unreadable where the answer is no list of menus.
    """
    listed = [Fields(row, f"menu {usable_id(row)}", []) for row in _menu_rows(read("/v1/menus", {}))]
    return tuple(_complete(fields, read) for fields in listed if not fields.has("disabled"))


def _menu_rows(answer: Json) -> Iterator[dict[str, Json]]:
    rows = answer
    if isinstance(answer, dict):
        rows = answer.get("menus", answer.get("results"))
    if not isinstance(rows, list):
        raise Unreadable("TripleSeat: the menus came not as a list; nothing can be told from it")
    return (unwrap(row, "menu") for row in rows)


def _complete(listed: Fields, read: Read) -> Menu:
    number = usable_id(listed.row)
    if listed.row.get("menu_items"):
        return _decode_menu(listed, number)
    row = unwrap(read(f"/v1/menus/{quote(number, safe='')}", {}), "menu")
    if usable_id(row) != number:
        raise Unreadable(f"TripleSeat: asked for menu {number}, another one came", AnswerFault.OTHER_OBJECT)
    return _decode_menu(Fields({**listed.row, **row}, f"menu {number}", []), number)


def _decode_menu(menu: Fields, number: str) -> Menu:
    site, places = menu.identifier("site_id"), menu.row.get("location_ids")
    ids = [read_id(each) for each in places] if isinstance(places, list) else []
    items = (_decode_item(each) for each in menu.rows("menu_items", "menu item"))
    return Menu(
        number,
        _name(menu),
        SiteId(site) if site else None,
        frozenset(LocationId(each) for each in ids if each),
        tuple(item for item in items if item is not None),
    )


def _decode_item(item: Fields) -> MenuItem | None:
    number, name = item.identifier("id"), _name(item)
    return MenuItem(number, name) if number and name else None


def _name(fields: Fields) -> str:
    return fields.text("display_name") or fields.text("internal_name")
