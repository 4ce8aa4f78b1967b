"""`map suggest --interactive`: each name in turn: a candidate, a product's id, skip, quit. A choice is kept at once."""

from __future__ import annotations

from pathlib import Path

import typer

from tsrevel.cli.context import CliContext
from tsrevel.cli.map_data import NameReport, UnmappedName
from tsrevel.cli.maps.candidates import candidate_lines, describe
from tsrevel.cli.maps.speak import count_names, say
from tsrevel.cli.maps.survey import establishment_names, mappings_path
from tsrevel.cli.prompts import Terminal
from tsrevel.config import Settings
from tsrevel.config.mappings import MappingKey, set_mapping
from tsrevel.planning.model import ProductId
from tsrevel.planning.products import RevelProduct

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
