"""`map list`: the mappings there are, whether their products exist, and what is matched without any."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from tsrevel.cli.answers.mapping import CheckedMappingJson, MapListAnswer, MapListSeenAnswer, SeenNameJson
from tsrevel.cli.answers.model import fill
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.map_data import NameReport, SeenName, establishment_names, gather, needed, open_survey
from tsrevel.cli.output import (
    count_names,
    lay_out,
    report_nothing_checked,
    say,
    what_is_mapped,
)
from tsrevel.config import ProductEntry, Settings, load_settings
from tsrevel.errors import ConnectorDisabled
from tsrevel.planning.coverage import MatchedBy
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.money import show
from tsrevel.planning.products import RevelProduct

_HEADINGS = ("Establishment", "Name or menu item", "Product", "Its name", "Price", "State")
_SEEN_HEADINGS = ("Establishment", "Name or menu item", "Match", "Product", "Its name", "Price", "Seen on")
_SPOKEN = {
    MatchedBy.MENU_ITEM: "mapped by menu item",
    MatchedBy.NAME: "mapped by name",
    MatchedBy.EXACT_NAME: "by exact name",
    MatchedBy.NAME_BEFORE_SEPARATOR: "by the name before the separator",
}

Offers = Mapping[EstablishmentId, Mapping[ProductId, RevelProduct]]


def list_mappings(ctx: CliContext, flags: OutputOptions, *, offline: bool, seen: bool, days: int) -> int:
    """Show every mapping; whether its product is on sale is asked of Revel unless `offline`, or switched off.

    With `seen` also every name on the events of so many days and on menus, with how it is matched now. Raises
    BadParameter where that is asked for offline.
    """
    if offline and seen:
        raise typer.BadParameter("--seen asks both services; leave out --offline")
    if not offline:
        try:
            return _list_checked(ctx, flags, days if seen else None)
        except ConnectorDisabled as why:
            if seen:
                return report_nothing_checked(ctx, flags, str(why))
            print(f"tsrevel: whether the products exist wasn't asked: {why}", file=ctx.stderr)
    _tell(ctx, flags, load_settings(config=flags.config, environ=ctx.environ, offline=True), None, None)
    return 0


def _list_checked(ctx: CliContext, flags: OutputOptions, days: int | None) -> int:
    """With what was seen on so many days, or (None) without. Raises ConnectorDisabled."""
    with open_survey(ctx, flags) as survey:
        report = None if days is None else gather(ctx, flags, survey, days)
        with needed("the products can't be listed"):
            offers = dict(report.offers) if report else {}
            mapped = {EstablishmentId(each.establishment) for each in survey.settings.products}
            for place in sorted(mapped - offers.keys()):
                offers[place] = {offer.id: offer for offer in survey.services.account.products(place)}
            _tell(ctx, flags, survey.settings, offers, report)
    return 0


def _tell(
    ctx: CliContext, flags: OutputOptions, settings: Settings, offers: Offers | None, report: NameReport | None
) -> None:
    if flags.json:
        path = str(settings.mappings_path) if settings.mappings_path else None
        answer = MapListAnswer(path=path, mappings=tuple(_answer(each, offers) for each in settings.products))
        if report:
            seen = tuple(_answer_seen(each, report.offers) for each in (*report.sold, *report.wanted))
            answer = fill(MapListSeenAnswer, answer, seen=seen, **report.describe())
        ctx.answer(answer)
        return
    places = establishment_names(settings)
    if settings.products:
        say(ctx, *lay_out([_HEADINGS, *(_row(each, offers, places) for each in settings.products)]))
    else:
        say(ctx, f"no mappings yet ({settings.mappings_path}); `tsrevel map suggest` shows what needs one")
    if report:
        say(ctx, "")
        _show_seen(ctx, report, places)


def _offer(offers: Offers | None, establishment: int, product: int | None) -> RevelProduct | None:
    here = (offers or {}).get(EstablishmentId(establishment), {})
    return None if product is None else here.get(ProductId(product))


def _price(offer: RevelProduct | None) -> str | None:
    return show(offer.price) if offer and offer.price is not None else None


def _place(establishment: int, places: Mapping[EstablishmentId, str]) -> str:
    name = places.get(EstablishmentId(establishment))
    return f"{establishment} ({name})" if name else f"{establishment}"


def _answer(mapping: ProductEntry, offers: Offers | None) -> CheckedMappingJson:
    offer = _offer(offers, mapping.establishment, mapping.product)
    exists = None if offers is None else offer is not None
    name, price = (offer.name, offer.price) if offer else (None, None)
    return fill(CheckedMappingJson, mapping, exists=exists, product_name=name, price=price)


def _row(mapping: ProductEntry, offers: Offers | None, places: Mapping[EstablishmentId, str]) -> tuple[str, ...]:
    offer = _offer(offers, mapping.establishment, mapping.product)
    return (
        _place(mapping.establishment, places),
        what_is_mapped(mapping),
        str(mapping.product),
        offer.name if offer else "",
        _price(offer) or "",
        "not asked" if offers is None else "ok" if offer else "no active product",
    )


def _show_seen(ctx: CliContext, report: NameReport, places: Mapping[EstablishmentId, str]) -> None:
    names = [*report.sold, *report.wanted]
    if names:
        say(ctx, *lay_out([_SEEN_HEADINGS, *(_seen_row(each, report.offers, places) for each in names)]))
    counts = [f"{sum(each.way is way for each in report.sold)} {said}" for way, said in _SPOKEN.items()]
    menus = "" if report.menus_unread else " or menus"
    on = f"on events from {report.span.first} to {report.span.last}{menus}"
    say(ctx, f"{count_names(len(names))} {on}: {', '.join(counts)}, {len(report.wanted)} without a product")


def _seen_row(seen: SeenName, offers: Offers, places: Mapping[EstablishmentId, str]) -> tuple[str, ...]:
    offer = _offer(offers, seen.establishment, seen.product)
    events, menus = len(seen.events), len(seen.menus)
    on = [f"{events} event{'s' * (events != 1)}"] * bool(events) + [f"{menus} menu{'s' * (menus != 1)}"] * bool(menus)
    return (
        _place(seen.establishment, places),
        f"{seen.name} (menu item {seen.menu_item_id})" if seen.menu_item_id else seen.name,
        _SPOKEN[seen.way] if seen.way else f"none: {seen.why}",
        str(seen.product) if seen.product is not None else "",
        offer.name if offer else "",
        _price(offer) or "",
        ", ".join(on),
    )


def _answer_seen(seen: SeenName, offers: Offers) -> SeenNameJson:
    offer = _offer(offers, seen.establishment, seen.product)
    name, price = (offer.name, offer.price) if offer else (None, None)
    return fill(SeenNameJson, seen, product_name=name, price=price, **seen.describe())
