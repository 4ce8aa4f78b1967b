"""The checks of each [[locations]] entry (facts TripleSeat 5, Revel 5).

Each id must exist, be active and belong to the entry's establishment. Each product must be on sale there.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from tsrevel.config import LocationSettings, Settings
from tsrevel.doctor.findings import (
    CheckFinding,
    CheckResult,
    SkippedCheck,
    failure,
    list_candidates,
    ok,
    problem,
    skip_all,
    skipped,
    warning,
)
from tsrevel.doctor.revel import BUILT_IN_DINING, NO_DISCOUNTS, NO_PAYMENTS, RevelLists, is_own_dining
from tsrevel.doctor.tripleseat import TripleSeatLists
from tsrevel.errors import TsrevelError
from tsrevel.planning.model import Location, Policy, ProductId, SiteId
from tsrevel.planning.products import Catalogue, Unmatched, match_id, match_name, normalise, suggest
from tsrevel.planning.screening import find_location
from tsrevel.revel.account import Establishment, NamedRow
from tsrevel.text import count_of
from tsrevel.tripleseat.account import Site, TripleSeatLocation, iana_zone, same_clock

BUILT_IN_PAYMENTS = {1: "cash", 2: "credit"}
"""facts Revel 5.2."""
_NO_ESTABLISHMENT = SkippedCheck("NOT_FOUND", "Revel has no such establishment")
_CATALOGUE, _CHARGES = "location.catalogue", "location.charges"
_FALLBACK, _MAPPINGS = "location.fallback_product", "location.mappings"


class _HasId(Protocol):
    @property
    def id(self) -> object: ...


R = TypeVar("R", bound=_HasId)


def _find(rows: Iterable[R], number: object) -> R | None:
    return next((each for each in rows if each.id == number), None)


def _not_read(check: str) -> SkippedCheck:
    """For a check that needs the list of another check."""
    return SkippedCheck("NOT_READ", f"{check} can't be read")


@dataclass(frozen=True, slots=True)
class CheckedLocation:
    """One [[locations]] entry, with the settings and the time that its checks need."""

    settings: LocationSettings
    location: Location
    policy: Policy
    all_settings: Settings
    now: datetime

    @property
    def name(self) -> str:
        return self.location.name

    def key(self, field: str) -> str:
        """The setting that the value comes from: the entry's own, or the default for all entries."""
        if field in self.settings.model_fields_set:
            return f"locations[{self.name}].{field}"
        inherited = "timezone" if field == "timezone" else f"revel.{field}"
        return f"{inherited} (for {self.name})"

    def told(self, field: str) -> str:
        """The setting with its value: "locations[Special Events].user = 12"."""
        value = getattr(self.settings, field)
        return f"{self.key(field)} = {value}"


def check_location(entry: CheckedLocation, tripleseat: TripleSeatLists, revel: RevelLists) -> Iterator[CheckFinding]:
    """Check the entry's location in TripleSeat, its establishment in Revel with each id there, and its products."""
    finding, site = _check_site(entry, tripleseat)
    yield finding
    yield _check_site_zone(entry, tripleseat, site)
    yield _check_event(entry, tripleseat)
    yield from _check_establishment(entry, revel, tripleseat)
    # orders of an inactive user misbehave in the console (facts Revel 3.1); findings name no member of staff
    unnamed = None if revel.users is None else tuple(replace(each, name="") for each in revel.users)
    yield _check_row(entry, revel, "user", unnamed)
    yield _check_station(entry, revel)
    yield _check_dining(entry, revel)
    yield _check_payment_type(entry, revel)
    yield _check_discount(entry, revel)
    yield from _check_products(entry, revel)


