"""`map products`: search the products of establishments, to find one for a mapping."""

from __future__ import annotations

import html
import unicodedata

from tsrevel.cli.answers.mapping import MapProductsAnswer, ProductJson
from tsrevel.cli.answers.model import fill
from tsrevel.cli.context import CliContext
from tsrevel.cli.map_data import choose_establishments, establishment_names, needed, open_survey
from tsrevel.cli.output import Row, TextOutput, columns_of, look, report_nothing_checked
from tsrevel.config import Settings
from tsrevel.errors import ConnectorDisabled
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.money import show_grouped
from tsrevel.planning.products import Catalogue, Product, normalise
from tsrevel.text import clean_text, count_of

_COLUMNS = columns_of("Product", "Name:name", "Price:amount", "Establishment:name")

Found = list[tuple[EstablishmentId, Product]]
Place = tuple[int | None, str | None]
"""An establishment or a location, as typed."""


def search_products(
    ctx: CliContext, text: str, establishment: int | None, location: str | None, *, offline: bool
) -> int:
    """List the active products whose names have all words of `text`. Exit status 3 if there is nothing to search.

    It asks Revel. Offline, paused or disabled it searches the copies that runs have stored; they have no prices.
    Raises MappingUnclear.
    """
    words = _simplify(text).split()
    place, why = (establishment, location), ""
    try:
        settings, found = _search_ledger(ctx, place) if offline else _ask_revel(ctx, place)
    except ConnectorDisabled as disabled:
        offline, why = True, str(disabled)
        settings, found = _search_ledger(ctx, place)
    if found is None:
        return report_nothing_checked(ctx, why or "no run has stored a copy of the products yet")
    names = {each: _simplify(each[1].name) for each in found}
    found = [each for each, name in names.items() if all(word in name for word in words)]
    found.sort(key=lambda each: (each[0], names[each], each[1].id))
    if ctx.options.json:
        products = tuple(fill(ProductJson, one, establishment=each) for each, one in found)
        ctx.answer(MapProductsAnswer(source="ledger" if offline else "revel", products=products))
        return 0
    _show(ctx, settings, found, text)
    if offline:
        ctx.log(f"from the ledger's copy, without prices{f': {why}' if why else ''}", "INFO")
    return 0


def _ask_revel(ctx: CliContext, place: Place) -> tuple[Settings, Found]:
    """Raises ConnectorDisabled, ServiceDown, MappingUnclear."""
    with open_survey(ctx) as survey, needed("the products can't be listed"):
        places = map(EstablishmentId, choose_establishments(survey.settings, *place))
        return survey.settings, [(each, one) for each in places for one in survey.services.account.products(each)]


def _search_ledger(ctx: CliContext, place: Place) -> tuple[Settings, Found | None]:
    """None if the ledger has no copy of the products. Raises MappingUnclear."""
    with look(ctx) as (settings, view, _now):
        places = map(EstablishmentId, choose_establishments(settings, *place))
        copies = [view.catalogs.stored(each) for each in places] if view else []
        kept = [each for each in copies if each is not None]
        return settings, [_shown(each, *one) for each in kept for one in each.names.items()] if kept else None


def _shown(catalogue: Catalogue, number: ProductId, name: str) -> tuple[EstablishmentId, Product]:
    return catalogue.establishment, Product(number, clean_text(html.unescape(name)))


def _simplify(text: str) -> str:
    """The text as names are compared, and without accents."""
    apart = unicodedata.normalize("NFKD", normalise(text))
    return "".join(each for each in apart if not unicodedata.combining(each))


def _show(ctx: CliContext, settings: Settings, found: Found, text: str) -> None:
    page, places = TextOutput(ctx, settings), establishment_names(settings)
    rows = []
    for establishment, product in found:
        price = show_grouped(product.price) if product.price is not None else ""
        place = f"{establishment} ({places[establishment]})"
        rows.append(Row((str(product.id), product.name, price, place)))
    if rows:
        page.table(_COLUMNS, rows)
    page.line(f"{count_of(len(rows), 'active product')} with {text!r} in the name")
