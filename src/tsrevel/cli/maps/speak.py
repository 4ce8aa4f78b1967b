"""How `map` speaks: rows in columns for people, one object for programs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.fold import fold
from tsrevel.config import ProductEntry
from tsrevel.planning.money import Cents, show
from tsrevel.planning.products import RevelProduct


def say(ctx: CliContext, *lines: str) -> None:
    """Lines for people, on stdout."""
    for line in lines:
        print(fold(line, ctx.stdout, ctx.environ), file=ctx.stdout)


def count_names(count: int) -> str:
    """ "1 name", "2 names"."""
    return f"{count} name" if count == 1 else f"{count} names"


def lay_out(rows: Sequence[Sequence[str]], indent: int = 0) -> list[str]:
    """The rows as lines, each column as wide as it must be."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        " " * indent
        + "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def shown_price(price: Cents | None) -> str | None:
    """A price as text with two decimals."""
    return None if price is None else show(price)


def what_is_mapped(mapping: ProductEntry) -> str:
    """A mapping's name, or its menu item."""
    return mapping.name or f"menu item {mapping.menu_item_id}"


def encode_mapping(mapping: ProductEntry) -> dict[str, object]:
    """A mapping for --json: ids are strings."""
    return {
        "establishment": str(mapping.establishment),
        "name": mapping.name,
        "menu_item_id": str(mapping.menu_item_id) if mapping.menu_item_id else None,
        "product": str(mapping.product),
    }


def encode_offer(offer: RevelProduct, establishment: int) -> dict[str, object]:
    """A product for --json."""
    return {
        "product": str(offer.id),
        "name": offer.name,
        "establishment": str(establishment),
        "price": shown_price(offer.price),
    }


def reject(ctx: CliContext, flags: OutputOptions, text: str, status: int = 2) -> int:
    """What was asked for isn't done, mostly since it makes no sense: said on stderr, and with --json on stdout."""
    print(fold(f"tsrevel: {text}", ctx.stderr, ctx.environ), file=ctx.stderr)
    if flags.json:
        ctx.answer({"schema": 1, "success": False, "reason": None, "error": text, "exit_status": status})
    return status
