"""`status`."""

from __future__ import annotations

from typing import Annotated

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import command
from tsrevel.cli.tree import app


@command(app)
def status(
    ctx: CliContext,
    flags: OutputOptions,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="Show so many runs.")] = 5,
) -> int:
    """Tell how things stand, from the ledger alone. Last runs, what is held, failed, missed, begun, due next.

    By the ledger alone: no service is called, no lock taken, a run may go on meanwhile. Exit 0 whatever it tells. Off a
    terminal a line for each thing; with -q only what needs a person.
    """
    from tsrevel.cli import status as verb

    return verb.show_status(ctx, flags, limit)
