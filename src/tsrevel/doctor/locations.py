"""The checks of each [[locations]] entry: every id there, active, of the same place (facts TripleSeat 5, Revel 5)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from tsrevel.config import LocationSettings, Settings
from tsrevel.doctor.findings import (
    CheckFinding,
    CheckResult,
    FindingCode,
    SkippedCheck,
    list_candidates,
    ok,
    problem,
    skipped,
    warning,
)
from tsrevel.doctor.revel import BUILT_IN_DINING, RevelLists, is_own_dining
from tsrevel.doctor.tripleseat import TripleSeatLists
from tsrevel.planning.model import Location, Policy, SiteId
from tsrevel.planning.products import normalise
from tsrevel.planning.screening import find_location
from tsrevel.revel.account import Establishment, NamedRow
from tsrevel.tripleseat.locations import iana_zone, same_clock

BUILT_IN_PAYMENTS = {1: "cash", 2: "credit"}
"""facts Revel 5.2."""
NO_ESTABLISHMENT = SkippedCheck(FindingCode.NOT_FOUND, "Revel has no such establishment")


def _not_read(check: str) -> SkippedCheck:
    """Of what rests on another check's list."""
    return SkippedCheck(FindingCode.NOT_READ, f"{check} can't be read")


@dataclass(frozen=True, slots=True)
class CheckedLocation:
    """One [[locations]] entry, with what it is checked against."""

    settings: LocationSettings
    location: Location
    policy: Policy
    all_settings: Settings
    now: datetime

    @property
    def name(self) -> str:
        """What the entry is called in findings."""
        return self.location.name

    def key(self, field: str) -> str:
        """The setting that says so: the entry's own, or what it takes from above."""
        if field in self.settings.model_fields_set:
            return f"locations[{self.name}].{field}"
        inherited = "timezone" if field == "timezone" else f"revel.{field}"
        return f"{inherited} (for {self.name})"

    def told(self, field: str) -> str:
        """The setting with its value: "locations[Special Events].user = 12"."""
        value = getattr(self.settings, field)
        return f"{self.key(field)} = {value}"


def check_location(entry: CheckedLocation, seat: TripleSeatLists) -> Iterator[CheckFinding]:
    """The entry's TripleSeat location or site, its time zone there, and whether an event of it is in reach."""
    site = yield from _check_site(entry, seat)
    yield _check_site_zone(entry, seat, site)
    yield _check_event(entry, seat)


def _check_site(entry: CheckedLocation, seat: TripleSeatLists) -> Generator[CheckFinding, None, SiteId | None]:
    """Yields its finding; what it returns is the site, None where that isn't known."""
    name, place = "location.tripleseat", entry.name
    if entry.settings.tripleseat_location is None:
        return (yield from _check_whole_site(entry, seat))
    if seat.places is None:
        yield skipped(name, _not_read("tripleseat.locations"), place)
        return None
    told = entry.told("tripleseat_location")
    found = next((each for each in seat.places if each.id == entry.location.tripleseat_location), None)
    if found is None:
        there = list_candidates(((each.id, each.name) for each in seat.places), place)
        text = f"{told}: TripleSeat has no such location"
        yield problem(name, FindingCode.NOT_FOUND, text, f"There are: {there}.", subject=place)
        return None
    wanted = entry.location.tripleseat_site
    if wanted is not None and found.site is not None and wanted != found.site:
        text = f"{entry.told('tripleseat_site')}, but location {found.id} {found.name} is of site {found.site}"
        remedy = f"Set tripleseat_site = {found.site}, or leave it out."
        yield problem(name, FindingCode.OTHER_SITE, text, remedy, subject=place)
        return found.site
    of_site = f", of site {found.site}" if found.site else ""
    yield ok(name, f"location {found.id} is {found.name!r}{of_site}", place)
    return found.site


def _check_whole_site(entry: CheckedLocation, seat: TripleSeatLists) -> Generator[CheckFinding, None, SiteId | None]:
    name, place = "location.tripleseat", entry.name
    if seat.sites is None:
        yield skipped(name, _not_read("tripleseat.sites"), place)
        return None
    found = next((each for each in seat.sites if each.id == entry.location.tripleseat_site), None)
    if found is None:
        there = list_candidates(((each.id, each.name) for each in seat.sites), place)
        text = f"{entry.told('tripleseat_site')}: TripleSeat has no such site"
        yield problem(name, FindingCode.NOT_FOUND, text, f"There are: {there}.", subject=place)
        return None
    yield ok(name, f"site {found.id} is {found.name!r}", place)
    return found.id


