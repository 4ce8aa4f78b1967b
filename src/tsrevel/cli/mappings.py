"""`map list`, `map products`, `map suggest`, `map set` and `map unset`: names of TripleSeat and products of Revel."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import typer

from tsrevel.cli.answers.mapping import (
    CandidateJson,
    CheckedMappingJson,
    MapListAnswer,
    MapListSeenAnswer,
    MappingJson,
    MapProductsAnswer,
    MapSetAnswer,
    MapSuggestAnswer,
    MapUnsetAnswer,
    NameJson,
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
    mappings_path,
    needed,
    open_survey,
)
from tsrevel.cli.output import WARNING, Column, Row, TextOutput, columns_of, report_nothing_checked
from tsrevel.cli.prompts import Terminal, may_ask
from tsrevel.config import ProductEntry, Settings
from tsrevel.config.mappings import MappingKey, load_mappings, set_mapping, unset_mapping
from tsrevel.engine.outcomes import NEEDS_ATTENTION
from tsrevel.errors import ConnectorDisabled, MappingUnclear
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.money import show_grouped
from tsrevel.planning.products import MatchedBy, Product, normalise
from tsrevel.revel.account import Account
from tsrevel.text import count_of

_NAMED = ("Establishment:name", "Name or menu item:name")
_MAPPING_COLUMNS = columns_of(*_NAMED, "Product", "Its name:name", "Price:amount", "State")
_SEEN_COLUMNS = columns_of(*_NAMED, "Match:text", "Product", "Its name:name", "Price:amount", "Seen on")
_MATCHED = {
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
    _tell_mappings(ctx, ctx.load_settings(offline=True), None, None)
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
            _tell_mappings(ctx, survey.settings, offers, report)
    return 0


def _tell_mappings(ctx: CliContext, settings: Settings, offers: Offers | None, report: NameReport | None) -> None:
    if ctx.options.json:
        path = str(settings.mappings_path) if settings.mappings_path else None
        answer = MapListAnswer(path=path, mappings=tuple(_answer_mapping(each, offers) for each in settings.products))
        if report:
            seen = tuple(_answer_seen(each, report.offers) for each in (*report.sold, *report.wanted))
            answer = fill(MapListSeenAnswer, answer, seen=seen, **report.describe())
        ctx.answer(answer)
        return
    page, places = TextOutput(ctx, settings), establishment_names(settings)
    if settings.products:
        _show_table(page, _MAPPING_COLUMNS, [_mapping_row(each, offers, places) for each in settings.products])
    else:
        page.line(f"no mappings yet ({settings.mappings_path}); `tsrevel map suggest` shows what needs one")
    if report:
        page.line()
        _show_seen(page, report, places)


def _find_offer(offers: Offers | None, establishment: int, product: int | None) -> Product | None:
    here = (offers or {}).get(EstablishmentId(establishment), {})
    return None if product is None else here.get(ProductId(product))


def _price(offer: Product | None) -> str:
    return show_grouped(offer.price) if offer and offer.price is not None else ""


def _place(establishment: int, places: Mapping[EstablishmentId, str]) -> str:
    name = places.get(EstablishmentId(establishment))
    return f"{establishment} ({name})" if name else f"{establishment}"


def _what_is_mapped(mapping: ProductEntry) -> str:
    return mapping.name or f"menu item {mapping.menu_item_id}"


def _answer_mapping(mapping: ProductEntry, offers: Offers | None) -> CheckedMappingJson:
    offer = _find_offer(offers, mapping.establishment, mapping.product)
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


def _mapping_row(mapping: ProductEntry, offers: Offers | None, places: Mapping[EstablishmentId, str]) -> Row:
    offer = _find_offer(offers, mapping.establishment, mapping.product)
    name = offer.name if offer else ""
    state = "not checked" if offers is None else "ok" if offer else "not active"
    place, product = _place(mapping.establishment, places), str(mapping.product)
    style = "" if offer or offers is None else WARNING
    return Row((place, _what_is_mapped(mapping), product, name, _price(offer), state), style)


def _show_seen(page: TextOutput, report: NameReport, places: Mapping[EstablishmentId, str]) -> None:
    names = [*report.sold, *report.wanted]
    if names:
        _show_table(page, _SEEN_COLUMNS, [_seen_row(each, report.offers, places) for each in names])
    counts = [f"{sum(each.way is way for each in report.sold)} {said}" for way, said in _MATCHED.items()]
    menus = "" if report.menus_unread else " or menus"
    on = f"on events from {report.span.first} to {report.span.last}{menus}"
    page.line(f"{count_of(len(names), 'name')} {on}: {', '.join(counts)}, {len(report.wanted)} without a product")


def _seen_row(seen: SeenName, offers: Offers, places: Mapping[EstablishmentId, str]) -> Row:
    offer = _find_offer(offers, seen.establishment, seen.product)
    on = [count_of(len(found), noun) for found, noun in ((seen.events, "event"), (seen.menus, "menu")) if found]
    cells = (
        _place(seen.establishment, places),
        f"{seen.name} (menu item {seen.menu_item_id})" if seen.menu_item_id else seen.name,
        _MATCHED[seen.way] if seen.way else f"none: {seen.why}",
        str(seen.product) if seen.product is not None else "",
        offer.name if offer else "",
        _price(offer),
        ", ".join(on),
    )
    return Row(cells, "" if seen.way else WARNING)


def _answer_seen(seen: SeenName, offers: Offers) -> SeenNameJson:
    offer = _find_offer(offers, seen.establishment, seen.product)
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
        place = _place(establishment, places)
        rows.append(Row((str(product.id), product.name, _price(product), place)))
    if rows:
        page.table(_PRODUCT_COLUMNS, rows)
    page.line(f"{count_of(len(rows), 'active product')} with {text!r} in the name")


# The names without a product, as a list or as questions

_EVENTS_LISTED = 3
"""Up to this many events of a name are listed; --json lists all."""


def suggest(ctx: CliContext, days: int, only: Sequence[str] = (), *, interactive: bool = False) -> int:
    """Show the names without a product; if `interactive`, ask about each, or raise BadParameter without a terminal."""
    if interactive and not may_ask(ctx):
        text = "--interactive needs a terminal, and goes with neither --json nor -q; leave it out to list all names"
        raise typer.BadParameter(text)
    try:
        with open_survey(ctx, only) as survey:
            found = gather(ctx, survey, days)
            if interactive:
                walk_through(ctx, survey.settings, found)
            elif ctx.options.json:
                ctx.answer(
                    fill(MapSuggestAnswer, None, unmapped=tuple(map(_answer_name, found.wanted)), **found.describe())
                )
            else:
                _show_names(TextOutput(ctx, survey.settings), found, establishment_names(survey.settings))
    except ConnectorDisabled as why:
        return report_nothing_checked(ctx, str(why))
    return 0


def _show_names(page: TextOutput, found: NameReport, places: Mapping[EstablishmentId, str]) -> None:
    for wanted in found.wanted:
        product = wanted.candidates[0].offer.id if wanted.candidates else "PRODUCT"
        name = wanted.menu_item_id or shlex.quote(wanted.name)
        options = ["--menu-item"] * bool(wanted.menu_item_id) + ["--"] * name.startswith(("-", "'-"))
        place = f"--establishment {wanted.establishment}"
        page.line(_describe_name(wanted, places, named=page.is_terminal))
        _show_candidates(page, wanted)
        page.command(["tsrevel map set", place, *options, name, str(product)], indent=6)
        page.line()
    days = f"on events from {found.span.first} to {found.span.last}" + ("" if found.menus_unread else " or on menus")
    page.line(f"{count_of(len(found.wanted), 'name')} without a product {days}")


def _describe_name(wanted: SeenName, places: Mapping[EstablishmentId, str], *, named: bool) -> str:
    """A name, its establishment, and where it was seen; `named`: with the names of the events."""
    item = f", menu item {wanted.menu_item_id}" if wanted.menu_item_id else ""
    place = places.get(wanted.establishment)
    where = f"establishment {wanted.establishment}" + (f", {place}" if place else "")
    events = [f"{event} {name}".rstrip() if named else event for event, name in wanted.events.items()]
    listed = ", ".join(events[:_EVENTS_LISTED]) + (", …" if len(events) > _EVENTS_LISTED else "")
    seen = [f"{count_of(len(events), 'event')}: {listed}"] if events else []
    seen += [f"on {', '.join(wanted.menus)}"] if wanted.menus else []
    seen += [f"at {', '.join(map(show_grouped, wanted.prices))}"] if wanted.prices else []
    return f"{wanted.name}{item} ({where}; {'; '.join(seen)}): {wanted.why}"


_CANDIDATE_COLUMNS = columns_of(":amount", "score:amount", "product", "name:name", "price:amount", "why:text")


def _show_candidates(page: TextOutput, wanted: SeenName) -> None:
    """The candidates, numbered from 1."""
    if not wanted.candidates:
        page.line("no product is similar; look up the product's id in Revel", indent=4)
        return
    rows = []
    for number, each in enumerate(wanted.candidates, 1):
        offer, score = each.offer, f"{each.score / 100:.2f}"
        rows.append(Row((f"{number}", score, str(offer.id), offer.name, _price(offer), ", ".join(each.why))))
    page.table(_CANDIDATE_COLUMNS, rows, indent=4, bare=True)


def _answer_name(wanted: SeenName) -> NameJson:
    candidates = tuple(
        fill(CandidateJson, each.offer, establishment=wanted.establishment, score=each.score / 100, why=each.why)
        for each in wanted.candidates
    )
    return fill(NameJson, wanted, candidates=candidates, **wanted.describe())


def walk_through(ctx: CliContext, settings: Settings, found: NameReport) -> None:
    """Ask about each name, write each choice, and report on stdout how many were mapped. The input's end quits."""
    terminal, page, path = Terminal(ctx), TextOutput(ctx, settings, stream=ctx.stderr), mappings_path(settings)
    places = establishment_names(settings)
    mapped = 0
    for number, wanted in enumerate(found.wanted, 1):
        page.line()
        page.line(f"{number} of {len(found.wanted)}: {_describe_name(wanted, places, named=True)}")
        _show_candidates(page, wanted)
        choice = _ask_product(terminal, wanted, found.offers[wanted.establishment])
        if choice == "quit":
            break
        if isinstance(choice, Product):
            item = int(wanted.menu_item_id) if wanted.menu_item_id else None
            key = MappingKey(wanted.establishment, None if item else wanted.name, item)
            set_mapping(path, key, choice.id, like=settings.config_path, sandbox=settings.is_sandbox)
            terminal.say(f"  {wanted.name} is now {choice.id} {choice.name}")
            mapped += 1
    left = len(found.wanted) - mapped
    ctx.say(f"{count_of(mapped, 'name')} mapped, {left} still without a product\n({path})")


