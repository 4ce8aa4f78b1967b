"""`status`, `history`, `explain`, `resolve`, `reconcile`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import app, command

EventId = Annotated[str, typer.Argument(metavar="EVENT", help="A TripleSeat event id.")]
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