def _check_site_zone(entry: CheckedLocation, seat: TripleSeatLists, site: SiteId | None) -> CheckFinding:
    name, place = "location.timezone", entry.name
    if seat.sites is None:
        return skipped(name, _not_read("tripleseat.sites"), place)
    found = next((each for each in seat.sites if each.id == site), None)
    if found is None:
        return skipped(name, SkippedCheck(FindingCode.NOT_FOUND, "the location's site isn't known"), place)
    return _compare_zones(name, entry, f"TripleSeat's site {found.id}", found.told)


def _compare_zones(name: str, entry: CheckedLocation, whose: str, told: str) -> CheckFinding:
    """`told` may be a Rails name or an IANA one."""
    ours, theirs = entry.settings.timezone, iana_zone(told)
    if theirs is None:
        said = f"{told!r}, which is no zone known here" if told else "no zone"
        remedy = f"See by hand that {ours} is the place's time."
        text = f"{whose} says {said}; {ours} can't be checked"
        return warning(name, FindingCode.UNKNOWN_ZONE, text, remedy, entry.name)
    spoken = theirs if theirs == told else f"{told} ({theirs})"
    if same_clock(ours, theirs, entry.now):
        return ok(name, f"{ours}, as {whose} says" + (f": {spoken}" if spoken != ours else ""), entry.name)
    text = f"{entry.told('timezone')}, but {whose} says {spoken}"
    remedy = f'Set timezone = "{theirs}", or correct it there.'
    return problem(name, FindingCode.OTHER_ZONE, text, remedy, subject=entry.name)


def _lacks_place(entry: CheckedLocation, seat: TripleSeatLists) -> bool:
    """Whether TripleSeat surely hasn't the entry's location, or else its site."""
    location, site = entry.location.tripleseat_location, entry.location.tripleseat_site
    if location is not None:
        return seat.places is not None and all(each.id != location for each in seat.places)
    return seat.sites is not None and all(each.id != site for each in seat.sites)


def _check_event(entry: CheckedLocation, seat: TripleSeatLists) -> CheckFinding:
    name, place = "location.event", entry.name
    if seat.events is None or seat.days is None:
        return skipped(name, _not_read("tripleseat.listing"), place)
    span = f"from {seat.days[0]} to {seat.days[1]}"
    if _lacks_place(entry, seat):
        return skipped(name, SkippedCheck(FindingCode.NOT_FOUND, "TripleSeat has no such place"), place)
    seen = [each for each in seat.events if find_location(each, entry.policy) == entry.location]
    if not seen:
        remedy = "If there should be one: compare the id with the event's location in TripleSeat."
        return warning(name, FindingCode.NO_EVENT, f"no event of it is listed {span}", remedy, place)
    return ok(name, f"{len(seen)} event{'s' * (len(seen) != 1)} of it {span}, such as {seen[0].id}", place)


def lacks_establishment(entry: CheckedLocation, till: RevelLists) -> bool:
    """Whether Revel surely hasn't the entry's establishment: then nothing of it can be looked at."""
    there = till.establishments
    return there is not None and all(each.id != entry.location.establishment for each in there)


def check_register(entry: CheckedLocation, till: RevelLists, seat: TripleSeatLists) -> Iterator[CheckFinding]:
    """The entry's establishment, its zone at Revel, and user, station, dining option, payment type, discount."""
    yield from _check_establishment(entry, till, seat)
    yield _check_user(entry, till)
    yield _check_station(entry, till)
    yield _check_dining(entry, till)
    yield _check_payment_type(entry, till)
    yield _check_discount(entry, till)


def _check_establishment(entry: CheckedLocation, till: RevelLists, seat: TripleSeatLists) -> Iterator[CheckFinding]:
    name, place = "location.establishment", entry.name
    if till.establishments is None:
        yield skipped(name, _not_read("revel.establishment"), place)
        yield skipped("location.revel_timezone", _not_read("revel.establishment"), place)
        return
    told = entry.told("revel_establishment")
    found = next((each for each in till.establishments if each.id == entry.location.establishment), None)
    if found is None:
        there = list_candidates(((each.id, each.name) for each in till.establishments if each.active), place)
        text = f"{told}: Revel has no such establishment"
        yield problem(name, FindingCode.NOT_FOUND, text, f"There are: {there}.", subject=place)
        absent = SkippedCheck(FindingCode.NOT_FOUND, "the establishment isn't there")
        yield skipped("location.revel_timezone", absent, place)
        return
    namesake = _namesake(entry, found, till.establishments, seat)
    if not found.active:
        text = f"{told}: establishment {found.name!r} is inactive"
        yield problem(name, FindingCode.INACTIVE, text, "Activate it in Revel, or name another.", subject=place)
    elif namesake:
        text = f"{told} is {found.name!r}, but establishment {namesake.id} is called {namesake.name!r} as this place is"
        remedy = "See that the establishments of two entries aren't exchanged."
        yield warning(name, FindingCode.SAME_NAME_ELSEWHERE, text, remedy, place)
    else:
        yield ok(name, f"establishment {found.id} is {found.name!r}, active", place)
    yield _compare_zones("location.revel_timezone", entry, f"Revel's establishment {found.id}", found.timezone)


