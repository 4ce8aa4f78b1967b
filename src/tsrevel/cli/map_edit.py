"""`map set` and `map unset`: write or remove one mapping in mappings.toml."""

from __future__ import annotations

from dataclasses import dataclass

from tsrevel.cli.answers.mapping import MappingJson, MapSetAnswer, MapUnsetAnswer, ProductJson
from tsrevel.cli.answers.model import fill
from tsrevel.cli.context import CliContext
from tsrevel.cli.map_data import choose_establishments, establishment_names, mappings_path, needed, open_survey
from tsrevel.cli.output import what_is_mapped
from tsrevel.config import ProductEntry, Settings
from tsrevel.config.mappings import MappingKey, load_mappings, set_mapping, unset_mapping
from tsrevel.engine.outcomes import NEEDS_ATTENTION
from tsrevel.errors import ConnectorDisabled, MappingUnclear
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.products import Product
from tsrevel.revel.account import Account


@dataclass(frozen=True, slots=True)
class MappingTarget:
    """The typed name (or item's id, if `menu_item`), and where it applies: an establishment, a location, or neither."""

    text: str
    menu_item: bool = False
    establishment: int | None = None
    location: str | None = None

    def at(self, establishment: int) -> MappingKey:
        if self.menu_item:
            return MappingKey(establishment, menu_item_id=int(self.text))
        return MappingKey(establishment, name=" ".join(self.text.split()))


def set_product(ctx: CliContext, target: MappingTarget, product: int, *, offline: bool) -> int:
    """Map the target to the product, which must be active there unless `offline`. Raises MappingUnclear."""
    offer: Product | None = None
    try:
        if offline:
            settings = ctx.load_settings(offline=True)
            place = _only(choose_establishments(settings, target.establishment, target.location), settings)
        else:
            with open_survey(ctx) as survey, needed("the product can't be looked up"):
                settings = survey.settings
                place, offer = _find_product(survey.services.account, settings, target, ProductId(product))
    except ConnectorDisabled as why:
        text = f"the product can't be looked up: {why}; nothing was written; add --offline to write it unchecked"
        return ctx.fail(text, NEEDS_ATTENTION)
    key, path = target.at(place), mappings_path(settings)
    before = set_mapping(path, key, product, like=settings.config_path, sandbox=settings.is_sandbox)
    mapping = ProductEntry(
        establishment=key.establishment, name=key.name, menu_item_id=key.menu_item_id, product=product
    )
    if ctx.options.json:
        answer = MapSetAnswer(
            path=str(path),
            mapping=fill(MappingJson, mapping),
            replaced=tuple(fill(MappingJson, each) for each in before),
            checked=offer is not None,
            product=fill(ProductJson, offer, establishment=key.establishment) if offer else None,
        )
        ctx.answer(answer)
    else:
        called = f" {offer.name}" if offer else " (unchecked)"
        was = f" (it was {before[0].product})" if before and before[0].product != product else ""
        ctx.say(f"{_describe(mapping, settings)} is now {product}{called}{was}, in {path}")
    return 0


def unset_product(ctx: CliContext, target: MappingTarget) -> int:
    """Remove the target's mapping. It calls no service. Raises MappingUnclear."""
    settings = ctx.load_settings(offline=True)
    path = mappings_path(settings)
    asked: list[int] | None = None
    if target.establishment is not None:
        asked = [target.establishment]  # also one that no location has any more
    elif target.location:
        asked = choose_establishments(settings, target.establishment, target.location)
    mapped = [each.establishment for each in load_mappings(path) if target.at(each.establishment).fits(each)]
    places = [each for each in dict.fromkeys(mapped) if asked is None or each in asked]
    if not places:
        raise MappingUnclear(f"no mapping is for {target.text!r} there; `tsrevel map list` shows the mappings")
    gone = unset_mapping(path, target.at(_only(places, settings)))
    if ctx.options.json:
        ctx.answer(MapUnsetAnswer(path=str(path), removed=tuple(fill(MappingJson, each) for each in gone)))
    else:
        for each in gone:
            ctx.say(f"{_describe(each, settings)} is no longer mapped, in {path}")
    return 0


def _only(places: list[int], settings: Settings) -> int:
    if len(places) == 1:
        return places[0]
    known = establishment_names(settings)
    listed = ", ".join(f"{each} ({known.get(EstablishmentId(each), 'no location')})" for each in places) or "none"
    raise MappingUnclear(f"several establishments fit; add --establishment with one of: {listed}")


def _find_product(
    account: Account, settings: Settings, target: MappingTarget, product: ProductId
) -> tuple[int, Product]:
    """The product and its establishment: a product has only one, so the place may be left out (facts Revel 5.6)."""
    places = choose_establishments(settings, target.establishment, target.location)
    for place in places:
        offer = account.product(EstablishmentId(place), product)
        if offer:
            return place, offer
    where = " or ".join(map(str, places)) or "(any in the settings)"
    remedy = "look up its id in Revel, or add --offline to write it unchecked"
    raise MappingUnclear(f"establishment {where} has no active product {product}; nothing was written; {remedy}")


def _describe(mapping: ProductEntry, settings: Settings) -> str:
    place = establishment_names(settings).get(EstablishmentId(mapping.establishment))
    where = f"establishment {mapping.establishment}" + (f" ({place})" if place else "")
    return f"{what_is_mapped(mapping)!r} at {where}"
