"""`status`, `history`, `explain`, `reconcile`, `resolve`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from tsrevel.cli.completion import complete_event
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import CARE, LEDGER_EXITS, LOCK_EXITS, LOOK, SERVICE_EXITS, app, command

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
    typer.Option("--html", metavar="FILE", help="Also write an HTML page. It replaces only an earlier such page."),
]


@command(
    app,
    panel=LOOK,
    example="tsrevel status",
    exits=LEDGER_EXITS | {3: "with `--all`: an installation needs a person, is paused, or had no good run lately"},
)
def status(
    ctx: CliContext,
    flags: OutputOptions,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="Show so many runs.")] = 5,
    folder: Annotated[
        Path | None, typer.Option("--all", metavar="DIR", help="A line for each settings file in DIR and DIR/*.")
    ] = None,
) -> int:
    """Show the last runs, and the events that need a person.

    It lists events that are held, failed, missed, begun or due next. It reads the ledger alone: no service is called,
    no lock is taken, and it works during a run. Off a terminal it prints a line for each thing, with `-q` only what
    needs a person. With `--all` the exit status is that of the worst installation.
    """
    if folder:
        from tsrevel.cli.status_all import show_all

        return show_all(ctx, flags, folder)
    from tsrevel.cli.status import show_status

    return show_status(ctx, flags, limit)


@command(app, panel=LOOK, example="tsrevel history 64000003", exits=LEDGER_EXITS)
def history(
    ctx: CliContext,
    flags: OutputOptions,
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
            "--limit", min=1, metavar="N", help="So many runs, or audit rows of the event. [default: 10 runs, all rows]"
        ),
    ] = None,
) -> int:
    """Show the last runs, one run, or one event.

    For an event: its attempts, receipts, notices and notes. For a run: what it did to which event. It reads the ledger
    alone. A number that is neither an event nor a run in the ledger is reported as unknown, with exit status 0.
    """
    from tsrevel.cli import history as verb

    if name is None:
        return verb.show_runs(ctx, flags, limit or 10)
    return verb.show_one(ctx, flags, name, limit)


@command(
    app,
    panel=LOOK,
    example="tsrevel explain 64000003",
    exits=SERVICE_EXITS | {0: "the event is explained, whatever was decided"},
)
def explain(
    ctx: CliContext,
    flags: OutputOptions,
    event: EventId,
    offline: Annotated[bool, typer.Option("--offline", help="Use the ledger alone. Call no service.")] = False,
) -> int:
    """Explain what is done with one event, and why.

    It shows the document, the lines with their products, the total, the decision and what to do. Both services are
    read, and the engine decides as the next live run would, up to its first write. Nothing is written anywhere.
    """
    from tsrevel.cli import explain as verb

    return verb.explain_event(ctx, flags, event, offline=offline)


@command(
    app,
    panel=LOOK,
    example="tsrevel reconcile --from 2026-12-14 --to 2026-12-20",
    exits=SERVICE_EXITS
    | {
        0: "everything agrees",
        3: "there are differences, or runs are paused or disabled and nothing was compared",
        14: "an event has two orders, or an order's money isn't what was written",
    },
)
def reconcile(
    ctx: CliContext, flags: OutputOptions, first: _First = None, last: _Last = None, html: _Page = None
) -> int:
    """Compare TripleSeat, ledger and Revel, to the cent.

    Every difference is explained, and none is changed.
    """
    from tsrevel.cli import reconcile as verb

    days = (first.date() if first else None, last.date() if last else None)
    if days[0] and days[1] and days[1] < days[0]:
        raise typer.BadParameter("--to is before --from")
    return verb.reconcile(ctx, flags, *days, html)


@command(
    app,
    panel=CARE,
    example='tsrevel resolve 64000003 --as done --order 5550101 --note "entered by hand"',
    exits=SERVICE_EXITS | LOCK_EXITS | {3: "the event can't be reopened: Revel has its order, or doesn't answer"},
    acts=True,
)
def resolve(
    ctx: CliContext,
    flags: OutputOptions,
    event: EventId,
    word: Annotated[
        Literal["done", "ignored", "open"],
        typer.Option("--as", help="done: it has its order. ignored: it needs no order. open: runs process it again."),
    ],
    note: Annotated[
        str,
        typer.Option("--note", metavar="T", help="Your action and its reason, without customers' names. It is stored."),
    ] = "",
    order: Annotated[
        str | None, typer.Option("--order", metavar="ID", help="With done: the event's Revel order.")
    ] = None,
    no_order_exists: Annotated[
        bool,
        typer.Option(
            "--no-order-exists", help="With open, after done without --order: you checked Revel, and it has no order."
        ),
    ] = False,
) -> int:
    """Settle an event by hand, so runs leave it alone.

    The event may be held, failed, missed or disputed. `--as open` undoes it. Nothing is written to Revel. An event
    resolved with `--order` is opened again once Revel no longer has any order that was named for it.
    """
    from tsrevel.cli import resolve as verb

    return verb.resolve(ctx, flags, event, verb.ResolveOptions(word, note, order, no_order_exists))
