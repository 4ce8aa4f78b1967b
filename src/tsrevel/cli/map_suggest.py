"""`map suggest`: the names that have no product, each with the likeliest ones; to be shown, or gone through."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

import typer

from tsrevel.cli.answers.mapping import CandidateJson, MapSuggestAnswer, NameJson
from tsrevel.cli.answers.model import fill
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.map_data import NameReport, SeenName, establishment_names, gather, mappings_path, open_survey
from tsrevel.cli.output import count_names, lay_out, report_nothing_checked, say
from tsrevel.cli.prompts import Terminal, may_ask
from tsrevel.config import Settings
from tsrevel.config.mappings import MappingKey, set_mapping
from tsrevel.errors import ConnectorDisabled
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.money import show
from tsrevel.planning.products import RevelProduct

_MANY = 3
"""So many events are named of those that a name is on; --json names all."""


def suggest(
    ctx: CliContext, flags: OutputOptions, days: int, only: Sequence[str] = (), *, interactive: bool = False
) -> int:
    """Show what has no product, or with `interactive` ask about each; raises BadParameter off a terminal."""
    if interactive and not may_ask(ctx, flags):
        text = (
            "--interactive asks questions: it needs a terminal, and neither --json nor -q; leave it out to see them all"
        )
        raise typer.BadParameter(text)
    try:
        with open_survey(ctx, flags, only) as survey:
            found = gather(ctx, flags, survey, days)
            if interactive:
                walk_through(ctx, survey.settings, found)
            elif flags.json:
                ctx.answer(fill(MapSuggestAnswer, None, unmapped=tuple(map(_answer, found.wanted)), **found.describe()))
            else:
                _show(ctx, found, establishment_names(survey.settings))
    except ConnectorDisabled as why:
        return report_nothing_checked(ctx, flags, str(why))
    return 0


def _show(ctx: CliContext, found: NameReport, places: Mapping[EstablishmentId, str]) -> None:
    for wanted in found.wanted:
        product = wanted.candidates[0].offer.id if wanted.candidates else "PRODUCT"
        option = "--menu-item " if wanted.menu_item_id else ""
        name = wanted.menu_item_id or shlex.quote(wanted.name)
        dashes = "-- " if name.startswith(("-", "'-")) else ""
        remedy = f"tsrevel map set --establishment {wanted.establishment} {option}{dashes}{name} {product}"
        say(ctx, _describe(wanted, places), *_candidate_lines(wanted), f"      {remedy}", "")
    days = f"on events from {found.span.first} to {found.span.last}" + ("" if found.menus_unread else " or on menus")
    say(ctx, f"{count_names(len(found.wanted))} without a product {days}")


def _describe(wanted: SeenName, places: Mapping[EstablishmentId, str]) -> str:
    """A name, where it has no product, and where it was seen."""
    item = f", menu item {wanted.menu_item_id}" if wanted.menu_item_id else ""
    place = places.get(wanted.establishment)
    where = f"establishment {wanted.establishment}" + (f", {place}" if place else "")
    events = list(wanted.events)
    listed = ", ".join(events[:_MANY]) + (", …" if len(events) > _MANY else "")
    seen = [f"{len(events)} event{'s' if len(events) > 1 else ''}: {listed}"] if events else []
    seen += [f"on {', '.join(wanted.menus)}"] if wanted.menus else []
    seen += [f"at {', '.join(map(show, wanted.prices))}"] if wanted.prices else []
    return f"{wanted.name}{item} ({where}; {'; '.join(seen)}): {wanted.why}"


def _candidate_lines(wanted: SeenName) -> list[str]:
    """The candidates, numbered from 1."""
    if not wanted.candidates:
        return ["    nothing in the catalogue is like it: look for its product's id in Revel"]
    rows = []
    for number, each in enumerate(wanted.candidates, 1):
        price = "" if each.offer.price is None else show(each.offer.price)
        score = f"{each.score / 100:.2f}"
        rows.append((f"{number}", score, str(each.offer.id), each.offer.name, price, ", ".join(each.why)))
    return lay_out(rows, indent=4)


def _answer(wanted: SeenName) -> NameJson:
    candidates = tuple(
        fill(CandidateJson, each.offer, establishment=wanted.establishment, score=each.score / 100, why=each.why)
        for each in wanted.candidates
    )
    return fill(NameJson, wanted, candidates=candidates, **wanted.describe())


def walk_through(ctx: CliContext, settings: Settings, found: NameReport) -> None:
    """Ask about each name, write each choice, and tell on stdout how many were mapped. The input's end is quitting."""
    terminal, path = Terminal(ctx), mappings_path(settings)
    places = establishment_names(settings)
    mapped = 0
    for number, wanted in enumerate(found.wanted, 1):
        terminal.say(f"\n{number} of {len(found.wanted)}: {_describe(wanted, places)}")
        for line in _candidate_lines(wanted):
            terminal.say(line)
        choice = _ask(terminal, wanted, found.offers[wanted.establishment])
        if choice == "quit":
            break
        if isinstance(choice, RevelProduct):
            item = int(wanted.menu_item_id) if wanted.menu_item_id else None
            key = MappingKey(wanted.establishment, None if item else wanted.name, item)
            set_mapping(path, key, choice.id, like=settings.config_path, sandbox=settings.environment == "sandbox")
            terminal.say(f"  {wanted.name} is now {choice.id} {choice.name}")
            mapped += 1
    left = len(found.wanted) - mapped
    say(ctx, f"{count_names(mapped)} mapped, {left} still without a product", f"({path})")


def _ask(terminal: Terminal, wanted: SeenName, offers: Mapping[ProductId, RevelProduct]) -> RevelProduct | str:
    """The product chosen, "skip" or "quit"."""

    def check(answer: str) -> str:
        return "" if _read(answer, wanted, offers) else f"{answer!r} is neither a choice nor an active product there."

    most = len(wanted.candidates)
    choices = ("1, " if most == 1 else f"1 to {most}, ") if most else ""
    try:
        answer = terminal.ask(f"  {choices}a product's id, s to skip, q to quit", "s", check)
    except typer.BadParameter:  # the input ended
        terminal.say()
        return "quit"
    return _read(answer, wanted, offers) or "skip"


def _read(answer: str, wanted: SeenName, offers: Mapping[ProductId, RevelProduct]) -> RevelProduct | str | None:
    """What an answer means; None where it means nothing. "=3" is product 3, "3" the third candidate if there is one."""
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
