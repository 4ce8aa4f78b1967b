"""What both accounts offer, matched by exact names: the entries that `init --prefill` writes.

Similar names are never taken. What has no unique exact match is left to a person: chosen on a terminal, written as a
comment with its candidates off it.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from tsrevel.cli.prompts import Terminal
from tsrevel.config import Settings
from tsrevel.config.write import Entry
from tsrevel.errors import CredentialsRefused, Refused, TryNextRun
from tsrevel.planning.model import EstablishmentId, SiteId
from tsrevel.revel.account import Establishment, Named
from tsrevel.tripleseat.places import Place, Site
from tsrevel.wiring import Seams, Services, open_services

Listed = TypeVar("Listed")
USUAL_NAMES = {
    "revel.user": ("TripleSeat",),
    "revel.station": ("TripleSeat",),
    "revel.payment_type": ("TripleSeat",),
    "revel.discount": ("TripleSeat", "TripleSeat discount"),
}
"""The names sought where none is given."""
REQUIRED = ("revel.user", "revel.station")
"""What every order needs: where there is only one, there is nothing to choose."""
MOST_CANDIDATES = 30


class Candidate(Protocol):
    """Something at Revel to be named in the settings."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def name(self) -> str:
        """Its name, "" where it has none."""

    @property
    def active(self) -> bool:
        """Whether it is in use."""


Found = TypeVar("Found", bound=Candidate)


@dataclass(slots=True)
class Filled:
    """What was found: ids for `[revel]`, entries for `[[locations]]`, and what is left open, told to a person.

    `remarks` are the comments for the file by key. They name no member of staff.
    """

    values: dict[str, object] = field(default_factory=dict)
    locations: list[Entry] = field(default_factory=list)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)


def prefill(
    settings: Settings,
    seams: Seams,
    given: Mapping[str, object],
    names: Mapping[str, str],
    entries: Sequence[Mapping[str, object]],
    terminal: Terminal | None,
) -> Filled:
    """Ask both services and match. `given` are settings by key, `names` what to look up, `entries` known locations.

    Raises what `Channel.read` raises where TripleSeat's locations or Revel's establishments can't be listed at all.
    """
    filler = _Filler(given, names, terminal)
    with open_services(_as_far_as_can_be(settings), seams) as services:
        establishments = services.account.establishments()
        sites, places = filler.list_places(settings, services)
        filler.fill_account(services)
        filler.fill_locations(services, sites, places, establishments, entries)
    return filler.filled


def _as_far_as_can_be(settings: Settings) -> Settings:
    """Before the login the public key is enough for locations and sites (facts TripleSeat 1.6)."""
    seat = settings.tripleseat
    if seat.auth != "oauth2" or settings.token_path.exists() or not seat.public_key.get_secret_value():
        return settings
    return settings.model_copy(update={"tripleseat": seat.model_copy(update={"auth": "public_key"})})


