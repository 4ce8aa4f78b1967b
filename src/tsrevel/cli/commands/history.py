"""`history`."""

from __future__ import annotations

from typing import Annotated

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import command
from tsrevel.cli.tree import app


@command(app)
def history(
    ctx: CliContext,
    flags: OutputOptions,
    event: Annotated[str | None, typer.Argument(metavar="[EVENT]", help="A TripleSeat event id.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="So many runs [default: 10], or facts [all].")
    ] = None,
) -> int:
    """Tell what was done, by run or for one event. Attempts, receipts, notices, notes.

    By the ledger alone, like `status`. An event that no run has seen is told as unknown, exit 0.
    """
    from tsrevel.cli import history as verb

    if event is None:
        return verb.show_runs(ctx, flags, limit or 10)
    return verb.show_event(ctx, flags, event, limit)
