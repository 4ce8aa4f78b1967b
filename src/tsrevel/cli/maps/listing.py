"""`map list`: the mappings there are, and whether their products exist."""

from __future__ import annotations

from collections.abc import Mapping

from tsrevel.cli.maps.speak import encode_mapping, lay_out, say, shown_price, what_is_mapped
from tsrevel.cli.maps.survey import establishment_names, load, needed, open_survey
from tsrevel.cli.world import Manner, World
from tsrevel.config import ProductMapping, Settings
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.suggest import Offer

_HEADINGS = ("Establishment", "Name or menu item", "Product", "Its name", "Price", "State")

Offers = Mapping[EstablishmentId, Mapping[ProductId, Offer]]


def list_mappings(world: World, manner: Manner, *, offline: bool) -> int:
    """Show every mapping; whether its product is on sale is asked of Revel unless `offline`."""
    if offline:
        _tell(world, manner, load(world, manner, offline=True), None)
        return 0
    with open_survey(world, manner) as survey, needed("the products can't be listed"):
        places = sorted({EstablishmentId(each.establishment) for each in survey.settings.products})
        offers = {place: {offer.id: offer for offer in survey.account.products(place)} for place in places}
        _tell(world, manner, survey.settings, offers)
    return 0


def _tell(world: World, manner: Manner, settings: Settings, offers: Offers | None) -> None:
    if manner.json:
        rows = [_encode(each, offers) for each in settings.products]
        path = str(settings.mappings_path) if settings.mappings_path else None
        world.answer({"schema": 1, "success": True, "path": path, "mappings": rows})
    elif not settings.products:
        say(world, f"no mappings yet ({settings.mappings_path}); `tsrevel map suggest` shows what needs one")
    else:
        names = establishment_names(settings)
        say(world, *lay_out([_HEADINGS, *(_row(each, offers, names) for each in settings.products)]))


def _find(mapping: ProductMapping, offers: Offers | None) -> Offer | None:
    here = (offers or {}).get(EstablishmentId(mapping.establishment), {})
    return here.get(ProductId(mapping.product))


def _encode(mapping: ProductMapping, offers: Offers | None) -> dict[str, object]:
    offer = _find(mapping, offers)
    return {
        **encode_mapping(mapping),
        "exists": None if offers is None else offer is not None,
        "product_name": offer.name if offer else None,
        "price": shown_price(offer.price) if offer else None,
    }


def _row(mapping: ProductMapping, offers: Offers | None, names: Mapping[EstablishmentId, str]) -> tuple[str, ...]:
    offer = _find(mapping, offers)
    place = names.get(EstablishmentId(mapping.establishment))
    return (
        f"{mapping.establishment} ({place})" if place else f"{mapping.establishment}",
        what_is_mapped(mapping),
        str(mapping.product),
        offer.name if offer else "",
        (shown_price(offer.price) if offer else None) or "",
        "not asked" if offers is None else "ok" if offer else "no active product",
    )
