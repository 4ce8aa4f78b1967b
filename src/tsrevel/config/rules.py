"""Builds sections from given values, then checks the rules between settings. Each problem is worded for operators."""

from __future__ import annotations

import shlex
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from operator import attrgetter
from typing import Any, Generic, TypeVar

from pydantic import Field, SecretStr, ValidationError, create_model
from pydantic_core import ErrorDetails

from tsrevel.config.problems import DEFAULT, GivenValue, Layer, Origin, ProblemReport, variable_origin
from tsrevel.config.settings import (
    SECRETS,
    VARIABLES,
    ChargeSettings,
    HooksSettings,
    LocationSettings,
    ProductEntry,
    RevelSettings,
    Section,
    Settings,
    TopLevel,
    suggest,
)
from tsrevel.config.sources import lookup
from tsrevel.config.value_types import decode_whole, is_loopback, url_of_domain
from tsrevel.errors import ConfigCode
from tsrevel.files import real_path
from tsrevel.planning.products import normalise
from tsrevel.text import capitalised, clean_text, install_extra

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class Built(Generic[S]):
    """An entry of an array of tables, called `key` in problems.

    An entry that isn't `whole` lacks a required value, which is None: only the rules may use it.
    """

    key: str
    entry: S
    whole: bool


def whole_entries(built: tuple[Built[S], ...]) -> tuple[S, ...]:
    return tuple(each.entry for each in built if each.whole)


_WORDING = {
    "setting": (ConfigCode.UNUSABLE_VALUE, "{message}", "{remedy}"),
    "missing": (ConfigCode.NOT_SET, "isn't set", "Set a value."),
    "literal_error": (ConfigCode.UNKNOWN_WORD, "isn't an allowed value", "Write {expected}."),
    "enum": (ConfigCode.UNKNOWN_WORD, "isn't an allowed value", "Write {expected}."),
    "string_type": (ConfigCode.WRONG_TYPE, "must be text", "Write it in quotes."),
    "string_too_short": (ConfigCode.EMPTY, "is empty", "Set a value."),
    "bool_type": (ConfigCode.WRONG_TYPE, "must be true or false", "Write true or false, without quotes."),
    "int_type": (ConfigCode.WRONG_TYPE, "must be a whole number", "Write it as digits, without quotes."),
    "float_type": (ConfigCode.WRONG_TYPE, "must be a number", "Write it as digits, without quotes."),
    "finite_number": (ConfigCode.WRONG_TYPE, "must be a number", "Write it as digits."),
    "tuple_type": (ConfigCode.WRONG_TYPE, "must be a list", "Write it in brackets: [ ... ]."),
    "greater_than": (ConfigCode.OUT_OF_RANGE, "must be above {gt:g}", "Write a larger number."),
    "greater_than_equal": (ConfigCode.OUT_OF_RANGE, "must be at least {ge}", "Write a larger number."),
    "less_than_equal": (ConfigCode.OUT_OF_RANGE, "must be at most {le}", "Write a smaller number."),
}
"""Code, message and remedy by pydantic's error type. Pydantic's own texts aren't used: they may repeat the value.

A refusal by `value_types.refuse` has its own code, message and remedy in the error's context.
"""
_OTHERWISE = (ConfigCode.UNUSABLE_VALUE, "isn't usable", "See config.example.toml.")


def build_section(model: type[S], section: str, values: Layer, report: ProblemReport) -> S:
    """The section called `section` ("" for the top level). A bad value is noted, and left at its default."""
    prefix = f"{section}." if section else ""
    given = {name: values[prefix + name] for name in model.model_fields if prefix + name in values}
    if not given:
        return model.model_construct()  # all defaults: nothing to check
    raw = {name: value.value for name, value in given.items()}
    return _build(model, raw, lambda name: (prefix + name, given[name].origin), report)[0]


_LABELS = {"locations": ("name",), "charges": ("match",), "product": ("name", "menu_item_id")}
"""The fields by which a person knows an entry, the best first."""