class _Filler:
    def __init__(self, given: Mapping[str, object], names: Mapping[str, str], terminal: Terminal | None) -> None:
        self.given, self.names, self.terminal = given, names, terminal
        self.filled = Filled()

    def list_places(self, settings: Settings, services: Services) -> tuple[Sequence[Site], Sequence[Place]]:
        seat = settings.tripleseat
        if seat.auth == "oauth2" and not settings.token_path.exists() and not seat.public_key.get_secret_value():
            self.filled.open.append(
                "TripleSeat's locations can't be listed before the login: run `tsrevel login`, then `tsrevel init "
                "--prefill --from THIS_FILE --output ANOTHER`; or give init TripleSeat's public API key"
            )
            return (), ()
        return services.tripleseat.sites(), services.tripleseat.places()

    def fill_account(self, services: Services) -> None:
        account = services.account
        lists: dict[str, Callable[[], Sequence[Named]]] = {
            "revel.user": account.users,
            "revel.payment_type": account.payment_types,
            "revel.discount": account.discounts,
        }
        for key, read in lists.items():
            if not self.given.get(key):
                self._fill_one(key, self._list(key, read))

    def _fill_one(self, key: str, offered: Sequence[Named]) -> None:
        what = _word(key)
        found = self._pick(f"Revel {what} for catering orders", key, offered)
        if found:
            self.filled.values[key] = found.id
            return
        if key in REQUIRED or key in self.names:
            self.filled.open.append(f"revel.{what.replace(' ', '_')}: {self._miss(key, offered)}")
        shown = [Named(each.id, "", each.active) for each in offered] if key == "revel.user" else offered
        self.filled.remarks[key] = [self._miss(key, shown)] if offered else []

    def fill_locations(
        self,
        services: Services,
        sites: Sequence[Site],
        places: Sequence[Place],
        establishments: Sequence[Establishment],
        entries: Sequence[Mapping[str, object]],
    ) -> None:
        zones = {site.id: site for site in sites}
        for entry in entries:
            self._add(services, dict(entry), [])
        for place in places:
            if place.id.isdecimal() and not _covered(place, entries):
                self._fill_place(services, place, zones.get(place.site) if place.site else None, places, establishments)

    def _fill_place(
        self,
        services: Services,
        place: Place,
        site: Site | None,
        places: Sequence[Place],
        establishments: Sequence[Establishment],
    ) -> None:
        twins = sum(_plain(each.name) == _plain(place.name) for each in places) > 1
        exact = None if twins else _named([place.name], establishments)
        label = f'TripleSeat location {place.id} "{place.name}"'
        found = self._choose(f"Revel establishment of {label}", establishments, exact)
        entry: dict[str, object] = {"name": place.name, "tripleseat_location": int(place.id)}
        gaps = []
        if found:
            entry["revel_establishment"] = found.id
        else:
            entry["revel_establishment"] = 0
            why = "another location has the same name" if twins else "no one establishment has exactly its name"
            gaps.append(f"revel_establishment: {why}; {_candidates(establishments)}")
        self._add(services, entry | self._zone(site, found, gaps), gaps)

    def _zone(self, site: Site | None, found: Establishment | None, gaps: list[str]) -> dict[str, object]:
        told, revels = site.timezone if site else None, found.timezone if found else ""
        if site and not told:
            gaps.append(f'timezone: TripleSeat says "{site.told}", which is none known here; write an IANA name')
        if told and revels and told != revels:
            text = f"{found.name if found else ''}: its zone is {told} at TripleSeat and {revels} at Revel"
            self.filled.open.append(f"{text}; {told} was taken, correct the wrong one")
        return {"timezone": told} if told else {}

    def _add(self, services: Services, entry: dict[str, object], gaps: list[str]) -> None:
        """Complete an entry as far as exact names go; with a gap it is written commented out."""
        number = entry.get("revel_establishment")
        if isinstance(number, int) and number and not entry.get("station") and not self.given.get("revel.station"):
            offered = self._list("revel.station", lambda: services.account.stations(EstablishmentId(number)))
            station = self._pick(f"Revel station of {_call(entry)}", "revel.station", offered)
            if station:
                entry["station"] = station.id
            else:
                entry["station"] = 0
                gaps.append(f"station: {self._miss('revel.station', offered)}")
        user = entry.get("user") or self.given.get("revel.user") or self.filled.values.get("revel.user")
        if not user:
            gaps.append("user: see revel.user above")
        if gaps:
            self.filled.open.append(f"{_call(entry)} is commented out: {'; '.join(gaps)}")
        self.filled.locations.append(Entry(entry, tuple(gaps), live=not gaps))

    def _list(self, key: str, read: Callable[[], Sequence[Listed]]) -> Sequence[Listed]:
        """A list, empty where Revel doesn't give this one: a key may lack the right to one alone (facts Revel 1)."""
        try:
            return read()
        except (CredentialsRefused, TryNextRun, Refused) as error:
            self.filled.open.append(f"the {_word(key)}s can't be listed: {error}")
            return ()

    def _pick(self, question: str, key: str, offered: Sequence[Named]) -> Named | None:
        usable = [each for each in offered if each.active]
        named = self.names.get(key)
        exact = _named([named] if named else USUAL_NAMES[key], usable)
        if exact is None and named is None and key in REQUIRED and len(usable) == 1:
            exact = usable[0]
        return exact if named and exact else self._choose(question, usable, exact)

    def _choose(self, question: str, offered: Sequence[Found], exact: Found | None) -> Found | None:
        usable = [each for each in offered if each.active]
        if self.terminal is None or not usable:
            return exact
        default = usable.index(exact) if exact else None
        number = self.terminal.choose(f"{question}?", [_label(each) for each in usable], default)
        return None if number is None else usable[number]

    def _miss(self, key: str, offered: Sequence[Candidate]) -> str:
        sought = [self.names[key]] if key in self.names else USUAL_NAMES[key]
        names = " or ".join(f'"{name}"' for name in sought)
        return f"not exactly one {_word(key)} is named {names}; {_candidates(offered)}"


def _covered(place: Place, entries: Sequence[Mapping[str, object]]) -> bool:
    """Whether an entry is there for the location already, or for the whole of its site."""
    by_location = {str(each.get("tripleseat_location")) for each in entries}
    by_site = {str(each.get("tripleseat_site")) for each in entries if not each.get("tripleseat_location")}
    return place.id in by_location or (place.site or SiteId("")) in by_site


def _named(names: Sequence[str], offered: Sequence[Found]) -> Found | None:
    """The only active one that has exactly one of the names; case and spaces don't count."""
    sought = {_plain(name) for name in names} - {""}
    found = [each for each in offered if each.active and _plain(each.name) in sought]
    return found[0] if len(found) == 1 else None


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", html.unescape(name)).split()).casefold()


def _candidates(offered: Sequence[Candidate]) -> str:
    usable = [_label(each) for each in offered if each.active]
    more = f" and {len(usable) - MOST_CANDIDATES} more" if len(usable) > MOST_CANDIDATES else ""
    return f"candidates: {', '.join(usable[:MOST_CANDIDATES])}{more}" if usable else "there are no candidates"


def _label(each: Candidate) -> str:
    return f'{each.id} "{each.name}"' if each.name else str(each.id)


def _word(key: str) -> str:
    return key.rpartition(".")[2].replace("_", " ")


def _call(entry: Mapping[str, object]) -> str:
    return f'location "{entry.get("name") or entry.get("tripleseat_location") or entry.get("tripleseat_site")}"'
