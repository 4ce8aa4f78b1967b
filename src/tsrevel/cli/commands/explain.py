"""`explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import EventId, command
from tsrevel.cli.tree import app


@command(app)
def explain(
    ctx: CliContext,
    flags: OutputOptions,
    event: EventId,
    offline: Annotated[bool, typer.Option("--offline", help="By the ledger alone: no service is called.")] = False,
) -> int:
    """Explain one event: the plan and the decision. Why this document, these lines and products, what to do.

    Both services are read and the engine decides as the next live run would, up to its first write; nothing is written
    anywhere. Exit 0 where it can be told, 12 or 13 where a service doesn't let it.
    """
    from tsrevel.cli import explain as verb

    return verb.explain_event(ctx, flags, event, offline=offline)
