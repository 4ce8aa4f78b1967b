"""`map list`, `map suggest`, `map products`, `map set`, `map unset`, `map check`."""

from __future__ import annotations

import unicodedata
from typing import Annotated

import typer

from tsrevel.cli.context import CliContext
from tsrevel.cli.options import LEDGER_EXITS, SERVICE_EXITS, SET_UP, Location, command, group
from tsrevel.text import LARGEST_ID

maps = group("map", SET_UP, "Map TripleSeat names to Revel products.")

_HELD = SERVICE_EXITS | {3: "an event would be held or fail, or runs are paused or disabled"}
_ASKED = SERVICE_EXITS | {3: "runs are paused or disabled, so no service was called"}

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name on the event's lines, in quotes. Case is ignored.")]
Product = Annotated[int, typer.Argument(metavar="PRODUCT", min=1, max=LARGEST_ID, help="The Revel product's id.")]
MenuItem = Annotated[bool, typer.Option("--menu-item", help="NAME is a TripleSeat menu item's id.")]
Establishment = Annotated[
    int | None,
    typer.Option("--establishment", min=1, max=LARGEST_ID, metavar="ID", help="Only at this Revel establishment."),
]
Place = Annotated[
    str | None, typer.Option("--location", metavar="L", help="Only at the establishment of this location (name or id).")
]
Seen = Annotated[bool, typer.Option("--seen", help="Also list the names on coming events and menus.")]
Offline = Annotated[bool, typer.Option("--offline", help="Call no service, and check no product.")]
Days = Annotated[int, typer.Option("--days", min=0, max=366, metavar="N", help="Read the events of the next N days.")]
Interactive = Annotated[
    bool, typer.Option("--interactive", help="Ask about each name on a terminal. Each choice is stored at once.")
]


@command(maps, "list", example="tsrevel map list --seen", exits=_ASKED)
def list_mappings(ctx: CliContext, seen: Seen = False, days: Days = 30, offline: Offline = False) -> int:
    """List the mappings, and whether each product exists.

    With `--seen` it also lists every name on coming events and menus, and how each gets its product: by a mapping of
    its menu item, by a mapping of its name, by a product with exactly that name, or, for a hand-written line, by a
    product with the name before the separator (`orders.name_separator`). Nobody has confirmed products that were found
    in the last two ways. Check them before you go live, and correct wrong ones with `map set`.
    """
    from tsrevel.cli import mappings

    return mappings.list_mappings(ctx, offline=offline, seen=seen, days=days)


@command(maps, example="tsrevel map suggest --interactive", exits=_ASKED)
def suggest(ctx: CliContext, days: Days = 30, location: Location = None, interactive: Interactive = False) -> int:
    """List names without a product, each with likely products.

    It reads menus, coming events, and those of the last days that runs still search. Each candidate has a score from 0
    to 1, with reasons. Nothing is mapped until you choose.
    """
    from tsrevel.cli import mappings

    return mappings.suggest(ctx, days, tuple(location or ()), interactive=interactive)


@command(maps, example='tsrevel map products "ube cake" --location "Special Events"', exits=_ASKED)
def products(
    ctx: CliContext,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Words of the product's name, in any order.")],
    establishment: Establishment = None,
    location: Place = None,
) -> int:
    """Search the active products of your Revel establishments.

    It lists products whose names have all words of TEXT. Case and accents are ignored, and part of a word is enough.
    """
    from tsrevel.cli import mappings

    place = _checked(text, False, establishment, location)
    return mappings.search_products(ctx, place[0], establishment, location)


@command(maps, "set", example='tsrevel map set "Ube Celebration Cake" 8107', exits=_ASKED, acts=True)
def set_product(
    ctx: CliContext,
    name: Name,
    product: Product,
    menu_item: MenuItem = False,
    establishment: Establishment = None,
    location: Place = None,
    offline: Offline = False,
) -> int:
    """Map a name to a product, in mappings.toml beside the settings.

    Without `--establishment` or `--location`, the mapping is for the establishment that has the product. It replaces an
    existing mapping. Everything else in mappings.toml stays as it is.
    """
    from tsrevel.cli import mappings

    target = mappings.MappingTarget(*_checked(name, menu_item, establishment, location))
    return mappings.set_product(ctx, target, product, offline=offline)


@command(maps, example='tsrevel map unset "Ube Celebration Cake"', exits=LEDGER_EXITS, acts=True)
def unset(
    ctx: CliContext,
    name: Name,
    menu_item: MenuItem = False,
    establishment: Establishment = None,
    location: Place = None,
) -> int:
    """Remove a mapping from mappings.toml.

    It calls no service.
    """
    from tsrevel.cli import mappings

    return mappings.unset_product(ctx, mappings.MappingTarget(*_checked(name, menu_item, establishment, location)))


@command(maps, example="tsrevel map check --days 60", exits=_HELD)
def check(ctx: CliContext, days: Days = 30, location: Location = None) -> int:
    """Plan every coming event, and list those that would be held.

    It plans as a run does, but ignores the time gate: events of the last days that runs still search are among them. It
    plans no event that a person has resolved or that has an order. It writes nothing, and needs no ledger.
    """
    from tsrevel.cli import map_check as verb

    return verb.check_coverage(ctx, days, tuple(location or ()))


def _checked(
    name: str, menu_item: bool, establishment: int | None, location: str | None
) -> tuple[str, bool, int | None, str | None]:
    from tsrevel.planning.products import normalise
    from tsrevel.text import clean_text, is_id

    text = clean_text(name)
    if not normalise(text) or any(unicodedata.category(each) in {"Cc", "Cs"} for each in name.strip()):
        raise typer.BadParameter("NAME is empty")
    if menu_item and not is_id(text):
        raise typer.BadParameter(f"with --menu-item, NAME must be the number of a menu item, not {text!r}")
    if establishment is not None and location is not None:
        raise typer.BadParameter("use only one of --establishment and --location")
    return text, menu_item, establishment, location