def _place(
    entry: CheckedLocation, tripleseat: TripleSeatLists
) -> tuple[str, Sequence[Site | TripleSeatLocation] | None, str | None]:
    """The entry's place in TripleSeat: "location" or "site", the list of those, and the id of its own."""
    if entry.settings.tripleseat_location is None:
        return "site", tripleseat.sites, entry.location.tripleseat_site
    return "location", tripleseat.locations, entry.location.tripleseat_location


def _check_site(entry: CheckedLocation, tripleseat: TripleSeatLists) -> tuple[CheckFinding, SiteId | None]:
    """The finding, and the entry's site; None if unknown."""
    name, (word, rows, number) = "location.tripleseat", _place(entry, tripleseat)
    if rows is None:
        return skipped(name, _not_read(f"tripleseat.{word}s")), None
    found = _find(rows, number)
    if found is None:
        there = list_candidates(((each.id, each.name) for each in rows), entry.name)
        text = f"{entry.told(f'tripleseat_{word}')}: TripleSeat has no such {word}"
        return problem(name, "NOT_FOUND", text, f"There are: {there}."), None
    if isinstance(found, Site):
        return ok(name, f"site {found.id} is {found.name!r}"), found.id
    wanted = entry.location.tripleseat_site
    if wanted is not None and found.site is not None and wanted != found.site:
        text = f"{entry.told('tripleseat_site')}, but location {found.id} {found.name} belongs to site {found.site}"
        remedy = f"Set tripleseat_site = {found.site}, or remove it."
        return problem(name, "OTHER_SITE", text, remedy), found.site
    of_site = f", of site {found.site}" if found.site else ""
    return ok(name, f"location {found.id} is {found.name!r}{of_site}"), found.site


def _check_site_zone(entry: CheckedLocation, tripleseat: TripleSeatLists, site: SiteId | None) -> CheckFinding:
    name = "location.timezone"
    if tripleseat.sites is None:
        return skipped(name, _not_read("tripleseat.sites"))
    found = _find(tripleseat.sites, site)
    if found is None:
        return skipped(name, SkippedCheck("NOT_FOUND", "the location's site isn't known"))
    return _compare_zones(name, entry, f"TripleSeat's site {found.id}", found.told)


def _compare_zones(name: str, entry: CheckedLocation, whose: str, told: str) -> CheckFinding:
    """`told` is the service's time zone: a Rails name or an IANA one."""
    ours, theirs = entry.settings.timezone, iana_zone(told)
    if theirs is None:
        said = f"{told!r}, and this machine knows no such zone" if told else "no zone"
        remedy = f"Check by hand that {ours} is the location's time zone."
        text = f"{whose} says {said}; {ours} can't be checked"
        return warning(name, "UNKNOWN_ZONE", text, remedy)
    spoken = theirs if theirs == told else f"{told} ({theirs})"
    if same_clock(ours, theirs, entry.now):
        return ok(name, f"{ours}, as in {whose}" + (f": {spoken}" if spoken != ours else ""))
    text = f"{entry.told('timezone')}, but {whose} says {spoken}"
    remedy = f'Set timezone = "{theirs}", or correct the other one.'
    return problem(name, "OTHER_ZONE", text, remedy)


def _check_event(entry: CheckedLocation, tripleseat: TripleSeatLists) -> CheckFinding:
    name = "location.event"
    if tripleseat.events is None or tripleseat.days is None:
        return skipped(name, _not_read("tripleseat.listing"))
    span = f"from {tripleseat.days[0]} to {tripleseat.days[1]}"
    _, rows, number = _place(entry, tripleseat)
    if rows is not None and _find(rows, number) is None:
        return skipped(name, SkippedCheck("NOT_FOUND", "TripleSeat has no such location"))
    seen = [each for each in tripleseat.events if find_location(each, entry.policy) == entry.location]
    if not seen:
        remedy = "If there should be events, compare the id with their location in TripleSeat."
        return warning(name, "NO_EVENT", f"TripleSeat lists no event here {span}", remedy)
    return ok(name, f"{count_of(len(seen), 'event')} here {span}, such as {seen[0].id}")


