"""`map list` shows the mappings and the names that match without one; `map products` searches the products."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import typer

from tsrevel.cli.answers.mapping import (
    CheckedMappingJson,
    MapListAnswer,
    MapListSeenAnswer,
    MapProductsAnswer,
    ProductJson,
    SeenNameJson,
)
from tsrevel.cli.answers.model import fill
from tsrevel.cli.context import CliContext
from tsrevel.cli.map_data import (
    NameReport,
    SeenName,
    choose_establishments,
    establishment_names,
    gather,
    needed,
    open_survey,
)
from tsrevel.cli.output import WARNING, Column, Row, TextOutput, columns_of, report_nothing_checked, what_is_mapped
from tsrevel.config import ProductEntry, Settings
from tsrevel.errors import ConnectorDisabled
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.money import show_grouped
from tsrevel.planning.products import MatchedBy, Product, normalise
from tsrevel.text import count_of

_NAME = ("Establishment:name", "Name or menu item:name")
_COLUMNS = columns_of(*_NAME, "Product", "Its name:name", "Price:amount", "State")
_SEEN_COLUMNS = columns_of(*_NAME, "Match:text", "Product", "Its name:name", "Price:amount", "Seen on")
_SPOKEN = {
    MatchedBy.MENU_ITEM: "mapped by menu item",
    MatchedBy.NAME: "mapped by name",
    MatchedBy.EXACT_NAME: "by exact name",
    MatchedBy.NAME_BEFORE_SEPARATOR: "by the name before the separator",
}

Offers = Mapping[EstablishmentId, Mapping[ProductId, Product]]


def list_mappings(ctx: CliContext, *, offline: bool, seen: bool, days: int) -> int:
    """Show every mapping, and whether its product is active unless `offline`, or runs are paused or disabled.

    With `seen`, show also every name on the events of the next `days` and on menus, and how it is matched now. Raises
    BadParameter for `seen` with `offline`.
    """
    if offline and seen:
        raise typer.BadParameter("--seen calls both services; leave out --offline")
    if not offline:
        try:
            return _list_checked(ctx, days if seen else None)
        except ConnectorDisabled as why:
            if seen:
                return report_nothing_checked(ctx, str(why))
            ctx.log(f"the products weren't checked: {why}", "INFO")
    _tell(ctx, ctx.load_settings(offline=True), None, None)
    return 0


def _list_checked(ctx: CliContext, days: int | None) -> int:
    """Check the products, and show the names seen on the next `days` unless None. Raises ConnectorDisabled."""
    with open_survey(ctx) as survey:
        report = None if days is None else gather(ctx, survey, days)
        with needed("the products can't be listed"):
            offers = dict(report.offers) if report else {}
            mapped = {EstablishmentId(each.establishment) for each in survey.settings.products}
            for place in sorted(mapped - offers.keys()):
                offers[place] = {offer.id: offer for offer in survey.services.account.products(place)}
            _tell(ctx, survey.settings, offers, report)
    return 0


def _tell(ctx: CliContext, settings: Settings, offers: Offers | None, report: NameReport | None) -> None:
    if ctx.options.json:
        path = str(settings.mappings_path) if settings.mappings_path else None
        answer = MapListAnswer(path=path, mappings=tuple(_answer(each, offers) for each in settings.products))
        if report:
            seen = tuple(_answer_seen(each, report.offers) for each in (*report.sold, *report.wanted))
            answer = fill(MapListSeenAnswer, answer, seen=seen, **report.describe())
        ctx.answer(answer)
        return
    page, places = TextOutput(ctx, settings), establishment_names(settings)
    if settings.products:
        _show_table(page, _COLUMNS, [_row(each, offers, places) for each in settings.products])
    else:
        page.line(f"no mappings yet ({settings.mappings_path}); `tsrevel map suggest` shows what needs one")
    if report:
        page.line()
        _show_seen(page, report, places)


def _offer(offers: Offers | None, establishment: int, product: int | None) -> Product | None:
    here = (offers or {}).get(EstablishmentId(establishment), {})
    return None if product is None else here.get(ProductId(product))


def _price(offer: Product | None) -> str:
    return show_grouped(offer.price) if offer and offer.price is not None else ""


def _place(establishment: int, places: Mapping[EstablishmentId, str]) -> str:
    name = places.get(EstablishmentId(establishment))
    return f"{establishment} ({name})" if name else f"{establishment}"


def _answer(mapping: ProductEntry, offers: Offers | None) -> CheckedMappingJson:
    offer = _offer(offers, mapping.establishment, mapping.product)
    exists = None if offers is None else offer is not None
    name, price = (offer.name, offer.price) if offer else (None, None)
    return fill(CheckedMappingJson, mapping, exists=exists, product_name=name, price=price)


def _show_table(page: TextOutput, columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print rows that begin with the establishment. On a terminal it is a heading instead, to leave room for names."""
    if not page.is_terminal:
        page.table(columns, rows, indent=0)
        return
    shown: list[Row | str] = []
    for place, group in groupby(sorted(rows, key=lambda row: row.cells[0]), lambda row: row.cells[0]):
        shown += [place, *(replace(row, cells=row.cells[1:]) for row in group)]
    page.table(columns[1:], shown)


