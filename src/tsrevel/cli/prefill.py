"""The entries that `init --prefill` writes: locations and ids of both accounts, matched by exact names.

Similar names never match. Without exactly one match, a person chooses on a terminal. Without a terminal, the file has a
comment with the candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from tsrevel.cli.prompts import Terminal
from tsrevel.config import Settings
from tsrevel.config.paths import config_to_name, is_there
from tsrevel.config.render import ConfigTable
from tsrevel.doctor.findings import attempt, is_silent
from tsrevel.errors import (
    ConfigError,
    ConnectorDisabled,
    CredentialsRefused,
    Forbidden,
    Refused,
    ServiceDown,
    TokenRefused,
    TsrevelError,
)
from tsrevel.planning.model import EstablishmentId, SiteId
from tsrevel.planning.products import normalise
from tsrevel.revel.account import Entry, Establishment, NamedRow
from tsrevel.text import with_config
from tsrevel.transport.client import NEVER
from tsrevel.tripleseat.account import Site, TripleSeatLocation, iana_zone, same_clock
from tsrevel.wiring import Runtime, Services, open_services, why_disabled

Listed = TypeVar("Listed")
USUAL_NAMES = {
    "revel.user": ("TripleSeat",),
    "revel.station": ("TripleSeat",),
    "revel.payment_type": ("TripleSeat",),
    "revel.discount": ("TripleSeat", "TripleSeat discount"),
}
"""The names to look for."""
REQUIRED = ("revel.user", "revel.station")
"""Every order needs these. If there is only one, it is taken."""
MOST_CANDIDATES = 30


@dataclass(slots=True)
class Filled:
    """The results: ids for `[revel]`, entries for `[[locations]]`, and in `open` the texts on what is left to do.

    `remarks` are the comments for the file by key. They have no names of staff.
    """

    values: dict[str, object] = field(default_factory=dict)
    locations: list[ConfigTable] = field(default_factory=list)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)


def prefill(
    settings: Settings,
    runtime: Runtime,
    given: Mapping[str, object],
    entries: Sequence[Mapping[str, object]],
    terminal: Terminal | None,
) -> Filled:
    """Ask both services and match. `given` are settings by key, `entries` known locations.

    A list that a service doesn't return is left open. Raises CredentialsRefused if the key or token is refused for all
    lists, ServiceDown if a service returns no list, ConfigError without a usable token, and ConnectorDisabled if runs
    are paused or disabled.
    """
    if why := why_disabled(settings, runtime):
        config = config_to_name(settings.config_path, {})  # of the old settings: the new file isn't written yet
        raise ConnectorDisabled(with_config(f"neither service was called: {why}", config))
    seat = settings.tripleseat
    logged_in = seat.auth != "oauth2" or is_there(settings.token_path)
    by_public_key = not logged_in and bool(seat.public_key.get_secret_value())
    if by_public_key:  # before the login it is enough for locations and sites (facts TripleSeat 1.6)
        settings = settings.model_copy(update={"tripleseat": seat.model_copy(update={"auth": "public_key"})})
    with open_services(settings, runtime, NEVER) as services:
        filler = _Filler(services, given, terminal, runtime.clock())
        establishments, named = filler.list_account()
        sites: Sequence[Site] = ()
        locations: Sequence[TripleSeatLocation] = ()
        if logged_in or by_public_key:
            sites, locations = filler.list_locations()
        else:
            filler.filled.open.append(
                "TripleSeat's locations can't be listed before the login: run `tsrevel login`, then `tsrevel init "
                "--prefill --from THIS_FILE --output ANOTHER`; or give init TripleSeat's public API key"
            )
        for key, rows in named.items():
            filler.fill_id(key, rows)
        filler.fill_locations(sites, locations, establishments, entries)
    return filler.filled


class _Filler:
    def __init__(
        self, services: Services, given: Mapping[str, object], terminal: Terminal | None, now: datetime
    ) -> None:
        self.services, self.given, self.terminal, self.now = services, given, terminal, now
        self.filled = Filled()

    def list_locations(self) -> tuple[Sequence[Site], Sequence[TripleSeatLocation]]:
        sites, locations = attempt(self.services.tripleseat.sites), attempt(self.services.tripleseat.locations)
        _demand_an_answer("TripleSeat", [sites, locations])
        return self._rows("TripleSeat's sites", sites), self._rows("TripleSeat's locations", locations)

    def list_account(self) -> tuple[Sequence[Establishment], Mapping[str, Sequence[NamedRow]]]:
        """Revel's establishments, and its rows for each setting that isn't given."""
        account = self.services.account
        establishments = attempt(account.establishments)
        if is_silent(establishments):
            _demand_an_answer("Revel", [establishments])
        lists: dict[str, Callable[[], Sequence[NamedRow]]] = {
            "revel.user": account.users,
            "revel.payment_type": account.payment_types,
            "revel.discount": account.discounts,
        }
        named = {key: attempt(read) for key, read in lists.items() if not self.given.get(key)}
        answers: list[object] = [establishments, *named.values()]
        if all(isinstance(each, TsrevelError) for each in answers):
            answers.append(attempt(lambda: account.can_read("Order")))
        _demand_an_answer("Revel", answers)
        listed = self._rows("Revel's establishments", establishments)
        return listed, {key: self._rows(f"the {_word(key)}s", answer) for key, answer in named.items()}

    def _rows(self, what: str, answer: Sequence[Listed] | TsrevelError) -> Sequence[Listed]:
        """The list; empty if it was refused: a key or token may lack the right to only one (facts Revel 1)."""
        if isinstance(answer, TsrevelError):
            self.filled.open.append(f"{what} can't be listed: {answer}")
            return ()
        return answer

    def fill_id(self, key: str, offered: Sequence[NamedRow]) -> None:
        what = _word(key)
        sought = USUAL_NAMES[key]
        clear = [each for each in offered if len(each.numbers) == 1]
        if len(clear) < len(offered) and (not clear or _named(sought, clear) != _named(sought, offered)):
            # The row has two numbers, and it isn't documented which of them an order takes (facts Revel 8).
            why = "id and payment_type differ, and Revel doesn't document which of them an order's payment uses"
            text = f"{why}; check a payment on an existing order; {_candidates(offered)}"
            self.filled.open.append(f"{key}: {text}")
            self.filled.remarks[key] = [text]
            return
        found = self._pick(f"Revel {what} for catering orders", key, clear)
        if found:
            self.filled.values[key] = found.id
            return
        if key in REQUIRED:
            self.filled.open.append(f"revel.{what.replace(' ', '_')}: {_miss(key, offered)}")
        shown = [NamedRow(each.id, "", each.active) for each in offered] if key == "revel.user" else offered
        self.filled.remarks[key] = [_miss(key, shown)] if offered else []

    def fill_locations(
        self,
        sites: Sequence[Site],
        locations: Sequence[TripleSeatLocation],
        establishments: Sequence[Establishment],
        entries: Sequence[Mapping[str, object]],
    ) -> None:
        zones = {site.id: site for site in sites}
        for known in entries:
            self._add(dict(known), [])
        for place in locations:
            if not place.id.isdecimal() or _covered(place, entries):
                continue
            twins = sum(_plain(each.name) == _plain(place.name) for each in locations) > 1
            exact = None if twins else _named([place.name], establishments)
            label = f'TripleSeat location {place.id} "{place.name}"'
            found = self._choose(f"Revel establishment of {label}", establishments, exact)
            entry: dict[str, object] = {"name": place.name, "tripleseat_location": int(place.id)}
            entry["revel_establishment"] = found.id if found else 0
            gaps = []
            if not found:
                why = "another location has the same name" if twins else "not exactly one establishment has its name"
                gaps.append(f"revel_establishment: {why}; {_candidates(establishments)}")
            site = zones.get(place.site) if place.site else None
            self._add(entry | self._zone(site, found, gaps), gaps)

    def _zone(self, site: Site | None, found: Establishment | None, gaps: list[str]) -> dict[str, object]:
        """The site's zone, else the establishment's, else the one given for all; without any there is a gap."""
        told, revels = site.timezone if site else None, iana_zone(found.timezone) if found else None
        strange = f'TripleSeat says "{site.told}", an unknown zone' if site and site.told and not told else ""
        if told:
            if revels and not same_clock(told, revels, self.now):
                text = f"{found.name if found else ''}: its zone is {told} at TripleSeat and {revels} at Revel"
                self.filled.open.append(f"{text}; init took {told}; correct the wrong one")
            return {"timezone": told}
        if revels:
            if strange:
                self.filled.open.append(f"{found.name if found else ''}: {strange}; init took Revel's {revels}")
            return {"timezone": revels}
        if not self.given.get("timezone"):
            gaps.append(f"timezone: {strange or 'neither TripleSeat nor Revel has one'}; write an IANA name")
        return {}

    def _add(self, entry: dict[str, object], gaps: list[str]) -> None:
        """Complete an entry by exact names. With gaps it is written as a comment."""
        number = entry.get("revel_establishment")
        if isinstance(number, int) and number and not entry.get("station") and not self.given.get("revel.station"):
            place = EstablishmentId(number)
            offered = self._rows("the stations", attempt(lambda: self.services.account.stations(place)))
            station = self._pick(f"Revel station of {_call(entry)}", "revel.station", offered)
            entry["station"] = station.id if station else 0
            if not station:
                gaps.append(f"station: {_miss('revel.station', offered)}")
        user = entry.get("user") or self.given.get("revel.user") or self.filled.values.get("revel.user")
        if not user:
            gaps.append("user: see revel.user above")
        if gaps:
            self.filled.open.append(f"{_call(entry)} is commented out: {'; '.join(gaps)}")
        self.filled.locations.append(ConfigTable(entry, tuple(gaps), live=not gaps))

    def _pick(self, question: str, key: str, offered: Sequence[NamedRow]) -> NamedRow | None:
        usable = [each for each in offered if each.active]
        exact = _named(USUAL_NAMES[key], usable)
        if exact is None and key in REQUIRED and len(usable) == 1:
            exact = usable[0]
        return self._choose(question, usable, exact)

    def _choose(self, question: str, offered: Sequence[Entry], exact: Entry | None) -> Entry | None:
        usable = [each for each in offered if each.active]
        if self.terminal is None or not usable:
            return exact
        default = usable.index(exact) if exact else None
        number = self.terminal.choose(f"{question}?", [_label(each) for each in usable], default)
        return None if number is None else usable[number]


def _covered(place: TripleSeatLocation, entries: Sequence[Mapping[str, object]]) -> bool:
    """Whether there is already an entry for the location or for its whole site."""
    by_location = {str(each.get("tripleseat_location")) for each in entries}
    by_site = {str(each.get("tripleseat_site")) for each in entries if not each.get("tripleseat_location")}
    return place.id in by_location or (place.site or SiteId("")) in by_site


def _named(names: Sequence[str], offered: Sequence[Entry]) -> Entry | None:
    """The only active row with one of the names; case and spaces don't count."""
    sought = {_plain(name) for name in names} - {""}
    found = [each for each in offered if each.active and _plain(each.name) in sought]
    return found[0] if len(found) == 1 else None