def _namesake(
    entry: CheckedLocation, found: Establishment, establishments: tuple[Establishment, ...], seat: TripleSeatLists
) -> Establishment | None:
    """Another establishment that has exactly the place's name, where the entry's own has not."""
    at_tripleseat = (each.name for each in seat.places or () if each.id == entry.location.tripleseat_location)
    names = {normalise(name) for name in (entry.name, *at_tripleseat)} - {""}
    if normalise(found.name) in names:
        return None
    return next((each for each in establishments if each.active and normalise(each.name) in names), None)


def _check_user(entry: CheckedLocation, till: RevelLists) -> CheckFinding:
    name, place, user = "location.user", entry.name, entry.settings.user
    if till.users is None:
        return skipped(name, _not_read("revel.user"), place)
    homes = {None, entry.location.establishment}
    ids = list_candidates((each.id, "") for each in till.users if each.active and each.establishment in homes)
    there = f"Ids of active users: {ids}."
    found = next((each for each in till.users if each.id == user), None)
    if found is None:
        text = f"{entry.told('user')}: Revel has no such user"
        return problem(name, FindingCode.NOT_FOUND, text, there, subject=place)
    if not found.active:  # orders of an inactive user misbehave in the console (facts Revel 3.1)
        text = f"{entry.told('user')}: this user is inactive"
        remedy = f"Activate it in Revel, or take another. {there}"
        return problem(name, FindingCode.INACTIVE, text, remedy, subject=place)
    if found.establishment not in homes and not lacks_establishment(entry, till):
        ours = entry.location.establishment
        text = f"{entry.told('user')}: it is of establishment {found.establishment}, not of {ours}"
        return problem(name, FindingCode.OTHER_ESTABLISHMENT, text, there, subject=place)
    return ok(name, f"user {user} is active", place)


def _check_station(entry: CheckedLocation, till: RevelLists) -> CheckFinding:
    name, place, station = "location.station", entry.name, entry.settings.station
    if till.stations is None:
        return skipped(name, _not_read("revel.station"), place)
    if lacks_establishment(entry, till):
        return skipped(name, NO_ESTABLISHMENT, place)
    here = [each for each in till.stations if each.establishment in {None, entry.location.establishment}]
    there = f"Its stations: {list_candidates(((each.id, each.name) for each in here if each.active), place)}."
    found = next((each for each in till.stations if each.id == station), None)
    told, establishment = entry.told("station"), entry.location.establishment
    if found is None:
        text = f"{told}: establishment {establishment} has no such station"
        return problem(name, FindingCode.NOT_FOUND, text, there, subject=place)
    if found not in here:
        text = f"{told}: that is {found.name!r} of establishment {found.establishment}, not of {establishment}"
        return problem(name, FindingCode.OTHER_ESTABLISHMENT, text, there, subject=place)
    if not found.active:
        return problem(name, FindingCode.INACTIVE, f"{told}: {found.name!r} is inactive", there, subject=place)
    return ok(name, f"station {station} is {found.name!r}, of establishment {establishment}", place)


def _check_dining(entry: CheckedLocation, till: RevelLists) -> CheckFinding:
    """Plausible at best: Revel lists no dining options, so one of the customer's own must be on an order (5.5)."""
    name, place, option = "location.dining_option", entry.name, entry.settings.dining_option
    by_hand = "Revel lists none, so compare it with the console by hand"
    if option in BUILT_IN_DINING:
        return ok(name, f"{option} is plausible: {BUILT_IN_DINING[option]}; {by_hand}", place)
    if is_own_dining(entry.settings):
        return _compare_dining(entry, till.dining.get(entry.location.establishment), by_hand)
    text = f"{entry.told('dining_option')} is neither built in (0 to 9) nor one of your own (from 100 on)"
    return warning(name, FindingCode.UNKNOWN_OPTION, text, f"{by_hand}.", place)