def _lacks_establishment(entry: CheckedLocation, revel: RevelLists) -> bool:
    """Whether Revel's list lacks the entry's establishment, so nothing in it can be checked."""
    return revel.establishments is not None and _find(revel.establishments, entry.location.establishment) is None


def _check_establishment(
    entry: CheckedLocation, revel: RevelLists, tripleseat: TripleSeatLists
) -> Iterator[CheckFinding]:
    name = "location.establishment"
    if revel.establishments is None:
        yield skipped(name, _not_read("revel.establishment"))
        yield skipped("location.revel_timezone", _not_read("revel.establishment"))
        return
    told = entry.told("revel_establishment")
    found = _find(revel.establishments, entry.location.establishment)
    if found is None:
        there = list_candidates(((each.id, each.name) for each in revel.establishments if each.active), entry.name)
        text = f"{told}: Revel has no such establishment"
        yield problem(name, "NOT_FOUND", text, f"There are: {there}.")
        yield skipped("location.revel_timezone", _NO_ESTABLISHMENT)
        return
    namesake = _namesake(entry, found, revel.establishments, tripleseat)
    if not found.active:
        text = f"{told}: establishment {found.name!r} is inactive"
        yield problem(name, "INACTIVE", text, "Activate it in Revel, or set another establishment.")
    elif namesake:
        text = f"{told} is {found.name!r}, but establishment {namesake.id} has this location's name, {namesake.name!r}"
        remedy = "Check that you didn't swap the establishments of two entries."
        yield warning(name, "SAME_NAME_ELSEWHERE", text, remedy)
    else:
        yield ok(name, f"establishment {found.id} is {found.name!r}, active")
    yield _compare_zones("location.revel_timezone", entry, f"Revel's establishment {found.id}", found.timezone)


def _namesake(
    entry: CheckedLocation, found: Establishment, establishments: tuple[Establishment, ...], tripleseat: TripleSeatLists
) -> Establishment | None:
    """Another establishment that has exactly the location's name, if the entry's own has another name."""
    at_tripleseat = (each.name for each in tripleseat.locations or () if each.id == entry.location.tripleseat_location)
    names = {normalise(name) for name in (entry.name, *at_tripleseat)} - {""}
    if normalise(found.name) in names:
        return None
    return next((each for each in establishments if each.active and normalise(each.name) in names), None)


def _check_station(entry: CheckedLocation, revel: RevelLists) -> CheckFinding:
    if revel.stations is not None and _lacks_establishment(entry, revel):
        return skipped("location.station", _NO_ESTABLISHMENT)
    return _check_row(entry, revel, "station", revel.stations, entry.name)


def _check_dining(entry: CheckedLocation, revel: RevelLists) -> CheckFinding:
    """Revel lists no dining options, so a custom one must be on an existing order (facts Revel 5.5)."""
    name, option, told = "location.dining_option", entry.settings.dining_option, entry.told("dining_option")
    by_hand = "Revel has no list of them, so check it in Revel's console"
    if option in BUILT_IN_DINING:
        return ok(name, f"{option} is plausible: {BUILT_IN_DINING[option]}; {by_hand}")
    if not is_own_dining(entry.settings):
        text = f"{told} is neither built in (0 to 9) nor your own (100 and above)"
        return warning(name, "UNKNOWN_OPTION", text, f"{by_hand}.")
    establishment = entry.location.establishment
    seen, orders = revel.dining.get(establishment), f"orders of establishment {establishment}"
    if seen is None:
        because = f"the {orders} can't be read, so {option} can't be checked"
        return skipped(name, SkippedCheck("NOT_READ", because))
    if option in seen:
        return ok(name, f"{option} is your own, and the {orders} use it")
    on = f"none of the newest {orders} has it" if seen else f"there are no {orders} to compare it with"
    others = f"; they have {', '.join(map(str, sorted(seen)))}" if seen else ""
    text = f"{told} may be your own, but {on}{others}"
    return warning(name, "NOT_SEEN", text, f"{by_hand}.")


