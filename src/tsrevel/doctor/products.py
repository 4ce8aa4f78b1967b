"""The checks of every product that the settings name: on sale at each establishment that would ring it up."""

from __future__ import annotations

from collections.abc import Iterator

from tsrevel.config import ChargeSettings, Settings
from tsrevel.doctor.findings import (
    CheckFinding,
    FindingCode,
    SkippedCheck,
    failure,
    list_candidates,
    ok,
    problem,
    skipped,
    warning,
)
from tsrevel.doctor.locations import NO_ESTABLISHMENT, CheckedLocation, lacks_establishment
from tsrevel.doctor.revel import RevelLists
from tsrevel.errors import TsrevelError
from tsrevel.planning.model import ProductId
from tsrevel.planning.products import Catalogue, Unmatched, match_id, match_name, suggest

CATALOGUE, CHARGES, FALLBACK, MAPPINGS = (
    "location.catalogue",
    "location.charges",
    "location.fallback_product",
    "location.mappings",
)


def check_products(entry: CheckedLocation, till: RevelLists) -> Iterator[CheckFinding]:
    """The entry's catalogue, and in it the products of the charges, the mappings and the fallback."""
    catalogue = till.catalogues.get(entry.location.establishment)
    place = entry.name
    if lacks_establishment(entry, till) or not isinstance(catalogue, Catalogue):
        if lacks_establishment(entry, till):
            yield skipped(CATALOGUE, NO_ESTABLISHMENT, place)
        elif isinstance(catalogue, TsrevelError):
            yield failure(CATALOGUE, catalogue, place)
        else:
            yield skipped(CATALOGUE, SkippedCheck(FindingCode.NOT_READ, "revel.product can't be read"), place)
        for name in (CHARGES, MAPPINGS, FALLBACK):
            yield skipped(name, SkippedCheck(FindingCode.NOT_READ, "the catalogue can't be read"), place)
        return
    yield _check_catalogue(entry, catalogue)
    yield from _check_charges(entry, catalogue)
    yield from _check_mappings(entry, catalogue)
    yield _check_fallback(entry, catalogue)


def _check_catalogue(entry: CheckedLocation, catalogue: Catalogue) -> CheckFinding:
    count = len(catalogue.names)
    text = f"establishment {catalogue.establishment} has {count} active product{'s' * (count != 1)}"
    if count:
        return ok(CATALOGUE, text, entry.name)
    remedy = "Activate products in Revel, or correct revel_establishment: nothing could be sold."
    return problem(CATALOGUE, FindingCode.NO_PRODUCTS, text, remedy, subject=entry.name)


def _check_charges(entry: CheckedLocation, catalogue: Catalogue) -> Iterator[CheckFinding]:
    items = [each for each in entry.all_settings.charges if each.treat_as == "item"]
    bad = [finding for each in items if (finding := _check_charge(entry, each, catalogue)) is not None]
    yield from bad
    if not bad:
        names = ", ".join(each.match for each in items)
        yield ok(CHARGES, f"products of charges on sale: {names}" if items else "no charge has a product", entry.name)


def _check_charge(entry: CheckedLocation, charge: ChargeSettings, catalogue: Catalogue) -> CheckFinding | None:
    if charge.product is not None:
        told = f"charges[{charge.match}].product = {charge.product}"
        found = match_id(charge.match, ProductId(charge.product), catalogue)
        why = f"is no active product of establishment {catalogue.establishment}"
    else:
        told = f'charges[{charge.match}].product_name = "{charge.product_name}"'
        found = match_name(charge.product_name or "", catalogue)
        why = f"{found.why if isinstance(found, Unmatched) else ''} at establishment {catalogue.establishment}"
    if not isinstance(found, Unmatched):
        return None
    likely = _likely((charge.product_name or "", charge.match), catalogue)
    remedy = f"{likely} Name the product of this charge, or make it in Revel."
    return problem(CHARGES, FindingCode.NOT_ON_SALE, f"{told} {why}", remedy, subject=entry.name)


def _likely(names: tuple[str, ...], catalogue: Catalogue) -> str:
    """Products with names like these, with their ids."""
    near = list(dict.fromkeys(found for name in names for found in suggest(name, catalogue)))
    ids = ((catalogue.named(name) or "", name) for name in near)
    return f"Similar: {list_candidates(ids)}." if near else "None has a similar name."


def _check_mappings(entry: CheckedLocation, catalogue: Catalogue) -> Iterator[CheckFinding]:
    here = [each for each in entry.all_settings.products if each.establishment == entry.location.establishment]
    bad = [each for each in here if each.product not in catalogue.names]
    for each in bad:
        line = each.name or f"menu item {each.menu_item_id}"
        text = f"mappings.toml maps {line!r} to {each.product}, no active product of establishment {each.establishment}"
        remedy = f"{_likely((each.name or '',), catalogue)} Correct it with `tsrevel map set`, or activate the product."
        yield problem(MAPPINGS, FindingCode.NOT_ON_SALE, text, remedy, subject=entry.name)
    if not bad:
        yield ok(MAPPINGS, f"{len(here)} mapped, all on sale" if here else "none is mapped here", entry.name)


def check_stray_mappings(settings: Settings) -> Iterator[CheckFinding]:
    """Mappings for establishments that no entry has: they never apply."""
    known = {each.revel_establishment for each in settings.locations}
    stray = sorted({each.establishment for each in settings.products} - known)
    if stray:
        text = f"mappings.toml maps products of establishment {', '.join(map(str, stray))}, which no entry has"
        yield warning("mappings", FindingCode.UNUSED_MAPPING, text, "Correct the establishment, or remove them.")


def _check_fallback(entry: CheckedLocation, catalogue: Catalogue) -> CheckFinding:
    product, place = entry.settings.fallback_product, entry.name
    wanted = entry.policy.unmapped_items == "fallback"
    if not product:
        if wanted:
            remedy = "Set fallback_product, else unmapped lines hold their event here."
            text = 'orders.unmapped_items is "fallback", but there is no product for it'
            return warning(FALLBACK, FindingCode.NOT_SET, text, remedy, place)
        return ok(FALLBACK, "none, and none is needed: unmapped lines hold their event", place)
    if product in catalogue.names:
        return ok(FALLBACK, f"{product} is {catalogue.names[ProductId(product)]!r}", place)
    text = f"{entry.told('fallback_product')}: no active product of establishment {catalogue.establishment}"
    return problem(
        FALLBACK, FindingCode.NOT_ON_SALE, text, "Name a product that is on sale there, or 0.", subject=place
    )
