"""`map list`: the mappings there are, whether their products exist, and what is matched without any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.map_data import (
    DayRange,
    MappedName,
    NameReport,
    Survey,
    UnmappedName,
    establishment_names,
    gather,
    load,
    needed,
    open_survey,
    tell_what_is_left_out,
    unless_switched_off,
)
from tsrevel.cli.output import count_names, encode_mapping, lay_out, say, show_progress, shown_price, what_is_mapped
from tsrevel.config import ProductEntry, Settings
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


@dataclass(frozen=True, slots=True)
class _NamesInUse:
    """What was seen on the events of `span` and on menus."""

    span: DayRange
    found: NameReport

    @property
    def rows(self) -> list[MappedName | UnmappedName]:
        """Every name, those with a product first."""
        return [*self.found.sold, *self.found.wanted]


def list_mappings(ctx: CliContext, flags: OutputOptions, *, offline: bool, seen: bool = False, days: int = 30) -> int:
    """Show every mapping; whether its product is on sale is asked of Revel unless `offline`, or switched off.

    With `seen` also every name on the events of so many days and on menus, with how it is matched now. Raises
    BadParameter where that is asked for offline.
    """
    if offline and seen:
        raise typer.BadParameter("--seen asks both services; leave out --offline")
    if seen:
        return _list_seen(ctx, flags, days)
    if not offline:
        try:
            return _list_checked(ctx, flags, None)
        except ConnectorDisabled as why:
            print(f"tsrevel: whether the products exist wasn't asked: {why}", file=ctx.stderr)
    _tell(ctx, flags, load(ctx, flags, offline=True), None, None)
    return 0


@unless_switched_off
def _list_seen(ctx: CliContext, flags: OutputOptions, days: int) -> int:
    return _list_checked(ctx, flags, days)


def _list_checked(ctx: CliContext, flags: OutputOptions, days: int | None) -> int:
    """With what was seen on so many days, or (None) without. Raises SwitchedOff."""
    with open_survey(ctx, flags) as survey:
        looked = None if days is None else _look_around(ctx, flags, survey, days)
        with needed("the products can't be listed"):
            _tell(ctx, flags, survey.settings, _read_offers(survey, looked), looked)
    return 0


def _look_around(ctx: CliContext, flags: OutputOptions, survey: Survey, days: int) -> _NamesInUse:
    span = survey.span(days)
    with show_progress(ctx, flags) as progress:
        found = gather(survey, span, progress)
    tell_what_is_left_out(ctx, found)
    return _NamesInUse(span, found)


def _read_offers(survey: Survey, looked: _NamesInUse | None) -> Offers:
    known = looked.found.offers if looked else {}
    places = {EstablishmentId(each.establishment) for each in survey.settings.products} - known.keys()
    return known | {place: {offer.id: offer for offer in survey.account.products(place)} for place in sorted(places)}


def _tell(
    ctx: CliContext, flags: OutputOptions, settings: Settings, offers: Offers | None, looked: _NamesInUse | None
) -> None:
    if flags.json:
        rows = [_encode(each, offers) for each in settings.products]
        path = str(settings.mappings_path) if settings.mappings_path else None
        answer = {"schema": 1, "success": True, "path": path, "mappings": rows}
        ctx.answer(answer | (_encode_seen(looked) if looked else {}))
        return
    _show_mappings(ctx, settings, offers)
    if looked:
        say(ctx, "")
        _show_seen(ctx, settings, looked)


def _show_mappings(ctx: CliContext, settings: Settings, offers: Offers | None) -> None:
    if not settings.products:
        say(ctx, f"no mappings yet ({settings.mappings_path}); `tsrevel map suggest` shows what needs one")
    else:
        names = establishment_names(settings)
        say(ctx, *lay_out([_HEADINGS, *(_row(each, offers, names) for each in settings.products)]))


def _find(mapping: ProductEntry, offers: Offers | None) -> RevelProduct | None:
    here = (offers or {}).get(EstablishmentId(mapping.establishment), {})
    return here.get(ProductId(mapping.product))


def _encode(mapping: ProductEntry, offers: Offers | None) -> dict[str, object]:
    offer = _find(mapping, offers)
    return {
        **encode_mapping(mapping),
        "exists": None if offers is None else offer is not None,
        "product_name": offer.name if offer else None,
        "price": shown_price(offer.price) if offer else None,
    }


def _row(mapping: ProductEntry, offers: Offers | None, names: Mapping[EstablishmentId, str]) -> tuple[str, ...]:
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


def _show_seen(ctx: CliContext, settings: Settings, looked: _NamesInUse) -> None:
    names, rows = establishment_names(settings), looked.rows
    if rows:
        say(ctx, *lay_out([_SEEN_HEADINGS, *(_seen_row(each, looked.found.offers, names) for each in rows)]))
    counts = [f"{sum(each.way is way for each in looked.found.sold)} {said}" for way, said in _SPOKEN.items()]
    on = f"on events from {looked.span.first} to {looked.span.last}" + (
        "" if looked.found.menus_unread else " or menus"
    )
    say(ctx, f"{count_names(len(rows))} {on}: {', '.join(counts)}, {len(looked.found.wanted)} without a product")


def _seen_row(seen: MappedName | UnmappedName, offers: Offers, names: Mapping[EstablishmentId, str]) -> tuple[str, ...]:
    place, offer = names.get(seen.establishment), _offer_of(seen, offers)
    item = f"{seen.name} (menu item {seen.menu_item_id})" if seen.menu_item_id else seen.name
    events, menus = len(seen.events), len(seen.menus)
    on = [f"{events} event{'s' * (events != 1)}"] * bool(events) + [f"{menus} menu{'s' * (menus != 1)}"] * bool(menus)
    return (
        f"{seen.establishment} ({place})" if place else f"{seen.establishment}",
        item,
        _SPOKEN[seen.way] if isinstance(seen, MappedName) else f"none: {seen.why}",
        str(seen.product) if isinstance(seen, MappedName) else "",
        offer.name if offer else "",
        (shown_price(offer.price) if offer else None) or "",
        ", ".join(on),
    )


def _offer_of(seen: MappedName | UnmappedName, offers: Offers) -> RevelProduct | None:
    return offers[seen.establishment].get(seen.product) if isinstance(seen, MappedName) else None


def _encode_seen(looked: _NamesInUse) -> dict[str, object]:
    found = looked.found
    return {
        "days": looked.span.days,
        "from": looked.span.first.isoformat(),
        "to": looked.span.last.isoformat(),
        "menus_error": found.menus_unread,
        "events_left_out": [{"event": event, "error": why} for event, why in found.unread.items()],
        "seen": [_encode_one(each, found.offers) for each in looked.rows],
    }


def _encode_one(seen: MappedName | UnmappedName, offers: Offers) -> dict[str, object]:
    offer = _offer_of(seen, offers)
    return {
        "establishment": str(seen.establishment),
        "name": seen.name,
        "menu_item_id": seen.menu_item_id,
        "matched_by": seen.way if isinstance(seen, MappedName) else None,
        "why": seen.why if isinstance(seen, UnmappedName) else None,
        "product": str(seen.product) if isinstance(seen, MappedName) else None,
        "product_name": offer.name if offer else None,
        "price": shown_price(offer.price) if offer else None,
        "events": list(seen.events),
        "menus": list(seen.menus),
        "prices": [show(price) for price in seen.prices],
    }