def _check_payment_type(entry: CheckedLocation, revel: RevelLists) -> CheckFinding:
    name, number = "location.payment_type", entry.settings.payment_type
    if entry.policy.payments == "none":
        return skipped(name, NO_PAYMENTS)
    if not number:
        return _warn_not_set(entry, "payment_type", "payment")
    if number in BUILT_IN_PAYMENTS:
        return ok(name, f"{number} is built in: {BUILT_IN_PAYMENTS[number]}")
    rows = revel.payment_types
    if rows is not None:  # each row has two numbers: find it by either
        rows = tuple(replace(each, id=number) if number in each.numbers else each for each in rows)
    named = _check_row(entry, revel, "payment_type", rows, "TripleSeat")
    meant = [each for each in revel.payment_types or () if number in each.numbers]
    if named.verdict is not CheckResult.OK or (len(meant) == 1 and len(meant[0].numbers) == 1):
        return named
    rows_told = "; ".join(f"{each.name!r} has id {each.id} and payment_type {each.numbers[-1]}" for each in meant)
    text = f"{entry.told('payment_type')}: {rows_told}; Revel doesn't document which of the two an order's payment uses"
    remedy = "Compare payment_type with such a payment on an existing order, in Revel's console or API."
    return warning(name, "AMBIGUOUS", text, remedy)


def _check_discount(entry: CheckedLocation, revel: RevelLists) -> CheckFinding:
    if entry.policy.discounts == "prices":
        return skipped("location.discount", NO_DISCOUNTS)
    if not entry.settings.discount:
        return _warn_not_set(entry, "discount", "discount")
    return _check_row(entry, revel, "discount", revel.discounts, "TripleSeat")


def _warn_not_set(entry: CheckedLocation, field: str, what: str) -> CheckFinding:
    remedy = f"Set it. Without it, an event with a {what} is held."
    return warning(f"location.{field}", "NOT_SET", f"{entry.key(field)} isn't set", remedy)


def _check_row(
    entry: CheckedLocation, revel: RevelLists, field: str, rows: tuple[NamedRow, ...] | None, like: str = ""
) -> CheckFinding:
    """Check that the row exists, is active, and belongs to the whole account or to the entry's establishment."""
    name, number, what = f"location.{field}", getattr(entry.settings, field), field.replace("_", " ")
    if rows is None:
        return skipped(name, _not_read(f"revel.{field}"))
    ours = entry.location.establishment
    here = [each for each in rows if each.establishment in {None, ours}]
    usable = ((" or ".join(map(str, each.numbers)), each.name) for each in here if each.active)
    there = f"There are: {list_candidates(usable, like)}."
    found = _find(rows, number)
    told = entry.told(field)
    if found is None:
        return problem(name, "NOT_FOUND", f"{told}: Revel has no such {what}", there)
    called = repr(found.name) if found.name else f"this {what}"
    if not found.active:
        return problem(name, "INACTIVE", f"{told}: {called} is inactive", f"Activate it in Revel. {there}")
    if found not in here and not _lacks_establishment(entry, revel):
        text = f"{told}: {called} belongs to establishment {found.establishment}, not to {ours}"
        return problem(name, "OTHER_ESTABLISHMENT", text, there)
    return ok(name, f"{what} {number} is {repr(found.name) if found.name else 'active'}")


