"""`map list`, `map suggest`, `map set`, `map unset`, `map check`."""

from __future__ import annotations

import unicodedata
from typing import Annotated

import typer

from tsrevel.cli.arguments import is_id
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import Location, app, command

maps = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Say which Revel product a TripleSeat name is. It is kept in mappings.toml, beside the settings.",
)
app.add_typer(maps, name="map")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name on the event's lines, in quotes; case is ignored.")]
Product = Annotated[int, typer.Argument(metavar="PRODUCT", min=1, help="The Revel product's id.")]
MenuItem = Annotated[bool, typer.Option("--menu-item", help="NAME is a TripleSeat menu item's id.")]
Establishment = Annotated[
    int | None, typer.Option("--establishment", min=1, metavar="ID", help="At this Revel establishment.")
]
Place = Annotated[
    str | None, typer.Option("--location", metavar="L", help="At the establishment of this location, by name or id.")
]
Seen = Annotated[
    bool, typer.Option("--seen", help="Also the names on events of the next --days and on menus, and their products.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Ask no service: nothing is said about products.")]
Unchecked = Annotated[bool, typer.Option("--offline", help="Ask no service: the product isn't checked.")]
Days = Annotated[int, typer.Option("--days", min=0, max=366, metavar="N", help="Look so many days ahead.")]
Interactive = Annotated[
    bool, typer.Option("--interactive", help="Go through them one by one, on a terminal; each choice is kept at once.")
]


@command(maps, "list")
def list_mappings(
    ctx: CliContext, flags: OutputOptions, seen: Seen = False, days: Days = 30, offline: Offline = False
) -> int:
    """Show the mappings, and whether each product exists.

    With --seen also every name on coming events and on menus, and by what it has its product now: a mapping by menu
    item, a mapping by name, or a product of exactly that name, or of that before the separator (orders.name_separator)
    of a hand-written line. The last two nobody has said: look these through before you go live, and map what is wrong
    with `map set`.

    With --json: {"path", "mappings": [{"establishment", "name", "menu_item_id", "product", "exists": true, false, or
    null if not asked, "product_name", "price"}]}; with --seen also {"days", "from", "to", "menus_error",
    "events_left_out", "seen": [{"establishment", "name", "menu_item_id", "matched_by": "menu_item", "name",
    "exact_name", "name_before_separator", or null without a product, "why", "product", "product_name", "price",
    "events", "menus", "prices"}]}.
    """
    from tsrevel.cli import map_list

    return map_list.list_mappings(ctx, flags, offline=offline, seen=seen, days=days)


@command(maps)
def suggest(
    ctx: CliContext, flags: OutputOptions, days: Days = 30, location: Location = None, interactive: Interactive = False
) -> int:
    """Show the names that have no product, on coming events and on menus, each with likely products.

    A suggestion is only that: nothing is mapped until you say so. Candidates have a score from 0 to 1, and why.
    """
    from tsrevel.cli import map_suggest as verb

    return verb.suggest(ctx, flags, days, tuple(location or ()), interactive=interactive)


@command(maps, "set", acts=True)
def set_product(
    ctx: CliContext,
    flags: OutputOptions,
    name: Name,
    product: Product,
    menu_item: MenuItem = False,
    establishment: Establishment = None,
    location: Place = None,
    offline: Unchecked = False,
) -> int:
    """Map a name to a product. Without --establishment or --location the product itself tells where.

    A mapping that is there already is changed. Whatever else stands in mappings.toml stays as it is.
    """
    from tsrevel.cli import map_edit

    target = map_edit.MappingTarget(*_checked(name, menu_item, establishment, location))
    return map_edit.set_product(ctx, flags, target, product, offline=offline)


@command(maps, acts=True)
def unset(
    ctx: CliContext,
    flags: OutputOptions,
    name: Name,
    menu_item: MenuItem = False,
    establishment: Establishment = None,
    location: Place = None,
) -> int:
    """Take a mapping out of mappings.toml. No service is asked."""
    from tsrevel.cli import map_edit

    return map_edit.unset_product(
        ctx, flags, map_edit.MappingTarget(*_checked(name, menu_item, establishment, location))
    )


@command(maps)
def check(ctx: CliContext, flags: OutputOptions, days: Days = 30, location: Location = None) -> int:
    """Plan every coming event as a run would, whatever its day, and tell what would be held: exit 3, else 0.

    Nothing is written, and no ledger is needed.
    """
    from tsrevel.cli import map_check as verb

    return verb.check_coverage(ctx, flags, days, tuple(location or ()))


def _checked(
    name: str, menu_item: bool, establishment: int | None, location: str | None
) -> tuple[str, bool, int | None, str | None]:
    from tsrevel.planning.products import normalise
    from tsrevel.text import clean_text

    text = clean_text(name)
    if not normalise(text) or any(unicodedata.category(each) in {"Cc", "Cs"} for each in name.strip()):
        raise typer.BadParameter("NAME is empty, or no text")
    if menu_item and not is_id(text):
        raise typer.BadParameter(f"with --menu-item, NAME is a menu item's id, a whole number; {text!r} is none")
    if establishment is not None and location is not None:
        raise typer.BadParameter("give --establishment or --location, one of them")
    return text, menu_item, establishment, location