def build_entries(model: type[S], key: str, given: GivenValue, report: ProblemReport) -> tuple[Built[S], ...]:
    """The entries of an array of tables. Problems call each by its label, with its number if that isn't unique."""
    if not isinstance(given.value, list) or not all(isinstance(entry, dict) for entry in given.value):
        remedy = f"Write [[{key}]] above each of its entries."
        report.add(ConfigCode.WRONG_TYPE, key, given.origin, "must be a list of tables", remedy)
        return ()
    called = [next((str(raw[label]) for label in _LABELS[key] if _is_name(raw.get(label))), "") for raw in given.value]
    counts, built = Counter(called), []
    for number, (name, raw) in enumerate(zip(called, given.value, strict=True), start=1):
        shared = f"{name}, #{number}" if name else f"#{number}"
        whole = f"{key}[{name if name and counts[name] == 1 else shared}]"
        built.append(_build_entry(model, whole, raw, given.origin, report))
    return tuple(built)


def _is_name(value: object) -> bool:
    return (isinstance(value, str) and value != "") or (isinstance(value, int) and not isinstance(value, bool))


def _build_entry(
    model: type[S], name: str, raw: Mapping[str, object], origin: Origin, report: ProblemReport
) -> Built[S]:
    said = {field: value for field, value in raw.items() if value != ""}
    entry, whole = _build(model, said, lambda field: (f"{name}.{field}", origin), report)
    return Built(name, entry, whole)


def _build(
    model: type[S], raw: Mapping[str, object], locate: Callable[[str], tuple[str, Origin]], report: ProblemReport
) -> tuple[S, bool]:
    """The model with the usable values of `raw`, and whether it has all required values."""
    try:
        return model.model_validate(raw), True
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    for detail in details:
        key, origin = locate(str(detail["loc"][0]))
        code, message, remedy = _explain(model, detail)
        report.add(code, key, origin, message, remedy)
    bad = {str(detail["loc"][0]) for detail in details}
    lacking = [
        name for name, field in model.model_fields.items() if field.is_required() and (field.alias or name) in bad
    ]
    if lacking:  # they become None
        fields: dict[str, Any] = {
            each: (Any, Field(default=None, alias=model.model_fields[each].alias)) for each in lacking
        }
        model = create_model(model.__name__, __base__=model, **fields)
    return model.model_validate({name: value for name, value in raw.items() if name not in bad}), not lacking


