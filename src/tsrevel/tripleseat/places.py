"""What a TripleSeat account offers to be named in `[[locations]]`: its sites and locations (facts TripleSeat 5)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from tsrevel.errors import Unreadable
from tsrevel.planning.model import LocationId, SiteId
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.decode import unwrap, usable_id
from tsrevel.tripleseat.fields import Fields
from tsrevel.tripleseat.locations import iana_zone


@dataclass(frozen=True, slots=True)
class Site:
    """A TripleSeat site. `timezone` is an IANA name, None where what TripleSeat says (`told`) is none."""

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
    """The sites of the account; a row without an id is left out. Raises Unreadable where it is no list of them."""
    return tuple(_decode_site(fields) for fields in _entries(answer, "site"))


def decode_locations(answer: Json) -> tuple[TripleSeatLocation, ...]:
    """The locations of the account; a row without an id is left out. Raises Unreadable where it is no list of them."""
    return tuple(_decode_place(fields) for fields in _entries(answer, "location"))


def _entries(answer: Json, key: str) -> Iterator[Fields]:
    if not isinstance(answer, list):
        raise Unreadable(f"TripleSeat: the {key}s came not as a list; nothing can be told from it")
    for each in answer:
        with suppress(Unreadable):  # a row that can't be named in the settings doesn't hide the others
            row = unwrap(each, key)
            number = usable_id(row)
            yield Fields(row, f"{key} {number}", [])


def _decode_site(fields: Fields) -> Site:
    told = fields.text("timezone")
    return Site(SiteId(usable_id(fields.row)), fields.text("name"), iana_zone(told), told)


def _decode_place(fields: Fields) -> TripleSeatLocation:
    site = fields.identifier("site_id")
    return TripleSeatLocation(LocationId(usable_id(fields.row)), fields.text("name"), SiteId(site) if site else None)
