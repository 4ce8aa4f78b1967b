"""`resolve`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import EventId, command
from tsrevel.cli.tree import app


@command(app, acts=True)
def resolve(
    ctx: CliContext,
    flags: OutputOptions,
    event: EventId,
    word: Annotated[
        Literal["done", "ignored", "open"],
        typer.Option(
            "--as", help="done: it has what it needs; ignored: no order is wanted; open: runs see to it again."
        ),
    ],
    note: Annotated[
        str, typer.Option("--note", metavar="T", help="What was done and why; no customers' names: it is kept.")
    ] = "",
    order: Annotated[
        str | None, typer.Option("--order", metavar="ID", help="With done: the Revel order that the event has.")
    ] = None,
    no_order_exists: Annotated[
        bool,
        typer.Option("--no-order-exists", help="With open, after done without --order: you looked, there is none."),
    ] = False,
) -> int:
    """Settle an event by hand: runs leave it be. It may be held, failed, missed or disputed; `--as open` undoes it.

    Nothing is written to Revel. An event resolved with --order is opened again once Revel no longer has any order that
    was named for it.
    """
    from tsrevel.cli import resolve as verb

    return verb.resolve(ctx, flags, event, verb.ResolveOptions(word, note, order, no_order_exists))
