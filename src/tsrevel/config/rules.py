"""What must hold between settings. Each rule looks at settings that are fit singly, and notes what doesn't agree."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from pydantic import SecretStr

from tsrevel.config.build import Built
from tsrevel.config.keys import SECRETS, variables
from tsrevel.config.problems import DEFAULT, Origin, ProblemReport
from tsrevel.config.settings import ChargeSettings, LocationSettings, ProductEntry, Settings
from tsrevel.config.urls import is_loopback, url_of_domain
from tsrevel.errors import ConfigCode
from tsrevel.planning.products import normalise

NO_LOCATIONS = "there are no [[locations]]: every event is held"
ADD_LOCATIONS = "Add one for each place that sells."
"""What is no fault of the settings, but makes no order."""
_REQUIRED = {
    "oauth2": ("tripleseat.client_id", "tripleseat.client_secret"),
    "client_credentials": ("tripleseat.client_id", "tripleseat.client_secret"),
    "public_key": ("tripleseat.public_key",),
}


@dataclass(frozen=True, slots=True)
class Entries:
    """Every entry of every table, also those that lack too much to be in the settings: their other faults are told."""

    locations: tuple[Built[LocationSettings], ...]
    charges: tuple[Built[ChargeSettings], ...]
    products: tuple[Built[ProductEntry], ...]


def check_rules(settings: Settings, entries: Entries, report: ProblemReport, *, offline: bool) -> None:
    """Note every disagreement. `offline`: no service will be called, so what only a call needs may be missing.

    The same goes for a connector that is switched off.
    """
    offline = offline or not settings.safety.enable_connector
    check_revel_address(settings, report, offline=offline)
    check_environment(settings, report)
    check_charges(entries.charges, settings.origin("charges"), report)
    check_locations(entries.locations, settings.origin("locations"), report)
    check_products(entries.products, settings.origin("products"), report)
    check_allowed(settings, entries.locations, report)
    check_mails(settings, report)
    if not offline:
        check_network(settings, report)
        check_credentials(settings, report)
        check_registers(entries.locations, settings.origin("locations"), report)


def check_network(settings: Settings, report: ProblemReport) -> None:
    """The way out that the environment tells: it is used by whatever calls a service."""
    for problem in settings.network.problems:
        report.note(problem)


def check_revel_address(settings: Settings, report: ProblemReport, *, offline: bool) -> None:
    """base_url or domain; both only when they mean the same."""
    given, made = settings.revel.base_url, url_of_domain(settings.revel.domain)
    if report.spoils("revel.base_url") or report.spoils("revel.domain"):
        return
    if given and made and given.lower() != made:
        message = f"differs from revel.domain ({settings.origin('revel.domain')})"
        origin = settings.origin("revel.base_url")
        report.add(ConfigCode.CONFLICTING_VALUES, "revel.base_url", origin, message, "Keep one of the two.")
    if not given and not made and not offline:
        remedy = 'Set domain = "acme" in [revel], or REVEL_DOMAIN, or base_url.'
        origin, message = settings.origin("revel.domain"), "isn't set, nor is revel.base_url"
        report.add(ConfigCode.NOT_SET, "revel.domain", origin, message, remedy)


def check_credentials(settings: Settings, report: ProblemReport) -> None:
    """What the services ask for (facts TripleSeat 1, Revel 1)."""
    for key in (*_REQUIRED[settings.tripleseat.auth], "revel.api_key", "revel.api_secret"):
        section, _, name = key.partition(".")
        value = getattr(getattr(settings, section), name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not text.strip() and not report.spoils(key):
            ways = f", {name}_file or {name}_command" if key in SECRETS else ""
            remedy = f"Set {name}{ways} in [{section}], or {' or '.join(variables(key))}."
            report.add(ConfigCode.NOT_SET, key, settings.origin(key), "isn't set", remedy)


def check_environment(settings: Settings, report: ProblemReport) -> None:
    """A sandbox must not reach a real service, nor production a pretended one."""
    if report.spoils("environment"):
        return
    sandbox = settings.environment == "sandbox"
    for key, url in base_urls(settings):
        if not url or report.spoils(key) or is_loopback(url) == sandbox:
            continue
        message = "isn't this machine, in the sandbox" if sandbox else "is this machine, in production"
        remedy = f'Change it, or environment = "{"production" if sandbox else "sandbox"}".'
        code = ConfigCode.REMOTE_IN_SANDBOX if sandbox else ConfigCode.LOOPBACK_IN_PRODUCTION
        report.add(code, key, settings.origin(key), message, remedy)


def base_urls(settings: Settings) -> Iterator[tuple[str, str]]:
    """The URLs that a run may call, by key: what a person set, and the default of what is in use."""
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
    """One treatment a name, and a product for what becomes an item."""
    for each in charges:
        key, charge = each.key, each.entry
        if report.spoils(f"{key}.as"):
            continue
        products = [product for product in (charge.product, charge.product_name) if product is not None]
        if charge.treat_as == "item" and len(products) != 1 and not report.spoils(f"{key}.product"):
            remedy = "Give product or product_name, one of them."
            report.add(ConfigCode.PRODUCT_REQUIRED, key, origin, "is an item, which needs one product", remedy)
        if charge.treat_as != "item" and products:
            remedy = 'Remove the product, or write as = "item".'
            report.add(ConfigCode.PRODUCT_NOT_ALLOWED, key, origin, "has a product but isn't an item", remedy)
    matches = ((each.key, normalise(each.entry.match)) for each in charges if each.entry.match)
    _check_unique(matches, "is listed before under the same name", origin, report)


def check_locations(locations: tuple[Built[LocationSettings], ...], origin: Origin, report: ProblemReport) -> None:
    """Each location names its place at TripleSeat, and no place has two."""
    places: list[tuple[str, Hashable]] = []
    for each in locations:
        key, location = each.key, each.entry
        place = ("location", location.tripleseat_location) if location.tripleseat_location else None
        place = place or (("site", location.tripleseat_site) if location.tripleseat_site else None)
        if place:
            places.append((key, place))
        elif not report.spoils(f"{key}.tripleseat"):
            remedy = "Give tripleseat_location or tripleseat_site."
            report.add(ConfigCode.PLACE_REQUIRED, key, origin, "doesn't say which place at TripleSeat it is", remedy)
    _check_unique(places, "is at the same TripleSeat place as one before", origin, report)


def check_allowed(settings: Settings, locations: tuple[Built[LocationSettings], ...], report: ProblemReport) -> None:
    """Each allowed id is one of a `[[locations]]` entry: any other is a slip, and allows something else."""
    key = "safety.allowed_locations"
    if report.spoils(key) or report.spoils("locations"):
        return
    entries = [each.entry for each in locations]
    known = {each.tripleseat_location for each in entries} | {each.tripleseat_site for each in entries}
    establishments = {each.revel_establishment for each in entries}
    for stray in (each for each in settings.safety.allowed_locations if each not in known):
        mixed_up = stray in establishments
        code = ConfigCode.ESTABLISHMENT_AS_LOCATION if mixed_up else ConfigCode.UNKNOWN_LOCATION
        but = ", but is its Revel establishment" if mixed_up else ""
        remedy = "Write the tripleseat_location or tripleseat_site of an entry, or add an entry with it."
        message = f"names {stray}, which no [[locations]] entry has as its TripleSeat id{but}"
        report.add(code, key, settings.origin(key), message, remedy)


def check_mails(settings: Settings, report: ProblemReport) -> None:
    """Mails that are set up are meant to be sent: a list that was emptied would keep them back in silence."""
    mail = settings.email
    if report.spoils("email") or not (mail.api_key.get_secret_value() and mail.sender):
        return
    for key, value in (("email.recipients", mail.recipients), ("email.on", mail.on)):
        if not value and settings.origin(key) != DEFAULT:
            remedy = "Name at least one, or take out email.api_key: then no mails are sent."
            report.add(ConfigCode.EMPTY, key, settings.origin(key), "is empty, though mails are set up", remedy)


def check_registers(locations: tuple[Built[LocationSettings], ...], origin: Origin, report: ProblemReport) -> None:
    """Every order needs a user and a station (facts Revel 3, 5); they may come from `[revel]`."""
    for each in locations:
        key = each.key
        for name in ("user", "station"):
            spoilt = report.spoils(f"{key}.{name}") or report.spoils(f"revel.{name}")
            if not getattr(each.entry, name) and not spoilt:
                remedy = f"Set {name} in this location, or for all: revel.{name} ({variables(f'revel.{name}')[0]})."
                report.add(ConfigCode.NOT_SET, f"{key}.{name}", origin, "isn't set", remedy)


def check_products(products: tuple[Built[ProductEntry], ...], origin: Origin, report: ProblemReport) -> None:
    """Each mapping is by menu item or by name, and no line has two."""
    lines: list[tuple[str, Hashable]] = []
    for each in products:
        mapping = each.entry
        key = f"product[{mapping.name or mapping.menu_item_id or f'to {mapping.product}'}]" if each.whole else each.key
        if report.spoils(f"{each.key}.name") or report.spoils(f"{each.key}.menu_item_id"):
            continue
        if (mapping.menu_item_id is None) == (mapping.name is None):
            message = "needs menu_item_id or name, one of them"
            report.add(ConfigCode.MENU_ITEM_OR_NAME_REQUIRED, key, origin, message, "Keep the one to match by.")
        elif mapping.establishment:
            lines.append((key, (mapping.establishment, mapping.menu_item_id, normalise(mapping.name or ""))))
    _check_unique(lines, "maps a line that one before maps", origin, report)


def _check_unique(entries: Iterable[tuple[str, Hashable]], message: str, origin: Origin, report: ProblemReport) -> None:
    seen: set[Hashable] = set()
    for key, mark in entries:
        if mark in seen:
            report.add(ConfigCode.DUPLICATE_ENTRY, key, origin, message, "Remove one of them.")
        seen.add(mark)
