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
    "International Date Line West": "Etc/GMT+12",
    "Midway Island": "Pacific/Midway",
    "American Samoa": "Pacific/Pago_Pago",
    "Hawaii": "Pacific/Honolulu",
    "Alaska": "America/Juneau",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Tijuana": "America/Tijuana",
    "Mountain Time (US & Canada)": "America/Denver",
    "Arizona": "America/Phoenix",
    "Chihuahua": "America/Chihuahua",
    "Mazatlan": "America/Mazatlan",
    "Central Time (US & Canada)": "America/Chicago",
    "Saskatchewan": "America/Regina",
    "Guadalajara": "America/Mexico_City",
    "Mexico City": "America/Mexico_City",
    "Monterrey": "America/Monterrey",
    "Central America": "America/Guatemala",
    "Eastern Time (US & Canada)": "America/New_York",
    "Indiana (East)": "America/Indiana/Indianapolis",
    "Bogota": "America/Bogota",
    "Lima": "America/Lima",
    "Quito": "America/Lima",
    "Atlantic Time (Canada)": "America/Halifax",
    "Caracas": "America/Caracas",
    "La Paz": "America/La_Paz",
    "Santiago": "America/Santiago",
    "Newfoundland": "America/St_Johns",
    "Brasilia": "America/Sao_Paulo",
    "Buenos Aires": "America/Argentina/Buenos_Aires",
    "Montevideo": "America/Montevideo",
    "Georgetown": "America/Guyana",
    "Puerto Rico": "America/Puerto_Rico",
    "Greenland": "America/Godthab",
    "Mid-Atlantic": "Atlantic/South_Georgia",
    "Azores": "Atlantic/Azores",
    "Cape Verde Is.": "Atlantic/Cape_Verde",
    "Dublin": "Europe/Dublin",
    "Edinburgh": "Europe/London",
    "Lisbon": "Europe/Lisbon",
    "London": "Europe/London",
    "Casablanca": "Africa/Casablanca",
    "Monrovia": "Africa/Monrovia",
    "UTC": "Etc/UTC",
    "Belgrade": "Europe/Belgrade",
    "Bratislava": "Europe/Bratislava",
    "Budapest": "Europe/Budapest",
    "Ljubljana": "Europe/Ljubljana",
    "Prague": "Europe/Prague",
    "Sarajevo": "Europe/Sarajevo",
    "Skopje": "Europe/Skopje",
    "Warsaw": "Europe/Warsaw",
    "Zagreb": "Europe/Zagreb",
    "Brussels": "Europe/Brussels",
    "Copenhagen": "Europe/Copenhagen",
    "Madrid": "Europe/Madrid",
    "Paris": "Europe/Paris",
    "Amsterdam": "Europe/Amsterdam",
    "Berlin": "Europe/Berlin",
    "Bern": "Europe/Zurich",
    "Zurich": "Europe/Zurich",
    "Rome": "Europe/Rome",
    "Stockholm": "Europe/Stockholm",
    "Vienna": "Europe/Vienna",
    "West Central Africa": "Africa/Algiers",
    "Bucharest": "Europe/Bucharest",
    "Cairo": "Africa/Cairo",
    "Helsinki": "Europe/Helsinki",
    "Kyiv": "Europe/Kiev",
    "Riga": "Europe/Riga",
    "Sofia": "Europe/Sofia",
    "Tallinn": "Europe/Tallinn",
    "Vilnius": "Europe/Vilnius",
    "Athens": "Europe/Athens",
    "Istanbul": "Europe/Istanbul",
    "Minsk": "Europe/Minsk",
    "Jerusalem": "Asia/Jerusalem",
    "Harare": "Africa/Harare",
    "Pretoria": "Africa/Johannesburg",
    "Kaliningrad": "Europe/Kaliningrad",
    "Moscow": "Europe/Moscow",
    "St. Petersburg": "Europe/Moscow",
    "Volgograd": "Europe/Volgograd",
    "Samara": "Europe/Samara",
    "Kuwait": "Asia/Kuwait",
    "Riyadh": "Asia/Riyadh",
    "Nairobi": "Africa/Nairobi",
    "Baghdad": "Asia/Baghdad",
    "Tehran": "Asia/Tehran",
    "Abu Dhabi": "Asia/Muscat",
    "Muscat": "Asia/Muscat",
    "Baku": "Asia/Baku",
    "Tbilisi": "Asia/Tbilisi",
    "Yerevan": "Asia/Yerevan",
    "Kabul": "Asia/Kabul",
    "Ekaterinburg": "Asia/Yekaterinburg",
    "Islamabad": "Asia/Karachi",
    "Karachi": "Asia/Karachi",
    "Tashkent": "Asia/Tashkent",
    "Chennai": "Asia/Kolkata",
    "Kolkata": "Asia/Kolkata",
    "Mumbai": "Asia/Kolkata",
    "New Delhi": "Asia/Kolkata",
    "Kathmandu": "Asia/Kathmandu",
    "Dhaka": "Asia/Dhaka",
    "Sri Jayawardenepura": "Asia/Colombo",
    "Almaty": "Asia/Almaty",
    "Astana": "Asia/Almaty",
    "Novosibirsk": "Asia/Novosibirsk",
    "Rangoon": "Asia/Rangoon",
    "Bangkok": "Asia/Bangkok",
    "Hanoi": "Asia/Bangkok",
    "Jakarta": "Asia/Jakarta",
    "Krasnoyarsk": "Asia/Krasnoyarsk",
    "Beijing": "Asia/Shanghai",
    "Chongqing": "Asia/Chongqing",
    "Hong Kong": "Asia/Hong_Kong",
    "Urumqi": "Asia/Urumqi",
    "Kuala Lumpur": "Asia/Kuala_Lumpur",
    "Singapore": "Asia/Singapore",
    "Taipei": "Asia/Taipei",
    "Perth": "Australia/Perth",
    "Irkutsk": "Asia/Irkutsk",
    "Ulaanbaatar": "Asia/Ulaanbaatar",
    "Seoul": "Asia/Seoul",
    "Osaka": "Asia/Tokyo",
    "Sapporo": "Asia/Tokyo",
    "Tokyo": "Asia/Tokyo",
    "Yakutsk": "Asia/Yakutsk",
    "Darwin": "Australia/Darwin",
    "Adelaide": "Australia/Adelaide",
    "Canberra": "Australia/Canberra",
    "Melbourne": "Australia/Melbourne",
    "Sydney": "Australia/Sydney",
    "Brisbane": "Australia/Brisbane",
    "Hobart": "Australia/Hobart",
    "Vladivostok": "Asia/Vladivostok",
    "Guam": "Pacific/Guam",
    "Port Moresby": "Pacific/Port_Moresby",
    "Magadan": "Asia/Magadan",
    "Srednekolymsk": "Asia/Srednekolymsk",
    "Solomon Is.": "Pacific/Guadalcanal",
    "New Caledonia": "Pacific/Noumea",
    "Fiji": "Pacific/Fiji",
    "Kamchatka": "Asia/Kamchatka",
    "Marshall Is.": "Pacific/Majuro",
    "Auckland": "Pacific/Auckland",
    "Wellington": "Pacific/Auckland",
    "Nuku'alofa": "Pacific/Tongatapu",
    "Tokelau Is.": "Pacific/Fakaofo",
    "Chatham Is.": "Pacific/Chatham",
    "Samoa": "Pacific/Apia",
}
"""The IANA names of Rails' time zones (ActiveSupport::TimeZone)."""


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
