"""Locations: entries with their defaults filled in, and the three place names of the old service as one entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tsrevel.config.build import Built, build_entries
from tsrevel.config.environment import lookup
from tsrevel.config.keys import variable
from tsrevel.config.problems import GivenValue, Origin, ProblemReport, variable_origin
from tsrevel.config.settings import LocationSettings, RevelSettings, TopLevel
from tsrevel.config.value_types import decode_whole
from tsrevel.errors import ConfigCode

INHERITED = ("user", "station", "dining_option", "payment_type", "discount")
"""What a location takes from `[revel]` where it says nothing itself."""


@dataclass(frozen=True, slots=True)
class LegacyLocation:
    """TRIPLESEAT_SITE_ID and REVEL_ESTABLISHMENT_ID (or REVEL_LOCATION_ID), as far as they are set."""

    site: int | None
    establishment: int | None
    origin: Origin

    def agrees(self, location: LocationSettings) -> bool:
        """Whether `location` may be the place meant: nothing it says contradicts this."""
        same_site = self.site is None or location.tripleseat_site in {None, self.site}
        return same_site and self.establishment in {None, location.revel_establishment}


def read_legacy_location(environ: Mapping[str, str], report: ProblemReport) -> LegacyLocation | None:
    """The old service's one place, or None without any of its names."""
    names = ("TRIPLESEAT_SITE_ID", "REVEL_ESTABLISHMENT_ID", "REVEL_LOCATION_ID")
    given = [name for name in names if lookup(environ, name)]
    if not given:
        return None
    site, establishment, location = (_read_id(environ, name, report) for name in names)
    if establishment and location and establishment != location:
        origin = variable_origin("REVEL_ESTABLISHMENT_ID")
        message = "differs from environment REVEL_LOCATION_ID"
        report.add(ConfigCode.CONFLICTING_VALUES, "locations", origin, message, "Set one of the two.")
    return LegacyLocation(site, establishment or location, variable_origin(given[0]))


def _read_id(environ: Mapping[str, str], name: str, report: ProblemReport) -> int | None:
    text = lookup(environ, name)
    if not text:
        return None
    number = decode_whole(text)
    if isinstance(number, int) and number > 0:
        return number
    remedy = "Write a whole number above zero."
    report.add(ConfigCode.MALFORMED_ID, "locations", variable_origin(name), "isn't an id", remedy)
    return None


def choose_locations(
    given: GivenValue | None, place: LegacyLocation | None, report: ProblemReport
) -> GivenValue | None:
    """The entries to use: those given, else the old service's one place."""
    if place is None or (given is not None and given.value):
        return given
    if place.site and place.establishment:
        entry = {"tripleseat_site": place.site, "revel_establishment": place.establishment}
        return GivenValue([entry], place.origin)
    if not report.spoils("locations"):
        remedy = f"Set TRIPLESEAT_SITE_ID and REVEL_ESTABLISHMENT_ID, or {variable('locations')}."
        report.add(ConfigCode.INCOMPLETE_LOCATION, "locations", place.origin, "is only half of a location", remedy)
    return None


def build_locations(
    given: GivenValue | None, top: TopLevel, revel: RevelSettings, report: ProblemReport
) -> tuple[Built[LocationSettings], ...]:
    """Every location; what an entry leaves out is taken from `[revel]` and the top level.

    `model_fields_set` of each still tells what the entry itself says.
    """
    if given is None:
        return ()
    defaults = {"timezone": top.timezone} | {name: getattr(revel, name) for name in INHERITED}
    if isinstance(given.value, list):
        given = GivenValue([_name(entry, number) for number, entry in enumerate(given.value, start=1)], given.origin)
    said = build_entries(LocationSettings, "locations", given, "name", report)
    return tuple(replace(each, entry=_fill(each.entry, defaults)) for each in said)


def _fill(entry: LocationSettings, defaults: Mapping[str, object]) -> LocationSettings:
    left_out = {name: value for name, value in defaults.items() if name not in entry.model_fields_set}
    return LocationSettings.model_construct(_fields_set=set(entry.model_fields_set), **{**dict(entry), **left_out})


def _name(entry: object, number: int) -> object:
    if not isinstance(entry, dict):
        return entry
    said = {name: value for name, value in entry.items() if value != ""}
    location, site = said.get("tripleseat_location"), said.get("tripleseat_site")
    name = f"#{number}"
    if isinstance(decode_whole(location or site), int):
        name = f"Location {location}" if location else f"Site {site}"
    return {"name": name, **said}


def check_legacy_location(
    place: LegacyLocation | None, locations: Sequence[LocationSettings], origin: Origin, report: ProblemReport
) -> None:
    """Old variables that are still set must fit one of the locations that are given otherwise."""
    if place is None or report.spoils("locations") or any(map(place.agrees, locations)):
        return
    message = f"fits none of the locations given by {origin}"
    remedy = "Remove the old variables, or mend the locations."
    report.add(ConfigCode.LOCATION_MISMATCH, "locations", place.origin, message, remedy)