def _row(mapping: ProductEntry, offers: Offers | None, places: Mapping[EstablishmentId, str]) -> Row:
    offer = _offer(offers, mapping.establishment, mapping.product)
    name = offer.name if offer else ""
    state = "not checked" if offers is None else "ok" if offer else "not active"
    place, product = _place(mapping.establishment, places), str(mapping.product)
    style = "" if offer or offers is None else WARNING
    return Row((place, what_is_mapped(mapping), product, name, _price(offer), state), style)


def _show_seen(page: TextOutput, report: NameReport, places: Mapping[EstablishmentId, str]) -> None:
    names = [*report.sold, *report.wanted]
    if names:
        _show_table(page, _SEEN_COLUMNS, [_seen_row(each, report.offers, places) for each in names])
    counts = [f"{sum(each.way is way for each in report.sold)} {said}" for way, said in _SPOKEN.items()]
    menus = "" if report.menus_unread else " or menus"
    on = f"on events from {report.span.first} to {report.span.last}{menus}"
    page.line(f"{count_of(len(names), 'name')} {on}: {', '.join(counts)}, {len(report.wanted)} without a product")


def _seen_row(seen: SeenName, offers: Offers, places: Mapping[EstablishmentId, str]) -> Row:
    offer = _offer(offers, seen.establishment, seen.product)
    on = [count_of(len(found), noun) for found, noun in ((seen.events, "event"), (seen.menus, "menu")) if found]
    cells = (
        _place(seen.establishment, places),
        f"{seen.name} (menu item {seen.menu_item_id})" if seen.menu_item_id else seen.name,
        _SPOKEN[seen.way] if seen.way else f"none: {seen.why}",
        str(seen.product) if seen.product is not None else "",
        offer.name if offer else "",
        _price(offer),
        ", ".join(on),
    )
    return Row(cells, "" if seen.way else WARNING)


def _answer_seen(seen: SeenName, offers: Offers) -> SeenNameJson:
    offer = _offer(offers, seen.establishment, seen.product)
    name, price = (offer.name, offer.price) if offer else (None, None)
    return fill(SeenNameJson, seen, product_name=name, price=price, **seen.describe())


# Products

_PRODUCT_COLUMNS = columns_of("Product", "Name:name", "Price:amount", "Establishment:name")

Found = list[tuple[EstablishmentId, Product]]


def search_products(ctx: CliContext, text: str, establishment: int | None, location: str | None) -> int:
    """List the active products whose names have all words of `text`. Raises MappingUnclear, ServiceDown."""
    words = _simplify(text).split()
    try:
        with open_survey(ctx) as survey, needed("the products can't be listed"):
            settings = survey.settings
            places = map(EstablishmentId, choose_establishments(settings, establishment, location))
            found = [(each, one) for each in places for one in survey.services.account.products(each)]
    except ConnectorDisabled as why:
        return report_nothing_checked(ctx, str(why))
    names = {each: _simplify(each[1].name) for each in found}
    found = [each for each, name in names.items() if all(word in name for word in words)]
    found.sort(key=lambda each: (each[0], names[each], each[1].id))
    if ctx.options.json:
        products = tuple(fill(ProductJson, one, establishment=each) for each, one in found)
        ctx.answer(MapProductsAnswer(products=products))
    else:
        _show_products(ctx, settings, found, text)
    return 0


def _simplify(text: str) -> str:
    """The text as names are compared, and without accents."""
    apart = unicodedata.normalize("NFKD", normalise(text))
    return "".join(each for each in apart if not unicodedata.combining(each))


def _show_products(ctx: CliContext, settings: Settings, found: Found, text: str) -> None:
    page, places = TextOutput(ctx, settings), establishment_names(settings)
    rows = []
    for establishment, product in found:
        price = show_grouped(product.price) if product.price is not None else ""
        place = f"{establishment} ({places[establishment]})"
        rows.append(Row((str(product.id), product.name, price, place)))
    if rows:
        page.table(_PRODUCT_COLUMNS, rows)
    page.line(f"{count_of(len(rows), 'active product')} with {text!r} in the name")