def _explain(model: type[Section], detail: ErrorDetails) -> tuple[ConfigCode, str, str]:
    location = detail["loc"]
    if detail["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in model.model_fields.items()]
        return ConfigCode.UNKNOWN_KEY, "isn't a setting", suggest(str(location[0]), known)
    context = detail.get("ctx", {})
    code, message, remedy = _WORDING.get(detail["type"], _OTHERWISE)
    item = f"entry {int(location[1]) + 1} " if len(location) > 1 else ""
    return context.get("code", code), item + message.format(**context), remedy.format(**context)


NO_LOCATIONS = "there are no [[locations]], so every event is held"
ADD_LOCATIONS = "Add one for each location."
"""No fault of the settings, but no order is made."""
_PLACEHOLDERS = frozenset({"replace-me", "example-client-id"})
"""Values in config.example.toml that a person must replace."""
_REQUIRED = {
    "oauth2": ("tripleseat.client_id", "tripleseat.client_secret"),
    "client_credentials": ("tripleseat.client_id", "tripleseat.client_secret"),
    "public_key": ("tripleseat.public_key",),
}


@dataclass(frozen=True, slots=True)
class Entries:
    """Every entry of every table, even if it isn't whole, so that all its faults are reported."""

    locations: tuple[Built[LocationSettings], ...]
    charges: tuple[Built[ChargeSettings], ...]
    products: tuple[Built[ProductEntry], ...]


def check_rules(settings: Settings, entries: Entries, report: ProblemReport, *, offline: bool) -> None:
    """Note every broken rule. If `offline`, or if the connector is switched off, no service will be called.

    Then values that only a call needs may be missing.
    """
    offline = offline or not settings.safety.enable_connector
    check_revel_address(settings, report, offline=offline)
    check_environment(settings, report)
    check_charges(entries.charges, settings.origin("charges"), report)
    check_locations(entries.locations, settings.origin("locations"), report)
    check_products(entries.products, settings.origin("products"), report)
    check_allowed(settings, entries.locations, report)
    check_mails(settings, report)
    check_spool(settings, report)
    if not offline:
        for problem in settings.network.problems:  # every call of a service needs the way out
            report.note(problem)
        check_credentials(settings, report)
        check_registers(entries.locations, settings.origin("locations"), report)


def check_revel_address(settings: Settings, report: ProblemReport, *, offline: bool) -> None:
    """Either base_url or domain is set, or both with the same meaning."""
    given, made = settings.revel.base_url, url_of_domain(settings.revel.domain)
    if report.spoils("revel.base_url") or report.spoils("revel.domain"):
        return
    if given and made and given.lower() != made:
        message = f"differs from revel.domain ({settings.origin('revel.domain')})"
        origin = settings.origin("revel.base_url")
        report.add(ConfigCode.CONFLICTING_VALUES, "revel.base_url", origin, message, "Keep one of the two.")
    if not given and not made and not offline:
        remedy = 'Set domain = "acme" in [revel], or set REVEL_DOMAIN or base_url.'
        origin, message = settings.origin("revel.domain"), "isn't set, and revel.base_url isn't set either"
        report.add(ConfigCode.NOT_SET, "revel.domain", origin, message, remedy)


def check_credentials(settings: Settings, report: ProblemReport) -> None:
    """The credentials that the services require are set (facts TripleSeat 1, Revel 1)."""
    for key in (*_REQUIRED[settings.tripleseat.auth], "revel.api_key", "revel.api_secret"):
        section, _, name = key.partition(".")
        value = attrgetter(key)(settings)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not text.strip() and not report.spoils(key):
            ways = f", {name}_file or {name}_command" if key in SECRETS else ""
            remedy = f"Set {name}{ways} in [{section}], or {' or '.join(VARIABLES[key])}."
            report.add(ConfigCode.NOT_SET, key, settings.origin(key), "isn't set", remedy)
        if text.strip() in _PLACEHOLDERS:
            remedy = "Replace it with your own value."
            report.add(ConfigCode.PLACEHOLDER, key, settings.origin(key), "still holds the example's value", remedy)


def check_before_use(settings: Settings, environ: Mapping[str, str], report: ProblemReport) -> None:
    """Note problems that stop no run but will fail later: a missing hook, extra, fallback product or sender."""
    key = "tripleseat.invoice_fallback"
    if settings.tripleseat.invoice_fallback and find_spec("selectolax") is None:
        remedy = f"{capitalised(install_extra('invoice'))}, or set it to false."
        report.add(ConfigCode.EXTRA_MISSING, key, settings.origin(key), "needs the extra `invoice`", remedy)
    for name in HooksSettings.model_fields:
        key = f"hooks.{name}"
        words = shlex.split(getattr(settings.hooks, name)) if not report.spoils(key) else []
        if words and shutil.which(words[0], path=environ.get("PATH")) is None:
            message = f"names {words[0]!r}, and this user can't run it"
            remedy = "Write its full path, and make it executable."
            report.add(ConfigCode.COMMAND_NOT_FOUND, key, settings.origin(key), message, remedy)
    if settings.orders.unmapped_items == "fallback" and not report.spoils("locations"):
        for location in settings.locations:
            if not location.fallback_product:
                key = f"locations[{location.name or location.tripleseat_location or location.tripleseat_site}]"
                message = 'isn\'t set, though orders.unmapped_items = "fallback" needs it'
                remedy = 'Set the Revel product for unmapped lines, or set unmapped_items = "hold".'
                origin = settings.origin("locations")
                report.add(ConfigCode.PRODUCT_REQUIRED, f"{key}.fallback_product", origin, message, remedy)
    if settings.email.is_half_set and not report.spoils("email"):
        for key in settings.email.missing:
            remedy = "Set it, or remove the whole [email] section and its variables."
            report.add(ConfigCode.NOT_SET, key, settings.origin(key), "isn't set, so no mail can be sent", remedy)


def check_environment(settings: Settings, report: ProblemReport) -> None:
    """A sandbox must not reach a real service, nor production a pretend one."""
    if report.spoils("environment"):
        return
    sandbox = settings.is_sandbox
    for key, url in base_urls(settings):
        if not url or report.spoils(key) or is_loopback(url) == sandbox:
            continue
        message = f"must{'' if sandbox else ' not'} be on this machine, because environment is {settings.environment}"
        remedy = f'Change it, or set environment = "{"production" if sandbox else "sandbox"}".'
        code = ConfigCode.REMOTE_IN_SANDBOX if sandbox else ConfigCode.LOOPBACK_IN_PRODUCTION
        report.add(code, key, settings.origin(key), message, remedy)


def base_urls(settings: Settings) -> Iterator[tuple[str, str]]:
    """The URLs that a run may call, by key: those that a person set, and the defaults that are in use."""
    seat, mail = settings.tripleseat, settings.email
    yield "tripleseat.base_url", seat.base_url
    yield "tripleseat.token_url", seat.token_url.partition("?")[0]
    yield ("revel.base_url" if settings.revel.base_url else "revel.domain"), settings.revel_url
    yield "monitor.ping_url", settings.monitor.ping_url.get_secret_value().partition("?")[0]
    if settings.origin("tripleseat.authorize_url") != DEFAULT:
        yield "tripleseat.authorize_url", seat.authorize_url.partition("?")[0]
    if mail.api_key.get_secret_value() or settings.origin("email.base_url") != DEFAULT:
        yield "email.base_url", mail.base_url


def check_charges(charges: tuple[Built[ChargeSettings], ...], origin: Origin, report: ProblemReport) -> None:
    """Each name has one treatment, and each item has a product."""
    for each in charges:
        key, charge = each.key, each.entry
        if report.spoils(f"{key}.as"):
            continue
        products = [product for product in (charge.product, charge.product_name) if product is not None]
        if charge.treat_as == "item" and len(products) != 1 and not report.spoils(f"{key}.product"):
            remedy = "Set either product or product_name."
            report.add(ConfigCode.PRODUCT_REQUIRED, key, origin, "is an item, and an item needs one product", remedy)
        if charge.treat_as != "item" and products:
            remedy = 'Remove the product, or write as = "item".'
            report.add(ConfigCode.PRODUCT_NOT_ALLOWED, key, origin, "has a product but isn't an item", remedy)
    matches = ((each.key, normalise(each.entry.match)) for each in charges if each.entry.match)
    _check_unique(matches, "has the same name as an earlier entry", origin, report)


def check_locations(locations: tuple[Built[LocationSettings], ...], origin: Origin, report: ProblemReport) -> None:
    """Each entry names its TripleSeat location or site; and no two entries name the same."""
    places: list[tuple[str, Hashable]] = []
    for each in locations:
        key, location = each.key, each.entry
        place = ("location", location.tripleseat_location) if location.tripleseat_location else None
        place = place or (("site", location.tripleseat_site) if location.tripleseat_site else None)
        if place:
            places.append((key, place))
        elif not report.spoils(f"{key}.tripleseat"):
            remedy = "Set tripleseat_location or tripleseat_site."
            report.add(ConfigCode.PLACE_REQUIRED, key, origin, "names no TripleSeat location or site", remedy)
    _check_unique(places, "has the same TripleSeat location as an earlier entry", origin, report)


def ids_of_both_kinds(entries: Sequence[LocationSettings]) -> frozenset[int]:
    """The ids that one entry has as its TripleSeat location, and another one as its site."""
    pairs = ((one.tripleseat_location, other.tripleseat_site) for one in entries for other in entries if one != other)
    return frozenset(location for location, site in pairs if location is not None and location == site)


def check_allowed(settings: Settings, locations: tuple[Built[LocationSettings], ...], report: ProblemReport) -> None:
    """Each allowed id is in the `[[locations]]` entries, as a location or as a site: any other is a mistake."""
    key = "safety.allowed_locations"
    if report.spoils(key) or report.spoils("locations"):
        return
    entries = [each.entry for each in locations]
    places, sites = {each.tripleseat_location for each in entries}, {each.tripleseat_site for each in entries}
    establishments = {each.revel_establishment for each in entries}
    unclear = ids_of_both_kinds(entries)
    for both in (each for each in settings.safety.allowed_locations if each in unclear):
        message = f"names {both}, which [[locations]] entries have as tripleseat_location and as tripleseat_site"
        remedy = "Allow other ids of these entries, or name their places by tripleseat_location alone."
        report.add(ConfigCode.AMBIGUOUS_LOCATION, key, settings.origin(key), message, remedy)
    for stray in (each for each in settings.safety.allowed_locations if each not in places | sites):
        mixed_up = stray in establishments
        code = ConfigCode.ESTABLISHMENT_AS_LOCATION if mixed_up else ConfigCode.UNKNOWN_LOCATION
        but = "; it is a Revel establishment" if mixed_up else ""
        remedy = "Write the tripleseat_location or tripleseat_site of an entry, or add an entry with it."
        message = f"names {stray}, and no [[locations]] entry has this TripleSeat id{but}"
        report.add(code, key, settings.origin(key), message, remedy)


def check_mails(settings: Settings, report: ProblemReport) -> None:
    """If mails are set up, an empty list is a mistake: it would silently stop them."""
    mail = settings.email
    if report.spoils("email") or not (mail.api_key.get_secret_value() and mail.sender):
        return
    for key, value in (("email.recipients", mail.recipients), ("email.on", mail.on)):
        if not value and settings.origin(key) != DEFAULT:
            remedy = "Name at least one, or remove email.api_key to send no mails."
            report.add(ConfigCode.EMPTY, key, settings.origin(key), "is empty, but mails are set up", remedy)


def check_spool(settings: Settings, report: ProblemReport) -> None:
    """The spool has a folder of its own, because every JSON file in it counts as a delivery."""
    folders = {real_path(each.parent) for each in (settings.ledger_path, settings.token_path)}
    if real_path(settings.spool_path) in folders and not report.spoils("serve.spool"):
        message, remedy = "is the folder of the ledger or the token file", "Name a folder of its own."
        report.add(ConfigCode.CONFLICTING_VALUES, "serve.spool", settings.origin("serve.spool"), message, remedy)


def check_registers(locations: tuple[Built[LocationSettings], ...], origin: Origin, report: ProblemReport) -> None:
    """Every order needs a user and a station (facts Revel 3, 5); they may come from `[revel]`."""
    for each in locations:
        key = each.key
        for name in ("user", "station"):
            spoilt = report.spoils(f"{key}.{name}") or report.spoils(f"revel.{name}")
            if not getattr(each.entry, name) and not spoilt:
                remedy = f"Set {name} in this location, or for all: revel.{name} ({VARIABLES[f'revel.{name}'][0]})."
                report.add(ConfigCode.NOT_SET, f"{key}.{name}", origin, "isn't set", remedy)


def check_products(products: tuple[Built[ProductEntry], ...], origin: Origin, report: ProblemReport) -> None:
    """Each mapping is by menu item or by name, and no line has two mappings."""
    lines: list[tuple[str, Hashable]] = []
    for each in products:
        key, mapping = each.key, each.entry
        if report.spoils(f"{key}.name") or report.spoils(f"{key}.menu_item_id") or report.misspells(key):
            continue
        if (mapping.menu_item_id is None) == (mapping.name is None):
            message = "needs either menu_item_id or name"
            report.add(ConfigCode.MENU_ITEM_OR_NAME_REQUIRED, key, origin, message, "Set exactly one of them.")
        elif mapping.establishment:
            lines.append((key, (mapping.establishment, mapping.menu_item_id, normalise(mapping.name or ""))))
    _check_unique(lines, "maps the same line as an earlier entry", origin, report)


def _check_unique(entries: Iterable[tuple[str, Hashable]], message: str, origin: Origin, report: ProblemReport) -> None:
    seen: set[Hashable] = set()
    for key, mark in entries:
        if mark in seen:
            report.add(ConfigCode.DUPLICATE_ENTRY, key, origin, message, "Remove one of them.")
        seen.add(mark)


INHERITED = ("user", "station", "dining_option", "payment_type", "discount")
"""The keys that a location takes from `[revel]` if it doesn't set them."""


@dataclass(frozen=True, slots=True)
class LegacyLocation:
    """TRIPLESEAT_SITE_ID and REVEL_ESTABLISHMENT_ID (or REVEL_LOCATION_ID); None if not set."""

    site: int | None
    establishment: int | None
    origin: Origin

    def agrees(self, location: LocationSettings) -> bool:
        """Whether `location` may be this one: none of its ids contradicts it."""
        same_site = self.site is None or location.tripleseat_site in {None, self.site}
        return same_site and self.establishment in {None, location.revel_establishment}


def read_legacy_location(environ: Mapping[str, str], report: ProblemReport) -> LegacyLocation | None:
    """The old service's only location; None if none of its variables is set."""
    names = ("TRIPLESEAT_SITE_ID", "REVEL_ESTABLISHMENT_ID", "REVEL_LOCATION_ID")
    given = [name for name in names if lookup(environ, name)]
    if not given:
        return None
    ids: dict[str, int | None] = dict.fromkeys(names)
    for name in given:
        number = decode_whole(lookup(environ, name))
        if isinstance(number, int) and number > 0:
            ids[name] = number
        else:
            remedy = "Write a whole number above zero."
            report.add(ConfigCode.MALFORMED_ID, "locations", variable_origin(name), "isn't an id", remedy)
    site, establishment, location = ids.values()
    if establishment and location and establishment != location:
        origin = variable_origin("REVEL_ESTABLISHMENT_ID")
        message = "differs from environment REVEL_LOCATION_ID"
        report.add(ConfigCode.CONFLICTING_VALUES, "locations", origin, message, "Set one of the two.")
    return LegacyLocation(site, establishment or location, variable_origin(given[0]))


def choose_locations(
    given: GivenValue | None, place: LegacyLocation | None, report: ProblemReport
) -> GivenValue | None:
    """The entries to use: the given ones, else the old service's only location."""
    if place is None or (given is not None and given.value):
        return given
    if place.site and place.establishment:
        entry = {"tripleseat_site": place.site, "revel_establishment": place.establishment}
        return GivenValue([entry], place.origin)
    if not report.spoils("locations"):
        remedy = f"Set TRIPLESEAT_SITE_ID and REVEL_ESTABLISHMENT_ID, or {VARIABLES['locations'][0]}."
        report.add(ConfigCode.INCOMPLETE_LOCATION, "locations", place.origin, "is only a part of a location", remedy)
    return None


def build_locations(
    given: GivenValue | None, top: TopLevel, revel: RevelSettings, report: ProblemReport
) -> tuple[Built[LocationSettings], ...]:
    """Every location. Values that an entry leaves out come from `[revel]` and the top level.

    `model_fields_set` of each still has only the entry's own values.
    """
    if given is None:
        return ()
    defaults = {"timezone": top.timezone} | {name: getattr(revel, name) for name in INHERITED}
    if isinstance(given.value, list):
        given = GivenValue([_name(entry, number) for number, entry in enumerate(given.value, start=1)], given.origin)
    filled = []
    for each in build_entries(LocationSettings, "locations", given, report):
        said = each.entry.model_fields_set
        fields = dict(each.entry) | {name: value for name, value in defaults.items() if name not in said}
        entry = LocationSettings.model_construct(_fields_set=set(said), **fields)
        filled.append(replace(each, entry=entry))
    return _tell_apart(filled)


def _tell_apart(locations: Sequence[Built[LocationSettings]]) -> tuple[Built[LocationSettings], ...]:
    """The locations, with the establishment added to a name that several share: reports group orders by the name."""
    owners = defaultdict[str, set[int]](set)
    for each in locations:
        if each.whole:
            owners[clean_text(each.entry.name)].add(each.entry.revel_establishment)
    told = []
    for each in locations:
        entry = each.entry
        if len(owners[clean_text(entry.name)]) > 1:
            name = f"{entry.name.strip()} (establishment {entry.revel_establishment})"
            entry = entry.model_copy(update={"name": name})
        told.append(replace(each, entry=entry))
    return tuple(told)


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
    """Old variables that are still set must agree with one of the given locations."""
    if place is None or report.spoils("locations") or any(map(place.agrees, locations)):
        return
    message = f"matches none of the locations in {origin}"
    remedy = "Remove the old variables, or correct the locations."
    report.add(ConfigCode.LOCATION_MISMATCH, "locations", place.origin, message, remedy)