def _compare_dining(entry: CheckedLocation, seen: frozenset[int] | None, by_hand: str) -> CheckFinding:
    name, place, option = "location.dining_option", entry.name, entry.settings.dining_option
    told, orders = entry.told("dining_option"), f"orders of establishment {entry.location.establishment}"
    if seen is None:
        unread = SkippedCheck(FindingCode.NOT_READ, f"the {orders} can't be read to compare {option} with")
        return skipped(name, unread, place)
    if option in seen:
        return ok(name, f"{option} is one of your own, and on existing {orders}", place)
    on = f"none of the newest {orders} has it" if seen else f"there are no {orders} to compare it with"
    others = f"; they have {', '.join(map(str, sorted(seen)))}" if seen else ""
    text = f"{told} may be one of your own, but {on}{others}"
    return warning(name, FindingCode.NOT_SEEN, text, f"{by_hand}.", place)


def _check_payment_type(entry: CheckedLocation, till: RevelLists) -> CheckFinding:
    name, place, number = "location.payment_type", entry.name, entry.settings.payment_type
    if entry.policy.payments == "none":
        return skipped(name, SkippedCheck(FindingCode.NOT_NEEDED, 'orders.payments is "none"'), place)
    if not number:
        remedy = "Set it: an event with a payment is held without it."
        return warning(name, FindingCode.NOT_SET, f"{entry.key('payment_type')} isn't set", remedy, place)
    if number in BUILT_IN_PAYMENTS:
        return ok(name, f"{number} is built in: {BUILT_IN_PAYMENTS[number]}", place)
    rows = till.payment_types
    named = _check_named(entry, "payment_type", None if rows is None else _by_number(rows, number), "payment type")
    meant = [each for each in rows or () if number in each.numbers]
    if named.verdict is not CheckResult.OK or (len(meant) == 1 and len(meant[0].numbers) == 1):
        return named
    rows_told = "; ".join(f"{each.name!r} has id {each.id} and payment_type {each.numbers[-1]}" for each in meant)
    text = f"{entry.told('payment_type')}: {rows_told}; which of the two an order's payment names isn't documented"
    remedy = "Compare payment_type with a payment of this kind on an existing order, in Revel's console or API."
    return warning(name, FindingCode.AMBIGUOUS, text, remedy, place)


def _by_number(rows: tuple[NamedRow, ...], number: int) -> tuple[NamedRow, ...]:
    """The rows under either of their numbers: the one that is asked for, where it is theirs."""
    return tuple(replace(each, id=number) if number in each.numbers else each for each in rows)


def _check_discount(entry: CheckedLocation, till: RevelLists) -> CheckFinding:
    name, place = "location.discount", entry.name
    if entry.policy.discounts == "prices":
        return skipped(name, SkippedCheck(FindingCode.NOT_NEEDED, 'orders.discounts is "prices"'), place)
    if not entry.settings.discount:
        remedy = "Set it: an event with a discount is held without it."
        return warning(name, FindingCode.NOT_SET, f"{entry.key('discount')} isn't set", remedy, place)
    return _check_named(entry, "discount", till.discounts, "discount")


def _check_named(entry: CheckedLocation, field: str, rows: tuple[NamedRow, ...] | None, what: str) -> CheckFinding:
    """What is of the whole account, or else of one establishment: there, active, and of ours."""
    name, place, number = f"location.{field}", entry.name, getattr(entry.settings, field)
    if rows is None:
        return skipped(name, _not_read(f"revel.{field}"), place)
    usable = [each for each in rows if each.active and each.establishment in {None, entry.location.establishment}]
    numbered = ((" or ".join(map(str, each.numbers)), each.name) for each in usable)
    there = f"There are: {list_candidates(numbered, 'TripleSeat')}."
    found = next((each for each in rows if each.id == number), None)
    told = entry.told(field)
    if found is None:
        return problem(name, FindingCode.NOT_FOUND, f"{told}: Revel has no such {what}", there, subject=place)
    if not found.active:
        return problem(name, FindingCode.INACTIVE, f"{told}: {found.name!r} is inactive", there, subject=place)
    if found not in usable:
        text = (
            f"{told}: {found.name!r} is of establishment {found.establishment}, not of {entry.location.establishment}"
        )
        return problem(name, FindingCode.OTHER_ESTABLISHMENT, text, there, subject=place)
    return ok(name, f"{what} {number} is {found.name!r}", place)
