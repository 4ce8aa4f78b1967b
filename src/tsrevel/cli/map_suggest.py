"""`map suggest`: the names without a product, each with likely products, as a list or as questions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

import typer

from tsrevel.cli.answers.mapping import CandidateJson, MapSuggestAnswer, NameJson
from tsrevel.cli.answers.model import fill
from tsrevel.cli.context import CliContext
from tsrevel.cli.map_data import NameReport, SeenName, establishment_names, gather, mappings_path, open_survey
from tsrevel.cli.output import Row, TextOutput, columns_of, report_nothing_checked
from tsrevel.cli.prompts import Terminal, may_ask
from tsrevel.config import Settings
from tsrevel.config.mappings import MappingKey, set_mapping
from tsrevel.errors import ConnectorDisabled
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.money import show_grouped
from tsrevel.planning.products import Product
from tsrevel.text import count_of

_MANY = 3
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
                ctx.answer(fill(MapSuggestAnswer, None, unmapped=tuple(map(_answer, found.wanted)), **found.describe()))
            else:
                _show(TextOutput(ctx, survey.settings), found, establishment_names(survey.settings))
    except ConnectorDisabled as why:
        return report_nothing_checked(ctx, str(why))
    return 0


def _show(page: TextOutput, found: NameReport, places: Mapping[EstablishmentId, str]) -> None:
    for wanted in found.wanted:
        product = wanted.candidates[0].offer.id if wanted.candidates else "PRODUCT"
        name = wanted.menu_item_id or shlex.quote(wanted.name)
        options = ["--menu-item"] * bool(wanted.menu_item_id) + ["--"] * name.startswith(("-", "'-"))
        place = f"--establishment {wanted.establishment}"
        page.line(_describe(wanted, places, named=page.is_terminal))
        _show_candidates(page, wanted)
        page.command(["tsrevel map set", place, *options, name, str(product)], indent=6)
        page.line()
    days = f"on events from {found.span.first} to {found.span.last}" + ("" if found.menus_unread else " or on menus")
    page.line(f"{count_of(len(found.wanted), 'name')} without a product {days}")


def _describe(wanted: SeenName, places: Mapping[EstablishmentId, str], *, named: bool) -> str:
    """A name, its establishment, and where it was seen; `named`: with the names of the events."""
    item = f", menu item {wanted.menu_item_id}" if wanted.menu_item_id else ""
    place = places.get(wanted.establishment)
    where = f"establishment {wanted.establishment}" + (f", {place}" if place else "")
    events = [f"{event} {name}".rstrip() if named else event for event, name in wanted.events.items()]
    listed = ", ".join(events[:_MANY]) + (", …" if len(events) > _MANY else "")
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
        price = show_grouped(each.offer.price) if each.offer.price is not None else ""
        score = f"{each.score / 100:.2f}"
        rows.append(Row((f"{number}", score, str(each.offer.id), each.offer.name, price, ", ".join(each.why))))
    page.table(_CANDIDATE_COLUMNS, rows, indent=4, bare=True)


def _answer(wanted: SeenName) -> NameJson:
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
        page.line(f"{number} of {len(found.wanted)}: {_describe(wanted, places, named=True)}")
        _show_candidates(page, wanted)
        choice = _ask(terminal, wanted, found.offers[wanted.establishment])
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


def _ask(terminal: Terminal, wanted: SeenName, offers: Mapping[ProductId, Product]) -> Product | str:
    """The product chosen, "skip" or "quit"."""

    def check(answer: str) -> str:
        return "" if _read(answer, wanted, offers) else f"{answer!r} is neither a choice nor an active product."

    most = len(wanted.candidates)
    choices = ("1, " if most == 1 else f"1 to {most}, ") if most else ""
    try:
        answer = terminal.ask(f"  {choices}a product's id, s to skip, q to quit", "s", check)
    except typer.BadParameter:  # the input ended
        terminal.say()
        return "quit"
    return _read(answer, wanted, offers) or "skip"


def _read(answer: str, wanted: SeenName, offers: Mapping[ProductId, Product]) -> Product | str | None:
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
