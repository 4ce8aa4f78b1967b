"""`map suggest`: the names that have no product, each with the likeliest ones; to be shown, or gone through."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.map_data import (
    DayRange,
    NameReport,
    UnmappedName,
    establishment_names,
    gather,
    mappings_path,
    open_survey,
    tell_what_is_left_out,
    unless_switched_off,
)
from tsrevel.cli.output import count_names, encode_offer, lay_out, say, show_progress, shown_price
from tsrevel.cli.prompts import Terminal, may_ask
from tsrevel.config import Settings
from tsrevel.config.mappings import MappingKey, set_mapping
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.money import show
from tsrevel.planning.products import RevelProduct, Suggestion

_MANY = 3
"""So many events are named of those that a name is on; --json names all."""


def describe(wanted: UnmappedName, places: Mapping[EstablishmentId, str]) -> str:
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


def candidate_lines(wanted: UnmappedName) -> list[str]:
    """The candidates, numbered from 1."""
    rows = [
        (f"{n}", _score(each), str(each.offer.id), each.offer.name, _price(each), ", ".join(each.why))
        for n, each in enumerate(wanted.candidates, 1)
    ]
    nothing = "    nothing in the catalogue is like it: look for its product's id in Revel"
    return lay_out(rows, indent=4) if rows else [nothing]


def _score(candidate: Suggestion) -> str:
    return f"{candidate.score / 100:.2f}"


def _price(candidate: Suggestion) -> str:
    return shown_price(candidate.offer.price) or ""


@unless_switched_off
def suggest(
    ctx: CliContext, flags: OutputOptions, days: int, only: Sequence[str] = (), *, interactive: bool = False
) -> int:
    """Show what has no product, or with `interactive` ask about each; raises BadParameter off a terminal."""
    if interactive and not may_ask(ctx, flags):
        text = (
            "--interactive asks questions: it needs a terminal, and neither --json nor -q; leave it out to see them all"
        )
        raise typer.BadParameter(text)
    with open_survey(ctx, flags, only) as survey:
        span = survey.span(days)
        with show_progress(ctx, flags) as progress:
            found = gather(survey, span, progress)
        tell_what_is_left_out(ctx, found)
        if interactive:
            walk_through(ctx, survey.settings, found)
        elif flags.json:
            ctx.answer(_encode_suggestions(span, found))
        else:
            _show(ctx, span, found, establishment_names(survey.settings))
    return 0


def _show(ctx: CliContext, span: DayRange, found: NameReport, places: Mapping[EstablishmentId, str]) -> None:
    for wanted in found.wanted:
        say(ctx, describe(wanted, places), *candidate_lines(wanted), f"      {_remedy(wanted)}", "")
    days = f"on events from {span.first} to {span.last}" + (" or on menus" if not found.menus_unread else "")
    say(ctx, f"{count_names(len(found.wanted))} without a product {days}")


def _remedy(wanted: UnmappedName) -> str:
    product = wanted.candidates[0].offer.id if wanted.candidates else "PRODUCT"
    option = "--menu-item " if wanted.menu_item_id else ""
    name = wanted.menu_item_id or shlex.quote(wanted.name)
    dashes = "-- " if name.startswith(("-", "'-")) else ""
    return f"tsrevel map set --establishment {wanted.establishment} {option}{dashes}{name} {product}"


def _encode_suggestions(span: DayRange, found: NameReport) -> dict[str, object]:
    return {
        "schema": 1,
        "success": True,
        "days": span.days,
        "from": span.first.isoformat(),
        "to": span.last.isoformat(),
        "menus_error": found.menus_unread,
        "events_left_out": [{"event": event, "error": why} for event, why in found.unread.items()],
        "unmapped": [_encode_wanted(each) for each in found.wanted],
    }


def _encode_wanted(wanted: UnmappedName) -> dict[str, object]:
    return {
        "establishment": str(wanted.establishment),
        "name": wanted.name,
        "menu_item_id": wanted.menu_item_id,
        "why": wanted.why,
        "events": list(wanted.events),
        "menus": list(wanted.menus),
        "prices": [show(price) for price in wanted.prices],
        "candidates": [
            {**encode_offer(each.offer, wanted.establishment), "score": each.score / 100, "why": list(each.why)}
            for each in wanted.candidates
        ],
    }


_SKIP, _QUIT = {"s", "skip"}, {"q", "quit"}


def walk_through(ctx: CliContext, settings: Settings, found: NameReport) -> None:
    """Ask about each name, write each choice, and tell on stdout how many were mapped. The input's end is quitting."""
    terminal, path = Terminal(ctx), mappings_path(settings)
    places = establishment_names(settings)
    mapped = 0
    for number, wanted in enumerate(found.wanted, 1):
        terminal.say(f"\n{number} of {len(found.wanted)}: {describe(wanted, places)}")
        for line in candidate_lines(wanted):
            terminal.say(line)
        choice = _ask(terminal, wanted, found.offers[wanted.establishment])
        if choice == "quit":
            break
        if isinstance(choice, RevelProduct):
            _write(path, settings, wanted, choice)
            terminal.say(f"  {wanted.name} is now {choice.id} {choice.name}")
            mapped += 1
    left = len(found.wanted) - mapped
    say(ctx, f"{count_names(mapped)} mapped, {left} still without a product", f"({path})")


def _ask(terminal: Terminal, wanted: UnmappedName, offers: dict[ProductId, RevelProduct]) -> RevelProduct | str:
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


def _read(answer: str, wanted: UnmappedName, offers: dict[ProductId, RevelProduct]) -> RevelProduct | str | None:
    """What an answer means; None where it means nothing. "=3" is product 3, "3" the third candidate if there is one."""
    word = answer.strip().lower()
    if word in _SKIP | _QUIT:
        return "skip" if word in _SKIP else "quit"
    digits = word.removeprefix("=")
    if not (digits.isascii() and digits.isdigit()):
        return None
    if word == digits and 1 <= int(digits) <= len(wanted.candidates):
        return wanted.candidates[int(digits) - 1].offer
    return offers.get(ProductId(int(digits)))


def _write(path: Path, settings: Settings, wanted: UnmappedName, offer: RevelProduct) -> None:
    item = int(wanted.menu_item_id) if wanted.menu_item_id else None
    subject = MappingKey(wanted.establishment, None if item else wanted.name, item)
    set_mapping(path, subject, offer.id, like=settings.config_path, sandbox=settings.environment == "sandbox")