def _check_products(entry: CheckedLocation, revel: RevelLists) -> Iterator[CheckFinding]:
    """Check the entry's catalogue, and in it the products of charges, of mappings and the fallback product."""
    catalogue = revel.catalogues.get(entry.location.establishment)
    absent = _lacks_establishment(entry, revel)
    if absent or not isinstance(catalogue, Catalogue):
        if absent:
            yield skipped(_CATALOGUE, _NO_ESTABLISHMENT)
        elif isinstance(catalogue, TsrevelError):
            yield failure(_CATALOGUE, catalogue)
        else:
            yield skipped(_CATALOGUE, _not_read("revel.product"))
        yield from skip_all((_CHARGES, _MAPPINGS, _FALLBACK), _not_read("the catalogue"))
        return
    count = len(catalogue.names)
    text = f"establishment {catalogue.establishment} has {count_of(count, 'active product')}"
    if count:
        yield ok(_CATALOGUE, text)
    else:
        remedy = "Activate products in Revel, or correct revel_establishment."
        yield problem(_CATALOGUE, "NO_PRODUCTS", text, remedy)
    yield from _check_charges(entry, catalogue)
    yield from _check_mappings(entry, catalogue)
    yield _check_fallback(entry, catalogue)


def _check_charges(entry: CheckedLocation, catalogue: Catalogue) -> Iterator[CheckFinding]:
    items = [each for each in entry.all_settings.charges if each.treat_as == "item"]
    sold = True
    for charge in items:
        name, key = charge.product_name or "", f"charges[{charge.match}]"
        if charge.product is not None:
            told, why = f"{key}.product = {charge.product}", "is not an active product of"
            found = match_id(charge.match, ProductId(charge.product), catalogue)
        else:
            found = match_name(name, catalogue)
            told = f'{key}.product_name = "{charge.product_name}"'
            why = f"{found.why} at" if isinstance(found, Unmatched) else ""
        if isinstance(found, Unmatched):
            sold = False
            text = f"{told} {why} establishment {catalogue.establishment}"
            remedy = f"{_likely((name, charge.match), catalogue)} Set the charge's product, or create it in Revel."
            yield problem(_CHARGES, "NOT_ON_SALE", text, remedy)
    if sold:
        names = ", ".join(each.match for each in items)
        yield ok(_CHARGES, f"products of charges on sale: {names}" if items else "no charge has a product")


def _likely(names: tuple[str, ...], catalogue: Catalogue) -> str:
    """Products with names like these, with their ids."""
    near = list(dict.fromkeys(found for name in names for found in suggest(name, catalogue)))
    ids = ((catalogue.named(name) or "", name) for name in near)
    return f"Similar: {list_candidates(ids)}." if near else "No product has a similar name."


def _check_mappings(entry: CheckedLocation, catalogue: Catalogue) -> Iterator[CheckFinding]:
    here = [each for each in entry.all_settings.products if each.establishment == entry.location.establishment]
    bad = [each for each in here if each.product not in catalogue.names]
    for each in bad:
        line = each.name or f"menu item {each.menu_item_id}"
        text = f"{line!r} is mapped to {each.product}, not an active product of establishment {each.establishment}"
        named = shlex.quote(each.name) if each.name else f"--menu-item {each.menu_item_id}"
        command = f"`tsrevel map set --establishment {each.establishment} {named} PRODUCT`"
        remedy = f"{_likely((each.name or '',), catalogue)} Correct it with {command}, or activate the product."
        yield problem(_MAPPINGS, "NOT_ON_SALE", text, remedy)
    if not bad:
        yield ok(_MAPPINGS, f"{len(here)} mapped, all on sale" if here else "no mapping is for this establishment")


def _check_fallback(entry: CheckedLocation, catalogue: Catalogue) -> CheckFinding:
    product = entry.settings.fallback_product
    if not product:
        return ok(_FALLBACK, "not set, and not needed: unmapped lines hold their event")
    if product in catalogue.names:
        return ok(_FALLBACK, f"{product} is {catalogue.names[ProductId(product)]!r}")
    text = f"{entry.told('fallback_product')} is not an active product of establishment {catalogue.establishment}"
    return problem(_FALLBACK, "NOT_ON_SALE", text, "Set an active product of that establishment, or 0.")