def _plain(name: str) -> str:
    return normalise(name).replace(" ", "")


def _demand_an_answer(service: str, answers: Sequence[object]) -> None:
    """Raise if nothing was listed: the refusal of the key or token, or that the service can't be used."""
    errors = [each for each in answers if isinstance(each, TsrevelError)]
    grave = next((each for each in errors if isinstance(each, ConfigError | TokenRefused)), None)
    if grave:
        raise grave
    if len(errors) < len(answers):
        return
    refused = [each for each in errors if isinstance(each, CredentialsRefused) and not isinstance(each, Forbidden)]
    if len(refused) == len(errors):
        raise refused[0]
    if not any(isinstance(each, CredentialsRefused | Refused) for each in errors):
        raise ServiceDown(f"{service} can't be used: {errors[0]}") from errors[0]


def _miss(key: str, offered: Sequence[Establishment | NamedRow]) -> str:
    names = " or ".join(f'"{name}"' for name in USUAL_NAMES[key])
    return f"not exactly one {_word(key)} has the name {names}; {_candidates(offered)}"


def _candidates(offered: Sequence[Establishment | NamedRow]) -> str:
    usable = [_label(each) for each in offered if each.active]
    more = f" and {len(usable) - MOST_CANDIDATES} more" if len(usable) > MOST_CANDIDATES else ""
    return f"candidates: {', '.join(usable[:MOST_CANDIDATES])}{more}" if usable else "there are no candidates"


def _label(each: Establishment | NamedRow) -> str:
    number = " or ".join(map(str, each.numbers)) if isinstance(each, NamedRow) else str(each.id)
    return f'{number} "{each.name}"' if each.name else number


def _word(key: str) -> str:
    return key.rpartition(".")[2].replace("_", " ")


def _call(entry: Mapping[str, object]) -> str:
    return f'location "{entry.get("name") or entry.get("tripleseat_location") or entry.get("tripleseat_site")}"'
