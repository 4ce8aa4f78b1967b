"""A TripleSeat account's locations and sites, with their time zones (facts TripleSeat 3.1, 5), and its menus.

Lines begin with the names of a menu's items (facts TripleSeat 3.5). The keys are documented, but not how lists of menus
are wrapped: a list may be bare, or under `menus` or `results`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import quote
from zoneinfo import ZoneInfo, available_timezones

from tsrevel.errors import AnswerFault, Unreadable
from tsrevel.planning.model import LocationId, SiteId
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.decode import unwrap, usable_id
from tsrevel.tripleseat.fields import is_filled, objects_at, read_id, read_text

_RAILS = {
    "American Samoa": "Pacific/Pago_Pago",
    "Guam": "Pacific/Guam",
    "Hawaii": "Pacific/Honolulu",
    "Alaska": "America/Juneau",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Mountain Time (US & Canada)": "America/Denver",
    "Arizona": "America/Phoenix",
    "Central Time (US & Canada)": "America/Chicago",
    "Saskatchewan": "America/Regina",
    "Mexico City": "America/Mexico_City",
    "Eastern Time (US & Canada)": "America/New_York",
    "Indiana (East)": "America/Indiana/Indianapolis",
    "Atlantic Time (Canada)": "America/Halifax",
    "Newfoundland": "America/St_Johns",
    "Puerto Rico": "America/Puerto_Rico",
    "Dublin": "Europe/Dublin",
    "Edinburgh": "Europe/London",
    "London": "Europe/London",
    "UTC": "Etc/UTC",
    "Sydney": "Australia/Sydney",
    "Melbourne": "Australia/Melbourne",
    "Brisbane": "Australia/Brisbane",
    "Adelaide": "Australia/Adelaide",
    "Perth": "Australia/Perth",
    "Auckland": "Pacific/Auckland",
}
"""The IANA names of Rails' time zones (ActiveSupport::TimeZone) in the USA, Canada, Ireland, Great Britain and
Australia, and of Mexico City and Auckland."""


def iana_zone(name: str) -> str | None:
    """The IANA name of a Rails or IANA time zone; None for any other name."""
    found = _RAILS.get(name, name)
    return found if found in _known_zones() else None


@cache
def _known_zones() -> frozenset[str]:
    """The time zones of this machine, read from its files once."""
    return frozenset(available_timezones())


def same_clock(one: str, other: str, now: datetime) -> bool:
    """Whether both IANA zones have the same time throughout the year after `now` (aware)."""
    if one == other:
        return True
    first, second = ZoneInfo(one), ZoneInfo(other)
    instants = (now.astimezone(UTC) + timedelta(days=days) for days in range(367))
    return all(each.astimezone(first).utcoffset() == each.astimezone(second).utcoffset() for each in instants)


@dataclass(frozen=True, slots=True)
class Site:
    """A TripleSeat site. `timezone` is an IANA name, None if TripleSeat's own text (`told`) is no known zone."""

    id: SiteId
    name: str
    timezone: str | None
    told: str


@dataclass(frozen=True, slots=True)
class TripleSeatLocation:
    """A TripleSeat location and the site that it belongs to."""

    id: LocationId
    name: str
    site: SiteId | None


def decode_sites(answer: Json) -> tuple[Site, ...]:
    """The sites of the account, without rows that have no id. Raises Unreadable if the answer isn't a list."""
    sites = []
    for number, row in _entries(answer, "site"):
        told = read_text(row.get("timezone"))
        sites.append(Site(SiteId(number), read_text(row.get("name")), iana_zone(told), told))
    return tuple(sites)


def decode_locations(answer: Json) -> tuple[TripleSeatLocation, ...]:
    """The locations of the account, without rows that have no id. Raises Unreadable if the answer isn't a list."""
    places = []
    for number, row in _entries(answer, "location"):
        site = read_id(row.get("site_id"))
        name = read_text(row.get("name"))
        places.append(TripleSeatLocation(LocationId(number), name, SiteId(site) if site else None))
    return tuple(places)


def _entries(answer: Json, key: str) -> Iterator[tuple[str, dict[str, Json]]]:
    if not isinstance(answer, list):
        raise Unreadable(f"TripleSeat: the {key}s are not a list")
    for each in answer:
        with suppress(Unreadable):  # settings can't name such a row, and it must not hide the others
            row = unwrap(each, key)
            yield usable_id(row), row


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