def _ask_product(terminal: Terminal, wanted: SeenName, offers: Mapping[ProductId, Product]) -> Product | str:
    """The product chosen, "skip" or "quit"."""

    def check(answer: str) -> str:
        return "" if _read_choice(answer, wanted, offers) else f"{answer!r} is neither a choice nor an active product."

    most = len(wanted.candidates)
    choices = ("1, " if most == 1 else f"1 to {most}, ") if most else ""
    try:
        answer = terminal.ask(f"  {choices}a product's id, s to skip, q to quit", "s", check)
    except typer.BadParameter:  # the input ended
        terminal.say()
        return "quit"
    return _read_choice(answer, wanted, offers) or "skip"


def _read_choice(answer: str, wanted: SeenName, offers: Mapping[ProductId, Product]) -> Product | str | None:
    """The meaning of an answer, or None. "=3" is product 3; "3" is the third candidate, if there is one."""
    word = answer.strip().lower()
    if word in {"s", "skip"}:
        return "skip"
    if word in {"q", "quit"}:
        return "quit"
    digits = word.removeprefix("=")
    if not (digits.isascii() and digits.isdigit()):
        return None
    if word == digits and 1 <= int(digits) <= len(wanted.candidates):
        return wanted.candidates[int(digits) - 1].offer
    return offers.get(ProductId(int(digits)))


# Writing and removing one mapping


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
            place = _only_place(choose_establishments(settings, target.establishment, target.location), settings)
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
        ctx.say(f"{_describe_mapping(mapping, settings)} is now {product}{called}{was}, in {path}")
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
    gone = unset_mapping(path, target.at(_only_place(places, settings)))
    if ctx.options.json:
        ctx.answer(MapUnsetAnswer(path=str(path), removed=tuple(fill(MappingJson, each) for each in gone)))
    else:
        for each in gone:
            ctx.say(f"{_describe_mapping(each, settings)} is no longer mapped, in {path}")
    return 0


def _only_place(places: list[int], settings: Settings) -> int:
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
    where = f"establishment {' or '.join(map(str, places))}" if places else "any establishment in the settings"
    remedy = "find its id with `tsrevel map products TEXT`, or add --offline to write it unchecked"
    raise MappingUnclear(f"there is no active product {product} at {where}; nothing was written; {remedy}")


def _describe_mapping(mapping: ProductEntry, settings: Settings) -> str:
    place = _place(mapping.establishment, establishment_names(settings))
    return f"{_what_is_mapped(mapping)!r} at establishment {place}"
