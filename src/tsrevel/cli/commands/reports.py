"""`status`, `history`, `explain`, `reconcile`, `resolve`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from tsrevel.cli.context import CliContext
from tsrevel.cli.options import (
    CARE,
    LEDGER_EXITS,
    LOCK_EXITS,
    LOOK,
    SERVICE_EXITS,
    app,
    command,
    complete_event,
    new_file,
)

EventId = Annotated[str, typer.Argument(metavar="EVENT", help="A TripleSeat event id.", autocompletion=complete_event)]
_First = Annotated[
    datetime | None,
    typer.Option(
        "--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First event day. [default: 6 days before --to]"
    ),
]
_Last = Annotated[
    datetime | None,
    typer.Option(
        "--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last event day. [default: today at each location]"
    ),
]
_Page = Annotated[
    Path | None,
    typer.Option(
        "--html", metavar="FILE", callback=new_file, help="Also write an HTML page. It overwrites only an earlier one."
    ),
]


@command(
    app,
    panel=LOOK,
    example="tsrevel status",
    exits=LEDGER_EXITS
    | {
        3: "with `--all`: an installation needs a person, is paused, or had no good run recently",
        14: "with `--all`: a person must check an order; or the ledger is damaged",
    },
)
def status(
    ctx: CliContext,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="Show up to N runs.")] = 5,
    folder: Annotated[
        Path | None, typer.Option("--all", metavar="DIR", help="Print a line for each settings file in DIR and DIR/*.")
    ] = None,
) -> int:
    """Show the last runs, and the events that need a person.

    It lists events that are held, failed, missed, begun or due next. It reads only the ledger: it calls no service,
    takes no lock, and works during a run. Without a terminal it prints one line for each item, and with `-q` only those
    that need a person. With `--all` it ends with the exit status of the worst installation.
    """
    from tsrevel.cli import status as verb

    return verb.show_all(ctx, folder) if folder else verb.show_status(ctx, limit)


@command(app, panel=LOOK, example="tsrevel history 64000003", exits=LEDGER_EXITS)
def history(
    ctx: CliContext,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[EVENT|RUN]",
            help="A TripleSeat event id, or a run by its id or correlation id (sync-1a2b3c4d).",
            autocompletion=complete_event,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=1,
            max=1_000_000,
            metavar="N",
            help="Show up to N runs, or N audit rows. [default: 10 runs, all rows]",
        ),
    ] = None,
) -> int:
    """Show the last runs, one run, or one event.

    For an event it shows attempts, receipts, notices and notes. For a run it shows the events that it injected, held
    or failed, or first found missed or changed. It reads only the ledger.
    """
    from tsrevel.cli import history as verb

    if name is None:
        return verb.show_runs(ctx, limit or 10)
    return verb.show_one(ctx, name, limit)


@command(
    app,
    panel=LOOK,
    example="tsrevel explain 64000003",
    exits=SERVICE_EXITS | {0: "the event is explained, whatever the decision"},
)
def explain(
    ctx: CliContext,
    event: EventId,
    offline: Annotated[bool, typer.Option("--offline", help="Use only the ledger. Call no service.")] = False,
) -> int:
    """Explain the decision on one event, and what to do.

    It shows the document, the lines with their products, the total, the decision and its reason. It reads both
    services, and decides as the next live run would up to its first write. It writes nothing.
    """
    from tsrevel.cli import explain as verb

    return verb.explain_event(ctx, event, offline=offline)


@command(
    app,
    panel=LOOK,
    example="tsrevel reconcile --from 2026-12-14 --to 2026-12-20",
    exits=SERVICE_EXITS
    | {
        0: "everything agrees, or a person resolved what differs",
        3: "there are differences, or runs are paused or disabled and nothing was compared",
        14: "an event has two orders, or an order's money isn't what was written",
    },
)
def reconcile(ctx: CliContext, first: _First = None, last: _Last = None, html: _Page = None) -> int:
    """Compare TripleSeat, ledger and Revel, to the cent.

    It explains every difference, and changes nothing.
    """
    from tsrevel.cli import reconcile as verb

    days = (first.date() if first else None, last.date() if last else None)
    if any(day and not 2000 <= day.year < 2100 for day in days):
        raise typer.BadParameter("--from and --to must be days from 2000 to 2099")
    if days[0] and days[1] and days[1] < days[0]:
        raise typer.BadParameter("--to is before --from")
    return verb.reconcile(ctx, *days, html)


@command(
    app,
    panel=CARE,
    example='tsrevel resolve 64000003 --as done --order 5550101 --note "entered by hand"',
    exits=SERVICE_EXITS
    | LOCK_EXITS
    | {
        2: "the command line is wrong or names something that doesn't exist, or Revel has two orders of the event",
        3: "the event can't be reopened: Revel has its order, or doesn't answer",
    },
    acts=True,
)
def resolve(
    ctx: CliContext,
    event: EventId,
    word: Annotated[
        Literal["done", "ignored", "open"],
        typer.Option("--as", help="done: it has its order. ignored: it needs no order. open: runs process it again."),
    ],
    note: Annotated[
        str,
        typer.Option("--note", metavar="T", help="Say what you did and why, without customers' names. It is stored."),
    ] = "",
    order: Annotated[
        str | None,
        typer.Option(
            "--order",
            metavar="ID",
            help="With done: the event's Revel order, at its location. No other event may have it.",
        ),
    ] = None,
    no_order_exists: Annotated[
        bool,
        typer.Option(
            "--no-order-exists", help="With open, after done without --order: you checked that Revel has no order."
        ),
    ] = False,
) -> int:
    """Settle an event by hand, so runs leave it alone.

    The event may be held, failed, missed or disputed. It writes nothing to Revel. Runs report each later change of
    the event. `--as open` undoes it. An event resolved with `--order` can be opened again only after every order that
    was named for it is gone from Revel, except for one of tsrevel's own. If tsrevel finished an order for the event,
    no run makes another. If someone else made its order, the next run searches Revel again.
    """
    from tsrevel.cli import resolve as verb

    return verb.resolve(ctx, event, verb.ResolveOptions(word, note, order, no_order_exists))
