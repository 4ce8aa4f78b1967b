"""`reconcile`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import command
from tsrevel.cli.tree import app

_First = Annotated[
    datetime | None,
    typer.Option(
        "--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First event day [default: 6 days before --to]."
    ),
]
_Last = Annotated[
    datetime | None,
    typer.Option(
        "--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last event day [default: each location's today]."
    ),
]
_Page = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Also write a page to read and print; replaces an earlier one alone."),
]


@command(app)
def reconcile(
    ctx: CliContext, flags: OutputOptions, first: _First = None, last: _Last = None, html: _Page = None
) -> int:
    """Compare TripleSeat, ledger and Revel, to the cent. Every difference is explained, none is changed.

    Exit 0 only when all agree. 14: two orders for an event, or an order whose money isn't what was written; 3: any
    other difference, or nothing could be compared as runs are paused or disabled. With --json: {"schema", "success",
    "exit_status", "from", "to", "ledger", "summary", "locations": [{"location", "establishment", "timezone", "days":
    [{"date", "agrees", "tripleseat", "ledger", "revel"}]}], "differences", "notes": [{"kind", "reason", "event_id",
    "revel_order_ids", "date", "location", "establishment", "field", "tripleseat", "ledger", "revel", "text"}]}.
    """
    from tsrevel.cli import reconcile as verb

    days = (first.date() if first else None, last.date() if last else None)
    if days[0] and days[1] and days[1] < days[0]:
        raise typer.BadParameter("--to is before --from")
    return verb.reconcile(ctx, flags, *days, html)
